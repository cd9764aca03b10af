package storetest

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/store"
)

// limits are the tests of limits that hold for several nodes.
var limits = []struct {
	name string
	run  func(*testing.T, store.Store)
}{
	{"AccountUses", testAccountUses},
	{"AccountUseEnds", testAccountUseEnds},
	{"AccountUseRace", testAccountUseRace},
}

// use returns what a node says that wants connections and holds some.
func use(a syncline.Account, node string, wants, holds int) store.AccountUse {
	return store.AccountUse{
		Account: a.ID, Node: node, Wants: wants, Holds: store.AccountPart{Connections: holds, Rate: store.AllRate},
		Default: 32, Length: time.Hour,
	}
}

func testAccountUses(t *testing.T, s store.Store) {
	ctx := t.Context()
	a := addAccount(t, s)
	a.Limits = syncline.Limits{Connections: 8, BytesPerSecond: 1000}
	check(t, s.UpdateAccount(ctx, a, nil))
	part := func(u store.AccountUse, connections, rate int) store.AccountShare {
		t.Helper()
		got := must(s.ShareAccount(ctx, u))(t)
		if got.Limits != a.Limits || got.Has.Connections != connections || got.Has.Rate != rate {
			t.Fatalf("got %+v, not %d connections and %d of the rate", got, connections, rate)
		}
		return got
	}
	part(use(a, "one", 20, 0), 8, store.AllRate)
	part(use(a, "one", 20, 8), 8, store.AllRate)
	// A second node gets what the first one gives up, and when it does.
	part(use(a, "two", 20, 0), 0, 0)
	got := part(use(a, "one", 20, 8), 8, store.AllRate)
	if want := (store.AccountPart{Connections: 4, Rate: store.AllRate / 2}); got.Target != want {
		t.Errorf("the target is %+v", got.Target)
	}
	part(use(a, "two", 20, 0), 0, 0)
	reduced := use(a, "one", 20, 6) // two files have been closed
	reduced.Holds.Rate = store.AllRate / 2
	part(reduced, 6, store.AllRate/2)
	part(use(a, "two", 20, 0), 2, store.AllRate/2)
	reduced.Holds.Connections = 4
	part(reduced, 4, store.AllRate/2)
	part(use(a, "two", 20, 2), 4, store.AllRate/2)

	// A lower limit is reached when the nodes have reduced themselves.
	a.Limits = syncline.Limits{Connections: 2}
	check(t, s.UpdateAccount(ctx, a, nil))
	part(use(a, "one", 20, 4), 4, store.AllRate/2)
	part(reduced, 4, store.AllRate/2)
	reduced.Holds.Connections = 1
	part(reduced, 1, store.AllRate/2)
	part(use(a, "two", 20, 1), 1, store.AllRate/2)
	check(t, s.LeaveAccount(ctx, a.ID, "two"))
	part(use(a, "one", 20, 1), 2, store.AllRate)

	_, err := s.ShareAccount(ctx, store.AccountUse{Account: newID(), Node: "one"})
	wantCode(t, err, syncline.CodeNotFound)
	check(t, s.LeaveAccount(ctx, newID(), "one"))
	check(t, s.DeleteAccount(ctx, a.ID)) // although a node uses it
}

// testAccountUseEnds has the part of a node end with its time, also for the node.
func testAccountUseEnds(t *testing.T, s store.Store) {
	ctx := t.Context()
	a := addAccount(t, s)
	dead := use(a, "dead", 50, 0)
	dead.Length = -time.Nanosecond
	if got := must(s.ShareAccount(ctx, dead))(t); got.Has.Connections != 32 {
		t.Fatalf("a default of 32 connections gives %+v", got)
	}
	if got := must(s.ShareAccount(ctx, use(a, "other", 50, 0)))(t); got.Has.Connections != 32 {
		t.Fatalf("the part of a dead node is not free: %+v", got)
	}
	late := use(a, "dead", 50, 32)
	if got := must(s.ShareAccount(ctx, late))(t); got.Has.Connections != 0 || got.Has.Rate != 0 {
		t.Errorf("a node whose time has ended keeps %+v", got)
	}
	check(t, s.LeaveAccount(ctx, a.ID, "other"))
	if got := must(s.ShareAccount(ctx, late))(t); got.Has.Connections != 32 {
		t.Errorf("the part of a node that has left is not free: %+v", got)
	}
}

// testAccountUseRace has nodes ask at once. Their parts never are more than the whole.
func testAccountUseRace(t *testing.T, s store.Store) {
	a := addAccount(t, s)
	a.Limits.Connections = 7
	check(t, s.UpdateAccount(t.Context(), a, nil))
	var mu sync.Mutex
	has := map[string]int{}
	together(6, func(i int) {
		node, random := fmt.Sprint(i), rand.New(rand.NewPCG(22, uint64(i)))
		for range 20 {
			mu.Lock()
			holds := random.IntN(has[node] + 1)
			has[node] = holds // before it is told
			mu.Unlock()
			got, err := s.ShareAccount(t.Context(), use(a, node, 1+random.IntN(9), holds))
			if err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			has[node] = got.Has.Connections
			sum := 0
			for _, n := range has {
				sum += n
			}
			if sum > 7 {
				t.Errorf("%d connections of 7 are given away: %v", sum, has)
			}
			mu.Unlock()
		}
	})
}
