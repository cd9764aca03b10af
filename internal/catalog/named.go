package catalog

import (
	"cmp"
	"slices"

	"github.com/zeebo/xxh3"
)

// Named finds the entries of one name in many trees. It compares names until it has found
// one, and from then on only their numbers, since the names of a catalog are distinct.
//
// It is fastest where each tree is like the one before, as the versions of a folder are:
// it does not search the runs that the two have in common.
type Named struct {
	name  string
	key   uint64 // of the name, as the Builder has it
	names nameReader
	no    uint32 // of the name
	known bool

	entries, trees looked
}

// looked is what a Named keeps of the trees that it has looked at.
type looked struct {
	// none is runs of the last tree that do not have the name. They are all before the
	// first one that has it.
	none []run
	// memo has trees at their number modulo its length, which bounds the memory. There is
	// none before the second tree.
	memo []lookedAt
}

// lookedAt is a tree and the entry or tree that was found in it.
type lookedAt struct {
	tree, found uint32
	is          answer
}

type answer uint8

const (
	notLooked answer = iota
	isThere
	isNot
)

// lookedTrees is how many trees a Named remembers at most.
const lookedTrees = 256

// Named returns a Named for the name, for the goroutine that has the View.
func (v *View) Named(name string) *Named {
	return &Named{name: name, key: xxh3.HashStringSeed(name, v.m.Seed), names: nameReader{v: v}}
}

// In returns the first entry of the name in a tree. found is false where there is none.
func (n *Named) In(tree TreeRef) (ref EntryRef, found bool, err error) {
	no, found, err := n.look(&n.entries, tree.no, n.entryIn)
	return EntryRef{no}, found, err
}

// Tree is View.LookupTree for the name.
func (n *Named) Tree(tree TreeRef) (sub TreeRef, ok bool, err error) {
	no, ok, err := n.look(&n.trees, tree.no, n.treeIn)
	if ok && err == nil {
		err = n.names.v.Readable(TreeRef{no})
	}
	if !ok || err != nil {
		return TreeRef{}, false, err
	}
	return TreeRef{no}, true, nil
}

// look searches the runs of a tree in their order.
func (n *Named) look(l *looked, tree uint32, search func([]run) (uint32, bool, error)) (no uint32, ok bool, err error) {
	if l.memo == nil && l.none != nil {
		l.memo = make([]lookedAt, lookedTrees)
	}
	at := tree % lookedTrees
	if l.memo != nil && l.memo[at].is != notLooked && l.memo[at].tree == tree {
		return l.memo[at].found, l.memo[at].is == isThere, nil
	}
	runs, err := n.names.v.runs(tree)
	if err != nil {
		return 0, false, err
	}
	none, is := l.none, isNot
	l.none = runs
	for i, r := range runs {
		if none = without(none, r); len(none) > 0 && inside(r, none[0]) {
			continue
		}
		if no, ok, err = search(runs[i : i+1]); ok || err != nil {
			l.none, is = runs[:i], isThere
			break
		}
	}
	if l.memo != nil && err == nil {
		l.memo[at] = lookedAt{tree, no, is}
	}
	return no, ok && err == nil, err
}

// without drops the first runs where a later one, not far behind, has all of r.
func without(none []run, r run) []run {
	const far = 4
	for i := range none[:min(far, len(none))] {
		if inside(r, none[i]) {
			return none[i:]
		}
	}
	return none
}

func inside(r, of run) bool {
	return r.start >= of.start && r.count <= of.count && r.start-of.start <= of.count-r.count
}

// entryIn returns the number of the first entry of the name in runs.
func (n *Named) entryIn(runs []run) (entry uint32, found bool, err error) {
	err = eachPart(runs, func(no uint64, first, end uint32) (bool, error) {
		b, err := n.names.v.scanned(no, int(end))
		if err != nil {
			return false, err
		}
		at, err := n.index(b.names[first:end])
		if err != nil || at < 0 {
			return err == nil, err
		}
		entry, found = uint32(no)*scanPerBlock+first+uint32(at), true
		return false, nil
	})
	return entry, found, err
}

// index returns the place of the name among names, -1 for none.
func (n *Named) index(names []uint32) (int, error) {
	if n.known {
		return slices.Index(names, n.no), nil
	}
	for i, no := range names {
		own, err := n.names.at(no)
		if err != nil {
			return -1, err
		}
		if string(own) == n.name {
			n.no, n.known = no, true
			return i, nil
		}
	}
	return -1, nil
}

// treeIn returns the number of the tree of the first directory of the name in runs.
func (n *Named) treeIn(runs []run) (tree uint32, found bool, err error) {
	err = eachPart(runs, func(no uint64, first, end uint32) (bool, error) {
		b, err := n.names.v.scannedFolders(no, int(end))
		if err != nil {
			return false, err
		}
		i, _ := slices.BinarySearchFunc(b.dirs, first, func(d folder, at uint32) int { return cmp.Compare(d.entry, at) })
		for ; i < len(b.dirs) && b.dirs[i].entry < end; i++ {
			if found, err = n.isNameOf(&b.dirs[i]); found || err != nil {
				tree = b.dirs[i].tree
				return false, err
			}
		}
		return true, nil
	})
	return tree, found, err
}

// isNameOf reports whether a directory has the name.
func (n *Named) isNameOf(d *folder) (bool, error) {
	if n.known {
		return d.name == n.no, nil
	}
	key, err := d.keyOf(&n.names)
	if err != nil || key != n.key {
		return false, err
	}
	n.no, n.known = d.name, true
	return true, nil
}
