package rclone_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/storage"
	"syncline.dev/syncline/internal/storage/rclone"
	"syncline.dev/syncline/internal/storage/storagetest"
)

// TestNoSuchRemote tells a remote that rclone does not have from one that is away. Only
// rclone's own list of names says that there is none.
func TestNoSuchRemote(t *testing.T) {
	before := rclone.SetLookTime(500 * time.Millisecond)
	t.Cleanup(func() { rclone.SetLookTime(before) })
	for label, c := range map[string]struct {
		lister  string
		message string
	}{
		"none":           {"", `has no remote "my remote"`},
		"others":         {"echo other:; echo my:; echo remote:", `has no remote "my remote"`},
		"there":          {"echo other:; echo 'my remote:'", "ended (exit status 1) before it answered"},
		"nobody knows":   {"echo other:; exit 1", "ended (exit status 1) before it answered"},
		"too many names": {"head -c 1048580 /dev/zero | tr '\\0' x", "ended (exit status 1) before it answered"},
		"no answer":      {"exec sleep 1000", "ended (exit status 1) before it answered"},
	} {
		t.Run(label, func(t *testing.T) {
			t.Parallel()
			dir := folder(t)
			p := &rclone.Programs{
				Words: []string{"sh", "-c", `echo $$ >>"$0/pids"; exit 1`, dir}, Names: []string{"sh", "-c", c.lister, dir}, Patient: true,
			}
			t.Cleanup(p.Close)
			far, err := p.Open("my remote:path")
			if err != nil {
				t.Fatal(err)
			}
			s := storage.NewRetry(far, storage.RetryOptions{MinDelay: time.Millisecond, MaxAttempts: 3})
			_, err = storagetest.ReadAll(t.Context(), s, "config", 0, -1)
			code, starts := syncline.CodeUnavailable, 3
			if strings.Contains(c.message, "no remote") {
				code, starts = syncline.CodeForbidden, 1
			}
			if syncline.CodeOf(err) != code || !strings.Contains(syncline.MessageOf(err), c.message) || errors.Is(err, fs.ErrPermission) != (code == syncline.CodeForbidden) {
				t.Errorf("got %v, want %q", err, c.message)
			}
			if n := len(started(t, dir)); n != starts {
				t.Errorf("%d programs were started, want %d", n, starts)
			}
		})
	}
}

// TestOneLook asks for the names once for all requests of a program.
func TestOneLook(t *testing.T) {
	const requests = 8
	dir := folder(t)
	p := &rclone.Programs{
		Words:   []string{"sh", "-c", `echo $$ >>"$0/pids"; until [ -e "$0/end" ]; do sleep 0.01; done; exit 1`, dir},
		Names:   []string{"sh", "-c", `echo $$ >>"$0/lists"`, dir},
		Patient: true,
	}
	t.Cleanup(p.Close)
	far, err := p.Open("my remote:path")
	if err != nil {
		t.Fatal(err)
	}
	var g errgroup.Group
	for range requests {
		g.Go(func() error {
			_, err := storagetest.ReadAll(t.Context(), far, "config", 0, -1)
			storagetest.CheckRefusal(t, "a request", err, syncline.CodeForbidden, false, `has no remote "my remote"`)
			return nil
		})
	}
	until(t, "the requests are under way", func() bool { return p.Requests() == requests })
	if err := os.WriteFile(filepath.Join(dir, "end"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_ = g.Wait()
	lists, err := os.ReadFile(filepath.Join(dir, "lists"))
	if n := len(strings.Fields(string(lists))); err != nil || n != 1 || len(started(t, dir)) != 1 {
		t.Errorf("%d looks of %d programs, %v", n, len(started(t, dir)), err)
	}
}

// TestQueueEnds ends the wait for a program when others are busy, and when the request ends.
func TestQueueEnds(t *testing.T) {
	before := rclone.SetQueue(50 * time.Millisecond)
	defer func() { rclone.SetQueue(before) }()
	p, dir := fakes(t, &rclone.Programs{Max: 1}), folder(t)
	busy := at(t, p, dir)
	readConfig(t, busy)
	ctx, cancel := context.WithCancel(t.Context())
	var g errgroup.Group
	g.Go(func() error { return busy.List(ctx, "keys", func(string, int64) error { return nil }) })
	until(t, "the listing hangs", func() bool { return p.Busy() })
	other, err := p.Open(folder(t))
	if err != nil {
		t.Fatal(err)
	}
	_, err = storagetest.ReadAll(t.Context(), other, "config", 0, -1)
	if syncline.CodeOf(err) != syncline.CodeUnavailable || !storage.IsRetryable(err) || !strings.Contains(syncline.MessageOf(err), "run and are busy") {
		t.Errorf("got %v", err)
	}
	rclone.SetQueue(time.Hour)
	soon, end := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer end()
	if _, err := storagetest.ReadAll(soon, other, "config", 0, -1); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a request that ends: %v", err)
	}
	cancel()
	if err := g.Wait(); !errors.Is(err, context.Canceled) {
		t.Errorf("the listing: %v", err)
	}
	if n := p.Running(); n != 1 {
		t.Errorf("%d programs run", n)
	}
}
