package run

import (
	"context"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/store"
)

// launch runs work in its own goroutine.
func (s *Service) launch(k *kind, w store.Work, resumed, urgent bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || s.running[w.ID] != nil {
		return
	}
	ctx, cancel := context.WithCancelCause(s.ctx)
	t := &Task{
		service: s, kind: k, work: w, repository: w.RepositoryID, resumed: resumed && !w.StartedAt.IsZero(),
		cancel: cancel, ticket: newTicket(urgent), removed: make(chan struct{}), done: make(chan struct{}),
	}
	s.running[w.ID] = t
	s.wg.Add(1)
	go func() {
		defer s.wg.Done()
		defer cancel(nil)
		s.run(ctx, t)
		s.mu.Lock()
		delete(s.running, w.ID)
		s.mu.Unlock()
		close(t.done)
		s.notify(w.ID)
	}()
}

// run takes work from where it stands to its end.
func (s *Service) run(ctx context.Context, t *Task) {
	// A stop may have been recorded before the work was known here.
	w := t.Work()
	if now, err := s.Store.Work(s.ctx, w.Kind, w.ID); w.StopRequested || err == nil && now.StopRequested {
		t.cancel(errStopRequested)
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
		if err := t.start(); err != nil {
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
		if !s.occupy(ctx, t.kind, t.repository) {
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
	if ctx.Err() != nil {
		leave()
		return nil, false
	}
	return leave, true
}

// occupy waits until no body of the repository runs.
func (s *Service) occupy(ctx context.Context, k *kind, repository syncline.ID) bool {
	for {
		s.mu.Lock()
		busy, ok := k.busy[repository]
		if !ok {
			k.busy[repository] = make(chan struct{})
			s.mu.Unlock()
			return true
		}
		s.mu.Unlock()
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
