package explore

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/catalog"
	"syncline.dev/syncline/internal/catalog/catalogtest"
)

// readCounter counts the values that are read.
type readCounter struct {
	catalog.Container
	values atomic.Int64
}

func (c *readCounter) View(ctx context.Context, fn func(catalog.Reader) error) error {
	return c.Container.View(ctx, func(r catalog.Reader) error { return fn(countedReader{r, c}) })
}

// counted returns a container with a forest in it, and opens it as a new process does.
func counted(t *testing.T, f *forest) (*readCounter, func() *catalog.Catalog) {
	t.Helper()
	box := &readCounter{Container: catalogtest.NewMemory()}
	open := func() *catalog.Catalog {
		t.Helper()
		c, err := catalog.Open(t.Context(), box)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	c := open()
	t.Cleanup(func() { _ = c.Close() })
	f.fill(c)
	return box, open
}

type countedReader struct {
	catalog.Reader
	c *readCounter
}

func (r countedReader) Get(kind catalog.Kind, no uint64) ([]byte, error) {
	r.c.values.Add(1)
	return r.Reader.Get(kind, no)
}

func (r countedReader) GetMany(kind catalog.Kind, nos ...uint64) ([][]byte, error) {
	r.c.values.Add(int64(len(nos)))
	return r.Reader.GetMany(kind, nos...)
}

func (r countedReader) Scan(kind catalog.Kind, first uint64, fn func(uint64, []byte) error) error {
	return r.Reader.Scan(kind, first, func(no uint64, value []byte) error {
		r.c.values.Add(1)
		return fn(no, value)
	})
}

// yearsOfSnapshots has a folder with a thousand versions, of a file that has one version
// and a file that has another one in each snapshot.
func yearsOfSnapshots(t *testing.T, n int) *forest {
	f := newForest(t)
	for i := range n {
		changes, stays := file("changes", uint64(i)+1), file("stays", 1)
		changes.Content, stays.Content = []syncline.Hash{{1, byte(i), byte(i >> 8)}}, []syncline.Hash{{2}}
		deep := f.tree(changes, stays)
		f.snapshot(f.tree(folder("home", f.tree(file("log", uint64(i)+1), folder("docs", deep)))))
		s := &f.snapshots[i]
		binary.LittleEndian.PutUint32(s.ID[:], uint32(i)+1)
		s.Time, s.Hostname, s.Paths = time.Unix(int64(1000*i), 0), "host", []string{"/home"}
	}
	// A session reads trees in any order.
	rand.New(rand.NewPCG(1, 2)).Shuffle(len(f.order), func(i, j int) { f.order[i], f.order[j] = f.order[j], f.order[i] })
	return f
}

// TestHistoryReads bounds the blocks that the histories of 1,000 snapshots read. A server
// that has answered once reads none of them again.
func TestHistoryReads(t *testing.T) {
	const n = 1000
	f := yearsOfSnapshots(t, n)
	box, open := counted(t, f)
	// 3,000 trees are 24 blocks, 4,000 entries 8 of them, and as many of contents. A reader
	// that begins anew for each version reads a thousand.
	const first, again = 60, 20
	for path, versions := range map[string]int{"/home": n, "/home/docs": n, "/home/docs/changes": n, "/home/docs/stays": 1, "/": n} {
		o := one{open()} // with none of the blocks
		x := &Explorer{Points: &RestorePoints{Catalogs: o, Repositories: o}}
		for turn, most := range []int64{first + n, again} { // first the snapshots, too
			before := box.values.Load()
			page, err := x.History(t.Context(), testRepository, HistoryQuery{Path: path, Limit: n + 1})
			if err != nil || len(page.Versions) != versions {
				t.Fatalf("%s has %d versions, want %d (%v)", path, len(page.Versions), versions, err)
			}
			if reads := box.values.Load() - before; reads > most {
				t.Errorf("turn %d: the history of %s reads %d values, more than %d", turn, path, reads, most)
			}
		}
	}
}

// TestWarm counts the values that the way to folders reads after Warm, and how much Warm
// reads.
func TestWarm(t *testing.T) {
	f := newForest(t)
	var folders []syncline.Entry
	for i := range 300 {
		deep := f.tree(folder("deep", f.tree(file("x", uint64(i)+1))))
		folders = append(folders, folder(fmt.Sprintf("folder%03d", i), deep))
	}
	f.snapshot(f.tree(file("old", 1)))
	f.snapshot(f.tree(folders...))
	box := &readCounter{Container: catalogtest.NewMemory()}
	open := func() (one, *Explorer) {
		c, err := catalog.Open(t.Context(), box)
		if err != nil {
			t.Fatal(err)
		}
		return one{c}, &Explorer{Points: &RestorePoints{Catalogs: one{c}, Repositories: one{c}}}
	}
	o, _ := open()
	t.Cleanup(func() { _ = o.c.Close() })
	f.fill(o.c)
	reads := func(o one, fn func(*catalog.View, catalog.TreeRef) error) int64 {
		before := box.values.Load()
		err := o.c.View(t.Context(), func(v *catalog.View) error {
			list, err := v.Snapshots()
			if err != nil {
				return err
			}
			before = box.values.Load()
			return fn(v, list[1].Root)
		})
		if err != nil {
			t.Fatal(err)
		}
		return box.values.Load() - before
	}
	way := func(v *catalog.View, root catalog.TreeRef) error {
		for i := range 300 {
			if _, ok, err := v.FindTree(root, fmt.Sprintf("/folder%03d/deep", i)); err != nil || !ok {
				return fmt.Errorf("no folder %d: %w", i, err)
			}
		}
		return nil
	}
	o, _ = open()
	if n := reads(o, way); n == 0 {
		t.Error("a new catalog has blocks in memory")
	}
	o, x := open()
	x.Warm(t.Context(), slog.New(slog.DiscardHandler), noPause)
	if n := reads(o, way); n > 0 {
		t.Errorf("the way to folders reads %d values after Warm", n)
	}
	o, _ = open()
	reads(o, func(v *catalog.View, root catalog.TreeRef) error {
		for _, bound := range []int{0, 1, 10, 1000} {
			if n, err := v.Warm(t.Context(), root, bound, noPause); err != nil || n != min(bound, 601) {
				t.Errorf("Warm of %d folders reads %d (%v)", bound, n, err)
			}
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if n, err := v.Warm(ctx, root, 1000, noPause); n > 0 || !errors.Is(err, context.Canceled) {
			t.Errorf("Warm goes on after its context: %d, %v", n, err)
		}
		return nil
	})
}

func noPause(context.Context) {}

// TestWarmPauses counts the pauses of Warm: one after each 2,000 folders and one before
// each repository but the first. Warm ends with its context during a pause.
func TestWarmPauses(t *testing.T) {
	f := newForest(t)
	var folders []syncline.Entry
	for i := range 5000 {
		folders = append(folders, folder(fmt.Sprintf("folder%04d", i), f.tree(file("x", uint64(i)+1))))
	}
	f.snapshot(f.tree(folders...))
	_, open := counted(t, f)
	o := several{one{open()}}
	x := &Explorer{Points: &RestorePoints{Catalogs: o, Repositories: o}}
	pauses := 0
	x.Warm(t.Context(), slog.New(slog.DiscardHandler), func(context.Context) { pauses++ })
	if pauses != 2+1+2 {
		t.Errorf("two repositories of 5,001 folders make %d pauses", pauses)
	}
	ctx, cancel := context.WithCancel(t.Context())
	pauses = 0
	x.Warm(ctx, slog.New(slog.DiscardHandler), func(context.Context) {
		pauses++
		cancel()
	})
	if pauses != 1 {
		t.Errorf("Warm makes %d pauses and its context ends in the first one", pauses)
	}
}

// several gives one catalog for two repositories.
type several struct{ one }

func (s several) Repositories(context.Context) ([]syncline.Repository, error) {
	return []syncline.Repository{{ID: testRepository}, {ID: testRepository}}, nil
}

// TestWarmStops ends Warm in the middle of a folder with many blocks of entries.
func TestWarmStops(t *testing.T) {
	f := newForest(t)
	var all []syncline.Entry
	for i := range 30_000 {
		all = append(all, file(fmt.Sprintf("file%05d", i), 1))
	}
	f.snapshot(f.tree(all...))
	box, open := counted(t, f)
	for _, blocks := range []int64{4, 1} {
		err := open().View(t.Context(), func(v *catalog.View) error {
			list, err := v.Snapshots()
			if err != nil {
				return err
			}
			before := box.values.Load()
			ctx := endedBy{t.Context(), func() bool { return blocks == 1 && box.values.Load() > before+1 }} // it has read the tree, too
			_, err = v.Warm(ctx, list[0].Root, 10, noPause)
			if n := box.values.Load() - before - 1; n != blocks || (err != nil) != (blocks == 1) {
				t.Errorf("Warm reads %d blocks, want %d (%v)", n, blocks, err)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// endedBy is a context that ends where a condition is met.
type endedBy struct {
	context.Context
	ended func() bool
}

func (c endedBy) Err() error {
	if c.ended() {
		return context.Canceled
	}
	return c.Context.Err()
}
