package explore

import (
	"context"
	"errors"
	"slices"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/catalog"
)

// ObjectKind is a kind of object in a repository.
type ObjectKind string

// The kinds of objects that can be found by their ids.
const (
	ObjectBlob ObjectKind = "blob" // of data
	ObjectTree ObjectKind = "tree"
	ObjectPack ObjectKind = "pack" // stands for the blobs and trees in it
)

const (
	shortID  = 8  // digits of an id for people
	packedID = 16 // digits of an id that the catalog keeps of data blobs
	idLength = 64
)

// ObjectSearch finds the paths of blobs and trees. One goroutine uses it.
type ObjectSearch struct {
	v *catalog.View
	// The wanted ids, whole or their first eight digits. A nil map stands for a
	// kind that is not wanted.
	blobs, trees map[string]bool
	// packed are the data blobs of the wanted packs, by the first half of their
	// ids, which is the part that the catalog keeps.
	packed map[string]bool
	// barren are the trees below which nothing was found.
	barren map[catalog.TreeRef]bool
	found  int // trees
	hits   int
	emit   func(*FoundObject) error
}

// FoundObject is a blob or a tree at one path of a snapshot.
type FoundObject struct {
	Kind     ObjectKind // ObjectBlob or ObjectTree
	ID       string
	Path     string
	Parent   string // the id of the tree with the blob's file; "" for a tree
	Snapshot *catalog.Snapshot
}

// NewObjectSearch returns the search for the objects of a kind with these ids, in
// small letters: whole ids, or their first eight digits. A pack that no index has
// is CodeNotFound.
func NewObjectSearch(ctx context.Context, v *catalog.View, kind ObjectKind, ids []string) (*ObjectSearch, error) {
	o := &ObjectSearch{v: v, barren: make(map[catalog.TreeRef]bool)}
	wanted := make(map[string]bool, len(ids))
	for _, id := range ids {
		wanted[id] = true
	}
	switch kind {
	case ObjectBlob:
		o.blobs = wanted
		return o, nil
	case ObjectTree:
		o.trees = wanted
		return o, nil
	}
	o.blobs, o.trees, o.packed = map[string]bool{}, map[string]bool{}, map[string]bool{}
	there := make(map[string]bool)
	err := eachPack(ctx, v, func(p *catalog.Pack) {
		id := p.ID.String()
		if !wanted[id] && !wanted[id[:shortID]] {
			return
		}
		there[id], there[id[:shortID]] = true, true
		for j := range p.Blobs {
			if b := &p.Blobs[j]; b.Tree {
				o.trees[b.ID.String()] = true
			} else {
				o.packed[b.ID.String()[:packedID]] = true
			}
		}
	})
	if err != nil {
		return nil, err
	}
	for _, id := range ids {
		if !there[id] {
			return nil, syncline.Errorf(syncline.CodeNotFound, "no index of the repository has the pack %q; give its whole id, or its first %d digits", clip(id), shortID)
		}
	}
	return o, nil
}

// eachPack calls fn with the packs that the index files list.
func eachPack(ctx context.Context, v *catalog.View, fn func(*catalog.Pack)) error {
	indexes, err := v.Indexes()
	if err != nil {
		return err
	}
	for _, x := range indexes {
		if err := ctx.Err(); err != nil {
			return err
		}
		packs, err := v.Packs(x)
		if err != nil {
			return err
		}
		for i := range packs {
			fn(&packs[i])
		}
	}
	return nil
}

// errTreesFound ends the walk of a snapshot once all trees are found.
var errTreesFound = errors.New("all trees are found")

// Find calls fn with the objects in a snapshot, in restic's order. An error of fn
// ends the search and is returned.
func (o *ObjectSearch) Find(ctx context.Context, s *catalog.Snapshot, fn func(*FoundObject) error) error {
	o.emit = fn
	err := o.tree(s.Tree.String(), "/", s)
	if err == nil {
		err = o.walk(ctx, s)
	}
	if errors.Is(err, errTreesFound) || s.Lost && errors.Is(err, catalog.ErrLost) {
		return nil
	}
	return err
}

// objectStep is a folder that the walk is in.
type objectStep struct {
	ref  catalog.TreeRef
	hash string
	path int // length of the folder's own path
	hits int // when it was entered
	next int
	list []objectItem
}

type objectItem struct {
	entry *syncline.Entry
	sub   catalog.TreeRef
	ok    bool
}

// walk looks at everything below a snapshot's root, except below barren trees.
func (o *ObjectSearch) walk(ctx context.Context, s *catalog.Snapshot) error {
	var path []byte
	var way []*objectStep
	enter := func(ref catalog.TreeRef, hash string) error {
		if o.barren[ref] {
			return nil
		}
		step := &objectStep{ref: ref, hash: hash, path: len(path), hits: o.hits}
		way = append(way, step)
		return o.v.ReadDir(ref, catalog.WithContent|catalog.WithSubtree, func(e *syncline.Entry, sub catalog.TreeRef, ok bool) error {
			step.list = append(step.list, objectItem{e, sub, ok})
			return nil
		})
	}
	err := enter(s.Root, s.Tree.String())
	for err == nil && len(way) > 0 {
		step := way[len(way)-1]
		if step.next == len(step.list) {
			if o.hits == step.hits {
				o.barren[step.ref] = true
			}
			way = way[:len(way)-1]
			continue
		}
		item := step.list[step.next]
		step.list[step.next] = objectItem{}
		step.next++
		path = append(append(path[:step.path], '/'), item.entry.Name...)
		if err = ctx.Err(); err == nil && len(path) > maxPath {
			err = syncline.Errorf(syncline.CodeTooLarge, "a path is longer than %d bytes", maxPath)
		}
		if err == nil {
			err = o.entry(item.entry, string(path), step.hash, s)
		}
		if err == nil && item.ok {
			err = enter(item.sub, item.entry.Subtree.String())
		}
	}
	return err
}

// entry looks at one entry, which lies in the tree of the given id.
func (o *ObjectSearch) entry(e *syncline.Entry, path, tree string, s *catalog.Snapshot) error {
	switch {
	case e.IsDir():
		return o.tree(e.Subtree.String(), path, s)
	case e.Type != syncline.TypeFile || o.blobs == nil:
		return nil
	}
	for _, blob := range e.Content {
		id := blob.String()
		switch {
		case o.blobs[id]:
		case o.blobs[id[:shortID]]: // from now on it is this blob
			delete(o.blobs, id[:shortID])
			o.blobs[id] = true
		case o.packed[id[:packedID]]:
		default:
			continue
		}
		o.hits++
		if err := o.emit(&FoundObject{ObjectBlob, id, path, tree, s}); err != nil {
			return err
		}
	}
	return nil
}

// tree looks at the tree of a folder.
func (o *ObjectSearch) tree(id, path string, s *catalog.Snapshot) error {
	if !o.trees[id] && !o.trees[id[:shortID]] {
		return nil
	}
	o.hits++
	if err := o.emit(&FoundObject{ObjectTree, id, path, "", s}); err != nil {
		return err
	}
	if o.found++; o.found >= len(o.trees) && o.blobs == nil {
		return errTreesFound
	}
	return nil
}

// PackedObject is a wanted blob or tree with its pack.
type PackedObject struct {
	Kind ObjectKind // ObjectBlob or ObjectTree
	// ID is as it was given, or whole where the search found the blob. A blob in a
	// wanted pack has the digits that the catalog keeps.
	ID string
	// Partial says that the ID is no whole one, so that its pack is not known.
	Partial bool
	Pack    syncline.Hash // zero where no index has the object
	Blob    catalog.Blob
}

// Packs returns the wanted blobs and then the trees, each in the order of their ids.
// It follows the calls of Find.
func (o *ObjectSearch) Packs(ctx context.Context) (list []PackedObject, err error) {
	blobs := slices.Sorted(keysOf(o.blobs, o.packed))
	wanted := make(map[string]bool) // as the catalog has them
	for _, id := range blobs {
		wanted[id[:min(len(id), packedID)]] = true
	}
	data, trees := make(map[string]PackedObject), make(map[string]PackedObject)
	err = eachPack(ctx, o.v, func(p *catalog.Pack) {
		for j := range p.Blobs {
			b := p.Blobs[j]
			id, of, in := b.ID.String(), trees, o.trees
			if !b.Tree {
				id, of, in = id[:packedID], data, wanted
			}
			if _, ok := of[id]; !ok && in[id] {
				of[id] = PackedObject{Pack: p.ID, Blob: b}
			}
		}
	})
	if err != nil {
		return nil, err
	}
	add := func(kind ObjectKind, id string, known bool, at PackedObject) {
		at.Kind, at.ID, at.Partial = kind, id, !known
		list = append(list, at)
	}
	for _, id := range blobs {
		add(ObjectBlob, id, len(id) == idLength || o.packed[id], data[id[:min(len(id), packedID)]])
	}
	for _, id := range slices.Sorted(keysOf(o.trees)) {
		add(ObjectTree, id, len(id) == idLength, trees[id])
	}
	return list, nil
}

// keysOf gives the keys of all maps.
func keysOf(maps ...map[string]bool) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for _, m := range maps {
			for k := range m {
				if !yield(k) {
					return
				}
			}
		}
	}
}
