package storetest

import (
	"errors"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/store"
)

// expire ends the lease of work.
func expire(t *testing.T, s store.Store, w store.Work) {
	t.Helper()
	if got := must(s.RenewWork(t.Context(), w.Owner, -time.Hour, []store.Held{heldOf(w)}))(t); len(got) != 1 {
		t.Fatalf("renewed: %+v", got)
	}
}

func heldOf(w store.Work) store.Held { return store.Held{ID: w.ID, Epoch: w.Epoch} }

// free adds work that any node may take.
func free(t *testing.T, s store.Store, kind syncline.WorkKind, repo syncline.ID, change func(*store.Work)) store.Work {
	t.Helper()
	w := newWork(kind, repo, base)
	w.Lease, w.Node, w.Urgent = store.Lease{}, "", false
	if change != nil {
		change(&w)
	}
	got, added, err := s.AddWork(t.Context(), w)
	check(t, err)
	if !added || got != w {
		t.Fatalf("added %+v (%v), want %+v", got, added, w)
	}
	return got
}

// takeWork takes work and compares it with what is wanted, which is then as it was taken.
func takeWork(t *testing.T, s store.Store, taking store.Taking, want ...*store.Work) {
	t.Helper()
	if taking.Kind == "" {
		taking.Kind = restore
	}
	got := must(s.TakeWork(t.Context(), taking))(t)
	if len(got) != len(want) || got == nil {
		t.Fatalf("%s took %+v", taking.Owner, got)
	}
	for i, w := range want {
		from := w.Owner
		w.Lease = store.Lease{Owner: taking.Owner, Epoch: w.Epoch + 1}
		if got[i].Work != *w || got[i].From != from || stored(t, s, *w) != *w {
			t.Errorf("%s took %+v, want %+v from %s", taking.Owner, got[i], *w, from)
		}
	}
}

// testLeases has two nodes take each other's work.
func testLeases(t *testing.T, s store.Store) {
	repo := addRepository(t, s, "r")
	anyones := free(t, s, restore, repo.ID, nil)
	first := free(t, s, restore, repo.ID, func(w *store.Work) { w.Lease = store.Lease{Owner: node, Epoch: 1} })
	second := free(t, s, restore, repo.ID, func(w *store.Work) { w.Lease = store.Lease{Owner: node, Epoch: 1} })
	end(t, s, start(t, s, restore, repo.ID, base), syncline.WorkFailed)
	session := start(t, s, sync1, repo.ID, base)

	takeWork(t, s, store.Taking{Owner: "other", Length: time.Hour}, &anyones)
	takeWork(t, s, store.Taking{Owner: "other", Length: time.Hour}) // it has the rest, and another node holds the others
	takeWork(t, s, store.Taking{Owner: "other", Length: time.Hour, Again: true}, &anyones)
	takeWork(t, s, store.Taking{Owner: node, Length: time.Hour, Limit: 1, Again: true}, &first) // the oldest first
	takeWork(t, s, store.Taking{Owner: node, Again: true}, &first, &second)                     // without an end
	takeWork(t, s, store.Taking{Owner: "other"})
	late := first
	expire(t, s, first)
	expire(t, s, anyones)
	takeWork(t, s, store.Taking{Owner: "other", Length: -time.Hour}, &anyones, &first) // its own, too, when the lease is over
	takeWork(t, s, store.Taking{Owner: "third", Length: time.Hour, ID: first.ID}, &first)
	if got := stored(t, s, session); got != session {
		t.Errorf("work of another kind was taken: %+v", got)
	}
	refusesLate(t, s, late, first)
	end(t, s, first, syncline.WorkStopped)
	takeWork(t, s, store.Taking{Owner: "fourth", Length: time.Hour, Again: true}, &anyones) // not what has ended
}

// refusesLate has a node write that lost its lease.
func refusesLate(t *testing.T, s store.Store, late, now store.Work) {
	t.Helper()
	ctx, item := t.Context(), syncline.LogItem{Time: base, Level: syncline.LogInfo, Message: "m"}
	late.State, late.Progress = syncline.WorkSucceeded, 100
	wantCode(t, s.UpdateWork(ctx, late), syncline.CodeConflict)
	wantCode(t, s.AppendLog(ctx, late.ID, late.Epoch, item), syncline.CodeConflict)
	if got := must(s.RenewWork(ctx, late.Owner, time.Hour, []store.Held{heldOf(late)}))(t); len(got) != 0 {
		t.Errorf("a late node renewed %+v", got)
	}
	check(t, s.ReturnWork(ctx, late.Owner, []store.Held{heldOf(late)}))
	if got := stored(t, s, now); got != now || len(whole(t, s, now)) != 0 {
		t.Errorf("a late node left %+v", got)
	}
	check(t, s.AppendLog(ctx, now.ID, now.Epoch, item))
}

// testTakeOrder takes what is to stop first, then what is urgent, then the oldest, and
// leaves alone what another node must run.
func testTakeOrder(t *testing.T, s store.Store) {
	ctx, repo := t.Context(), addRepository(t, s, "r")
	plain := free(t, s, restore, repo.ID, nil)
	for _, name := range []string{"b", "c"} {
		putNode(t, s, syncline.ID(name))
	}
	bound := free(t, s, restore, repo.ID, func(w *store.Work) { w.Node = "b" })
	elsewhere := free(t, s, restore, repo.ID, func(w *store.Work) { w.Node, w.Urgent = "c", true })
	urgent := free(t, s, restore, repo.ID, func(w *store.Work) { w.Urgent = true })
	stopped := free(t, s, restore, repo.ID, func(w *store.Work) { w.Node = "c" })
	stopped = must(s.RequestStop(ctx, restore, stopped.ID))(t)
	takeWork(t, s, store.Taking{Owner: "a", Length: time.Hour, Stopping: true, Limit: 9}, &stopped)
	expire(t, s, stopped)
	takeWork(t, s, store.Taking{Owner: "b", Length: time.Hour, Limit: 2}, &stopped, &urgent)
	takeWork(t, s, store.Taking{Owner: "a", Length: time.Hour}, &plain)
	takeWork(t, s, store.Taking{Owner: "b", Length: time.Hour}, &bound)
	takeWork(t, s, store.Taking{Owner: "c", Length: time.Hour, Stopping: true})
	takeWork(t, s, store.Taking{Owner: "c", Length: time.Hour}, &elsewhere)
	expire(t, s, elsewhere)
	takeWork(t, s, store.Taking{Owner: "a", Length: time.Hour}) // also when the node is gone
}

// testTakeBound holds so much work of a kind, on all nodes together.
func testTakeBound(t *testing.T, s store.Store) {
	repo := addRepository(t, s, "r")
	var all []store.Work
	for range 5 {
		all = append(all, free(t, s, restore, repo.ID, nil))
	}
	takeWork(t, s, store.Taking{Owner: "a", Length: time.Hour, Running: 3, Limit: 2}, &all[0], &all[1])
	takeWork(t, s, store.Taking{Owner: "b", Length: time.Hour, Running: 3}, &all[2])
	takeWork(t, s, store.Taking{Owner: "c", Length: time.Hour, Running: 3})
	takeWork(t, s, store.Taking{Owner: "a", Length: time.Hour, Running: 3, Again: true}, &all[0], &all[1]) // they count once
	expire(t, s, all[0])
	end(t, s, all[1], syncline.WorkSucceeded)
	takeWork(t, s, store.Taking{Owner: "c", Length: time.Hour, Running: 3}, &all[0], &all[3])
	var held sync.Map
	for i := range all {
		if all[i].Owner != "" {
			expireQuietly(t, s, all[i])
		}
	}
	together(4, func(i int) {
		got, err := s.TakeWork(t.Context(), store.Taking{Kind: restore, Owner: string(rune('k' + i)), Length: time.Hour, Running: 3})
		if err != nil {
			t.Error(err)
		}
		for _, w := range got {
			held.Store(w.ID, true)
		}
	})
	count := 0
	held.Range(func(any, any) bool { count++; return true })
	if count != 3 {
		t.Errorf("%d pieces are held", count)
	}
}

func expireQuietly(t *testing.T, s store.Store, w store.Work) {
	t.Helper()
	_, err := s.RenewWork(t.Context(), w.Owner, -time.Hour, []store.Held{heldOf(w)})
	check(t, err)
}

// testRenew renews and gives back leases.
func testRenew(t *testing.T, s store.Store) {
	ctx, repo := t.Context(), addRepository(t, s, "r")
	var all []store.Work
	for range 5 {
		all = append(all, free(t, s, restore, repo.ID, nil))
	}
	takeWork(t, s, store.Taking{Owner: "a", Length: time.Hour}, &all[0], &all[1], &all[2], &all[3], &all[4])
	for i := range all[:4] {
		expireQuietly(t, s, all[i])
	}
	takeWork(t, s, store.Taking{Owner: "b", Length: time.Hour, ID: all[1].ID}, &all[1])
	all[2] = end(t, s, all[2], syncline.WorkFailed)
	all[3] = must(s.RequestStop(ctx, restore, all[3].ID))(t)
	held := []store.Held{heldOf(all[0]), {ID: all[1].ID, Epoch: 1}, heldOf(all[2]), heldOf(all[3]), {ID: all[4].ID, Epoch: 7}, {ID: newID(), Epoch: 1}}
	got := must(s.RenewWork(ctx, "a", time.Hour, held))(t)
	slices.SortFunc(got, func(a, b store.Renewed) int { return map[bool]int{false: -1, true: 1}[a.StopRequested] })
	if want := []store.Renewed{{Held: heldOf(all[0])}, {Held: heldOf(all[3]), StopRequested: true}}; !reflect.DeepEqual(got, want) {
		t.Errorf("renewed %+v, want %+v", got, want)
	}
	takeWork(t, s, store.Taking{Owner: "b", Length: time.Hour}) // all leases last
	if got := must(s.RenewWork(ctx, "a", time.Hour, nil))(t); len(got) != 0 {
		t.Errorf("of none: %+v", got)
	}

	check(t, s.ReturnWork(ctx, "a", held))
	for i := range all {
		if i == 0 || i == 3 {
			all[i].Lease = store.Lease{Epoch: all[i].Epoch + 1}
		}
		if got := stored(t, s, all[i]); got != all[i] {
			t.Errorf("%d was given back as %+v, want %+v", i, got, all[i])
		}
	}
	takeWork(t, s, store.Taking{Owner: "b", Length: time.Hour}, &all[3], &all[0])
}

// testManyLeases holds more than one statement names.
func testManyLeases(t *testing.T, s store.Store) {
	ctx, repo := t.Context(), addRepository(t, s, "r")
	const many = 450
	ids := make([]syncline.ID, many)
	for i := range ids {
		ids[i] = free(t, s, restore, repo.ID, nil).ID
	}
	got := must(s.TakeWork(ctx, store.Taking{Kind: restore, Owner: "a", Length: time.Hour}))(t)
	held := make([]store.Held, len(got))
	for i, w := range got {
		if w.ID != ids[i] || w.Owner != "a" || w.Epoch != 1 {
			t.Fatalf("the piece %d is %+v", i, w)
		}
		held[i] = heldOf(w.Work)
	}
	if got := must(s.RenewWork(ctx, "a", time.Hour, held))(t); len(got) != many {
		t.Errorf("renewed %d", len(got))
	}
	check(t, s.ReturnWork(ctx, "a", held))
	if got := must(s.TakeWork(ctx, store.Taking{Kind: restore, Owner: "b", Length: time.Hour}))(t); len(got) != many {
		t.Errorf("took %d", len(got))
	}
}

// testUrgent makes work that runs already urgent.
func testUrgent(t *testing.T, s store.Store) {
	ctx, repo := t.Context(), addRepository(t, s, "r")
	want := free(t, s, sync1, repo.ID, nil)
	for _, urgent := range []bool{false, true, false} {
		again := newWork(sync1, repo.ID, base)
		again.Urgent = urgent
		got, added, err := s.AddWork(ctx, again)
		check(t, err)
		want.Urgent = want.Urgent || urgent
		if added || got != want || stored(t, s, want) != want {
			t.Errorf("got %+v (%v), want %+v", got, added, want)
		}
	}
}

// testHolds keeps work out.
func testHolds(t *testing.T, s store.Store) {
	ctx, repo, other := t.Context(), addRepository(t, s, "r"), addRepository(t, s, "other")
	add := func(kind syncline.WorkKind, repository syncline.ID) error {
		w := newWork(kind, repository, base)
		w.Lease, w.Node = store.Lease{}, ""
		_, _, err := s.AddWork(ctx, w)
		return err
	}
	there := free(t, s, restore, repo.ID, nil)
	hold := store.Hold{ID: newID(), RepositoryID: repo.ID, Kind: restore}
	second := store.Hold{ID: newID(), RepositoryID: repo.ID, Kind: restore}
	check(t, s.HoldWork(ctx, hold, time.Hour))
	check(t, s.HoldWork(ctx, hold, time.Hour)) // goes on
	check(t, s.HoldWork(ctx, second, time.Hour))
	if err := add(restore, repo.ID); !errors.Is(err, store.ErrHeld) {
		t.Errorf("held work: %v", err)
	}
	check(t, add(sync1, repo.ID))
	check(t, add(restore, other.ID))
	check(t, s.DropHold(ctx, hold.ID))
	if err := add(restore, repo.ID); !errors.Is(err, store.ErrHeld) {
		t.Errorf("held by the second one: %v", err)
	}
	if got := must(s.TakeWork(ctx, store.Taking{Kind: restore, Owner: "a", Length: time.Hour}))(t); len(got) != 1 || got[0].RepositoryID != other.ID {
		t.Errorf("took %+v", got)
	}
	there = must(s.RequestStop(ctx, restore, there.ID))(t)
	takeWork(t, s, store.Taking{Owner: "a", Length: time.Hour}, &there) // to end it
	check(t, s.HoldWork(ctx, second, -time.Hour))                       // it is over
	check(t, add(restore, repo.ID))

	leaving := store.Hold{ID: newID(), RepositoryID: repo.ID}
	check(t, s.HoldWork(ctx, leaving, time.Hour))
	check(t, s.HoldWork(ctx, leaving, time.Hour))
	another := leaving
	another.ID = newID()
	if err := s.HoldWork(ctx, another, time.Hour); !errors.Is(err, store.ErrLeaving) {
		t.Errorf("a second removal: %v", err)
	}
	check(t, s.HoldWork(ctx, hold, time.Hour)) // a change beside it
	for _, kind := range []syncline.WorkKind{restore, sync1} {
		if err := add(kind, repo.ID); !errors.Is(err, store.ErrLeaving) {
			t.Errorf("%s of a repository that is being removed: %v", kind, err)
		}
	}
	wantCode(t, s.HoldWork(ctx, store.Hold{ID: newID(), RepositoryID: newID()}, time.Hour), syncline.CodeNotFound)
	check(t, s.HoldWork(ctx, leaving, -time.Hour)) // its node has stopped
	check(t, s.HoldWork(ctx, another, time.Hour))
	check(t, s.DeleteRepository(ctx, repo.ID))
	check(t, s.DropHold(ctx, another.ID))
	wantCode(t, s.HoldWork(ctx, another, time.Hour), syncline.CodeNotFound)
}

// testAddIf adds work after a look at the rest.
func testAddIf(t *testing.T, s store.Store) {
	ctx, repo := t.Context(), addRepository(t, s, "r")
	first, second := start(t, s, restore, repo.ID, base), start(t, s, restore, repo.ID, base)
	end(t, s, start(t, s, restore, repo.ID, base), syncline.WorkFailed)
	start(t, s, sync1, repo.ID, base)
	refused := syncline.Errorf(syncline.CodeThrottled, "no")
	var seen []store.Work
	_, _, err := s.AddWorkIf(ctx, newWork(restore, repo.ID, base), func(unended []store.Work) error {
		seen = unended
		return refused
	})
	if !errors.Is(err, refused) || syncline.CodeOf(err) != syncline.CodeThrottled || !reflect.DeepEqual(seen, []store.Work{first, second}) {
		t.Errorf("got %v after %+v", err, seen)
	}
	want := newWork(restore, repo.ID, base)
	got, added, err := s.AddWorkIf(ctx, want, func([]store.Work) error { return nil })
	if err != nil || !added || got != want {
		t.Errorf("got %+v, %v, %v", got, added, err)
	}
	var count sync.Map
	together(8, func(i int) {
		_, _, err := s.AddWorkIf(ctx, newWork(restore, repo.ID, base), func(unended []store.Work) error {
			if len(unended) > 4 {
				return refused
			}
			return nil
		})
		count.Store(i, err == nil)
		if err != nil && !errors.Is(err, refused) {
			t.Error(err)
		}
	})
	if got := must(s.UnendedWork(ctx, restore))(t); len(got) != 5 {
		t.Errorf("%d were added beside one another", len(got))
	}
}

// testTakeRace has many nodes take the same work: each piece goes to one of them.
func testTakeRace(t *testing.T, s store.Store) {
	repo := addRepository(t, s, "r")
	for range 20 {
		free(t, s, restore, repo.ID, nil)
	}
	var mu sync.Mutex
	owners := map[syncline.ID]string{}
	together(8, func(i int) {
		for {
			owner := string(rune('a' + i))
			got, err := s.TakeWork(t.Context(), store.Taking{Kind: restore, Owner: owner, Length: time.Hour, Limit: 1})
			if err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			if len(owners) == 20 {
				mu.Unlock()
				return
			}
			for _, w := range got {
				if other, taken := owners[w.ID]; taken {
					t.Errorf("%s took the work of %s", owner, other)
				}
				owners[w.ID] = owner
			}
			mu.Unlock()
			if len(got) == 1 && i%2 == 0 {
				if err := s.UpdateWork(t.Context(), finished(got[0].Work)); err != nil {
					t.Error(err)
				}
			}
		}
	})
	if len(owners) != 20 {
		t.Errorf("%d pieces were taken", len(owners))
	}
}

// testWakes carries hints.
func testWakes(t *testing.T, s store.Store) {
	ctx := t.Context()
	wakes := s.Wakes(ctx)
	want := store.Wake{Topic: store.TopicStop, ID: newID()}
	check(t, s.Wake(ctx, want))
	for {
		if got := <-wakes; got == want {
			return
		} else if got.Topic != store.TopicAll {
			t.Fatalf("heard %+v", got)
		}
	}
}
