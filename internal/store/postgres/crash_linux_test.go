package postgres

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/pgtest"
)

// A server that was killed forgets the numbers of transactions that have left nothing on
// disk, and gives them again. The list has the writes of those that are given them.
func TestListsAfterACrash(t *testing.T) {
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
	must(theirs.AddRepository(ctx, syncline.Repository{ID: "a", Name: "a", Path: "/a", CreatedAt: time.Unix(1, 0)}))
	number := func() (n int64) {
		t.Helper()
		conn, err := pgx.Connect(ctx, url)
		must(err)
		defer conn.Close(context.Background())
		must(conn.QueryRow(ctx, `SELECT pg_current_xact_id()::text::bigint`).Scan(&n))
		return n
	}
	for round := range 20 {
		psql(t, url, `CHECKPOINT`)
		var last int64
		for range 5 {
			last = number() // of a transaction that writes nothing
		}
		if _, err := ours.Repositories(ctx); err != nil {
			t.Fatal(err)
		}
		server.Kill(t)
		server.Run(t)
		first := number()
		must(theirs.SetOutOfSync(ctx, "a", round%2 == 0))
		again := first + 1
		for n := first; n <= last; {
			n = number()
		}
		fresh, err := OpenAsIs(url)
		must(err)
		sameList(t, round, fresh.Repositories, ours.Repositories)
		must(fresh.Close())
		if again <= last {
			return
		}
	}
	t.Fatal("no number was given again")
}
