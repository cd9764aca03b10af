package storetest

import (
	"reflect"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/store"
)

func testImmutability(t *testing.T, s store.Store) {
	ctx := t.Context()
	first, second := addRepository(t, s, "first"), addRepository(t, s, "second")
	claimOf := func(r syncline.ID, at time.Time) store.LookClaim {
		return store.LookClaim{Repository: r, ObjectStorage: "storage", At: at, Before: at.Add(-24 * time.Hour), Lapsed: at.Add(-time.Hour)}
	}
	claim := func(c store.LookClaim, want bool) {
		t.Helper()
		if got := must(s.ClaimLook(ctx, c))(t); got != want {
			t.Errorf("the claim %+v got %v", c, got)
		}
	}
	want := func(want syncline.Immutability) {
		t.Helper()
		if got := must(s.Immutability(ctx, want.RepositoryID))(t); got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
	}
	claim(claimOf(newID(), base), false)
	claim(claimOf(first.ID, base), true)
	claim(claimOf(first.ID, base.Add(time.Minute)), false) // somebody looks
	want(syncline.Immutability{RepositoryID: first.ID})    // which has no outcome yet
	later := claimOf(first.ID, base.Add(time.Hour))
	claim(later, true) // the first one came to nothing
	found := syncline.Immutability{
		RepositoryID: first.ID, ObjectStorageID: "storage", At: base.Add(time.Hour), Told: true, Oldest: base.Add(24 * time.Hour), Newest: base.Add(48 * time.Hour),
		Rule: "governance, \x00 30 days", Looked: 21, Kept: 20, Held: 2, Archived: 3, Class: "GLACIER", Whole: true, Rights: syncline.RightsReadOnly,
	}
	wantCode(t, s.PutImmutability(ctx, claimOf(first.ID, base), found), syncline.CodeConflict)
	check(t, s.PutImmutability(ctx, later, found))
	want(found)
	if got := must(s.Immutabilities(ctx))(t); !reflect.DeepEqual(got, []syncline.Immutability{found}) {
		t.Errorf("the list is %+v", got)
	}
	claim(claimOf(first.ID, base.Add(24*time.Hour)), false) // within a day
	moved := claimOf(first.ID, base.Add(2*time.Hour))
	moved.ObjectStorage = "another"
	claim(moved, true)
	failed := syncline.Immutability{RepositoryID: first.ID, ObjectStorageID: "another", At: base.Add(2 * time.Hour), Error: "it is \x00 gone", Rights: syncline.RightsUnknown}
	check(t, s.PutImmutability(ctx, moved, failed))
	want(failed)
	again := moved
	again.At, again.Lapsed = base.Add(3*time.Hour), base.Add(2*time.Hour)
	claim(again, true) // a look that failed
	back := claimOf(first.ID, base.Add(-1000*time.Hour))
	back.ObjectStorage = "another"
	claim(back, true) // by a clock that was set back

	check(t, s.DropImmutability(ctx, first.ID))
	want(syncline.Immutability{RepositoryID: first.ID})
	wantCode(t, s.PutImmutability(ctx, back, failed), syncline.CodeConflict)
	claim(claimOf(second.ID, base), true)
	check(t, s.DeleteRepository(ctx, second.ID))
	if got := must(s.Immutabilities(ctx))(t); len(got) != 0 {
		t.Errorf("a repository that is gone has left %+v", got)
	}
}

func testImmutabilityRace(t *testing.T, s store.Store) {
	r := addRepository(t, s, "main")
	var claimed atomic.Int32
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			ok, err := s.ClaimLook(t.Context(), store.LookClaim{Repository: r.ID, ObjectStorage: "storage", At: base, Before: base.Add(-time.Hour), Lapsed: base.Add(-time.Hour)})
			if err != nil {
				t.Error(err)
			}
			if ok {
				claimed.Add(1)
			}
		})
	}
	all.Wait()
	if n := claimed.Load(); n != 1 {
		t.Errorf("%d callers have one look", n)
	}
}
