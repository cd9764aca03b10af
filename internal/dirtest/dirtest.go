// Package dirtest makes the folders of tests that t.TempDir is too slow for.
package dirtest

import (
	"os"
	"testing"

	"syncline.dev/syncline/internal/diskspace"
)

// shared is where Linux has its file system in memory, and room is the free space in bytes
// that it needs: containers often have a small one.
const (
	shared = "/dev/shm"
	room   = 2 << 30
)

// Quick returns a folder in memory where the machine has one with room, and t.TempDir
// elsewhere. It is for tests that make hundreds of thousands of commits, nothing of which
// has to outlast a crash of the machine.
func Quick(t testing.TB) string {
	t.Helper()
	if space, err := diskspace.Of(shared); err != nil || space.Free < room {
		return t.TempDir()
	}
	dir, err := os.MkdirTemp(shared, "syncline-test-") //nolint:usetesting // t.TempDir is on the disk
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}
