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

// Reporter hears what a synchronization does. Its methods are called from one
// goroutine at a time and must not block for long.
type Reporter interface {
	// Progress gives the percentage of the work done, 0 to 99, never falling.
	Progress(percent int, stats syncline.SessionStatistics)
	// Log gives one sentence about what was done or met.
	Log(level syncline.LogLevel, message string)
	// Behind says that the repository has something the catalog lacks.
	Behind()
}

// Counter tells what was asked of the storage so far.
type Counter interface {
	Counts() (requests map[string]int64, bytes int64, retries int64)
}

// Params are a synchronization's inputs.
type Params struct {
	Repository *resticrepo.Repository // reads through Counter's storage
	Counter    Counter
	Catalog    *catalog.Catalog
	Reporter   Reporter
	// Snapshots is a listing of the snapshots that Ahead has just made; nil has
	// Run list them. Nothing is removed because of it: they are listed again.
	Snapshots []resticrepo.File
	// Streams is the number of packs read at once; 0 means one per core. More
	// serve storage that is far away.
	Streams int
	// MaxRead bounds the bytes of one request for parts of a pack; 0 means no
	// bound. Local storage shares the work out more evenly with one.
	MaxRead int64
	Logger  *slog.Logger
	// Close, where there is one, releases the storage. Run does not call it.
	Close func() error
}

// maxRounds is how often the index is listed when objects are missing.
const maxRounds = 3

// run is one synchronization under way.
type run struct {
	Params
	stats    syncline.SessionStatistics
	progress progress
	builder  *catalog.Builder // while trees are fetched

	listed  []resticrepo.File      // snapshots
	have    map[resticrepo.ID]bool // snapshots that the catalog shows or the session has read
	fresh   []syncline.Snapshot
	removed []syncline.Hash
	hidden  []syncline.HiddenSnapshot // recorded before; those that were listed are not among them
	indexes []resticrepo.File         // as listed last
	plan    plan
	keeping errgroup.Group // brings what indexes say into the catalog, beside the fetching

	emptied          []string // folders whose listings came back empty though the catalog knows what was there
	damagedSnapshots []syncline.Hash
	damagedIndexes   map[resticrepo.ID]bool
	indexed          int                      // index files that the catalog knows
	lost             bool                     // visible snapshots lacked folders when the session began
	settled          bool                     // what is missing is known to be lost, and snapshots are shown without it
	locker           string                   // who holds the repository exclusively, where that may be why something is missing
	archived         int                      // packs that were to be read and lie in an archive class
	failed           map[syncline.Hash]string // trees that could not be read, and why
	unreadable       map[treeCopy]bool        // in whatever round
}

// Run synchronizes. It returns what was done, also beside an error; errors
// carry a code and a message for the user. A context that ends keeps all work
// done and returns its error.
func Run(ctx context.Context, p Params) (syncline.SessionStatistics, error) {
	if p.Streams <= 0 {
		p.Streams = runtime.GOMAXPROCS(0)
	}
	r := &run{Params: p, failed: make(map[syncline.Hash]string), damagedIndexes: make(map[resticrepo.ID]bool), unreadable: make(map[treeCopy]bool)}
	r.keeping.SetLimit(1) // each may be large
	r.progress.report = func(percent int) { p.Reporter.Progress(percent, r.statistics()) }
	err := r.synchronize(ctx)
	p.Catalog.Unload()
	if err != nil {
		r.traffic()
	}
	return r.statistics(), place.Translate(err)
}

// traffic logs what was asked of the storage: the owner pays for it.
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
		err = errors.Join(err, r.Catalog.SetSynchronized(ctx))
	}
	return err
}

// rounds reads indexes and fetches trees, and publishes. When something was
// missing and the index has changed since, it does so again.
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

// settle decides about what is still missing after all was looked for: the
// repository has lost it, and snapshots are shown without it. Nothing is known
// to be lost while somebody may be moving it, or while the folder of the indexes
// is empty, as one that is not mounted.
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

// finish records what the session leaves: which indexes are done with, and
// what the catalog now shows.
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

// cleanShare is the share of the catalog's entries that no snapshot shows from
// which on the catalog is rewritten without them.
const cleanShare = 0.1

// clean takes what only removed snapshots held out of the catalog, once it is
// worth a rewrite. Until then it is there, but nothing shows it.
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

// exclusiveLock names who holds the repository exclusively, "" when nobody is
// known to.
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
