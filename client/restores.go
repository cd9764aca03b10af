package client

import (
	"context"
	"encoding/base64"
	"iter"
	"net/http"
	"net/url"
	"time"
	"unicode/utf8"

	"syncline.dev/syncline"
)

const restoreJobs = "RestoreJobs"

// RestoreTarget is a folder of the server's in which restores may write.
type RestoreTarget struct {
	Name string `json:"name"` // a short one
	Path string `json:"path"` // absolute
	// ProxyID is the node that has the folder. A job with this ProxyID runs nowhere else.
	ProxyID syncline.ID `json:"proxyId"`
}

// NewRestoreJob is what to restore into a folder of the server's.
type NewRestoreJob struct {
	TargetPath string   // a folder in a RestoreTarget; it is made when it is missing
	Paths      []string // absolute, each with all below it; all when empty
	Include    []string // patterns as restic has them; not together with Exclude
	Exclude    []string
	Overwrite  syncline.RestoreOverwrite // "" for OverwriteAlways
	Sparse     bool                      // zeros become holes in files that are new
	Verify     bool                      // files are read back and compared
	// ProxyID is the node that has the folder; "" for the one that answers. Only that one
	// takes the job.
	ProxyID syncline.ID
}

// newRestoreJSON is a NewRestoreJob as the server reads it: paths that JSON cannot
// carry go in Base64.
type newRestoreJSON struct {
	TargetPath string                    `json:"targetPath"`
	Paths      []string                  `json:"paths,omitempty"`
	RawPaths   []string                  `json:"rawPaths,omitempty"`
	Include    []string                  `json:"include,omitempty"`
	Exclude    []string                  `json:"exclude,omitempty"`
	Overwrite  syncline.RestoreOverwrite `json:"overwrite,omitempty"`
	Sparse     bool                      `json:"sparse,omitempty"`
	Verify     bool                      `json:"verify,omitempty"`
	ProxyID    syncline.ID               `json:"proxyId,omitempty"`
}

func (j *NewRestoreJob) json() newRestoreJSON {
	x := newRestoreJSON{
		TargetPath: j.TargetPath, Include: j.Include, Exclude: j.Exclude, Overwrite: j.Overwrite, Sparse: j.Sparse, Verify: j.Verify, ProxyID: j.ProxyID,
	}
	for _, path := range j.Paths {
		if utf8.ValidString(path) {
			x.Paths = append(x.Paths, path)
		} else {
			x.RawPaths = append(x.RawPaths, base64.StdEncoding.EncodeToString([]byte(path)))
		}
	}
	return x
}

// RestoreJob is one restore on the server.
type RestoreJob struct {
	ID             syncline.ID
	RestorePointID syncline.ID
	RepositoryID   syncline.ID
	NewRestoreJob
	// State is Running, also while the job waits for others to end, then Succeeded,
	// Stopped or Failed.
	State           string
	ProgressPercent int // of the bytes; 100 only when all is restored
	// Statistics counts what the job has done so far. A job that goes on after a
	// restart of the server counts from its last start.
	Statistics syncline.RestoreStatistics
	Error      string    // why it failed
	StartedBy  string    // the user's name
	StartTime  time.Time // zero while it waits
	EndTime    time.Time // zero until it has ended
}

type restoreJobJSON struct {
	ID             syncline.ID `json:"id"`
	RestorePointID syncline.ID `json:"restorePointId"`
	RepositoryID   syncline.ID `json:"repositoryId"`
	newRestoreJSON
	State           string                     `json:"state"`
	ProgressPercent int                        `json:"progressPercent"`
	Statistics      syncline.RestoreStatistics `json:"statistics"`
	Error           string                     `json:"error"`
	StartedBy       string                     `json:"startedBy"`
	StartTime       time.Time                  `json:"startTime"`
	EndTime         time.Time                  `json:"endTime"`
}

func (x restoreJobJSON) job() RestoreJob {
	paths := x.Paths
	for _, raw := range x.RawPaths {
		paths = append(paths, bytesOf(raw, raw))
	}
	return RestoreJob{
		ID: x.ID, RestorePointID: x.RestorePointID, RepositoryID: x.RepositoryID,
		NewRestoreJob: NewRestoreJob{
			TargetPath: x.TargetPath, Paths: paths, Include: x.Include, Exclude: x.Exclude,
			Overwrite: x.Overwrite, Sparse: x.Sparse, Verify: x.Verify, ProxyID: x.ProxyID,
		},
		State: x.State, ProgressPercent: x.ProgressPercent, Statistics: x.Statistics, Error: x.Error,
		StartedBy: x.StartedBy, StartTime: x.StartTime, EndTime: x.EndTime,
	}
}

// RestoreTargets returns the folders of the server's in which restores may
// write.
func (c *Client) RestoreTargets(ctx context.Context) ([]RestoreTarget, error) {
	return get[[]RestoreTarget](ctx, c, at("RestoreTargets"), nil)
}

// StartRestoreJob restores a restore point, or parts of it, on the server.
func (c *Client) StartRestoreJob(ctx context.Context, point syncline.ID, job NewRestoreJob) (RestoreJob, error) {
	x, err := fetch[restoreJobJSON](ctx, c, call{method: http.MethodPost, path: under(points, point, restoreJobs), body: job.json()})
	return x.job(), err
}

// RestoreJobs returns the restores on the server, newest first.
func (c *Client) RestoreJobs(ctx context.Context) iter.Seq2[RestoreJob, error] {
	return offsets(func(q url.Values) ([]RestoreJob, error) {
		list, err := get[[]restoreJobJSON](ctx, c, at(restoreJobs), q)
		return each(list, restoreJobJSON.job), err
	})
}

// RestoreJob returns one restore.
func (c *Client) RestoreJob(ctx context.Context, id syncline.ID) (RestoreJob, error) {
	x, err := get[restoreJobJSON](ctx, c, under(restoreJobs, id), nil)
	return x.job(), err
}

// StopRestoreJob asks for the end of a restore. Files that it has written stay.
func (c *Client) StopRestoreJob(ctx context.Context, id syncline.ID) error {
	return c.perform(ctx, http.MethodPost, under(restoreJobs, id, "Stop"), nil)
}

// RestoreJobLog returns what a restore did and met, in order.
func (c *Client) RestoreJobLog(ctx context.Context, id syncline.ID) iter.Seq2[LogItem, error] {
	return c.log(ctx, under(restoreJobs, id, "LogItems"))
}

// Ended reports whether the restore is over.
func (j *RestoreJob) Ended() bool { return !j.EndTime.IsZero() }

// WatchRestoreJob returns the restore now, then at every change, and last when it
// has ended, as WatchSession does.
func (c *Client) WatchRestoreJob(ctx context.Context, id syncline.ID) iter.Seq2[RestoreJob, error] {
	return watch(ctx, c, under(restoreJobs, id, "Events"), restoreJobJSON.job, (*RestoreJob).Ended)
}
