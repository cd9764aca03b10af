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

// searchColumns are the columns that searches read, of one state of one
// catalog. Each is loaded when it is first needed, and kept for the next
// search where the memory for that allows. A column that is there does not
// change.
type searchColumns struct {
	cache *searchCache
	key   searchKey

	mu      sync.Mutex
	names   []*nameBlock // blocks that are not kept are nil
	entries *scanEntries
	trees   *scanTrees
	asked   bool     // a search has used trees
	refused bool     // there is no room for holders
	holders *holders // nil until it pays

	noPlaces bool    // somebody makes places, or there is no room for them
	places   *places // nil until it pays
}

// scanEntries is what a search needs of the entries.
type scanEntries struct {
	names []uint32   // per entry
	dirs  rankedBits // the directory entries with a subtree
	trees []uint32   // the subtrees of these
}

func (e *scanEntries) size() int64 {
	return int64(4*cap(e.names) + 8*cap(e.dirs.bits) + 4*cap(e.dirs.ranks) + 4*cap(e.trees))
}

// scanTrees is what a search needs of the trees.
type scanTrees struct {
	count  int
	blocks []runBlock
	// The trees that have a tree as a subdirectory: of tree t the range from
	// firstParent[t] to firstParent[t+1].
	firstParent []uint32
	parents     []uint32
}

func (t *scanTrees) size() int64 {
	n := int64(4 * (cap(t.firstParent) + cap(t.parents)))
	for i := range t.blocks {
		n += int64(4*treesPerBlock + 8*cap(t.blocks[i].all))
	}
	return n
}

func (t *scanTrees) runs(tree uint32) []run {
	return t.blocks[tree/treesPerBlock].list(int(tree % treesPerBlock))
}

// runBlock is a treeBlock in less memory.
type runBlock struct {
	first   [treesPerBlock + 1]uint32
	all     []run
	decoded [treesPerBlock / 64]uint64 // a set: the others have no list
}

func (b *runBlock) list(i int) []run { return b.all[b.first[i]:b.first[i+1]] }

// loadNames calls match with every block of names, from several goroutines,
// and returns those that are in memory.
func (c *searchColumns) loadNames(ctx context.Context, v *View, match func(int, *nameBlock)) ([]*nameBlock, error) {
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
		b, err := decodeNames(payload)
		if err != nil {
			return err
		}
		if len(b.ends) != min(namesPerBlock, int(v.m.Names)-no*namesPerBlock) {
			return damaged("name block %d has %d names", no, len(b.ends))
		}
		match(no, b)
		if fresh && room.Add(-b.size()) >= 0 {
			kept[no] = b
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
		if c.cache.admit(c, size) {
			c.names = kept
		}
	}
	return kept, err
}

// scanBytesPerEntry is about what the columns of entries and trees take: names
// are kept where those leave room.
const scanBytesPerEntry = 16

// size counts the fingerprints, too.
func (b *nameBlock) size() int64 { return int64(cap(b.text) + 4*cap(b.ends) + 2*len(b.ends)) }

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

func (c *searchColumns) loadTrees(ctx context.Context, v *View, e *scanEntries) (*scanTrees, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.trees != nil {
		return c.trees, nil
	}
	t := &scanTrees{count: int(v.m.Trees)}
	t.blocks = make([]runBlock, (t.count+treesPerBlock-1)/treesPerBlock)
	err := eachBlock(ctx, v.r, kindTree, -len(t.blocks), func(no int, payload []byte) error {
		return readTrees(payload, &t.blocks[no], v.m)
	})
	if err != nil {
		return nil, err
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
	t.findParents(e)
	if c.cache.admit(c, t.size()) {
		c.trees = t
	}
	return t, nil
}

// findParents turns the directory entries around.
func (t *scanTrees) findParents(e *scanEntries) {
	t.firstParent = make([]uint32, t.count+2)
	t.eachChild(e, func(_, child uint32) { t.firstParent[child+2]++ })
	for i := 2; i < len(t.firstParent); i++ {
		t.firstParent[i] += t.firstParent[i-1]
	}
	t.parents = make([]uint32, t.firstParent[len(t.firstParent)-1])
	t.eachChild(e, func(parent, child uint32) {
		t.parents[t.firstParent[child+1]] = parent
		t.firstParent[child+1]++
	})
}

func (t *scanTrees) eachChild(e *scanEntries, fn func(parent, child uint32)) {
	for i := range t.blocks {
		b := &t.blocks[i]
		for j := range treesPerBlock {
			for _, r := range b.list(j) {
				for _, child := range e.trees[e.dirs.rank(r.start):e.dirs.rank(r.start+r.count)] {
					fn(uint32(i*treesPerBlock+j), child)
				}
			}
		}
	}
}

// eachBlock calls fn with every block of a kind, from several goroutines. With
// a positive count each of so many blocks must be there; with a negative one
// some may be missing.
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

// maxWorkers bounds the goroutines of a search: reading the values is then
// what takes the time.
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
