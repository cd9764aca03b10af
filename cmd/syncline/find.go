package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/catalog"
	"syncline.dev/syncline/internal/explore"
)

const findHelp = `Find files and folders in all snapshots, or in those chosen with --snapshot,
--host, --tag and --path.

A PATTERN is restic's: a name such as notes.txt, or one with * ? [a-z], matches
in any folder; with slashes it matches that many names in a row, and /home/*/x
from the root; ** stands for any number of folders, also none. A folder that
matches brings all that is in it. Quote patterns, so that the shell leaves them
alone. With --contains a PATTERN is a part of a name instead; then letter case
and the way accents are encoded make no difference, and a folder that matches
brings nothing else.

Each version of a file or folder is one line: the first and the last snapshot
that have exactly it at that path, the number of those that do, and the path.
With --json every snapshot is listed by itself, as restic prints it. The newest
snapshot comes first, with --reverse the oldest.`

func newFindCommand(env *environment) *cobra.Command {
	var filter filterFlags
	var flags findFlags
	cmd := &cobra.Command{
		Use:   "find [flags] PATTERN...",
		Short: "Find files and folders in the snapshots",
		Long:  findHelp,
		Example: `syncline find config.json
syncline find --json "*.yml" "*.json"
syncline find -i --type file --min-size 1G "*.iso"
syncline find "/home/**/Invoices/*.pdf"
syncline find --contains müller`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			q, err := flags.query(args)
			if err == nil {
				err = flags.checkObjects(cmd.Flags())
			}
			if err != nil {
				return err
			}
			if flags.objects.any() {
				return env.objects(cmd.Context(), &flags, &filter, args)
			}
			return env.answers().find(cmd.Context(), &flags, &filter, q)
		},
	}
	filter.add(cmd.Flags(), env.getenv)
	flags.add(cmd.Flags())
	return cmd
}

// finder prints what a query finds in the snapshots chosen.
type finder interface {
	find(ctx context.Context, flags *findFlags, filter *filterFlags, q *explore.Query) error
}

func (e direct) find(ctx context.Context, flags *findFlags, filter *filterFlags, q *explore.Query) error {
	return e.withCatalog(ctx, func(c *catalog.Catalog) error {
		return c.View(ctx, func(v *catalog.View) error {
			all, err := explore.ListSnapshots(v)
			if err != nil {
				return err
			}
			list, err := filter.choose(e.complain, all, flags.snapshots)
			if err != nil {
				return err
			}
			if len(flags.snapshots) == 0 {
				e.tellHidden(all.Hidden)
			}
			return errors.Join(flags.find(ctx, e.environment, v, list, q), incomplete(list))
		})
	})
}

// findFlags are the flags of find but those that filter snapshots.
type findFlags struct {
	snapshots        []string
	objects          objectFlags
	ignoreCase       bool
	contains         bool
	long, human      bool
	reverse          bool
	oldest, newest   string
	types            []string
	minSize, maxSize string
	limit            int64
	timeout          time.Duration
}

func (f *findFlags) add(flags *pflag.FlagSet) {
	flags.StringArrayVarP(&f.snapshots, "snapshot", "s", nil, "only this snapshot `id`, or latest (can be given several times)")
	flags.BoolVar(&f.objects.blob, "blob", false, "PATTERN is the id of a blob: tell which files have it")
	flags.BoolVar(&f.objects.tree, "tree", false, "PATTERN is the id of a tree: tell which folders are it")
	flags.BoolVar(&f.objects.pack, "pack", false, "PATTERN is the id of a pack: tell where its blobs and trees are")
	flags.BoolVar(&f.objects.showPack, "show-pack-id", false, "tell which pack the objects lie in (with --blob, --tree or --pack)")
	flags.BoolVarP(&f.ignoreCase, "ignore-case", "i", false, "ignore letter case")
	flags.BoolVarP(&f.contains, "contains", "c", false, "look for names that contain PATTERN, taken as it is")
	flags.BoolVarP(&f.long, "long", "l", false, "show mode, owner, size and time too")
	flags.BoolVar(&f.human, "human-readable", false, "print sizes for people")
	flags.BoolVarP(&f.reverse, "reverse", "R", false, "begin with the oldest snapshot")
	flags.StringVarP(&f.oldest, "oldest", "O", "", "only what was last modified at this `time` or later (2026-11-23, \"2026-11-23 10:00\")")
	flags.StringVarP(&f.newest, "newest", "N", "", "only what was last modified at this `time` or earlier")
	flags.StringSliceVarP(&f.types, "type", "t", nil, "only entries of this `type`: file, dir, symlink, dev, chardev, fifo, socket (can be given several times)")
	flags.StringVar(&f.minSize, "min-size", "", "only files of this `size` or more (bytes, or like 10K, 5M, 2G)")
	flags.StringVar(&f.maxSize, "max-size", "", "only files of this `size` or less")
	flags.Int64Var(&f.limit, "limit", 0, "stop after `n` results")
	flags.DurationVar(&f.timeout, "timeout", 0, "stop the search after this `duration`, like 10s; synchronizing does not count")
}

// query checks the flags and puts them together. The deadline is set later.
func (f *findFlags) query(args []string) (*explore.Query, error) {
	q := &explore.Query{IgnoreCase: f.ignoreCase}
	switch {
	case f.objects.any(): // ids are no patterns
	case f.contains:
		q.Contains = args
	default:
		q.Patterns = args
	}
	var err error
	if q.Types, err = parseTypes(f.types); err != nil {
		return nil, err
	}
	if f.minSize != "" {
		if q.MinSize, err = parseSize("--min-size", f.minSize); err != nil {
			return nil, err
		}
	}
	if f.maxSize != "" {
		n, err := parseSize("--max-size", f.maxSize)
		if err != nil {
			return nil, err
		}
		q.MaxSize = &n
	}
	if q.Oldest, err = parseTime("--oldest", f.oldest); err != nil {
		return nil, err
	}
	if q.Newest, err = parseTime("--newest", f.newest); err != nil {
		return nil, err
	}
	switch {
	case !q.Newest.IsZero() && q.Oldest.After(q.Newest):
		return nil, usageError("--oldest must specify a time before --newest")
	case q.MaxSize != nil && q.MinSize > *q.MaxSize:
		return nil, usageError("--min-size is more than --max-size, so nothing can match")
	case f.limit < 0 || f.timeout < 0:
		return nil, usageError("--limit and --timeout must not be negative; 0 is no limit")
	}
	q.Limits.Results = f.limit
	if f.objects.any() {
		return q, nil
	}
	if err := q.Check(); err != nil {
		return nil, usageError(messageOf(err))
	}
	return q, nil
}

// find searches and prints.
func (f *findFlags) find(ctx context.Context, env *environment, v *catalog.View, list []catalog.Snapshot, q *explore.Query) error {
	if f.timeout > 0 {
		q.Limits.Deadline = time.Now().Add(f.timeout)
	}
	if !f.reverse {
		slices.Reverse(list)
	}
	out := newFindPrinter(env, f)
	var cut explore.Cut
	var err error
	if env.json {
		cut, err = explore.Find(ctx, v, list, q, out.match)
	} else {
		cut, err = explore.FindVersions(ctx, v, list, q, func(w *explore.VersionHit) error {
			first, last := &list[w.Snapshots[0]], &list[w.Snapshots[len(w.Snapshots)-1]]
			if !f.reverse {
				first, last = last, first
			}
			return out.version(w.Path, w.Entry, first, last, len(w.Snapshots))
		})
	}
	return f.end(env, out, cut, err, len(list))
}

// end prints what comes after the results.
func (f *findFlags) end(env *environment, out *findPrinter, cut explore.Cut, err error, snapshots int) error {
	// What a JSON reader has got must not look complete when it is not.
	if err == nil && env.json {
		err = out.endJSON()
	}
	if err = errors.Join(err, out.w.Flush()); errors.Is(err, syscall.EPIPE) {
		return nil // the reader has seen enough
	}
	if err == nil {
		f.tell(env, cut, out.count, snapshots)
	}
	return err
}

// tell says on standard error what the results do not show.
func (f *findFlags) tell(env *environment, cut explore.Cut, count int64, snapshots int) {
	var text string
	switch cut {
	case explore.CutResults:
		text = fmt.Sprintf("stopped after %d results (--limit); there are more", count)
	case explore.CutTime:
		text = fmt.Sprintf("stopped after %s (--timeout) with %d results; there may be more", f.timeout, count)
	case explore.CutDepth:
		text = "folders whose path is longer than 1 MiB were left out"
	default:
		if count == 0 {
			env.note("nothing found; snapshots searched: %d", snapshots)
		}
		return
	}
	fmt.Fprintln(env.stderr, "syncline: "+text)
}

var entryTypes = map[string]syncline.EntryType{
	"f": syncline.TypeFile, "d": syncline.TypeDir, "l": syncline.TypeSymlink, "b": syncline.TypeDevice,
	"c": syncline.TypeCharDev, "p": syncline.TypeFifo, "s": syncline.TypeSocket,
}

// parseTypes takes restic's names and the letters of find(1).
func parseTypes(texts []string) (types []syncline.EntryType, err error) {
	for _, text := range texts {
		typ, ok := entryTypes[text]
		if !ok {
			typ = syncline.EntryType(text)
			for _, known := range entryTypes {
				ok = ok || typ == known
			}
			ok = ok || typ == syncline.TypeIrregular
		}
		if !ok {
			return nil, usageError(fmt.Sprintf("--type %q is not known; there are file, dir, symlink, dev, chardev, fifo, socket and irregular", clipText(text)))
		}
		types = append(types, typ)
	}
	return types, nil
}

// parseSize reads a number of bytes, or of a unit as restic has them: powers of
// 1,024, in either letter case.
func parseSize(flag, text string) (uint64, error) {
	number, shift := strings.ToLower(text), 0
	for i, unit := range []string{"b", "k", "m", "g", "t"} {
		if rest, ok := strings.CutSuffix(number, unit); ok {
			number, shift = rest, 10*i
			break
		}
	}
	n, err := strconv.ParseUint(number, 10, 64)
	if err != nil || n > (1<<64-1)>>shift {
		return 0, usageError(fmt.Sprintf("%s %q is not a size; write a number of bytes, or one with K, M, G or T", flag, clipText(text)))
	}
	return n << shift, nil
}

// parseMinFree reads how much stays free on a file system: a size, or "off" for
// nobody looking, which is nil. What stands is used where nothing is said.
func parseMinFree(text string, stands func(total int64) int64) (func(total int64) int64, error) {
	switch text {
	case "":
		return stands, nil
	case "off":
		return nil, nil //nolint:nilnil // nobody looks
	}
	n, err := parseSize("--min-free", text)
	if err != nil {
		return nil, err
	}
	size := int64(min(n, math.MaxInt64)) //nolint:gosec // cut off just before
	return func(int64) int64 { return size }, nil
}

// timeLayouts are those that restic takes, and RFC 3339.
var timeLayouts = []string{
	time.DateOnly, "2006-01-02 15:04", time.DateTime, "2006-01-02 15:04:05 -0700", "2006-01-02 15:04:05 MST",
	"02.01.2006", "02.01.2006 15:04", "02.01.2006 15:04:05", "02.01.2006 15:04:05 -0700", "02.01.2006 15:04:05 MST",
	"Mon Jan 2 15:04:05 -0700 MST 2006", time.RFC3339,
}

// parseTime reads a time; the zero time where there is no text.
func parseTime(flag, text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	for _, layout := range timeLayouts {
		if t, err := time.ParseInLocation(layout, text, time.Local); err == nil {
			return t, nil
		}
	}
	return time.Time{}, usageError(fmt.Sprintf("%s %q is not a time; write it like 2026-11-23 or \"2026-11-23 10:00:00\"", flag, clipText(text)))
}
