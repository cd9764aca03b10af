package main_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"syncline.dev/syncline/internal/resticfixture"
)

// A week of usual backups, and then one in which most files have another content and
// another name: the alarm says so, and links the comparison.
func TestUnusualBackups(t *testing.T) {
	t.Parallel()
	repo, src := resticfixture.Init(t, 2), t.TempDir()
	file := func(i int) string {
		return filepath.Join(src, fmt.Sprintf("letters-%d", i%3), fmt.Sprintf("%d.odt", i))
	}
	write := func(path, content string) {
		t.Helper()
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(content), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 300 {
		write(file(i), fmt.Sprint("letter ", i))
	}
	now := time.Now()
	var last string
	for i := range 7 {
		write(file(i), fmt.Sprint("changed ", i))
		write(filepath.Join(src, "notes", fmt.Sprint(i, ".txt")), "note")
		last = resticfixture.Backup(t, repo, src, "--host", "office", "--time", now.Add(-time.Duration(7-i)*24*time.Hour+time.Hour).Local().Format(time.DateTime))
	}
	n := start(t, filepath.Join(t.TempDir(), "data"))
	key := n.add("/v6/EncryptionKeys", 200, object{"password": resticfixture.Password})
	id := n.add("/v6/BackupRepositories", 200, object{"name": "main", "path": repo, "encryptionKeyId": key, "retentionType": "ItemLevel"})
	n.events(n.sync(id).ID)
	n.machines("office InTime")
	for i := range 200 {
		write(file(i)+".crypt", fmt.Sprint("quite another content ", i))
		if err := os.Remove(file(i)); err != nil {
			t.Fatal(err)
		}
	}
	struck := resticfixture.Backup(t, repo, src, "--host", "office")
	n.events(n.sync(id).ID)
	m := n.openAlarms("BackupUnusual", 1)[0]
	for _, part := range []string{
		"Critical: The backup of office (" + src + ")", `in the repository "main"`, "200 of 307 files (65 %) went", "200 new files have endings that it never had (.crypt)",
		"letters-",
	} {
		if !strings.Contains(m, part) {
			t.Errorf("the alarm lacks %q: %s", part, m)
		}
	}
	var points []struct{ ID, SnapshotID string }
	n.call("GET", "/v6/RestorePoints?repositoryId="+id, nil, 200, &points)
	ids := map[string]string{}
	for _, p := range points {
		ids[p.SnapshotID] = p.ID
	}
	var list struct {
		Results []struct {
			Series []struct{ UnusualMessage, UnusualLink string }
		}
	}
	n.call("GET", "/v6/Machines", nil, 200, &list)
	if got, want := list.Results[0].Series[0].UnusualLink, "/points/"+ids[last]+"/compare?with="+ids[struck]; got != want {
		t.Errorf("the link is %s, want %s", got, want)
	}
	if res, page := n.ask("GET", n.url+list.Results[0].Series[0].UnusualLink, ""); res.StatusCode != 200 || !strings.Contains(page, "<html") {
		t.Errorf("the link is no page of the console: %d", res.StatusCode)
	}
	n.end()
}
