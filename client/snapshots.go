package client

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"syncline.dev/syncline"
)

const points = "RestorePoints"

// pointJSON is a restore point as the server's lists have it.
type pointJSON struct {
	ID             syncline.ID   `json:"id"`
	RepositoryID   syncline.ID   `json:"repositoryId"`
	BackupTime     time.Time     `json:"backupTime"`
	HostName       string        `json:"hostName"`
	Paths          []string      `json:"paths"`
	Tags           []string      `json:"tags"`
	SnapshotID     syncline.Hash `json:"snapshotId"`
	MissingFolders int           `json:"missingFolders"`
	IsLost         bool          `json:"isLost"`
	FirstSeenTime  time.Time     `json:"firstSeenTime"`

	TimeMark syncline.TimeMark `json:"timeMark"`
}

func (p pointJSON) point() syncline.RestorePoint {
	return syncline.RestorePoint{
		ID: p.ID, RepositoryID: p.RepositoryID, Missing: p.MissingFolders, Lost: p.IsLost,
		FirstSeen: p.FirstSeenTime, TimeMark: p.TimeMark,
		Snapshot: syncline.Snapshot{ID: p.SnapshotID, Time: p.BackupTime, Hostname: p.HostName, Paths: p.Paths, Tags: p.Tags},
	}
}

// RestorePoints returns the snapshots in a repository, or with "" in all of
// them, newest first. The Snapshot in them has the id, the time, the host, the
// paths and the tags only. When the server had to leave repositories out, the
// error is a LeftOutError and the list holds the others' snapshots.
func (c *Client) RestorePoints(ctx context.Context, repository syncline.ID) ([]syncline.RestorePoint, error) {
	q := url.Values{}
	set(q, "repositoryId", string(repository))
	res, err := c.do(ctx, call{method: http.MethodGet, path: at(points), query: q})
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	list, err := decode[[]pointJSON](ctx, res.Body)
	return each(list, pointJSON.point), errors.Join(err, leftOut(res))
}

// leftOut returns a LeftOutError for an answer that leaves repositories out.
func leftOut(res *http.Response) error {
	if left := res.Header.Get("Syncline-Incomplete"); left != "" {
		return &LeftOutError{Repositories: strings.Split(left, ", ")}
	}
	return nil
}

// RestorePoint returns one snapshot, with as much of it as RestorePoints.
func (c *Client) RestorePoint(ctx context.Context, id syncline.ID) (syncline.RestorePoint, error) {
	p, err := get[pointJSON](ctx, c, under(points, id), nil)
	return p.point(), err
}

// snapshotJSON is a snapshot with its restore point.
type snapshotJSON struct {
	RestorePointID syncline.ID `json:"restorePointId"`
	Snapshot       resticJSON  `json:"snapshot"`
	MissingFolders int         `json:"missingFolders"`
	IsLost         bool        `json:"isLost"`
}

// resticJSON is a snapshot in the form of restic's snapshots --json.
type resticJSON struct {
	ID             syncline.Hash   `json:"id"`
	Time           time.Time       `json:"time"`
	Tree           syncline.Hash   `json:"tree"`
	Parent         syncline.Hash   `json:"parent"`
	Original       syncline.Hash   `json:"original"`
	Paths          []string        `json:"paths"`
	Hostname       string          `json:"hostname"`
	Username       string          `json:"username"`
	UID            uint32          `json:"uid"`
	GID            uint32          `json:"gid"`
	Excludes       []string        `json:"excludes"`
	Tags           []string        `json:"tags"`
	ProgramVersion string          `json:"program_version"`
	Summary        json.RawMessage `json:"summary"`
}

// Snapshots returns a repository's snapshots with all that restic recorded of
// them, oldest first.
func (c *Client) Snapshots(ctx context.Context, repository syncline.ID) ([]syncline.RestorePoint, error) {
	list, err := get[[]snapshotJSON](ctx, c, under("BackupRepositories", repository, "Snapshots"), nil)
	return each(list, func(x snapshotJSON) syncline.RestorePoint {
		s := &x.Snapshot
		return syncline.RestorePoint{
			ID: x.RestorePointID, RepositoryID: repository, Missing: x.MissingFolders, Lost: x.IsLost,
			Snapshot: syncline.Snapshot{
				ID: s.ID, Time: s.Time, Tree: s.Tree, Parent: s.Parent, Original: s.Original, Paths: s.Paths,
				Hostname: s.Hostname, Username: s.Username, UID: s.UID, GID: s.GID, Excludes: s.Excludes, Tags: s.Tags,
				ProgramVersion: s.ProgramVersion, Summary: s.Summary,
			},
		}
	}), err
}

// hiddenJSON is a snapshot that cannot be shown.
type hiddenJSON struct {
	SnapshotID syncline.Hash         `json:"snapshotId"`
	Reason     syncline.HiddenReason `json:"reason"`
	BackupTime time.Time             `json:"backupTime"`
	HostName   string                `json:"hostName"`
	Paths      []string              `json:"paths"`
	Tags       []string              `json:"tags"`
}

// HiddenSnapshots returns the snapshots of a repository that are there and cannot
// be shown, oldest first; damaged ones, whose time is not known, before the others.
func (c *Client) HiddenSnapshots(ctx context.Context, repository syncline.ID) ([]syncline.HiddenSnapshot, error) {
	list, err := get[[]hiddenJSON](ctx, c, under("BackupRepositories", repository, "HiddenSnapshots"), nil)
	return each(list, func(x hiddenJSON) syncline.HiddenSnapshot {
		return syncline.HiddenSnapshot{Reason: x.Reason, Snapshot: syncline.Snapshot{
			ID: x.SnapshotID, Time: x.BackupTime, Hostname: x.HostName, Paths: x.Paths, Tags: x.Tags,
		}}
	}), err
}
