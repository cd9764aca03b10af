package catalog

import (
	"runtime"
	"sync"
	"testing"
	"unsafe"
)

// size returns the bytes that the table has allocated.
func (t *keyTable) size() (bytes int) {
	bytes = len(t.segments) * int(unsafe.Sizeof(t.segments[0])+unsafe.Sizeof(t.used[0]))
	if parts := t.keys.parts.Load(); parts != nil {
		bytes += len(*parts)*int(unsafe.Sizeof([listPart]key48{})) + cap(*parts)*int(unsafe.Sizeof((*parts)[0]))
	}
	for i := range t.segments {
		if s := t.segments[i].Load(); s != nil {
			bytes += int(unsafe.Sizeof(*s)) + 4*cap(s.places)
		}
	}
	return bytes
}

// TestKeyTableSize bounds the bytes for each key of a large table, at many sizes of one that
// grows, and of one that is loaded. The one that grows has few segments, which are as large
// as those of 7 to 16 million keys.
func TestKeyTableSize(t *testing.T) {
	const segments, least, most, each = 64, 110_000, 250_000, 13.5
	r := newRand(11)
	var table keyTable
	greatest := 0.0
	for i := range most {
		table.put(r.Uint64()&^(keySegments-1) | uint64(i%segments))
		if i >= least && i%2000 == 0 {
			greatest = max(greatest, float64(table.size())/float64(i+1))
		}
	}
	if greatest > each {
		t.Errorf("a key takes up to %.1f bytes, the bound is %.1f", greatest, each)
	}
	keys := make([]uint64, 1_000_000)
	for i := range keys {
		keys[i] = r.Uint64()
	}
	var loaded keyTable
	loaded.reserve(len(keys))
	loaded.putAll(keys)
	if size := float64(loaded.size()) / float64(len(keys)); size > each {
		t.Errorf("a loaded key takes %.1f bytes, the bound is %.1f", size, each)
	}
	t.Logf("up to %.2f bytes a key while it grows, %.2f loaded", greatest, float64(loaded.size())/float64(len(keys)))
}

// TestLargeSegments bounds the bytes of places for each key in segments as those of a
// hundred million keys, and finds all keys in them.
func TestLargeSegments(t *testing.T) {
	const segments, most, each = 4, 150_000, 5.7
	r := newRand(14)
	var table keyTable
	keys := make([]uint64, most)
	for i := range keys {
		keys[i] = r.Uint64()&^(keySegments-1) | uint64(i%segments)
		table.put(keys[i])
		n, places := i/segments+1, len(table.segments[0].Load().places)
		if i%segments == 0 && places > largeSegment+page && float64(4*places) > each*float64(n) {
			t.Fatalf("%d places for %d keys", places, n)
		}
	}
	for i, key := range keys {
		if no, ok := table.get(key); !ok || no != uint32(i) {
			t.Fatalf("key %d has number %d, %t", i, no, ok)
		}
		if no, ok := table.get(key ^ 1<<40); ok {
			t.Fatalf("an unknown key has number %d", no)
		}
	}
}

// TestKeysDifferInOneBit puts keys beside which each differs in one bit. The table tells
// them apart by the segment, the tag or the list, also when numbers take more bits than
// before and tags fewer.
func TestKeysDifferInOneBit(t *testing.T) {
	r := newRand(12)
	for _, bits := range []uint8{17, 24, 28} {
		var table keyTable
		want := make(map[uint64]uint32)
		for range 50 {
			key := r.Uint64()
			for bit := range 64 {
				want[key^1<<bit] = 0
			}
		}
		for key := range want {
			want[key] = uint32(table.keys.len())
			table.put(key)
		}
		for i := range table.segments {
			if s := table.segments[i].Load(); s != nil {
				table.segments[i].Store(table.resized(s, len(s.places)+1, 1<<bits/2-1<<15))
				if now := table.segments[i].Load().bits; now != max(bits, 17) {
					t.Fatalf("a number has %d bits, want %d", now, bits)
				}
			}
		}
		for key, no := range want {
			if got, ok := table.get(key); !ok || got != no {
				t.Fatalf("%d bits: key %x has number %d, want %d", bits, key, got, no)
			}
		}
	}
}

// A key that is put twice keeps its first number, also when its segment grows.
func TestKeyTwice(t *testing.T) {
	r := newRand(13)
	const twice = 0xabcdef
	var table keyTable
	table.put(twice)
	table.put(twice)
	for range 100_000 {
		table.put(r.Uint64()&^(keySegments-1) | twice%keySegments)
		if no, ok := table.get(twice); !ok || no != 0 {
			t.Fatalf("with %d keys it has number %d", table.keys.len(), no)
		}
	}
}

// TestLookupsWhileATableGrows has several goroutines look up keys that are there, while one
// puts more and so replaces segments. Each is found under its number.
func TestLookupsWhileATableGrows(t *testing.T) {
	const count, segments = 60_000, 8
	r := newRand(12)
	keys := make([]uint64, count)
	for i := range keys {
		keys[i] = r.Uint64()&^(keySegments-1) | uint64(i%segments)
	}
	var table keyTable
	var readers sync.WaitGroup
	for first := range 3 {
		readers.Go(func() {
			for i := first; i < count; i += 7 {
				// put has returned for all keys before the last one.
				for uint32(i)+1 >= table.known() && i+1 < count {
					runtime.Gosched()
				}
				if i+1 == count {
					return
				}
				if no, ok := table.get(keys[i]); !ok || no != uint32(i) {
					t.Errorf("key %d has the number %d, %v", i, no, ok)
					return
				}
			}
		})
	}
	for _, key := range keys {
		table.put(key)
	}
	readers.Wait()
}
