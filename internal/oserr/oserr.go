// Package oserr says what to do about an error of the operating system. "Check
// the rights" is wrong advice if file handles have run out or the disk is full.
// It knows nothing of the operation that failed.
package oserr

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
)

const (
	// handles is the advice about file handles.
	handles = "no file handle is left; raise the limit of open files (LimitNOFILE= of the service, or ulimit -n) and start again"
	full    = "the disk is full; make room"
	fixed   = "the file system can only be read"
	missing = "a folder on the way to it is missing"
	disk    = "the disk failed; check it"
)

// NoHandles reports whether err means that the process or the system has no
// file handle left.
func NoHandles(err error) bool {
	return errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE)
}

// NoHandlesNow reports whether there is no file handle left at this moment. It
// serves errors of libraries that do not say why a file did not open.
func NoHandlesNow() bool {
	f, err := os.Open(os.DevNull)
	if err != nil {
		return NoHandles(err)
	}
	_ = f.Close()
	return false
}

// Advice returns what to do about an error: rights for an error of rights, and
// other advice for other errors. For an unknown error it returns the system's
// own text.
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
