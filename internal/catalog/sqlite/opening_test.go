package sqlite

import (
	"runtime"
	"testing"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/catalog"
)

// A catalog is deleted between the moment at which its first user is counted in
// and its opening: the deletion waits for the opening, which waits for nobody.
func TestDeletedBeforeItIsOpen(t *testing.T) {
	const id = syncline.ID("c6d1fc1b-1aef-411f-9a7f-de35e546c615")
	d, err := OpenDir(t.TempDir(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	for _, create := range []bool{true, false} {
		if !create { // there has to be one
			if err := d.Use(t.Context(), id, func(*catalog.Catalog) error { return nil }); err != nil {
				t.Fatal(err)
			}
			d.mu.Lock()
			d.letGo(id)
			d.mu.Unlock()
		}
		h, mine, err := d.join(id, create)
		if err != nil || !mine {
			t.Fatalf("opens it: %v, %v", mine, err)
		}
		deleted := make(chan error)
		go func() { deleted <- d.Delete(t.Context(), id) }()
		for d.mu.TryLock() { // until the deletion has it
			d.mu.Unlock()
			runtime.Gosched()
		}
		if h.err = d.openFile(t.Context(), id, create, h); h.err != nil {
			t.Error(h.err)
		}
		close(h.opened)
		if err := <-deleted; err != nil {
			t.Error(err)
		}
		d.release(h)
		if present, _ := d.Present(t.Context(), id); present {
			t.Error("the catalog is there after its deletion")
		}
	}
}
