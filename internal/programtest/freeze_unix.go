//go:build unix

package programtest

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Freeze stops a process with SIGSTOP and returns when all its threads stand still, or when
// it has ended. The signal alone is on its way for a while on a machine with much to do, and
// the process goes on meanwhile. Where there is no /proc, Freeze does not wait.
func Freeze(pid int) error {
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		return err
	}
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for moves(pid) {
		<-tick.C
	}
	return nil
}

// moves reports whether a thread of a process is not stopped.
func moves(pid int) bool {
	stats, _ := filepath.Glob(filepath.Join("/proc", strconv.Itoa(pid), "task", "*", "stat"))
	for _, file := range stats {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // the thread has ended
		}
		_, state, _ := strings.Cut(string(text), ") ")
		if state != "" && !strings.ContainsAny(state[:1], "TtZX") {
			return true
		}
	}
	return false
}
