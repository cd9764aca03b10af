package postgres

import (
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/catalog"
	"syncline.dev/syncline/internal/catalog/nearby"
	"syncline.dev/syncline/internal/pgtest"
)

const repositoryID = syncline.ID("c6d1fc1b-1aef-411f-9a7f-de35e546c615")

// node is a directory with copies near it, on a way that is counted.
type node struct {
	*Directory
	near  *nearby.Store
	proxy *pgtest.Proxy
	pool  *pgxpool.Pool
}

func startNode(t *testing.T, proxy *pgtest.Proxy, pool *pgxpool.Pool, copies string) *node {
	t.Helper()
	near, err := nearby.Open(t.Context(), copies, 100<<20, slog.New(slog.DiscardHandler))
	check(t, err)
	return &node{OpenDirectory(pool, Options{Near: near}), near, proxy, pool}
}

func (n *node) stop(t *testing.T) {
	t.Helper()
	n.Close()
	check(t, n.near.Close())
}

// trips returns how many round trips fn makes, without those that end a transaction
// when the reader has gone on.
func (n *node) trips(t *testing.T, fn func()) int64 {
	t.Helper()
	n.settle()
	before := n.proxy.Trips()
	fn()
	return n.proxy.Trips() - before
}

// settle waits for the ends of transactions.
func (n *node) settle() {
	n.mu.Lock()
	var boxes []*Container
	for _, h := range n.open {
		boxes = append(boxes, h.box)
	}
	n.mu.Unlock()
	for _, box := range boxes {
		box.left.Wait()
	}
}

// manyFolders fills a catalog with enough folders and files for full blocks of each kind.
func manyFolders(t *testing.T, c *catalog.Catalog) {
	t.Helper()
	ctx := t.Context()
	b, err := c.Build(ctx)
	check(t, err)
	parse := func(raw []byte, e *syncline.Entry) (bool, error) {
		name, sub, dir := strings.Cut(string(raw), "|")
		e.Name, e.Type, e.ModTime = name, syncline.TypeFile, time.Unix(1, 0)
		if dir {
			e.Type = syncline.TypeDir
			e.Subtree, err = syncline.ParseHash(sub)
		}
		return true, err
	}
	add := func(hash syncline.Hash, entries []string) {
		var raw []byte
		var spans []catalog.Span
		for _, e := range entries {
			spans = append(spans, catalog.Span{Start: len(raw), End: len(raw) + len(e)})
			raw = append(raw, e...)
		}
		check(t, b.NewAdder().Add(hash, raw, spans, parse))
	}
	hash := func(n int) (h syncline.Hash) {
		copy(h[:], fmt.Sprintf("%032d", n))
		return h
	}
	const folders, files = 400, 40
	var top []string
	for i := 1; i <= folders; i++ {
		var list []string
		for j := range files {
			list = append(list, fmt.Sprintf("file-%d-%d", i, j))
		}
		add(hash(i), list)
		top = append(top, fmt.Sprintf("folder-%04d|%s", i, hash(i)))
	}
	add(hash(0), top)
	check(t, b.Flush(ctx))
	b.Close()
	_, err = c.Publish(ctx, []syncline.Snapshot{{ID: syncline.Hash{9}, Tree: hash(0), Time: time.Unix(1, 0)}}, nil)
	check(t, err)
	c.Unload()
}

// page reads one folder, as a page of it does.
func page(t *testing.T, c *catalog.Catalog, folder int) {
	t.Helper()
	check(t, c.View(t.Context(), func(v *catalog.View) error {
		list, err := v.Snapshots()
		if err != nil {
			return err
		}
		tree, ok, err := v.FindTree(list[0].Root, fmt.Sprintf("/folder-%04d", folder))
		if err != nil || !ok {
			return errors.Join(err, fmt.Errorf("folder %d is there: %v", folder, ok))
		}
		n := 0
		err = v.ReadDir(tree, 0, func(*syncline.Entry, catalog.TreeRef, bool) error {
			n++
			return nil
		})
		if err == nil && n != 40 {
			err = fmt.Errorf("the folder has %d entries", n)
		}
		return err
	}))
}

// read runs fn with the catalog, which the directory opens if it has to.
func (n *node) read(t *testing.T, fn func(*catalog.Catalog)) {
	t.Helper()
	check(t, n.Read(t.Context(), repositoryID, func(c *catalog.Catalog) error {
		fn(c)
		return nil
	}))
}

// TestTrips counts the round trips of pages: one for a warm page. A process that
// starts on a node with copies asks only for what changes.
func TestTrips(t *testing.T) {
	url := pgtest.New(t)
	proxy := pgtest.NewProxy(t, url)
	pool := connect(t, proxy.URL())
	copies := filepath.Join(t.TempDir(), "copies")
	n := startNode(t, proxy, pool, copies)
	check(t, n.Use(t.Context(), repositoryID, func(c *catalog.Catalog) error {
		manyFolders(t, c)
		return nil
	}))
	n.stop(t)

	n = startNode(t, proxy, pool, copies)
	n.read(t, func(c *catalog.Catalog) {
		cold := n.trips(t, func() { page(t, c, 7) })
		t.Logf("the first page of a node without copies makes %d trips", cold)
		if cold >= 6 {
			t.Errorf("the first page of a node without copies makes %d trips, want fewer than 6", cold)
		}
		// The end of the page before, in the background, may fall into a page.
		var warm []int64
		for range 9 {
			warm = append(warm, n.trips(t, func() { page(t, c, 7) }))
		}
		slices.Sort(warm)
		if warm[len(warm)/2] != 1 {
			t.Errorf("warm pages make %d trips", warm)
		}
	})
	n.stop(t) // which writes the copies

	n = startNode(t, proxy, pool, copies)
	defer n.stop(t)
	n.read(t, func(c *catalog.Catalog) {
		cold := n.trips(t, func() { page(t, c, 7) })
		t.Logf("the first page of a new process with copies makes %d trips", cold)
		if cold >= 6 {
			t.Errorf("the first page of a new process makes %d trips, want fewer than 6", cold)
		}
	})
}

// TestOtherHistory has the database become another one, as when a backup takes its
// place: copies of the one before are not used, and its catalogs are opened anew.
func TestOtherHistory(t *testing.T) {
	url := pgtest.New(t)
	proxy := pgtest.NewProxy(t, url)
	pool := connect(t, proxy.URL())
	n := startNode(t, proxy, pool, filepath.Join(t.TempDir(), "copies"))
	defer n.stop(t)
	check(t, n.Use(t.Context(), repositoryID, func(c *catalog.Catalog) error {
		manyFolders(t, c)
		return nil
	}))
	var before *catalog.Catalog
	n.read(t, func(c *catalog.Catalog) { before = c })
	proxy.Cut() // a lost connection alone changes nothing
	n.read(t, func(c *catalog.Catalog) { page(t, c, 1) })
	n.read(t, func(c *catalog.Catalog) {
		if c != before {
			t.Error("a lost connection has the catalog opened anew")
		}
	})
	generation := number(t, pool, `SELECT generation FROM syncline.catalogs`)
	old := id(3, 500)
	n.near.Put(generation, old, []byte("of the old history"))
	// The table is another one, as after a dump is restored.
	exec(t, pool, `BEGIN; CREATE TABLE syncline.other (LIKE syncline.catalog_values INCLUDING ALL);
		INSERT INTO syncline.other SELECT * FROM syncline.catalog_values; DROP TABLE syncline.catalog_values;
		ALTER TABLE syncline.other RENAME TO catalog_values; COMMIT`)
	proxy.Cut()
	err := n.Read(t.Context(), repositoryID, func(c *catalog.Catalog) error {
		return c.View(t.Context(), func(*catalog.View) error { return nil })
	})
	wantCode(t, err, syncline.CodeUnavailable)
	n.read(t, func(c *catalog.Catalog) {
		if c == before {
			t.Error("the catalog of the old history is still open")
		}
		page(t, c, 2)
	})
	if got := n.near.Get(generation, []int64{old}); got[0] != nil {
		t.Errorf("a copy of the old history is kept: %q", got[0])
	}
}

// TestAnyUserIdentifies shows that the statement which identifies the database needs no
// right that an ordinary user lacks.
func TestAnyUserIdentifies(t *testing.T) {
	pool := connect(t, pgtest.New(t))
	for _, function := range []string{"pg_control_system()", "pg_current_wal_insert_lsn()", "pg_walfile_name(pg_lsn)"} {
		if number(t, pool, `SELECT count(*) FROM pg_proc WHERE oid = $1::regprocedure AND proacl IS NOT NULL`, function) != 0 {
			t.Errorf("%s needs a right", function)
		}
	}
}
