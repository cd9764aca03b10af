package explore

import (
	"fmt"
	"testing"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/catalog"
)

// TestDiffReads bounds the blocks that a comparison of two neighbours reads where one
// file of each folder differs.
func TestDiffReads(t *testing.T) {
	f := newForest(t)
	const folders, files = 300, 100
	for turn := range 2 {
		var list []syncline.Entry
		for i := range folders {
			var in []syncline.Entry
			for j := range files {
				e := file(fmt.Sprintf("file%02d", j), 1)
				e.Content = []syncline.Hash{{byte(j), byte(i), byte(i >> 8)}}
				if j == 0 {
					e.Content[0][3] = byte(turn)
				}
				in = append(in, e)
			}
			list = append(list, folder(fmt.Sprintf("folder%03d", i), f.tree(in...)))
		}
		f.snapshot(f.tree(list...))
	}
	box, open := counted(t, f)
	for _, metadata := range []bool{false, true} {
		err := open().View(t.Context(), func(v *catalog.View) error {
			list, err := v.Snapshots()
			if err != nil {
				return err
			}
			before, changed := box.values.Load(), 0
			report, err := Diff(t.Context(), v, Root{list[0].Root, list[0].Tree}, Root{list[1].Root, list[1].Tree}, metadata, func(p *Pair) error {
				if Modifier(p, metadata) != "" && !p.After.IsDir() {
					changed++
				}
				return nil
			})
			// 30,900 entries are 61 blocks, and as many of contents; 602 trees are 5. A reader
			// that begins anew for each folder reads over 600.
			n := box.values.Load() - before
			if changed != folders || report.ChangedFiles != folders || report.Added.DataBlobs != folders {
				t.Errorf("%d changes, %+v", changed, report)
			}
			if n > 400 {
				t.Errorf("metadata %t: a comparison reads %d values", metadata, n)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}
