package catalog_test

import (
	"context"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"testing"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/catalog"
)

// treeRefs finds every tree that the snapshots show.
func treeRefs(t *testing.T, v *catalog.View) map[syncline.Hash]catalog.TreeRef {
	t.Helper()
	refs := make(map[syncline.Hash]catalog.TreeRef)
	snapshots, err := v.Snapshots()
	check(t, err)
	var down func(h syncline.Hash, ref catalog.TreeRef)
	down = func(h syncline.Hash, ref catalog.TreeRef) {
		if _, ok := refs[h]; ok {
			return
		}
		refs[h] = ref
		check(t, v.ReadDir(ref, catalog.WithSubtree, func(e *syncline.Entry, sub catalog.TreeRef, ok bool) error {
			if ok {
				down(e.Subtree, sub)
			}
			return nil
		}))
	}
	for i := range snapshots {
		down(snapshots[i].Tree, snapshots[i].Root)
	}
	return refs
}

// raws are the entries of a tree by their bytes.
func (m *model) raws(h syncline.Hash) map[string]bool {
	out := make(map[string]bool)
	for _, e := range m.kept(h) {
		out[e.raw] = true
	}
	return out
}

func TestRefsLeaveOutWhatIsShared(t *testing.T) {
	m := newModel(21)
	m.grow(60, 3)
	c := inMemory(t)
	m.build(t, c, 2, m.shuffled())
	m.publish(t, c)
	check(t, c.View(t.Context(), func(v *catalog.View) error {
		refs := treeRefs(t, v)
		hashes := slices.SortedFunc(maps.Keys(refs), func(a, b syncline.Hash) int { return slices.Compare(a[:], b[:]) })
		shared := 0
		for range 500 {
			h := pick(m, hashes...)
			var others []catalog.TreeRef
			known := make(map[string]bool)
			for range m.rng.IntN(3) {
				// A neighbour is as a rule another version of the same folder.
				other := m.order[min(len(m.order)-1, slices.Index(m.order, h)+m.rng.IntN(3))]
				if ref, ok := refs[other]; ok {
					others = append(others, ref)
					maps.Copy(known, m.raws(other))
				}
			}
			var want []string
			for at, e := range m.kept(h) {
				if !known[e.raw] {
					want = append(want, fmt.Sprint(at, e.entry.Name))
				}
			}
			shared += len(m.kept(h)) - len(want)
			var got []string
			check(t, v.Refs(refs[h], others, func(at int, ref catalog.EntryRef) error {
				name, err := v.RefName(ref)
				check(t, err)
				got = append(got, fmt.Sprint(at, name))
				e, sub, ok, err := v.RefEntry(ref, catalog.WithContent|catalog.WithSubtree)
				check(t, err)
				w := &m.kept(h)[at].entry
				if ok != !w.Subtree.IsZero() || ok && sub != refs[w.Subtree] {
					t.Errorf("%q has a tree: %v", w.Name, ok)
				}
				return compareEntry(e, w, catalog.WithContent|catalog.WithSubtree)
			}))
			if !slices.Equal(got, want) {
				t.Fatalf("%d entries beside %d others: %q, want %q", len(m.kept(h)), len(others), got, want)
			}
		}
		if shared < 500 {
			t.Errorf("only %d entries were shared", shared)
		}
		return nil
	}))
}

// TestOwnIsBounded compares many folders within bounds of entries and of runs: it
// gets a part of what it gets without them, and at least one folder.
func TestOwnIsBounded(t *testing.T) {
	m := newModel(24)
	m.grow(100, 3)
	c := inMemory(t)
	m.build(t, c, 2, m.shuffled())
	m.publish(t, c)
	text := func(o catalog.Own) (out string) {
		for _, side := range []catalog.OwnEntries{o.Before, o.After} {
			for at, ref := range side.All {
				out += fmt.Sprint(" ", at, ref)
			}
			out += ";"
		}
		return out
	}
	check(t, c.View(t.Context(), func(v *catalog.View) error {
		var pairs []catalog.TwoTrees
		refs := treeRefs(t, v)
		for i, h := range m.order {
			before, hasBefore := refs[h]
			after, hasAfter := refs[m.order[i/2]]
			pairs = append(pairs, catalog.TwoTrees{Before: before, After: after, HasBefore: hasBefore, HasAfter: hasAfter})
		}
		all, err := v.Own(t.Context(), pairs, 1<<30, nil)
		check(t, err)
		if len(all) != len(pairs) {
			t.Fatalf("%d pairs of %d were compared", len(all), len(pairs))
		}
		for range 50 {
			most, runs := m.rng.IntN(400)-10, m.rng.IntN(400)
			restore := catalog.SetMaxRuns(runs)
			got, err := v.Own(t.Context(), pairs, most, nil)
			restore()
			check(t, err)
			entries := 0
			for i, o := range got {
				if i > 0 && entries > most {
					t.Errorf("%d pairs with %d entries are read within %d", i, entries, most)
				}
				if entries += o.Before.Len() + o.After.Len(); text(o) != text(all[i]) {
					t.Errorf("pair %d within %d entries and %d runs is %s, want %s", i, most, runs, text(o), text(all[i]))
				}
			}
			if len(got) == 0 || len(got) == len(pairs) {
				t.Errorf("%d pairs of %d are compared within %d entries and %d runs", len(got), len(pairs), most, runs)
			}
		}
		return nil
	}))
}

// TestReadEntries reads entries of any trees in any order, some twice, through the
// cache and block by block on all cores.
func TestReadEntries(t *testing.T) {
	m := newModel(23)
	m.grow(400, 3)
	c := inMemory(t)
	m.build(t, c, 2, m.shuffled())
	m.publish(t, c)
	check(t, c.View(t.Context(), func(v *catalog.View) error {
		var all []catalog.EntryRef
		for _, tree := range treeRefs(t, v) {
			check(t, v.Refs(tree, nil, func(_ int, ref catalog.EntryRef) error {
				all = append(all, ref)
				return nil
			}))
		}
		all = append(all[:len(all)/2], all[:len(all)/8]...)
		m.rng.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		for _, detail := range []catalog.Detail{0, catalog.WithContent, catalog.WithContent | catalog.WithSubtree} {
			for name, read := range map[string]func(context.Context, []catalog.EntryRef, catalog.Detail) ([]catalog.Held, error){
				"cached": v.ReadEntries, "parts": v.ReadEntriesInParts,
			} {
				catalog.Forget()
				got, err := read(t.Context(), all, detail)
				check(t, err)
				lists := make(map[catalog.EntryRef]*syncline.Hash) // an entry has one list, however often it is wanted
				for i, ref := range all {
					if content := got[i].Entry.Content; len(content) > 0 {
						if list := lists[ref]; list != nil && list != &content[0] {
							t.Errorf("%s: the content of %q is there twice", name, got[i].Entry.Name)
						}
						lists[ref] = &content[0]
					}
					e, sub, ok, err := v.RefEntry(ref, detail)
					check(t, err)
					if h := got[i]; h.OK != ok || ok && h.Sub != sub {
						t.Errorf("%s: %q has the tree %v (%v), want %v (%v)", name, e.Name, h.Sub, h.OK, sub, ok)
					}
					check(t, compareEntry(got[i].Entry, e, detail))
				}
			}
		}
		if len(all) < 1000 {
			t.Errorf("only %d entries", len(all))
		}
		return nil
	}))
}

// TestReadFew reads few fields of entries, through the cache and block by block. They are
// to be those of all fields.
func TestReadFew(t *testing.T) {
	m := newModel(29)
	m.grow(800, 3)
	c := inMemory(t)
	m.build(t, c, 2, m.shuffled())
	m.publish(t, c)
	check(t, c.View(t.Context(), func(v *catalog.View) error {
		var all []catalog.EntryRef
		for _, tree := range treeRefs(t, v) {
			check(t, v.Refs(tree, nil, func(_ int, ref catalog.EntryRef) error {
				all = append(all, ref)
				return nil
			}))
		}
		m.rng.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		all = append(all[:len(all)/2], all[:len(all)/8]...)
		want, err := v.ReadEntries(t.Context(), all, catalog.WithContent)
		check(t, err)
		for name, read := range map[string]func(context.Context, []catalog.EntryRef) ([]catalog.Held, error){
			"cached": v.ReadFew, "parts": v.ReadFewInParts,
		} {
			catalog.Forget()
			got, err := read(t.Context(), all)
			check(t, err)
			for i, w := range want {
				g, e := got[i], w.Entry
				few := catalog.Few{Name: e.Name, Type: e.Type, Size: e.Size, Seconds: e.ModTime.Unix(), Content: e.Content}
				if g.Entry != nil || !reflect.DeepEqual(*g.Few, few) {
					t.Fatalf("%s: got %+v, want %+v", name, *g.Few, few)
				}
				if g.Sub != w.Sub || g.OK != w.OK || g.Lost != w.Lost || g.Blob(0) != w.Blob(0) {
					t.Fatalf("%s: %q has the tree %v, want %v", name, few.Name, g.Sub, w.Sub)
				}
			}
		}
		if len(all) < 1000 {
			t.Errorf("only %d entries", len(all))
		}
		return nil
	}))
}

// below adds a tree and all that is below it to what a closure must hold.
func (m *model) below(h syncline.Hash, trees, contents map[syncline.Hash]bool) {
	if trees[h] {
		return
	}
	trees[h] = true
	for _, e := range m.kept(h) {
		m.with(e, trees, contents)
	}
}

func (m *model) with(e *modelEntry, trees, contents map[syncline.Hash]bool) {
	for _, id := range e.entry.Content {
		contents[id] = true
	}
	if !e.entry.Subtree.IsZero() {
		m.below(e.entry.Subtree, trees, contents)
	}
}

// contents are the data blobs of all entries.
func (m *model) contents() []syncline.Hash {
	all := make(map[syncline.Hash]bool)
	for _, h := range m.order {
		for _, e := range m.kept(h) {
			for _, id := range e.entry.Content {
				all[id] = true
			}
		}
	}
	return slices.SortedFunc(maps.Keys(all), func(a, b syncline.Hash) int { return slices.Compare(a[:], b[:]) })
}

// blobSources returns all places of each data blob.
func blobSources(t *testing.T, v *catalog.View, trees map[syncline.Hash]catalog.TreeRef) map[syncline.Hash][]catalog.BlobSource {
	t.Helper()
	var refs []catalog.EntryRef
	for _, tree := range trees {
		check(t, v.Refs(tree, nil, func(_ int, ref catalog.EntryRef) error {
			refs = append(refs, ref)
			return nil
		}))
	}
	held, err := v.ReadEntries(t.Context(), refs, catalog.WithContent)
	check(t, err)
	out := make(map[syncline.Hash][]catalog.BlobSource)
	for _, h := range held {
		for i, id := range h.Entry.Content {
			out[id] = append(out[id], h.Blob(i))
		}
	}
	return out
}

func TestClosure(t *testing.T) {
	m := newModel(22)
	m.grow(60, 3)
	c := inMemory(t)
	m.build(t, c, 2, m.shuffled())
	m.publish(t, c)
	check(t, c.View(t.Context(), func(v *catalog.View) error {
		refs := treeRefs(t, v)
		hashes := slices.SortedFunc(maps.Keys(refs), func(a, b syncline.Hash) int { return slices.Compare(a[:], b[:]) })
		sources := blobSources(t, v, refs)
		found := 0
		for range 40 {
			closure, err := v.NewClosure(t.Context())
			check(t, err)
			trees, contents := make(map[syncline.Hash]bool), make(map[syncline.Hash]bool)
			for range m.rng.IntN(3) {
				h := pick(m, hashes...)
				closure.Add(refs[h])
				m.below(h, trees, contents)
			}
			for range m.rng.IntN(4) {
				a := pick(m, hashes...)
				b := m.order[min(len(m.order)-1, slices.Index(m.order, a)+1)]
				if _, ok := refs[b]; !ok {
					continue
				}
				_, err := v.Own(t.Context(), []catalog.TwoTrees{{Before: refs[a], After: refs[b], HasBefore: true, HasAfter: true}}, 0, closure)
				check(t, err)
				theirs := m.raws(b)
				for _, e := range m.kept(a) {
					if theirs[e.raw] {
						m.with(e, trees, contents)
					}
				}
			}
			check(t, closure.Complete(t.Context()))
			among := make(map[syncline.Hash]catalog.BlobSource)
			for _, h := range m.contents() {
				switch m.rng.IntN(3) {
				case 0:
					among[h] = catalog.BlobSource{}
				case 1:
					if len(sources[h]) > 0 {
						among[h] = pick(m, sources[h]...)
					}
				}
			}
			maps.DeleteFunc(contents, func(h syncline.Hash, _ bool) bool {
				_, ok := among[h]
				return !ok
			})
			gotTrees, gotContents := make(map[syncline.Hash]bool), make(map[syncline.Hash]bool)
			for h, tree := range refs {
				if closure.Has(tree) {
					gotTrees[h] = true
				}
			}
			check(t, closure.Contents(t.Context(), among, func(h syncline.Hash) { gotContents[h] = true }))
			found += len(contents)
			if !maps.Equal(gotTrees, trees) || !maps.Equal(gotContents, contents) {
				t.Fatalf("%d trees and %d blobs, want %d and %d", len(gotTrees), len(gotContents), len(trees), len(contents))
			}
		}
		if found < 100 {
			t.Errorf("the sets hold %d blobs in all, which tells little", found)
		}
		return nil
	}))
}
