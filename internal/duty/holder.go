package duty

import (
	"cmp"
	"context"
	"log/slog"
	"sync"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/store"
)

const (
	// Length is how long a duty stays with a node that falls silent.
	Length = 15 * time.Second
	// Every is the time between two takings.
	Every = 5 * time.Second
	// dropTime bounds the call that lets a duty go.
	dropTime = 2 * time.Second
)

// Store says who has a duty. The contract of the methods is that of store.Duties.
type Store interface {
	TakeDuty(ctx context.Context, name, owner string, length time.Duration) (epoch int64, taken bool, err error)
	DropDuty(ctx context.Context, d store.Duty) error
}

// errLost ends what is done for a duty that another node may have.
var errLost = syncline.Errorf(syncline.CodeCanceled, "another node does this by now")

// Holder keeps one duty for a node. It is safe for concurrent use.
type Holder struct {
	Store  Store
	Name   string
	Node   syncline.ID
	Length time.Duration
	// Every bounds how often the store is asked; 0 asks it each time.
	Every  time.Duration
	Logger *slog.Logger

	taking sync.Mutex // held while the store is asked

	mu     sync.Mutex
	tenure *tenure   // nil for none
	asked  time.Time // when the store was asked last
}

// tenure is a time in which the node has the duty.
type tenure struct {
	ctx  context.Context
	end  context.CancelCauseFunc
	late *time.Timer // ends the tenure
	duty store.Duty
}

// Held takes the duty, or takes it again in time. It returns the context for all that the
// node does as long as it has the duty, and nil where another node has it. The same
// context is the same tenure. ctx is that of the whole service: the tenure ends with it.
func (h *Holder) Held(ctx context.Context) (context.Context, error) {
	h.taking.Lock()
	defer h.taking.Unlock()
	h.mu.Lock()
	now := time.Now()
	fresh := !h.asked.IsZero() && now.Sub(h.asked) < h.Every
	if fresh {
		defer h.mu.Unlock()
		return h.current(), nil
	}
	h.asked = now
	h.mu.Unlock()
	epoch, taken, err := h.Store.TakeDuty(ctx, h.Name, string(h.Node), h.Length)
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case err != nil:
		return h.current(), err
	case !taken:
		h.end()
		return nil, nil
	}
	left := h.Length - time.Since(now)
	if held := h.current(); held != nil && h.tenure.duty.Epoch == epoch {
		h.tenure.late.Reset(left)
		return held, nil
	}
	h.end()
	d := store.Duty{Name: h.Name, Owner: string(h.Node), Epoch: epoch}
	t := &tenure{duty: d}
	t.ctx, t.end = context.WithCancelCause(store.WithDuty(ctx, d))
	t.late = time.AfterFunc(left, func() { t.end(errLost) })
	h.tenure = t
	return t.ctx, nil
}

// current returns the context of the tenure, nil for none. The caller holds mu.
func (h *Holder) current() context.Context {
	if h.tenure == nil || h.tenure.ctx.Err() != nil {
		return nil
	}
	return h.tenure.ctx
}

// end ends the tenure. The caller holds mu.
func (h *Holder) end() {
	if h.tenure != nil {
		h.tenure.late.Stop()
		h.tenure.end(errLost)
		h.tenure = nil
	}
}

// Keep takes the duty whenever it is free, until ctx ends, and then lets it go.
func (h *Holder) Keep(ctx context.Context) {
	defer h.Drop(context.WithoutCancel(ctx))
	// Twice as often, because an answer may come late: a call within Every asks nobody.
	every := time.NewTicker(cmp.Or(h.Every, h.Length/3) / 2)
	defer every.Stop()
	failed := false
	for {
		_, err := h.Held(ctx)
		if err != nil && !failed && ctx.Err() == nil {
			h.Logger.Warn("cannot ask which node has a duty; tried again", "duty", h.Name, "error", err)
		}
		failed = err != nil
		select {
		case <-every.C:
		case <-ctx.Done():
			return
		}
	}
}

// Drop lets the duty go, so that another node need not wait for its end.
func (h *Holder) Drop(ctx context.Context) {
	h.taking.Lock()
	defer h.taking.Unlock()
	h.mu.Lock()
	t := h.tenure
	h.end()
	h.asked = time.Time{}
	h.mu.Unlock()
	if t == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, dropTime)
	defer cancel()
	if err := h.Store.DropDuty(ctx, t.duty); err != nil {
		h.Logger.Warn("cannot let a duty go; another node takes it when its time is over", "duty", h.Name, "error", err)
	}
}
