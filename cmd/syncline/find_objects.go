package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"slices"
	"syscall"

	"github.com/spf13/pflag"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/catalog"
	"syncline.dev/syncline/internal/explore"
	"syncline.dev/syncline/internal/resticjson"
)

// objectFlags say that the patterns of find are ids of objects.
type objectFlags struct {
	blob, tree, pack, showPack bool
}

func (f *objectFlags) any() bool { return f.blob || f.tree || f.pack }

// checkObjects refuses the flags that have no meaning beside --blob, --tree and
// --pack. It accepts those that restic accepts there and ignores.
func (f *findFlags) checkObjects(flags *pflag.FlagSet) error {
	kinds := btoi(f.objects.blob) + btoi(f.objects.tree) + btoi(f.objects.pack)
	if kinds > 1 {
		return usageError("cannot have several ID types")
	}
	if kinds == 0 {
		return nil
	}
	for _, name := range []string{"contains", "type", "min-size", "max-size", "limit", "timeout"} {
		if flags.Changed(name) {
			return usageError(fmt.Sprintf("--%s is for names, and --blob, --tree and --pack are for ids; leave one of the two out", name))
		}
	}
	return nil
}

// objects finds objects in the chosen snapshots.
func (e *environment) objects(ctx context.Context, f *findFlags, filter *filterFlags, ids []string) error {
	if err := e.notOnServer("find with --blob, --tree or --pack"); err != nil {
		return err
	}
	return e.withCatalog(ctx, func(c *catalog.Catalog) error {
		return c.View(ctx, func(v *catalog.View) error {
			all, err := explore.ListSnapshots(v)
			if err != nil {
				return err
			}
			list, err := filter.choose(e.complain, all, f.snapshots)
			if err != nil {
				return err
			}
			if len(f.snapshots) == 0 {
				e.tellHidden(all.Hidden)
			}
			return errors.Join(e.findObjects(ctx, v, list, f, ids), incomplete(list))
		})
	})
}

// objectFinder prints the snapshots and paths of blobs and trees, in restic's
// words and order.
type objectFinder struct {
	env *environment
	out *bufio.Writer
	// The wanted ids, whole or their first eight digits. A nil map stands for a
	// kind that is not wanted.
	blobs, trees map[string]bool
	// packed are the data blobs of the wanted packs, by the first 16 digits of their
	// ids, which is the part that the catalog keeps of data blobs.
	packed map[string]bool
	// barren are the trees below which nothing was found.
	barren map[catalog.TreeRef]bool
	found  int // trees
	hits   int
	buf    []byte
}

const (
	shortID  = 8  // digits of an id for people
	packedID = 16 // digits of an id that the catalog keeps of data blobs
	idLength = 64
)

// findObjects answers find with --blob, --tree or --pack.
func (e *environment) findObjects(ctx context.Context, v *catalog.View, list []catalog.Snapshot, f *findFlags, ids []string) error {
	o := &objectFinder{env: e, out: bufio.NewWriterSize(e.stdout, 1<<16), barren: make(map[catalog.TreeRef]bool)}
	if err := o.prepare(v, &f.objects, ids); err != nil {
		return err
	}
	if !f.reverse {
		slices.Reverse(list)
	}
	var err error
	for i := range list {
		if err = o.snapshot(ctx, v, &list[i]); err != nil {
			break
		}
	}
	if err == nil && e.json {
		_, err = o.out.WriteString([]string{"[", ""}[btoi(o.hits > 0)] + "]\n")
	}
	if err == nil && f.objects.showPack {
		err = o.packs(v)
	}
	if err = errors.Join(err, o.out.Flush()); errors.Is(err, syscall.EPIPE) {
		return nil // the reader wants no more
	}
	return err
}

// prepare sets the wanted ids.
func (o *objectFinder) prepare(v *catalog.View, f *objectFlags, ids []string) error {
	wanted := make(map[string]bool, len(ids))
	for _, id := range ids {
		wanted[id] = true
	}
	switch {
	case f.blob:
		o.blobs = wanted
		return nil
	case f.tree:
		o.trees = wanted
		return nil
	}
	o.blobs, o.trees, o.packed = map[string]bool{}, map[string]bool{}, map[string]bool{}
	there := make(map[string]bool)
	err := eachPack(v, func(p *catalog.Pack) {
		id := p.ID.String()
		whole, short := wanted[id], wanted[id[:shortID]]
		if !whole && !short {
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
		return err
	}
	for _, id := range ids {
		if !there[id] {
			return syncline.Errorf(syncline.CodeNotFound, "no index of the repository has the pack %q; give its whole id, or its first %d digits", clipText(id), shortID)
		}
	}
	return nil
}

func eachPack(v *catalog.View, fn func(*catalog.Pack)) error {
	indexes, err := v.Indexes()
	if err != nil {
		return err
	}
	for _, x := range indexes {
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

func (o *objectFinder) snapshot(ctx context.Context, v *catalog.View, s *catalog.Snapshot) error {
	err := o.tree(s.Tree.String(), "/", s)
	if err == nil {
		err = o.walk(ctx, v, s)
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

// maxObjectPath bounds the bytes of a path, as a walk of the catalog does.
const maxObjectPath = 1 << 20

// walk looks at everything below a snapshot's root, except below barren trees.
func (o *objectFinder) walk(ctx context.Context, v *catalog.View, s *catalog.Snapshot) error {
	var path []byte
	var way []*objectStep
	enter := func(ref catalog.TreeRef, hash string) error {
		if o.barren[ref] {
			return nil
		}
		step := &objectStep{ref: ref, hash: hash, path: len(path), hits: o.hits}
		way = append(way, step)
		return v.ReadDir(ref, catalog.WithContent|catalog.WithSubtree, func(e *syncline.Entry, sub catalog.TreeRef, ok bool) error {
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
		if err = ctx.Err(); err == nil && len(path) > maxObjectPath {
			err = syncline.Errorf(syncline.CodeTooLarge, "a path is longer than %d bytes", maxObjectPath)
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
func (o *objectFinder) entry(e *syncline.Entry, path, tree string, s *catalog.Snapshot) error {
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
		if err := o.print("blob", id, path, tree, s); err != nil {
			return err
		}
	}
	return nil
}

// tree looks at the tree of a folder.
func (o *objectFinder) tree(id, path string, s *catalog.Snapshot) error {
	if !o.trees[id] && !o.trees[id[:shortID]] {
		return nil
	}
	if err := o.print("tree", id, path, "", s); err != nil {
		return err
	}
	if o.found++; o.found >= len(o.trees) && o.blobs == nil {
		return errTreesFound
	}
	return nil
}

// print prints one place of an object.
func (o *objectFinder) print(kind, id, path, parent string, s *catalog.Snapshot) error {
	o.hits++
	if o.env.json {
		o.buf = append(o.buf[:0], "[,"[btoi(o.hits > 1)])
		o.buf = resticjson.AppendObject(o.buf, kind, id, path, parent, s.ID.String(), s.Time)
		_, err := o.out.Write(o.buf)
		return err
	}
	where := fmt.Sprintf(" ... path %s\n", printable(path))
	if kind == "blob" {
		where = fmt.Sprintf(" ... in file %s\n     (tree %s)\n", printable(path), parent)
	}
	_, err := fmt.Fprintf(o.out, "Found %s %s\n%s ... in snapshot %s (%s)\n", kind, id, where, s.ID.Short(), s.Time.Local().Format(timeFormat))
	return err
}

// packs prints the packs of the wanted objects.
func (o *objectFinder) packs(v *catalog.View) error {
	type place struct {
		pack syncline.Hash
		blob catalog.Blob
	}
	wanted := make(map[string]bool) // as the catalog has them
	for id := range keysOf(o.blobs, o.packed) {
		wanted[id[:min(len(id), packedID)]] = true
	}
	data, trees := make(map[string]place), make(map[string]place)
	err := eachPack(v, func(p *catalog.Pack) {
		for j := range p.Blobs {
			b := p.Blobs[j]
			id, of, in := b.ID.String(), trees, o.trees
			if !b.Tree {
				id, of, in = id[:packedID], data, wanted
			}
			if _, ok := of[id]; !ok && in[id] {
				of[id] = place{p.ID, b}
			}
		}
	})
	if err != nil {
		return err
	}
	tell := func(kind, id string, of map[string]place, digits int) {
		if len(id) != idLength && (kind == "tree" || len(id) != packedID || !o.packed[id]) {
			fmt.Fprintf(o.out, "Note: cannot find pack for object '%s', unable to parse ID: invalid length for ID: %q\n", printable(id), id)
			return
		}
		at, ok := of[id[:digits]]
		if !ok {
			fmt.Fprintf(o.out, "Object %s with type %s not found in the index\n", kind, printable(id[:shortID]))
			return
		}
		fmt.Fprintf(o.out, "Object belongs to pack %s\n ... Pack %s: <Blob (%s) %s, offset %d, length %d, uncompressed length %d>\n",
			at.pack, at.pack.Short(), kind, id[:shortID], at.blob.Offset, at.blob.Length, at.blob.Plain)
	}
	for _, id := range slices.Sorted(keysOf(o.blobs, o.packed)) {
		tell("data", id, data, packedID)
	}
	for _, id := range slices.Sorted(keysOf(o.trees)) {
		tell("tree", id, trees, idLength)
	}
	return nil
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
