package api

import (
	"context"
	"log/slog"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/auth"
)

// continuer returns the present name and role of the user that signed in as i, however
// old the token is. CodeUnauthenticated says that the sign-in has ended.
type continuer interface {
	Continue(ctx context.Context, i auth.Identity) (auth.Identity, error)
}

// guard ends answers whose user has lost the right to them.
type guard struct {
	auth      continuer
	heartbeat time.Duration // between two looks
	log       *slog.Logger
}

// whileAllowed returns a context that ends, and the answer with it, when the
// user loses the right to the answer: removed, signed out, with another
// password, or with another role. It checks at every heartbeat. An access token
// that expires ends nothing, because a download takes its time. The caller
// calls stop when the answer is complete.
func (h *guard) whileAllowed(ctx context.Context, out *response, may permission) (_ context.Context, stop func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(h.heartbeat)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			if err := h.stillAllowed(ctx, may); err != nil {
				cancel(err)
				out.end() // the client may not be reading
				return
			}
		}
	}()
	return ctx, func() {
		cancel(nil)
		<-done
	}
}

// stillAllowed fails when the user may not go on. A store that cannot be reached is no
// reason to fail.
func (h *guard) stillAllowed(ctx context.Context, may permission) error {
	identity, err := h.auth.Continue(ctx, infoFrom(ctx).identity)
	switch {
	case syncline.CodeOf(err) == syncline.CodeUnauthenticated:
		return err
	case err != nil:
		h.log.LogAttrs(ctx, slog.LevelWarn, "cannot look whether a user may still download", slog.Any("error", err))
		return nil
	case !may.has(identity):
		return syncline.Errorf(syncline.CodeForbidden, "the user has another role now")
	}
	return nil
}
