package archive

import (
	"context"
	"errors"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/catalog"
	"syncline.dev/syncline/internal/content"
)

// item is one entry of the archive.
type item struct {
	entry *syncline.Entry
	name  string // in the archive; a folder's ends in a slash
	size  int64  // of its content, which follows the item
	first string // name in the archive of the file of which this is a further name; "" for none
	notes bool   // it is the file with the notes
}

// batch is some items with the blobs of their contents.
type batch struct {
	items []item
	ids   []syncline.Hash
	seen  int // entries, also those left out
	bytes int // of their names
	last  bool
	err   error // after the items; nothing follows
}

// A batch bounds the memory, three times: one is made, one waits, one is
// written.
const (
	batchItems = 1024
	batchBlobs = 16 << 10
	batchBytes = 1 << 20
)

// Bounds of one archive. A small repository of folders that list each other can
// expand without end.
const (
	maxItems     = 100_000_000
	maxZipItems  = 1_000_000 // zip's list of entries stays in memory
	maxNameBytes = 16 << 30
	maxName      = 32 << 10 // zip has two bytes for a length
	maxLinks     = 32 << 20 // bytes of the table of hard links
)

// walk goes through the selection, depth first, in the order of the trees.
type walk struct {
	a      *Archive
	rules  *rules
	notes  *notes
	began  bool
	state  uint64 // of the catalog in which the steps' trees are valid
	steps  []step
	name   []byte // of the folder of the last step, in the archive
	path   []byte // in the snapshot
	seen   int64  // entries
	bytes  int64  // of their names
	links  map[linkKey]string
	linked int
}

// step is a folder on the walk's way.
type step struct {
	tree       catalog.TreeRef
	what       *picked
	next       int // position in the tree's entries or in the picked items
	names      *names
	name, path int // lengths of the folder's own name and path
}

// linkKey is equal for the names of one file.
type linkKey struct {
	device, inode, size uint64
	content             string
}

// errEnough ends a scan early.
var errEnough = errors.New("enough")

// more returns the next items.
func (w *walk) more(ctx context.Context) *batch {
	b := &batch{}
	b.err = w.a.tree.View(ctx, func(v *catalog.View) error {
		if err := w.resume(v); err != nil {
			return err
		}
		for len(w.steps) > 0 && !b.full() {
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := w.advance(v, b); err != nil {
				return err
			}
		}
		b.last = len(w.steps) == 0
		return nil
	})
	return b
}

func (b *batch) full() bool {
	return b.seen >= batchItems || len(b.ids) >= batchBlobs || b.bytes >= batchBytes
}

// resume makes the steps valid in the view's state.
func (w *walk) resume(v *catalog.View) error {
	if w.began && w.state == v.Changes() {
		return nil
	}
	tree, err := w.a.tree.Root(v)
	if err != nil {
		return err
	}
	for _, x := range w.a.way {
		if tree, err = folderAt(v, tree, x.at); err != nil {
			return err
		}
	}
	w.state = v.Changes()
	if !w.began {
		w.began = true
		for _, x := range w.a.way {
			w.path = append(append(w.path, '/'), x.name...)
		}
		return w.enter(v, tree, w.a.picked)
	}
	for i := range w.steps {
		s := &w.steps[i]
		s.tree = tree
		if i+1 < len(w.steps) {
			if tree, err = folderAt(v, tree, s.position(s.next-1)); err != nil {
				return err
			}
		}
	}
	return nil
}

// folderAt returns the tree of the entry at a position of a tree.
func folderAt(v *catalog.View, tree catalog.TreeRef, at int) (sub catalog.TreeRef, err error) {
	found := false
	err = v.ReadDirFrom(tree, at, 0, func(_ *syncline.Entry, x catalog.TreeRef, ok bool) error {
		sub, found = x, ok
		return errEnough
	})
	if err != nil && !errors.Is(err, errEnough) {
		return sub, err
	}
	if !found {
		return sub, syncline.Errorf(syncline.CodeConflict, "the restore point is not what it was when the archive began")
	}
	return sub, nil
}

// position returns the position in the tree of the step's i-th entry.
func (s *step) position(i int) int {
	if s.what.all {
		return i
	}
	return s.what.items[i].at
}

// enter enters a folder. w has its path and name.
func (w *walk) enter(v *catalog.View, tree catalog.TreeRef, what *picked) error {
	called, err := newNames(w.rules.naming, func(fn func(string)) error {
		if !what.all {
			for _, x := range what.items {
				fn(x.name)
			}
			return nil
		}
		return v.ReadDir(tree, 0, func(e *syncline.Entry, _ catalog.TreeRef, _ bool) error {
			if validName(e.Name) {
				fn(e.Name)
			}
			return nil
		})
	})
	w.steps = append(w.steps, step{tree: tree, what: what, names: called, name: len(w.name), path: len(w.path)})
	return err
}

// advance takes entries of the present folder, up to the next folder.
func (w *walk) advance(v *catalog.View, b *batch) error {
	s := &w.steps[len(w.steps)-1]
	w.name, w.path = w.name[:s.name], w.path[:s.path]
	if !s.what.all && s.next == len(s.what.items) {
		w.steps = w.steps[:len(w.steps)-1]
		return nil
	}
	var folder *catalog.TreeRef
	err := v.ReadDirFrom(s.tree, s.position(s.next), catalog.WithContent, func(e *syncline.Entry, sub catalog.TreeRef, ok bool) error {
		s.next++
		taken, err := w.take(b, s, e, ok)
		if err != nil {
			return err
		}
		if taken && ok && e.IsDir() {
			folder = &sub
		}
		if folder != nil || !s.what.all || b.full() {
			return errEnough
		}
		return nil
	})
	switch {
	case err == nil: // the end of the folder
		w.steps = w.steps[:len(w.steps)-1]
	case !errors.Is(err, errEnough):
		return err
	case folder != nil:
		what := s.what
		if !what.all {
			what = what.items[s.next-1].what
		}
		return w.enter(v, *folder, what)
	}
	return nil
}

// take adds an entry to the batch, unless it is left out. For a folder it sets
// the walk's name and path.
func (w *walk) take(b *batch, s *step, e *syncline.Entry, hasTree bool) (taken bool, err error) {
	if err := w.spend(b, s, e); err != nil {
		return false, err
	}
	tell := func(format string, args ...any) {
		path := string(w.path[:s.path]) + "/" + e.Name
		w.notes.tell(path[:min(len(path), maxName)], format, args...)
	}
	if !validName(e.Name) {
		tell("left out: no file can have this name")
		return false, nil
	}
	called := s.names.call(e.Name)
	switch reason := w.rules.refuse(e); {
	case reason != "":
		tell(leftOut+"%s", reason)
		return false, nil
	case s.name+len(called) >= maxName:
		tell("left out, with all below it: the path is longer than %d bytes", maxName)
		return false, nil
	case called != e.Name:
		tell(renamed+"%q", string(w.name[:s.name])+called)
	}
	if what := w.rules.lacks(e); what != "" {
		tell("lacks %s", what)
	}
	if !w.a.Exact {
		e = w.harmless(e, s, tell)
	}
	if s.name == 0 {
		w.notes.avoid(called)
	}
	x := item{entry: e, name: string(w.name[:s.name]) + called}
	switch {
	case e.IsDir():
		x.name += "/"
		switch {
		case e.Lost:
			w.a.lost.Add(1)
			tell("is empty in the archive: the list of what is in it is missing or damaged in the repository")
		case !hasTree:
			tell("is empty in the archive: the repository has no list of what is in it")
		}
		w.name = append(append(w.name[:s.name], called...), '/')
		w.path = append(append(w.path[:s.path], '/'), e.Name...)
	case e.Type == syncline.TypeFile:
		if err := w.contents(b, &x); err != nil {
			return false, err
		}
	}
	b.items = append(b.items, x)
	return true, nil
}

// spend counts an entry, also one that is left out later.
func (w *walk) spend(b *batch, s *step, e *syncline.Entry) error {
	size := s.name + len(e.Name) + 1
	b.seen++
	b.bytes += size
	w.seen++
	w.bytes += int64(size)
	if w.seen > w.a.limit || w.bytes > maxNameBytes {
		return w.rules.tooMany()
	}
	return nil
}

// contents finds a file's size and blobs.
func (w *walk) contents(b *batch, x *item) error {
	e := x.entry
	if w.rules.links && e.Links > 1 {
		// The content belongs to the key, so that two files with the same
		// numbers stay two.
		key := linkKey{e.DeviceID, e.Inode, e.Size, content.ContentID(e.Content)}
		if x.first = w.links[key]; x.first != "" {
			return nil
		}
		if w.linked < maxLinks { // further ones are written in full
			w.linked += len(x.name) + len(key.content) + 64
			w.links[key] = x.name
		}
	}
	size, err := w.a.source.Size(e)
	if err != nil {
		return err
	}
	x.size = size
	b.ids = append(b.ids, e.Content...)
	return nil
}
