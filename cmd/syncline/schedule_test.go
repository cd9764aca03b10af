package main_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"syncline.dev/syncline/internal/resticfixture"
)

// checked is what a repository tells of its checks.
type checked struct {
	IsOutOfSync     bool
	LastCheckTime   time.Time
	LastCheckResult string
	LastCheckError  string
	NextCheckTime   time.Time
}

// untilChecked asks for a repository until it is as wanted.
func (n *node) untilChecked(repo, what string, as func(checked) bool) (r checked) {
	n.t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	late := time.After(2 * time.Minute)
	for {
		r = checked{}
		n.call("GET", "/v6/BackupRepositories/"+repo, nil, 200, &r)
		if as(r) {
			return r
		}
		select {
		case <-tick.C:
		case <-late:
			n.t.Fatalf("%s: %+v", what, r)
		}
	}
}

// untilAlarms asks for the open alarms of a repository until they are of these kinds. An
// alarm of a disk that is nearly full, as the machine's may be, does not count.
func (n *node) untilAlarms(repo string, kinds ...string) {
	n.t.Helper()
	var open []string
	n.untilChecked(repo, "alarms", func(checked) bool {
		var page struct{ Results []struct{ Kind string } }
		n.call("GET", "/v6/Alarms?state=Open&repositoryId="+repo, nil, 200, &page)
		open = nil
		for _, a := range page.Results {
			if a.Kind != "StorageLow" {
				open = append(open, a.Kind)
			}
		}
		return slices.Equal(open, kinds)
	})
}

// history returns the history of a repository.
func (n *node) history(repo string) (all []session) {
	n.t.Helper()
	n.call("GET", "/v6/BackupRepositories/"+repo+"/SynchronizeSessions", nil, 200, &all)
	return all
}

// TestSynchronizedByItself attaches a repository and touches nothing more: its catalog
// is built at once. Its folder goes away and comes back, which is seen long before the
// next turn: it is an alarm while it is away, and no failed session.
func TestSynchronizedByItself(t *testing.T) {
	t.Parallel()
	n := start(t, t.TempDir(), "--sync-interval", "24h")
	path := resticfixture.Unpack(t, "v2-old")
	repo := n.attachFixture("by itself", path)
	first := n.untilChecked(repo, "synchronized", func(r checked) bool { return !r.IsOutOfSync && r.LastCheckResult == "Success" })
	if first.NextCheckTime.Before(first.LastCheckTime) || first.NextCheckTime.Sub(first.LastCheckTime) > 25*time.Hour {
		t.Errorf("%+v", first)
	}
	got := n.history(repo)
	if len(got) != 1 {
		t.Fatalf("%+v", got)
	}
	n.finish(got[0].ID) // its end is recorded a moment after the check
	if points := n.points(repo); len(points) != 5 {
		t.Errorf("%d restore points", len(points))
	}

	// The folder goes away and comes back.
	away := path + ".away"
	if err := os.Rename(path, away); err != nil {
		t.Fatal(err)
	}
	gone := n.untilChecked(repo, "gone", func(r checked) bool { return r.LastCheckResult == "Failed" })
	if !gone.IsOutOfSync || !strings.Contains(gone.LastCheckError, "does not exist") {
		t.Errorf("%+v", gone)
	}
	n.untilAlarms(repo, "RepositoryUnreachable")
	if len(n.history(repo)) != 1 {
		t.Error("a check that fails has started a session")
	}
	// A session that a user starts meanwhile fails, and is no alarm of its own.
	all := n.events(n.sync(repo).ID)
	if last := all[len(all)-1]; last.State != "Failed" {
		t.Errorf("%+v", last)
	}
	if err := os.Rename(away, path); err != nil {
		t.Fatal(err)
	}
	n.untilChecked(repo, "back", func(r checked) bool { return !r.IsOutOfSync && r.LastCheckResult == "Success" })
	n.untilAlarms(repo)
}

// TestBackupAppears makes a backup with restic. The catalog has it long before the next
// turn of the schedule.
func TestBackupAppears(t *testing.T) {
	t.Parallel()
	n := start(t, t.TempDir(), "--sync-interval", "24h")
	path := resticfixture.Init(t, 2)
	files := t.TempDir()
	if err := os.WriteFile(filepath.Join(files, "one"), []byte("1"), 0o600); err != nil {
		t.Fatal(err)
	}
	resticfixture.Backup(t, path, files, "--host", "web")
	repo := n.attachFixture("seen at once", path)
	n.untilChecked(repo, "the first backup", func(r checked) bool { return !r.IsOutOfSync && len(n.points(repo)) == 1 })
	resticfixture.Backup(t, path, files, "--host", "web")
	n.untilChecked(repo, "the second backup", func(r checked) bool { return !r.IsOutOfSync && len(n.points(repo)) == 2 })
	if got := n.history(repo); len(got) != 2 {
		t.Errorf("%+v", got)
	}

	// Machines and metrics hear of a check that fails.
	n.call("POST", "/v6/AlarmRules", object{"name": "daily", "maxAge": "26h"}, 201, nil)
	n.machines("web InTime")
	if err := os.Rename(path, path+".away"); err != nil {
		t.Fatal(err)
	}
	if x := n.machines("web Unknown").Results[0].Series[0]; x.UnknownReason != "NotLookedAt" {
		t.Errorf("%+v", x)
	}
	n.untilMetric("syncline_repository_check_failures_total", "seen at once") // once or twice, for the pause after a failure is short
}

// untilMetric asks for the metrics until one counts something of a repository: a check is
// counted after its outcome is seen.
func (n *node) untilMetric(name, repository string) {
	n.t.Helper()
	counts := regexp.MustCompile(`(?m)^` + name + `\{repository="` + regexp.QuoteMeta(repository) + `"\} [1-9]`)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	late := time.After(time.Minute)
	for {
		_, text := n.ask("GET", n.url+"/metrics", n.token)
		if counts.MatchString(text) {
			return
		}
		select {
		case <-tick.C:
		case <-late:
			n.t.Fatalf("%s counts nothing of %q", name, repository)
		}
	}
}

// TestNotByItself turns the checks off.
func TestNotByItself(t *testing.T) {
	t.Parallel()
	n := start(t, t.TempDir())
	repo := n.attachFixture("left alone", resticfixture.Unpack(t, "v2-old"))
	other := n.attachFixture("with a schedule", resticfixture.Unpack(t, "v2-old"))
	n.call("PUT", "/v6/BackupRepositories/"+other, object{"retentionType": "SnapshotBased", "synchronization": object{"cron": "0 3 * * *"}}, 200, nil)
	n.untilChecked(other, "by its own schedule", func(r checked) bool { return !r.IsOutOfSync && !r.NextCheckTime.IsZero() })
	if r := n.untilChecked(repo, "as it was", func(checked) bool { return true }); !r.IsOutOfSync || !r.LastCheckTime.IsZero() || !r.NextCheckTime.IsZero() {
		t.Errorf("%+v", r)
	}
	if got := n.history(repo); len(got) != 0 {
		t.Errorf("%+v", got)
	}
}

// TestSyncAll synchronizes all repositories of a server, of which one has lost its folder.
func TestSyncAll(t *testing.T) {
	t.Parallel()
	n := start(t, t.TempDir())
	s := n.user(nil)
	s.must(1, "--all is for a server's repositories", "sync", "--all", "-r", t.TempDir())
	s.must(0, "", "login", "--fingerprint", n.fingerprint(), n.url)
	s.must(1, "cannot be given together", "sync", "--all", "--server", n.url, "-r", "one")
	if out := s.must(0, "", "sync", "--all", "--server", n.url); out != "" {
		t.Errorf("without repositories: %s", out)
	}
	lost := resticfixture.Unpack(t, "v2-old")
	n.attachFixture("one", resticfixture.Unpack(t, "v2-old"))
	n.attachFixture("two", lost)
	out := s.must(0, "", "sync", "--all", "--server", n.url)
	if out != "\"one\": 5 snapshots (5 new, 0 gone)\n\"two\": 5 snapshots (5 new, 0 gone)\n" {
		t.Errorf("%s", out)
	}
	if err := os.RemoveAll(lost); err != nil {
		t.Fatal(err)
	}
	out = s.must(1, "1 of 2 repositories are not synchronized", "sync", "--all", "--server", n.url, "--json")
	var results []string
	for line := range strings.Lines(out) {
		var r struct{ Repository, Result, Error string }
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatal(err)
		}
		results = append(results, r.Repository+" "+r.Result+" "+r.Error[:min(len(r.Error), 10)])
	}
	if len(results) != 2 || results[0] != "one Success " || !strings.HasPrefix(results[1], "two Failed the folder") {
		t.Errorf("%q", results)
	}
}
