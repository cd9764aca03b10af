package swift

import (
	"context"
	"errors"
	"io/fs"
	"net/http"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/storage"
	"syncline.dev/syncline/internal/storage/objects"
)

// operation describes a request, for the text of an error.
type operation struct {
	name string
	list bool
}

// statusRateLimit is Swift's own status for too many requests.
const statusRateLimit = 498

// failed translates an answer without success, and closes it. It uses only the
// answer's status and headers.
func (s *Storage) failed(ctx context.Context, call *objects.Call, resp *http.Response, session *session, op operation) error {
	defer resp.Body.Close()
	// OVHcloud's archive asks for another try in some hours, and wakes the object up.
	if state := call.Header("X-Ovh-Retrieval-State"); state == "sealed" || state == "unsealing" {
		return storage.Archived(op.name, "Public Cloud Archive")
	}
	if err := session.failed(ctx, call, resp); err != nil {
		return err
	}
	switch resp.StatusCode {
	case http.StatusNotFound:
		return s.missing(ctx, call.Answer(""), op)
	case http.StatusForbidden:
		if op.list {
			return storage.Refused(call.Answer(""), "these credentials may not list the container %q", s.container)
		}
		return storage.Refused(call.Answer(""), "these credentials may not read %q in the container %q", op.name, s.container)
	case http.StatusConflict:
		return syncline.WrapError(syncline.CodeUnavailable, call.Answer(""), "%q is a large object whose segments are not all there", op.name)
	}
	return session.refusal(call)
}

// failed translates what can be wrong with every request; nil for the rest.
func (s *session) failed(ctx context.Context, call *objects.Call, resp *http.Response) error {
	if trouble := call.Trouble(ctx); trouble != nil {
		return trouble
	}
	switch {
	case !isSwift(call):
		return notSwift(call.Answer(""), s.base.Host)
	case resp.StatusCode == http.StatusUnauthorized:
		return storage.Refused(call.Answer(""), "the object store at %s does not accept the token: it has expired or is not valid", s.base.Host)
	case resp.StatusCode == statusRateLimit:
		return &storage.RequestError{
			Retryable: true, Throttled: true,
			Err: syncline.WrapError(syncline.CodeUnavailable, call.Answer(""), "the object store at %s cannot answer now (too many requests)", s.base.Host),
		}
	}
	return nil
}

func (s *session) refusal(call *objects.Call) error {
	return syncline.WrapError(syncline.CodeUnavailable, call.Answer(""), "the object store at %s refused a request with %d", s.base.Host, call.Status())
}

// missing tells a missing object from a missing container, since the answers
// are the same. That costs one more request, until the container is known to exist.
func (s *Storage) missing(ctx context.Context, cause error, op operation) error {
	if op.list {
		return syncline.WrapError(syncline.CodeNoRepository, errors.Join(fs.ErrNotExist, cause), "there is no container %q", s.container)
	}
	if !s.seen.Load() {
		err := s.look(ctx, s.prefix)
		if err != nil && !errors.Is(err, fs.ErrPermission) {
			return err
		}
	}
	return storage.NotExist(op.name, cause)
}

// failed translates a sign-in that gave no token, or no address.
func (s *signer) failed(ctx context.Context, call *objects.Call) error {
	if trouble := call.Trouble(ctx); trouble != nil {
		return trouble
	}
	cause := call.Answer("")
	switch status := call.Status(); {
	case status == 0:
		return syncline.Errorf(syncline.CodeInvalid, "the identity service at %s cannot be asked; check its address and the credentials", s.host)
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		return storage.Refused(cause, "the identity service at %s does not accept these credentials", s.host)
	case status == http.StatusBadRequest:
		return syncline.WrapError(syncline.CodeInvalid, cause, "the identity service at %s cannot read these credentials; a user's name needs the user's domain, and a project's name the project's", s.host)
	case status == http.StatusNotFound, status == http.StatusMethodNotAllowed, status >= 300 && status < 400:
		return syncline.WrapError(syncline.CodeInvalid, cause, "there is no identity service at this address of %s; check its path and version", s.host)
	case status >= 300:
		return syncline.WrapError(syncline.CodeUnavailable, cause, "the identity service at %s refused a sign-in with %d", s.host, status)
	case s.conn.AuthToken != "" && s.region != "":
		return syncline.WrapError(syncline.CodeInvalid, cause, "the identity service at %s knows no object store in the region %q; check the region and the project", s.host, clip(s.region))
	case s.conn.AuthToken != "":
		return syncline.WrapError(syncline.CodeInvalid, cause, "the identity service at %s knows no object store for these credentials; check the project", s.host)
	}
	return storage.Stranger(syncline.CodeInvalid, cause, "%s does not answer like an identity service of OpenStack; check its address", s.host)
}

func notSwift(cause error, host string) error {
	return storage.Stranger(syncline.CodeInvalid, cause, "%s does not answer like OpenStack's object store; check the address", host)
}
