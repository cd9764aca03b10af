package catalog

import (
	"cmp"
	"slices"

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
	err = v.scannedRuns(runs, func(b *scanBlock, first, end uint32) (bool, error) {
		for i, no := range b.names[first%scanPerBlock:][:end-first] {
			own, err := names.at(no)
			if err != nil {
				return false, err
			}
			if string(own) != name {
				continue
			}
			var subtree uint32
			e, subtree, err = v.entry(first+uint32(i), detail)
			sub, ok, found = TreeRef{subtree - 1}, subtree != 0, err == nil
			return false, err
		}
		return true, nil
	})
	return e, sub, ok, found, err
}

// LookupTree returns the tree of the first directory of that name in a tree. It
// reads no entries and no names but those of directories: that takes time.
func (v *View) LookupTree(tree TreeRef, name string) (sub TreeRef, ok bool, err error) {
	runs, err := v.runs(tree.no)
	if err != nil {
		return TreeRef{}, false, err
	}
	names := nameReader{v: v}
	err = v.scannedRuns(runs, func(b *scanBlock, first, end uint32) (bool, error) {
		start := first - first%scanPerBlock
		i, _ := slices.BinarySearchFunc(b.dirs, first-start, func(d dirEdge, at uint32) int { return cmp.Compare(d.entry, at) })
		for ; i < len(b.dirs) && b.dirs[i].entry < end-start; i++ {
			own, err := names.at(b.names[b.dirs[i].entry])
			if err != nil {
				return false, err
			}
			if string(own) == name {
				sub, ok = TreeRef{b.dirs[i].tree}, true
				return false, nil
			}
		}
		return true, nil
	})
	return sub, ok, err
}

// scannedRuns calls fn with the runs, cut where blocks end, and the block that
// each lies in: the entries from first on, before end. It goes on while fn says.
func (v *View) scannedRuns(runs []run, fn func(b *scanBlock, first, end uint32) (more bool, err error)) error {
	for _, r := range runs {
		for first, last := r.start, r.start+r.count; first < last; {
			end := first + min(last-first, scanPerBlock-first%scanPerBlock)
			b, err := v.scanned(uint64(first/scanPerBlock), int((end-1)%scanPerBlock))
			if err != nil {
				return err
			}
			if more, err := fn(b, first, end); err != nil || !more {
				return err
			}
			first = end
		}
	}
	return nil
}

// scanned returns a scan block that has the entry at i. A cached block may be
// from before the last entries were added to it.
func (v *View) scanned(no uint64, i int) (*scanBlock, error) {
	key := blockKey{v.m.Generation, no}
	if b, ok := scans.get(key); ok && i < len(b.names) {
		return b, nil
	}
	n := min(scanPerBlock, int64(v.m.Entries)-int64(no)*scanPerBlock)
	if int64(i) >= n {
		return nil, damaged("a tree's run is out of range")
	}
	payload, err := need(v.r, kindScan, no)
	if err != nil {
		return nil, err
	}
	b := &scanBlock{names: make([]uint32, n)}
	if b.dirs, err = readScan(payload, b.names, v.m); err != nil {
		return nil, err
	}
	scans.add(key, b)
	return b, nil
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
