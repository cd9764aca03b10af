package main

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/catalog"
	"syncline.dev/syncline/internal/content"
	"syncline.dev/syncline/internal/restore"
)

// restoreFlags are what restore is told.
type restoreFlags struct {
	filter            filterFlags
	target, overwrite string
	include, iinclude []string
	exclude, iexclude []string
	sparse, verify    bool
	what              *restore.Filter
	behavior          restore.Overwrite
}

func newRestoreCommand(env *environment) *cobra.Command {
	var f restoreFlags
	cmd := &cobra.Command{
		Use:   "restore [flags] snapshotID",
		Short: "Restore a snapshot into a folder",
		Long: `Restore the files of a snapshot into a folder. The snapshot is an id, the
beginning of one, or "latest", which --host, --tag and --path narrow down;
"id:folder" restores what is below a folder.

What is in the target already is compared, and only what differs is read from
the repository. So a restore that was cut off is completed by running it again.
Files that cannot be restored are named, all others are restored, and the exit
status is 1.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := env.notServed("restore"); err != nil {
				return err
			}
			if err := f.check(); err != nil {
				return err
			}
			ctx := cmd.Context()
			return env.withContents(ctx, func(v *catalog.View, source *content.Source) error {
				root, snapshot, err := f.filter.root(v, args[0])
				if err != nil {
					return err
				}
				shown := newRestoreView(env)
				shown.note("restoring snapshot %s of %q at %s by %s@%s to %s", snapshot.ID.Short(), snapshot.Paths,
					snapshot.Time.Local().Format(timeFormat), snapshot.Username, snapshot.Hostname, f.target)
				result, err := restore.Run(ctx, v, root, source, f.target, restore.Options{
					Filter: f.what, Overwrite: f.behavior, Sparse: f.sparse, Verify: f.verify, Reporter: shown,
				})
				shown.end()
				if err != nil {
					return err
				}
				return shown.summary(result, f.verify)
			})
		},
	}
	f.filter.add(cmd.Flags())
	cmd.Flags().StringVarP(&f.target, "target", "t", "", "`directory` to extract data to")
	cmd.Flags().StringArrayVarP(&f.include, "include", "i", nil, "include a `pattern`, exclude everything else (can be given several times)")
	cmd.Flags().StringArrayVar(&f.iinclude, "iinclude", nil, "same as --include `pattern` but ignores the casing of filenames")
	cmd.Flags().StringArrayVarP(&f.exclude, "exclude", "e", nil, "exclude a `pattern` (can be given several times)")
	cmd.Flags().StringArrayVar(&f.iexclude, "iexclude", nil, "same as --exclude `pattern` but ignores the casing of filenames")
	cmd.Flags().StringVar(&f.overwrite, "overwrite", "always", "overwrite `behavior`: always, if-changed, if-newer or never")
	cmd.Flags().BoolVar(&f.sparse, "sparse", false, "restore files as sparse")
	cmd.Flags().BoolVar(&f.verify, "verify", false, "verify the content of restored files")
	return cmd
}

func (f *restoreFlags) check() (err error) {
	if f.target == "" {
		return usageError("please specify a directory to restore to (--target)")
	}
	if f.behavior, err = restore.ParseOverwrite(f.overwrite); err == nil {
		f.what, err = restore.NewFilter(f.include, f.iinclude, f.exclude, f.iexclude)
	}
	if err != nil {
		return usageError(messageOf(err))
	}
	return nil
}

// restoreView shows a restore on standard error. It is its Reporter.
type restoreView struct {
	*progressView
}

func newRestoreView(env *environment) *restoreView { return &restoreView{newProgress(env)} }

func (v *restoreView) note(format string, args ...any) {
	if !v.env.json {
		v.env.note(format, args...)
	}
}

// Failed implements restore.Reporter.
func (v *restoreView) Failed(path string, err error) {
	v.end()
	if v.env.json {
		// Nothing is left to do when standard error cannot be written.
		_ = json.NewEncoder(v.env.stderr).Encode(map[string]any{
			"message_type": "error", "error": map[string]string{"message": messageOf(err)}, "during": "restore", "item": path,
		})
		return
	}
	fmt.Fprintf(v.env.stderr, "%s: %s\n", printable(path), oneLine(messageOf(err)))
}

// Progress implements restore.Reporter.
func (v *restoreView) Progress(r restore.Result) {
	now := time.Now()
	if v.env.quiet || v.env.json || now.Sub(v.last) < map[bool]time.Duration{true: time.Second / 10, false: progressInterval}[v.terminal] {
		return
	}
	v.last = now
	rate := float64(r.Bytes) / max(now.Sub(v.begun).Seconds(), 0.001)
	line := fmt.Sprintf("restoring: %d files, %s, %s/s", r.Files, formatSize(uint64(r.Bytes)), formatSize(uint64(rate)))
	if !v.terminal {
		fmt.Fprintln(v.env.stderr, line)
		return
	}
	fmt.Fprintf(v.env.stderr, "\r\x1b[K%s", line)
	v.drawn = true
}

// summary prints what was done; items that failed are the error.
func (v *restoreView) summary(r restore.Result, verified bool) error {
	took := time.Since(v.begun)
	switch {
	case v.env.json:
		err := json.NewEncoder(v.env.stdout).Encode(map[string]any{
			"message_type": "summary", "seconds_elapsed": int64(took.Seconds()),
			"files_restored": r.Files - r.Unchanged + r.Folders + r.Others, "files_skipped": r.Unchanged + r.Skipped,
			"total_files": r.Files + r.Folders + r.Others + r.Skipped + r.Failed, "bytes_restored": r.Bytes,
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
		if verified {
			also += ", all files were read back"
		}
		fmt.Fprintf(v.env.stdout, "restored %d files, %d folders, %d others, %s written in %s%s\n",
			r.Files, r.Folders, r.Others, formatSize(uint64(r.Bytes)), took.Round(time.Second/10), also)
	}
	if r.Failed > 0 {
		return syncline.Errorf(syncline.CodeDamaged, "%d items could not be restored as they were; they are named above, and everything else is restored", r.Failed)
	}
	return nil
}
