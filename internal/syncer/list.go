package syncer

import (
	"context"
	"maps"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/catalog"
	"syncline.dev/syncline/resticrepo"
)

// smallFiles bounds the snapshot or index files that are read at once.
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
		if known, err = v.Snapshots(); err == nil {
			r.hidden, err = v.Hidden()
		}
		r.lost = v.Lost() > 0
		return err
	})
	if err != nil {
		return err
	}
	gone := r.missing(known)
	if r.Snapshots != nil && len(gone) > 0 {
		// The catalog may be newer than that listing, if another process has
		// synchronized.
		if r.listed, err = r.Repository.Snapshots(ctx); err != nil {
			return err
		}
		gone = r.missing(known)
	}
	if len(r.listed) == 0 && len(known)+len(r.hidden) > 0 {
		r.emptied = append(r.emptied, "snapshots")
		gone = nil
	}
	if gone, err = r.confirm(ctx, "snapshots", gone, r.listMore); err != nil {
		return err
	}
	r.leave(known, gone)
	gone = r.removed
	r.have = make(map[resticrepo.ID]bool, len(known))
	for i := range known {
		r.have[resticrepo.ID(known[i].ID)] = true
	}
	r.listed = slices.DeleteFunc(r.listed, func(f resticrepo.File) bool { return r.have[f.ID] })
	r.stats.SnapshotsTotal, r.stats.SnapshotsFound = int64(len(known)), int64(len(r.listed))
	if len(r.listed) > 0 {
		r.Reporter.Behind()
		r.Catalog.Preload(ctx) // while snapshots and indexes are read
	}
	r.log(syncline.LogInfo, "Listed snapshots: %d new, %d known, %d gone", len(r.listed), len(known)-len(gone), len(gone))
	return nil
}

// confirm makes sure that objects are gone before anything is removed, because
// a listing may leave some out. It lists again until two listings in a row
// agree on the missing objects, and returns those. It returns none if no two of
// maxListings agree.
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
		case len(again) == 0: // like an unmounted disk
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

// listMore lists the snapshots again and adds new ones to r.listed.
func (r *run) listMore(ctx context.Context) ([]resticrepo.File, error) {
	again, err := r.Repository.Snapshots(ctx)
	there := make(map[resticrepo.ID]bool, len(r.listed))
	for _, f := range r.listed {
		there[f.ID] = true
	}
	for _, f := range again {
		if !there[f.ID] {
			r.listed = append(r.listed, f)
		}
	}
	return again, err
}

// maxListings bounds the listings of a folder that are compared.
const maxListings = 4

// Ahead does the parts of a synchronization that need no open repository, while
// the key is derived. It lists the snapshots, for Params, and lets the catalog
// load the tables that new snapshots need. Its error is no failure, because Run
// has the same one again.
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

// missing returns the known snapshots, shown and hidden, that are not listed.
func (r *run) missing(known []catalog.Snapshot) (gone []syncline.Hash) {
	there := make(map[resticrepo.ID]bool, len(r.listed))
	for _, f := range r.listed {
		there[f.ID] = true
	}
	for i := range known {
		if !there[resticrepo.ID(known[i].ID)] {
			gone = append(gone, known[i].ID)
		}
	}
	for i := range r.hidden {
		if id := r.hidden[i].Snapshot.ID; !there[resticrepo.ID(id)] {
			gone = append(gone, id)
		}
	}
	return gone
}

// leave decides about the known snapshots, given the gone ones. It removes gone
// snapshots that are shown. A hidden snapshot that a listing left out stays
// hidden, unless it is gone.
func (r *run) leave(known []catalog.Snapshot, gone []syncline.Hash) {
	done := make(map[syncline.Hash]bool, len(gone)+len(r.listed))
	for _, id := range gone {
		done[id] = true
	}
	for i := range known {
		if done[known[i].ID] {
			r.removed = append(r.removed, known[i].ID)
		}
	}
	for _, f := range r.listed { // the session reads these
		done[syncline.Hash(f.ID)] = true
	}
	r.hidden = slices.DeleteFunc(r.hidden, func(h syncline.HiddenSnapshot) bool { return done[h.Snapshot.ID] })
}

// readSnapshots reads the new snapshots. It reports a damaged one and leaves it
// out. If a listed snapshot is missing, it was forgotten since the listing, or
// the listing or the answer was wrong: the snapshots are listed and read again.
// A snapshot that every listing has and that is always missing counts as
// damaged.
func (r *run) readSnapshots(ctx context.Context) error {
	r.fresh = make([]syncline.Snapshot, 0, len(r.listed))
	for n := 1; ; n++ {
		vanished, err := r.readListed(ctx)
		if err == nil && len(vanished) > 0 {
			err = r.listAgain(ctx, vanished)
		}
		if err != nil {
			return err
		}
		if len(vanished) == 0 {
			break
		}
		if n == maxListings {
			r.neverThere(vanished)
			break
		}
	}
	slices.SortFunc(r.fresh, func(a, b syncline.Snapshot) int { return a.Compare(&b) })
	return nil
}

// listAgain lists the snapshots that are still to be read, after some were
// missing.
func (r *run) listAgain(ctx context.Context, vanished map[resticrepo.ID]bool) (err error) {
	if r.listed, err = r.Repository.Snapshots(ctx); err != nil {
		return err
	}
	gone := maps.Clone(vanished)
	for _, f := range r.listed {
		if gone[f.ID] {
			delete(gone, f.ID)
			delete(r.have, f.ID)
		}
	}
	for id := range gone {
		r.log(syncline.LogInfo, "Snapshot %s was forgotten meanwhile", id.Short())
	}
	r.listed = slices.DeleteFunc(r.listed, func(f resticrepo.File) bool { return r.have[f.ID] })
	return nil
}

// neverThere notes the snapshots that are still listed and always missing.
func (r *run) neverThere(vanished map[resticrepo.ID]bool) {
	for _, f := range r.listed {
		if vanished[f.ID] {
			r.damagedSnapshot(f.ID, "it is listed, but it is not there")
		}
	}
}

// damagedSnapshot notes a snapshot that cannot be read.
func (r *run) damagedSnapshot(id resticrepo.ID, why any) {
	r.have[id] = true
	r.damagedSnapshots = append(r.damagedSnapshots, syncline.Hash(id))
	r.stats.Damaged++
	r.log(syncline.LogError, "Snapshot %s cannot be read: %v", id.Short(), why)
}

// readListed reads the listed snapshots and returns the missing ones.
func (r *run) readListed(ctx context.Context) (vanished map[resticrepo.ID]bool, err error) {
	vanished = make(map[resticrepo.ID]bool)
	var mu sync.Mutex
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(smallFiles)
	for _, f := range r.listed {
		g.Go(func() error {
			s, err := r.Repository.LoadSnapshot(gctx, f)
			mu.Lock()
			defer mu.Unlock()
			r.have[f.ID] = true
			switch {
			case err == nil:
				r.fresh = append(r.fresh, domainSnapshot(s))
			case gone(err):
				vanished[f.ID] = true
			case isDamage(err):
				r.damagedSnapshot(f.ID, err)
			default:
				return err
			}
			return nil
		})
	}
	return vanished, g.Wait()
}

// hide starts to record the snapshots that exist and are not shown, while trees
// are fetched. So a stopped session also leaves a record of newer snapshots.
// Publishing removes the ones that it shows.
func (r *run) hide(ctx context.Context) {
	if slices.Contains(r.emptied, "snapshots") {
		return
	}
	list := make([]syncline.HiddenSnapshot, 0, len(r.fresh)+len(r.damagedSnapshots)+len(r.hidden))
	list = append(list, r.hidden...)
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
