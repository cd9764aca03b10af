package api

import (
	"context"
	"slices"
	"strings"

	"syncline.dev/syncline"
	v6 "syncline.dev/syncline/internal/api/v6"
	"syncline.dev/syncline/internal/store"
	"syncline.dev/syncline/internal/watch/series"
)

// alarmRules answers for the rules of alarms.
type alarmRules struct {
	store store.AlarmRules
	made  *stamp
}

// ListAlarmRules answers GET /v6/AlarmRules.
func (h *alarmRules) ListAlarmRules(ctx context.Context, _ v6.ListAlarmRulesRequestObject) (v6.ListAlarmRulesResponseObject, error) {
	rules, err := h.store.AlarmRules(ctx)
	if err != nil {
		return nil, err
	}
	return v6.ListAlarmRules200JSONResponse(convert(rules, alarmRuleJSON)), nil
}

// GetAlarmRule answers GET /v6/AlarmRules/{alarmRuleId}.
func (h *alarmRules) GetAlarmRule(ctx context.Context, req v6.GetAlarmRuleRequestObject) (v6.GetAlarmRuleResponseObject, error) {
	r, err := h.store.AlarmRule(ctx, req.AlarmRuleID)
	if err != nil {
		return nil, err
	}
	return v6.GetAlarmRule200JSONResponse(alarmRuleJSON(r)), nil
}

// maxAlarmRules bounds the rules, each of which is compared with every series.
const maxAlarmRules = 1000

// AddAlarmRule answers POST /v6/AlarmRules.
func (h *alarmRules) AddAlarmRule(ctx context.Context, req v6.AddAlarmRuleRequestObject) (v6.AddAlarmRuleResponseObject, error) {
	if saysID(req.Body.ID) {
		return nil, invalid("id cannot be chosen; leave it out")
	}
	rules, err := h.store.AlarmRules(ctx)
	if err != nil {
		return nil, err
	}
	if len(rules) >= maxAlarmRules {
		return nil, syncline.Errorf(syncline.CodeConflict, "there are %d alarm rules already, which is the most; delete one first", len(rules))
	}
	r := syncline.AlarmRule{ID: h.made.newID(), Kind: syncline.AlarmBackupLate, Severity: syncline.SeverityWarning, CreatedAt: h.made.now().UTC(), ManagedBy: infoFrom(ctx).manager}
	if err := mergeRule(&r, req.Body); err != nil {
		return nil, err
	}
	if err := h.store.AddAlarmRule(ctx, r); err != nil {
		return nil, err
	}
	return v6.AddAlarmRule201JSONResponse(alarmRuleJSON(r)), nil
}

// UpdateAlarmRule answers PUT /v6/AlarmRules/{alarmRuleId}.
func (h *alarmRules) UpdateAlarmRule(ctx context.Context, req v6.UpdateAlarmRuleRequestObject) (v6.UpdateAlarmRuleResponseObject, error) {
	r, err := h.store.AlarmRule(ctx, req.AlarmRuleID)
	if err != nil {
		return nil, err
	}
	if saysID(req.Body.ID) && !strings.EqualFold(string(*req.Body.ID), string(r.ID)) {
		return nil, invalid("id cannot be changed; leave it out")
	}
	if r.ManagedBy, err = managed(ctx, "alarm rule", r.ManagedBy); err != nil {
		return nil, err
	}
	if err := mergeRule(&r, req.Body); err != nil {
		return nil, err
	}
	if err := h.store.UpdateAlarmRule(ctx, r); err != nil {
		return nil, err
	}
	return v6.UpdateAlarmRule200JSONResponse(alarmRuleJSON(r)), nil
}

// DeleteAlarmRule answers DELETE /v6/AlarmRules/{alarmRuleId}.
func (h *alarmRules) DeleteAlarmRule(ctx context.Context, req v6.DeleteAlarmRuleRequestObject) (v6.DeleteAlarmRuleResponseObject, error) {
	r, err := h.store.AlarmRule(ctx, req.AlarmRuleID)
	if err != nil {
		return nil, err
	}
	if _, err := managed(ctx, "alarm rule", r.ManagedBy); err != nil {
		return nil, err
	}
	if err := h.store.DeleteAlarmRule(ctx, req.AlarmRuleID); err != nil {
		return nil, err
	}
	return v6.DeleteAlarmRule204Response{}, nil
}

// mergeRule takes over the fields that the body sets and checks the outcome.
func mergeRule(r *syncline.AlarmRule, b *v6.AlarmRuleFromClient) (err error) {
	set(&r.Name, b.Name)
	set(&r.HostPattern, b.HostPattern)
	set(&r.Paths, b.Paths)
	set(&r.Tag, b.Tag)
	set(&r.Severity, b.Severity)
	if b.Enabled != nil {
		r.Disabled = !*b.Enabled
	}
	if b.RepositoryID != nil {
		if r.RepositoryID = ""; saysID(b.RepositoryID) {
			r.RepositoryID = syncline.ID(strings.ToLower(string(*b.RepositoryID)))
		}
	}
	if b.MaxAge != nil {
		if r.MaxAge, err = series.ParseAge(*b.MaxAge); err != nil {
			return err
		}
	}
	switch {
	case r.Name == "":
		return invalid("name is required; give the rule a name")
	case strings.TrimSpace(r.Name) != r.Name || hasControl(r.Name):
		return invalid("name must not begin or end with a space or hold control characters")
	case hasControl(r.Tag) || slices.ContainsFunc(r.Paths, hasControl):
		return invalid("tag and paths must not hold control characters")
	case slices.ContainsFunc(r.Paths, func(p string) bool { return p == "" }):
		return invalid("paths must not hold an empty path; leave it out, or paths as a whole for all of them")
	case r.MaxAge == 0:
		return invalid("maxAge is required; say how old the newest backup may become, such as 26h")
	}
	return series.CheckHostPattern(r.HostPattern)
}

func alarmRuleJSON(r syncline.AlarmRule) v6.AlarmRule {
	return v6.AlarmRule{
		ID: r.ID, Name: plain(r.Name), Kind: r.Kind, RepositoryID: present(r.RepositoryID), HostPattern: present(r.HostPattern),
		Paths: presentList(r.Paths), Tag: present(r.Tag), MaxAge: series.DurationText(r.MaxAge), Severity: r.Severity, Enabled: !r.Disabled,
		ManagedBy: present(r.ManagedBy),
		Links:     v6.SelfLinks{Self: v6.Link{Href: "/v6/AlarmRules/" + string(r.ID)}},
	}
}

// plain is a text in JSON, which holds UTF-8 only.
func plain(text string) string { return strings.ToValidUTF8(text, "\uFFFD") }
