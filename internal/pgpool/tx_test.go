package pgpool

import (
	"context"
	"testing"
	"time"
)

// A write without a transaction goes on after its caller has gone, but not beyond the
// time that the caller gives it.
func TestSingleEnds(t *testing.T) {
	p := &Pool{closing: make(chan struct{})}
	single := func(ctx context.Context, fn func(context.Context)) {
		if err := p.Single(ctx, Begin{}, func(ctx context.Context, _ Alone) error {
			fn(ctx)
			return nil
		}); err != nil {
			t.Error(err)
		}
	}
	early, cancel := context.WithTimeout(t.Context(), limit/2)
	defer cancel()
	want, _ := early.Deadline()
	single(early, func(ctx context.Context) {
		if got, ok := ctx.Deadline(); !ok || !got.Equal(want) {
			t.Errorf("it ends at %v, and not at %v", got, want)
		}
		cancel()
		if ctx.Err() != nil {
			t.Error("it was cut short")
		}
	})
	late, cancelLate := context.WithTimeout(t.Context(), 2*limit)
	defer cancelLate()
	single(late, func(ctx context.Context) {
		if got, ok := ctx.Deadline(); !ok || got.After(time.Now().Add(limit)) {
			t.Errorf("it ends at %v", got)
		}
	})
}
