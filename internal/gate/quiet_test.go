package gate

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"syncline.dev/syncline/internal/peer"
)

// TestQuiet runs with a clock of its own.
func TestQuiet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := New(Default, peer.Proxies{})
		waits := func() time.Duration {
			begun := time.Now()
			g.Quiet(t.Context())
			return time.Since(begun)
		}
		if d := waits(); d != 0 {
			t.Errorf("without a request it waits %s", d)
		}
		v := g.Arrive(t.Context(), "192.0.2.1", true, func() {})
		if d := waits(); d != quiet {
			t.Errorf("after a request has come it waits %s, want %s", d, quiet)
		}
		if d := waits(); d != 0 {
			t.Errorf("beside a request that stays it waits %s", d)
		}
		v.Leave()
		if d := waits(); d != quiet {
			t.Errorf("after a request has gone it waits %s, want %s", d, quiet)
		}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var requests sync.WaitGroup
		requests.Go(func() { // without an end
			for ctx.Err() == nil {
				g.Arrive(ctx, "192.0.2.1", true, func() {}).Leave()
				time.Sleep(quiet / 2) //nolint:forbidigo // the bubble's own clock
			}
		})
		synctest.Wait()
		if d := waits(); d != patience {
			t.Errorf("beside requests without an end it waits %s, want %s", d, patience)
		}
		cancel()
		requests.Wait()
		begun := time.Now()
		if g.Quiet(ctx); time.Since(begun) != 0 {
			t.Error("it waits though its context has ended")
		}
	})
}
