package main_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The flag and the command print the same.
func TestVersion(t *testing.T) {
	t.Parallel()
	for _, more := range [][]string{nil, {"--json"}} {
		flag := runProgram(t, nil, append([]string{"--version"}, more...)...)
		command := runProgram(t, nil, append([]string{"version"}, more...)...)
		if flag.code != 0 || flag.stdout != command.stdout || !strings.Contains(flag.stdout, "go1.") {
			t.Errorf("%q: exit code %d, %q and %q", more, flag.code, flag.stdout, command.stdout)
		}
	}
	if got := runProgram(t, nil, "ls", "--version"); got.code != 2 {
		t.Errorf("a command takes the flag: exit code %d", got.code)
	}
}

// TestVersionOfACheckout runs scripts/version.sh without a repository, without a
// tag, and with one.
func TestVersionOfACheckout(t *testing.T) {
	dir := t.TempDir()
	script, err := os.ReadFile("../../scripts/version.sh")
	if err = errors.Join(err, os.Mkdir(filepath.Join(dir, "scripts"), 0o755),
		os.WriteFile(filepath.Join(dir, "scripts/version.sh"), script, 0o755),
		os.WriteFile(filepath.Join(dir, "VERSION"), []byte("v9.8.7\n"), 0o600)); err != nil {
		t.Fatal(err)
	}
	do := func(name string, args ...string) string {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), name, args...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "GIT_CEILING_DIRECTORIES="+filepath.Dir(dir), "GIT_CONFIG_GLOBAL=/dev/null",
			"GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@b", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@b")
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%s %q: %v", name, args, err)
		}
		return strings.TrimSpace(string(out))
	}
	version := func() string { return do(filepath.Join(dir, "scripts/version.sh")) }
	if got := version(); got != "v9.8.7" {
		t.Errorf("without a repository: %q", got)
	}
	do("git", "init", "-q")
	do("git", "add", ".")
	do("git", "commit", "-qm", "first")
	commit := do("git", "rev-parse", "--short", "HEAD")
	if got := version(); got != "v9.8.7+g"+commit {
		t.Errorf("without a tag: %q", got)
	}
	do("git", "tag", "v9.9.0")
	if got := version(); got != "v9.9.0" {
		t.Errorf("with a tag: %q", got)
	}
	do("git", "commit", "-q", "--allow-empty", "-m", "second")
	if got, want := version(), "v9.9.0-1-g"+do("git", "rev-parse", "--short", "HEAD"); got != want {
		t.Errorf("behind a tag: %q, want %q", got, want)
	}
	if err := os.WriteFile(filepath.Join(dir, "VERSION"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if got := version(); !strings.HasSuffix(got, "-dirty") {
		t.Errorf("with a change: %q", got)
	}
}
