package api

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/watch/series"
)

const (
	machineID = "5d0f0c55-0000-4000-8000-00000000000a"
	ruleID    = "5d0f0c55-0000-4000-8000-00000000000b"
)

// fakeMachines has one machine with a series of every kind, and keeps the last query.
type fakeMachines struct{ asked *series.MachinesQuery }

var testMachine = series.Machine{
	ID: machineID, HostName: "web1\xff", State: syncline.MachineLate, LastBackup: testTime,
	Series: []series.SeriesState{{
		Series: syncline.Series{
			ID: machineID, RepositoryID: repoID, HostName: "web1\xff", Paths: []string{"/etc", "/\xfe"}, MorePaths: 2, LastBackup: testTime,
			LastSeen: testTime, Latest: syncline.Hash{1}, Tags: []string{"daily"}, Size: 0, Rhythm: time.Hour, Future: 3, SilentAtFirst: true,
		},
		RepositoryName: "main", State: syncline.MachineLate, LateAfter: testTime, Rule: &syncline.AlarmRule{ID: ruleID, Name: "a rule"},
	}, {
		Series: syncline.Series{ID: ruleID, RepositoryID: repoID, Size: -1}, RepositoryName: "main",
		State: syncline.MachineUnknown, Reason: series.NoRhythm,
	}},
}

func (f fakeMachines) Machines(_ context.Context, q series.MachinesQuery) (series.Machines, error) {
	if f.asked != nil {
		*f.asked = q
	}
	return series.Machines{Machines: []series.Machine{testMachine}, Total: 3, InTime: 1, Late: 1, Unknown: 1, Retired: 4, Unwatched: 5}, nil
}

func (f fakeMachines) Machine(_ context.Context, id syncline.ID) (series.Machine, error) {
	return testMachine, f.known(id)
}

func (f fakeMachines) Retire(_ context.Context, id syncline.ID, by string) error {
	return f.known(id)
}
func (f fakeMachines) Resume(_ context.Context, id syncline.ID) error { return f.known(id) }

func (f fakeMachines) known(id syncline.ID) error {
	if id != machineID {
		return notFound("machine")
	}
	return nil
}

// fakeSightings has seen every restore point an hour after its time, and marks it. An
// empty one has seen none.
type fakeSightings syncline.TimeMark

func (f fakeSightings) Mark(_ context.Context, points []syncline.RestorePoint) error {
	for i := range points {
		if f != "" {
			points[i].FirstSeen, points[i].TimeMark = points[i].Snapshot.Time.Add(time.Hour), syncline.TimeMark(f)
		}
	}
	return nil
}

// fakeRules keeps rules in memory.
type fakeRules struct{ rules []syncline.AlarmRule }

var testRule = syncline.AlarmRule{
	ID: ruleID, Name: "a rule", Kind: syncline.AlarmBackupLate, HostPattern: "web*", MaxAge: 26 * time.Hour, Severity: syncline.SeverityCritical, CreatedAt: testTime,
}

func (f *fakeRules) all() []syncline.AlarmRule {
	if f.rules == nil {
		f.rules = []syncline.AlarmRule{testRule}
	}
	return f.rules
}

func (f *fakeRules) AlarmRules(context.Context) ([]syncline.AlarmRule, error) { return f.all(), nil }

func (f *fakeRules) at(id syncline.ID) int {
	return slices.IndexFunc(f.all(), func(r syncline.AlarmRule) bool { return r.ID == id })
}

func (f *fakeRules) AlarmRule(_ context.Context, id syncline.ID) (syncline.AlarmRule, error) {
	if i := f.at(id); i >= 0 {
		return f.rules[i], nil
	}
	return syncline.AlarmRule{}, notFound("alarm rule")
}

func (f *fakeRules) AddAlarmRule(_ context.Context, r syncline.AlarmRule) error {
	f.rules = append(f.all(), r)
	return nil
}

func (f *fakeRules) UpdateAlarmRule(_ context.Context, r syncline.AlarmRule) error {
	i := f.at(r.ID)
	if i < 0 {
		return notFound("alarm rule")
	}
	f.rules[i] = r
	return nil
}

func (f *fakeRules) DeleteAlarmRule(_ context.Context, id syncline.ID) error {
	i := f.at(id)
	if i < 0 {
		return notFound("alarm rule")
	}
	f.rules = slices.Delete(f.rules, i, i+1)
	return nil
}

func TestMachines(t *testing.T) {
	var asked series.MachinesQuery
	w := newWorld(t, func(c *Config) { c.Machines, c.Sightings = fakeMachines{&asked}, fakeSightings(syncline.TimeLateSeen) }).populate()
	a := w.get("/v6/machines?State=Late&hostname=web1&repositoryId=" + repoID + "&limit=1&offset=1")
	want := series.MachinesQuery{State: syncline.MachineLate, HostName: "web1", RepositoryID: repoID, Limit: 1, Offset: 1}
	if asked != want {
		t.Errorf("asked for %+v, want %+v", asked, want)
	}
	for _, part := range []string{
		`"summary":{"machines":3,"inTime":1,"late":1,"unknown":1,"retired":4,"unwatchedSeries":5}`,
		`"hostName":"web1` + "\uFFFD" + `","state":"Late"`, `"morePaths":2`, `"rhythmSeconds":3600`, `"lateAfter":"2026-11-23T10:00:00Z"`,
		`"ruleName":"a rule"`, `"size":0`, `"futureSnapshots":3`, `"silentAtFirst":true`, `"unknownReason":"NoRhythm"`,
		`"next":{"href":"/v6/Machines?hostName=web1&repositoryId=` + repoID + `&state=Late&offset=2&limit=1"}`,
	} {
		if a.status != 200 || !strings.Contains(strings.ReplaceAll(a.body, `\u0026`, "&"), part) {
			t.Errorf("the answer lacks %s: %d %s", part, a.status, a.body)
		}
	}
	if strings.Count(a.body, `"size"`) != 1 {
		t.Errorf("a size that is not known is told: %s", a.body)
	}
	wantFailure(t, w.get("/v6/Machines?state=Green"), 400, "state")
	wantFailure(t, w.get("/v6/Machines?host=web1"), 400, "host")
	a = w.get("/v6/RestorePoints/" + pointID)
	if !strings.Contains(a.body, `"firstSeenTime":"2026-11-23T11:00:00.123Z","timeMark":"LateSeen"`) {
		t.Errorf("got %s", a.body)
	}
	if b := w.get("/v6/RestorePoints"); b.body != "["+a.body[:len(a.body)-1]+"]\n" {
		t.Errorf("got %s, want the list of %s", b.body, a.body)
	}
}

func TestAlarmRules(t *testing.T) {
	w := newWorld(t).populate()
	post := func(body string) answer {
		return w.do(request{method: "POST", path: "/v6/AlarmRules", body: body})
	}
	for body, part := range map[string]string{
		`{"maxAge":"26h"}`:                                       "name",
		`{"name":"x"}`:                                           "maxAge",
		`{"name":"x","maxAge":"soon"}`:                           "maxAge",
		`{"name":"x","maxAge":"0d"}`:                             "maxAge",
		`{"name":"x","maxAge":"99999d"}`:                         "maxAge",
		`{"name":"x","maxAge":"26h","kind":"StorageLow"}`:        "kind",
		`{"name":"x","maxAge":"26h","severity":"Fatal"}`:         "severity",
		`{"name":"x","maxAge":"26h","hostPattern":"[a"}`:         "hostPattern",
		`{"name":" x","maxAge":"26h"}`:                           "name",
		`{"name":"x","maxAge":"26h","user":"ada"}`:               "user",
		`{"name":"x","maxAge":"26h","tag":"a\u0000"}`:            "tag",
		`{"name":"x","maxAge":"26h","paths":["/a\u001b"]}`:       "paths",
		`{"name":"x","maxAge":"26h","paths":["/a",""]}`:          "paths",
		`{"name":"x","maxAge":"26h","repositoryId":"something"}`: "repositoryId",
		`{"name":"x","maxAge":"26h","id":"` + repoID + `"}`:      "id cannot be chosen",
	} {
		wantFailure(t, post(body), 400, part)
	}
	a := post(`{"name":"hourly","maxAge":"1d12h","paths":["/srv"],"tag":"t","repositoryId":"` + repoID + `","enabled":false,"hostPattern":""}`)
	if a.status != 201 {
		t.Fatalf("got %d %s", a.status, a.body)
	}
	var rule map[string]any
	if err := json.Unmarshal([]byte(a.body), &rule); err != nil {
		t.Fatal(err)
	}
	if rule["maxAge"] != "36h" || rule["severity"] != "Warning" || rule["enabled"] != false || rule["kind"] != "BackupLate" || rule["hostPattern"] != nil {
		t.Errorf("got %s", a.body)
	}
	path := "/v6/AlarmRules/" + rule["id"].(string)
	if b := w.do(request{method: "PUT", path: path, body: a.body}); b.status != 200 || b.body != a.body { // as it came
		t.Errorf("got %d %s, want %s", b.status, b.body, a.body)
	}
	b := w.do(request{method: "PUT", path: path, body: `{"enabled":true,"paths":[],"repositoryId":"00000000-0000-0000-0000-000000000000","tag":null}`})
	if !strings.Contains(b.body, `"tag":"t"`) || strings.Contains(b.body, "paths") || strings.Contains(b.body, "repositoryId") || !strings.Contains(b.body, `"enabled":true`) {
		t.Errorf("got %s", b.body)
	}
	wantFailure(t, w.do(request{method: "PUT", path: path, body: `{"id":"` + repoID + `"}`}), 400, "id")
	if b := w.do(request{method: "DELETE", path: path}); b.status != 204 {
		t.Errorf("got %d %s", b.status, b.body)
	}
	wantFailure(t, w.get(path), 404)
}
