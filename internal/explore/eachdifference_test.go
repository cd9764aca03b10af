package explore

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/catalog"
)

// TestPauses counts what a comparison reads before, between and after its pauses.
func TestPauses(t *testing.T) {
	f := newForest(t)
	for turn := range 2 {
		var folders []syncline.Entry
		for i := range 40 {
			var files []syncline.Entry
			for j := range 50 {
				files = append(files, file(fmt.Sprintf("file%02d", j), uint64(turn+1)))
			}
			folders = append(folders, folder(fmt.Sprintf("folder%02d", i), f.tree(files...)))
		}
		f.snapshot(f.tree(folders...))
	}
	box, open := counted(t, f)
	walk := func(pauses int) (visits []string, paused []int64) {
		c := open()
		before := int64(0)
		err := c.View(t.Context(), func(v *catalog.View) error {
			list, err := v.Snapshots()
			if err != nil {
				return err
			}
			x := newComparer(t.Context(), v, "/")
			x.ahead.round, x.ahead.last = 100, 100
			x.pauses, before = pauses, box.values.Load()
			x.pause = func(context.Context) { paused = append(paused, box.values.Load()-before) }
			x.visit = func(p *Pair) error {
				visits = append(visits, p.Path())
				return nil
			}
			return x.folders(side{sub: list[0].Root, ok: true}, side{sub: list[1].Root, ok: true}, nil)
		})
		if err != nil {
			t.Fatal(err)
		}
		return visits, paused
	}
	want, none := walk(0)
	all, paused := walk(1000)
	if !slices.Equal(all, want) || len(want) != 40*51 || len(none) != 0 {
		t.Errorf("%d visits with pauses, and %d without; %d pauses where there may be none", len(all), len(want), len(none))
	}
	if len(paused) < 20 || paused[0] != 0 {
		t.Errorf("in 4,000 entries of rounds of 100 there are pauses after these reads: %d", paused)
	}
	if _, few := walk(3); len(few) != 3 {
		t.Errorf("there are %d pauses where there may be 3", len(few))
	}
}

// TestEachDifferencePauses has the comparison of a server's backups use the pause that it is
// given.
func TestEachDifferencePauses(t *testing.T) {
	f := newForest(t)
	f.snapshot(f.tree(file("a", 1)))
	f.snapshot(f.tree(file("a", 2)))
	x, ids := f.explorer()
	paused := 0
	x.Points.Pause = func(context.Context) { paused++ }
	before, err := x.Points.Get(t.Context(), ids[0])
	if err != nil {
		t.Fatal(err)
	}
	after, err := x.Points.Get(t.Context(), ids[1])
	if err != nil {
		t.Fatal(err)
	}
	visits := 0
	err = x.Points.EachDifference(t.Context(), &before, after, 10, func(*Pair) error { visits++; return nil })
	if err != nil || visits != 1 || paused != 1 {
		t.Errorf("%d visits and %d pauses, want one of each (%v)", visits, paused, err)
	}
	x.Points.Pause = nil
	if err := x.Points.EachDifference(t.Context(), &before, after, 10, func(*Pair) error { return nil }); err != nil {
		t.Errorf("without a pause: %v", err)
	}
}
