package api

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"syncline.dev/syncline"
	v6 "syncline.dev/syncline/internal/api/v6"
)

const noStatistics = `"statistics":{"requests":0,"requestsByKind":{},"bytesFetched":0,"bytesPlanned":0,"retries":0,` +
	`"snapshotsTotal":0,"snapshotsFound":0,"snapshotsAdded":0,"snapshotsRemoved":0,"indexesRead":0,"treesAdded":0,"entriesAdded":0,"damaged":0}`

// TestExample is the example of the page that the contract begins with, byte by
// byte, with our own properties behind it.
func TestExample(t *testing.T) {
	w := newWorld(t).populate()
	a := w.get("/v6/RepositorySynchronizeSessions")
	want := `[{"id":"c6d1fc1b-1aef-411f-9a7f-de35e546c615","repositoryId":"c6d1fc1b-1aef-411f-9a7f-de35e546c615",` +
		`"state":"Synchronizing","progressPercent":0,"_links":{` +
		`"self":{"href":"/v6/RepositorySynchronizeSessions/c6d1fc1b-1aef-411f-9a7f-de35e546c615"},` +
		`"repository":{"href":"/v6/backuprepositories/c6d1fc1b-1aef-411f-9a7f-de35e546c615"}},` +
		`"startTime":"2026-11-23T10:00:00Z",` + noStatistics + `}]` + "\n"
	if a.status != 200 || a.body != want {
		t.Errorf("got %d\n%s\nwant\n%s", a.status, a.body, want)
	}
	// The links work as they are given.
	session := decode[[]v6.RepositorySynchronizeSession](t, a)[0]
	if self := w.get(session.Links.Self.Href); "["+strings.TrimSpace(self.body)+"]\n" != want {
		t.Errorf("the session itself is %s", self.body)
	}
	if r := w.get(session.Links.Repository.Href); r.status != 200 {
		t.Errorf("the repository's link gives %d", r.status)
	}
}

func TestEmptyLists(t *testing.T) {
	w := newWorld(t)
	for _, path := range []string{"RepositorySynchronizeSessions", "BackupRepositories", "EncryptionKeys", "RestorePoints"} {
		if a := w.get("/v6/" + path); a.body != "[]\n" || a.status != 200 {
			t.Errorf("%s: %d %q", path, a.status, a.body)
		}
	}
	w.populate().store.sessions = nil
	if a := w.get("/v6/BackupRepositories/" + repoID + "/SynchronizeSessions"); a.body != "[]\n" {
		t.Errorf("a repository's sessions: %q", a.body)
	}
}

func TestSessionStates(t *testing.T) {
	end := testTime.Add(time.Minute).In(time.FixedZone("", 3600))
	for _, c := range []struct {
		session syncline.Session
		want    string
	}{
		{syncline.Session{Work: syncline.Work{State: syncline.WorkQueued}}, `"state":"Synchronizing","progressPercent":0,_`},
		{syncline.Session{Work: syncline.Work{State: syncline.WorkRunning, Progress: 42, StartedAt: testTime}}, `"state":"Synchronizing","progressPercent":42,_,"startTime":"2026-11-23T10:00:00Z"`},
		{syncline.Session{Work: syncline.Work{State: syncline.WorkSucceeded, Progress: 100, EndedAt: end}}, `"state":"None","progressPercent":100,_,"result":"Success","endTime":"2026-11-23T10:01:00Z"`},
		{syncline.Session{Work: syncline.Work{State: syncline.WorkStopped, Progress: 7, EndedAt: end}}, `"state":"None","progressPercent":7,_,"result":"Stopped","endTime":"2026-11-23T10:01:00Z"`},
		{syncline.Session{Work: syncline.Work{State: syncline.WorkFailed, Error: "gone <now>", EndedAt: end}}, `"state":"Failed","progressPercent":0,"error":"gone \u003cnow\u003e",_,"result":"Failed","endTime":"2026-11-23T10:01:00Z"`},
		{syncline.Session{Work: syncline.Work{State: syncline.WorkFailed}}, `"state":"Failed","progressPercent":0,"error":"the synchronization failed; its log items tell more",_,"result":"Failed"`},
	} {
		data, err := json.Marshal(sessionJSON(c.session))
		if err != nil {
			t.Fatal(err)
		}
		links := `"_links":{"self":{"href":"/v6/RepositorySynchronizeSessions/"},"repository":{"href":"/v6/backuprepositories/"}}`
		want := `{"id":"","repositoryId":"",` + strings.Replace(c.want, "_", links, 1) + "," + noStatistics + "}"
		if string(data) != want {
			t.Errorf("%s:\n%s\nwant\n%s", c.session.State, data, want)
		}
	}
}

func TestStartAndStop(t *testing.T) {
	w := newWorld(t).populate()
	s := decode[v6.RepositorySynchronizeSession](t, w.do(request{method: "POST", path: "/v6/BackupRepositories/" + repoID + "/Sync", token: "operator"}))
	if s.State != "Synchronizing" || s.RepositoryID != repoID || s.StartTime != nil {
		t.Errorf("got %+v", s)
	}
	for range 2 {
		a := w.do(request{method: "POST", path: s.Links.Self.Href + "/StopSynchronize", token: "operator", body: "ignored"})
		if a.status != 200 || a.body != "" {
			t.Errorf("got %d %q", a.status, a.body)
		}
	}
	if !slices.Equal(w.sync.stopped, []syncline.ID{s.ID, s.ID}) {
		t.Errorf("stopped %v", w.sync.stopped)
	}
}

func TestHistoryPages(t *testing.T) {
	w := newWorld(t).populate()
	w.store.sessions = nil
	for i := range 40 {
		w.store.sessions = append(w.store.sessions, syncline.Session{Work: syncline.Work{ID: syncline.ID(fmt.Sprintf("00000000-0000-4000-8000-%012d", i)), RepositoryID: repoID}})
	}
	path := "/v6/BackupRepositories/" + repoID + "/SynchronizeSessions"
	page := func(query string) []string {
		var ends []string
		for _, s := range decode[[]v6.RepositorySynchronizeSession](t, w.get(path+query)) {
			ends = append(ends, string(s.ID[34:]))
		}
		return ends
	}
	if p := page(""); len(p) != 30 || p[0] != "39" {
		t.Errorf("the first page is %v", p)
	}
	if p := page("?limit=2&offset=37&_other=x"); !slices.Equal(p, []string{"02", "01"}) {
		t.Errorf("a page in the middle is %v", p)
	}
	if p := page("?offset=1000"); len(p) != 0 {
		t.Errorf("behind the end is %v", p)
	}
	for query, part := range map[string]string{
		"?limit=0": "limit in the query must be a whole number from 1 to 1000", "?limit=1001": "from 1 to 1000", "?limit=-1": "limit",
		"?limit=x": "limit", "?limit=1.5": "limit", "?limit=99999999999999999999": "limit",
		"?offset=-1": "offset in the query must be a whole number from 0", "?limit=1&limit=2": "limit is given more than once", "?limit=%zz": "malformed",
	} {
		wantFailure(t, w.get(path+query), 400, part)
	}
}

// The sessions of all repositories are one list, which is filtered and paged.
func TestAllSessions(t *testing.T) {
	w := newWorld(t).populate()
	w.store.sessions = nil
	other := syncline.ID("11111111-1111-4111-8111-111111111111")
	for i, state := range []syncline.WorkState{syncline.WorkSucceeded, syncline.WorkFailed, syncline.WorkStopped, syncline.WorkQueued, syncline.WorkRunning} {
		repo := syncline.ID(repoID)
		if i%2 == 1 {
			repo = other
		}
		w.store.sessions = append(w.store.sessions, syncline.Session{Work: syncline.Work{ID: syncline.ID(fmt.Sprintf("00000000-0000-4000-8000-%012d", i)), RepositoryID: repo, State: state}})
	}
	for query, want := range map[string]string{
		"": "43210", "?state=Failed": "1", "?state=None": "20", "?state=Synchronizing": "43", "?limit=2&offset=1": "32", "?STATE=&limit=1": "4",
		"?repositoryId=" + repoID: "420", "?repositoryId=" + repoID + "&state=None": "20",
	} {
		got := ""
		for _, s := range decode[[]v6.RepositorySynchronizeSession](t, w.get("/v6/SynchronizeSessions"+query)) {
			got += string(s.ID[35:])
		}
		if got != want {
			t.Errorf("%q gives the sessions %q, not %q", query, got, want)
		}
	}
	wantFailure(t, w.get("/v6/SynchronizeSessions?state=Paused"), 400, "state")
	wantFailure(t, w.get("/v6/SynchronizeSessions?repositoryId="+string(other)), 404, "")
}

func TestLogItems(t *testing.T) {
	w := newWorld(t).populate()
	path := "/v6/RepositorySynchronizeSessions/" + sessionID + "/LogItems"
	empty := `{"offset":0,"limit":1000,"_links":{"self":{"href":"` + path + `?offset=0&limit=1000"}},"results":[]}`
	if a := w.get(path); strings.ReplaceAll(strings.TrimSpace(a.body), `\u0026`, "&") != empty {
		t.Errorf("an empty log is %s", a.body)
	}
	for i := range int64(5) {
		w.store.logs[sessionID] = append(w.store.logs[sessionID],
			syncline.LogItem{Seq: i + 1, Time: testTime, Level: syncline.LogWarning, Message: fmt.Sprint("pack ", i)})
	}
	all := decode[v6.LogItemPage](t, w.get(path)).Results
	first, _ := json.Marshal(all[0])
	want := `{"id":"` + string(all[0].ID) + `","usn":1,"title":"[Warning] pack 0","creationTime":"2026-11-23T10:00:00Z","endTime":"2026-11-23T10:00:00Z",` +
		`"_links":{"session":{"href":"/v6/RepositorySynchronizeSessions/` + sessionID + `"}},"level":"Warning","message":"pack 0"}`
	if string(first) != want {
		t.Errorf("an item is\n%s\nwant\n%s", first, want)
	}
	var walked []v6.LogItem
	for next := path + "?limit=2"; next != ""; {
		page := decode[v6.LogItemPage](t, w.get(next))
		walked = append(walked, page.Results...)
		next = deref(page.Links.Next).Href
	}
	if !slices.Equal(walked, all) || len(all) != 5 || all[0].ID == all[1].ID {
		t.Errorf("following the links gives %v, at once it is %v", walked, all)
	}
	if prev := decode[v6.LogItemPage](t, w.get(path+"?offset=3&limit=2")).Links.Prev; prev == nil || prev.Href != path+"?offset=1&limit=2" {
		t.Errorf("the page before is %v", prev)
	}
	wantFailure(t, w.get(path+"?limit=10001"), 400, "limit")
}

func TestRestorePoints(t *testing.T) {
	w := newWorld(t).populate()
	a := w.get("/v6/RestorePoints")
	want := `[{"id":"` + pointID + `","repositoryId":"` + repoID + `","backupTime":"2026-11-23T10:00:00.123Z","isExchange":false,"isSharePoint":false,` +
		`"isOneDrive":false,"isTeams":false,"isLongTermCopy":false,"isRetrieved":false,"_links":{"self":{"href":"/v6/RestorePoints/` + pointID + `"},` +
		`"repository":{"href":"/v6/backuprepositories/` + repoID + `"}},"hostName":"web1","paths":["/srv"],"tags":[],"snapshotId":"ab` + strings.Repeat("0", 62) + `"}]` + "\n"
	if a.body != want {
		t.Errorf("got\n%s\nwant\n%s", a.body, want)
	}
	if one := w.get("/v6/RestorePoints/" + pointID); "["+strings.TrimSpace(one.body)+"]\n" != want {
		t.Errorf("the point itself is %s", one.body)
	}
	for query, found := range map[string]bool{
		"repositoryId=" + repoID: true, "repositoryId=" + strings.ToUpper(repoID): true, "repositoryId=" + unknownID: false,
		"backupTime=2026-11-23T10:00:00Z": true, "backupTime=2026-11-23T11:00:00.1%2B01:00": true, "backupTime=2026-11-23T10:00:01Z": false,
		"isLongTermCopy=false&isRetrieved=False": true, "backupTime=&jobId=": true, "isLongTermCopy=true": false, "isRetrieved=true": false,
		"organizationId=" + repoID: false, "jobId=" + repoID: false,
	} {
		if points := decode[[]v6.RestorePoint](t, w.get("/v6/RestorePoints?"+query)); (len(points) == 1) != found {
			t.Errorf("%s: %d found", query, len(points))
		}
	}
	for query, part := range map[string]string{
		"repositoryId=x": "repositoryId in the query must be a UUID", "organizationId=1": "organizationId", "jobId=1": "jobId",
		"backupTime=yesterday": "backupTime in the query must be a time", "backupTime=2026-11-23T10:00:00%2001:00": "backupTime", "backupTime=2026-02-30T10:00:00Z": "backupTime",
		"isRetrieved=maybe": "isRetrieved in the query must be true or false", "isLongTermCopy=5": "isLongTermCopy",
	} {
		wantFailure(t, w.get("/v6/RestorePoints?"+query), 400, part)
	}
}

// The only restore point is of 2026-11-23, 10:00:00.123 in UTC.
func TestBackupTime(t *testing.T) {
	w := newWorld(t).populate()
	for since, found := range map[string]bool{
		"2026-11-23T10:00:00.123Z": true, "2026-11-23T10:00:00.124Z": false, "2026-11-23T10:00:00.122999999Z": true,
		"2026-11-23 10:00:00.123": true, "2026-11-23 10:00:00.124": false, "2026-11-23 10:00:00": true, "2026-11-23 10:00:01": false,
		"2026.11.23 10:00:00": true, "2026.11.23 10:00:01": false, "2026.11.23 10:00:00.123": true,
		"2026-11-23T10:00:00": true, "2026-11-23T10:00:00,123": true, "2026-11-23T10:01": false, "2026-11-23T10:00": true,
		"2026-11-23": true, "2026-11-24": false, "1970-01-01T00:00:00Z": true, "9999-12-31T23:59:59Z": false,
		"2026-11-23T12:00:00+02:00": true, "2026-11-23T12:00:01+02:00": false, "2026-11-23T12:00:00+0200": true, "2026-11-23T12:00:00+02": true,
		"2026-11-23T05:00:00-05:00": true, "2026-11-23T05:00:00.2-05:00": false, "2026-11-23t10:00:00z": true, "2026-11-23 10:00:00Z": true,
		"2026-11-23T10:00Z": true,
	} {
		for _, name := range []string{"backupTime", "BackupTime"} {
			query := url.Values{name: {since}}.Encode()
			if points := decode[[]v6.RestorePoint](t, w.get("/v6/RestorePoints?"+query)); (len(points) == 1) != found {
				t.Errorf("since %s: %d found", since, len(points))
			}
		}
	}
	for _, bad := range []string{
		"yesterday", "1764000000", "23.11.2026", "11/23/2026 10:00:00", "2026-11-23T10", "2026-1-2", "2026.11.23", "2026.11.23T10:00:00",
		"2026.11.23 10:00:00Z", "2026-11.23 10:00:00", "2026-13-01 00:00:00", "2026-02-30", "2026-11-23 24:00:00", "2026-11-23 10:60:00",
		"2026-11-23T10:00:00 01:00", "2026-11-23T10:00:00+25:00", " 2026-11-23", "2026-11-23\n", "2026-11-23T1:00:00", "2026-11-23T10:00:00.", "-2026-11-23",
	} {
		query := url.Values{"backupTime": {bad}}.Encode()
		wantFailure(t, w.get("/v6/RestorePoints?"+query), 400, "backupTime in the query must be a time like")
	}
}

func TestRestorePointsNewestFirst(t *testing.T) {
	older, newer := testPoint, testPoint
	older.ID, older.Snapshot.Time = "00000000-0000-4000-8000-000000000001", testTime.Add(-time.Hour)
	newer.ID, newer.Snapshot.Time = "00000000-0000-4000-8000-000000000002", testTime.Add(time.Hour)
	w := newWorld(t, func(c *Config) { c.RestorePoints = fakePoints{older, newer, testPoint} }).populate()
	var ids []syncline.ID
	for _, p := range decode[[]v6.RestorePoint](t, w.get("/v6/RestorePoints")) {
		ids = append(ids, p.ID)
	}
	if !slices.Equal(ids, []syncline.ID{newer.ID, testPoint.ID, older.ID}) {
		t.Errorf("got %v", ids)
	}
}

func TestServiceInstance(t *testing.T) {
	a := newWorld(t).get("/v6/ServiceInstance")
	if a.body != `{"installationId":"0e9f4e53-13ff-4a09-a4ae-0e0d2a2e2c0d","version":"1.2.3"}`+"\n" {
		t.Errorf("got %s", a.body)
	}
}
