package storage

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"time"

	"syncline.dev/syncline"
)

// RequestError is the error of a request, with the storage's hints about
// another try. Back ends make it. Err is a *syncline.Error.
type RequestError struct {
	Err        error
	Retryable  bool          // the same request may succeed later
	Throttled  bool          // the storage asked for fewer requests
	RetryAfter time.Duration // least wait that it asked for; 0 for none
}

// Error returns the message of the cause.
func (e *RequestError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *RequestError) Unwrap() error { return e.Err }

// ErrArchived matches the error of opening a file in an archive class.
var ErrArchived = syncline.ErrArchived

// Archived returns the error of a file in an archive class. It is final,
// because another try costs money and cannot help.
func Archived(name, class string) error {
	return syncline.WrapError(syncline.CodeUnavailable, ErrArchived,
		"%q lies in the archive class %s and cannot be read: bring it back to an immediately readable class, then synchronize again", name, class)
}

// NotExist returns the error of a missing file. It matches fs.ErrNotExist.
func NotExist(name string, cause error) error {
	return syncline.WrapError(syncline.CodeNotFound, withCause(fs.ErrNotExist, cause),
		"%q is not in the storage", name)
}

// Refused returns the error of a request that the storage refuses. It matches
// fs.ErrPermission.
func Refused(cause error, format string, args ...any) error {
	return syncline.WrapError(syncline.CodeForbidden, withCause(fs.ErrPermission, cause), format, args...)
}

func withCause(sentinel, cause error) error {
	if cause == nil || errors.Is(cause, sentinel) {
		if cause != nil {
			return cause
		}
		return sentinel
	}
	return fmt.Errorf("%w: %w", sentinel, cause)
}

// ErrTooShort matches the error of a read past the end of a file, if the
// storage itself said where the file ends. It is final, because another try
// finds no more.
var ErrTooShort = errors.New("too short")

// TooShort returns the error of a file that ends too early. It also matches
// io.ErrUnexpectedEOF.
func TooShort(name string) error {
	return fmt.Errorf("%q is %w: %w", name, ErrTooShort, io.ErrUnexpectedEOF)
}

// IsRetryable reports whether the same request may succeed on another try.
func IsRetryable(err error) bool {
	var e *RequestError
	return errors.As(err, &e) && e.Retryable
}

// ErrIncomplete matches the error of a listing that cannot be whole.
var ErrIncomplete = errors.New("incomplete listing")

// Incomplete returns the error of a listing that cannot be whole. what gives
// the reason in words that follow "the storage's listing of x", such as
// "repeats a page".
func Incomplete(dir, what string) error {
	return &RequestError{Retryable: true, Err: syncline.WrapError(syncline.CodeUnavailable, ErrIncomplete,
		"the storage's listing of %q %s; nothing is taken from it", dir, what)}
}

// ErrStranger matches the error of an answer that is not the storage's, such as
// the page of a proxy or web site, with any status.
var ErrStranger = errors.New("the answer is not the storage's")

// Stranger returns the error of such an answer. The request is tried again for
// a long time if the storage has answered before. Otherwise it is tried a few
// times, because the address may be wrong.
func Stranger(code syncline.Code, cause error, format string, args ...any) error {
	return &RequestError{Retryable: true, Err: syncline.WrapError(code, withCause(ErrStranger, cause), format, args...)}
}

// SettingError is the error of a storage that a setting of its user is to blame for, such as
// a key that the host does not show.
type SettingError struct {
	Setting string // a name of the kind's fields
	Err     error  // matches fs.ErrPermission, and a *syncline.Error is in its chain
}

// Error implements error.
func (e *SettingError) Error() string { return e.Err.Error() }

// Unwrap returns the error for the user.
func (e *SettingError) Unwrap() error { return e.Err }

// UnconfirmedError is the error of a storage that has shown something which its user has
// to compare, such as the key of a host. The setting lets the storage open.
type UnconfirmedError struct {
	Setting, Value string // a name of the kind's fields, and what would be confirmed
	Err            error  // a *syncline.Error for the user, CodeConflict
}

// Error implements error.
func (e *UnconfirmedError) Error() string { return e.Err.Error() }

// Unwrap returns the error for the user.
func (e *UnconfirmedError) Unwrap() error { return e.Err }
