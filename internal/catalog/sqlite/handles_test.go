//go:build linux

package sqlite_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/catalog/sqlite"
	"syncline.dev/syncline/internal/storage/local"
)

// Who has no file handles left is not sent to look at rights.
func TestFileHandlesRunOut(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "config"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	repository, err := local.Open(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	few := unix.Rlimit{Cur: 64, Max: limit.Max}
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &few); err != nil {
		t.Fatal(err)
	}
	var held []*os.File
	for {
		f, err := os.Open(os.DevNull)
		if err != nil {
			break
		}
		held = append(held, f)
	}
	_, catalogErr := sqlite.Open(t.Context(), filepath.Join(dir, "a.catalog"))
	_, fileErr := repository.Open(t.Context(), "config", 0, -1)
	_, folderErr := local.Open(t.Context(), dir)
	for _, f := range held {
		_ = f.Close()
	}
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	for what, err := range map[string]error{"catalog": catalogErr, "file": fileErr, "folder": folderErr} {
		if m := syncline.MessageOf(err); err == nil || !strings.Contains(m, "no file handle is left") || strings.Contains(m, "rights") {
			t.Errorf("%s: %q", what, m)
		}
	}
	if err := repository.Close(); err != nil {
		t.Fatal(err)
	}
}
