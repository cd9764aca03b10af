package store

import (
	"context"

	"syncline.dev/syncline"
)

// Hold keeps the work of a repository from being started.
type Hold struct {
	ID           syncline.ID // chosen by the caller
	RepositoryID syncline.ID
	// Kind is the only kind that is held; empty for all, because the repository is
	// being removed.
	Kind syncline.WorkKind
}

// Two refusals of AddWork. Both are CodeConflict.
var (
	ErrHeld    = syncline.Errorf(syncline.CodeConflict, "the repository is being changed, and no work of it can start meanwhile; try again in a moment")
	ErrLeaving = syncline.Errorf(syncline.CodeConflict, "the repository is being removed already")
)

// ErrHoldOver says that a hold is over, so that work of the repository may have started.
var ErrHoldOver = syncline.Errorf(syncline.CodeConflict, "this node stood still for a while, so that work of the repository may have started meanwhile; nothing more is changed; look at the repository and try again")

type holdKey struct{}

// WithHold returns a context for the writes of a change that a hold protects. A store
// compares the hold in the transaction of each write, and lets no work of its kind be
// added or taken until the transaction ends. ErrHoldOver says that the hold is over, and
// then nothing is written. So a node that was stopped past the end of its hold changes
// nothing beside the work that has started.
func WithHold(ctx context.Context, h Hold) context.Context {
	return context.WithValue(ctx, holdKey{}, h)
}

// HoldOf returns the hold of a context; ok is false for none.
func HoldOf(ctx context.Context) (h Hold, ok bool) {
	h, ok = ctx.Value(holdKey{}).(Hold)
	return h, ok
}
