package catalog_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/catalog"
	"syncline.dev/syncline/internal/catalog/catalogtest"
)

// addTrees adds some trees of the model.
func (m *model) addTrees(t *testing.T, c *catalog.Catalog, trees ...syncline.Hash) {
	t.Helper()
	m.build(t, c, 1, trees)
}

func (m *model) file(name string) *modelEntry {
	return m.make(syncline.Entry{Name: name, Type: syncline.TypeFile, Size: 3}, false)
}

func visible(t *testing.T, c *catalog.Catalog) (ids []syncline.Hash) {
	t.Helper()
	check(t, c.View(t.Context(), func(v *catalog.View) error {
		list, err := v.Snapshots()
		for i := range list {
			ids = append(ids, list[i].ID)
		}
		return err
	}))
	return ids
}

func ids(snapshots []syncline.Snapshot) (out []syncline.Hash) {
	for i := range snapshots {
		out = append(out, snapshots[i].ID)
	}
	return out
}

func wantVisible(t *testing.T, c *catalog.Catalog, want ...syncline.Hash) {
	t.Helper()
	got := visible(t, c)
	compare := func(a, b syncline.Hash) int { return slices.Compare(a[:], b[:]) }
	slices.SortFunc(got, compare)
	want = slices.Clone(want)
	slices.SortFunc(want, compare)
	if !slices.Equal(got, want) {
		t.Fatalf("%v are visible, want %v", got, want)
	}
}

// gapModel has four snapshots: 0 and 1 share a tree deep below, which is lost;
// 2 is whole; 3 has a root that nothing was heard of, and so has 4.
func gapModel() (m *model, lost syncline.Hash) {
	m = newModel(30)
	deep := m.tree([]*modelEntry{m.file("deep")})
	whole := m.tree([]*modelEntry{m.file("whole")})
	chain := m.tree([]*modelEntry{m.dir("x", deep), m.dir("y", whole)})
	for i := range 30 {
		chain = m.tree([]*modelEntry{m.dir(fmt.Sprint("c", i), chain), m.dir("w", whole)})
	}
	m.snapshot(m.tree([]*modelEntry{m.dir("a", chain)}))
	m.snapshot(m.tree([]*modelEntry{m.dir("b", chain), m.file("before it"), m.dir("again", deep)}))
	m.snapshot(m.tree([]*modelEntry{m.dir("c", whole)}))
	m.snapshot(m.tree([]*modelEntry{m.dir("d", whole), m.file("x")}))
	m.snapshots = append(m.snapshots, m.snapshots[3])
	m.snapshots[4].ID[0]++
	return m, deep
}

func TestPublishGaps(t *testing.T) {
	m, lost := gapModel()
	root3 := m.snapshots[3].Tree
	c := inMemory(t)
	m.addTrees(t, c, slices.DeleteFunc(slices.Clone(m.order), func(h syncline.Hash) bool { return h == lost || h == root3 })...)
	for range 2 { // asking again changes nothing
		gaps, err := c.Publish(t.Context(), m.snapshots, nil)
		check(t, err)
		want := []catalog.Incomplete{
			{Snapshot: m.snapshots[0].ID, Missing: []syncline.Hash{lost}, Folders: 1},
			{Snapshot: m.snapshots[1].ID, Folders: 1}, // told already
			{Snapshot: m.snapshots[3].ID, Missing: []syncline.Hash{root3}, Folders: 1, Root: true},
			{Snapshot: m.snapshots[4].ID, Folders: 1, Root: true},
		}
		if fmt.Sprint(gaps) != fmt.Sprint(want) {
			t.Fatalf("the gaps are\n%v\nwant\n%v", gaps, want)
		}
		wantVisible(t, c, m.snapshots[2].ID)
	}
	m.addTrees(t, c, lost)
	gaps, err := c.Publish(t.Context(), m.snapshots[:3], nil)
	check(t, err)
	if len(gaps) != 0 {
		t.Fatalf("the gaps are %v after the tree came", gaps)
	}
	wantVisible(t, c, ids(m.snapshots[:3])...)
	m.addTrees(t, c, root3)
	m.publish(t, c)
	m.verify(t, c)
}

func TestPublishTwiceAndRemove(t *testing.T) {
	m := newModel(31)
	m.grow(30, 4)
	c := inMemory(t)
	m.build(t, c, 2, m.order)
	gaps, err := c.Publish(t.Context(), append(slices.Clone(m.snapshots), m.snapshots...), nil)
	if err != nil || len(gaps) > 0 {
		t.Fatal(gaps, err)
	}
	m.verify(t, c) // each once
	want := dump(t, c)
	m.publish(t, c)
	wantDump(t, dump(t, c), want)

	gone := []syncline.Hash{m.snapshots[1].ID, m.snapshots[3].ID, {1, 2, 3}}
	_, err = c.Publish(t.Context(), nil, gone)
	check(t, err)
	wantVisible(t, c, m.snapshots[0].ID, m.snapshots[2].ID)
	_, err = c.Publish(t.Context(), nil, gone)
	check(t, err)
	wantVisible(t, c, m.snapshots[0].ID, m.snapshots[2].ID)
	_, err = c.Publish(t.Context(), m.snapshots[1:2], []syncline.Hash{m.snapshots[0].ID})
	check(t, err)
	wantVisible(t, c, m.snapshots[1].ID, m.snapshots[2].ID)
	m.publish(t, c)
	wantDump(t, dump(t, c), want)
}

func TestChangesTellsStatesApart(t *testing.T) {
	m := newModel(32)
	m.grow(10, 2)
	c := inMemory(t)
	seen := make(map[uint64]bool)
	differs := func() {
		t.Helper()
		check(t, c.View(t.Context(), func(v *catalog.View) error {
			if seen[v.Changes()] {
				t.Errorf("Changes is %d again", v.Changes())
			}
			seen[v.Changes()] = true
			return nil
		}))
	}
	differs()
	m.build(t, c, 1, m.order)
	differs()
	m.publish(t, c)
	differs()
	_, err := c.Publish(t.Context(), nil, []syncline.Hash{m.snapshots[0].ID})
	check(t, err)
	differs()
	_, err = c.Clean(t.Context(), 0, func(syncline.Hash) bool { return false })
	check(t, err)
	differs()

	// A write that changes nothing leaves the state, and everything that is
	// kept of it.
	before := seen
	seen = make(map[uint64]bool)
	differs()
	for range 2 {
		_, err = c.Publish(t.Context(), m.snapshots[1:], []syncline.Hash{m.snapshots[0].ID})
		check(t, err)
		_, err = c.Publish(t.Context(), nil, nil)
		check(t, err)
		check(t, c.FinishIndexes(t.Context(), true, nil))
	}
	check(t, c.View(t.Context(), func(v *catalog.View) error {
		if !seen[v.Changes()] || !before[v.Changes()] {
			t.Errorf("Changes is %d after nothing has changed", v.Changes())
		}
		return nil
	}))
}

func TestNestedDeep(t *testing.T) {
	const depth = 10_000
	m := newModel(33)
	h := m.tree([]*modelEntry{m.file("bottom")})
	for i := range depth {
		h = m.tree([]*modelEntry{m.dir(fmt.Sprint("d", i), h)})
	}
	m.snapshot(h)
	c := inMemory(t)
	m.build(t, c, 2, m.shuffled())
	m.publish(t, c)
	check(t, c.View(t.Context(), func(v *catalog.View) error {
		list, err := v.Snapshots()
		if err != nil {
			return err
		}
		n, last := 0, ""
		err = v.Walk(list[0].Root, "", 0, depth+1, func(path string, _ *syncline.Entry) error {
			n, last = n+1, path
			return nil
		})
		if err != nil || n != depth+1 || last[len(last)-10:] != "/d0/bottom" {
			return fmt.Errorf("the walk made %d steps and ended with %w", n, err)
		}
		e, _, _, err := v.Find(list[0].Root, last)
		if err == nil && e.Name != "bottom" {
			err = fmt.Errorf("found %q at the bottom", e.Name)
		}
		return err
	}))
}

func TestPathsWithoutEnd(t *testing.T) {
	m := newModel(34)
	h := m.tree(nil)
	for i := range 30 {
		h = m.tree([]*modelEntry{m.dir(fmt.Sprintf("%d%0100000d", i, 0), h)})
	}
	m.snapshot(h)
	c := inMemory(t)
	m.build(t, c, 1, m.order)
	m.publish(t, c)
	check(t, c.View(t.Context(), func(v *catalog.View) error {
		list, err := v.Snapshots()
		if err != nil {
			return err
		}
		err = v.Walk(list[0].Root, "", 0, 1000, func(string, *syncline.Entry) error { return nil })
		wantCode(t, err, syncline.CodeTooLarge)
		return nil
	}))
}

// TestDoublingChain has 2^60 paths in 61 trees; with a hole at the bottom too.
func TestDoublingChain(t *testing.T) {
	m := newModel(35)
	bottom := m.tree([]*modelEntry{m.file("f")})
	h := bottom
	for range 60 {
		h = m.tree([]*modelEntry{m.dir("a", h), m.dir("b", h)})
	}
	m.snapshot(h)
	c := inMemory(t)
	m.addTrees(t, c, m.order[1:]...)
	gaps, err := c.Publish(t.Context(), m.snapshots, nil)
	check(t, err)
	if len(gaps) != 1 || len(gaps[0].Missing) != 1 || gaps[0].Missing[0] != bottom {
		t.Fatalf("the gaps are %v", gaps)
	}
	m.addTrees(t, c, bottom)
	m.publish(t, c)
	const budget = 5000
	check(t, c.View(t.Context(), func(v *catalog.View) error {
		list, err := v.Snapshots()
		if err != nil {
			return err
		}
		n := 0
		err = v.Walk(list[0].Root, "", 0, budget, func(string, *syncline.Entry) error { n++; return nil })
		wantCode(t, err, syncline.CodeTooLarge)
		if n != budget {
			t.Errorf("the walk made %d calls on a budget of %d", n, budget)
		}
		return nil
	}))
	if got := dump(t, c); len(got) > 1<<20 {
		t.Errorf("the dump has %d bytes", len(got))
	}
}

// TestTreeInItself cannot come from hashes that were checked, as those of a Builder
// were; a catalog that says so is damaged, and Publish ends.
func TestTreeInItself(t *testing.T) {
	m := newModel(36)
	a := m.tree([]*modelEntry{m.file("a")})
	b := m.tree([]*modelEntry{m.dir("a", a)})
	m.trees[a] = m.trees[m.tree([]*modelEntry{m.dir("b", b)})]
	m.snapshot(b)
	c := inMemory(t)
	m.addTrees(t, c, a, b)
	c.Unload() // what the Builder knew: Publish reads the catalog
	_, err := c.Publish(t.Context(), m.snapshots, nil)
	wantCode(t, err, syncline.CodeDamaged)
	wantVisible(t, c)
}

func TestBind(t *testing.T) {
	c := inMemory(t)
	check(t, c.Bind(t.Context(), syncline.Hash{1}))
	check(t, c.Bind(t.Context(), syncline.Hash{1}))
	wantCode(t, c.Bind(t.Context(), syncline.Hash{2}), syncline.CodeConflict)
}

// TestClean removes snapshots in turn and cleans; what is visible stays as it
// was, and what went can come again.
func TestClean(t *testing.T) {
	m, want := reference(t, 37, 150)
	c := inMemory(t)
	m.build(t, c, 2, m.shuffled())
	m.publish(t, c)
	kept := newModel(37)
	*kept = *m
	gone := m.snapshots[1:]
	kept.snapshots = m.snapshots[:1]
	_, err := c.Publish(t.Context(), nil, ids(gone))
	check(t, err)
	before := dump(t, c)
	removed, err := c.Clean(t.Context(), 0.99, func(syncline.Hash) bool { return false })
	check(t, err)
	if removed != 0 {
		t.Fatal("cleaned below the share")
	}
	listed := m.order[len(m.order)/2]
	removed, err = c.Clean(t.Context(), 0, func(h syncline.Hash) bool { return h == listed })
	check(t, err)
	wantDump(t, dump(t, c), before)
	kept.verify(t, c)
	if removed == 0 {
		t.Fatal("nothing was cleaned")
	}
	removed, err = c.Clean(t.Context(), 0, func(syncline.Hash) bool { return false })
	check(t, err)
	if removed != 0 {
		t.Fatalf("%d entries were left by the first cleaning", removed)
	}
	gaps, err := c.Publish(t.Context(), gone, nil)
	check(t, err)
	if len(gaps) == 0 {
		t.Fatal("a snapshot without its trees was published")
	}
	m.build(t, c, 3, m.shuffled())
	m.publish(t, c)
	m.verify(t, c)
	wantDump(t, dump(t, c), want)
}

// TestCleanDropped tells trees that were cleaned away from those never seen.
func TestCleanDropped(t *testing.T) {
	m := newModel(38)
	only := m.tree([]*modelEntry{m.file("only")})
	never := m.tree([]*modelEntry{m.file("never")})
	m.snapshot(m.tree([]*modelEntry{m.file("stays")}))
	m.snapshot(m.tree([]*modelEntry{m.dir("d", only)}))
	c := inMemory(t)
	m.addTrees(t, c, only, m.snapshots[0].Tree, m.snapshots[1].Tree)
	m.publish(t, c)
	_, err := c.Publish(t.Context(), nil, ids(m.snapshots[1:]))
	check(t, err)
	_, err = c.Clean(t.Context(), 0, func(syncline.Hash) bool { return true })
	check(t, err)
	b, err := c.Build(t.Context())
	check(t, err)
	stays, root := m.snapshots[0].Tree, m.snapshots[1].Tree
	if !b.Dropped(only) || !b.Dropped(root) || b.Dropped(stays) || b.Dropped(never) ||
		b.Has(only) || b.Has(root) || !b.Has(stays) {
		t.Error("the trees' states after cleaning are not right")
	}
	b.Close()
	m.addTrees(t, c, only, root)
	m.publish(t, c)
	m.verify(t, c)
}

// meddled has another process write before an update.
type meddled struct {
	catalog.Container
	before func()
}

func (m *meddled) Update(ctx context.Context, expected catalog.Head, fn func(catalog.Writer) error) error {
	if before := m.before; before != nil {
		m.before = nil
		before()
	}
	return m.Container.Update(ctx, expected, fn)
}

// TestPublishWhatChangedMeanwhile publishes nothing by what was read of a state
// that is not there any more.
func TestPublishWhatChangedMeanwhile(t *testing.T) {
	m := newModel(47)
	m.grow(20, 1)
	memory := catalogtest.NewMemory()
	box := &meddled{Container: memory}
	c, other := open(t, box), open(t, memory)
	m.build(t, c, 1, m.order)
	box.before = func() { check(t, other.Bind(t.Context(), syncline.Hash{1})) }
	_, err := c.Publish(t.Context(), m.snapshots, nil)
	if !errors.Is(err, catalog.ErrConflict) {
		t.Errorf("the error is %v", err)
	}
	c.Unload() // the next session sees what is there
	m.publish(t, c)
}
