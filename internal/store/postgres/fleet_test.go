package postgres

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/pgpool"
	"syncline.dev/syncline/internal/pgtest"
	"syncline.dev/syncline/internal/store"
	"syncline.dev/syncline/internal/store/relational"
)

func openTest(t testing.TB, url string) *Store {
	t.Helper()
	s, err := Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// psql runs a statement as an operator would.
func psql(t testing.TB, url, statement string, args ...any) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	if _, err := conn.Exec(t.Context(), statement, args...); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

func wantMessage(t *testing.T, err error, part string) {
	t.Helper()
	if syncline.CodeOf(err) != syncline.CodeUnavailable || !strings.Contains(syncline.MessageOf(err), part) {
		t.Fatalf("got %v (%s), want a message with %q", err, syncline.CodeOf(err), part)
	}
}

func user(name string) syncline.User {
	return syncline.User{Name: name, Role: syncline.RoleAdministrator, CreatedAt: time.Unix(1, 0)}
}

// Ten nodes start at once on an empty database.
func TestTenStartAtOnce(t *testing.T) {
	url := pgtest.New(t)
	ids := make([]syncline.ID, 10)
	var all sync.WaitGroup
	for i := range ids {
		all.Go(func() {
			s, err := Open(t.Context(), url)
			if err != nil {
				t.Error(err)
				return
			}
			defer s.Close()
			if ids[i], err = s.InstallationID(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	for _, id := range ids {
		if id == "" || id != ids[0] {
			t.Fatalf("the nodes see the installations %v", ids)
		}
	}
}

// Ten nodes bring the same database up to date at once, and each change is made once.
func TestTenUpgradeAtOnce(t *testing.T) {
	url := pgtest.New(t)
	openTest(t, url)
	known, err := programMigrations()
	if err != nil {
		t.Fatal(err)
	}
	next := append(known[:len(known):len(known)], migration{known.latest() + 1, 1, `CREATE TABLE more (n BIGINT); INSERT INTO more VALUES (1);`})
	var all sync.WaitGroup
	for range 10 {
		all.Go(func() {
			pool, err := pgpool.Open(url)
			if err == nil {
				defer pool.Close()
				err = migrate(t.Context(), pool, next)
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	psql(t, url, `DO $$ BEGIN ASSERT (SELECT count(*) FROM syncline.more) = 1; END $$`)
	openTest(t, url) // a node of the version before works beside them
}

// A migration that fails leaves nothing of itself and of those before it.
func TestMigrationIsAllOrNothing(t *testing.T) {
	url := pgtest.New(t)
	s := openTest(t, url)
	known, err := programMigrations()
	if err != nil {
		t.Fatal(err)
	}
	wrong := append(known[:len(known):len(known)],
		migration{known.latest() + 1, 1, `CREATE TABLE more (n BIGINT);`}, migration{known.latest() + 2, 1, `CREATE TABLE more (n BIGINT);`})
	if err := migrate(t.Context(), s.pool, wrong); err == nil {
		t.Fatal("a wrong migration passed")
	}
	m, err := readMark(t.Context(), s.pool)
	if err != nil || m.version != known.latest() {
		t.Errorf("the version is %d (%v)", m.version, err)
	}
	if err := migrate(t.Context(), s.pool, wrong[:len(wrong)-1]); err != nil { // it could not, had the first try left its table
		t.Error(err)
	}
}

func TestMigrationFiles(t *testing.T) {
	if known, err := programMigrations(); err != nil || known.latest() == 0 {
		t.Errorf("the program has the migrations %v: %v", known, err)
	}
	file := func(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }
	for name, files := range map[string]fstest.MapFS{
		"gap":           {"0002_b.sql": file("-- readable by: 1\n")},
		"twice":         {"0001_a.sql": file("-- readable by: 1\n"), "0001_b.sql": file("-- readable by: 1\n")},
		"no first line": {"0001_a.sql": file("SELECT 1;\n")},
		"too new":       {"0001_a.sql": file("-- readable by: 2\n")},
	} {
		if m, err := readMigrations(files); err == nil {
			t.Errorf("%s: %v", name, m)
		}
	}
}

// A newer schema is refused where it says that this program is too old for it, and only
// then.
func TestNewerSchema(t *testing.T) {
	url := pgtest.New(t)
	s := openTest(t, url)
	psql(t, url, `UPDATE syncline.schema_mark SET version = 1000`)
	openTest(t, url)
	if err := s.CheckSchema(t.Context()); err != nil {
		t.Error(err)
	}
	psql(t, url, `UPDATE syncline.schema_mark SET readable_by = 1000`)
	_, err := Open(t.Context(), url)
	wantMessage(t, err, "newer Syncline")
	wantMessage(t, s.CheckSchema(t.Context()), "newer Syncline")
}

// A schema of another program stays as it is; an empty one is taken.
func TestForeignSchema(t *testing.T) {
	url := pgtest.New(t)
	psql(t, url, `CREATE SCHEMA syncline; CREATE TABLE syncline.users (name TEXT)`)
	_, err := Open(t.Context(), url)
	wantMessage(t, err, "another program's")
	psql(t, url, `DO $$ BEGIN ASSERT (SELECT count(*) FROM pg_tables WHERE schemaname = 'syncline') = 1; END $$; DROP TABLE syncline.users`)
	openTest(t, url)
}

// A user without the right to make a schema works in one that it owns.
func TestLittleRights(t *testing.T) {
	url := pgtest.New(t)
	role := "r" + strings.ReplaceAll(uuid.NewString(), "-", "")
	psql(t, url, `CREATE ROLE `+role+` LOGIN`)
	theirs := strings.Replace(url, "syncline@", role+"@", 1)
	_, err := Open(t.Context(), theirs)
	wantMessage(t, err, "lacks a right")
	psql(t, url, `CREATE SCHEMA syncline AUTHORIZATION `+role)
	if err := openTest(t, theirs).AddUser(t.Context(), user("u")); err != nil {
		t.Error(err)
	}
	psql(t, url, `DROP OWNED BY `+role+`; DROP ROLE `+role)
}

func TestEncodingIsRefused(t *testing.T) {
	url := pgtest.New(t)
	name := "latin" + strings.ReplaceAll(uuid.NewString(), "-", "")
	psql(t, url, `CREATE DATABASE `+name+` ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0`)
	at := strings.LastIndexByte(url, '/')
	_, err := Open(t.Context(), url[:at+1]+name+url[strings.IndexByte(url, '?'):])
	wantMessage(t, err, "UTF8")
	psql(t, url, `DROP DATABASE `+name)
}

// The list of tables has all that both databases have. PostgreSQL alone has the tables of
// catalogs, what tells of lists that other nodes change, and the tables of wrong guesses, which
// a server with SQLite counts in its memory.
func TestTablesAreKnown(t *testing.T) {
	s := openTest(t, pgtest.New(t))
	rows, err := s.pool.Query(t.Context(), `SELECT tablename::text FROM pg_tables WHERE schemaname = 'syncline' AND tablename <> 'schema_mark'`)
	if err != nil {
		t.Fatal(err)
	}
	found, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for _, name := range relational.TableNames() {
		known[name] = true
	}
	for _, name := range found {
		if !known[name] && !strings.HasPrefix(name, "catalog") && !strings.HasPrefix(name, "attempt_") && name != "list_removals" {
			t.Errorf("the table %s is not in the list", name)
		}
		delete(known, name)
	}
	for name := range known {
		t.Errorf("there is no table %s", name)
	}
}

// Ten nodes take work at once: each piece goes to one of them.
func TestWorkIsTakenOnce(t *testing.T) {
	url := pgtest.New(t)
	nodes := make([]*Store, 10)
	for i := range nodes {
		nodes[i] = openTest(t, url)
	}
	ctx := t.Context()
	repo := syncline.Repository{ID: newID(), Name: "r", CreatedAt: time.Unix(1, 0)}
	if err := nodes[0].AddRepository(ctx, repo); err != nil {
		t.Fatal(err)
	}
	const pieces = 100
	for range pieces {
		w := store.Work{Work: syncline.Work{ID: newID(), Kind: syncline.WorkRestore, RepositoryID: repo.ID, CreatedAt: time.Unix(1, 0)}}
		if _, _, err := nodes[0].AddWork(ctx, w); err != nil {
			t.Fatal(err)
		}
	}
	var mu sync.Mutex
	owners := map[syncline.ID]string{}
	var all sync.WaitGroup
	for i, s := range nodes {
		all.Go(func() {
			for {
				taken, err := s.TakeWork(ctx, store.Taking{Kind: syncline.WorkRestore, Owner: fmt.Sprint("node", i), Length: time.Hour, Limit: 3})
				if err != nil {
					t.Error(err)
				}
				mu.Lock()
				for _, w := range taken {
					if owners[w.ID] != "" {
						t.Errorf("%s has the work of %s", w.Owner, owners[w.ID])
					}
					owners[w.ID] = w.Owner
				}
				left := pieces - len(owners)
				mu.Unlock()
				if left <= 0 || err != nil {
					return
				}
			}
		})
	}
	all.Wait()
	if len(owners) != pieces {
		t.Errorf("%d pieces were taken", len(owners))
	}
}

// Ten nodes start the work that has to be alone: all get the same.
func TestAloneOnAllNodes(t *testing.T) {
	url := pgtest.New(t)
	ctx := t.Context()
	repo := syncline.Repository{ID: newID(), Name: "r", CreatedAt: time.Unix(1, 0)}
	got := make([]syncline.ID, 10)
	fresh := make([]bool, len(got))
	nodes := make([]*Store, len(got))
	for i := range nodes {
		nodes[i] = openTest(t, url)
	}
	if err := nodes[0].AddRepository(ctx, repo); err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for i, s := range nodes {
		all.Go(func() {
			w := store.Work{Alone: true, Work: syncline.Work{ID: newID(), Kind: syncline.WorkSynchronize, RepositoryID: repo.ID, CreatedAt: time.Unix(1, 0)}}
			added, isFresh, err := s.AddWork(ctx, w)
			if err != nil {
				t.Error(err)
			}
			got[i], fresh[i] = added.ID, isFresh
		})
	}
	all.Wait()
	n := 0
	for i := range got {
		if got[i] != got[0] {
			t.Errorf("there are the sessions %v", got)
		}
		if fresh[i] {
			n++
		}
	}
	if n != 1 {
		t.Errorf("%d nodes started a session", n)
	}
}

// Wake-ups reach the other nodes, and a node's own come once.
func TestWakesOfOtherNodes(t *testing.T) {
	url := pgtest.New(t)
	listening := make(chan error, 10)
	one, err := OpenWith(t.Context(), url, Options{Listening: func(err error) { listening <- err }})
	if err != nil {
		t.Fatal(err)
	}
	defer one.Close()
	two := openTest(t, url)
	heard := one.Wakes(t.Context())
	if err := <-listening; err != nil {
		t.Fatal(err)
	}
	if got := <-heard; got.Topic != store.TopicAll { // something may have been missed until now
		t.Errorf("got %+v", got)
	}
	own, others := store.Wake{Topic: store.TopicStop, ID: "own"}, store.Wake{Topic: store.TopicWork, ID: "a\xff"}
	others.ID = newID()
	for _, s := range []struct {
		store *Store
		wake  store.Wake
	}{{one, own}, {two, others}} {
		if err := s.store.Wake(t.Context(), s.wake); err != nil {
			t.Fatal(err)
		}
		if got := <-heard; got != s.wake {
			t.Errorf("got %+v, want %+v", got, s.wake)
		}
	}
	// The connection is cut: the node listens again, and says that it may have missed some.
	psql(t, url, `SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE query LIKE 'LISTEN%' AND datname = current_database()`)
	if err := <-listening; err == nil {
		t.Error("a cut connection was not noticed")
	}
	if err := <-listening; err != nil {
		t.Error(err)
	}
	if got := <-heard; got.Topic != store.TopicAll {
		t.Errorf("got %+v", got)
	}
}

func newID() syncline.ID { return syncline.ID(uuid.NewString()) }
