package main_test

import (
	"bytes"
	"crypto/sha256"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"testing"

	"syncline.dev/syncline/internal/needtest"
	"syncline.dev/syncline/internal/resticfixture"
	"syncline.dev/syncline/internal/resticwriter"
)

func sha(b []byte) resticwriter.ID { return sha256.Sum256(b) }

// newestRestic is the path of the restic that tools/ pins, which is built the
// first time.
var newestRestic = sync.OnceValues(func() (string, error) {
	out, err := exec.Command("../../scripts/tool.sh", "-p", "restic").Output()
	return strings.TrimSpace(string(out)), err
})

// runPinned runs that restic.
func runPinned(t *testing.T, env []string, args ...string) outcome {
	t.Helper()
	needtest.Full(t, "the restic that tools/ pins")
	path, err := newestRestic()
	if err != nil {
		t.Fatalf("restic cannot be built: %v", err)
	}
	cmd := exec.CommandContext(t.Context(), path, args...)
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "RESTIC_") {
			cmd.Env = append(cmd.Env, v)
		}
	}
	cmd.Env = append(append(cmd.Env, "RESTIC_PASSWORD="+resticfixture.Password), env...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	_ = cmd.Run()
	return outcome{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

// pinned runs that restic on a repository, which must end with a code.
func pinned(t *testing.T, repo string, code int, args ...string) string {
	t.Helper()
	got := runPinned(t, nil, append([]string{"-r", repo, "--no-cache", "--no-lock"}, args...)...)
	if got.code != code {
		t.Fatalf("restic %q: exit code %d\n%s%s", args, got.code, got.stdout, got.stderr)
	}
	return got.stdout
}

// pinnedCommands are the commands that restic's help lists.
func pinnedCommands(t *testing.T) (names []string) {
	t.Helper()
	text := runPinned(t, nil, "help").stdout
	if start := strings.Index(text, "Available Commands:"); start >= 0 {
		text = text[start:]
	}
	text, _, _ = strings.Cut(text, "\nFlags:")
	for _, m := range regexp.MustCompile(`(?m)^  ([a-z][a-z-]+) +\S`).FindAllStringSubmatch(text, -1) {
		names = append(names, m[1])
	}
	if len(names) < 20 {
		t.Fatalf("restic's help lists %q", names)
	}
	return names
}
