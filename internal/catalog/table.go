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
	keys  []uint64 // by number
	slots []uint32 // number and one; 0 for a free slot
}

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
		if t.keys[v-1] == key {
			return v - 1, true
		}
	}
}

// is reports whether the number is that of key. For the entries of a folder,
// which mostly follow one another, it saves a look at a random place.
func (t *keyTable) is(key uint64, no uint32) bool {
	return int(no) < len(t.keys) && t.keys[no] == key
}

// put gives key the next number. One that is there already takes a number too,
// but get goes on to find the first.
func (t *keyTable) put(key uint64) {
	t.keys = append(t.keys, key)
	if len(t.keys)*4 > len(t.slots)*3 {
		t.rehash(max(1024, 2*len(t.slots)))
		return
	}
	t.insert(uint32(len(t.keys)))
}

func (t *keyTable) insert(v uint32) {
	key, mask := t.keys[v-1], uint64(len(t.slots)-1)
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
		t.keys = slices.Grow(t.keys, n-len(t.keys))
		t.rehash(size)
	}
}

func (t *keyTable) rehash(size int) {
	t.slots = make([]uint32, size)
	for i := range t.keys {
		t.insert(uint32(i + 1))
	}
}

// hashTable numbers trees by their hash, in the order they are added. The seed
// keeps whoever writes a repository from choosing hashes that share a slot.
type hashTable struct {
	seed   uint64
	hashes []syncline.Hash
	slots  []uint32 // number and one; 0 for a free slot
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
		if t.hashes[v-1] == *h {
			return v - 1, true
		}
	}
}

// add numbers h unless it has a number, which it then returns.
func (t *hashTable) add(h *syncline.Hash) (no uint32, added bool) {
	if no, ok := t.get(h); ok {
		return no, false
	}
	t.hashes = append(t.hashes, *h)
	if len(t.hashes)*2 > len(t.slots) {
		t.rehash(max(1024, 2*len(t.slots)))
	} else {
		t.insert(uint32(len(t.hashes)))
	}
	return uint32(len(t.hashes) - 1), true
}

func (t *hashTable) insert(v uint32) {
	mask := uint64(len(t.slots) - 1)
	i := t.slotOf(&t.hashes[v-1]) & mask
	for t.slots[i] != 0 {
		i = (i + 1) & mask
	}
	t.slots[i] = v
}

func (t *hashTable) rehash(size int) {
	t.slots = make([]uint32, size)
	for i := range t.hashes {
		t.insert(uint32(i + 1))
	}
}
