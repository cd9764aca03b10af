package duty

import (
	"context"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/store"
)

func lockOf(b Store, node syncline.ID) *Lock {
	return &Lock{Store: b, Name: "lock", Doing: "is changed", Node: node, Logger: slog.New(slog.DiscardHandler)}
}

// One at a time has the lock, among the requests of two nodes, and all of them get it.
func TestLock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &table{}
		nodes := []*Lock{lockOf(b, "one"), lockOf(b, "two")}
		var inside sync.Mutex
		var all sync.WaitGroup
		for i := range 8 {
			all.Go(func() {
				held, unlock, err := nodes[i%2].Lock(t.Context())
				if err != nil {
					t.Error(err)
					return
				}
				defer unlock()
				if !inside.TryLock() {
					t.Error("two have the lock")
					return
				}
				defer inside.Unlock() // before the lock is free
				if d, ok := store.DutyOf(held); !ok || d.Owner != string(nodes[i%2].Node) {
					t.Errorf("the writes have the duty %+v", d)
				}
				<-time.After(time.Second)
			})
		}
		all.Wait()
		if b.owner != "" {
			t.Errorf("%s has the lock still", b.owner)
		}
	})
}

// A lock is kept as long as it takes, and a request that waits too long is told so.
func TestLockIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &table{}
		one, two := lockOf(b, "one"), lockOf(b, "two")
		held, unlock, err := one.Lock(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if _, _, err := two.Lock(t.Context()); syncline.CodeOf(err) != syncline.CodeUnavailable {
				t.Errorf("the other node: %v", err)
			}
		}
		if held.Err() != nil {
			t.Error("the lock was lost after 40 s")
		}
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		if _, _, err := two.Lock(ended); syncline.CodeOf(err) != syncline.CodeCanceled {
			t.Errorf("an ended request: %v", err)
		}
		unlock()
		if _, unlock, err = two.Lock(t.Context()); err != nil {
			t.Fatal(err)
		}
		unlock()
		b.broken = syncline.Errorf(syncline.CodeUnavailable, "the database is away")
		for range 2 {
			if _, _, err := one.Lock(t.Context()); syncline.CodeOf(err) != syncline.CodeUnavailable {
				t.Errorf("without the database: %v", err)
			}
		}
	})
}
