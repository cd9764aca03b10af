package client

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"syncline.dev/syncline"
)

const (
	jobs          = "Jobs"
	jobSessions   = "JobSessions"
	organizations = "Organizations"
)

// Job is a series of backups as v6's clients know it: those of one host and one set of
// paths in one repository.
type Job struct {
	ID           syncline.ID `json:"id"` // of the series
	RepositoryID syncline.ID `json:"repositoryId"`
	Name         string      `json:"name"`
	Description  string      `json:"description"`
	LastRun      time.Time   `json:"lastRun"`    // zero where it is not known
	NextRun      time.Time   `json:"nextRun"`    // likewise
	IsEnabled    bool        `json:"isEnabled"`  // it is watched
	LastStatus   string      `json:"lastStatus"` // Success, Warning or Failed
}

// JobSession is a snapshot, told as the backup that made it.
type JobSession struct {
	ID           syncline.ID    `json:"id"` // of the restore point
	RepositoryID syncline.ID    `json:"repositoryId"`
	Details      string         `json:"details"`
	CreationTime time.Time      `json:"creationTime"`
	EndTime      time.Time      `json:"endTime"`
	Status       string         `json:"status"`     // Success, Warning or Failed
	Statistics   *JobStatistics `json:"statistics"` // nil where the snapshot has no summary
}

// JobStatistics is the summary of a snapshot. Numbers that it does not tell are nil.
type JobStatistics struct {
	ProcessingRateBytes *int64 `json:"processingRateBytesPS"` // by the second
	ProcessingRateItems *int64 `json:"processingRateItemsPS"`
	WriteRateBytes      *int64 `json:"writeRateBytesPS"`
	TransferredBytes    *int64 `json:"transferredDataBytes"`
	ProcessedObjects    *int64 `json:"processedObjects"`
}

// Organization is this installation as v6's clients know it.
type Organization struct {
	ID             syncline.ID `json:"id"`
	Name           string      `json:"name"`
	IsBackedUp     bool        `json:"isBackedup"`
	LastBackupTime time.Time   `json:"lastBackuptime"` // zero for none
}

// UsedRepository is a repository with the space that it takes, as v6's clients know it.
type UsedRepository struct {
	Name             string `json:"details"`
	UsedBytes        *int64 `json:"usedSpaceBytes"`              // nil while it is not known
	UsedStorageBytes *int64 `json:"objectStorageUsedSpaceBytes"` // 0 outside of object storage
	IsAvailable      *bool  `json:"isAvailable"`                 // nil before the first check
}

type usedRepositoryPage struct {
	Results    []UsedRepository `json:"results"`
	TotalCount int              `json:"totalCount"`
}

type jobSessionPage struct {
	Results    []JobSession `json:"results"`
	TotalCount int          `json:"totalCount"`
}

// Jobs returns the jobs, by repository, host and paths.
func (c *Client) Jobs(ctx context.Context) ([]Job, error) {
	return get[[]Job](ctx, c, at(jobs), nil)
}

// Job returns one job.
func (c *Client) Job(ctx context.Context, id syncline.ID) (Job, error) {
	return get[Job](ctx, c, under(jobs, id), nil)
}

// JobSessions returns a page of the sessions of a job, or with "" of all jobs, newest
// first, and how many there are in all. When the server had to leave repositories out,
// the error is a LeftOutError and the page holds the others' sessions.
func (c *Client) JobSessions(ctx context.Context, job syncline.ID, limit, offset int) (page []JobSession, total int, err error) {
	path := at(jobSessions)
	if job != "" {
		path = under(jobs, job, jobSessions)
	}
	q := url.Values{"limit": {strconv.Itoa(limit)}, "offset": {strconv.Itoa(offset)}}
	res, err := c.do(ctx, call{method: http.MethodGet, path: path, query: q})
	if err != nil {
		return nil, 0, err
	}
	defer res.Body.Close()
	p, err := decode[jobSessionPage](ctx, res.Body)
	if err == nil {
		err = leftOut(res)
	}
	return p.Results, p.TotalCount, err
}

// JobSession returns one job session.
func (c *Client) JobSession(ctx context.Context, id syncline.ID) (JobSession, error) {
	return get[JobSession](ctx, c, under(jobSessions, id), nil)
}

// JobSessionLog returns the log of a job session.
func (c *Client) JobSessionLog(ctx context.Context, id syncline.ID) ([]LogItem, error) {
	page, err := get[logPage](ctx, c, under(jobSessions, id, "LogItems"), url.Values{"limit": {"100"}})
	return page.Results, err
}

// Organizations returns the organizations: one, which is the installation.
func (c *Client) Organizations(ctx context.Context) ([]Organization, error) {
	return get[[]Organization](ctx, c, at(organizations), nil)
}

// OrganizationJobs returns the jobs of an organization, by repository, host and paths.
func (c *Client) OrganizationJobs(ctx context.Context, organization syncline.ID) ([]Job, error) {
	return get[[]Job](ctx, c, under(organizations, organization, jobs), nil)
}

// UsedRepositories returns a page of the repositories of an organization with the space
// that they take, and how many there are in all.
func (c *Client) UsedRepositories(ctx context.Context, organization syncline.ID, limit, offset int) (page []UsedRepository, total int, err error) {
	q := url.Values{"limit": {strconv.Itoa(limit)}, "offset": {strconv.Itoa(offset)}}
	p, err := get[usedRepositoryPage](ctx, c, under(organizations, organization, "usedRepositories"), q)
	return p.Results, p.TotalCount, err
}
