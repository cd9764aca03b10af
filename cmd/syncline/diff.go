package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"syscall"

	"github.com/spf13/cobra"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/catalog"
	"syncline.dev/syncline/internal/explore"
	"syncline.dev/syncline/internal/resticjson"
)

const diffHelp = `Show what differs from the first to the second snapshot, a line for each file
or folder:

  +   was added
  -   was removed
  M   has another content
  M?  has another content, while all else is the same: a sign of a bad disk
  T   is of another type, such as a file that became a link
  U   has other metadata: mode, owner, times and so on (with --metadata)

The snapshots are ids, the beginnings of ids, or "latest"; with "id:folder" only
that folder is compared. Folders that both have in common are not even read.

The totals count files, folders, and the blobs of the repository that only one
of the two needs, with their size.`

func newDiffCommand(env *environment) *cobra.Command {
	d := differ{env: env}
	cmd := &cobra.Command{
		Use:   "diff [flags] snapshotID snapshotID",
		Short: "Show what differs between two snapshots",
		Long:  diffHelp,
		Example: `syncline diff 79766175 latest
syncline diff --metadata 79766175:/home/mila latest:/home/mila
syncline diff --json 79766175 5845b002`,
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return env.answers().diff(cmd.Context(), &d, args[0], args[1])
		},
	}
	cmd.Flags().BoolVar(&d.metadata, "metadata", false, "show what has other metadata too")
	return cmd
}

// differ prints what differs.
type differ struct {
	env      *environment
	metadata bool

	out *bufio.Writer
	buf []byte
}

// comparer has d print what differs from one snapshot, or folder in one, to
// another.
type comparer interface {
	diff(ctx context.Context, d *differ, source, target string) error
}

func (e direct) diff(ctx context.Context, d *differ, source, target string) error {
	return e.withCatalog(ctx, func(c *catalog.Catalog) error {
		return c.View(ctx, func(v *catalog.View) error {
			list, err := explore.ListSnapshots(v)
			if err != nil {
				return err
			}
			before, s, err := rootOf(v, &filterFlags{}, list, source)
			if err != nil {
				return err
			}
			after, t, err := rootOf(v, &filterFlags{}, list, target)
			if err != nil {
				return err
			}
			return d.print(s, t, source, target, func() (explore.DiffReport, error) {
				return explore.Diff(ctx, v, before, after, func(p *explore.Pair) error {
					return d.change(p.Path(), explore.Modifier(p, d.metadata), p.After != nil && p.After.IsDir() || p.After == nil && p.Before.IsDir())
				})
			})
		})
	})
}

// print prints the changes, which compare gives to d.change, and the totals.
func (d *differ) print(s, t catalog.Snapshot, source, target string, compare func() (explore.DiffReport, error)) error {
	d.out = bufio.NewWriterSize(d.env.stdout, 1<<16)
	if !d.env.json && !d.env.quiet {
		fmt.Fprintf(d.out, "comparing snapshot %s to %s:\n\n", s.ID.Short(), t.ID.Short())
	}
	report, err := compare()
	if err == nil {
		err = d.totals(&report, source, target)
	}
	if err == nil && report.Missing > 0 {
		err = missing("%s of which the repository has lost the listing on one side or both; what differs in them is neither listed nor counted",
			plural(report.Missing, "folder differs", "folders differ"))
	}
	if err = errors.Join(err, d.out.Flush()); errors.Is(err, syscall.EPIPE) {
		return nil // the reader has seen enough
	}
	return err
}

// rootOf finds what a reference names: a snapshot, or a folder in one.
func rootOf(v *catalog.View, filter *filterFlags, list explore.SnapshotList, reference string) (explore.Root, catalog.Snapshot, error) {
	s, folder, err := filter.one(list, reference)
	root := explore.Root{Tree: s.Root, Hash: s.Tree}
	if err != nil || folder == "" {
		return root, s, err
	}
	e, sub, ok, err := v.FindWith(s.Root, folder, catalog.WithSubtree)
	if err == nil && e != nil && e.Lost {
		_, ok, err = v.FindTree(s.Root, folder) // which says that it is lost
	}
	switch {
	case err == nil && !ok:
		err = syncline.Errorf(syncline.CodeNotFound, "%q is not a folder of snapshot %s", folder, s.ID.Short())
	case err == nil && e != nil: // not the snapshot's root
		root = explore.Root{Tree: sub, Hash: e.Subtree}
	}
	return root, s, err
}

func (d *differ) change(path, mark string, folder bool) error {
	if mark == "" || d.env.quiet {
		return nil
	}
	if folder {
		path += "/"
	}
	if d.env.json {
		d.buf = append(resticjson.AppendChange(d.buf[:0], path, mark), '\n')
		_, err := d.out.Write(d.buf)
		return err
	}
	_, err := fmt.Fprintf(d.out, "%-5s%s\n", mark, printable(path))
	return err
}

func (d *differ) totals(r *explore.DiffReport, source, target string) error {
	if d.env.json {
		return json.NewEncoder(d.out).Encode(resticjson.DiffStatistics{
			MessageType: "statistics", SourceSnapshot: source, TargetSnapshot: target,
			ChangedFiles: r.ChangedFiles, Added: resticjson.DiffStat(r.Added), Removed: resticjson.DiffStat(r.Removed),
		})
	}
	_, err := fmt.Fprintf(d.out, `
Files:       %5d new, %5d removed, %5d changed
Dirs:        %5d new, %5d removed
Others:      %5d new, %5d removed
Data Blobs:  %5d new, %5d removed
Tree Blobs:  %5d new, %5d removed
  Added:   %-5s
  Removed: %-5s
`, r.Added.Files, r.Removed.Files, r.ChangedFiles, r.Added.Dirs, r.Removed.Dirs, r.Added.Others, r.Removed.Others,
		r.Added.DataBlobs, r.Removed.DataBlobs, r.Added.TreeBlobs, r.Removed.TreeBlobs, formatSize(r.Added.Bytes), formatSize(r.Removed.Bytes))
	return err
}
