package catalog

import (
	"slices"

	"syncline.dev/syncline"
)

// Lookup returns the first entry of a tree with that name, and its own tree
// where it has one. found is false where there is none.
func (v *View) Lookup(tree TreeRef, name string, detail Detail) (e *syncline.Entry, sub TreeRef, ok, found bool, err error) {
	no, _, found, err := v.lookup(tree, name)
	if err != nil || !found {
		return nil, TreeRef{}, false, false, err
	}
	e, subtree, err := v.entry(no, detail)
	return e, TreeRef{subtree - 1}, subtree != 0, err == nil, err
}

// LookupTree is Lookup for who needs no more than the entry's tree. It reads no
// entries, which are what takes time.
func (v *View) LookupTree(tree TreeRef, name string) (sub TreeRef, ok, found bool, err error) {
	no, b, found, err := v.lookup(tree, name)
	if err != nil || !found {
		return TreeRef{}, false, false, err
	}
	i, ok := slices.BinarySearchFunc(b.dirs, no%scanPerBlock, func(d dirEdge, at uint32) int { return int(d.entry) - int(at) })
	if !ok {
		return TreeRef{}, false, true, nil
	}
	return TreeRef{b.dirs[i].tree}, true, true, nil
}

// lookup returns the number of the first entry of a tree with that name, and
// the block it is in.
func (v *View) lookup(tree TreeRef, name string) (no uint32, b *scanBlock, found bool, err error) {
	runs, err := v.runs(tree.no)
	if err != nil {
		return 0, nil, false, err
	}
	names := nameReader{v: v}
	for _, r := range runs {
		for no := r.start; no < r.start+r.count; no++ {
			if i := int(no % scanPerBlock); no == r.start || i == 0 {
				last := min(scanPerBlock-1, i+int(r.start+r.count-no)-1)
				if b, err = v.scanned(uint64(no/scanPerBlock), last); err != nil {
					return 0, nil, false, err
				}
			}
			own, err := names.at(b.names[no%scanPerBlock])
			if err != nil {
				return 0, nil, false, err
			}
			if string(own) == name {
				return no, b, true, nil
			}
		}
	}
	return 0, nil, false, nil
}

// scanned returns a scan block that has the entry at i. A cached block may be
// from before the last entries were added to it.
func (v *View) scanned(no uint64, i int) (*scanBlock, error) {
	key := blockKey{v.m.Generation, no}
	if b, ok := v.c.scanCache.Get(key); ok && i < len(b.names) {
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
	v.c.scanCache.Add(key, b)
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
