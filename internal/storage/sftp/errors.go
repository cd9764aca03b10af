package sftp

import (
	"strings"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/storage"
)

var (
	errClosed     = syncline.Errorf(syncline.CodeInternal, "the connection to the SFTP server is closed")
	errUnanswered = retryable(syncline.Errorf(syncline.CodeUnavailable, "the SFTP server leaves too many requests without an answer"))
	errSilent     = retryable(syncline.Errorf(syncline.CodeUnavailable, "the SFTP server sent nothing for too long; the connection was given up"))
	errWrongKind  = retryable(syncline.Errorf(syncline.CodeUnavailable, "the SFTP server gave an answer of another kind"))
)

func retryable(err error) error { return &storage.RequestError{Retryable: true, Err: err} }

// statusError is a server's refusal of a request.
type statusError struct {
	code    uint32
	message string
}

func (e *statusError) Error() string { return e.message }

// statusOf returns the refusal in an answer; nil for a success. An answer of
// another kind is an error, too.
func statusOf(a answer) error {
	if a.kind != typeStatus {
		return errWrongKind
	}
	f := fields{rest: a.body}
	code, message := f.uint32(), f.bytes()
	if code == statusOK && len(a.body) >= 4 {
		return nil
	}
	return &statusError{code, clip(string(message))}
}

// handleOf returns the handle in an answer.
func handleOf(a answer) (string, error) {
	if a.kind != typeHandle {
		if err := statusOf(a); err != nil {
			return "", err
		}
		return "", errWrongKind
	}
	f := fields{rest: a.body}
	handle := f.bytes()
	if f.bad || len(handle) > maxHandle {
		return "", errWrongKind
	}
	return string(handle), nil
}

// attributesOf returns the attributes in an answer.
func attributesOf(a answer) (attributes, error) {
	if a.kind != typeAttrs {
		if err := statusOf(a); err != nil {
			return attributes{}, err
		}
		return attributes{}, errWrongKind
	}
	f := fields{rest: a.body}
	found := f.attributes()
	if f.bad {
		return attributes{}, errWrongKind
	}
	return found, nil
}

// translate makes the error of a name from a refusal. Other errors stay.
func translate(name string, err error) error {
	refusal, ok := err.(*statusError) //nolint:errorlint // statusOf makes it, and nothing wraps it
	if !ok {
		return err
	}
	switch refusal.code {
	case statusNoSuchFile:
		return storage.NotExist(name, nil)
	case statusDenied:
		return storage.Refused(err, "the SFTP server does not let its user read %q; give the user the right to read the repository's files", name)
	}
	return retryable(syncline.WrapError(syncline.CodeUnavailable, err, "the SFTP server cannot read %q (%q, code %d)", name, refusal.message, refusal.code))
}

// clip bounds a server's text, which is not trusted.
func clip(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if len(s) > 200 {
		s = strings.ToValidUTF8(s[:200], "") + "…"
	}
	return s
}
