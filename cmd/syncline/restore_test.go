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
	"slices"
	"strings"
	"testing"
)

// TestRestoreKilled kills restores, each a little later than the one before,
// and completes the last.
func TestRestoreKilled(t *testing.T) {
	t.Parallel()
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
	initRepository(t, repo)
	restic(t, repo, "backup", src)
	command(t, repo, cache, "sync")
	killed := 0
	for round := range 20 {
		cmd := exec.CommandContext(t.Context(), program, "restore", "--no-sync", "latest", "--target", target)
		cmd.Env = append(os.Environ(), "RESTIC_REPOSITORY="+repo, "RESTIC_PASSWORD="+repoPassword, "SYNCLINE_CACHE_DIR="+cache)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() { ended <- cmd.Wait() }()
		for len(ended) == 0 && countFiles(target) < (round+1)*70 {
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
	if want, got := listing(t, src), listing(t, filepath.Join(target, src)); want != got {
		t.Errorf("modes, owners or times differ:\n%.2000s\n%.2000s", want, got)
	}
	stdout, stderr, code = command(t, repo, cache, "restore", "latest", "--target", target, "--json")
	if code != 0 || !strings.Contains(stdout, `"bytes_restored":0`) || !strings.Contains(stdout, `"message_type":"summary"`) {
		t.Errorf("again: exit %d: %s%s", code, stdout, stderr)
	}
	testRestoreUsage(t, repo, cache)
	testRestorePatternFiles(t, repo, cache, src)
	testRestoreDry(t, repo, cache, target)
	testRestoreDamage(t, repo, cache)
}

// testRestoreDry tells what a run would write and delete in a whole target.
func testRestoreDry(t *testing.T, repo, cache, target string) {
	extra := filepath.Join(target, "extra")
	if err := os.WriteFile(extra, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	stdout, stderr, code := command(t, repo, cache, "restore", "latest", "--target", target, "--delete", "--dry-run", "-vv")
	if code != 0 || !strings.Contains(stdout, "\ndeleted   /extra\n") || !strings.Contains(stdout, "unchanged /") ||
		strings.Contains(stdout, "\nupdated") || !strings.Contains(stdout, "nothing was written") || !strings.Contains(stdout, "1 items were deleted") {
		t.Errorf("exit %d: %.2000s%s", code, stdout, stderr)
	}
	stdout, stderr, code = command(t, repo, cache, "restore", "latest", "--target", target, "--delete", "--json", "-vv")
	if _, err := os.Lstat(extra); code != 0 || !errors.Is(err, fs.ErrNotExist) || !strings.Contains(stdout, `"files_deleted":1,`) ||
		!strings.Contains(stdout, `"action":"deleted"`) {
		t.Errorf("exit %d, %v: %.2000s%s", code, err, stdout, stderr)
	}
	none := filepath.Join(t.TempDir(), "none")
	stdout, stderr, code = command(t, repo, cache, "restore", "latest", "--target", none, "--dry-run")
	if _, err := os.Lstat(none); code != 0 || !errors.Is(err, fs.ErrNotExist) || !strings.Contains(stdout, "restored 1501 files") {
		t.Errorf("into nothing: exit %d, %v: %.2000s%s", code, err, stdout, stderr)
	}
}

// listing describes everything below dir but contents.
func listing(t *testing.T, dir string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "find", dir, "-printf", "%P %y %m %U:%G %T@ %n %l\n").Output()
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(out), "\n")
	slices.Sort(lines)
	return strings.Join(lines, "\n")
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
		"--target":            {"latest"},
		"mutually exclusive":  {"latest", "--target", t.TempDir(), "-i", "a", "-e", "b"},
		"is not valid":        {"latest", "--target", t.TempDir(), "-e", "[b"},
		"exclude and include": {"latest", "--target", t.TempDir(), "--include-xattr", "a", "--exclude-xattr", "b"},
		"--dry-run and":       {"latest", "--target", t.TempDir(), "--dry-run", "--verify"},
		"must be combined":    {"latest", "--target", "/./", "--delete", "--dry-run"},
		"overwrite behavior":  {"latest", "--target", t.TempDir(), "--overwrite", "maybe"},
	} {
		stdout, stderr, code := command(t, repo, cache, append([]string{"restore"}, args...)...)
		if code != 1 || stdout != "" || !strings.Contains(stderr, want) {
			t.Errorf("%v: exit %d, %s%s", args, code, stdout, stderr)
		}
	}
}

func testRestorePatternFiles(t *testing.T, repo, cache, src string) {
	list := filepath.Join(t.TempDir(), "list")
	if err := os.WriteFile(list, []byte("\xef\xbb\xbf# what to get back\n\n  $FOLDER/file0001  \r\n*/FILE0042\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	env := []string{"RESTIC_REPOSITORY=" + repo, "RESTIC_PASSWORD=" + repoPassword, "SYNCLINE_CACHE_DIR=" + cache, "FOLDER=" + src + "/dir01"}
	for flag, want := range map[string]int{"--include-file": 1, "--iinclude-file": 2, "--exclude-file": 1500, "--iexclude-file": 1499} {
		target := t.TempDir()
		said := runProgram(t, env, "restore", "latest", "--target", target, flag, list, "--json")
		if got := countFiles(target); said.code != 0 || got != want || !strings.Contains(said.stdout, `"total_bytes":`) {
			t.Errorf("%s: %d files, not %d: %+v", flag, got, want, said)
		}
	}
	_, stderr, code := command(t, repo, cache, "restore", "latest", "--target", t.TempDir(), "--include-file", list+"x")
	if code != 1 || !strings.Contains(stderr, "cannot read patterns from "+list+"x (no such file") {
		t.Errorf("without the file: exit %d: %s", code, stderr)
	}
}

// testRestoreDamage flips a bit in every pack: what is damaged is named, and
// the exit code says so.
func testRestoreDamage(t *testing.T, repo, cache string) {
	damagePacks(t, repo)
	stdout, stderr, code := command(t, repo, cache, "restore", "latest", "--target", t.TempDir())
	if code != 1 || !strings.Contains(stderr, "missing or damaged") || !strings.Contains(stderr, "could not be restored") || !strings.Contains(stdout, "restored ") {
		t.Errorf("exit %d: %s%s", code, stdout, stderr)
	}
}
