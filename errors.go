package syncline

import (
	"context"
	"errors"
	"fmt"
)

// Code says what kind of failure an Error is. Each edge maps codes once: the
// API to HTTP status codes, the command line to exit codes.
type Code string

// The codes. A new one needs a line in both maps.
const (
	CodeInvalid         Code = "invalid"         // the request or argument is wrong
	CodeUnauthenticated Code = "unauthenticated" // no or bad credentials for Syncline itself
	CodeForbidden       Code = "forbidden"       // known user, missing role
	CodeNotFound        Code = "not_found"       // no such thing in Syncline
	CodeConflict        Code = "conflict"        // the state of things forbids it
	CodeTooLarge        Code = "too_large"       // a limit on size was passed
	CodeThrottled       Code = "throttled"       // too many attempts
	CodeWrongPassword   Code = "wrong_password"  // no key of the repository opens with it
	CodeNoRepository    Code = "no_repository"   // nothing there, or it is no repository
	CodeLocked          Code = "locked"          // an exclusive lock explains the failure
	CodeDamaged         Code = "damaged"         // stored bytes do not fit their name or form
	CodeUnsupported     Code = "unsupported"     // a repository version that Syncline does not read
	CodeUnavailable     Code = "unavailable"     // storage or database cannot be reached now
	CodeCanceled        Code = "canceled"        // stopped on request
	CodeInternal        Code = "internal"        // a defect of Syncline
)

// ErrArchived matches the error of a stored object in an archive class. Such an object
// has to be brought back before it can be read.
var ErrArchived = errors.New("object is in an archive class")

// Error is the error of the domain: a code, one sentence that a user can act
// on, and the cause. The message holds no secret and no path of the server's;
// the cause may, and goes to the server's log only.
type Error struct {
	Code    Code
	Message string
	Err     error
}

// Error returns the message, and the cause behind it where there is one.
func (e *Error) Error() string {
	switch {
	case e.Err == nil:
		return e.Message
	case e.Message == "":
		return e.Err.Error()
	}
	return e.Message + ": " + e.Err.Error()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Errorf makes an Error without a cause. Its format must not carry secrets.
func Errorf(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// WrapError makes an Error with a cause.
func WrapError(code Code, err error, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...), Err: err}
}

// CodeOf returns the code of the outermost Error in err's chain, CodeCanceled
// for a canceled context, CodeInternal for any other error, "" for nil.
func CodeOf(err error) Code {
	if err == nil {
		return ""
	}
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	if errors.Is(err, context.Canceled) {
		return CodeCanceled
	}
	return CodeInternal
}

// MessageOf returns the message of the outermost Error in err's chain, which a user may
// read. For any other error it returns a sentence without details.
func MessageOf(err error) string {
	var e *Error
	if errors.As(err, &e) && e.Message != "" {
		return e.Message
	}
	if errors.Is(err, context.Canceled) {
		return "the operation was canceled"
	}
	return "an internal error occurred; the server's log has the details"
}
