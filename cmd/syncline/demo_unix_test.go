//go:build !windows

package main_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"syncline.dev/syncline/internal/needtest"
)

// TestDemoLeavesNothing ends a demonstration with one signal, with two at once, and
// before it is ready.
func TestDemoLeavesNothing(t *testing.T) {
	t.Parallel()
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

// TestDemoRequest runs the lines that the demonstration prints for a shell, and
// follows the session that they show as running.
func TestDemoRequest(t *testing.T) {
	t.Parallel()
	needtest.Full(t, "curl")
	cmd := exec.CommandContext(t.Context(), program, "demo", "--listen", "127.0.0.1:0")
	cmd.Env = append(os.Environ(), "TMPDIR="+t.TempDir())
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = cmd.Process.Signal(syscall.SIGINT)
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
	}()
	var script []string
	for lines := bufio.NewScanner(stdout); lines.Scan() && !strings.HasPrefix(lines.Text(), "listening on "); {
		if line := strings.TrimSpace(lines.Text()); strings.HasPrefix(line, "TOKEN=") || strings.HasPrefix(line, "curl ") {
			script = append(script, line)
		}
	}
	if len(script) != 2 {
		t.Fatalf("the lines for a shell are %q", script)
	}
	shell := func(script ...string) *exec.Cmd {
		return exec.CommandContext(t.Context(), "sh", "-c", strings.Join(script, "\n"))
	}
	out, err := shell(script...).Output()
	var sessions []struct {
		State string
		Links struct{ Self struct{ Href string } } `json:"_links"`
	}
	if err = errors.Join(err, json.Unmarshal(out, &sessions)); err != nil || len(sessions) != 2 ||
		sessions[0].State != "Synchronizing" || sessions[1].State != "None" {
		t.Fatalf("the sessions are %s (%v)", out, err)
	}
	events := shell(script[0], strings.Replace(script[1], "/v6/RepositorySynchronizeSessions", sessions[0].Links.Self.Href+"/Events", 1)+" -N")
	follow, err := events.StdoutPipe()
	if err = errors.Join(err, events.Start()); err != nil {
		t.Fatal(err)
	}
	seen := make(map[int]bool)
	for lines := bufio.NewScanner(follow); len(seen) < 3 && lines.Scan(); {
		var s struct {
			State           string
			ProgressPercent int
		}
		if data, ok := strings.CutPrefix(lines.Text(), "data:"); ok && json.Unmarshal([]byte(data), &s) == nil && s.State == "Synchronizing" {
			seen[s.ProgressPercent] = true
		}
	}
	_ = events.Process.Kill() // it has shown enough
	_ = events.Wait()
	if len(seen) < 3 {
		t.Errorf("the progress seen is %v", seen)
	}
}
