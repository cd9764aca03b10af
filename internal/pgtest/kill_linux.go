package pgtest

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"syncline.dev/syncline/internal/programtest"
)

// Kill ends the server and all of its processes with SIGKILL.
func (s *Server) Kill(t testing.TB) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(s.data(), "postmaster.pid"))
	if err != nil {
		t.Fatal(err)
	}
	line, _, _ := strings.Cut(string(text), "\n")
	first, err := strconv.Atoi(line)
	if err != nil {
		t.Fatal(err)
	}
	_ = programtest.Freeze(first) // so that it starts no further ones
	all := append(childrenOf(t, first), first)
	for _, pid := range all {
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Errorf("kill %d: %v", pid, err)
		}
	}
	s.mu.Lock()
	shell, stdin := s.shell, s.stdin
	s.shell = nil
	s.mu.Unlock()
	fmt.Fprintln(stdin.(interface{ Write([]byte) (int, error) }), "killed")
	stdin.Close()
	shell.Wait() //nolint:errcheck // the shell's end says nothing about the server
	gone := time.NewTicker(10 * time.Millisecond)
	defer gone.Stop()
	for _, pid := range all {
		for !hasEnded(pid) {
			<-gone.C
		}
	}
	// They name a process that has ended, and that nobody may have waited for.
	for _, lock := range []string{filepath.Join(s.data(), "postmaster.pid"), filepath.Join(s.folder, ".s.PGSQL."+strconv.Itoa(s.Port)+".lock")} {
		if err := os.Remove(lock); err != nil {
			t.Error(err)
		}
	}
}

// statOf returns the state and the parent of a process.
func statOf(pid string) (state, parent string) {
	text, err := os.ReadFile(filepath.Join("/proc", pid, "stat"))
	if err != nil {
		return "", ""
	}
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	return fields[0], fields[1]
}

func hasEnded(pid int) bool {
	state, _ := statOf(strconv.Itoa(pid))
	return state == "" || state == "Z"
}

// childrenOf returns the processes that a process has started.
func childrenOf(t testing.TB, parent int) (all []int) {
	t.Helper()
	found, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range found {
		name := strings.Split(path, "/")[2]
		if _, above := statOf(name); above == strconv.Itoa(parent) {
			pid, _ := strconv.Atoi(name) // digits
			all = append(all, pid)
		}
	}
	return all
}
