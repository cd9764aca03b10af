//go:build !windows

package main_test

import (
	"bufio"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

// TestDemoLeavesNothing ends a demonstration with one signal, with two at once, and
// before it is ready.
func TestDemoLeavesNothing(t *testing.T) {
	for name, tt := range map[string]struct {
		early   bool
		signals int
	}{"one": {false, 1}, "two": {false, 2}, "early": {true, 1}} {
		temp := t.TempDir()
		cmd := exec.CommandContext(t.Context(), program, "demo", "--listen", "127.0.0.1:0")
		cmd.Env = append(os.Environ(), "TMPDIR="+temp)
		stdout, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		var stderr strings.Builder
		cmd.Stderr = &stderr
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if tt.early {
			for left, _ := os.ReadDir(temp); len(left) == 0; left, _ = os.ReadDir(temp) {
				if t.Context().Err() != nil {
					return
				}
			}
		} else {
			for lines := bufio.NewScanner(stdout); lines.Scan() && !strings.HasPrefix(lines.Text(), "listening on "); {
			}
		}
		for range tt.signals {
			_ = cmd.Process.Signal(syscall.SIGINT)
		}
		// With two signals it may be ended by either.
		if err := cmd.Wait(); err != nil && tt.signals == 1 {
			t.Errorf("%s: %v: %s", name, err, stderr.String())
		}
		if left, err := os.ReadDir(temp); err != nil || len(left) != 0 {
			t.Errorf("%s: left %v (%v)", name, left, err)
		}
	}
}
