//go:build !windows

package main_test

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// refusal starts a server that must not start, and returns what it says.
func refusal(t *testing.T, env string, flags ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second) // where it runs after all
	defer cancel()
	cmd := exec.CommandContext(ctx, program, append([]string{"serve", "--listen", "127.0.0.1:0"}, flags...)...)
	cmd.Env = append(os.Environ(), env)
	out, err := cmd.CombinedOutput()
	if err == nil {
		t.Errorf("%v: the server ran: %s", flags, out)
	}
	return string(out)
}

// TestDataOfOthersIsRefused has other users be able to write, each time in
// another place.
func TestDataOfOthersIsRefused(t *testing.T) {
	mode := func(path string, m fs.FileMode) {
		t.Helper()
		if err := os.MkdirAll(path, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, m); err != nil { // whatever the umask
			t.Fatal(err)
		}
	}
	for _, m := range []fs.FileMode{0o777, 0o770, 0o775, 0o702, 0o777 | fs.ModeSticky} {
		data := filepath.Join(t.TempDir(), "data")
		mode(data, m)
		said := refusal(t, "", "--data", data)
		want := fmt.Sprintf("%04o", m.Perm())
		if m&fs.ModeSticky != 0 {
			want = "1777"
		}
		if !strings.Contains(said, "mode "+want) || !strings.Contains(said, "chmod go-w "+data) {
			t.Errorf("%v: %s", m, said)
		}
		if left, _ := os.ReadDir(data); len(left) != 0 {
			t.Errorf("%v: something was written: %v", m, left)
		}
		if out, err := exec.CommandContext(t.Context(), program, "user", "list", "--data", data).CombinedOutput(); err == nil {
			t.Errorf("%v: users are listed: %s", m, out)
		}
	}
	above := filepath.Join(t.TempDir(), "above")
	mode(above, 0o777)
	if said := refusal(t, "", "--data", filepath.Join(above, "data")); !strings.Contains(said, "above the data directory, can be written to by every user (mode 0777)") {
		t.Errorf("a directory above: %s", said)
	}
	good := filepath.Join(t.TempDir(), "good")
	if said := refusal(t, "", "--data", good, "--catalogs", above); !strings.Contains(said, "mode 0777") {
		t.Errorf("a folder of catalogs: %s", said)
	}
	if err := os.Chmod(filepath.Join(good, "syncline.db"), 0o666); err != nil {
		t.Fatal(err)
	}
	if said := refusal(t, "", "--data", good); !strings.Contains(said, "syncline.db can be written to by other users (mode 0666)") {
		t.Errorf("a database: %s", said)
	}
	if os.Geteuid() != 0 {
		return
	}
	foreign := filepath.Join(t.TempDir(), "foreign")
	mode(foreign, 0o700)
	if err := os.Chown(foreign, 54321, -1); err != nil {
		t.Fatal(err)
	}
	if said := refusal(t, "", "--data", foreign); !strings.Contains(said, "belongs to another user (uid 54321)") {
		t.Errorf("another user's: %s", said)
	}
	if said := refusal(t, "", "--data", filepath.Join(foreign, "data")); !strings.Contains(said, "belongs to another user (uid 54321), who can put") {
		t.Errorf("below another user's: %s", said)
	}
}

// TestUmaskOpensNothing starts a server with a umask that takes no right away.
func TestUmaskOpensNothing(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	old := syscall.Umask(0)
	n := start(t, data)
	syscall.Umask(old)
	if err := n.signal(syscall.SIGTERM); err != nil {
		t.Error(err)
	}
	found := 0
	err := filepath.WalkDir(data, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		found++
		info, err := d.Info()
		if err == nil && info.Mode()&0o077 != 0 {
			t.Errorf("%s has the mode %v", path, info.Mode())
		}
		return err
	})
	if err != nil || found < 4 {
		t.Errorf("%d files (%v)", found, err)
	}
}

// TestAdministratorsFirstPassword gives the first start passwords that it must
// not take, and a later one whatever there is.
func TestAdministratorsFirstPassword(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	for _, p := range []string{"tiny secret", "password1234", "administrator1"} {
		said := refusal(t, "SYNCLINE_ADMIN_PASSWORD="+p, "--data", data)
		if !strings.Contains(said, "SYNCLINE_ADMIN_PASSWORD: the password is") || strings.Contains(said, p) {
			t.Errorf("%s: %s", p, said)
		}
	}
	if err := start(t, data).signal(syscall.SIGTERM); err != nil {
		t.Error(err)
	}
	cmd := exec.CommandContext(t.Context(), program, "user", "passwd", "administrator", "--data", data)
	cmd.Stdin = strings.NewReader("password1234\n")
	if out, err := cmd.CombinedOutput(); err == nil || !strings.Contains(string(out), "easy to guess") {
		t.Errorf("passwd: %v: %s", err, out)
	}
}
