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

const alarmsHelp = `List what is wrong, as a running server sees it: late backups, repositories that
cannot be reached, disks that are nearly full. The newest alarms come first.

An alarm is open while its condition holds. docs/alarms.md says what to do about
each kind. The first digits of an alarm's id are enough where no other alarm has them.`

func newAlarmsCommand(env *environment) *cobra.Command {
	var all bool
	var kind string
	cmd := &cobra.Command{
		Use:   "alarms [flags]",
		Short: "List the alarms of a server, acknowledge and silence them",
		Long:  alarmsHelp,
		Example: `syncline alarms --server https://backup.example:4443
syncline alarms ack 5d0f0c55-0000-4000-8000-00000000a001 --note "the disk is being changed"
syncline alarms silence 5d0f0c55 --until 8h`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			f := syncline.AlarmFilter{State: syncline.AlarmStateOpen, Kind: syncline.AlarmKind(kind)}
			if all {
				f.State = ""
			}
			return env.withAlarms(cmd, func(c *client.Client) error {
				list := []client.Alarm{}
				for a, err := range c.Alarms(cmd.Context(), f) {
					if err != nil {
						return err
					}
					list = append(list, a)
				}
				if env.json {
					return json.NewEncoder(env.stdout).Encode(list)
				}
				return printAlarms(env.stdout, list, all)
			})
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "list those that have ended, too")
	cmd.Flags().StringVar(&kind, "kind", "", "list only alarms of this `kind`, such as BackupLate")
	cmd.AddCommand(newAcknowledgeCommand(env), newSilenceCommand(env))
	return cmd
}

// withAlarms runs fn with the server that keeps the alarms.
func (e *environment) withAlarms(cmd *cobra.Command, fn func(*client.Client) error) error {
	if e.server == "" {
		return usageError("please name the server with --server or SYNCLINE_SERVER: only a server keeps alarms")
	}
	return e.connected(cmd.Context(), fn)
}

func newAcknowledgeCommand(env *environment) *cobra.Command {
	var note string
	cmd := &cobra.Command{
		Use:   "ack [flags] alarmID",
		Short: "Say that you know of an alarm",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			given, err := readAlarmID(args[0])
			if err != nil {
				return err
			}
			return env.withAlarms(cmd, func(c *client.Client) error {
				id, err := given.find(c.Alarms(cmd.Context(), syncline.AlarmFilter{}))
				if err != nil {
					return err
				}
				a, err := c.AcknowledgeAlarm(cmd.Context(), id, noteOf(cmd, note))
				if err != nil {
					return err
				}
				return env.printAlarm(a, "acknowledged by "+printable(a.AcknowledgedBy))
			})
		},
	}
	cmd.Flags().StringVar(&note, "note", "", "keep this `text` with the alarm")
	return cmd
}

func newSilenceCommand(env *environment) *cobra.Command {
	var note, until string
	cmd := &cobra.Command{
		Use:   "silence --until time [flags] alarmID",
		Short: "Keep an alarm quiet until a time",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			given, err := readAlarmID(args[0])
			if err != nil {
				return err
			}
			at, err := silenceUntil(until, time.Now())
			if err != nil {
				return err
			}
			return env.withAlarms(cmd, func(c *client.Client) error {
				id, err := given.find(c.Alarms(cmd.Context(), syncline.AlarmFilter{}))
				if err != nil {
					return err
				}
				a, err := c.SilenceAlarm(cmd.Context(), id, at, noteOf(cmd, note))
				if err != nil {
					return err
				}
				if a.SilencedUntil.IsZero() {
					return env.printAlarm(a, "is not silent any more")
				}
				return env.printAlarm(a, "silent until "+a.SilencedUntil.Local().Format(timeFormat))
			})
		},
	}
	cmd.Flags().StringVar(&until, "until", "", "the end of the silence: a `time` such as 8h, 3d, 2026-11-30 or \"2026-11-30 08:00\"; none ends it")
	cmd.Flags().StringVar(&note, "note", "", "keep this `text` with the alarm")
	_ = cmd.MarkFlagRequired("until") // the flag is there
	return cmd
}

// noteOf returns the note, nil when none is given.
func noteOf(cmd *cobra.Command, note string) *string {
	if !cmd.Flags().Changed("note") {
		return nil
	}
	return &note
}

// silenceUntil reads the end of a silence, the zero time for none. A time without a zone
// is a local one.
func silenceUntil(text string, now time.Time) (time.Time, error) {
	if text == "none" {
		return time.Time{}, nil
	}
	if d, err := series.ParseAge(text); err == nil {
		return now.Add(d), nil
	}
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return t, nil
	}
	for _, layout := range []string{time.DateOnly, "2006-01-02 15:04", time.DateTime} {
		if t, err := time.ParseInLocation(layout, text, time.Local); err == nil {
			return t, nil
		}
	}
	return time.Time{}, syncline.Errorf(syncline.CodeInvalid, "--until: %q is no time; write 8h, 3d, 2026-11-30 or \"2026-11-30 08:00\", or none to end the silence", text)
}

func (e *environment) printAlarm(a client.Alarm, says string) error {
	if e.json {
		return json.NewEncoder(e.stdout).Encode(a)
	}
	_, err := fmt.Fprintf(e.stdout, "%s %s\n", a.ID, says)
	return err
}

func printAlarms(out io.Writer, list []client.Alarm, all bool) error {
	header := table.Row{"ID", "Begin", "State", "Severity", "Kind", "Repository", "Host", "Message"}
	t := newTable(header, len(header)+1)
	for i := range list {
		a := &list[i]
		t.AppendRow(table.Row{
			a.ID, a.StartTime.Local().Format(timeFormat), alarmState(a), a.Severity, a.Kind,
			printable(a.RepositoryName), printable(a.HostName), printable(a.Message),
		})
	}
	if len(list) > 0 {
		if _, err := fmt.Fprintln(out, t.Render()); err != nil {
			return err
		}
	}
	what := plural(len(list), "alarm", "alarms")
	if !all {
		what += " open"
	}
	_, err := fmt.Fprintf(out, "%s; times in local time\n", what)
	return err
}

// alarmState says how an alarm stands and who knows of it.
func alarmState(a *client.Alarm) string {
	state := []string{strings.ToLower(string(a.State))}
	if a.AcknowledgedBy != "" {
		state = append(state, "known to "+printable(a.AcknowledgedBy))
	}
	if a.SilencedUntil.After(time.Now()) {
		state = append(state, "silent until "+a.SilencedUntil.Local().Format(timeFormat))
	}
	return strings.Join(state, ", ")
}
