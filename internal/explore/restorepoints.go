package explore

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/catalog"
)

// Catalogs opens the repositories' catalogs.
type Catalogs interface {
	Use(ctx context.Context, repository syncline.ID, fn func(*catalog.Catalog) error) error
}

// Repositories lists the attached repositories.
type Repositories interface {
	Repositories(ctx context.Context) ([]syncline.Repository, error)
}

// RestorePoints reads the snapshots of the server's catalogs. It keeps each
// catalog's list until the catalog changes.
type RestorePoints struct {
	Catalogs     Catalogs
	Repositories Repositories
	// Pause makes work that nobody waits for wait a moment while there are requests; nil
	// for no pause.
	Pause func(context.Context)

	mu    sync.Mutex
	lists map[syncline.ID]pointList
}

type pointList struct {
	changes uint64
	points  []syncline.RestorePoint
	ids     map[syncline.ID]bool // of points
	series  func() []Series      // of points
}

// Remembered returns the repositories whose lists are kept.
func (p *RestorePoints) Remembered() []syncline.ID {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Collect(maps.Keys(p.lists))
}

// Forget drops what is kept of a repository.
func (p *RestorePoints) Forget(repository syncline.ID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.lists, repository)
}

// restorePointSpace is the name space of restore points' ids.
var restorePointSpace = uuid.MustParse("5b4ac2b1-9a0e-4a4e-9c3a-0a6f2f6f7f10")

// RestorePointID returns the id of a snapshot as a restore point of a
// repository. It is a UUID made from both.
func RestorePointID(repository syncline.ID, snapshot syncline.Hash) syncline.ID {
	name := append([]byte(repository), snapshot[:]...)
	return syncline.ID(uuid.NewSHA1(restorePointSpace, name).String())
}

// List returns the restore points of the repositories, each one's oldest first.
// With several repositories, it names those without a usable catalog and leaves
// them out. With one, that is an error.
func (p *RestorePoints) List(ctx context.Context, repositories []syncline.Repository) (points []syncline.RestorePoint, leftOut []syncline.ID, err error) {
	lists := make([][]syncline.RestorePoint, len(repositories))
	failed := make([]bool, len(repositories))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(runtime.GOMAXPROCS(0)) // it opens catalogs that are not open yet
	for i, r := range repositories {
		g.Go(func() (err error) {
			lists[i], err = p.of(ctx, r.ID)
			if failed[i] = unusable(err); failed[i] && len(repositories) > 1 {
				return nil
			}
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, nil, err
	}
	for i, r := range repositories {
		if failed[i] {
			leftOut = append(leftOut, r.ID)
		}
	}
	return slices.Concat(lists...), leftOut, nil
}

// unusable reports whether a catalog cannot answer.
func unusable(err error) bool {
	return catalog.Unusable(err) || errors.Is(err, catalog.ErrUnopened) || syncline.CodeOf(err) == syncline.CodeDamaged
}

// Get returns one restore point. It asks the repository that had the point last
// first, so it usually opens one catalog. A point that no catalog has is
// CodeNotFound. It is CodeConflict if a repository without a usable catalog may
// have it.
func (p *RestorePoints) Get(ctx context.Context, id syncline.ID) (syncline.RestorePoint, error) {
	repositories, err := p.Repositories.Repositories(ctx)
	if err != nil {
		return syncline.RestorePoint{}, err
	}
	var unknown []string
	for _, likely := range []bool{true, false} {
		for _, r := range repositories {
			if p.had(r.ID, id) != likely {
				continue
			}
			points, _, err := p.List(ctx, []syncline.Repository{r})
			if unusable(err) && !likely {
				unknown = append(unknown, r.Name)
				continue
			}
			if err != nil {
				return syncline.RestorePoint{}, err
			}
			i := slices.IndexFunc(points, func(x syncline.RestorePoint) bool { return x.ID == id })
			if i >= 0 {
				return points[i], nil
			}
		}
	}
	if len(unknown) > 0 {
		return syncline.RestorePoint{}, syncline.Errorf(syncline.CodeConflict,
			"no catalog that can be read has a restore point with the id %s; it may be one of %s, which %s no catalog to answer from: synchronize and ask again",
			id, inWords(unknown), map[bool]string{true: "has", false: "have"}[len(unknown) == 1])
	}
	return syncline.RestorePoint{}, syncline.Errorf(syncline.CodeNotFound, "there is no restore point with the id %s", id)
}

// inWords names a few repositories and counts the others.
func inWords(names []string) string {
	const named = 3
	var quoted []string
	for _, name := range names[:min(named, len(names))] {
		quoted = append(quoted, fmt.Sprintf("%q", clip(name)))
	}
	if more := len(names) - named; more > 0 {
		quoted = append(quoted, fmt.Sprintf("%d more", more))
	}
	return strings.Join(quoted, ", ")
}

// Hidden returns the snapshots of a repository that cannot be shown.
func (p *RestorePoints) Hidden(ctx context.Context, repository syncline.ID) (list []syncline.HiddenSnapshot, err error) {
	err = p.Catalogs.Use(ctx, repository, func(c *catalog.Catalog) error {
		return c.View(ctx, func(v *catalog.View) (err error) {
			list, err = v.Hidden()
			return err
		})
	})
	return list, err
}

// had reports whether a repository's kept list has the point.
func (p *RestorePoints) had(repository, point syncline.ID) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.lists[repository].ids[point]
}

func (p *RestorePoints) of(ctx context.Context, id syncline.ID) ([]syncline.RestorePoint, error) {
	list, err := p.list(ctx, id)
	return list.points, err
}

// list returns the kept list of a repository, or a new one if the catalog has
// changed.
func (p *RestorePoints) list(ctx context.Context, id syncline.ID) (list pointList, err error) {
	err = p.Catalogs.Use(ctx, id, func(c *catalog.Catalog) error {
		return c.View(ctx, func(v *catalog.View) (err error) {
			list, err = p.in(v, id)
			return err
		})
	})
	return list, err
}

// in is list for a view of the repository's catalog.
func (p *RestorePoints) in(v *catalog.View, id syncline.ID) (pointList, error) {
	p.mu.Lock()
	kept, ok := p.lists[id]
	p.mu.Unlock()
	if ok && kept.changes == v.Changes() {
		return kept, nil
	}
	points, err := pointsOf(v, id)
	if err != nil {
		return pointList{}, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.lists == nil {
		p.lists = make(map[syncline.ID]pointList)
	}
	ids := make(map[syncline.ID]bool, len(points))
	for i := range points {
		ids[points[i].ID] = true
	}
	list := pointList{v.Changes(), points, ids, sync.OnceValue(func() []Series { return seriesOf(points) })}
	p.lists[id] = list
	return list, nil
}

// holder returns the repository whose kept list has the point.
func (p *RestorePoints) holder(point syncline.ID) (repository syncline.ID, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for id, list := range p.lists {
		if list.ids[point] {
			return id, true
		}
	}
	return "", false
}

func pointsOf(v *catalog.View, id syncline.ID) ([]syncline.RestorePoint, error) {
	snapshots, err := v.Snapshots()
	if err != nil {
		return nil, err
	}
	points := make([]syncline.RestorePoint, len(snapshots))
	for i := range snapshots {
		points[i] = syncline.RestorePoint{
			ID:           RestorePointID(id, snapshots[i].ID),
			RepositoryID: id,
			Snapshot:     snapshots[i].Snapshot,
			Missing:      snapshots[i].Missing,
			Lost:         snapshots[i].Lost,
		}
	}
	return points, nil
}
