package run

import (
	"context"

	"syncline.dev/syncline"
)

// hold is work of a kind, of a repository.
type hold struct {
	kind       syncline.WorkKind
	repository syncline.ID
}

// Hold stops a repository's work of a kind, waits for its end, and calls change. No
// work of the kind starts for the repository meanwhile: Start returns CodeConflict.
// Hold reports whether it stopped any work, also where change fails.
func (s *Service) Hold(ctx context.Context, kind syncline.WorkKind, repository syncline.ID, change func(context.Context) error) (stopped bool, err error) {
	ended := s.stopKind(hold{kind, repository})
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if h := (hold{kind, repository}); s.held[h] > 1 {
			s.held[h]--
		} else {
			delete(s.held, h)
		}
	}()
	for _, done := range ended {
		select {
		case <-done:
		case <-ctx.Done():
			return len(ended) > 0, ctx.Err()
		}
	}
	return len(ended) > 0, change(ctx)
}

// stopKind lets no work start any more, stops the work that runs, and returns the
// channels that are closed when it has ended.
func (s *Service) stopKind(h hold) (ended []chan struct{}) {
	s.starting.Lock()
	defer s.starting.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held[h]++
	for _, t := range s.running {
		if t.repository == h.repository && t.kind.Name == h.kind {
			t.cancel(errStopRequested)
			ended = append(ended, t.done)
		}
	}
	return ended
}
