package catalog

import (
	"github.com/zeebo/xxh3"

	"syncline.dev/syncline"
)

// keyTable maps 64-bit keyed hashes to numbers: an open-addressed table of
// twelve bytes a slot, since a session holds one for every entry and one for
// every name. The keys are uniform, so their low bits are the slot.
type keyTable struct {
	keys []uint64
	vals []uint32 // number and one; 0 for a free slot
	used int
}

func (t *keyTable) get(key uint64) (uint32, bool) {
	if t.used == 0 {
		return 0, false
	}
	mask := uint64(len(t.keys) - 1)
	for i := key & mask; ; i = (i + 1) & mask {
		v := t.vals[i]
		if v == 0 {
			return 0, false
		}
		if t.keys[i] == key {
			return v - 1, true
		}
	}
}

// put adds a key that is not there.
func (t *keyTable) put(key uint64, no uint32) {
	if t.used*4 >= len(t.keys)*3 {
		t.grow(max(1024, 2*len(t.keys)))
	}
	t.insert(key, no+1)
	t.used++
}

func (t *keyTable) insert(key uint64, v uint32) {
	mask := uint64(len(t.keys) - 1)
	i := key & mask
	for t.vals[i] != 0 {
		i = (i + 1) & mask
	}
	t.keys[i], t.vals[i] = key, v
}

// reserve makes room for n keys in all, so that loading does not grow by steps.
func (t *keyTable) reserve(n int) {
	size := 1024
	for size*3 < n*4 {
		size *= 2
	}
	if size > len(t.keys) {
		t.grow(size)
	}
}

func (t *keyTable) grow(size int) {
	keys, vals := t.keys, t.vals
	t.keys, t.vals = make([]uint64, size), make([]uint32, size)
	for i, v := range vals {
		if v != 0 {
			t.insert(keys[i], v)
		}
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
