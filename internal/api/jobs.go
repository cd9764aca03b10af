package api

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"syncline.dev/syncline"
	v6 "syncline.dev/syncline/internal/api/v6"
	"syncline.dev/syncline/internal/clip"
	"syncline.dev/syncline/internal/watch/series"
)

// The statuses of jobs and of their sessions that Syncline tells of. v6 knows more.
const (
	jobSuccess = "Success"
	jobWarning = "Warning"
	jobFailed  = "Failed"
)

// selectedItems is v6's word for a job that backs up a part.
const selectedItems = "SelectedItems"

// maxJobName and maxJobText bound the name of a job and its description, in bytes.
const maxJobName, maxJobText = 256, 1024

// jobs answers for v6's jobs. A job is a series of backups, and a session of it is a
// snapshot.
type jobs struct {
	repositories Repositories
	points       RestorePoints
	watch        Machines
	checks       checkReader
	instance     Instance
}

// ListJobs answers GET /v6/Jobs.
func (h *jobs) ListJobs(ctx context.Context, _ v6.ListJobsRequestObject) (v6.ListJobsResponseObject, error) {
	all, err := h.list(ctx)
	return v6.ListJobs200JSONResponse(all), err
}

// ListJobsOfOrganization answers GET /v6/Organizations/{organizationId}/Jobs.
func (h *jobs) ListJobsOfOrganization(ctx context.Context, req v6.ListJobsOfOrganizationRequestObject) (v6.ListJobsOfOrganizationResponseObject, error) {
	if err := knownOrganization(ctx, h.instance, req.OrganizationID); err != nil {
		return nil, err
	}
	all, err := h.list(ctx)
	return v6.ListJobsOfOrganization200JSONResponse(all), err
}

// list returns the jobs, by repository, host and paths.
func (h *jobs) list(ctx context.Context) ([]v6.Job, error) {
	checks := h.checks.LastChecks()
	all, err := h.series(ctx)
	if err != nil {
		return nil, err
	}
	organization, err := h.instance.InstallationID(ctx)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(all, func(a, b series.SeriesState) int {
		return cmp.Or(strings.Compare(a.RepositoryName, b.RepositoryName), strings.Compare(a.HostName, b.HostName),
			slices.Compare(a.Paths, b.Paths), cmp.Compare(a.ID, b.ID))
	})
	return convert(all, func(x series.SeriesState) v6.Job { return jobJSON(&x, checks, organization) }), nil
}

// GetJob answers GET /v6/Jobs/{jobId}.
func (h *jobs) GetJob(ctx context.Context, req v6.GetJobRequestObject) (v6.GetJobResponseObject, error) {
	checks := h.checks.LastChecks()
	all, err := h.series(ctx)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(all, func(x series.SeriesState) bool { return x.ID == req.JobID })
	if i < 0 {
		return nil, unknownJob(req.JobID)
	}
	organization, err := h.instance.InstallationID(ctx)
	if err != nil {
		return nil, err
	}
	return v6.GetJob200JSONResponse(jobJSON(&all[i], checks, organization)), nil
}

func unknownJob(id syncline.ID) error {
	return syncline.Errorf(syncline.CodeNotFound, "there is no job with the id %s; GET /v6/Jobs lists all of them", id)
}

// series returns the series of all repositories.
func (h *jobs) series(ctx context.Context) (all []series.SeriesState, err error) {
	found, err := h.watch.Machines(ctx, series.MachinesQuery{})
	for i := range found.Machines {
		all = append(all, found.Machines[i].Series...)
	}
	return all, err
}

func jobJSON(x *series.SeriesState, checks lastChecks, organization syncline.ID) v6.Job {
	self := jobLink(x.ID)
	host, repository := plain(x.HostName), plain(x.RepositoryName)
	name := clip.Text(host+": "+pathsText(x.Paths, x.MorePaths, ", "), maxJobName) + " (" + clip.Text(repository, maxJobName) + ")"
	answer := v6.Job{
		ID: x.ID, RepositoryID: x.RepositoryID, Name: name, BackupType: selectedItems,
		Description: fmt.Sprintf("The backups of %s on %s in the repository %s", clip.Text(pathsText(x.Paths, x.MorePaths, " and "), maxJobText), host, repository),
		LastRun:     timeJSON(x.LastBackup), IsEnabled: x.State != syncline.MachineRetired, LastStatus: jobSuccess,
		Links: v6.JobLinks{
			Self: self, Organization: organizationLink(organization), BackupRepository: repositoryLink(x.RepositoryID),
			JobSessions: v6.Link{Href: self.Href + "/JobSessions"},
		},
	}
	if !answer.IsEnabled {
		return answer
	}
	if x.Rhythm > 0 && !x.LastSeen.IsZero() {
		answer.NextRun = timeJSON(x.LastSeen.Add(x.Rhythm))
	}
	last, _ := checks(x.RepositoryID)
	switch {
	case last.Result == syncline.CheckFailed:
		answer.LastStatus = jobFailed
	case x.State == syncline.MachineLate:
		answer.LastStatus = jobWarning
	}
	return answer
}

// pathsText names paths, and counts those that are not named.
func pathsText(paths []string, more int, between string) string {
	text := strings.Join(convert(paths, plain), between)
	if more > 0 {
		return fmt.Sprintf("%s and %d more", text, more)
	}
	return text
}

func jobLink(id syncline.ID) v6.Link { return v6.Link{Href: "/v6/Jobs/" + string(id)} }

func organizationLink(id syncline.ID) v6.Link {
	return v6.Link{Href: "/v6/Organizations/" + string(id)}
}
