package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/catalog"
	"syncline.dev/syncline/internal/explore"
	"syncline.dev/syncline/internal/settings"
)

const findHelp = `Find files and folders in all snapshots, or in the snapshots that --snapshot,
--host, --tag and --path choose.

A PATTERN is one of restic's. A name such as notes.txt, also with * ? [a-z],
matches in any folder. A PATTERN with slashes, such as photos/*.jpg, matches names
that follow one another in a path. One that begins with a slash, such as
/home/*/x, matches from the root. ** stands for any number of folders, or for
none. A matching folder brings everything in it. Put patterns in quotes, because
the shell expands them otherwise.

With --contains a PATTERN is a part of a name. Letter case and the encoding of
accents then make no difference, and a matching folder brings nothing else.

Each line is one version of a file or folder: the first and the last snapshot
with exactly this version at this path, the number of such snapshots, and the
path. --json prints the results snapshot by snapshot, as restic does. The newest
snapshot comes first; --reverse begins with the oldest.`

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
			if len(flags.snapshots) == 0 {
				q.Snapshots = filter.filter()
			}
			return env.askAll(cmd.Context(), func(all []namedAnswers) error {
				f := finding{env: env, flags: &flags, filter: &filter, query: q, out: newFindPrinter(env, &flags)}
				return f.run(cmd.Context(), all)
			})
		},
	}
	filter.add(cmd.Flags(), env.getenv)
	flags.add(cmd.Flags())
	return cmd
}

// finder calls fn with everything that a query finds in the given snapshots: for
// each snapshot by itself, or each version of a path once.
type finder interface {
	find(ctx context.Context, list []catalog.Snapshot, q *explore.Query, bySnapshot bool, fn func(*explore.Found) error) (explore.Cut, error)
}

// findFlags are the flags of find, without those that filter snapshots.
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
	flags.StringArrayVarP(&f.snapshots, "snapshot", "s", nil, "search only the snapshot with this `id`, or latest (can be given several times)")
	flags.BoolVar(&f.objects.blob, "blob", false, "PATTERN is the id of a blob: print the files that contain it")
	flags.BoolVar(&f.objects.tree, "tree", false, "PATTERN is the id of a tree: print the folders that it describes")
	flags.BoolVar(&f.objects.pack, "pack", false, "PATTERN is the id of a pack: print the paths of its blobs and trees")
	flags.BoolVar(&f.objects.showPack, "show-pack-id", false, "also print the pack of each object (with --blob, --tree or --pack)")
	flags.BoolVarP(&f.ignoreCase, "ignore-case", "i", false, "ignore letter case")
	flags.BoolVarP(&f.contains, "contains", "c", false, "find names that contain PATTERN, in which no character is special")
	flags.BoolVarP(&f.long, "long", "l", false, "also print mode, owner, size and time")
	flags.BoolVar(&f.human, "human-readable", false, "print sizes with units")
	flags.BoolVarP(&f.reverse, "reverse", "R", false, "begin with the oldest snapshot")
	flags.StringVarP(&f.oldest, "oldest", "O", "", "find entries modified at this `time` or later (2026-11-23, \"2026-11-23 10:00\")")
	flags.StringVarP(&f.newest, "newest", "N", "", "find entries modified at this `time` or earlier")
	flags.StringSliceVarP(&f.types, "type", "t", nil, "find entries of this `type`: file, dir, symlink, dev, chardev, fifo, socket (can be given several times)")
	flags.StringVar(&f.minSize, "min-size", "", "find files of this `size` or more (bytes, or like 10K, 5M, 2G)")
	flags.StringVar(&f.maxSize, "max-size", "", "find files of this `size` or less")
	flags.Int64Var(&f.limit, "limit", 0, "stop after `n` results")
	flags.DurationVar(&f.timeout, "timeout", 0, "stop the search after this `duration`, like 10s; synchronization does not count")
}

// query checks the flags and puts them together. The deadline is set later.
func (f *findFlags) query(args []string) (*explore.Query, error) {
	q := &explore.Query{Pattern: !f.contains, MatchCase: !f.contains && !f.ignoreCase}
	if !f.objects.any() { // ids are no patterns
		q.Texts = args
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

// finding is one find, in one repository or in several.
type finding struct {
	env      *environment
	flags    *findFlags
	filter   *filterFlags
	query    *explore.Query
	out      *findPrinter
	searched []catalog.Snapshot
	cut      explore.Cut
}

// run searches and prints.
func (f *finding) run(ctx context.Context, all []namedAnswers) (err error) {
	if f.flags.timeout > 0 {
		f.query.Limits.Deadline = time.Now().Add(f.flags.timeout)
	}
	for i := range all {
		if err = f.repository(ctx, &all[i], len(all) > 1); err != nil || f.cut == explore.CutResults || f.cut == explore.CutTime {
			break
		}
	}
	return errors.Join(f.end(err), incomplete(f.searched))
}

func (f *finding) repository(ctx context.Context, a *namedAnswers, several bool) error {
	var all explore.SnapshotList
	late, err := within(ctx, f.query.Limits.Deadline, func(ctx context.Context) (err error) {
		all, err = a.snapshots(ctx)
		return err
	})
	switch {
	case late:
		f.cut = explore.CutTime
		return nil
	case several && syncline.CodeOf(err) == syncline.CodeNotFound:
		f.env.note("%s", messageOf(err))
		return nil
	case err != nil:
		return err
	}
	complain := f.env.complain
	if several {
		complain = func(string, ...any) {} // the snapshot is another repository's
	}
	list, err := f.filter.choose(complain, all, f.flags.snapshots)
	if err != nil {
		return err
	}
	if len(f.flags.snapshots) == 0 {
		f.env.tellHidden(all.Hidden)
	}
	if !f.flags.reverse {
		slices.Reverse(list)
	}
	f.searched = append(f.searched, list...)
	if several && !f.env.quiet {
		f.out.heading, f.out.headed = "repository "+printable(a.name)+":", false
	}
	cut, err := a.find(ctx, list, f.query, f.env.json, f.result)
	if errors.Is(err, errEnough) {
		cut, err = explore.CutResults, nil
	}
	if cut != explore.Complete {
		f.cut = cut
	}
	return err
}

// within runs fn, which ends early at a deadline; the zero time is none. late
// reports whether it did, and err is nil then.
func within(ctx context.Context, deadline time.Time, fn func(context.Context) error) (late bool, err error) {
	if deadline.IsZero() {
		return false, fn(ctx)
	}
	limited, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	if err = fn(limited); errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		return true, nil
	}
	return false, err
}

var errEnough = errors.New("there are as many results as were asked for")

// result prints a result, unless it is beyond --limit.
func (f *finding) result(x *explore.Found) error {
	if f.flags.limit > 0 && f.out.count == f.flags.limit {
		return errEnough
	}
	return f.out.result(x)
}

// end prints what comes after the results.
func (f *finding) end(err error) error {
	if err == nil && f.env.json { // after an error the JSON must not look complete
		err = f.out.endJSON()
	}
	if err = errors.Join(err, f.out.w.Flush()); errors.Is(err, syscall.EPIPE) {
		return nil // the reader wants no more
	}
	if err == nil {
		f.flags.tell(f.env, f.cut, f.out.count, len(f.searched))
	}
	return err
}

// tell prints on standard error why there are no results, or no more.
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

// parseSize reads a number of bytes, or a number with one of restic's units.
// These are powers of 1,024, in either letter case.
func parseSize(flag, text string) (uint64, error) {
	n, err := settings.ParseSize(text)
	if err != nil {
		return 0, usageError(flag + " " + messageOf(err))
	}
	return n, nil
}

// timeLayouts are restic's layouts, and RFC 3339.
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
