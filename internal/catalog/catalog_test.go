package catalog_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"testing"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/catalog"
	"syncline.dev/syncline/internal/catalog/catalogtest"
	"syncline.dev/syncline/internal/catalog/sqlite"
)

func openSQLite(t testing.TB, path string) *sqlite.Container {
	t.Helper()
	box, err := sqlite.Open(t.Context(), path)
	check(t, err)
	return box
}

// expand lists what Walk must give below a tree: paths and entries, in order.
func (m *model) expand(root syncline.Hash, prefix string, fn func(path string, e *modelEntry)) {
	for _, e := range m.trees[root].entries {
		if e.skip {
			continue
		}
		path := prefix + "/" + e.entry.Name
		fn(path, e)
		if !e.entry.Subtree.IsZero() {
			m.expand(e.entry.Subtree, path, fn)
		}
	}
}

// size returns the number of entries below a tree, at most limit.
func (m *model) size(root syncline.Hash, limit int) int {
	n := 0
	for _, e := range m.trees[root].entries {
		if n >= limit {
			break
		}
		n++
		if !e.entry.Subtree.IsZero() {
			n += m.size(e.entry.Subtree, limit-n)
		}
	}
	return n
}

func (m *model) kept(h syncline.Hash) []*modelEntry {
	return slices.DeleteFunc(slices.Clone(m.trees[h].entries), func(e *modelEntry) bool { return e.skip })
}

// verify compares everything that is visible with the model.
func (m *model) verify(t *testing.T, c *catalog.Catalog) {
	t.Helper()
	check(t, c.View(t.Context(), func(v *catalog.View) error {
		snapshots, err := v.Snapshots()
		if err != nil {
			return err
		}
		if err := m.verifySnapshots(snapshots); err != nil {
			return err
		}
		seen := make(map[syncline.Hash]bool)
		for i := range snapshots {
			if err := m.verifyTree(v, snapshots[i].Tree, snapshots[i].Root, seen); err != nil {
				return err
			}
		}
		for i := range snapshots {
			if err := m.verifyWalk(v, &snapshots[i]); err != nil {
				return err
			}
		}
		return nil
	}))
}

func (m *model) verifySnapshots(got []catalog.Snapshot) error {
	want := slices.Clone(m.snapshots)
	slices.SortFunc(want, func(a, b syncline.Snapshot) int {
		if c := a.Time.Compare(b.Time); c != 0 {
			return c
		}
		return slices.Compare(a.ID[:], b.ID[:])
	})
	if len(got) != len(want) {
		return fmt.Errorf("%d snapshots are visible, want %d", len(got), len(want))
	}
	for i := range got {
		g, w := got[i].Snapshot, want[i]
		if !sameTime(g.Time, w.Time) {
			return fmt.Errorf("the snapshot's time is %v, want %v", g.Time, w.Time)
		}
		g.Time = w.Time
		if a, b := fmt.Sprintf("%#v", g), fmt.Sprintf("%#v", w); a != b {
			return fmt.Errorf("the snapshot is\n%s\nwant\n%s", a, b)
		}
	}
	return nil
}

// verifyTree reads a tree with every detail, and the trees below it.
func (m *model) verifyTree(v *catalog.View, h syncline.Hash, ref catalog.TreeRef, seen map[syncline.Hash]bool) error {
	if seen[h] {
		return nil
	}
	seen[h] = true
	want := m.kept(h)
	subs := make(map[syncline.Hash]catalog.TreeRef)
	for detail := range catalog.WithContent | catalog.WithSubtree + 1 {
		i := 0
		err := v.ReadDir(ref, detail, func(e *syncline.Entry, sub catalog.TreeRef, ok bool) error {
			if i == len(want) {
				return fmt.Errorf("tree %s has more entries than %d", h.Short(), i)
			}
			w := &want[i].entry
			i++
			if ok == w.Subtree.IsZero() {
				return fmt.Errorf("entry %q has a tree: %v", w.Name, ok)
			}
			if ok {
				subs[w.Subtree] = sub
			}
			return compareEntry(e, w, detail)
		})
		if err == nil && i != len(want) {
			err = fmt.Errorf("tree %s has %d entries, want %d", h.Short(), i, len(want))
		}
		if err != nil {
			return err
		}
	}
	for sub, subRef := range subs {
		if err := m.verifyTree(v, sub, subRef, seen); err != nil {
			return err
		}
	}
	return nil
}

func (m *model) verifyWalk(v *catalog.View, s *catalog.Snapshot) error {
	limit := 20_000
	if raceEnabled {
		limit = 2000
	}
	if m.size(s.Tree, limit) >= limit {
		err := v.Walk(s.Root, "", 0, 1000, func(string, *syncline.Entry) error { return nil })
		if syncline.CodeOf(err) != syncline.CodeTooLarge {
			return fmt.Errorf("a walk past its budget ends with %w", err)
		}
		return nil
	}
	type step struct {
		path string
		e    *modelEntry
	}
	var want []step
	m.expand(s.Tree, "", func(path string, e *modelEntry) { want = append(want, step{path, e}) })
	i := 0
	err := v.Walk(s.Root, "", 0, int64(len(want)), func(path string, e *syncline.Entry) error {
		if i == len(want) || path != want[i].path {
			return fmt.Errorf("step %d of %d of the walk is %q", i, len(want), path)
		}
		i++
		return compareEntry(e, &want[i-1].e.entry, 0)
	})
	if err == nil && i != len(want) {
		err = fmt.Errorf("the walk has %d steps, want %d", i, len(want))
	}
	if err == nil {
		err = verifyList(v, s)
	}
	return err
}

// shuffled returns the trees in another order.
func (m *model) shuffled() []syncline.Hash {
	order := slices.Clone(m.order)
	m.rng.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
	return order
}

func TestModel(t *testing.T) {
	for seed, adders := range []int{1, 2, 3, 8} {
		t.Run(fmt.Sprint(adders, " adders"), func(t *testing.T) {
			m := newModel(uint64(seed))
			m.grow(250, 6)
			c := open(t, openSQLite(t, filepath.Join(t.TempDir(), "c")))
			m.build(t, c, adders, m.shuffled())
			m.publish(t, c)
			m.verify(t, c)
			m.verify(t, c) // from the caches
		})
	}
}

// TestModelGrows adds to a catalog whose blocks are cached from before.
func TestModelGrows(t *testing.T) {
	m := newModel(11)
	box := catalogtest.NewMemory()
	c := open(t, box)
	for range 5 {
		m.grow(20, 1)
		m.build(t, c, 2, m.order)
		m.publish(t, c)
		m.verify(t, c)
	}
	again := newModel(11)
	for range 5 {
		again.grow(20, 1)
	}
	fresh := inMemory(t)
	again.build(t, fresh, 1, again.order)
	again.publish(t, fresh)
	wantDump(t, dump(t, c), dump(t, fresh))
}

func TestFind(t *testing.T) {
	m := newModel(5)
	file := m.make(syncline.Entry{Name: "file", Type: syncline.TypeFile, Size: 5}, false)
	leaf := m.tree([]*modelEntry{file, m.dir("empty", m.tree(nil))})
	m.snapshot(m.tree([]*modelEntry{m.dir("a", leaf), m.dir("b\xff", leaf), m.dir("lost", syncline.Hash{})}))
	c := inMemory(t)
	m.build(t, c, 1, m.order)
	m.publish(t, c)
	check(t, c.View(t.Context(), func(v *catalog.View) error {
		s, err := v.Snapshots()
		if err != nil {
			return err
		}
		for _, p := range []struct {
			path string
			name string
			dir  bool
		}{{"/", "", true}, {"", "", true}, {"/a", "a", true}, {"//a/", "a", true}, {"/a/file", "file", false}, {"/b\xff/empty", "empty", true}, {"/lost", "lost", false}} {
			e, sub, ok, err := v.Find(s[0].Root, p.path)
			if err != nil || ok != p.dir || (e != nil) != (p.name != "") || e != nil && e.Name != p.name {
				return fmt.Errorf("Find(%q) gives %+v, %v, %w", p.path, e, ok, err)
			}
			if ok {
				if err := v.ReadDir(sub, 0, func(*syncline.Entry, catalog.TreeRef, bool) error { return nil }); err != nil {
					return err
				}
			}
		}
		for _, path := range []string{"/c", "/a/file/x", "/lost/x", "/a/FILE", "/a/..", "/a/empty/x"} {
			_, _, _, err := v.Find(s[0].Root, path)
			wantCode(t, err, syncline.CodeNotFound)
		}
		return nil
	}))
}

func TestWalkSkipsAndStops(t *testing.T) {
	m := newModel(5)
	leaf := m.tree([]*modelEntry{m.make(syncline.Entry{Name: "file"}, false)})
	m.snapshot(m.tree([]*modelEntry{m.dir("a", leaf), m.dir("b", leaf), m.dir("c", leaf)}))
	c := inMemory(t)
	m.build(t, c, 1, m.order)
	m.publish(t, c)
	enough := errors.New("enough")
	check(t, c.View(t.Context(), func(v *catalog.View) error {
		s, err := v.Snapshots()
		if err != nil {
			return err
		}
		var paths []string
		err = v.Walk(s[0].Root, "/pre", 0, 100, func(path string, _ *syncline.Entry) error {
			paths = append(paths, path)
			switch path {
			case "/pre/a":
				return catalog.SkipDir
			case "/pre/c":
				return enough
			}
			return nil
		})
		if !errors.Is(err, enough) || fmt.Sprint(paths) != "[/pre/a /pre/b /pre/b/file /pre/c]" {
			t.Errorf("the walk gave %v and ended with %v", paths, err)
		}
		return nil
	}))
}

// TestViewKeepsItsState reads a view while the catalog grows under it and the
// caches fill with newer blocks.
func TestViewKeepsItsState(t *testing.T) {
	m := newModel(21)
	m.grow(30, 2)
	old := len(m.order)
	var later int
	c := open(t, openSQLite(t, filepath.Join(t.TempDir(), "c")))
	m.build(t, c, 2, m.order)
	m.publish(t, c)
	before := &model{trees: m.trees, order: m.order[:old], snapshots: slices.Clone(m.snapshots)}
	seen, grown, done := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() {
		done <- c.View(t.Context(), func(v *catalog.View) error {
			list, err := v.Snapshots()
			if err != nil {
				return err
			}
			close(seen)
			<-grown
			for i := range list {
				err = errors.Join(err, before.verifyTree(v, list[i].Tree, list[i].Root, make(map[syncline.Hash]bool)))
			}
			again, err2 := v.Snapshots()
			return errors.Join(err, err2, before.verifySnapshots(again))
		})
	}()
	<-seen
	m.grow(60, 2)
	m.build(t, c, 2, m.order)
	m.publish(t, c)
	m.verify(t, c)
	later = len(m.order)
	close(grown)
	check(t, <-done)
	if later <= old {
		t.Fatal("nothing was added")
	}
}
