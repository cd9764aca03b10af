package sqlite

import (
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
)

// Root may write anywhere, so the calls are made as another user would.
func TestReadOnlyDirectory(t *testing.T) {
	for name, make := range map[string]func(*testing.T, string){
		"empty": func(*testing.T, string) {},
		"existing database": func(t *testing.T, path string) {
			s := openTest(t, path)
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(path, 0o444); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, "s.db")
			make(t, path)
			if err := os.Chmod(dir, 0o555); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = os.Chmod(dir, 0o755) })
			var err error
			asNobody(t, func() { _, err = Open(t.Context(), path) })
			wantUnavailable(t, err, path, msgCannotOpen)
		})
	}
}

// asNobody runs fn with the file permissions of an ordinary user, on a thread
// that is not used again.
func asNobody(t *testing.T, fn func()) {
	t.Helper()
	if os.Geteuid() != 0 {
		fn()
		return
	}
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		err := syscall.Setfsuid(65534)
		if err == nil {
			fn()
		}
		done <- err
	}()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}
