package catalog

import (
	"context"
	"runtime"

	"github.com/zeebo/xxh3"
	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"

	"syncline.dev/syncline"
)

// preload is a Builder that is loaded before it is asked for.
type preload struct {
	cancel context.CancelFunc
	turns  *semaphore.Weighted // of parts that are read at once
	held   int64               // of them, until Build asks
	done   chan struct{}       // closed when b or err is there
	b      *Builder
	err    error
}

// Preload begins to load what the next Build needs, beside what the caller has
// to do before: opening the repository, reading its indexes. Build takes it
// over if the catalog is still the same; Unload drops it. A second call does
// nothing.
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
		p.b, p.err = c.newBuilder(ctx, p.turns)
	}()
}

// Unload drops what Preload loaded and Build has not taken, and waits for it. It
// also drops what a Builder left for Publish.
func (c *Catalog) Unload() {
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

// built is what a Builder knew when it was closed: all that Publish would have to
// read of the same state.
type built struct {
	m      meta
	trees  *hashTable
	states []state
	edges  []dirEdge
}

// keepBuilt keeps what a Builder knows, if it is just what the catalog holds.
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

// loadBuilder returns a loaded Builder. The caller holds building, so the
// catalog does not change any more.
func (c *Catalog) loadBuilder(ctx context.Context) (*Builder, error) {
	p := c.takePreload()
	if p == nil {
		return c.newBuilder(ctx, nil)
	}
	defer p.cancel()
	p.turns.Release(p.held)
	select {
	case <-p.done:
	case <-ctx.Done():
		p.cancel()
		<-p.done
	}
	var m meta
	err := c.box.View(ctx, func(r Reader) (err error) {
		m, err = readMeta(r)
		return err
	})
	if err != nil {
		return nil, err
	}
	if p.err == nil && p.b.w.meta == m {
		return p.b, nil
	}
	return c.newBuilder(ctx, nil) // something was published meanwhile
}

// newBuilder loads a Builder: the tables, and the last block of each kind,
// which is to be written anew. The parts are read beside one another, as the turns
// allow, since a session with little to fetch waits for them.
func (c *Catalog) newBuilder(ctx context.Context, turns *semaphore.Weighted) (*Builder, error) {
	b := &Builder{
		c:       c,
		results: make(chan *result, 256),
		flushes: make(chan flush),
		ended:   make(chan struct{}),
	}
	b.free.New = func() any { return new(result) }
	b.w = &writer{box: c.box, caches: c.id}
	var m meta
	err := c.box.View(ctx, func(r Reader) (err error) {
		m, err = readMeta(r)
		return err
	})
	if err != nil {
		return nil, err
	}
	b.seed, b.trees = m.Seed, &hashTable{seed: m.Seed}
	b.nNames, b.nEntry = m.Names, m.Entries
	b.w.meta = m
	return b, c.beside(ctx, m, turns, b.loadNames, b.loadKeys, b.loadTrees, b.w.loadTails, b.w.loadEdges)
}

// allParts is more than there are parts.
const allParts = 16

// beside reads parts of the catalog beside one another, as the turns allow, all of
// one state. Nil turns allow all.
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
				switch now, err := readMeta(r); {
				case err != nil:
					return err
				case now != m:
					return errChanged
				}
				return part(ctx, r, m)
			})
		})
	}
	return group.Wait()
}

// errChanged is met where several views do not see the same catalog.
var errChanged = syncline.Errorf(syncline.CodeUnavailable, "the catalog was changed meanwhile; try again")

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
