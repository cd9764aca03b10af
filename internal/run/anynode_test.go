package run_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/run"
	"syncline.dev/syncline/internal/store"
)

// A stop reaches the owner from any node, within 5 s also when no wake-up arrives.
func TestStopFromAnotherNode(t *testing.T) {
	for _, deaf := range []bool{false, true} {
		inFleet(t, func(t *testing.T, g *group) {
			a := g.open("a")
			w := g.start(a, repositoryID)
			body := <-g.begun
			b := g.open("b")
			a.deaf.Store(deaf)
			wait(time.Second)
			begun := time.Now()
			if err := b.Stop(t.Context(), kindName, w.ID); err != nil {
				t.Fatal(err)
			}
			<-body.ctx.Done()
			took := time.Since(begun)
			if took > 5*time.Second || !deaf && took > time.Second {
				t.Errorf("deaf %v: the stop took %s", deaf, took)
			}
			g.want(b, w.ID, syncline.WorkStopped)
			if log := g.log(w.ID); log != "stopped" {
				t.Errorf("the log is %q", log)
			}
		})
	}
}

// Work that nobody runs is stopped at once, also when it is bound to a node that is
// gone.
func TestStopOfQueuedWork(t *testing.T) {
	inFleet(t, func(t *testing.T, g *group) {
		a := g.open("a")
		bound, err := a.Start(t.Context(), store.Work{Work: syncline.Work{Kind: kindName, RepositoryID: repositoryID}, Node: "gone"})
		if err != nil || bound.Owner != "" {
			t.Fatal(bound, err)
		}
		wait(time.Minute)
		if len(g.begun) != 0 {
			t.Error("a node runs another one's work")
		}
		begun := time.Now()
		if err := a.Stop(t.Context(), kindName, bound.ID); err != nil {
			t.Fatal(err)
		}
		g.want(a, bound.ID, syncline.WorkStopped)
		if took := time.Since(begun); took > time.Second || a.told() != 1 {
			t.Errorf("the stop took %s", took)
		}

		// The node that was asked to stop it is gone, too: any other one ends it.
		bound, err = a.Start(t.Context(), store.Work{Work: syncline.Work{Kind: kindName, RepositoryID: repositoryID}, Node: "gone"})
		if err == nil {
			_, err = g.store.RequestStop(t.Context(), kindName, bound.ID)
		}
		if err != nil {
			t.Fatal(err)
		}
		g.want(a, bound.ID, syncline.WorkStopped)
	})
}

// Drain has others do the work, and lets what runs end.
func TestDrain(t *testing.T) {
	inFleet(t, func(t *testing.T, g *group) {
		g.alter = func(k *run.Kind) { k.AtOnce = 1 }
		a := g.open("a")
		first := g.start(a, repositoryID)
		body := <-g.begun
		a.Drain(true)
		second := g.start(a, otherID)
		wait(time.Minute)
		if len(g.begun) != 0 || body.ctx.Err() != nil {
			t.Fatal("a node that is drained begins work, or stops some")
		}
		b := g.open("b")
		next := <-g.begun
		if next.node != b || next.Work().ID != second.ID {
			t.Errorf("%s runs %+v", next.node.name, next.Work())
		}
		body.end <- run.Outcome{}
		g.want(b, first.ID, syncline.WorkSucceeded)
		third := g.start(a, repositoryID)
		wait(time.Minute)
		if len(g.begun) != 0 {
			t.Fatal("there is no room")
		}
		a.Drain(false)
		last := <-g.begun
		if last.node != a || last.Work().ID != third.ID {
			t.Errorf("%s runs %+v", last.node.name, last.Work())
		}
		for _, b := range []groupBody{next, last} {
			b.end <- run.Outcome{}
			g.want(a, b.Work().ID, syncline.WorkSucceeded)
		}
	})
}

// A watcher at any node hears of changes, also without wake-ups.
func TestWatchAnotherNode(t *testing.T) {
	for _, deaf := range []bool{false, true} {
		inFleet(t, func(t *testing.T, g *group) {
			a := g.open("a")
			w := g.start(a, repositoryID)
			body := <-g.begun
			b := g.open("b")
			b.deaf.Store(deaf)
			wait(time.Minute)
			changed, end := b.Watch(w.ID)
			defer end()
			wait(2 * time.Second)
			select {
			case <-changed:
			default:
			}
			begun := time.Now()
			body.Progress(30, "x")
			for {
				<-changed
				if now, err := b.Get(t.Context(), kindName, w.ID); err != nil {
					t.Fatal(err)
				} else if now.Progress == 30 {
					break
				}
			}
			if took := time.Since(begun); took > 2*time.Second || !deaf && took > time.Second {
				t.Errorf("deaf %v: heard after %s", deaf, took)
			}
			body.end <- run.Outcome{}
			g.want(b, w.ID, syncline.WorkSucceeded)
		})
	}
}

// A change holds work on all nodes, and a node that dies during one blocks nothing for
// long.
func TestHoldInTheFleet(t *testing.T) {
	inFleet(t, func(t *testing.T, g *group) {
		a, b := g.open("a"), g.open("b")
		w := g.start(a, repositoryID)
		body := <-g.begun
		changer, other := b, a
		if body.node == b {
			changer, other = a, b
		}
		stopped, err := changer.Hold(t.Context(), kindName, repositoryID, func(ctx context.Context) error {
			if got, err := changer.Get(ctx, kindName, w.ID); err != nil || got.State != syncline.WorkStopped {
				t.Errorf("during the change the work is %+v, %v", got, err)
			}
			wait(time.Minute) // the hold is renewed
			for _, n := range []*node{a, b} {
				if _, err := n.Start(ctx, store.Work{Work: syncline.Work{Kind: kindName, RepositoryID: repositoryID}}); syncline.CodeOf(err) != syncline.CodeConflict {
					t.Errorf("%s started work: %v", n.name, err)
				}
			}
			return ctx.Err()
		})
		if !stopped || err != nil {
			t.Errorf("got %v, %v", stopped, err)
		}
		g.start(other, repositoryID)
		body = <-g.begun
		body.end <- run.Outcome{}
		g.want(other, body.Work().ID, syncline.WorkSucceeded)

		// The node dies in the middle of a removal.
		began := make(chan struct{})
		failed := make(chan error)
		go func() {
			failed <- a.Forget(t.Context(), repositoryID, func(ctx context.Context) error {
				close(began)
				<-ctx.Done()
				return context.Cause(ctx)
			})
		}()
		<-began
		if err := b.Forget(t.Context(), repositoryID, nil); syncline.CodeOf(err) != syncline.CodeConflict {
			t.Errorf("two removals: %v", err)
		}
		a.cut.Store(true)
		begun := time.Now()
		for {
			_, err := b.Start(t.Context(), store.Work{Work: syncline.Work{Kind: kindName, RepositoryID: repositoryID}})
			if err == nil {
				break
			}
			if time.Since(begun) > 30*time.Second {
				t.Fatalf("it blocks: %v", err)
			}
			wait(time.Second)
		}
		if err := <-failed; syncline.CodeOf(err) != syncline.CodeUnavailable {
			t.Errorf("the removal ended with %v", err)
		}
		body = <-g.begun
		body.end <- run.Outcome{}
		g.want(b, body.Work().ID, syncline.WorkSucceeded)
		a.Close()
	})
}

// The bound of the fleet holds on all nodes together.
func TestBoundOfTheFleet(t *testing.T) {
	inFleet(t, func(t *testing.T, g *group) {
		g.alter = func(k *run.Kind) { k.AtOnce, k.InFleet, k.Alone = 3, 3, false }
		a, b := g.open("a"), g.open("b")
		for i := range 8 {
			g.start([]*node{a, b}[i%2], syncline.ID(fmt.Sprint(i)))
		}
		for left := 8; left > 0; left-- {
			wait(5 * time.Second)
			if n := a.Leases().Held + b.Leases().Held; n != int64(min(left, 3)) {
				t.Fatalf("%d run, and %d are left", n, left)
			}
			body := <-g.begun
			body.end <- run.Outcome{}
			g.want(a, body.Work().ID, syncline.WorkSucceeded)
		}
	})
}
