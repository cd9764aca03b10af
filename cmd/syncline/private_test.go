//go:build !windows

package main_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
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
	t.Parallel()
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
	t.Parallel()
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

// The first password comes from a file, which no later start needs.
func TestAdministratorsFirstPasswordFromFile(t *testing.T) {
	dir := t.TempDir()
	data, file := filepath.Join(dir, "data"), filepath.Join(dir, "password")
	const variable = "SYNCLINE_ADMIN_PASSWORD_FILE="
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	refused := func(want, env string) {
		t.Helper()
		if said := refusal(t, env, "--data", data); !strings.Contains(said, want) || strings.Contains(said, "password1234") {
			t.Errorf("%q is not in: %s", want, said)
		}
	}
	refused(variable[:len(variable)-1]+": "+file+" does not exist", variable+file)
	write(" \n")
	refused(file+" is empty; write a password into it", variable+file)
	write("password1234\n")
	refused("SYNCLINE_ADMIN_PASSWORD_FILE: the password is easy to guess", variable+file)
	t.Setenv("SYNCLINE_ADMIN_PASSWORD", adminPassword)
	refused("SYNCLINE_ADMIN_PASSWORD and SYNCLINE_ADMIN_PASSWORD_FILE are both set", variable+file)
	t.Setenv("SYNCLINE_ADMIN_PASSWORD", "")
	write("a password in a file\r\n")
	for range 2 {
		n := startWith(t, []string{variable + file}, data).as("a password in a file")
		if err := n.signal(syscall.SIGTERM); err != nil {
			t.Error(err)
		}
		_ = os.Remove(file)
	}
}

// takenPort is an address where another program listens.
func takenPort(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ln.Close() })
	return ln.Addr().String()
}

// A password that is made where no terminal is lies in a file for its owner, and
// is nowhere in what the server says; a start that fails later does not lose it.
func TestInitialPasswordFile(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "data")
	file := filepath.Join(data, "initial-password")
	said := refusal(t, "", "--data", data, "--listen", takenPort(t))
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	password := strings.TrimSuffix(string(raw), "\n")
	if !strings.Contains(said, "the password is in "+file) || strings.Contains(said, password) || len(password) < 20 {
		t.Errorf("the password in the file has %d characters, and the server says: %s", len(password), said)
	}
	if info, err := os.Stat(file); err != nil || info.Mode() != 0o600 {
		t.Errorf("%v (%v)", info.Mode(), err)
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	n := startWith(t, nil, data).as(password)
	if err := n.signal(syscall.SIGTERM); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(file); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the file is there again (%v)", err)
	}
}
