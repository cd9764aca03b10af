package storage

import "context"

// observer is told of what happens on the wire for one call. It travels in the
// call's context from the decorators to the back end, past everything between.
type observer struct {
	up       *observer
	request  func()
	progress func()
	waiting  func() // the call waits for its turn here, not for the storage
}

type observerKey struct{}

func observe(ctx context.Context, o observer) context.Context {
	o.up, _ = ctx.Value(observerKey{}).(*observer)
	return context.WithValue(ctx, observerKey{}, &o)
}

// NoteRequest tells the decorators above that a request goes out. Back ends
// call it for every one, a listing's further pages included, with the context
// of the call it belongs to. A back end that never calls it counts as making
// one request a call.
func NoteRequest(ctx context.Context) {
	o, _ := ctx.Value(observerKey{}).(*observer)
	for ; o != nil; o = o.up {
		if o.request != nil {
			o.request()
		}
	}
}

// NoteProgress tells the decorators above that bytes came in, so that a slow
// call is not taken for a stalled one.
func NoteProgress(ctx context.Context) {
	o, _ := ctx.Value(observerKey{}).(*observer)
	for ; o != nil; o = o.up {
		if o.progress != nil {
			o.progress()
		}
	}
}

// noteWaiting tells the decorators above that the call waits for us, until the
// next progress.
func noteWaiting(ctx context.Context) {
	o, _ := ctx.Value(observerKey{}).(*observer)
	for ; o != nil; o = o.up {
		if o.waiting != nil {
			o.waiting()
		}
	}
}
