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
