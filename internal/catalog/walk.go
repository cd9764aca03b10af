package catalog

import (
	"errors"

	"syncline.dev/syncline"
)

// SkipDir is returned by a WalkFunc to leave out the content of a directory. Its name is
// that of io/fs.
var SkipDir = errors.New("skip this directory") //nolint:revive // the name of io/fs

// WalkFunc is called with an entry and its absolute path.
type WalkFunc func(path string, e *syncline.Entry) error

// Walk calls fn with everything below a tree, depth first, in the trees' own
// order, and with each directory before its content. prefix is the path of the
// tree itself; it is "" for the root of a snapshot. budget bounds the number of
// calls, because a small repository can expand without end. Walk fails with
// CodeTooLarge when the budget is spent or a path is longer than 1 MiB.
func (v *View) Walk(root TreeRef, prefix string, detail Detail, budget int64, fn WalkFunc) error {
	path := []byte(prefix)
	stack := []walkStep{{tree: root, path: len(path)}}
	for len(stack) > 0 {
		step := &stack[len(stack)-1]
		if !step.read {
			if err := v.readStep(step, detail); err != nil {
				return err
			}
		}
		if step.next == len(step.items) {
			stack = stack[:len(stack)-1]
			continue
		}
		item := step.items[step.next]
		step.items[step.next] = walkItem{}
		step.next++
		if budget--; budget < 0 {
			return syncline.Errorf(syncline.CodeTooLarge, "the listing has more entries than the limit allows; ask for a folder further down")
		}
		path = append(append(path[:step.path], '/'), item.entry.Name...)
		if len(path) > maxPath {
			return syncline.Errorf(syncline.CodeTooLarge, "a path is longer than %d bytes; ask for a folder further down", maxPath)
		}
		switch err := fn(string(path), item.entry); {
		case errors.Is(err, SkipDir):
		case err != nil:
			return err
		case item.ok:
			stack = append(stack, walkStep{tree: item.sub, path: len(path)})
		}
	}
	return nil
}

// maxPath bounds the bytes of a path. Folders nested without end have paths that take
// time and memory with the square of their depth.
const maxPath = 1 << 20

type walkStep struct {
	tree  TreeRef
	path  int // length of the directory's own path
	read  bool
	items []walkItem
	next  int
}

type walkItem struct {
	entry *syncline.Entry
	sub   TreeRef
	ok    bool
}

func (v *View) readStep(step *walkStep, detail Detail) error {
	step.read = true
	return v.ReadDir(step.tree, detail, func(e *syncline.Entry, sub TreeRef, ok bool) error {
		step.items = append(step.items, walkItem{e, sub, ok})
		return nil
	})
}

// Find returns the entry at an absolute path of a tree. sub is its tree where ok
// is true. "/" is the tree itself, and its entry is nil. A path that does not
// exist is CodeNotFound.
func (v *View) Find(root TreeRef, path string) (e *syncline.Entry, sub TreeRef, ok bool, err error) {
	return v.FindWith(root, path, 0)
}

// FindWith is Find with more detail.
func (v *View) FindWith(root TreeRef, path string, detail Detail) (e *syncline.Entry, sub TreeRef, ok bool, err error) {
	parts := splitPath(path)
	if len(parts) == 0 {
		return nil, root, true, nil
	}
	last := len(parts) - 1
	folder, found, err := v.follow(root, parts[:last])
	if found {
		e, sub, ok, found, err = v.Lookup(folder, parts[last], detail)
	}
	if err == nil && !found {
		err = notFound(path)
	}
	if err != nil {
		return nil, TreeRef{}, false, err
	}
	return e, sub, ok, nil
}

// FindTree returns the tree of the folder at an absolute path of a tree. ok is
// false where there is no folder.
func (v *View) FindTree(root TreeRef, path string) (tree TreeRef, ok bool, err error) {
	return v.follow(root, splitPath(path))
}

// follow goes down the folders with these names. ok is false where one is
// missing.
func (v *View) follow(tree TreeRef, names []string) (_ TreeRef, ok bool, err error) {
	ok = true
	for i := 0; ok && err == nil && i < len(names); i++ {
		tree, ok, err = v.LookupTree(tree, names[i])
	}
	return tree, ok && err == nil, err
}

func notFound(path string) error {
	return syncline.Errorf(syncline.CodeNotFound, "there is no %q in this snapshot", path)
}

func splitPath(path string) []string {
	var out []string
	start := 0
	for i := 0; i <= len(path); i++ {
		if i == len(path) || path[i] == '/' {
			if i > start {
				out = append(out, path[start:i])
			}
			start = i + 1
		}
	}
	return out
}
