package catalog

import (
	"encoding/binary"
	"runtime"
	"slices"
	"testing"
)

// fuzzDecoder runs decode on the bytes as they are and as the contents of a
// valid compressed frame, for which memory is to stay in proportion. A decoder
// that takes bytes must give the same bytes after encoding again, or nothing
// when again is nil.
func fuzzDecoder(f *testing.F, head int, seeds [][]byte, decode func([]byte) error) {
	for _, s := range seeds {
		f.Add(s[:head], mustDecompress(f, s[head:]))
	}
	f.Fuzz(func(t *testing.T, prefix, raw []byte) {
		if len(prefix) != head || len(raw) > 1<<16 {
			return
		}
		_ = decode(prefix)
		_ = decode(raw)
		payload := compress(append([]byte{}, prefix...), raw)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_ = decode(payload)
		runtime.ReadMemStats(&after)
		// A byte of a column becomes at most a row, a text or a blob; the
		// decompressor takes its own.
		if took := after.TotalAlloc - before.TotalAlloc; took > 64<<20+uint64(len(raw))*512 {
			t.Fatalf("%d bytes took %d of memory", len(raw), took)
		}
	})
}

func mustDecompress(f *testing.F, payload []byte) []byte {
	raw, err := decompress(nil, payload)
	if err != nil {
		f.Fatal(err)
	}
	return raw
}

func FuzzEntries(f *testing.F) {
	r := newRand(1)
	var seeds [][]byte
	for _, n := range []int{0, 1, 3, 40} {
		rows := make([]row, n)
		for i := range rows {
			rows[i] = anyRow(r)
		}
		var enc entryEncoder
		entries, _ := enc.encode(rows)
		seeds = append(seeds, entries)
	}
	fuzzDecoder(f, 2, seeds, func(payload []byte) error {
		b, err := decodeEntries(payload)
		if err != nil {
			return err
		}
		rows := make([]row, b.count)
		for i := range rows {
			rows[i] = b.row(i)
			if b.first[i+1] < b.first[i] {
				panic("contents run backwards")
			}
			_, _ = b.decodeContents(payload, i)
		}
		// A value that decodes can be encoded and decoded again.
		var enc entryEncoder
		entries, _ := enc.encode(rows)
		if _, err := decodeEntries(entries); err != nil {
			panic(err)
		}
		return nil
	})
}

func FuzzNames(f *testing.F) {
	a, _ := encodeNames([]string{"", "a", "name.txt", "\xff"}, nil)
	b, _ := encodeNames(nil, nil)
	fuzzDecoder(f, 0, [][]byte{a, b}, func(payload []byte) error {
		n, err := decodeNames(payload)
		if err != nil {
			return err
		}
		for i := range n.ends {
			_ = n.at(i)
		}
		return nil
	})
}

func FuzzScan(f *testing.F) {
	s := scanBlock{names: []uint32{1, 1 << 31, 0, 4}, dirs: []dirEdge{{1, 7}, {3, 1 << 31}}}
	payload, _ := s.encode(nil)
	fuzzDecoder(f, 0, [][]byte{payload}, func(payload []byte) error {
		n, dirs, dirsErr := decodeScanDirs(payload)
		s, err := decodeScan(payload)
		if err != nil {
			return err
		}
		for _, d := range s.dirs {
			_ = s.names[d.entry]
		}
		if dirsErr != nil || n != len(s.names) || !slices.Equal(dirs, s.dirs) {
			panic("the directories alone are not those of the block")
		}
		return nil
	})
}

func FuzzTrees(f *testing.F) {
	b := treeBlock{}
	b.lists[0], b.lists[5], b.lists[127] = []run{}, []run{{5, 9}, {1, 1}}, []run{{maxEntries - 1, 1}}
	payload, _ := b.encode(nil)
	fuzzDecoder(f, 0, [][]byte{payload}, func(payload []byte) error {
		b, err := decodeTrees(payload)
		if err != nil {
			return err
		}
		for _, list := range b.lists {
			for _, r := range list {
				if r.count == 0 || uint64(r.start)+uint64(r.count) > 1<<32 {
					panic("a run is out of range")
				}
			}
		}
		return nil
	})
}

func FuzzPacks(f *testing.F) {
	var seeds [][]byte
	for seed := range uint64(4) {
		seeds = append(seeds, encodePacks(anyPacks(newRand(seed))))
	}
	fuzzDecoder(f, 0, seeds, func(payload []byte) error {
		_ = eachBlob(payload, NewHashFilter(0), func(*PackedBlob) {})
		packs, err := decodePacks(payload)
		if err != nil {
			return err
		}
		if _, err := decodePacks(encodePacks(packs)); err != nil {
			panic(err)
		}
		return nil
	})
}

func FuzzStates(f *testing.F) {
	fuzzDecoder(f, 0, [][]byte{encodeStates([]state{0, 1, 3, 4})}, func(payload []byte) error {
		_, err := decodeStates(payload, nil)
		return err
	})
}

func FuzzPlainBlocks(f *testing.F) {
	f.Add(binary.LittleEndian.AppendUint64(nil, 5))
	f.Fuzz(func(t *testing.T, payload []byte) {
		n := 0
		if decodeKeys(payload, func(uint64) { n++ }) == nil && n != len(payload)/8 {
			t.Fatalf("%d keys in %d bytes", n, len(payload))
		}
		if hashes, err := decodeHashes(payload, nil); err == nil && len(hashes) != len(payload)/32 {
			t.Fatalf("%d hashes in %d bytes", len(hashes), len(payload))
		}
		_, _ = unframe(1, 2, payload)
	})
}
