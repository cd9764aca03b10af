package api

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strconv"

	"syncline.dev/syncline"
	v6 "syncline.dev/syncline/internal/api/v6"
	"syncline.dev/syncline/internal/auth"
	"syncline.dev/syncline/internal/place"
)

// statusOf is the one place where error codes become HTTP status codes. A fault
// of a repository that a request names is a fault of the request.
func statusOf(code syncline.Code) int {
	switch code {
	case syncline.CodeInvalid, syncline.CodeWrongPassword, syncline.CodeNoRepository, syncline.CodeUnsupported:
		return http.StatusBadRequest
	case syncline.CodeUnauthenticated:
		return http.StatusUnauthorized
	case syncline.CodeForbidden:
		return http.StatusForbidden
	case syncline.CodeNotFound:
		return http.StatusNotFound
	case syncline.CodeConflict, syncline.CodeLocked, syncline.CodeDamaged:
		return http.StatusConflict
	case syncline.CodeTooLarge:
		return http.StatusRequestEntityTooLarge
	case syncline.CodeThrottled:
		return http.StatusTooManyRequests
	case syncline.CodeUnavailable, syncline.CodeCanceled:
		return http.StatusServiceUnavailable
	default:
		return http.StatusInternalServerError
	}
}

// invalid makes an error about the request itself.
func invalid(format string, args ...any) error {
	return syncline.Errorf(syncline.CodeInvalid, format, args...)
}

// fail answers with the message of err, and with its own where a question takes too
// long.
func (a *api) fail(w http.ResponseWriter, r *http.Request, err error) {
	if r.Context().Err() != nil && errors.Is(context.Cause(r.Context()), errLong) {
		err = syncline.WrapError(syncline.CodeTooLarge, err,
			"this takes longer than %s, which is all a question may take; ask about a smaller folder", a.QuestionTime)
	}
	a.front.fail(w, r, err)
}

// retryUnavailable is how many seconds later a client asks again for what cannot be
// reached. A database that restarts is back by then.
const retryUnavailable = "5"

// fail answers with the message of err. It logs the server's own errors with their
// cause, because the answer does not carry the cause.
func (f *front) fail(w http.ResponseWriter, r *http.Request, err error) {
	code := syncline.CodeOf(err)
	status, message := statusOf(code), syncline.MessageOf(err)
	var unsupported *mediaTypeError
	switch {
	case errors.As(err, &unsupported):
		status, message = http.StatusUnsupportedMediaType, unsupported.message
	case status == http.StatusUnauthorized:
		w.Header().Set("WWW-Authenticate", "Bearer")
	case status == http.StatusTooManyRequests:
		if s, ok := auth.RetryAfter(err); ok {
			w.Header().Set("Retry-After", strconv.Itoa(s))
		}
	case status == http.StatusServiceUnavailable:
		w.Header().Set("Retry-After", retryUnavailable)
	}
	switch {
	case errors.Is(err, context.Canceled):
		f.log.LogAttrs(r.Context(), slog.LevelDebug, "request canceled", slog.String("path", r.URL.Path))
	case status >= http.StatusInternalServerError:
		f.log.LogAttrs(r.Context(), slog.LevelError, "request failed",
			slog.String("method", r.Method), slog.String("path", r.URL.Path), slog.Any("error", err))
	}
	tell(w, r, status, message, err)
}

// tell answers with a failure, and adds the words of OAuth where the client asks for a
// token.
func tell(w http.ResponseWriter, r *http.Request, status int, message string, err error) {
	if infoFrom(r.Context()).oauth {
		writeFailureBody(w, status, v6.TokenFailure{Message: message, Error: oauthError(err, status), ErrorDescription: message})
		return
	}
	failure := v6.ExceptionInfo{Message: message}
	if confirm := place.ToConfirm(err); confirm != nil {
		failure.Confirm = &confirm
	}
	writeFailureBody(w, status, failure)
}

// writeFailure answers with a status and a message.
func writeFailure(w http.ResponseWriter, status int, message string) {
	writeFailureBody(w, status, v6.ExceptionInfo{Message: message})
}

func writeFailureBody(w http.ResponseWriter, status int, failure any) {
	body, err := json.Marshal(failure)
	if err != nil { // strings always marshal
		panic(err)
	}
	w.Header().Set("Content-Type", contentTypeJSON)
	w.WriteHeader(status)
	// An error here is the client's connection, which cannot take a message.
	_, _ = w.Write(append(body, '\n'))
}
