package main

import (
	"context"
	"reflect"
	"strings"

	"syncline.dev/syncline/client"
	"syncline.dev/syncline/internal/explore"
)

func (r *serverRepository) diff(ctx context.Context, before, after snapshotFolder, metadata bool, fn func(changed) error) (totals explore.DifferenceStatistics, err error) {
	if before.folder != after.folder {
		return totals, usageError("with --server, only the same folder of two snapshots can be compared")
	}
	from, to := r.point(&before.snapshot), r.point(&after.snapshot)
	n, err := r.client.DifferenceStatistics(ctx, from, to, before.folder)
	if err != nil { // first, because differences of nothing are none
		return totals, err
	}
	c := serverChanges{metadata: metadata, base: before.folder, fn: fn}
	for x, err := range r.client.Differences(ctx, from, to, client.DifferencesQuery{Path: before.folder}) {
		if err == nil {
			err = c.change(&x)
		}
		if err != nil {
			return totals, err
		}
	}
	return explore.DifferenceStatistics{
		ChangedFiles: n.ChangedFiles, Added: explore.SideCounts(n.Added), Removed: explore.SideCounts(n.Removed), Missing: n.MissingFolders,
	}, nil
}

// serverChanges turns the server's differences into restic's. The server goes
// into folders that became something else, where restic does not, and leaves out
// a folder in which something differs, where restic does not.
type serverChanges struct {
	metadata bool
	base     string
	fn       func(changed) error
	other    string   // the path that became something else
	open     []string // the folders of the last difference
}

func (c *serverChanges) change(x *client.Difference) error {
	at := strings.TrimPrefix(x.Path, c.base)
	if c.other != "" && strings.HasPrefix(at, c.other+"/") {
		return nil
	}
	shown := x.After
	if shown == nil {
		shown = x.Before
	}
	mark := ""
	switch x.Change {
	case client.ChangeAdded:
		mark = "+"
	case client.ChangeRemoved:
		mark = "-"
	case client.ChangeContent:
		mark = "M"
		if reflect.DeepEqual(x.Before, x.After) {
			mark = "M?"
		}
	case client.ChangeType:
		mark, c.other = "T", at
		if c.metadata {
			mark = "TU"
		}
	case client.ChangeMetadata:
		if c.metadata {
			mark = "U"
		}
	}
	if err := c.folders(at); err != nil {
		return err
	}
	if shown.IsDir() {
		c.open = append(c.open, at)
	}
	return c.fn(changed{at, mark, shown.IsDir()})
}

// folders tells of the folders in which a difference lies, each once.
func (c *serverChanges) folders(at string) error {
	var within []string
	for i := 1; i < len(at); i++ {
		if at[i] == '/' {
			within = append(within, at[:i])
		}
	}
	known := 0
	for known < min(len(within), len(c.open)) && within[known] == c.open[known] {
		known++
	}
	c.open = within
	if !c.metadata {
		return nil
	}
	for _, dir := range within[known:] {
		if err := c.fn(changed{dir, "U", true}); err != nil {
			return err
		}
	}
	return nil
}
