package explore

import (
	"cmp"
	"container/heap"
	"context"
	"slices"

	"syncline.dev/syncline/internal/catalog"
)

// maxListedPath bounds the bytes of the paths in statistics: what is longer
// counts, but is not listed.
const maxListedPath = 32 << 10

// maxOpened bounds how many folders one search looks into. Without it, trees
// that double with each level and have their files deeper than maxDepth would
// be searched on all their paths. Real ones take the levels of each answer.
const maxOpened = 16 << 10

// spot is a path with an entry at it.
type spot struct {
	parent *spot // nil for the root
	name   string
	length int // bytes of the path
	depth  int
}

func (p *spot) path() string {
	if p.parent == nil {
		return "/"
	}
	out := make([]byte, p.length)
	for at := p.length; p.parent != nil; p = p.parent {
		at -= len(p.name)
		copy(out[at:], p.name)
		at--
		out[at] = '/'
	}
	return string(out)
}

// ranked is an entry with what it is ranked by.
type ranked struct {
	by    uint64
	entry uint32
}

// top keeps the n entries that rank highest, the earlier ones of equals.
type top struct {
	n    int
	list []ranked
	// drop, where set, hears of those that are not kept.
	drop func(entry uint32)
}

func (t *top) add(by uint64, entry uint32) {
	if t.list = append(t.list, ranked{by, entry}); len(t.list) >= 2*t.n+64 {
		t.cut()
	}
}

// cut leaves those that are kept, highest first.
func (t *top) cut() []ranked {
	slices.SortFunc(t.list, func(a, b ranked) int {
		return cmp.Or(cmp.Compare(b.by, a.by), cmp.Compare(a.entry, b.entry))
	})
	if len(t.list) > t.n {
		if t.drop != nil {
			for _, r := range t.list[t.n:] {
				t.drop(r.entry)
			}
		}
		t.list = t.list[:t.n]
	}
	return t.list
}

// candidate is what a search for the largest has found so far: an entry, and
// a tree where that is to be looked into.
type candidate struct {
	ranked
	at   *spot
	tree uint32
	open bool // the tree is to be looked into
}

// candidates is a heap: the highest first, and of equals the one that is
// nearest to an answer.
type candidates []candidate

func (c candidates) Len() int      { return len(c) }
func (c candidates) Swap(i, j int) { c[i], c[j] = c[j], c[i] }
func (c candidates) Less(i, j int) bool {
	if c[i].by != c[j].by {
		return c[i].by > c[j].by
	}
	return c[i].at.depth > c[j].at.depth
}
func (c *candidates) Push(x any) { *c = append(*c, x.(candidate)) }
func (c *candidates) Pop() any {
	old := *c
	last := old[len(old)-1]
	*c = old[:len(old)-1]
	return last
}

// largest searches one restore point from the top down, always where the most
// lies: each answer costs no more than the folders on its path. When maxOpened
// are spent, the answers are those among what was seen.
type largest struct {
	tick  ticker
	m     *measured
	v     *catalog.View
	n     int
	files bool // look for files, or else for folders
	found []candidate
	heap  candidates

	opened int
}

// largestFiles returns the n largest files below a tree.
func (m *measured) largestFiles(ctx context.Context, v *catalog.View, root uint32, n int) ([]SizedPath, error) {
	l := largest{tick: ticker{ctx: ctx}, m: m, v: v, n: n, files: true}
	if err := l.search(root); err != nil {
		return nil, err
	}
	out := make([]SizedPath, len(l.found))
	for i, c := range l.found {
		e, _, _, err := v.RefEntry(m.Ref(c.entry), 0)
		if err != nil {
			return nil, err
		}
		out[i] = SizedPath{Path: c.at.path(), Files: 1, Size: c.by, ModTime: e.ModTime}
	}
	return out, nil
}

// largestFolders returns the n largest folders below a tree.
func (m *measured) largestFolders(ctx context.Context, v *catalog.View, root uint32, n int) ([]SizedPath, error) {
	l := largest{tick: ticker{ctx: ctx}, m: m, v: v, n: n}
	if err := l.search(root); err != nil {
		return nil, err
	}
	out := make([]SizedPath, len(l.found))
	for i, c := range l.found {
		out[i] = SizedPath{Path: c.at.path(), Files: m.totals[c.tree].Files, Size: c.by}
	}
	return out, nil
}

func (l *largest) search(root uint32) error {
	l.heap = candidates{{at: &spot{}, tree: root, open: true}}
	for len(l.heap) > 0 && len(l.found) < l.n {
		c := heap.Pop(&l.heap).(candidate)
		if c.at.parent != nil && l.files != c.open {
			l.found = append(l.found, c)
		}
		if l.opened < maxOpened && c.open {
			l.opened++
			if err := l.open(c); err != nil {
				return err
			}
		}
	}
	return nil
}

// open adds what a folder holds: no more of it than can be among the answers.
func (l *largest) open(c candidate) error {
	if c.at.depth >= maxDepth {
		return nil
	}
	files, folders := top{n: l.n}, top{n: l.n}
	for r := range l.m.Ranges(c.tree) {
		if err := l.tick.spend(int(r.Count)); err != nil {
			return err
		}
		for no := r.First; no < r.First+r.Count; no++ {
			sub, ok := l.m.Subtree(no)
			switch {
			case ok && l.files && l.m.totals[sub].Files > 0:
				folders.add(l.m.totals[sub].largest, no)
			case ok && !l.files:
				folders.add(l.m.totals[sub].size(), no)
			case l.files && l.m.Class(no) == catalog.ClassFile:
				files.add(l.m.Size(no), no)
			}
		}
	}
	for _, r := range append(files.cut(), folders.cut()...) {
		name, err := l.m.Name(l.v, r.entry)
		if err != nil {
			return err
		}
		at := &spot{c.at, name, c.at.length + 1 + len(name), c.at.depth + 1}
		if at.length > maxListedPath {
			continue
		}
		sub, ok := l.m.Subtree(r.entry)
		heap.Push(&l.heap, candidate{r, at, sub, ok})
	}
	return nil
}
