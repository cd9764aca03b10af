package explore

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/catalog"
)

// maxCompared bounds the entries that one comparison looks at: a small
// repository can expand without end.
const maxCompared = 20_000_000

// side is an entry of one of two compared folders.
type side struct {
	entry *syncline.Entry // nil where there is none
	sub   catalog.TreeRef
	ok    bool // sub is a tree
}

// Pair is a name in two compared folders; one of the entries may be nil.
type Pair struct {
	Path          string
	Before, After *syncline.Entry
}

// comparer walks two trees at once and goes into what differs.
type comparer struct {
	ctx    context.Context
	v      *catalog.View
	left   int64 // entries that may still be looked at
	visit  func(Pair) error
	common func(catalog.TreeRef) error // an identical subtree; may be nil
	// into says to go on below a folder that became something else, or came to
	// be from it. restic does not.
	into bool
	at   []uint64 // where the walk is: a place for each level
}

func newComparer(ctx context.Context, v *catalog.View) *comparer {
	return &comparer{ctx: ctx, v: v, left: maxCompared}
}

// folders compares two trees, either of which may be absent. A walk that goes
// on behind a place is given that.
func (c *comparer) folders(prefix string, before, after side, resume []uint64) error {
	level := len(c.at)
	if level >= maxDepth {
		return syncline.Errorf(syncline.CodeTooLarge, "the folders nest deeper than %d levels; compare a folder further down", maxDepth)
	}
	pairs, err := c.pairs(before, after)
	if err != nil {
		return err
	}
	start := uint64(0)
	if len(resume) > 0 {
		if start = resume[0]; start >= uint64(len(pairs)) {
			return errBadCursor
		}
	}
	for i := start; i < uint64(len(pairs)); i++ {
		p := &pairs[i]
		path := prefix + p.name()
		c.at = append(c.at[:level], i)
		var inner []uint64
		if len(resume) > 0 && i == start {
			inner = resume[1:]
		} else if err := c.visit(Pair{path, p.before.entry, p.after.entry}); err != nil {
			return err
		}
		if err := c.below(path+"/", p, inner); err != nil {
			return err
		}
		pairs[i] = pair{}
	}
	c.at = c.at[:level]
	return nil
}

// below goes into a pair where it has folders that differ.
func (c *comparer) below(prefix string, p *pair, resume []uint64) error {
	switch {
	case p.before.entry != nil && p.after.entry != nil && p.before.ok != p.after.ok && !c.into:
		return nil
	case p.before.ok && p.after.ok && p.before.sub == p.after.sub:
		if c.common != nil {
			return c.common(p.before.sub)
		}
		return nil
	case p.before.ok || p.after.ok:
		return c.folders(prefix, p.before, p.after, resume)
	}
	return nil
}

// pair is what two folders have of one name.
type pair struct{ before, after side }

func (p *pair) name() string {
	if p.before.entry != nil {
		return p.before.entry.Name
	}
	return p.after.entry.Name
}

func (c *comparer) pairs(before, after side) ([]pair, error) {
	old, err := c.read(before)
	if err != nil {
		return nil, err
	}
	now, err := c.read(after)
	if err != nil {
		return nil, err
	}
	out := make([]pair, 0, max(len(old), len(now)))
	for len(old) > 0 || len(now) > 0 {
		var order int
		switch {
		case len(old) == 0:
			order = 1
		case len(now) == 0:
			order = -1
		default:
			order = strings.Compare(old[0].entry.Name, now[0].entry.Name)
		}
		var p pair
		if order <= 0 {
			p.before, old = old[0], old[1:]
		}
		if order >= 0 {
			p.after, now = now[0], now[1:]
		}
		out = append(out, p)
	}
	return out, nil
}

// read returns a tree's entries by name.
func (c *comparer) read(s side) (out []side, err error) {
	if !s.ok {
		return nil, nil
	}
	err = c.v.ReadDir(s.sub, catalog.WithContent|catalog.WithSubtree, func(e *syncline.Entry, sub catalog.TreeRef, ok bool) error {
		if c.left--; c.left < 0 {
			return syncline.Errorf(syncline.CodeTooLarge, "there is more to compare than the limit allows; compare a folder further down")
		}
		if c.left%1024 == 0 && c.ctx.Err() != nil {
			return c.ctx.Err()
		}
		out = append(out, side{e, sub, ok})
		return nil
	})
	byName := func(a, b side) int { return strings.Compare(a.entry.Name, b.entry.Name) }
	if !slices.IsSortedFunc(out, byName) {
		slices.SortStableFunc(out, byName)
	}
	return out, err
}

// ChangeOf tells how the entries of a pair differ; "" when they do not. That
// what is below a folder differs is no change of the folder.
func ChangeOf(p Pair) syncline.ChangeKind {
	switch {
	case p.Before == nil:
		return syncline.ChangeAdded
	case p.After == nil:
		return syncline.ChangeRemoved
	case p.Before.Type != p.After.Type:
		return syncline.ChangeType
	case p.Before.Type == syncline.TypeFile && !slices.Equal(p.Before.Content, p.After.Content):
		return syncline.ChangeContent
	case !sameMetadata(p.Before, p.After):
		return syncline.ChangeMetadata
	}
	return ""
}

// sameMetadata compares all of two entries but content and subtree.
func sameMetadata(a, b *syncline.Entry) bool {
	return a.Name == b.Name && a.Type == b.Type && a.Mode == b.Mode &&
		a.ModTime.Equal(b.ModTime) && a.AccessTime.Equal(b.AccessTime) && a.ChangeTime.Equal(b.ChangeTime) &&
		a.UID == b.UID && a.GID == b.GID && a.User == b.User && a.Group == b.Group &&
		a.Inode == b.Inode && a.DeviceID == b.DeviceID && a.Size == b.Size && a.Links == b.Links &&
		a.LinkTarget == b.LinkTarget && a.Device == b.Device && a.Error == b.Error && sameAttributes(a, b)
}

func sameAttributes(a, b *syncline.Entry) bool {
	if len(a.ExtendedAttributes) != len(b.ExtendedAttributes) || len(a.GenericAttributes) != len(b.GenericAttributes) {
		return false
	}
	values := make(map[string]string, len(a.ExtendedAttributes))
	for _, x := range a.ExtendedAttributes {
		values[x.Name] = string(x.Value)
	}
	for _, x := range b.ExtendedAttributes {
		if v, ok := values[x.Name]; !ok || v != string(x.Value) {
			return false
		}
	}
	return slices.EqualFunc(a.GenericAttributes, b.GenericAttributes, func(x, y syncline.GenericAttribute) bool {
		return x.Name == y.Name && string(x.Value) == string(y.Value)
	})
}

// compared is two restore points' folders in one catalog.
func (x *Explorer) compared(ctx context.Context, point, with syncline.ID, path string, fn func(c *comparer, before, after side) error) error {
	other, err := x.Points.Get(ctx, with)
	if err != nil {
		return err
	}
	own, err := x.Points.Get(ctx, point)
	if err != nil {
		return err
	}
	if own.RepositoryID != other.RepositoryID {
		return syncline.Errorf(syncline.CodeInvalid, "the restore points lie in two repositories; only those of one can be compared")
	}
	return x.view(ctx, point, func(v *catalog.View, s catalog.Snapshot) error {
		t, err := snapshotOf(v, other)
		if err != nil {
			return err
		}
		before, err := folderSide(v, s, path)
		if err != nil {
			return err
		}
		after, err := folderSide(v, t, path)
		if err != nil {
			return err
		}
		if !before.ok && !after.ok {
			return syncline.Errorf(syncline.CodeNotFound, "there is no folder %s in either of the restore points", quoted(path))
		}
		c := newComparer(ctx, v)
		c.into = true
		return fn(c, before, after)
	})
}

// folderSide is a folder of a snapshot, or nothing where it has none.
func folderSide(v *catalog.View, s catalog.Snapshot, path string) (side, error) {
	at, err := find(v, s.Root, path, 0)
	if syncline.CodeOf(err) == syncline.CodeNotFound {
		return side{}, nil
	}
	return side(at), err
}

// Differences returns a page of what differs from a restore point to another.
// What two folders have in common costs nothing.
func (x *Explorer) Differences(ctx context.Context, point syncline.ID, q syncline.DifferencesQuery) (page syncline.DifferencePage, err error) {
	path, err := cleanPath(q.Path)
	if err != nil {
		return page, err
	}
	err = x.compared(ctx, point, q.With, path, func(c *comparer, before, after side) error {
		key := cursorKey("differences", string(point), string(q.With), path, string(q.Kind))
		var resume, last []uint64
		if q.Cursor != "" {
			if resume, err = decodeCursor(key, q.Cursor); err != nil {
				return err
			}
		}
		c.visit = func(p Pair) error {
			change := ChangeOf(p)
			if change == "" || q.Kind != "" && q.Kind != change {
				return nil
			}
			if len(page.Differences) == q.Limit {
				page.Next = encodeCursor(key, last...)
				return errEnough
			}
			page.Differences = append(page.Differences,
				syncline.Difference{Path: p.Path, Change: change, Before: bare(p.Before), After: bare(p.After)})
			last = append(last[:0], c.at...)
			return nil
		}
		if before.ok && after.ok && before.sub == after.sub {
			return nil
		}
		return c.folders(strings.TrimSuffix(path, "/")+"/", before, after, resume)
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	return page, err
}

// bare is an entry without what lists leave out.
func bare(e *syncline.Entry) *syncline.Entry {
	if e == nil {
		return nil
	}
	out := *e
	out.Content, out.ExtendedAttributes, out.GenericAttributes = nil, nil, nil
	return &out
}

// maxFolders is how many folders a summary names.
const maxFolders = 200

// DifferenceSummary returns the totals of what differs from a restore point to
// another in a folder.
func (x *Explorer) DifferenceSummary(ctx context.Context, point, with syncline.ID, path string) (out syncline.DifferenceSummary, err error) {
	if path, err = cleanPath(path); err != nil {
		return out, err
	}
	err = x.compared(ctx, point, with, path, func(c *comparer, before, after side) error {
		prefix := strings.TrimSuffix(path, "/") + "/"
		top := -1
		c.visit = func(p Pair) error {
			change := ChangeOf(p)
			if len(c.at) == 1 {
				top = -1
			}
			if change == "" {
				return nil
			}
			if top < 0 {
				name, _, _ := strings.Cut(p.Path[len(prefix):], "/")
				out.Folders = append(out.Folders, syncline.FolderDifference{Path: prefix + name})
				top = len(out.Folders) - 1
			}
			count(&out.DifferenceCounts, change, p)
			count(&out.Folders[top].DifferenceCounts, change, p)
			return nil
		}
		if before.ok && after.ok && before.sub == after.sub {
			return nil
		}
		return c.folders(prefix, before, after, nil)
	})
	slices.SortStableFunc(out.Folders, func(a, b syncline.FolderDifference) int {
		return cmp.Compare(b.BytesAdded+b.BytesRemoved, a.BytesAdded+a.BytesRemoved)
	})
	out.Folders = out.Folders[:min(len(out.Folders), maxFolders)]
	return out, err
}

func count(n *syncline.DifferenceCounts, change syncline.ChangeKind, p Pair) {
	switch change {
	case syncline.ChangeAdded:
		n.Added++
	case syncline.ChangeRemoved:
		n.Removed++
	case syncline.ChangeContent:
		n.ContentChanged++
	case syncline.ChangeMetadata:
		n.MetadataChanged++
		return
	case syncline.ChangeType:
		n.TypeChanged++
	}
	if p.Before != nil {
		n.BytesRemoved += p.Before.Size
	}
	if p.After != nil {
		n.BytesAdded += p.After.Size
	}
}
