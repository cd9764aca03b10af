package local

import (
	"context"
	"errors"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/catalog"
	"syncline.dev/syncline/internal/place"
	"syncline.dev/syncline/internal/storage"
	"syncline.dev/syncline/internal/syncer"
	"syncline.dev/syncline/resticrepo"
)

// synchronize brings the catalog up to date and returns it. With a damaged
// repository it returns an error and the catalog of the part that could be read;
// the catalog is nil if there is nothing to show. A damaged catalog is discarded.
// The catalog of another repository at the same place is kept.
func (e *Engine) synchronize(ctx context.Context, local *cached) (cat *catalog.Catalog, stats syncline.SessionStatistics, err error) {
	ahead := &ahead{}
	st, r, err := e.reach(ctx)
	if err != nil {
		return nil, stats, err
	}
	defer func() { ahead.key.drop() }()
	if cat, stats, err = e.unchanged(ctx, st, r, local, ahead); cat != nil || err != nil {
		ahead.key.drop()
		return cat, stats, errors.Join(err, r.Close())
	}
	err = e.unlock(ctx, st, r, ahead, func(ctx context.Context, st storage.Storage) { ahead.look(ctx, st, local) })
	if err != nil {
		err = errors.Join(err, ahead.close())
		if syncline.CodeOf(err) == syncline.CodeDamaged && local.exists() {
			var openErr error
			if cat, openErr = local.read(ctx); !errors.Is(openErr, catalog.ErrMissing) {
				err = errors.Join(err, openErr)
			}
		}
		return cat, stats, err
	}
	cat, stats, err = e.synchronizeWith(ctx, r, local, ahead)
	return cat, stats, errors.Join(err, ahead.close(), r.Close())
}

// unchanged returns the catalog if it shows all that lies in the repository. A check of
// names tells, which needs no key, so that the password is not needed. Where it is not
// so, the catalog is nil, and ahead has the catalog and what the check has read. The error
// is that of a storage that does not answer; any other is for the synchronization to find.
func (e *Engine) unchanged(ctx context.Context, st storage.Storage, r *place.Opened, local *cached, ahead *ahead) (cat *catalog.Catalog, stats syncline.SessionStatistics, err error) {
	if !local.exists() || local.foundDamaged() {
		return nil, stats, nil
	}
	if cat, err = local.open(ctx); err != nil {
		return nil, stats, nil //nolint:nilerr // the synchronization has it again
	}
	ahead.key = e.openEarly(ctx, st)
	found, err := syncer.Check(ctx, st, cat, ahead.key.sees)
	switch {
	case syncline.CodeOf(err) == syncline.CodeUnavailable || ctx.Err() != nil:
		return nil, stats, errors.Join(e.translate(err), cat.Close())
	case err != nil:
		return nil, stats, cat.Close()
	case found.New || !found.Whole:
		ahead.cat, ahead.snapshots, ahead.sealed = cat, found.Snapshots, found.Sealed
		return nil, stats, nil
	}
	stats.SnapshotsTotal = int64(len(found.Snapshots))
	stats.RequestsByKind, stats.BytesFetched, stats.Retries = r.Counter.Counts()
	for _, n := range stats.RequestsByKind {
		stats.Requests += n
	}
	return cat, stats, nil
}

// ahead is the work that is done before the repository's key is there.
type ahead struct {
	cat       *catalog.Catalog // nil if there is none, and after take
	snapshots []resticrepo.File
	sealed    *resticrepo.Sealed // nil unless a check has read it
	key       *early             // nil without a check
}

// look opens the catalog and lists the snapshots. It reports no error: the
// synchronization repeats a step that fails here.
func (a *ahead) look(ctx context.Context, st storage.Storage, local *cached) {
	if a.cat != nil { // listed already, with news
		a.cat.Preload(context.WithoutCancel(ctx))
		return
	}
	if !local.exists() {
		return
	}
	cat, err := local.open(ctx)
	if err != nil {
		return
	}
	listed, err := syncer.Ahead(ctx, st, cat)
	if err != nil {
		_ = cat.Close()
		return
	}
	a.cat, a.snapshots = cat, listed
}

// take returns the catalog and the listing, once.
func (a *ahead) take() (*catalog.Catalog, []resticrepo.File) {
	cat, snapshots := a.cat, a.snapshots
	a.cat, a.snapshots = nil, nil
	return cat, snapshots
}

func (a *ahead) close() error {
	if cat, _ := a.take(); cat != nil {
		return cat.Close()
	}
	return nil
}

func (e *Engine) synchronizeWith(ctx context.Context, r *place.Opened, local *cached, ahead *ahead) (cat *catalog.Catalog, stats syncline.SessionStatistics, err error) {
	lock, err := local.lock(ctx, func() {
		e.Note("waiting for another process that synchronizes this repository")
		_ = ahead.close() // the other process changes the catalog
	})
	if err != nil {
		return nil, stats, err
	}
	defer func() { err = errors.Join(err, lock.Unlock()) }()
	if local.foundDamaged() {
		e.Note("the local catalog was found damaged; it is built anew")
		if err := errors.Join(ahead.close(), local.discard()); err != nil {
			return nil, stats, err
		}
	}
	until := time.Now().Add(e.RetryLock)
	for attempt := 1; ; attempt++ {
		cat, stats, err = e.session(ctx, r, local, ahead)
		if e.waitUnlocked(ctx, r, err, until) {
			if cat != nil {
				if err = cat.Close(); err != nil {
					return nil, stats, err
				}
			}
			attempt--
			continue
		}
		if !errors.Is(err, catalog.ErrAnother) && !catalog.Unusable(err) || attempt == 3 {
			return cat, stats, err
		}
		if err := e.otherCatalog(ctx, r, local, err); err != nil {
			return nil, stats, err
		}
	}
}

// otherCatalog changes to the catalog of the repository, or discards a catalog
// that cannot be used.
func (e *Engine) otherCatalog(ctx context.Context, r *place.Opened, local *cached, why error) error {
	switch {
	case errors.Is(why, catalog.ErrAnother):
		id := syncline.Hash(r.Repository.Config().ID)
		e.Note("another repository lies there than the last time, %s; it has a catalog of its own", id.Short())
		return local.turnTo(ctx, id)
	case errors.Is(why, catalog.ErrOutdated):
		e.Note("the local catalog is of another version of Syncline; it is built anew")
	default:
		e.Note("the local catalog is built anew: %s", MessageOf(why))
	}
	return local.discard()
}

// session synchronizes once. It returns a catalog in the same cases as
// synchronize.
func (e *Engine) session(ctx context.Context, r *place.Opened, local *cached, ahead *ahead) (cat *catalog.Catalog, stats syncline.SessionStatistics, err error) {
	cat, snapshots := ahead.take()
	if cat == nil {
		if cat, err = local.open(ctx); err != nil {
			return nil, stats, err
		}
	}
	shown, end := e.Reporter()
	stats, err = syncer.Run(ctx, syncer.Params{
		Opened: *r, Catalog: cat, Reporter: shown, Snapshots: snapshots, Logger: e.Logger,
	})
	end()
	if errors.Is(err, catalog.ErrReadOnly) || errors.Is(err, catalog.ErrNoRoom) {
		return answerable(ctx, cat, local, err)
	}
	repository := errors.Is(err, syncer.ErrPartial) || syncline.CodeOf(err) == syncline.CodeDamaged
	if err != nil && (!repository || errors.Is(err, catalog.ErrDamaged)) {
		return nil, stats, errors.Join(err, cat.Close())
	}
	return cat, stats, err
}

// answerable returns a catalog that cannot be written for want of room or rights,
// and the error that says so. The catalog is nil if it shows nothing.
func answerable(ctx context.Context, cat *catalog.Catalog, local *cached, why error) (*catalog.Catalog, syncline.SessionStatistics, error) {
	shown := 0
	err := cat.View(ctx, func(v *catalog.View) error {
		list, err := v.Snapshots()
		shown = len(list)
		return err
	})
	why = syncline.WrapError(syncline.CodeUnavailable, why, "the catalog in %s cannot be brought up to date (%s); make room or name another directory with --cache-dir", local.dir, MessageOf(why))
	if err != nil || shown == 0 {
		return nil, syncline.SessionStatistics{}, errors.Join(why, cat.Close())
	}
	return cat, syncline.SessionStatistics{}, syncline.WrapError(syncline.CodeUnavailable, why, "%s; this answer is that of the last synchronization", MessageOf(why))
}
