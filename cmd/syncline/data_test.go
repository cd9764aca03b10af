package main_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// nobody is a user without rights, to be where tests run as one with all.
const nobody = 65534

// A data directory that cannot be written to is told by name, and nothing is
// left in it.
func TestDataDirectoryWithoutRights(t *testing.T) {
	dir, err := os.MkdirTemp("", "syncline-data-") //nolint:usetesting // the parents of t.TempDir are closed to other users
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	closed := filepath.Join(dir, "closed")
	if err := os.Mkdir(closed, 0o555); err != nil {
		t.Fatal(err)
	}
	binary := filepath.Join(dir, "syncline")
	b, err := os.ReadFile(program)
	if err == nil {
		err = os.WriteFile(binary, b, 0o755)
	}
	if err == nil {
		err = os.Chmod(dir, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string]string{
		"read-only":         closed,
		"below a read-only": filepath.Join(closed, "data"),
		"a file":            file,
		"below a file":      filepath.Join(file, "data"),
	} {
		t.Run(name, func(t *testing.T) {
			cmd := exec.Command(binary, "serve", "--data", data, "--listen", "127.0.0.1:0")
			if os.Getuid() == 0 {
				cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
			}
			out, err := cmd.CombinedOutput()
			if err == nil || !strings.Contains(string(out), data) || !strings.Contains(string(out), "--data") && !strings.Contains(string(out), "rights") {
				t.Errorf("the server ended with %v and said: %s", err, out)
			}
		})
	}
	left, err := os.ReadDir(closed)
	if err != nil || len(left) != 0 {
		t.Errorf("%d files are left behind (%v)", len(left), err)
	}
}
