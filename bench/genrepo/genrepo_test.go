package main

import (
	"bytes"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"syncline.dev/syncline/bench/internal/treemodel"
	"syncline.dev/syncline/internal/resticfixture"
	"syncline.dev/syncline/internal/resticwriter"
)

// TestResticAgrees lets restic check every byte, and compares restic's lists
// and dumps with the model.
func TestResticAgrees(t *testing.T) {
	o := options{
		dir: filepath.Join(t.TempDir(), "repo"), password: resticfixture.Password,
		files: 700, snapshots: 3, change: 0.05, seed: 5,
	}
	if err := run(o, io.Discard); err != nil {
		t.Fatal(err)
	}
	resticfixture.Run(t, o.dir, "check", "--read-data")
	tree := treemodel.New(o.seed, o.files)
	for i, tag := range []string{"step-0", "step-1", "step-2"} {
		if i > 0 {
			tree.Mutate(o.change)
		}
		listed := resticfixture.Run(t, o.dir, "ls", "--quiet", "--tag", tag, "latest")
		got := strings.Split(strings.TrimSpace(string(listed)), "\n")
		want := paths(tree)
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%s: restic lists %d entries, the model has %d", tag, len(got), len(want))
		}
	}
	dir := slices.IndexFunc(tree.Dirs, func(d treemodel.Dir) bool { return len(d.Files) > 0 })
	f := tree.Dirs[dir].Files[0]
	path := strings.TrimSuffix("/data/"+tree.Path(dir), "/") + "/" + f.Name
	if got := resticfixture.Run(t, o.dir, "dump", "latest", path); !bytes.Equal(got, contents(0).append(nil, f)) {
		t.Errorf("%s holds %q", path, got)
	}
}

// TestLean does the same for files that share contents, and are made folder by folder.
func TestLean(t *testing.T) {
	const shared = 5
	o := options{
		dir: filepath.Join(t.TempDir(), "repo"), password: resticfixture.Password,
		files: 900, snapshots: 1, seed: 5, contents: shared, lean: true,
	}
	if err := run(o, io.Discard); err != nil {
		t.Fatal(err)
	}
	resticfixture.Run(t, o.dir, "check", "--read-data")
	lean := treemodel.NewLean(o.seed, o.files)
	tree := treemodel.Tree{Dirs: slices.Clone(lean.Dirs)}
	for i := range tree.Dirs {
		tree.Dirs[i].Files = lean.Files(i, nil)
	}
	got := strings.Split(strings.TrimSpace(string(resticfixture.Run(t, o.dir, "ls", "--quiet", "latest"))), "\n")
	want := paths(&tree)
	slices.Sort(got)
	if !slices.Equal(got, want) || len(want) != o.files+len(tree.Dirs) {
		t.Errorf("restic lists %d entries, the model has %d", len(got), len(want))
	}
	if blobs := strings.Fields(string(resticfixture.Run(t, o.dir, "list", "blobs"))); len(blobs) != 2*(shared+len(tree.Dirs)+1) {
		t.Errorf("%d blobs of %d contents and %d folders with the one above", len(blobs)/2, shared, len(tree.Dirs))
	}
	f := tree.Dirs[0].Files[0]
	if got := resticfixture.Run(t, o.dir, "dump", "latest", "/data/"+f.Name); !bytes.Equal(got, contents(shared).append(nil, f)) {
		t.Errorf("%s holds %q", f.Name, got)
	}
}

func paths(tree *treemodel.Tree) []string {
	all := []string{"/data"}
	for i, d := range tree.Dirs {
		dir := "/data"
		if i > 0 {
			dir += "/" + tree.Path(i)
			all = append(all, dir)
		}
		for _, f := range d.Files {
			all = append(all, dir+"/"+f.Name)
		}
	}
	slices.Sort(all)
	return all
}

func TestRefuses(t *testing.T) {
	full := t.TempDir()
	if _, err := resticwriter.Create(filepath.Join(full, "sub"), "x"); err != nil {
		t.Fatal(err)
	}
	good := options{dir: filepath.Join(full, "new"), password: "x", files: 1, snapshots: 1}
	for name, change := range map[string]func(*options){
		"no folder":    func(o *options) { o.dir = "" },
		"not empty":    func(o *options) { o.dir = full },
		"no password":  func(o *options) { o.password = "" },
		"no files":     func(o *options) { o.files = 0 },
		"no snapshots": func(o *options) { o.snapshots = 0 },
		"part above 1": func(o *options) { o.change = 1.5 },
		"no contents":  func(o *options) { o.contents = -1 },
		"lean history": func(o *options) { o.lean, o.snapshots = true, 2 },
	} {
		o := good
		change(&o)
		if err := run(o, io.Discard); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if err := run(good, io.Discard); err != nil {
		t.Errorf("what they were made from: %v", err)
	}
}
