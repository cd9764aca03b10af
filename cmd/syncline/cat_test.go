package main_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// command runs the program on a repository, with a cache of its own, and
// returns what it wrote and its exit code.
func command(t *testing.T, repo, cache string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program, args...)
	cmd.Env = append(os.Environ(), "RESTIC_REPOSITORY="+repo, "RESTIC_PASSWORD="+repoPassword, "SYNCLINE_CACHE_DIR="+cache)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

func TestCat(t *testing.T) {
	t.Parallel()
	repo, cache, src := filepath.Join(t.TempDir(), "repo"), t.TempDir(), t.TempDir()
	large := filepath.Join(src, "folder", "large.bin")
	if err := os.Mkdir(filepath.Dir(large), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(large, bytes.Repeat([]byte("some text, "), 700_000), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("large.bin", filepath.Join(src, "folder", "link")); err != nil {
		t.Fatal(err)
	}
	initRepository(t, repo)
	restic(t, repo, "backup", src)
	got, stderr, code := command(t, repo, cache, "cat", "latest", large)
	if want := restic(t, repo, "dump", "latest", large); code != 0 || got != string(want) {
		t.Fatalf("exit %d, %d bytes where restic dump writes %d: %s", code, len(got), len(want), stderr)
	}
	got, _, code = command(t, repo, cache, "cat", "--no-sync", "latest:"+src, "/folder/large.bin")
	if code != 0 || len(got) != 7_700_000 {
		t.Errorf("below a folder: exit %d, %d bytes", code, len(got))
	}
	for path, want := range map[string]string{
		src: "is a folder", src + "/folder/link": "symlink", src + "/none": "there is no", "/": "is a folder",
	} {
		stdout, stderr, code := command(t, repo, cache, "cat", "latest", path)
		if code != 1 || stdout != "" || !strings.Contains(stderr, want) {
			t.Errorf("cat %s: exit %d, %q, %s", path, code, stdout, stderr)
		}
	}
	damagePacks(t, repo)
	stdout, stderr, code := command(t, repo, cache, "cat", "latest", large)
	if code != 1 || stdout != "" || !strings.Contains(stderr, "missing or damaged") {
		t.Errorf("damaged: exit %d, %d bytes, %s", code, len(stdout), stderr)
	}
}
