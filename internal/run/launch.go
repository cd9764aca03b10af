package run

import (
	"context"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/store"
)

// launch says how work comes to run.
type launch struct {
	work     store.Work
	note     string    // for the log, where the work began before; empty for new work
	since    time.Time // the lease lasts from then on
	reserved bool      // a place is reserved
}

// launch runs work in its own goroutine. Work that runs here already in an epoch before
// ends first. A service that is closed launches nothing, and one that drains only what is
// to stop.
func (s *Service) launch(k *kind, l launch) bool {
	w := l.work
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || s.drains && !w.StopRequested {
		return false
	}
	ctx, cancel := context.WithCancelCause(s.ctx)
	t := &Task{
		service: s, kind: k, id: w.ID, epoch: w.Epoch, work: w, repository: w.RepositoryID,
		cancel: cancel, ticket: newTicket(w.Urgent), removed: make(chan struct{}), done: make(chan struct{}),
		lost: make(chan struct{}), again: make(chan struct{}, 1),
	}
	t.ticket.reserved = l.reserved
	if !w.StartedAt.IsZero() {
		t.note = l.note
	}
	if before := s.running[w.ID]; before != nil {
		before.lose()
		t.before = before.done
	}
	if s.Lease > 0 {
		t.expiry = time.AfterFunc(s.untilExpiry(l.since), t.expire)
	}
	s.running[w.ID] = t
	s.wg.Add(1)
	go func() {
		defer s.wg.Done()
		defer cancel(nil)
		s.run(ctx, t)
		if t.expiry != nil {
			t.expiry.Stop()
		}
		if k.queue != nil {
			k.queue.settle(t.ticket)
		}
		s.giveBack(t, context.Cause(ctx))
		s.mu.Lock()
		if s.running[w.ID] == t {
			delete(s.running, w.ID)
		}
		s.mu.Unlock()
		close(t.done)
		s.notify(w.ID)
	}()
	return true
}

// run takes work from where it stands to its end.
func (s *Service) run(ctx context.Context, t *Task) {
	if t.before != nil {
		<-t.before
	}
	// A stop may have been recorded before the work was known here. A node of a fleet
	// hears of it with the next renewal.
	w := t.Work()
	if w.StopRequested {
		t.cancel(errStopRequested)
	} else if s.Lease == 0 {
		if now, err := s.Store.Work(s.ctx, w.Kind, w.ID); err == nil && now.StopRequested {
			t.cancel(errStopRequested)
		}
	}
	leave, ok := s.enter(ctx, t)
	if !ok {
		t.end(Outcome{Err: ctx.Err()}, context.Cause(ctx))
		return
	}
	ended := make(chan Outcome, 1)
	body, abandon := context.WithCancelCause(ctx)
	defer abandon(nil)
	go func() {
		defer leave()
		if err := t.begin(body); err != nil {
			if t.kind.Refused != nil && body.Err() == nil {
				t.kind.Refused(t)
			}
			ended <- Outcome{Err: err}
			return
		}
		ended <- t.kind.Do(body, t)
	}()
	s.await(ctx, t, ended)
}

// firstBegin and lastBegin bound the pauses between two tries to begin.
const firstBegin, lastBegin = 100 * time.Millisecond, time.Second

// begin moves the work to running. Where the store of a fleet cannot be reached, it tries
// again until the lease has ended; then the work goes on later, here or elsewhere.
func (t *Task) begin(ctx context.Context) error {
	for pause := firstBegin; ; pause = min(2*pause, lastBegin) {
		err := t.start()
		if t.service.Lease == 0 || syncline.CodeOf(err) != syncline.CodeUnavailable {
			return err
		}
		later := time.NewTimer(pause)
		select {
		case <-later.C:
		case <-t.again:
		case <-ctx.Done():
		}
		later.Stop()
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
}

// await records the end of the body, or leaves a body behind that does not end in time
// after a stop.
func (s *Service) await(ctx context.Context, t *Task, ended <-chan Outcome) {
	var late <-chan time.Time
	select {
	case o := <-ended:
		t.end(o, context.Cause(ctx))
		return
	case <-ctx.Done():
	}
	if t.kind.Grace > 0 {
		grace := time.NewTimer(t.kind.Grace)
		defer grace.Stop()
		late = grace.C
	}
	select {
	case o := <-ended:
		t.end(o, context.Cause(ctx))
	case <-late:
		t.end(Outcome{Err: ctx.Err()}, context.Cause(ctx))
	}
}

// enter waits for the turn of a piece of work: for the body of its repository before
// it, and for a free slot. leave gives the turn to the next one.
func (s *Service) enter(ctx context.Context, t *Task) (leave func(), ok bool) {
	leave = func() {}
	if t.kind.Alone {
		if !s.occupy(ctx, t) {
			return nil, false
		}
		leave = func() { s.vacate(t.kind, t.repository) }
	}
	if q := t.kind.queue; q != nil {
		if !q.enter(ctx, t.ticket) {
			leave()
			return nil, false
		}
		before := leave
		leave = func() { q.leave(t.ticket); before() }
	}
	// A closing service cancels its work piece by piece. The first piece that ends
	// frees a place, which must not let another piece begin that is about to be
	// canceled.
	select {
	case <-s.closing:
		<-ctx.Done()
	default:
	}
	if ctx.Err() != nil || !t.phase.CompareAndSwap(phaseWaiting, phaseBegun) {
		<-ctx.Done() // it goes back
		leave()
		return nil, false
	}
	return leave, true
}

// occupy waits until no body of the repository runs. A place that is reserved does not
// wait with it.
func (s *Service) occupy(ctx context.Context, t *Task) bool {
	k, repository := t.kind, t.repository
	for {
		s.mu.Lock()
		busy, ok := k.busy[repository]
		if !ok {
			k.busy[repository] = make(chan struct{})
			s.mu.Unlock()
			return true
		}
		s.mu.Unlock()
		if k.queue != nil {
			k.queue.settle(t.ticket)
		}
		select {
		case <-busy:
		case <-ctx.Done():
			return false
		}
	}
}

func (s *Service) vacate(k *kind, repository syncline.ID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(k.busy[repository])
	delete(k.busy, repository)
}
