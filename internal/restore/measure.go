package restore

import (
	"context"
	"errors"
	"math"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/catalog"
)

// defaultLimit bounds the items of a restore. File systems hold fewer items,
// and a tree that expands without end has more.
const defaultLimit = 500_000_000

// maxPath bounds the bytes of a path that is matched with patterns.
const maxPath = 1 << 20

// measure counts the selected items below a tree. It fails with CodeTooLarge
// for more items than limit. Where no pattern decides, a folder in a thousand
// places is counted once.
func measure(ctx context.Context, v *catalog.View, root catalog.TreeRef, filter *Filter, limit int64) (amount, error) {
	m := &measurer{ctx: ctx, view: v, filter: filter, choose: filter.Selector(), left: limit, known: make(map[catalog.TreeRef]amount)}
	total, err := m.selected(root, "", 0)
	if err == nil && total.items > limit {
		err = errExpands(limit)
	}
	return total, err
}

func errExpands(limit int64) error {
	return syncline.Errorf(syncline.CodeTooLarge, "there are more than %d items to restore; choose fewer folders", limit)
}

// result is the Result of a run that has done nothing yet.
func (a amount) result() Result {
	return Result{RestoreStatistics: syncline.RestoreStatistics{TotalFiles: a.files, TotalBytes: a.bytes}}
}

// amount is the content of a folder. A number that is too large is the largest
// number.
type amount struct{ items, files, bytes int64 }

func (a *amount) add(b amount) {
	a.items, a.files, a.bytes = sum(a.items, b.items), sum(a.files, b.files), sum(a.bytes, b.bytes)
}

func sum(a, b int64) int64 {
	if a > math.MaxInt64-b {
		return math.MaxInt64
	}
	return a + b
}

func (a *amount) addEntry(e *syncline.Entry) {
	one := amount{items: 1}
	if e.Type == syncline.TypeFile {
		one.files, one.bytes = 1, int64(min(e.Size, math.MaxInt64))
	}
	a.add(one)
}

type measurer struct {
	ctx    context.Context //nolint:containedctx // lives as long as the call
	view   *catalog.View
	filter *Filter
	choose *Selector
	pace   pace
	left   int64 // items that patterns may still be matched with
	known  map[catalog.TreeRef]amount
}

// all measures a tree that is selected whole.
func (m *measurer) all(tree catalog.TreeRef, depth int) (total amount, err error) {
	if a, ok := m.known[tree]; ok || depth > maxDepth {
		return a, nil
	}
	if m.ctx.Err() != nil {
		return total, m.ctx.Err()
	}
	m.known[tree] = total // ends a tree that contains itself
	err = m.view.ReadDir(tree, 0, func(e *syncline.Entry, sub catalog.TreeRef, ok bool) error {
		total.addEntry(e)
		if !e.IsDir() || !ok {
			return m.pace.step(m.ctx)
		}
		below, err := m.all(sub, depth+1)
		total.add(below)
		return err
	})
	m.known[tree] = total
	return total, err
}

// selected measures the selected items.
func (m *measurer) selected(tree catalog.TreeRef, path string, depth int) (total amount, err error) {
	if m.filter.all(path) {
		return m.all(tree, depth)
	}
	if depth > maxDepth {
		return total, nil
	}
	var folders []measured
	err = m.view.ReadDir(tree, 0, func(e *syncline.Entry, sub catalog.TreeRef, ok bool) error {
		at := path + "/" + e.Name
		if m.left--; m.left < 0 || len(at) > maxPath {
			return syncline.Errorf(syncline.CodeTooLarge, "there is too much to compare with the patterns; choose folders without patterns")
		}
		selected, below, err := m.choose.Select(m.ctx, at)
		if err = errors.Join(err, m.pace.step(m.ctx)); err != nil {
			return err
		}
		if selected {
			total.addEntry(e)
		}
		if e.IsDir() && ok && below {
			folders = append(folders, measured{tree: sub, path: at})
		}
		return nil
	})
	for _, f := range folders {
		if err == nil {
			err = m.ctx.Err()
		}
		if err != nil {
			return total, err
		}
		var below amount
		below, err = m.selected(f.tree, f.path, depth+1)
		total.add(below)
	}
	return total, err
}

// measured is a folder to measure.
type measured struct {
	tree catalog.TreeRef
	path string
}
