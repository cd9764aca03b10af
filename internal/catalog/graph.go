package catalog

import (
	"context"
	"sort"

	"syncline.dev/syncline"
)

func loadHashes(r Reader, m meta) ([]syncline.Hash, error) {
	hashes := make([]syncline.Hash, 0, m.Trees)
	err := scan(r, kindHash, 0, func(block uint64, payload []byte) (err error) {
		if block != uint64(len(hashes)/hashesPerBlock) || len(hashes)%hashesPerBlock != 0 {
			return damaged("hash block %d is missing", len(hashes)/hashesPerBlock)
		}
		hashes, err = decodeHashes(payload, hashes)
		return err
	})
	if err == nil && len(hashes) != int(m.Trees) {
		err = damaged("there are %d tree hashes instead of %d", len(hashes), m.Trees)
	}
	return hashes, err
}

func loadStates(r Reader, m meta) ([]state, error) {
	states := make([]state, 0, m.Trees)
	err := scan(r, kindState, 0, func(block uint64, payload []byte) (err error) {
		if block != uint64(len(states)/statesPerBlock) || len(states)%statesPerBlock != 0 {
			return damaged("state block %d is missing", len(states)/statesPerBlock)
		}
		states, err = decodeStates(payload, states)
		return err
	})
	if err == nil && len(states) != int(m.Trees) {
		err = damaged("there are %d tree states instead of %d", len(states), m.Trees)
	}
	return states, err
}

// graph finds the trees below a tree. It holds all directory entries in memory
// (eight bytes each) and decodes blocks of trees on demand.
type graph struct {
	r      Reader
	edges  []dirEdge // by entry number
	blocks map[uint64]*treeBlock
}

func newGraph(r Reader, edges []dirEdge) *graph {
	return &graph{r: r, edges: edges, blocks: make(map[uint64]*treeBlock)}
}

// loadEdges reads the directory entries, on all cores.
func loadEdges(ctx context.Context, r Reader, m meta) (edges []dirEdge, err error) {
	blocks := (int(m.Entries) + scanPerBlock - 1) / scanPerBlock
	dirs, entries := make([][]dirEdge, blocks), make([]int, blocks)
	err = eachBlock(ctx, r, kindScan, blocks, func(no int, payload []byte) (err error) {
		entries[no], dirs[no], err = decodeScanDirs(payload)
		return err
	})
	if err != nil {
		return nil, err
	}
	for no, list := range dirs {
		if want := min(scanPerBlock, int(m.Entries)-no*scanPerBlock); entries[no] != want {
			return nil, damaged("scan block %d has %d entries instead of %d", no, entries[no], want)
		}
		for _, d := range list {
			edges = append(edges, dirEdge{uint32(no)*scanPerBlock + d.entry, d.tree})
		}
	}
	return edges, nil
}

// runs returns a tree's runs, nil for a tree that is not decoded.
func (g *graph) runs(tree uint32) ([]run, error) {
	no := uint64(tree / treesPerBlock)
	t, ok := g.blocks[no]
	if !ok {
		payload, err := get(g.r, kindTree, no)
		if err != nil {
			return nil, err
		}
		t = new(treeBlock)
		if payload != nil {
			if t, err = decodeTrees(payload); err != nil {
				return nil, err
			}
		}
		g.blocks[no] = t
	}
	return t.lists[tree%treesPerBlock], nil
}

// children appends the trees of a tree's directories to out.
func (g *graph) children(to, tree uint32, out []uint32) ([]uint32, error) {
	runs, err := g.runs(tree)
	if err != nil {
		return nil, err
	}
	for _, r := range runs {
		first := sort.Search(len(g.edges), func(i int) bool { return g.edges[i].entry >= r.start })
		for _, e := range g.edges[first:] {
			if uint64(e.entry) >= uint64(r.start)+uint64(r.count) {
				break
			}
			if e.tree >= to {
				return nil, damaged("an entry names tree %d of %d", e.tree, to)
			}
			out = append(out, e.tree)
		}
	}
	return out, nil
}

// below returns the trees of a tree's directories, none for a tree that is not
// decoded.
func (g *graph) below(tree uint32, states []state) ([]uint32, error) {
	if states[tree]&stateDecoded == 0 {
		return nil, nil
	}
	runs, err := g.runs(tree)
	if err != nil {
		return nil, err
	}
	if runs == nil {
		return nil, damaged("tree %d is missing", tree)
	}
	return g.children(uint32(len(states)), tree, nil)
}

// whole reports whether the catalog has every tree that a directory entry names.
// All decoded trees are complete then, and no walk has to find that out. It does
// not check that the trees' runs can be read, so it is only for what a Builder
// has just written.
func (g *graph) whole(states []state) bool {
	for _, e := range g.edges {
		if int(e.tree) >= len(states) || states[e.tree]&stateDecoded == 0 {
			return false
		}
	}
	return true
}

// complete marks root and all trees below it as complete. Where trees are
// missing it returns those, and marks only the trees that are complete. It does
// not recurse, because directories may be nested without end.
func (g *graph) complete(root uint32, states []state) (missing []uint32, err error) {
	type step struct {
		tree     uint32
		children []uint32
		gap      bool // something below is missing
	}
	if states[root]&stateComplete != 0 {
		return nil, nil
	}
	gaps := make(map[uint32]bool) // trees seen to have something missing below
	open := make(map[uint32]bool) // trees on the stack
	var stack []step
	enter := func(tree uint32) error {
		if open[tree] {
			return damaged("tree %d lies in itself", tree)
		}
		below, err := g.below(tree, states)
		open[tree] = true
		stack = append(stack, step{tree: tree, children: below})
		return err
	}
	if err := enter(root); err != nil {
		return nil, err
	}
	for len(stack) > 0 {
		top := &stack[len(stack)-1]
		if len(top.children) == 0 {
			tree, gap := top.tree, top.gap
			if states[tree]&stateDecoded == 0 {
				missing, gap = append(missing, tree), true
			}
			if gap {
				gaps[tree] = true
			} else {
				states[tree] |= stateComplete
			}
			delete(open, tree)
			stack = stack[:len(stack)-1]
			if len(stack) > 0 && gap {
				stack[len(stack)-1].gap = true
			}
			continue
		}
		child := top.children[len(top.children)-1]
		top.children = top.children[:len(top.children)-1]
		switch {
		case states[child]&stateComplete != 0:
		case gaps[child]:
			top.gap = true
		default:
			if err := enter(child); err != nil {
				return nil, err
			}
		}
	}
	return missing, nil
}
