package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"syscall"

	"github.com/spf13/cobra"

	"syncline.dev/syncline/internal/explore"
	"syncline.dev/syncline/internal/resticjson"
)

const diffHelp = `Show the differences from the first to the second snapshot. Each line is a file
or folder:

  +   it was added
  -   it was removed
  M   its content changed
  M?  its content changed and nothing else did: a sign of a bad disk
  T   its type changed, such as from a file to a link
  U   its metadata changed: mode, owner, times and so on (with --metadata)

A snapshot is an id, the beginning of an id, or "latest". "id:folder" compares
only that folder. Folders that are the same in both snapshots are not read.

The totals count files and folders. They also count the repository's blobs that
only one of the two snapshots needs, and add up their sizes.`

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
			return env.ask(cmd.Context(), func(a answers) error { return d.run(cmd.Context(), a, args[0], args[1]) })
		},
	}
	cmd.Flags().BoolVar(&d.metadata, "metadata", false, "also show entries of which only the metadata changed")
	return cmd
}

// comparer calls fn for each entry that differs in one folder from the other, and
// returns the totals. With metadata, other metadata makes a difference.
type comparer interface {
	diff(ctx context.Context, before, after snapshotFolder, metadata bool, fn func(changed) error) (explore.DifferenceStatistics, error)
}

// changed is an entry that differs.
type changed struct {
	path   string
	mark   string // restic's; "" where nothing is to be told
	folder bool
}

// differ prints the differences.
type differ struct {
	env      *environment
	metadata bool

	out  *bufio.Writer
	head string // printed before anything else
	buf  []byte
}

func (d *differ) run(ctx context.Context, a answers, source, target string) error {
	before, err := (&filterFlags{}).folder(ctx, a, source)
	if err != nil {
		return err
	}
	after, err := (&filterFlags{}).folder(ctx, a, target)
	if err != nil {
		return err
	}
	d.out = bufio.NewWriterSize(d.env.stdout, 1<<16)
	if !d.env.json && !d.env.quiet {
		d.head = fmt.Sprintf("comparing snapshot %s to %s:\n\n", before.snapshot.ID.Short(), after.snapshot.ID.Short())
	}
	totals, err := a.diff(ctx, before, after, d.metadata, d.change)
	if err == nil {
		err = d.totals(&totals, source, target)
	}
	if err == nil && totals.Missing > 0 {
		err = missing("%s of which the repository has lost the listing on one side or both; what differs in them is neither listed nor counted",
			plural(totals.Missing, "folder differs", "folders differ"))
	}
	if err = errors.Join(err, d.out.Flush()); errors.Is(err, syscall.EPIPE) {
		return nil // the reader wants no more
	}
	return err
}

// change prints a difference.
func (d *differ) change(x changed) error {
	if x.mark == "" || d.env.quiet {
		return nil
	}
	if x.folder {
		x.path += "/"
	}
	if d.env.json {
		d.buf = append(resticjson.AppendChange(d.buf[:0], x.path, x.mark), '\n')
		_, err := d.out.Write(d.buf)
		return err
	}
	_, err := fmt.Fprintf(d.out, "%s%-5s%s\n", d.heading(), x.mark, printable(x.path))
	return err
}

// heading returns the heading once.
func (d *differ) heading() string {
	head := d.head
	d.head = ""
	return head
}

func (d *differ) totals(r *explore.DifferenceStatistics, source, target string) error {
	if d.env.json {
		return json.NewEncoder(d.out).Encode(resticjson.DiffStatistics{
			MessageType: "statistics", SourceSnapshot: source, TargetSnapshot: target,
			ChangedFiles: int(r.ChangedFiles), Added: diffStat(&r.Added), Removed: diffStat(&r.Removed),
		})
	}
	_, err := fmt.Fprintf(d.out, `%s
Files:       %5d new, %5d removed, %5d changed
Dirs:        %5d new, %5d removed
Others:      %5d new, %5d removed
Data Blobs:  %5d new, %5d removed
Tree Blobs:  %5d new, %5d removed
  Added:   %-5s
  Removed: %-5s
`, d.heading(), r.Added.Files, r.Removed.Files, r.ChangedFiles, r.Added.Folders, r.Removed.Folders, r.Added.Others, r.Removed.Others,
		r.Added.DataBlobs, r.Removed.DataBlobs, r.Added.TreeBlobs, r.Removed.TreeBlobs, formatSize(r.Added.Bytes), formatSize(r.Removed.Bytes))
	return err
}

func diffStat(n *explore.SideCounts) resticjson.DiffStat {
	return resticjson.DiffStat{
		Files: int(n.Files), Dirs: int(n.Folders), Others: int(n.Others),
		DataBlobs: int(n.DataBlobs), TreeBlobs: int(n.TreeBlobs), Bytes: n.Bytes,
	}
}
