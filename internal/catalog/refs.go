package catalog

import (
	"cmp"
	"slices"

	"syncline.dev/syncline"
)

// Refs calls fn with the entries of a tree, in the tree's order, and with their
// places in it; but not with those that the other trees have too, byte for
// byte. What trees share costs nothing, however much it is.
func (v *View) Refs(tree TreeRef, others []TreeRef, fn func(at int, ref EntryRef) error) error {
	own, _, err := v.split(tree, others)
	if err != nil {
		return err
	}
	for _, r := range own {
		for i := range r.count {
			if err := fn(int(r.at+i), EntryRef{r.start + i}); err != nil {
				return err
			}
		}
	}
	return nil
}

// placedRun is entries that follow each other, and the first one's place in a
// tree.
type placedRun struct {
	run
	at uint32
}

// split cuts a tree's entries into those of its own and those that are in one
// of the other trees too.
func (v *View) split(tree TreeRef, others []TreeRef) (own, shared []placedRun, err error) {
	runs, err := v.runs(tree.no)
	if err != nil {
		return nil, nil, err
	}
	var theirs []run
	for _, other := range others {
		list, err := v.runs(other.no)
		if err != nil {
			return nil, nil, err
		}
		theirs = append(theirs, list...)
	}
	theirs = disjoint(theirs)
	at := uint32(0)
	for _, r := range runs {
		own, shared = splitRun(placedRun{r, at}, theirs, own, shared)
		at += r.count
	}
	return own, shared, nil
}

// disjoint sorts runs, and joins those that overlap.
func disjoint(runs []run) []run {
	slices.SortFunc(runs, func(a, b run) int { return cmp.Compare(a.start, b.start) })
	out := runs[:0]
	for _, r := range runs {
		if n := len(out); n > 0 && r.start <= out[n-1].start+out[n-1].count {
			out[n-1].count = max(out[n-1].count, r.start+r.count-out[n-1].start)
			continue
		}
		out = append(out, r)
	}
	return out
}

// splitRun cuts one run at the disjoint runs of other trees.
func splitRun(r placedRun, theirs []run, own, shared []placedRun) (_, _ []placedRun) {
	i, _ := slices.BinarySearchFunc(theirs, r.start, func(t run, start uint32) int {
		if t.start+t.count <= start {
			return -1
		}
		return 1
	})
	cut := func(to *[]placedRun, n uint32) {
		if n > 0 {
			*to = append(*to, placedRun{run{r.start, n}, r.at})
			r.start, r.at, r.count = r.start+n, r.at+n, r.count-n
		}
	}
	for ; r.count > 0 && i < len(theirs) && theirs[i].start < r.start+r.count; i++ {
		t := theirs[i]
		cut(&own, max(t.start, r.start)-r.start)
		cut(&shared, min(r.start+r.count, t.start+t.count)-r.start)
	}
	cut(&own, r.count)
	return own, shared
}

// RefName returns the name of an entry.
func (v *View) RefName(ref EntryRef) (string, error) {
	b, err := v.entries(uint64(ref.no/entriesPerBlock), int(ref.no%entriesPerBlock))
	if err != nil {
		return "", err
	}
	return v.name(in(b.name, int(ref.no%entriesPerBlock)))
}

// RefEntry reads an entry, and its tree where ok.
func (v *View) RefEntry(ref EntryRef, detail Detail) (e *syncline.Entry, sub TreeRef, ok bool, err error) {
	e, subtree, err := v.entry(ref.no, detail)
	return e, TreeRef{subtree - 1}, subtree != 0, err
}
