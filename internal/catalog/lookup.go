package catalog

import (
	"sync"
	"sync/atomic"

	"github.com/zeebo/xxh3"

	"syncline.dev/syncline"
)

// Lookup returns the first entry of a tree with that name. sub is its own tree
// where ok is true. found is false where there is no such entry.
func (v *View) Lookup(tree TreeRef, name string, detail Detail) (e *syncline.Entry, sub TreeRef, ok, found bool, err error) {
	ref, found, err := v.Named(name).In(tree)
	if err != nil || !found {
		return nil, TreeRef{}, false, false, err
	}
	e, sub, ok, err = v.RefEntry(ref, detail)
	return e, sub, ok, err == nil, err
}

// LookupTree returns the tree of the first directory with that name in a tree;
// ok is false where there is none. It reads only the directories of the tree,
// and compares names by their keys, as the Builder does. A lost tree is ErrLost.
func (v *View) LookupTree(tree TreeRef, name string) (sub TreeRef, ok bool, err error) {
	return v.Named(name).Tree(tree)
}

// eachPart cuts the runs at the ends of scan blocks and calls fn for each part:
// block no, and the entries from first to before end in it. It stops when more
// is false.
func eachPart(runs []run, fn func(no uint64, first, end uint32) (more bool, err error)) error {
	for _, r := range runs {
		for first, last := r.start%scanPerBlock, r.start+r.count; r.start < last; first = 0 {
			no := r.start / scanPerBlock
			end := min(last-no*scanPerBlock, scanPerBlock)
			if more, err := fn(uint64(no), first, end); err != nil || !more {
				return err
			}
			r.start += end - first
		}
	}
	return nil
}

// scanned returns a scan block with at least n entries. A cached block may have
// fewer than the catalog has by then.
func (v *View) scanned(no uint64, n int) (*scanBlock, error) {
	key := blockKey{v.c.id, v.m.Generation, no}
	if b, ok := scans.Get(key); ok && n <= len(b.names) {
		return b, nil
	}
	payload, count, err := v.scanPayload(no, n)
	if err != nil {
		return nil, err
	}
	b := &scanBlock{names: make([]uint32, count)}
	if b.dirs, err = readScan(payload, b.names, v.m); err != nil {
		return nil, err
	}
	scans.Put(key, b)
	return b, nil
}

// folder is a directory entry in a scan block, by its position.
type folder struct {
	key               uint64 // of the name, 0 until somebody reads the name; atomic
	entry, name, tree uint32
	_                 uint32 // aligns keys on 32-bit machines
}

// keyOf returns the key of the name. It reads the name once.
func (f *folder) keyOf(names *nameReader) (uint64, error) {
	if key := atomic.LoadUint64(&f.key); key != 0 {
		return key, nil
	}
	name, err := names.at(f.name)
	if err != nil {
		return 0, err
	}
	key := xxh3.HashSeed(name, names.v.m.Seed)
	atomic.StoreUint64(&f.key, key)
	return key, nil
}

// folderBlock holds the directories of a scan block with that many entries.
type folderBlock struct {
	entries int
	dirs    []folder
}

func (b *folderBlock) size() int64 { return int64(24*cap(b.dirs) + 48) }

// scannedFolders returns the directories of a scan block with at least n
// entries.
func (v *View) scannedFolders(no uint64, n int) (*folderBlock, error) {
	key := blockKey{v.c.id, v.m.Generation, no}
	if b, ok := folders.Get(key); ok && n <= b.entries {
		return b, nil
	}
	payload, count, err := v.scanPayload(no, n)
	if err != nil {
		return nil, err
	}
	names := nameNumbers.Get().(*[scanPerBlock]uint32)
	defer nameNumbers.Put(names)
	dirs, err := readScan(payload, names[:count], v.m)
	if err != nil {
		return nil, err
	}
	b := newFolderBlock(names[:count], dirs, nil)
	folders.Put(key, b)
	return b, nil
}

// newFolderBlock returns the folderBlock for a scan block's names and
// directories. keys are those of the directories' names, or nil.
func newFolderBlock(names []uint32, dirs []dirEdge, keys []uint64) *folderBlock {
	b := &folderBlock{entries: len(names), dirs: make([]folder, len(dirs))}
	for i, d := range dirs {
		b.dirs[i] = folder{entry: d.entry, name: names[d.entry], tree: d.tree}
		if keys != nil {
			b.dirs[i].key = keys[i]
		}
	}
	return b
}

// nameNumbers are buffers for the names of a scan block, which scannedFolders does not
// keep.
var nameNumbers = sync.Pool{New: func() any { return new([scanPerBlock]uint32) }}

// scanPayload reads a scan block, which must have at least n entries. count is the
// number of entries that it has in the view's state.
func (v *View) scanPayload(no uint64, n int) (payload []byte, count int, err error) {
	count = int(min(scanPerBlock, int64(v.m.Entries)-int64(no)*scanPerBlock))
	if n > count {
		return nil, 0, damaged("a tree's run is out of range")
	}
	payload, err = need(v.r, kindScan, no)
	return payload, count, err
}

// nameReader reads names. It keeps the last block, because the next name mostly
// lies near the one before.
type nameReader struct {
	v  *View
	no uint64
	b  *nameBlock // block no; nil before the first read
}

// at returns a name, which the caller must not change.
func (n *nameReader) at(name uint32) ([]byte, error) {
	i := int(name % namesPerBlock)
	if no := uint64(name / namesPerBlock); n.b == nil || n.no != no || i >= len(n.b.ends) {
		b, err := n.v.names(no, i)
		if err != nil {
			return nil, err
		}
		n.no, n.b = no, b
	}
	return n.b.at(i), nil
}
