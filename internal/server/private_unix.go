//go:build !windows

package server

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"syncline.dev/syncline"
)

const writableByOthers = 0o022

// keepPrivate makes sure that no other user can write the files that this process
// makes, whatever its umask.
func keepPrivate() { syscall.Umask(0o077) }

// checkPrivate refuses, with CodeForbidden, a directory that another user can write
// to or replace. Such a user could become administrator, or take the key. purpose
// names the use of the directory.
func checkPrivate(purpose, path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return syncline.WrapError(syncline.CodeUnavailable, err, "cannot look at the %s %s; check the rights of the directories above it", purpose, path)
	}
	if info.Mode()&writableByOthers != 0 {
		// The sticky bit keeps others from removing files, not from adding them.
		return syncline.Errorf(syncline.CodeForbidden, "the %s %s can be written to by other users (mode %04o); run chmod go-w %s, or choose another one",
			purpose, path, octal(info.Mode()), path)
	}
	if owner := foreign(info); owner >= 0 {
		return syncline.Errorf(syncline.CodeForbidden, "the %s %s belongs to another user (uid %d); run as that user, or change its owner",
			purpose, path, owner)
	}
	return checkParents(purpose, path)
}

// checkParents checks the directories above, with links resolved. A user who can
// rename an entry of one of them can put another directory there.
func checkParents(purpose, path string) error {
	full, err := filepath.Abs(path)
	if err == nil {
		full, err = filepath.EvalSymlinks(full)
	}
	if err != nil {
		return syncline.WrapError(syncline.CodeUnavailable, err, "cannot look at the %s %s; check the rights of the directories above it", purpose, path)
	}
	for dir := filepath.Dir(full); ; dir = filepath.Dir(dir) {
		info, err := os.Stat(dir)
		if err != nil {
			return syncline.WrapError(syncline.CodeUnavailable, err, "cannot look at %s, above the %s", dir, purpose)
		}
		// With the sticky bit only the owners of directory and entry rename it.
		if info.Mode()&0o002 != 0 && info.Mode()&fs.ModeSticky == 0 {
			return syncline.Errorf(syncline.CodeForbidden, "%s, above the %s, can be written to by every user (mode %04o), who can put another directory there; run chmod o-w %s, or choose another place",
				dir, purpose, octal(info.Mode()), dir)
		}
		if owner := foreign(info); owner >= 0 {
			return syncline.Errorf(syncline.CodeForbidden, "%s, above the %s, belongs to another user (uid %d), who can put another directory there; choose another place",
				dir, purpose, owner)
		}
		if dir == filepath.Dir(dir) {
			return nil
		}
	}
}

// checkFiles refuses files of the data directory that other users can write.
func checkFiles(path string) error {
	for _, name := range []string{databaseFile, keyFile, "tls", "catalogs"} {
		file := filepath.Join(path, name)
		info, err := os.Stat(file)
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return syncline.WrapError(syncline.CodeUnavailable, err, "cannot look at %s; check its rights", file)
		case info.Mode()&writableByOthers != 0:
			return syncline.Errorf(syncline.CodeForbidden, "%s can be written to by other users (mode %04o); run chmod go-w %s", file, octal(info.Mode()), file)
		}
	}
	return nil
}

// foreign returns the owner of a file, or -1 for this process's user and for root.
func foreign(info fs.FileInfo) int {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok || stat.Uid == 0 || int(stat.Uid) == os.Geteuid() {
		return -1
	}
	return int(stat.Uid)
}

// octal is a mode as chmod takes it.
func octal(m fs.FileMode) uint32 {
	o := uint32(m.Perm())
	for bit, value := range map[fs.FileMode]uint32{fs.ModeSetuid: 0o4000, fs.ModeSetgid: 0o2000, fs.ModeSticky: 0o1000} {
		if m&bit != 0 {
			o |= value
		}
	}
	return o
}
