package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/archive"
	"syncline.dev/syncline/internal/catalog"
	"syncline.dev/syncline/internal/content"
	"syncline.dev/syncline/internal/restore"
)

// dumper has the flags of dump.
type dumper struct {
	env            *environment
	filter         filterFlags
	format, target string
}

func newDumpCommand(env *environment) *cobra.Command {
	d := dumper{env: env}
	cmd := &cobra.Command{
		Use:   "dump [flags] snapshotID file",
		Short: "Write a file or an archive of a folder to standard output",
		Long: `Write the content of a file in a snapshot to standard output, or a folder and
everything in it as an archive. The file "/" is the whole snapshot. The snapshot
is an id, the beginning of an id, or "latest", which --host, --tag and --path
narrow down. With "id:folder" the paths, also those in the archive, begin at the
folder.

Tar archives have hard links, owners, extended attributes and times in full. Zip
archives have only names that are valid on every system; standard error tells
what is left out or renamed.

Each blob is compared with its hash before it is written. At the first damaged
blob the output ends, and the exit status is 1.`,
		Example: `syncline dump latest /home/mila/notes.txt
syncline dump --archive zip --target photos.zip latest /home/mila/photos
syncline dump latest:/home/mila / | ssh host tar -x`,
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := env.notOnServer("dump"); err != nil {
				return err
			}
			if _, err := archive.ParseFormat(d.format); err != nil {
				return usageError(messageOf(err))
			}
			ctx := cmd.Context()
			return env.withContents(ctx, func(v *catalog.View, source *content.Source) error {
				return d.dump(ctx, &localAnswers{v, source}, args[0], args[1])
			})
		},
	}
	d.filter.add(cmd.Flags(), env.getenv)
	cmd.Flags().StringVarP(&d.format, "archive", "a", string(archive.Tar), "archive `format`: tar, zip, tar.gz or tar.zst")
	cmd.Flags().StringVarP(&d.target, "target", "t", "", "write to the `file` in place of standard output")
	return cmd
}

// dump writes what is at a path.
func (d *dumper) dump(ctx context.Context, a *localAnswers, reference, path string) error {
	at, err := d.filter.folder(ctx, a, reference)
	if err != nil {
		return err
	}
	root, err := a.root(at)
	if err != nil {
		return err
	}
	path = filePath(path)
	e, _, _, err := a.v.FindWith(root.Tree, path, catalog.WithContent)
	if err != nil {
		return err
	}
	if e != nil && !e.IsDir() {
		return d.dumpFile(ctx, e, a.source, path)
	}
	if _, terminal := isTerminal(d.env.stdout); terminal && d.target == "" {
		return syncline.Errorf(syncline.CodeInvalid, "standard output is a terminal, and this is an archive; redirect it, or name a file with --target")
	}
	written, err := archive.New(ctx, viewedTree{a.v, root.Tree}, archive.Options{
		Format: archive.Format(d.format), Paths: []string{path}, FromRoot: true, Exact: true, Time: at.snapshot.Time, Tell: d.tell,
	})
	if err != nil {
		return err
	}
	err = d.write(func(w io.Writer) error { return written.Write(ctx, w, a.source) })
	if lost := written.Lost(); err == nil && lost > 0 {
		err = missing("%s empty in the archive, because the repository has lost what is in them; they are named above", plural(int(lost), "folder is", "folders are"))
	}
	return err
}

func (d *dumper) dumpFile(ctx context.Context, e *syncline.Entry, source *content.Source, path string) error {
	if err := content.CheckFile(e, path); err != nil {
		return err
	}
	f, err := source.Open(e)
	if err != nil {
		return err
	}
	return d.write(func(w io.Writer) error {
		out := bufio.NewWriterSize(w, 64<<10)
		err := f.WriteRange(ctx, out, 0, f.Size())
		return errors.Join(err, out.Flush())
	})
}

func (d *dumper) tell(path, what string) {
	fmt.Fprintf(d.env.stderr, "%s: %s\n", printable(path), oneLine(what))
}

// write calls fn with the target. It removes an incomplete file.
func (d *dumper) write(fn func(io.Writer) error) error {
	if d.target == "" {
		return fn(d.env.stdout)
	}
	f, err := restore.Create(d.target)
	if err != nil {
		return syncline.WrapError(syncline.CodeUnavailable, err, "the target cannot be written (%v); choose another one", messageOf(err))
	}
	if err := fn(f); err != nil {
		return errors.Join(err, f.Discard())
	}
	return f.Close()
}

// viewedTree is the tree of an archive in one state of the catalog.
type viewedTree struct {
	v    *catalog.View
	root catalog.TreeRef
}

func (t viewedTree) View(_ context.Context, fn func(*catalog.View) error) error { return fn(t.v) }

func (t viewedTree) Root(*catalog.View) (catalog.TreeRef, error) { return t.root, nil }
