//go:build unix

package program

import (
	"os"
	"os/exec"
	"os/signal"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// start starts a program in a process group of its own, so that the signals of the
// terminal do not end it before this program is done with it. It returns the function
// that takes the terminal back, which may be called several times.
func start(cmd *exec.Cmd, foreground bool) (background func(), err error) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	nothing := func() {}
	if !foreground {
		return nothing, cmd.Start()
	}
	tty, err := os.OpenFile("/dev/tty", os.O_RDWR, 0)
	if err != nil { // there is no terminal
		return nothing, cmd.Start()
	}
	fd := int(tty.Fd())
	before, err := unix.IoctlGetInt(fd, unix.TIOCGPGRP)
	if err != nil || before != unix.Getpgrp() { // this program does not have the terminal either
		_ = tty.Close()
		return nothing, cmd.Start()
	}
	// A process in the background that changes the terminal's group is suspended, unless it
	// ignores these signals. The program inherits that.
	signal.Ignore(unix.SIGTTIN, unix.SIGTTOU)
	back := func() {
		signal.Reset(unix.SIGTTIN, unix.SIGTTOU)
		_ = tty.Close()
	}
	// The terminal is the program's before it runs. One that asks its user at once would
	// otherwise find itself in the background.
	cmd.SysProcAttr.Foreground, cmd.SysProcAttr.Ctty = true, fd
	if err := cmd.Start(); err != nil {
		_ = unix.IoctlSetPointerInt(fd, unix.TIOCSPGRP, before)
		back()
		return nothing, err
	}
	return sync.OnceFunc(func() {
		_ = unix.IoctlSetPointerInt(fd, unix.TIOCSPGRP, before)
		back()
	}), nil
}

// killGroup kills a process and all that it has started in its group.
func killGroup(pid int) { _ = syscall.Kill(-pid, syscall.SIGKILL) }
