package catalog

import (
	"context"

	"syncline.dev/syncline"
)

// Claim says for which work somebody writes: a node holds the work while the
// work has this epoch. Each taking of the work raises the epoch, so a node that
// has lost its work has an old claim. A change of a repository, which works beside no
// work, claims by the hold that keeps the work out.
type Claim struct {
	Work  syncline.ID
	Epoch int64
	Hold  syncline.ID // instead of work
}

type claimKey struct{}

// WithClaim returns a context whose updates are made under claim. See
// Container.Update.
func WithClaim(ctx context.Context, claim Claim) context.Context {
	return context.WithValue(ctx, claimKey{}, claim)
}

// ClaimOf returns the claim that the context carries. ok is false where it
// carries none.
func ClaimOf(ctx context.Context) (claim Claim, ok bool) {
	claim, ok = ctx.Value(claimKey{}).(Claim)
	return claim, ok
}

// ClaimLost makes the error for an update under a claim that does not hold. It
// matches ErrConflict. Containers use it.
func ClaimLost() error {
	return syncline.WrapError(syncline.CodeConflict, ErrConflict,
		"another node has taken this work over, or may have; this node writes nothing more to the catalog")
}
