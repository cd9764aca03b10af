package catalog

import (
	"context"

	"syncline.dev/syncline"
)

// Closure is a set of trees and of all that is below them, each counted once
// however often it is there. It takes a bit for every tree and every entry of
// the catalog, beside what a search takes of the entries.
type Closure struct {
	v       *View
	all     *scanEntries
	trees   bitset
	entries bitset
	stack   []uint32
}

// NewClosure makes an empty set.
func (v *View) NewClosure(ctx context.Context) (*Closure, error) {
	all, err := searches.columns(v).loadEntries(ctx, v)
	if err != nil {
		return nil, searchFailed(ctx, err)
	}
	return &Closure{v: v, all: all, trees: newBitset(int(v.m.Trees)), entries: newBitset(int(v.m.Entries))}, nil
}

// Add adds a tree and all that is below it.
func (c *Closure) Add(tree TreeRef) error {
	c.push(tree.no)
	return c.drain()
}

// AddShared adds what two trees have in common, byte for byte, and all that is
// below that; not the trees themselves.
func (c *Closure) AddShared(a, b TreeRef) error {
	_, shared, err := c.v.split(a, []TreeRef{b})
	if err != nil {
		return err
	}
	for _, r := range shared {
		if err := c.mark(r.run); err != nil {
			return err
		}
	}
	return c.drain()
}

func (c *Closure) push(tree uint32) {
	if !c.trees.has(tree) {
		c.trees.set(tree)
		c.stack = append(c.stack, tree)
	}
}

func (c *Closure) drain() error {
	for len(c.stack) > 0 {
		tree := c.stack[len(c.stack)-1]
		c.stack = c.stack[:len(c.stack)-1]
		if lost, err := c.v.isLost(tree); lost || err != nil {
			if err != nil {
				return err
			}
			continue // nobody knows what is in it
		}
		runs, err := c.v.runs(tree)
		if err != nil {
			return err
		}
		for _, r := range runs {
			if err := c.mark(r); err != nil {
				return err
			}
		}
	}
	return nil
}

// mark adds entries, and puts their trees in line.
func (c *Closure) mark(r run) error {
	end := uint64(r.start) + uint64(r.count)
	if end > uint64(c.v.m.Entries) {
		return damaged("a tree names entry %d of %d", end-1, c.v.m.Entries)
	}
	for no := range r.count {
		c.entries.set(r.start + no)
	}
	dirs := &c.all.dirs
	for _, tree := range c.all.trees[dirs.rank(r.start):dirs.rank(r.start+r.count)] {
		c.push(tree)
	}
	return nil
}

// Trees calls fn with the hash of every tree in the set.
func (c *Closure) Trees(fn func(syncline.Hash) error) error {
	for no := c.trees.next(0, c.v.m.Trees); no < c.v.m.Trees; no = c.trees.next(no+1, c.v.m.Trees) {
		h, err := c.v.hash(no)
		if err != nil {
			return err
		}
		if err := fn(h); err != nil {
			return err
		}
	}
	return nil
}

// Contents calls fn with the hashes of the data blobs of every entry in the
// set; a blob of several entries comes several times. The slice is good until
// fn returns.
func (c *Closure) Contents(ctx context.Context, fn func([]syncline.Hash) error) error {
	var hashes []syncline.Hash
	end := c.v.m.Entries
	for no := c.entries.next(0, end); no < end; no = c.entries.next(no+1, end) {
		block, i := no/entriesPerBlock, int(no%entriesPerBlock)
		if err := ctx.Err(); err != nil {
			return err
		}
		b, err := c.v.entries(uint64(block), i)
		if err != nil {
			return err
		}
		if b.first[i] == b.first[i+1] {
			continue
		}
		payload, err := c.v.need(kindContent, uint64(block))
		if err != nil {
			return err
		}
		if hashes, err = b.appendContents(hashes[:0], payload, i); err != nil {
			return err
		}
		if err := fn(hashes); err != nil {
			return err
		}
	}
	return nil
}
