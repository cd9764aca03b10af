package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"syncline.dev/syncline/internal/catalog"
	"syncline.dev/syncline/internal/explore"
	"syncline.dev/syncline/internal/resticjson"
)

// timeFormat is restic's format of times for people.
const timeFormat = "2006-01-02 15:04:05"

// filterFlags are restic's --host, --tag and --path.
type filterFlags struct {
	hosts, paths, tags []string
}

// add adds the flags. $RESTIC_HOST is the default of --host. An empty --host is
// every host.
func (f *filterFlags) add(flags *pflag.FlagSet, getenv func(string) string) {
	if host := getenv("RESTIC_HOST"); host != "" {
		f.hosts = []string{host}
	}
	flags.StringArrayVarP(&f.hosts, "host", "H", f.hosts, "choose snapshots of this `host`; \"\" for all hosts (can be given several times; default: $RESTIC_HOST)")
	flags.Lookup("host").DefValue = "[]"
	flags.StringArrayVar(&f.tags, "tag", nil, "choose snapshots with all of these tags, as `tag[,tag,...]` (can be given several times)")
	flags.StringArrayVar(&f.paths, "path", nil, "choose snapshots of this absolute `path` (can be given several times)")
}

// wantedHosts are the chosen hosts; an empty list is all.
func (f *filterFlags) wantedHosts() []string {
	if len(f.hosts) == 1 && f.hosts[0] == "" {
		return nil
	}
	return f.hosts
}

func (f *filterFlags) filter() explore.SnapshotFilter {
	out := explore.SnapshotFilter{Hosts: f.wantedHosts(), Paths: f.paths}
	for _, list := range f.tags {
		var tags []string
		for tag := range strings.SplitSeq(list, ",") {
			tags = append(tags, strings.TrimSpace(tag))
		}
		out.Tags = append(out.Tags, tags)
	}
	return out
}

func newSnapshotsCommand(env *environment) *cobra.Command {
	var filter filterFlags
	var compact bool
	var latest int
	var groupBy string
	cmd := &cobra.Command{
		Use:   "snapshots [flags] [snapshotID ...]",
		Short: "List the snapshots",
		RunE: func(cmd *cobra.Command, args []string) error {
			grouping, err := explore.ParseGrouping(groupBy)
			if err != nil {
				return usageError(messageOf(err))
			}
			return env.ask(cmd.Context(), func(a answers) error {
				all, err := a.snapshots(cmd.Context())
				if err != nil {
					return err
				}
				list, err := filter.choose(env.complain, all, args)
				if err != nil {
					return err
				}
				if len(args) == 0 {
					env.tellHidden(all.Hidden)
				}
				env.tellIncomplete(list)
				if groupBy != "" {
					return env.printGroups(explore.GroupSnapshots(list, grouping, latest), grouping, compact)
				}
				if latest > 0 {
					list = explore.Newest(list, latest)
				}
				if env.json {
					return json.NewEncoder(env.stdout).Encode(jsonSnapshots(list))
				}
				return printSnapshots(env.stdout, list, compact)
			})
		},
	}
	filter.add(cmd.Flags(), env.getenv)
	cmd.Flags().BoolVarP(&compact, "compact", "c", false, "use compact output")
	cmd.Flags().IntVar(&latest, "latest", 0, "show only the last `n` snapshots of each host and set of paths")
	cmd.Flags().StringVarP(&groupBy, "group-by", "g", "", "group by `host,paths,tags`")
	return cmd
}

func jsonSnapshots(list []catalog.Snapshot) []resticjson.Snapshot {
	out := make([]resticjson.Snapshot, len(list))
	for i := range list {
		out[i] = resticjson.NewSnapshot(&list[i].Snapshot)
	}
	return out
}

// groupKey is restic's name of a group in JSON.
type groupKey struct {
	Hostname string   `json:"hostname"`
	Paths    []string `json:"paths"`
	Tags     []string `json:"tags"`
}

func (e *environment) printGroups(groups []explore.Group, by explore.Grouping, compact bool) error {
	if e.json {
		type group struct {
			Key       groupKey              `json:"group_key"`
			Snapshots []resticjson.Snapshot `json:"snapshots"`
		}
		out := make([]group, len(groups))
		for i, g := range groups {
			out[i] = group{groupKey{g.Hostname, g.Paths, g.Tags}, jsonSnapshots(g.Snapshots)}
		}
		return json.NewEncoder(e.stdout).Encode(out)
	}
	for _, g := range groups {
		var parts []string
		if by.Host {
			parts = append(parts, "host ["+printable(g.Hostname)+"]")
		}
		if by.Tags {
			parts = append(parts, "tags ["+printable(strings.Join(g.Tags, ", "))+"]")
		}
		if by.Paths {
			parts = append(parts, "paths ["+printable(strings.Join(g.Paths, ", "))+"]")
		}
		if _, err := fmt.Fprintf(e.stdout, "snapshots for (%s):\n", strings.Join(parts, ", ")); err != nil {
			return err
		}
		if err := printSnapshots(e.stdout, g.Snapshots, compact); err != nil {
			return err
		}
	}
	return nil
}

// printSnapshots prints the table for people.
func printSnapshots(out io.Writer, list []catalog.Snapshot, compact bool) error {
	t := table.NewWriter()
	style := table.StyleLight
	style.Options = table.Options{SeparateHeader: true, SeparateFooter: true}
	style.Format.Header, style.Format.Footer = text.FormatDefault, text.FormatDefault
	t.SetStyle(style)
	header := table.Row{"ID", "Time", "Host", "Tags"}
	if !compact {
		header = append(header, "Paths")
	}
	t.AppendHeader(append(header, "Size"))
	for i := range list {
		s := &list[i].Snapshot
		row := table.Row{s.ID.Short(), s.Time.Local().Format(timeFormat), printable(s.Hostname), printable(strings.Join(s.Tags, ","))}
		if !compact {
			paths := make([]string, len(s.Paths))
			for j, p := range s.Paths {
				paths[j] = printable(p)
			}
			row = append(row, strings.Join(paths, "\n"))
		}
		size := ""
		if sum := resticjson.ParseSummary(s.Summary); sum != nil {
			size = formatSize(sum.TotalBytesProcessed)
		}
		t.AppendRow(append(row, size))
	}
	_, err := fmt.Fprintf(out, "%s\n%d snapshots, times in local time\n", t.Render(), len(list))
	return err
}
