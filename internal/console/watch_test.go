package console_test

import (
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/chromedp/chromedp/kb"

	"syncline.dev/syncline/internal/resticfixture"
)

// backups writes snapshots of a host, the oldest first: one for each age, in hours
// before now. A negative age is in the future.
func (f *forged) backups(host, path string, ages ...float64) {
	f.t.Helper()
	tree := f.tree(file("notes.txt", 5000, time.Unix(1_790_000_000, 0)))
	for _, age := range ages {
		_, err := f.repo.StoreJSON("snapshots", map[string]any{
			"time": time.Now().Add(-time.Duration(age * float64(time.Hour))).UTC(), "tree": tree, "paths": []string{path}, "hostname": host,
			"tags": []string{"nightly"}, "program_version": "restic 0.18.0", "summary": map[string]any{"total_bytes_processed": 52_428_800, "total_files_processed": 1},
		})
		if err != nil {
			f.t.Fatal(err)
		}
	}
}

// flush writes what is left to write, after the last backups.
func (f *forged) flush() {
	f.t.Helper()
	if err := errors.Join(f.packer.Flush(), f.repo.Flush()); err != nil {
		f.t.Fatal(err)
	}
}

// daily returns the ages of n daily backups, the last of which is so many hours old.
func daily(n int, last float64) []float64 {
	ages := make([]float64, n)
	for i := range ages {
		ages[i] = last + 24*float64(n-1-i)
	}
	return ages
}

// fleet is a server whose machines are in every state.
type fleet struct {
	*server
	servers, laptops string // ids of repositories
	folder           string // of the laptops' repository
}

func newFleet(t *testing.T, more ...string) *fleet {
	t.Helper()
	w := &fleet{server: startServer(t, more...)}
	servers, laptops := forge(t), forge(t)
	for i := range 6 {
		servers.backups(fmt.Sprintf("web%d", i+1), "/srv", daily(8, float64(i))...)
	}
	servers.backups("files.example.com", "/srv/shares", daily(8, 75)...)
	servers.backups("files.example.com", "/etc", daily(8, 2)...)
	servers.backups("old-nas", "/volume1", daily(8, 24*90)...)
	laptops.backups("a-laptop-with-quite-a-long-name.office.example.com", "/home/ann/Documents and other things of the last years", daily(6, 5)...)
	laptops.backups("ben", "/home/ben", 50, 26)
	laptops.backups("clockwork", "/home/cleo", daily(6, 28)...)
	servers.flush()
	laptops.flush()
	w.servers = w.attach("Servers", servers.dir, "The machines in the cellar")
	w.laptops = w.attach("Laptops", laptops.dir, "")
	w.folder = laptops.dir
	w.synchronize(w.servers)
	w.synchronize(w.laptops)
	laptops.backups("clockwork", "/home/cleo", -72)
	laptops.flush()
	w.synchronize(w.laptops)
	return w
}

// breakDown takes the laptops' repository away, which begins an alarm.
func (w *fleet) breakDown() {
	w.t.Helper()
	if err := os.Rename(w.folder, w.folder+" away"); err != nil {
		w.t.Fatal(err)
	}
	if state := w.session(w.laptops); state != "Failed" {
		w.t.Fatalf("the session of a repository that is gone ended as %s", state)
	}
}

// TestEveryWatchView looks at machines, alarms and rules in every theme and width.
func TestEveryWatchView(t *testing.T) {
	t.Parallel()
	w := newFleet(t)
	w.breakDown()
	w.call("POST", "/v6/AlarmRules", map[string]any{"name": "Servers, every day", "hostPattern": "web*", "maxAge": "26h", "severity": "Critical", "repositoryId": w.servers}, nil)
	w.call("POST", "/v6/AlarmRules", map[string]any{"name": "Everything, some day", "paths": []string{"/home/ann/Documents and other things of the last years"}, "tag": "nightly", "maxAge": "60d", "severity": "Info", "enabled": false}, nil)
	p := newPage(t, w.url)
	p.expect("401")
	p.signIn("administrator", adminPassword)
	p.waitText("machines backed up in time")
	late := w.machine("files.example.com")
	for _, v := range []struct{ name, path, text string }{
		{"overview-watched", "/", "machines backed up in time"},
		{"machines", "/machines", "a-laptop-with"},
		{"machines-late", "/machines?state=Late", "old-nas"},
		{"machine", "/machines/" + late, "/srv/shares"},
		{"machine-clock", "/machines/" + w.machine("clockwork"), "in the future"},
		{"alarms", "/alarms", "Synchronization failed"},
		{"alarms-ended", "/alarms?state=Ended", "No alarm has ended yet"},
		{"alarm", "/alarms/" + w.alarm("SynchronizationFailed"), "Synchronization failed"},
		{"settings-rules", "/settings/rules", "Servers, every day"},
		{"repository-failed", "/repositories/" + w.laptops, "does not exist"},
	} {
		p.open(v.path)
		p.check(v.name, v.text)
		p.everyWidth(v.name, v.text)
	}
	for _, d := range []struct{ name, path, button, text string }{
		{"acknowledge", "/alarms/" + w.alarm("SynchronizationFailed"), "Acknowledge", "keeps your name"},
		{"silence", "/alarms/" + w.alarm("SynchronizationFailed"), "Silence", "Nobody is told"},
		{"retire", "/machines/" + late, "Retire files.example.com", "begins the watch again"},
		{"rule", "/settings/rules", "Edit Servers, every day", "At least every"},
		{"schedule", "/repositories/" + w.servers, "Schedule", "It is checked"},
	} {
		p.open(d.path)
		p.click("main button", d.button)
		p.check("dialog-"+d.name, d.text)
		p.everyWidth("dialog-"+d.name, d.text)
	}
}

// machine returns the id of a machine.
func (s *server) machine(host string) string {
	s.t.Helper()
	var page struct{ Results []struct{ ID string } }
	s.call("GET", "/v6/Machines?hostName="+host, nil, &page)
	if len(page.Results) != 1 {
		s.t.Fatalf("there are %d machines named %s", len(page.Results), host)
	}
	return page.Results[0].ID
}

// alarm returns the id of the open alarm of a kind.
func (s *server) alarm(kind string) string {
	s.t.Helper()
	var page struct{ Results []struct{ ID string } }
	s.call("GET", "/v6/Alarms?state=Open&kind="+kind, nil, &page)
	if len(page.Results) != 1 {
		s.t.Fatalf("%d alarms of the kind %s are open", len(page.Results), kind)
	}
	return page.Results[0].ID
}

// The overview says how many machines are backed up in time. A machine is judged by its
// rhythm, by a rule, or not at all.
func TestMachines(t *testing.T) {
	t.Parallel()
	w := newFleet(t)
	w.addUser("vera", "viewer")
	p := newPage(t, w.url)
	p.expect("401")
	p.signIn("administrator", adminPassword)
	p.waitText("of 11 machines backed up in time")
	p.click(".machine-line a", "2 late")
	p.wait("document.querySelectorAll('.machine').length === 2")
	p.waitText("No backup for 3 days; usually daily")
	p.click(".state-choice button", "All")
	p.wait("document.querySelectorAll('.machine').length === 11")
	p.fill("Host", "WEB")
	p.wait("document.querySelectorAll('.machine').length === 6")
	p.fill("Host", " ")
	p.press(kb.Backspace)
	p.click(".machine a", "ben")
	p.waitText("Too few backups to know a rhythm")
	p.click("button", "Add a rule for /home/ben")
	p.fill("At least every", "20h")
	p.press(kb.Enter)
	p.wait("document.querySelector('dialog') === null")
	p.waitText("rule “ben: /home/ben”")
	p.click("nav a", "Overview")
	p.click(".machine-line a", "3 late")
	p.click(".machine a", "old-nas")
	p.click("button", "Retire old-nas: /volume1")
	p.click("dialog button", "Retire")
	p.waitText("Not watched; retired by administrator")
	p.click("nav a", "Overview")
	p.waitText("of 10 machines backed up in time")
	p.click(".machine-line a", "1 retired")
	p.click(".machine a", "old-nas")
	p.click("button", "Resume old-nas: /volume1")
	p.waitText("No backup for 2 months")

	other := newPage(t, w.url)
	other.expect("401")
	other.signIn("vera", adminPassword)
	other.waitText("machines backed up in time")
	other.open("/machines/" + w.machine("old-nas"))
	other.waitText("No backup for 2 months")
	if eval[bool](other, find("main button", "Retire")+" !== null || "+find("main button", "Rule")+" !== null") {
		t.Error("a viewer is offered to retire, or to make a rule")
	}
}

// An alarm begins, is acknowledged and silenced, and ends.
func TestAlarms(t *testing.T) {
	t.Parallel()
	w := newFleet(t)
	w.addUser("otto", "operator")
	w.addUser("vera", "viewer")
	p := newPage(t, w.url)
	p.expect("401")
	p.signIn("otto", adminPassword)
	p.waitText("machines backed up in time")
	w.breakDown()
	p.waitText("Synchronization failed in Laptops") // by itself
	p.wait("document.querySelector('.nav-count') !== null")
	p.click("nav a", "Alarms")
	p.click("button", "Acknowledge Synchronization failed")
	p.press("the disk is <being> changed")
	p.click("dialog button", "Acknowledge")
	p.waitText("Acknowledged by otto")
	p.waitText("the disk is <being> changed")
	p.click("button", "Silence Synchronization failed")
	p.choose("For", "4")
	p.click("dialog button", "Silence")
	p.waitText("Silenced until")
	p.click("button", "End the silence of Synchronization failed")
	p.wait("!document.querySelector('.alarms').innerText.includes('Silenced until')")
	p.click("nav a", "Overview")
	p.waitText("Failed")
	p.wait("!document.querySelector('.attention')?.innerText.includes('Synchronization failed')") // somebody looks after it

	other := newPage(t, w.url)
	other.expect("401")
	other.signIn("vera", adminPassword)
	other.waitText("machines backed up in time")
	other.open("/alarms")
	other.waitText("Acknowledged by otto")
	if eval[bool](other, find("main button", "Silence")+" !== null || "+find("main button", "Note")+" !== null") {
		t.Error("a viewer is offered to answer an alarm")
	}

	if err := os.Rename(w.folder+" away", w.folder); err != nil {
		t.Fatal(err)
	}
	w.synchronize(w.laptops)
	p.open("/alarms?state=Ended")
	p.waitText("Synchronization failed")
	p.waitText("the disk is <being> changed")
	p.choose("Kind", "RepositoryDamaged")
	p.waitText("No alarm fits")
}

// A repository is checked at times of its own, and its page says when it was looked at.
func TestSchedule(t *testing.T) {
	t.Parallel()
	w := newFleet(t)
	p := newPage(t, w.url)
	p.expect("401", "400")
	p.signIn("administrator", adminPassword)
	p.waitText("machines backed up in time")
	p.open("/repositories/" + w.servers)
	p.waitText("At the server’s interval")
	p.waitText("looked at")
	p.click("button", "Schedule")
	p.click("dialog label", "At times of its own (cron)")
	p.fill("Cron expression", "0 25 * * *")
	p.press(kb.Enter)
	p.wait("document.querySelector('dialog [role=alert]') !== null") // there is no such hour
	p.fill("Cron expression", "30 4 * * *")
	p.fill("Time zone", "Europe/Berlin")
	p.press(kb.Enter)
	p.wait("document.querySelector('dialog') === null")
	p.waitText("Cron 30 4 * * *, Europe/Berlin")
	p.click("button", "Schedule")
	p.click("dialog label", "Not by itself")
	p.click("dialog button", "Save")
	p.waitText("Not checked by itself")
	p.click("nav a", "Overview")
	p.click("button", "Synchronize all")
	p.waitText("2 sessions started or running")
}

// A repository that a check cannot read is not green, although its catalog has all that
// was there. It is green again when a check finds it.
func TestFailedCheck(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	folder := resticfixture.Unpack(t, "v2-old")
	id := s.attach("Cellar", folder, "")
	s.call("PUT", "/v6/BackupRepositories/"+id, map[string]any{"retentionType": "SnapshotBased", "synchronization": map[string]any{"cron": "0 3 * * *"}}, nil)
	s.synchronize(id)
	p := newPage(t, s.url)
	p.expect("401")
	p.signIn("administrator", adminPassword)
	p.waitText("In sync")
	if err := os.Rename(folder, folder+" away"); err != nil {
		t.Fatal(err)
	}
	p.wait("document.querySelector('.repository-state').innerText.includes('Cannot be read')")
	p.waitText("Repository unreachable in Cellar")
	p.open("/repositories/" + id)
	p.waitText("Open alarms")
	p.waitText("Repository unreachable")
	p.check("repository-unreachable", "Cannot be read")
	p.everyWidth("repository-unreachable", "Cannot be read")
	if err := os.Rename(folder+" away", folder); err != nil {
		t.Fatal(err)
	}
	p.wait("document.querySelector('.summary').innerText.includes('In sync')")
	// Others may be open: the machine's disk may be nearly full.
	p.wait("!document.body.innerText.includes('Repository unreachable')")
}
