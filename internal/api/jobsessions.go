package api

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"time"

	"syncline.dev/syncline"
	v6 "syncline.dev/syncline/internal/api/v6"
	"syncline.dev/syncline/internal/clip"
	"syncline.dev/syncline/internal/explore"
	"syncline.dev/syncline/internal/watch/series"
)

// maxJobPage bounds a page of v6's, whatever limit a client sends.
const maxJobPage = 10_000

// ListSessionsOfJob answers GET /v6/Jobs/{jobId}/JobSessions.
func (h *jobs) ListSessionsOfJob(ctx context.Context, req v6.ListSessionsOfJobRequestObject) (v6.ListSessionsOfJobResponseObject, error) {
	repositories, err := h.holders(ctx, req.JobID)
	if err != nil {
		return nil, err
	}
	points, leftOut, err := h.points.List(ctx, repositories)
	if err != nil {
		return nil, err
	}
	sayIncomplete(ctx, leftOut)
	page := sessionPage(ofSeries(points, req.JobID), jobLink(req.JobID).Href+"/JobSessions", req.Params.Limit, req.Params.Offset)
	return v6.ListSessionsOfJob200JSONResponse(page), nil
}

// holders returns the repository of a job, in the form in which points are listed.
func (h *jobs) holders(ctx context.Context, job syncline.ID) ([]syncline.Repository, error) {
	all, err := h.series(ctx)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(all, func(x series.SeriesState) bool { return x.ID == job })
	if i < 0 {
		return nil, unknownJob(job)
	}
	r, err := h.repositories.Repository(ctx, all[i].RepositoryID)
	return []syncline.Repository{r}, err
}

// ListJobSessions answers GET /v6/JobSessions.
func (h *jobs) ListJobSessions(ctx context.Context, req v6.ListJobSessionsRequestObject) (v6.ListJobSessionsResponseObject, error) {
	p := req.Params
	since, err := queryTime("endTimeLowerBound", p.EndTimeLowerBound)
	if err != nil {
		return nil, err
	}
	href := filtered("/v6/JobSessions", map[string]string{"jobType": string(deref(p.JobType)), "endTimeLowerBound": deref(p.EndTimeLowerBound)})
	if p.JobType != nil && *p.JobType == v6.Copy {
		return v6.ListJobSessions200JSONResponse(sessionPage(nil, href, p.Limit, p.Offset)), nil
	}
	repositories, err := h.repositories.Repositories(ctx)
	if err != nil {
		return nil, err
	}
	points, leftOut, err := h.points.List(ctx, repositories)
	if err != nil {
		return nil, err
	}
	sayIncomplete(ctx, leftOut)
	if !since.IsZero() {
		points = slices.DeleteFunc(points, func(x syncline.RestorePoint) bool { return endsBefore(&x.Snapshot, since) })
	}
	points = asked(ctx).jobSessions(points)
	return v6.ListJobSessions200JSONResponse(sessionPage(points, href, p.Limit, p.Offset)), nil
}

// GetJobSession answers GET /v6/JobSessions/{jobSessionsId}.
func (h *jobs) GetJobSession(ctx context.Context, req v6.GetJobSessionRequestObject) (v6.GetJobSessionResponseObject, error) {
	point, err := h.points.Get(ctx, req.JobSessionsID)
	if err != nil {
		return nil, err
	}
	return v6.GetJobSession200JSONResponse(jobSessionJSON(&point)), nil
}

// ListJobSessionLogItems answers GET /v6/JobSessions/{sessionId}/LogItems.
func (h *jobs) ListJobSessionLogItems(ctx context.Context, req v6.ListJobSessionLogItemsRequestObject) (v6.ListJobSessionLogItemsResponseObject, error) {
	point, err := h.points.Get(ctx, req.SessionID)
	if err != nil {
		return nil, err
	}
	all := asked(ctx).logItems(backupLog(&point))
	link := jobSessionLink(point.ID)
	limit, offset := jobPage(req.Params.Limit, req.Params.Offset)
	return v6.ListJobSessionLogItems200JSONResponse{
		Offset: offset, Limit: limit, TotalCount: len(all), Links: jobPageLinks(link.Href+"/LogItems", limit, offset, len(all)),
		Results: convert(cut(all, limit, offset), func(item syncline.LogItem) v6.LogItem {
			answer := logItemJSON(point.ID, item)
			answer.Links.Session = link
			return answer
		}),
	}, nil
}

// ofSeries returns the restore points that are in a series.
func ofSeries(points []syncline.RestorePoint, id syncline.ID) (in []syncline.RestorePoint) {
	type place struct {
		repository syncline.ID
		key        explore.SeriesKey
	}
	known := make(map[place]bool)
	for i := range points {
		key, _ := explore.SeriesOf(&points[i].Snapshot)
		at := place{points[i].RepositoryID, key}
		belongs, ok := known[at]
		if !ok {
			belongs = explore.SeriesID(at.repository, key) == id
			known[at] = belongs
		}
		if belongs {
			in = append(in, points[i])
		}
	}
	return in
}

// sessionPage is a page of job sessions, newest first. Only those that it shows are read.
func sessionPage(points []syncline.RestorePoint, href string, limit *v6.V6Limit, offset *v6.V6Offset) v6.JobSessionPage {
	n, from := jobPage(limit, offset)
	order := newestFirst(points)
	return v6.JobSessionPage{
		Offset: from, Limit: n, TotalCount: len(order), Links: jobPageLinks(href, n, from, len(order)),
		Results: convert(cut(order, n, from), jobSessionJSON),
	}
}

// jobPage returns the bounds of a page.
func jobPage(limit *v6.V6Limit, offset *v6.V6Offset) (n, from int) {
	return min(int(deref(limit)), maxJobPage), int(deref(offset))
}

// cut returns the part of a list that a page shows.
func cut[T any](all []T, limit, offset int) []T {
	all = all[min(offset, len(all)):]
	return all[:min(limit, len(all))]
}

// jobPageLinks returns the links of a page of v6's. href may have parameters.
func jobPageLinks(href string, limit, offset, total int) v6.JobPageLinks {
	links := pageLinks(href, limit, offset, total)
	return v6.JobPageLinks{Self: links.Self, First: pageLinks(href, limit, 0, total).Self, Prev: links.Prev, Next: links.Next}
}

func jobSessionLink(id syncline.ID) v6.Link { return v6.Link{Href: "/v6/JobSessions/" + string(id)} }

func jobSessionJSON(p *syncline.RestorePoint) v6.JobSession {
	x := &p.Snapshot
	made := backupOf(x)
	key, paths := explore.SeriesOf(x)
	self := jobSessionLink(p.ID)
	answer := v6.JobSession{
		ID: p.ID, CreationTime: made.start, EndTime: made.end, Progress: 100, Status: jobStatus(p), RepositoryID: p.RepositoryID,
		Details:    fmt.Sprintf("The snapshot %s of %s on %s", x.ID.Short(), clip.Text(pathsText(paths, 0, ", "), maxJobText), clip.Text(plain(x.Hostname), maxJobName)),
		Statistics: made.statistics(),
		Links: v6.JobSessionLinks{
			Self: self, Log: v6.Link{Href: self.Href + "/LogItems"}, Job: jobLink(explore.SeriesID(p.RepositoryID, key)),
		},
	}
	return answer
}

// jobStatus is the status of the session that made a snapshot.
func jobStatus(p *syncline.RestorePoint) string {
	switch {
	case p.Lost:
		return jobFailed
	case p.Missing > 0:
		return jobWarning
	}
	return jobSuccess
}

// backup is what a snapshot tells of how it was made.
type backup struct {
	start, end time.Time
	known      bool // summary is there
	summary    backupSummary
}

// backupSummary is the part of a snapshot's summary that is told. Absent numbers are nil.
type backupSummary struct {
	BackupStart time.Time `json:"backup_start"`
	BackupEnd   time.Time `json:"backup_end"`
	New         *uint64   `json:"files_new"`
	Changed     *uint64   `json:"files_changed"`
	Unmodified  *uint64   `json:"files_unmodified"`
	Added       *uint64   `json:"data_added"`
	Packed      *uint64   `json:"data_added_packed"`
	Files       *uint64   `json:"total_files_processed"`
	Bytes       *uint64   `json:"total_bytes_processed"`
}

// backupOf reads a snapshot's summary. Without one, or where the backup would end before
// it begins, the time of the snapshot is that of begin and end.
func backupOf(x *syncline.Snapshot) backup {
	made := backup{start: x.Time.UTC(), end: x.Time.UTC()}
	if len(x.Summary) == 0 {
		return made
	}
	if json.Unmarshal(x.Summary, &made.summary) != nil {
		made.summary = backupSummary{}
		return made
	}
	made.known = true
	start, end := entryTime(made.summary.BackupStart), entryTime(made.summary.BackupEnd)
	if start != nil && end != nil && !end.Before(*start) {
		made.start, made.end = *start, *end
	}
	return made
}

func (b *backup) statistics() *v6.JobStatistics {
	if !b.known {
		return nil
	}
	s := &b.summary
	added := s.Packed
	if added == nil {
		added = s.Added
	}
	return &v6.JobStatistics{
		ProcessedObjects: count(s.Files), TransferredDataBytes: count(added), Bottleneck: "NA",
		ProcessingRateBytesPS: b.rate(s.Bytes), ProcessingRateItemsPS: b.rate(s.Files), WriteRateBytesPS: b.rate(added),
	}
}

// count is a number of a summary, nil where it is absent.
func count(n *uint64) *int64 {
	if n == nil {
		return nil
	}
	m := signed(*n)
	return &m
}

// rate is a number of a summary by the second, nil where it cannot be known.
func (b *backup) rate(n *uint64) *int64 {
	took := b.end.Sub(b.start).Seconds()
	if n == nil || took <= 0 {
		return nil
	}
	each := int64(math.MaxInt64)
	if r := float64(*n) / took; r < math.MaxInt64 {
		each = int64(r)
	}
	return &each
}

// backupLog tells how a snapshot was made, and what is left of it.
func backupLog(p *syncline.RestorePoint) (log []syncline.LogItem) {
	x := &p.Snapshot
	made := backupOf(x)
	add := func(at time.Time, level syncline.LogLevel, format string, args ...any) {
		log = append(log, syncline.LogItem{Seq: int64(len(log) + 1), Time: at, Level: level, Message: fmt.Sprintf(format, args...)})
	}
	by := ""
	if x.Username != "" {
		by = " by " + clip.Text(plain(x.Username), maxJobName)
	}
	if x.ProgramVersion != "" {
		by += " with " + clip.Text(plain(x.ProgramVersion), maxJobName)
	}
	_, paths := explore.SeriesOf(x)
	add(made.start, syncline.LogInfo, "Backup of %s on %s%s", clip.Text(pathsText(paths, 0, ", "), maxJobText), clip.Text(plain(x.Hostname), maxJobName), by)
	s := &made.summary
	if s.New != nil && s.Changed != nil && s.Unmodified != nil {
		add(made.end, syncline.LogInfo, "Files: %d new, %d changed, %d as before", *s.New, *s.Changed, *s.Unmodified)
	}
	if s.Files != nil && s.Bytes != nil {
		add(made.end, syncline.LogInfo, "Read: %d files with %d bytes", *s.Files, *s.Bytes)
	}
	switch {
	case s.Added != nil && s.Packed != nil:
		add(made.end, syncline.LogInfo, "Added: %d bytes, which take %d", *s.Added, *s.Packed)
	case s.Added != nil:
		add(made.end, syncline.LogInfo, "Added: %d bytes", *s.Added)
	}
	add(made.end, syncline.LogSuccess, "Saved the snapshot %s", x.ID)
	switch {
	case p.Lost:
		add(made.end, syncline.LogError, "The repository has lost the snapshot's root, so nothing of it can be restored")
	case p.Missing > 0:
		add(made.end, syncline.LogWarning, "The repository has lost %d folders of the snapshot", p.Missing)
	}
	return log
}
