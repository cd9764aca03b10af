package catalog

import (
	"context"
	"runtime"

	"github.com/zeebo/xxh3"
	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"
)

// preload is a Builder that is loaded in advance.
type preload struct {
	cancel context.CancelFunc
	turns  *semaphore.Weighted // bounds the parts that are read at once
	held   int64               // turns that the caller has for its own work until Build
	done   chan struct{}       // closed when b or err is set
	b      *Builder
	err    error
}

// Preload begins to load what the next Build needs, while the caller opens the
// repository and reads its indexes. Build takes the result if the catalog is
// still the same; Unload drops it. A second call does nothing.
func (c *Catalog) Preload(ctx context.Context) {
	c.ahead.Lock()
	defer c.ahead.Unlock()
	if c.ahead.load != nil {
		return
	}
	ctx, cancel := context.WithCancel(ctx)
	p := &preload{cancel: cancel, turns: semaphore.NewWeighted(allParts), done: make(chan struct{})}
	p.held = allParts - int64(min(allParts, max(1, runtime.GOMAXPROCS(0)-1)))
	p.turns.TryAcquire(p.held)
	c.ahead.load = p
	go func() {
		defer close(p.done)
		var m meta
		if m, p.err = c.readMeta(ctx); p.err == nil {
			p.b, p.err = c.newBuilder(ctx, m, p.turns)
		}
	}()
}

// Unload ends a session, so other writers may follow. It drops what Preload has
// loaded and what a Builder has left for Publish.
func (c *Catalog) Unload() {
	c.end()
	_ = c.takeBuilt()
	if p := c.takePreload(); p != nil {
		p.cancel()
		<-p.done
	}
}

func (c *Catalog) takePreload() *preload {
	c.ahead.Lock()
	defer c.ahead.Unlock()
	p := c.ahead.load
	c.ahead.load = nil
	return p
}

// built is the knowledge of a closed Builder. Publish would otherwise have to
// read it.
type built struct {
	m      meta
	trees  *hashTable
	states []state
	edges  []dirEdge
}

// keepBuilt keeps the knowledge of a Builder if the catalog holds just that.
func (c *Catalog) keepBuilt(b *Builder) {
	w := b.w
	if w.err != nil || w.dirty || b.trees.hashes.len() != int(w.meta.Trees) {
		return
	}
	c.ahead.Lock()
	defer c.ahead.Unlock()
	c.ahead.built = &built{w.meta, b.trees, w.states, w.edges}
}

func (c *Catalog) takeBuilt() *built {
	c.ahead.Lock()
	defer c.ahead.Unlock()
	kept := c.ahead.built
	c.ahead.built = nil
	return kept
}

// loadBuilder returns a loaded Builder. The caller holds building, so nobody in
// this process changes trees or snapshots meanwhile.
func (c *Catalog) loadBuilder(ctx context.Context) (*Builder, error) {
	p := c.takePreload()
	if p == nil {
		m, err := c.join(ctx)
		if err != nil {
			return nil, err
		}
		return c.newBuilder(ctx, m, nil)
	}
	defer p.cancel()
	p.turns.Release(p.held)
	select {
	case <-p.done:
	case <-ctx.Done():
		p.cancel()
		<-p.done
	}
	m, err := c.join(ctx)
	if err != nil {
		return nil, err
	}
	if p.err == nil && p.b.w.meta.sameContent(m) {
		return p.b, nil
	}
	return c.newBuilder(ctx, m, nil) // the catalog has changed meanwhile
}

// newBuilder loads a Builder for the state m: the tables, and the last block of
// each kind, which will be written again. It reads the parts side by side, as
// far as turns allow, because a short session waits for them.
func (c *Catalog) newBuilder(ctx context.Context, m meta, turns *semaphore.Weighted) (*Builder, error) {
	b := &Builder{
		c:       c,
		results: make(chan *result, 256),
		flushes: make(chan flush),
		ended:   make(chan struct{}),
	}
	b.free.New = func() any { return new(result) }
	b.w = &writer{c: c}
	if !c.brief.Load() {
		b.w.caches = c.id
	}
	b.seed, b.trees = m.Seed, &hashTable{seed: m.Seed}
	b.nNames, b.nEntry = m.Names, m.Entries
	b.w.meta = m
	return b, c.beside(ctx, m, turns, b.loadNames, b.loadKeys, b.loadTrees, b.w.loadTails, b.w.loadEdges)
}

// allParts is more than there are parts.
const allParts = 16

// beside reads parts of the state m side by side, each in a view of its own.
// turns bounds how many run at once; nil is no bound.
func (c *Catalog) beside(ctx context.Context, m meta, turns *semaphore.Weighted, parts ...func(context.Context, Reader, meta) error) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, part := range parts {
		group.Go(func() error {
			if turns != nil {
				if err := turns.Acquire(ctx, 1); err != nil {
					return err
				}
				defer turns.Release(1)
			}
			return c.box.View(ctx, func(r Reader) error {
				switch now, err := c.meta(r); {
				case err != nil:
					return err
				case !now.sameContent(m):
					return Conflict()
				}
				return part(ctx, r, m)
			})
		})
	}
	return group.Wait()
}

func (b *Builder) loadTrees(_ context.Context, r Reader, m meta) error {
	hashes, err := loadHashes(r, m)
	if err != nil {
		return err
	}
	if twice := b.trees.load(hashes); twice >= 0 {
		return damaged("tree %d is there twice", twice)
	}
	b.states, err = loadStates(r, m)
	b.w.states = append([]state(nil), b.states...)
	b.w.savedHashes = len(hashes)
	return err
}

func (b *Builder) loadKeys(_ context.Context, r Reader, m meta) error {
	b.entries.reserve(int(m.Entries))
	no := uint32(0)
	err := scan(r, kindKey, 0, func(block uint64, payload []byte) error {
		if block != uint64(no/keysPerBlock) {
			return damaged("key block %d is missing", no/keysPerBlock)
		}
		b.w.keys = b.w.keys[:0]
		err := decodeKeys(payload, func(key uint64) { b.w.keys = append(b.w.keys, key) })
		b.entries.putAll(b.w.keys)
		no += uint32(len(b.w.keys))
		return err
	})
	if err == nil && no != m.Entries {
		err = damaged("there are %d entry keys and %d entries", no, m.Entries)
	}
	if no%keysPerBlock == 0 {
		b.w.keys = b.w.keys[:0]
	}
	return err
}

func (b *Builder) loadNames(_ context.Context, r Reader, m meta) error {
	b.names.reserve(int(m.Names))
	no := uint32(0)
	var last *nameBlock
	keys := make([]uint64, 0, namesPerBlock)
	err := scan(r, kindName, 0, func(block uint64, payload []byte) error {
		if block != uint64(no/namesPerBlock) || no%namesPerBlock != 0 {
			return damaged("name block %d is missing", no/namesPerBlock)
		}
		nb, err := decodeNames(payload)
		if err != nil {
			return err
		}
		keys = keys[:0]
		for i := range nb.ends {
			keys = append(keys, xxh3.HashSeed(nb.at(i), b.seed))
		}
		b.names.putAll(keys)
		no += uint32(len(keys))
		last = nb
		return nil
	})
	if err == nil && no != m.Names {
		err = damaged("there are %d names instead of %d", no, m.Names)
	}
	if err == nil && no%namesPerBlock != 0 {
		for i := range last.ends {
			b.w.names = append(b.w.names, string(last.at(i)))
		}
	}
	return err
}
