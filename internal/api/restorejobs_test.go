package api

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"syncline.dev/syncline"
	v6 "syncline.dev/syncline/internal/api/v6"
)

const jobID = "7c1d5a90-0000-4000-8000-000000000001"

var testJob = syncline.RestoreJob{
	Work: syncline.Work{
		ID: jobID, RepositoryID: repoID, StartedBy: "the restorer",
		State: syncline.WorkRunning, CreatedAt: testTime, StartedAt: testTime,
	},
	RestorePointID: pointID, TargetPath: "/srv/restores/old",
	RestoreSelection: syncline.RestoreSelection{Overwrite: syncline.OverwriteAlways},
}

// fakeRestorer keeps jobs in memory. It refuses targets outside of
// /srv/restores.
type fakeRestorer struct {
	mu       sync.Mutex
	jobs     []syncline.RestoreJob // oldest first
	items    []syncline.LogItem
	stopped  []syncline.ID
	watchers []chan struct{}
}

func (f *fakeRestorer) Targets() []syncline.RestoreTarget {
	return []syncline.RestoreTarget{{Name: "restores", Path: "/srv/restores"}}
}

func (f *fakeRestorer) Start(_ context.Context, j syncline.RestoreJob) (syncline.RestoreJob, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case j.RestorePointID != pointID:
		return syncline.RestoreJob{}, notFound("restore point")
	case !strings.HasPrefix(j.TargetPath, "/srv/restores/"):
		return syncline.RestoreJob{}, syncline.Errorf(syncline.CodeForbidden, "targetPath lies in no folder that the operator allows")
	}
	j.ID, j.State, j.RepositoryID = "7c1d5a90-0000-4000-8000-000000000002", syncline.WorkQueued, repoID
	if j.Overwrite == "" {
		j.Overwrite = syncline.OverwriteAlways
	}
	f.jobs = append(f.jobs, j)
	return j, nil
}

func (f *fakeRestorer) Stop(ctx context.Context, id syncline.ID) error {
	_, err := f.RestoreJob(ctx, id)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.stopped = append(f.stopped, id)
	return err
}

func (f *fakeRestorer) Watch(syncline.ID) (<-chan struct{}, func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	ch := make(chan struct{}, 1)
	f.watchers = append(f.watchers, ch)
	return ch, func() {}
}

func (f *fakeRestorer) update(change func(*syncline.RestoreJob)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change(&f.jobs[0])
	for _, ch := range f.watchers {
		select {
		case ch <- struct{}{}:
		default:
		}
	}
}

func (f *fakeRestorer) RestoreJob(_ context.Context, id syncline.ID) (syncline.RestoreJob, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, j := range f.jobs {
		if j.ID == id {
			return j, nil
		}
	}
	return syncline.RestoreJob{}, notFound("restore job")
}

func (f *fakeRestorer) RestoreJobs(_ context.Context, startedBy string, limit, offset int) ([]syncline.RestoreJob, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	newest := slices.DeleteFunc(slices.Clone(f.jobs), func(j syncline.RestoreJob) bool {
		return startedBy != "" && j.StartedBy != startedBy
	})
	slices.Reverse(newest)
	newest = newest[min(offset, len(newest)):]
	return newest[:min(limit, len(newest))], nil
}

func (f *fakeRestorer) RestoreLog(ctx context.Context, id syncline.ID, limit, offset int) ([]syncline.LogItem, int, error) {
	_, err := f.RestoreJob(ctx, id)
	from := min(offset, len(f.items))
	return f.items[from:min(from+limit, len(f.items))], len(f.items), err
}

func TestStartRestoreJob(t *testing.T) {
	w := newWorld(t).populate()
	a := w.do(request{method: "POST", path: "/v6/restorepoints/" + pointID + "/restorejobs", token: "restorer", body: `{
		"targetPath":"/srv/restores/new","paths":["/etc/","/home/ada"],"rawPaths":["L//+"],"exclude":["*.tmp"],
		"overwrite":"IfNewer","sparse":true,"verify":true}`})
	var job v6.RestoreJob
	if err := json.Unmarshal([]byte(a.body), &job); err != nil || a.status != 201 {
		t.Fatalf("got %d %s", a.status, a.body)
	}
	got := w.jobs.jobs[1]
	want := syncline.RestoreSelection{
		Paths: []string{"/etc/", "/home/ada", "/\xff\xfe"}, Exclude: []string{"*.tmp"},
		Overwrite: syncline.OverwriteIfNewer, Sparse: true, Verify: true,
	}
	if !reflect.DeepEqual(got.RestoreSelection, want) || got.StartedBy != "the restorer" || got.RestorePointID != pointID || got.TargetPath != "/srv/restores/new" {
		t.Errorf("started %+v", got)
	}
	if job.State != "Running" || job.StartTime != nil || job.EndTime != nil || len(job.Paths) != 2 || !slices.Equal(deref(job.RawPaths), []string{"L//+"}) || job.Overwrite != "IfNewer" {
		t.Errorf("answered %s", a.body)
	}
	if self := w.get(job.Links.Self.Href); self.body != a.body {
		t.Errorf("its link gives %s", self.body)
	}
	for body, want := range map[string]string{
		`{}`:                                       "targetPath is required",
		`{"targetPath":""}`:                        "targetPath must be",
		`{"targetPath":"/a","paths":["etc"]}`:      "paths.0: path must be absolute",
		`{"targetPath":"/a","paths":["/a",""]}`:    "paths.1: path must not be empty",
		`{"targetPath":"/a","paths":["/a\u0000"]}`: "NUL",
		`{"targetPath":"/a","rawPaths":["*"]}`:     "rawPaths.0: rawPath must be Base64",
		`{"targetPath":"/a","overwrite":"maybe"}`:  "must be one of Always, IfChanged, IfNewer, Never",
		`{"targetPath":"/a","delete":true}`:        "delete is not a known field",
	} {
		wantFailure(t, w.do(request{method: "POST", path: "/v6/RestorePoints/" + pointID + "/RestoreJobs", body: body}), 400, want)
	}
	wantFailure(t, w.do(request{method: "POST", path: "/v6/RestorePoints/" + pointID + "/RestoreJobs", body: `{"targetPath":"/etc"}`}), 403, "operator")
}

func TestRestoreJobs(t *testing.T) {
	w := newWorld(t).populate()
	second := testJob
	second.ID, second.State, second.Error, second.EndedAt = "7c1d5a90-0000-4000-8000-000000000003", syncline.WorkFailed, "2 items", testTime.Add(time.Minute)
	second.Statistics = syncline.RestoreStatistics{Files: 1, TotalFiles: 3, Failed: 2}
	w.jobs.jobs = append(w.jobs.jobs, second)
	list := decode[[]v6.RestoreJob](t, w.get("/v6/RestoreJobs"))
	if len(list) != 2 || list[0].ID != second.ID || list[0].State != "Failed" || deref(list[0].Error) != "2 items" || list[0].EndTime == nil || list[0].Statistics != second.Statistics {
		t.Errorf("got %+v", list)
	}
	if list := decode[[]v6.RestoreJob](t, w.get("/v6/RestoreJobs?limit=1&offset=1")); len(list) != 1 || list[0].ID != jobID || list[0].State != "Running" {
		t.Errorf("the second page is %+v", list)
	}
	if a := w.do(request{method: "POST", path: "/v6/RestoreJobs/" + jobID + "/Stop"}); a.status != 200 || a.body != "" || len(w.jobs.stopped) != 1 {
		t.Errorf("stopping: %d %q", a.status, a.body)
	}
	w.jobs.items = []syncline.LogItem{{Seq: 1, Time: testTime, Level: syncline.LogInfo, Message: "m"}, {Seq: 2, Time: testTime, Level: syncline.LogError, Message: "/a: why"}}
	page := decode[v6.RestoreLogItemPage](t, w.get("/v6/RestoreJobs/"+jobID+"/LogItems?limit=1&offset=1"))
	if len(page.Results) != 1 || page.Results[0].Message != "/a: why" || page.Results[0].Links.Job.Href != "/v6/RestoreJobs/"+jobID || page.Links.Prev == nil || page.Links.Next != nil {
		t.Errorf("got %+v", page)
	}
	if targets := decode[[]v6.RestoreTarget](t, w.get("/v6/RestoreTargets")); len(targets) != 1 || targets[0].Path != "/srv/restores" || targets[0].ProxyID != nodeID {
		t.Errorf("got %+v", targets)
	}
}

func TestRestoreJobEvents(t *testing.T) {
	w := newWorld(t).populate()
	s := openStreamAt(t, w.server.Client(), w.server.URL+"/v6/RestoreJobs/"+jobID+"/Events", "restorer")
	if j := eventOf[v6.RestoreJob](s, "job", "1"); j.State != "Running" || j.ProgressPercent != 0 {
		t.Errorf("the first event is %+v", j)
	}
	w.jobs.update(func(j *syncline.RestoreJob) { j.Progress = 50 })
	if j := eventOf[v6.RestoreJob](s, "job", "2"); j.ProgressPercent != 50 {
		t.Errorf("the second event is %+v", j)
	}
	w.jobs.update(func(j *syncline.RestoreJob) { j.State, j.Progress = syncline.WorkSucceeded, 100 })
	if j := eventOf[v6.RestoreJob](s, "job", "3"); j.State != "Succeeded" || j.ProgressPercent != 100 {
		t.Errorf("the last event is %+v", j)
	}
	s.wantEnd()
	viewer := w.do(request{method: "GET", path: "/v6/RestoreJobs/" + jobID + "/Events", token: "viewer"})
	wantFailure(t, viewer, 403, "restorers")
}

func TestRestoreJobEventsEndWithTheRole(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.Heartbeat = 5 * time.Millisecond }).populate()
	s := openStreamAt(t, w.server.Client(), w.server.URL+"/v6/RestoreJobs/"+jobID+"/Events", "restorer")
	eventOf[v6.RestoreJob](s, "job", "1")
	if lines, err := s.next(); err != nil || !strings.HasPrefix(lines[0], ":") {
		t.Fatalf("instead of a comment came %q, %v", lines, err)
	}
	w.auth.mu.Lock()
	w.auth.role = syncline.RoleViewer
	w.auth.mu.Unlock()
	for {
		if _, err := s.next(); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			t.Fatal(err)
		}
	}
}

// TestRestorersSeeTheirOwnJobs asks for one job as its restorer, as another one,
// and as those who see every job.
func TestRestorersSeeTheirOwnJobs(t *testing.T) {
	for _, c := range []struct {
		token   string
		starter string
		sees    bool
	}{
		{"restorer", "the restorer", true},
		{"restorer", "somebody else", false},
		{"restorer", "The Restorer", false},
		{"operator", "somebody else", true},
		{"administrator", "somebody else", true},
	} {
		w := newWorld(t).populate()
		w.jobs.update(func(j *syncline.RestoreJob) { j.StartedBy, j.State = c.starter, syncline.WorkSucceeded })
		job := "/v6/RestoreJobs/" + jobID
		list := decode[[]v6.RestoreJob](t, w.do(request{method: "GET", path: "/v6/RestoreJobs", token: c.token}))
		if (len(list) == 1) != c.sees {
			t.Errorf("%s sees %d jobs of %s", c.token, len(list), c.starter)
		}
		for path, method := range map[string]string{job: "GET", job + "/LogItems": "GET", job + "/Events": "GET", job + "/Stop": "POST"} {
			if c.sees && strings.HasSuffix(path, "/Events") {
				eventOf[v6.RestoreJob](openStreamAt(t, w.server.Client(), w.server.URL+path, c.token), "job", "1")
				continue
			}
			a := w.do(request{method: method, path: path, token: c.token})
			if c.sees != (a.status == 200) || !c.sees && a.status != 404 {
				t.Errorf("%s %s by %s of a job by %s: %d %s", method, path, c.token, c.starter, a.status, a.body)
			}
		}
		if (len(w.jobs.stopped) == 1) != c.sees {
			t.Errorf("%s stopped %d jobs of %s", c.token, len(w.jobs.stopped), c.starter)
		}
	}
}

// TestRestoreJobEventsEndWhenTheyAreNotOnesOwn lowers an administrator, who
// follows another user's job, to a restorer.
func TestRestoreJobEventsEndWhenTheyAreNotOnesOwn(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.Heartbeat = 5 * time.Millisecond }).populate()
	s := openStreamAt(t, w.server.Client(), w.server.URL+"/v6/RestoreJobs/"+jobID+"/Events", "administrator")
	eventOf[v6.RestoreJob](s, "job", "1")
	w.auth.mu.Lock()
	w.auth.role = syncline.RoleRestorer
	w.auth.mu.Unlock()
	for {
		if _, err := s.next(); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			t.Fatal(err)
		}
	}
}
