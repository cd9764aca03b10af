package client

import (
	"context"
	"encoding/json"
	"net/url"
	"time"

	"syncline.dev/syncline"
)

// ResticSnapshot is a snapshot with all that restic recorded of it, in the form
// of its snapshots --json.
type ResticSnapshot struct {
	Time           time.Time      `json:"time"` // in the zone of the backed-up machine
	Parent         *syncline.Hash `json:"parent,omitempty"`
	Tree           syncline.Hash  `json:"tree"`
	Paths          []string       `json:"paths"`
	Hostname       string         `json:"hostname,omitempty"`
	Username       string         `json:"username,omitempty"`
	UID            uint32         `json:"uid,omitempty"`
	GID            uint32         `json:"gid,omitempty"`
	Excludes       []string       `json:"excludes,omitempty"`
	Tags           []string       `json:"tags,omitempty"`
	Original       *syncline.Hash `json:"original,omitempty"`
	ProgramVersion string         `json:"program_version,omitempty"`
	// Summary is what restic recorded of the backup, as JSON; nil for none.
	Summary json.RawMessage `json:"summary,omitempty"`
	ID      syncline.Hash   `json:"id"`
	ShortID string          `json:"short_id"`
}

// Snapshots returns a repository's snapshots, oldest first.
func (c *Client) Snapshots(ctx context.Context, repository syncline.ID) ([]RepositorySnapshot, error) {
	return get[[]RepositorySnapshot](ctx, c, under("BackupRepositories", repository, "Snapshots"), nil)
}

// HiddenSnapshots returns the snapshots of a repository that are there and cannot
// be shown, oldest first; damaged ones, whose time is not known, before the others.
func (c *Client) HiddenSnapshots(ctx context.Context, repository syncline.ID) ([]HiddenSnapshot, error) {
	return get[[]HiddenSnapshot](ctx, c, under("BackupRepositories", repository, "HiddenSnapshots"), nil)
}

// DifferenceStatistics counts what restic's diff counts between two restore
// points, or in a folder that both have; path is "" for the root.
func (c *Client) DifferenceStatistics(ctx context.Context, before, after syncline.ID, path string) (DifferenceStatistics, error) {
	q := url.Values{"with": {string(after)}}
	setPath(q, path)
	return get[DifferenceStatistics](ctx, c, under(points, before, "DifferenceStatistics"), q)
}
