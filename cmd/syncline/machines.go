package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"syncline.dev/syncline"
	"syncline.dev/syncline/client"
	"syncline.dev/syncline/internal/watch/series"
)

const machinesHelp = `Show which machines are backed up in time, as a running server sees it. The late
ones come first.

The server learns from each series of backups, which is one host and one set of
paths in one repository, how often it is backed up. A series is late when it is
silent for longer than that, or than an alarm rule allows.`

func newMachinesCommand(env *environment) *cobra.Command {
	var state, host string
	var failLate bool
	cmd := &cobra.Command{
		Use:   "machines [flags]",
		Short: "Show which machines are backed up in time",
		Long:  machinesHelp,
		Example: `syncline machines --server https://backup.example:4443
syncline machines --state Late --fail-late`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if env.server == "" {
				return usageError("please name the server with --server or SYNCLINE_SERVER: only a server watches machines")
			}
			return env.connected(cmd.Context(), func(c *client.Client) error {
				all, summary, err := c.Machines(cmd.Context(), client.MachinesQuery{State: syncline.MachineState(state), HostName: host})
				if err != nil {
					return err
				}
				if err := env.printMachines(all, summary); err != nil {
					return err
				}
				if failLate && summary.Late > 0 {
					return syncline.Errorf(syncline.CodeConflict, "%d of %d machines are late", summary.Late, summary.Machines)
				}
				return nil
			})
		},
	}
	cmd.Flags().StringVar(&state, "state", "", "show only machines in this `state`: InTime, Late, Unknown or Retired")
	cmd.Flags().StringVarP(&host, "host", "H", "", "show only the machine with this `name`")
	cmd.Flags().BoolVar(&failLate, "fail-late", false, "exit with 1 when a machine is late")
	return cmd
}

func (e *environment) printMachines(all []client.Machine, summary client.MachineSummary) error {
	if e.json {
		if all == nil {
			all = []client.Machine{}
		}
		return json.NewEncoder(e.stdout).Encode(struct {
			Summary  client.MachineSummary `json:"summary"`
			Machines []client.Machine      `json:"machines"`
		}{summary, all})
	}
	return printMachineTable(e.stdout, all, summary)
}

func printMachineTable(out io.Writer, all []client.Machine, summary client.MachineSummary) error {
	header := table.Row{"Host", "State", "Last backup", "Usually every", "Late after", "Size", "Repository", "Paths"}
	t := newTable(header, len(header)+1)
	for i := range all {
		for j := range all[i].Series {
			t.AppendRow(machineRow(&all[i], &all[i].Series[j]))
		}
	}
	if len(all) > 0 {
		if _, err := fmt.Fprintln(out, t.Render()); err != nil {
			return err
		}
	}
	line := fmt.Sprintf("%d of %d machines in time", summary.InTime, summary.Machines)
	for _, part := range []struct {
		n    int
		says string
	}{{summary.Late, "late"}, {summary.Unknown, "unknown"}, {summary.Retired, "retired"}, {summary.UnwatchedSeries, "series not watched"}} {
		if part.n > 0 {
			line += fmt.Sprintf(", %d %s", part.n, part.says)
		}
	}
	_, err := fmt.Fprintln(out, line+"; times in local time")
	return err
}

func machineRow(m *client.Machine, s *client.MachineSeries) table.Row {
	state := string(s.State)
	switch s.UnknownReason {
	case "NoRhythm":
		state += ", no rhythm yet"
	case "NotLookedAt":
		state += ", not looked at"
	}
	usual := ""
	switch {
	case s.RuleName != "":
		usual = "rule " + printable(s.RuleName)
	case s.RhythmSeconds > 0:
		usual = series.DurationText((time.Duration(s.RhythmSeconds) * time.Second).Round(time.Minute))
	}
	size := ""
	if s.Size != nil {
		size = formatSize(uint64(*s.Size)) //nolint:gosec // a size is not negative
	}
	var paths []string
	for _, p := range s.Paths {
		paths = append(paths, printable(p))
	}
	if s.MorePaths > 0 {
		paths = append(paths, fmt.Sprintf("and %d more", s.MorePaths))
	}
	return table.Row{
		printable(m.HostName), state, localTime(s.LastBackupTime), usual, localTime(s.LateAfter), size,
		printable(s.RepositoryName), strings.Join(paths, "\n"),
	}
}

// localTime is a time for people, "" for none.
func localTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Local().Format(timeFormat)
}
