package local

import (
	"context"
	"sync"
	"time"

	"syncline.dev/syncline/internal/storage"
	"syncline.dev/syncline/resticrepo"
)

// earlyAfter is the time after which a check counts as slow. A check of a local disk is
// over by then.
const earlyAfter = 20 * time.Millisecond

// early opens the repository beside a slow check, so that the key is derived while folders
// are still listed. It begins when the check has taken earlyAfter and has shown the names
// of the keys, and only with a password that is at hand. A check that finds nothing new
// drops it: requests end, and nobody waits for the derivation, which nothing can interrupt.
type early struct {
	open   func(ctx context.Context, sealed *resticrepo.Sealed, password string) (*resticrepo.Repository, error)
	sealed chan *resticrepo.Sealed
	stop   context.CancelFunc

	mu      sync.Mutex
	dropped bool
	begun   bool
	done    chan struct{}
	result  *resticrepo.Repository
	err     error
}

// openEarly prepares the opening beside a check of st. The check tells sees.
func (e *Engine) openEarly(ctx context.Context, st storage.Storage) *early {
	ctx, stop := context.WithCancel(ctx)
	k := &early{sealed: make(chan *resticrepo.Sealed, 1), done: make(chan struct{}), stop: stop}
	k.open = func(ctx context.Context, sealed *resticrepo.Sealed, password string) (*resticrepo.Repository, error) {
		return sealed.Open(ctx, st, password, e.KeyHint)
	}
	after := e.After
	if after == nil {
		after = time.After
	}
	go k.run(ctx, after(earlyAfter), e.PasswordAtHand)
	return k
}

// sees is told by the check what is sealed, once.
func (k *early) sees(sealed *resticrepo.Sealed) { k.sealed <- sealed }

func (k *early) run(ctx context.Context, slow <-chan time.Time, atHand func(context.Context) (string, bool)) {
	defer close(k.done)
	select {
	case <-slow:
	case <-ctx.Done():
		return
	}
	var sealed *resticrepo.Sealed
	select {
	case sealed = <-k.sealed:
	case <-ctx.Done():
		return
	}
	if password, ok := atHand(ctx); ok && k.begin() {
		k.result, k.err = k.open(ctx, sealed, password)
	}
}

// begin reports whether the opening is still wanted.
func (k *early) begin() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.begun = !k.dropped
	return k.begun
}

// taken reports whether the opening has begun. One that has not will not begin. k may be
// nil.
func (k *early) taken() (begun bool) {
	if k == nil {
		return false
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.dropped = !k.begun
	return k.begun
}

// wait returns the repository after taken has said that the opening has begun.
func (k *early) wait(ctx context.Context) (*resticrepo.Repository, error) {
	select {
	case <-k.done:
		return k.result, k.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// drop gives the opening up. k may be nil.
func (k *early) drop() {
	if k != nil {
		k.stop()
	}
}
