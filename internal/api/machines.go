package api

import (
	"context"
	"time"

	"syncline.dev/syncline"
	v6 "syncline.dev/syncline/internal/api/v6"
	"syncline.dev/syncline/internal/watch/series"
)

// Machines tells which machines are backed up in time. CodeNotFound is for an unknown
// id.
type Machines interface {
	Machines(ctx context.Context, q series.MachinesQuery) (series.Machines, error)
	Machine(ctx context.Context, id syncline.ID) (series.Machine, error)
	// Retire and Resume take the id of a machine or of a series.
	Retire(ctx context.Context, id syncline.ID, by string) error
	Resume(ctx context.Context, id syncline.ID) error
}

// machines answers for the machines.
type machines struct {
	watch Machines
}

// ListMachines answers GET /v6/Machines.
func (h *machines) ListMachines(ctx context.Context, req v6.ListMachinesRequestObject) (v6.ListMachinesResponseObject, error) {
	p := req.Params
	q := series.MachinesQuery{
		State: deref(p.State), RepositoryID: deref(p.RepositoryID), HostName: deref(p.HostName),
		Limit: int(deref(p.Limit)), Offset: int(deref(p.Offset)),
	}
	found, err := h.watch.Machines(ctx, q)
	if err != nil {
		return nil, err
	}
	href := filtered("/v6/Machines", map[string]string{"state": string(q.State), "repositoryId": string(q.RepositoryID), "hostName": q.HostName})
	return v6.ListMachines200JSONResponse{
		Offset: q.Offset, Limit: q.Limit, Results: convert(found.Machines, machineJSON),
		Summary: v6.MachineSummary{
			Machines: found.InTime + found.Late + found.Unknown, InTime: found.InTime, Late: found.Late,
			Unknown: found.Unknown, Retired: found.Retired, UnwatchedSeries: found.Unwatched,
		},
		Links: pageLinks(href, q.Limit, q.Offset, found.Total),
	}, nil
}

// GetMachine answers GET /v6/Machines/{machineId}.
func (h *machines) GetMachine(ctx context.Context, req v6.GetMachineRequestObject) (v6.GetMachineResponseObject, error) {
	m, err := h.watch.Machine(ctx, req.MachineID)
	if err != nil {
		return nil, err
	}
	return v6.GetMachine200JSONResponse(machineJSON(m)), nil
}

// RetireMachine answers POST /v6/Machines/{machineId}/Retire.
func (h *machines) RetireMachine(ctx context.Context, req v6.RetireMachineRequestObject) (v6.RetireMachineResponseObject, error) {
	if err := h.watch.Retire(ctx, req.MachineID, infoFrom(ctx).identity.UserName); err != nil {
		return nil, err
	}
	return v6.RetireMachine200Response{}, nil
}

// ResumeMachine answers POST /v6/Machines/{machineId}/Resume.
func (h *machines) ResumeMachine(ctx context.Context, req v6.ResumeMachineRequestObject) (v6.ResumeMachineResponseObject, error) {
	if err := h.watch.Resume(ctx, req.MachineID); err != nil {
		return nil, err
	}
	return v6.ResumeMachine200Response{}, nil
}

func machineJSON(m series.Machine) v6.Machine {
	return v6.Machine{
		ID: m.ID, HostName: plain(m.HostName), State: m.State, LastBackupTime: timeJSON(m.LastBackup),
		Series: convert(m.Series, seriesJSON),
		Links:  v6.SelfLinks{Self: v6.Link{Href: "/v6/Machines/" + string(m.ID)}},
	}
}

func seriesJSON(x series.SeriesState) v6.MachineSeries {
	answer := v6.MachineSeries{
		ID: x.ID, RepositoryID: x.RepositoryID, RepositoryName: x.RepositoryName,
		Paths: convert(x.Paths, plain), MorePaths: present(x.MorePaths),
		State: x.State, UnknownReason: present(string(x.Reason)),
		LastBackupTime: timeJSON(x.LastBackup), LastSeenTime: timeJSON(x.LastSeen),
		RhythmSeconds: present(int64(x.Rhythm / time.Second)), LateAfter: timeJSON(x.LateAfter),
		Tags: presentList(convert(x.Tags, plain)), FutureSnapshots: present(x.Future), SilentAtFirst: present(x.SilentAtFirst),
		UnusualMessage: present(x.Unusual), UnusualLink: present(x.UnusualLink), NotCompared: present(x.Skipped),
		RetiredTime: timeJSON(x.RetiredAt), RetiredBy: present(x.RetiredBy),
		Links: v6.SeriesLinks{Repository: repositoryLink(x.RepositoryID)},
	}
	if !x.Latest.IsZero() {
		answer.LatestSnapshotID = present(x.Latest.String())
	}
	if x.Size >= 0 {
		answer.Size = &x.Size
	}
	if x.Rule != nil {
		answer.RuleID, answer.RuleName = &x.Rule.ID, &x.Rule.Name
	}
	return answer
}
