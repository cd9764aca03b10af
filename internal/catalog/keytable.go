package catalog

import (
	"encoding/binary"
	"math/bits"
	"slices"
	"sync/atomic"
)

// keyTable gives numbers to 64-bit keyed hashes: one for every entry and every name of a
// session. The keys are uniform, so they are their own hashes.
//
// A key lies in three parts. Its bits 0 to 11 choose a segment. Bits from 12 on are the
// tag beside the number in a place of the segment, at least four of them up to 268 million
// keys. Bits 16 to 63 lie in a list by number. A lookup therefore compares all bits, and
// beyond 268 million keys 60 or more. A table of more than 6.8 million keys takes 11 to 13
// bytes for each.
//
// Segments grow one by one, the large ones by little. Growth therefore needs little memory
// beside the table, and leaves few places free.
type keyTable struct {
	keys     list[key48]
	segments [keySegments]atomic.Pointer[segment]
	used     [keySegments]uint32 // places of each segment; only for the goroutine that puts
	seen     bool                // set by putAll, so that the compiler keeps its reads
}

const (
	segmentBits = 12
	keySegments = 1 << segmentBits
	// listedFrom is the lowest bit of a key that the list has.
	listedFrom = 16
	// tagBits are the bits between the two, which only a place has.
	tagBits = listedFrom - segmentBits
)

// key48 is the upper 48 bits of a key, which take six bytes.
type key48 [6]byte

func newKey48(key uint64) (k key48) {
	binary.LittleEndian.PutUint32(k[:], uint32(key>>listedFrom))
	binary.LittleEndian.PutUint16(k[4:], uint16(key>>(listedFrom+32)))
	return k
}

func (k *key48) value() uint64 {
	return uint64(binary.LittleEndian.Uint32(k[:])) | uint64(binary.LittleEndian.Uint16(k[4:]))<<32
}

// segment is an open-addressed table of the keys with equal low bits. A place holds a
// key's number plus one, and the tag above it. 0 is a free place. The fields do not change,
// so they stay in the caches of all cores.
type segment struct {
	places []uint32
	bits   uint8 // of a place that hold the number
}

// home returns the place where the search for a key begins.
func (s *segment) home(key uint64) uint64 { return (key >> 32) * uint64(len(s.places)) >> 32 }

// tag returns the bits of a place above its number.
func (s *segment) tag(key uint64) uint32 { return uint32(key>>segmentBits) << s.bits }

// crowded reports whether another key beside so many would leave fewer than three places
// in 16 free, or two in a large segment.
func (s *segment) crowded(used uint32) bool {
	most := uint64(13)
	if len(s.places) >= largeSegment {
		most = 14
	}
	return (uint64(used)+1)*16 > uint64(len(s.places))*most
}

// free returns the first free place for a key.
func (s *segment) free(key uint64) uint64 {
	i := s.home(key)
	for s.places[i] != 0 {
		if i++; i == uint64(len(s.places)) {
			i = 0
		}
	}
	return i
}

// get returns the number of a key. ok is false for an unknown key.
func (t *keyTable) get(key uint64) (no uint32, ok bool) {
	s := t.segments[key%keySegments].Load()
	if s == nil {
		return 0, false
	}
	numbers, want := uint32(1)<<s.bits-1, s.tag(key)
	for i := s.home(key); ; {
		v := atomic.LoadUint32(&s.places[i])
		if v == 0 {
			return 0, false
		}
		if no := v&numbers - 1; v&^numbers == want && t.keys.at(no).value() == key>>listedFrom {
			return no, true
		}
		if i++; i == uint64(len(s.places)) {
			i = 0
		}
	}
}

// fetchAhead is the number of places that fetch reads together: about as many as a
// processor core can wait for at one time.
const fetchAhead = 8

// fetch reads the places of keys before get looks them up. The places are
// random, and get would wait for one after the other, while fetch lets the
// processor load them together. The result only keeps the compiler from removing
// the reads.
func (t *keyTable) fetch(keys []uint64) (seen uint32) {
	for _, key := range keys {
		if s := t.segments[key%keySegments].Load(); s != nil {
			seen |= atomic.LoadUint32(&s.places[s.home(key)])
		}
	}
	return seen
}

// known returns the number of keys, for is.
func (t *keyTable) known() uint32 { return t.keys.n.Load() }

// is reports whether key has the number no, which counts only below known. The
// entries of a folder mostly have consecutive numbers, so this saves most looks
// at a random place. It compares 48 bits, and is asked about a wrong number a few
// times for an entry that has changed.
func (t *keyTable) is(key uint64, no, known uint32) bool {
	return no < known && t.keys.at(no).value() == key>>listedFrom
}

// put gives the next number to key. A key that is there already gets a second
// number, and get goes on to find the first.
func (t *keyTable) put(key uint64) {
	s, no := t.room(key)
	atomic.StoreUint32(&s.places[s.free(key)], (no+1)|s.tag(key))
}

// room gives the next number to a key, and returns its segment with room for the key.
func (t *keyTable) room(key uint64) (s *segment, no uint32) {
	no = t.keys.add(newKey48(key))
	p, used := &t.segments[key%keySegments], &t.used[key%keySegments]
	s = p.Load()
	switch {
	case s == nil:
		s = t.resized(nil, 0, no)
		p.Store(s)
	case s.crowded(*used):
		s = t.resized(s, grown(len(s.places)), no)
		p.Store(s)
	case uint64(no)+1 >= 1<<s.bits:
		s = t.resized(s, len(s.places), no)
		p.Store(s)
	}
	*used++
	return s, no
}

// Sizes of segments, in places. Small ones double, since moving keys costs more time than
// the memory is worth. Tables up to 6.8 million keys double.
const (
	smallSegment = 2 << 10 // grows by a quarter from here on
	largeSegment = 8 << 10 // grows by an eighth, in whole pages of memory
	line         = 16      // places in a line of the processor's cache
	page         = 2 << 10 // places in a page of Go's memory
)

// grown returns the next size of a segment.
func grown(size int) int {
	switch {
	case size < smallSegment:
		return 2 * size
	case size < largeSegment:
		return size + size/4
	}
	return size + size/8
}

// putAll puts several keys. It reads their places some steps in advance, because
// they are random. Nobody may look up keys meanwhile.
func (t *keyTable) putAll(keys []uint64) {
	const ahead = 12
	var used uint32
	for i, key := range keys {
		if i+ahead < len(keys) {
			used |= t.fetch(keys[i+ahead : i+ahead+1])
		}
		s, no := t.room(key)
		s.places[s.free(key)] = (no + 1) | s.tag(key)
	}
	t.seen = used != 0
}

// reserve makes room for n keys in all, so that a table that is loaded hardly grows step
// by step.
func (t *keyTable) reserve(n int) {
	if n < 16*keySegments {
		return // a segment holds few keys, and some hold none
	}
	each := n / keySegments
	for i := range t.segments {
		p := &t.segments[i]
		size := (each + each/32 + 4) * 16 / 13
		if s := p.Load(); s == nil || len(s.places) < size {
			p.Store(t.resized(s, size, uint32(n)))
		}
	}
}

// resized returns a segment of that many places, or a few more, with the keys of old,
// which may be nil. It has room for numbers beyond no.
func (t *keyTable) resized(old *segment, size int, no uint32) *segment {
	step := line
	if size >= largeSegment {
		step = page
	}
	s := &segment{places: make([]uint32, max(step, (size+step-1)/step*step))}
	s.bits = uint8(min(32, bits.Len64(uint64(no)+uint64(no)/2+1<<16)))
	if old == nil {
		return s
	}
	// From a free place on, keys come in the order in which get finds them.
	first := max(0, slices.Index(old.places, 0))
	t.move(s, old, old.places[first:])
	t.move(s, old, old.places[:first])
	return s
}

// move puts the keys of some of old's places into s, which nobody reads. It reads several
// keys together, because their numbers are random.
func (t *keyTable) move(s, old *segment, places []uint32) {
	var held [32]uint32
	var keys [len(held)]uint64
	n := 0
	numbers := uint32(1)<<old.bits - 1
	flush := func() {
		for i := range n {
			keys[i] = t.keys.at(held[i]&numbers-1).value() << listedFrom
		}
		for i := range n {
			key := keys[i] | uint64(held[i]>>old.bits%(1<<tagBits))<<segmentBits
			s.places[s.free(key)] = held[i]&numbers | s.tag(key)
		}
		n = 0
	}
	for _, place := range places {
		if place == 0 {
			continue
		}
		held[n] = place
		if n++; n == len(held) {
			flush()
		}
	}
	flush()
}
