package explore

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/catalog"
	"syncline.dev/syncline/internal/catalog/catalogtest"
)

// valueKey is a value of a catalog.
type valueKey struct {
	kind catalog.Kind
	no   uint64
}

// holed notes which values are read, and fails where one is in the hole.
type holed struct {
	catalog.Container
	read, hole map[valueKey]bool
}

func (h *holed) View(ctx context.Context, fn func(catalog.Reader) error) error {
	return h.Container.View(ctx, func(r catalog.Reader) error { return fn(holedReader{r, h}) })
}

type holedReader struct {
	catalog.Reader
	h *holed
}

func (r holedReader) Get(kind catalog.Kind, no uint64) ([]byte, error) {
	if r.h.hole[valueKey{kind, no}] {
		return nil, errors.New("a hole")
	}
	r.h.read[valueKey{kind, no}] = true
	return r.Reader.Get(kind, no)
}

func (r holedReader) GetMany(kind catalog.Kind, nos ...uint64) (out [][]byte, err error) {
	for _, no := range nos {
		value, err := r.Get(kind, no)
		if err != nil {
			return nil, err
		}
		out = append(out, value)
	}
	return out, nil
}

// TestReadingAheadOfAHole has a folder in a page whose next folder cannot be read. The
// page needs only the first one. Its second round has room for both.
func TestReadingAheadOfAHole(t *testing.T) {
	f := newForest(t)
	files := func(name string, n int, size uint64) (list []syncline.Entry) {
		for i := range n {
			list = append(list, file(fmt.Sprintf("%s%04d", name, i), size))
		}
		return list
	}
	// The folders between them put their entries into blocks of their own.
	old, now := f.tree(files("a", 30, 1)...), f.tree(files("a", 30, 2)...)
	f.tree(files("between", 1000, 1)...)
	oldHole, nowHole := f.tree(files("z", 1, 1)...), f.tree(files("z", 1, 2)...)
	f.tree(files("behind", 1000, 1)...)
	f.snapshot(f.tree(folder("a", old), folder("z", oldHole)))
	f.snapshot(f.tree(folder("a", now), folder("z", nowHole)))
	box := &holed{Container: catalogtest.NewMemory()}
	open := func() (one, *Explorer) {
		box.read = make(map[valueKey]bool)
		c, err := catalog.Open(t.Context(), box)
		if err != nil {
			t.Fatal(err)
		}
		return one{c}, &Explorer{Points: &RestorePoints{Catalogs: one{c}, Repositories: one{c}}}
	}
	o, _ := open()
	t.Cleanup(func() { _ = o.c.Close() })
	f.fill(o.c)
	differences := func(path string, limit int) (DifferencePage, error) {
		_, x := open() // with none of the blocks
		ids := []syncline.ID{RestorePointID(testRepository, f.snapshots[0].ID), RestorePointID(testRepository, f.snapshots[1].ID)}
		return x.Differences(t.Context(), ids[0], DifferencesQuery{With: ids[1], Path: path, Limit: limit})
	}
	if _, err := differences("/a", 100); err != nil {
		t.Fatal(err)
	}
	without := box.read
	if _, err := differences("/z", 100); err != nil {
		t.Fatal(err)
	}
	box.hole = box.read
	for key := range without {
		delete(box.hole, key)
	}
	if len(box.hole) == 0 {
		t.Fatal("the folders have all blocks in common")
	}
	page, err := differences("/", 20)
	if err != nil || len(page.Differences) != 20 {
		t.Errorf("the page has %d differences (%v)", len(page.Differences), err)
	}
	if page, err := differences("/", 100); err == nil {
		t.Errorf("a page with the hole has %d differences", len(page.Differences))
	}
}
