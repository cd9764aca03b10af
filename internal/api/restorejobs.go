package api

import (
	"context"
	"encoding/base64"
	"fmt"
	"strings"
	"unicode/utf8"

	"syncline.dev/syncline"
	v6 "syncline.dev/syncline/internal/api/v6"
	"syncline.dev/syncline/internal/auth"
)

// RestoreJobs reads restore jobs. The contract of the methods is that of
// jobs.Service.
type RestoreJobs interface {
	RestoreJob(ctx context.Context, id syncline.ID) (syncline.RestoreJob, error)
	RestoreJobs(ctx context.Context, startedBy string, limit, offset int) ([]syncline.RestoreJob, error)
	RestoreLog(ctx context.Context, job syncline.ID, limit, offset int) ([]syncline.LogItem, int, error)
}

// Restorer runs restore jobs.
type Restorer interface {
	// Targets returns the folders that jobs may write into.
	Targets() []syncline.RestoreTarget
	// Start starts a job. It takes j's restore point, target path, selection
	// and user. Errors are CodeForbidden for a target outside of the allowed
	// folders, CodeNotFound for a missing restore point or path, CodeInvalid,
	// CodeConflict and CodeThrottled.
	Start(ctx context.Context, j syncline.RestoreJob) (syncline.RestoreJob, error)
	// Stop returns when the stop is recorded. An ended job is no error.
	Stop(ctx context.Context, job syncline.ID) error
	// Watch is as that of Synchronizer.
	Watch(job syncline.ID) (<-chan struct{}, func())
}

// restores answers for the restore jobs.
type restores struct {
	jobs    RestoreJobs
	runner  Restorer
	streams *streams
	where   *placement
}

// ListRestoreTargets answers GET /v6/RestoreTargets.
func (h *restores) ListRestoreTargets(context.Context, v6.ListRestoreTargetsRequestObject) (v6.ListRestoreTargetsResponseObject, error) {
	return v6.ListRestoreTargets200JSONResponse(convert(h.runner.Targets(), func(t syncline.RestoreTarget) v6.RestoreTarget {
		return v6.RestoreTarget{Name: t.Name, Path: t.Path, ProxyID: h.where.nodes.SelfID()}
	})), nil
}

// StartRestoreJob answers POST /v6/RestorePoints/{restorePointId}/RestoreJobs.
func (h *restores) StartRestoreJob(ctx context.Context, req v6.StartRestoreJobRequestObject) (v6.StartRestoreJobResponseObject, error) {
	b := req.Body
	if saysID(b.ProxyID) {
		if err := h.checkProxy(ctx, syncline.ID(strings.ToLower(string(*b.ProxyID)))); err != nil {
			return nil, err
		}
	}
	paths, err := pathsOf(deref(b.Paths), deref(b.RawPaths))
	if err != nil {
		return nil, err
	}
	j, err := h.runner.Start(ctx, syncline.RestoreJob{
		Work:           syncline.Work{StartedBy: infoFrom(ctx).identity.UserName},
		RestorePointID: req.RestorePointID, TargetPath: b.TargetPath,
		RestoreSelection: syncline.RestoreSelection{
			Paths: paths, Include: deref(b.Include), Exclude: deref(b.Exclude),
			Overwrite: deref(b.Overwrite), Sparse: deref(b.Sparse), Verify: deref(b.Verify),
		},
	})
	if err != nil {
		return nil, err
	}
	return v6.StartRestoreJob201JSONResponse(restoreJobJSON(j)), nil
}

// checkProxy fails unless an id is that of the node that answers, which has the folders
// that its restores may write into.
func (h *restores) checkProxy(ctx context.Context, id syncline.ID) error {
	nodes, err := h.where.look(ctx)
	if err != nil {
		return err
	}
	if _, ok := nodes.node(id); !ok {
		return invalid("proxyId names no proxy; GET /v6/Proxies lists them, or leave it out")
	}
	return nodes.here(id, "proxyId: the folder of targetPath")
}

// pathsOf returns the paths that a request names, as bytes.
func pathsOf(plain, raw []string) (paths []string, err error) {
	add := func(field string, i int, path string, err error) error {
		if err == nil && path == "" {
			err = invalid("path must not be empty; / is all there is")
		}
		if err != nil {
			return syncline.WrapError(syncline.CodeInvalid, err, "%s.%d: %s", field, i, syncline.MessageOf(err))
		}
		paths = append(paths, path)
		return nil
	}
	for i := range plain {
		path, err := pathOf(&plain[i], nil)
		if err := add("paths", i, path, err); err != nil {
			return nil, err
		}
	}
	for i := range raw {
		path, err := pathOf(nil, &raw[i])
		if err := add("rawPaths", i, path, err); err != nil {
			return nil, err
		}
	}
	return paths, nil
}

// restoreJob returns a job that the user may see and stop: every one for
// administrators and operators, for restorers their own. Others' are as unknown.
func (h *restores) restoreJob(ctx context.Context, id syncline.ID) (syncline.RestoreJob, error) {
	j, err := h.jobs.RestoreJob(ctx, id)
	if err != nil {
		return syncline.RestoreJob{}, err
	}
	if !mayFollowJob(infoFrom(ctx).identity, j) {
		return syncline.RestoreJob{}, syncline.Errorf(syncline.CodeNotFound, "there is no restore job %s of yours", id)
	}
	return j, nil
}

func mayFollowJob(i auth.Identity, j syncline.RestoreJob) bool {
	return i.Role.CanSynchronize() || j.StartedBy == i.UserName
}

// ListRestoreJobs answers GET /v6/RestoreJobs.
func (h *restores) ListRestoreJobs(ctx context.Context, req v6.ListRestoreJobsRequestObject) (v6.ListRestoreJobsResponseObject, error) {
	identity, mine := infoFrom(ctx).identity, ""
	if !identity.Role.CanSynchronize() { // restorers see their own
		mine = identity.UserName
	}
	jobs, err := h.jobs.RestoreJobs(ctx, mine, int(deref(req.Params.Limit)), int(deref(req.Params.Offset)))
	if err != nil {
		return nil, err
	}
	return v6.ListRestoreJobs200JSONResponse(convert(jobs, restoreJobJSON)), nil
}

// GetRestoreJob answers GET /v6/RestoreJobs/{jobId}.
func (h *restores) GetRestoreJob(ctx context.Context, req v6.GetRestoreJobRequestObject) (v6.GetRestoreJobResponseObject, error) {
	j, err := h.restoreJob(ctx, req.JobID)
	if err != nil {
		return nil, err
	}
	return v6.GetRestoreJob200JSONResponse(restoreJobJSON(j)), nil
}

// StopRestoreJob answers POST /v6/RestoreJobs/{jobId}/Stop.
func (h *restores) StopRestoreJob(ctx context.Context, req v6.StopRestoreJobRequestObject) (v6.StopRestoreJobResponseObject, error) {
	if _, err := h.restoreJob(ctx, req.JobID); err != nil {
		return nil, err
	}
	if err := h.runner.Stop(ctx, req.JobID); err != nil {
		return nil, err
	}
	return v6.StopRestoreJob200Response{}, nil
}

// ListRestoreJobLogItems answers GET /v6/RestoreJobs/{jobId}/LogItems.
func (h *restores) ListRestoreJobLogItems(ctx context.Context, req v6.ListRestoreJobLogItemsRequestObject) (v6.ListRestoreJobLogItemsResponseObject, error) {
	if _, err := h.restoreJob(ctx, req.JobID); err != nil {
		return nil, err
	}
	limit, offset := int(deref(req.Params.Limit)), int(deref(req.Params.Offset))
	page, total, err := h.jobs.RestoreLog(ctx, req.JobID, limit, offset)
	if err != nil {
		return nil, err
	}
	return v6.ListRestoreJobLogItems200JSONResponse{
		Offset: offset, Limit: limit,
		Results: convert(page, func(item syncline.LogItem) v6.RestoreLogItem { return restoreLogItemJSON(req.JobID, item) }),
		Links:   pageLinks(restoreJobLink(req.JobID).Href+"/LogItems", limit, offset, total),
	}, nil
}

// WatchRestoreJob answers GET /v6/RestoreJobs/{jobId}/Events.
func (h *restores) WatchRestoreJob(ctx context.Context, req v6.WatchRestoreJobRequestObject) (v6.WatchRestoreJobResponseObject, error) {
	job, err := h.restoreJob(ctx, req.JobID)
	if err != nil {
		return nil, err
	}
	return jobEvents{&eventStream{
		streams: h.streams, ctx: ctx, may: func(i auth.Identity) bool { return mayFollow.has(i) && mayFollowJob(i, job) }, event: "job", id: req.JobID, watch: h.runner.Watch,
		read: func(ctx context.Context) (any, bool, error) {
			j, err := h.jobs.RestoreJob(ctx, req.JobID)
			return restoreJobJSON(j), j.State.Ended(), err
		},
	}}, nil
}

func restoreJobJSON(j syncline.RestoreJob) v6.RestoreJob {
	answer := v6.RestoreJob{
		ID: j.ID, RestorePointID: j.RestorePointID, RepositoryID: j.RepositoryID,
		TargetPath: strings.ToValidUTF8(j.TargetPath, "\uFFFD"), Paths: []string{},
		Include: presentList(j.Include), Exclude: presentList(j.Exclude),
		Overwrite: j.Overwrite, Sparse: j.Sparse, Verify: j.Verify,
		ProxyID: present(j.NodeID),
		State:   restoreState(j.State), ProgressPercent: j.Progress, Statistics: j.Statistics,
		Error: present(j.Error), StartedBy: j.StartedBy,
		StartTime: timeJSON(j.StartedAt), EndTime: timeJSON(j.EndedAt),
		Links: v6.RestoreJobLinks{
			Self:         restoreJobLink(j.ID),
			RestorePoint: v6.Link{Href: "/v6/RestorePoints/" + string(j.RestorePointID)},
			Repository:   repositoryLink(j.RepositoryID),
		},
	}
	var raw []string
	for _, path := range j.Paths {
		if utf8.ValidString(path) {
			answer.Paths = append(answer.Paths, path)
		} else {
			raw = append(raw, base64.StdEncoding.EncodeToString([]byte(path)))
		}
	}
	answer.RawPaths = presentList(raw)
	return answer
}

func presentList(list []string) *[]string {
	if len(list) == 0 {
		return nil
	}
	return &list
}

// restoreState is a state as the API has it: waiting counts as running.
func restoreState(s syncline.WorkState) string {
	switch s {
	case syncline.WorkSucceeded:
		return "Succeeded"
	case syncline.WorkStopped:
		return "Stopped"
	case syncline.WorkFailed:
		return "Failed"
	case syncline.WorkQueued, syncline.WorkRunning:
	}
	return "Running"
}

func restoreLogItemJSON(job syncline.ID, item syncline.LogItem) v6.RestoreLogItem {
	at := item.Time.UTC()
	return v6.RestoreLogItem{
		ID:           logItemID(job, item.Seq),
		Usn:          item.Seq,
		Title:        fmt.Sprintf("[%s] %s", item.Level, item.Message),
		CreationTime: at,
		EndTime:      at,
		Links:        v6.RestoreLogItemLinks{Job: restoreJobLink(job)},
		Level:        string(item.Level),
		Message:      item.Message,
	}
}

func restoreJobLink(id syncline.ID) v6.Link { return v6.Link{Href: "/v6/RestoreJobs/" + string(id)} }
