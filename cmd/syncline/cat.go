package main

import (
	"bufio"
	"context"
	"errors"
	"io"

	"github.com/spf13/cobra"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/catalog"
	"syncline.dev/syncline/internal/content"
	"syncline.dev/syncline/internal/explore"
	"syncline.dev/syncline/internal/storage"
)

func newCatCommand(env *environment) *cobra.Command {
	var filter filterFlags
	cmd := &cobra.Command{
		Use:   "cat [flags] snapshotID file",
		Short: "Write a file in a snapshot to standard output",
		Long: `Write the content of a file in a snapshot to standard output. The snapshot is an
id, the beginning of one, or "latest", which --host, --tag and --path narrow
down; with "id:folder" the file's path begins at the folder.

Every piece is compared with its hash before it is written. When one turns out
to be damaged the output ends there, and the exit status is 1.`,
		Args: catArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			out := bufio.NewWriterSize(env.stdout, 64<<10)
			err := env.answers().cat(cmd.Context(), out, &filter, args[0], args[1])
			return errors.Join(err, out.Flush())
		},
	}
	filter.add(cmd.Flags(), env.getenv)
	return cmd
}

// fileReader writes the content of a file in a snapshot.
type fileReader interface {
	cat(ctx context.Context, out io.Writer, filter *filterFlags, reference, path string) error
}

func (e direct) cat(ctx context.Context, out io.Writer, filter *filterFlags, reference, path string) error {
	return e.withContents(ctx, func(v *catalog.View, source *content.Source) error {
		e, err := filter.file(v, reference, path)
		if err != nil {
			return err
		}
		f, err := source.Open(e)
		if err != nil {
			return err
		}
		return f.WriteRange(ctx, out, 0, f.Size())
	})
}

// file finds a file and where its content lies.
func (f *filterFlags) file(v *catalog.View, reference, path string) (*syncline.Entry, error) {
	root, _, err := f.root(v, reference)
	if err != nil {
		return nil, err
	}
	path = filePath(path)
	e, _, _, err := v.FindWith(root, path, catalog.WithContent)
	if err != nil {
		return nil, err
	}
	return e, content.CheckFile(e, path)
}

// root finds the snapshot, or the folder in one, that a reference names.
func (f *filterFlags) root(v *catalog.View, reference string) (catalog.TreeRef, catalog.Snapshot, error) {
	list, err := explore.ListSnapshots(v)
	if err != nil {
		return catalog.TreeRef{}, catalog.Snapshot{}, err
	}
	s, folder, err := f.one(list, reference)
	if err != nil || folder == "" {
		return s.Root, s, err
	}
	x, sub, ok, err := v.Find(s.Root, folder)
	if err == nil && x != nil && x.Lost {
		_, ok, err = v.FindTree(s.Root, folder) // which says that it is lost
	}
	if err == nil && !ok {
		err = syncline.Errorf(syncline.CodeNotFound, "%q is not a folder of snapshot %s", folder, s.ID.Short())
	}
	return sub, s, err
}

// withContents runs fn with the catalog, which is brought up to date first
// unless --no-sync says not to, and with the contents in the repository.
func (e *environment) withContents(ctx context.Context, fn func(*catalog.View, *content.Source) error) (err error) {
	at, err := e.location()
	if err != nil {
		return err
	}
	local, err := e.localCatalog(at)
	if err != nil {
		return err
	}
	if e.noSync && !local.exists() {
		return syncline.Errorf(syncline.CodeNotFound, "there is no catalog of %s yet; run the command once without --no-sync", at.Name)
	}
	ahead := &ahead{}
	defer func() { err = errors.Join(err, ahead.close()) }()
	r, err := e.openRepository(ctx, at, func(ctx context.Context, st storage.Storage) {
		if !e.noSync {
			ahead.look(ctx, st, local)
		}
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	var cat *catalog.Catalog
	var damage error // what could be synchronized can be got back
	if e.noSync {
		cat, err = local.readOf(ctx, syncline.Hash(r.Repository.Config().ID))
	} else {
		cat, _, damage = e.synchronizeWith(ctx, r, local, ahead)
	}
	if cat == nil {
		return errors.Join(damage, err)
	}
	err = cat.View(ctx, func(v *catalog.View) error {
		if err := content.Check(v, r.Repository); err != nil {
			return err
		}
		locator, err := content.NewLocator(v)
		if err != nil {
			return err
		}
		return explainLock(ctx, r, fn(v, &content.Source{Repository: r.Repository, Locator: locator, Streams: r.Streams}))
	})
	return errors.Join(e.beside(damage, err), cat.Close())
}
