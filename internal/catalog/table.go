package catalog

import (
	"sync/atomic"

	"github.com/zeebo/xxh3"

	"syncline.dev/syncline"
)

// The tables here give numbers to keys, in the order in which they are put. One
// goroutine at a time puts keys. Any number of others look up keys meanwhile, without a
// lock, and may miss a key that is put at the same moment. A session looks up a thousand
// times as often as it puts, and waiting for a lock would take longer than a lookup.

// listPart is the number of keys in one allocation. A list grows by such parts, so it
// copies no keys and leaves none to the garbage collector.
const listPart = 1 << 13

// A block of hashes lies in one part.
var _ = [1]struct{}{}[listPart%hashesPerBlock]

// list holds a table's keys by number.
type list[K any] struct {
	parts atomic.Pointer[[]*[listPart]K]
	n     atomic.Uint32
}

// len returns the number of keys. All keys below it may be read.
func (l *list[K]) len() int { return int(l.n.Load()) }

// part returns the keys from first to before end. They must lie in one part.
func (l *list[K]) part(first, end int) []K {
	part := (*l.parts.Load())[first/listPart]
	return part[first%listPart:][:end-first]
}

func (l *list[K]) at(no uint32) *K { return &(*l.parts.Load())[no/listPart][no%listPart] }

// add adds a key and returns its number.
func (l *list[K]) add(key K) uint32 {
	n := l.n.Load()
	if n%listPart == 0 {
		l.grow(new([listPart]K))
	}
	*l.at(n) = key
	l.n.Store(n + 1)
	return n
}

// grow adds a part. A lookup meanwhile sees the old parts or the new ones.
func (l *list[K]) grow(part *[listPart]K) {
	var parts []*[listPart]K
	if old := l.parts.Load(); old != nil {
		parts = *old
	}
	parts = append(parts, part)
	l.parts.Store(&parts)
}

// slots are the places of an open-addressed table. Their number is a power of two. A
// place holds a key's number plus one, in as many bits as the size of the table has, and
// bits of the key's hash above that. Those bits tell most other keys apart without a
// look at the key itself, which lies anywhere in memory. 0 is a free place.
type slots struct{ p atomic.Pointer[[]uint32] }

func (s *slots) all() []uint32 {
	if p := s.p.Load(); p != nil {
		return *p
	}
	return nil
}

// place returns the value that a place holds for a key: its number and its tag.
func place(hash uint64, no, numbers uint32) uint32 { return (no + 1) | tag(hash, numbers) }

// tag returns the bits of a place above its number. They are other bits of the
// hash than those that choose the place.
func tag(hash uint64, numbers uint32) uint32 { return uint32(hash>>32) &^ numbers }

// put puts a number into the first free place for its hash.
func (s *slots) put(hash uint64, no uint32) {
	all := s.all()
	i := free(all, hash)
	atomic.StoreUint32(&all[i], place(hash, no, uint32(len(all)-1)))
}

// free returns the first free place for a hash. Only the goroutine that puts may
// call it.
func free(all []uint32, hash uint64) uint64 {
	mask := uint64(len(all) - 1)
	i := hash & mask
	for all[i] != 0 {
		i = (i + 1) & mask
	}
	return i
}

// fill puts a number into a table that nobody reads yet.
func fill(all []uint32, hash uint64, no uint32) {
	all[free(all, hash)] = place(hash, no, uint32(len(all)-1))
}

// hashTable gives numbers to trees, by their hash. Its seed prevents that the
// author of a repository chooses hashes that share a place.
//
// The hashes lie in parts, because a table in one piece would be copied when it
// grows: tens of megabytes in one step that the garbage collector cannot
// interrupt.
type hashTable struct {
	seed   uint64
	hashes list[syncline.Hash]
	slots  slots
}

func (t *hashTable) hash(h *syncline.Hash) uint64 { return xxh3.HashSeed(h[:], t.seed) }

func (t *hashTable) get(h *syncline.Hash) (uint32, bool) {
	all := t.slots.all()
	if len(all) == 0 {
		return 0, false
	}
	mask, hash := uint64(len(all)-1), t.hash(h)
	numbers := uint32(mask)
	want := tag(hash, numbers)
	for i := hash & mask; ; i = (i + 1) & mask {
		v := atomic.LoadUint32(&all[i])
		if v == 0 {
			return 0, false
		}
		if no := v&numbers - 1; v&^numbers == want && *t.hashes.at(no) == *h {
			return no, true
		}
	}
}

// add returns the number of h; added is true when it has given h a new one.
func (t *hashTable) add(h *syncline.Hash) (no uint32, added bool) {
	if no, ok := t.get(h); ok {
		return no, false
	}
	no = t.hashes.add(*h)
	if size := len(t.slots.all()); t.hashes.len()*2 > size {
		t.rehash(max(1024, 2*size))
	} else {
		t.slots.put(t.hash(h), no)
	}
	return no, true
}

// load takes over the hashes of an empty table. It returns the first number
// whose hash is there twice, and -1 if there is none; a table with such a hash
// is of no use. Nobody may look up hashes meanwhile.
func (t *hashTable) load(hashes []syncline.Hash) (twice int) {
	size := 1024
	for size < 2*len(hashes) {
		size *= 2
	}
	all := make([]uint32, size)
	t.slots.p.Store(&all)
	for first := 0; first < len(hashes); first += listPart {
		part := new([listPart]syncline.Hash)
		if rest := hashes[first:]; len(rest) >= listPart {
			part = (*[listPart]syncline.Hash)(rest)
		} else {
			copy(part[:], rest) // the last part will grow
		}
		t.hashes.grow(part)
	}
	for i := range hashes {
		if _, ok := t.get(&hashes[i]); ok {
			return i
		}
		t.hashes.n.Store(uint32(i + 1))
		fill(all, t.hash(&hashes[i]), uint32(i))
	}
	return -1
}

func (t *hashTable) rehash(size int) {
	all := make([]uint32, size)
	for no := range uint32(t.hashes.len()) {
		fill(all, t.hash(t.hashes.at(no)), no)
	}
	t.slots.p.Store(&all)
}
