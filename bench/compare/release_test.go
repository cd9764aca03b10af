package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestRelease resolves the present release in a small history, and builds it.
func TestRelease(t *testing.T) {
	dir := t.TempDir()
	do := func(env []string, program string, args ...string) (out, said string, err error) {
		cmd := exec.CommandContext(t.Context(), program, args...)
		cmd.Dir = dir
		cmd.Env = append(append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null", "GOFLAGS=-buildvcs=false",
			"GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.com", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@example.com"), env...)
		var stderr strings.Builder
		cmd.Stderr = &stderr
		raw, err := cmd.Output()
		return strings.TrimSpace(string(raw)), stderr.String(), err
	}
	git := func(args ...string) string {
		t.Helper()
		out, said, err := do(nil, "git", args...)
		if err != nil {
			t.Fatalf("git %v: %v: %s", args, err, said)
		}
		return out
	}
	script, err := os.ReadFile("../release.sh")
	if err != nil {
		t.Fatal(err)
	}
	git("init", "-q", "-b", "main")
	write(t, dir, "bench/release.sh", string(script), time.Now())
	write(t, dir, ".gitignore", "bench/.cache\n", time.Now())
	write(t, dir, "go.mod", "module example.com/x\n\ngo 1.26\n", time.Now())
	write(t, dir, "VERSION", "v0.1.0\n", time.Now())
	var commits []string
	for _, text := range []string{"first", "second", "third"} {
		source := "package main\n\nvar version string\n\nfunc main() { println(\"" + text + "\", version) }\n"
		write(t, dir, "cmd/syncline/main.go", source, time.Now())
		git("add", "-A")
		git("commit", "-q", "-m", text)
		commits = append(commits, git("rev-parse", "HEAD"))
	}
	// release runs the script, and says what the program says that it has built.
	release := func(env ...string) (program, said string) {
		t.Helper()
		program, note, err := do(append([]string{"RELEASE="}, env...), "bash", "bench/release.sh")
		if err != nil {
			return "", "fails: " + note
		}
		if program == "" {
			return "", note
		}
		_, said, err = do(nil, program)
		if err != nil {
			t.Fatal(err)
		}
		return program, strings.TrimSpace(said)
	}
	write(t, dir, "bench/release", "# a comment\n"+commits[0]+"\n", time.Now())
	program, said := release()
	if said != "first v0.1.0+g"+commits[0][:7] || filepath.Base(program) != "release-"+commits[0] {
		t.Errorf("the commit in the file: %s says %q", program, said)
	}
	git("tag", "v0.9.0", commits[0])
	git("tag", "v0.10.0", commits[1])
	git("tag", "other", commits[2])
	git("tag", "v2.0.0", git("commit-tree", "-m", "elsewhere", "HEAD^{tree}")) // not in the history
	if _, said := release(); said != "second v0.10.0" {
		t.Errorf("the newest tag: %q", said)
	}
	if _, err := os.Stat(program); !os.IsNotExist(err) {
		t.Errorf("the program of another release is kept: %v", err)
	}
	if _, said := release("RELEASE=other"); said != "third v0.10.0-1-g"+commits[2][:7] {
		t.Errorf("the one that RELEASE names: %q", said)
	}
	if program, note := release("RELEASE=none"); program != "" || note != "" {
		t.Errorf("none: %q %q", program, note)
	}
	if _, said := release("RELEASE=nowhere"); !strings.HasPrefix(said, "fails: ") || !strings.Contains(said, "no release nowhere") {
		t.Errorf("one that is not there: %q", said)
	}
	git("tag", "-d", "v0.9.0", "v0.10.0")
	write(t, dir, "bench/release", strings.Repeat("1", 40)+"\n", time.Now()) // as in a shallow clone
	if program, note := release(); program != "" || !strings.Contains(note, "left out") {
		t.Errorf("a history without it: %q %q", program, note)
	}
	if err := os.RemoveAll(filepath.Join(dir, ".git")); err != nil {
		t.Fatal(err)
	}
	if program, note := release(); program != "" || !strings.Contains(note, "left out") {
		t.Errorf("no history: %q %q", program, note)
	}
}
