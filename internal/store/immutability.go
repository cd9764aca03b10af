package store

import (
	"context"
	"time"

	"syncline.dev/syncline"
)

// LookClaim is the wish of a node to look at the storage of a repository.
type LookClaim struct {
	Repository, ObjectStorage syncline.ID
	At                        time.Time
	// A look is due where the last good one was at Before or earlier, and where it failed
	// or was at another object storage. A claim at Lapsed or earlier has come to nothing.
	Before, Lapsed time.Time
}

// Immutabilities keeps the last look at the storage of each repository: whether its files
// can be removed.
type Immutabilities interface {
	// Immutabilities returns the last look at each repository that had one, in the order of
	// the repositories.
	Immutabilities(ctx context.Context) ([]syncline.Immutability, error)
	// Immutability returns that of one repository; where there is none, all is zero but its
	// RepositoryID.
	Immutability(ctx context.Context, repository syncline.ID) (syncline.Immutability, error)
	// ClaimLook gives the look at a repository to one caller. It is false where no look is
	// due, where another caller has it, and for an unknown repository.
	ClaimLook(ctx context.Context, c LookClaim) (bool, error)
	// PutImmutability keeps the outcome of a look. CodeConflict says that the claim is
	// not the last one. A deleted repository takes its look with it.
	PutImmutability(ctx context.Context, c LookClaim, found syncline.Immutability) error
	// DropImmutability forgets the look at a repository, so that one is due.
	DropImmutability(ctx context.Context, repository syncline.ID) error
}
