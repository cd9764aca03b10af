package storage

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"time"

	"syncline.dev/syncline"
)

// RequestError is a failed request to a storage, with what the storage let us
// know about trying again. Back ends make them; Err is a *syncline.Error.
type RequestError struct {
	Err        error
	Retryable  bool          // the same request may succeed later
	Throttled  bool          // the storage asked for fewer requests
	RetryAfter time.Duration // the least wait it asked for; 0 for none
}

// Error returns the message of the cause.
func (e *RequestError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *RequestError) Unwrap() error { return e.Err }

// ErrArchived matches the error of opening a file in an archive class.
var ErrArchived = syncline.ErrArchived

// Archived makes the error for a file in an archive class. It is final: trying
// again costs money and cannot help.
func Archived(name, class string) error {
	return syncline.WrapError(syncline.CodeUnavailable, ErrArchived,
		"%q lies in the archive class %s and cannot be read: bring it back to an immediately readable class, then synchronize again", name, class)
}

// NotExist makes the error for a missing file; it matches fs.ErrNotExist.
func NotExist(name string, cause error) error {
	return syncline.WrapError(syncline.CodeNotFound, withCause(fs.ErrNotExist, cause),
		"%q is not in the storage", name)
}

// Refused makes the error for something the storage does not let us do; it
// matches fs.ErrPermission.
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

// ErrTooShort matches the error of a read past the end of a file, where the
// storage itself said where the file ends. It is final: no other try finds more.
var ErrTooShort = errors.New("too short")

// TooShort makes the error for a file that ends before what was asked for; it
// matches io.ErrUnexpectedEOF too.
func TooShort(name string) error {
	return fmt.Errorf("%q is %w: %w", name, ErrTooShort, io.ErrUnexpectedEOF)
}

// IsRetryable reports whether the request that failed with err may succeed
// when it is made again.
func IsRetryable(err error) bool {
	var e *RequestError
	return errors.As(err, &e) && e.Retryable
}

// ErrIncomplete matches the error of a listing that cannot be whole.
var ErrIncomplete = errors.New("incomplete listing")

// Incomplete makes the error for a listing that cannot be whole; what says why,
// in words that follow "the storage's listing of x": "repeats a page".
func Incomplete(dir, what string) error {
	return &RequestError{Retryable: true, Err: syncline.WrapError(syncline.CodeUnavailable, ErrIncomplete,
		"the storage's listing of %q %s; nothing is taken from it", dir, what)}
}

// ErrStranger matches the error of an answer that is not the storage's: the page
// of a proxy or of a web site, whatever its status says.
var ErrStranger = errors.New("the answer is not the storage's")

// Stranger makes the error for such an answer. The same request is worth another
// try: for long where the storage itself has answered before, and otherwise a
// few times, since the address may be wrong.
func Stranger(code syncline.Code, cause error, format string, args ...any) error {
	return &RequestError{Retryable: true, Err: syncline.WrapError(code, withCause(ErrStranger, cause), format, args...)}
}
