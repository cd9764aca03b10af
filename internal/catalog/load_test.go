package catalog_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/catalog"
	"syncline.dev/syncline/internal/catalog/catalogtest"
)

// TestPreload loads ahead at points where the catalog is going to change, and
// where it is not: what is built is the same.
func TestPreload(t *testing.T) {
	m, plain := newModel(41), newModel(41)
	memory := catalogtest.NewMemory()
	box := &counted{Container: memory}
	c := open(t, box)
	other := open(t, memory) // as another process would
	for range 12 {
		m.grow(20, 1)
		plain.grow(20, 1)
		at := m.rng.IntN(6)
		plain.rng.IntN(6)
		if at == 1 {
			c.Unload() // another process may write
		}
		if at == 0 || at == 1 {
			before := box.views.Load()
			c.Preload(t.Context())
			for box.views.Load() < before+5 { // one of the head, four of the parts
				<-time.After(time.Millisecond)
			}
		}
		if at == 1 { // it is out of date by the time of the next build
			m.build(t, other, 1, m.order)
			m.publish(t, other)
			other.Unload()
		}
		if at == 2 {
			ctx, cancel := context.WithCancel(t.Context())
			c.Preload(ctx)
			cancel()
		}
		m.build(t, c, 2, m.shuffled())
		plain.shuffled() // draws the same
		if at == 3 {     // publishing changes the states of trees
			c.Preload(t.Context())
			c.Preload(t.Context())
		}
		m.publish(t, c)
		if at == 4 {
			c.Preload(t.Context())
			c.Unload()
		}
	}
	m.verify(t, c)
	fresh := inMemory(t)
	plain.build(t, fresh, 1, plain.order)
	plain.publish(t, fresh)
	wantDump(t, dump(t, c), dump(t, fresh))
}

// counted counts views.
type counted struct {
	catalog.Container
	views atomic.Int64
}

func (c *counted) View(ctx context.Context, fn func(catalog.Reader) error) error {
	defer c.views.Add(1)
	return c.Container.View(ctx, fn)
}

// TestPreloadLeavesAProcessor counts how many parts are read at once, before Build
// asks for them and after.
func TestPreloadLeavesAProcessor(t *testing.T) {
	m := newModel(43)
	m.grow(20, 1)
	memory := catalogtest.NewMemory()
	m.build(t, open(t, memory), 1, m.order)
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	for _, processors := range []int{1, 2, 3} {
		runtime.GOMAXPROCS(processors)
		alone := max(1, processors-1)
		for _, asked := range []bool{false, true} {
			box := &crowded{Container: memory, free: 2, enough: int64(alone + 1), wait: 20 * time.Millisecond}
			if asked {
				box.wait = 10 * time.Second // Build comes sooner
			}
			c := open(t, box)
			c.Preload(t.Context())
			for !asked && box.views.Load() < 2+5 { // five parts
				<-time.After(time.Millisecond)
			}
			builder, err := c.Build(t.Context())
			check(t, err)
			builder.Close()
			switch most := int(box.most.Load()); {
			case !asked && most != alone:
				t.Errorf("with %d processors, up to %d parts are read at once, want %d", processors, most, alone)
			case asked && most <= alone:
				t.Errorf("with %d processors, up to %d parts are read at once although Build waits", processors, most)
			}
		}
	}
}

// crowded has views wait a little until enough of them run at once.
type crowded struct {
	catalog.Container
	free   int64 // the first views, which need not wait: of Open, and of the catalog's head
	enough int64
	wait   time.Duration

	begun, inside, most, views atomic.Int64
}

func (c *crowded) View(ctx context.Context, fn func(catalog.Reader) error) error {
	defer c.views.Add(1)
	if c.begun.Add(1) > c.free {
		n := c.inside.Add(1)
		defer c.inside.Add(-1)
		for most := c.most.Load(); n > most && !c.most.CompareAndSwap(most, n); {
			most = c.most.Load()
		}
		for end := time.Now().Add(c.wait); c.most.Load() < c.enough && time.Now().Before(end); {
			<-time.After(time.Millisecond)
		}
	}
	return c.Container.View(ctx, fn)
}

// TestPreloadIsTaken makes sure that nothing is loaded twice.
func TestPreloadIsTaken(t *testing.T) {
	m := newModel(42)
	m.grow(20, 1)
	box := &counted{Container: catalogtest.NewMemory()}
	c := open(t, box)
	m.build(t, c, 1, m.order[:10])
	before := box.views.Load()
	b, err := c.Build(t.Context())
	check(t, err)
	b.Close()
	load := box.views.Load() - before
	c.Preload(t.Context())
	b, err = c.Build(t.Context())
	check(t, err)
	b.Close()
	if got := box.views.Load() - before - load; got != load+1 {
		t.Errorf("%d views with a preload, %d without; want one more, which looks whether the catalog is the same", got, load)
	}
	m.build(t, c, 1, m.order)
	m.publish(t, c)
	m.verify(t, c)
}

// kinds counts which kinds were read from end to end.
type kinds struct {
	catalog.Container
	mu      sync.Mutex
	scanned map[catalog.Kind]int
}

func (k *kinds) View(ctx context.Context, fn func(catalog.Reader) error) error {
	return k.Container.View(ctx, func(r catalog.Reader) error { return fn(&kindsReader{r, k}) })
}

type kindsReader struct {
	catalog.Reader
	k *kinds
}

func (r *kindsReader) Scan(kind catalog.Kind, first uint64, fn func(uint64, []byte) error) error {
	r.k.mu.Lock()
	r.k.scanned[kind]++
	r.k.mu.Unlock()
	return r.Reader.Scan(kind, first, fn)
}

// addOnly adds all trees to a Builder and does not flush it.
func (m *model) addOnly(t *testing.T, c *catalog.Catalog) *catalog.Builder {
	t.Helper()
	b, err := c.Build(t.Context())
	check(t, err)
	reserve(b, m.order)
	check(t, m.feed(b, 2, m.order))
	return b
}

// TestPublishAfterBuild publishes what a Builder just added without reading it
// again, and reads it where the catalog is not what the Builder left.
func TestPublishAfterBuild(t *testing.T) {
	for name, c := range map[string]struct {
		between func(t *testing.T, m *model, c, other *catalog.Catalog)
		reads   bool
		fenced  bool // another process has written
	}{
		"nothing": {func(*testing.T, *model, *catalog.Catalog, *catalog.Catalog) {}, false, false},
		"a Builder that added nothing": {func(t *testing.T, _ *model, c, _ *catalog.Catalog) {
			b, err := c.Build(t.Context())
			check(t, err)
			b.Close()
		}, false, false},
		"unloaded": {func(_ *testing.T, _ *model, c, _ *catalog.Catalog) { c.Unload() }, true, false},
		"published by another process": {func(t *testing.T, m *model, _, other *catalog.Catalog) {
			_, err := other.Publish(t.Context(), m.snapshots[:1], nil)
			check(t, err)
		}, true, true},
		"built by another process": {func(t *testing.T, m *model, _, other *catalog.Catalog) {
			m.grow(20, 1)
			m.build(t, other, 2, m.order)
		}, true, true},
		"more, not flushed": {func(t *testing.T, m *model, c, other *catalog.Catalog) {
			m.grow(20, 1)
			m.addOnly(t, c).Close()
			m.build(t, other, 2, m.order)
		}, true, true},
		"reserved, not flushed": {func(t *testing.T, m *model, c, _ *catalog.Catalog) {
			b, err := c.Build(t.Context())
			check(t, err)
			b.Reserve(&syncline.Hash{1, 2, 3})
			b.Close()
		}, false, false}, // what the one before left still holds
		"not written": {func(t *testing.T, m *model, c, other *catalog.Catalog) {
			m.grow(20, 1)
			b := m.addOnly(t, c)
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			if b.Flush(ctx) == nil {
				t.Error("a canceled flush succeeds")
			}
			b.Close()
			m.build(t, other, 2, m.order)
		}, true, true},
	} {
		t.Run(name, func(t *testing.T) {
			m := newModel(44)
			m.grow(40, 2)
			path := filepath.Join(t.TempDir(), "c")
			box := &kinds{Container: openSQLite(t, path), scanned: make(map[catalog.Kind]int)}
			cat, other := open(t, box), open(t, openSQLite(t, path))
			// A second session goes on from what the first one left.
			m.build(t, cat, 2, m.order[:15])
			m.build(t, cat, 2, m.order)
			c.between(t, m, cat, other)
			if c.fenced {
				_, err := cat.Publish(t.Context(), m.snapshots, nil)
				if !errors.Is(err, catalog.ErrConflict) {
					t.Errorf("Publish behind the write of another process gives %v", err)
				}
				cat.Unload() // the next session
			}
			clear(box.scanned)
			m.publish(t, cat)
			if got := box.scanned[kindScan]+box.scanned[kindHash]+box.scanned[kindState] > 0; got != c.reads {
				t.Errorf("Publish reads the catalog: %v, want %v", got, c.reads)
			}
			m.verify(t, cat)
			m.grow(10, 1)
			m.build(t, cat, 2, m.order)
			m.publish(t, cat)
			m.verify(t, cat)
		})
	}
}

// lists counts the trees' lists that are read in updates.
type lists struct {
	catalog.Container
	read int
}

func (l *lists) Update(ctx context.Context, expected catalog.Head, fn func(catalog.Writer) error) error {
	return l.Container.Update(ctx, expected, func(w catalog.Writer) error { return fn(&listsWriter{w, l}) })
}

type listsWriter struct {
	catalog.Writer
	l *lists
}

func (w *listsWriter) Get(kind catalog.Kind, no uint64) ([]byte, error) {
	if kind == kindTree {
		w.l.read++
	}
	return w.Writer.Get(kind, no)
}

// TestPublishNeedNotWalk has Publish mark the same trees as complete whether it walks or
// knows from the Builder that nothing is missing.
func TestPublishNeedNotWalk(t *testing.T) {
	var states [2]string
	for i, walks := range []bool{false, true} {
		m := newModel(45)
		m.grow(40, 2)
		for _, tree := range m.order { // a walk marks what it comes to
			m.snapshot(tree)
		}
		box := &lists{Container: openSQLite(t, filepath.Join(t.TempDir(), "c"))}
		cat := open(t, box)
		m.build(t, cat, 1, m.order)
		if walks {
			cat.Unload()
		}
		m.publish(t, cat)
		if got := box.read > 0; got != walks {
			t.Errorf("Publish walks: %v, want %v", got, walks)
		}
		m.verify(t, cat)
		check(t, box.View(t.Context(), func(r catalog.Reader) error {
			return r.Scan(kindState, 0, func(no uint64, value []byte) error {
				states[i] += fmt.Sprintf("%d %x\n", no, value)
				return nil
			})
		}))
	}
	if states[0] == "" || states[0] != states[1] {
		t.Errorf("the states differ:\n%s%s", states[0], states[1])
	}
}

// TestPublishWithoutFlush has a tree of known entries dropped by a Builder that is
// not flushed: its snapshot lacks it, also where its number was kept before.
func TestPublishWithoutFlush(t *testing.T) {
	reserve := func(_ *testing.T, _ *model, b *catalog.Builder, h syncline.Hash) { b.Reserve(&h) }
	flush := func(t *testing.T, _ *model, b *catalog.Builder, h syncline.Hash) {
		b.Reserve(&h)
		check(t, b.Flush(t.Context()))
	}
	add := func(t *testing.T, m *model, b *catalog.Builder, h syncline.Hash) {
		b.Reserve(&h)
		check(t, m.feed(b, 1, []syncline.Hash{h}))
	}
	for name, builders := range map[string][]func(*testing.T, *model, *catalog.Builder, syncline.Hash){
		"reserved": {reserve}, "added": {add}, "numbered": {flush}, "numbered and added": {flush, add},
	} {
		t.Run(name, func(t *testing.T) {
			m := newModel(45)
			m.grow(20, 1)
			c := open(t, catalogtest.NewMemory())
			m.build(t, c, 1, m.order)
			var all []*modelEntry
			for _, h := range m.order[:5] {
				all = append(all, m.trees[h].entries...)
			}
			h := m.tree(all)
			m.snapshot(h)
			for _, use := range builders {
				b, err := c.Build(t.Context())
				check(t, err)
				use(t, m, b, h)
				b.Close()
			}
			gaps, err := c.Publish(t.Context(), m.snapshots, nil)
			check(t, err)
			if len(gaps) != 1 || len(gaps[0].Missing) != 1 || gaps[0].Missing[0] != h {
				t.Errorf("the gaps are %v, want the tree that was dropped", gaps)
			}
			m.build(t, c, 1, m.order)
			m.publish(t, c)
			m.verify(t, c)
		})
	}
}
