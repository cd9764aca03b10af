package main_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"syncline.dev/syncline/internal/resticfixture"
)

// TestJobs asks a server what clients of v6 ask first.
func TestJobs(t *testing.T) {
	t.Parallel()
	repo, src := resticfixture.Init(t, 2), t.TempDir()
	if err := os.WriteFile(filepath.Join(src, "file"), []byte("content"), 0o600); err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	for i := range 6 {
		resticfixture.Backup(t, repo, src, "--host", "alive", "--time", now.Add(-time.Duration(6-i)*24*time.Hour+22*time.Hour).Local().Format(time.DateTime))
	}
	n := start(t, filepath.Join(t.TempDir(), "data"))
	key := n.add("/v6/EncryptionKeys", 200, object{"password": resticfixture.Password})
	id := n.add("/v6/BackupRepositories", 200, object{"name": "main", "path": repo, "encryptionKeyId": key, "retentionType": "ItemLevel"})
	n.sync(id)
	n.machines("alive InTime")

	var organizations []struct{ ID string }
	n.call("GET", "/v6/Organizations?extendedView=true", nil, 200, &organizations)
	var instance struct{ InstallationID string }
	n.call("GET", "/v6/ServiceInstance", nil, 200, &instance)
	if len(organizations) != 1 || organizations[0].ID != instance.InstallationID {
		t.Errorf("the organizations are %+v", organizations)
	}
	var license struct{ Status, Type string }
	n.call("GET", "/v6/License", nil, 200, &license)
	if license.Status != "Valid" || license.Type != "Community" {
		t.Errorf("the license is %+v", license)
	}
	var jobs []struct {
		ID, Name, LastStatus string
		LastRun, NextRun     time.Time
	}
	n.call("GET", "/v6/Jobs", nil, 200, &jobs)
	if len(jobs) != 1 || jobs[0].Name != "alive: "+src+" (main)" || jobs[0].LastStatus != "Success" || !jobs[0].NextRun.After(jobs[0].LastRun) {
		t.Fatalf("the jobs are %+v", jobs)
	}
	var points []object
	n.call("GET", "/v6/RestorePoints?jobId="+jobs[0].ID, nil, 200, &points)
	if len(points) != 6 {
		t.Errorf("the job has %d restore points", len(points))
	}
	var page struct {
		TotalCount int
		Results    []struct {
			ID, Status            string
			CreationTime, EndTime time.Time
			Statistics            *struct{ ProcessedObjects int }
		}
	}
	n.call("GET", "/v6/Jobs/"+jobs[0].ID+"/JobSessions?limit=2", nil, 200, &page)
	if page.TotalCount != 6 || len(page.Results) != 2 || page.Results[0].ID != points[0]["id"] {
		t.Fatalf("the sessions are %+v", page)
	}
	for _, s := range page.Results {
		if s.Status != "Success" || s.EndTime.Before(s.CreationTime) || s.Statistics != nil && s.Statistics.ProcessedObjects != 1 {
			t.Errorf("got %+v", s)
		}
	}
	var log struct{ Results []struct{ Title string } }
	n.call("GET", "/v6/JobSessions/"+page.Results[0].ID+"/LogItems", nil, 200, &log)
	if len(log.Results) < 2 || !strings.HasPrefix(log.Results[0].Title, "[Info] Backup of "+src+" on alive") {
		t.Errorf("the log is %+v", log)
	}
	n.call("POST", "/v6/Jobs/"+jobs[0].ID+"/Start", nil, 405, nil)
	n.call("DELETE", "/v6/Jobs/"+jobs[0].ID, nil, 405, nil)
}
