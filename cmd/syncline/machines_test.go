package main_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"syncline.dev/syncline/internal/resticfixture"
)

type machineList struct {
	Summary  struct{ Machines, InTime, Late, Unknown, Retired int }
	Results  []machine
	Machines []machine // of the command
}

type machine struct {
	ID, HostName, State string
	Series              []struct {
		ID, State, UnknownReason, RuleName string
		LastBackupTime, LastSeenTime       time.Time
		RhythmSeconds, FutureSnapshots     int64
		SilentAtFirst                      bool
	}
}

// machines waits until the machines are as wanted: pairs of host and state, in order.
func (n *node) machines(want ...string) (list machineList) {
	n.t.Helper()
	for end := time.Now().Add(30 * time.Second); ; {
		list = machineList{}
		n.call("GET", "/v6/Machines", nil, 200, &list)
		var got []string
		for _, m := range list.Results {
			got = append(got, m.HostName+" "+m.State)
		}
		if strings.Join(got, ", ") == strings.Join(want, ", ") {
			return list
		}
		if time.Now().After(end) {
			n.t.Fatalf("the machines are %q, want %q", got, want)
		}
	}
}

// openAlarms waits until so many alarms of a kind are open, and returns their messages.
func (n *node) openAlarms(kind string, count int) (messages []string) {
	n.t.Helper()
	for end := time.Now().Add(30 * time.Second); ; {
		var page struct {
			Results []struct{ Kind, Severity, Message string }
		}
		messages = nil
		n.call("GET", "/v6/Alarms?state=Open", nil, 200, &page)
		for _, a := range page.Results {
			if a.Kind == kind {
				messages = append(messages, a.Severity+": "+a.Message)
			}
		}
		if len(messages) == count {
			return messages
		}
		if time.Now().After(end) {
			n.t.Fatalf("the alarms are %q, want %d", messages, count)
		}
	}
}

// end ends the server as systemd does.
func (n *node) end() {
	n.t.Helper()
	if err := n.signal(syscall.SIGTERM); err != nil {
		n.t.Errorf("SIGTERM: %v", err)
	}
}

// The machines of a repository with backups of all kinds: alive, dead for months, and
// ahead of its time. The rhythms survive a restart and the snapshots.
func TestMachines(t *testing.T) {
	t.Parallel()
	repo, src := resticfixture.Init(t, 2), t.TempDir()
	if err := os.WriteFile(filepath.Join(src, "file"), []byte("content"), 0o600); err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	backUp := func(host string, at time.Time) string {
		return resticfixture.Backup(t, repo, src, "--host", host, "--time", at.Local().Format(time.DateTime))
	}
	for i := range 6 {
		backUp("alive", now.Add(-time.Duration(6-i)*24*time.Hour+22*time.Hour))
		backUp("dead", now.Add(-time.Duration(200-i)*24*time.Hour))
	}
	ahead := backUp("ahead", now.Add(48*time.Hour))
	data := filepath.Join(t.TempDir(), "data")
	n := start(t, data)
	key := n.add("/v6/EncryptionKeys", 200, object{"password": resticfixture.Password})
	id := n.add("/v6/BackupRepositories", 200, object{"name": "main", "path": repo, "encryptionKeyId": key, "retentionType": "ItemLevel"})
	n.sync(id)
	list := n.machines("dead Late", "ahead Unknown", "alive InTime")
	if s := list.Summary; s.Machines != 3 || s.InTime != 1 || s.Late != 1 || s.Unknown != 1 {
		t.Errorf("the summary is %+v", s)
	}
	dead, alive := list.Results[0], list.Results[2]
	if x := dead.Series[0]; !x.SilentAtFirst || x.RhythmSeconds != 24*3600 {
		t.Errorf("got %+v", x)
	}
	if x := list.Results[1].Series[0]; x.FutureSnapshots != 1 || x.UnknownReason != "NoRhythm" || !x.LastSeenTime.IsZero() {
		t.Errorf("got %+v", x)
	}
	if m := n.openAlarms("BackupLate", 1)[0]; !strings.HasPrefix(m, "Info: ") || !strings.Contains(m, "dead ("+src+")") || strings.Contains(m, "alive") {
		t.Errorf("the alarm is %q", m)
	}
	marks := map[any]any{}
	for _, p := range n.points(id) {
		if p["firstSeenTime"] == nil {
			t.Errorf("%v has no first sighting", p)
		}
		if p["timeMark"] != nil {
			marks[p["snapshotId"]] = p["timeMark"]
		}
	}
	if len(marks) != 1 || marks[ahead] != "Future" {
		t.Errorf("the marks are %v", marks)
	}

	// A rule makes the living one late, and a new backup ends that.
	n.call("POST", "/v6/AlarmRules", object{"name": "hourly", "hostPattern": "AL*", "maxAge": "1h", "severity": "Critical"}, 201, nil)
	if x := n.machines("alive Late", "dead Late", "ahead Unknown").Results[0].Series[0]; x.RuleName != "hourly" {
		t.Errorf("got %+v", x)
	}
	n.events(n.sync(id).ID)
	if m := strings.Join(n.openAlarms("BackupLate", 2), "\n"); !strings.Contains(m, `Critical: The backup of alive (`+src+`) in the repository "main" is late`) {
		t.Errorf("the alarms are %s", m)
	}
	s := n.user(nil)
	s.must(0, "", "login", "--fingerprint", n.fingerprint(), n.url)
	out := s.must(1, "2 of 3 machines are late", "machines", "--server", n.url, "--fail-late")
	for _, part := range []string{"alive", "rule hourly", "Unknown, no rhythm yet", "0 of 3 machines in time, 2 late, 1 unknown; times in local time"} {
		if !strings.Contains(out, part) {
			t.Errorf("the table lacks %q:\n%s", part, out)
		}
	}
	resticfixture.Backup(t, repo, src, "--host", "alive")
	n.sync(id)
	n.machines("dead Late", "ahead Unknown", "alive InTime")
	n.openAlarms("BackupLate", 1)

	// Forgetting snapshots changes no rhythm; retiring ends the watch.
	resticfixture.Run(t, repo, "forget", "--host", "dead", "--keep-last", "1")
	n.events(n.sync(id).ID)
	n.call("POST", "/v6/Machines/"+dead.ID+"/Retire", nil, 200, nil)
	n.openAlarms("BackupLate", 0)
	var command machineList
	if err := json.Unmarshal([]byte(s.must(0, "", "machines", "--server", n.url, "--json", "--state", "Retired")), &command); err != nil {
		t.Fatal(err)
	}
	if len(command.Machines) != 1 || command.Machines[0].Series[0].RhythmSeconds != 24*3600 || command.Summary.InTime != 1 {
		t.Errorf("got %+v", command)
	}
	before := n.points(id)
	n.end()
	n = start(t, data)
	n.machines("ahead Unknown", "alive InTime", "dead Retired")
	if after := n.points(id); len(after) != len(before) || after[0]["firstSeenTime"] != before[0]["firstSeenTime"] {
		t.Errorf("a restart changed %v to %v", before[0], after[0])
	}
	n.call("POST", "/v6/Machines/"+dead.Series[0].ID+"/Resume", nil, 200, nil)
	n.machines("dead Late", "ahead Unknown", "alive InTime")
	if m := n.refused("POST", "/v6/Machines/"+id+"/Retire", nil, 404); !strings.Contains(m, "no machine") {
		t.Errorf("got %q", m)
	}
	n.call("DELETE", "/v6/BackupRepositories/"+id, nil, 204, nil)
	n.machines()
	n.openAlarms("BackupLate", 0)
	n.end()
	s.must(1, "name the server", "machines")
	if alive.ID == dead.ID {
		t.Error("two machines have one id")
	}
}
