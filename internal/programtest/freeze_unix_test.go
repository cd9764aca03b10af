//go:build unix

package programtest

import (
	"context"
	"os/exec"
	"syscall"
	"testing"
)

// TestFreeze stops a program that is at work, again and again. It stands still each time.
func TestFreeze(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cmd := exec.CommandContext(ctx, "sh", "-c", "while :; do :; done")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	pid := cmd.Process.Pid
	for range 50 {
		if err := Freeze(pid); err != nil {
			t.Fatal(err)
		}
		if moves(pid) {
			t.Error("it is not stopped")
		}
		if err := syscall.Kill(pid, syscall.SIGCONT); err != nil {
			t.Fatal(err)
		}
	}
	cancel()
	if err := cmd.Wait(); err == nil {
		t.Error("it has ended by itself")
	}
	if err := Freeze(pid); err == nil {
		t.Error("a process that has ended was stopped")
	}
}
