package syncer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/catalog"
	"syncline.dev/syncline/internal/place"
	"syncline.dev/syncline/resticrepo"
)

// Reporter receives the events of a synchronization. Its methods are called
// from one goroutine at a time and must not block for long.
type Reporter interface {
	// Progress is called with the percentage of the work, 0 to 99, which never
	// falls.
	Progress(percent int, stats syncline.SessionStatistics)
	// Log is called with one sentence about the work or a fault.
	Log(level syncline.LogLevel, message string)
	// Behind means that the repository has something that the catalog lacks.
	Behind()
}

// Params are a synchronization's inputs.
type Params struct {
	place.Opened // Run does not close it
	Catalog      *catalog.Catalog
	Reporter     Reporter
	// Snapshots is a recent listing of Ahead. With nil, Run lists them itself.
	// Run removes nothing because of this listing, but lists again.
	Snapshots []resticrepo.File
	Logger    *slog.Logger
}

// maxRounds bounds the listings of the index when objects are missing.
const maxRounds = 3

// run is one synchronization under way.
type run struct {
	Params
	stats    syncline.SessionStatistics
	progress progress
	builder  *catalog.Builder // while trees are fetched

	listed  []resticrepo.File      // snapshots
	have    map[resticrepo.ID]bool // snapshots that the catalog shows or that the session has read
	fresh   []syncline.Snapshot
	removed []syncline.Hash
	hidden  []syncline.HiddenSnapshot // recorded before, without the listed ones
	indexes []resticrepo.File         // in the last listing
	plan    plan
	keeping errgroup.Group // writes the content of indexes to the catalog while trees are fetched

	emptied          []string // folders with an empty listing that the catalog knows files of
	damagedSnapshots []syncline.Hash
	damagedIndexes   map[resticrepo.ID]bool
	indexed          int                      // index files that the catalog knows
	lost             bool                     // visible snapshots lacked folders at the start
	settled          bool                     // missing objects count as lost, and snapshots are shown without them
	locker           string                   // holder of an exclusive lock, if it may explain missing objects
	archived         int                      // wanted packs in an archive class
	failed           map[syncline.Hash]string // trees that could not be read, with the reason
	unreadable       map[treeCopy]bool        // in all rounds
}

// Run synchronizes. It returns its statistics, also with an error. Errors have
// a code and a message for the user. When the context ends, Run keeps its work
// and returns the context's error.
func Run(ctx context.Context, p Params) (syncline.SessionStatistics, error) {
	if p.Streams <= 0 {
		p.Streams = runtime.GOMAXPROCS(0)
	}
	r := &run{Params: p, failed: make(map[syncline.Hash]string), damagedIndexes: make(map[resticrepo.ID]bool), unreadable: make(map[treeCopy]bool)}
	r.keeping.SetLimit(1) // one at a time, because each may be large
	r.progress.report = func(percent int) { p.Reporter.Progress(percent, r.statistics()) }
	err := r.synchronize(ctx)
	p.Catalog.Unload()
	if err != nil {
		r.traffic()
	}
	return r.statistics(), place.Translate(err)
}

// traffic logs the requests to the storage, which its owner pays for.
func (r *run) traffic() {
	s := r.statistics()
	kinds := make([]string, 0, len(s.RequestsByKind))
	for _, kind := range slices.Sorted(maps.Keys(s.RequestsByKind)) {
		kinds = append(kinds, fmt.Sprintf("%d %s", s.RequestsByKind[kind], kind))
	}
	again := ""
	if s.Retries > 0 {
		again = fmt.Sprintf("; %d of them further tries", s.Retries)
	}
	r.log(syncline.LogInfo, "Made %s to the storage (%s)%s, and read %s", plural(int(s.Requests), "request", "requests"),
		strings.Join(kinds, ", "), again, formatBytes(s.BytesFetched))
}

func (r *run) statistics() syncline.SessionStatistics {
	s := r.stats
	s.RequestsByKind, s.BytesFetched, s.Retries = r.Counter.Counts()
	for _, n := range s.RequestsByKind {
		s.Requests += n
	}
	if r.builder != nil {
		entries, trees := r.builder.Counts()
		s.EntriesAdded += entries
		s.TreesAdded += trees
	}
	return s
}

func (r *run) log(level syncline.LogLevel, format string, args ...any) {
	r.Reporter.Log(level, fmt.Sprintf(format, args...))
}

func (r *run) synchronize(ctx context.Context) error {
	config := r.Repository.Config()
	if err := r.Catalog.Bind(ctx, syncline.Hash(config.ID)); err != nil {
		return err
	}
	r.log(syncline.LogInfo, "Opened repository %.8s, format version %d", config.ID.String(), config.Version)
	if err := r.list(ctx); err != nil {
		return err
	}
	if err := r.readSnapshots(ctx); err != nil {
		return err
	}
	r.hide(ctx)
	gaps, err := r.rounds(ctx)
	if err != nil {
		return err
	}
	if err := r.finish(ctx, gaps); err != nil {
		return err
	}
	err = r.verdict(gaps)
	if err == nil || errors.Is(err, ErrMarked) {
		err = errors.Join(err, r.Catalog.SetSynchronized(ctx, syncline.Hash(r.Repository.Seal())))
	}
	return err
}

// rounds reads indexes, fetches trees and publishes. If objects were missing
// and the index has changed since, it does so again.
func (r *run) rounds(ctx context.Context) (gaps []catalog.Incomplete, err error) {
	for round := 1; ; round++ {
		changed, err := r.readIndexes(ctx, round)
		if err == nil && (round == 1 || changed) {
			clear(r.failed)
			err = r.fetch(ctx)
		}
		if err := errors.Join(err, r.keeping.Wait()); err != nil {
			return nil, err
		}
		gaps, err = r.Catalog.Publish(ctx, r.fresh, r.removed)
		if err != nil {
			return nil, err
		}
		if len(gaps) > 0 {
			if revived, err := r.revive(ctx, gaps); err != nil {
				return nil, err
			} else if revived {
				continue
			}
		}
		if len(gaps) == 0 || round > 1 && !changed || round == maxRounds {
			return r.settle(ctx, gaps)
		}
		r.log(syncline.LogWarning, "Some objects were not where the index says; reading the index once more")
	}
}

// settle decides about the objects that are still missing: the repository has
// lost them, and snapshots are shown without them. It does not decide so while
// another process may be moving objects, or while the folder of the indexes is
// empty, as on an unmounted disk.
func (r *run) settle(ctx context.Context, gaps []catalog.Incomplete) ([]catalog.Incomplete, error) {
	if len(gaps) == 0 && !r.lost {
		return nil, nil
	}
	if len(gaps) > 0 {
		if r.locker = r.exclusiveLock(ctx); r.locker != "" || len(r.indexes) == 0 && r.indexed > 0 {
			return gaps, nil
		}
	}
	r.settled = true
	return r.Catalog.PublishLost(ctx, r.fresh)
}

// finish records the results of the session: the finished indexes and the state
// of the catalog.
func (r *run) finish(ctx context.Context, gaps []catalog.Incomplete) error {
	var goneIndexes []syncline.Hash
	current := make(map[syncline.Hash]bool, len(r.indexes))
	for _, f := range r.indexes {
		current[syncline.Hash(f.ID)] = true
	}
	var total int
	err := r.Catalog.View(ctx, func(v *catalog.View) error {
		known, err := v.Indexes()
		if err != nil {
			return err
		}
		for _, x := range known {
			if !current[x.ID] {
				goneIndexes = append(goneIndexes, x.ID)
			}
		}
		shown, err := v.Snapshots()
		for i := range shown {
			if !shown[i].Lost {
				total++
			}
		}
		return err
	})
	if err != nil {
		return err
	}
	if len(r.indexes) == 0 && len(goneIndexes) > 0 {
		r.emptied = append(r.emptied, "index")
		goneIndexes = nil // an empty listing removes nothing
	}
	if goneIndexes, err = r.confirm(ctx, "indexes", goneIndexes, r.Repository.Indexes); err != nil {
		return err
	}
	if err := r.Catalog.FinishIndexes(ctx, len(gaps) == 0 && len(r.failed) == 0, goneIndexes); err != nil {
		return err
	}
	if len(r.removed) > 0 || len(goneIndexes) > 0 {
		if err := r.clean(ctx); err != nil {
			return err
		}
	}
	r.stats.SnapshotsTotal = int64(total)
	r.stats.SnapshotsAdded = int64(len(r.fresh))
	for _, g := range gaps {
		if r.hides(&g) {
			r.stats.SnapshotsAdded--
		}
	}
	r.stats.SnapshotsRemoved = int64(len(r.removed))
	return nil
}

// cleanShare is the share of entries without a shown snapshot from which on the
// catalog is rewritten without them.
const cleanShare = 0.1

// clean removes from the catalog the entries that only removed snapshots held,
// when a rewrite pays. Until then they stay, and nothing shows them.
func (r *run) clean(ctx context.Context) error {
	listed := make(map[syncline.Hash]bool)
	err := r.Catalog.View(ctx, func(v *catalog.View) error {
		indexes, err := v.Indexes()
		if err != nil {
			return err
		}
		for _, x := range indexes {
			packs, err := v.Packs(x)
			if err != nil {
				return err
			}
			for i := range packs {
				for _, b := range packs[i].Blobs {
					if b.Tree {
						listed[b.ID] = true
					}
				}
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	removed, err := r.Catalog.Clean(ctx, cleanShare, func(h syncline.Hash) bool { return listed[h] })
	if err == nil && removed > 0 {
		r.log(syncline.LogInfo, "%s that no snapshot holds any more left the catalog", plural(removed, "entry", "entries"))
	}
	return err
}

// exclusiveLock names the holder of an exclusive lock, or returns "".
func (r *run) exclusiveLock(ctx context.Context) string {
	l, held, err := r.Repository.ExclusiveLock(ctx)
	if err != nil {
		r.Logger.Warn("cannot list the repository's locks", "error", err)
	}
	if !held {
		return ""
	}
	return fmt.Sprintf("%s (process %d)", l.Hostname, l.PID)
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
