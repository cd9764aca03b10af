package syncer

import (
	"context"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/catalog"
	"syncline.dev/syncline/resticrepo"
)

// smallFiles is how many snapshot or index files are read at once.
const smallFiles = 8

// list lists the snapshots and decides which are new and which are gone.
func (r *run) list(ctx context.Context) error {
	var err error
	if r.listed = r.Snapshots; r.listed == nil {
		if r.listed, err = r.Repository.Snapshots(ctx); err != nil {
			return err
		}
	}
	var known []catalog.Snapshot
	err = r.Catalog.View(ctx, func(v *catalog.View) (err error) {
		known, err = v.Snapshots()
		r.lost = v.Lost() > 0
		return err
	})
	if err != nil {
		return err
	}
	gone := missingFrom(r.listed, known)
	if r.Snapshots != nil && len(gone) > 0 {
		// Another process may have synchronized what is newer than that listing.
		if r.listed, err = r.Repository.Snapshots(ctx); err != nil {
			return err
		}
		gone = missingFrom(r.listed, known)
	}
	if len(r.listed) == 0 && len(known) > 0 {
		r.emptied = append(r.emptied, "snapshots")
		gone = nil
	}
	r.removed, err = r.confirm(ctx, "snapshots", gone, r.Repository.Snapshots)
	if err != nil {
		return err
	}
	gone = r.removed
	r.have = make(map[resticrepo.ID]bool, len(known))
	for i := range known {
		r.have[resticrepo.ID(known[i].ID)] = true
	}
	r.listed = slices.DeleteFunc(r.listed, func(f resticrepo.File) bool { return r.have[f.ID] })
	r.stats.SnapshotsTotal, r.stats.SnapshotsFound = int64(len(known)), int64(len(r.listed))
	if len(r.listed) > 0 {
		r.Reporter.Behind()
		r.Catalog.Preload(ctx) // beside the reading of snapshots and indexes
	}
	r.log(syncline.LogInfo, "Listed snapshots: %d new, %d known, %d gone", len(r.listed), len(known)-len(gone), len(gone))
	return nil
}

// confirm makes sure that objects are gone before anything goes because of it: a
// listing may leave some out. It lists again until two listings in a row agree
// on what is missing, and returns that; nothing when no two of maxListings do.
func (r *run) confirm(ctx context.Context, dir string, gone []syncline.Hash, list func(context.Context) ([]resticrepo.File, error)) ([]syncline.Hash, error) {
	first := len(gone)
	for n := 1; n < maxListings && len(gone) > 0; n++ {
		again, err := list(ctx)
		if err != nil {
			return nil, err
		}
		there := make(map[syncline.Hash]bool, len(again))
		for _, f := range again {
			there[syncline.Hash(f.ID)] = true
		}
		still := slices.DeleteFunc(slices.Clone(gone), func(h syncline.Hash) bool { return there[h] })
		switch {
		case len(again) == 0: // as that of a disk which is not mounted
		case len(still) < len(gone):
			gone = still
		default:
			if len(gone) < first {
				r.log(syncline.LogWarning, "A listing of %s left out some that are there", dir)
			}
			return gone, nil
		}
	}
	if first > 0 {
		r.log(syncline.LogWarning, "Several listings of %s did not agree; nothing is removed because of them", dir)
	}
	return nil, nil
}

// maxListings is how many listings of a folder are compared.
const maxListings = 4

// Ahead does what a synchronization can do before its repository is open, which
// takes a while for the key: it lists the snapshots, for Params, and has the
// catalog load what it needs should there be new ones. An error is no failure:
// Run meets it again.
func Ahead(ctx context.Context, st resticrepo.Storage, c *catalog.Catalog) ([]resticrepo.File, error) {
	listed, err := resticrepo.ListSnapshots(ctx, st)
	if err != nil {
		return nil, err
	}
	return listed, c.View(ctx, func(v *catalog.View) error {
		known, err := v.Snapshots()
		if err != nil {
			return err
		}
		have := make(map[resticrepo.ID]bool, len(known))
		for i := range known {
			have[resticrepo.ID(known[i].ID)] = true
		}
		if slices.ContainsFunc(listed, func(f resticrepo.File) bool { return !have[f.ID] }) {
			c.Preload(context.WithoutCancel(ctx))
		}
		return nil
	})
}

func missingFrom(listed []resticrepo.File, known []catalog.Snapshot) (gone []syncline.Hash) {
	there := make(map[resticrepo.ID]bool, len(listed))
	for _, f := range listed {
		there[f.ID] = true
	}
	for i := range known {
		if !there[resticrepo.ID(known[i].ID)] {
			gone = append(gone, known[i].ID)
		}
	}
	return gone
}

// readSnapshots reads the new ones. A damaged one is told and left out. One that
// is not there was forgotten since the listing, or the listing was wrong: they
// are listed once more.
func (r *run) readSnapshots(ctx context.Context) error {
	r.fresh = make([]syncline.Snapshot, 0, len(r.listed))
	vanished, err := r.readListed(ctx)
	if err == nil && vanished {
		r.listed, err = r.Repository.Snapshots(ctx)
		r.listed = slices.DeleteFunc(r.listed, func(f resticrepo.File) bool { return r.have[f.ID] })
		if err == nil {
			_, err = r.readListed(ctx)
		}
	}
	if err != nil {
		return err
	}
	slices.SortFunc(r.fresh, func(a, b syncline.Snapshot) int { return a.Compare(&b) })
	return nil
}

// readListed reads the snapshots that were listed, and reports whether any was
// not there.
func (r *run) readListed(ctx context.Context) (vanished bool, err error) {
	var mu sync.Mutex
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(smallFiles)
	for _, f := range r.listed {
		r.have[f.ID] = true
		g.Go(func() error {
			s, err := r.Repository.LoadSnapshot(gctx, f)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil:
				r.fresh = append(r.fresh, domainSnapshot(s))
			case gone(err):
				vanished = true
				r.log(syncline.LogInfo, "Snapshot %s was forgotten meanwhile", f.ID.Short())
			case isDamage(err):
				r.damagedSnapshots = append(r.damagedSnapshots, syncline.Hash(f.ID))
				r.stats.Damaged++
				r.log(syncline.LogError, "Snapshot %s cannot be read: %v", f.ID.Short(), err)
			default:
				return err
			}
			return nil
		})
	}
	return vanished, g.Wait()
}

// hide begins to record the snapshots that are there and are not shown, beside
// the fetching: also a session that is stopped leaves known what is newer than
// what it can show. Publishing takes out those that it shows.
func (r *run) hide(ctx context.Context) {
	if slices.Contains(r.emptied, "snapshots") {
		return
	}
	list := make([]syncline.HiddenSnapshot, 0, len(r.fresh)+len(r.damagedSnapshots))
	for i := range r.fresh {
		list = append(list, syncline.HiddenSnapshot{Snapshot: r.fresh[i], Reason: syncline.HiddenUnsynchronized})
	}
	for _, id := range r.damagedSnapshots {
		list = append(list, syncline.HiddenSnapshot{Snapshot: syncline.Snapshot{ID: id}, Reason: syncline.HiddenDamaged})
	}
	ctx = context.WithoutCancel(ctx)
	r.keeping.Go(func() error { return r.Catalog.SetHidden(ctx, list) })
}

func domainSnapshot(s *resticrepo.Snapshot) syncline.Snapshot {
	return syncline.Snapshot{
		ID: syncline.Hash(s.ID), Time: s.Time, Tree: syncline.Hash(s.Tree),
		Parent: syncline.Hash(s.Parent), Original: syncline.Hash(s.Original),
		Paths: s.Paths, Hostname: s.Hostname, Username: s.Username, UID: s.UID, GID: s.GID,
		Excludes: s.Excludes, Tags: s.Tags, ProgramVersion: s.ProgramVersion, Summary: s.Summary,
	}
}
