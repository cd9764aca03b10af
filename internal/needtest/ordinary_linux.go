package needtest

import (
	"os"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

const (
	nobody = 65534 // the user without rights
	child  = "SYNCLINE_TEST_AS_NOBODY"
)

// Ordinary marks a test of what an ordinary user may not do. Where root runs
// it, it runs once more in a process of the user nobody, whose result is this
// test's; the answer is then true, and the caller returns.
func Ordinary(t *testing.T) bool {
	t.Helper()
	if os.Geteuid() != 0 {
		return false
	}
	if os.Getenv(child) != "" {
		t.Fatal("the process of the user nobody runs as root")
	}
	dir, err := os.MkdirTemp("", "syncline-nobody-") //nolint:usetesting // t.TempDir is closed to others
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	if err := os.Chown(dir, nobody, nobody); err != nil {
		t.Fatal(err)
	}
	names := strings.Split(t.Name(), "/")
	for i, name := range names {
		names[i] = "^" + regexp.QuoteMeta(name) + "$"
	}
	// The program's own path leads through a folder that is closed to others.
	cmd := exec.CommandContext(t.Context(), "/proc/self/exe", "-test.v", "-test.count=1", "-test.run="+strings.Join(names, "/"))
	cmd.Env = append(os.Environ(), child+"=1", "TMPDIR="+dir, "HOME="+dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS: "+t.Name()+" ") {
		t.Fatalf("as the user nobody: %v\n%s", err, out)
	}
	return true
}
