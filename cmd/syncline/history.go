package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"path"
	"strconv"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/explore"
	"syncline.dev/syncline/internal/resticjson"
)

const historyHelp = `Show the versions of a file or folder, oldest first, and when it appeared,
changed and vanished. --host, --tag and --path choose the snapshots; without them
all snapshots count. The PATH is absolute, as ls and find print it.

A version covers consecutive snapshots of one host. A file has a new version when
its content, its modification time, its mode, its owner or its attributes change;
the times of access and of change do not count. A folder has a new version also
when anything below it changes. A snapshot that does not include the path makes no
version.

--json prints an array with one object for each version. Its "node" is what
restic prints of an entry. It is absent where the path vanished.`

func newHistoryCommand(env *environment) *cobra.Command {
	var filter filterFlags
	h := historian{env: env}
	cmd := &cobra.Command{
		Use:   "history [flags] PATH",
		Short: "Show the versions of a file or folder",
		Long:  historyHelp,
		Example: `syncline history /home/mila/thesis.tex
syncline history --host web1 --json /etc`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			h.path = args[0]
			if !strings.HasPrefix(h.path, "/") {
				return usageError("the path must be absolute, starting with a forward slash '/'; syncline find looks for names in every folder")
			}
			h.path = path.Clean(h.path)
			chosen := filter.filter()
			if env.server != "" && (len(chosen.Hosts) > 1 || len(chosen.Tags)+len(chosen.Paths) > 0) {
				return usageError("with --server, history takes one --host at most, and neither --tag nor --path")
			}
			return env.ask(cmd.Context(), func(a answers) error {
				list, unknown, err := a.history(cmd.Context(), h.path, chosen)
				if err != nil {
					return err
				}
				return h.show(list, unknown)
			})
		},
	}
	filter.add(cmd.Flags(), env.getenv)
	cmd.Flags().BoolVar(&h.human, "human-readable", false, "print sizes with units")
	return cmd
}

// historian prints the versions of a path.
type historian struct {
	env   *environment
	human bool
	path  string
}

// pathHistory returns the versions of a path in the chosen snapshots. unknown
// counts the snapshots that say nothing of the path, because folders on the way
// to it are lost.
type pathHistory interface {
	history(ctx context.Context, path string, filter explore.SnapshotFilter) (versions []explore.Version, unknown int, err error)
}

// show prints the versions.
func (h *historian) show(list []explore.Version, unknown int) (err error) {
	out := bufio.NewWriterSize(h.env.stdout, 1<<16)
	if h.env.json {
		err = h.printJSON(out, list)
	} else {
		err = h.print(out, list)
	}
	if err = errors.Join(err, out.Flush()); errors.Is(err, syscall.EPIPE) {
		return nil // the reader wants no more
	}
	if err == nil && unknown > 0 {
		err = missing("%s nothing about the path, because the repository has lost folders on the way to it", plural(unknown, "snapshot says", "snapshots say"))
	}
	return err
}

// print prints a line for each version, with the host where there are several.
func (h *historian) print(out *bufio.Writer, list []explore.Version) error {
	width := 0
	for i := range list {
		if list[i].Hostname != list[0].Hostname {
			width = len("Host")
		}
	}
	for i := range list {
		if width > 0 {
			width = max(width, len(printable(list[i].Hostname)))
		}
	}
	host := func(name string) string {
		if width == 0 {
			return ""
		}
		return fmt.Sprintf("%-*s  ", width, name)
	}
	if !h.env.quiet {
		fmt.Fprintf(out, "%-8s  %-28s  %-28s  %9s  %s%-10s  %10s  %s\n", "Event", "First snapshot", "Last snapshot", "Snapshots", host("Host"), "Mode", "Size", "Modified")
	}
	for i := range list {
		w := &list[i]
		line := fmt.Sprintf("%-8s  %s %s  %s %s  %9d  %s", strings.ToLower(string(w.Event)),
			w.FirstSnapshot.Short(), w.FirstTime.Local().Format(timeFormat),
			w.LastSnapshot.Short(), w.LastTime.Local().Format(timeFormat), w.RestorePoints, host(printable(w.Hostname)))
		if _, err := fmt.Fprintln(out, strings.TrimRight(line+h.state(w.Entry), " ")); err != nil {
			return err
		}
	}
	return nil
}

// state returns the columns with the entry.
func (h *historian) state(e *syncline.Entry) string {
	if e == nil {
		return ""
	}
	size, modified, target := "", "", ""
	switch {
	case e.Type != syncline.TypeFile:
	case h.human:
		size = formatSize(e.Size)
	default:
		size = strconv.FormatUint(e.Size, 10)
	}
	if !e.ModTime.IsZero() {
		modified = e.ModTime.Local().Format(timeFormat)
	}
	if e.Type == syncline.TypeSymlink {
		target = " -> " + printable(e.LinkTarget)
	}
	return fmt.Sprintf("%-10s  %10s  %s%s", typeMode(e.Type)|e.Mode, size, modified, target)
}

// printJSON prints an array in one line, as find does.
func (h *historian) printJSON(out *bufio.Writer, list []explore.Version) error {
	b := []byte{'['}
	for i := range list {
		w := &list[i]
		if i > 0 {
			b = append(b, ',')
		}
		b = resticjson.AppendString(append(b, `{"path":`...), h.path)
		b = resticjson.AppendString(append(b, `,"hostname":`...), w.Hostname)
		b = resticjson.AppendString(append(b, `,"event":`...), strings.ToLower(string(w.Event)))
		b = resticjson.AppendString(append(b, `,"first_snapshot":`...), w.FirstSnapshot.String())
		b = resticjson.AppendTime(append(b, `,"first_time":`...), w.FirstTime)
		b = resticjson.AppendString(append(b, `,"last_snapshot":`...), w.LastSnapshot.String())
		b = resticjson.AppendTime(append(b, `,"last_time":`...), w.LastTime)
		b = strconv.AppendInt(append(b, `,"snapshots":`...), int64(w.RestorePoints), 10)
		if w.Entry != nil {
			b = resticjson.AppendNode(append(b, `,"node":`...), h.path, w.Entry)
		}
		b = append(b, '}')
		if _, err := out.Write(b); err != nil {
			return err
		}
		b = b[:0]
	}
	_, err := out.Write(append(b, "]\n"...))
	return err
}
