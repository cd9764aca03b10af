package explore

import (
	"bytes"
	"cmp"
	"context"
	"slices"
	"strings"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/catalog"
)

// side is an entry of one of two compared folders.
type side struct {
	entry *syncline.Entry // nil for none
	sub   catalog.TreeRef
	ok    bool // sub is a tree
}

func (s side) lost() bool { return s.entry != nil && s.entry.Lost }

// Pair holds the entries of one name in two compared folders. One of them may
// be nil. A Pair is valid until the visit ends.
type Pair struct {
	Before, After *syncline.Entry
	path          []byte
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
	// The walk calls compared with every two trees, and common with every tree
	// that is below both in the same place. Both may be nil.
	compared func(before, after side) error
	common   func(catalog.TreeRef) error
	// With into, the walk also goes below a folder that became something else,
	// or that something else became. restic's diff does not.
	into bool
	// detail says which fields of the entries are filled in.
	detail  catalog.Detail
	missing int // folders that differ and are lost on one side

	at   []uint64 // position of the walk, with a place for each level
	path []byte
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
		detail: catalog.WithContent | catalog.WithSubtree,
	}
}

// itself visits the compared folder, since it may differ in its owner or mode
// alone. The root has no metadata of its own.
func (c *comparer) itself(before, after side) error {
	return c.visit(&Pair{before.entry, after.entry, c.path})
}

// folders compares two trees, either of which may be absent. resume is the
// place behind which the walk continues, or nil.
func (c *comparer) folders(before, after side, resume []uint64) error {
	if before.ok && after.ok && before.sub == after.sub {
		return nil
	}
	if c.compared != nil {
		if err := c.compared(before, after); err != nil {
			return err
		}
	}
	level, base := len(c.at), len(c.path)
	if level >= maxDepth {
		return tooMuch("the folders nest deeper than %d levels", maxDepth)
	}
	pairs, err := c.pairs(before, after)
	if err != nil {
		return err
	}
	held := int64(len(pairs))
	start := 0
	if len(resume) > 0 {
		if start = slices.IndexFunc(pairs, func(p pair) bool { return p.place() == resume[0] }); start < 0 {
			return errBadCursor
		}
	}
	for i := start; i < len(pairs); i++ {
		p := &pairs[i]
		c.at = append(c.at[:level], p.place())
		if c.path = append(append(c.path[:base], '/'), p.name...); len(c.path) > maxPath {
			return tooMuch("a path is longer than %d bytes", maxPath)
		}
		if err := c.pair(p, resume, len(resume) > 0 && i == start); err != nil {
			return err
		}
		p.name = ""
	}
	c.at, c.path = c.at[:level], c.path[:base]
	c.room += held
	return nil
}

// pair visits a pair and the entries below it. It skips a pair before resume.
func (c *comparer) pair(p *pair, resume []uint64, visited bool) error {
	before, err := c.read(p.before)
	if err != nil {
		return err
	}
	after, err := c.read(p.after)
	if err != nil {
		return err
	}
	var inner []uint64
	if visited {
		inner = resume[1:]
	} else if err := c.visit(&Pair{before.entry, after.entry, c.path}); err != nil {
		return err
	}
	switch {
	case before.lost() || after.lost():
		if before.entry == nil || after.entry == nil || before.entry.Subtree != after.entry.Subtree {
			c.missing++
		}
		return nil
	case before.entry != nil && after.entry != nil && before.ok != after.ok && !c.into:
		return nil
	case before.ok && after.ok && before.sub == after.sub:
		if c.common != nil {
			return c.common(before.sub)
		}
		return nil
	case before.ok || after.ok:
		return c.folders(before, after, inner)
	}
	return nil
}

func (c *comparer) read(n *named) (s side, err error) {
	if n == nil {
		return s, nil
	}
	s.entry, s.sub, s.ok, err = c.v.RefEntry(n.ref, c.detail)
	return s, err
}

// named is an entry of which only the name is read.
type named struct {
	name string
	ref  catalog.EntryRef
	at   int // position in its tree
}

// pair holds the entries of one name in two folders.
type pair struct {
	name          string
	before, after *named
}

// place identifies a pair among all pairs of its folders.
func (p *pair) place() uint64 {
	if p.before != nil {
		return uint64(p.before.at) << 1
	}
	return uint64(p.after.at)<<1 | 1
}

// pairs returns, by name, the entries that two trees do not have in common.
func (c *comparer) pairs(before, after side) ([]pair, error) {
	old, err := c.names(before, after)
	if err != nil {
		return nil, err
	}
	now, err := c.names(after, before)
	if err != nil {
		return nil, err
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
	if c.room -= int64(len(out)); c.room < 0 {
		return nil, tooMuch("there is too much to compare at once")
	}
	return out, nil
}

// names returns, by name, the entries of a tree that the other one lacks.
func (c *comparer) names(s, other side) (out []named, err error) {
	if !s.ok {
		return nil, nil
	}
	var others []catalog.TreeRef
	if other.ok {
		others = append(others, other.sub)
	}
	err = c.v.Refs(s.sub, others, func(at int, ref catalog.EntryRef) error {
		if c.left--; c.left < 0 || int64(len(out)) > c.room {
			return tooMuch("there is more to compare than the limit allows")
		}
		if c.left%1024 == 0 && c.ctx.Err() != nil {
			return c.ctx.Err()
		}
		name, err := c.v.RefName(ref)
		out = append(out, named{name, ref, at})
		return err
	})
	byName := func(a, b named) int { return strings.Compare(a.name, b.name) }
	if !slices.IsSortedFunc(out, byName) {
		slices.SortStableFunc(out, byName)
	}
	return out, err
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
