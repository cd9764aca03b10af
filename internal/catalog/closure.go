package catalog

import (
	"context"
	"encoding/binary"
	"math/bits"
	"slices"

	"syncline.dev/syncline"
)

// Closure is a set of trees with everything below them. It counts each tree and
// entry once, however many paths lead there. It takes two bits for every tree and one
// for every entry of the catalog, and the memory for the directory entries.
//
// Add and View.Own only note trees and entries. Complete adds everything below them.
type Closure struct {
	v       *View
	dirs    rankedBits // the directory entries with a subtree
	subs    []uint32   // the subtrees of these
	trees   bitset
	pending bitset // trees whose content is still to be added
	entries bitset
}

// NewClosure makes an empty set.
func (v *View) NewClosure(ctx context.Context) (*Closure, error) {
	c := &Closure{
		v: v, trees: newBitset(int(v.m.Trees)), entries: newBitset(int(v.m.Entries)),
		pending: newBitset(int(v.m.Trees) + treesPerBlock),
	}
	if kept := searches.columns(v).keptEntries(); kept != nil {
		c.dirs, c.subs = kept.dirs, kept.trees
		return c, nil
	}
	edges, err := loadEdges(ctx, v.r, v.m)
	if err != nil {
		return nil, searchFailed(ctx, err)
	}
	dirs := newBitset(int(v.m.Entries))
	c.subs = make([]uint32, 0, len(edges))
	for _, e := range edges {
		if e.tree >= v.m.Trees {
			return nil, damaged("an entry names tree %d of %d", e.tree, v.m.Trees)
		}
		dirs.set(e.entry)
		c.subs = append(c.subs, e.tree)
	}
	if c.dirs = dirs.ranked(); int(c.dirs.total()) != len(c.subs) {
		return nil, damaged("a scan block names a directory twice")
	}
	return c, nil
}

// Add adds a tree and all that is below it.
func (c *Closure) Add(tree TreeRef) { c.push(tree.no) }

func (c *Closure) push(tree uint32) {
	if !c.trees.has(tree) {
		c.trees.set(tree)
		c.pending.set(tree)
	}
}

// togetherTrees is how many blocks of trees Complete decodes at once, on all cores.
const togetherTrees = 64

// Complete adds everything below the noted trees. It reads the trees block by block,
// from the last one down. A tree mostly has a higher number than the trees below it, so
// one pass adds nearly all of them.
func (c *Closure) Complete(ctx context.Context) error {
	blocks := make([]runBlock, togetherTrees)
	for more := true; more; {
		more = false
		for end := int(c.v.m.Trees)/treesPerBlock + 1; end > 0; end -= togetherTrees {
			above, err := c.together(ctx, max(0, end-togetherTrees), end, blocks)
			if err != nil {
				return err
			}
			more = more || above
		}
	}
	return nil
}

// together adds the content of the pending trees of the blocks from first to before end.
// Each of these blocks is decoded once. above is true when that makes trees of higher
// blocks pending.
func (c *Closure) together(ctx context.Context, first, end int, blocks []runBlock) (above bool, err error) {
	var has [togetherTrees]bool
	for {
		var fresh []int
		trees := &manyReader{r: c.v.r, kind: kindTree}
		waits := false
		for no := first; no < end; no++ {
			if c.waiting(no) < 0 {
				continue
			}
			if waits = true; !has[no-first] {
				has[no-first] = true
				fresh, trees.nos = append(fresh, no-first), append(trees.nos, uint64(no))
			}
		}
		if !waits {
			return above, nil
		}
		err := eachPayload(ctx, len(fresh), trees.at, func(i int, payload []byte) error {
			b := &blocks[fresh[i]]
			*b = runBlock{all: b.all[:0]}
			return readTrees(payload, b, c.v.m)
		})
		if err != nil {
			return above, err
		}
		for no := end - 1; no >= first; no-- {
			if !has[no-first] {
				continue
			}
			highest, err := c.block(no, &blocks[no-first])
			if err != nil {
				return above, err
			}
			above = above || highest >= end
		}
	}
}

// waiting returns the last pending tree of a block, -1 for none.
func (c *Closure) waiting(block int) int {
	const words = treesPerBlock / 64
	for i := words - 1; i >= 0; i-- {
		if w := c.pending[block*words+i]; w != 0 {
			return i*64 + bits.Len64(w) - 1
		}
	}
	return -1
}

// block adds the content of the pending trees of a block. It returns the highest block
// with a tree below them.
func (c *Closure) block(no int, b *runBlock) (highest int, err error) {
	for i := c.waiting(no); i >= 0; i = c.waiting(no) {
		tree := uint32(no*treesPerBlock + i)
		c.pending.clear(tree)
		if lost, err := c.v.isLost(tree); lost || err != nil {
			if err != nil {
				return 0, err
			}
			continue // its content is unknown
		}
		if !bitset(b.decoded[:]).has(uint32(i)) {
			return 0, damaged("tree %d is missing", tree)
		}
		for _, r := range b.list(i) {
			c.entries.setRun(r)
			for _, sub := range c.below(r) {
				c.push(sub)
				highest = max(highest, int(sub/treesPerBlock))
			}
		}
	}
	return highest, nil
}

// below returns the trees of the directories among some entries.
func (c *Closure) below(r run) []uint32 {
	return c.subs[c.dirs.rank(r.start):c.dirs.rank(r.start+r.count)]
}

// mark adds entries to the set, and notes their trees.
func (c *Closure) mark(r run) error {
	if end := uint64(r.start) + uint64(r.count); end > uint64(c.v.m.Entries) {
		return damaged("a tree names entry %d of %d", end-1, c.v.m.Entries)
	}
	c.entries.setRun(r)
	for _, sub := range c.below(r) {
		c.push(sub)
	}
	return nil
}

// Has reports whether the set has a tree.
func (c *Closure) Has(tree TreeRef) bool { return tree.no < c.v.m.Trees && c.trees.has(tree.no) }

// BlobSource is one place where a data blob stands in a content list. The zero value is
// no place.
type BlobSource struct {
	entry uint32 // plus one
	at    uint32 // among the hashes of the entry's block
	Note  uint8  // the caller's own
}

// Blob returns the place of the entry's blob i.
func (h *Held) Blob(i int) BlobSource {
	return BlobSource{entry: h.no + 1, at: uint32(h.first) + uint32(i)}
}

// in returns the entry, if the place is this one.
func (s BlobSource) in(block uint32, at int) (no uint32, ok bool) {
	no = s.entry - 1
	return no, s.entry != 0 && no/entriesPerBlock == block && int(s.at) == at
}

// Contents calls fn with the data blobs among those given that an entry in the set has.
// A blob that several entries share comes several times. Few blobs are at another place
// than the one that is known, so it hardly decodes an entry.
func (c *Closure) Contents(ctx context.Context, among map[syncline.Hash]BlobSource, fn func(syncline.Hash)) error {
	if len(among) == 0 {
		return nil
	}
	filter := NewHashFilter(len(among))
	for h := range among {
		filter.Add(&h)
	}
	var nos []uint64
	for no := c.entries.next(0, c.v.m.Entries); no < c.v.m.Entries; {
		nos = append(nos, uint64(no/entriesPerBlock))
		next := uint64(no/entriesPerBlock+1) * entriesPerBlock
		no = c.entries.next(uint32(min(next, uint64(c.v.m.Entries))), c.v.m.Entries)
	}
	var places contentPlaces
	for len(nos) > 0 {
		n := min(len(nos), togetherContents)
		matches, err := c.matches(ctx, nos[:n], filter, among)
		if err != nil {
			return err
		}
		for i, list := range matches {
			for _, m := range list {
				if err := c.found(uint32(nos[i]), m, &places, fn); err != nil {
					return err
				}
			}
		}
		nos = nos[n:]
	}
	return nil
}

// togetherContents is how many blocks of contents are looked through on all cores before
// fn hears of it.
const togetherContents = 512

// match is a blob at a place in a block of contents. known says that it is an entry that
// is in the set; otherwise the entry is still to be found.
type match struct {
	at    int
	hash  syncline.Hash
	known bool
}

// matches returns for each block the places of the blobs that are looked for, but for
// those in entries that are known and not in the set.
func (c *Closure) matches(ctx context.Context, nos []uint64, filter *HashFilter, among map[syncline.Hash]BlobSource) ([][]match, error) {
	out := make([][]match, len(nos))
	blocks := &manyReader{r: c.v.r, kind: kindContent, nos: nos}
	err := eachPayload(ctx, len(nos), blocks.at, func(i int, payload []byte) error {
		for at := 0; at+32 <= len(payload); at += 32 {
			if !filter.may(payload[at:]) {
				continue
			}
			h := syncline.Hash(payload[at : at+32])
			source, ok := among[h]
			if !ok {
				continue
			}
			no, known := source.in(uint32(nos[i]), at/32)
			if !known || no < c.v.m.Entries && c.entries.has(no) {
				out[i] = append(out[i], match{at / 32, h, known})
			}
		}
		return nil
	})
	return out, err
}

// found calls fn with a match whose entry is in the set.
func (c *Closure) found(block uint32, m match, places *contentPlaces, fn func(syncline.Hash)) error {
	if !m.known {
		if err := places.read(c.v, block); err != nil {
			return err
		}
		no, ok := places.entryOf(m.at)
		if !ok || no >= c.v.m.Entries || !c.entries.has(no) {
			return nil
		}
	}
	fn(m.hash)
	return nil
}

// contentPlaces says to which entry of a block each of its content hashes belongs.
type contentPlaces struct {
	block uint32
	ends  []int // per entry, the hashes of it and of the entries before
}

// read reads the places of a block, unless it has them. It decodes nothing else of
// the entries.
func (p *contentPlaces) read(v *View, block uint32) error {
	if p.ends != nil && p.block == block {
		return nil
	}
	payload, err := need(v.r, kindEntry, uint64(block))
	if err != nil {
		return err
	}
	d, n, err := newEntryDecoder(payload)
	if err != nil {
		return err
	}
	defer d.release()
	p.block, p.ends = block, p.ends[:0]
	counts, end := &d.cols[colContent], 0
	for range n {
		end += counts.length()
		p.ends = append(p.ends, end)
	}
	return done(d.cols[colContent : colContent+1])
}

// entryOf returns the entry that has a content hash.
func (p *contentPlaces) entryOf(place int) (no uint32, ok bool) {
	i, _ := slices.BinarySearch(p.ends, place+1)
	return p.block*entriesPerBlock + uint32(i), i < len(p.ends)
}

// HashFilter tells most hashes apart from some that are looked for, by a bit for
// the first bytes of each.
type HashFilter struct {
	bits  bitset
	shift int
}

// NewHashFilter returns a filter for about that many hashes.
func NewHashFilter(hashes int) *HashFilter {
	const each = 64 // bits for a hash: about one in 64 others passes
	size := min(32, bits.Len64(uint64(max(1<<10, hashes*each))))
	return &HashFilter{newBitset(1 << size), 64 - size}
}

// Add adds a hash that is looked for.
func (f *HashFilter) Add(hash *syncline.Hash) { f.bits.set(f.bit(hash[:])) }

func (f *HashFilter) bit(hash []byte) uint32 {
	return uint32(binary.LittleEndian.Uint64(hash) >> f.shift)
}

// may reports whether the hash can be one of them.
func (f *HashFilter) may(hash []byte) bool { return f.bits.has(f.bit(hash)) }
