package main_test

import (
	"strings"
	"testing"

	"syncline.dev/syncline/internal/resticfixture"
)

// attachPieces attaches a repository, synchronizes it, and returns its id.
func (n *node) attachPieces(p *pieces) string {
	n.t.Helper()
	key := n.add("/v6/EncryptionKeys", 200, object{"password": resticfixture.Password})
	id := n.add("/v6/BackupRepositories", 200, object{"name": "pieces", "path": p.dir, "encryptionKeyId": key, "retentionType": "ItemLevel"})
	n.events(n.sync(id).ID)
	return id
}

// pieced returns the restore points of the old and the new snapshot.
func (n *node) pieced(repo string) (old, latest object) {
	n.t.Helper()
	var list []object
	n.call("GET", "/v6/RestorePoints?repositoryId="+repo, nil, 200, &list)
	if len(list) != 2 || list[0]["hostName"] != "host-new" {
		n.t.Fatalf("the restore points are %v", list)
	}
	return list[1], list[0]
}

// says fails the test unless a request has the status, and the answer the part.
func (n *node) says(path string, status int, part string) {
	n.t.Helper()
	got, _, body := n.get(path)
	if got != status || !strings.Contains(body, part) {
		n.t.Errorf("GET %s: %d %s, want %d and %q", path, got, body, status, part)
	}
}

// TestLostFolderOverTheAPI shows restore points without a folder that the repository
// has lost, and marks what is not whole because of that.
func TestLostFolderOverTheAPI(t *testing.T) {
	t.Parallel()
	p := newPieces(t)
	back := p.lose("b")
	n := start(t, t.TempDir())
	repo := n.attachPieces(p)
	if n.outOfSync(repo) {
		t.Error("the catalog is in sync with what is there, and the repository is not")
	}
	old, latest := n.pieced(repo)
	for _, x := range []object{old, latest} {
		if x["isIncomplete"] != true || x["missingFolders"] != 1.0 || x["isLost"] != nil {
			t.Errorf("the restore point is %v", x)
		}
	}
	at := "/v6/RestorePoints/" + latest["id"].(string)
	repository := "/v6/BackupRepositories/" + repo
	const missing = "missing or damaged in the repository"
	n.says(at+"/Entries?path=/s", 200, `"name":"b"`)
	n.says(at+"/Entry?path=/s/b", 200, `"contentMissing":true`)
	n.says(at+"/Entries?path=/s/b", 409, missing)
	n.says(at+"/Content?path=/s/b/g", 409, missing)
	n.says(at+"/Content?path=/s/a/f", 200, "new")
	n.says(at+"/Archive?format=tar&path=/s/b", 409, missing)
	n.says(at+"/Archive?format=tar&path=/s", 200, "is empty in the archive")
	n.says(at+"/Statistics", 200, `"missingFolders":1`)
	n.says(at+"/FolderSizes?path=/s&depth=1", 200, `"missingFolders":1`)
	n.says(repository+"/Statistics", 200, `"missingFolders":2`)
	n.says(repository+"/Counts", 200, `"missingFolders":2`)
	n.says(repository+"/History?path=/s/b/g", 409, "lost folders on the way")
	n.says(repository+"/HiddenSnapshots", 200, "[]")
	n.says("/v6/Search?query=f&repositoryId="+repo, 200, `"incompleteRestorePoints":2`)
	n.says("/v6/RestorePoints/"+old["id"].(string)+"/Differences?with="+latest["id"].(string)+"&path=/s/b", 409, missing)

	u := n.user(nil)
	u.must(0, "", "login", "--fingerprint", n.fingerprint(), n.url)
	u.must(1, "/s/b: ", "ls", "-q", "--server", n.url, "latest")
	u.must(1, missing, "cat", "--server", n.url, "latest", "/s/b/g")
	u.must(1, "lost folders of 2 snapshots", "find", "--server", n.url, "f")
	u.must(1, "lost folders of 2 snapshots", "stats", "--server", n.url)
	u.must(1, "/s/b", "restore", "--server", n.url, "latest", "--target", t.TempDir())
	u.must(0, p.new+" is incomplete", "snapshots", "--server", n.url)
	if out := u.must(0, "", "cat", "--server", n.url, "latest", "/s/a/f"); out != "new" {
		t.Errorf("a whole file is %q", out)
	}

	back()
	n.finish(n.sync(repo).ID)
	if _, latest = n.pieced(repo); latest["isIncomplete"] != nil || latest["missingFolders"] != nil {
		t.Errorf("after the folder was found: %v", latest)
	}
	n.says(at+"/Content?path=/s/b/g", 200, "same")
}

// TestHiddenOverTheAPI tells of snapshots that are there and cannot be shown, and
// has "latest" be none of the others.
func TestHiddenOverTheAPI(t *testing.T) {
	t.Parallel()
	p := newPieces(t)
	away, unlock := p.lose("root new"), p.lock()
	n := start(t, t.TempDir())
	repo := n.attachPieces(p)
	hidden := "/v6/BackupRepositories/" + repo + "/HiddenSnapshots"
	n.says(hidden, 200, `"reason":"NotSynchronized","backupTime":"2024-05-02T10:00:00Z","hostName":"host-new","paths":["/s"]`)
	u := n.user(nil)
	u.must(0, "", "login", "--fingerprint", n.fingerprint(), n.url)
	u.must(1, p.new, "cat", "--server", n.url, "latest", "/s/a/f")
	u.must(1, "not synchronized yet", "ls", "--server", n.url, p.new)
	u.must(0, "Ignoring", "snapshots", "--server", n.url)
	unlock()
	n.events(n.sync(repo).ID)
	n.says(hidden, 200, "[]")
	if _, latest := n.pieced(repo); latest["isLost"] != true {
		t.Errorf("the root is lost, and the restore point is %v", latest)
	}
	u.must(1, "lost its root folder", "restore", "--server", n.url, "latest", "--target", t.TempDir())
	away()
	n.finish(n.sync(repo).ID)
	if out := u.must(0, "", "cat", "--server", n.url, "latest", "/s/a/f"); out != "new" {
		t.Errorf("the latest file is %q", out)
	}
	p.change("snapshot new", func(b []byte) []byte { return b[:60] })
	other := start(t, t.TempDir())
	repo = other.attachPieces(p)
	other.says("/v6/BackupRepositories/"+repo+"/HiddenSnapshots", 200, `"reason":"Damaged"`)
	other.says("/v6/BackupRepositories/"+repo+"/HiddenSnapshots", 200, p.new)
	if !other.outOfSync(repo) {
		t.Error("a snapshot is not known, and the repository counts as in sync")
	}
}
