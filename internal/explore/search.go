package explore

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/catalog"
)

// SearchGap says why a repository was not searched.
type SearchGap string

// The reasons.
const (
	GapNotSynchronized SearchGap = "NotSynchronized" // it has no catalog yet
	GapDamaged         SearchGap = "Damaged"         // its catalog is damaged; a session makes it anew
	GapTime            SearchGap = "Time"            // nothing was found in the time for a page
)

// NotSearched is a repository without results on a page.
type NotSearched struct {
	RepositoryID syncline.ID
	Reason       SearchGap
}

// SearchPage is one page of results: by repository in the order of ids, then by
// path, then by version in the order of time.
type SearchPage struct {
	Results     []Found // the entries without extended attributes and content
	NotSearched []NotSearched
	Incomplete  int    // searched restore points that lack folders
	Cut         Cut    // CutTime or CutDepth
	Next        string // cursor of the next page; "" at the end
}

// Bounds of the server's searches.
const (
	searchTime = 5 * time.Second
	searchPath = 8 << 10 // bytes of a path, since a cursor holds one
	// This many searches run at once, and each looks at this many repositories
	// at once. The bounds are for memory: a catalog is scanned on all cores
	// anyway.
	searchesAtOnce = 4
	searchTogether = 4
)

// Searcher searches the catalogs of a server, page by page. Searches beyond
// searchesAtOnce wait.
type Searcher struct {
	catalogs Catalogs
	slots    chan struct{}
	budget   time.Duration
	looks    int // of Limits
}

// NewSearcher makes a Searcher.
func NewSearcher(catalogs Catalogs) *Searcher {
	return &Searcher{catalogs: catalogs, slots: make(chan struct{}, searchesAtOnce), budget: searchTime}
}

// Search returns one page. The page names the repositories that cannot be
// searched. When the time is over, the page ends, and its cursor continues
// there. Search passes over a repository only if all that time found nothing in
// it.
//
// A cursor belongs to its query and survives a change of the catalog. The next
// page continues behind the same path. If the snapshots changed, the versions
// of that path come again from the first. A cursor of another search is
// CodeInvalid.
func (s *Searcher) Search(ctx context.Context, repositories []syncline.Repository, q Query) (SearchPage, error) {
	if err := q.Check(); err != nil {
		return SearchPage{}, err
	}
	repositories = slices.Clone(repositories)
	slices.SortFunc(repositories, func(a, b syncline.Repository) int { return cmp.Compare(a.ID, b.ID) })
	p := pager{query: q, limit: int(q.Limits.Results), catalogs: s.catalogs}
	var err error
	if p.sum, err = q.digest(); err != nil {
		return SearchPage{}, err
	}
	if p.after, err = decodeSearchCursor(q.Cursor, p.sum); err != nil {
		return SearchPage{}, err
	}
	select {
	case s.slots <- struct{}{}:
		defer func() { <-s.slots }()
	case <-ctx.Done():
		return SearchPage{}, syncline.WrapError(syncline.CodeCanceled, ctx.Err(), "the search was canceled")
	}
	p.query.positions, p.query.more = true, true
	p.query.Limits = Limits{Path: searchPath, Deadline: time.Now().Add(s.budget), looks: s.looks}
	at, _ := slices.BinarySearchFunc(repositories, p.after.Repository, func(r syncline.Repository, id syncline.ID) int { return cmp.Compare(r.ID, id) })
	err = p.fill(ctx, repositories[at:])
	return p.page, err
}

// pager collects a page.
type pager struct {
	query    Query
	limit    int // results of the page
	catalogs Catalogs
	sum      []byte // of the query
	after    searchCursor
	page     SearchPage
	last     searchCursor // behind the last result
}

// part is one repository's part of a page.
type part struct {
	found []Found
	state []byte // of the searched snapshots
	cut   Cut
	gap   SearchGap // why it was not searched
	// incomplete counts the searched snapshots that lack folders.
	incomplete int
}

// fill searches a few repositories at a time, until the page is full.
func (p *pager) fill(ctx context.Context, repositories []syncline.Repository) error {
	first := true
	for together := range slices.Chunk(repositories, searchTogether) {
		parts := make([]part, len(together))
		group, ctx := errgroup.WithContext(ctx)
		for i := range together {
			group.Go(func() (err error) {
				parts[i], err = p.search(ctx, &together[i])
				return err
			})
		}
		if err := group.Wait(); err != nil {
			return err
		}
		for i := range parts {
			if done := p.add(together[i].ID, &parts[i], first); done {
				return nil
			}
		}
		first = false
	}
	return nil
}

// add adds a repository's part to the page. whole says that the part had the
// time of a whole page.
func (p *pager) add(id syncline.ID, x *part, whole bool) (done bool) {
	room := p.limit - len(p.page.Results)
	more := len(x.found) > room
	outOfTime := x.cut == CutTime && len(x.found) == 0
	switch {
	case more || x.gap != "":
	case x.cut == CutTime:
		p.page.Cut = CutTime
	case x.cut == CutDepth && p.page.Cut == Complete:
		p.page.Cut = CutDepth
	}
	if outOfTime && !whole { // the next page begins with this repository
		p.page.Next = encodeSearchCursor(searchCursor{Sum: p.sum, Repository: id})
		return true
	}
	if outOfTime {
		x.gap = GapTime
	}
	if x.gap != "" {
		p.page.NotSearched = append(p.page.NotSearched, NotSearched{RepositoryID: id, Reason: x.gap})
	}
	p.page.Incomplete += x.incomplete
	n := min(len(x.found), room)
	p.page.Results = append(p.page.Results, x.found[:n]...)
	if n > 0 {
		p.last = searchCursor{Sum: p.sum, Repository: id, State: x.state}.at(x.found[n-1].at)
	}
	if more || x.cut == CutTime && len(x.found) > 0 {
		p.page.Next = encodeSearchCursor(p.last)
		return true
	}
	return false
}

// search searches one repository. One result more than the page has room for
// shows that there are more.
func (p *pager) search(ctx context.Context, repository *syncline.Repository) (x part, err error) {
	id := repository.ID
	q := p.query
	q.Limits.Results = int64(p.limit + 1 - len(p.page.Results))
	err = p.catalogs.Use(ctx, id, func(c *catalog.Catalog) error {
		return c.View(ctx, func(v *catalog.View) error {
			list, err := v.Snapshots()
			if err != nil {
				return err
			}
			if len(list) == 0 && repository.OutOfSync {
				x.gap = GapNotSynchronized
				return nil
			}
			list = slices.DeleteFunc(list, func(s catalog.Snapshot) bool { return !p.query.wants(id, &s.Snapshot) })
			for i := range list {
				if list[i].Missing > 0 {
					x.incomplete++
				}
			}
			x.state = stateOf(list)
			if id == p.after.Repository {
				q.after = p.after.position(x.state)
			}
			x.cut, err = FindVersions(ctx, v, list, &q, func(w *Found) error {
				w.Repository, w.Entry = id, bare(w.Entry)
				x.found = append(x.found, *w)
				return nil
			})
			return err
		})
	})
	switch {
	case errors.Is(err, catalog.ErrMissing), errors.Is(err, catalog.ErrOutdated):
		return part{gap: GapNotSynchronized}, nil
	case unusable(err):
		return part{gap: GapDamaged}, nil
	}
	return x, err
}

// wants reports whether a repository's snapshot is searched.
func (q *Query) wants(repository syncline.ID, s *syncline.Snapshot) bool {
	return q.Snapshots.Matches(s) && (len(q.RestorePoints) == 0 || slices.Contains(q.RestorePoints, RestorePointID(repository, s.ID)))
}
