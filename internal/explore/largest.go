package explore

import (
	"cmp"
	"container/heap"
	"context"
	"slices"

	"syncline.dev/syncline/internal/catalog"
)

// maxListedPath bounds the bytes of the paths in statistics. An entry with a
// longer path counts but is not listed.
const maxListedPath = 32 << 10

// maxOpened bounds how many folders one search looks into. Without it, a search
// would take all paths of trees that double with each level and have their
// files below maxDepth. In an ordinary tree, a search looks into the folders
// above its answers.
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

// ranked is an entry and the number it is ranked by.
type ranked struct {
	by    uint64
	entry uint32
}

// top keeps the n entries that rank highest, and the earlier ones of equals.
type top struct {
	n    int
	list []ranked
	// drop, if set, is called with the entries that are not kept.
	drop func(entry uint32)
}

func (t *top) add(by uint64, entry uint32) {
	if t.list = append(t.list, ranked{by, entry}); len(t.list) >= 2*t.n+64 {
		t.cut()
	}
}

// cut drops all but the first n and returns those, highest first.
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

// candidate is an entry that a search for the largest has found. With open, its
// tree is not looked into yet.
type candidate struct {
	ranked
	at   *spot
	tree uint32
	open bool // look into the tree
}

// candidates is a heap, the highest first. Among equals, the nearest to an
// answer is first.
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

// largest searches one restore point best first: it always looks into the
// largest candidate. So an answer costs the folders on its path. After
// maxOpened folders, the answers are the largest entries seen so far.
type largest struct {
	tick  ticker
	m     *measured
	v     *catalog.View
	n     int
	files bool // look for files, not folders
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

// open adds the entries of a folder that can be among the answers.
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
