//go:build linux

package main_test

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestRestoreWithoutRoom restores 12 MiB to a disk of 16: a job and a command
// that cannot leave free what is asked of them are refused before they write.
func TestRestoreWithoutRoom(t *testing.T) {
	t.Parallel()
	root := smallDisk(t, "16m")
	src, repo := filepath.Join(t.TempDir(), "src"), filepath.Join(t.TempDir(), "repo")
	large := make([]byte, 12<<20)
	_, _ = rand.NewChaCha8([32]byte{7}).Read(large)
	must(0, os.Mkdir(src, 0o755))(t)
	must(0, os.WriteFile(filepath.Join(src, "large"), large, 0o600))(t)
	initRepository(t, repo)
	restic(t, repo, "backup", src)

	data := filepath.Join(t.TempDir(), "data")
	n := start(t, data, "--restore-root", root, "--min-free", "6M")
	n.finish(n.sync(n.attach("one", repo)).ID)
	point, _ := n.newestPoint()
	target := filepath.Join(root, "target")
	job := n.restored(n.restore(point, map[string]any{"targetPath": target}).ID)
	if job.State != "Failed" || job.Statistics.Bytes != 0 || !strings.Contains(job.Error, "12.0 MiB are to be written, and the target has 16.0 MiB free, of which 6.0 MiB are kept free") {
		t.Errorf("ended as %+v", job)
	}
	if countFiles(root) > 0 {
		t.Error("something was written")
	}
	cache := t.TempDir()
	_, stderr, code := command(t, repo, cache, "restore", "latest", "--target", target, "--min-free", "6M")
	if code != 1 || countFiles(root) > 0 || !strings.Contains(stderr, "12.0 MiB are to be written, and the target has 16.0 MiB free, of which 6.0 MiB are kept free") {
		t.Errorf("exit %d: %s", code, stderr)
	}
	_, stderr, code = command(t, repo, cache, "restore", "latest", "--target", target, "--min-free", "some")
	if code != 1 || !strings.Contains(stderr, "--min-free") {
		t.Errorf("exit %d: %s", code, stderr)
	}
	if _, stderr, code = command(t, repo, cache, "restore", "latest", "--target", target); code != 0 {
		t.Errorf("exit %d: %s", code, stderr)
	}
	// All is there: nothing is to be written, and so nothing is missing.
	job = n.restored(n.restore(point, map[string]any{"targetPath": target}).ID)
	if job.State != "Succeeded" || job.Statistics.Bytes != 0 {
		t.Errorf("of what is there, ended as %+v", job)
	}
	full := filepath.Join(root, "full")
	for _, args := range [][]string{{}, {"--min-free", "off"}} {
		_, stderr, code = command(t, repo, cache, append([]string{"restore", "latest", "--target", full}, args...)...)
		if want := map[bool]string{true: "are to be written", false: "the target is full"}[len(args) == 0]; code != 1 || strings.Count(stderr, want) != 1 {
			t.Errorf("%v: exit %d: %s", args, code, stderr)
		}
	}
}
