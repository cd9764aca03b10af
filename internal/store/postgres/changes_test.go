package postgres

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"reflect"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/pgtest"
)

// A node reads what others have changed, and has the list that a read of all rows gives.
// Transactions end in another order than they began.
func TestListsOfChanges(t *testing.T) {
	url := pgtest.New(t)
	ours, theirs := openTest(t, url), openTest(t, url)
	ctx := t.Context()
	random := rand.New(rand.NewPCG(22, 6))
	slow, err := pgx.Connect(ctx, url)
	if err != nil {
		t.Fatal(err)
	}
	defer slow.Close(context.Background())
	var names []syncline.ID
	var open pgx.Tx
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	for i := range 300 {
		id := syncline.ID(fmt.Sprint("repository ", i))
		if len(names) > 0 {
			id = names[random.IntN(len(names))]
		}
		switch kind := random.IntN(6); {
		case kind == 0 || len(names) == 0:
			id = syncline.ID(fmt.Sprint("repository ", i))
			must(theirs.AddRepository(ctx, syncline.Repository{ID: id, Name: string(id), Path: "/" + string(id), CreatedAt: time.Unix(1, 0)}))
			names = append(names, id)
		case kind == 1 && len(names) > 3:
			if open != nil { // which may hold the row
				must(open.Commit(ctx))
				open = nil
			}
			at := random.IntN(len(names))
			must(theirs.DeleteRepository(ctx, names[at]))
			names = append(names[:at], names[at+1:]...)
		case kind == 2 && open == nil:
			open, err = slow.Begin(ctx)
			must(err)
			_, err = open.Exec(ctx, `UPDATE syncline.repositories SET description = $1 WHERE id = $2`, fmt.Sprint("late ", i), string(id))
			must(err)
		case kind == 3 && open != nil:
			must(open.Commit(ctx))
			open = nil
		case open == nil:
			must(theirs.SetOutOfSync(ctx, id, i%2 == 0))
			must(theirs.PutChecks(ctx, syncline.Check{RepositoryID: id, At: time.Unix(int64(i), 0).UTC(), Result: syncline.CheckFailed, Error: "at " + fmt.Sprint(i)}))
		}
		fresh, err := OpenAsIs(url) // has read nothing
		must(err)
		sameList(t, i, fresh.Repositories, ours.Repositories)
		sameList(t, i, fresh.Checks, ours.Checks)
		must(fresh.Close())
	}
}

// A disk that goes back to an earlier moment has the timeline of the later one, and gives the
// numbers of lost transactions again. The list is that of the disk all the same.
func TestListsAfterAnOlderDisk(t *testing.T) {
	server := pgtest.Start(t)
	url := server.Database(t)
	ours, theirs := openTest(t, url), openTest(t, url)
	ctx := t.Context()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, id := range []syncline.ID{"a", "b", "c"} {
		must(theirs.AddRepository(ctx, syncline.Repository{ID: id, Name: string(id), Path: "/" + string(id), CreatedAt: time.Unix(1, 0)}))
	}
	conn, err := pgx.Connect(ctx, url)
	must(err)
	var data string
	must(conn.QueryRow(ctx, `SHOW data_directory`).Scan(&data))
	must(conn.Close(ctx))
	earlier := data + " earlier"
	t.Cleanup(func() { _ = os.RemoveAll(earlier) })
	server.Stop(t, "fast")
	must(exec.CommandContext(ctx, "cp", "-a", data, earlier).Run())
	server.Run(t)
	for range 30 {
		must(theirs.SetOutOfSync(ctx, "a", false))
		must(theirs.SetOutOfSync(ctx, "a", true))
	}
	if list, err := ours.Repositories(ctx); err != nil || len(list) != 3 || !list[0].OutOfSync {
		t.Fatalf("got %+v, %v", list, err)
	}
	server.Stop(t, "fast")
	must(os.RemoveAll(data))
	must(os.Rename(earlier, data))
	server.Run(t)
	must(theirs.SetOutOfSync(ctx, "b", true))
	for i := range 3 {
		fresh, err := OpenAsIs(url)
		must(err)
		sameList(t, i, fresh.Repositories, ours.Repositories)
		must(fresh.Close())
		must(theirs.SetOutOfSync(ctx, "c", i == 0))
	}
}

// Rows that come with a restored dump have numbers of another server's transactions, which may
// be far ahead. The list is right all the same, as are those after a table was emptied, and
// after a delete that comes with the same number of rows.
func TestListsAfterARestoredDump(t *testing.T) {
	url := pgtest.New(t)
	ours, theirs := openTest(t, url), openTest(t, url)
	ctx := t.Context()
	same := func(round int) {
		t.Helper()
		fresh, err := OpenAsIs(url)
		if err != nil {
			t.Fatal(err)
		}
		defer fresh.Close()
		sameList(t, round, fresh.Repositories, ours.Repositories)
		sameList(t, round, fresh.Checks, ours.Checks)
	}
	add := func(id syncline.ID) {
		t.Helper()
		if err := theirs.AddRepository(ctx, syncline.Repository{ID: id, Name: string(id), Path: "/" + string(id), CreatedAt: time.Unix(1, 0)}); err != nil {
			t.Fatal(err)
		}
		if err := theirs.PutChecks(ctx, syncline.Check{RepositoryID: id, Result: syncline.CheckFailed}); err != nil {
			t.Fatal(err)
		}
	}
	for _, id := range []syncline.ID{"a", "b", "c"} {
		add(id)
	}
	psql(t, url, `ALTER TABLE syncline.repositories DISABLE TRIGGER written`)
	psql(t, url, `UPDATE syncline.repositories SET written_by = 4000000000000 WHERE id <> 'b'`)
	psql(t, url, `ALTER TABLE syncline.repositories ENABLE TRIGGER written`)
	for i := range 3 {
		same(i)
		psql(t, url, `UPDATE syncline.repositories SET description = 'round `+fmt.Sprint(i)+`' WHERE id = 'c'`)
	}
	if err := theirs.DeleteRepository(ctx, "a"); err != nil {
		t.Fatal(err)
	}
	add("d")
	same(4)
	psql(t, url, `TRUNCATE syncline.checks`)
	if err := theirs.PutChecks(ctx, syncline.Check{RepositoryID: "c", Result: syncline.CheckFailed}); err != nil {
		t.Fatal(err)
	}
	same(5)
	same(6)
	for _, statement := range []string{ // another table with the same numbers, beside a row that no trigger has marked
		`ALTER TABLE syncline.repositories DISABLE TRIGGER written`,
		`UPDATE syncline.repositories SET description = 'restored' WHERE id = 'b'`,
		`ALTER TABLE syncline.repositories ENABLE TRIGGER written`,
		`CREATE TABLE syncline.restored AS TABLE syncline.list_removals`,
		`DROP TABLE syncline.list_removals`,
		`ALTER TABLE syncline.restored RENAME TO list_removals`,
	} {
		psql(t, url, statement)
	}
	same(7)
}

func sameList[T any](t *testing.T, round int, want, got func(context.Context) ([]T, error)) {
	t.Helper()
	a, err := want(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	b, err := got(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(a, b) {
		t.Fatalf("round %d: all rows are\n%+v\nand the list is\n%+v", round, a, b)
	}
}
