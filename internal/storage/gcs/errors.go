package gcs

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"strings"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/storage"
	"syncline.dev/syncline/internal/storage/objects"
)

// operation describes a request, for the text of an error.
type operation struct {
	name, dir string
	list      bool
}

// maxReason bounds the bytes that are read of an error's answer.
const maxReason = 64 << 10

// failed translates an answer without success, and closes it. It uses only the
// answer's status and reason.
func (s *Storage) failed(ctx context.Context, call *objects.Call, resp *http.Response, op operation) error {
	defer resp.Body.Close()
	if trouble := call.Trouble(ctx); trouble != nil {
		return trouble
	}
	reason, speaksJSON := reasonOf(resp.Body)
	cause := call.Answer(reason)
	// Failed downloads have a plain text, and all other failures JSON.
	if !speaksJSON && (op.list || strings.Contains(call.Header("Content-Type"), "xml")) {
		return s.notGCS(cause)
	}
	switch reason {
	case "rateLimitExceeded", "userRateLimitExceeded":
		return s.tooMany(cause, reason)
	case "userProjectMissing":
		return syncline.WrapError(syncline.CodeUnsupported, cause, "the bucket %q lets requesters pay, which is not supported", s.bucket)
	case "accountDisabled", "userProjectAccountProblem", "billingDisabled":
		return syncline.WrapError(syncline.CodeUnavailable, cause, "the project of the bucket %q is disabled; look at its billing", s.bucket)
	}
	switch resp.StatusCode {
	case http.StatusNotFound:
		return s.missing(ctx, cause, op)
	case http.StatusUnauthorized:
		if s.tokens == nil {
			return storage.Refused(cause, "the bucket %q is not public, and no credentials were given", s.bucket)
		}
		return s.badToken(cause)
	case http.StatusForbidden:
		return s.denied(cause, op)
	case http.StatusBadRequest:
		if op.list && reason == "invalid" {
			return badBucket(cause, s.bucket)
		}
	}
	if !speaksJSON {
		return s.notGCS(cause)
	}
	return s.refusal(cause, resp.StatusCode, reason)
}

// bucketsFailed translates a failed listing of buckets, and closes the answer.
func (c *Client) bucketsFailed(ctx context.Context, call *objects.Call, resp *http.Response) error {
	defer resp.Body.Close()
	if trouble := call.Trouble(ctx); trouble != nil {
		return trouble
	}
	reason, speaksJSON := reasonOf(resp.Body)
	cause := call.Answer(reason)
	switch {
	case !speaksJSON:
		return c.notGCS(cause)
	case reason == "rateLimitExceeded", reason == "userRateLimitExceeded":
		return c.tooMany(cause, reason)
	case resp.StatusCode == http.StatusUnauthorized:
		return c.badToken(cause)
	case resp.StatusCode == http.StatusForbidden:
		return storage.Refused(cause, "these credentials may not list the buckets of their project (storage.buckets.list); give the name of the bucket")
	case resp.StatusCode == http.StatusNotFound, resp.StatusCode == http.StatusBadRequest:
		return syncline.WrapError(syncline.CodeInvalid, cause, "the project that the key file names is not there; look at the key file")
	}
	return c.refusal(cause, resp.StatusCode, reason)
}

func (c *Client) tooMany(cause error, reason string) error {
	return &storage.RequestError{
		Retryable: true, Throttled: true,
		Err: syncline.WrapError(syncline.CodeUnavailable, cause, "the storage at %s cannot answer now (%s)", c.base.Host, reason),
	}
}

func (c *Client) badToken(cause error) error {
	return storage.Refused(cause, "the storage at %s does not accept the access token: it has expired or is not valid", c.base.Host)
}

func (c *Client) refusal(cause error, status int, reason string) error {
	return syncline.WrapError(syncline.CodeUnavailable, cause, "the storage at %s refused a request with %d (%s)", c.base.Host, status, clip(reason))
}

// reasonOf reads the reason in an error's answer.
func reasonOf(body io.Reader) (reason string, ok bool) {
	var answer struct {
		Error *struct {
			Errors []struct {
				Reason string `json:"reason"`
			} `json:"errors"`
		} `json:"error"`
	}
	err := json.NewDecoder(io.LimitReader(body, maxReason)).Decode(&answer)
	if err != nil || answer.Error == nil {
		return "", false
	}
	if len(answer.Error.Errors) > 0 {
		reason = answer.Error.Errors[0].Reason
	}
	return reason, true
}

// missing tells a missing object from a missing bucket, since the API gives the
// same answer for both. That costs one more request, until the bucket is known
// to exist.
func (s *Storage) missing(ctx context.Context, cause error, op operation) error {
	if op.list {
		return syncline.WrapError(syncline.CodeNoRepository, errors.Join(fs.ErrNotExist, cause), "there is no bucket %q", s.bucket)
	}
	if !s.seen.Load() {
		err := s.list(ctx, s.prefix, 1, func(string, int64) error { return nil })
		if err != nil && !errors.Is(err, fs.ErrPermission) {
			return err
		}
	}
	return storage.NotExist(op.name, cause)
}

func (s *Storage) denied(cause error, op operation) error {
	hint := ""
	if s.tokens == nil {
		hint = "; no credentials were given"
	}
	if op.list {
		return storage.Refused(cause, "these credentials may not list the bucket %q (storage.objects.list)%s", s.bucket, hint)
	}
	return storage.Refused(cause, "these credentials may not read %q in the bucket %q (storage.objects.get)%s", op.name, s.bucket, hint)
}

func (c *Client) notGCS(cause error) error {
	return storage.Stranger(syncline.CodeInvalid, cause, "%s does not answer like Google Cloud Storage; check the endpoint", c.base.Host)
}

func badBucket(cause error, name string) error {
	return syncline.WrapError(syncline.CodeInvalid, cause, "%q is no name of a bucket: it has 3 to 63 lower-case letters, digits, hyphens, underscores and dots", clip(name))
}

func clip(s string) string { return s[:min(len(s), 80)] }
