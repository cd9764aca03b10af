package catalog_test

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"testing"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/catalog"
	"syncline.dev/syncline/internal/catalog/catalogtest"
)

// finalsOf notes which values of a container are final.
type finalsOf struct {
	catalog.Container
	mu  sync.Mutex
	set map[string]bool
}

func (f *finalsOf) Update(ctx context.Context, expected catalog.Head, fn func(catalog.Writer) error) error {
	return f.Container.Update(ctx, expected, func(w catalog.Writer) error { return fn(finalsWriter{w, f}) })
}

type finalsWriter struct {
	catalog.Writer
	f *finalsOf
}

func (w finalsWriter) PutFinal(kind catalog.Kind, no uint64, value []byte) error {
	w.f.mu.Lock()
	w.f.set[fmt.Sprint(kind, " ", no)] = true
	w.f.mu.Unlock()
	return w.Writer.PutFinal(kind, no, value)
}

func TestCopyFrom(t *testing.T) {
	m := newModel(5)
	var dirs []*modelEntry
	for d := range 300 {
		var files []*modelEntry
		for i := range 40 {
			files = append(files, m.file(fmt.Sprintf("file %d of %d", i, d)))
		}
		dirs = append(dirs, m.dir(fmt.Sprint("d", d), m.tree(files)))
	}
	m.snapshot(m.tree(dirs))
	m.snapshot(m.tree(dirs[:100]))
	original := &finalsOf{Container: catalogtest.NewMemory(), set: make(map[string]bool)}
	from := open(t, original)
	m.build(t, from, 2, m.order)
	m.publish(t, from)
	want := dump(t, from)

	// Two copies after one another, through a file.
	file := &finalsOf{Container: catalogtest.Checked(openSQLite(t, filepath.Join(t.TempDir(), "copy.catalog"))), set: make(map[string]bool)}
	second := open(t, file)
	check(t, second.CopyFrom(t.Context(), from))
	third := inMemory(t)
	check(t, third.CopyFrom(t.Context(), second))
	for _, c := range []*catalog.Catalog{second, third} {
		wantDump(t, dump(t, c), want)
		wantCode(t, c.CopyFrom(t.Context(), from), syncline.CodeConflict)
	}
	if len(original.set) < 20 {
		t.Fatalf("the original has only %d final values", len(original.set))
	}
	for key := range original.set {
		if !file.set[key] {
			t.Errorf("the value %s is final in the original, and not in the copy", key)
		}
	}
	if len(file.set) != len(original.set) {
		t.Errorf("%d values are final in the original, and %d in the copy", len(original.set), len(file.set))
	}

	// A copy goes on like its original.
	m.snapshot(m.tree(append([]*modelEntry{m.file("one more")}, dirs...)))
	for _, c := range []*catalog.Catalog{from, third} {
		m.addTrees(t, c, m.order[len(m.order)-1])
		m.publish(t, c)
	}
	wantDump(t, dump(t, third), dump(t, from))
}

// A copy of a damaged catalog fails and leaves nothing.
func TestCopyOfDamage(t *testing.T) {
	m, _ := gapModel()
	box := catalogtest.NewMemory()
	from := open(t, box)
	m.addTrees(t, from, m.order...)
	check(t, box.Update(t.Context(), headOf(t, box), func(w catalog.Writer) error {
		for kind := catalog.Kind(1); kind < catalog.KindCount; kind++ {
			value, err := w.Get(kind, 0)
			if err != nil || value == nil {
				continue
			}
			value[len(value)-1] ^= 1
			if err := w.Put(kind, 0, value); err != nil {
				return err
			}
			return w.SetHead(w.Head() + " ")
		}
		return nil
	}))
	to := inMemory(t)
	before := dump(t, to)
	if err := to.CopyFrom(t.Context(), from); syncline.CodeOf(err) != syncline.CodeDamaged {
		t.Errorf("the copy of a damaged catalog gives %v", err)
	}
	wantDump(t, dump(t, to), before)
}

func headOf(t *testing.T, box catalog.Container) (head catalog.Head) {
	t.Helper()
	check(t, box.View(t.Context(), func(r catalog.Reader) error {
		head = r.Head()
		return nil
	}))
	return head
}
