package local_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/storage"
	"syncline.dev/syncline/internal/storage/local"
	"syncline.dev/syncline/internal/storage/storagetest"
	"syncline.dev/syncline/internal/storage/storagetest/hangfs"
)

// TestConformanceOfRemoteFiles runs the suite on a file system that may hang.
func TestConformanceOfRemoteFiles(t *testing.T) {
	dir := t.TempDir()
	mounted := hangfs.Mount(t, dir)
	storagetest.Run(t, func(t *testing.T, files map[string][]byte) storage.Storage {
		folder, err := os.MkdirTemp(dir, "") //nolint:usetesting // below the folder that is mounted
		if err != nil {
			t.Fatal(err)
		}
		write(t, folder, files)
		return open(t, filepath.Join(mounted.Path, filepath.Base(folder)))
	})
}

// untilWaiting waits until calls hang in the kernel, for a minute at most.
func untilWaiting(t *testing.T, f *hangfs.FS, calls int) {
	t.Helper()
	for late := time.After(time.Minute); ; {
		n, changed := f.Waiting()
		if n >= calls {
			return
		}
		select {
		case <-changed:
		case <-late:
			t.Fatalf("%d calls hang, want %d", n, calls)
		}
	}
}

// TestHangingFiles calls into a file system that hangs. Every call ends with its context,
// those that are made later fail at once, and all goes on when the file system does.
func TestHangingFiles(t *testing.T) {
	dir, other := t.TempDir(), t.TempDir()
	content := storagetest.Bytes(1, 3<<20)
	files := map[string][]byte{"config": []byte("c"), "index/" + storagetest.ID(1): nil, storagetest.Pack(1): content}
	write(t, dir, files)
	write(t, other, files)
	mounted := hangfs.Mount(t, dir)
	s, healthy := open(t, mounted.Path), open(t, other)
	r, err := s.Open(t.Context(), storagetest.Pack(1), 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(r, make([]byte, 100)); err != nil {
		t.Fatal(err)
	}
	mounted.Hang()
	// Each of these is made while none hangs long enough to be known.
	ctx, leave := context.WithCancel(t.Context())
	ended := make(chan error, 3)
	reading, err := openBeside(t, ctx, mounted, s)
	if err != nil {
		t.Fatal(err)
	}
	go func() { _, err := storagetest.ReadAll(ctx, s, "config", 0, -1); ended <- err }()
	go func() { ended <- s.List(ctx, "index", func(string, int64) error { return nil }) }()
	go func() { _, err := io.ReadFull(reading, make([]byte, 1<<20)); ended <- err }()
	untilWaiting(t, mounted, 3)
	leave()
	for range 3 {
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("a call that hangs ended with %v, want the end of its context", err)
		}
	}
	if err := errors.Join(r.Close(), reading.Close()); err != nil {
		t.Errorf("files that hang are closed with %v", err)
	}
	if got, err := storagetest.ReadAll(t.Context(), healthy, storagetest.Pack(1), 0, -1); err != nil || !bytes.Equal(got, content) {
		t.Errorf("another file system: %d bytes, %v", len(got), err)
	}
	// The grace passes, and then no call goes in.
	err = untilRefused(t, s)
	if syncline.CodeOf(err) != syncline.CodeUnavailable || !storage.IsRetryable(err) || !strings.Contains(syncline.MessageOf(err), "the file system at "+mounted.Path+" does not answer") {
		t.Errorf("a call to a file system that hangs: %v", err)
	}
	before, _ := mounted.Waiting()
	for range 100 {
		if _, err := local.Open(t.Context(), mounted.Path); !storage.IsRetryable(err) {
			t.Fatalf("opened while it hangs: %v", err)
		}
	}
	if after, _ := mounted.Waiting(); after != before {
		t.Errorf("%d calls hang after a hundred more, and %d before", after, before)
	}
	mounted.Resume()
	for late := time.After(time.Minute); ; {
		got, err := storagetest.ReadAll(t.Context(), s, storagetest.Pack(1), 0, -1)
		if err == nil && bytes.Equal(got, content) {
			return
		}
		select {
		case <-late:
			t.Fatalf("the file system answers, and a read does not: %d bytes, %v", len(got), err)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// openBeside opens a pack before the file system hangs, to be read with ctx.
func openBeside(t *testing.T, ctx context.Context, f *hangfs.FS, s *local.Storage) (io.ReadCloser, error) { //nolint:revive // t comes first in tests
	t.Helper()
	f.Resume()
	defer f.Hang()
	return s.Open(ctx, storagetest.Pack(1), 0, -1)
}

// untilRefused calls until a call fails without having been made, and returns its error.
func untilRefused(t *testing.T, s *local.Storage) error {
	t.Helper()
	for late := time.After(time.Minute); ; {
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		_, err := s.Open(ctx, "config", 0, 1)
		cancel()
		if err != nil && !errors.Is(err, context.DeadlineExceeded) {
			return err
		}
		select {
		case <-late:
			t.Fatalf("calls still go into the file system: %v", err)
		default:
		}
	}
}
