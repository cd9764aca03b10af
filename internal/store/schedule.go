package store

import (
	"context"
	"time"

	"syncline.dev/syncline"
)

// Checks keeps the last check of each repository.
type Checks interface {
	// Checks returns the last check of each repository that has one, or for which one was
	// asked, in the order of the repositories.
	Checks(ctx context.Context) ([]syncline.Check, error)
	// CheckOf returns that of one repository; where there is none, all is zero but its
	// RepositoryID.
	CheckOf(ctx context.Context, repository syncline.ID) (syncline.Check, error)
	// PutChecks replaces the checks of some repositories, all of them or none. It leaves
	// out those of unknown repositories. AskedAt and Anew stay as they are, unless the
	// AskedAt of the new check is the same: it has answered then, and both become zero. A
	// deleted repository takes its check with it.
	PutChecks(ctx context.Context, checks ...syncline.Check) error
	// AskCheck sets AskedAt, and with anew Anew as well. CodeNotFound is for an unknown
	// repository.
	AskCheck(ctx context.Context, repository syncline.ID, at time.Time, anew bool) error
}
