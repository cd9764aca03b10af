package storetest

import (
	"fmt"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/store"
)

func newNode(name string) syncline.Node {
	return syncline.Node{
		ID: newID(), HostName: name, Address: name + ":4443", Version: "v1", Port: 4443, Threads: 2, StartedAt: base,
		Load: syncline.NodeLoad{Sessions: 1, Restores: 2, Queued: 3, CPUPermille: -1, Memory: 1 << 40},
	}
}

// first is the sign of a process that begins, and later that of one that goes on.
func first(process string) store.Sign {
	return store.Sign{Process: process, Place: "place of " + process, Begin: true, Alive: time.Hour}
}

func later(process string) store.Sign {
	s := first(process)
	s.Begin = false
	return s
}

// putNode has a node with an id give a sign of life.
func putNode(t *testing.T, s store.Store, id syncline.ID) {
	t.Helper()
	n := newNode("n")
	n.ID = id
	must(s.PutNode(t.Context(), n, first(string(id))))(t)
}

// said is a node as it was told, without what the store adds.
func said(n syncline.Node) syncline.Node {
	n.SeenAt, n.Silence = time.Time{}, 0
	return n
}

func testNodes(t *testing.T, s store.Store) {
	ctx := t.Context()
	if got := must(s.Nodes(ctx))(t); len(got) != 0 {
		t.Fatalf("a new store has nodes: %+v", got)
	}
	one, two := newNode("one \x00 \xff"), newNode("two")
	one.Maintenance = true // which a sign does not say
	if got := must(s.PutNode(ctx, one, first("p1")))(t); got.Maintenance || got.SeenAt.IsZero() || got.Silence < 0 || got.Silence > time.Hour {
		t.Errorf("got %+v", got)
	}
	one.Maintenance = false
	must(s.PutNode(ctx, two, first("p2")))(t)
	all := must(s.Nodes(ctx))(t)
	if len(all) != 2 || said(all[0]) != one || said(all[1]) != two {
		t.Errorf("got %+v", all)
	}

	check(t, s.SetMaintenance(ctx, one.ID, true))
	wantCode(t, s.SetMaintenance(ctx, newID(), true), syncline.CodeNotFound)
	again := syncline.Node{ID: one.ID, HostName: "renamed", StartedAt: base.Add(time.Nanosecond), Stopped: true, Load: syncline.NodeLoad{CPUPermille: 1000}}
	got := must(s.PutNode(ctx, again, later("p1")))(t)
	again.Maintenance = true
	if said(got) != again || got.SeenAt.Before(all[0].SeenAt) {
		t.Errorf("got %+v, want %+v", got, again)
	}
	check(t, s.SetMaintenance(ctx, one.ID, false))
	again.Maintenance = false
	if all = must(s.Nodes(ctx))(t); !reflect.DeepEqual([]syncline.Node{said(all[0]), said(all[1])}, []syncline.Node{again, two}) {
		t.Errorf("got %+v", all)
	}
}

// A node has one process at a time.
func testNodeProcesses(t *testing.T, s store.Store) {
	ctx := t.Context()
	n := newNode("node")
	put := func(sign store.Sign) error {
		_, err := s.PutNode(ctx, n, sign)
		return err
	}
	check(t, put(later("first"))) // also after it was removed
	check(t, put(later("first")))
	wantCode(t, put(later("second")), syncline.CodeConflict)
	wantCode(t, put(first("second")), syncline.CodeConflict)

	restarted := first("second")
	restarted.Place = "place of first"
	check(t, put(restarted))
	wantCode(t, put(later("first")), syncline.CodeConflict)

	impatient := first("third")
	impatient.Alive = 0
	check(t, put(impatient))

	n.Stopped = true
	check(t, put(later("third")))
	n.Stopped = false
	check(t, put(first("fourth")))
	wantCode(t, put(later("third")), syncline.CodeConflict)
}

func testNodeRace(t *testing.T, s store.Store) {
	n := newNode("node")
	var got atomic.Int32
	together(8, func(i int) {
		switch _, err := s.PutNode(t.Context(), n, first(fmt.Sprint("process ", i))); syncline.CodeOf(err) {
		case "":
			got.Add(1)
		case syncline.CodeConflict:
		default:
			t.Error(err)
		}
	})
	if got.Load() != 1 {
		t.Errorf("%d processes have the node", got.Load())
	}
}

func testDeleteNode(t *testing.T, s store.Store) {
	ctx := t.Context()
	n := newNode("node")
	wantCode(t, s.DeleteNode(ctx, n.ID, 0), syncline.CodeNotFound)
	must(s.PutNode(ctx, n, first("p")))(t)
	wantCode(t, s.DeleteNode(ctx, n.ID, time.Hour), syncline.CodeConflict)

	r := addRepository(t, s, "bound")
	r.NodeID = n.ID
	check(t, s.UpdateRepository(ctx, r))
	err := s.DeleteNode(ctx, n.ID, 0)
	wantCode(t, err, syncline.CodeConflict)
	if !strings.Contains(syncline.MessageOf(err), "bound to the node node: bound;") {
		t.Errorf("got %v", err)
	}
	for i := range 3 {
		check(t, s.AddRepository(ctx, syncline.Repository{ID: newID(), Name: fmt.Sprint(i), Path: "/", NodeID: n.ID}))
	}
	if err := s.DeleteNode(ctx, n.ID, 0); !strings.Contains(syncline.MessageOf(err), ": bound, 0, 1 and more;") {
		t.Errorf("got %v", err)
	}
	if got := must(s.Nodes(ctx))(t); len(got) != 1 {
		t.Errorf("a refused removal left %+v", got)
	}
	for _, r := range must(s.Repositories(ctx))(t) {
		r.NodeID = ""
		check(t, s.UpdateRepository(ctx, r))
	}
	bound, free := newWork(syncline.WorkRestore, r.ID, base), newWork(syncline.WorkRestore, r.ID, base)
	bound.Node, bound.Owner = string(n.ID), string(n.ID)
	for _, w := range []store.Work{bound, free} {
		_, _, err := s.AddWork(ctx, w)
		check(t, err)
	}
	n.Stopped = true
	must(s.PutNode(ctx, n, later("p")))(t)
	check(t, s.DeleteNode(ctx, n.ID, time.Hour))
	if got := must(s.Nodes(ctx))(t); len(got) != 0 {
		t.Errorf("a removed node is there: %+v", got)
	}

	ended := must(s.Work(ctx, syncline.WorkRestore, bound.ID))(t)
	if ended.State != syncline.WorkFailed || !strings.Contains(ended.Error, "the node node, which alone could run it, was removed") || ended.EndedAt.IsZero() || ended.Epoch <= bound.Epoch {
		t.Errorf("got %+v", ended)
	}
	if w := must(s.Work(ctx, syncline.WorkRestore, free.ID))(t); w.State != syncline.WorkQueued {
		t.Errorf("got %+v", w)
	}
	// Nothing is bound to it any more.
	r.NodeID = n.ID
	wantCode(t, s.UpdateRepository(ctx, r), syncline.CodeConflict)
	wantCode(t, s.AddRepository(ctx, syncline.Repository{ID: newID(), Name: "late", Path: "/", NodeID: n.ID}), syncline.CodeConflict)
	late := bound
	late.ID = newID()
	_, _, err = s.AddWork(ctx, late)
	wantCode(t, err, syncline.CodeConflict)
}

// testDeleteNodeRace removes a node while repositories and work are bound to it: none is
// left with a node that nobody has, and no such work waits.
func testDeleteNodeRace(t *testing.T, s store.Store) {
	ctx, r := t.Context(), addRepository(t, s, "r")
	for round := range 20 {
		n := newNode(fmt.Sprint("node ", round))
		must(s.PutNode(ctx, n, first("p")))(t)
		bound, moved := newWork(syncline.WorkRestore, r.ID, base), addRepository(t, s, fmt.Sprint("moved ", round))
		bound.Node, bound.Owner, moved.NodeID = string(n.ID), "", n.ID
		var removed atomic.Bool
		together(3, func(i int) {
			var err error
			switch i {
			case 0:
				err = s.DeleteNode(ctx, n.ID, 0)
				removed.Store(err == nil)
			case 1:
				_, _, err = s.AddWork(ctx, bound)
			case 2:
				err = s.UpdateRepository(ctx, moved)
			}
			if err != nil && syncline.CodeOf(err) != syncline.CodeConflict {
				t.Error(err)
			}
		})
		if got := must(s.Repository(ctx, moved.ID))(t); removed.Load() == (got.NodeID == n.ID) {
			t.Errorf("removed: %v, and a repository is bound to %q", removed.Load(), got.NodeID)
		}
		w, err := s.Work(ctx, syncline.WorkRestore, bound.ID)
		if err == nil && removed.Load() && !w.State.Ended() {
			t.Errorf("the node is removed, and its work is %+v", w)
		}
	}
}

func testMaxNodes(t *testing.T, s store.Store) {
	together(store.MaxNodes-1, func(i int) {
		if _, err := s.PutNode(t.Context(), newNode(fmt.Sprint(i)), first("p")); err != nil {
			t.Error(err)
		}
	})
	last := newNode("last")
	must(s.PutNode(t.Context(), last, first("p")))(t)
	_, err := s.PutNode(t.Context(), newNode("one more"), first("p"))
	wantCode(t, err, syncline.CodeConflict)
	must(s.PutNode(t.Context(), last, later("p")))(t)
	check(t, s.DeleteNode(t.Context(), last.ID, 0))
	must(s.PutNode(t.Context(), newNode("one more"), first("p")))(t)
}
