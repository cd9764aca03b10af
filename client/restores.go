package client

import (
	"context"
	"iter"
	"net/http"
	"net/url"
	"time"

	"syncline.dev/syncline"
)

const restoreJobs = "RestoreJobs"

// NewRestoreJob is what to restore into a folder of the server's.
type NewRestoreJob = RestoreJobFromClient

// RestoreTargets returns the folders of the server's in which restores may
// write.
func (c *Client) RestoreTargets(ctx context.Context) ([]RestoreTarget, error) {
	return get[[]RestoreTarget](ctx, c, at("RestoreTargets"), nil)
}

// StartRestoreJob restores a restore point, or parts of it, on the server.
func (c *Client) StartRestoreJob(ctx context.Context, point syncline.ID, job NewRestoreJob) (RestoreJob, error) {
	return fetch[RestoreJob](ctx, c, call{method: http.MethodPost, path: under(points, point, restoreJobs), body: job})
}

// RestoreJobs returns the restores on the server, newest first.
func (c *Client) RestoreJobs(ctx context.Context) iter.Seq2[RestoreJob, error] {
	return offsets(func(q url.Values) ([]RestoreJob, error) { return get[[]RestoreJob](ctx, c, at(restoreJobs), q) })
}

// RestoreJob returns one restore.
func (c *Client) RestoreJob(ctx context.Context, id syncline.ID) (RestoreJob, error) {
	return get[RestoreJob](ctx, c, under(restoreJobs, id), nil)
}

// StopRestoreJob asks for the end of a restore. What it wrote stays.
func (c *Client) StopRestoreJob(ctx context.Context, id syncline.ID) error {
	return c.perform(ctx, http.MethodPost, under(restoreJobs, id, "Stop"), nil)
}

// RestoreJobLog returns what a restore did and met, in order.
func (c *Client) RestoreJobLog(ctx context.Context, id syncline.ID) iter.Seq2[RestoreLogItem, error] {
	return offsets(func(q url.Values) ([]RestoreLogItem, error) {
		page, err := get[RestoreLogItemPage](ctx, c, under(restoreJobs, id, "LogItems"), q)
		return page.Results, err
	})
}

// Ended reports whether the restore is over.
func (j *RestoreJob) Ended() bool { return !j.EndTime.Equal(time.Time{}) }

// WatchRestoreJob returns the restore now, then at every change, and last when it
// has ended, as WatchSession does.
func (c *Client) WatchRestoreJob(ctx context.Context, id syncline.ID) iter.Seq2[RestoreJob, error] {
	return watch(ctx, c, under(restoreJobs, id, "Events"), (*RestoreJob).Ended)
}
