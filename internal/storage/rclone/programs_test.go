package rclone_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sync/errgroup"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/programtest"
	"syncline.dev/syncline/internal/storage"
	"syncline.dev/syncline/internal/storage/rclone"
	"syncline.dev/syncline/internal/storage/storagetest"
)

func fakes(t *testing.T, p *rclone.Programs) *rclone.Programs {
	t.Helper()
	p.Words, p.Env = []string{os.Args[0]}, append(os.Environ(), fakeVariable+"=1", "GORACE=atexit_sleep_ms=0")
	t.Cleanup(p.Close)
	return p
}

func at(t *testing.T, p *rclone.Programs, dir string) storage.Storage {
	t.Helper()
	s, err := p.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return storage.NewRetry(s, storage.RetryOptions{MinDelay: time.Millisecond, MaxDelay: 10 * time.Millisecond})
}

func readConfig(t *testing.T, s storage.Storage) {
	t.Helper()
	if got, err := storagetest.ReadAll(t.Context(), s, "config", 0, -1); err != nil || string(got) != "the config" {
		t.Errorf("got %q, %v", got, err)
	}
}

// until waits until something is so.
func until(t *testing.T, what string, so func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for late := time.After(time.Minute); !so(); {
		select {
		case <-late:
			t.Fatalf("not in a minute: %s", what)
		case <-tick.C:
		}
	}
}

// TestShared lets all readers of a remote share one program.
func TestShared(t *testing.T) {
	p, dir := fakes(t, &rclone.Programs{}), folder(t)
	var g errgroup.Group
	for range 20 {
		s := at(t, p, dir)
		g.Go(func() error {
			_, err := storagetest.ReadAll(t.Context(), s, "config", 0, -1)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		t.Error(err)
	}
	if n := len(started(t, dir)); n != 1 || p.Running() != 1 {
		t.Errorf("%d programs were started, and %d run", n, p.Running())
	}
	s := at(t, p, dir)
	p.Close()
	if _, err := storagetest.ReadAll(t.Context(), s, "config", 0, -1); syncline.CodeOf(err) != syncline.CodeCanceled || p.Running() != 0 {
		t.Errorf("after the end: %v, and %d run", err, p.Running())
	}
}

// TestCloseWaitsForTheRecord lets an hour pass between the end of a program and the record
// of it. The clock is the bubble's own, so the hour begins when nothing else goes on.
func TestCloseWaitsForTheRecord(t *testing.T) {
	p, dir := fakes(t, &rclone.Programs{}), folder(t)
	synctest.Test(t, func(t *testing.T) {
		rclone.SetEnded(t, func() { time.Sleep(time.Hour) }) //nolint:forbidigo // the bubble's own clock
		readConfig(t, at(t, p, dir))
		if p.Close(); p.Running() != 0 {
			t.Errorf("after the end %d programs run", p.Running())
		}
	})
}

// last does something to the last program of a folder.
func last(t *testing.T, dir string, do func(pid int) error) {
	t.Helper()
	pids := started(t, dir)
	pid, err := strconv.Atoi(pids[len(pids)-1])
	if err == nil {
		err = do(pid)
	}
	if err != nil {
		t.Error(err)
	}
}

// TestStuck stops a program, which is ended then, and started again.
func TestStuck(t *testing.T) {
	rclone.SetConnectionTests(200*time.Millisecond, 200*time.Millisecond)
	defer rclone.SetConnectionTests(30*time.Second, 15*time.Second)
	p, dir := fakes(t, &rclone.Programs{}), folder(t)
	s := at(t, p, dir)
	readConfig(t, s)
	last(t, dir, programtest.Freeze)
	readConfig(t, s)
	if n := len(started(t, dir)); n < 2 {
		t.Errorf("%d programs were started", n)
	}
}

// TestKilled kills the program between two requests, and in the middle of one.
func TestKilled(t *testing.T) {
	p, dir := fakes(t, &rclone.Programs{}), folder(t)
	s := at(t, p, dir)
	kill := func() { last(t, dir, func(pid int) error { return syscall.Kill(pid, syscall.SIGKILL) }) }
	readConfig(t, s)
	kill()
	readConfig(t, s)
	if n := len(started(t, dir)); n != 2 {
		t.Errorf("%d programs were started, want 2", n)
	}
	// Each listing of keys hangs until its program is killed. Another one is made then.
	ctx, cancel := context.WithCancel(t.Context())
	var listing sync.WaitGroup
	listing.Go(func() {
		err := s.List(ctx, "keys", func(string, int64) error { return nil })
		if !errors.Is(err, context.Canceled) {
			t.Errorf("the listing: %v", err)
		}
	})
	kill()
	until(t, "the program is started again", func() bool { return len(started(t, dir)) >= 3 })
	cancel()
	listing.Wait()
	readConfig(t, s)
}

// TestIdle ends a program that has nothing to do, and starts it again for a request.
func TestIdle(t *testing.T) {
	p, dir := fakes(t, &rclone.Programs{Idle: 20 * time.Millisecond}), folder(t)
	s := at(t, p, dir)
	for want := 1; want <= 2; want++ {
		readConfig(t, s)
		until(t, "the program ends", func() bool { return p.Running() == 0 })
		if n := len(started(t, dir)); n != want {
			t.Errorf("%d programs were started, want %d", n, want)
		}
	}
}

// TestMax bounds the programs. One without a request makes place for another.
func TestMax(t *testing.T) {
	p := fakes(t, &rclone.Programs{Max: 2})
	var all []storage.Storage
	for range 5 {
		all = append(all, at(t, p, folder(t)))
	}
	for range 2 {
		for _, s := range all {
			readConfig(t, s)
			if n := p.Running(); n > 2 {
				t.Errorf("%d programs run", n)
			}
		}
	}
	var g errgroup.Group
	for _, s := range all {
		g.Go(func() error {
			_, err := storagetest.ReadAll(t.Context(), s, "config", 0, -1)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		t.Error(err)
	}
}

// TestOneRequestFails keeps the program where one request fails.
func TestOneRequestFails(t *testing.T) {
	p, dir := fakes(t, &rclone.Programs{}), folder(t)
	s, err := p.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	_, err = storagetest.ReadAll(t.Context(), s, storagetest.Pack(1), 0, -1)
	if !storage.IsRetryable(err) || errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
	readConfig(t, s)
	if n := len(started(t, dir)); n != 1 {
		t.Errorf("%d programs were started", n)
	}
}

// TestBadPrograms runs what is no rclone.
func TestBadPrograms(t *testing.T) {
	for script, want := range map[string]struct {
		code    syncline.Code
		message string
	}{
		"exit 3":                     {syncline.CodeUnavailable, "sh ended (exit status 3) before it answered; its own lines say why"},
		"exit 0":                     {syncline.CodeUnavailable, "sh ended (exit status 0) before it answered; its own lines say why"},
		"kill -9 $$":                 {syncline.CodeUnavailable, "sh ended (signal: killed) before it answered"},
		"sleep 1000":                 {syncline.CodeUnavailable, "rclone gave no sign of life within 500ms, and was ended; give it more time with -o rclone.timeout"},
		"trap '' TERM; sleep 1000":   {syncline.CodeUnavailable, "no sign of life"},
		"cat":                        {syncline.CodeUnavailable, "does not speak HTTP/2"},
		"yes 'Hello, this is a web'": {syncline.CodeUnavailable, "does not speak HTTP/2"},
		"printf 'HTTP/1.1 200 OK\\r\\n\\r\\n'; cat >/dev/null": {syncline.CodeUnavailable, "does not speak HTTP/2"},
	} {
		t.Run(script, func(t *testing.T) {
			t.Parallel()
			c := rclone.Config{Program: []string{"sh", "-c", script, "sh"}}
			if strings.Contains(want.message, "sign of life") {
				c.Timeout = 500 * time.Millisecond
			}
			s := storage.NewRetry(open(t, "remote:path", c), storage.RetryOptions{})
			for range 2 {
				_, err := storagetest.ReadAll(t.Context(), s, "config", 0, -1)
				if syncline.CodeOf(err) != want.code || storage.IsRetryable(err) || !strings.Contains(syncline.MessageOf(err), want.message) {
					t.Errorf("got %v, want %q", err, want.message)
				}
			}
		})
	}
	s := storage.NewRetry(open(t, "remote:path", rclone.Config{Program: []string{"no-such-rclone"}}), storage.RetryOptions{})
	_, err := storagetest.ReadAll(t.Context(), s, "config", 0, -1)
	if syncline.CodeOf(err) != syncline.CodeInvalid || !strings.Contains(syncline.MessageOf(err), "there is no program no-such-rclone; install it") {
		t.Errorf("got %v", err)
	}
}

// TestPatient starts a program again which ends before it answers.
func TestPatient(t *testing.T) {
	p, dir := fakes(t, &rclone.Programs{Patient: true, Lines: "the log has its lines"}), folder(t)
	p.Words = []string{"sh", "-c", `echo $$ >>"$1/pids"; exit 1`, "sh"}
	far, err := p.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	s := storage.NewRetry(far, storage.RetryOptions{MinDelay: time.Millisecond, MaxAttempts: 3})
	_, err = storagetest.ReadAll(t.Context(), s, "config", 0, -1)
	if syncline.CodeOf(err) != syncline.CodeUnavailable || !strings.Contains(syncline.MessageOf(err), "in 3 tries") || !strings.Contains(syncline.MessageOf(err), "the log has its lines") {
		t.Errorf("got %v", err)
	}
	if n := len(started(t, dir)); n != 3 {
		t.Errorf("%d programs were started", n)
	}
}

// TestArguments shows how a command's options become the program's arguments.
func TestArguments(t *testing.T) {
	for want, c := range map[string]rclone.Config{
		"serve restic --stdio --b2-hard-delete name:path": {Program: []string{"sh", "-c", `echo "$@" >&2; exit 1`, "sh"}},
		"first second name:path":                          {Program: []string{"sh", "-c", `echo "$@" >&2; exit 1`, "sh", "first"}, Args: []string{"second"}},
	} {
		var said []string
		c.Said = func(line string) { said = append(said, line) }
		_, _ = storagetest.ReadAll(t.Context(), open(t, "name:path", c), "config", 0, -1)
		if len(said) != 1 || said[0] != want {
			t.Errorf("got %q, want %q", said, want)
		}
	}
}
