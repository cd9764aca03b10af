package main_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"syncline.dev/syncline/internal/needtest"
	"syncline.dev/syncline/internal/resticfixture"
	"syncline.dev/syncline/internal/storage/storagetest/servers"
)

// smallDisk mounts a disk of that size until the test ends.
func smallDisk(t *testing.T, size string) string {
	t.Helper()
	needtest.Full(t, "the right to mount a disk")
	needtest.Root(t, "mount a disk")
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "mode=0700,size="+size); err != nil {
		t.Fatalf("mount a disk: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// fill takes all the room that is left on a disk.
func fill(t *testing.T, path string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	block := make([]byte, 1<<20)
	_, _ = rand.Read(block)
	for size := len(block); size > 0; {
		if _, err := f.Write(block[:size]); errors.Is(err, syscall.ENOSPC) {
			size /= 2
		} else if err != nil {
			t.Fatal(err)
		}
	}
}

// signIn signs in once and returns the status.
func (n *node) signIn() int {
	n.t.Helper()
	body := `{"grant_type":"password","username":"administrator","password":"` + adminPassword + `"}`
	req, err := http.NewRequestWithContext(n.t.Context(), http.MethodPost, n.url+"/v6/token", bytes.NewReader([]byte(body)))
	if err != nil {
		n.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := n.client.Do(req)
	if err != nil {
		n.t.Fatal(err)
	}
	defer res.Body.Close()
	return res.StatusCode
}

// TestCatalogsLeaveRoom has no room for a catalog beyond the reserve: the session
// says so with both numbers and leaves nothing, and the server goes on.
func TestCatalogsLeaveRoom(t *testing.T) {
	t.Parallel()
	disk, path := smallDisk(t, "64m"), newRepository(t, 20, 1)
	data := filepath.Join(disk, "data")
	n := start(t, data, "--catalog-min-free", "63M")
	repo := n.attach("one", path)
	all := n.events(n.sync(repo).ID)
	last := all[len(all)-1]
	if last.State != "Failed" || !strings.Contains(last.Error, "MiB free, and 63.0 MiB of it are kept free") || !strings.Contains(last.Error, "--catalogs") {
		t.Errorf("the session ended as %+v", last)
	}
	if left := catalogFiles(t, data, repo); len(left) != 0 {
		t.Errorf("%q are left", left)
	}
	if status := n.signIn(); status != http.StatusOK {
		t.Errorf("signing in: %d", status)
	}
	if err := n.signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	n = start(t, data, "--catalog-min-free", "63M", "--catalogs", smallDisk(t, "80m"))
	n.finish(n.sync(repo).ID)
	n.wantWhole(repo, 1)
}

// TestFullDisk fills the disk of the server's database while a session runs: users
// sign in, the session is shown as it ended, and it is recorded when there is room.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	s3 := servers.StartS3(t)
	s3.Put(t, "bucket", "repo", servers.ReadFolder(t, resticfixture.Unpack(t, "v2-old")))
	reading, answer := make(chan struct{}, 100), make(chan struct{})
	var refuse atomic.Bool
	url := servers.StartDoor(t, s3.URL, func(w http.ResponseWriter, r *http.Request) bool {
		if refuse.Load() && r.Method == http.MethodGet && isPack(r) {
			reading <- struct{}{}
			<-answer
			w.Header().Set("Content-Type", "application/xml")
			w.WriteHeader(http.StatusForbidden)
			_, _ = io.WriteString(w, "<Error><Code>AccessDenied</Code><Message>no</Message></Error>")
			return true
		}
		return false
	})
	let := sync.OnceFunc(func() { close(answer) })
	t.Cleanup(let) // the storage waits for its requests
	disk := smallDisk(t, "64m")
	data, catalogs := filepath.Join(disk, "data"), t.TempDir()
	n := start(t, data, "--catalogs", catalogs)
	_, _, _, repo := n.attachIn(
		object{"accountType": "amazonS3CompatibleAccount", "userName": s3.AccessKey, "password": s3.SecretKey},
		object{"type": "AmazonS3Compatible", "s3Folder": "repo", "amazonBucketS3Compatible": object{"servicePoint": url, "name": "bucket"}}, resticfixture.Password)
	refuse.Store(true)
	id := n.sync(repo).ID
	<-reading
	fill(t, filepath.Join(disk, "filler"))
	for range 3 {
		if status := n.signIn(); status != http.StatusOK {
			t.Fatalf("signing in on a full disk: %d: %s", status, n.output)
		}
	}
	if _, err := os.Stat(filepath.Join(data, "ballast")); !os.IsNotExist(err) {
		t.Errorf("the ballast was not given up: %v", err)
	}
	restarted := func() {
		t.Helper()
		if err := n.signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		n = start(t, data, "--catalogs", catalogs) // which signs in
	}

	fill(t, filepath.Join(disk, "filler")) // what was given up, too
	let()
	all := n.events(id)
	if last := all[len(all)-1]; last.State != "Failed" || last.Error == "" {
		t.Errorf("the session is shown as %+v", last)
	}
	var one session
	var list []session
	n.call("GET", "/v6/RepositorySynchronizeSessions/"+id, nil, 200, &one)
	n.call("GET", "/v6/RepositorySynchronizeSessions", nil, 200, &list)
	if one.State != "Failed" || len(list) != 1 || list[0] != one {
		t.Errorf("the session is told as %+v, and in the list %+v", one, list)
	}
	n.refused("POST", "/v6/BackupRepositories/"+repo+"/Sync", nil, 503)

	if err := os.Remove(filepath.Join(disk, "filler")); err != nil {
		t.Fatal(err)
	}
	refuse.Store(false)
	again := n.sync(repo) // records the end of the other one first
	if again.ID == id {
		t.Fatal("the session that has ended was joined")
	}
	n.finish(again.ID)
	restarted()
	n.call("GET", "/v6/RepositorySynchronizeSessions/"+id, nil, 200, &one)
	if one.State != "Failed" {
		t.Errorf("after a restart the session is %+v", one)
	}

	// Full at the start: the ballast makes room.
	if _, err := os.Stat(filepath.Join(data, "ballast")); err != nil {
		t.Fatalf("the ballast is not back: %v", err)
	}
	fill(t, filepath.Join(disk, "filler"))
	restarted()
	n.wantWhole(repo, 5)
}

func isPack(r *http.Request) bool { return strings.HasPrefix(r.URL.Path, "/bucket/repo/data/") }

// TestCacheThatCannotBeWritten has a cache on a disk that is full, or read-only: it
// is answered from, and what cannot be brought up to date says so.
func TestCacheThatCannotBeWritten(t *testing.T) {
	path, disk := newRepository(t, 20, 1), smallDisk(t, "16m")
	ask := func(args ...string) outcome {
		return runProgram(t, []string{"RESTIC_PASSWORD=" + repoPassword, "SYNCLINE_CACHE_DIR=" + disk}, append([]string{"-r", path}, args...)...)
	}
	want := ask("ls", "latest")
	if want.code != 0 || want.stdout == "" {
		t.Fatalf("%+v", want)
	}
	forced := ask("ls", "--no-sync", "latest")
	for _, c := range []struct {
		what string
		do   func()
		undo func()
	}{
		{"full", func() { fill(t, filepath.Join(disk, "filler")) }, func() { _ = os.Remove(filepath.Join(disk, "filler")) }},
		{
			"read-only", func() {
				if err := unix.Mount("", disk, "", unix.MS_REMOUNT|unix.MS_RDONLY, ""); err != nil {
					t.Fatal(err)
				}
			},
			func() {
				if err := unix.Mount("", disk, "", unix.MS_REMOUNT, ""); err != nil {
					t.Fatal(err)
				}
			},
		},
	} {
		c.do()
		if got := ask("ls", "--no-sync", "latest"); got != forced {
			t.Errorf("%s, without synchronizing: %+v", c.what, got)
		}
		if got := ask("ls", "latest"); got.code != 0 || got.stdout != want.stdout {
			t.Errorf("%s, with nothing new: %+v", c.what, got)
		}
		id := strings.TrimSpace(string(restic(t, path, "backup", disk, "--json")))
		got := ask("ls", "latest")
		if got.code != 1 || !strings.Contains(got.stderr, "cannot be brought up to date") || !strings.Contains(got.stderr, "last synchronization") {
			t.Errorf("%s, with something new (%.80s): %+v", c.what, id, got)
		}
		if got.stdout != "" && got.stdout != want.stdout {
			t.Errorf("%s, with something new: %s", c.what, got.stdout)
		}
		c.undo()
		restic(t, path, "forget", "latest")
		if got := ask("ls", "latest"); got.code != 0 || got.stdout != want.stdout {
			t.Errorf("%s, and usable again: %+v", c.what, got)
		}
	}
}
