package b2

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"net/http"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/storage"
	"syncline.dev/syncline/internal/storage/objects"
)

// maxError bounds the bytes that are read of an error's answer.
const maxError = 64 << 10

// codeOf reads the code of an error's answer, "" if it is not Backblaze's, and
// closes the answer. It leaves out the text, which can repeat parts of the request.
func codeOf(resp *http.Response) string {
	defer resp.Body.Close()
	var answer struct {
		Status int    `json:"status"`
		Code   string `json:"code"`
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxError)).Decode(&answer); err != nil || answer.Status != resp.StatusCode {
		return ""
	}
	return clip(answer.Code)
}

// errUnauthorized marks the refusal of a call that the key has no right to.
var errUnauthorized = errors.New("the key has no right to this")

// failed translates an answer without success.
func (c *Client) failed(ctx context.Context, call *objects.Call, status int, code string) error {
	if trouble := call.Trouble(ctx); trouble != nil {
		return trouble
	}
	cause := call.Answer(code)
	switch {
	case code == "":
		return notB2(cause)
	case code == "expired_auth_token", code == "bad_auth_token":
		return storage.Refused(cause, "Backblaze does not accept its own token; try again later")
	case code == "download_cap_exceeded", code == "transaction_cap_exceeded":
		return capped(cause)
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		return storage.Refused(errors.Join(fs.ErrPermission, errUnauthorized, cause), "this application key has no right to what was asked for")
	}
	return refusal(cause, status, code)
}

// named gives the refusal of a download a text with the name of its file.
func (s *Storage) named(err error, name string) error {
	if !errors.Is(err, errUnauthorized) {
		return err
	}
	return storage.Refused(err, "this application key may not read %q in the bucket %q (readFiles)", name, s.bucket)
}

// missing tells a missing file from a missing bucket, since the answers are the same.
// That costs a call to list the buckets, until the bucket is known to exist.
func (s *Storage) missing(ctx context.Context, call *objects.Call, code, name string) error {
	if code == "" {
		return notB2(call.Answer(""))
	}
	if _, err := s.bucketID(ctx); err != nil && !errors.Is(err, fs.ErrPermission) {
		return err
	}
	return storage.NotExist(name, call.Answer(code))
}

func capped(cause error) error {
	return syncline.WrapError(syncline.CodeUnavailable, cause, "the account's daily cap at Backblaze is reached; raise it in the account's settings, or wait until midnight UTC")
}

func refusal(cause error, status int, code string) error {
	return syncline.WrapError(syncline.CodeUnavailable, cause, "Backblaze refused a request with %d (%s)", status, code)
}

func notB2(cause error) error {
	return storage.Stranger(syncline.CodeInvalid, cause, "the answer is not Backblaze's; a proxy may have made it")
}
