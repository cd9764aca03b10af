package catalog

import (
	"cmp"
	"context"
	"slices"
)

// Below returns for each pair of trees the trees below that differ, too: those of the
// directories that only one of the two has, and of directories with the same name and
// different trees. It reads names by number, from the columns of a search, and no
// entries. With into, it also returns the tree of a directory whose name the other tree
// has for something else. It leaves out lost trees.
func (v *View) Below(ctx context.Context, own []Own, into bool) ([][]TwoTrees, error) {
	b := belowReader{v: v, into: into}
	out := make([][]TwoTrees, len(own))
	for i := range own {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		var err error
		if out[i], err = b.of(&own[i]); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// child is an entry of one of two compared trees.
type child struct {
	name  uint32
	tree  uint32 // plus one; 0 for none
	taken bool   // an entry of the other tree belongs to it
}

type belowReader struct {
	v             *View
	into          bool
	no            uint64
	scan          *scanBlock // block no; nil before the first read
	before, after []child
}

func (b *belowReader) of(own *Own) (out []TwoTrees, err error) {
	var dirs, more bool
	if b.before, dirs, err = b.children(own.Before, b.before[:0]); err != nil {
		return nil, err
	}
	if b.after, more, err = b.children(own.After, b.after[:0]); err != nil || !dirs && !more {
		return nil, err
	}
	byName := func(x, y child) int { return cmp.Compare(x.name, y.name) }
	slices.SortStableFunc(b.before, byName) // by number
	for _, after := range b.after {
		i, _ := slices.BinarySearchFunc(b.before, after, byName)
		for i < len(b.before) && b.before[i].name == after.name && b.before[i].taken {
			i++
		}
		var before *child
		if i < len(b.before) && b.before[i].name == after.name {
			before = &b.before[i]
			before.taken = true
		}
		if out, err = b.pair(out, before, &after); err != nil {
			return nil, err
		}
	}
	for i := range b.before {
		if !b.before[i].taken {
			if out, err = b.pair(out, &b.before[i], nil); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

// pair appends the trees of two entries of one name, either of which may be nil.
func (b *belowReader) pair(out []TwoTrees, before, after *child) ([]TwoTrees, error) {
	var t TwoTrees
	for _, c := range []*child{before, after} {
		if c == nil || c.tree == 0 {
			continue
		}
		if lost, err := b.v.isLost(c.tree - 1); lost || err != nil {
			return out, err
		}
	}
	if before != nil && before.tree != 0 {
		t.Before, t.HasBefore = TreeRef{before.tree - 1}, true
	}
	if after != nil && after.tree != 0 {
		t.After, t.HasAfter = TreeRef{after.tree - 1}, true
	}
	switch {
	case !t.HasBefore && !t.HasAfter,
		t.HasBefore && t.HasAfter && t.Before == t.After,
		before != nil && after != nil && t.HasBefore != t.HasAfter && !b.into:
		return out, nil
	}
	return append(out, t), nil
}

// children appends entries with their names and trees. dirs says that some have a tree.
func (b *belowReader) children(o OwnEntries, to []child) (_ []child, dirs bool, err error) {
	for _, r := range o.runs {
		for first, last := uint64(r.start), uint64(r.start)+uint64(r.count); first < last; {
			no := first / scanPerBlock
			end := min(last, (no+1)*scanPerBlock)
			if b.scan == nil || b.no != no || int(end-no*scanPerBlock) > len(b.scan.names) {
				if b.scan, err = b.v.scanned(no, int(end-no*scanPerBlock)); err != nil {
					return to, false, err
				}
				b.no = no
			}
			var found bool
			to, found = b.scan.children(uint32(first%scanPerBlock), uint32(end-no*scanPerBlock), to)
			dirs, first = dirs || found, end
		}
	}
	return to, dirs, nil
}

// children appends the entries from first to before end, by their places in the block.
func (s *scanBlock) children(first, end uint32, to []child) (_ []child, dirs bool) {
	i, _ := slices.BinarySearchFunc(s.dirs, first, func(d dirEdge, at uint32) int { return cmp.Compare(d.entry, at) })
	for at := first; at < end; at++ {
		c := child{name: s.names[at]}
		if i < len(s.dirs) && s.dirs[i].entry == at {
			c.tree, dirs = s.dirs[i].tree+1, true
			i++
		}
		to = append(to, c)
	}
	return to, dirs
}
