package resticrepo

import (
	"errors"
	"io/fs"
)

// The kinds of failure that a caller tells apart, matched with errors.Is.
// Whatever matches none of them is an error of the Storage or of the context,
// wrapped with the name of the file concerned.
var (
	// ErrNoRepository: the storage holds nothing that looks like a repository.
	ErrNoRepository = errors.New("there is no restic repository here")
	// ErrWrongPassword: the password opens none of the repository's keys.
	ErrWrongPassword = errors.New("the password opens no key of the repository")
	// ErrUnsupportedVersion: the repository's format version is not 1 or 2.
	ErrUnsupportedVersion = errors.New("the repository's format version is not supported")
	// ErrDamaged: stored bytes are not what they must be; the error is a
	// *DamageError that names the object.
	ErrDamaged = errors.New("the repository is damaged")
	// ErrNotFound: a file that was asked for is not in the repository.
	ErrNotFound = errors.New("not in the repository")
	// ErrInvalidName: a node's name cannot be the name of a directory entry.
	ErrInvalidName = errors.New("invalid name of a directory entry")
)

// DamageError says that one object of the repository is not what it must be.
// It matches ErrDamaged.
type DamageError struct {
	Object string // such as "index/ab12…" or "tree blob ab12… in data/cd/cd34…"
	Reason string // what is wrong with it
	Err    error  // the cause, where there is one
}

// Error names the object and the reason, and the cause behind them.
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

// notFoundError is a missing file: ErrNotFound and fs.ErrNotExist.
type notFoundError struct {
	name string
	err  error
}

func (e *notFoundError) Error() string   { return e.name + " is not in the repository" }
func (e *notFoundError) Unwrap() []error { return []error{ErrNotFound, e.err} }

// isNotExist reports whether a file or folder is missing.
func isNotExist(err error) bool { return errors.Is(err, fs.ErrNotExist) }
