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

// TestPipe reads a pipe, and gives up one that nobody writes to when the context ends.
func TestPipe(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := File(ended, pipe); !errors.Is(err, context.Canceled) {
		t.Errorf("without a writer: %v", err)
	}
	if err := os.Remove(pipe); err != nil { // the first reader stays at the old one
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	written := make(chan error, 1)
	go func() { written <- os.WriteFile(pipe, []byte("secret\n"), 0) }()
	if text, err := File(t.Context(), pipe); text != "secret" || err != nil {
		t.Errorf("got %q, %v", text, err)
	}
	if err := <-written; err != nil {
		t.Error(err)
	}
}
