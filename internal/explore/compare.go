package explore

import (
	"bytes"
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/catalog"
)

// side is an entry of one of two compared folders.
type side struct {
	entry *syncline.Entry // nil for none
	sub   catalog.TreeRef
	ok    bool // sub is a tree
}

// Pair holds the entries of one name in two compared folders. One of them may
// be nil. A Pair is valid until the visit ends.
type Pair struct {
	Before, After *syncline.Entry
	path          []byte
	sides         [2]*named // nil for none, and for the compared folder itself
}

// Path returns the pair's absolute path.
func (p *Pair) Path() string { return string(p.path) }

// comparer walks two trees at once and follows only the folders that differ. It
// does not read entries that are the same in both, byte for byte.
type comparer struct {
	ctx   context.Context
	v     *catalog.View
	left  int64 // entries that the walk may still look at
	room  int64 // entries that the walk may still hold at once
	visit func(*Pair) error
	// common collects the entries that are the same in both trees, in the same
	// place, and all that is below them. It may be nil.
	common *catalog.Closure
	// With into, the walk also goes below a folder that became something else,
	// or that something else became. restic's diff does not.
	into bool
	// detail says which fields of the entries are filled in. With few, they are name, type
	// and contents only, and all fields of two files whose contents may be all that differs.
	detail  catalog.Detail
	few     bool
	scratch [2]syncline.Entry // of the visited pair, with few
	missing int               // folders that differ and are lost on one side
	// pause, unless it is nil, comes before so many rounds of reads.
	pause  func(context.Context)
	pauses int

	at     []uint64 // position of the walk, with a place for each level
	path   []byte
	levels []level // the folders that the walk is in, the outermost first
	ahead  readAhead
}

const (
	// maxCompared bounds the entries that one comparison looks at, because a
	// small repository can expand without end.
	maxCompared = 20_000_000
	// maxHeld bounds the entries that are held at once, of about 130 bytes
	// each.
	maxHeld = 2_000_000
)

func newComparer(ctx context.Context, v *catalog.View, path string) *comparer {
	return &comparer{
		ctx: ctx, v: v, left: maxCompared, room: maxHeld, path: []byte(strings.TrimSuffix(path, "/")),
		detail: catalog.WithContent | catalog.WithSubtree, ahead: newReadAhead(),
	}
}

// itself visits the compared folder, since it may differ in its owner or mode
// alone. The root has no metadata of its own.
func (c *comparer) itself(before, after side) error {
	return c.visit(&Pair{before.entry, after.entry, c.path, [2]*named{}})
}

// folders compares two trees, either of which may be absent. resume is the
// place behind which the walk continues, or nil.
func (c *comparer) folders(before, after side, resume []uint64) error {
	if before.ok && after.ok && before.sub == after.sub {
		return nil
	}
	depth, base := len(c.at), len(c.path)
	if depth >= maxDepth {
		return tooMuch("the folders nest deeper than %d levels", maxDepth)
	}
	pairs, err := c.take(folderPair{before.sub, after.sub, before.ok, after.ok}, len(resume) > 0)
	if err != nil {
		return err
	}
	start := 0
	if len(resume) > 0 {
		if start = slices.IndexFunc(pairs, func(p pair) bool { return p.place() == resume[0] }); start < 0 {
			return errBadCursor
		}
	}
	c.levels = append(c.levels, level{pairs: pairs, next: start})
	for i := start; i < len(pairs); i++ {
		p := &pairs[i]
		if err := c.fill(pairs[i:]); err != nil {
			return err
		}
		c.levels[len(c.levels)-1].next = i + 1
		c.at = append(c.at[:depth], p.place())
		if c.path = append(append(c.path[:base], '/'), p.name...); len(c.path) > maxPath {
			return tooMuch("a path is longer than %d bytes", maxPath)
		}
		if err := c.pair(p, resume, len(resume) > 0 && i == start); err != nil {
			return err
		}
		p.forget()
	}
	c.levels = c.levels[:len(c.levels)-1]
	c.at, c.path = c.at[:depth], c.path[:base]
	c.room += int64(len(pairs))
	return nil
}

// pair visits a pair and the entries below it. It skips a pair before resume.
func (c *comparer) pair(p *pair, resume []uint64, visited bool) error {
	var inner []uint64
	if visited {
		inner = resume[1:]
	} else if err := c.visit(c.visited(p)); err != nil {
		return err
	}
	if p.before.lost() || p.after.lost() {
		if a, b := p.before.tree(), p.after.tree(); a.here != b.here || a.sub != b.sub {
			c.missing++
		}
		return nil
	}
	before, after := p.before.side(), p.after.side()
	if _, ok := c.below(p); ok {
		return c.folders(before, after, inner)
	}
	if c.common != nil && before.ok && after.ok {
		c.common.Add(before.sub)
	}
	return nil
}

// visited returns the pair as a visit gets it.
func (c *comparer) visited(p *pair) *Pair {
	return &Pair{p.before.entry(&c.scratch[0]), p.after.entry(&c.scratch[1]), c.path, [2]*named{p.before, p.after}}
}

// below returns the folders below a pair that are to be compared.
func (c *comparer) below(p *pair) (f folderPair, ok bool) {
	before, after := p.before.side(), p.after.side()
	switch {
	case p.before.lost() || p.after.lost(),
		p.before != nil && p.after != nil && before.ok != after.ok && !c.into,
		before.ok && after.ok && before.sub == after.sub:
		return f, false
	}
	return folderPair{before.sub, after.sub, before.ok, after.ok}, before.ok || after.ok
}

// named is an entry of a folder.
type named struct {
	name string
	ref  catalog.EntryRef
	at   int          // position in its tree
	held catalog.Held // zero while only the name is read
}

func (n *named) side() side {
	if n == nil {
		return side{}
	}
	return side{n.held.Entry, n.held.Sub, n.held.OK}
}

// entry returns the entry, which it puts into to where only few fields are read.
func (n *named) entry(to *syncline.Entry) *syncline.Entry {
	switch {
	case n == nil:
		return nil
	case n.held.Entry != nil:
		return n.held.Entry
	}
	f := n.held.Few
	*to = syncline.Entry{
		Name: f.Name, Type: f.Type, Size: f.Size, ModTime: time.Unix(f.Seconds, 0), Content: f.Content, Lost: n.held.Lost,
	}
	return to
}

func (n *named) lost() bool { return n != nil && n.held.Lost }

// treeOf is an entry's tree, also a lost one, where it is here.
type treeOf struct {
	sub  catalog.TreeRef
	here bool
}

func (n *named) tree() (t treeOf) {
	if n != nil && (n.held.OK || n.held.Lost) {
		t = treeOf{n.held.Sub, true}
	}
	return t
}

// pair holds the entries of one name in two folders.
type pair struct {
	name          string
	before, after *named
}

// forget drops the entries of a pair. The pairs that were read with it keep
// its memory otherwise.
func (p *pair) forget() {
	for _, n := range []*named{p.before, p.after} {
		if n != nil {
			*n = named{}
		}
	}
	*p = pair{}
}

// place identifies a pair among all pairs of its folders.
func (p *pair) place() uint64 {
	if p.before != nil {
		return uint64(p.before.at) << 1
	}
	return uint64(p.after.at)<<1 | 1
}

// pairUp puts the entries of two folders together by their names.
func pairUp(old, now []named) []pair {
	byName := func(a, b named) int { return strings.Compare(a.name, b.name) }
	for _, list := range [][]named{old, now} {
		if !slices.IsSortedFunc(list, byName) {
			slices.SortStableFunc(list, byName)
		}
	}
	out := make([]pair, 0, max(len(old), len(now)))
	for len(old) > 0 || len(now) > 0 {
		order := cmp.Compare(len(now), 0) - cmp.Compare(len(old), 0) // the tree that is left
		if order == 0 {
			order = strings.Compare(old[0].name, now[0].name)
		}
		var p pair
		if order <= 0 {
			p.name, p.before, old = old[0].name, &old[0], old[1:]
		}
		if order >= 0 {
			p.name, p.after, now = now[0].name, &now[0], now[1:]
		}
		out = append(out, p)
	}
	return out
}

func tooMuch(format string, args ...any) error {
	return syncline.Errorf(syncline.CodeTooLarge, format+"; compare a folder further down", args...)
}

// ChangeOf says how the entries of a pair differ, or "" if they do not. A
// difference below a folder is no change of the folder.
func ChangeOf(p *Pair) ChangeKind {
	switch {
	case p.Before == nil:
		return ChangeAdded
	case p.After == nil:
		return ChangeRemoved
	case p.Before.Type != p.After.Type:
		return ChangeType
	case p.Before.Type == syncline.TypeFile && !slices.Equal(p.Before.Content, p.After.Content):
		return ChangeContent
	case !sameMetadata(p.Before, p.After):
		return ChangeMetadata
	}
	return ""
}

// sameMetadata compares all fields of two entries but content and subtree.
func sameMetadata(a, b *syncline.Entry) bool {
	return a.Name == b.Name && a.Type == b.Type && a.Mode == b.Mode &&
		a.ModTime.Equal(b.ModTime) && a.AccessTime.Equal(b.AccessTime) && a.ChangeTime.Equal(b.ChangeTime) &&
		a.UID == b.UID && a.GID == b.GID && a.User == b.User && a.Group == b.Group &&
		a.Inode == b.Inode && a.DeviceID == b.DeviceID && a.Size == b.Size && a.Links == b.Links &&
		a.LinkTarget == b.LinkTarget && a.Device == b.Device && a.Error == b.Error && sameAttributes(a, b)
}

// sameAttributes compares the attributes. The order of extended ones does not
// count.
func sameAttributes(a, b *syncline.Entry) bool {
	byName := func(x, y syncline.ExtendedAttribute) int {
		return cmp.Or(strings.Compare(x.Name, y.Name), bytes.Compare(x.Value, y.Value))
	}
	sorted := func(list []syncline.ExtendedAttribute) []syncline.ExtendedAttribute {
		if slices.IsSortedFunc(list, byName) {
			return list
		}
		return slices.SortedFunc(slices.Values(list), byName)
	}
	return slices.EqualFunc(sorted(a.ExtendedAttributes), sorted(b.ExtendedAttributes), func(x, y syncline.ExtendedAttribute) bool {
		return x.Name == y.Name && bytes.Equal(x.Value, y.Value)
	}) && slices.EqualFunc(a.GenericAttributes, b.GenericAttributes, func(x, y syncline.GenericAttribute) bool {
		return x.Name == y.Name && bytes.Equal(x.Value, y.Value)
	})
}
