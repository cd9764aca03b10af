package catalog

import (
	"cmp"
	"context"
	"iter"
	"slices"

	"syncline.dev/syncline"
)

// readContents reads the content lists. b.order must be that of the entries' numbers.
// An entry that is wanted several times has one list.
func (b *batch) readContents(ctx context.Context) error {
	var order []int32
	for k, i := range b.order {
		if b.rows[i].first != b.rows[i].end && (k == 0 || b.refs[b.order[k-1]] != b.refs[i]) {
			order = append(order, i)
		}
	}
	if parts := parts(order, b.blockOf); len(parts) == 1 { // the next page may need it again
		payload, err := b.v.need(kindContent, uint64(b.blockOf(order[0])))
		if err = cmp.Or(err, ctx.Err()); err != nil {
			return err
		}
		if err := b.takeContents(parts[0], payload); err != nil {
			return err
		}
	} else {
		blocks := &manyReader{r: b.v.r, kind: kindContent}
		for _, part := range parts {
			blocks.nos = append(blocks.nos, uint64(b.blockOf(part[0])))
		}
		err := eachPayload(ctx, len(parts), blocks.at, func(i int, payload []byte) error { return b.takeContents(parts[i], payload) })
		if err != nil {
			return err
		}
	}
	for k, i := range b.order {
		if k > 0 && b.refs[b.order[k-1]] == b.refs[i] {
			*b.content(i) = *b.content(b.order[k-1])
		}
	}
	return ctx.Err()
}

// takeContents copies the content lists of a part from their block.
func (b *batch) takeContents(part []int32, payload []byte) error {
	n := 0
	for _, i := range part {
		n += int(b.rows[i].end - b.rows[i].first)
	}
	all := make([]syncline.Hash, 0, n)
	for _, i := range part {
		r := &b.rows[i]
		if len(payload) < 32*int(r.end) {
			return damaged("a content block has %d bytes instead of %d", len(payload), 32*r.end)
		}
		first := len(all)
		for at := r.first; at < r.end; at++ {
			all = append(all, syncline.Hash(payload[32*int(at):][:32]))
		}
		*b.content(i) = all[first:len(all):len(all)]
	}
	return nil
}

func (b *batch) content(i int32) *[]syncline.Hash {
	if b.few != nil {
		return &b.few[i].Content
	}
	return &b.entries[i].Content
}

func (b *batch) name(i int32) *string {
	if b.few != nil {
		return &b.few[i].Name
	}
	return &b.entries[i].Name
}

// readNames reads the names. Many blocks of them go through the cache in ReadEntries only.
func (b *batch) readNames(ctx context.Context) error {
	b.sort(func(i int) uint32 { return b.rows[i].name })
	parts := parts(b.order, func(i int32) uint32 { return b.rows[i].name / namesPerBlock })
	if b.few != nil && len(parts) > b.cached {
		blocks := &manyReader{r: b.v.r, kind: kindName}
		for _, part := range parts {
			blocks.nos = append(blocks.nos, uint64(b.rows[part[0]].name/namesPerBlock))
		}
		return eachPayload(ctx, len(parts), blocks.at, func(i int, payload []byte) error { return b.takeNames(parts[i], payload) })
	}
	names := nameReader{v: b.v}
	for _, i := range b.order {
		name, err := names.at(b.rows[i].name)
		if err != nil {
			return err
		}
		*b.name(i) = string(name)
	}
	return ctx.Err()
}

// takeNames copies the names of a part, in the order of their numbers, from their block.
func (b *batch) takeNames(part []int32, payload []byte) error {
	buf := borrowBlock()
	defer giveBackBlock(buf)
	cols, err := unpackColumnsInto(buf, payload, 2)
	if err != nil {
		return err
	}
	lengths, text := cols[0].steps(), cols[1].b
	var all []byte
	ends := make([]int, len(part))
	no, start, end := -1, 0, 0
	for k, i := range part {
		for at := int(b.rows[i].name % namesPerBlock); no < at; no++ {
			if start = end; lengths.at >= len(lengths.b) {
				return damaged("name %d is missing", b.rows[i].name)
			}
			n := lengths.uint()
			if lengths.bad || n > uint64(len(text)-start) {
				return damaged("a name block's lengths do not fit its text")
			}
			end = start + int(n)
		}
		all = append(all, text[start:end]...)
		ends[k] = len(all)
	}
	names := string(all)
	start = 0
	for k, i := range part {
		*b.name(i) = names[start:ends[k]]
		start = ends[k]
	}
	return nil
}

// TreeHashes calls fn with the hashes of trees, in the order of their numbers.
func (v *View) TreeHashes(ctx context.Context, trees iter.Seq[TreeRef], fn func(TreeRef, syncline.Hash)) error {
	list := slices.SortedFunc(trees, func(a, b TreeRef) int { return cmp.Compare(a.no, b.no) })
	blocks := manyReader{r: v.r, kind: kindHash}
	for _, t := range list {
		if no := uint64(t.no / hashesPerBlock); len(blocks.nos) == 0 || blocks.nos[len(blocks.nos)-1] != no {
			blocks.nos = append(blocks.nos, no)
		}
	}
	for i, no := range blocks.nos {
		payload, err := blocks.at(i)
		if err = cmp.Or(err, ctx.Err()); err != nil {
			return err
		}
		for ; len(list) > 0 && uint64(list[0].no/hashesPerBlock) == no; list = list[1:] {
			at := 32 * int(list[0].no%hashesPerBlock)
			if len(payload) < at+32 {
				return damaged("the hash of tree %d is missing", list[0].no)
			}
			fn(list[0], syncline.Hash(payload[at:at+32]))
		}
	}
	return nil
}
