package catalog_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/catalog"
	"syncline.dev/syncline/internal/catalog/catalogtest"
)

// reference returns a model and the dump of an undisturbed build of it.
func reference(t *testing.T, seed uint64, dirs int) (*model, string) {
	t.Helper()
	m := newModel(seed)
	m.grow(dirs, 4)
	c := inMemory(t)
	m.build(t, c, 1, m.order)
	m.publish(t, c)
	return m, dump(t, c)
}

func TestDumpIsTheSame(t *testing.T) {
	m, want := reference(t, 3, 120)
	for adders := 1; adders <= 8; adders++ {
		c := inMemory(t)
		m.build(t, c, adders, m.shuffled())
		m.publish(t, c)
		wantDump(t, dump(t, c), want)
	}
}

// cutBuild adds some trees, flushes while others are still under way, adds
// more and drops what is not committed by then.
func (m *model) cutBuild(t *testing.T, c *catalog.Catalog, order []syncline.Hash) (missing []syncline.Hash) {
	t.Helper()
	b, err := c.Build(t.Context())
	check(t, err)
	defer b.Close()
	order = slices.DeleteFunc(slices.Clone(order), b.Has)
	reserve(b, order[:m.rng.IntN(len(order)+1)])
	upTo := m.rng.IntN(len(order) + 1)
	done := make(chan error, 1)
	go func() { done <- m.feed(b, 1+m.rng.IntN(3), order[:upTo]) }()
	check(t, b.Flush(t.Context())) // commits what has come so far
	check(t, <-done)
	return order
}

func TestCutBuilds(t *testing.T) {
	m, want := reference(t, 4, 120)
	for range 6 {
		box := catalogtest.NewMemory()
		for range 1 + m.rng.IntN(6) {
			box = box.Clone()
			m.cutBuild(t, open(t, box), m.shuffled())
		}
		box = box.Clone()
		c := open(t, box)
		m.build(t, c, 2, m.shuffled())
		m.publish(t, c)
		wantDump(t, dump(t, c), want)
	}
}

// copying copies a SQLite container's files in the middle of updates, as a
// crash would leave them.
type copying struct {
	catalog.Container
	path string
	copy func() // nil when no more copies are wanted
}

func (c *copying) Update(ctx context.Context, expected catalog.Head, fn func(catalog.Writer) error) error {
	err := c.Container.Update(ctx, expected, func(w catalog.Writer) error {
		if err := fn(w); err != nil {
			return err
		}
		c.copy() // everything is written, nothing committed
		return nil
	})
	c.copy()
	return err
}

func copyFiles(t *testing.T, from, to string) {
	t.Helper()
	for _, suffix := range []string{"", "-wal"} {
		b, err := os.ReadFile(from + suffix)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		check(t, err)
		check(t, os.WriteFile(to+suffix, b, 0o600))
	}
}

func TestCrashedSQLite(t *testing.T) {
	m, want := reference(t, 6, 120)
	dir := t.TempDir()
	path := filepath.Join(dir, "c")
	var copies []string
	box := &copying{Container: openSQLite(t, path), path: path}
	box.copy = func() {
		to := filepath.Join(dir, fmt.Sprint("copy", len(copies)))
		copyFiles(t, path, to)
		copies = append(copies, to)
	}
	c := open(t, box)
	b, err := c.Build(t.Context())
	check(t, err)
	order := m.shuffled()
	reserve(b, order)
	for part := range slices.Chunk(order, len(order)/9+1) {
		check(t, m.feed(b, 2, part))
		check(t, b.Flush(t.Context()))
	}
	b.Close()
	m.publish(t, c)
	wantDump(t, dump(t, c), want)
	whole := 0
	for _, copied := range copies {
		c := open(t, openSQLite(t, copied))
		if dump(t, c) == want {
			whole++
		}
		m.build(t, c, 2, m.shuffled())
		m.publish(t, c)
		wantDump(t, dump(t, c), want)
	}
	if len(copies) < 20 || whole == 0 || whole == len(copies) {
		t.Fatalf("%d of %d copies were whole from the start", whole, len(copies))
	}
}

func TestReserveAndHas(t *testing.T) {
	m := newModel(8)
	m.grow(20, 1)
	c := inMemory(t)
	b, err := c.Build(t.Context())
	check(t, err)
	defer b.Close()
	reserve(b, m.order)
	for _, h := range m.order {
		if b.Has(h) || b.Dropped(h) {
			t.Fatal("a reserved tree counts as decoded or dropped")
		}
	}
	check(t, m.feed(b, 2, m.order))
	for _, h := range m.order {
		if !b.Has(h) {
			t.Fatal("an added tree is not there")
		}
	}
}

// TestSameTreeAtOnce adds every tree from all goroutines at the same time.
func TestSameTreeAtOnce(t *testing.T) {
	m, want := reference(t, 9, 60)
	c := inMemory(t)
	b, err := c.Build(t.Context())
	check(t, err)
	var wg sync.WaitGroup
	errs := make([]error, 6)
	for i := range errs {
		wg.Go(func() {
			a := b.NewAdder()
			for _, h := range m.order {
				if err := m.add(a, h); err != nil {
					errs[i] = err
					return
				}
			}
		})
	}
	wg.Wait()
	check(t, errors.Join(errs...))
	check(t, b.Flush(t.Context()))
	entries, trees := b.Counts()
	b.Close()
	m.publish(t, c)
	wantDump(t, dump(t, c), want)
	kept := 0
	for _, e := range m.entries {
		if !e.skip {
			kept++
		}
	}
	check(t, c.View(t.Context(), func(v *catalog.View) error {
		_, known, all := v.Totals()
		if int(trees) != len(m.order) || all != len(m.order) || int(entries) != known || known > kept {
			t.Errorf("%d trees and %d entries were added; there are %d (%d) and %d (at most %d)",
				trees, entries, all, len(m.order), known, kept)
		}
		return nil
	}))
}

func TestParseErrors(t *testing.T) {
	m, want := reference(t, 10, 60)
	c := inMemory(t)
	b, err := c.Build(t.Context())
	check(t, err)
	a := b.NewAdder()
	bad := errors.New("bad entry")
	for _, h := range m.order {
		tree := m.trees[h]
		calls, failAt := 0, m.rng.IntN(len(tree.spans)+1)
		err := a.Add(h, tree.raw, tree.spans, func(raw []byte, e *syncline.Entry) (bool, error) {
			if calls++; calls > failAt {
				return false, bad
			}
			return m.parse(raw, e)
		})
		switch {
		case err != nil && !errors.Is(err, bad):
			t.Fatalf("Add returned %v, want the parser's own error", err)
		case err != nil && b.Has(h):
			t.Fatal("a tree that failed counts as decoded")
		}
		check(t, m.add(a, h))
	}
	check(t, b.Flush(t.Context()))
	b.Close()
	m.publish(t, c)
	wantDump(t, dump(t, c), want)
}

// TestParseIsCalledOnce shows that entries are decoded once, and that one which
// was left out is asked for again.
func TestParseIsCalledOnce(t *testing.T) {
	m := newModel(12)
	m.grow(30, 2)
	c := inMemory(t)
	calls := make(map[string]int)
	for range 2 {
		b, err := c.Build(t.Context())
		check(t, err)
		a := b.NewAdder()
		for _, h := range m.order {
			tree := m.trees[h]
			inTree := make(map[string]bool)
			check(t, a.Add(h, tree.raw, tree.spans, func(raw []byte, e *syncline.Entry) (bool, error) {
				if !inTree[string(raw)] {
					inTree[string(raw)] = true
					calls[string(raw)]++
				}
				return m.parse(raw, e)
			}))
		}
		check(t, b.Flush(t.Context()))
		b.Close()
	}
	for raw, n := range calls {
		if n != 1 && !m.entries[raw].skip {
			t.Fatalf("%q was decoded for %d trees", raw, n)
		}
	}
	if len(calls) == 0 {
		t.Fatal("nothing was decoded")
	}
}

// failing is a container whose updates fail when they are told to.
type failing struct {
	catalog.Container
	err error
}

func (c *failing) Update(ctx context.Context, expected catalog.Head, fn func(catalog.Writer) error) error {
	if c.err == nil {
		return c.Container.Update(ctx, expected, fn)
	}
	return c.Container.Update(ctx, expected, func(w catalog.Writer) error {
		if err := fn(w); err != nil {
			return err
		}
		return c.err
	})
}

func TestFullDisk(t *testing.T) {
	m, want := reference(t, 13, 100)
	box := &failing{Container: catalogtest.NewMemory()}
	c := open(t, box)
	full := syncline.Errorf(syncline.CodeUnavailable, "the disk is full")
	box.err = full
	b, err := c.Build(t.Context())
	check(t, err)
	check(t, m.feed(b, 2, m.order[:10]))
	if err := b.Flush(t.Context()); !errors.Is(err, full) {
		t.Fatalf("Flush returned %v, want the container's error", err)
	}
	check(t, m.feed(b, 4, m.order)) // many more than the queue holds
	wantCode(t, b.Flush(t.Context()), syncline.CodeUnavailable)
	b.Close()
	_, err = c.Publish(t.Context(), m.snapshots, nil)
	wantCode(t, err, syncline.CodeUnavailable)
	if got := dump(t, c); got != "" {
		t.Fatalf("something is visible: %.100s", got)
	}
	box.err = nil
	m.build(t, c, 2, m.order)
	m.publish(t, c)
	wantDump(t, dump(t, c), want)
}

// TestFullDiskAtOnce fails before anything of a large commit is taken: who makes its
// blocks is not left waiting.
func TestFullDiskAtOnce(t *testing.T) {
	m := newModel(15)
	m.grow(40, 1)
	memory := catalogtest.NewMemory()
	c := open(t, memory)
	b, err := c.Build(t.Context())
	check(t, err)
	for i, h := range m.order { // each in a block of its own
		b.Reserve(&h)
		for j := range 127 {
			b.Reserve(&syncline.Hash{1, byte(i), byte(j)})
		}
	}
	check(t, m.feed(b, 1, m.order))
	check(t, memory.Close())
	if err := b.Flush(t.Context()); err == nil {
		t.Fatal("Flush into a closed container succeeded")
	}
	b.Close()
}

func TestFlushCanceled(t *testing.T) {
	m, want := reference(t, 14, 40)
	c := inMemory(t)
	b, err := c.Build(t.Context())
	check(t, err)
	check(t, m.feed(b, 2, m.order))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	wantCode(t, b.Flush(ctx), syncline.CodeCanceled)
	b.Close()
	_, err = c.Build(ctx)
	wantCode(t, err, syncline.CodeCanceled)
	m.build(t, c, 2, m.order)
	m.publish(t, c)
	wantDump(t, dump(t, c), want)
}

// TestBuildersQueue opens a second Builder, which waits for the first.
func TestBuildersQueue(t *testing.T) {
	m, want := reference(t, 15, 40)
	c := inMemory(t)
	first, err := c.Build(t.Context())
	check(t, err)
	done := make(chan error, 1)
	go func() {
		second, err := c.Build(context.Background())
		if err == nil {
			err = errors.Join(m.feed(second, 1, m.order), second.Flush(context.Background()))
			second.Close()
		}
		done <- err
	}()
	check(t, m.feed(first, 2, m.order[:20]))
	check(t, first.Flush(t.Context()))
	select {
	case err := <-done:
		t.Fatalf("the second Builder did not wait (%v)", err)
	default:
	}
	first.Close()
	check(t, <-done)
	m.publish(t, c)
	wantDump(t, dump(t, c), want)
}

func TestSubtreeOfAFile(t *testing.T) {
	m := newModel(16)
	odd := syncline.Entry{Name: "odd", Type: syncline.TypeFile, Subtree: syncline.Hash{9}}
	m.snapshot(m.tree([]*modelEntry{m.make(odd, false)}))
	c := inMemory(t)
	m.build(t, c, 1, m.order)
	m.publish(t, c)
	check(t, c.View(t.Context(), func(v *catalog.View) error {
		s, err := v.Snapshots()
		if err != nil {
			return err
		}
		_, _, ok, err := v.Find(s[0].Root, "/odd")
		if ok {
			t.Error("a file has a tree")
		}
		return err
	}))
}
