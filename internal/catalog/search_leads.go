package catalog

import (
	"context"
	"slices"
)

// leads finds the trees that lead to a found entry. There are two ways. The way
// up begins at all trees that hold a found entry and marks every tree above
// them. The way down begins at the tree in question and ends at the first found
// entry below it.
//
// A page of results asks about few trees, and an entry that occurs in many
// places is near everywhere. So leads goes down first, and goes up when the ways
// down have cost a good part of the way up. When the entries occur in few places
// it goes up at once.
type leads struct {
	entries *scanEntries
	trees   *scanTrees
	found   bitset
	holders *holders // nil where every tree may hold a found entry

	budget int    // of trees that the ways down may look into
	all    bool   // the way up is done: yes is complete, and way is set
	known  bitset // trees whose answer is known
	yes    bitset // trees with a found entry in them or below them
	way    bitset // entries that were found, and directories that lead to one
	stack  []lead
}

// lead is a tree on the way down, and the place where the way goes on.
type lead struct {
	tree      uint32
	runs      []run  // the next ones
	next, end uint32 // the range of directory entries left in the current run
}

func newLeads(e *scanEntries, t *scanTrees, found bitset, h *holders) leads {
	l := leads{entries: e, trees: t, found: found, holders: h, known: borrowBitset(t.count), yes: borrowBitset(t.count)}
	trees := t.count
	if h != nil {
		near := 0
		found.groups(zoneShift).each(func(zone uint32) { near += len(h.of(zone)) })
		trees = min(trees, near)
	}
	// A tree on the way down costs about ten times as much as one on the way up.
	if l.budget = trees / 16; l.budget < fewTrees {
		l.up()
	}
	return l
}

// fewTrees on the way down take less than a millisecond.
const fewTrees = 1024

// to reports whether a found entry lies in a tree or below it.
func (l *leads) to(tree uint32) bool {
	if !l.all && !l.known.has(tree) {
		l.down(tree)
	}
	return l.yes.has(tree)
}

// down finds the answer for one tree.
func (l *leads) down(tree uint32) {
	l.stack = l.stack[:0]
	for enter := true; ; {
		if enter {
			if l.budget--; l.budget < 0 {
				l.up()
				return
			}
			runs := l.trees.runs(tree)
			l.known.set(tree)
			l.stack = append(l.stack, lead{tree: tree, runs: runs})
			if l.found.any(runs) {
				l.arrive()
				return
			}
		}
		if len(l.stack) == 0 {
			return
		}
		top := &l.stack[len(l.stack)-1]
		switch {
		case top.next < top.end:
			tree = l.entries.trees[top.next]
			top.next++
			if enter = !l.known.has(tree); !enter && l.yes.has(tree) {
				l.arrive()
				return
			}
		case len(top.runs) > 0:
			r := top.runs[0]
			top.runs, enter = top.runs[1:], false
			top.next, top.end = l.entries.dirs.rank(r.start), l.entries.dirs.rank(r.start+r.count)
		default:
			l.stack, enter = l.stack[:len(l.stack)-1], false
		}
	}
}

// arrive marks all trees on the way: each leads to the found entry at its end.
func (l *leads) arrive() {
	for i := range l.stack {
		l.yes.set(l.stack[i].tree)
	}
}

// up finds the answer for all trees.
func (l *leads) up() {
	l.all = true
	clear(l.yes) // it may lack trees above those in it
	l.way = borrowBitset(len(l.entries.names))
	copy(l.way, l.found)
	queue := l.holding()
	for _, tree := range queue {
		l.yes.set(tree)
	}
	for len(queue) > 0 {
		first := max(0, len(queue)-together)
		l.trees.touchParents(queue[first:])
		batch := [together]uint32{}
		n := copy(batch[:], queue[first:])
		queue = queue[:first]
		for _, tree := range batch[:n] {
			for _, p := range l.trees.parentsOf(tree) {
				if l.way.set(p.entry); !l.yes.has(p.tree) {
					l.yes.set(p.tree)
					queue = append(queue, p.tree)
				}
			}
		}
	}
}

// next returns the first entry from no on that was found or leads to a found
// one, and end when there is none before it.
func (l *leads) next(no, end uint32) uint32 {
	for ; no < end; no++ {
		if l.all { // also when l.to has just changed to the way up
			return l.way.next(no, end)
		}
		no = nextOf(l.found, l.entries.dirs.bits, no, end)
		if no == end || l.found.has(no) || l.to(l.entries.trees[l.entries.dirs.rank(no)]) {
			return no
		}
	}
	return end
}

// holding returns the trees that hold a found entry.
func (l *leads) holding() []uint32 {
	maybe, holding := borrowBitset(l.trees.count), []uint32(nil)
	defer maybe.giveBack()
	if l.holders == nil {
		for i := range maybe {
			maybe[i] = 1<<64 - 1
		}
	} else {
		holding = l.held(maybe)
	}
	const trees = 1 << 13
	parts := make([][]uint32, l.trees.count/trees+1)
	_ = parallel(context.Background(), len(parts), func(part int) error { // never fails
		end := uint32(min((part+1)*trees, l.trees.count))
		var batch [together]uint32
		for tree := maybe.next(uint32(part*trees), end); tree < end; {
			n := 0
			for ; n < together && tree < end; tree = maybe.next(tree+1, end) {
				batch[n] = tree
				n++
			}
			l.trees.touch(batch[:n])
			for _, tree := range batch[:n] {
				if l.found.any(l.trees.runs(tree)) {
					parts[part] = append(parts[part], tree)
				}
			}
		}
		return nil
	})
	return append(holding, slices.Concat(parts...)...)
}

// held returns the trees of which the holders know that they hold a found entry.
// It adds the trees that may hold one to maybe.
func (l *leads) held(maybe bitset) (holding []uint32) {
	seen := borrowBitset(l.trees.count)
	defer seen.giveBack()
	for zone, w := range l.found {
		if w == 0 {
			continue
		}
		for _, h := range l.holders.of(uint32(zone)) {
			switch {
			case !h.holds(w) || seen.has(h.tree):
			case h.gaps:
				maybe.set(h.tree)
			default:
				seen.set(h.tree)
				holding = append(holding, h.tree)
			}
		}
	}
	for i, w := range seen {
		maybe[i] &^= w
	}
	return holding
}
