package storetest

import (
	"fmt"
	"reflect"
	"testing"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/store"
)

func testLog(t *testing.T, s store.Store, kind syncline.WorkKind) {
	ctx := t.Context()
	w := start(t, s, kind, addRepository(t, s, "r "+string(kind)).ID, base)
	if got := whole(t, s, w); len(got) != 0 || got == nil {
		t.Fatalf("a new log: %#v", got)
	}
	items := []syncline.LogItem{
		{Time: base, Level: syncline.LogInfo, Message: "read 3 snapshots"},
		{Time: base.Add(time.Second), Level: syncline.LogWarning, Message: "pack ab12 \xff is missing"},
		{Time: base, Level: syncline.LogError, Seq: 77, Message: "numbers are the store's to give"},
	}
	check(t, s.AppendLog(ctx, w.ID, w.Epoch, items[:2]...))
	check(t, s.AppendLog(ctx, w.ID, w.Epoch))
	end(t, s, w, syncline.WorkFailed)
	check(t, s.AppendLog(ctx, w.ID, w.Epoch, items[2])) // the last word may come after the end
	for i := range items {
		items[i].Seq = int64(i) + 1
	}
	if got := whole(t, s, w); !reflect.DeepEqual(got, items) {
		t.Errorf("got %+v, want %+v", got, items)
	}
	_, _, err := s.Log(ctx, kind, newID(), 10, 0)
	wantCode(t, err, syncline.CodeNotFound)
	wantCode(t, s.AppendLog(ctx, newID(), 1, items[0]), syncline.CodeNotFound)
	for _, c := range []struct{ limit, offset int }{{-1, 0}, {1, -1}} {
		_, _, err := s.Log(ctx, kind, w.ID, c.limit, c.offset)
		wantCode(t, err, syncline.CodeInvalid)
	}
}

func testLogRace(t *testing.T, s store.Store) {
	w := start(t, s, sync1, addRepository(t, s, "r").ID, base)
	together(8, func(i int) {
		for j := range 5 {
			item := syncline.LogItem{Time: base, Level: syncline.LogInfo, Message: fmt.Sprint(i, j)}
			if err := s.AppendLog(t.Context(), w.ID, w.Epoch, item); err != nil {
				t.Error(err)
			}
		}
	})
	seen := map[string]bool{}
	for i, item := range whole(t, s, w) {
		if item.Seq != int64(i)+1 {
			t.Errorf("item %d has number %d", i, item.Seq)
		}
		seen[item.Message] = true
	}
	if len(seen) != 40 {
		t.Errorf("%d of 40 items are there", len(seen))
	}
}

// whole reads a log page by page.
func whole(t *testing.T, s store.Store, w store.Work) []syncline.LogItem {
	t.Helper()
	all := []syncline.LogItem{}
	for {
		page, total, err := s.Log(t.Context(), w.Kind, w.ID, 2, len(all))
		check(t, err)
		if page == nil {
			t.Fatal("a page is nil")
		}
		if all = append(all, page...); len(all) >= total {
			return all
		}
	}
}

// thin removes all that is not to be kept.
func thin(t *testing.T, s store.Store, keep store.Keep) {
	t.Helper()
	for turns := 0; must(s.Thin(t.Context(), keep))(t); turns++ {
		if turns > 50 {
			t.Fatal("there is always more")
		}
	}
}

// testThin thins out the work of each repository, by number and by age, and by neither.
func testThin(t *testing.T, s store.Store) {
	ctx := t.Context()
	repo, other := addRepository(t, s, "r"), addRepository(t, s, "other")
	var all []store.Work
	for i := range 12 {
		w := start(t, s, sync1, repo.ID, base.Add(time.Duration(i)*time.Hour))
		for range 400 {
			check(t, s.AppendLog(ctx, w.ID, w.Epoch, syncline.LogItem{Time: base, Level: syncline.LogInfo, Message: "m"}))
		}
		if i < 11 {
			end(t, s, w, syncline.WorkFailed)
		}
		all = append(all, w)
	}
	alone := end(t, s, start(t, s, sync1, other.ID, base), syncline.WorkSucceeded)
	job := end(t, s, start(t, s, restore, other.ID, base), syncline.WorkSucceeded)
	left := func(want int) {
		t.Helper()
		page := must(s.WorkPage(ctx, store.WorkQuery{Kind: sync1, RepositoryID: repo.ID, Limit: 100}))(t)
		if len(page) != want || page[0].ID != all[11].ID {
			t.Errorf("%d sessions are left instead of %d", len(page), want)
		}
		stored(t, s, alone) // the only session of its repository
		stored(t, s, job)   // of another kind
		if got := whole(t, s, all[11]); len(got) != 400 {
			t.Errorf("%d items are left of the running session's log", len(got))
		}
	}
	keep := store.Keep{Kind: sync1, PerRepository: true}
	thin(t, s, keep)
	left(12)
	keep.Since = base.Add(2 * time.Hour)
	thin(t, s, keep)
	left(10)
	keep.Since, keep.Newest = time.Time{}, 5
	thin(t, s, keep)
	left(5)
	keep.Since, keep.Newest = base.Add(100*time.Hour), 1
	thin(t, s, keep)
	left(1)
	_, err := s.Work(ctx, sync1, all[0].ID)
	wantCode(t, err, syncline.CodeNotFound)
}

// testThinAll thins out the work of all repositories together.
func testThinAll(t *testing.T, s store.Store) {
	a, b := addRepository(t, s, "a"), addRepository(t, s, "b")
	running := start(t, s, restore, a.ID, base)
	for i := range 6 {
		repo := []syncline.ID{a.ID, b.ID}[i%2]
		end(t, s, start(t, s, restore, repo, base.Add(time.Duration(i)*time.Hour)), syncline.WorkStopped)
	}
	left := func(keep store.Keep, want int) {
		t.Helper()
		thin(t, s, keep)
		page := must(s.WorkPage(t.Context(), store.WorkQuery{Kind: restore, Limit: 100}))(t)
		if len(page) != want || page[len(page)-1].ID != running.ID {
			t.Errorf("%d jobs are left instead of %d", len(page), want)
		}
	}
	left(store.Keep{Kind: restore}, 7)
	left(store.Keep{Kind: restore, Since: base.Add(time.Hour)}, 6)
	left(store.Keep{Kind: restore, Newest: 3}, 4)
	left(store.Keep{Kind: restore, Newest: 1, Since: base.Add(100 * time.Hour)}, 2)
}
