package catalog

import (
	"context"

	"syncline.dev/syncline"
)

// Directory keeps the catalogs of a server, at most one for each attached
// repository. Package catalogtest has the suite that every implementation
// passes. Its users state the few methods that they need in interfaces of their
// own.
//
// A catalog is opened when it is first used. All users of a repository share it
// while it is open. A directory does not close a catalog that somebody uses.
type Directory interface {
	// Use runs fn with the repository's catalog, which it creates where there is
	// none. It notes that the catalog is damaged when the opening or fn returns
	// an error that matches ErrDamaged. Deletion does not wait for fn: fn goes on
	// with the old catalog, or its reads fail with syncline.CodeUnavailable.
	Use(ctx context.Context, repository syncline.ID, fn func(*Catalog) error) error
	// Read is Use for a catalog that is there. Where there is none it is
	// ErrMissing.
	Read(ctx context.Context, repository syncline.ID, fn func(*Catalog) error) error
	// Present reports whether the repository has a catalog.
	Present(ctx context.Context, repository syncline.ID) (bool, error)
	// Damaged reports whether the repository's catalog was found damaged. The
	// directory remembers that, also when it is opened again, until the catalog
	// is deleted.
	Damaged(ctx context.Context, repository syncline.ID) (bool, error)
	// Delete removes the repository's catalog, and the note that it is damaged.
	// The next Use begins with an empty one. It is no error where there is none. ctx may
	// carry a Claim, which counts as in Container.Update.
	Delete(ctx context.Context, repository syncline.ID) error
	// Trim gives back the room that the repository's catalog takes and does not
	// need. It deletes a catalog that shows no snapshot.
	Trim(ctx context.Context, repository syncline.ID) error
	// Sweep deletes the catalogs of all repositories that are not in keep.
	Sweep(ctx context.Context, keep []syncline.ID) error
	// Close waits for all users and closes every catalog.
	Close()
}
