package main

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/catalog"
)

func newSyncCommand(env *environment) *cobra.Command {
	return &cobra.Command{
		Use:   "sync",
		Short: "Bring the local catalog of a repository up to date",
		Long: `Bring the local catalog of a repository up to date. The other commands do so by
themselves; this one tells what was done. What was fetched is kept when it is
interrupted.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if env.noSync {
				return usageError("sync --no-sync has nothing to do")
			}
			begun := time.Now()
			return env.withCatalog(cmd.Context(), func(_ *catalog.Catalog, s syncline.SessionStatistics) error {
				return env.printSummary(s, time.Since(begun))
			})
		},
	}
}

func (e *environment) printSummary(s syncline.SessionStatistics, took time.Duration) error {
	if e.json {
		return json.NewEncoder(e.stdout).Encode(struct {
			MessageType string  `json:"message_type"`
			Seconds     float64 `json:"seconds_elapsed"`
			syncline.SessionStatistics
		}{"summary", took.Seconds(), s})
	}
	if e.quiet {
		return nil
	}
	_, err := fmt.Fprintf(e.stdout,
		"%d snapshots (%d new, %d gone), %d folder versions and %d entries added\n%s fetched with %d requests in %s\n",
		s.SnapshotsTotal, s.SnapshotsAdded, s.SnapshotsRemoved, s.TreesAdded, s.EntriesAdded,
		formatSize(uint64(s.BytesFetched)), s.Requests, took.Round(time.Millisecond))
	return err
}
