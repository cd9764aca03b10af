package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/catalog"
	"syncline.dev/syncline/internal/resticjson"
)

func newLsCommand(env *environment) *cobra.Command {
	var filter filterFlags
	l := lister{env: env}
	cmd := &cobra.Command{
		Use:   "ls [flags] snapshotID [dir...]",
		Short: "List the files in a snapshot",
		Long: `List the files in a snapshot: all of them, or those in the given directories.
A directory is an absolute path. --recursive lists the folders below it, too. The
snapshot is an id, the beginning of an id, or "latest", which --host, --tag and
--path narrow down. "id:folder" lists that folder of the snapshot.`,
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
			return env.ask(cmd.Context(), func(a answers) error {
				at, err := filter.folder(cmd.Context(), a, args[0])
				if err != nil {
					return err
				}
				list, err := a.list(cmd.Context(), at, l.selection)
				if err != nil {
					return err
				}
				return l.print(cmd.Context(), list)
			})
		},
	}
	filter.add(cmd.Flags(), env.getenv)
	cmd.Flags().BoolVarP(&l.long, "long", "l", false, "also show size, mode and times")
	cmd.Flags().BoolVar(&l.recursive, "recursive", false, "also list the folders below the given directories")
	cmd.Flags().BoolVar(&l.human, "human-readable", false, "print sizes with units")
	cmd.Flags().StringVarP(&l.sort, "sort", "s", "name", "sort by `mode`: name, size, time (or mtime), atime, ctime, extension")
	cmd.Flags().BoolVar(&l.reverse, "reverse", false, "reverse the order")
	cmd.Flags().BoolVar(&l.ncdu, "ncdu", false, "print the format that ncdu -f reads")
	return cmd
}

// lister prints the entries of a snapshot.
type lister struct {
	env *environment
	selection
	long, human   bool
	sort          string
	reverse, ncdu bool
	given         []string // dirs as the user wrote them

	out   *bufio.Writer
	buf   []byte
	lines entryLines
	lost  []string // folders that would be listed and are lost in the repository
	kept  []listed // to be sorted
	open  []string // the folders that ncdu is in
}

// treeLister returns the entries of a folder that are in a selection.
type treeLister interface {
	list(ctx context.Context, at snapshotFolder, of selection) (listing, error)
}

// listing is the entries of a folder of a snapshot.
type listing struct {
	snapshot catalog.Snapshot // its Tree is the folder's; zero where it is not known
	// walk calls each with the entries that are in the selection, or lead to it, in
	// the order of names, a folder before its content.
	walk func(each func(listed) error) error
	// parts calls each with all entries in the same order, several at once, where all
	// are in the selection. It is nil where only walk has them. Without fields, an entry
	// has its name only.
	parts func(ctx context.Context, fields bool, each func(*catalog.Part) error) error
}

// listed is an entry in a listing.
type listed struct {
	path    string
	entry   *syncline.Entry
	within  bool // it is in a folder of the selection
	towards bool // it leads to one
	below   bool // for a folder: its content is in the selection, or leads to it
}

// selection is the folders that are listed: all when there are none. With
// recursive, the folders in them are listed, too.
type selection struct {
	dirs      []string
	recursive bool
}

// entry tells how an entry lies to the selection.
func (s *selection) entry(path string, e *syncline.Entry) listed {
	x := listed{path: path, entry: e, within: len(s.dirs) == 0, towards: len(s.dirs) == 0}
	for _, dir := range s.dirs {
		x.within = x.within || hasPathPrefix(dir, path)
		x.towards = x.towards || hasPathPrefix(path, dir)
	}
	x.below = x.within && s.recursive || x.towards || !e.IsDir()
	return x
}

// print prints a listing.
func (l *lister) print(ctx context.Context, list listing) error {
	to := l.env.stdout
	if l.ncdu {
		to = jsonFor(to)
	}
	l.out = bufio.NewWriterSize(to, 1<<16)
	err := l.head(list.snapshot)
	switch {
	case err != nil:
	case list.parts != nil && !l.ncdu && !l.sorts():
		err = l.printParts(ctx, list)
	default:
		err = list.walk(l.entry)
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
		return nil // the reader wants no more
	}
	return err
}

// maxLostNamed bounds the folders that are named one by one.
const maxLostNamed = 20

// missing prints the folders that could not be listed.
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

// head prints the text before the entries.
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

// entry prints an entry, or keeps it for sorting.
func (l *lister) entry(x listed) error {
	if x.below && x.entry.Lost {
		l.lost = append(l.lost, x.path)
	}
	switch {
	case l.ncdu:
		return l.ncduEntry(x.path, x.entry)
	case !x.within:
		return nil
	case l.sorts():
		l.kept = append(l.kept, x)
		return nil
	}
	return l.line(x.path, x.entry)
}

// hasPathPrefix reports whether path is base or lies below it.
func hasPathPrefix(base, path string) bool {
	return base == "/" || path == base || strings.HasPrefix(path, base) && path[len(base)] == '/'
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
