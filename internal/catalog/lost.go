package catalog

import (
	"errors"
	"slices"

	"syncline.dev/syncline"
)

// ErrLost matches the error of a folder whose listing the repository has lost.
var ErrLost = errors.New("a folder is lost in the repository")

// lostList holds the lost trees of one state of the catalog.
type lostList struct {
	changes uint64
	trees   []uint32 // sorted
}

// lost returns the lost trees, sorted. It reads nothing where the head counts
// none.
func (v *View) lost() ([]uint32, error) {
	if v.m.Lost == 0 {
		return nil, nil
	}
	if kept := v.c.lost.Load(); kept != nil && kept.changes == v.m.Changes {
		return kept.trees, nil
	}
	states, err := loadStates(v.r, v.m)
	if err != nil {
		return nil, err
	}
	var trees []uint32
	for no, s := range states {
		if s&stateLost != 0 {
			trees = append(trees, uint32(no))
		}
	}
	if len(trees) != int(v.m.Lost) {
		return nil, damaged("there are %d lost trees instead of %d", len(trees), v.m.Lost)
	}
	v.c.lost.Store(&lostList{v.m.Changes, trees})
	return trees, nil
}

// isLost reports whether a tree is lost.
func (v *View) isLost(tree uint32) (bool, error) {
	if v.m.Lost == 0 {
		return false, nil
	}
	trees, err := v.lost()
	_, found := slices.BinarySearch(trees, tree)
	return found, err
}

// errLost returns the error for a lost tree.
func (v *View) errLost(tree uint32) error {
	h, err := v.hash(tree)
	if err != nil {
		return err
	}
	return syncline.WrapError(syncline.CodeDamaged, ErrLost,
		"the folder's listing is missing or damaged in the repository (tree %s); run restic check on the repository", h.Short())
}

// Readable fails with ErrLost when a tree is lost.
func (v *View) Readable(tree TreeRef) error {
	lost, err := v.isLost(tree.no)
	if err == nil && lost {
		err = v.errLost(tree.no)
	}
	return err
}

// Lost returns how many trees the catalog knows to be lost.
func (v *View) Lost() int { return int(v.m.Lost) }

// LostTrees calls fn with the number of every lost tree. Measures uses the same
// numbers.
func (v *View) LostTrees(fn func(tree uint32)) error {
	trees, err := v.lost()
	for _, no := range trees {
		fn(no)
	}
	return err
}

// settled updates the states after a publication and returns how many trees are
// lost. With settle, missing holds just the trees that are lost. Without it, a
// tree stops being lost once it and everything below it is complete.
func settled(states []state, settle bool, missing map[uint32]bool) (lost uint32) {
	for no, s := range states {
		switch {
		case settle && missing[uint32(no)]:
			s |= stateLost
		case settle || s&stateComplete != 0:
			s &^= stateLost
		}
		states[no] = s
		if s&stateLost != 0 {
			lost++
		}
	}
	return lost
}

// sameLost reports whether the same trees are lost; states may be longer.
func sameLost(before, states []state) bool {
	for no, s := range states {
		was := state(0)
		if no < len(before) {
			was = before[no]
		}
		if (s^was)&stateLost != 0 {
			return false
		}
	}
	return true
}

// newTree gives a number to a tree that no index lists.
func newTree(w Writer, m *meta, h syncline.Hash) (uint32, error) {
	no := m.Trees
	block := uint64(no / hashesPerBlock)
	payload, err := get(w, kindHash, block)
	if err != nil {
		return 0, err
	}
	if len(payload) != 32*int(no%hashesPerBlock) {
		return 0, damaged("hash block %d has %d bytes", block, len(payload))
	}
	m.Trees++
	return no, put(w, kindHash, block, append(slices.Clip(payload), h[:]...))
}
