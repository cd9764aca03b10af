package explore

import (
	"cmp"
	"errors"
	"slices"
	"strings"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/catalog"
	"syncline.dev/syncline/internal/pattern"
)

// The walk starts at the roots of several snapshots at once. It goes only into
// folders that can lead to a match. At each path, the snapshots with the same
// tree form a group, so a shared tree is looked at once.

// group is a tree and the snapshots that have it at the path, ascending.
type group struct {
	tree catalog.TreeRef
	in   []int32
}

// sets maps trees or entries to the snapshots that have them, in the order of
// insertion.
type sets[K comparable] struct {
	keys   []K
	in     [][]int32
	merged []bool    // in is a list of its own, not sorted
	at     map[K]int // position, for many keys; else empty
	order  []int     // reused by the method each
}

// reset empties the sets for another use. The caller may keep the lists of
// snapshots and nothing else.
func (s *sets[K]) reset() {
	clear(s.at)
	*s = sets[K]{keys: s.keys[:0], in: s.in[:0], merged: s.merged[:0], at: s.at, order: s.order}
}

func (s *sets[K]) add(key K, in []int32) {
	i := s.find(key)
	switch {
	case i < 0:
		s.keys, s.in, s.merged = append(s.keys, key), append(s.in, in), append(s.merged, false)
		if len(s.at) > 0 {
			s.at[key] = len(s.keys) - 1
		}
	case s.merged[i]:
		s.in[i] = append(s.in[i], in...)
	default:
		s.in[i], s.merged[i] = slices.Concat(s.in[i], in), true
	}
}

func (s *sets[K]) find(key K) int {
	const few = 8
	if len(s.at) == 0 {
		if len(s.keys) <= few {
			return slices.Index(s.keys, key)
		}
		if s.at == nil {
			s.at = make(map[K]int, 4*few)
		}
		for i, k := range s.keys {
			s.at[k] = i
		}
	}
	if i, ok := s.at[key]; ok {
		return i
	}
	return -1
}

// each calls fn with every key and its snapshots, ascending. The keys come in
// the order of their first snapshots.
func (s *sets[K]) each(fn func(key K, in []int32) error) error {
	order := s.order[:0]
	for i := range s.keys {
		order = append(order, i)
		if s.merged[i] {
			slices.Sort(s.in[i])
			s.in[i] = slices.Compact(s.in[i])
		}
	}
	s.order = order
	if len(order) > 1 {
		slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(s.in[a][0], s.in[b][0]) })
	}
	for _, i := range order {
		if err := fn(s.keys[i], s.in[i]); err != nil {
			return err
		}
	}
	return nil
}

// appendGroups appends the sets of trees.
func appendGroups(out []group, trees *sets[catalog.TreeRef]) []group {
	_ = trees.each(func(tree catalog.TreeRef, in []int32) error { // never fails
		out = append(out, group{tree, in})
		return nil
	})
	return out
}

// place is a folder on the way down.
type place struct {
	path   int                // length of its path
	groups []group            // until it is read; the next place reuses the memory
	states []pattern.Matching // per pattern; nil if everything matches
	all    bool               // look at all entries
	items  []item             // the top of the finder's items
	first  int                // index of its first item there
	next   int
	read   bool
	seek   []string // entries before these names are passed on already
	within []string // the way to the folder of the query; all other entries are skipped
}

// item is an entry in one of a place's groups.
type item struct {
	catalog.SearchItem
	in []int32
}

// errCut ends a walk at a limit. finder.cut has the reason.
var errCut = errors.New("search is cut")

// result turns the walk's error into Find's results.
func (f *finder) result(err error) (Cut, error) {
	if errors.Is(err, errCut) {
		err = nil
	}
	return f.cut, err
}

// walk passes on every match below the roots.
func (f *finder) walk(roots []group, emit emitFunc) error {
	f.emit = emit
	err := f.descend(roots)
	if err == nil || errors.Is(err, errCut) {
		if flushErr := f.flush(); flushErr != nil {
			err = flushErr
		}
	}
	return err
}

func (f *finder) descend(roots []group) error {
	f.stack, f.items = []place{f.root(roots)}, f.items[:0]
	path := make([]byte, 0, 256)
	for len(f.stack) > 0 {
		top := &f.stack[len(f.stack)-1]
		if !top.read {
			if err := f.read(top); err != nil {
				return err
			}
		}
		if top.next == len(top.items) {
			f.items = f.items[:top.first]
			f.stack = f.stack[:len(f.stack)-1]
			continue
		}
		end := top.next + 1
		for end < len(top.items) && top.items[end].Name == top.items[top.next].Name {
			end++
		}
		same := top.items[top.next:end]
		top.next = end
		path = append(append(path[:top.path], '/'), same[0].Name...)
		below, ok, err := f.visit(top, same, path)
		if err != nil {
			return err
		}
		if ok && len(path) > f.maxPath() {
			f.cut, ok = CutDepth, false
		}
		if ok {
			f.stack = append(f.stack, below)
		}
	}
	return nil
}

func (f *finder) root(roots []group) place {
	p := place{groups: roots, states: make([]pattern.Matching, len(f.patterns)), seek: f.q.after.Names, within: f.within}
	st := pattern.Never
	for i, x := range f.patterns {
		p.states[i] = x.Root()
		st = max(st, p.states[i].State(x))
	}
	p.all = st >= pattern.Soon
	if st == pattern.Matched {
		p.states = nil
	}
	return p
}

// read finds the entries of a place, in the order of names.
func (f *finder) read(p *place) error {
	p.read, p.first = true, len(f.items)
	if f.folders++; f.q.Limits.Folders > 0 && f.folders > f.q.Limits.Folders {
		f.cut = CutFolders
		return errCut
	}
	f.ahead = f.ahead[:0]
	for _, g := range p.groups {
		f.ahead = append(f.ahead, g.tree)
	}
	f.search.Ahead(f.ahead)
	for _, g := range p.groups {
		if !p.all && !f.search.Leads(g.tree) {
			continue
		}
		if err := f.alive(); err != nil {
			return err
		}
		err := f.search.Dir(g.tree, p.all, func(x *catalog.SearchItem) error {
			f.items = append(f.items, item{*x, g.in})
			return nil
		})
		if err != nil {
			return err
		}
	}
	p.items = f.items[p.first:len(f.items):len(f.items)]
	if byName := func(a, b item) int { return strings.Compare(a.Name, b.Name) }; !slices.IsSortedFunc(p.items, byName) {
		slices.SortStableFunc(p.items, byName)
	}
	if len(p.within) > 0 {
		p.items = slices.DeleteFunc(p.items, func(x item) bool { return x.Name != p.within[0] })
	}
	if len(p.seek) > 0 {
		p.next, _ = slices.BinarySearchFunc(p.items, p.seek[0], func(x item, name string) int { return strings.Compare(x.Name, name) })
	}
	p.groups = nil
	return nil
}

// alive fails when the context has ended or the time is over.
func (f *finder) alive() error {
	if err := f.ctx.Err(); err != nil {
		return syncline.WrapError(syncline.CodeCanceled, err, "the search was canceled")
	}
	if f.steps++; f.steps%16 == 0 && f.expired() {
		return errCut
	}
	return nil
}

func (f *finder) maxPath() int {
	if limit := f.q.Limits.Path; limit > 0 {
		return limit
	}
	return maxPath
}

// visit emits the matching versions of one path. With ok, below is a place to
// look into.
func (f *finder) visit(in *place, same []item, path []byte) (below place, ok bool, err error) {
	st, matches := f.match(in, &same[0], &below)
	skip := 0
	if len(in.seek) > 0 && same[0].Name == in.seek[0] {
		if below.seek = in.seek[1:]; len(below.seek) > 0 {
			matches = false // the search continues below this folder
		} else {
			skip = f.q.after.Versions
		}
	}
	if len(in.within) > 0 {
		matches, below.within = false, in.within[1:]
	}
	if matches {
		if err := f.queue(same, path, skip); err != nil {
			return below, false, err
		}
	}
	below.path = len(path)
	below.all = st >= pattern.Soon
	if st == pattern.Never && len(f.contains) == 0 {
		return below, false, nil
	}
	ahead := f.way != nil && !below.all && !below.states[0].Passed(f.wayPart)
	trees := &f.trees
	trees.reset()
	for i := range same {
		if same[i].IsDir && (below.all || same[i].Leads && (!ahead || f.way.Leads(same[i].Tree))) {
			trees.add(same[i].Tree, same[i].in)
		}
	}
	f.groups = appendGroups(f.groups[:0], trees)
	below.groups = f.groups
	return below, len(below.groups) > 0, nil
}

// match matches the patterns with a path and sets the states of the place
// below. matches reports whether the query chooses the path.
func (f *finder) match(in *place, x *item, below *place) (st pattern.State, matches bool) {
	switch {
	case in.states == nil:
		return pattern.Matched, true
	case f.byName && x.Found:
		return pattern.Matched, true
	case f.byName:
		below.states = in.states
		return pattern.Open, false
	}
	below.states = make([]pattern.Matching, len(f.patterns))
	for i, p := range f.patterns {
		below.states[i] = p.Step(&in.states[i], x.Name)
		st = max(st, below.states[i].State(p))
	}
	if st == pattern.Matched {
		below.states = nil
		return st, true
	}
	return st, x.Found && slices.ContainsFunc(f.contains, func(match func(string) bool) bool { return match(x.Name) })
}
