package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/spf13/cobra"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/catalog"
	"syncline.dev/syncline/internal/explore"
	"syncline.dev/syncline/internal/resticjson"
)

const statsHelp = `Count what is in the snapshots. --host, --tag and --path or the given ids choose
them; without any of these all snapshots count. --mode is one of restic's ways to
count:

  restore-size       the size of a restore of each snapshot (the default); in a
                     snapshot the names of one hard link count once
  files-by-contents  files, each content once
  blobs-per-file     blobs of files, each once for each path
  raw-data           blobs in the repository, as they are stored; one that
                     the index lists in several places counts for each

--snapshots prints a table with a line for each snapshot. It shows the data that
no earlier snapshot of the repository has, and the data that no other snapshot
has. Each has a plain size and a stored size. The stored size is that of the
compressed and encrypted data, with the folders. A prune after forgetting the
snapshot frees about the stored size of the data that no other snapshot has.

--content LIST prints one list of the newest chosen snapshot: "kinds" of files by
the endings of their names, the largest "files", or the largest "folders" with
everything in them.`

func newStatsCommand(env *environment) *cobra.Command {
	var filter filterFlags
	var mode, content string
	var snapshots bool
	cmd := &cobra.Command{
		Use:   "stats [flags] [snapshotID ...]",
		Short: "Count what the snapshots hold",
		Long:  statsHelp,
		Example: `syncline stats
syncline stats --mode raw-data latest
syncline stats --snapshots --host web1
syncline stats --content kinds latest`,
		RunE: func(cmd *cobra.Command, args []string) error {
			s := statistician{env: env, mode: explore.CountMode(mode), snapshots: snapshots, content: content}
			if err := s.check(cmd.Flags().Changed("mode")); err != nil {
				return err
			}
			return env.ask(cmd.Context(), func(a answers) error { return s.run(cmd.Context(), a, &filter, args) })
		},
	}
	filter.add(cmd.Flags(), env.getenv)
	cmd.Flags().StringVar(&mode, "mode", string(explore.CountRestoreSize), "`how` to count: restore-size, files-by-contents, blobs-per-file or raw-data")
	cmd.Flags().BoolVar(&snapshots, "snapshots", false, "show the data that each snapshot added, and the data that only it has")
	cmd.Flags().StringVar(&content, "content", "", "show one `list` of a snapshot: kinds, files or folders")
	return cmd
}

// statsSource returns statistics.
type statsSource interface {
	// count counts the contents of snapshots in one of restic's ways.
	count(ctx context.Context, list []catalog.Snapshot, mode explore.CountMode) (explore.Counts, error)
	// growth returns the statistics of each snapshot in the repository.
	growth(ctx context.Context) (*explore.RepositoryStatistics, error)
	// holdings returns the largest items of a snapshot.
	holdings(ctx context.Context, s catalog.Snapshot) (*explore.RestorePointStatistics, error)
}

func (s *statistician) run(ctx context.Context, a answers, filter *filterFlags, references []string) error {
	all, err := a.snapshots(ctx)
	if err != nil {
		return err
	}
	chosen, err := s.choose(all, filter, references)
	switch {
	case err != nil:
		return err
	case s.snapshots:
		var stats *explore.RepositoryStatistics
		if stats, err = a.growth(ctx); err == nil {
			err = s.printSnapshots(stats, chosen)
		}
	case s.content != "":
		var stats *explore.RestorePointStatistics
		if stats, err = a.holdings(ctx, chosen[0]); err == nil {
			err = s.printContent(stats)
		}
	default:
		var n explore.Counts
		if n, err = a.count(ctx, chosen, s.mode); err == nil {
			err = s.printCounts(n)
		}
	}
	if err != nil {
		return err
	}
	return incomplete(chosen)
}

// choose returns the chosen snapshots, and with --content only the newest of
// them.
func (s *statistician) choose(all explore.SnapshotList, filter *filterFlags, references []string) ([]catalog.Snapshot, error) {
	if s.content != "" && len(references) == 0 {
		newest, _, err := filter.filter().One(all, "latest")
		return []catalog.Snapshot{newest}, err
	}
	chosen, err := filter.choose(s.env.complain, all, references)
	if err == nil && s.content != "" {
		if len(chosen) == 0 {
			return nil, syncline.Errorf(syncline.CodeNotFound, "there is no such snapshot in the repository")
		}
		chosen = chosen[len(chosen)-1:]
	}
	if err == nil && len(references) == 0 {
		s.env.tellHidden(all.Hidden)
	}
	return chosen, err
}

// statistician prints statistics.
type statistician struct {
	env       *environment
	mode      explore.CountMode
	snapshots bool
	content   string
}

// contentLists are the values of --content.
var contentLists = []string{"kinds", "files", "folders"}

func (s *statistician) check(modeSet bool) error {
	switch {
	case !slices.Contains(explore.CountModes, s.mode):
		return usageError(fmt.Sprintf("unknown counting mode: %s (use the -h flag to get a list of supported modes)", printable(string(s.mode))))
	case s.content != "" && !slices.Contains(contentLists, s.content):
		return usageError(fmt.Sprintf("unknown list %s; --content takes kinds, files or folders", printable(s.content)))
	case s.snapshots && s.content != "", modeSet && (s.snapshots || s.content != ""):
		return usageError("--mode, --snapshots and --content are three questions; leave two of them out")
	}
	return nil
}

func (s *statistician) printCounts(n explore.Counts) error {
	out := resticjson.Stats{
		TotalSize: n.Size, TotalUncompressedSize: n.UncompressedSize, TotalFileCount: n.Files, TotalBlobCount: n.Blobs, SnapshotsCount: n.Snapshots,
	}
	if n.CompressedSize > 0 {
		out.CompressionRatio = float64(n.CompressedFrom) / float64(n.CompressedSize)
	}
	if n.UncompressedSize > 0 {
		out.CompressionProgress = float64(n.CompressedFrom) / float64(n.UncompressedSize) * 100
		out.CompressionSpaceSaving = (1 - float64(n.Size)/float64(n.UncompressedSize)) * 100
	}
	if s.env.json {
		return json.NewEncoder(s.env.stdout).Encode(out)
	}
	_, err := s.env.stdout.Write(s.text(&out))
	return err
}

// text returns restic's lines.
func (s *statistician) text(n *resticjson.Stats) []byte {
	b := fmt.Appendf(nil, "Stats in %s mode:\n", s.mode)
	line := func(there bool, label, format string, value any) {
		if there {
			b = fmt.Appendf(b, "%24s:  "+format+"\n", label, value)
		}
	}
	line(true, "Snapshots processed", "%d", n.SnapshotsCount)
	line(n.TotalBlobCount > 0, "Total Blob Count", "%d", n.TotalBlobCount)
	line(n.TotalFileCount > 0, "Total File Count", "%d", n.TotalFileCount)
	line(n.TotalUncompressedSize > 0, "Total Uncompressed Size", "%-5s", formatSize(n.TotalUncompressedSize))
	line(true, "Total Size", "%-5s", formatSize(n.TotalSize))
	line(n.CompressionProgress > 0, "Compression Progress", "%.2f%%", n.CompressionProgress)
	line(n.CompressionRatio > 0, "Compression Ratio", "%.2fx", n.CompressionRatio)
	line(n.CompressionSpaceSaving > 0, "Compression Space Saving", "%.2f%%", n.CompressionSpaceSaving)
	return b
}

// snapshotStats is a snapshot in JSON. restic has no such output; the names
// follow its style.
type snapshotStats struct {
	ID               string    `json:"id"`
	Time             time.Time `json:"time"`
	Hostname         string    `json:"hostname"`
	Files            uint64    `json:"files"`
	Folders          uint64    `json:"dirs"`
	Others           uint64    `json:"others"` // symbolic links too, as in restic
	Size             uint64    `json:"size"`
	AddedFiles       uint64    `json:"added_files"`
	AddedSize        uint64    `json:"added_size"`
	AddedStoredSize  uint64    `json:"added_stored_size"`
	UniqueFiles      uint64    `json:"unique_files"`
	UniqueSize       uint64    `json:"unique_size"`
	UniqueStoredSize uint64    `json:"unique_stored_size"`
}

func (s *statistician) printSnapshots(stats *explore.RepositoryStatistics, chosen []catalog.Snapshot) error {
	shown := make(map[syncline.Hash]bool, len(chosen))
	for i := range chosen {
		shown[chosen[i].ID] = true
	}
	points := slices.DeleteFunc(stats.Points, func(p explore.PointStatistics) bool { return !shown[p.Point.Snapshot.ID] })
	if stats.MissingBlobs > 0 {
		s.env.note("%d blobs that snapshots need are not found in the repository's index; they count as nothing", stats.MissingBlobs)
	}
	if !s.env.json {
		return s.printTable(points)
	}
	out := make([]snapshotStats, len(points))
	for i := range points {
		p := &points[i]
		out[i] = snapshotStats{
			p.Point.Snapshot.ID.String(), p.Point.Snapshot.Time, strings.ToValidUTF8(p.Point.Snapshot.Hostname, "\uFFFD"),
			p.Files, p.Folders, p.Links + p.Others, p.Size, p.AddedFiles, p.AddedSize, p.AddedStoredSize, p.UniqueFiles, p.UniqueSize, p.UniqueStoredSize,
		}
	}
	return json.NewEncoder(s.env.stdout).Encode(out)
}

func (s *statistician) printTable(points []explore.PointStatistics) error {
	header := table.Row{"ID", "Time", "Host", "Files", "Size", "Added", "as stored", "Only in it", "as stored"}
	t := newTable(header, 4)
	for i := range points {
		p := &points[i]
		sn := &p.Point.Snapshot
		t.AppendRow(table.Row{
			sn.ID.Short(), sn.Time.Local().Format(timeFormat), printable(sn.Hostname), p.Files, formatSize(p.Size),
			formatSize(p.AddedSize), formatSize(p.AddedStoredSize), formatSize(p.UniqueSize), formatSize(p.UniqueStoredSize),
		})
	}
	_, err := fmt.Fprintf(s.env.stdout, "%s\n%d snapshots, times in local time\n", t.Render(), len(points))
	return err
}

// newTable makes a table that looks like the one of snapshots. The column with
// this number and those after it are aligned as numbers.
func newTable(header table.Row, numbers int) table.Writer {
	t := table.NewWriter()
	style := table.StyleLight
	style.Options = table.Options{SeparateHeader: true, SeparateFooter: true}
	style.Format.Header, style.Format.Footer = text.FormatDefault, text.FormatDefault
	t.SetStyle(style)
	t.AppendHeader(header)
	var columns []table.ColumnConfig
	for i := numbers; i <= len(header); i++ {
		columns = append(columns, table.ColumnConfig{Number: i, Align: text.AlignRight, AlignHeader: text.AlignRight})
	}
	t.SetColumnConfigs(columns)
	return t
}

// contentLine is a line of --content: a kind or a path.
type contentLine struct {
	what  string // kind or path
	name  string
	other bool // all kinds that are not listed
	files uint64
	size  uint64
	time  time.Time // of a file
}

func (s *statistician) printContent(stats *explore.RestorePointStatistics) error {
	var lines []contentLine
	switch s.content {
	case "kinds":
		for _, k := range stats.Kinds {
			lines = append(lines, contentLine{what: "kind", name: k.Kind, other: k.Other, files: k.Files, size: k.Size})
		}
	case "files":
		for _, f := range stats.LargestFiles {
			lines = append(lines, contentLine{what: "path", name: f.Path, files: 1, size: f.Size, time: f.ModTime})
		}
	default:
		for _, f := range stats.LargestFolders {
			lines = append(lines, contentLine{what: "path", name: f.Path, files: f.Files, size: f.Size})
		}
	}
	_, err := s.env.stdout.Write(s.lines(lines))
	return err
}

func (s *statistician) lines(lines []contentLine) (b []byte) {
	if !s.env.json {
		for i := range lines {
			b = append(b, s.line(&lines[i])...)
		}
		return b
	}
	for i := range lines {
		l := &lines[i]
		b = append(b, ",{\""[btoi(i == 0):]...)
		b = resticjson.AppendString(append(append(b, l.what...), `":`...), l.name)
		if l.other {
			b = append(b, `,"other":true`...)
		}
		b = fmt.Appendf(b, `,"files":%d,"size":%d`, l.files, l.size)
		if !l.time.IsZero() {
			b = resticjson.AppendTime(append(b, `,"mtime":`...), l.time)
		}
		b = append(b, '}')
	}
	return append(append([]byte{'['}, b...), "]\n"...)
}

func (s *statistician) line(l *contentLine) string {
	size := formatSize(l.size)
	switch {
	case s.content == "files":
		return fmt.Sprintf("%12s  %s  %s\n", size, l.time.Local().Format(timeFormat), printable(l.name))
	case l.other:
		l.name = "(all others)"
	case l.name == "":
		l.name = "(without an ending)"
	}
	return fmt.Sprintf("%12s  %8d files  %s\n", size, l.files, printable(l.name))
}
