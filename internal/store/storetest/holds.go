package storetest

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/store"
)

// testHeldWrites changes a repository under a hold: when it is over, nothing is written,
// and it does not go on again.
func testHeldWrites(t *testing.T, s store.Store) {
	ctx, repo, other := t.Context(), addRepository(t, s, "r"), addRepository(t, s, "other")
	first := free(t, s, restore, repo.ID, nil)
	change := store.Hold{ID: newID(), RepositoryID: repo.ID, Kind: sync1}
	removal := store.Hold{ID: newID(), RepositoryID: repo.ID}
	writes := map[string]func(context.Context) error{
		"change": func(ctx context.Context) error {
			moved := repo
			moved.Path = "/elsewhere"
			return s.UpdateRepository(ctx, moved)
		},
		"mark":   func(ctx context.Context) error { return s.SetOutOfSync(ctx, repo.ID, true) },
		"delete": func(ctx context.Context) error { return s.DeleteRepository(ctx, repo.ID) },
		"stop": func(ctx context.Context) error {
			_, err := s.RequestStop(ctx, restore, first.ID)
			return err
		},
	}
	refused := func(when string, h store.Hold) {
		t.Helper()
		for what, write := range writes {
			if err := write(store.WithHold(ctx, h)); !errors.Is(err, store.ErrHoldOver) {
				t.Errorf("%s: the %s answers %v", when, what, err)
			}
		}
		if got := must(s.Repository(ctx, repo.ID))(t); got != repo {
			t.Errorf("%s: the repository is %+v", when, got)
		}
		if got := must(s.Work(ctx, restore, first.ID))(t); got != first {
			t.Errorf("%s: its work is %+v", when, got)
		}
	}
	refused("before a hold", change)
	check(t, s.HoldWork(ctx, change, -time.Hour))
	refused("after its end", change)
	if err := s.RenewHold(ctx, change.ID, time.Hour); !errors.Is(err, store.ErrHoldOver) {
		t.Errorf("a hold that is over goes on: %v", err)
	}
	refused("after a late renewal", change)
	elsewhere := store.Hold{ID: newID(), RepositoryID: other.ID}
	check(t, s.HoldWork(ctx, elsewhere, time.Hour))
	refused("with the hold of another repository", store.Hold{ID: elsewhere.ID, RepositoryID: repo.ID})
	check(t, s.HoldWork(ctx, removal, time.Hour))
	check(t, s.RenewHold(ctx, removal.ID, time.Hour))
	check(t, s.DropHold(ctx, removal.ID))
	refused("after the hold was dropped", removal)

	check(t, s.HoldWork(ctx, removal, time.Hour))
	for _, what := range []string{"change", "mark", "stop", "delete"} {
		if err := writes[what](store.WithHold(ctx, removal)); err != nil {
			t.Errorf("under a hold the %s answers %v", what, err)
		}
	}
	wantCode(t, writes["delete"](store.WithHold(ctx, removal)), syncline.CodeNotFound)
	if err := s.RenewHold(ctx, removal.ID, time.Hour); !errors.Is(err, store.ErrHoldOver) {
		t.Errorf("the hold of a deleted repository goes on: %v", err)
	}
}

// testHoldRace has work added while a hold begins: what was added is seen afterwards.
func testHoldRace(t *testing.T, s store.Store) {
	ctx := t.Context()
	for range 20 {
		repo := addRepository(t, s, string(newID()))
		var added sync.Map
		var listed []store.Work
		together(4, func(i int) {
			if i == 0 {
				if err := s.HoldWork(ctx, store.Hold{ID: newID(), RepositoryID: repo.ID}, time.Hour); err != nil {
					t.Error(err)
				}
				var err error
				if listed, err = s.UnendedWork(ctx, restore); err != nil {
					t.Error(err)
				}
				return
			}
			w, _, err := s.AddWork(ctx, newWork(restore, repo.ID, base))
			if err == nil {
				added.Store(w.ID, true)
			} else if !errors.Is(err, store.ErrLeaving) {
				t.Error(err)
			}
		})
		for _, w := range listed {
			added.Delete(w.ID)
		}
		added.Range(func(id, _ any) bool { t.Errorf("the work %s came after the hold", id); return true })
	}
}
