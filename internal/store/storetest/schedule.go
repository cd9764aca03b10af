package storetest

import (
	"reflect"
	"testing"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/store"
)

func testChecks(t *testing.T, s store.Store) {
	ctx := t.Context()
	first, second := addRepository(t, s, "first"), addRepository(t, s, "second")
	if got := must(s.Checks(ctx))(t); len(got) != 0 {
		t.Fatalf("repositories without a check have %+v", got)
	}
	failed := syncline.Check{
		RepositoryID: first.ID, At: base, Result: syncline.CheckFailed, Error: "it is \x00 gone", Code: syncline.CodeNoRepository,
		Failures: 3, FailingSince: base.Add(-time.Hour), Listing: "abc",
		Session: syncline.SessionVerdict{
			Error: "damaged", Code: syncline.CodeDamaged, Failures: 2,
			Since: base.Add(-2 * time.Hour), At: base.Add(-time.Minute), Listing: "def",
		},
		Due: base.Add(time.Minute), Plan: "every hour", LookedAt: base.Add(-3 * time.Hour),
	}
	good := syncline.Check{RepositoryID: second.ID, At: base.Add(time.Nanosecond), Result: syncline.CheckSuccess}
	never := syncline.Check{RepositoryID: newID(), At: base, Result: syncline.CheckChanged}
	check(t, s.PutChecks(ctx))
	check(t, s.PutChecks(ctx, good, never, failed))
	if got := must(s.Checks(ctx))(t); !reflect.DeepEqual(got, []syncline.Check{failed, good}) {
		t.Errorf("got %+v", got)
	}
	failed = syncline.Check{RepositoryID: first.ID, At: base.Add(time.Hour), Result: syncline.CheckChanged, Listing: "ghi"}
	check(t, s.PutChecks(ctx, failed))
	if got := must(s.Checks(ctx))(t); !reflect.DeepEqual(got, []syncline.Check{failed, good}) {
		t.Errorf("got %+v", got)
	}
	check(t, s.DeleteRepository(ctx, first.ID))
	if got := must(s.Checks(ctx))(t); !reflect.DeepEqual(got, []syncline.Check{good}) {
		t.Errorf("got %+v", got)
	}
}

func testAskCheck(t *testing.T, s store.Store) {
	ctx := t.Context()
	r := addRepository(t, s, "main")
	if got := must(s.CheckOf(ctx, r.ID))(t); got != (syncline.Check{RepositoryID: r.ID}) {
		t.Errorf("a repository without a check has %+v", got)
	}
	wantCode(t, s.AskCheck(ctx, newID(), base, true), syncline.CodeNotFound)
	want := func(doing string, want syncline.Check) {
		t.Helper()
		want.RepositoryID = r.ID
		if got := must(s.CheckOf(ctx, r.ID))(t); got != want {
			t.Errorf("%s: got %+v, want %+v", doing, got, want)
		}
	}
	check(t, s.AskCheck(ctx, r.ID, base, false))
	want("a first check is asked for", syncline.Check{AskedAt: base})
	check(t, s.AskCheck(ctx, r.ID, base.Add(time.Second), true))
	check(t, s.AskCheck(ctx, r.ID, base.Add(2*time.Second), false))
	want("asked again", syncline.Check{AskedAt: base.Add(2 * time.Second), Anew: true})

	c := syncline.Check{RepositoryID: r.ID, At: base.Add(time.Minute), Result: syncline.CheckSuccess, AskedAt: base}
	check(t, s.PutChecks(ctx, c))
	c.AskedAt, c.Anew = base.Add(2*time.Second), true
	want("answered what was asked before", c)
	check(t, s.PutChecks(ctx, c))
	c.AskedAt, c.Anew = time.Time{}, false
	want("answered", c)
	check(t, s.AskCheck(ctx, r.ID, base.Add(time.Hour), true))
	check(t, s.PutChecks(ctx, c))
	c.AskedAt, c.Anew = base.Add(time.Hour), true
	want("a check that answers nothing", c)
	if got := must(s.Checks(ctx))(t); !reflect.DeepEqual(got, []syncline.Check{c}) {
		t.Errorf("the list is %+v", got)
	}
}
