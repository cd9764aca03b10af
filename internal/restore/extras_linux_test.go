package restore_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/catalog"
	"syncline.dev/syncline/internal/content"
	"syncline.dev/syncline/internal/needtest"
	"syncline.dev/syncline/internal/resticfixture"
	"syncline.dev/syncline/internal/restore"
)

// extras adds items that only Linux has.
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

// testAttributes restores without some extended attributes.
func testAttributes(t *testing.T, w *rich) {
	target := t.TempDir()
	name := filepath.Join(target, w.source, "large")
	choose, err := restore.NewNameFilter(nil, []string{"user.no*"})
	if err != nil {
		t.Fatal(err)
	}
	w.view(t, w.repo, func(v *catalog.View, s *content.Source, root catalog.TreeRef) {
		into(t, v, s, root, target, restore.Options{Attributes: choose})
		if got := resticfixture.Attributes(t, name); got != "" {
			t.Errorf("restored%s", got)
		}
		if got := resticfixture.Attributes(t, filepath.Join(target, w.source, "links")); got != ` user.folder="yes"` {
			t.Errorf("the other attribute is%s", got)
		}
		if err := errors.Join(unix.Lsetxattr(name, "user.note", []byte("mine"), 0), unix.Lsetxattr(name, "user.other", []byte("x"), 0)); err != nil {
			t.Fatal(err)
		}
		into(t, v, s, root, target, restore.Options{Attributes: choose})
	})
	if got := resticfixture.Attributes(t, name); got != ` user.note="mine"` {
		t.Errorf("of those that were there, left are%s", got)
	}
}

// testFull restores to a small file system, which is read-only at first, and
// completes the restore when there is room.
func testFull(t *testing.T, w *rich) {
	needtest.Full(t, "the right to mount a disk")
	needtest.Root(t, "mount a small file system")
	target := t.TempDir()
	mount := func(flags uintptr, options string) {
		t.Helper()
		if err := unix.Mount("tmpfs", target, "tmpfs", flags, options); err != nil {
			t.Fatal(err)
		}
	}
	mount(unix.MS_RDONLY, "size=6m")
	t.Cleanup(func() { _ = unix.Unmount(target, 0) })
	w.view(t, w.repo, func(v *catalog.View, s *content.Source, root catalog.TreeRef) {
		for _, c := range []struct {
			flags         uintptr
			options, want string
		}{{0, "", "read-only"}, {unix.MS_REMOUNT, "size=6m", "target is full"}} {
			if c.flags != 0 {
				mount(c.flags, c.options)
			}
			_, err := restore.Run(t.Context(), restore.At(v, root), s, target, restore.Options{Reporter: &told{}})
			if syncline.CodeOf(err) != syncline.CodeUnavailable || !strings.Contains(syncline.MessageOf(err), c.want) {
				t.Errorf("%s: %v", c.want, err)
			}
		}
		mount(unix.MS_REMOUNT, "size=60m")
		into(t, v, s, root, target, restore.Options{})
	})
	w.sameAsSource(t, target)
}
