package api

import (
	"context"
	"log/slog"
	"time"

	"syncline.dev/syncline"
)

// whileAllowed returns a context that ends, and the answer with it, when the
// user who asked may no longer have what is sent: removed, signed out, with
// another password, or with another role. It looks at every heartbeat. An access
// token that merely grows old ends nothing: a download takes its time. The
// caller calls stop when the answer is complete.
func (a *api) whileAllowed(ctx context.Context, out *response, may permission) (_ context.Context, stop func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(a.Heartbeat)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			if err := a.stillAllowed(ctx, may); err != nil {
				cancel(err)
				out.end() // the client may be taking nothing
				return
			}
		}
	}()
	return ctx, func() {
		cancel(nil)
		<-done
	}
}

// stillAllowed fails when the user may not go on. That the store cannot be asked
// just now is no reason.
func (a *api) stillAllowed(ctx context.Context, may permission) error {
	identity, err := a.Auth.Continue(ctx, infoFrom(ctx).identity)
	switch {
	case syncline.CodeOf(err) == syncline.CodeUnauthenticated:
		return err
	case err != nil:
		a.log.LogAttrs(ctx, slog.LevelWarn, "cannot look whether a user may still download", slog.Any("error", err))
		return nil
	case !may.has(identity):
		return syncline.Errorf(syncline.CodeForbidden, "the user has another role now")
	}
	return nil
}
