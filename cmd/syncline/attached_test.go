package main_test

import (
	"encoding/json"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"syncline.dev/syncline/internal/resticfixture"
)

// onServer is a storage with a copy of what twoSnapshots made, which a server is to
// attach.
type onServer struct {
	account, storage object // as the API takes them
	kill, start      func() // the storage's own server
	flags            []string
	secrets          []string
}

// testAttached attaches a storage by the API alone, synchronizes, finds and restores,
// also while the storage's server is away, and has the doctor open it. It fails the test when a secret is told.
func testAttached(t *testing.T, s onServer, repo, source string) {
	t.Helper()
	data, root := filepath.Join(t.TempDir(), "data"), filepath.Join(t.TempDir(), "restored")
	n := start(t, data, append(s.flags, "--restore-root", filepath.Dir(root))...)
	_, _, _, id := n.attachIn(s.account, s.storage, resticfixture.Password)
	if first := n.finish(n.sync(id).ID); first.Statistics.SnapshotsAdded != 2 {
		t.Errorf("the session ended as %+v", first)
	}
	path := filepath.Join(source, "budget.txt")
	if got := n.searchAll("query="+url.QueryEscape("budget.txt"), 100); got[path].snapshots != 2 {
		t.Errorf("found %v, want %s in two restore points", got, path)
	}
	s.kill()
	session := n.sync(id).ID
	n.untilLogged("/v6/RepositorySynchronizeSessions/"+session, "tried again")
	s.start()
	if again := n.finish(session); again.Statistics.SnapshotsTotal != 2 {
		t.Errorf("the session through the storage's end ended as %+v", again)
	}
	point, _ := n.newestPoint()
	job := n.restored(n.restore(point, object{"targetPath": root}).ID)
	if job.State != "Succeeded" {
		t.Errorf("the restore ended as %+v", job)
	}
	want := t.TempDir()
	resticfixture.Run(t, repo, "restore", "latest", "--target", want)
	resticfixture.SameTrees(t, want, root)
	// The doctor has the server's settings, and so what its operator allows.
	doctor := runProgram(t, nil, append([]string{"doctor", "--data", data}, s.flags...)...)
	if told := doctor.stdout + doctor.stderr; !strings.Contains(told, "opened with its password") {
		t.Errorf("the doctor does not open the repository: exit code %d and %s", doctor.code, told)
	}
	for _, secret := range s.secrets {
		if strings.Contains(doctor.stdout+doctor.stderr, secret) {
			t.Errorf("the doctor tells a secret: %s", doctor.stdout)
		}
	}
	n.checkSecrets(data, s.secrets...)
}

// untilLogged waits until a line of work's log has a text.
func (n *node) untilLogged(work, text string) {
	n.t.Helper()
	for late := time.After(time.Minute); ; {
		var page json.RawMessage
		n.call("GET", work+"/LogItems?limit=1000", nil, 200, &page)
		if strings.Contains(string(page), text) {
			return
		}
		select {
		case <-late:
			n.t.Fatalf("the log never says %q: %s", text, page)
		case <-time.After(50 * time.Millisecond):
		}
	}
}
