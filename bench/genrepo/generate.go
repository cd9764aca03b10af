package main

import (
	"cmp"
	"crypto/sha256"
	"errors"
	"runtime"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"syncline.dev/syncline/bench/internal/treemodel"
	"syncline.dev/syncline/internal/resticwriter"
)

// id names an object.
type id = resticwriter.ID

// epoch is the time of the first snapshot. The others follow day by day.
var epoch = time.Date(2026, 1, 5, 22, 0, 0, 0, time.UTC)

// generator writes the snapshots of one tree, one after the other.
type generator struct {
	repo *resticwriter.Repo
	dirs []treemodel.Dir
	tree *treemodel.Tree // nil for a lean one
	lean *treemodel.Lean // or nil

	shared []atomic.Bool // which contents are written, if files share them
	parts  [][]int       // the folders of each goroutine; see split
	trees  []id          // each folder's last tree blob
	times  []time.Time   // each folder's modification time
	dirty  []bool        // folders whose tree blob is out of date
	fresh  map[int][]treemodel.File
	parent id

	written atomic.Int64 // tree blobs
}

func newGenerator(r *resticwriter.Repo, o *options) *generator {
	g := &generator{repo: r, fresh: make(map[int][]treemodel.File), shared: make([]atomic.Bool, o.contents)}
	if o.lean {
		g.lean = treemodel.NewLean(o.seed, o.files)
		g.dirs = g.lean.Dirs
	} else {
		g.tree = treemodel.New(o.seed, o.files)
		g.dirs = g.tree.Dirs
		for i := range g.dirs {
			g.fresh[i] = g.dirs[i].Files
		}
	}
	g.trees, g.times, g.dirty = make([]id, len(g.dirs)), make([]time.Time, len(g.dirs)), make([]bool, len(g.dirs))
	for i := range g.dirs {
		g.dirty[i] = true
		g.times[i] = epoch.Add(-time.Duration(i%10_000_000) * time.Second)
	}
	g.parts = g.split(runtime.GOMAXPROCS(0))
	return g
}

// split divides the folders, in the order in which a backup ends them: by name,
// each after the folders in it. A program that reads the repository along its
// paths then meets the trees in the order of the packs. The root is in no part.
// Each folder in the root is in one part with everything below it.
func (g *generator) split(parts int) [][]int {
	out := make([][]int, 1, parts)
	all := len(g.dirs)
	var walk func(dir int)
	walk = func(dir int) {
		for _, sub := range g.byName(dir) {
			walk(sub)
		}
		last := len(out) - 1
		out[last] = append(out[last], dir)
	}
	for _, dir := range g.byName(0) {
		if last := len(out) - 1; len(out[last])*parts >= all && len(out) < parts {
			out = append(out, nil)
		}
		walk(dir)
	}
	return out
}

// byName returns the folders in a folder.
func (g *generator) byName(dir int) []int {
	subs := slices.Clone(g.dirs[dir].Dirs)
	slices.SortFunc(subs, func(a, b int) int { return cmp.Compare(g.dirs[a].Name, g.dirs[b].Name) })
	return subs
}

// mutate makes the changes before the i-th snapshot.
func (g *generator) mutate(i int, fraction float64) {
	at := epoch.AddDate(0, 0, i).Add(-time.Hour)
	for _, c := range g.tree.Mutate(fraction) {
		switch c.Op {
		case treemodel.Modified:
			g.fresh[c.Dir] = append(g.fresh[c.Dir], c.File)
		case treemodel.Added:
			g.fresh[c.Dir] = append(g.fresh[c.Dir], c.File)
			g.times[c.Dir] = at
		case treemodel.Renamed, treemodel.Deleted:
			g.times[c.Dir] = at
		}
		for d := c.Dir; !g.dirty[d]; d = g.dirs[d].Parent {
			g.dirty[d] = true
		}
	}
}

// snapshot writes the i-th snapshot and the trees that changed since the one
// before.
func (g *generator) snapshot(i int) error {
	workers := make([]*worker, len(g.parts))
	var group errgroup.Group
	for i := range workers {
		w := &worker{
			data: resticwriter.NewPacker(g.repo, "data", false),
			tree: resticwriter.NewPacker(g.repo, "tree", true),
			enc:  encoder{contents: contents(len(g.shared))},
		}
		workers[i] = w
		group.Go(func() error { return g.part(g.parts[i], w) })
	}
	if err := group.Wait(); err != nil {
		return err
	}
	if err := g.part([]int{0}, workers[0]); err != nil {
		return err
	}
	root, err := workers[0].addTree(workers[0].enc.root("data", g.times[0], g.trees[0]))
	if err != nil {
		return err
	}
	g.written.Add(1)
	clear(g.fresh)
	for _, w := range workers {
		if err := errors.Join(w.data.Flush(), w.tree.Flush()); err != nil {
			return err
		}
	}
	if err := g.repo.Flush(); err != nil {
		return err
	}
	s := snapshot{
		Time: epoch.AddDate(0, 0, i), Tree: root, Paths: []string{"/data"}, Hostname: "bench", Username: "bench",
		UID: 1000, GID: 1000, Tags: []string{"step-" + strconv.Itoa(i)}, ProgramVersion: "syncline genrepo",
	}
	if i > 0 {
		s.Parent = &g.parent
	}
	saved, err := g.repo.StoreJSON("snapshots", s)
	g.parent = saved
	return err
}

type snapshot struct {
	Time           time.Time `json:"time"`
	Parent         *id       `json:"parent,omitempty"`
	Tree           id        `json:"tree"`
	Paths          []string  `json:"paths"`
	Hostname       string    `json:"hostname"`
	Username       string    `json:"username"`
	UID            int       `json:"uid"`
	GID            int       `json:"gid"`
	Tags           []string  `json:"tags"`
	ProgramVersion string    `json:"program_version"`
}

// part writes the trees of some folders that are out of date.
func (g *generator) part(dirs []int, w *worker) error {
	for _, dir := range dirs {
		if g.dirty[dir] {
			if err := g.folder(dir, w); err != nil {
				return err
			}
		}
	}
	return nil
}

// folder writes a folder's tree and the contents of its new files.
func (g *generator) folder(dir int, w *worker) error {
	files, fresh := g.dirs[dir].Files, g.fresh[dir]
	if g.lean != nil {
		w.files = g.lean.Files(dir, w.files[:0])
		files, fresh = w.files, w.files
	}
	for _, f := range fresh {
		if err := g.data(f, w); err != nil {
			return err
		}
	}
	tree, err := w.addTree(w.enc.tree(files, g.dirs[dir].Dirs, g.dirs, g.trees, g.times))
	if err != nil {
		return err
	}
	g.trees[dir] = tree
	g.dirty[dir] = false
	g.written.Add(1)
	return nil
}

// data writes the contents of a file, those that files share once.
func (g *generator) data(f treemodel.File, w *worker) error {
	if len(g.shared) > 0 && g.shared[w.enc.contents.shared(f)].Swap(true) {
		return nil
	}
	w.content = w.enc.contents.append(w.content[:0], f)
	return w.data.Add(sha256.Sum256(w.content), w.content)
}

// worker has the buffers of one goroutine.
type worker struct {
	data, tree *resticwriter.Packer
	enc        encoder
	content    []byte
	files      []treemodel.File
}

func (w *worker) addTree(raw []byte) (id, error) {
	sum := id(sha256.Sum256(raw))
	return sum, w.tree.Add(sum, raw)
}
