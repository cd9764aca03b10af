package schedule

import (
	"context"
	"time"

	"syncline.dev/syncline"
)

// write records the checks that have found something else than before, and from time to
// time, or with all, also those that differ by their times only.
func (s *Service) write(ctx context.Context, now time.Time, all bool) {
	s.mu.Lock()
	all = all || now.Sub(s.written) >= writeEvery || now.Before(s.written)
	var list []syncline.Check
	var of []*turn
	for _, t := range s.turns {
		if t.urgent || all && t.dirty {
			list, of = append(list, t.check), append(of, t)
			t.dirty, t.urgent = false, false
		}
	}
	if all {
		s.written = now
	}
	s.mu.Unlock()
	if len(list) == 0 {
		return
	}
	if err := s.Records.PutChecks(ctx, list...); err != nil {
		s.Logger.Error("cannot record the checks of repositories; tried again", "error", err)
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, t := range of {
			t.dirty = true
		}
	}
}
