package catalog_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"testing"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/catalog"
	"syncline.dev/syncline/internal/catalog/catalogtest"
)

// TestLookup finds the first entry of each name in every folder, and nothing
// of other names, also while the last blocks grow, with the directories that the
// Builder left and those that are read, of which some lack the names' keys.
func TestLookup(t *testing.T) {
	m := newModel(43)
	c := open(t, openSQLite(t, filepath.Join(t.TempDir(), "c")))
	for round := range 6 {
		m.grow(60, 2)
		m.build(t, c, 2, m.order)
		m.publish(t, c)
		if round%3 == 2 {
			catalog.Forget()
		}
		looked := 0
		check(t, c.View(t.Context(), func(v *catalog.View) error {
			snapshots, err := v.Snapshots()
			if err != nil {
				return err
			}
			seen := make(map[catalog.TreeRef]bool)
			for i := range snapshots {
				if err := lookAll(v, snapshots[i].Root, seen, &looked); err != nil {
					return err
				}
			}
			return nil
		}))
		if looked < 20 {
			t.Fatalf("only %d names were looked up", looked)
		}
	}
}

// TestBuilderLeavesBlocks for who looks after it. Those of a commit that fails
// are not left: their numbers go to others.
func TestBuilderLeavesBlocks(t *testing.T) {
	noRoom := errors.New("no room")
	for _, x := range []struct {
		refused error
		bytes   int64
		brief   bool
	}{{nil, 1 << 20, false}, {noRoom, 1 << 20, false}, {nil, 100, false}, {nil, 1 << 20, true}} {
		refused, leaves := x.refused, x.refused == nil && x.bytes > 100 && !x.brief
		defer catalog.SetLeft(x.bytes, x.bytes)()
		m := newModel(44)
		m.grow(60, 2)
		box := &failing{Container: catalogtest.NewMemory()}
		c := open(t, box)
		if x.brief {
			c.Brief()
		}
		catalog.Forget()
		box.err = refused
		b, err := c.Build(t.Context())
		check(t, err)
		check(t, m.feed(b, 2, m.order))
		if err := b.Flush(t.Context()); (err == nil) != (refused == nil) {
			t.Fatalf("Flush gives %v, want %v", err, refused)
		}
		b.Close()
		if n := catalog.FolderBlocks(); (n > 0) != leaves {
			t.Errorf("a commit with the error %v, and %d bytes, left %d blocks of directories", refused, x.bytes, n)
		}
		if n := catalog.NameBlocks(); (n > 0) != leaves {
			t.Errorf("a commit with the error %v, and %d bytes, left %d blocks of names", refused, x.bytes, n)
		}
	}
}

func lookAll(v *catalog.View, tree catalog.TreeRef, seen map[catalog.TreeRef]bool, looked *int) error {
	if seen[tree] {
		return nil
	}
	seen[tree] = true
	names, dirs := make(map[string]bool), make(map[string]bool)
	const all = catalog.WithContent | catalog.WithSubtree
	err := v.ReadDir(tree, all, func(e *syncline.Entry, sub catalog.TreeRef, ok bool) error {
		if ok {
			if err := lookAll(v, sub, seen, looked); err != nil {
				return err
			}
		}
		if ok && !dirs[e.Name] {
			dirs[e.Name] = true
			got, gotOK, err := v.LookupTree(tree, e.Name)
			if err != nil || !gotOK || got != sub {
				return fmt.Errorf("LookupTree(%q) gives %v, %v, %w; want %v", e.Name, got, gotOK, err, sub)
			}
		}
		if names[e.Name] {
			return nil
		}
		names[e.Name] = true
		*looked++
		got, gotSub, gotOK, found, err := v.Lookup(tree, e.Name, all)
		if err != nil || !found || gotOK != ok || ok && gotSub != sub || !reflect.DeepEqual(got, e) {
			return fmt.Errorf("Lookup(%q) gives %+v, %v, %v, %w; want %+v", e.Name, got, gotOK, found, err, e)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if _, _, _, found, err := v.Lookup(tree, "no such name", all); err != nil || found {
		return fmt.Errorf("Lookup of what is not there gives %v, %w", found, err)
	}
	for name := range names {
		if dirs[name] {
			continue
		}
		if _, ok, err := v.LookupTree(tree, name); err != nil || ok {
			return fmt.Errorf("LookupTree(%q), which is no directory, gives %v, %w", name, ok, err)
		}
	}
	if _, ok, err := v.LookupTree(tree, "no such name"); err != nil || ok {
		return fmt.Errorf("LookupTree of what is not there gives %v, %w", ok, err)
	}
	return nil
}

// TestNamed looks for each name in all folders with one Named. TestPublishLost does so
// with lost folders.
func TestNamed(t *testing.T) {
	m := newModel(45)
	c := open(t, openSQLite(t, filepath.Join(t.TempDir(), "c")))
	for range 4 {
		m.grow(120, 3)
		m.build(t, c, 2, m.order)
		m.publish(t, c)
		if found, _ := checkNamed(t, c); found < 20 {
			t.Fatalf("only %d folders were found", found)
		}
	}
}

// checkNamed compares what one Named finds in the roots one after the other and in all
// other folders with what a new one finds in each. It returns how many folders it has
// found, and how many lost ones.
func checkNamed(t *testing.T, c *catalog.Catalog) (found, lost int) {
	t.Helper()
	check(t, c.View(t.Context(), func(v *catalog.View) error {
		trees, names, err := everything(v)
		for name := range names {
			named := v.Named(name)
			for _, tree := range trees {
				sub, ok, err := v.LookupTree(tree, name)
				got, gotOK, gotErr := named.Tree(tree)
				if got != sub || gotOK != ok || fmt.Sprint(gotErr) != fmt.Sprint(err) {
					return fmt.Errorf("%q is folder %v, %v, %w; want %v, %v, %w", name, got, gotOK, gotErr, sub, ok, err)
				}
				if ok {
					found++
				}
				if errors.Is(err, catalog.ErrLost) {
					lost++
				}
				ref, there, err := v.Named(name).In(tree)
				gotRef, gotThere, gotErr := named.In(tree)
				if gotRef != ref || gotThere != there || fmt.Sprint(gotErr) != fmt.Sprint(err) {
					return fmt.Errorf("%q is %v, %v, %w; want %v, %v, %w", name, gotRef, gotThere, gotErr, ref, there, err)
				}
			}
		}
		return err
	}))
	return found, lost
}

// everything returns the roots of all snapshots and then all trees, and the names in them.
func everything(v *catalog.View) (trees []catalog.TreeRef, names map[string]bool, err error) {
	names = map[string]bool{"no such name": true}
	seen := make(map[catalog.TreeRef]bool)
	var below func(tree catalog.TreeRef) error
	below = func(tree catalog.TreeRef) error {
		if seen[tree] {
			return nil
		}
		seen[tree] = true
		trees = append(trees, tree)
		err := v.ReadDir(tree, 0, func(e *syncline.Entry, sub catalog.TreeRef, ok bool) error {
			names[e.Name] = true
			if !ok {
				return nil
			}
			return below(sub)
		})
		if errors.Is(err, catalog.ErrLost) {
			return nil
		}
		return err
	}
	list, err := v.Snapshots()
	for i := range list {
		trees = append(trees, list[i].Root)
	}
	for i := 0; err == nil && i < len(list); i++ {
		err = below(list[i].Root)
	}
	return trees, names, err
}
