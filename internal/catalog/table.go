package catalog

import (
	"sync/atomic"

	"github.com/zeebo/xxh3"

	"syncline.dev/syncline"
)

// The tables number keys in the order in which they are put. One goroutine at a
// time puts, and any number of others look up meanwhile without a lock. A
// session looks up a thousand times for each key that it puts, and waiting for
// a lock takes longer than a look-up. A key that is put at the same moment may
// not be found yet.

// listPart is the number of keys in one allocation: a list that grows copies no
// keys and leaves none to the garbage collector.
const listPart = 1 << 13

// Blocks of hashes are cut from parts.
var _ = [1]struct{}{}[listPart%hashesPerBlock]

// list holds a table's keys by number.
type list[K any] struct {
	parts atomic.Pointer[[]*[listPart]K]
	n     atomic.Uint32
}

// len returns the number of keys. A goroutine that has it, or a number from a
// slot, may read the keys below it.
func (l *list[K]) len() int { return int(l.n.Load()) }

// part returns the keys from first on up to end, which are in one part.
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

// grow adds room. Who looks up has the old parts or the new ones.
func (l *list[K]) grow(part *[listPart]K) {
	var parts []*[listPart]K
	if old := l.parts.Load(); old != nil {
		parts = *old
	}
	parts = append(parts, part)
	l.parts.Store(&parts)
}

// slots are the places of an open-addressed table, a power of two of them. A place
// holds a number and one, in as many bits as there are places need, and above it
// bits of the key, so that a place of another key is mostly told without a look at
// that key, which lies anywhere in memory. 0 is a free place.
type slots struct{ p atomic.Pointer[[]uint32] }

func (s *slots) all() []uint32 {
	if p := s.p.Load(); p != nil {
		return *p
	}
	return nil
}

// place returns what the place of a key with a number holds.
func place(hash uint64, no, numbers uint32) uint32 { return (no + 1) | tag(hash, numbers) }

// tag returns the bits of a place that are not its number's: others of the hash than
// those that choose the place.
func tag(hash uint64, numbers uint32) uint32 { return uint32(hash>>32) &^ numbers }

// put puts a number into the first free place for its hash.
func (s *slots) put(hash uint64, no uint32) {
	all := s.all()
	i := free(all, hash)
	atomic.StoreUint32(&all[i], place(hash, no, uint32(len(all)-1)))
}

// free returns the first free place for a hash. Only who puts may ask.
func free(all []uint32, hash uint64) uint64 {
	mask := uint64(len(all) - 1)
	i := hash & mask
	for all[i] != 0 {
		i = (i + 1) & mask
	}
	return i
}

// fill puts a number into a place where nobody looks yet.
func fill(all []uint32, hash uint64, no uint32) {
	all[free(all, hash)] = place(hash, no, uint32(len(all)-1))
}

// keyTable numbers 64-bit keyed hashes: a table of numbers beside the keys, since a
// session holds one for every entry and one for every name. The keys are uniform:
// they are their own hashes.
type keyTable struct {
	keys  list[uint64]
	slots slots
	seen  bool // what putAll looked at ahead; keeps its reads
}

func (t *keyTable) get(key uint64) (uint32, bool) {
	all := t.slots.all()
	if len(all) == 0 {
		return 0, false
	}
	mask := uint64(len(all) - 1)
	numbers := uint32(mask)
	want := tag(key, numbers)
	for i := key & mask; ; i = (i + 1) & mask {
		v := atomic.LoadUint32(&all[i])
		if v == 0 {
			return 0, false
		}
		if no := v&numbers - 1; v&^numbers == want && *t.keys.at(no) == key {
			return no, true
		}
	}
}

// fetchAhead is how many places are fetched at once: about as many as a core waits for at
// one time.
const fetchAhead = 8

// fetch reads the places of keys that are about to be looked up. They are random, and
// get would wait for one after the other; nothing here waits for the one before. It
// returns something of all of them, so that it cannot be left out.
func (t *keyTable) fetch(keys []uint64) (seen uint32) {
	all := t.slots.all()
	if len(all) == 0 {
		return 0
	}
	mask := uint64(len(all) - 1)
	for _, key := range keys {
		seen |= atomic.LoadUint32(&all[key&mask])
	}
	return seen
}

// known returns how many keys there are, see is.
func (t *keyTable) known() uint32 { return t.keys.n.Load() }

// is reports whether the number, if it is below known, is that of key. For the
// entries of a folder, which mostly follow one another, it saves a look at a
// random place.
func (t *keyTable) is(key uint64, no, known uint32) bool {
	return no < known && *t.keys.at(no) == key
}

// put gives key the next number. One that is there already takes a number too,
// but get goes on to find the first.
func (t *keyTable) put(key uint64) {
	no := t.keys.add(key)
	if size := len(t.slots.all()); t.keys.len()*4 > size*3 {
		t.rehash(max(1024, 2*size))
		return
	}
	t.slots.put(key, no)
}

// putAll puts keys. It looks at slots some steps ahead of their turn, so that
// they are at hand by then: their places are random, and each would be waited
// for. Nobody may look up meanwhile.
func (t *keyTable) putAll(keys []uint64) {
	const ahead = 12
	t.reserve(t.keys.len() + len(keys))
	all := t.slots.all()
	mask := uint64(len(all) - 1)
	var used uint32
	for i, key := range keys {
		if i+ahead < len(keys) {
			used |= all[keys[i+ahead]&mask]
		}
		fill(all, key, t.keys.add(key))
	}
	t.seen = used != 0
}

// reserve makes room for n keys in all, so that loading does not grow by steps.
func (t *keyTable) reserve(n int) {
	size := 1024
	for size*3 < n*4 {
		size *= 2
	}
	if size > len(t.slots.all()) {
		t.rehash(size)
	}
}

func (t *keyTable) rehash(size int) {
	all := make([]uint32, size)
	for no := range uint32(t.keys.len()) {
		fill(all, *t.keys.at(no), no)
	}
	t.slots.p.Store(&all)
}

// hashTable numbers trees by their hash. The seed keeps whoever writes a repository
// from choosing hashes that share a slot.
//
// A table of hashes in one piece would be copied as it grows: tens of megabytes into
// memory that is touched for the first time, by an instruction that no collection,
// and with it nobody, can interrupt.
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

// add numbers h unless it has a number, which it then returns.
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

// load takes hashes over, as those of an empty table. It reports the first that
// is there twice, -1 where none is; a table with one is of no use. Nobody may look
// up meanwhile.
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
			copy(part[:], rest) // it will grow
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
