package catalog

import (
	"encoding/binary"
	"sync/atomic"

	"syncline.dev/syncline"
)

// Items per block of the other kinds.
const (
	namesPerBlock  = 4096
	scanPerBlock   = 8192
	keysPerBlock   = 4096
	treesPerBlock  = 128
	hashesPerBlock = 1024
	statesPerBlock = 1 << 16
)

// encodeNames packs names: their lengths, then their bytes.
func encodeNames(names []string, buf []byte) (payload, scratch []byte) {
	cols := make(columns, 2)
	for _, s := range names {
		cols.uint(0, uint64(len(s)))
		cols[1] = append(cols[1], s...)
	}
	return cols.pack(nil, buf)
}

// nameBlock is a decoded block of names: text[ends[i-1]:ends[i]].
type nameBlock struct {
	raw    []byte // text is a part of it
	text   []byte
	ends   []uint32
	prints atomic.Pointer[[]byte] // see fingerprints
}

func (b *nameBlock) at(i int) []byte {
	var start uint32
	if i > 0 {
		start = b.ends[i-1]
	}
	return b.text[start:b.ends[i]:b.ends[i]]
}

func decodeNames(payload []byte) (*nameBlock, error) {
	b := new(nameBlock)
	if err := b.decode(payload); err != nil {
		return nil, err
	}
	return b, nil
}

// decode fills the block, in the memory that it has from an earlier use.
func (b *nameBlock) decode(payload []byte) error {
	cols, err := unpackColumnsInto(&b.raw, payload, 2)
	if err != nil {
		return err
	}
	b.text, b.ends = cols[1].b, room(b.ends, min(len(cols[0].b), namesPerBlock))[:0]
	end := 0
	for len(cols[0].b) > 0 {
		end += cols[0].length()
		if end > len(b.text) || len(b.ends) == namesPerBlock {
			return damaged("a name block's lengths do not fit its text")
		}
		b.ends = append(b.ends, uint32(end))
	}
	if cols[0].bad || end != len(b.text) {
		return damaged("a name block's lengths do not fit its text")
	}
	return nil
}

// scanBlock holds the columns that a search reads, of 8,192 entries.
type scanBlock struct {
	names []uint32  // per entry
	dirs  []dirEdge // per directory entry with a subtree, by position
}

// dirEdge is a directory entry, by its number or its position in a block, and its
// tree.
type dirEdge struct {
	entry uint32
	tree  uint32
}

func (s *scanBlock) size() int64 { return int64(4*cap(s.names) + 8*cap(s.dirs)) }

func (s *scanBlock) encode(buf []byte) (payload, scratch []byte) {
	cols := make(columns, 3)
	prev := int64(0)
	for _, n := range s.names {
		cols.int(0, int64(n)-prev)
		prev = int64(n)
	}
	pos, tree := uint32(0), int64(0)
	for _, d := range s.dirs {
		cols.uint(1, uint64(d.entry-pos))
		cols.int(2, int64(d.tree)-tree)
		pos, tree = d.entry, int64(d.tree)
	}
	return cols.pack(nil, buf)
}

func decodeScan(payload []byte) (*scanBlock, error) {
	cols, err := unpackColumns(payload, 3)
	if err != nil {
		return nil, err
	}
	s := &scanBlock{names: make([]uint32, 0, min(len(cols[0].b), scanPerBlock))}
	prev := int64(0)
	for len(cols[0].b) > 0 {
		if len(s.names) == scanPerBlock {
			return nil, damaged("a scan block has too many entries")
		}
		prev += cols[0].int()
		s.names = append(s.names, uint32(prev))
	}
	if s.dirs, err = decodeEdges(cols, len(s.names)); err != nil {
		return nil, err
	}
	return s, done(cols)
}

// decodeEdges reads the directories of a scan block with n entries.
func decodeEdges(cols []cursor, n int) (dirs []dirEdge, err error) {
	pos, tree := uint64(0), int64(0)
	for len(cols[1].b) > 0 {
		pos += cols[1].uint()
		tree += cols[2].int()
		if pos >= uint64(n) {
			return nil, damaged("a scan block's directory lies outside of it")
		}
		dirs = append(dirs, dirEdge{uint32(pos), uint32(tree)})
	}
	return dirs, nil
}

// decodeScanDirs is decodeScan without the names, which it only counts.
func decodeScanDirs(payload []byte) (entries int, dirs []dirEdge, err error) {
	cols, err := unpackColumns(payload, 3)
	if err != nil {
		return 0, nil, err
	}
	names := cols[0].b
	for _, b := range names {
		if b < 0x80 { // the last byte of a number
			entries++
		}
	}
	if entries > scanPerBlock || len(names) > 0 && names[len(names)-1] >= 0x80 {
		return 0, nil, damaged("a scan block's names do not decode")
	}
	if dirs, err = decodeEdges(cols, entries); err != nil {
		return 0, nil, err
	}
	return entries, dirs, done(cols[1:])
}

// run is a range of entry numbers [start, start+count).
type run struct {
	start, count uint32
}

// treeBlock holds the runs of 128 trees. A tree that is not decoded has a nil list;
// an empty directory has a list of length 0.
type treeBlock struct {
	lists [treesPerBlock][]run
}

func (t *treeBlock) size() int64 {
	n := int64(24 * treesPerBlock)
	for _, list := range t.lists {
		n += int64(8 * len(list))
	}
	return n
}

func (t *treeBlock) encode(buf []byte) (payload, scratch []byte) {
	cols := make(columns, 3)
	next := int64(0)
	for _, list := range t.lists {
		if list == nil {
			cols.uint(0, 0)
			continue
		}
		cols.uint(0, uint64(len(list))+1)
		for _, r := range list {
			cols.int(1, int64(r.start)-next)
			cols.uint(2, uint64(r.count))
			next = int64(r.start) + int64(r.count)
		}
	}
	return cols.pack(nil, buf)
}

func decodeTrees(payload []byte) (*treeBlock, error) {
	buf := borrowBlock()
	defer giveBackBlock(buf)
	cols, err := unpackColumnsInto(buf, payload, 3)
	if err != nil {
		return nil, err
	}
	t := new(treeBlock)
	next := int64(0)
	all := make([]run, 0, len(cols[2].b))
	for i := range t.lists {
		n := cols[0].uint()
		if n == 0 {
			continue
		}
		if n-1 > uint64(len(cols[2].b)) {
			return nil, damaged("a tree claims %d runs", n-1)
		}
		from := len(all)
		for range n - 1 {
			start, count := next+cols[1].int(), cols[2].uint()
			if start < 0 || count == 0 || start+int64(count) > 1<<32 || count > 1<<32 {
				return nil, damaged("a tree's run is out of range")
			}
			all = append(all, run{uint32(start), uint32(count)})
			next = start + int64(count)
		}
		t.lists[i] = all[from:len(all):len(all)]
	}
	return t, done(cols)
}

// Keys and hashes do not compress, so their blocks hold them as they are.

func encodeKeys(keys []uint64) []byte {
	out := make([]byte, 0, 8*len(keys)+4)
	for _, k := range keys {
		out = binary.LittleEndian.AppendUint64(out, k)
	}
	return out
}

func decodeKeys(payload []byte, fn func(uint64)) error {
	if len(payload)%8 != 0 || len(payload) > 8*keysPerBlock {
		return damaged("a key block has %d bytes", len(payload))
	}
	for i := 0; i < len(payload); i += 8 {
		fn(binary.LittleEndian.Uint64(payload[i:]))
	}
	return nil
}

func encodeHashes(hashes []syncline.Hash) []byte {
	out := make([]byte, 0, 32*len(hashes)+4)
	for i := range hashes {
		out = append(out, hashes[i][:]...)
	}
	return out
}

func decodeHashes(payload []byte, to []syncline.Hash) ([]syncline.Hash, error) {
	if len(payload)%32 != 0 || len(payload) > 32*hashesPerBlock {
		return nil, damaged("a hash block has %d bytes", len(payload))
	}
	for i := 0; i < len(payload); i += 32 {
		to = append(to, syncline.Hash(payload[i:i+32]))
	}
	return to, nil
}

// state says what the catalog knows about a tree.
type state uint8

const (
	stateDecoded  state = 1 << iota // the catalog has its runs
	stateComplete                   // and the runs of all trees below it
	stateDropped                    // Clean has removed its runs; no visible snapshot needs them
	stateLost                       // the repository has lost it; visible snapshots are shown without it
)

// encodeStates packs the states, one byte each before compression.
func encodeStates(states []state) []byte {
	raw := make([]byte, len(states))
	for i, s := range states {
		raw[i] = byte(s)
	}
	return compress(nil, raw)
}

func decodeStates(payload []byte, to []state) ([]state, error) {
	raw, err := decompress(nil, payload)
	if err != nil {
		return nil, err
	}
	if len(raw) > statesPerBlock {
		return nil, damaged("a state block has %d states", len(raw))
	}
	for _, b := range raw {
		to = append(to, state(b))
	}
	return to, nil
}
