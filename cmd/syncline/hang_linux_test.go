package main_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"syncline.dev/syncline/internal/resticfixture"
	"syncline.dev/syncline/internal/storage/storagetest/hangfs"
)

// hanging waits until calls hang in a file system, for a minute at most.
func hanging(t *testing.T, f *hangfs.FS, calls int) {
	t.Helper()
	for late := time.After(time.Minute); ; {
		n, changed := f.Waiting()
		if n >= calls {
			return
		}
		select {
		case <-changed:
		case <-late:
			t.Fatalf("%d calls hang, want %d", n, calls)
		}
	}
}

// threads returns the number of the server's threads.
func (n *node) threads() int {
	n.t.Helper()
	status, err := os.ReadFile("/proc/" + strconv.Itoa(n.cmd.Process.Pid) + "/status")
	if err != nil {
		n.t.Fatal(err)
	}
	m := regexp.MustCompile(`(?m)^Threads:\s+([0-9]+)$`).FindSubmatch(status)
	count, err := strconv.Atoi(string(m[1]))
	if err != nil {
		n.t.Fatal(err)
	}
	return count
}

// TestHangingFileSystem lets the file system of a repository hang below a server. The
// server answers, synchronizes another repository, and ends.
func TestHangingFileSystem(t *testing.T) {
	t.Parallel()
	repo, other := resticfixture.Unpack(t, "v2-old"), resticfixture.Unpack(t, "v1-new")
	mounted := hangfs.Mount(t, filepath.Dir(repo))
	path := filepath.Join(mounted.Path, filepath.Base(repo))
	n := start(t, filepath.Join(t.TempDir(), "data"))
	far, near := n.attachFixture("far", path), n.attachFixture("near", other)
	n.finish(n.sync(far).ID)
	mounted.Hang()
	session := n.sync(far).ID
	hanging(t, mounted, 1)
	// Requests about the folder wait in the background, more than may call at once.
	asking, leave := context.WithCancel(t.Context())
	defer leave()
	key := n.add("/v6/EncryptionKeys", 200, object{"password": resticfixture.Password})
	for range 60 {
		go n.askAttach(asking, mounted.Path, key)
	}
	hanging(t, mounted, 2)
	n.finish(n.sync(near).ID)
	if points := n.points(far); len(points) != 5 {
		t.Errorf("the catalog of the repository that hangs has %d restore points", len(points))
	}
	n.attachFixture("a third", resticfixture.Unpack(t, "v2-new")) // is compared with the folder that hangs
	if calls, _ := mounted.Waiting(); calls > 40 || n.threads() > 150 {
		t.Errorf("%d calls hang, and the server has %d threads", calls, n.threads())
	}
	mounted.Resume()
	n.finish(session)
	leave()
	mounted.Hang()
	n.sync(far)
	hanging(t, mounted, 1)
	ended := make(chan error, 1)
	go func() { ended <- n.signal(syscall.SIGTERM) }()
	select {
	case err := <-ended:
		if err != nil {
			t.Errorf("SIGTERM: %v: %s", err, n.output.String())
		}
	case <-time.After(time.Minute):
		t.Errorf("the server does not end: %s", n.output.String())
	}
}

// askAttach asks to attach a folder, and waits for the answer as long as ctx lasts.
func (n *node) askAttach(ctx context.Context, path, key string) {
	body, err := json.Marshal(object{"name": "again", "path": path, "encryptionKeyId": key, "retentionType": "ItemLevel"})
	if err != nil {
		return
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, n.url+"/v6/BackupRepositories", bytes.NewReader(body))
	if err != nil {
		return
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+n.token)
	if res, err := n.client.Do(req); err == nil {
		_ = res.Body.Close()
	}
}

// TestHangingFileSystemOfCommand interrupts a command whose repository hangs.
func TestHangingFileSystemOfCommand(t *testing.T) {
	t.Parallel()
	repo := resticfixture.Unpack(t, "v2-old")
	mounted := hangfs.Mount(t, filepath.Dir(repo))
	mounted.Hang()
	cmd := exec.CommandContext(t.Context(), program, "-r", filepath.Join(mounted.Path, filepath.Base(repo)), "--cache-dir", t.TempDir(), "snapshots")
	cmd.Env = append(os.Environ(), "RESTIC_PASSWORD="+resticfixture.Password)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	hanging(t, mounted, 1)
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case <-ended:
		if code := cmd.ProcessState.ExitCode(); code != 130 {
			t.Errorf("exit code %d: %s", code, stderr.String())
		}
	case <-time.After(time.Minute):
		t.Errorf("the command does not end: %s", stderr.String())
		_ = cmd.Process.Kill()
	}
}
