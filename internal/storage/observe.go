package storage

import "context"

// observer receives the events on the wire of one call. The call's context
// carries it from the decorators to the back end.
type observer struct {
	up       *observer
	request  func()
	progress func()
	waiting  func() // the call waits for a limit, not for the storage
}

type observerKey struct{}

func observe(ctx context.Context, o observer) context.Context {
	o.up, _ = ctx.Value(observerKey{}).(*observer)
	return context.WithValue(ctx, observerKey{}, &o)
}

// NoteRequest tells the decorators above that a request goes out. Back ends
// call it for each request, also for further pages of a listing, with the
// context of the call. A back end that never calls it counts as making one
// request a call.
func NoteRequest(ctx context.Context) {
	o, _ := ctx.Value(observerKey{}).(*observer)
	for ; o != nil; o = o.up {
		if o.request != nil {
			o.request()
		}
	}
}

// NoteProgress tells the decorators above that bytes arrived, so that a slow
// call does not count as stalled.
func NoteProgress(ctx context.Context) {
	o, _ := ctx.Value(observerKey{}).(*observer)
	for ; o != nil; o = o.up {
		if o.progress != nil {
			o.progress()
		}
	}
}

// NoteWaiting tells the decorators above that the call waits for something else
// than an answer, such as a limit or the user, until the next progress. The
// caller bounds that wait.
func NoteWaiting(ctx context.Context) {
	o, _ := ctx.Value(observerKey{}).(*observer)
	for ; o != nil; o = o.up {
		if o.waiting != nil {
			o.waiting()
		}
	}
}
