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
	return &cobra.Command{
		Use:   "sync",
		Short: "Bring the local catalog of a repository up to date",
		Long: `Bring the local catalog of a repository up to date. The other commands do so by
themselves; this one tells what was done. What was fetched is kept when it is
interrupted.

With --server it is the catalog there: this starts a session, or joins the one
that runs, and shows how it goes on. The session continues when the command is
interrupted.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if env.noSync {
				return usageError("sync --no-sync has nothing to do")
			}
			return env.answers().sync(cmd.Context())
		},
	}
}

// catalogUpdater brings a catalog up to date and prints what was done.
type catalogUpdater interface {
	sync(ctx context.Context) error
}

func (e direct) sync(ctx context.Context) error {
	begun := time.Now()
	return e.withSession(ctx, func(_ *catalog.Catalog, s syncline.SessionStatistics, damage error) error {
		return errors.Join(damage, e.printSummary(s, time.Since(begun)))
	})
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
