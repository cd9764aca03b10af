package explore

import (
	"context"
	"math"
	"math/bits"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/catalog"
)

// measured has the totals of all trees in one state of a catalog. They are
// computed from the bottom up, so each tree costs its own entries once.
type measured struct {
	*catalog.Measures
	totals []treeTotals // by the trees' numbers
	order  []uint32     // trees, each after those below it
}

// treeTotals counts the entries at and below a tree, at all its paths.
type treeTotals struct {
	EntryCounts
	single  uint64 // bytes of entries with one name
	linked  uint64 // bytes of possible hard links, for each name
	largest uint64 // size of the largest file
	links   bool   // there are hard links, even if of empty files only
}

// size is the bytes of all paths.
func (t *treeTotals) size() uint64 { return sum(t.single, t.linked) }

// sum adds. A result that is too large is the largest number.
func sum(a, b uint64) uint64 {
	s, carry := bits.Add64(a, b, 0)
	if carry != 0 {
		return math.MaxUint64
	}
	return s
}

// times multiplies. A result that is too large is the largest number.
func times(a, b uint64) uint64 {
	high, low := bits.Mul64(a, b)
	if high != 0 {
		return math.MaxUint64
	}
	return low
}

// addCounts adds n to to.
func addCounts(to *EntryCounts, n *EntryCounts) {
	to.Files, to.Folders = sum(to.Files, n.Files), sum(to.Folders, n.Folders)
	to.Links, to.Others = sum(to.Links, n.Links), sum(to.Others, n.Others)
	to.Missing = sum(to.Missing, n.Missing)
}

// countClass adds an entry of a class.
func countClass(to *EntryCounts, c catalog.Class) {
	switch c {
	case catalog.ClassFile:
		to.Files = sum(to.Files, 1)
	case catalog.ClassFolder:
		to.Folders = sum(to.Folders, 1)
	case catalog.ClassLink:
		to.Links = sum(to.Links, 1)
	default:
		to.Others = sum(to.Others, 1)
	}
}

func (t *treeTotals) add(below *treeTotals) {
	addCounts(&t.EntryCounts, &below.EntryCounts)
	t.single, t.linked = sum(t.single, below.single), sum(t.linked, below.linked)
	t.largest, t.links = max(t.largest, below.largest), t.links || below.links
}

// ticker looks at a context now and then.
type ticker struct {
	ctx  context.Context
	left int
}

// spend counts entries of work and returns the error of an ended context.
func (t *ticker) spend(entries int) error {
	if t.left -= entries + 1; t.left > 0 {
		return nil
	}
	t.left = 1 << 20
	return t.ctx.Err()
}

// measure adds up all trees.
func measure(ctx context.Context, v *catalog.View) (*measured, error) {
	all, err := v.Measures(ctx)
	if err != nil {
		return nil, err
	}
	m := &measured{Measures: all, totals: make([]treeTotals, all.Trees())}
	if err := v.LostTrees(func(tree uint32) { m.totals[tree].Missing = 1 }); err != nil {
		return nil, err
	}
	waiting := make([]uint32, all.Trees()) // subtrees without totals yet
	for tree := range waiting {
		for r := range all.Ranges(uint32(tree)) {
			waiting[tree] += uint32(len(all.Subtrees(r)))
		}
	}
	m.order = make([]uint32, 0, len(waiting))
	for tree, n := range waiting {
		if n == 0 {
			m.order = append(m.order, uint32(tree))
		}
	}
	tick := ticker{ctx: ctx}
	for i := 0; i < len(m.order); i++ {
		tree := m.order[i]
		if err := tick.spend(m.addUp(tree)); err != nil {
			return nil, err
		}
		for parent := range all.Parents(tree) {
			if waiting[parent]--; waiting[parent] == 0 {
				m.order = append(m.order, parent)
			}
		}
	}
	if len(m.order) != len(waiting) {
		return nil, syncline.WrapError(syncline.CodeDamaged, catalog.ErrDamaged, "a folder in the catalog lies in itself")
	}
	return m, nil
}

// addUp computes the totals of a tree from those of its subtrees. It returns
// the number of the tree's entries.
func (m *measured) addUp(tree uint32) (entries int) {
	t := &m.totals[tree]
	for r := range m.Ranges(tree) {
		entries += int(r.Count)
		for no := r.First; no < r.First+r.Count; no++ {
			class, size := m.Class(no), m.Size(no)
			countClass(&t.EntryCounts, class)
			if _, ok := m.Inode(no); ok {
				t.linked, t.links = sum(t.linked, size), true
			} else {
				t.single = sum(t.single, size)
			}
			if class == catalog.ClassFile {
				t.largest = max(t.largest, size)
			}
		}
		for _, sub := range m.Subtrees(r) {
			t.add(&m.totals[sub])
		}
	}
	return entries
}

// restoreSizes computes restore sizes, in which the names of one hard link
// count once.
type restoreSizes struct {
	m      *measured
	round  uint32
	trees  []uint32 // last round that visited it
	inodes []uint32 // likewise
}

func (m *measured) restoreSizes() *restoreSizes { return &restoreSizes{m: m} }

// of returns the size of one snapshot. As in restic, a hard link has the size
// of its first name in the order of paths.
func (s *restoreSizes) of(ctx context.Context, root uint32) (uint64, error) {
	m := s.m
	size := m.totals[root].single
	if m.totals[root].linked == 0 {
		return size, nil
	}
	if s.trees == nil {
		s.trees, s.inodes = make([]uint32, m.Trees()), make([]uint32, m.Inodes())
	}
	s.round++
	tick := ticker{ctx: ctx}
	w := walk{m: m.Measures}
	w.enter = func(tree uint32) bool {
		if !m.totals[tree].links || s.trees[tree] == s.round {
			return false
		}
		s.trees[tree] = s.round
		return true
	}
	err := w.each(root, func(no uint32) error {
		if file, ok := m.Inode(no); ok && s.inodes[file] != s.round {
			s.inodes[file] = s.round
			size = sum(size, m.Size(no))
		}
		return tick.spend(1)
	})
	return size, err
}

// walk visits trees in the order of paths, each folder before its entries.
type walk struct {
	m     *catalog.Measures
	enter func(tree uint32) bool // says whether to look into a tree
	// name, if set, is called with a folder before the walk looks into it.
	name func(folder uint32) error
	// leave, if set, is called after a folder's last entry.
	leave func()
	stack []walkStep
}

// walkStep is the walk's position in one tree.
type walkStep struct {
	tree    uint32
	runs    int // ranges passed
	entries catalog.Range
}

func (w *walk) each(root uint32, visit func(entry uint32) error) error {
	if w.enter(root) {
		w.stack = append(w.stack, walkStep{tree: root})
	}
	for len(w.stack) > 0 {
		top := &w.stack[len(w.stack)-1]
		if top.entries.Count == 0 {
			var ok bool
			if top.entries, ok = w.m.Range(top.tree, top.runs); !ok {
				if w.stack = w.stack[:len(w.stack)-1]; len(w.stack) > 0 && w.leave != nil {
					w.leave()
				}
				continue
			}
			top.runs++
		}
		no := top.entries.First
		top.entries.First, top.entries.Count = no+1, top.entries.Count-1
		if err := visit(no); err != nil {
			return err
		}
		sub, ok := w.m.Subtree(no)
		if !ok || !w.enter(sub) {
			continue
		}
		if w.name != nil {
			if err := w.name(no); err != nil {
				return err
			}
		}
		w.stack = append(w.stack, walkStep{tree: sub})
	}
	return nil
}
