package store

import (
	"context"

	"syncline.dev/syncline"
)

// Checks keeps the last check of each repository.
type Checks interface {
	// Checks returns the last check of each repository that has one, in the order of the
	// repositories.
	Checks(ctx context.Context) ([]syncline.Check, error)
	// PutChecks replaces the checks of some repositories, all of them or none. It leaves
	// out those of unknown repositories. A deleted repository takes its check with it.
	PutChecks(ctx context.Context, checks ...syncline.Check) error
}
