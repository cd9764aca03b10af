package catalog

import "encoding/binary"

// A search decodes whole columns, so these loops are written out. They read the blocks
// that scanBlock and treeBlock write.

// readScan decodes a scan block. It puts the names of all entries into names,
// whose length is the number of entries that the block must have.
func readScan(payload []byte, names []uint32, m meta) ([]dirEdge, error) {
	buf := borrowBlock()
	defer giveBackBlock(buf)
	cols, err := unpackColumnsInto(buf, payload, 3)
	if err != nil {
		return nil, err
	}
	b, prev, n := cols[0].b, int64(0), 0
	for len(b) > 0 {
		var u uint64
		switch {
		case b[0] < 0x80:
			u, b = uint64(b[0]), b[1:]
		case len(b) > 1 && b[1] < 0x80:
			u, b = uint64(b[0]&0x7f)|uint64(b[1])<<7, b[2:]
		case len(b) > 2 && b[2] < 0x80:
			u, b = uint64(b[0]&0x7f)|uint64(b[1]&0x7f)<<7|uint64(b[2])<<14, b[3:]
		default:
			v, size := binary.Uvarint(b)
			if size <= 0 {
				return nil, damaged("a scan block's names do not decode")
			}
			u, b = v, b[size:]
		}
		prev += int64(u>>1) ^ -int64(u&1)
		if n == len(names) || uint64(prev) >= uint64(m.Names) {
			return nil, damaged("a scan block has a name or an entry too many")
		}
		names[n] = uint32(prev)
		n++
	}
	if n != len(names) {
		return nil, damaged("a scan block has %d entries instead of %d", n, len(names))
	}
	dirs := make([]dirEdge, 0, len(cols[1].b))
	pos, tree := uint64(0), int64(0)
	for len(cols[1].b) > 0 {
		pos += cols[1].uint()
		tree += cols[2].int()
		if pos >= uint64(n) || uint64(tree) >= uint64(m.Trees) {
			return nil, damaged("a scan block's directory or its tree lies outside of what there is")
		}
		dirs = append(dirs, dirEdge{uint32(pos), uint32(tree)})
	}
	return dirs, done(cols[1:])
}

// readTrees decodes a block of trees. A tree that is not decoded has no runs.
func readTrees(payload []byte, t *runBlock, m meta) error {
	buf := borrowBlock()
	defer giveBackBlock(buf)
	cols, err := unpackColumnsInto(buf, payload, 3)
	if err != nil {
		return err
	}
	next := int64(0)
	t.all = room(t.all, len(cols[2].b))[:0]
	lists, starts, counts := cols[0].steps(), cols[1].steps(), cols[2].steps()
	for i := range treesPerBlock {
		n := lists.uint()
		if n > uint64(len(counts.b)-counts.at)+1 {
			return damaged("a tree claims %d runs", n-1)
		}
		if n > 0 {
			bitset(t.decoded[:]).set(uint32(i))
		}
		for ; n > 1; n-- {
			start, count := next+starts.int(), counts.uint()
			if start < 0 || count == 0 || count > uint64(m.Entries) || uint64(start)+count > uint64(m.Entries) {
				return damaged("a tree's run is out of range")
			}
			t.all = append(t.all, run{uint32(start), uint32(count)})
			next = start + int64(count)
		}
		t.first[i+1] = uint32(len(t.all))
	}
	cols[0].take(&lists)
	cols[1].take(&starts)
	cols[2].take(&counts)
	return done(cols)
}
