//go:build !windows

package given

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// newPipe makes a named pipe in a folder of its own.
func newPipe(t *testing.T) string {
	t.Helper()
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	return pipe
}

// TestPipeWithoutWriter gives a pipe up when the context ends. The reader that waits
// for the pipe stays behind, so that nothing else may read there.
func TestPipeWithoutWriter(t *testing.T) {
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := File(ended, newPipe(t)); !errors.Is(err, context.Canceled) {
		t.Errorf("without a writer: %v", err)
	}
}

// TestPipe reads what is written to a pipe.
func TestPipe(t *testing.T) {
	pipe := newPipe(t)
	written := make(chan error, 1)
	go func() { written <- os.WriteFile(pipe, []byte("secret\n"), 0) }()
	if text, err := File(t.Context(), pipe); text != "secret" || err != nil {
		t.Errorf("got %q, %v", text, err)
	}
	if err := <-written; err != nil {
		t.Error(err)
	}
}
