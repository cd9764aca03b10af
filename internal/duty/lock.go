package duty

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"syncline.dev/syncline"
)

const (
	// lockPause is the time between two tries, and lockPatience that of all.
	lockPause    = 200 * time.Millisecond
	lockPatience = 20 * time.Second
)

// Lock lets one at a time do something, on all nodes together. The requests of a node wait
// for one another here, and only the first of them asks for the duty.
type Lock struct {
	Store  Store
	Name   string
	Doing  string // for people: "is attached or moved"
	Node   syncline.ID
	Logger *slog.Logger

	once sync.Once
	here chan struct{} // has a value while a request of this node has the lock
}

// Lock waits for its turn. held is the context for what is done: a store refuses its
// writes when another node has taken the duty over meanwhile. The caller calls unlock at
// the end.
func (l *Lock) Lock(ctx context.Context) (held context.Context, unlock func(), err error) {
	l.once.Do(func() { l.here = make(chan struct{}, 1) })
	select {
	case l.here <- struct{}{}:
	case <-ctx.Done():
		return nil, nil, errEnded(ctx)
	}
	defer func() {
		if err != nil {
			<-l.here
		}
	}()
	h := &Holder{Store: l.Store, Name: l.Name, Node: l.Node, Length: Length, Logger: l.Logger}
	for begun := time.Now(); ; {
		held, err = h.Held(ctx)
		switch {
		case err != nil:
			return nil, nil, err
		case held != nil:
			return held, l.keep(ctx, h), nil
		case time.Since(begun) >= lockPatience:
			return nil, nil, syncline.Errorf(syncline.CodeUnavailable, "something else %s through another node at this moment; try again", l.Doing)
		}
		select {
		case <-time.After(lockPause):
		case <-ctx.Done():
			return nil, nil, errEnded(ctx)
		}
	}
}

func errEnded(ctx context.Context) error {
	return syncline.WrapError(syncline.CodeCanceled, ctx.Err(), "the request ended while it waited for another one")
}

// keep renews the duty until the function is called, which lets it go.
func (l *Lock) keep(ctx context.Context, h *Holder) (unlock func()) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		h.Keep(ctx)
	}()
	return func() {
		cancel()
		<-ended
		<-l.here
	}
}
