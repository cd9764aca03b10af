package catalog_test

import (
	"context"
	"errors"
	"sync"
	"testing"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/catalog"
	"syncline.dev/syncline/internal/catalog/catalogtest"
)

// writes are all ways to write to a catalog.
func (m *model) writes() map[string]func(context.Context, *catalog.Catalog) error {
	nothing := func(syncline.Hash) bool { return false }
	return map[string]func(context.Context, *catalog.Catalog) error{
		"Build": func(ctx context.Context, c *catalog.Catalog) error {
			b, err := c.Build(ctx)
			if err != nil {
				return err
			}
			defer b.Close()
			return errors.Join(m.feed(b, 1, m.order), b.Flush(ctx))
		},
		"Publish": func(ctx context.Context, c *catalog.Catalog) error {
			again := m.snapshots[0]
			again.ID[5]++
			_, err := c.Publish(ctx, []syncline.Snapshot{again}, nil)
			return err
		},
		"Remove": func(ctx context.Context, c *catalog.Catalog) error {
			_, err := c.Publish(ctx, nil, ids(m.snapshots[:1]))
			return err
		},
		"PublishLost": func(ctx context.Context, c *catalog.Catalog) error {
			_, err := c.PublishLost(ctx, []syncline.Snapshot{{ID: syncline.Hash{3}, Tree: syncline.Hash{4}}})
			return err
		},
		"Clean": func(ctx context.Context, c *catalog.Catalog) error {
			_, err := c.Clean(ctx, 0, nothing)
			return err
		},
		"AddIndex": func(ctx context.Context, c *catalog.Catalog) error {
			return c.AddIndex(ctx, syncline.Hash{6}, somePacks)
		},
		"FinishIndexes": func(ctx context.Context, c *catalog.Catalog) error { return c.FinishIndexes(ctx, true, nil) },
		"SetHidden": func(ctx context.Context, c *catalog.Catalog) error {
			return c.SetHidden(ctx, []syncline.HiddenSnapshot{{Snapshot: syncline.Snapshot{ID: syncline.Hash{8}}}})
		},
		"SetSynchronized": func(ctx context.Context, c *catalog.Catalog) error { return c.SetSynchronized(ctx, syncline.Hash{1}) },
		"Own":             func(ctx context.Context, c *catalog.Catalog) error { return c.Own(ctx, "one", true) },
	}
}

// unfinished returns a model and a catalog with something to do for each of its
// writes.
func unfinished(t *testing.T) (*model, *catalogtest.Memory) {
	t.Helper()
	m := newModel(71)
	m.grow(30, 3)
	memory := catalogtest.NewMemory()
	c := open(t, memory)
	check(t, c.Bind(t.Context(), syncline.Hash{1}))
	m.build(t, c, 1, m.order)
	m.publish(t, c)
	check(t, c.AddIndex(t.Context(), syncline.Hash{7}, somePacks))
	_, err := c.Publish(t.Context(), nil, ids(m.snapshots[2:])) // something to clean
	check(t, err)
	m.snapshots = m.snapshots[:2]
	m.grow(10, 0)
	return m, memory
}

// TestEveryWriterIsFenced has another process write, in every way, between two
// writes of a session: every write of the session is refused until it ends.
func TestEveryWriterIsFenced(t *testing.T) {
	m, memory := unfinished(t)
	for theirs, write := range m.writes() {
		for ours := range m.writes() {
			box := memory.Clone()
			c, other := open(t, box), open(t, box)
			check(t, c.Bind(t.Context(), syncline.Hash{1}))
			check(t, write(t.Context(), other))
			for range 2 {
				if err := m.writes()[ours](t.Context(), c); theirs != ours && !errors.Is(err, catalog.ErrConflict) {
					t.Errorf("%s behind %s of another process gives %v", ours, theirs, err)
				}
			}
			c.Unload()
			if err := m.writes()[ours](t.Context(), c); err != nil {
				t.Errorf("%s in a new session behind %s of another process: %v", ours, theirs, err)
			}
		}
	}
}

// TestOpenBuilderIsFenced has another process write, in every way, while a
// Builder is open: the Builder is refused. A new generation, in which its numbers
// mean something else, does not look like damage.
func TestOpenBuilderIsFenced(t *testing.T) {
	m, memory := unfinished(t)
	for theirs, write := range m.writes() {
		box := memory.Clone()
		c, other := open(t, box), open(t, box)
		b, err := c.Build(t.Context())
		check(t, err)
		check(t, write(t.Context(), other))
		if err := errors.Join(m.feed(b, 1, m.order), b.Flush(t.Context())); !errors.Is(err, catalog.ErrConflict) || errors.Is(err, catalog.ErrDamaged) {
			t.Errorf("a Builder behind %s of another process gives %v", theirs, err)
		}
		b.Close()
	}
}

// TestOneSessionIsNotFenced has one session write in every way, some beside one
// another.
func TestOneSessionIsNotFenced(t *testing.T) {
	m, memory := unfinished(t)
	c := open(t, memory)
	check(t, c.Bind(t.Context(), syncline.Hash{1}))
	b, err := c.Build(t.Context())
	check(t, err)
	var wg sync.WaitGroup
	for no := range byte(20) {
		wg.Go(func() {
			if err := c.AddIndex(t.Context(), syncline.Hash{6, no}, somePacks); err != nil {
				t.Error(err)
			}
		})
	}
	for _, h := range m.order {
		check(t, m.add(b.NewAdder(), h))
		check(t, b.Flush(t.Context()))
	}
	b.Close()
	wg.Wait()
	writes := m.writes()
	for _, name := range []string{"Publish", "SetHidden", "PublishLost", "FinishIndexes", "Remove", "Clean", "SetSynchronized", "Own"} {
		if err := writes[name](t.Context(), c); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	check(t, c.View(t.Context(), func(v *catalog.View) error {
		list, err := v.Indexes()
		if len(list) != 21 {
			t.Errorf("there are %d indexes of 21", len(list))
		}
		return err
	}))
}

// TestBuildReadsOnlyWhatIsThere counts the views of sessions. A first one has
// nothing to read, however many trees it adds; a later one reads blocks of trees
// only where the one before has left them open.
func TestBuildReadsOnlyWhatIsThere(t *testing.T) {
	m := newModel(72)
	m.grow(600, 3)
	box := &counted{Container: catalogtest.NewMemory()}
	c := open(t, box)
	m.build(t, c, 2, m.order)
	m.publish(t, c)
	const perSession = 12 // of the head, the parts, and what Publish looks at
	if got := box.views.Load(); got > perSession {
		t.Errorf("a first session with %d trees makes %d views, want %d or fewer", len(m.order), got, perSession)
	}
	before := box.views.Load()
	m.grow(600, 3)
	m.build(t, c, 2, m.order)
	m.publish(t, c)
	if got := box.views.Load() - before; got > perSession+1 {
		t.Errorf("a second session makes %d views, want %d or fewer", got, perSession+1)
	}
	m.verify(t, c)
}

// flaky loses the connection of every view once, at one of its first reads.
type flaky struct {
	*catalogtest.Memory
	mu   sync.Mutex
	turn int
}

func (f *flaky) View(ctx context.Context, fn func(catalog.Reader) error) error {
	f.mu.Lock()
	f.turn = (f.turn + 1) % 7
	at := f.turn
	f.mu.Unlock()
	return f.Memory.View(ctx, func(r catalog.Reader) error { return fn(&flakyReader{r, f, at}) })
}

type flakyReader struct {
	catalog.Reader
	f  *flaky
	at int
}

func (r *flakyReader) lose() {
	if r.at--; r.at == 0 {
		r.f.LoseConnections()
	}
}

func (r *flakyReader) Get(kind catalog.Kind, no uint64) ([]byte, error) {
	r.lose()
	return r.Reader.Get(kind, no)
}

func (r *flakyReader) Scan(kind catalog.Kind, first uint64, fn func(uint64, []byte) error) error {
	return r.Reader.Scan(kind, first, func(no uint64, value []byte) error {
		r.lose()
		return fn(no, value)
	})
}

// TestLostConnections loses connections in sessions and readers, one view at a
// time: nobody notices.
func TestLostConnections(t *testing.T) {
	m, want := reference(t, 73, 80)
	box := &flaky{Memory: catalogtest.NewMemory()}
	c := open(t, box)
	for range 3 {
		m.build(t, c, 2, m.order)
		m.publish(t, c)
		catalog.Forget()
		m.verify(t, c)
	}
	wantDump(t, dump(t, c), want)
}
