package run_test

import (
	"context"
	"testing"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/run"
	"syncline.dev/syncline/internal/store"
)

// A node that is alone and drained begins nothing: not what it is told to start, and not
// what was left. Such work can be stopped. Afterwards it does the rest.
func TestDrainAlone(t *testing.T) {
	h := newHost(t)
	s := h.open()
	left, other := h.start(s), h.startOf(s, otherID)
	<-h.begun
	<-h.begun
	s.Close()
	h.drained = true
	s = h.open()
	if err := s.Stop(t.Context(), kindName, other.ID); err != nil {
		t.Fatal(err)
	}
	if w := h.wait(s, other.ID); w.State != syncline.WorkStopped {
		t.Errorf("stopped as %+v", w)
	}
	fresh := h.startOf(s, otherID)
	if fresh.Owner != "" || len(h.begun) != 0 {
		t.Errorf("%d began; %+v", len(h.begun), fresh)
	}
	s.Drain(false)
	for range 2 {
		(<-h.begun).end <- run.Outcome{}
	}
	for _, id := range []syncline.ID{left.ID, fresh.ID} {
		if w := h.wait(s, id); w.State != syncline.WorkSucceeded {
			t.Errorf("ended as %+v", w)
		}
	}
	if log := h.log(s, left.ID); log != "Info Node node goes on from what was kept\n" {
		t.Errorf("the log is %q", log)
	}
}

// atTaking calls a function when the store has given work to a node that does not know of
// it yet.
type atTaking struct {
	workStore
	then func()
}

func (s *atTaking) TakeWork(ctx context.Context, t store.Taking) ([]store.Taken, error) {
	taken, err := s.workStore.TakeWork(ctx, t)
	if then := s.then; then != nil && len(taken) > 0 {
		s.then = nil
		then()
	}
	return taken, err
}

// A node is drained while it takes work: the work begins elsewhere, and the place that was
// kept for it is free again.
func TestDrainWhileTaking(t *testing.T) {
	inFleet(t, func(t *testing.T, g *group) {
		g.alter = func(k *run.Kind) { k.AtOnce = 1 }
		s := &atTaking{workStore: g.store}
		g.own = func() workStore { return s }
		a := g.open("a")
		wait(time.Minute)
		drained := make(chan struct{})
		s.then = func() {
			a.Drain(true)
			close(drained)
		}
		w := g.start(a, repositoryID)
		<-drained
		wait(time.Minute)
		if got, err := a.Get(t.Context(), kindName, w.ID); err != nil || got.State != syncline.WorkQueued || !got.StartedAt.IsZero() || len(g.begun) != 0 {
			t.Fatalf("the drained node has %+v, %v, and %d began", got, err, len(g.begun))
		}
		g.own = nil
		b := g.open("b")
		body := <-g.begun
		if body.node != b {
			t.Fatalf("%s began it", body.node.name)
		}
		body.end <- run.Outcome{}
		g.want(b, w.ID, syncline.WorkSucceeded)
		b.Close()
		a.Drain(false)
		w = g.start(a, repositoryID)
		body = <-g.begun
		body.end <- run.Outcome{}
		g.want(a, w.ID, syncline.WorkSucceeded)
	})
}
