package rest

import (
	"context"
	"net/http"
	"strings"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/storage"
	"syncline.dev/syncline/internal/storage/objects"
)

// failed translates the answer to a request for a file. It uses nothing of the
// answer's text.
func (s *Storage) failed(ctx context.Context, call *objects.Call, name string) error {
	if call.Status() == http.StatusNotFound && ctx.Err() == nil && !isPage(call) {
		return storage.NotExist(name, call.Answer(""))
	}
	return s.refused(ctx, call)
}

// listFailed translates the answer to a request for a listing. rclone answers
// 404 when it has failed to list.
func (s *Storage) listFailed(ctx context.Context, call *objects.Call, dir string) error {
	if call.Status() == http.StatusNotFound && ctx.Err() == nil && !isPage(call) {
		if strings.HasPrefix(call.Header("Server"), "rclone/") {
			return storage.Incomplete(dir, "cannot be made now")
		}
		return storage.NotExist(dir, call.Answer(""))
	}
	return s.refused(ctx, call)
}

// refused translates an answer that is no success.
func (s *Storage) refused(ctx context.Context, call *objects.Call) error {
	if trouble := call.Trouble(ctx); trouble != nil {
		return trouble
	}
	cause := call.Answer("")
	switch status := call.Status(); {
	case status == http.StatusUnauthorized && s.user == "" && s.password == "":
		return storage.Refused(cause, "the REST server at %s asks for a user name and a password, and none are given", s.name)
	case status == http.StatusUnauthorized:
		return storage.Refused(cause, "the REST server at %s does not accept the user name with this password for this repository; a server with private repositories gives a user only those below a folder of the user's name", s.name)
	case status == http.StatusForbidden:
		return storage.Refused(cause, "the REST server at %s forbids to read this repository; check the rights of the user, or of the client certificate", s.name)
	case status == http.StatusProxyAuthRequired:
		return storage.Refused(cause, "a proxy before the REST server at %s asks for credentials", s.name)
	case status == http.StatusNotImplemented:
		return syncline.WrapError(syncline.CodeUnsupported, cause, "the REST server at %s cannot do what the protocol asks for; check the address", s.name)
	}
	return s.stranger(cause)
}

// isPage reports whether an answer is the page of a web site.
func isPage(call *objects.Call) bool {
	return strings.Contains(call.Header("Content-Type"), "text/html")
}

// stranger returns the error of an answer that no REST server makes.
func (s *Storage) stranger(cause error) error {
	return storage.Stranger(syncline.CodeInvalid, cause, "%s does not answer like a REST server for restic; check the address, and whether a proxy answers in its place", s.name)
}
