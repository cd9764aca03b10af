package storetest

import (
	"context"
	"fmt"
	"reflect"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/store"
)

func testStartSession(t *testing.T, s store.Store) {
	ctx := t.Context()
	repo := addRepository(t, s, "r")
	want := syncline.Session{ID: newID(), RepositoryID: repo.ID, State: syncline.SessionQueued, CreatedAt: base}
	got, started, err := s.StartSession(ctx, want)
	check(t, err)
	if !started || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v (%v), want %+v", got, started, want)
	}
	if stored := must(s.Session(ctx, want.ID))(t); !reflect.DeepEqual(stored, want) {
		t.Errorf("stored %+v, want %+v", stored, want)
	}
	for _, state := range []syncline.SessionState{syncline.SessionQueued, syncline.SessionRunning} {
		want.State = state
		check(t, s.UpdateSession(ctx, want))
		got, started, err = s.StartSession(ctx, syncline.Session{ID: newID(), RepositoryID: repo.ID, CreatedAt: base})
		check(t, err)
		if started || !reflect.DeepEqual(got, want) {
			t.Errorf("got %+v (%v), want the %s one", got, started, state)
		}
	}
	end(t, s, want, syncline.SessionStopped)
	_, _, err = s.StartSession(ctx, syncline.Session{ID: want.ID, RepositoryID: repo.ID, CreatedAt: base})
	wantCode(t, err, syncline.CodeConflict) // an id is used once
	// What a caller puts in otherwise is not taken: a session starts queued.
	odd := want
	odd.ID, odd.Progress, odd.StopRequested, odd.State = newID(), 50, true, syncline.SessionFailed
	got, started, err = s.StartSession(ctx, odd)
	check(t, err)
	if !started || got.State != syncline.SessionQueued || got.Progress != 0 || got.StopRequested {
		t.Errorf("got %+v (%v), want a queued session", got, started)
	}
	_, err = s.Session(ctx, newID())
	wantCode(t, err, syncline.CodeNotFound)
}

func testStartSessionRace(t *testing.T, s store.Store) {
	repo := addRepository(t, s, "r")
	var started atomic.Int32
	var mu sync.Mutex
	ids := map[syncline.ID]bool{}
	together(8, func(int) {
		v, isNew, err := s.StartSession(t.Context(), syncline.Session{ID: newID(), RepositoryID: repo.ID, CreatedAt: base})
		if err != nil {
			t.Error(err)
			return
		}
		if isNew {
			started.Add(1)
		}
		mu.Lock()
		defer mu.Unlock()
		ids[v.ID] = true
	})
	if started.Load() != 1 || len(ids) != 1 {
		t.Errorf("%d sessions started, the callers got %v", started.Load(), ids)
	}
	if _, total, err := s.RepositorySessions(t.Context(), repo.ID, 10, 0); err != nil || total != 1 {
		t.Errorf("%d sessions are kept (%v)", total, err)
	}
}

func testUpdateSession(t *testing.T, s store.Store) {
	ctx := t.Context()
	repo := addRepository(t, s, "r")
	v := start(t, s, repo.ID, base)
	v.State, v.Progress, v.StartedAt = syncline.SessionRunning, 41, base.Add(time.Second)
	v.Statistics = syncline.SessionStatistics{
		Requests: 7, RequestsByKind: map[string]int64{"list snapshots": 1, "get \"data\" ✓": 1 << 62},
		BytesFetched: 1, BytesPlanned: 2, Retries: 3, SnapshotsTotal: 4, SnapshotsAdded: 5, SnapshotsRemoved: 6,
		IndexesRead: 7, TreesAdded: 8, EntriesAdded: 9, Damaged: 10, SnapshotsFound: 11,
	}
	check(t, s.UpdateSession(ctx, v))
	if got := must(s.Session(ctx, v.ID))(t); !reflect.DeepEqual(got, v) {
		t.Errorf("got %+v, want %+v", got, v)
	}
	v.State, v.Error, v.EndedAt = syncline.SessionFailed, "two objects are missing \xff", base.Add(time.Minute)
	written := v
	written.StopRequested, written.RepositoryID, written.CreatedAt = true, newID(), base.Add(time.Hour)
	check(t, s.UpdateSession(ctx, written)) // none of the three is its to change
	if got := must(s.Session(ctx, v.ID))(t); !reflect.DeepEqual(got, v) {
		t.Errorf("got %+v, want %+v", got, v)
	}
	wantCode(t, s.UpdateSession(ctx, syncline.Session{ID: newID(), State: syncline.SessionRunning}), syncline.CodeNotFound)
	v = start(t, s, repo.ID, base)
	for _, bad := range []syncline.Session{
		{ID: v.ID, State: "paused"},
		{ID: v.ID},
		{ID: v.ID, State: syncline.SessionRunning, Progress: 101},
		{ID: v.ID, State: syncline.SessionRunning, Progress: -1},
	} {
		wantCode(t, s.UpdateSession(ctx, bad), syncline.CodeInvalid)
	}
	if got := must(s.Session(ctx, v.ID))(t); !reflect.DeepEqual(got, v) {
		t.Errorf("a refused update left %+v", got)
	}
}

func testFinalStates(t *testing.T, s store.Store) {
	ctx := t.Context()
	repo := addRepository(t, s, "r")
	all := []syncline.SessionState{
		syncline.SessionQueued, syncline.SessionRunning, syncline.SessionSucceeded, syncline.SessionStopped, syncline.SessionFailed,
	}
	for _, final := range all[2:] {
		v := end(t, s, start(t, s, repo.ID, base), final)
		for _, next := range all {
			late := v
			late.State, late.Progress, late.Error = next, 99, "late"
			wantCode(t, s.UpdateSession(ctx, late), syncline.CodeConflict)
		}
		if got := must(s.Session(ctx, v.ID))(t); !reflect.DeepEqual(got, v) {
			t.Errorf("after %s: got %+v, want %+v", final, got, v)
		}
	}
}

func testProgressNeverFalls(t *testing.T, s store.Store) {
	ctx := t.Context()
	v := start(t, s, addRepository(t, s, "r").ID, base)
	v.State = syncline.SessionRunning
	for _, step := range []struct{ write, want int }{{10, 10}, {5, 10}, {10, 10}, {60, 60}, {0, 60}, {100, 100}, {99, 100}} {
		v.Progress = step.write
		v.Statistics.Requests++
		check(t, s.UpdateSession(ctx, v))
		got := must(s.Session(ctx, v.ID))(t)
		if got.Progress != step.want || got.Statistics.Requests != v.Statistics.Requests {
			t.Errorf("wrote %d, got %+v, want progress %d", step.write, got, step.want)
		}
	}
}

func testRequestStop(t *testing.T, s store.Store) {
	ctx := t.Context()
	repo := addRepository(t, s, "r")
	v := start(t, s, repo.ID, base)
	got := must(s.RequestStop(ctx, v.ID))(t)
	v.StopRequested = true
	if !reflect.DeepEqual(got, v) {
		t.Errorf("got %+v, want %+v", got, v)
	}
	v.State, v.StopRequested = syncline.SessionRunning, false
	check(t, s.UpdateSession(ctx, v))
	if !must(s.Session(ctx, v.ID))(t).StopRequested {
		t.Error("an update took the request to stop back")
	}
	end(t, s, v, syncline.SessionStopped)

	ended := end(t, s, start(t, s, repo.ID, base), syncline.SessionSucceeded)
	if got := must(s.RequestStop(ctx, ended.ID))(t); !reflect.DeepEqual(got, ended) {
		t.Errorf("got %+v, want %+v", got, ended)
	}
	_, err := s.RequestStop(ctx, newID())
	wantCode(t, err, syncline.CodeNotFound)
}

func testLatestSessions(t *testing.T, s store.Store) {
	ctx := t.Context()
	if got := must(s.LatestSessions(ctx))(t); len(got) != 0 || got == nil {
		t.Fatalf("a new store has sessions: %#v", got)
	}
	a, b, c := addRepository(t, s, "a"), addRepository(t, s, "b"), addRepository(t, s, "c")
	addRepository(t, s, "never synchronized")
	end(t, s, start(t, s, a.ID, base), syncline.SessionSucceeded)
	latestA := end(t, s, start(t, s, a.ID, base.Add(3*time.Hour)), syncline.SessionFailed)
	end(t, s, start(t, s, b.ID, base.Add(2*time.Hour)), syncline.SessionStopped)
	// Started last although the clock was set back: this one is the latest.
	latestB := start(t, s, b.ID, base.Add(1*time.Hour))
	latestC := start(t, s, c.ID, base.Add(2*time.Hour))
	want := []syncline.Session{latestA, latestC, latestB}
	if got := must(s.LatestSessions(ctx))(t); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	must(s.LatestSessions(ctx))(t)[0].Progress = 77 // the answer is the caller's
	if got := must(s.LatestSessions(ctx))(t); !reflect.DeepEqual(got, want) {
		t.Errorf("asked again: got %+v, want %+v", got, want)
	}
	want[2] = end(t, s, latestB, syncline.SessionSucceeded)
	if got := must(s.LatestSessions(ctx))(t); !reflect.DeepEqual(got, want) {
		t.Errorf("after the end: got %+v, want %+v", got, want)
	}
}

func testRepositorySessions(t *testing.T, s store.Store) {
	ctx := t.Context()
	repo, other := addRepository(t, s, "r"), addRepository(t, s, "other")
	if page, total, err := s.RepositorySessions(ctx, repo.ID, 10, 0); err != nil || page == nil || len(page) != 0 || total != 0 {
		t.Fatalf("got %#v, %d, %v", page, total, err)
	}
	start(t, s, other.ID, base)
	var newestFirst []syncline.Session
	for i := range 5 {
		v := end(t, s, start(t, s, repo.ID, base.Add(time.Duration(i)*time.Hour)), syncline.SessionSucceeded)
		newestFirst = append([]syncline.Session{v}, newestFirst...)
	}
	for _, c := range []struct{ limit, offset, from, to int }{
		{10, 0, 0, 5}, {2, 0, 0, 2}, {2, 2, 2, 4}, {2, 4, 4, 5}, {2, 5, 5, 5}, {2, 100, 5, 5}, {0, 0, 0, 0},
	} {
		page, total, err := s.RepositorySessions(ctx, repo.ID, c.limit, c.offset)
		check(t, err)
		want := newestFirst[c.from:c.to]
		if total != 5 || len(page) != len(want) || len(want) > 0 && !reflect.DeepEqual(page, want) {
			t.Errorf("limit %d, offset %d: got %+v of %d, want %+v", c.limit, c.offset, page, total, want)
		}
	}
	for _, c := range []struct{ limit, offset int }{{-1, 0}, {1, -1}} {
		_, _, err := s.RepositorySessions(ctx, repo.ID, c.limit, c.offset)
		wantCode(t, err, syncline.CodeInvalid)
	}
}

func testUnendedSessions(t *testing.T, s store.Store) {
	ctx := t.Context()
	a, b, c := addRepository(t, s, "a"), addRepository(t, s, "b"), addRepository(t, s, "c")
	running := start(t, s, a.ID, base.Add(time.Hour))
	running.State = syncline.SessionRunning
	check(t, s.UpdateSession(ctx, running))
	end(t, s, start(t, s, b.ID, base), syncline.SessionFailed)
	queued := start(t, s, c.ID, base.Add(2*time.Hour))
	if got := must(s.UnendedSessions(ctx))(t); !reflect.DeepEqual(got, []syncline.Session{running, queued}) {
		t.Errorf("got %+v", got)
	}
}

func testLog(t *testing.T, s store.Store) {
	ctx := t.Context()
	repo := addRepository(t, s, "r")
	v := start(t, s, repo.ID, base)
	if got := whole(t, s.Log, v.ID); len(got) != 0 || got == nil {
		t.Fatalf("a new session's log: %#v", got)
	}
	items := []syncline.LogItem{
		{Time: base, Level: syncline.LogInfo, Message: "read 3 snapshots"},
		{Time: base.Add(time.Second), Level: syncline.LogWarning, Message: "pack ab12 \xff is missing"},
		{Time: base, Level: syncline.LogError, Seq: 77, Message: "numbers are the store's to give"},
	}
	check(t, s.AppendLog(ctx, v.ID, items[:2]...))
	check(t, s.AppendLog(ctx, v.ID))
	v = end(t, s, v, syncline.SessionFailed)
	check(t, s.AppendLog(ctx, v.ID, items[2])) // the last word may come after the end
	for i := range items {
		items[i].Seq = int64(i) + 1
	}
	if got := whole(t, s.Log, v.ID); !reflect.DeepEqual(got, items) {
		t.Errorf("got %+v, want %+v", got, items)
	}
	_, _, err := s.Log(ctx, newID(), 10, 0)
	wantCode(t, err, syncline.CodeNotFound)
	wantCode(t, s.AppendLog(ctx, newID(), items[0]), syncline.CodeNotFound)
}

func testLogRace(t *testing.T, s store.Store) {
	ctx := t.Context()
	v := start(t, s, addRepository(t, s, "r").ID, base)
	together(8, func(i int) {
		for j := range 5 {
			item := syncline.LogItem{Time: base, Level: syncline.LogInfo, Message: fmt.Sprint(i, j)}
			if err := s.AppendLog(ctx, v.ID, item); err != nil {
				t.Error(err)
			}
		}
	})
	seen := map[string]bool{}
	for i, item := range whole(t, s.Log, v.ID) {
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
func whole(t *testing.T, read func(context.Context, syncline.ID, int, int) ([]syncline.LogItem, int, error), id syncline.ID) []syncline.LogItem {
	t.Helper()
	all := []syncline.LogItem{}
	for {
		page, total, err := read(t.Context(), id, 2, len(all))
		check(t, err)
		if page == nil {
			t.Fatal("a page is nil")
		}
		if all = append(all, page...); len(all) >= total {
			return all
		}
	}
}

// testThin thins histories out, by number and by age, and by neither.
func testThin(t *testing.T, s store.Store) {
	ctx := t.Context()
	repo, other := addRepository(t, s, "r"), addRepository(t, s, "other")
	var ids []syncline.ID
	for i := range 12 {
		v := start(t, s, repo.ID, base.Add(time.Duration(i)*time.Hour))
		for range 400 {
			check(t, s.AppendLog(ctx, v.ID, syncline.LogItem{Time: base, Level: syncline.LogInfo, Message: "m"}))
		}
		if i < 11 {
			end(t, s, v, syncline.SessionFailed)
		}
		ids = append(ids, v.ID)
	}
	alone := end(t, s, start(t, s, other.ID, base), syncline.SessionSucceeded)
	left := func(want int) {
		t.Helper()
		page, total, err := s.RepositorySessions(ctx, repo.ID, 100, 0)
		check(t, err)
		if total != want || len(page) != want || page[0].ID != ids[11] {
			t.Errorf("%d sessions are left (%d on the page) instead of %d", total, len(page), want)
		}
		if got := must(s.Session(ctx, alone.ID))(t); got.ID != alone.ID {
			t.Error("the only session of a repository went")
		}
		if got := whole(t, s.Log, ids[11]); len(got) != 400 {
			t.Errorf("%d items are left of the running session's log", len(got))
		}
	}
	thin := func(keep store.Keep) {
		t.Helper()
		for turns := 0; ; turns++ {
			more := must(s.Thin(ctx, keep))(t)
			if !more {
				return
			}
			if turns > 50 {
				t.Fatal("there is always more")
			}
		}
	}
	thin(store.Keep{})
	left(12)
	thin(store.Keep{Since: base.Add(2 * time.Hour)})
	left(10)
	thin(store.Keep{Sessions: 5, Jobs: 5})
	left(5)
	thin(store.Keep{Sessions: 1, Jobs: 1, Since: base.Add(100 * time.Hour)})
	left(1)
	_, err := s.Session(ctx, ids[0])
	wantCode(t, err, syncline.CodeNotFound)
}
