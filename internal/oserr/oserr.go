// Package oserr tells what to do about an error of the operating system. "Check
// the rights" is wrong advice where file handles have run out or the disk is
// full, and people lose hours over it.
//
// It knows nothing of what was to be done with a file.
package oserr

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
)

const (
	// handles is what to do when file handles have run out.
	handles = "no file handle is left; raise the limit of open files (LimitNOFILE= of the service, or ulimit -n) and start again"
	full    = "the disk is full; make room"
	fixed   = "the file system can only be read"
	missing = "a folder on the way to it is missing"
	disk    = "the disk failed; check it"
)

// NoHandles reports whether err means that file handles have run out, of the
// process or of the whole system.
func NoHandles(err error) bool {
	return errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE)
}

// NoHandlesNow reports whether file handles have run out at this moment: for
// errors of libraries that do not say why a file did not open.
func NoHandlesNow() bool {
	f, err := os.Open(os.DevNull)
	if err != nil {
		return NoHandles(err)
	}
	_ = f.Close()
	return false
}

// Advice returns what to do about an error: rights where it is one of rights,
// and what fits it otherwise. Of an error that says nothing it gives the
// system's own word.
func Advice(err error, rights string) string {
	var errno syscall.Errno
	switch {
	case NoHandles(err):
		return handles
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return full
	case errors.Is(err, syscall.EROFS):
		return fixed
	case errors.Is(err, fs.ErrPermission):
		return rights
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR):
		return missing
	case errors.Is(err, syscall.EIO):
		return disk
	case errors.As(err, &errno):
		return "the system says: " + errno.Error()
	}
	return "the log tells why"
}
