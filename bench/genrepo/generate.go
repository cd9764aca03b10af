package main

import (
	"crypto/sha256"
	"errors"
	"runtime"
	"strconv"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"syncline.dev/syncline/bench/internal/treemodel"
	"syncline.dev/syncline/internal/resticwriter"
)

// id names an object.
type id = resticwriter.ID

// epoch is the time of the first snapshot; the others follow day by day.
var epoch = time.Date(2026, 1, 5, 22, 0, 0, 0, time.UTC)

// generator writes the snapshots of one tree, one after the other.
type generator struct {
	repo *resticwriter.Repo
	tree *treemodel.Tree

	levels [][]int     // folders by depth
	trees  []id        // each folder's tree blob as written last
	times  []time.Time // each folder's modification time
	dirty  []bool      // folders whose tree blob is out of date
	fresh  map[int][]treemodel.File
	parent id

	written atomic.Int64 // tree blobs
}

func newGenerator(r *resticwriter.Repo, seed uint64, files int) *generator {
	t := treemodel.New(seed, files)
	g := &generator{
		repo: r, tree: t,
		trees: make([]id, len(t.Dirs)), times: make([]time.Time, len(t.Dirs)), dirty: make([]bool, len(t.Dirs)),
		fresh: make(map[int][]treemodel.File),
	}
	depth := make([]int, len(t.Dirs))
	for i, d := range t.Dirs {
		// A folder's parent always has the smaller index.
		if i > 0 {
			depth[i] = depth[d.Parent] + 1
		}
		for len(g.levels) <= depth[i] {
			g.levels = append(g.levels, nil)
		}
		g.levels[depth[i]] = append(g.levels[depth[i]], i)
		g.dirty[i] = true
		g.times[i] = epoch.Add(-time.Duration(i%10_000_000) * time.Second)
		g.fresh[i] = d.Files
	}
	return g
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
		for d := c.Dir; !g.dirty[d]; d = g.tree.Dirs[d].Parent {
			g.dirty[d] = true
		}
	}
}

// snapshot writes what changed since the last one, and the i-th snapshot.
func (g *generator) snapshot(i int) error {
	workers := make([]*worker, runtime.GOMAXPROCS(0))
	for w := range workers {
		workers[w] = &worker{
			data: resticwriter.NewPacker(g.repo, "data", false),
			tree: resticwriter.NewPacker(g.repo, "tree", true),
		}
	}
	// A tree names those below it, so the deepest come first.
	for level := len(g.levels) - 1; level >= 0; level-- {
		if err := g.level(g.levels[level], workers); err != nil {
			return err
		}
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

// level writes the folders of one depth that are out of date, on all cores.
func (g *generator) level(dirs []int, workers []*worker) error {
	var next atomic.Int64
	var group errgroup.Group
	for _, w := range workers {
		group.Go(func() error {
			for {
				i := int(next.Add(1)) - 1
				if i >= len(dirs) {
					return nil
				}
				if dir := dirs[i]; g.dirty[dir] {
					if err := g.folder(dir, w); err != nil {
						return err
					}
				}
			}
		})
	}
	return group.Wait()
}

// folder writes a folder's tree and the contents of its new files.
func (g *generator) folder(dir int, w *worker) error {
	for _, f := range g.fresh[dir] {
		w.content = appendContent(w.content[:0], f)
		if err := w.data.Add(sha256.Sum256(w.content), w.content); err != nil {
			return err
		}
	}
	tree, err := w.addTree(w.enc.tree(&g.tree.Dirs[dir], g.tree.Dirs, g.trees, g.times))
	if err != nil {
		return err
	}
	g.trees[dir] = tree
	g.dirty[dir] = false
	g.written.Add(1)
	return nil
}

// worker is what one goroutine fills.
type worker struct {
	data, tree *resticwriter.Packer
	enc        encoder
	content    []byte
}

func (w *worker) addTree(raw []byte) (id, error) {
	sum := id(sha256.Sum256(raw))
	return sum, w.tree.Add(sum, raw)
}
