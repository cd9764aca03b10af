package restore_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// extras adds what only this system has.
func extras(t *testing.T, dir string) {
	t.Helper()
	old := time.Unix(-86400, 987654321)
	err := errors.Join(
		unix.Mkfifo(filepath.Join(dir, "pipe"), 0o621),
		unix.Lsetxattr(filepath.Join(dir, "large"), "user.note", []byte("a\x00b"), 0),
		unix.Lsetxattr(filepath.Join(dir, "links"), "user.folder", []byte("yes"), 0),
		os.Chtimes(filepath.Join(dir, "empty"), old, old),
		os.WriteFile(filepath.Join(dir, "no text \xff\xfe"), []byte("raw"), 0o600),
	)
	if os.Geteuid() == 0 {
		err = errors.Join(err, unix.Mknod(filepath.Join(dir, "device"), unix.S_IFCHR|0o640, int(unix.Mkdev(1, 3))),
			os.Lchown(filepath.Join(dir, "zeros"), 1234, 5678), os.Lchown(filepath.Join(dir, "links", "dangling"), 12, 34))
	}
	if err != nil {
		t.Fatal(err)
	}
}

func blocks(t *testing.T, path string) int64 {
	t.Helper()
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		t.Fatal(err)
	}
	return st.Blocks * 512
}
