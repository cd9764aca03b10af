package catalog_test

import (
	"errors"
	"fmt"
	"testing"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/catalog"
)

// wantIndexes compares the index files that are known, each with one pack of
// the same id.
func wantIndexes(t *testing.T, c *catalog.Catalog, done bool, want ...byte) {
	t.Helper()
	check(t, c.View(t.Context(), func(v *catalog.View) error {
		list, err := v.Indexes()
		if err != nil {
			return err
		}
		if len(list) != len(want) {
			return fmt.Errorf("%d index files are known, want %d", len(list), len(want))
		}
		for i, x := range list {
			packs, err := v.Packs(x)
			if err != nil {
				return err
			}
			if x.ID != (syncline.Hash{want[i]}) || x.Done != done || len(packs) != 1 || packs[0].ID != x.ID {
				err = errors.Join(err, fmt.Errorf("index %d is %v with packs %v", i, x, packs))
			}
			if err != nil {
				return err
			}
		}
		return nil
	}))
}

func TestIndexes(t *testing.T) {
	c := inMemory(t)
	add := func(n byte) {
		t.Helper()
		h := syncline.Hash{n}
		check(t, c.AddIndex(t.Context(), h, []catalog.Pack{{ID: h, Blobs: somePacks[0].Blobs}}))
	}
	b, err := c.Build(t.Context()) // one may be open
	check(t, err)
	for _, n := range []byte{5, 3, 4, 3} {
		add(n)
	}
	b.Close()
	wantIndexes(t, c, false, 5, 3, 4)
	check(t, c.FinishIndexes(t.Context(), true, []syncline.Hash{{4}, {9}}))
	wantIndexes(t, c, true, 5, 3)
	check(t, c.FinishIndexes(t.Context(), false, []syncline.Hash{{5}}))
	wantIndexes(t, c, true, 3)
	check(t, c.FinishIndexes(t.Context(), false, []syncline.Hash{{3}}))
	add(4)
	add(8)
	wantIndexes(t, c, false, 4, 8)
}
