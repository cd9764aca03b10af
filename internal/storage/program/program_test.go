//go:build unix

package program_test

import (
	"bufio"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/storage/program"
)

// shell starts a script, and returns what its standard error says.
func shell(t *testing.T, script string) (*program.Process, func() []string) {
	t.Helper()
	var mu sync.Mutex
	var said []string
	p, err := program.Start(program.Command{
		Words: []string{"sh", "-c", script}, Env: program.Environment(),
		Said: func(line string) {
			mu.Lock()
			defer mu.Unlock()
			said = append(said, line)
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Kill)
	return p, func() []string {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(said)
	}
}

// TestSpeak speaks with a program that ends when its standard input does.
func TestSpeak(t *testing.T) {
	p, said := shell(t, `echo "first line" >&2; cat; printf 'no end' >&2; exit 3`)
	if _, err := io.WriteString(p, "hello\n"); err != nil {
		t.Fatal(err)
	}
	if got, err := bufio.NewReader(p).ReadString('\n'); err != nil || got != "hello\n" {
		t.Errorf("got %q, %v", got, err)
	}
	if p.Err() != nil {
		t.Errorf("before its end: %v", p.Err())
	}
	p.Stop()
	if err := p.Err(); syncline.CodeOf(err) != syncline.CodeUnavailable || syncline.MessageOf(err) != "sh ended (exit status 3)" {
		t.Errorf("it ended with %v", err)
	}
	if got := said(); !slices.Equal(got, []string{"first line", "no end"}) {
		t.Errorf("it said %q", got)
	}
	p.Stop() // once more
}

// TestEndsByItself waits for a program that ends without being asked to.
func TestEndsByItself(t *testing.T) {
	p, _ := shell(t, "exit 0")
	<-p.Done()
	if n, err := p.Read(make([]byte, 1)); n != 0 || !errors.Is(err, io.EOF) {
		t.Errorf("read %d, %v", n, err)
	}
	if p.Err() == nil {
		t.Error("its end is no error")
	}
}

// TestLongLines bounds the memory for a line without an end.
func TestLongLines(t *testing.T) {
	p, said := shell(t, `head -c 100000 /dev/zero | tr '\0' x >&2`)
	<-p.Done()
	got := said()
	if len(strings.Join(got, "")) != 100_000 || slices.ContainsFunc(got, func(line string) bool { return len(line) > 1000 }) {
		t.Errorf("%d lines with %d bytes", len(got), len(strings.Join(got, "")))
	}
}

// TestKill ends a program that does not react, with what it has started.
func TestKill(t *testing.T) {
	file := filepath.Join(t.TempDir(), "pid")
	p, _ := shell(t, `trap '' TERM INT HUP; sleep 1000 & echo $! >`+file+`; echo ready; while :; do wait; done`)
	if _, err := bufio.NewReader(p).ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	p.Kill()
	if err := p.Err(); err == nil || !strings.Contains(err.Error(), "killed") {
		t.Errorf("it ended with %v", err)
	}
	gone(t, file)
}

// TestLeftBehind ends what a program has started and left when it ends by itself.
func TestLeftBehind(t *testing.T) {
	file := filepath.Join(t.TempDir(), "pid")
	p, _ := shell(t, `sleep 1000 & echo $! >`+file)
	<-p.Done()
	gone(t, file)
}

// gone waits until the process in a file is gone, which the kernel makes it soon after
// its end.
func gone(t *testing.T, file string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for late := time.After(time.Minute); ; {
		// A zombie that nobody waits for yet has no memory.
		status, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
		if syscall.Kill(pid, 0) != nil || err == nil && strings.Contains(string(status), ") Z ") {
			return
		}
		select {
		case <-late:
			t.Fatalf("process %d runs on", pid)
		case <-tick.C:
		}
	}
}

// TestCannotStart names programs that cannot be run.
func TestCannotStart(t *testing.T) {
	dir := t.TempDir()
	plain := filepath.Join(dir, "plain")
	if err := os.WriteFile(plain, []byte("no program"), 0o600); err != nil {
		t.Fatal(err)
	}
	for word, message := range map[string]string{
		"no-such-program-here":        "there is no program no-such-program-here; install it",
		filepath.Join(dir, "missing"): "there is no program missing",
		plain:                         "may not be run: access is denied",
	} {
		_, err := program.Start(program.Command{Words: []string{word}})
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) || syncline.CodeOf(err) != syncline.CodeInvalid || !strings.Contains(syncline.MessageOf(err), message) {
			t.Errorf("%s: %v", word, err)
		}
	}
}

// TestEnvironment leaves out the passwords that are meant for this program.
func TestEnvironment(t *testing.T) {
	t.Setenv("RESTIC_PASSWORD", "secret")
	t.Setenv("SYNCLINE_PASSWORD", "secret")
	t.Setenv("RCLONE_CONFIG", "file")
	env := program.Environment()
	if !slices.Contains(env, "RCLONE_CONFIG=file") || strings.Contains(strings.Join(env, "\n"), "secret") {
		t.Errorf("got %q", env)
	}
}

// TestOutputIsHeld has a descendant that leaves the program's group and keeps its output open.
// Reading ends all the same.
func TestOutputIsHeld(t *testing.T) {
	t.Parallel()
	p, said := shell(t, `setsid sleep 600 & echo $! >&2; printf 'last words'; exit 3`)
	<-p.Done()
	t.Cleanup(func() {
		pid, err := strconv.Atoi(strings.Join(said(), ""))
		if err != nil {
			t.Error(err)
			return
		}
		_ = syscall.Kill(pid, syscall.SIGKILL)
	})
	read := make(chan string, 1)
	go func() {
		got, _ := io.ReadAll(p)
		read <- string(got)
	}()
	select {
	case got := <-read:
		if got != "last words" {
			t.Errorf("got %q", got)
		}
	case <-time.After(time.Minute):
		t.Error("the output of a program that has ended does not end")
	}
}
