package catalog_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

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
