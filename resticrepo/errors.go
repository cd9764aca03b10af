package resticrepo

import (
	"errors"
	"io/fs"
)

// The kinds of failure that a caller tells apart, matched with errors.Is. Any
// other error comes from the Storage or the context and is wrapped with the
// name of the file.
var (
	// ErrNoRepository means that the storage holds nothing like a repository.
	ErrNoRepository = errors.New("there is no restic repository here")
	// ErrWrongPassword means that the password opens none of the repository's
	// keys.
	ErrWrongPassword = errors.New("the password opens no key of the repository")
	// ErrUnsupportedVersion means a format version other than 1 and 2.
	ErrUnsupportedVersion = errors.New("the repository's format version is not supported")
	// ErrDamaged means that stored bytes are wrong. The error is a *DamageError
	// that names the object.
	ErrDamaged = errors.New("the repository is damaged")
	// ErrNotFound means that the requested file is not in the repository.
	ErrNotFound = errors.New("not in the repository")
	// ErrInvalidName means that no directory entry can have a node's name.
	ErrInvalidName = errors.New("invalid name of a directory entry")
)

// DamageError says that the bytes of one object of the repository are wrong. It
// matches ErrDamaged.
type DamageError struct {
	Object string // such as "index/ab12…" or "tree blob ab12… in data/cd/cd34…"
	Reason string // what is wrong with it
	Err    error  // the cause, where there is one
}

// Error names the object, the reason and the cause.
func (e *DamageError) Error() string {
	s := e.Object + " is damaged: " + e.Reason
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap returns the cause.
func (e *DamageError) Unwrap() error { return e.Err }

// Is reports whether target is ErrDamaged.
func (e *DamageError) Is(target error) bool { return target == ErrDamaged }

// notFoundError is the error of a missing file. It matches ErrNotFound and
// fs.ErrNotExist.
type notFoundError struct {
	name string
	err  error
}

func (e *notFoundError) Error() string   { return e.name + " is not in the repository" }
func (e *notFoundError) Unwrap() []error { return []error{ErrNotFound, e.err} }

// isNotExist reports whether a file or folder is missing.
func isNotExist(err error) bool { return errors.Is(err, fs.ErrNotExist) }
