package catalog

import (
	"cmp"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/zeebo/xxh3"

	"syncline.dev/syncline"
)

// Lookup returns the first entry of a tree with that name, and its own tree
// where it has one. found is false where there is none.
func (v *View) Lookup(tree TreeRef, name string, detail Detail) (e *syncline.Entry, sub TreeRef, ok, found bool, err error) {
	runs, err := v.runs(tree.no)
	if err != nil {
		return nil, TreeRef{}, false, false, err
	}
	names := nameReader{v: v}
	err = eachPart(runs, func(no uint64, first, end uint32) (bool, error) {
		b, err := v.scanned(no, int(end))
		if err != nil {
			return false, err
		}
		for i := first; i < end; i++ {
			own, err := names.at(b.names[i])
			if err != nil {
				return false, err
			}
			if string(own) != name {
				continue
			}
			var subtree uint32
			e, subtree, err = v.entry(uint32(no)*scanPerBlock+i, detail)
			sub, ok, found = TreeRef{subtree - 1}, subtree != 0, err == nil
			return false, err
		}
		return true, nil
	})
	return e, sub, ok, found, err
}

// LookupTree returns the tree of the first directory of that name in a tree. It
// reads no entries and no names but those of directories, and these once: that
// takes time. A tree that is lost is ErrLost. Names are the same when their keys are, as for the Builder that
// numbered them.
func (v *View) LookupTree(tree TreeRef, name string) (sub TreeRef, ok bool, err error) {
	runs, err := v.runs(tree.no)
	if err != nil {
		return TreeRef{}, false, err
	}
	names, key := nameReader{v: v}, xxh3.HashStringSeed(name, v.m.Seed)
	err = eachPart(runs, func(no uint64, first, end uint32) (bool, error) {
		b, err := v.scannedFolders(no, int(end))
		if err != nil {
			return false, err
		}
		i, _ := slices.BinarySearchFunc(b.dirs, first, func(d folder, at uint32) int { return cmp.Compare(d.entry, at) })
		for ; i < len(b.dirs) && b.dirs[i].entry < end; i++ {
			own, err := b.dirs[i].keyOf(&names)
			if err != nil {
				return false, err
			}
			if own == key {
				sub = TreeRef{b.dirs[i].tree}
				err = v.Readable(sub)
				ok = err == nil
				return false, err
			}
		}
		return true, nil
	})
	return sub, ok, err
}

// eachPart calls fn with the runs, cut where scan blocks end: the number of the
// block, and the entries in it from first on, before end. It goes on while fn
// says.
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

// scanned returns a scan block that has n entries or more. A cached block may be
// from before the last entries were added to it.
func (v *View) scanned(no uint64, n int) (*scanBlock, error) {
	key := blockKey{v.c.id, v.m.Generation, no}
	if b, ok := scans.get(key); ok && n <= len(b.names) {
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
	scans.add(key, b)
	return b, nil
}

// folder is a directory entry in a scan block, by its position.
type folder struct {
	key               uint64 // of the name, 0 where it is not known yet; atomic
	entry, name, tree uint32
	_                 uint32 // so that keys are aligned on 32-bit machines, too
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

// folderBlock has the directories of a scan block of that many entries.
type folderBlock struct {
	entries int
	dirs    []folder
}

func (b *folderBlock) size() int64 { return int64(24*cap(b.dirs) + 48) }

// scannedFolders returns the directories of a scan block that has n entries or more.
func (v *View) scannedFolders(no uint64, n int) (*folderBlock, error) {
	key := blockKey{v.c.id, v.m.Generation, no}
	if b, ok := folders.get(key); ok && n <= b.entries {
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
	folders.add(key, b)
	return b, nil
}

// newFolderBlock makes it of a scan block's names and directories, and of the
// keys of these, where they are known.
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

// nameNumbers are for what is not kept of a scan block.
var nameNumbers = sync.Pool{New: func() any { return new([scanPerBlock]uint32) }}

// scanPayload reads a scan block, which must have n entries or more, and returns
// how many it must have.
func (v *View) scanPayload(no uint64, n int) (payload []byte, count int, err error) {
	count = int(min(scanPerBlock, int64(v.m.Entries)-int64(no)*scanPerBlock))
	if n > count {
		return nil, 0, damaged("a tree's run is out of range")
	}
	payload, err = need(v.r, kindScan, no)
	return payload, count, err
}

// nameReader reads names, of which one mostly lies near the one before.
type nameReader struct {
	v  *View
	no uint64
	b  *nameBlock // block no; nil before the first
}

// at returns a name, which is not to be changed.
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
