package catalog

import (
	"context"
	"slices"

	"syncline.dev/syncline"
)

// Held is an entry that ReadEntries has read, and its tree where OK. A lost tree is there,
// and not OK.
type Held struct {
	Entry *syncline.Entry // nil where ReadFew has read it
	Few   *Few            // nil where ReadEntries has read it
	Sub   TreeRef
	OK    bool
	Lost  bool // its tree is lost

	no    uint32
	first int32 // of its content hashes among those of the block
}

// ReadEntries reads many entries at once, wherever they lie. It reads each block
// once, in the order of the numbers and on all cores. The result has the order of
// the refs.
func (v *View) ReadEntries(ctx context.Context, refs []EntryRef, detail Detail) ([]Held, error) {
	return v.readEntries(ctx, refs, detail, throughCache)
}

// throughCache is how many blocks a batch reads through the cache, since the next page of
// a list mostly needs them again.
const throughCache = 32

func (v *View) readEntries(ctx context.Context, refs []EntryRef, detail Detail, cached int) ([]Held, error) {
	b := newBatch(v, refs)
	b.entries = make([]syncline.Entry, len(refs))
	return b.read(ctx, detail, cached)
}

func newBatch(v *View, refs []EntryRef) *batch {
	return &batch{v: v, refs: refs, rows: make([]batchRow, len(refs)), order: make([]int32, len(refs)), out: make([]Held, len(refs))}
}

func (b *batch) read(ctx context.Context, detail Detail, cached int) ([]Held, error) {
	b.cached = cached
	b.sort(func(i int) uint32 { return b.refs[i].no })
	if err := b.readRows(ctx); err != nil {
		return nil, err
	}
	steps := []func(context.Context) error{b.readContents, b.readNames, b.readSubtrees}
	if detail&WithContent == 0 {
		steps = steps[1:]
	}
	for _, step := range steps {
		if err := step(ctx); err != nil {
			return nil, err
		}
	}
	if detail&WithSubtree != 0 {
		return b.out, b.readHashes()
	}
	return b.out, nil
}

// batch is the state of one ReadEntries.
type batch struct {
	v       *View
	refs    []EntryRef
	rows    []batchRow
	entries []syncline.Entry // empty in ReadFew
	few     []Few            // empty in ReadEntries
	out     []Held
	keys    []uint64 // of sort
	cached  int      // so many blocks go through the cache
	order   []int32  // of refs, as the next step reads them
}

// batchRow is what is known of an entry before its name and its contents are read.
type batchRow struct {
	name, subtree uint32
	first, end    int32 // its content hashes among those of the block
}

func (b *batch) sort(by func(i int) uint32) {
	b.keys = room(b.keys, len(b.order))
	for i := range b.keys {
		b.keys[i] = uint64(by(i))<<32 | uint64(i)
	}
	slices.Sort(b.keys)
	for i, key := range b.keys {
		b.order[i] = int32(uint32(key))
	}
}

// parts cuts a part of the order where blocks end.
func parts(order []int32, blockOf func(i int32) uint32) (out [][]int32) {
	for rest := order; len(rest) > 0; {
		n, block := 1, blockOf(rest[0])
		for n < len(rest) && blockOf(rest[n]) == block {
			n++
		}
		out, rest = append(out, rest[:n]), rest[n:]
	}
	return out
}

func (b *batch) blockOf(i int32) uint32 { return b.refs[i].no / entriesPerBlock }

// readRows reads the fields of the entries that lie in their own blocks.
func (b *batch) readRows(ctx context.Context) error {
	parts := parts(b.order, b.blockOf)
	if len(parts) > b.cached {
		return b.readParts(ctx, parts)
	}
	for _, part := range parts {
		last := b.refs[part[len(part)-1]].no
		block, err := b.v.entries(uint64(last/entriesPerBlock), int(last%entriesPerBlock))
		if err != nil {
			return err
		}
		b.take(part, block)
	}
	return ctx.Err()
}

func (b *batch) readParts(ctx context.Context, parts [][]int32) error {
	missing, blocks := parts[:0], &manyReader{r: b.v.r, kind: kindEntry}
	for _, part := range parts {
		no, last := uint64(b.refs[part[0]].no/entriesPerBlock), b.refs[part[len(part)-1]].no
		block, ok := entryBlocks.Get(blockKey{b.v.c.id, b.v.m.Generation, no})
		if ok && int(last%entriesPerBlock) < block.count {
			b.take(part, block)
			continue
		}
		missing, blocks.nos = append(missing, part), append(blocks.nos, no)
	}
	return eachPayload(ctx, len(missing), blocks.at, func(i int, payload []byte) error {
		block := spareEntries.Get().(*entryBlock)
		defer spareEntries.Put(block)
		decode := block.decode
		if b.few != nil {
			decode = block.decodeFew
		}
		if err := decode(payload); err != nil {
			return err
		}
		if last := b.refs[missing[i][len(missing[i])-1]].no; int(last%entriesPerBlock) >= block.count {
			return damaged("entry %d is missing", last)
		}
		b.take(missing[i], block)
		return nil
	})
}

// take copies the rows of a part from their block.
func (b *batch) take(part []int32, block *entryBlock) {
	for _, i := range part {
		at := int(b.refs[i].no % entriesPerBlock)
		if b.few != nil {
			block.fillFew(at, &b.few[i])
		} else {
			block.fill(at, &b.entries[i])
		}
		b.rows[i] = batchRow{in(block.name, at), in(block.subtree, at), int32(block.first[at]), int32(block.first[at+1])}
	}
}

// readSubtrees completes the results with the entries' trees.
func (b *batch) readSubtrees(context.Context) error {
	for i := range b.out {
		h, sub := &b.out[i], b.rows[i].subtree
		h.no, h.first = b.refs[i].no, b.rows[i].first
		if sub > b.v.m.Trees {
			return damaged("an entry names tree %d of %d", sub-1, b.v.m.Trees)
		}
		if sub != 0 && b.v.m.Lost > 0 {
			var err error
			if h.Lost, err = b.v.isLost(sub - 1); err != nil {
				return err
			}
		}
		if sub != 0 {
			h.Sub, h.OK = TreeRef{sub - 1}, !h.Lost
		}
		if b.few != nil {
			h.Few = &b.few[i]
		} else {
			h.Entry = &b.entries[i]
			h.Entry.Lost = h.Lost
		}
	}
	return nil
}

func (b *batch) readHashes() error {
	b.sort(func(i int) uint32 { return b.rows[i].subtree })
	for _, i := range b.order {
		sub := b.rows[i].subtree
		if sub == 0 {
			continue
		}
		var err error
		if b.entries[i].Subtree, err = b.v.hash(sub - 1); err != nil {
			return err
		}
	}
	return nil
}
