package postgres

import (
	"context"
	"errors"
	"testing"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/catalog"
	"syncline.dev/syncline/internal/pgtest"
	state "syncline.dev/syncline/internal/store"
	store "syncline.dev/syncline/internal/store/postgres"
)

// TestHoldsOfCatalogs deletes and writes a catalog under a hold of its repository: when
// it is over, nothing is deleted or written.
func TestHoldsOfCatalogs(t *testing.T) {
	ctx := context.Background()
	s, err := store.Open(ctx, pgtest.New(t))
	check(t, err)
	t.Cleanup(func() { check(t, s.Close()) })
	r := syncline.Repository{ID: "r", Name: "r", Path: "/r", CreatedAt: time.Unix(1, 0)}
	check(t, s.AddRepository(ctx, r))
	d := OpenDirectory(s.Pool().Conns(), Options{})
	t.Cleanup(d.Close)
	check(t, d.Use(ctx, r.ID, func(*catalog.Catalog) error { return nil }))
	h := state.Hold{ID: "hold", RepositoryID: r.ID}
	held := catalog.WithClaim(ctx, catalog.Claim{Hold: h.ID})
	write := func() error {
		return d.Read(ctx, r.ID, func(c *catalog.Catalog) error {
			return c.SetSynchronized(held, syncline.Hash{1})
		})
	}
	refused := func(when string) {
		t.Helper()
		for what, err := range map[string]error{"deletion": d.Delete(held, r.ID), "write": write()} {
			if syncline.CodeOf(err) != syncline.CodeConflict || !errors.Is(err, catalog.ErrConflict) {
				t.Errorf("%s the %s answers %v", when, what, err)
			}
		}
		if n := number(t, s.Pool().Conns(), `SELECT count(*) FROM syncline.catalogs`); n != 1 {
			t.Fatalf("%s there are %d catalogs", when, n)
		}
	}
	refused("without a hold")
	check(t, s.HoldWork(ctx, h, -time.Hour))
	refused("after its end")
	check(t, s.HoldWork(ctx, h, time.Hour))
	check(t, write())
	check(t, d.Delete(held, r.ID))
	if n := number(t, s.Pool().Conns(), `SELECT count(*) FROM syncline.catalogs`); n != 0 {
		t.Errorf("under the hold the deletion leaves %d", n)
	}
	check(t, d.Delete(held, r.ID)) // nothing is there, and the hold is
}
