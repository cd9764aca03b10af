package run

import (
	"context"
	"time"
)

// pruneEvery is the time between two removals of old work.
const pruneEvery = time.Hour

// prune removes old work until the service closes, now and every hour. One node of a
// fleet does so at a time.
func (s *Service) prune(kinds []Kind) {
	s.wg.Go(func() {
		tick := time.NewTicker(pruneEvery)
		defer tick.Stop()
		for {
			if s.Duty != nil && !s.Duty(s.ctx, "old work") {
				s.Logger.Debug("another node removes old work")
			} else if err := s.pruneOnce(s.ctx, kinds); err != nil && s.ctx.Err() == nil {
				s.Logger.Warn("cannot remove old work; tried again in an hour", "error", err)
			}
			select {
			case <-tick.C:
			case <-s.ctx.Done():
				return
			}
		}
	})
}

// pruneOnce removes all work that is not to be kept, a little in each transaction, so
// that nobody waits long.
func (s *Service) pruneOnce(ctx context.Context, kinds []Kind) error {
	for _, k := range kinds {
		if k.Keep == nil {
			continue
		}
		for more := true; more; {
			var err error
			if more, err = s.Store.Thin(ctx, k.Keep(s.Now())); err != nil {
				return err
			}
		}
	}
	return nil
}
