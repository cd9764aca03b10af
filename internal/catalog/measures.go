package catalog

import (
	"context"
	"iter"
	"slices"

	"syncline.dev/syncline"
)

// Class is a coarse type of entries, for statistics.
type Class uint8

// The classes.
const (
	ClassFile Class = iota
	ClassFolder
	ClassLink
	ClassOther
)

// classOf returns the class of a type.
func classOf(t syncline.EntryType) Class {
	switch t {
	case syncline.TypeFile:
		return ClassFile
	case syncline.TypeDir:
		return ClassFolder
	case syncline.TypeSymlink:
		return ClassLink
	}
	return ClassOther
}

// Measures holds what statistics need about all entries and trees of one state
// of a catalog. It numbers entries and trees from 0. It does not change, and
// stays valid after its View. It takes nine bytes for each entry, in addition to
// the columns of a search.
type Measures struct {
	names   []uint32
	dirs    rankedBits
	subs    []uint32
	trees   *scanTrees
	classes []Class
	sizes   []uint64
	linked  rankedBits // entries that may be hard links
	inodes  []uint32   // of linked entries; equal numbers are one file
}

// Range is Count consecutive entries, from First on.
type Range struct{ First, Count uint32 }

// Measures reads three columns of the catalog from end to end, on all cores.
func (v *View) Measures(ctx context.Context) (*Measures, error) {
	cols := searches.columns(v)
	entries, err := cols.loadEntries(ctx, v)
	if err != nil {
		return nil, searchFailed(ctx, err)
	}
	trees, _, err := cols.loadTrees(ctx, v, entries, false)
	if err != nil {
		return nil, searchFailed(ctx, err)
	}
	m := &Measures{names: entries.names, dirs: entries.dirs, subs: entries.trees, trees: trees}
	return m, searchFailed(ctx, m.loadEntries(ctx, v))
}

// inode identifies a file, as restic tells hard links.
type inode struct{ inode, device uint64 }

// loadEntries fills in the fields that lie in the blocks of entries.
func (m *Measures) loadEntries(ctx context.Context, v *View) error {
	m.classes, m.sizes = make([]Class, v.m.Entries), make([]uint64, v.m.Entries)
	blocks := int(v.m.Entries+entriesPerBlock-1) / entriesPerBlock
	links := make([][]inode, blocks)
	linked := newBitset(len(m.sizes))
	err := eachBlock(ctx, v.r, kindEntry, blocks, func(no int, payload []byte) (err error) {
		first := no * entriesPerBlock
		end := min(first+entriesPerBlock, len(m.sizes))
		b := measuredBlock{m.classes[first:end], m.sizes[first:end], linked[first/64 : (end+63)/64], nil}
		err = b.read(payload)
		links[no] = b.inodes
		return err
	})
	if err != nil {
		return err
	}
	numbers := make(map[inode]uint32)
	for _, list := range links {
		for _, x := range list {
			no, ok := numbers[x]
			if !ok {
				no = uint32(len(numbers))
				numbers[x] = no
			}
			m.inodes = append(m.inodes, no)
		}
	}
	m.linked = linked.ranked()
	return nil
}

// measuredBlock is the part of Measures that belongs to one block of entries.
type measuredBlock struct {
	classes []Class
	sizes   []uint64
	linked  bitset
	inodes  []inode // of linked entries
}

func (b *measuredBlock) read(payload []byte) error {
	d, n, err := newEntryDecoder(payload)
	if err != nil {
		return err
	}
	defer d.release()
	if n != len(b.sizes) {
		return damaged("an entry block has %d entries instead of %d", n, len(b.sizes))
	}
	classes := make([]Class, len(d.texts))
	for i, t := range d.texts {
		classes[i] = classOf(syncline.EntryType(t))
	}
	c, at := d.cols, inode{}
	for i := range b.sizes {
		no := c[colType].uint()
		if no >= uint64(len(classes)) {
			return damaged("an entry block names a text it does not have")
		}
		b.classes[i], b.sizes[i] = classes[no], c[colSize].uint()
		at.inode += uint64(c[colInode].int())
		at.device += uint64(c[colDevID].int())
		if links := c[colLinks].uint(); links != 1 && at.inode != 0 && b.classes[i] != ClassFolder {
			b.linked.set(uint32(i))
			b.inodes = append(b.inodes, at)
		}
	}
	if slices.ContainsFunc(c[:], func(c cursor) bool { return c.bad }) {
		return damaged("an entry block does not decode")
	}
	return nil
}

// Entries returns the number of entries.
func (m *Measures) Entries() int { return len(m.sizes) }

// Trees returns the number of trees.
func (m *Measures) Trees() int { return m.trees.count }

// Bytes returns about how much memory it takes.
func (m *Measures) Bytes() int64 {
	return m.trees.size() + int64(13*len(m.sizes)+4*len(m.subs)+4*len(m.inodes)) + int64(8*len(m.dirs.bits)+4*len(m.dirs.ranks))*2
}

// Number returns a tree's number.
func (m *Measures) Number(tree TreeRef) uint32 { return tree.no }

// Ranges iterates over the entries of a tree, in the tree's order.
func (m *Measures) Ranges(tree uint32) iter.Seq[Range] {
	return func(yield func(Range) bool) {
		for _, r := range m.trees.runs(tree) {
			if !yield(Range{r.start, r.count}) {
				return
			}
		}
	}
}

// Range returns one of the ranges; ok is false behind the last one.
func (m *Measures) Range(tree uint32, i int) (r Range, ok bool) {
	runs := m.trees.runs(tree)
	if i >= len(runs) {
		return Range{}, false
	}
	return Range{runs[i].start, runs[i].count}, true
}

// Subtrees returns the trees of the directories among entries, in order.
func (m *Measures) Subtrees(r Range) []uint32 {
	return m.subs[m.dirs.rank(r.First):m.dirs.rank(r.First+r.Count)]
}

// Subtree returns the tree of an entry, where it has one.
func (m *Measures) Subtree(entry uint32) (tree uint32, ok bool) {
	if !m.dirs.has(entry) {
		return 0, false
	}
	return m.subs[m.dirs.rank(entry)], true
}

// Parents returns the trees that have a tree as a subtree, once for each
// directory entry that names it.
func (m *Measures) Parents(tree uint32) iter.Seq[uint32] {
	return func(yield func(uint32) bool) {
		for _, p := range m.trees.parentsOf(tree) {
			if !yield(p.tree) {
				return
			}
		}
	}
}

// Class returns an entry's class.
func (m *Measures) Class(entry uint32) Class { return m.classes[entry] }

// Size returns an entry's size.
func (m *Measures) Size(entry uint32) uint64 { return m.sizes[entry] }

// Inodes returns the number of different files among the entries that have an
// Inode.
func (m *Measures) Inodes() int {
	n := uint32(0)
	for _, no := range m.inodes {
		n = max(n, no+1)
	}
	return int(n)
}

// Inode returns a number that is the same for all names of one file. ok is false
// for an entry that has no other names, and where the file system did not tell.
func (m *Measures) Inode(entry uint32) (no uint32, ok bool) {
	if !m.linked.has(entry) {
		return 0, false
	}
	return m.inodes[m.linked.rank(entry)], true
}

// Name returns an entry's name. The view must be of the same state.
func (m *Measures) Name(v *View, entry uint32) (string, error) { return v.name(m.names[entry]) }

// Ref returns the reference of an entry.
func (m *Measures) Ref(entry uint32) EntryRef { return EntryRef{entry} }

// TreeHash returns the hash of a tree.
func (v *View) TreeHash(tree uint32) (syncline.Hash, error) { return v.hash(tree) }

// EachContent calls fn with every entry that has content, in order of their
// numbers, and with its data blobs. The slice is good until fn returns.
func (v *View) EachContent(ctx context.Context, fn func(entry uint32, blobs []syncline.Hash) error) error {
	var hashes []syncline.Hash
	for block := uint64(0); block*entriesPerBlock < uint64(v.m.Entries); block++ {
		if err := ctx.Err(); err != nil {
			return searchFailed(ctx, err)
		}
		payload, err := need(v.r, kindEntry, block)
		if err != nil {
			return err
		}
		b, err := readCounts(payload)
		if err != nil {
			return err
		}
		if rows := len(b.first) - 1; uint64(rows) != min(entriesPerBlock, uint64(v.m.Entries)-block*entriesPerBlock) {
			return damaged("entry block %d has %d entries", block, rows)
		}
		if b.first[len(b.first)-1] == 0 {
			continue
		}
		contents, err := need(v.r, kindContent, block)
		if err != nil {
			return err
		}
		for i := range b.first[1:] {
			if b.first[i] == b.first[i+1] {
				continue
			}
			if hashes, err = b.appendContents(hashes[:0], contents, i); err != nil {
				return err
			}
			if err := fn(uint32(block)*entriesPerBlock+uint32(i), hashes); err != nil {
				return err
			}
		}
	}
	return nil
}

// readCounts reads only one thing from a block of entries: the number of blobs
// of each entry.
func readCounts(payload []byte) (*entryBlock, error) {
	d, n, err := newEntryDecoder(payload)
	if err != nil {
		return nil, err
	}
	defer d.release()
	b := &entryBlock{first: make([]int, n+1)}
	c := &d.cols[colContent]
	for i := range n {
		k := c.uint()
		if k > maxBlock/32 {
			return nil, damaged("an entry claims %d content blobs", k)
		}
		b.first[i+1] = b.first[i] + int(k)
	}
	if c.bad {
		return nil, damaged("an entry block does not decode")
	}
	return b, nil
}
