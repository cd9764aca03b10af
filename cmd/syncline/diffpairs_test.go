package main_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"syncline.dev/syncline/internal/resticfixture"
	"syncline.dev/syncline/internal/resticwriter"
)

// thing is a file, a link or a folder of a generated tree.
type thing struct {
	kind   string
	time   int
	blobs  []int             // of a file, from a small pool; none is an empty file
	target string            // of a link
	inside map[string]*thing // of a folder
}

func (x *thing) clone() *thing {
	out := *x
	out.blobs = slices.Clone(x.blobs)
	if x.inside != nil {
		out.inside = make(map[string]*thing)
		for name, in := range x.inside {
			out.inside[name] = in.clone()
		}
	}
	return &out
}

// folders returns the folder and all folders in it.
func (x *thing) folders() []*thing {
	list := []*thing{x}
	for _, name := range slices.Sorted(maps.Keys(x.inside)) {
		if in := x.inside[name]; in.kind == "dir" {
			list = append(list, in.folders()...)
		}
	}
	return list
}

func newThing(r *rand.Rand, depth int) *thing {
	x := &thing{kind: []string{"file", "file", "file", "symlink", "dir"}[r.IntN(5)], time: r.IntN(4)}
	if depth > 3 && x.kind == "dir" {
		x.kind = "file"
	}
	switch x.kind {
	case "file":
		x.blobs = someBlobs(r)
	case "symlink":
		x.target = fmt.Sprint("to ", r.IntN(3))
	case "dir":
		x.inside = make(map[string]*thing)
		for range r.IntN(7) {
			x.inside[someName(r)] = newThing(r, depth+1)
		}
	}
	return x
}

// someBlobs returns few of few blobs, so that files share them, and some repeat one.
func someBlobs(r *rand.Rand) (list []int) {
	for range r.IntN(4) {
		list = append(list, r.IntN(24))
	}
	return list
}

func someName(r *rand.Rand) string {
	return []string{"a", "b", "B", "c", "d e", "é", "long.txt", "x\"y", "x<y>&z"}[r.IntN(9)]
}

// change changes a tree in one of the ways that a comparison tells apart.
func (x *thing) change(r *rand.Rand) {
	all := x.folders()
	in := all[r.IntN(len(all))]
	names := slices.Sorted(maps.Keys(in.inside))
	if len(names) == 0 || r.IntN(6) == 0 {
		in.inside[someName(r)] = newThing(r, 2)
		return
	}
	name := names[r.IntN(len(names))]
	one := in.inside[name]
	switch r.IntN(9) {
	case 0:
		delete(in.inside, name)
	case 1: // another type, or another one of the same type
		in.inside[name] = newThing(r, 2)
	case 2:
		one.time++
	case 3, 7, 8: // only the content tells
		for i := range one.blobs {
			one.blobs[i] ^= 1 // of the same length
		}
	case 4: // moved, or renamed
		to := all[r.IntN(len(all))]
		if one.kind != "dir" || !slices.Contains(one.folders(), to) {
			delete(in.inside, name)
			to.inside[someName(r)] = one
		}
	case 5: // there twice
		all[r.IntN(len(all))].inside[someName(r)] = one.clone()
	case 6: // its content goes, and comes again elsewhere
		delete(in.inside, name)
		if one.kind == "file" {
			all[r.IntN(len(all))].inside[someName(r)] = &thing{kind: "file", time: one.time + 1, blobs: one.blobs}
		}
	}
}

// grower writes generated trees into a repository.
type grower struct {
	t           *testing.T
	repo        *resticwriter.Repo
	data, trees *resticwriter.Packer
	known       map[string]bool
}

func (g *grower) must(err error) {
	g.t.Helper()
	if err != nil {
		g.t.Fatal(err)
	}
}

// blob stores a blob once, and returns its name.
func (g *grower) blob(to *resticwriter.Packer, raw []byte) string {
	sum := sha256.Sum256(raw)
	id := hex.EncodeToString(sum[:])
	if !g.known[id] {
		g.known[id] = true
		g.must(to.Add(sum, raw))
	}
	return id
}

// tree stores a folder, and returns the name of its tree.
func (g *grower) tree(x *thing) string {
	var nodes []string
	for _, name := range slices.Sorted(maps.Keys(x.inside)) {
		nodes = append(nodes, g.node(name, x.inside[name]))
	}
	return g.blob(g.trees, []byte(`{"nodes":[`+strings.Join(nodes, ",")+"]}\n"))
}

func (g *grower) node(name string, x *thing) string {
	at := time.Date(2024, 5, 1, 10, 0, x.time, 0, time.UTC).Format(time.RFC3339)
	quoted := strconv.Quote(name)
	inner, err := json.Marshal(quoted[1 : len(quoted)-1]) // restic quotes it twice
	g.must(err)
	head := fmt.Sprintf(`{"name":%s,"type":%q,"mode":420,"mtime":%q,"atime":%q,"ctime":%q,"uid":0,"gid":0`, inner, x.kind, at, at, at)
	switch x.kind {
	case "dir":
		return head + fmt.Sprintf(`,"subtree":%q}`, g.tree(x))
	case "symlink":
		return head + fmt.Sprintf(`,"linktarget":%q}`, x.target)
	}
	var size int
	list := []string{}
	for _, no := range x.blobs {
		raw := []byte(strings.Repeat(fmt.Sprintf("blob %02d", no), 1+(no/2)*(no/2)))
		size += len(raw)
		list = append(list, g.blob(g.data, raw))
	}
	content, err := json.Marshal(list)
	g.must(err)
	return head + fmt.Sprintf(`,"size":%d,"content":%s}`, size, content)
}

// TestDiffOfGeneratedTrees compares pairs of generated trees with restic, byte for byte:
// with moved and renamed things, other types, few blobs that many files share, empty
// files, and contents that go here and come there.
func TestDiffOfGeneratedTrees(t *testing.T) {
	r := rand.New(rand.NewPCG(21, 12))
	dir := filepath.Join(t.TempDir(), "repo")
	repo, err := resticwriter.Create(dir, resticfixture.Password)
	g := &grower{t: t, repo: repo, known: make(map[string]bool)}
	g.must(err)
	g.data, g.trees = resticwriter.NewPacker(repo, "data", false), resticwriter.NewPacker(repo, "tree", true)
	root := &thing{kind: "dir", inside: make(map[string]*thing)}
	for range 14 {
		root.inside[someName(r)] = newThing(r, 0)
	}
	var ids []string
	for i := range 14 {
		tree := g.tree(root)
		id, err := repo.StoreJSON("snapshots", map[string]any{"time": time.Date(2024, 5, 1+i, 0, 0, 0, 0, time.UTC), "tree": tree, "paths": []string{"/s"}, "hostname": "h"})
		g.must(err)
		ids = append(ids, id.String())
		for range 1 + r.IntN(12) {
			root.change(r)
		}
	}
	g.must(g.data.Flush())
	g.must(g.trees.Flush())
	g.must(repo.Flush())
	env := []string{"SYNCLINE_CACHE_DIR=" + t.TempDir()}
	if out := runProgram(t, env, "-r", dir, "sync"); out.code != 0 {
		t.Fatal(out.stderr)
	}
	old := strings.HasPrefix(resticfixture.Version(t), "0.14")
	seen := make(map[string]int)
	for range 30 {
		args := []string{"diff", ids[r.IntN(len(ids))], ids[r.IntN(len(ids))]}
		if i := r.IntN(len(ids) - 1); r.IntN(2) == 0 {
			args = []string{"diff", ids[i], ids[i+1]}
		}
		for _, flag := range []string{"--json", "--metadata"} {
			if r.IntN(2) == 0 {
				args = append(args, flag)
			}
		}
		want := string(resticfixture.Run(t, dir, append(args, "--no-lock")...))
		got := runProgram(t, env, slices.Concat([]string{"-r", dir, "--no-sync"}, args)...)
		for _, mark := range []string{"M?", "TU", "T ", "-  ", "+  ", "U  ", "M  "} {
			seen[mark] += strings.Count(got.stdout, "\n"+mark)
		}
		text := got.stdout
		if old { // it does not look whether anything else differs
			text = strings.NewReplacer("\nM?   ", "\nM    ", `"modifier":"M?"`, `"modifier":"M"`).Replace(text)
		}
		if got.code != 0 || text != want {
			t.Errorf("%q: exit code %d %s\n%s\nrestic:\n%s", args, got.code, got.stderr, text, want)
		}
	}
	for mark, n := range seen {
		if n < 2 {
			t.Errorf("the trees tell nothing of %q: %v", mark, seen)
		}
	}
}
