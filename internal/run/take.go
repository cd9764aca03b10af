package run

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/store"
)

// takeBatch is how much work without a bound a node takes at once.
const takeBatch = 100

// resumeAll takes all the work that was left unended, for a node that is alone. Where the
// node takes no new work, it waits without an owner.
func (s *Service) resumeAll(ctx context.Context, kinds []Kind) error {
	s.mu.Lock()
	drains := s.drains
	s.mu.Unlock()
	for _, k := range kinds {
		left, err := s.takeLeft(ctx, k.Name)
		if err != nil {
			return err
		}
		var back []store.Held
		for _, w := range left {
			if drains && !w.StopRequested {
				back = append(back, store.Held{ID: w.ID, Epoch: w.Epoch})
				continue
			}
			if !s.resume(ctx, s.kinds[k.Name], launch{work: w, note: k.Resumed}) {
				back = append(back, store.Held{ID: w.ID, Epoch: w.Epoch})
			}
		}
		if len(back) > 0 {
			if err := s.Store.ReturnWork(ctx, s.Node, back); err != nil {
				s.Logger.Error("cannot leave work for later; it begins after the next start", "kind", k.Noun, "error", err)
			}
		}
	}
	return nil
}

// takeLeft gives this node the work of a kind that was left unended. Where the store has
// no room for a new lease, the node goes on with the work whose lease it has: a full
// disk keeps no server from starting.
func (s *Service) takeLeft(ctx context.Context, kind syncline.WorkKind) ([]store.Work, error) {
	taken, failure := s.Store.TakeWork(ctx, store.Taking{Kind: kind, Owner: s.Node, Again: true})
	if syncline.CodeOf(failure) != syncline.CodeUnavailable {
		left := make([]store.Work, len(taken))
		for i := range taken {
			left[i] = taken[i].Work
		}
		return left, failure
	}
	left, err := s.Store.UnendedWork(ctx, kind)
	if err != nil {
		return nil, failure
	}
	s.Logger.Error("cannot take new leases of unended work", "error", failure)
	return slices.DeleteFunc(left, func(w store.Work) bool { return w.Owner != s.Node }), nil
}

// takeTurn takes as much work of a kind as there are places. Without a place it takes
// what only has to be ended.
func (s *Service) takeTurn(ctx context.Context, k *kind, again bool) error {
	s.mu.Lock()
	drains, closed := s.drains, s.closed
	s.mu.Unlock()
	if closed {
		return nil
	}
	t := store.Taking{Limit: takeBatch, Again: again}
	switch {
	case drains:
		t.Stopping = true
	case k.queue != nil:
		if t.Limit = k.queue.reserve(); t.Limit == 0 {
			t.Limit, t.Stopping = takeBatch, true
		}
	}
	return s.take(ctx, k, t, k.queue != nil && !t.Stopping)
}

// take takes work and launches it. The places for as much as the limit may be reserved.
func (s *Service) take(ctx context.Context, k *kind, t store.Taking, reserved bool) error {
	t.Kind, t.Owner, t.Length, t.Running = k.Name, s.Node, s.Lease, k.InFleet
	since := time.Now() // before the store counts
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	taken, err := s.Store.TakeWork(ctx, t)
	if reserved {
		k.queue.release(t.Limit - len(taken))
	}
	var back []store.Held
	for _, w := range taken {
		s.count.taken.Add(1)
		l := launch{work: w.Work, since: since, note: s.tookOver(k, w, t.Again), reserved: reserved}
		if !s.resume(ctx, k, l) {
			back = append(back, store.Held{ID: w.ID, Epoch: w.Epoch})
		}
	}
	if len(back) > 0 { // the service has been closed, or drains
		if reserved {
			k.queue.release(len(back))
		}
		err = errors.Join(err, s.Store.ReturnWork(context.WithoutCancel(ctx), s.Node, back))
	}
	return err
}

// tookOver says how work has come here that had begun before.
func (s *Service) tookOver(k *kind, w store.Taken, again bool) string {
	if w.StartedAt.IsZero() && w.From == "" {
		return k.Resumed // it has not begun, and the log does not say so
	}
	switch {
	case w.From == s.Node && again:
		return k.Resumed
	case w.From == s.Node:
		return "The database could not be reached for a while; the " + k.Noun + " goes on from what was kept"
	case w.From == "":
		return fmt.Sprintf("Node %s goes on from what was kept", s.nameOf(s.Node))
	}
	s.count.takenOver.Add(1)
	s.Logger.Warn("another node has stopped; this node goes on with its work", "node", w.From, "kind", k.Noun, "id", w.ID, "epoch", w.Epoch)
	return fmt.Sprintf("Node %s has stopped; node %s goes on from what was kept", s.nameOf(w.From), s.nameOf(s.Node))
}

// Here is the Node of work that only this node can run. It is empty for a node that is
// alone.
func (s *Service) Here() string {
	if s.Lease == 0 {
		return ""
	}
	return s.Node
}

func (s *Service) nameOf(node string) string {
	if s.NodeName == nil {
		return node
	}
	return s.NodeName(node)
}

// resume launches work that was left unended. Work whose order cannot be read ends as
// failed. resume reports false where launch does.
func (s *Service) resume(ctx context.Context, k *kind, l launch) bool {
	var err error
	w := l.work
	if k.Check != nil {
		err = k.Check(w)
	}
	if err == nil {
		return s.launch(k, l)
	}
	if k.queue != nil && l.reserved {
		k.queue.release(1)
	}
	s.Logger.Error("work cannot be resumed", "kind", k.Noun, "id", w.ID, "error", err)
	w.State, w.Error, w.EndedAt = syncline.WorkFailed, syncline.MessageOf(err), s.Now()
	w.Progress = min(w.Progress, percentLast)
	if k.Ended != nil {
		k.Ended(w.Work)
	}
	if err := s.Store.UpdateWork(ctx, w); err != nil {
		s.Logger.Error("cannot record the end of work", "kind", k.Noun, "id", w.ID, "error", err)
		s.shown.put(w)
	}
	s.notify(w.ID)
	return true
}

// offer has work taken that was added without an owner: here where there is a place,
// or else on another node.
func (s *Service) offer(k *kind, w store.Work) {
	s.mu.Lock()
	drains := s.drains
	s.mu.Unlock()
	here := !drains && (w.Node == "" || w.Node == s.Node) && (k.queue == nil || k.queue.room())
	if !here {
		s.tell(store.Wake{Topic: store.TopicQueue})
	}
	poke(s.fleet.places)
}

// Drain has the node begin nothing new, or begin again. Work that runs goes on to its
// end; work that waits for its turn goes back, so that other nodes take it.
func (s *Service) Drain(on bool) {
	s.mu.Lock()
	kinds, places := s.kinds, s.fleet.places
	s.drains = on
	var back []*Task
	for _, t := range s.running {
		if on && t.phase.CompareAndSwap(phaseWaiting, phaseReturned) {
			back = append(back, t)
		}
	}
	s.mu.Unlock()
	for _, t := range back {
		t.cancel(errReturned)
	}
	if on {
		return
	}
	poke(places)
	if s.Lease > 0 {
		return
	}
	for _, k := range kinds {
		if err := s.take(s.ctx, k, store.Taking{}, false); err != nil {
			s.Logger.Error("cannot take the work that waits", "kind", k.Noun, "error", err)
		}
	}
}

// giveBack lets another node, or the next start, go on with work that this node does
// not end.
func (s *Service) giveBack(t *Task, cause error) {
	lost := errors.Is(cause, errTaken)
	if !lost && !errors.Is(cause, errReturned) && !errors.Is(cause, errShutdown) || s.Lease == 0 && !errors.Is(cause, errReturned) {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(s.ctx), storeTimeout)
	defer cancel()
	if err := s.Store.ReturnWork(ctx, s.Node, []store.Held{{ID: t.id, Epoch: t.epoch}}); err != nil {
		s.Logger.Warn("cannot give work back; it is free when its lease is over", "kind", t.kind.Noun, "id", t.id, "error", err)
		return
	}
	s.tell(store.Wake{Topic: store.TopicQueue})
}
