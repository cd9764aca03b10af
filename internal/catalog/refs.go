package catalog

import (
	"cmp"
	"context"
	"slices"

	"syncline.dev/syncline"
)

// Refs calls fn with the entries of a tree and their positions in it, in the
// tree's order. It leaves out the entries that one of the other trees also has,
// byte for byte. Its cost does not grow with what the trees share.
func (v *View) Refs(tree TreeRef, others []TreeRef, fn func(at int, ref EntryRef) error) error {
	runs, err := v.runs(tree.no)
	if err != nil {
		return err
	}
	var theirs []run
	for _, other := range others {
		list, err := v.runs(other.no)
		if err != nil {
			return err
		}
		theirs = append(theirs, list...)
	}
	own, _ := splitRuns(runs, theirs, nil)
	for _, r := range own {
		for i := range r.count {
			if err := fn(int(r.at+i), EntryRef{r.start + i}); err != nil {
				return err
			}
		}
	}
	return nil
}

// TwoTrees is a pair of trees to compare. Either may be absent.
type TwoTrees struct {
	Before, After       TreeRef
	HasBefore, HasAfter bool
}

// Own holds the entries of each of two trees that the other one lacks, byte for byte,
// in the tree's order.
type Own struct{ Before, After OwnEntries }

// OwnEntries are entries of one tree.
type OwnEntries struct{ runs []placedRun }

// Len returns the number of entries.
func (o OwnEntries) Len() (n int) {
	for _, r := range o.runs {
		n += int(r.count)
	}
	return n
}

// All yields the entries and their places in the tree.
func (o OwnEntries) All(yield func(at int, ref EntryRef) bool) {
	for _, r := range o.runs {
		for i := range r.count {
			if !yield(int(r.at+i), EntryRef{r.start + i}) {
				return
			}
		}
	}
}

// Own compares the trees of each pair. It reads the trees in the order of their
// numbers, so it reads each block once. It adds the entries that two trees have in
// common to the set, unless that is nil.
//
// The result ends with the pair whose entries make it longer than most, and where
// the trees take too much memory. So it may be shorter than pairs; the first pair is
// always in it.
func (v *View) Own(ctx context.Context, pairs []TwoTrees, most int, common *Closure) ([]Own, error) {
	lists, err := v.listsOf(ctx, pairs)
	for ; err == nil && lists == nil && len(pairs) > 0; lists, err = v.listsOf(ctx, pairs) {
		pairs = pairs[:len(pairs)/2]
	}
	if err != nil {
		return nil, err
	}
	out := make([]Own, 0, len(pairs))
	var shared []placedRun
	for i := range pairs {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		before, after := lists[2*i], lists[2*i+1]
		var own Own
		own.Before.runs, shared = splitRuns(before, after, shared[:0])
		if common != nil && pairs[i].HasBefore && pairs[i].HasAfter {
			for _, r := range shared {
				if err := common.mark(r.run); err != nil {
					return nil, err
				}
			}
		}
		own.After.runs, shared = splitRuns(after, before, shared[:0])
		out = append(out, own)
		if most -= own.Before.Len() + own.After.Len(); most < 0 {
			break
		}
	}
	return out, nil
}

// maxRuns bounds the runs that one Own holds of several pairs, of 8 bytes each.
// Few folders have more than ten. Tests set another bound.
var maxRuns = 1 << 22

// listsOf returns the trees' lists, two for each pair. It returns nil where several
// pairs have more than maxRuns.
func (v *View) listsOf(ctx context.Context, pairs []TwoTrees) ([][]run, error) {
	type wanted struct {
		tree uint32
		to   int
	}
	trees := make([]wanted, 0, 2*len(pairs))
	for i := range pairs {
		if pairs[i].HasBefore {
			trees = append(trees, wanted{pairs[i].Before.no, 2 * i})
		}
		if pairs[i].HasAfter {
			trees = append(trees, wanted{pairs[i].After.no, 2*i + 1})
		}
	}
	slices.SortFunc(trees, func(a, b wanted) int { return cmp.Compare(a.tree, b.tree) })
	nos := make([]uint32, len(trees))
	for i := range trees {
		nos[i] = trees[i].tree
	}
	if err := v.decodeTrees(ctx, nos); err != nil {
		return nil, err
	}
	lists := make([][]run, 2*len(pairs))
	var kept []run // copies, so that no block is held for one of its lists
	held := 0
	for i, w := range trees {
		if i > 0 && trees[i-1].tree == w.tree {
			lists[w.to] = lists[trees[i-1].to]
			continue
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		list, err := v.runs(w.tree)
		if err != nil {
			return nil, err
		}
		if held += len(list); held > maxRuns && len(pairs) > 1 {
			return nil, nil
		}
		if cap(kept)-len(kept) < len(list) {
			kept = make([]run, 0, max(1<<10, len(list)))
		}
		first := len(kept)
		kept = append(kept, list...)
		lists[w.to] = kept[first:len(kept):len(kept)]
	}
	return lists, nil
}

// decodeTrees puts the blocks of trees, which come in order, into the cache. It decodes
// them on all cores. It leaves a failure to the reader of the tree, but for the end of ctx.
func (v *View) decodeTrees(ctx context.Context, trees []uint32) error {
	blocks := &manyReader{r: v.r, kind: kindTree}
	for i, tree := range trees {
		no := uint64(tree / treesPerBlock)
		if i > 0 && uint64(trees[i-1]/treesPerBlock) == no {
			continue
		}
		if _, ok := treeBlocks.Get(blockKey{v.c.id, v.m.Generation, no}); !ok {
			blocks.nos = append(blocks.nos, no)
		}
	}
	if len(blocks.nos) < 2 {
		return nil
	}
	_ = eachPayload(ctx, len(blocks.nos), blocks.at, func(i int, payload []byte) error {
		b, err := decodeTrees(payload)
		if err == nil {
			treeBlocks.Put(blockKey{v.c.id, v.m.Generation, blocks.nos[i]}, b)
		}
		return err
	})
	return ctx.Err()
}

// splitRuns cuts a tree's entries into its own and those that another one has too.
// It appends to shared.
func splitRuns(runs, others []run, shared []placedRun) (own, _ []placedRun) {
	theirs := disjoint(slices.Clone(others))
	at := uint32(0)
	for _, r := range runs {
		own, shared = splitRun(placedRun{r, at}, theirs, own, shared)
		at += r.count
	}
	return own, shared
}

// placedRun is a run and the position of its first entry in a tree.
type placedRun struct {
	run
	at uint32
}

// disjoint sorts runs and joins overlapping ones.
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

// RefEntry reads an entry. sub is its tree where ok is true.
func (v *View) RefEntry(ref EntryRef, detail Detail) (e *syncline.Entry, sub TreeRef, ok bool, err error) {
	e, subtree, err := v.entry(ref.no, detail)
	return e, TreeRef{subtree - 1}, subtree != 0, err
}
