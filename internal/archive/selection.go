package archive

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/catalog"
)

// wish is the selection below one folder: all, or items by name.
type wish struct {
	all   bool
	below map[string]*wish
}

// parseWish reads absolute paths. A path below another one adds nothing.
func parseWish(paths []string) *wish {
	root := &wish{all: len(paths) == 0}
	for _, path := range paths {
		w := root
		for name := range strings.SplitSeq(path, "/") {
			if w.all {
				break
			}
			if name == "" {
				continue
			}
			if w.below == nil {
				w.below = make(map[string]*wish)
			}
			if w.below[name] == nil {
				w.below[name] = &wish{}
			}
			w = w.below[name]
		}
		w.all, w.below = true, nil
	}
	return root
}

// one returns the first selected path.
func (w *wish) one() (path string) {
	for len(w.below) > 0 {
		name := slices.Min(slices.Collect(maps.Keys(w.below)))
		path += "/" + name
		w = w.below[name]
	}
	return path
}

// picked is a folder that is selected whole, or the positions of its selected
// entries. A tree never changes, so positions stay valid.
type picked struct {
	all   bool
	items []pickedItem // by position
}

type pickedItem struct {
	at   int
	name string
	what *picked
}

// pick finds the selected entries. It reads each folder on the way once.
func pick(v *catalog.View, tree catalog.TreeRef, path string, w *wish) (*picked, error) {
	p := &picked{all: w.all}
	if w.all {
		return p, nil
	}
	at := 0
	missing := maps.Clone(w.below)
	trees := make(map[string]catalog.TreeRef)
	err := v.ReadDir(tree, 0, func(e *syncline.Entry, sub catalog.TreeRef, ok bool) error {
		if below := missing[e.Name]; below != nil {
			if e.Lost {
				return syncline.WrapError(syncline.CodeDamaged, catalog.ErrLost,
					"the folder %q is missing or damaged in the repository; run restic check on it", clip(path+"/"+e.Name))
			}
			if !below.all && !ok {
				return notFound(path + "/" + e.Name + below.one())
			}
			delete(missing, e.Name)
			p.items = append(p.items, pickedItem{at: at, name: e.Name})
			trees[e.Name] = sub
		}
		at++
		return nil
	})
	if err != nil {
		return nil, err
	}
	if len(missing) > 0 {
		return nil, notFound(path + (&wish{below: missing}).one())
	}
	slices.SortFunc(p.items, func(a, b pickedItem) int { return cmp.Compare(a.at, b.at) })
	for i := range p.items {
		x := &p.items[i]
		if x.what, err = pick(v, trees[x.name], path+"/"+x.name, w.below[x.name]); err != nil {
			return nil, err
		}
	}
	return p, nil
}

func notFound(path string) error {
	return syncline.Errorf(syncline.CodeNotFound, "there is no %q in this snapshot", clip(path))
}

// clip shortens a path for a message.
func clip(path string) string {
	if len(path) > 200 {
		path = strings.ToValidUTF8(path[:200], "") + "…"
	}
	return path
}

// base returns the deepest folder that holds the whole selection: the way to
// it, and the selection in it.
func (p *picked) base() (way []pickedItem, in *picked) {
	for !p.all && len(p.items) == 1 && !p.items[0].what.all {
		way = append(way, p.items[0])
		p = p.items[0].what
	}
	return way, p
}
