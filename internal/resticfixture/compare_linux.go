package resticfixture

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// SameTrees compares everything below two folders: contents, modes, owners,
// modification times, links and attributes.
func SameTrees(t testing.TB, want, got string) {
	t.Helper()
	a, b := describe(t, want), describe(t, got)
	for path, x := range a {
		if y, ok := b[path]; !ok {
			t.Errorf("%q is missing", path)
		} else if x != y {
			t.Errorf("%q is\n%s, not\n%s", path, y, x)
		}
		delete(b, path)
	}
	for path := range b {
		t.Errorf("%q should not be there", path)
	}
	if len(a) < 2 {
		t.Fatalf("%s holds nothing to compare with", want)
	}
}

func describe(t testing.TB, dir string) map[string]string {
	t.Helper()
	all := make(map[string]string)
	names := make(map[uint64]string) // first name of each hard link
	err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		fi, err := os.Lstat(path)
		if err != nil {
			return err
		}
		st := fi.Sys().(*syscall.Stat_t)
		rel := strings.TrimPrefix(path, dir)
		text := fmt.Sprintf("%v %d:%d device %d, %v", fi.Mode(), st.Uid, st.Gid, st.Rdev, fi.ModTime().UTC())
		text += Attributes(t, path)
		switch {
		case fi.Mode()&fs.ModeSymlink != 0:
			to, err := os.Readlink(path)
			if err != nil {
				return err
			}
			text += " to " + to
		case fi.Mode().IsRegular():
			if st.Nlink > 1 {
				if names[st.Ino] == "" {
					names[st.Ino] = rel
				}
				text += fmt.Sprintf(" %d links, also %q", st.Nlink, names[st.Ino])
			}
			b, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			text += fmt.Sprintf(" %d bytes %x", len(b), sha256.Sum256(b))
		}
		all[rel] = text
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// Attributes returns the extended attributes of a file as text. It does not
// follow a link.
func Attributes(t testing.TB, path string) (text string) {
	t.Helper()
	buf := make([]byte, 4096)
	n, err := unix.Llistxattr(path, buf)
	if err != nil {
		t.Fatal(err)
	}
	names := strings.FieldsFunc(string(buf[:n]), func(r rune) bool { return r == 0 })
	slices.Sort(names)
	for _, name := range names {
		value := make([]byte, 4096)
		n, err := unix.Lgetxattr(path, name, value)
		if err != nil {
			t.Fatal(err)
		}
		text += fmt.Sprintf(" %s=%q", name, bytes.Clone(value[:n]))
	}
	return text
}
