package treemodel

import (
	"reflect"
	"slices"
	"testing"
)

// TestSame checks that a seed always gives the same tree and the same history,
// and that the model agrees with the changes it reports.
func TestSame(t *testing.T) {
	a, b := New(7, 3000), New(7, 3000)
	for range 3 {
		before := paths(t, a)
		changes := a.Mutate(0.02)
		if !reflect.DeepEqual(changes, b.Mutate(0.02)) {
			t.Fatal("the same seed gave two histories")
		}
		if len(changes) != (len(before)+25)/50 {
			t.Fatalf("%d changes to %d files", len(changes), len(before))
		}
		for _, c := range changes {
			replay(t, a, before, c)
		}
		if now := paths(t, a); !reflect.DeepEqual(before, now) {
			t.Fatal("the changes reported do not lead to the tree as it is")
		}
	}
	if reflect.DeepEqual(New(7, 3000).Dirs, New(8, 3000).Dirs) {
		t.Fatal("two seeds gave one tree")
	}
}

func replay(t *testing.T, tree *Tree, files map[string]File, c Change) {
	t.Helper()
	dir := tree.Path(c.Dir) + "/"
	switch c.Op {
	case Renamed:
		delete(files, dir+c.Old)
	case Deleted:
		delete(files, dir+c.File.Name)
		return
	case Added:
		if _, ok := files[dir+c.File.Name]; ok {
			t.Fatalf("%q was there already", dir+c.File.Name)
		}
	case Modified:
	}
	files[dir+c.File.Name] = c.File
}

func paths(t *testing.T, tree *Tree) map[string]File {
	t.Helper()
	all := make(map[string]File)
	for i, d := range tree.Dirs {
		for _, f := range d.Files {
			all[tree.Path(i)+"/"+f.Name] = f
		}
		for _, sub := range d.Dirs {
			if _, ok := all[tree.Path(sub)]; ok {
				t.Fatalf("%q is a file and a folder", tree.Path(sub))
			}
		}
	}
	if len(all) != tree.Files() {
		t.Fatalf("%d distinct paths for %d files", len(all), tree.Files())
	}
	return all
}

// TestLean checks that a lean tree has all of its files, with distinct paths and
// serials, and makes the same ones again.
func TestLean(t *testing.T) {
	for _, files := range []int{1, 39, 3000} {
		lean := NewLean(7, files)
		tree := Tree{Dirs: lean.Dirs, files: files}
		serials := make(map[uint32]bool)
		var buf []File
		for i := range tree.Dirs {
			tree.Dirs[i].Files = lean.Files(i, nil)
			if buf = lean.Files(i, buf[:0]); !slices.Equal(buf, tree.Dirs[i].Files) {
				t.Errorf("folder %d has other files when it is asked again", i)
			}
			for _, f := range tree.Dirs[i].Files {
				serials[f.Serial] = true
			}
		}
		if paths(t, &tree); len(serials) != files {
			t.Errorf("%d serials for %d files", len(serials), files)
		}
	}
}
