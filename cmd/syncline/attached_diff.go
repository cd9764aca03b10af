package main

import (
	"context"
	"reflect"
	"strings"

	"syncline.dev/syncline/client"
	"syncline.dev/syncline/internal/explore"
)

func (e served) diff(ctx context.Context, d *differ, source, target string) error {
	return e.repository(ctx, func(r *attachedRepository) error {
		s, err := r.snapshots(ctx)
		if err != nil {
			return err
		}
		before, from, folder, err := s.one(&filterFlags{}, source)
		if err != nil {
			return err
		}
		after, to, other, err := s.one(&filterFlags{}, target)
		if err != nil {
			return err
		}
		if folder != other {
			return usageError("with --server, only the same folder of two snapshots can be compared")
		}
		return d.print(from, to, source, target, func() (explore.DiffReport, error) {
			n, err := r.client.DifferenceStatistics(ctx, before, after, folder)
			if err != nil { // before the lines, which need nothing to be there
				return explore.DiffReport{}, err
			}
			c := attachedChanges{differ: d, base: folder}
			for x, err := range r.client.Differences(ctx, before, after, client.DifferencesQuery{Path: folder}) {
				if err == nil {
					err = c.change(&x)
				}
				if err != nil {
					return explore.DiffReport{}, err
				}
			}
			return explore.DiffReport{ChangedFiles: int(n.ChangedFiles), Added: diffStats(n.Added), Removed: diffStats(n.Removed), Missing: n.MissingFolders}, nil
		})
	})
}

func diffStats(n client.SideCounts) explore.DiffStats {
	return explore.DiffStats{
		Files: int(n.Files), Dirs: int(n.Folders), Others: int(n.Others),
		DataBlobs: int(n.DataBlobs), TreeBlobs: int(n.TreeBlobs), Bytes: n.Bytes,
	}
}

// attachedChanges turns the server's differences into restic's lines. The server
// goes into folders that became something else, where restic does not, and says
// nothing of a folder in which something differs, where restic does.
type attachedChanges struct {
	differ *differ
	base   string
	other  string   // what became something else
	open   []string // the folders of the last difference
}

func (c *attachedChanges) change(x *client.Difference) error {
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
		if c.differ.metadata {
			mark = "TU"
		}
	case client.ChangeMetadata:
		if c.differ.metadata {
			mark = "U"
		}
	}
	if err := c.folders(at); err != nil {
		return err
	}
	if shown.IsDir() {
		c.open = append(c.open, at)
	}
	return c.differ.change(at, mark, shown.IsDir())
}

// folders tells of the folders in which a difference lies, unless it has.
func (c *attachedChanges) folders(at string) error {
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
	if !c.differ.metadata {
		return nil
	}
	for _, dir := range within[known:] {
		if err := c.differ.change(dir, "U", true); err != nil {
			return err
		}
	}
	return nil
}
