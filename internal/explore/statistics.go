package explore

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/catalog"
	"syncline.dev/syncline/internal/weighted"
)

// EntryCounts counts the entries of a restore point, each path once. A number
// that is too large is the largest number, because a small repository can
// expand without end.
type EntryCounts struct {
	Files, Folders uint64
	Links          uint64 // symbolic links
	Others         uint64 // devices, pipes, sockets and all other types
	Missing        uint64 // folders that the repository has lost; their content is not counted
}

// PointStatistics says what a restore point contains, alone and beside the
// others of its repository. Sizes are bytes. Plain sizes are those of data
// blobs as in the files. Stored sizes are those of data and tree blobs as in
// the packs, compressed and encrypted.
type PointStatistics struct {
	Point syncline.RestorePoint
	EntryCounts
	// Size is the size that a restore writes: restic's restore-size, in which
	// the names of one hard link count once.
	Size uint64

	// Items that no earlier restore point has. A file counts as added also when
	// only its metadata changed.
	AddedFiles, AddedSize, AddedStoredSize uint64
	// Items that no other restore point has, so that forgetting it frees them.
	UniqueFiles, UniqueSize, UniqueStoredSize uint64
	// Items that this restore point and the earlier ones need together.
	DistinctSize, StoredSize uint64
}

// Statistics answers questions about sizes. It keeps its answers until the
// catalog changes. It adds up one catalog at a time, which takes some 30 bytes
// for each distinct entry, folder and blob.
type Statistics struct {
	Points *RestorePoints

	once    sync.Once
	working chan struct{} // has one item while a catalog is added up

	last keptMeasured // for the holder of working

	mu           sync.Mutex
	repositories map[syncline.ID]keptStatistics
	contents     *weighted.Cache[syncline.Hash, *RestorePointStatistics] // by root tree
}

// catalogState names one state of a repository's catalog.
type catalogState struct {
	repository syncline.ID
	changes    uint64
}

type keptMeasured struct {
	at catalogState
	m  *measured
}

type keptStatistics struct {
	at    catalogState
	stats *RepositoryStatistics
}

const (
	// keptMemory bounds the totals that are kept of the catalog asked for last.
	keptMemory = 128 << 20
	// keptContents is the number of restore points with kept answers, some 20
	// KB each.
	keptContents = 256
)

func (s *Statistics) prepare() {
	s.once.Do(func() {
		s.working = make(chan struct{}, 1)
		s.repositories = make(map[syncline.ID]keptStatistics)
		s.contents = weighted.New[syncline.Hash](keptContents, func(*RestorePointStatistics) int64 { return 1 })
	})
}

// Remembered returns the repositories whose statistics are kept.
func (s *Statistics) Remembered() []syncline.ID {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Collect(maps.Keys(s.repositories))
}

// Forget drops the statistics of a repository. The totals of the catalog that was asked for
// last, and what is kept by root tree, have bounds of their own.
func (s *Statistics) Forget(repository syncline.ID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.repositories, repository)
}

// errNotKept means that the answer must be computed.
var errNotKept = errors.New("not kept")

// answer calls ask, and a second time alone if the kept data is not enough. A
// call that waits for its turn holds no view, because a catalog has few at
// once.
func (s *Statistics) answer(ctx context.Context, ask func(alone bool) error) error {
	s.prepare()
	err := ask(false)
	if !errors.Is(err, errNotKept) {
		return err
	}
	leave, err := s.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	return ask(true)
}

// enter waits for its turn. The returned function ends it.
func (s *Statistics) enter(ctx context.Context) (leave func(), err error) {
	select {
	case s.working <- struct{}{}:
		return func() { <-s.working }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// measured returns the totals of a view's catalog. Only the holder of working
// may call it.
func (s *Statistics) measured(ctx context.Context, v *catalog.View, at catalogState) (*measured, error) {
	if s.last.at == at && s.last.m != nil {
		return s.last.m, nil
	}
	s.last = keptMeasured{}
	m, err := measure(ctx, v)
	if err != nil {
		return nil, err
	}
	if m.Bytes()+int64(cap(m.totals))*treeTotalsBytes <= keptMemory {
		s.last = keptMeasured{at, m}
	}
	return m, nil
}

// treeTotalsBytes is the size of a tree in measured.
const treeTotalsBytes = 76

// Repository returns the statistics of an attached repository.
func (s *Statistics) Repository(ctx context.Context, id syncline.ID) (out RepositoryStatistics, err error) {
	err = s.answer(ctx, func(alone bool) error {
		return s.Points.Catalogs.Use(ctx, id, func(c *catalog.Catalog) error {
			return c.View(ctx, func(v *catalog.View) error {
				stats, err := s.repository(ctx, v, id, alone)
				if err == nil {
					out = *stats
				}
				return err
			})
		})
	})
	return out, err
}

func (s *Statistics) kept(at catalogState) *RepositoryStatistics {
	s.mu.Lock()
	defer s.mu.Unlock()
	if kept := s.repositories[at.repository]; kept.at == at {
		return kept.stats
	}
	return nil
}

func (s *Statistics) repository(ctx context.Context, v *catalog.View, id syncline.ID, alone bool) (*RepositoryStatistics, error) {
	at := catalogState{id, v.Changes()}
	if stats := s.kept(at); stats != nil {
		return stats, nil
	}
	if !alone {
		return nil, errNotKept
	}
	list, err := v.Snapshots()
	if err != nil {
		return nil, err
	}
	m, err := s.measured(ctx, v, at)
	if err != nil {
		return nil, err
	}
	stats, err := m.repository(ctx, v, list)
	if err != nil {
		return nil, err
	}
	stats.RepositoryID = id
	for i := range stats.Points {
		p := &stats.Points[i].Point
		p.ID, p.RepositoryID = RestorePointID(id, p.Snapshot.ID), id
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.repositories[id] = keptStatistics{at, stats}
	return stats, nil
}

// Count is the function Count for restore points of an attached repository, in
// the order of points, or for all of them, oldest first, if points is nil. A
// missing one is CodeNotFound.
func (s *Statistics) Count(ctx context.Context, id syncline.ID, points []syncline.ID, mode CountMode) (out Counts, err error) {
	s.prepare()
	leave, err := s.enter(ctx)
	if err != nil {
		return out, err
	}
	defer leave()
	err = s.Points.Catalogs.Use(ctx, id, func(c *catalog.Catalog) error {
		return c.View(ctx, func(v *catalog.View) error {
			list, err := v.Snapshots()
			if err == nil && points != nil {
				list, err = chosen(list, id, points)
			}
			if err != nil {
				return err
			}
			m, err := s.measured(ctx, v, catalogState{id, v.Changes()})
			if err == nil {
				out, err = m.count(ctx, v, list, mode)
			}
			return err
		})
	})
	return out, err
}

func chosen(list []catalog.Snapshot, repository syncline.ID, points []syncline.ID) ([]catalog.Snapshot, error) {
	known := make(map[syncline.ID]catalog.Snapshot, len(list))
	for _, x := range list {
		known[RestorePointID(repository, x.ID)] = x
	}
	out := make([]catalog.Snapshot, len(points))
	for i, id := range points {
		var ok bool
		if out[i], ok = known[id]; !ok {
			return nil, syncline.Errorf(syncline.CodeNotFound, "there is no restore point with the id %s in this repository", id)
		}
	}
	return out, nil
}

// RestorePoint returns the statistics of a restore point.
func (s *Statistics) RestorePoint(ctx context.Context, id syncline.ID) (out RestorePointStatistics, err error) {
	err = s.answer(ctx, func(alone bool) error {
		return s.view(ctx, id, func(v *catalog.View, snapshot catalog.Snapshot, repository syncline.ID) error {
			all, err := s.repository(ctx, v, repository, alone)
			if err != nil {
				return err
			}
			stats, err := s.content(ctx, v, snapshot, repository, alone)
			if err != nil {
				return err
			}
			out = *stats
			i := slices.IndexFunc(all.Points, func(p PointStatistics) bool { return p.Point.ID == id })
			out.PointStatistics = all.Points[i] // from the same view as the snapshot
			return nil
		})
	})
	return out, err
}

// view runs fn on the catalog of a restore point, with its snapshot.
func (s *Statistics) view(ctx context.Context, id syncline.ID, fn func(v *catalog.View, snapshot catalog.Snapshot, repository syncline.ID) error) error {
	point, err := s.Points.Get(ctx, id)
	if err != nil {
		return err
	}
	return s.Points.Catalogs.Use(ctx, point.RepositoryID, func(c *catalog.Catalog) error {
		return c.View(ctx, func(v *catalog.View) error {
			snapshot, err := snapshotOf(v, point)
			if err != nil {
				return err
			}
			return fn(v, snapshot, point.RepositoryID)
		})
	})
}

// content returns the content of a snapshot, which depends on its tree alone.
func (s *Statistics) content(ctx context.Context, v *catalog.View, snapshot catalog.Snapshot, repository syncline.ID, alone bool) (*RestorePointStatistics, error) {
	if stats, ok := s.contents.Get(snapshot.Tree); ok {
		return stats, nil
	}
	if !alone {
		return nil, errNotKept
	}
	m, err := s.measured(ctx, v, catalogState{repository, v.Changes()})
	if err != nil {
		return nil, err
	}
	stats := new(RestorePointStatistics)
	if err := m.content(ctx, v, m.Number(snapshot.Root), stats); err != nil {
		return nil, err
	}
	s.contents.Put(snapshot.Tree, stats)
	return stats, nil
}

// FolderSizes returns the sizes of a folder of a restore point and of the
// entries below it.
func (s *Statistics) FolderSizes(ctx context.Context, id syncline.ID, q FolderSizesQuery) (out FolderSize, err error) {
	if q.Path, err = cleanPath(q.Path); err != nil {
		return out, err
	}
	err = s.answer(ctx, func(alone bool) error {
		return s.view(ctx, id, func(v *catalog.View, snapshot catalog.Snapshot, repository syncline.ID) error {
			tree, err := findFolder(v, snapshot.Root, q.Path)
			if err != nil {
				return err
			}
			if !alone {
				return errNotKept
			}
			m, err := s.measured(ctx, v, catalogState{repository, v.Changes()})
			if err != nil {
				return err
			}
			out, err = m.folderSizes(ctx, v, m.Number(tree), q)
			return err
		})
	})
	return out, err
}
