package api

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"syncline.dev/syncline"
	v6 "syncline.dev/syncline/internal/api/v6"
)

const (
	alarmID      = "5d0f0c55-0000-4000-8000-00000000a001"
	endedAlarmID = "5d0f0c55-0000-4000-8000-00000000a002"
	seriesID     = "5d0f0c55-0000-4000-8000-00000000a003"
)

// fakeAlarms has an open and an ended alarm, newest first.
type fakeAlarms struct {
	mu   sync.Mutex
	list []syncline.Alarm
}

func newFakeAlarms() *fakeAlarms {
	return &fakeAlarms{list: []syncline.Alarm{
		{
			ID: endedAlarmID, StartedAt: testTime, EndedAt: testTime.Add(time.Hour), Reopened: 2,
			Condition: syncline.Condition{Kind: syncline.AlarmStorageLow, Severity: syncline.SeverityInfo, Subject: "data", Message: "full"},
		},
		{
			ID: alarmID, StartedAt: testTime, Condition: syncline.Condition{
				Kind: syncline.AlarmBackupLate, Severity: syncline.SeverityWarning, RepositoryID: repoID, Subject: seriesID,
				HostName: "web1", Paths: []string{"/srv", "/odd\xff"}, Message: "late", Link: "/machines",
			},
		},
	}}
}

func (f *fakeAlarms) Alarms(_ context.Context, q syncline.AlarmFilter, limit, offset int) ([]syncline.Alarm, int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	match := slices.DeleteFunc(slices.Clone(f.list), func(a syncline.Alarm) bool {
		return q.State != "" && a.Open() != (q.State == syncline.AlarmStateOpen) ||
			cmp.Or(q.RepositoryID, a.RepositoryID) != a.RepositoryID || cmp.Or(q.Kind, a.Kind) != a.Kind
	})
	from := min(offset, len(match))
	return match[from:min(from+limit, len(match))], len(match), nil
}

func (f *fakeAlarms) Alarm(_ context.Context, id syncline.ID) (syncline.Alarm, error) {
	return f.change(id, func(*syncline.Alarm) {})
}

func (f *fakeAlarms) change(id syncline.ID, change func(*syncline.Alarm)) (syncline.Alarm, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range f.list {
		if f.list[i].ID == id {
			change(&f.list[i])
			return f.list[i], nil
		}
	}
	return syncline.Alarm{}, notFound("alarm")
}

func (f *fakeAlarms) AcknowledgeAlarm(_ context.Context, id syncline.ID, by string, at time.Time, note *string) (syncline.Alarm, error) {
	return f.change(id, func(a *syncline.Alarm) {
		a.AcknowledgedBy, a.AcknowledgedAt = by, at
		if note != nil {
			a.Note = *note
		}
	})
}

func (f *fakeAlarms) SilenceAlarm(_ context.Context, id syncline.ID, until time.Time, note *string) (syncline.Alarm, error) {
	return f.change(id, func(a *syncline.Alarm) {
		a.SilencedUntil = until
		if note != nil {
			a.Note = *note
		}
	})
}

func TestListAlarms(t *testing.T) {
	w := newWorld(t).populate()
	page := decode[v6.AlarmPage](t, w.do(request{method: "GET", path: "/v6/alarms", token: "viewer"}))
	if page.Total != 2 || page.Limit != 100 || len(page.Results) != 2 || page.Results[0].ID != endedAlarmID {
		t.Fatalf("got %+v", page)
	}
	ended, open := page.Results[0], page.Results[1]
	if ended.State != "Ended" || ended.RepositoryID != nil || ended.MachineID != nil || ended.SeriesID != nil || ended.Reopened != 2 || ended.EndTime == nil {
		t.Errorf("got %+v", ended)
	}
	if open.State != "Open" || deref(open.RepositoryName) != "main" || deref(open.SeriesID) != seriesID || deref(open.MachineID) != syncline.MachineID("web1") ||
		!slices.Equal(open.Paths, []string{"/srv", "/odd\uFFFD"}) || deref(open.Link) != "/machines" || open.Severity != "Warning" || open.EndTime != nil {
		t.Errorf("got %+v", open)
	}
	for query, want := range map[string]string{
		"state=Open": alarmID, "state=Ended": endedAlarmID, "kind=BackupLate": alarmID, "repositoryId=" + strings.ToUpper(repoID): alarmID,
		"repositoryId=" + unknownID: "", "limit=1": endedAlarmID, "limit=1&offset=1": alarmID,
	} {
		var got []string
		for _, a := range decode[v6.AlarmPage](t, w.get("/v6/Alarms?"+query)).Results {
			got = append(got, string(a.ID))
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: got %v", query, got)
		}
	}
	for query, want := range map[string]string{"state=open": "state", "kind=Late": "kind", "host=a": "host", "limit=0": "limit"} {
		wantFailure(t, w.do(request{method: "GET", path: "/v6/Alarms?" + query}), 400, want)
	}
	links := decode[v6.AlarmPage](t, w.get("/v6/Alarms?limit=1")).Links
	if links.Prev != nil || links.Next == nil {
		t.Fatalf("got %+v", links)
	}
	if next := decode[v6.AlarmPage](t, w.get(links.Next.Href)); len(next.Results) != 1 || next.Results[0].ID != alarmID || next.Links.Next != nil || next.Links.Prev == nil {
		t.Errorf("got %+v", next)
	}
	// The links of a page keep its filter.
	if self := decode[v6.AlarmPage](t, w.get("/v6/Alarms?state=Open&kind=BackupLate")).Links.Self.Href; !strings.Contains(self, "state=Open") || !strings.Contains(self, "kind=BackupLate") {
		t.Errorf("got %s", self)
	}
}

func TestAcknowledgeAlarm(t *testing.T) {
	w := newWorld(t).populate()
	path := "/v6/Alarms/" + alarmID + "/Acknowledge"
	a := decode[v6.Alarm](t, w.do(request{method: "POST", path: path, token: "operator", body: `{"note":"größer"}`}))
	if deref(a.AcknowledgedBy) != "the operator" || deref(a.Note) != "größer" || !deref(a.AcknowledgedTime).Equal(testTime) {
		t.Errorf("got %+v", a)
	}
	a = decode[v6.Alarm](t, w.do(request{method: "POST", path: path, body: `{}`}))
	if deref(a.AcknowledgedBy) != "the administrator" || deref(a.Note) != "größer" {
		t.Errorf("got %+v", a)
	}
	wantFailure(t, w.do(request{method: "POST", path: path, body: `{"note":"` + strings.Repeat("ä", 1001) + `"}`}), 400, "note", "2000 bytes")
	wantFailure(t, w.do(request{method: "POST", path: path, body: `{"note":"a\u001b[31m"}`}), 400, "note", "control characters")
	wantFailure(t, w.do(request{method: "POST", path: path, body: `{"by":"somebody else"}`}), 400, "by")
}

func TestSilenceAlarm(t *testing.T) {
	w := newWorld(t).populate()
	path := "/v6/Alarms/" + alarmID + "/Silence"
	until := testTime.Add(48 * time.Hour).UTC()
	a := decode[v6.Alarm](t, w.do(request{method: "POST", path: path, body: fmt.Sprintf(`{"until":%q,"note":"n"}`, until.Format(time.RFC3339))}))
	if !deref(a.SilencedUntil).Equal(until) || deref(a.Note) != "n" || a.AcknowledgedBy != nil {
		t.Errorf("got %+v", a)
	}
	if a = decode[v6.Alarm](t, w.do(request{method: "POST", path: path, body: `{"until":null}`})); a.SilencedUntil != nil || deref(a.Note) != "n" {
		t.Errorf("got %+v", a)
	}
	for until, want := range map[string]string{testTime.Format(time.RFC3339): "past", testTime.AddDate(1, 0, 2).Format(time.RFC3339): "366 days", "monday": "until"} {
		wantFailure(t, w.do(request{method: "POST", path: path, body: fmt.Sprintf(`{"until":%q}`, until)}), 400, want)
	}
	wantFailure(t, w.do(request{method: "POST", path: path, body: `{}`}), 400, "until")
}
