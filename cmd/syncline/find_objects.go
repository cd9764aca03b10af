package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"slices"
	"syscall"

	"github.com/spf13/pflag"

	"syncline.dev/syncline/internal/catalog"
	"syncline.dev/syncline/internal/explore"
	"syncline.dev/syncline/internal/resticjson"
)

// objectFlags say that the patterns of find are ids of objects.
type objectFlags struct {
	blob, tree, pack, showPack bool
}

func (f *objectFlags) any() bool { return f.blob || f.tree || f.pack }

func (f *objectFlags) kind() explore.ObjectKind {
	switch {
	case f.blob:
		return explore.ObjectBlob
	case f.tree:
		return explore.ObjectTree
	}
	return explore.ObjectPack
}

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

// objectPrinter prints the snapshots and paths of blobs and trees, in restic's
// words and order.
type objectPrinter struct {
	env  *environment
	out  *bufio.Writer
	hits int
	buf  []byte
}

// findObjects answers find with --blob, --tree or --pack.
func (e *environment) findObjects(ctx context.Context, v *catalog.View, list []catalog.Snapshot, f *findFlags, ids []string) error {
	search, err := explore.NewObjectSearch(ctx, v, f.objects.kind(), ids)
	if err != nil {
		return err
	}
	if !f.reverse {
		slices.Reverse(list)
	}
	o := &objectPrinter{env: e, out: bufio.NewWriterSize(e.stdout, 1<<16)}
	for i := range list {
		if err = search.Find(ctx, &list[i], o.print); err != nil {
			break
		}
	}
	if err == nil && e.json {
		_, err = o.out.WriteString([]string{"[", ""}[btoi(o.hits > 0)] + "]\n")
	}
	if err == nil && f.objects.showPack {
		var packed []explore.PackedObject
		packed, err = search.Packs(ctx)
		for i := range packed {
			o.pack(&packed[i])
		}
	}
	if err = errors.Join(err, o.out.Flush()); errors.Is(err, syscall.EPIPE) {
		return nil // the reader wants no more
	}
	return err
}

// print prints one place of an object.
func (o *objectPrinter) print(x *explore.FoundObject) error {
	o.hits++
	s := x.Snapshot
	if o.env.json {
		o.buf = append(o.buf[:0], "[,"[btoi(o.hits > 1)])
		o.buf = resticjson.AppendObject(o.buf, string(x.Kind), x.ID, x.Path, x.Parent, s.ID.String(), s.Time)
		_, err := o.out.Write(o.buf)
		return err
	}
	where := fmt.Sprintf(" ... path %s\n", printable(x.Path))
	if x.Kind == explore.ObjectBlob {
		where = fmt.Sprintf(" ... in file %s\n     (tree %s)\n", printable(x.Path), x.Parent)
	}
	_, err := fmt.Fprintf(o.out, "Found %s %s\n%s ... in snapshot %s (%s)\n", x.Kind, x.ID, where, s.ID.Short(), s.Time.Local().Format(timeFormat))
	return err
}

// pack prints the pack of an object.
func (o *objectPrinter) pack(x *explore.PackedObject) {
	kind := "tree"
	if x.Kind == explore.ObjectBlob {
		kind = "data"
	}
	switch {
	case x.Partial:
		fmt.Fprintf(o.out, "Note: cannot find pack for object '%s', unable to parse ID: invalid length for ID: %q\n", printable(x.ID), x.ID)
	case x.Pack.IsZero():
		fmt.Fprintf(o.out, "Object %s with type %s not found in the index\n", kind, printable(x.ID[:8]))
	default:
		fmt.Fprintf(o.out, "Object belongs to pack %s\n ... Pack %s: <Blob (%s) %s, offset %d, length %d, uncompressed length %d>\n",
			x.Pack, x.Pack.Short(), kind, x.ID[:8], x.Blob.Offset, x.Blob.Length, x.Blob.Plain)
	}
}
