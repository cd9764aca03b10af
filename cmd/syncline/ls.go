package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"path"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/catalog"
	"syncline.dev/syncline/internal/explore"
	"syncline.dev/syncline/internal/resticjson"
)

func newLsCommand(env *environment) *cobra.Command {
	var filter filterFlags
	l := lister{env: env}
	cmd := &cobra.Command{
		Use:   "ls [flags] snapshotID [dir...]",
		Short: "List the files in a snapshot",
		Long: `List the files in a snapshot: all of them, or those in the given directories,
which are absolute paths, with --recursive also in the folders below. The
snapshot is an id, the beginning of one, or "latest", which --host, --tag and
--path narrow down; "id:folder" lists below a folder.`,
		Example: `syncline ls latest
syncline ls --long --human-readable latest /home/mila
syncline ls --long --sort size --reverse latest /home/mila --recursive
syncline ls --ncdu latest | ncdu -f -`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			for _, dir := range args[1:] {
				if !strings.HasPrefix(dir, "/") {
					return usageError("All path filters must be absolute, starting with a forward slash '/'")
				}
				l.dirs = append(l.dirs, path.Clean(dir))
			}
			l.given = args[1:]
			if err := l.check(); err != nil {
				return err
			}
			return env.answers().list(cmd.Context(), &l, &filter, args[0])
		},
	}
	filter.add(cmd.Flags(), env.getenv)
	cmd.Flags().BoolVarP(&l.long, "long", "l", false, "show size, mode and times too")
	cmd.Flags().BoolVar(&l.recursive, "recursive", false, "include what is in the folders of the listed directories")
	cmd.Flags().BoolVar(&l.human, "human-readable", false, "print sizes for people")
	cmd.Flags().StringVarP(&l.sort, "sort", "s", "name", "sort by `mode`: name, size, time (or mtime), atime, ctime, extension")
	cmd.Flags().BoolVar(&l.reverse, "reverse", false, "print the last one first")
	cmd.Flags().BoolVar(&l.ncdu, "ncdu", false, "print what ncdu -f reads")
	return cmd
}

// lister prints what is in a snapshot.
type lister struct {
	env                    *environment
	long, recursive, human bool
	sort                   string
	reverse, ncdu          bool
	dirs                   []string // all when empty
	given                  []string // dirs as the user wrote them

	out  *bufio.Writer
	buf  []byte
	lost []string // folders that would be listed and are lost in the repository
	kept []listed // to be sorted
	open []string // the folders that ncdu is in
}

// treeLister has l print the snapshot, or the folder in one, that a reference
// names.
type treeLister interface {
	list(ctx context.Context, l *lister, filter *filterFlags, reference string) error
}

func (e direct) list(ctx context.Context, l *lister, filter *filterFlags, reference string) error {
	return e.withCatalog(ctx, func(c *catalog.Catalog) error {
		return c.View(ctx, func(v *catalog.View) error {
			list, err := explore.ListSnapshots(v)
			if err != nil {
				return err
			}
			at, s, err := rootOf(v, filter, list, reference)
			if err != nil {
				return err
			}
			root := at.Tree
			s.Tree = at.Hash // as restic has it, also of a folder
			return l.list(s, func() error {
				return v.Walk(root, "", 0, math.MaxInt64, func(path string, e *syncline.Entry) error {
					if err := ctx.Err(); err != nil {
						return err
					}
					return l.entry(path, e)
				})
			})
		})
	})
}

// list prints a snapshot's entries, which walk gives to l.entry.
func (l *lister) list(s catalog.Snapshot, walk func() error) error {
	to := l.env.stdout
	if l.ncdu {
		to = jsonFor(to)
	}
	l.out = bufio.NewWriterSize(to, 1<<16)
	err := l.head(s)
	if err == nil {
		err = walk()
	}
	switch {
	case err != nil:
	case l.ncdu:
		err = l.ncduEnd()
	case l.sorts():
		err = l.printSorted()
	}
	if err == nil {
		err = l.missing()
	}
	if err = errors.Join(err, l.out.Flush()); errors.Is(err, syscall.EPIPE) {
		return nil // the reader has seen enough
	}
	return err
}

// maxLostNamed bounds the folders that are named one by one.
const maxLostNamed = 20

// missing tells of the folders that could not be listed.
func (l *lister) missing() error {
	for i, path := range l.lost {
		if i == maxLostNamed {
			fmt.Fprintf(l.env.stderr, "and %d more\n", len(l.lost)-i)
			break
		}
		fmt.Fprintf(l.env.stderr, "%s: the folder's listing is missing or damaged in the repository\n", printable(path))
	}
	if len(l.lost) == 0 {
		return nil
	}
	return missing("the repository has lost %s of those to be listed; what is in them is not known", plural(len(l.lost), "folder", "folders"))
}

// head prints what goes before the entries.
func (l *lister) head(s catalog.Snapshot) error {
	if l.ncdu {
		return l.ncduHead(s)
	}
	if !l.env.json {
		if l.env.quiet {
			return nil
		}
		_, err := fmt.Fprintf(l.out, "snapshot %s of %q at %s by %s@%s filtered by %q:\n",
			s.ID.Short(), s.Paths, s.Time, printable(s.Username), printable(s.Hostname), l.given)
		return err
	}
	j := resticjson.NewSnapshot(&s.Snapshot)
	return json.NewEncoder(l.out).Encode(struct {
		resticjson.Snapshot
		MessageType string `json:"message_type"`
		StructType  string `json:"struct_type"`
	}{j, "snapshot", "snapshot"})
}

// entry prints an entry that is in one of the directories, and says whether
// the walk is to go on below it.
func (l *lister) entry(path string, e *syncline.Entry) error {
	within, towards := len(l.dirs) == 0, len(l.dirs) == 0
	for _, dir := range l.dirs {
		within = within || hasPathPrefix(dir, path)
		towards = towards || hasPathPrefix(path, dir)
	}
	var err error
	switch {
	case l.ncdu && (within || towards):
		err = l.ncduEntry(path, e)
	case within && l.sorts():
		l.kept = append(l.kept, listed{path, e})
	case within:
		err = l.print(path, e)
	}
	if err != nil {
		return err
	}
	if within && l.recursive || towards || !e.IsDir() {
		if e.Lost {
			l.lost = append(l.lost, path)
		}
		return nil
	}
	return catalog.SkipDir
}

// hasPathPrefix reports whether path is base or lies below it.
func hasPathPrefix(base, path string) bool {
	return base == "/" || path == base || strings.HasPrefix(path, base) && path[len(base)] == '/'
}

func (l *lister) print(path string, e *syncline.Entry) error {
	if l.env.json {
		l.buf = append(resticjson.AppendNode(l.buf[:0], path, e), '\n')
		_, err := l.out.Write(l.buf)
		return err
	}
	if !l.long {
		_, err := fmt.Fprintln(l.out, printable(path))
		return err
	}
	size := fmt.Sprintf("%6d", e.Size)
	if l.human {
		size = formatSize(e.Size)
	}
	target := ""
	if e.Type == syncline.TypeSymlink {
		target = " -> " + printable(e.LinkTarget)
	}
	_, err := fmt.Fprintf(l.out, "%s %5d %5d %s %s %s%s\n", typeMode(e.Type)|e.Mode, e.UID, e.GID, size,
		e.ModTime.Local().Format(timeFormat), printable(path), target)
	return err
}

func typeMode(t syncline.EntryType) fs.FileMode {
	switch t {
	case syncline.TypeDir:
		return fs.ModeDir
	case syncline.TypeSymlink:
		return fs.ModeSymlink
	case syncline.TypeDevice:
		return fs.ModeDevice
	case syncline.TypeCharDev:
		return fs.ModeDevice | fs.ModeCharDevice
	case syncline.TypeFifo:
		return fs.ModeNamedPipe
	case syncline.TypeSocket:
		return fs.ModeSocket
	}
	return 0
}
