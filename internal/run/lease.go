package run

import (
	"context"
	"sync/atomic"
	"time"

	"syncline.dev/syncline/internal/store"
)

// LeaseCounts counts what became of the leases of a node since it began.
type LeaseCounts struct {
	Taken     int64 // work that the node took
	TakenOver int64 // of it, work of nodes that stopped
	Lost      int64 // work that ran here when its lease ended
	// RenewalsFailed counts renewals that did not reach the database.
	RenewalsFailed int64
	Held           int64 // now
}

type counters struct{ taken, takenOver, lost, renewalsFailed atomic.Int64 }

// Leases returns the counts.
func (s *Service) Leases() LeaseCounts {
	s.mu.Lock()
	defer s.mu.Unlock()
	return LeaseCounts{
		Taken: s.count.taken.Load(), TakenOver: s.count.takenOver.Load(), Lost: s.count.lost.Load(),
		RenewalsFailed: s.count.renewalsFailed.Load(), Held: int64(len(s.running)),
	}
}

// Leases are counted by the monotonic clock of this node from before the store is asked,
// and by the store's clock from later on. So this node takes its lease to be over before
// any other node does.

// untilExpiry is how long a body may go on under a lease that began then. It is a little
// less than the lease, so that the body has time to end.
func (s *Service) untilExpiry(since time.Time) time.Duration {
	return max(s.Lease-s.Lease/8-time.Since(since), 0)
}

// expire ends a body whose lease was not renewed in time. A record of an end is still
// tried, because the store refuses it where another node has the work.
func (t *Task) expire() {
	if !t.over.Load() {
		t.service.count.lost.Add(1)
		t.service.Logger.Warn("the lease of work has run out; the work ends here", "kind", t.kind.Noun, "id", t.id, "epoch", t.epoch)
		t.cancel(errTaken)
	}
}

// lose ends work that another node has.
func (t *Task) lose() {
	t.lostOnce.Do(func() {
		close(t.lost)
		t.service.Logger.Warn("another node has the work; it changes nothing more here", "kind", t.kind.Noun, "id", t.id, "epoch", t.epoch)
		if !t.over.Load() {
			t.service.count.lost.Add(1)
		}
	})
	t.cancel(errTaken)
}

// Holds reports whether this node still has the work. It says so, too, where the store
// cannot be asked.
func (t *Task) Holds() bool {
	s := t.service
	if s.Lease == 0 {
		return true
	}
	ctx, cancel := t.Context()
	defer cancel()
	kept, err := s.Store.RenewWork(ctx, s.Node, s.Lease, []store.Held{{ID: t.id, Epoch: t.epoch}})
	if err == nil && len(kept) == 0 {
		t.lose()
		return false
	}
	return true
}

// renew has all leases of this node last on, and learns which work is to stop and which
// is lost.
func (s *Service) renew(ctx context.Context) error {
	since := time.Now()
	held, tasks := s.leases()
	if len(held) == 0 {
		s.fleet.late.Store(false)
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	renewed, err := s.Store.RenewWork(ctx, s.Node, s.Lease, held)
	if err != nil {
		s.fleet.late.Store(true)
		s.count.renewalsFailed.Add(1)
		s.Logger.Warn("cannot renew the leases of the work that runs here", "error", err)
		return err
	}
	s.fleet.late.Store(false)
	for _, r := range renewed {
		t := tasks[r.Held]
		if t == nil {
			continue
		}
		delete(tasks, r.Held)
		t.expiry.Reset(s.untilExpiry(since))
		poke(t.again)
		if r.StopRequested {
			t.cancel(errStopRequested)
		}
	}
	for _, t := range tasks {
		if !t.recorded() {
			t.lose()
		}
	}
	return nil
}

// recorded reports whether the work has ended in the store, as far as this node knows.
func (t *Task) recorded() bool {
	select {
	case <-t.done:
		return true
	default:
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.work.State.Ended()
}

// leases returns what this node holds.
func (s *Service) leases() ([]store.Held, map[store.Held]*Task) {
	s.mu.Lock()
	defer s.mu.Unlock()
	held, tasks := make([]store.Held, 0, len(s.running)), make(map[store.Held]*Task, len(s.running))
	for id, t := range s.running {
		h := store.Held{ID: id, Epoch: t.epoch}
		held, tasks[h] = append(held, h), t
	}
	return held, tasks
}
