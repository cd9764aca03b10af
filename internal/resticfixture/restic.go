// Package resticfixture gives tests real restic repositories. Some are checked
// in under testdata/repos, and the machine's restic makes others during the
// test. The package is for tests only and must not know the code that they
// test.
package resticfixture

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"syncline.dev/syncline/internal/needtest"
	"syncline.dev/syncline/internal/resticwriter"
)

// Password opens every repository that this package makes or unpacks.
const Password = "fixture"

// Restic returns the path of the restic program: $SYNCLINE_TEST_RESTIC, or the
// one on the PATH. Without one, the test fails; a short run skips the test.
func Restic(t testing.TB) string {
	t.Helper()
	needtest.Full(t, "restic")
	name := "restic"
	if s := os.Getenv("SYNCLINE_TEST_RESTIC"); s != "" {
		name = s
	}
	path, err := exec.LookPath(name)
	if err != nil {
		t.Fatalf("this test needs restic: install it (apt-get install restic), or name it in SYNCLINE_TEST_RESTIC: %v", err)
	}
	return path
}

// Run runs restic on a repository that Password opens and returns its standard
// output. A failure fails the test.
func Run(t testing.TB, repo string, args ...string) []byte {
	t.Helper()
	return RunAs(t, repo, Password, args...)
}

// RunAs is Run with another password.
func RunAs(t testing.TB, repo, password string, args ...string) []byte {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), Restic(t), append([]string{"--no-cache", "-r", repo}, args...)...)
	// The end of a test interrupts restic, which then removes its lock.
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "RESTIC_") {
			cmd.Env = append(cmd.Env, v)
		}
	}
	cmd.Env = append(cmd.Env, "RESTIC_PASSWORD="+password, "RESTIC_PROGRESS_FPS=0", "LC_ALL=C.UTF-8", "TZ=UTC")
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("restic %s: %v\n%s%s", strings.Join(args, " "), err, stderr.Bytes(), stdout.Bytes())
	}
	return stdout.Bytes()
}

// Init makes an empty repository of the given format version, 1 or 2, in a
// folder that the test removes. It returns the folder's path.
func Init(t testing.TB, version int) string {
	t.Helper()
	repo := filepath.Join(t.TempDir(), "repo")
	InitAs(t, repo, Password, version)
	return repo
}

// InitAs makes an empty repository in a folder that is missing or empty. It takes
// restic's place, which measures for seconds how much work to put into the key, and then
// does that work each time when it opens the repository.
func InitAs(t testing.TB, repo, password string, version int) {
	t.Helper()
	if _, err := resticwriter.CreateAs(repo, password, resticwriter.Form{Version: version, Work: resticwriter.QuickWork}); err != nil {
		t.Fatal(err)
	}
}

// Backup backs up dir and returns the new snapshot's full id. extra are further
// arguments of "restic backup", such as --tag or --time.
func Backup(t testing.TB, repo, dir string, extra ...string) string {
	t.Helper()
	before := snapshotIDs(t, repo)
	Run(t, repo, append(append([]string{"backup", "--quiet"}, extra...), dir)...)
	for id := range snapshotIDs(t, repo) {
		if !before[id] {
			return id
		}
	}
	t.Fatalf("restic backup %s made no snapshot", dir)
	return ""
}

// snapshotIDs reads the names of the files, because restic's own listing
// derives a key.
func snapshotIDs(t testing.TB, repo string) map[string]bool {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(repo, "snapshots"))
	if err != nil {
		t.Fatal(err)
	}
	ids := make(map[string]bool)
	for _, e := range entries {
		ids[e.Name()] = true
	}
	return ids
}

// Version returns the restic program's version, such as "0.14.0".
func Version(t testing.TB) string {
	t.Helper()
	out, err := exec.CommandContext(context.WithoutCancel(t.Context()), Restic(t), "version").Output()
	if err != nil {
		t.Fatalf("restic version: %v", err)
	}
	fields := strings.Fields(string(out))
	if len(fields) < 2 {
		t.Fatalf("restic version says %q", out)
	}
	return fields[1]
}

// decodeLines decodes a document with one JSON object a line.
func decodeLines(t testing.TB, b []byte, line func(raw []byte, structType, id string)) {
	t.Helper()
	for raw := range bytes.Lines(b) {
		var head struct {
			StructType string `json:"struct_type"`
			ID         string `json:"id"`
		}
		if err := json.Unmarshal(raw, &head); err != nil {
			t.Fatalf("%v in %q", err, raw)
		}
		line(raw, head.StructType, head.ID)
	}
}
