package api

import (
	"context"
	"strings"
	"time"

	"syncline.dev/syncline"
	v6 "syncline.dev/syncline/internal/api/v6"
)

// Alarms keeps the alarms. The contract of the methods is that of store.Alarms.
type Alarms interface {
	Alarms(ctx context.Context, f syncline.AlarmFilter, limit, offset int) ([]syncline.Alarm, int, error)
	Alarm(ctx context.Context, id syncline.ID) (syncline.Alarm, error)
	AcknowledgeAlarm(ctx context.Context, id syncline.ID, by string, at time.Time, note *string) (syncline.Alarm, error)
	SilenceAlarm(ctx context.Context, id syncline.ID, until time.Time, note *string) (syncline.Alarm, error)
}

// alarms answers for the alarms.
type alarms struct {
	store        Alarms
	repositories Repositories
	made         *stamp
}

// ListAlarms answers GET /v6/Alarms.
func (h *alarms) ListAlarms(ctx context.Context, req v6.ListAlarmsRequestObject) (v6.ListAlarmsResponseObject, error) {
	p := req.Params
	f := syncline.AlarmFilter{State: syncline.AlarmState(deref(p.State)), RepositoryID: deref(p.RepositoryID), Kind: deref(p.Kind)}
	limit, offset := int(deref(p.Limit)), int(deref(p.Offset))
	page, total, err := h.store.Alarms(ctx, f, limit, offset)
	if err != nil {
		return nil, err
	}
	results, err := h.withNames(ctx, page...)
	if err != nil {
		return nil, err
	}
	href := filtered("/v6/Alarms", map[string]string{"state": string(f.State), "repositoryId": string(f.RepositoryID), "kind": string(f.Kind)})
	return v6.ListAlarms200JSONResponse{
		Offset: offset, Limit: limit, Total: total, Results: results, Links: pageLinks(href, limit, offset, total),
	}, nil
}

// GetAlarm answers GET /v6/Alarms/{alarmId}.
func (h *alarms) GetAlarm(ctx context.Context, req v6.GetAlarmRequestObject) (v6.GetAlarmResponseObject, error) {
	a, err := h.store.Alarm(ctx, req.AlarmID)
	if err != nil {
		return nil, err
	}
	answer, err := h.withNames(ctx, a)
	if err != nil {
		return nil, err
	}
	return v6.GetAlarm200JSONResponse(answer[0]), nil
}

// AcknowledgeAlarm answers POST /v6/Alarms/{alarmId}/Acknowledge.
func (h *alarms) AcknowledgeAlarm(ctx context.Context, req v6.AcknowledgeAlarmRequestObject) (v6.AcknowledgeAlarmResponseObject, error) {
	if err := checkNote(req.Body.Note); err != nil {
		return nil, err
	}
	a, err := h.store.AcknowledgeAlarm(ctx, req.AlarmID, infoFrom(ctx).identity.UserName, h.made.now().UTC(), req.Body.Note)
	if err != nil {
		return nil, err
	}
	answer, err := h.withNames(ctx, a)
	if err != nil {
		return nil, err
	}
	return v6.AcknowledgeAlarm200JSONResponse(answer[0]), nil
}

// SilenceAlarm answers POST /v6/Alarms/{alarmId}/Silence.
func (h *alarms) SilenceAlarm(ctx context.Context, req v6.SilenceAlarmRequestObject) (v6.SilenceAlarmResponseObject, error) {
	now, until := h.made.now().UTC(), deref(req.Body.Until).UTC()
	if err := checkNote(req.Body.Note); err != nil {
		return nil, err
	}
	switch {
	case req.Body.Until == nil:
		until = time.Time{}
	case !until.After(now):
		return nil, invalid("until is in the past; name a later time, or null to end the silence")
	case until.Sub(now) > syncline.MaxSilence:
		return nil, invalid("until is more than 366 days ahead; name an earlier time")
	}
	a, err := h.store.SilenceAlarm(ctx, req.AlarmID, until, req.Body.Note)
	if err != nil {
		return nil, err
	}
	answer, err := h.withNames(ctx, a)
	if err != nil {
		return nil, err
	}
	return v6.SilenceAlarm200JSONResponse(answer[0]), nil
}

func checkNote(note *string) error {
	if len(deref(note)) > syncline.MaxNote {
		return invalid("note is too long; it has at most %d bytes", syncline.MaxNote)
	}
	if hasControl(strings.NewReplacer("\n", "", "\t", "").Replace(deref(note))) {
		return invalid("note must not hold control characters other than line breaks and tabs")
	}
	return nil
}

// withNames returns alarms as the API has them, with the names of their repositories.
func (h *alarms) withNames(ctx context.Context, list ...syncline.Alarm) ([]v6.Alarm, error) {
	known, err := h.repositories.Repositories(ctx)
	if err != nil {
		return nil, err
	}
	names := make(map[syncline.ID]string, len(known))
	for _, r := range known {
		names[r.ID] = r.Name
	}
	return convert(list, func(a syncline.Alarm) v6.Alarm { return alarmJSON(a, names[a.RepositoryID]) }), nil
}

func alarmJSON(a syncline.Alarm, repository string) v6.Alarm {
	answer := v6.Alarm{
		ID: a.ID, Kind: a.Kind, Severity: a.Severity, HostName: present(plain(a.HostName)), Paths: convert(a.Paths, plain), Message: a.Message,
		StartTime: a.StartedAt.UTC(), EndTime: timeJSON(a.EndedAt), State: string(syncline.AlarmStateOpen), Reopened: a.Reopened,
		AcknowledgedBy: present(a.AcknowledgedBy), AcknowledgedTime: timeJSON(a.AcknowledgedAt), Note: present(a.Note),
		SilencedUntil: timeJSON(a.SilencedUntil), Link: present(a.Link),
		Links: v6.AlarmLinks{Self: v6.Link{Href: "/v6/Alarms/" + string(a.ID)}},
	}
	if !a.Open() {
		answer.State = string(syncline.AlarmStateEnded)
	}
	if a.RepositoryID != "" {
		answer.RepositoryID, answer.RepositoryName = present(a.RepositoryID), present(repository)
		answer.Links.Repository = present(repositoryLink(a.RepositoryID))
	}
	if a.HostName != "" {
		answer.MachineID = present(syncline.MachineID(a.HostName))
	}
	if a.Kind == syncline.AlarmBackupLate || a.Kind == syncline.AlarmBackupUnusual {
		if id, err := syncline.ParseID(a.Subject); err == nil {
			answer.SeriesID = present(id)
		}
	}
	return answer
}
