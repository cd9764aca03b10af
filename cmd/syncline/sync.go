package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/catalog"
)

func newSyncCommand(env *environment) *cobra.Command {
	var all bool
	cmd := &cobra.Command{
		Use:   "sync",
		Short: "Bring the local catalog of a repository up to date",
		Long: `Bring the local catalog of a repository up to date and print what was done. The
other commands bring it up to date by themselves. An interrupted synchronization
keeps what it has fetched.

With --server this starts a session on the server, or joins the running one, and
shows its progress. The session continues when this command is interrupted. With
--all the server synchronizes all of its repositories.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if env.noSync {
				return usageError("sync --no-sync has nothing to do")
			}
			if all {
				return env.syncAll(cmd.Context(), cmd.Flags().Changed("repo"))
			}
			return env.sync(cmd.Context())
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "synchronize all repositories of the server")
	return cmd
}

// sync brings the catalog in the cache, or the server's, up to date and prints a
// summary.
func (e *environment) sync(ctx context.Context) error {
	begun := time.Now()
	update := e.synchronizeHere
	if e.server != "" {
		update = e.synchronizeServer
	}
	stats, err := update(ctx)
	if stats != nil {
		err = errors.Join(err, e.printSummary(*stats, time.Since(begun)))
	}
	return err
}

// synchronizeHere returns nil statistics if there is no catalog in the end.
func (e *environment) synchronizeHere(ctx context.Context) (stats *syncline.SessionStatistics, err error) {
	err = e.withSession(ctx, func(_ *catalog.Catalog, s syncline.SessionStatistics, damage error) error {
		stats = &s
		return damage
	})
	return stats, err
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
