package catalog

import (
	"bytes"
	"encoding/binary"
	"io/fs"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"syncline.dev/syncline"
)

func newRand(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 1)) }

// anyUint is small, large or extreme.
func anyUint(r *rand.Rand) uint64 {
	switch r.IntN(4) {
	case 0:
		return 0
	case 1:
		return r.Uint64N(300)
	case 2:
		return math.MaxUint64 - r.Uint64N(2)
	}
	return r.Uint64() >> r.IntN(64)
}

func anyText(r *rand.Rand) string {
	b := make([]byte, r.IntN(4)*r.IntN(20))
	for i := range b {
		b[i] = byte(r.UintN(256))
	}
	return string(b)
}

func anyTime(r *rand.Rand) time.Time {
	if r.IntN(5) == 0 {
		return time.Time{}
	}
	t := time.Unix(r.Int64N(1e12)-5e11, r.Int64N(1e9)).UTC()
	if r.IntN(2) == 0 {
		t = t.In(time.FixedZone("", r.IntN(100_000)-50_000))
	}
	return t
}

func anyHashes(r *rand.Rand, n int) []syncline.Hash {
	var out []syncline.Hash
	for range n {
		var h syncline.Hash
		for i := range h {
			h[i] = byte(r.UintN(256))
		}
		out = append(out, h)
	}
	return out
}

func anyRow(r *rand.Rand) row {
	e := syncline.Entry{
		Type: syncline.EntryType(anyText(r)), Mode: fs.FileMode(anyUint(r)),
		ModTime: anyTime(r), AccessTime: anyTime(r), ChangeTime: anyTime(r),
		UID: uint32(anyUint(r)), GID: uint32(anyUint(r)), User: anyText(r), Group: anyText(r),
		Inode: anyUint(r), DeviceID: anyUint(r), Size: anyUint(r), Links: anyUint(r), Device: anyUint(r),
		LinkTarget: anyText(r), Error: anyText(r), Content: anyHashes(r, r.IntN(3)*r.IntN(9)),
	}
	if r.IntN(2) == 0 {
		e.AccessTime, e.ChangeTime = e.ModTime, e.ModTime
	}
	for range r.IntN(3) {
		e.ExtendedAttributes = append(e.ExtendedAttributes, syncline.ExtendedAttribute{Name: anyText(r), Value: []byte(anyText(r))})
	}
	for range r.IntN(3) {
		e.GenericAttributes = append(e.GenericAttributes, syncline.GenericAttribute{Name: anyText(r), Value: []byte(anyText(r))})
	}
	return row{entry: e, name: uint32(anyUint(r)), subtree: uint32(anyUint(r))}
}

// alikeRow is base but for some fields; changed says which ones may differ.
func alikeRow(r *rand.Rand, base row, changed uint64) row {
	other := anyRow(r)
	from, to := reflect.ValueOf(&other.entry).Elem(), reflect.ValueOf(&base.entry).Elem()
	for i := range to.NumField() {
		if changed>>i&1 == 1 {
			to.Field(i).Set(from.Field(i))
		}
	}
	if changed>>62&1 == 1 {
		base.name = other.name
	}
	if changed>>63 == 1 {
		base.subtree = other.subtree
	}
	if changed>>61&1 == 1 {
		base.entry.AccessTime, base.entry.ChangeTime = base.entry.ModTime, base.entry.ModTime
	}
	return base
}

// takeTimes returns the instants and offsets of an entry's times and clears
// them: locations do not compare.
func takeTimes(e *syncline.Entry) (out [3][3]int64) {
	for i, t := range []*time.Time{&e.ModTime, &e.AccessTime, &e.ChangeTime} {
		_, offset := t.Zone()
		out[i] = [3]int64{t.Unix(), int64(t.Nanosecond()), int64(offset)}
		*t = time.Time{}
	}
	return out
}

// TestSteps reads numbers of all lengths at all distances from the end of a column, as
// encoding/binary does. A number that is too long is bad, as is one that is cut off.
func TestSteps(t *testing.T) {
	r := newRand(4)
	for range 2000 {
		var b []byte
		var want []uint64
		for range r.IntN(12) {
			want = append(want, anyUint(r))
			b = binary.AppendUvarint(b, want[len(want)-1])
		}
		s := (&cursor{b: b}).steps()
		for _, v := range want {
			if got := s.uint(); got != v {
				t.Fatalf("got %d, want %d", got, v)
			}
		}
		if s.bad || s.at != len(b) {
			t.Fatalf("%d of %d bytes are read, bad %v", s.at, len(b), s.bad)
		}
		if s.uint() != 0 || !s.bad {
			t.Fatal("a number behind the end is not bad")
		}
	}
	for _, b := range [][]byte{{0x80}, bytes.Repeat([]byte{0xff}, 8), bytes.Repeat([]byte{0x80}, 20)} {
		if s := (&cursor{b: b}).steps(); s.uint() != 0 || !s.bad {
			t.Errorf("%x is a number", b)
		}
	}
}

func TestEntriesRoundTrip(t *testing.T) {
	var enc entryEncoder // kept, as the writer keeps it
	var kept entryBlock  // likewise, as searches do
	for seed := range uint64(200) {
		r := newRand(seed)
		rows := make([]row, r.IntN(entriesPerBlock+1)/(1+r.IntN(300)))
		base, changed := anyRow(r), r.Uint64()&r.Uint64()&r.Uint64()
		for i := range rows {
			if rows[i] = anyRow(r); seed%3 > 0 {
				rows[i] = alikeRow(r, base, changed)
			}
		}
		entries, contents := enc.encode(rows)
		fresh, err := decodeEntries(entries)
		if err != nil {
			t.Fatal(seed, err)
		}
		if err := kept.decode(entries); err != nil {
			t.Fatal(seed, err)
		}
		for _, b := range []*entryBlock{fresh, &kept} {
			if b.count != len(rows) {
				t.Fatalf("%d rows came back of %d", b.count, len(rows))
			}
			for i := range rows {
				got, want := b.row(i), rows[i]
				if got.entry.Content, err = b.decodeContents(contents, i); err != nil {
					t.Fatal(err)
				}
				if g, w := takeTimes(&got.entry), takeTimes(&want.entry); g != w {
					t.Fatalf("seed %d: the times of row %d are %v, want %v", seed, i, g, w)
				}
				if !reflect.DeepEqual(got, want) {
					t.Fatalf("seed %d row %d is\n%#v\nwant\n%#v", seed, i, got, want)
				}
			}
		}
	}
}

func TestNamesRoundTrip(t *testing.T) {
	for seed := range uint64(40) {
		r := newRand(seed)
		names := make([]string, r.IntN(namesPerBlock+1))
		for i := range names {
			names[i] = anyText(r)
		}
		payload, _ := encodeNames(names, nil)
		b, err := decodeNames(payload)
		if err != nil || len(b.ends) != len(names) {
			t.Fatal(seed, err)
		}
		for i := range names {
			if string(b.at(i)) != names[i] {
				t.Fatalf("name %d is %q, want %q", i, b.at(i), names[i])
			}
		}
	}
}

func TestScanRoundTrip(t *testing.T) {
	for seed := range uint64(40) {
		r := newRand(seed)
		s := scanBlock{names: make([]uint32, r.IntN(scanPerBlock+1))}
		for i := range s.names {
			s.names[i] = uint32(anyUint(r))
			if r.IntN(9) == 0 {
				s.dirs = append(s.dirs, dirEdge{uint32(i), uint32(anyUint(r))})
			}
		}
		payload, _ := s.encode(nil)
		got, err := decodeScan(payload)
		if err != nil || !slices.Equal(got.names, s.names) || !slices.Equal(got.dirs, s.dirs) {
			t.Fatal(seed, err)
		}
		n, dirs, err := decodeScanDirs(payload)
		if err != nil || n != len(s.names) || !slices.Equal(dirs, s.dirs) {
			t.Fatal(seed, n, err)
		}
	}
}

func TestTreesRoundTrip(t *testing.T) {
	for seed := range uint64(40) {
		r := newRand(seed)
		var b treeBlock
		for i := range b.lists {
			if r.IntN(3) == 0 {
				continue // not decoded
			}
			b.lists[i] = []run{}
			for range r.IntN(6) {
				start := min(uint32(anyUint(r)), maxEntries)
				b.lists[i] = append(b.lists[i], run{start, 1 + uint32(r.Uint64N(1<<32-1-uint64(start)))})
			}
		}
		payload, _ := b.encode(nil)
		got, err := decodeTrees(payload)
		if err != nil || !reflect.DeepEqual(got.lists, b.lists) {
			t.Fatalf("seed %d: %v", seed, err)
		}
	}
}

func anyPacks(r *rand.Rand) []Pack {
	var packs []Pack
	for _, id := range anyHashes(r, r.IntN(9)) {
		p := Pack{ID: id, Blobs: []Blob{}}
		end := uint32(0)
		for _, id := range anyHashes(r, r.IntN(30)) {
			b := Blob{ID: id, Tree: r.IntN(2) == 0, Offset: end, Length: uint32(anyUint(r)), Plain: uint32(anyUint(r))}
			if !b.Tree {
				clear(b.ID[8:])
			}
			if r.IntN(4) == 0 {
				b.Offset = uint32(anyUint(r))
			}
			end = b.Offset + b.Length
			p.Blobs = append(p.Blobs, b)
		}
		packs = append(packs, p)
	}
	return packs
}

func TestPacksRoundTrip(t *testing.T) {
	for seed := range uint64(200) {
		packs := anyPacks(newRand(seed))
		got, err := decodePacks(encodePacks(packs))
		if err != nil || !reflect.DeepEqual(got, packs) {
			t.Fatalf("seed %d: %v\n%v\nwant\n%v", seed, err, got, packs)
		}
	}
}

// TestEachBlob reads the blobs of an index with their packs, all of them or those that a
// filter lets pass.
func TestEachBlob(t *testing.T) {
	for seed := range uint64(200) {
		r := newRand(seed)
		packs := anyPacks(r)
		filter, every := NewHashFilter(4), r.IntN(3) == 0
		var want, got []PackedBlob
		for _, p := range packs {
			for _, b := range p.Blobs {
				if every || r.IntN(4) == 0 {
					filter.Add(&b.ID)
				}
				want = append(want, PackedBlob{b, p.ID})
			}
		}
		want = slices.DeleteFunc(want, func(b PackedBlob) bool { return !filter.may(b.ID[:]) })
		err := eachBlob(encodePacks(packs), filter, func(b *PackedBlob) { got = append(got, *b) })
		if err != nil || !slices.Equal(got, want) {
			t.Fatalf("seed %d: %v\n%v\nwant\n%v", seed, err, got, want)
		}
	}
}

func TestStatesKeysHashesRoundTrip(t *testing.T) {
	r := newRand(1)
	for _, n := range []int{0, 1, 1000, keysPerBlock, statesPerBlock} {
		states := make([]state, n)
		for i := range states {
			states[i] = state(r.UintN(8))
		}
		got, err := decodeStates(encodeStates(states), nil)
		if err != nil || !slices.Equal(got, states) {
			t.Fatal(n, err)
		}
		keys := make([]uint64, min(n, keysPerBlock))
		for i := range keys {
			keys[i] = anyUint(r)
		}
		var gotKeys []uint64
		err = decodeKeys(encodeKeys(keys), func(k uint64) { gotKeys = append(gotKeys, k) })
		if err != nil || !slices.Equal(gotKeys, keys) {
			t.Fatal(n, err)
		}
		hashes := anyHashes(r, min(n, hashesPerBlock))
		gotHashes, err := decodeHashes(encodeHashes(hashes), nil)
		if err != nil || !slices.Equal(gotHashes, hashes) {
			t.Fatal(n, err)
		}
	}
}

func TestTables(t *testing.T) {
	r := newRand(2)
	var keys keyTable
	hashes := hashTable{seed: 9}
	model := make(map[uint64]uint32)
	all := anyHashes(r, 20_000)
	for i, h := range all {
		key := r.Uint64() &^ 0xffff // keys that share their low bits
		if _, ok := model[key]; ok {
			continue
		}
		if i == 100 {
			keys.reserve(5000)
		}
		if _, ok := keys.get(key); ok {
			t.Fatal("a key is there before it was put")
		}
		keys.put(key)
		model[key] = uint32(len(model))
		if no, added := hashes.add(&h); !added || no != uint32(hashes.hashes.len()-1) {
			t.Fatal("a new hash has a number already")
		}
		if i >= 2500 {
			break // one slot for all is slow, by design of the test
		}
	}
	for key, want := range model {
		if no, ok := keys.get(key); !ok || no != want || !keys.is(key, no, keys.known()) || keys.is(key, no+1, keys.known()) {
			t.Fatalf("key %x has number %d, want %d", key, no, want)
		}
	}
	for i := range hashes.hashes.len() {
		if no, added := hashes.add(&all[i]); added || no != uint32(i) {
			t.Fatalf("hash %d has number %d", i, no)
		}
		if _, ok := hashes.get(&syncline.Hash{byte(i)}); ok {
			t.Fatal("an unknown hash has a number")
		}
	}
}

// Hashes that are loaded have the numbers of those added one by one.
func TestHashTableLoads(t *testing.T) {
	all := anyHashes(newRand(4), 3000)
	table := hashTable{seed: 9}
	if twice := table.load(slices.Clone(all[:2000])); twice != -1 {
		t.Fatalf("hash %d is said to be there twice", twice)
	}
	for i := range all {
		if no, added := table.add(&all[i]); added != (i >= 2000) || no != uint32(i) {
			t.Fatalf("hash %d has number %d, added %t", i, no, added)
		}
	}
	table = hashTable{seed: 9}
	if twice := table.load(append(all[:20:20], all[7], all[20])); twice != 20 {
		t.Errorf("hash 20, which is hash 7 again, is told as %d", twice)
	}
}

// Keys that are loaded have the numbers of those put one by one, also where
// there are more than was reserved for.
func TestTableLoads(t *testing.T) {
	r := newRand(3)
	all := make([]uint64, 3*listPart+5)
	for i := range all {
		all[i] = r.Uint64()
	}
	var one, many keyTable
	many.reserve(listPart)
	for _, key := range all {
		one.put(key)
	}
	for rest := all; len(rest) > 0; {
		n := min(len(rest), 1+r.IntN(5000))
		many.putAll(rest[:n])
		rest = rest[n:]
	}
	for i, key := range all {
		a, ok1 := one.get(key)
		b, ok2 := many.get(key)
		if !ok1 || !ok2 || a != uint32(i) || b != uint32(i) {
			t.Fatalf("key %d has the numbers %d (%t) and %d (%t)", i, a, ok1, b, ok2)
		}
		if _, ok := many.get(^key); ok {
			t.Fatal("an unknown key has a number")
		}
	}
}

// Every goroutine finds a key after it was put, also while the tables grow.
func TestTablesAreReadWhileTheyGrow(t *testing.T) {
	r := newRand(5)
	all := anyHashes(r, 3*listPart+5)
	keys := make([]uint64, len(all))
	for i := range keys {
		keys[i] = r.Uint64()
	}
	var table keyTable
	hashes := hashTable{seed: 9}
	var put atomic.Int64
	var readers sync.WaitGroup
	for range 3 {
		r := newRand(r.Uint64())
		readers.Go(func() {
			for n := 0; n < len(all); {
				n = int(put.Load())
				i := r.IntN(len(all))
				no, ok := table.get(keys[i])
				if ok && no != uint32(i) || !ok && i < n {
					t.Errorf("key %d of %d has number %d, %t", i, n, no, ok)
					return
				}
				if known := table.known(); int(known) < n || table.is(keys[i], uint32(i), known) != (uint32(i) < known) {
					t.Errorf("key %d of %d is not told by its number", i, n)
					return
				}
				no, ok = hashes.get(&all[i])
				if ok && no != uint32(i) || !ok && i < n {
					t.Errorf("hash %d of %d has number %d, %t", i, n, no, ok)
					return
				}
			}
		})
	}
	for i := range all {
		table.put(keys[i])
		hashes.add(&all[i])
		put.Store(int64(i + 1))
	}
	readers.Wait()
}

func TestFrames(t *testing.T) {
	value := frame(3, 77, []byte("payload"))
	if got, err := unframe(3, 77, value); err != nil || string(got) != "payload" {
		t.Fatal(got, err)
	}
	for i := range value {
		bad := bytes.Clone(value)
		bad[i] ^= 4
		if _, err := unframe(3, 77, bad); syncline.CodeOf(err) != syncline.CodeDamaged {
			t.Fatalf("a flip in byte %d gives %v", i, err)
		}
	}
	for _, at := range []struct {
		kind Kind
		no   uint64
	}{{3, 78}, {4, 77}} {
		if _, err := unframe(at.kind, at.no, value); err == nil {
			t.Fatal("a value counts in the place of another")
		}
	}
}
