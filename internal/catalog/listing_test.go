package catalog_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/catalog"
	"syncline.dev/syncline/internal/catalog/catalogtest"
)

// listedPath is an entry of a listing and its path.
type listedPath struct {
	path  string
	entry syncline.Entry
}

func walked(v *catalog.View, s *catalog.Snapshot) (list []listedPath, err error) {
	err = v.Walk(s.Root, "", 0, 1<<20, func(path string, e *syncline.Entry) error {
		list = append(list, listedPath{path, *e})
		return nil
	})
	return list, err
}

// listedBeside reads the parts of a listing in goroutines of their own, the last ones
// first, after the listing has ended.
func listedBeside(v *catalog.View, s *catalog.Snapshot, fields bool) (list []listedPath, lost []string, err error) {
	var parts []*catalog.Part
	err = v.List(context.Background(), s.Root, fields, func(p *catalog.Part) error {
		parts = append(parts, p)
		lost = append(lost, p.Lost...)
		return nil
	})
	lists, errs := make([][]listedPath, len(parts)), make([]error, len(parts))
	var readers sync.WaitGroup
	for i, p := range slices.Backward(parts) {
		readers.Go(func() {
			errs[i] = p.Each(func(folder string, e *syncline.Entry) error {
				lists[i] = append(lists[i], listedPath{folder + "/" + e.Name, *e})
				return nil
			})
		})
	}
	readers.Wait()
	return slices.Concat(lists...), lost, errors.Join(err, errors.Join(errs...))
}

// verifyList compares the listings of a snapshot with the walk.
func verifyList(v *catalog.View, s *catalog.Snapshot) error {
	want, err := walked(v, s)
	if err != nil {
		return err
	}
	for _, fields := range []bool{false, true} {
		got, _, err := listedBeside(v, s, fields)
		if err != nil || len(got) != len(want) {
			return fmt.Errorf("the listing has %d entries, want %d: %w", len(got), len(want), err)
		}
		for i := range want {
			w, e := want[i], want[i].entry
			w.entry = syncline.Entry{Name: e.Name, Lost: e.Lost}
			if fields {
				w.entry = syncline.Entry{
					Name: e.Name, Lost: e.Lost, Type: e.Type, Mode: e.Mode, UID: e.UID, GID: e.GID, Size: e.Size, Inode: e.Inode,
					ModTime: e.ModTime, AccessTime: e.AccessTime, ChangeTime: e.ChangeTime, LinkTarget: e.LinkTarget,
				}
			}
			if !reflect.DeepEqual(got[i], w) {
				return fmt.Errorf("entry %d of the listing is %+v, want %+v", i, got[i], w)
			}
		}
	}
	return nil
}

// TestListLost names the lost folders, and reads nothing below them.
func TestListLost(t *testing.T) {
	m, lost := gapModel()
	c := inMemory(t)
	m.addTrees(t, c, slices.DeleteFunc(slices.Clone(m.order), func(h syncline.Hash) bool { return h == lost || h == m.snapshots[3].Tree })...)
	_, err := c.PublishLost(t.Context(), m.snapshots)
	check(t, err)
	folders, roots := 0, 0
	check(t, c.View(t.Context(), func(v *catalog.View) error {
		list, err := v.Snapshots()
		for i := range list {
			if list[i].Lost {
				roots++
				_, _, err := listedBeside(v, &list[i], true)
				if !errors.Is(err, catalog.ErrLost) {
					t.Errorf("the listing of a lost root fails with %v", err)
				}
				continue
			}
			check(t, verifyList(v, &list[i]))
			want, err := walked(v, &list[i])
			check(t, err)
			_, got, err := listedBeside(v, &list[i], false)
			check(t, err)
			var paths []string
			for _, x := range want {
				if x.entry.Lost {
					paths = append(paths, x.path)
				}
			}
			if folders += len(paths); !slices.Equal(got, paths) {
				t.Errorf("the lost folders are %q, want %q", got, paths)
			}
		}
		return err
	}))
	if folders == 0 || roots == 0 {
		t.Errorf("the snapshots have %d lost folders and %d lost roots", folders, roots)
	}
}

// TestListOfAShortBlock has a block of entries with fewer rows than the trees name.
func TestListOfAShortBlock(t *testing.T) {
	_, box := damageModel(t)
	few := newModel(51)
	few.snapshot(few.tree([]*modelEntry{few.file("one")}))
	other := catalogtest.NewMemory()
	c := open(t, other)
	few.build(t, c, 1, few.order)
	few.publish(t, c)
	var short []byte
	check(t, other.View(t.Context(), func(r catalog.Reader) (err error) {
		short, err = r.Get(kindEntry, 0)
		return err
	}))
	box.Spoil(kindEntry, 0, func([]byte) []byte { return short })
	failed := 0
	check(t, open(t, box).View(t.Context(), func(v *catalog.View) error {
		list, err := v.Snapshots()
		for i := range list {
			if _, _, err := listedBeside(v, &list[i], true); errors.Is(err, catalog.ErrDamaged) {
				failed++
			}
		}
		return err
	}))
	if failed == 0 {
		t.Error("no listing meets the block")
	}
}

// entryReads counts how often each block of entries is read.
type entryReads struct {
	catalog.Container
	reads map[uint64]int
}

func (c *entryReads) View(ctx context.Context, fn func(catalog.Reader) error) error {
	return c.Container.View(ctx, func(r catalog.Reader) error { return fn(entryReader{r, c}) })
}

type entryReader struct {
	catalog.Reader
	c *entryReads
}

func (r entryReader) Get(kind catalog.Kind, no uint64) ([]byte, error) {
	if kind == kindEntry {
		r.c.reads[no]++
	}
	return r.Reader.Get(kind, no)
}

// TestListBlocks has folders whose entries lie in all blocks by turns. A listing reads, and so
// decodes, each block once, though its parts are read after its end. Where it may keep
// nothing, it reads them for each folder.
func TestListBlocks(t *testing.T) {
	m := newModel(7)
	const files, folders = 2000, 20
	all := make([]*modelEntry, files)
	for i := range all {
		all[i] = m.make(syncline.Entry{Name: fmt.Sprintf("file %d", i), Type: syncline.TypeFile}, false)
	}
	subtrees := []syncline.Hash{m.tree(all)}
	for n := range folders {
		var some []*modelEntry
		for i := n; i < files; i += folders {
			some = append(some, all[i])
		}
		subtrees = append(subtrees, m.tree(some))
	}
	var root []*modelEntry
	for i, subtree := range subtrees {
		root = append(root, m.make(syncline.Entry{Name: fmt.Sprintf("folder %d", i), Type: syncline.TypeDir, Subtree: subtree}, false))
	}
	m.snapshot(m.tree(root))
	box := &entryReads{Container: catalogtest.NewMemory()}
	c := open(t, box)
	m.build(t, c, 1, m.order)
	m.publish(t, c)
	read := func() (blocks, reads int) {
		box.reads = make(map[uint64]int)
		check(t, c.View(t.Context(), func(v *catalog.View) error {
			list, err := v.Snapshots()
			check(t, err)
			entries, _, err := listedBeside(v, &list[0], true)
			if len(entries) != 2*files+folders+1 {
				t.Errorf("the listing has %d entries", len(entries))
			}
			return err
		}))
		for _, n := range box.reads {
			reads += n
		}
		return len(box.reads), reads
	}
	if blocks, reads := read(); blocks < files/512 || reads != blocks {
		t.Errorf("%d blocks are read %d times", blocks, reads)
	}
	defer catalog.SetRowCacheBytes(0)()
	if blocks, reads := read(); reads < blocks*folders/2 {
		t.Errorf("without room %d blocks are read %d times", blocks, reads)
	}
}

// TestListParts bounds the parts of a listing, by entries and by bytes of paths, and stops
// it where its reader or the context ends.
func TestListParts(t *testing.T) {
	m := newModel(5)
	var many []*modelEntry
	for i := range 5000 {
		many = append(many, m.make(syncline.Entry{Name: fmt.Sprintf("file %d", i), Type: syncline.TypeFile}, false))
	}
	long := strings.Repeat("long", 100_000)
	deep := m.tree([]*modelEntry{
		m.make(syncline.Entry{Name: "a" + long, Type: syncline.TypeFile}, false),
		m.make(syncline.Entry{Name: "b" + long, Type: syncline.TypeFile}, false),
		m.make(syncline.Entry{Name: "c", Type: syncline.TypeFile}, false),
		m.make(syncline.Entry{Name: "d" + long, Type: syncline.TypeFile}, false),
	})
	many = append(many, m.make(syncline.Entry{Name: long, Type: syncline.TypeDir, Subtree: deep}, false))
	m.snapshot(m.tree(many))
	c := inMemory(t)
	m.addTrees(t, c, m.order...)
	m.publish(t, c)
	check(t, c.View(t.Context(), func(v *catalog.View) error {
		list, err := v.Snapshots()
		check(t, err)
		check(t, verifyList(v, &list[0]))
		parts := 0
		check(t, v.List(t.Context(), list[0].Root, true, func(p *catalog.Part) error {
			parts++
			entries, bytes := 0, 0
			check(t, p.Each(func(folder string, e *syncline.Entry) error {
				entries, bytes = entries+1, bytes+len(folder)+1+len(e.Name)
				return nil
			}))
			if entries > 2048 || bytes > 2<<20 {
				t.Errorf("a part has %d entries and %d bytes of paths", entries, bytes)
			}
			return nil
		}))
		if parts < 4 {
			t.Errorf("there are %d parts", parts)
		}
		return nil
	}))
	testListStops(t, c)
}

func testListStops(t *testing.T, c *catalog.Catalog) {
	enough := errors.New("enough")
	check(t, c.View(t.Context(), func(v *catalog.View) error {
		list, err := v.Snapshots()
		check(t, err)
		calls := 0
		if err := v.List(t.Context(), list[0].Root, false, func(*catalog.Part) error {
			calls++
			return enough
		}); !errors.Is(err, enough) || calls != 1 {
			t.Errorf("a listing goes on after its reader: %d calls, %v", calls, err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := v.List(ctx, list[0].Root, false, func(*catalog.Part) error { return nil }); !errors.Is(err, context.Canceled) {
			t.Errorf("a listing goes on after its context: %v", err)
		}
		return nil
	}))
}
