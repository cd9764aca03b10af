package mounts

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"syncline.dev/syncline"
)

// stuck makes n calls that do not return before let is closed, and whose callers leave
// after a second.
func stuck(t *testing.T, g *Gate, n int, let <-chan struct{}) (dropped *int) {
	t.Helper()
	dropped = new(int)
	for range n {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := Do(ctx, g, func(int) { *dropped++ }, func() (int, error) { <-let; return 1, nil })
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("the call ended with %v", err)
		}
	}
	return dropped
}

// TestHangingFileSystem leaves a call, and calls again until it has returned.
func TestHangingFileSystem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, other, let := gate("mount a", "/mnt/nas"), gate("mount b", "/mnt/other"), make(chan struct{})
		dropped := stuck(t, g, 1, let)
		good := func() (int, error) { return 7, nil }
		// A caller that has left a moment before says nothing about the file system.
		if n, err := Do(t.Context(), g, nil, good); n != 7 || err != nil {
			t.Errorf("at once: %d, %v", n, err)
		}
		<-time.After(grace)
		for label, err := range map[string]error{
			"Do":   func() error { _, err := Do(t.Context(), g, nil, good); return err }(),
			"Each": Each(t.Context(), g, func(context.Context, func(int) error) error { return nil }, nil),
		} {
			if syncline.CodeOf(err) != syncline.CodeUnavailable || !strings.Contains(syncline.MessageOf(err), "the file system at /mnt/nas does not answer") {
				t.Errorf("%s: %v", label, err)
			}
		}
		if n, err := Do(t.Context(), other, nil, good); n != 7 || err != nil {
			t.Errorf("another file system: %d, %v", n, err)
		}
		close(let)
		synctest.Wait()
		if n, err := Do(t.Context(), g, nil, good); n != 7 || err != nil || *dropped != 1 {
			t.Errorf("after the call returned: %d, %v; %d results dropped", n, err, *dropped)
		}
		synctest.Wait()
		g.Release()
		other.Release()
		if len(registry.gates) != 0 {
			t.Errorf("the gates %v are left", registry.gates)
		}
	})
}

// TestCallsAreBounded has more callers than a file system may have calls.
func TestCallsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, let := gate("mount c", "/mnt/nas"), make(chan struct{})
		inside, ended := 0, make(chan error, 100)
		for range 100 {
			go func() {
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				_, err := Do(ctx, g, nil, func() (int, error) {
					g.mu.Lock()
					inside++
					g.mu.Unlock()
					<-let
					return 0, nil
				})
				ended <- err
			}()
		}
		for range 100 {
			if err := <-ended; !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("a caller got %v", err)
			}
		}
		if inside != maxCalls {
			t.Errorf("%d calls are in the file system, want %d", inside, maxCalls)
		}
		g.Release() // the last caller leaves
		if registry.gates["mount c"] != g {
			t.Error("the gate is gone with calls inside")
		}
		close(let)
		synctest.Wait()
		if len(registry.gates) != 0 {
			t.Error("the gate is left without calls inside")
		}
	})
}

// TestClosingsAreBounded forgets more calls than a file system may have at once. Each is made
// when it has a place.
func TestClosingsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, let := gate("mount e", "/mnt/nas"), make(chan struct{})
		var begun, ended atomic.Int64
		for range 100 {
			g.Forget(func() {
				begun.Add(1)
				<-let
				ended.Add(1)
			})
		}
		synctest.Wait()
		if n := begun.Load(); n != maxCalls {
			t.Errorf("%d calls are in the file system, want %d", n, maxCalls)
		}
		g.Release()
		close(let)
		synctest.Wait()
		if n := ended.Load(); n != 100 || len(registry.gates) != 0 {
			t.Errorf("%d calls were made, the gates %v are left", n, registry.gates)
		}
	})
}

// TestEach passes values on, and ends with the first error and with the context.
func TestEach(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, let := gate("mount d", "/mnt/nas"), make(chan struct{})
		three := func(_ context.Context, yield func(int) error) error {
			for i := range 3 {
				if err := yield(i); err != nil {
					return err
				}
			}
			return nil
		}
		sum := 0
		add := func(n int) error { sum += n; return nil }
		if err := Each(t.Context(), g, three, add); err != nil || sum != 3 {
			t.Errorf("%v, the sum is %d", err, sum)
		}
		enough := errors.New("enough")
		if err := Each(t.Context(), g, three, func(int) error { return enough }); !errors.Is(err, enough) {
			t.Errorf("an error of use: %v", err)
		}
		if err := Each(t.Context(), g, func(context.Context, func(int) error) error { return enough }, add); !errors.Is(err, enough) {
			t.Errorf("an error of produce: %v", err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		err := Each(ctx, g, func(ctx context.Context, yield func(int) error) error { <-let; return yield(1) }, add)
		if !errors.Is(err, context.DeadlineExceeded) || sum != 3 {
			t.Errorf("a file system that hangs: %v, the sum is %d", err, sum)
		}
		close(let)
		g.Forget(func() {})
		synctest.Wait()
		if g.Release(); len(g.left) != 0 || len(registry.gates) != 0 || sum != 3 {
			t.Errorf("%v are left, the gates %v, the sum is %d", g.left, registry.gates, sum)
		}
	})
}

func TestChoose(t *testing.T) {
	all := []Mount{
		{"1", "/", "ext4"},
		{"2", "/mnt/nas", "autofs"},
		{"3", "/mnt/nas", "nfs4"},
		{"4", "/mnt/nas/disk", "xfs"},
		{"5", "/srv/repo/data", "cifs"},
	}
	for path, want := range map[string]string{
		"/srv/other": "1", "/mnt/nas": "3", "/mnt/nas/": "3", "/mnt/nas/a/b": "3", "/mnt/nasty": "1", "/mnt/nas/disk/x": "4",
		"/srv/repo": "5", "/srv/repo/data": "5", "/srv/repository": "1", "/": "5",
	} {
		if m, ok := choose(all, path); !ok || m.ID != want {
			t.Errorf("%s lies on %+v, want %s", path, m, want)
		}
	}
	if _, ok := choose(nil, "/x"); ok {
		t.Error("a path lies on a mount, and there is none")
	}
	for kind, want := range map[string]bool{"ext4": false, "nfs4": true, "cifs": true, "fuse.sshfs": true, "autofs": true, "new": true} {
		if (Mount{Type: kind}).Remote() != want {
			t.Errorf("%s counts as remote: %v", kind, !want)
		}
	}
}
