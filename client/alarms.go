package client

import (
	"context"
	"iter"
	"net/http"
	"net/url"
	"time"

	"syncline.dev/syncline"
)

const alarms = "Alarms"

// Alarm is something that is wrong, or was.
type Alarm struct {
	ID             syncline.ID         `json:"id"`
	Kind           syncline.AlarmKind  `json:"kind"`
	Severity       syncline.Severity   `json:"severity"`
	RepositoryID   syncline.ID         `json:"repositoryId,omitempty"`   // "" where the server itself is concerned
	RepositoryName string              `json:"repositoryName,omitempty"` // at present
	MachineID      syncline.ID         `json:"machineId,omitempty"`      // "" where no host is concerned
	SeriesID       syncline.ID         `json:"seriesId,omitempty"`       // "" where no series is concerned
	HostName       string              `json:"hostName,omitempty"`
	Paths          []string            `json:"paths"` // of the series
	Message        string              `json:"message"`
	StartTime      time.Time           `json:"startTime"`
	EndTime        time.Time           `json:"endTime,omitzero"`         // zero while it is open
	AcknowledgedBy string              `json:"acknowledgedBy,omitempty"` // the user's name, "" for nobody
	AcknowledgedAt time.Time           `json:"acknowledgedTime,omitzero"`
	Note           string              `json:"note,omitempty"`
	SilencedUntil  time.Time           `json:"silencedUntil,omitzero"` // zero for no silence
	State          syncline.AlarmState `json:"state"`
	Reopened       int                 `json:"reopened"`       // how often it began again
	Link           string              `json:"link,omitempty"` // the console's page that shows more
}

type alarmPageJSON struct {
	Total   int     `json:"total"`
	Results []Alarm `json:"results"`
}

// Alarms returns the alarms that match, newest first.
func (c *Client) Alarms(ctx context.Context, f syncline.AlarmFilter) iter.Seq2[Alarm, error] {
	return offsets(func(q url.Values) ([]Alarm, error) {
		set(q, "state", string(f.State))
		set(q, "repositoryId", string(f.RepositoryID))
		set(q, "kind", string(f.Kind))
		page, err := get[alarmPageJSON](ctx, c, at(alarms), q)
		return page.Results, err
	})
}

// Alarm returns one alarm.
func (c *Client) Alarm(ctx context.Context, id syncline.ID) (Alarm, error) {
	return get[Alarm](ctx, c, under(alarms, id), nil)
}

// AcknowledgeAlarm says that the user knows of an alarm. A nil note leaves the old one.
func (c *Client) AcknowledgeAlarm(ctx context.Context, id syncline.ID, note *string) (Alarm, error) {
	body := struct {
		Note *string `json:"note,omitempty"`
	}{note}
	return fetch[Alarm](ctx, c, call{method: http.MethodPost, path: under(alarms, id, "Acknowledge"), body: body})
}

// SilenceAlarm silences an open alarm until a time; the zero time ends its silence. A
// nil note leaves the old one.
func (c *Client) SilenceAlarm(ctx context.Context, id syncline.ID, until time.Time, note *string) (Alarm, error) {
	body := struct {
		Until *time.Time `json:"until"`
		Note  *string    `json:"note,omitempty"`
	}{nil, note}
	if !until.IsZero() {
		until = until.UTC()
		body.Until = &until
	}
	return fetch[Alarm](ctx, c, call{method: http.MethodPost, path: under(alarms, id, "Silence"), body: body})
}
