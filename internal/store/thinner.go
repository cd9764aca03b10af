package store

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// thinEvery is the time between two looks at the histories.
const thinEvery = time.Hour

// Thinner removes what is not to be kept of the histories, at its start and every
// hour.
type Thinner struct {
	Histories Histories
	// Keep says what is kept, counted from now.
	Keep   func(now time.Time) Keep
	Logger *slog.Logger

	cancel context.CancelFunc
	wg     sync.WaitGroup
}

// Start begins the work.
func (t *Thinner) Start(ctx context.Context) {
	ctx, t.cancel = context.WithCancel(context.WithoutCancel(ctx))
	t.wg.Go(func() {
		tick := time.NewTicker(thinEvery)
		defer tick.Stop()
		for {
			if err := t.runOnce(ctx); err != nil && ctx.Err() == nil {
				t.Logger.Warn("cannot thin out the histories; tried again in an hour", "error", err)
			}
			select {
			case <-tick.C:
			case <-ctx.Done():
				return
			}
		}
	})
}

// runOnce removes all that is not to be kept, a little in each transaction.
func (t *Thinner) runOnce(ctx context.Context) error {
	for more := true; more; {
		var err error
		if more, err = t.Histories.Thin(ctx, t.Keep(time.Now())); err != nil {
			return err
		}
	}
	return nil
}

// Close ends the work and waits for it.
func (t *Thinner) Close() {
	t.cancel()
	t.wg.Wait()
}
