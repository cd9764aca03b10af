package catalog

import (
	"bytes"
	"context"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"
)

// searchColumns holds the columns that searches read, for one state of one
// catalog. A search loads each column when it first needs it, and keeps it if
// the cache has room. A loaded column does not change.
type searchColumns struct {
	cache *searchCache
	key   searchKey

	mu      sync.Mutex
	names   []*nameBlock // nil for blocks that are not kept
	entries *scanEntries
	trees   *scanTrees

	// Indexes for later searches; nil until somebody wants them, and where the cache
	// has no room.
	holders *holders
	places  atomic.Pointer[places]
	indexed bool // they were built, or had no room
}

// scanEntries holds the columns of the entries.
type scanEntries struct {
	names []uint32   // per entry
	dirs  rankedBits // the directory entries with a subtree
	trees []uint32   // the subtrees of dirs, in order
}

func (e *scanEntries) size() int64 {
	return int64(4*cap(e.names) + 8*cap(e.dirs.bits) + 4*cap(e.dirs.ranks) + 4*cap(e.trees))
}

// scanTrees holds the runs and parents of the trees.
type scanTrees struct {
	count  int
	blocks []runBlock
	// The parents of tree t are parents[firstParent[t]:firstParent[t+1]].
	firstParent []uint32
	parents     []parent
}

// parent is a tree and the directory entry in it.
type parent struct{ tree, entry uint32 }

func (t *scanTrees) size() int64 {
	n := int64(4*cap(t.firstParent) + 8*cap(t.parents))
	for i := range t.blocks {
		n += int64(4*treesPerBlock + 8*cap(t.blocks[i].all))
	}
	return n
}

func (t *scanTrees) runs(tree uint32) []run {
	return t.blocks[tree/treesPerBlock].list(int(tree % treesPerBlock))
}

func (t *scanTrees) parentsOf(tree uint32) []parent {
	return t.parents[t.firstParent[tree]:t.firstParent[tree+1]]
}

// together is how many trees are read in advance at a time. Their runs and parents lie
// far apart in memory. The processor fetches several places at once when the program
// reads a little of each before it uses any, and this many are about the most that it
// can fetch together.
const together = 16

// touch reads a little of each tree's runs, so that they are in the processor's cache.
// The result only keeps the compiler from removing the reads.
//
//go:noinline
func (t *scanTrees) touch(trees []uint32) (nothing uint32) {
	for _, tree := range trees {
		if runs := t.runs(tree); len(runs) > 0 {
			nothing += runs[0].start
		}
	}
	return nothing
}

// touchParents is touch for the trees' parents.
//
//go:noinline
func (t *scanTrees) touchParents(trees []uint32) (nothing uint32) {
	for _, tree := range trees {
		if list := t.parentsOf(tree); len(list) > 0 {
			nothing += list[0].tree
		}
	}
	return nothing
}

// runBlock is a treeBlock that takes less memory.
type runBlock struct {
	first   [treesPerBlock + 1]uint32
	all     []run
	decoded [treesPerBlock / 64]uint64 // the set of trees that have runs
}

func (b *runBlock) list(i int) []run { return b.all[b.first[i]:b.first[i+1]] }

// loadNames calls match with every block of names, from several goroutines, and
// returns the blocks that are in memory. Without more, it keeps only blocks of which
// match returns true, and uses the memory of the others again.
func (c *searchColumns) loadNames(ctx context.Context, v *View, more bool, match func(int, *nameBlock) bool) ([]*nameBlock, error) {
	c.mu.Lock()
	kept := c.names
	if kept != nil {
		c.mu.Unlock()
	} else {
		defer c.mu.Unlock()
	}
	blocks := int(v.m.Names+namesPerBlock-1) / namesPerBlock
	if kept != nil && !slices.Contains(kept, nil) {
		return kept, parallel(ctx, blocks, func(i int) error {
			match(i, kept[i])
			return nil
		})
	}
	fresh := kept == nil
	if fresh {
		kept = make([]*nameBlock, blocks)
	}
	var room atomic.Int64
	room.Store(c.cache.max - scanBytesPerEntry*int64(v.m.Entries))
	err := eachBlock(ctx, v.r, kindName, blocks, func(no int, payload []byte) error {
		if kept[no] != nil {
			match(no, kept[no])
			return nil
		}
		b := spareNames.Get().(*nameBlock)
		if err := b.decode(payload); err != nil {
			return err
		}
		if len(b.ends) != min(namesPerBlock, int(v.m.Names)-no*namesPerBlock) {
			return damaged("name block %d has %d names", no, len(b.ends))
		}
		if wanted := match(no, b); fresh && (wanted || more) && room.Add(-b.size()) >= 0 {
			kept[no] = b
		} else if cap(b.raw) <= maxSpareName {
			b.prints.Store(nil)
			spareNames.Put(b)
		}
		return nil
	})
	if err == nil && fresh {
		var size int64
		for _, b := range kept {
			if b != nil {
				size += b.size()
			}
		}
		// Later searches want all blocks, not those that one search keeps.
		if (more || !slices.Contains(kept, nil)) && c.cache.admit(c, size) {
			c.names = kept
		}
	}
	return kept, err
}

// maxSpareName bounds the bytes of a spare block of names.
const maxSpareName = 1 << 20

// spareNames are blocks of names that nobody keeps, for reuse.
var spareNames = sync.Pool{New: func() any { return new(nameBlock) }}

// scanBytesPerEntry is about how many bytes the columns of entries and trees take for
// each entry. Names are kept in the room that those leave.
const scanBytesPerEntry = 32

// size includes the fingerprints.
func (b *nameBlock) size() int64 { return int64(cap(b.raw) + 4*cap(b.ends) + 2*len(b.ends)) }

func (c *searchColumns) loadEntries(ctx context.Context, v *View) (*scanEntries, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.entries != nil {
		return c.entries, nil
	}
	e := &scanEntries{names: make([]uint32, v.m.Entries)}
	blocks := int(v.m.Entries+scanPerBlock-1) / scanPerBlock
	dirs := make([][]dirEdge, blocks)
	err := eachBlock(ctx, v.r, kindScan, blocks, func(no int, payload []byte) (err error) {
		first := no * scanPerBlock
		part := e.names[first:min(first+scanPerBlock, len(e.names))]
		dirs[no], err = readScan(payload, part, v.m)
		return err
	})
	if err != nil {
		return nil, err
	}
	bits := newBitset(len(e.names))
	for i, list := range dirs {
		for _, d := range list {
			bits.set(uint32(i*scanPerBlock) + d.entry)
			e.trees = append(e.trees, d.tree)
		}
	}
	e.dirs = bits.ranked()
	if int(e.dirs.total()) != len(e.trees) {
		return nil, damaged("a scan block names a directory twice")
	}
	if c.cache.admit(c, e.size()) {
		c.entries = e
	}
	return e, nil
}

// keptEntries returns what loadEntries has kept, nil where that is nothing.
func (c *searchColumns) keptEntries() *scanEntries {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.entries
}

// loadTrees returns the trees, and the holders where they exist. With more it
// builds the indexes for later searches.
func (c *searchColumns) loadTrees(ctx context.Context, v *View, e *scanEntries, more bool) (*scanTrees, *holders, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := c.trees
	if t == nil {
		var err error
		if t, err = readAllTrees(ctx, v); err != nil {
			return nil, nil, err
		}
	}
	var h *holders
	var p *places
	var beside sync.WaitGroup
	if more = more && !c.indexed && c.entries == e; more {
		c.indexed = true
		beside.Go(func() {
			h = newHolders(t, len(e.names), c.cache.max/16) // half of the memory, at 8 bytes each
			p = newPlaces(e, int(v.m.Names))
		})
	}
	if c.trees == nil {
		if t.findParents(e); c.cache.admit(c, t.size()) {
			c.trees = t
		}
	}
	beside.Wait()
	if more && c.trees == t {
		c.keepHolders(h)
		c.keepPlaces(p)
	}
	return t, c.holders, nil
}

func readAllTrees(ctx context.Context, v *View) (*scanTrees, error) {
	t := &scanTrees{count: int(v.m.Trees)}
	t.blocks = make([]runBlock, (t.count+treesPerBlock-1)/treesPerBlock)
	err := eachBlock(ctx, v.r, kindTree, -len(t.blocks), func(no int, payload []byte) error {
		b := &t.blocks[no]
		err := readTrees(payload, b, v.m)
		if cap(b.all) > len(b.all)+len(b.all)/4 { // it is kept
			b.all = append(make([]run, 0, len(b.all)), b.all...)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	if n := t.count % treesPerBlock; n != 0 {
		if last := &t.blocks[len(t.blocks)-1]; last.first[n] != last.first[treesPerBlock] {
			return nil, damaged("the last block of trees has more than %d of them", n)
		}
	}
	states, err := loadStates(v.r, v.m)
	if err != nil {
		return nil, err
	}
	for i, s := range states {
		if s&stateComplete != 0 && !bitset(t.blocks[i/treesPerBlock].decoded[:]).has(uint32(i%treesPerBlock)) {
			return nil, damaged("tree %d is missing", i)
		}
	}
	return t, nil
}

// findParents fills in the parents of each tree.
func (t *scanTrees) findParents(e *scanEntries) {
	t.firstParent = make([]uint32, t.count+2)
	t.eachChild(e, func(child, _, _ uint32) { t.firstParent[child+2]++ })
	for i := 2; i < len(t.firstParent); i++ {
		t.firstParent[i] += t.firstParent[i-1]
	}
	t.parents = make([]parent, t.firstParent[len(t.firstParent)-1])
	entries := make([]uint32, 0, len(e.trees))
	e.dirs.bits.each(func(no uint32) { entries = append(entries, no) })
	t.eachChild(e, func(child, tree, dir uint32) {
		t.parents[t.firstParent[child+1]] = parent{tree, entries[dir]}
		t.firstParent[child+1]++
	})
}

// eachChild calls fn with every directory entry of every tree: its own tree, the
// tree that it is in, and how many directory entries have a lower number.
func (t *scanTrees) eachChild(e *scanEntries, fn func(child, tree, dir uint32)) {
	for i := range t.blocks {
		b := &t.blocks[i]
		for j := range treesPerBlock {
			for _, r := range b.list(j) {
				first := e.dirs.rank(r.start)
				for k, child := range e.trees[first:e.dirs.rank(r.start+r.count)] {
					fn(child, uint32(i*treesPerBlock+j), first+uint32(k))
				}
			}
		}
	}
}

// eachBlock calls fn with every block of a kind, from several goroutines. A positive
// count is the exact number of blocks. A negative count means at most that many
// blocks, of which some may be missing.
func eachBlock(ctx context.Context, r Reader, kind Kind, count int, fn func(no int, payload []byte) error) error {
	type job struct {
		no    int
		value []byte
	}
	jobs := make(chan job, 16)
	group, ctx := errgroup.WithContext(ctx)
	for range min(runtime.GOMAXPROCS(0), maxWorkers) {
		group.Go(func() error {
			for j := range jobs {
				if err := fn(j.no, j.value); err != nil {
					return err
				}
			}
			return nil
		})
	}
	seen := 0
	group.Go(func() error {
		defer close(jobs)
		return scan(r, kind, 0, func(no uint64, payload []byte) error {
			if no >= uint64(max(count, -count)) || count > 0 && no != uint64(seen) {
				return damaged("a block of kind %d has the number %d of %d", kind, no, count)
			}
			seen++
			select {
			case jobs <- job{int(no), bytes.Clone(payload)}:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
	})
	if err := group.Wait(); err != nil {
		return err
	}
	if count > 0 && seen != count {
		return damaged("there are %d blocks of kind %d instead of %d", seen, kind, count)
	}
	return nil
}

// maxWorkers bounds the goroutines of a search. With more of them, reading the values
// from the container is the limit.
const maxWorkers = 8

// parallel calls fn with the numbers below n, from several goroutines.
func parallel(ctx context.Context, n int, fn func(i int) error) error {
	var next atomic.Int64
	var group errgroup.Group
	for range min(runtime.GOMAXPROCS(0), maxWorkers, n) {
		group.Go(func() error {
			for {
				i := int(next.Add(1)) - 1
				if i >= n {
					return nil
				}
				if err := ctx.Err(); err != nil {
					return err
				}
				if err := fn(i); err != nil {
					return err
				}
			}
		})
	}
	return group.Wait()
}
