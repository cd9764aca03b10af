package explore

import (
	"testing"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/catalog"
	"syncline.dev/syncline/internal/catalog/catalogtest"
)

// listedTwice has two snapshots of a file with other contents. The first one's blob and
// tree lie in three places, one of which two indexes list. No index has the second one's
// blob.
func listedTwice(t *testing.T) (*forest, one) {
	t.Helper()
	f := newForest(t)
	for i := range 2 {
		x := file("x", uint64(i)+1)
		x.Content = []syncline.Hash{{byte(i) + 1}}
		f.snapshot(f.tree(x))
	}
	c, err := catalog.Open(t.Context(), catalogtest.NewMemory())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	f.fill(c)
	old := []catalog.Blob{{ID: syncline.Hash{1}, Length: 132}, {ID: f.snapshots[0].Tree, Tree: true, Offset: 132, Length: 92, Plain: 100}}
	moved := []catalog.Blob{{ID: syncline.Hash{1}, Offset: 300, Length: 132}, {ID: f.snapshots[0].Tree, Tree: true, Offset: 500, Length: 92, Plain: 100}}
	now := []catalog.Blob{{ID: f.snapshots[1].Tree, Tree: true, Length: 62, Plain: 70}}
	for i, packs := range [][]catalog.Pack{
		{{ID: syncline.Hash{1}, Blobs: old}, {ID: syncline.Hash{9}, Blobs: now}},
		{{ID: syncline.Hash{1}, Blobs: old}, {ID: syncline.Hash{2}, Blobs: old}},
		{{ID: syncline.Hash{1}, Blobs: moved}},
	} {
		if err := c.AddIndex(t.Context(), syncline.Hash{byte(i) + 1}, packs); err != nil {
			t.Fatal(err)
		}
	}
	return f, one{c}
}

// TestBlobsCountByPlace counts a blob once for each place, and once where there is none.
func TestBlobsCountByPlace(t *testing.T) {
	f, o := listedTwice(t)
	err := o.c.View(t.Context(), func(v *catalog.View) error {
		list, err := v.Snapshots()
		if err != nil {
			return err
		}
		compare := func(most int) (DifferenceStatistics, error) {
			before, after := Root{list[0].Root, f.snapshots[0].Tree}, Root{list[1].Root, f.snapshots[1].Tree}
			return newComparer(t.Context(), v, "/").diff(before, after, most, func(*Pair) error { return nil })
		}
		got, err := compare(4)
		if err != nil {
			return err
		}
		removed, added := SideCounts{DataBlobs: 3, TreeBlobs: 3, Bytes: 3*100 + 3*100}, SideCounts{DataBlobs: 1, TreeBlobs: 1, Bytes: 70}
		if got.Removed != removed || got.Added != added {
			t.Errorf("%+v removed, want %+v; %+v added, want %+v", got.Removed, removed, got.Added, added)
		}
		_, err = compare(3)
		wantCode(t, err, syncline.CodeTooLarge)
		counts, err := Count(t.Context(), v, list[:1], CountRawData)
		if want := uint64(3*132 + 3*92); counts.Blobs != 6 || counts.Size != want || counts.UncompressedSize != 3*132+3*132 {
			t.Errorf("raw data: %+v, want 6 blobs of %d bytes", counts, want)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}
