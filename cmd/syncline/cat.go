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
	"syncline.dev/syncline/internal/storage"
)

func newCatCommand(env *environment) *cobra.Command {
	var filter filterFlags
	cmd := &cobra.Command{
		Use:   "cat [flags] snapshotID file",
		Short: "Write a file in a snapshot to standard output",
		Long: `Write the content of a file in a snapshot to standard output. The snapshot is an
id, the beginning of an id, or "latest", which --host, --tag and --path narrow
down. With "id:folder" the file's path begins at the folder.

Each blob is compared with its hash before it is written. At the first damaged
blob the output ends, and the exit status is 1.`,
		Args: catArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			out := bufio.NewWriterSize(env.stdout, 64<<10)
			err := env.askContent(cmd.Context(), func(a answers) error {
				at, err := filter.folder(cmd.Context(), a, args[0])
				if err != nil {
					return err
				}
				return a.content(cmd.Context(), at, filePath(args[1]), out)
			})
			return errors.Join(err, out.Flush())
		},
	}
	filter.add(cmd.Flags(), env.getenv)
	return cmd
}

// fileReader writes the content of the file at a path below a folder of a snapshot.
type fileReader interface {
	content(ctx context.Context, at snapshotFolder, path string, out io.Writer) error
}

// withContents runs fn with the catalog and with the contents in the repository.
// It brings the catalog up to date first, except with --no-sync.
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
	var damage error // the synchronized part can be restored all the same
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
