package fleet_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/fleet"
)

// away is a store that can be away, or slow to answer.
type away struct {
	fleet.Store
	gone atomic.Bool
	slow func()
}

func (a *away) Nodes(ctx context.Context) ([]syncline.Node, error) {
	if a.gone.Load() {
		return nil, &syncline.Error{Code: syncline.CodeUnavailable, Message: "the database is away"}
	}
	all, err := a.Store.Nodes(ctx)
	if a.slow != nil {
		a.slow()
	}
	return all, err
}

// A list is told for as long as is written, and then the store's failure.
func TestListIsNotOldWhileTheStoreIsAway(t *testing.T) {
	s := &away{Store: openStore(t)}
	n := newNode(s, "one")
	now := time.Unix(1_800_000_000, 0)
	n.Now, n.KeptFor = func() time.Time { return now }, 2*time.Second
	if err := n.Begin(t.Context()); err != nil {
		t.Fatal(err)
	}
	// The answer is as old as the question.
	s.slow = func() { now = now.Add(time.Second) }
	list(t, n)
	s.slow = nil
	s.gone.Store(true)
	now = now.Add(time.Second - 1)
	list(t, n)
	now = now.Add(1)
	if all, err := n.Nodes(t.Context()); syncline.CodeOf(err) != syncline.CodeUnavailable {
		t.Errorf("an old list: %v, %v", all, err)
	}
	s.gone.Store(false)
	list(t, n)
}

// While the store thinks, the node knows its own mode and changes it. The list that
// comes late is not kept.
func TestSlowListHoldsUpNothing(t *testing.T) {
	s := &away{Store: openStore(t)}
	n := newNode(s, "one")
	n.KeptFor = time.Hour
	if err := n.Begin(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.slow = func() {
		s.slow = nil
		if n.InMaintenance() {
			t.Error("a new node is in maintenance mode")
		}
		if err := n.SetMaintenance(t.Context(), n.SelfID(), true); err != nil {
			t.Error(err)
		}
	}
	list(t, n)
	if all := list(t, n); len(all) != 1 || !all[0].Maintenance {
		t.Errorf("the list from before the change is kept: %+v", all)
	}
}
