package main_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"syncline.dev/syncline/internal/resticfixture"
	"syncline.dev/syncline/internal/storage/storagetest/servers"
)

// terminal is a running program that a terminal controls.
type terminal struct {
	t      *testing.T
	cmd    *exec.Cmd
	master *os.File
	said   bytes.Buffer
}

// startOnTerminal starts the program with a terminal of its own.
func startOnTerminal(t *testing.T, args ...string) *terminal {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { master.Close() })
	if err := unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	slave, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer slave.Close()
	x := &terminal{t: t, master: master, cmd: exec.CommandContext(t.Context(), program, args...)}
	x.cmd.Env = append(os.Environ(), "SSH_ASKPASS=", "SSH_AUTH_SOCK=", "DISPLAY=")
	x.cmd.Stdin, x.cmd.Stdout, x.cmd.Stderr = slave, slave, slave
	x.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := x.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return x
}

// until reads until the terminal shows a text.
func (x *terminal) until(text string) {
	x.t.Helper()
	for b := make([]byte, 1024); !strings.Contains(x.said.String(), text); {
		n, err := x.master.Read(b)
		x.said.Write(b[:n])
		if err != nil {
			x.t.Fatalf("the terminal never shows %q: %s", text, x.said.String())
		}
	}
}

// awaitReader waits until the process that has the terminal reads. ssh does not notice a
// signal that comes between its question and its read, and reads on. A kernel that tells
// nobody's system call lets the test go on.
func (x *terminal) awaitReader() {
	x.t.Helper()
	if _, err := os.ReadFile("/proc/self/syscall"); err != nil {
		return
	}
	await(x.t, "nobody reads from the terminal", func() bool {
		group, err := unix.IoctlGetInt(int(x.master.Fd()), unix.TIOCGPGRP)
		if err != nil {
			x.t.Fatal(err)
		}
		call, err := os.ReadFile(fmt.Sprintf("/proc/%d/syscall", group))
		return err == nil && strings.HasPrefix(string(call), fmt.Sprintf("%d ", unix.SYS_READ))
	})
}

func (x *terminal) answer(text string) {
	x.t.Helper()
	x.said.Reset()
	if _, err := io.WriteString(x.master, text); err != nil {
		x.t.Fatal(err)
	}
}

// end returns the exit code.
func (x *terminal) end() int {
	x.t.Helper()
	if _, err := io.Copy(&x.said, x.master); err != nil && !errors.Is(err, syscall.EIO) { // the other side is closed
		x.t.Fatal(err)
	}
	_ = x.cmd.Wait()
	return x.cmd.ProcessState.ExitCode()
}

// TestSSHAsksUser answers the questions of the ssh program on the terminal, and then
// the program's own for the password. An interrupt while ssh asks ends both.
func TestSSHAsksUser(t *testing.T) {
	server := servers.StartSSH(t)
	inSFTP(t, server, "repo", servers.ReadFolder(t, resticfixture.Unpack(t, "v2-old")))
	file := filepath.Join(t.TempDir(), "key")
	servers.MakeKey(t, file, "ed25519", "open sesame")
	server.Allow(servers.ReadText(t, file+".pub"))
	known := filepath.Join(t.TempDir(), "known_hosts")
	ask := func() *terminal {
		return startOnTerminal(t, "-r", server.Repository("repo"), "--cache-dir", t.TempDir(), "-o",
			"sftp.args=-F none -i "+file+" -o IdentitiesOnly=yes -o UserKnownHostsFile="+known+" -o StrictHostKeyChecking=ask", "snapshots")
	}
	x := ask()
	x.until("continue connecting")
	x.answer("yes\n")
	x.until("passphrase")
	x.answer("open sesame\n")
	x.until("password")
	x.answer(resticfixture.Password + "\n")
	if code := x.end(); code != 0 || !strings.Contains(x.said.String(), "snapshots") {
		t.Errorf("exit code %d: %s", code, x.said.String())
	}
	x = ask()
	x.until("passphrase")
	x.awaitReader()
	x.answer("\x03") // Control-C
	if code := x.end(); code == 0 || !strings.Contains(x.said.String(), "ssh ended") {
		t.Errorf("exit code %d: %s", code, x.said.String())
	}
}
