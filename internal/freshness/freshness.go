// Package freshness decides which catalogs can answer, and whether they are in
// the state of the last session. The state database has that state, and the
// folder of catalogs has the files. If the two differ, the repository is out of
// sync. A question to a missing catalog is refused and never gets an empty
// list.
package freshness

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"runtime"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/catalog"
)

// Dir holds the catalogs.
type Dir interface {
	// Read runs fn with a repository's catalog. Its error is catalog.ErrMissing
	// if there is none.
	Read(ctx context.Context, repository syncline.ID, fn func(*catalog.Catalog) error) error
	// Present reports whether there is a catalog.
	Present(ctx context.Context, repository syncline.ID) (bool, error)
}

// Store has the state database's records of repositories.
type Store interface {
	Repositories(ctx context.Context) ([]syncline.Repository, error)
	Repository(ctx context.Context, id syncline.ID) (syncline.Repository, error)
	SetOutOfSync(ctx context.Context, id syncline.ID, outOfSync bool) error
}

// Keeper stands between questions and the catalogs. It is safe for concurrent
// use.
type Keeper struct {
	Dir    Dir
	Store  Store
	Logger *slog.Logger

	mu      sync.Mutex
	checked map[syncline.ID]*catalog.Catalog // checked catalogs with snapshots
}

// Repositories returns all repositories, with their present OutOfSync.
func (k *Keeper) Repositories(ctx context.Context) ([]syncline.Repository, error) {
	list, err := k.Store.Repositories(ctx)
	for i := 0; i < len(list) && err == nil; i++ {
		err = k.look(ctx, &list[i])
	}
	return list, err
}

// Repository returns one repository, with its present OutOfSync.
func (k *Keeper) Repository(ctx context.Context, id syncline.ID) (syncline.Repository, error) {
	r, err := k.Store.Repository(ctx, id)
	if err == nil {
		err = k.look(ctx, &r)
	}
	return r, err
}

func (k *Keeper) look(ctx context.Context, r *syncline.Repository) error {
	if r.OutOfSync {
		return nil
	}
	present, err := k.Dir.Present(ctx, r.ID)
	r.OutOfSync = !present
	return err
}

// Remembered returns the repositories whose catalogs were checked.
func (k *Keeper) Remembered() []syncline.ID {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Collect(maps.Keys(k.checked))
}

// Forget has the catalog of a repository checked again.
func (k *Keeper) Forget(repository syncline.ID) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.checked, repository)
}

// Use runs fn with a repository's catalog. Its error is catalog.ErrMissing if
// the catalog is missing, or is empty without the mark of a session.
func (k *Keeper) Use(ctx context.Context, id syncline.ID, fn func(*catalog.Catalog) error) error {
	err := k.Dir.Read(ctx, id, func(c *catalog.Catalog) error {
		if err := k.check(ctx, id, c); err != nil {
			return err
		}
		return fn(c)
	})
	if catalog.Unusable(err) {
		k.mu.Lock()
		delete(k.checked, id)
		k.mu.Unlock()
	}
	if errors.Is(err, catalog.ErrUnopened) {
		if err := k.mark(ctx, id); err != nil {
			return err
		}
	}
	return err
}

// check compares a newly opened catalog with the state database. A catalog
// without snapshots is compared each time.
func (k *Keeper) check(ctx context.Context, id syncline.ID, c *catalog.Catalog) error {
	k.mu.Lock()
	known := k.checked[id] == c
	k.mu.Unlock()
	if known {
		return nil
	}
	// The record is read before the catalog. A catalog only grows, so the
	// record is never newer.
	r, err := k.Store.Repository(ctx, id)
	if err != nil {
		return err
	}
	var mark syncline.CatalogMark
	var synchronized bool
	var snapshots int
	err = c.View(ctx, func(v *catalog.View) error {
		mark, synchronized = v.Mark()
		list, err := v.Snapshots()
		snapshots = len(list)
		return err
	})
	if err != nil {
		return err
	}
	if !r.OutOfSync && mark.Behind(r.Catalog) {
		k.Logger.Warn("a catalog is not the one that the last session left; the next session brings it up to date", "repository", id)
		if err := k.Store.SetOutOfSync(ctx, id, true); err != nil {
			return err
		}
		r.OutOfSync = true
	}
	if snapshots == 0 {
		if r.OutOfSync || !synchronized {
			return syncline.WrapError(syncline.CodeConflict, catalog.ErrMissing,
				"nothing of this repository can be shown yet, because no synchronization of it has succeeded; synchronize it, or see in the log of its last session why it failed")
		}
		return nil
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.checked == nil {
		k.checked = make(map[syncline.ID]*catalog.Catalog)
	}
	k.checked[id] = c
	return nil
}

// Verify opens every catalog and records the repositories that are out of sync.
// It returns those with a catalog of another version of the program, which must
// be built anew.
func (k *Keeper) Verify(ctx context.Context) (outdated []syncline.ID, err error) {
	list, err := k.Store.Repositories(ctx)
	if err != nil {
		return nil, err
	}
	var mu sync.Mutex
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for _, r := range list {
		group.Go(func() error {
			err := k.Use(ctx, r.ID, func(*catalog.Catalog) error { return nil })
			switch {
			case errors.Is(err, catalog.ErrOutdated):
				k.Logger.Info("catalog is of another version of Syncline and is built anew", "repository", r.ID)
				mu.Lock()
				outdated = append(outdated, r.ID)
				mu.Unlock()
			case errors.Is(err, catalog.ErrMissing) && !r.OutOfSync:
				k.Logger.Warn("a repository was synchronized and its catalog is missing; synchronize it", "repository", r.ID)
			case errors.Is(err, catalog.ErrMissing), errors.Is(err, catalog.ErrDamaged), err == nil: // reported elsewhere
				return nil
			default:
				k.Logger.Error("a catalog cannot be opened", "repository", r.ID, "error", err)
			}
			return k.mark(ctx, r.ID)
		})
	}
	return outdated, group.Wait()
}

// mark records that a repository is out of sync. It ignores a database that
// cannot be written to, because other calls report that.
func (k *Keeper) mark(ctx context.Context, id syncline.ID) error {
	err := k.Store.SetOutOfSync(ctx, id, true)
	switch syncline.CodeOf(err) {
	case syncline.CodeNotFound:
		return nil
	case syncline.CodeUnavailable:
		k.Logger.Error("cannot mark a repository as out of sync", "repository", id, "error", err)
		return nil
	}
	return err
}
