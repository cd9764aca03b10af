package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/given"
	"syncline.dev/syncline/internal/restore"
	"syncline.dev/syncline/internal/settings"
)

// restoreFlags are the flags of restore, as they are given and as they are read.
type restoreFlags struct {
	filter            filterFlags
	target, overwrite string
	include, iinclude patternFlags
	exclude, iexclude patternFlags
	includeXattr      []string
	excludeXattr      []string
	sparse, verify    bool
	delete, dryRun    bool
	byName            bool
	what              *restore.Filter
	attributes        func(string) bool
	behavior          syncline.RestoreOverwrite
	minFree           string
	keepFree          func(total int64) int64
}

// patternFlags are the patterns of one kind, from flags and from files.
type patternFlags struct{ patterns, files []string }

// all returns the patterns of the flags, then those of the files.
func (f *patternFlags) all(ctx context.Context, getenv func(string) string) ([]string, error) {
	list := slices.Clone(f.patterns)
	for _, name := range f.files {
		text, err := readGiven(ctx, name)
		if err != nil {
			return nil, unread(err, "cannot read patterns from %s (%v)", name, reasonOf(err))
		}
		list = append(list, restore.ReadPatterns(given.Decode(text), getenv)...)
	}
	return list, nil
}

// reasonOf is the error of a file without the file's name.
func reasonOf(err error) error {
	var at *fs.PathError
	if errors.As(err, &at) {
		return at.Err
	}
	return err
}

func newRestoreCommand(env *environment) *cobra.Command {
	var f restoreFlags
	cmd := &cobra.Command{
		Use:   "restore [flags] snapshotID",
		Short: "Restore a snapshot into a folder",
		Long: `Restore the files of a snapshot into a folder. The snapshot is an id, the
beginning of an id, or "latest", which --host, --tag and --path narrow down.
"id:folder" restores the content of that folder.

Files in the target are compared with the snapshot, and only the differences are
read from the repository. To complete an interrupted restore, run it again. A file
that cannot be restored is named, the others are restored, and the exit status is
1. When a folder has a name twice, the later item becomes "name (2)", and
standard error says so.

A restore that does not fit on the target's disk writes nothing. Its size counts
without the files that are there already. On a disk that compresses, --min-free
off skips this check.

As with restic, a restore by root sets owners, set-id bits, device nodes and the
attributes that the system trusts (security.*, trusted.*), as the maker of the
snapshot chose them. --exclude-xattr leaves attributes out. Restores on a server
set the owners only; see syncline serve --help.

With --server the whole snapshot, or the whole folder, comes over the network as
one stream, even when only a part of it is chosen. The restore ends when the
stream breaks off. The next run writes only what is not right yet. A damaged
repository breaks the stream off each time; then restore without --server.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := f.check(cmd.Context(), env.getenv); err != nil {
				return err
			}
			if env.server != "" && (f.delete || f.dryRun || env.verbose > 1) {
				return usageError("with --server, restore takes neither --delete nor --dry-run nor -vv")
			}
			return env.askContent(cmd.Context(), func(a answers) error { return f.run(cmd.Context(), env, a, args[0]) })
		},
	}
	f.filter.add(cmd.Flags(), env.getenv)
	cmd.Flags().StringVarP(&f.target, "target", "t", "", "`directory` to extract data to")
	for _, p := range []struct {
		to              *patternFlags
		name, short, of string
	}{
		{&f.include, "include", "i", "include a `pattern`, exclude everything else"},
		{&f.iinclude, "iinclude", "", "like --include, for a `pattern` without regard to letter case"},
		{&f.exclude, "exclude", "e", "exclude a `pattern`"},
		{&f.iexclude, "iexclude", "", "like --exclude, for a `pattern` without regard to letter case"},
	} {
		cmd.Flags().StringArrayVarP(&p.to.patterns, p.name, p.short, nil, p.of+" (can be given several times)")
		cmd.Flags().StringArrayVar(&p.to.files, p.name+"-file", nil, "read patterns for --"+p.name+" from a `file`, one a line (can be given several times)")
	}
	cmd.Flags().StringArrayVar(&f.includeXattr, "include-xattr", nil, "restore only the extended attributes that match this `pattern` (can be given several times)")
	cmd.Flags().StringArrayVar(&f.excludeXattr, "exclude-xattr", nil, "do not restore the extended attributes that match this `pattern` (can be given several times)")
	cmd.Flags().StringVar(&f.overwrite, "overwrite", "always", "overwrite `behavior`: always, if-changed, if-newer or never")
	cmd.Flags().BoolVar(&f.byName, "ownership-by-name", false, "restore owners and groups by name instead of by number; a name that this machine does not know becomes root (POSIX ACLs keep their numbers)")
	cmd.Flags().StringVar(&f.minFree, "min-free", "", "leave this `size` free on the target's disk, as 500M; \"off\" does not look and writes until the disk is full (default 0)")
	cmd.Flags().BoolVar(&f.sparse, "sparse", false, "restore files as sparse")
	cmd.Flags().BoolVar(&f.verify, "verify", false, "verify the content of restored files")
	cmd.Flags().BoolVar(&f.delete, "delete", false, "delete items in the restored folders that are not in the snapshot; --dry-run -vv lists them beforehand")
	cmd.Flags().BoolVar(&f.dryRun, "dry-run", false, "write nothing and show what a restore does; -vv names each item")
	return cmd
}

// restorer returns the function that restores a folder of a snapshot into a target.
// The caller calls it once.
type restorer interface {
	restore(ctx context.Context, at snapshotFolder, target string) (func(restore.Options) (restore.Result, error), error)
}

// run restores the snapshot or folder that a reference names, and shows progress.
func (f *restoreFlags) run(ctx context.Context, env *environment, a answers, reference string) error {
	at, err := f.filter.folder(ctx, a, reference)
	if err != nil {
		return err
	}
	how, err := a.restore(ctx, at, f.target)
	if err != nil {
		return err
	}
	s, shown := &at.snapshot, newRestoreView(env)
	shown.note("restoring snapshot %s of %q at %s by %s@%s to %s", s.ID.Short(), s.Paths,
		s.Time.Local().Format(timeFormat), s.Username, s.Hostname, f.target)
	o := restore.Options{
		Filter: f.what, Attributes: f.attributes, Overwrite: f.behavior, Sparse: f.sparse, Verify: f.verify,
		Delete: f.delete, DryRun: f.dryRun, KeepFree: f.keepFree, Item: shown.item, Reporter: shown,
	}
	if f.byName {
		o.Owner = restore.OwnersByName(func(kind, name string) {
			env.note("this machine has no %s %s; its files get number 0, as restic gives it", kind, printable(name))
		})
	}
	result, err := how(o)
	shown.end()
	if err != nil {
		return err
	}
	return shown.summary(result, f.verify, f.dryRun)
}

// overwrites are the values of --overwrite.
var overwrites = map[string]syncline.RestoreOverwrite{
	"always": syncline.OverwriteAlways, "if-changed": syncline.OverwriteIfChanged,
	"if-newer": syncline.OverwriteIfNewer, "never": syncline.OverwriteNever,
}

func (f *restoreFlags) check(ctx context.Context, getenv func(string) string) (err error) {
	if f.target == "" {
		return usageError("please specify a directory to restore to (--target)")
	}
	if f.dryRun && f.verify {
		return usageError("--dry-run and --verify are mutually exclusive")
	}
	var lists [4][]string
	filtered := false
	for i, flags := range []*patternFlags{&f.include, &f.iinclude, &f.exclude, &f.iexclude} {
		if lists[i], err = flags.all(ctx, getenv); err != nil {
			return err
		}
		filtered = filtered || len(lists[i]) > 0
	}
	if f.delete && !filtered && isRoot(f.target) {
		return usageError("--target / --delete must be combined with an include or exclude filter")
	}
	if f.keepFree, err = settings.ParseKeepFree(f.minFree, func(int64) int64 { return 0 }); err != nil {
		return usageError("--min-free " + messageOf(err))
	}
	if f.behavior = overwrites[f.overwrite]; f.behavior == "" {
		err = usageError(fmt.Sprintf("invalid overwrite behavior %q, must be one of always, if-changed, if-newer, never", f.overwrite))
	} else {
		f.what, err = restore.NewFilter(lists[0], lists[1], lists[2], lists[3])
	}
	if err == nil {
		f.attributes, err = restore.NewNameFilter(f.includeXattr, f.excludeXattr)
	}
	if err != nil {
		return usageError(messageOf(err))
	}
	return nil
}

// isRoot reports whether a folder is the root of a file system.
func isRoot(dir string) bool {
	dir, err := filepath.Abs(dir)
	if to, resolved := filepath.EvalSymlinks(dir); err == nil && resolved == nil {
		dir = to
	}
	return filepath.Dir(dir) == dir
}

// restoreView is a restore's Reporter. It prints on standard error.
type restoreView struct {
	*progressView
	stream bool // the total is not known, as of a server's stream
}

func newRestoreView(env *environment) *restoreView {
	return &restoreView{progressView: newProgress(env), stream: env.server != ""}
}

func (v *restoreView) note(format string, args ...any) {
	if !v.env.json {
		v.env.note(format, args...)
	}
}

// item prints one item, with -vv.
func (v *restoreView) item(a restore.Action, path string, size int64) {
	if v.env.verbose < 2 {
		return
	}
	v.end()
	// A failure to write to standard output ends nothing.
	switch {
	case v.env.json:
		_ = json.NewEncoder(v.env.stdout).Encode(map[string]any{"message_type": "verbose_status", "action": a, "item": path, "size": size})
	case size > 0:
		fmt.Fprintf(v.env.stdout, "%-9s %s with size %s\n", a, printable(path), formatSize(uint64(size)))
	default:
		fmt.Fprintf(v.env.stdout, "%-9s %s\n", a, printable(path))
	}
}

// Failed implements restore.Reporter.
func (v *restoreView) Failed(path string, err error) {
	v.end()
	if v.env.json {
		// A failure to write to standard error cannot be told.
		_ = json.NewEncoder(jsonFor(v.env.stderr)).Encode(map[string]any{
			"message_type": "error", "error": map[string]string{"message": messageOf(err)}, "during": "restore", "item": path,
		})
		return
	}
	fmt.Fprintf(v.env.stderr, "%s: %s\n", printable(path), oneLine(messageOf(err)))
}

// Noted implements restore.Reporter.
func (v *restoreView) Noted(path string, n restore.Note, detail string) {
	v.end()
	text := string(n)
	if detail != "" {
		text += ": " + detail
	}
	if v.env.json {
		// A failure to write to standard error cannot be told.
		_ = json.NewEncoder(jsonFor(v.env.stderr)).Encode(map[string]any{"message_type": "note", "message": text, "during": "restore", "item": path})
		return
	}
	fmt.Fprintf(v.env.stderr, "%s: %s\n", printable(path), oneLine(text))
}

// Progress implements restore.Reporter.
func (v *restoreView) Progress(r restore.Result) {
	now := time.Now()
	if v.env.quiet || v.env.json || now.Sub(v.last) < v.env.progressInterval(v.terminal, time.Second/10) {
		return
	}
	v.last = now
	line := progressOf(r, now.Sub(v.begun))
	if v.stream {
		rate := float64(r.Done) / max(now.Sub(v.begun).Seconds(), 0.001)
		line = fmt.Sprintf("restoring: %d files, %s, %s/s", r.Files, formatSize(uint64(r.Done)), formatSize(uint64(rate)))
	}
	if !v.terminal {
		fmt.Fprintln(v.env.stderr, line)
		return
	}
	fmt.Fprintf(v.env.stderr, "\r\x1b[K%s", line)
	v.drawn = true
}

// progressOf is the line with the progress of a restore.
func progressOf(r restore.Result, elapsed time.Duration) string {
	percent, left := 0, "?"
	if r.TotalBytes > 0 {
		done := min(float64(r.Done)/float64(r.TotalBytes), 1)
		percent = int(done * 100)
		if done > 0 {
			left = time.Duration(float64(elapsed) * (1 - done) / done).Round(time.Second).String()
		}
	}
	rate := float64(r.Done) / max(elapsed.Seconds(), 0.001)
	return fmt.Sprintf("restoring: %3d %%, %d of %d files, %s of %s, %s/s, %s left", percent, r.Files, r.TotalFiles,
		formatSize(uint64(r.Done)), formatSize(uint64(r.TotalBytes)), formatSize(uint64(rate)), left)
}

// summary prints the totals. Its error counts the items that failed.
func (v *restoreView) summary(r restore.Result, verified, dry bool) error {
	took := time.Since(v.begun)
	switch {
	case v.env.json:
		err := json.NewEncoder(v.env.stdout).Encode(map[string]any{
			"message_type": "summary", "seconds_elapsed": int64(took.Seconds()),
			"files_restored": r.Files - r.Unchanged + r.Folders + r.Others, "files_skipped": r.Unchanged + r.Skipped,
			"total_files": r.Files + r.Folders + r.Others + r.Skipped + r.Failed, "bytes_restored": r.Bytes,
			"files_deleted": r.Deleted, "total_bytes": r.TotalBytes, "bytes_skipped": r.Done - r.Bytes,
		})
		if err != nil {
			return err
		}
	case !v.env.quiet:
		also := ""
		if r.Unchanged > 0 {
			also += fmt.Sprintf(", %d files were right already", r.Unchanged)
		}
		if r.Skipped > 0 {
			also += fmt.Sprintf(", %d items were skipped", r.Skipped)
		}
		if r.Deleted > 0 {
			also += fmt.Sprintf(", %d items were deleted", r.Deleted)
		}
		if verified {
			also += ", all files were read back"
		}
		did := "restored"
		if dry {
			did = "nothing was written; a run without --dry-run: restored"
		}
		fmt.Fprintf(v.env.stdout, "%s %d files, %d folders, %d others, %s written in %s%s\n",
			did, r.Files, r.Folders, r.Others, formatSize(uint64(r.Bytes)), took.Round(time.Second/10), also)
	}
	if r.Failed > 0 {
		return syncline.Errorf(syncline.CodeDamaged, "%d items could not be restored as they were; they are named above, and everything else is restored", r.Failed)
	}
	return nil
}
