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
	if got := resticfixture.Run(t, o.dir, "dump", "latest", path); !bytes.Equal(got, appendContent(nil, f)) {
		t.Errorf("%s holds %q", path, got)
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
