package run_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/run"
	"syncline.dev/syncline/internal/store"
)

// Work goes where there is room, and each node shows it.
func TestWorkGoesWhereThereIsRoom(t *testing.T) {
	inFleet(t, func(t *testing.T, g *group) {
		a, b := g.open("a"), g.open("b")
		on := map[*node]int{}
		var bodies []groupBody
		for i := range 6 {
			g.start(a, syncline.ID(fmt.Sprint(i)))
			wait(time.Second)
		}
		for len(g.begun) > 0 {
			body := <-g.begun
			bodies = append(bodies, body)
			on[body.node]++
		}
		if on[a] != 2 || on[b] != 2 {
			t.Fatalf("a runs %d, b runs %d", on[a], on[b])
		}
		for len(bodies) > 0 { // a place that gets free takes the next at once
			bodies[0].end <- run.Outcome{}
			g.want(a, bodies[0].Work().ID, syncline.WorkSucceeded)
			g.want(b, bodies[0].Work().ID, syncline.WorkSucceeded)
			bodies = bodies[1:]
			wait(0)
			for len(g.begun) > 0 {
				bodies = append(bodies, <-g.begun)
			}
		}
		if n := a.Leases().Taken + b.Leases().Taken; n != 6 || a.Leases().TakenOver+b.Leases().TakenOver+a.Leases().Lost+b.Leases().Lost != 0 {
			t.Errorf("taken: %+v, %+v", a.Leases(), b.Leases())
		}
	})
}

// Work that has been taken begins when the store can be reached, and does not fail.
func TestBeginWaitsForTheStore(t *testing.T) {
	inFleet(t, func(t *testing.T, g *group) {
		a := g.open("a")
		a.mute.Store(true)
		w := g.start(a, repositoryID)
		wait(3 * time.Second)
		if len(g.begun) != 0 {
			t.Fatal("a body began whose begin is not recorded")
		}
		a.mute.Store(false)
		body := <-g.begun
		body.end <- run.Outcome{}
		if w = g.want(a, w.ID, syncline.WorkSucceeded); w.Error != "" {
			t.Errorf("ended as %+v", w)
		}
	})
}

// A node that is gone loses its work to another one within 30 s, which goes on.
func TestTakeOver(t *testing.T) {
	inFleet(t, func(t *testing.T, g *group) {
		a := g.open("a")
		w := g.start(a, repositoryID)
		old := <-g.begun
		old.Log(syncline.LogInfo, "from a")
		wait(time.Second)
		old.Progress(40, "so far")
		b := g.open("b")
		wait(20 * time.Second)
		if len(g.begun) != 0 {
			t.Fatal("work was taken from a node that lives")
		}
		a.cut.Store(true)
		begun := time.Now()
		next := <-g.begun
		if took := time.Since(begun); next.node != b || next.Work().ID != w.ID || !next.Resumed() || next.Work().Progress != 40 || took > 30*time.Second {
			t.Fatalf("%s goes on with %+v after %s", next.node.name, next.Work(), took)
		}
		next.end <- run.Outcome{Result: "right"}
		if w = g.want(b, w.ID, syncline.WorkSucceeded); w.Result != `"right"` {
			t.Errorf("ended as %+v", w)
		}
		if log := g.log(w.ID); log != "from a; Node a has stopped; node b goes on from what was kept" {
			t.Errorf("the log is %q", log)
		}
		if a.Leases().Lost != 1 || a.Leases().RenewalsFailed == 0 || b.Leases().TakenOver != 1 {
			t.Errorf("counted %+v and %+v", a.Leases(), b.Leases())
		}
		a.Close()
		if a.told() != 0 || b.told() != 1 {
			t.Errorf("the end was told %d and %d times", a.told(), b.told())
		}
	})
}

// A node that stood still past its lease changes nothing when it goes on.
func TestStandstill(t *testing.T) {
	inFleet(t, func(t *testing.T, g *group) {
		goOn, was := make(chan struct{}), make(chan error)
		g.do = func(ctx context.Context, n *node, task *run.Task) run.Outcome {
			if n.name == "b" {
				return run.Outcome{Result: "of b"}
			}
			<-goOn // it does not look at its context
			task.Log(syncline.LogInfo, "late")
			task.Progress(99, "late")
			was <- g.store.commit(task.Work().ID, task.Work().Epoch)
			return run.Outcome{Result: "late"}
		}
		a := g.open("a")
		w := g.start(a, repositoryID)
		wait(5 * time.Second)
		b := g.open("b")
		a.freeze()
		if w = g.want(b, w.ID, syncline.WorkSucceeded); w.Result != `"of b"` {
			t.Errorf("ended as %+v", w)
		}
		a.thaw()
		close(goOn)
		if err := <-was; syncline.CodeOf(err) != syncline.CodeConflict {
			t.Errorf("the late commit: %v", err)
		}
		wait(time.Minute)
		if got := g.want(a, w.ID, syncline.WorkSucceeded); got != w {
			t.Errorf("the late node left %+v, and not %+v", got, w)
		}
		if log := g.log(w.ID); strings.Contains(log, "late") || a.told() != 0 || b.told() != 1 {
			t.Errorf("the log is %q; told %d and %d", log, a.told(), b.told())
		}
		a.Close()
	})
}

// A node whose body ends while another node has the work records nothing, and tells
// nobody.
func TestLateEnd(t *testing.T) {
	inFleet(t, func(t *testing.T, g *group) {
		a := g.open("a")
		w := g.start(a, repositoryID)
		old := <-g.begun
		taken, err := g.store.TakeWork(t.Context(), store.Taking{Kind: kindName, Owner: "a", Length: time.Hour, Again: true})
		if err != nil || len(taken) != 1 {
			t.Fatal(taken, err)
		}
		old.end <- run.Outcome{Err: errors.New("the catalog belongs to another node")}
		wait(time.Second)
		if got, err := a.Get(t.Context(), kindName, w.ID); err != nil || got != taken[0].Work || a.told() != 0 {
			t.Errorf("became %+v, %v", got, err)
		}
	})
}

// Without the database a node goes on for the time of its lease, and when the database is
// back in time it goes on and on.
func TestShortLossOfTheDatabase(t *testing.T) {
	inFleet(t, func(t *testing.T, g *group) {
		a := g.open("a")
		w := g.start(a, repositoryID)
		body := <-g.begun
		for range 5 {
			a.cut.Store(true)
			wait(8 * time.Second)
			a.cut.Store(false)
			wait(8 * time.Second)
		}
		body.Progress(50, "here")
		body.end <- run.Outcome{}
		if w = g.want(a, w.ID, syncline.WorkSucceeded); w.Epoch != 1 {
			t.Errorf("ended as %+v", w)
		}
	})
}

// A longer loss ends the body, and the work goes on when the database is back.
func TestLongLossOfTheDatabase(t *testing.T) {
	inFleet(t, func(t *testing.T, g *group) {
		a := g.open("a")
		w := g.start(a, repositoryID)
		body := <-g.begun
		a.cut.Store(true)
		<-body.ctx.Done()
		wait(time.Minute)
		if len(g.begun) != 0 {
			t.Error("a body began without the database")
		}
		a.cut.Store(false)
		again := <-g.begun
		again.end <- run.Outcome{}
		w = g.want(a, w.ID, syncline.WorkSucceeded)
		if log := g.log(w.ID); w.Epoch < 2 || log != "The database could not be reached for a while; the session goes on from what was kept" && log != "Node a goes on from what was kept" {
			t.Errorf("ended as %+v: %q", w, log)
		}
	})
}

// An end that the database could not take is recorded when it is back, and is not done
// again, unless another node has the work.
func TestEndWithoutTheDatabase(t *testing.T) {
	inFleet(t, func(t *testing.T, g *group) {
		a := g.open("a")
		w := g.start(a, repositoryID)
		body := <-g.begun
		a.cut.Store(true)
		body.end <- run.Outcome{Result: "once"}
		wait(time.Minute)
		a.cut.Store(false)
		wait(5 * time.Second)
		if w = g.want(a, w.ID, syncline.WorkSucceeded); w.Result != `"once"` || w.Epoch != 1 || len(g.begun) != 0 {
			t.Errorf("ended as %+v, and %d more bodies", w, len(g.begun))
		}

		w = g.start(a, repositoryID)
		body = <-g.begun
		a.cut.Store(true)
		body.end <- run.Outcome{Result: "lost"}
		b := g.open("b")
		next := <-g.begun
		a.cut.Store(false)
		wait(5 * time.Second)
		if got, err := a.Get(t.Context(), kindName, w.ID); err != nil || got.State != syncline.WorkRunning || next.node != b {
			t.Errorf("a shows %+v, %v", got, err)
		}
		next.end <- run.Outcome{Result: "of b"}
		if w = g.want(a, w.ID, syncline.WorkSucceeded); w.Result != `"of b"` {
			t.Errorf("ended as %+v", w)
		}
	})
}

// A shutdown gives the work back, and another node goes on at once.
func TestGiveBack(t *testing.T) {
	inFleet(t, func(t *testing.T, g *group) {
		a := g.open("a")
		w := g.start(a, repositoryID)
		<-g.begun
		b := g.open("b")
		wait(10 * time.Second)
		begun := time.Now()
		a.Close()
		next := <-g.begun
		if took := time.Since(begun); took > time.Second || next.node != b {
			t.Errorf("%s goes on after %s", next.node.name, took)
		}
		next.end <- run.Outcome{}
		g.want(b, w.ID, syncline.WorkSucceeded)
		if log := g.log(w.ID); log != "Node b goes on from what was kept" || b.Leases().TakenOver != 0 {
			t.Errorf("the log is %q, counted %+v", log, b.Leases())
		}
	})
}

// A node that starts again takes its own work at once.
func TestStartAgain(t *testing.T) {
	inFleet(t, func(t *testing.T, g *group) {
		a := g.open("a")
		w := g.start(a, repositoryID)
		<-g.begun
		a.kill()
		begun := time.Now()
		again := g.open("a")
		next := <-g.begun
		if took := time.Since(begun); took > time.Second || next.node != again {
			t.Errorf("%s goes on after %s", next.node.name, took)
		}
		next.end <- run.Outcome{}
		g.want(again, w.ID, syncline.WorkSucceeded)
		if log := g.log(w.ID); log != "resumed" {
			t.Errorf("the log is %q", log)
		}
		a.Close()
	})
}

// slowHolds is a store whose holds wait for others who write to the repository.
type slowHolds struct {
	workStore
	slow atomic.Bool
}

func (s *slowHolds) RenewHold(ctx context.Context, id syncline.ID, length time.Duration) error {
	if s.slow.Load() {
		<-ctx.Done()
		return ctx.Err()
	}
	return s.workStore.RenewHold(ctx, id, length)
}

// A hold that has to wait costs no work its lease.
func TestLeasesDoNotWaitForHolds(t *testing.T) {
	inFleet(t, func(t *testing.T, g *group) {
		s := &slowHolds{workStore: g.store}
		g.own = func() workStore { return s }
		a := g.open("a")
		w := g.start(a, repositoryID)
		body := <-g.begun
		_, err := a.Hold(t.Context(), kindName, "another", func(context.Context) error {
			s.slow.Store(true)
			wait(time.Minute)
			return nil
		})
		if err != nil || body.ctx.Err() != nil || a.Leases().Lost != 0 {
			t.Fatalf("got %v, %v, %+v", err, context.Cause(body.ctx), a.Leases())
		}
		s.slow.Store(false)
		body.end <- run.Outcome{}
		g.want(a, w.ID, syncline.WorkSucceeded)
	})
}
