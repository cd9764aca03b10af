package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"syncline.dev/syncline"
	v6 "syncline.dev/syncline/internal/api/v6"
	"syncline.dev/syncline/internal/explore"
	"syncline.dev/syncline/internal/watch/series"
)

// jobSummary is of a backup that took ten seconds.
const jobSummary = `{"backup_start":"2026-11-23T12:00:00+02:00","backup_end":"2026-11-23T12:00:10+02:00","files_new":5,"files_changed":2,` +
	`"files_unmodified":93,"data_added":4000,"data_added_packed":1000,"total_files_processed":100,"total_bytes_processed":123456}`

// seriesOfPoint is the watched series of a restore point.
func seriesOfPoint(p syncline.RestorePoint) series.SeriesState {
	key, paths := explore.SeriesOf(&p.Snapshot)
	return series.SeriesState{
		Series: syncline.Series{
			ID: explore.SeriesID(p.RepositoryID, key), RepositoryID: p.RepositoryID, HostName: p.Snapshot.Hostname, Paths: paths,
			LastBackup: p.Snapshot.Time, LastSeen: p.Snapshot.Time.Add(time.Minute), Rhythm: 24 * time.Hour,
		},
		RepositoryName: "main", State: syncline.MachineInTime,
	}
}

// fixedMachines are machines that do not change.
type fixedMachines struct {
	fakeMachines
	all []series.SeriesState
}

func (f fixedMachines) Machines(context.Context, series.MachinesQuery) (found series.Machines, err error) {
	for _, x := range f.all {
		found.Machines = append(found.Machines, series.Machine{Series: []series.SeriesState{x}, LastBackup: x.LastBackup})
	}
	return found, nil
}

// jobWorld has three days of one series, the newest with a summary, and one snapshot of
// another.
func jobWorld(t *testing.T, change ...func(x *series.SeriesState)) (w *world, points fakePoints) {
	at := func(n int, days int, host string) syncline.RestorePoint {
		return syncline.RestorePoint{
			ID: syncline.ID(fmt.Sprintf("9a3b5c7d-2222-4222-8333-%012d", n)), RepositoryID: repoID,
			Snapshot: syncline.Snapshot{ID: syncline.Hash{byte(n)}, Time: testTime.AddDate(0, 0, days), Hostname: host, Paths: []string{"/srv", "/etc"}},
		}
	}
	points = fakePoints{at(1, -2, "web1"), at(2, -1, "web1"), at(3, 0, "web1"), at(4, -5, "db\xff")}
	points[1].Missing, points[3].Lost = 3, true
	x := &points[2].Snapshot
	x.Summary, x.Username, x.ProgramVersion = []byte(jobSummary), "root", "restic 0.18.1"
	main := seriesOfPoint(points[2])
	for _, f := range change {
		f(&main)
	}
	other := seriesOfPoint(points[3])
	other.Rhythm, other.State = 0, syncline.MachineUnknown
	return newWorld(t, func(c *Config) {
		c.RestorePoints, c.Machines = points, fixedMachines{all: []series.SeriesState{main, other}}
	}).populate(), points
}

func TestJobs(t *testing.T) {
	w, points := jobWorld(t)
	jobs := decode[[]v6.Job](t, w.get("/v6/Jobs"))
	if len(jobs) != 2 || jobs[0].Name != "db\uFFFD: /etc, /srv (main)" || jobs[0].NextRun != nil {
		t.Fatalf("%+v", jobs)
	}
	job := jobs[1]
	next := points[2].Snapshot.Time.Add(24*time.Hour + time.Minute)
	if job.Name != "web1: /etc, /srv (main)" || job.Description != "The backups of /etc and /srv on web1 in the repository main" ||
		!job.LastRun.Equal(points[2].Snapshot.Time) || job.NextRun == nil || !job.NextRun.Equal(next) || !job.IsEnabled || job.LastStatus != "Success" {
		t.Errorf("%+v", job)
	}
	if one := w.get(job.Links.Self.Href); decode[v6.Job](t, one).ID != job.ID {
		t.Error(one.body)
	}
	for _, link := range []v6.Link{job.Links.Organization, job.Links.BackupRepository, job.Links.JobSessions} {
		if a := w.get(link.Href); a.status != 200 {
			t.Errorf("%s gives %d", link.Href, a.status)
		}
	}
	var found []v6.RestorePoint
	for id, n := range map[syncline.ID]int{job.ID: 3, jobs[0].ID: 1, unknownID: 0} {
		if found = decode[[]v6.RestorePoint](t, w.get("/v6/RestorePoints?jobId="+string(id))); len(found) != n {
			t.Errorf("%s has %d restore points, want %d", id, len(found), n)
		}
	}
	if raw := w.get("/v6/Jobs").body; !strings.Contains(raw, `"nextRun":null`) {
		t.Errorf("a time that is not known is null: %s", raw)
	}
}

func TestStatusOfJobs(t *testing.T) {
	retired := func(x *series.SeriesState) { x.State, x.RetiredAt = syncline.MachineRetired, testTime }
	late := func(x *series.SeriesState) { x.State = syncline.MachineLate }
	for name, c := range map[string]struct {
		change  func(*series.SeriesState)
		check   syncline.CheckResult
		status  string
		enabled bool
	}{
		"in time":          {func(*series.SeriesState) {}, syncline.CheckSuccess, "Success", true},
		"late":             {late, syncline.CheckSuccess, "Warning", true},
		"failing":          {func(*series.SeriesState) {}, syncline.CheckFailed, "Failed", true},
		"late and failing": {late, syncline.CheckFailed, "Failed", true},
		"retired":          {retired, syncline.CheckFailed, "Success", false},
	} {
		w, _ := jobWorld(t, c.change)
		w.checks.last = map[syncline.ID]syncline.Check{repoID: {At: testTime, Result: c.check}}
		job := decode[[]v6.Job](t, w.get("/v6/Jobs"))[1]
		if job.LastStatus != c.status || job.IsEnabled != c.enabled || (job.NextRun != nil) != c.enabled {
			t.Errorf("%s: %+v", name, job)
		}
	}
}

func TestJobSessions(t *testing.T) {
	w, points := jobWorld(t)
	page := decode[v6.JobSessionPage](t, w.get("/v6/JobSessions"))
	if page.Limit != 30 || page.TotalCount != 4 || len(page.Results) != 4 || page.Links.Next != nil || page.Links.Prev != nil {
		t.Fatalf("%+v", page)
	}
	first := page.Results[0]
	wantStats := `{"processingRateBytesPS":12345,"processingRateItemsPS":10,"writeRateBytesPS":100,"transferredDataBytes":1000,"processedObjects":100,"bottleneck":"NA"}`
	if got, _ := json.Marshal(first.Statistics); string(got) != wantStats {
		t.Errorf("got %s", got)
	}
	if first.ID != points[2].ID || first.EndTime.Sub(first.CreationTime) != 10*time.Second {
		t.Errorf("%+v", first)
	}
	for i, status := range []string{"Success", "Warning", "Success", "Failed"} {
		s := page.Results[i]
		if s.Status != status || i > 0 && (s.Statistics != nil || !s.EndTime.Equal(s.CreationTime)) {
			t.Errorf("session %d: %+v", i, s)
		}
		for _, link := range []v6.Link{s.Links.Self, s.Links.Log, s.Links.Job} {
			if a := w.get(link.Href); a.status != 200 {
				t.Errorf("%s gives %d", link.Href, a.status)
			}
		}
	}
	if own := decode[v6.JobSessionPage](t, w.get(first.Links.Job.Href+"/JobSessions")); own.TotalCount != 3 {
		t.Errorf("%+v", own)
	}
	for query, n := range map[string]int{
		"jobType=Backup": 4, "jobType=Copy": 0, "endTimeLowerBound=2026-11-23T10:00:10Z": 1, "endTimeLowerBound=2026-11-23T10:00:11Z": 0,
		"endTimeLowerBound=2026.11.22%2010:00:00": 2, "limit=2147483647": 4, "offset=9": 0,
	} {
		if got := decode[v6.JobSessionPage](t, w.get("/v6/JobSessions?"+query)); len(got.Results) != n || got.Limit > maxJobPage {
			t.Errorf("%s gives %d of %d", query, len(got.Results), got.Limit)
		}
	}
	for query, part := range map[string]string{"jobType=Restore": "jobType", "endTimeLowerBound=soon": "endTimeLowerBound", "limit=0": "limit", "jobId=" + repoID: "jobId"} {
		wantFailure(t, w.get("/v6/JobSessions?"+query), 400, part)
	}
}

// A client that follows the links of pages comes by every session once.
func TestPagesOfJobSessions(t *testing.T) {
	w, points := jobWorld(t)
	var seen []syncline.ID
	href := "/v6/JobSessions?limit=3&endTimeLowerBound=2000-01-01"
	for href != "" {
		page := decode[v6.JobSessionPage](t, w.get(href))
		for _, s := range page.Results {
			seen = append(seen, s.ID)
		}
		if len(seen) > 3 && (page.Links.Prev == nil || decode[v6.JobSessionPage](t, w.get(page.Links.First.Href)).Results[0].ID != seen[0]) {
			t.Errorf("%+v", page.Links)
		}
		href = ""
		if page.Links.Next != nil {
			href = page.Links.Next.Href
		}
	}
	if want := []syncline.ID{points[2].ID, points[1].ID, points[0].ID, points[3].ID}; !slices.Equal(seen, want) {
		t.Errorf("got %v, want %v", seen, want)
	}
}

func TestLogOfAJobSession(t *testing.T) {
	w, points := jobWorld(t)
	log := func(p syncline.RestorePoint) (titles []string) {
		page := decode[v6.JobLogItemPage](t, w.get("/v6/JobSessions/"+string(p.ID)+"/LogItems"))
		for i, item := range page.Results {
			titles = append(titles, item.Title)
			if item.Usn != int64(i+1) || item.Links.Session.Href != "/v6/JobSessions/"+string(p.ID) {
				t.Errorf("%+v", item)
			}
		}
		return titles
	}
	want := []string{
		"[Info] Backup of /etc, /srv on web1 by root with restic 0.18.1", "[Info] Files: 5 new, 2 changed, 93 as before",
		"[Info] Read: 100 files with 123456 bytes", "[Info] Added: 4000 bytes, which take 1000", "[Success] Saved the snapshot " + points[2].Snapshot.ID.String(),
	}
	if got := log(points[2]); !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
	if got := log(points[1]); len(got) != 3 || !strings.HasPrefix(got[2], "[Warning] ") {
		t.Errorf("got %q", got)
	}
	if got := log(points[3]); len(got) != 3 || !strings.HasPrefix(got[2], "[Error] ") {
		t.Errorf("got %q", got)
	}
}

// A summary that is odd costs the numbers that it lacks, and nothing else.
func TestOddSummaries(t *testing.T) {
	for summary, want := range map[string]string{
		`{`:    `null`,
		`"x"`:  `null`,
		`null`: `{"bottleneck":"NA"}`,
		`{"total_files_processed":0,"data_added":7}`: `{"transferredDataBytes":7,"processedObjects":0,"bottleneck":"NA"}`,
		`{"total_files_processed":-1}`:               `null`,
		`{"backup_start":"2026-11-23T12:00:00Z","backup_end":"2026-11-23T11:00:00Z","total_files_processed":9}`:                              `{"processedObjects":9,"bottleneck":"NA"}`,
		`{"backup_start":"9999-12-31T23:00:00-09:00","backup_end":"9999-12-31T23:30:00-09:00"}`:                                              `{"bottleneck":"NA"}`,
		`{"backup_start":"2026-11-23T12:00:00Z","backup_end":"2026-11-23T12:00:00.000000001Z","total_bytes_processed":18446744073709551615}`: `{"processingRateBytesPS":9223372036854775807,"bottleneck":"NA"}`,
	} {
		p := testPoint
		p.Snapshot.Summary = []byte(summary)
		s := jobSessionJSON(&p)
		if got, _ := json.Marshal(s.Statistics); string(got) != want || s.EndTime.Before(s.CreationTime) {
			t.Errorf("%s gives %s", summary, got)
		}
		if _, err := json.Marshal(s); err != nil {
			t.Errorf("%s: %v", summary, err)
		}
	}
}

func TestOrganization(t *testing.T) {
	w, points := jobWorld(t)
	for _, query := range []string{"", "?extendedView=true", "?extendedView=false"} {
		all := decode[[]v6.Organization](t, w.get("/v6/Organizations"+query))
		if len(all) != 1 || all[0].ID != installationID || all[0].Name != "host" || all[0].Type != nil || !all[0].IsBackedup || !all[0].LastBackuptime.Equal(points[2].Snapshot.Time) {
			t.Errorf("%+v", all)
		}
	}
	if a := w.get("/v6/Organizations/" + installationID + "/LicensingInformation"); a.body != `{"licensedUsers":0,"newUsers":0}`+"\n" {
		t.Error(a.body)
	}
	for id, n := range map[string]int{installationID: 4, unknownID: 0} {
		if got := decode[[]v6.RestorePoint](t, w.get("/v6/RestorePoints?organizationId="+id)); len(got) != n {
			t.Errorf("the organization %s has %d restore points", id, len(got))
		}
	}
	license := decode[map[string]any](t, w.get("/v6/License"))
	if license["status"] != "Valid" || license["type"] != "Community" || license["usedNumber"] != 0.0 || license["expirationDate"] != nil {
		t.Error(license)
	}
	for _, path := range []string{"/v6/CopyJobs?repositoryId=" + repoID, "/v6/RbacRoles"} {
		if a := w.get(path); a.body != "[]\n" {
			t.Error(a.body)
		}
	}
	for _, path := range []string{"/v6/LicensedUsers?name=ada&organizationId=" + installationID, "/v6/RestoreSessions?limit=5&startTimeFrom=2026-01-01&startTimeTo=2026-11-23T10:00:00Z"} {
		if page := decode[v6.NothingPage](t, w.get(path)); len(page.Results) != 0 || w.get(page.Links.Self.Href).status != 200 {
			t.Errorf("%+v", page)
		}
	}
	wantFailure(t, w.get("/v6/RestoreSessions?startTimeTo=soon"), 400, "startTimeTo")
}

// Nothing of v6 that would change jobs, or data of Microsoft 365, is taken.
func TestJobsAreNotChanged(t *testing.T) {
	w, _ := jobWorld(t)
	job := string(decode[[]v6.Job](t, w.get("/v6/Jobs"))[0].ID)
	for _, c := range []struct{ method, path, allow string }{
		{"POST", "/v6/Jobs", "GET, HEAD"},
		{"PUT", "/v6/Jobs/" + job, "GET, HEAD"},
		{"DELETE", "/v6/Jobs/" + job, "GET, HEAD"},
		{"PUT", "/v6/License", "GET, HEAD"},
		{"POST", "/v6/Jobs/" + job + "/Start", ""},
		{"POST", "/v6/jobs/" + job + "/Disable", ""},
		{"DELETE", "/v6/CopyJobs/" + job, ""},
		{"POST", "/v6/Organizations/" + installationID + "/Jobs", "GET, HEAD"},
		{"POST", "/v8/Organizations/" + installationID + "/Jobs", ""},
		{"PATCH", "/v6/RestoreSessions/" + job + "/Stop", ""},
	} {
		a := w.do(request{method: c.method, path: c.path, body: "{}"})
		wantFailure(t, a, http.StatusMethodNotAllowed)
		if values, there := a.header["Allow"]; !there || values[0] != c.allow {
			t.Errorf("%s %s allows %q", c.method, c.path, values)
		}
	}
	wantFailure(t, w.get("/v6/Jobs/"+job+"/Start"), 404, "/swagger")
	wantFailure(t, w.do(request{method: "POST", path: "/v6/None/" + job}), 404, "/swagger")
}
