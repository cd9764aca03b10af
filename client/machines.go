package client

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"syncline.dev/syncline"
)

const (
	machines   = "Machines"
	alarmRules = "AlarmRules"
)

// Machine is a host that is backed up.
type Machine struct {
	ID             syncline.ID           `json:"id"`
	HostName       string                `json:"hostName"`
	State          syncline.MachineState `json:"state"`
	LastBackupTime time.Time             `json:"lastBackupTime,omitzero"` // zero for none
	Series         []MachineSeries       `json:"series"`
}

// MachineSeries is the backups of one set of a machine's paths in one repository. Fields
// that are zero where nothing is known say so.
type MachineSeries struct {
	ID             syncline.ID           `json:"id"`
	RepositoryID   syncline.ID           `json:"repositoryId"`
	RepositoryName string                `json:"repositoryName"`
	Paths          []string              `json:"paths"`
	MorePaths      int                   `json:"morePaths,omitzero"` // that are not listed
	State          syncline.MachineState `json:"state"`
	UnknownReason  string                `json:"unknownReason,omitzero"`  // NoRhythm or NotLookedAt
	LastBackupTime time.Time             `json:"lastBackupTime,omitzero"` // that the newest backup claims
	LastSeenTime   time.Time             `json:"lastSeenTime,omitzero"`   // that counts for it
	RhythmSeconds  int64                 `json:"rhythmSeconds,omitzero"`
	LateAfter      time.Time             `json:"lateAfter,omitzero"`
	RuleID         syncline.ID           `json:"ruleId,omitzero"`
	RuleName       string                `json:"ruleName,omitzero"`
	Size           *int64                `json:"size,omitzero"` // bytes; nil where it is not known
	Tags           []string              `json:"tags,omitzero"`

	LatestSnapshotID string    `json:"latestSnapshotId,omitzero"`
	FutureSnapshots  int       `json:"futureSnapshots,omitzero"` // the newest ones, which claim the future
	SilentAtFirst    bool      `json:"silentAtFirst,omitzero"`
	UnusualMessage   string    `json:"unusualMessage,omitzero"` // of the last unusual backup, while it is told of
	UnusualLink      string    `json:"unusualLink,omitzero"`    // a path of the console
	NotCompared      bool      `json:"notCompared,omitzero"`
	RetiredTime      time.Time `json:"retiredTime,omitzero"`
	RetiredBy        string    `json:"retiredBy,omitzero"`
}

// MachineSummary counts machines.
type MachineSummary struct {
	Machines        int `json:"machines"` // all but the retired ones
	InTime          int `json:"inTime"`
	Late            int `json:"late"`
	Unknown         int `json:"unknown"`
	Retired         int `json:"retired"`
	UnwatchedSeries int `json:"unwatchedSeries"`
}

// MachinesQuery selects machines. Empty fields select all.
type MachinesQuery struct {
	State        syncline.MachineState
	RepositoryID syncline.ID
	HostName     string
}

type machinePage struct {
	Summary MachineSummary `json:"summary"`
	Results []Machine      `json:"results"`
}

// machinePageSize is how many machines one request asks for.
const machinePageSize = 1000

// Machines returns machines, the late ones first, and counts those that the query
// selects in whatever state.
func (c *Client) Machines(ctx context.Context, query MachinesQuery) ([]Machine, MachineSummary, error) {
	q := url.Values{}
	set(q, "state", string(query.State))
	set(q, "repositoryId", string(query.RepositoryID))
	set(q, "hostName", query.HostName)
	q.Set("limit", strconv.Itoa(machinePageSize))
	var all []Machine
	for {
		q.Set("offset", strconv.Itoa(len(all)))
		page, err := get[machinePage](ctx, c, at(machines), q)
		if err != nil {
			return nil, MachineSummary{}, err
		}
		all = append(all, page.Results...)
		if len(page.Results) < machinePageSize {
			return all, page.Summary, nil
		}
	}
}

// Machine returns one machine.
func (c *Client) Machine(ctx context.Context, id syncline.ID) (Machine, error) {
	return get[Machine](ctx, c, under(machines, id), nil)
}

// RetireMachine ends the watch of a machine, or with the id of a series of that series.
func (c *Client) RetireMachine(ctx context.Context, id syncline.ID) error {
	return c.perform(ctx, http.MethodPost, under(machines, id, "Retire"), nil)
}

// ResumeMachine watches a machine or a series again.
func (c *Client) ResumeMachine(ctx context.Context, id syncline.ID) error {
	return c.perform(ctx, http.MethodPost, under(machines, id, "Resume"), nil)
}

// AlarmRule says how old the newest backup of some series may become. When it is added
// or changed, zero fields say nothing, except for Enabled.
type AlarmRule struct {
	ID           syncline.ID        `json:"id,omitzero"` // the server chooses it
	Name         string             `json:"name,omitzero"`
	Kind         syncline.AlarmKind `json:"kind,omitzero"`
	RepositoryID syncline.ID        `json:"repositoryId,omitzero"`
	HostPattern  string             `json:"hostPattern,omitzero"`
	Paths        []string           `json:"paths,omitzero"`
	Tag          string             `json:"tag,omitzero"`
	MaxAge       string             `json:"maxAge,omitzero"` // such as 26h or 7d
	Severity     syncline.Severity  `json:"severity,omitzero"`
	Enabled      bool               `json:"enabled"`
	// ManagedBy is that of a Repository. The server tells it and takes none.
	ManagedBy string `json:"managedBy,omitzero"`
}

// AlarmRules returns the alarm rules, oldest first.
func (c *Client) AlarmRules(ctx context.Context) ([]AlarmRule, error) {
	return get[[]AlarmRule](ctx, c, at(alarmRules), nil)
}

// AlarmRule returns one alarm rule.
func (c *Client) AlarmRule(ctx context.Context, id syncline.ID) (AlarmRule, error) {
	return get[AlarmRule](ctx, c, under(alarmRules, id), nil)
}

// AddAlarmRule adds an alarm rule and returns it as the server keeps it.
func (c *Client) AddAlarmRule(ctx context.Context, r AlarmRule) (AlarmRule, error) {
	return fetch[AlarmRule](ctx, c, call{method: http.MethodPost, path: at(alarmRules), body: r})
}

// UpdateAlarmRule changes the alarm rule with r's id.
func (c *Client) UpdateAlarmRule(ctx context.Context, r AlarmRule) (AlarmRule, error) {
	return fetch[AlarmRule](ctx, c, call{method: http.MethodPut, path: under(alarmRules, r.ID), body: r})
}

// ReplaceAlarmRule makes the alarm rule with r's id this one; zero fields are emptied.
func (c *Client) ReplaceAlarmRule(ctx context.Context, r AlarmRule) error {
	return c.perform(ctx, http.MethodPut, under(alarmRules, r.ID), map[string]any{
		"name": r.Name, "repositoryId": cmp.Or(r.RepositoryID, "00000000-0000-0000-0000-000000000000"), "hostPattern": r.HostPattern,
		"paths": append([]string{}, r.Paths...), "tag": r.Tag, "maxAge": r.MaxAge, "severity": r.Severity, "enabled": r.Enabled,
	})
}

// DeleteAlarmRule deletes an alarm rule.
func (c *Client) DeleteAlarmRule(ctx context.Context, id syncline.ID) error {
	return c.perform(ctx, http.MethodDelete, under(alarmRules, id), nil)
}
