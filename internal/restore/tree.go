package restore

import (
	"context"
	"errors"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/catalog"
)

// Tree is the source of a run. A run looks at it many times, in states of the catalog that
// may differ, and never while it reads contents or waits for the target.
type Tree interface {
	// View runs fn with one state. It may run fn again after a failure.
	View(ctx context.Context, fn func(*catalog.View) error) error
	// Root returns the tree's root in that state, or CodeNotFound.
	Root(v *catalog.View) (catalog.TreeRef, error)
}

// At returns a tree of one state, which the caller keeps to the end of the run.
func At(v *catalog.View, root catalog.TreeRef) Tree { return fixed{v, root} }

type fixed struct {
	view *catalog.View
	root catalog.TreeRef
}

func (f fixed) View(_ context.Context, fn func(*catalog.View) error) error { return fn(f.view) }

func (f fixed) Root(*catalog.View) (catalog.TreeRef, error) { return f.root, nil }

// spot is a folder on a walk's way. The tree is valid in one state of the catalog; in
// another one, the positions on the way lead to it.
type spot struct {
	parent *spot // nil for the root
	at     int   // position in the parent's tree
	known  bool
	place
}

// place is a tree in a state of the catalog.
type place struct {
	tree  catalog.TreeRef
	state uint64
}

// below returns the folder at a position. The item says in which state it was read: the
// spot may have been found in another one meanwhile.
func (s *spot) below(x *walkItem, at int) *spot {
	return &spot{parent: s, at: at, known: true, place: x.sub}
}

// find makes the spot valid in the view's state.
func (s *spot) find(t Tree, v *catalog.View) (err error) {
	if s.known && s.state == v.Changes() {
		return nil
	}
	var tree catalog.TreeRef
	if s.parent == nil {
		tree, err = t.Root(v)
	} else if err = s.parent.find(t, v); err == nil {
		tree, err = folderAt(v, s.parent.tree, s.at)
	}
	if err == nil {
		s.known, s.place = true, place{tree, v.Changes()}
	}
	return err
}

// errFound ends the look at a folder early.
var errFound = errors.New("found")

// folderAt returns the tree of the entry at a position of a tree.
func folderAt(v *catalog.View, tree catalog.TreeRef, at int) (sub catalog.TreeRef, err error) {
	found := false
	err = v.ReadDirFrom(tree, at, 0, func(_ *syncline.Entry, x catalog.TreeRef, ok bool) error {
		sub, found = x, ok
		return errFound
	})
	if err != nil && !errors.Is(err, errFound) {
		return sub, err
	}
	if !found {
		return sub, syncline.Errorf(syncline.CodeConflict, "the restore point is not what it was when the restore began; run the same again: it goes on where it stopped")
	}
	return sub, nil
}

type walkItem struct {
	entry *syncline.Entry
	sub   place
	ok    bool

	renamed bool
}

// items returns what is in a folder, by position. It is one step: the run reads on in
// another state of the catalog, if there is one then.
func (r *run) items(s *spot) (items []walkItem, err error) {
	err = r.tree.View(r.ctx, func(v *catalog.View) error {
		var read pace
		items = items[:0]
		if err := s.find(r.tree, v); err != nil {
			return err
		}
		return v.ReadDir(s.tree, catalog.WithContent, func(e *syncline.Entry, sub catalog.TreeRef, ok bool) error {
			if r.Owner != nil {
				r.Owner(e)
			}
			items = append(items, walkItem{entry: e, sub: place{sub, s.state}, ok: ok})
			return read.step(r.ctx)
		})
	})
	return items, err
}

// measured measures the selection in one state of the catalog.
func (r *run) measured(limit int64) (whole amount, err error) {
	err = r.tree.View(r.ctx, func(v *catalog.View) error {
		root, err := r.tree.Root(v)
		if err == nil {
			whole, err = measure(r.ctx, v, root, r.Filter, limit)
		}
		return err
	})
	return whole, err
}
