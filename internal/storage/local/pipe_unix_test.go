//go:build unix

package local

import (
	"path/filepath"
	"syscall"
	"testing"

	"syncline.dev/syncline"
)

// A named pipe in the place of a repository's folder is refused at once.
func TestOpenRefusesPipe(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), path); syncline.CodeOf(err) != syncline.CodeNoRepository {
		t.Errorf("got %v", err)
	}
}
