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

const (
	sync1   = syncline.WorkSynchronize
	restore = syncline.WorkRestore
	node    = "node \xff"
)

// newWork makes work with a bit of everything that AddWork takes.
func newWork(kind syncline.WorkKind, repo syncline.ID, created time.Time) store.Work {
	return store.Work{
		Work: syncline.Work{
			ID: newID(), Kind: kind, RepositoryID: repo, StartedBy: "ada \xff", State: syncline.WorkQueued, CreatedAt: created,
		},
		Lease: store.Lease{Owner: node, Epoch: 1},
		Alone: kind == sync1, Urgent: kind == restore, Order: `{"what":"✓"} ` + "\xfe",
	}
}

// start adds work that must be new.
func start(t *testing.T, s store.Store, kind syncline.WorkKind, repo syncline.ID, created time.Time) store.Work {
	t.Helper()
	want := newWork(kind, repo, created)
	got, added, err := s.AddWork(t.Context(), want)
	check(t, err)
	if !added || got != want {
		t.Fatalf("got %+v (%v), want %+v", got, added, want)
	}
	return got
}

// end moves work to a final state.
func end(t *testing.T, s store.Store, w store.Work, state syncline.WorkState) store.Work {
	t.Helper()
	w.State, w.EndedAt = state, w.CreatedAt.Add(time.Minute)
	check(t, s.UpdateWork(t.Context(), w))
	return w
}

// stored reads work back.
func stored(t *testing.T, s store.Store, w store.Work) store.Work {
	t.Helper()
	return must(s.Work(t.Context(), w.Kind, w.ID))(t)
}

// ofBothKinds runs a test for work that is alone and work that is not.
func ofBothKinds(test func(*testing.T, store.Store, syncline.WorkKind)) func(*testing.T, store.Store) {
	return func(t *testing.T, s store.Store) {
		for _, kind := range []syncline.WorkKind{sync1, restore} {
			test(t, s, kind)
		}
	}
}

func testAddWork(t *testing.T, s store.Store, kind syncline.WorkKind) {
	ctx := t.Context()
	repo := addRepository(t, s, "r "+string(kind))
	want := start(t, s, kind, repo.ID, base)
	if got := stored(t, s, want); got != want {
		t.Errorf("stored %+v, want %+v", got, want)
	}
	_, _, err := s.AddWork(ctx, newWork(kind, newID(), base))
	wantCode(t, err, syncline.CodeNotFound) // there is no such repository
	end(t, s, want, syncline.WorkStopped)
	_, _, err = s.AddWork(ctx, want)
	wantCode(t, err, syncline.CodeConflict) // an id is used once
	// Work starts queued, and its first epoch is 1, whatever a caller puts in.
	plain := newWork(kind, repo.ID, base)
	odd := plain
	odd.Progress, odd.StopRequested, odd.State, odd.Error = 50, true, syncline.WorkFailed, "x"
	odd.StartedAt, odd.EndedAt, odd.Result, odd.Epoch = base, base, "{}", 7
	got, added, err := s.AddWork(ctx, odd)
	check(t, err)
	if !added || got != plain {
		t.Errorf("got %+v (%v), want %+v", got, added, plain)
	}
	end(t, s, got, syncline.WorkStopped)
	// Work without an owner is in no epoch yet.
	free := newWork(kind, repo.ID, base)
	free.Lease = store.Lease{}
	if got, _, err = s.AddWork(ctx, free); err != nil || got != free {
		t.Errorf("got %+v, %v, want %+v", got, err, free)
	}
	_, err = s.Work(ctx, kind, newID())
	wantCode(t, err, syncline.CodeNotFound)
}

// testKinds asks for work of one kind by the name of the other.
func testKinds(t *testing.T, s store.Store) {
	ctx := t.Context()
	repo := addRepository(t, s, "r")
	kinds := map[syncline.WorkKind]store.Work{sync1: start(t, s, sync1, repo.ID, base), restore: start(t, s, restore, repo.ID, base)}
	for kind, other := range map[syncline.WorkKind]syncline.WorkKind{sync1: restore, restore: sync1} {
		w := kinds[kind]
		_, err := s.Work(ctx, other, w.ID)
		wantCode(t, err, syncline.CodeNotFound)
		_, err = s.RequestStop(ctx, other, w.ID)
		wantCode(t, err, syncline.CodeNotFound)
		_, _, err = s.Log(ctx, other, w.ID, 10, 0)
		wantCode(t, err, syncline.CodeNotFound)
		if got := must(s.UnendedWork(ctx, kind))(t); !reflect.DeepEqual(got, []store.Work{w}) {
			t.Errorf("unended: %+v", got)
		}
		if got := must(s.WorkPage(ctx, store.WorkQuery{Kind: kind, Limit: 10}))(t); !reflect.DeepEqual(got, []store.Work{w}) {
			t.Errorf("page: %+v", got)
		}
		if stored(t, s, w).StopRequested {
			t.Error("work of another kind is to stop")
		}
	}
}

func testAlone(t *testing.T, s store.Store) {
	ctx := t.Context()
	repo, other := addRepository(t, s, "r"), addRepository(t, s, "other")
	want := start(t, s, sync1, repo.ID, base)
	for _, state := range []syncline.WorkState{syncline.WorkQueued, syncline.WorkRunning} {
		want.State = state
		check(t, s.UpdateWork(ctx, want))
		got, added, err := s.AddWork(ctx, newWork(sync1, repo.ID, base))
		check(t, err)
		if added || got != want {
			t.Errorf("got %+v (%v), want the %s one", got, added, state)
		}
	}
	start(t, s, sync1, other.ID, base)
	for range 2 {
		start(t, s, restore, repo.ID, base) // neither alone nor of the kind
	}
	end(t, s, want, syncline.WorkStopped)
	start(t, s, sync1, repo.ID, base)
}

func testAloneRace(t *testing.T, s store.Store) {
	repo := addRepository(t, s, "r")
	var added atomic.Int32
	var mu sync.Mutex
	ids := map[syncline.ID]bool{}
	together(8, func(int) {
		w, fresh, err := s.AddWork(t.Context(), newWork(sync1, repo.ID, base))
		if err != nil {
			t.Error(err)
			return
		}
		if fresh {
			added.Add(1)
		}
		mu.Lock()
		defer mu.Unlock()
		ids[w.ID] = true
	})
	if added.Load() != 1 || len(ids) != 1 {
		t.Errorf("%d sessions were added, the callers got %v", added.Load(), ids)
	}
	if list := must(s.UnendedWork(t.Context(), sync1))(t); len(list) != 1 {
		t.Errorf("%d sessions are kept", len(list))
	}
}

func testUpdateWork(t *testing.T, s store.Store, kind syncline.WorkKind) {
	ctx := t.Context()
	w := start(t, s, kind, addRepository(t, s, "r "+string(kind)).ID, base)
	w.State, w.Progress, w.StartedAt = syncline.WorkRunning, 41, base.Add(time.Second)
	w.Result = `{"get \"data\" ✓":4611686018427387904}` + "\xff"
	check(t, s.UpdateWork(ctx, w))
	if got := stored(t, s, w); got != w {
		t.Errorf("got %+v, want %+v", got, w)
	}
	w.State, w.Error, w.EndedAt = syncline.WorkFailed, "two objects are missing \xff", base.Add(time.Minute)
	written := w
	// None of these is its to change.
	written.StopRequested, written.RepositoryID, written.CreatedAt = true, newID(), base.Add(time.Hour)
	written.Order, written.StartedBy, written.Owner, written.Kind, written.Alone = "x", "x", "x", "x", !w.Alone
	written.Node, written.Urgent = "x", !w.Urgent
	check(t, s.UpdateWork(ctx, written))
	if got := stored(t, s, w); got != w {
		t.Errorf("got %+v, want %+v", got, w)
	}
	gone := w
	gone.ID = newID()
	wantCode(t, s.UpdateWork(ctx, gone), syncline.CodeNotFound)
	w = start(t, s, kind, w.RepositoryID, base)
	for _, change := range []func(*store.Work){
		func(w *store.Work) { w.State = "paused" },
		func(w *store.Work) { w.State = "" },
		func(w *store.Work) { w.Progress = 101 },
		func(w *store.Work) { w.Progress = -1 },
	} {
		bad := w
		change(&bad)
		wantCode(t, s.UpdateWork(ctx, bad), syncline.CodeInvalid)
	}
	if got := stored(t, s, w); got != w {
		t.Errorf("a refused update left %+v", got)
	}
}

func testFinalStates(t *testing.T, s store.Store) {
	repo := addRepository(t, s, "r")
	all := []syncline.WorkState{
		syncline.WorkQueued, syncline.WorkRunning, syncline.WorkSucceeded, syncline.WorkStopped, syncline.WorkFailed,
	}
	for _, final := range all[2:] {
		w := end(t, s, start(t, s, sync1, repo.ID, base), final)
		for _, next := range all {
			late := w
			late.State, late.Progress, late.Error = next, 99, "late"
			wantCode(t, s.UpdateWork(t.Context(), late), syncline.CodeConflict)
		}
		if got := stored(t, s, w); got != w {
			t.Errorf("after %s: got %+v, want %+v", final, got, w)
		}
	}
}

func testProgressNeverFalls(t *testing.T, s store.Store) {
	w := start(t, s, sync1, addRepository(t, s, "r").ID, base)
	w.State = syncline.WorkRunning
	for _, step := range []struct{ write, want int }{{10, 10}, {5, 10}, {10, 10}, {60, 60}, {0, 60}, {100, 100}, {99, 100}} {
		w.Progress = step.write
		w.Result += "x"
		check(t, s.UpdateWork(t.Context(), w))
		if got := stored(t, s, w); got.Progress != step.want || got.Result != w.Result {
			t.Errorf("wrote %d, got %+v, want progress %d", step.write, got, step.want)
		}
	}
}

func testRequestStop(t *testing.T, s store.Store, kind syncline.WorkKind) {
	ctx := t.Context()
	repo := addRepository(t, s, "r "+string(kind))
	w := start(t, s, kind, repo.ID, base)
	got := must(s.RequestStop(ctx, kind, w.ID))(t)
	if w.StopRequested = true; got != w {
		t.Errorf("got %+v, want %+v", got, w)
	}
	w.State, w.StopRequested = syncline.WorkRunning, false
	check(t, s.UpdateWork(ctx, w))
	if !stored(t, s, w).StopRequested {
		t.Error("an update took the request to stop back")
	}
	end(t, s, w, syncline.WorkStopped)

	ended := end(t, s, start(t, s, kind, repo.ID, base), syncline.WorkSucceeded)
	if got := must(s.RequestStop(ctx, kind, ended.ID))(t); got != ended {
		t.Errorf("got %+v, want %+v", got, ended)
	}
	_, err := s.RequestStop(ctx, kind, newID())
	wantCode(t, err, syncline.CodeNotFound)
}

func testLatestWork(t *testing.T, s store.Store) {
	ctx := t.Context()
	if got := must(s.LatestWork(ctx, sync1))(t); len(got) != 0 || got == nil {
		t.Fatalf("a new store has sessions: %#v", got)
	}
	a, b, c := addRepository(t, s, "a"), addRepository(t, s, "b"), addRepository(t, s, "c")
	addRepository(t, s, "never synchronized")
	end(t, s, start(t, s, sync1, a.ID, base), syncline.WorkSucceeded)
	latestA := end(t, s, start(t, s, sync1, a.ID, base.Add(3*time.Hour)), syncline.WorkFailed)
	end(t, s, start(t, s, sync1, b.ID, base.Add(2*time.Hour)), syncline.WorkStopped)
	// Started last although the clock was set back: this one is the latest.
	latestB := start(t, s, sync1, b.ID, base.Add(1*time.Hour))
	latestC := start(t, s, sync1, c.ID, base.Add(2*time.Hour))
	start(t, s, restore, c.ID, base.Add(9*time.Hour)) // of another kind
	want := []store.Work{latestA, latestC, latestB}
	if got := must(s.LatestWork(ctx, sync1))(t); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if got := must(s.LatestWork(ctx, sync1))(t); !reflect.DeepEqual(got, want) {
		t.Errorf("asked again: got %+v, want %+v", got, want)
	}
	want[2] = end(t, s, latestB, syncline.WorkSucceeded)
	if got := must(s.LatestWork(ctx, sync1))(t); !reflect.DeepEqual(got, want) {
		t.Errorf("after the end: got %+v, want %+v", got, want)
	}
}

func testWorkPage(t *testing.T, s store.Store, kind syncline.WorkKind) {
	ctx := t.Context()
	repo, other := addRepository(t, s, "r "+string(kind)), addRepository(t, s, "other "+string(kind))
	q := store.WorkQuery{Kind: kind, RepositoryID: repo.ID, Limit: 10}
	if page := must(s.WorkPage(ctx, q))(t); page == nil || len(page) != 0 {
		t.Fatalf("got %#v", page)
	}
	elsewhere := start(t, s, kind, other.ID, base)
	var newest []store.Work // first
	for i := range 5 {
		w := end(t, s, start(t, s, kind, repo.ID, base.Add(time.Duration(i)*time.Hour)), syncline.WorkSucceeded)
		newest = append([]store.Work{w}, newest...)
	}
	for _, c := range []struct{ limit, offset, from, to int }{
		{10, 0, 0, 5}, {2, 0, 0, 2}, {2, 2, 2, 4}, {2, 4, 4, 5}, {2, 5, 5, 5}, {2, 100, 5, 5}, {0, 0, 0, 0},
	} {
		q.Limit, q.Offset = c.limit, c.offset
		if page := must(s.WorkPage(ctx, q))(t); len(page) != c.to-c.from || len(page) > 0 && !reflect.DeepEqual(page, newest[c.from:c.to]) {
			t.Errorf("limit %d, offset %d: got %+v, want %+v", c.limit, c.offset, page, newest[c.from:c.to])
		}
	}
	if page := must(s.WorkPage(ctx, store.WorkQuery{Kind: kind, Limit: 10}))(t); !reflect.DeepEqual(page, append(newest, elsewhere)) {
		t.Errorf("of all repositories: got %+v", page)
	}
	mine := newWork(kind, repo.ID, base)
	mine.StartedBy = "grace"
	mine, _, err := s.AddWork(ctx, mine)
	check(t, err)
	if page := must(s.WorkPage(ctx, store.WorkQuery{Kind: kind, StartedBy: "grace", Limit: 10}))(t); !reflect.DeepEqual(page, []store.Work{mine}) {
		t.Errorf("of a user: got %+v", page)
	}
	failed := end(t, s, mine, syncline.WorkFailed)
	for _, c := range []struct {
		states []syncline.WorkState
		want   []store.Work
	}{
		{[]syncline.WorkState{syncline.WorkFailed}, []store.Work{failed}},
		{[]syncline.WorkState{syncline.WorkFailed, syncline.WorkQueued}, []store.Work{failed, elsewhere}},
		{[]syncline.WorkState{syncline.WorkStopped}, []store.Work{}},
	} {
		if page := must(s.WorkPage(ctx, store.WorkQuery{Kind: kind, States: c.states, Limit: 10}))(t); !reflect.DeepEqual(page, c.want) {
			t.Errorf("in the states %v: got %+v", c.states, page)
		}
	}
	for _, c := range []struct{ limit, offset int }{{-1, 0}, {1, -1}} {
		_, err := s.WorkPage(ctx, store.WorkQuery{Kind: kind, Limit: c.limit, Offset: c.offset})
		wantCode(t, err, syncline.CodeInvalid)
	}
}

func testUnendedWork(t *testing.T, s store.Store) {
	ctx := t.Context()
	a, b, c := addRepository(t, s, "a"), addRepository(t, s, "b"), addRepository(t, s, "c")
	running := start(t, s, sync1, a.ID, base.Add(time.Hour))
	running.State = syncline.WorkRunning
	check(t, s.UpdateWork(ctx, running))
	end(t, s, start(t, s, sync1, b.ID, base), syncline.WorkFailed)
	queued := start(t, s, sync1, c.ID, base.Add(2*time.Hour))
	start(t, s, restore, c.ID, base)
	if got := must(s.UnendedWork(ctx, sync1))(t); !reflect.DeepEqual(got, []store.Work{running, queued}) {
		t.Errorf("got %+v", got)
	}
}

func finished(w store.Work) store.Work {
	w.State, w.EndedAt = syncline.WorkSucceeded, base
	return w
}

func testWorkGoesWithRepository(t *testing.T, s store.Store, kind syncline.WorkKind) {
	ctx := t.Context()
	gone, kept := addRepository(t, s, "gone "+string(kind)), addRepository(t, s, "kept "+string(kind))
	ended := end(t, s, start(t, s, kind, gone.ID, base), syncline.WorkFailed)
	running, other := start(t, s, kind, gone.ID, base), start(t, s, kind, kept.ID, base)
	item := syncline.LogItem{Time: base, Level: syncline.LogInfo, Message: "m"}
	for _, w := range []store.Work{ended, running, other} {
		check(t, s.AppendLog(ctx, w.ID, w.Epoch, item))
	}
	check(t, s.DeleteRepository(ctx, gone.ID))
	for _, w := range []store.Work{ended, running} {
		_, err := s.Work(ctx, kind, w.ID)
		wantCode(t, err, syncline.CodeNotFound)
		_, _, err = s.Log(ctx, kind, w.ID, 10, 0)
		wantCode(t, err, syncline.CodeNotFound)
		wantCode(t, s.UpdateWork(ctx, w), syncline.CodeNotFound)
		wantCode(t, s.AppendLog(ctx, w.ID, w.Epoch, item), syncline.CodeNotFound)
	}
	if got := must(s.WorkPage(ctx, store.WorkQuery{Kind: kind, Limit: 10}))(t); !reflect.DeepEqual(got, []store.Work{other}) {
		t.Errorf("left: %+v", got)
	}
	if got := whole(t, s, other); len(got) != 1 {
		t.Errorf("the other repository's log: %+v", got)
	}
	// A new repository starts without the old one's history.
	fresh := addRepository(t, s, "gone "+string(kind))
	if got := whole(t, s, start(t, s, kind, fresh.ID, base)); len(got) != 0 {
		t.Errorf("new work has a log: %+v", got)
	}
}
