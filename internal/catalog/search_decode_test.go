package catalog

import (
	"reflect"
	"slices"
	"testing"
)

// The search's own decoders must take what the others take and give the same.

func FuzzSearchScan(f *testing.F) {
	s := scanBlock{names: []uint32{3, 0, 900, 901, 7}, dirs: []dirEdge{{1, 4}, {4, 2}}}
	seed, _ := s.encode(nil)
	fuzzDecoder(f, 0, [][]byte{seed}, func(payload []byte) error {
		m := meta{Names: 1 << 10, Trees: 1 << 10}
		want, wantErr := decodeScan(payload)
		n := 0
		if want != nil {
			n = len(want.names)
		}
		names := make([]uint32, n)
		dirs, err := readScan(payload, names, m)
		if err != nil {
			inRange := wantErr == nil &&
				!slices.ContainsFunc(want.names, func(n uint32) bool { return n >= m.Names }) &&
				!slices.ContainsFunc(want.dirs, func(d dirEdge) bool { return d.tree >= m.Trees })
			if inRange {
				f.Fatalf("refused what is valid: %v", err)
			}
			return err
		}
		if wantErr != nil || !slices.Equal(names, want.names) || !slices.Equal(dirs, want.dirs) {
			f.Fatalf("read %v %v, want %v (%v)", names, dirs, want, wantErr)
		}
		return nil
	})
}

func FuzzSearchTrees(f *testing.F) {
	var t treeBlock
	t.lists[0] = []run{{0, 3}, {90, 1}}
	t.lists[5] = []run{}
	t.lists[127] = []run{{7, 1}}
	seed, _ := t.encode(nil)
	fuzzDecoder(f, 0, [][]byte{seed}, func(payload []byte) error {
		m := meta{Entries: 1 << 20}
		want, wantErr := decodeTrees(payload)
		var got runBlock
		err := readTrees(payload, &got, m)
		if err == nil && wantErr != nil {
			f.Fatalf("took what decodeTrees refuses: %v", wantErr)
		}
		if err != nil {
			for i := 0; wantErr == nil && i < len(want.lists); i++ {
				if slices.ContainsFunc(want.lists[i], func(r run) bool { return uint64(r.start)+uint64(r.count) > uint64(m.Entries) }) {
					wantErr = err
				}
			}
			if wantErr == nil {
				f.Fatalf("refused what is valid: %v", err)
			}
			return err
		}
		for i, list := range want.lists {
			if !slices.Equal(got.list(i), list) || bitset(got.decoded[:]).has(uint32(i)) != (list != nil) {
				f.Fatalf("tree %d is %v, want %v", i, got.list(i), list)
			}
		}
		return nil
	})
}

// TestDecodePart reads any choice of a block's rows, going over the others.
func TestDecodePart(t *testing.T) {
	r := newRand(5)
	for range 200 {
		rows := make([]row, 1+r.IntN(60))
		for i := range rows {
			rows[i] = anyRow(r)
		}
		var enc entryEncoder
		payload, _ := enc.encode(rows)
		all, err := decodeEntries(payload)
		if err != nil {
			t.Fatal(err)
		}
		found := newBitset(entriesPerBlock)
		for range r.IntN(4) {
			found.set(uint32(r.IntN(len(rows))))
		}
		s := &Search{v: &View{m: meta{Trees: 1<<32 - 1}}, found: found}
		wanted := []uint32{uint32(r.IntN(len(rows)))}
		got, err := s.decodePart(wanted, payload)
		if err != nil {
			t.Fatal(err)
		}
		seen := false
		for _, g := range got {
			seen = seen || g.no == wanted[0]
			want := all.row(int(g.no))
			if takeTimes(&g.row.entry) != takeTimes(&want.entry) {
				t.Fatalf("times of row %d differ", g.no)
			}
			a, b := *g.row, want
			b.entry.ModTime, b.entry.AccessTime, b.entry.ChangeTime = a.entry.ModTime, a.entry.AccessTime, a.entry.ChangeTime
			if !reflect.DeepEqual(a, b) {
				t.Fatalf("row %d is\n%+v\nwant\n%+v", g.no, a, b)
			}
		}
		if !seen {
			t.Fatalf("row %d was not read", wanted[0])
		}
	}
}

func TestBitset(t *testing.T) {
	r := newRand(6)
	for range 300 {
		n := 1 + r.IntN(400)
		set, in := newBitset(n), make([]bool, n)
		for range r.IntN(30) {
			i := r.IntN(n)
			set.set(uint32(i))
			in[i] = true
		}
		ranked, below := set.ranked(), uint32(0)
		for i := range n {
			next := slices.Index(in[i:], true)
			want := uint32(n)
			if next >= 0 {
				want = uint32(i + next)
			}
			if ranked.rank(uint32(i)) != below || set.has(uint32(i)) != in[i] || set.next(uint32(i), uint32(n)) != want {
				t.Fatalf("at %d of %d: rank %d, has %v, next %d; want %d %v %d", i, n,
					ranked.rank(uint32(i)), set.has(uint32(i)), set.next(uint32(i), uint32(n)), below, in[i], want)
			}
			if in[i] {
				below++
			}
		}
		if ranked.total() != below || ranked.rank(uint32(n)) != below {
			t.Fatalf("total %d, want %d", ranked.total(), below)
		}
	}
}
