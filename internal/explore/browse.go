package explore

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"slices"
	"strings"
	"sync"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/catalog"
)

// EntriesQuery asks for the entries of one folder of a restore point.
type EntriesQuery struct {
	Path         string // absolute, of the folder
	Sort         string // name, size, modified or type; name when empty
	Descending   bool
	FoldersFirst bool // with either order
	Recursive    bool // also the folders below; by name only
	Limit        int  // entries of a page
	Cursor       string

	// In place of a cursor. The page begins at this offset, or at the entry of
	// this name. Without such an entry it begins at the first name that starts
	// with it, without regard to letter case.
	Offset int
	Find   string
}

// EntryPage is one page of a folder's entries, without their extended
// attributes and content.
type EntryPage struct {
	Path    string // of the folder, in its plain form
	Total   int    // entries of the whole folder, not those of folders below
	Offset  int    // entries before the page
	Entries []syncline.Entry
	Paths   []string // of the entries; nil when all lie in the folder itself
	Next    string   // cursor of the next page; "" at the end
}

// Explorer answers questions about the content of restore points.
type Explorer struct {
	Points *RestorePoints

	once     sync.Once
	counting chan struct{} // has room for one: see DifferenceStatistics
}

// maxDepth bounds the levels of folders where each level is a call. Paths of so
// many parts are possible on no system that restic runs on.
const maxDepth = 4096

// view runs fn on the catalog of a restore point, with its snapshot.
func (x *Explorer) view(ctx context.Context, id syncline.ID, fn func(v *catalog.View, s catalog.Snapshot) error) error {
	if ran, err := x.viewLikely(ctx, id, fn); ran {
		return err
	}
	point, err := x.Points.Get(ctx, id)
	if err != nil {
		return err
	}
	return x.Points.Catalogs.Use(ctx, point.RepositoryID, func(c *catalog.Catalog) error {
		return c.View(ctx, func(v *catalog.View) error {
			s, err := snapshotOf(v, point)
			if err != nil {
				return err
			}
			return fn(v, s)
		})
	})
}

// viewLikely is view for a point of which the repository is known. It opens one
// view, where view opens one to find the repository and another to read it. ran
// says that fn has run.
func (x *Explorer) viewLikely(ctx context.Context, id syncline.ID, fn func(v *catalog.View, s catalog.Snapshot) error) (ran bool, err error) {
	repository, ok := x.Points.holder(id)
	if !ok {
		return false, nil
	}
	err = x.Points.Catalogs.Use(ctx, repository, func(c *catalog.Catalog) error {
		return c.View(ctx, func(v *catalog.View) error {
			list, err := x.Points.in(v, repository)
			if err != nil || !list.ids[id] {
				return err
			}
			i := slices.IndexFunc(list.points, func(p syncline.RestorePoint) bool { return p.ID == id })
			s, err := snapshotOf(v, list.points[i])
			if err != nil {
				return err
			}
			ran = true
			return fn(v, s)
		})
	})
	return ran, err
}

func snapshotOf(v *catalog.View, point syncline.RestorePoint) (catalog.Snapshot, error) {
	var found catalog.Snapshot
	err := v.EachSnapshot(func(s *catalog.Snapshot) error {
		if s.ID != point.Snapshot.ID {
			return nil
		}
		found = *s
		return errEnough
	})
	switch {
	case errors.Is(err, errEnough):
		return found, nil
	case err != nil:
		return catalog.Snapshot{}, err
	}
	// The snapshot went away meanwhile.
	return catalog.Snapshot{}, syncline.Errorf(syncline.CodeNotFound, "there is no restore point with the id %s", point.ID)
}

// cleanPath returns the one form of an absolute path: no doubled slash and none
// at the end. "" is the root.
func cleanPath(path string) (string, error) {
	if path == "" {
		return "/", nil
	}
	if path[0] != '/' {
		return "", syncline.Errorf(syncline.CodeInvalid, "path must be absolute; begin it with a slash")
	}
	return "/" + strings.Join(pathParts(path), "/"), nil
}

func pathParts(path string) []string {
	return strings.FieldsFunc(path, func(r rune) bool { return r == '/' })
}

// found is an entry at a path. With ok, it has a tree.
type found struct {
	entry *syncline.Entry
	sub   catalog.TreeRef
	ok    bool
}

// find returns the entry at a clean path below root. The root's entry has only
// a type, because restic records nothing else of it.
func find(v *catalog.View, root catalog.TreeRef, path string, detail catalog.Detail) (found, error) {
	e, sub, ok, err := v.FindWith(root, path, detail)
	switch {
	case syncline.CodeOf(err) == syncline.CodeNotFound:
		return found{}, noSuchPath(path)
	case err != nil:
		return found{}, err
	case e == nil:
		e = rootEntry()
	}
	return found{e, sub, ok}, nil
}

func rootEntry() *syncline.Entry {
	return &syncline.Entry{Name: "/", Type: syncline.TypeDir, Mode: fs.ModeDir}
}

func noSuchPath(path string) error {
	return syncline.Errorf(syncline.CodeNotFound, "there is no %s in this restore point", quoted(path))
}

// findFolder returns the tree of the folder at a clean path below root.
func findFolder(v *catalog.View, root catalog.TreeRef, path string) (catalog.TreeRef, error) {
	folder, ok, err := v.FindTree(root, path)
	if err != nil || ok {
		return folder, err
	}
	if _, err := find(v, root, path, 0); err != nil {
		return folder, err
	}
	return folder, syncline.Errorf(syncline.CodeInvalid, "%s is not a folder in this restore point", quoted(path))
}

// Entry returns the complete entry at a path. contentID is a text that is the
// same for the same content.
func (x *Explorer) Entry(ctx context.Context, point syncline.ID, path string) (e syncline.Entry, contentID string, err error) {
	if path, err = cleanPath(path); err != nil {
		return e, "", err
	}
	err = x.view(ctx, point, func(v *catalog.View, s catalog.Snapshot) error {
		at, err := find(v, s.Root, path, catalog.WithContent|catalog.WithSubtree)
		if err != nil {
			return err
		}
		e = *at.entry
		if path == "/" {
			e.Subtree = s.Tree
		}
		contentID = contentOf(&e)
		return nil
	})
	return e, contentID, err
}

// contentOf identifies the content of an entry, whatever its name and metadata.
func contentOf(e *syncline.Entry) string {
	if e.IsDir() {
		return e.Subtree.String()
	}
	h := sha256.New()
	h.Write([]byte(string(e.Type) + "\x00" + e.LinkTarget + "\x00"))
	for i := range e.Content {
		h.Write(e.Content[i][:])
	}
	return hex.EncodeToString(h.Sum(nil))
}

// Entries returns a page of a folder's entries. Its memory does not depend on
// the length of the folder, except for a page at an offset or a name, which
// needs the sort keys of all entries.
func (x *Explorer) Entries(ctx context.Context, point syncline.ID, q EntriesQuery) (EntryPage, error) {
	path, err := cleanPath(q.Path)
	if err != nil {
		return EntryPage{}, err
	}
	if q.Recursive {
		return x.recursive(ctx, point, path, q)
	}
	compare, ok := entryOrders[cmp.Or(q.Sort, "name")]
	if !ok {
		return EntryPage{}, syncline.Errorf(syncline.CodeInvalid, "sort must be one of name, size, modified, type")
	}
	if (q.Offset > 0 || q.Find != "") && q.Cursor != "" || q.Offset > 0 && q.Find != "" {
		return EntryPage{}, syncline.Errorf(syncline.CodeInvalid, "a page begins at a cursor, an offset or a name; leave the others out")
	}
	page := EntryPage{Path: path}
	err = x.view(ctx, point, func(v *catalog.View, s catalog.Snapshot) error {
		tree, err := findFolder(v, s.Root, path)
		if err != nil {
			return err
		}
		l := lister{ctx: ctx, v: v, tree: tree, query: q, compare: compare}
		return l.list(&page, cursorKey("entries", s.ID.String(), path, q.Sort, q.Descending, q.FoldersFirst))
	})
	return page, err
}

// entryOrders compare the sort keys of entries. Equal keys are sorted by name.
var entryOrders = map[string]func(a, b placed) int{
	"name":     func(placed, placed) int { return 0 },
	"size":     func(a, b placed) int { return cmp.Compare(a.size, b.size) },
	"modified": func(a, b placed) int { return a.modTime.Compare(b.modTime) },
	"type":     func(a, b placed) int { return cmp.Compare(a.kind, b.kind) },
}

// lister finds one page of a folder.
type lister struct {
	ctx     context.Context
	v       *catalog.View
	tree    catalog.TreeRef
	query   EntriesQuery
	compare func(a, b placed) int
	best    []placed // the entries that sort first, two pages at most
}

// placed is an entry with its sort key and its position in the tree. The
// position tells entries of one name apart.
type placed struct {
	entry   *syncline.Entry // nil if only the order counts
	name    string
	kind    syncline.EntryType
	size    uint64
	modTime time.Time
	place   uint64
}

func (l *lister) less(a, b placed) int {
	if l.query.FoldersFirst && (a.kind == syncline.TypeDir) != (b.kind == syncline.TypeDir) {
		if a.kind == syncline.TypeDir {
			return -1
		}
		return 1
	}
	c := cmp.Or(l.compare(a, b), cmp.Compare(a.name, b.name), cmp.Compare(a.place, b.place))
	if l.query.Descending {
		return -c
	}
	return c
}

// list fills in the page. The cursor is the position in the tree of the last
// entry of the page before. A snapshot's trees never change.
func (l *lister) list(page *EntryPage, key string) error {
	if l.query.Offset > 0 || l.query.Find != "" {
		return l.listAt(page, key)
	}
	var after *placed
	if l.query.Cursor != "" {
		numbers, err := decodeCursor(key, l.query.Cursor)
		if err != nil || len(numbers) != 1 {
			return errBadCursor
		}
		if after, err = l.at(numbers[0]); err != nil {
			return err
		}
	}
	err := l.each(func(p placed) error {
		page.Total++
		if after == nil || l.less(p, *after) > 0 {
			l.keep(p, l.query.Limit+1)
		} else {
			page.Offset++
		}
		return nil
	})
	if err != nil {
		return err
	}
	slices.SortFunc(l.best, l.less)
	if len(l.best) > l.query.Limit {
		l.best = l.best[:l.query.Limit]
		page.Next = encodeCursor(key, l.best[l.query.Limit-1].place)
	}
	page.Entries = make([]syncline.Entry, len(l.best))
	for i, p := range l.best {
		page.Entries[i] = *p.entry
	}
	return nil
}

// listAt fills in the page at an offset or a name. It sorts the whole folder
// without holding its entries, and then reads the entries of the page.
func (l *lister) listAt(page *EntryPage, key string) error {
	var all []placed
	err := l.each(func(p placed) error {
		p.entry = nil
		all = append(all, p)
		return nil
	})
	if err != nil {
		return err
	}
	slices.SortFunc(all, l.less)
	page.Total, page.Offset = len(all), min(l.query.Offset, len(all))
	if l.query.Find != "" {
		page.Offset = findName(all, l.query.Find)
	}
	chosen := all[page.Offset:min(page.Offset+l.query.Limit, len(all))]
	if len(chosen) == 0 {
		return nil
	}
	if page.Offset+len(chosen) < len(all) {
		page.Next = encodeCursor(key, chosen[len(chosen)-1].place)
	}
	return l.read(page, chosen)
}

// findName returns the index of the name. Without such a name it returns the
// index of the first one that begins with it, or the number of entries.
func findName(all []placed, name string) int {
	if i := slices.IndexFunc(all, func(p placed) bool { return p.name == name }); i >= 0 {
		return i
	}
	name = strings.ToLower(name)
	i := slices.IndexFunc(all, func(p placed) bool { return strings.HasPrefix(strings.ToLower(p.name), name) })
	if i < 0 {
		return len(all)
	}
	return i
}

// read adds the entries at the places to the page, in the order of places.
func (l *lister) read(page *EntryPage, places []placed) error {
	index := make(map[uint64]int, len(places))
	for i := range places {
		index[places[i].place] = i
	}
	page.Entries = make([]syncline.Entry, len(places))
	missing := len(places)
	err := l.each(func(p placed) error {
		if i, ok := index[p.place]; ok {
			page.Entries[i] = *p.entry
			if missing--; missing == 0 {
				return errEnough
			}
		}
		return nil
	})
	if errors.Is(err, errEnough) {
		return nil
	}
	return err
}

// keep adds an entry. A full list is cut after every n entries to those that
// can be among the first n.
func (l *lister) keep(p placed, n int) {
	l.best = append(l.best, p)
	if len(l.best) >= 2*n {
		slices.SortFunc(l.best, l.less)
		clear(l.best[n:])
		l.best = l.best[:n]
	}
}

func (l *lister) each(fn func(placed) error) error {
	place := uint64(0)
	return l.v.ReadDir(l.tree, 0, func(e *syncline.Entry, _ catalog.TreeRef, _ bool) error {
		if place%1024 == 0 && l.ctx.Err() != nil {
			return l.ctx.Err()
		}
		e.ExtendedAttributes, e.GenericAttributes = nil, nil
		place++
		return fn(placed{e, e.Name, e.Type, e.Size, e.ModTime, place - 1})
	})
}

// at returns the entry at a place.
func (l *lister) at(place uint64) (*placed, error) {
	var hit *placed
	err := l.each(func(p placed) error {
		if p.place == place {
			hit = &p
			return errEnough
		}
		return nil
	})
	if hit != nil {
		return hit, nil
	}
	return nil, cmp.Or(err, error(errBadCursor))
}
