package local_test

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/needtest"
	"syncline.dev/syncline/internal/storage"
	"syncline.dev/syncline/internal/storage/local"
	"syncline.dev/syncline/internal/storage/storagetest"
)

func write(t *testing.T, dir string, files map[string][]byte) {
	t.Helper()
	for name, content := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func open(t *testing.T, dir string) *local.Storage {
	t.Helper()
	s, err := local.Open(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func TestConformance(t *testing.T) {
	storagetest.Run(t, func(t *testing.T, files map[string][]byte) storage.Storage {
		dir := t.TempDir()
		write(t, dir, files)
		return open(t, dir)
	})
}

func TestOpenRefusesRoots(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string][]byte{"file": nil})
	tests := []struct {
		path, message string
		code          syncline.Code
	}{
		{"relative/path", "not absolute", syncline.CodeInvalid},
		{"", "not absolute", syncline.CodeInvalid},
		{filepath.Join(dir, "file"), "is not a folder", syncline.CodeNoRepository},
		{filepath.Join(dir, "none"), "does not exist", syncline.CodeNoRepository},
	}
	for _, tt := range tests {
		_, err := local.Open(t.Context(), tt.path)
		if syncline.CodeOf(err) != tt.code || !strings.Contains(syncline.MessageOf(err), tt.message) {
			t.Errorf("Open(%q): %v, want %s with %q", tt.path, err, tt.code, tt.message)
		}
	}
	if _, err := local.Open(t.Context(), filepath.Join(dir, "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing folder: %v, want fs.ErrNotExist", err)
	}
}

// TestLinks shows that no link leads out of the folder, and that a link that
// would make a listing short is an error.
func TestLinks(t *testing.T) {
	outside := t.TempDir()
	write(t, outside, map[string][]byte{"secret": []byte("s")})
	dir := t.TempDir()
	write(t, dir, map[string][]byte{"index/real": []byte("123"), "index/pipe-goes-here": nil})
	link := func(target, name string) {
		t.Helper()
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	link("real", "index/inside")
	link("nowhere", "index/dangling")
	s := open(t, dir)
	got, err := storagetest.ListAll(t, s, "index")
	if err != nil || len(got) != 3 || got["index/inside"] != 3 {
		t.Errorf("List gave %v, %v; want the link to a file within with its size", got, err)
	}

	link(filepath.Join(outside, "secret"), "escape")
	link(outside, "way-out")
	for _, name := range []string{"escape", "way-out/secret"} {
		if b, err := storagetest.ReadAll(t.Context(), s, name, 0, -1); err == nil {
			t.Errorf("Open(%q) followed a link out of the repository and read %q", name, b)
		}
	}
	for _, listed := range []string{"", "way-out"} {
		if got, err := storagetest.ListAll(t, s, listed); err == nil {
			t.Errorf("List(%q) beside a link out gave %v and no error", listed, got)
		}
	}
}

func TestPipeDoesNotBlock(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mkfifo(filepath.Join(dir, "config"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := open(t, dir)
	if _, err := s.Open(t.Context(), "config", 0, -1); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Open of a named pipe: %v, want fs.ErrNotExist", err)
	}
	if got, err := storagetest.ListAll(t, s, ""); err != nil || len(got) != 0 {
		t.Errorf("List gave %v, %v; want nothing", got, err)
	}
}

func TestPermission(t *testing.T) {
	if needtest.Ordinary(t) {
		return
	}
	dir := t.TempDir()
	write(t, dir, map[string][]byte{"keys/k": []byte("k")})
	if err := os.Chmod(filepath.Join(dir, "keys/k"), 0); err != nil {
		t.Fatal(err)
	}
	s := open(t, dir)
	if _, err := s.Open(t.Context(), "keys/k", 0, -1); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("Open: %v, want fs.ErrPermission", err)
	}
}

// TestVanishing removes files, and then the folder, during a listing.
func TestVanishing(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string][]byte{"index/a/1": nil, "index/b/1": nil, "index/c/1": nil})
	s := open(t, dir)
	seen := 0
	err := s.List(t.Context(), "index", func(name string, _ int64) error {
		if seen++; seen > 1 {
			return nil
		}
		for _, d := range []string{"a", "b", "c"} {
			if !strings.HasPrefix(name, "index/"+d) {
				if err := os.RemoveAll(filepath.Join(dir, "index", d)); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil || seen != 1 {
		t.Errorf("List saw %d files, %v; want the one that stayed", seen, err)
	}
	err = s.List(t.Context(), "index", func(string, int64) error {
		return os.RemoveAll(filepath.Join(dir, "index"))
	})
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("List of a folder removed meanwhile: %v, want fs.ErrNotExist", err)
	}
}

// TestTooShort reads beyond the end of a file. Nothing is tried again.
func TestTooShort(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string][]byte{"data/ab/pack": []byte("0123456789")})
	retry := storage.NewRetry(open(t, dir), storage.RetryOptions{OnEvent: func(e storage.Event) { t.Errorf("tried again: %+v", e) }})
	for _, offset := range []int64{0, 10, 11} {
		got, err := storagetest.ReadAll(t.Context(), retry, "data/ab/pack", offset, 11)
		if !errors.Is(err, storage.ErrTooShort) || !errors.Is(err, io.ErrUnexpectedEOF) || string(got) != "0123456789"[min(offset, 10):] {
			t.Errorf("from %d: %q, %v", offset, got, err)
		}
	}
}

func TestTooDeep(t *testing.T) {
	dir := t.TempDir()
	deep := filepath.Join(dir, strings.Repeat("d/", 100))
	if err := os.MkdirAll(deep, 0o700); err != nil {
		t.Fatal(err)
	}
	err := open(t, dir).List(t.Context(), "", func(string, int64) error { return nil })
	if syncline.CodeOf(err) != syncline.CodeTooLarge {
		t.Errorf("List of folders 100 deep: %v, want %s", err, syncline.CodeTooLarge)
	}
}

func BenchmarkOpenRead(b *testing.B) {
	dir := b.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "pack"), make([]byte, 4<<20), 0o600); err != nil {
		b.Fatal(err)
	}
	s, err := local.Open(b.Context(), dir)
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	buf := make([]byte, 1<<20)
	b.SetBytes(1 << 20)
	b.ReportAllocs()
	for b.Loop() {
		r, err := s.Open(context.Background(), "pack", 1<<20, 1<<20)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := r.Read(buf); err != nil {
			b.Fatal(err)
		}
		r.Close()
	}
}
