package catalog

import (
	"slices"

	"github.com/zeebo/xxh3"

	"syncline.dev/syncline"
)

// keyTable numbers 64-bit keyed hashes in the order in which they are put: an
// open-addressed table of numbers beside the keys, since a session holds one
// for every entry and one for every name. The keys are uniform, so their low
// bits are the slot.
type keyTable struct {
	parts [][]uint64 // the keys by number, keyPart in each but the last
	n     int        // how many there are
	slots []uint32   // number and one; 0 for a free slot
	seen  bool       // what putAll looked at ahead; keeps its reads
}

// keyPart is the number of keys in one allocation: a table that grows copies
// no keys and leaves none to the garbage collector.
const keyPart = 1 << 13

func (t *keyTable) at(no uint32) uint64 { return t.parts[no/keyPart][no%keyPart] }

func (t *keyTable) get(key uint64) (uint32, bool) {
	if len(t.slots) == 0 {
		return 0, false
	}
	mask := uint64(len(t.slots) - 1)
	for i := key & mask; ; i = (i + 1) & mask {
		v := t.slots[i]
		if v == 0 {
			return 0, false
		}
		if t.at(v-1) == key {
			return v - 1, true
		}
	}
}

// is reports whether the number is that of key. For the entries of a folder,
// which mostly follow one another, it saves a look at a random place.
func (t *keyTable) is(key uint64, no uint32) bool {
	return int(no) < t.n && t.at(no) == key
}

// put gives key the next number. One that is there already takes a number too,
// but get goes on to find the first.
func (t *keyTable) put(key uint64) {
	t.add(key)
	if t.n*4 > len(t.slots)*3 {
		t.rehash(max(1024, 2*len(t.slots)))
		return
	}
	t.insert(key, uint32(t.n))
}

// putAll puts keys. It looks at slots some steps ahead of their turn, so that
// they are at hand by then: their places are random, and each would be waited
// for.
func (t *keyTable) putAll(keys []uint64) {
	const ahead = 12
	t.reserve(t.n + len(keys))
	mask := uint64(len(t.slots) - 1)
	var used uint32
	for i, key := range keys {
		if i+ahead < len(keys) {
			used |= t.slots[keys[i+ahead]&mask]
		}
		t.add(key)
		t.insert(key, uint32(t.n))
	}
	t.seen = used != 0
}

func (t *keyTable) add(key uint64) {
	if t.n%keyPart == 0 {
		t.parts = append(t.parts, make([]uint64, 0, keyPart))
	}
	last := &t.parts[t.n/keyPart]
	*last = append(*last, key)
	t.n++
}

// insert puts a number and one into the slot of its key.
func (t *keyTable) insert(key uint64, v uint32) {
	mask := uint64(len(t.slots) - 1)
	i := key & mask
	for t.slots[i] != 0 {
		i = (i + 1) & mask
	}
	t.slots[i] = v
}

// reserve makes room for n keys in all, so that loading does not grow by steps.
func (t *keyTable) reserve(n int) {
	size := 1024
	for size*3 < n*4 {
		size *= 2
	}
	if size > len(t.slots) {
		t.rehash(size)
	}
}

func (t *keyTable) rehash(size int) {
	t.slots = make([]uint32, size)
	v := uint32(0)
	for _, part := range t.parts {
		for _, key := range part {
			v++
			t.insert(key, v)
		}
	}
}

// hashTable numbers trees by their hash, in the order they are added. The seed
// keeps whoever writes a repository from choosing hashes that share a slot.
type hashTable struct {
	seed  uint64
	parts [][]syncline.Hash // by number, hashesPerBlock in each but the last
	n     int               // how many there are
	slots []uint32          // number and one; 0 for a free slot
}

// at returns the hash with a number. A table of hashes in one piece would be copied as
// it grows: tens of megabytes into memory that is touched for the first time, by
// an instruction that no collection, and with it nobody, can interrupt.
func (t *hashTable) at(no uint32) *syncline.Hash {
	return &t.parts[no/hashesPerBlock][no%hashesPerBlock]
}

func (t *hashTable) slotOf(h *syncline.Hash) uint64 { return xxh3.HashSeed(h[:], t.seed) }

func (t *hashTable) get(h *syncline.Hash) (uint32, bool) {
	if len(t.slots) == 0 {
		return 0, false
	}
	mask := uint64(len(t.slots) - 1)
	for i := t.slotOf(h) & mask; ; i = (i + 1) & mask {
		v := t.slots[i]
		if v == 0 {
			return 0, false
		}
		if *t.at(v - 1) == *h {
			return v - 1, true
		}
	}
}

// add numbers h unless it has a number, which it then returns.
func (t *hashTable) add(h *syncline.Hash) (no uint32, added bool) {
	if no, ok := t.get(h); ok {
		return no, false
	}
	if t.n%hashesPerBlock == 0 {
		t.parts = append(t.parts, make([]syncline.Hash, 0, hashesPerBlock))
	}
	last := &t.parts[t.n/hashesPerBlock]
	*last = append(*last, *h)
	if t.n++; t.n*2 > len(t.slots) {
		t.rehash(max(1024, 2*len(t.slots)))
	} else {
		t.insert(uint32(t.n))
	}
	return uint32(t.n - 1), true
}

// load takes hashes over, as those of an empty table. It reports the first that
// is there twice, -1 where none is; a table with one is of no use.
func (t *hashTable) load(hashes []syncline.Hash) (twice int) {
	size := 1024
	for size < 2*len(hashes) {
		size *= 2
	}
	t.slots = make([]uint32, size)
	for part := range slices.Chunk(hashes, hashesPerBlock) {
		if len(part) < hashesPerBlock { // it will grow
			part = append(make([]syncline.Hash, 0, hashesPerBlock), part...)
		}
		t.parts = append(t.parts, part)
	}
	for i := range hashes {
		if _, ok := t.get(&hashes[i]); ok {
			return i
		}
		t.n++
		t.insert(uint32(t.n))
	}
	return -1
}

func (t *hashTable) insert(v uint32) {
	mask := uint64(len(t.slots) - 1)
	i := t.slotOf(t.at(v-1)) & mask
	for t.slots[i] != 0 {
		i = (i + 1) & mask
	}
	t.slots[i] = v
}

func (t *hashTable) rehash(size int) {
	t.slots = make([]uint32, size)
	for i := range t.n {
		t.insert(uint32(i + 1))
	}
}
