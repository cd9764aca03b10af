//go:build linux

package main_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// TestRestoreKilled kills restores, each a little later than the one before,
// and completes the last.
func TestRestoreKilled(t *testing.T) {
	repo, cache, src, target := filepath.Join(t.TempDir(), "repo"), t.TempDir(), filepath.Join(t.TempDir(), "src"), t.TempDir()
	for i := range 1500 {
		path := filepath.Join(src, fmt.Sprintf("dir%02d", i%40), fmt.Sprintf("file%04d", i))
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, bytes.Repeat([]byte{byte(i), byte(i >> 8)}, i*3), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(src, "large"), bytes.Repeat([]byte("0123456789abcdef"), 1<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	restic(t, repo, "init")
	restic(t, repo, "backup", src)
	command(t, repo, cache, "sync")
	killed := 0
	for round := range 5 {
		cmd := exec.CommandContext(t.Context(), program, "restore", "--no-sync", "latest", "--target", target)
		cmd.Env = append(os.Environ(), "RESTIC_REPOSITORY="+repo, "RESTIC_PASSWORD="+repoPassword, "SYNCLINE_CACHE_DIR="+cache)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() { ended <- cmd.Wait() }()
		for len(ended) == 0 && countFiles(target) < (round+1)*250 {
			runtime.Gosched()
		}
		_ = cmd.Process.Kill()
		if <-ended != nil {
			killed++
		}
	}
	if killed == 0 {
		t.Error("no restore was killed before its end")
	}
	stdout, stderr, code := command(t, repo, cache, "restore", "latest", "--target", target, "--verify")
	if code != 0 || !strings.HasPrefix(stdout, "restored 1501 files, ") || !strings.Contains(stdout, "read back") {
		t.Fatalf("exit %d: %s%s", code, stdout, stderr)
	}
	// The source's own folders have the times and rights of the backup.
	out, err := exec.CommandContext(t.Context(), "diff", "-r", src, filepath.Join(target, src)).CombinedOutput()
	if err != nil {
		t.Errorf("diff -r: %v: %.2000s", err, out)
	}
	stdout, stderr, code = command(t, repo, cache, "restore", "latest", "--target", target, "--json")
	if code != 0 || !strings.Contains(stdout, `"bytes_restored":0`) || !strings.Contains(stdout, `"message_type":"summary"`) {
		t.Errorf("again: exit %d: %s%s", code, stdout, stderr)
	}
	testRestoreUsage(t, repo, cache)
	testRestoreDamage(t, repo, cache)
}

func countFiles(dir string) (n int) {
	_ = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			n++
		}
		return nil
	})
	return n
}

func testRestoreUsage(t *testing.T, repo, cache string) {
	for want, args := range map[string][]string{
		"--target":           {"latest"},
		"mutually exclusive": {"latest", "--target", t.TempDir(), "-i", "a", "-e", "b"},
		"malformed":          {"latest", "--target", t.TempDir(), "-e", "[b"},
		"overwrite behavior": {"latest", "--target", t.TempDir(), "--overwrite", "maybe"},
	} {
		stdout, stderr, code := command(t, repo, cache, append([]string{"restore"}, args...)...)
		if code != 2 || stdout != "" || !strings.Contains(stderr, want) {
			t.Errorf("%v: exit %d, %s%s", args, code, stdout, stderr)
		}
	}
}

// testRestoreDamage flips a bit in every pack: what is damaged is named, and
// the exit code says so.
func testRestoreDamage(t *testing.T, repo, cache string) {
	packs, err := filepath.Glob(filepath.Join(repo, "data", "*", "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, pack := range packs {
		b, err := os.ReadFile(pack)
		if err != nil {
			t.Fatal(err)
		}
		b[100] ^= 1
		if err := errors.Join(os.Chmod(pack, 0o600), os.WriteFile(pack, b, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	stdout, stderr, code := command(t, repo, cache, "restore", "latest", "--target", t.TempDir())
	if code != 1 || !strings.Contains(stderr, "missing or damaged") || !strings.Contains(stderr, "could not be restored") || !strings.Contains(stdout, "restored ") {
		t.Errorf("exit %d: %s%s", code, stdout, stderr)
	}
}
