package explore

import (
	"context"
	"encoding/binary"
	"hash/maphash"
	"math/bits"
	"math/rand/v2"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/catalog"
	"syncline.dev/syncline/resticrepo"
)

// holder says which snapshots hold an item: none (0), or the number of the
// first one, from 1, and whether there are others.
type holder uint32

const shared holder = 1 << 31

func (h holder) first() int   { return int(h&^shared) - 1 }
func (h holder) isOnly() bool { return h != 0 && h&shared == 0 }

// add adds a snapshot and reports whether this changes the holder. Snapshots
// are added in order.
func (h *holder) add(s holder) bool {
	switch {
	case *h == 0:
		*h = s
	case *h&shared != 0 || *h == s:
		return false
	default:
		*h |= shared
	}
	return true
}

// join adds the snapshots of another holder.
func (h *holder) join(other holder) {
	switch {
	case *h == 0:
		*h = other
	case other != 0 && *h != other:
		*h = min(*h&^shared, other&^shared) | shared
	}
}

// holders has the holders of a catalog's trees and entries.
type holders struct{ trees, entries []holder }

// findHolders walks down from the snapshots. It looks into a tree for its first
// snapshot, and once more for the second one.
func (m *measured) findHolders(ctx context.Context, list []catalog.Snapshot) (*holders, error) {
	h := &holders{make([]holder, m.Trees()), make([]holder, m.Entries())}
	tick := ticker{ctx: ctx}
	var stack []uint32
	for i := range list {
		s := holder(i + 1)
		stack = append(stack, m.Number(list[i].Root))
		for len(stack) > 0 {
			tree := stack[len(stack)-1]
			stack = stack[:len(stack)-1]
			if !h.trees[tree].add(s) {
				continue
			}
			for r := range m.Ranges(tree) {
				for no := r.First; no < r.First+r.Count; no++ {
					h.entries[no].add(s)
				}
				for _, sub := range m.Subtrees(r) {
					if now := h.trees[sub]; now&shared == 0 && now != s {
						stack = append(stack, sub)
					}
				}
				if err := tick.spend(int(r.Count)); err != nil {
					return nil, err
				}
			}
		}
	}
	return h, nil
}

// blobTable is the blobs of one kind by the beginnings of their ids, since the
// catalog has no more of data blobs. A blob takes some 40 bytes.
type blobTable struct {
	seed    uint64
	slots   []uint32 // number plus one; 0 for a free slot
	keys    []uint64
	sizes   []blobSize
	holders []holder
	places  []uint64            // where the indexes list each at first, as a keyed hash
	more    map[blobAt]struct{} // further places
	copies  map[uint32]uint64   // how many further places a blob has
}

// blobAt is a further place of a blob.
type blobAt struct {
	no    uint32
	place uint64
}

// blobSize is a blob's size in bytes, from the index files. plain is 0 for a
// blob without compression. stored is 0 for a blob that no index has.
type blobSize struct{ plain, stored uint32 }

// blobOverhead is the length that encryption adds to a blob.
const blobOverhead = 32

// decoded is the size of the blob's content.
func (s blobSize) decoded() uint32 {
	return resticrepo.Blob{Length: s.stored, UncompressedLength: s.plain}.DecodedLength()
}

func newBlobTable() *blobTable {
	return &blobTable{
		seed: rand.Uint64(), slots: make([]uint32, 1024),
		more: make(map[blobAt]struct{}), copies: make(map[uint32]uint64),
	}
}

func keyOf(id *syncline.Hash) uint64 { return binary.LittleEndian.Uint64(id[:]) }

// slot finds the place of a key. Because of the seed, the writer of a
// repository cannot choose ids that share a slot.
func (t *blobTable) slot(key uint64) uint64 {
	high, low := bits.Mul64(key^t.seed, 0x9e3779b97f4a7c15)
	mask := uint64(len(t.slots) - 1)
	for i := (high ^ low) & mask; ; i = (i + 1) & mask {
		if no := t.slots[i]; no == 0 || t.keys[no-1] == key {
			return i
		}
	}
}

// find returns the number of a blob.
func (t *blobTable) find(key uint64) (no uint32, ok bool) {
	no = t.slots[t.slot(key)]
	return no - 1, no != 0
}

// add adds a blob unless it is there, and returns its number.
func (t *blobTable) add(key uint64, size blobSize) uint32 {
	at := t.slot(key)
	if no := t.slots[at]; no != 0 {
		return no - 1
	}
	t.keys, t.sizes, t.holders = append(t.keys, key), append(t.sizes, size), append(t.holders, 0)
	t.places = append(t.places, 0)
	t.slots[at] = uint32(len(t.keys))
	if len(t.keys)*3 > len(t.slots)*2 {
		t.slots = make([]uint32, 2*len(t.slots))
		for i, key := range t.keys {
			t.slots[t.slot(key)] = uint32(i + 1)
		}
	}
	return uint32(len(t.keys) - 1)
}

// list adds a blob that an index lists. A second index may list the same place.
func (t *blobTable) list(b *catalog.Blob, place uint64) {
	no := t.add(keyOf(&b.ID), blobSize{b.Plain, b.Length})
	switch t.places[no] {
	case 0:
		t.places[no] = place
	case place:
	default:
		at := blobAt{no, place}
		if _, ok := t.more[at]; !ok {
			t.more[at] = struct{}{}
			t.copies[no]++
		}
	}
}

// loadBlobs reads the blobs from the index files.
func loadBlobs(ctx context.Context, v *catalog.View) (data, trees *blobTable, err error) {
	data, trees = newBlobTable(), newBlobTable()
	seed := maphash.MakeSeed()
	err = eachPack(ctx, v, func(p *catalog.Pack) {
		for i := range p.Blobs {
			b := &p.Blobs[i]
			table := data
			if b.Tree {
				table = trees
			}
			table.list(b, maphash.Comparable(seed, catalog.PackedBlob{Blob: *b, Pack: p.ID})|1)
		}
	})
	if err != nil {
		return nil, nil, err
	}
	data.more, trees.more = nil, nil
	return data, trees, nil
}

// hold tells the tables the holders of the blobs. It adds blobs that no index
// has.
func (h *holders) hold(ctx context.Context, v *catalog.View, m *measured, data, trees *blobTable) error {
	for no, who := range h.trees {
		if who == 0 {
			continue
		}
		id, err := v.TreeHash(uint32(no))
		if err != nil {
			return err
		}
		trees.holders[trees.add(keyOf(&id), blobSize{})].join(who)
	}
	return v.EachContent(ctx, func(entry uint32, blobs []syncline.Hash) error {
		who := h.entries[entry]
		if who == 0 || m.Class(entry) != catalog.ClassFile {
			return nil
		}
		for i := range blobs {
			data.holders[data.add(keyOf(&blobs[i]), blobSize{})].join(who)
		}
		return nil
	})
}

// each calls fn with every blob.
func (t *blobTable) each(fn func(who holder, size blobSize)) {
	for no, size := range t.sizes {
		fn(t.holders[no], size)
	}
}
