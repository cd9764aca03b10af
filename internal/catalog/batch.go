package catalog

import (
	"cmp"
	"context"
	"slices"

	"syncline.dev/syncline"
)

// Held is an entry that ReadEntries has read, and its tree where OK. A lost tree is there,
// and not OK.
type Held struct {
	Entry *syncline.Entry
	Sub   TreeRef
	OK    bool

	no    uint32
	first int32 // of its content hashes among those of the block
}

// ReadEntries reads many entries at once, wherever they lie. It reads each block
// once, in the order of the numbers and on all cores. The result has the order of
// the refs.
func (v *View) ReadEntries(ctx context.Context, refs []EntryRef, detail Detail) ([]Held, error) {
	const few = 32
	return v.readEntries(ctx, refs, detail, few)
}

// readEntries is ReadEntries. So few blocks go through the cache, since the next page
// of a list mostly needs them again.
func (v *View) readEntries(ctx context.Context, refs []EntryRef, detail Detail, few int) ([]Held, error) {
	b := batch{
		v: v, refs: refs, rows: make([]batchRow, len(refs)), order: make([]int32, len(refs)),
		entries: make([]syncline.Entry, len(refs)), out: make([]Held, len(refs)),
	}
	for i := range b.order {
		b.order[i] = int32(i)
	}
	b.sort(func(i int32) uint32 { return refs[i].no })
	if err := b.readRows(ctx, few); err != nil {
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
	entries []syncline.Entry
	out     []Held
	order   []int32 // of refs, as the next step reads them
}

// batchRow is what is known of an entry before its name and its contents are read.
type batchRow struct {
	name, subtree uint32
	first, end    int32 // its content hashes among those of the block
}

func (b *batch) sort(by func(i int32) uint32) {
	order := func(x, y int32) int { return cmp.Compare(by(x), by(y)) }
	if !slices.IsSortedFunc(b.order, order) {
		slices.SortFunc(b.order, order)
	}
}

// parts cuts the order where blocks of entries end.
func (b *batch) parts() (out [][]int32) {
	for rest := b.order; len(rest) > 0; {
		n, block := 1, b.refs[rest[0]].no/entriesPerBlock
		for n < len(rest) && b.refs[rest[n]].no/entriesPerBlock == block {
			n++
		}
		out, rest = append(out, rest[:n]), rest[n:]
	}
	return out
}

// readRows reads the fields of the entries that lie in their own blocks.
func (b *batch) readRows(ctx context.Context, few int) error {
	parts := b.parts()
	if len(parts) > few {
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
		if err := block.decode(payload); err != nil {
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
		block.fill(at, &b.entries[i])
		b.rows[i] = batchRow{in(block.name, at), in(block.subtree, at), int32(block.first[at]), int32(block.first[at+1])}
	}
}

// readContents reads the content lists. b.order must be that of the entries' numbers.
// An entry that is wanted several times has one list.
func (b *batch) readContents(ctx context.Context) error {
	blocks, at := b.contentBlocks(), -1
	var payload []byte
	for k, i := range b.order {
		r := &b.rows[i]
		if k > 0 && b.refs[b.order[k-1]] == b.refs[i] {
			b.entries[i].Content = b.entries[b.order[k-1]].Content
			continue
		}
		if r.first == r.end {
			continue
		}
		if at < 0 || blocks.nos[at] != uint64(b.refs[i].no/entriesPerBlock) {
			var err error
			at++
			if len(blocks.nos) == 1 { // the next page may need it again
				payload, err = b.v.need(kindContent, blocks.nos[at])
			} else {
				payload, err = blocks.at(at)
			}
			if err = cmp.Or(err, ctx.Err()); err != nil {
				return err
			}
		}
		if len(payload) < 32*int(r.end) {
			return damaged("a content block has %d bytes instead of %d", len(payload), 32*r.end)
		}
		list := make([]syncline.Hash, r.end-r.first)
		for k := range list {
			list[k] = syncline.Hash(payload[32*(int(r.first)+k):][:32])
		}
		b.entries[i].Content = list
	}
	return ctx.Err()
}

// contentBlocks returns a reader of the blocks that hold content lists.
func (b *batch) contentBlocks() *manyReader {
	m := &manyReader{r: b.v.r, kind: kindContent}
	for _, i := range b.order {
		no := uint64(b.refs[i].no / entriesPerBlock)
		if n := len(m.nos); b.rows[i].first != b.rows[i].end && (n == 0 || m.nos[n-1] != no) {
			m.nos = append(m.nos, no)
		}
	}
	return m
}

func (b *batch) readNames(ctx context.Context) error {
	b.sort(func(i int32) uint32 { return b.rows[i].name })
	names := nameReader{v: b.v}
	for _, i := range b.order {
		name, err := names.at(b.rows[i].name)
		if err != nil {
			return err
		}
		b.entries[i].Name = string(name)
	}
	return ctx.Err()
}

// readSubtrees completes the results with the entries' trees.
func (b *batch) readSubtrees(context.Context) error {
	for i := range b.out {
		e, sub := &b.entries[i], b.rows[i].subtree
		if sub > b.v.m.Trees {
			return damaged("an entry names tree %d of %d", sub-1, b.v.m.Trees)
		}
		if sub != 0 && b.v.m.Lost > 0 {
			var err error
			if e.Lost, err = b.v.isLost(sub - 1); err != nil {
				return err
			}
		}
		b.out[i] = Held{Entry: e, no: b.refs[i].no, first: b.rows[i].first}
		if sub != 0 {
			b.out[i].Sub, b.out[i].OK = TreeRef{sub - 1}, !e.Lost
		}
	}
	return nil
}

func (b *batch) readHashes() error {
	b.sort(func(i int32) uint32 { return b.rows[i].subtree })
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
