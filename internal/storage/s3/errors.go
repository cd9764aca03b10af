package s3

import (
	"context"
	"encoding/xml"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/s3utils"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/storage"
	"syncline.dev/syncline/internal/storage/objects"
)

// operation describes a request, for the text of an error.
type operation struct {
	bucket, name, dir string
	list              bool
}

// translate maps an error of the library by its code. It uses only codes and a
// region's name from the server's answer.
func (c *Client) translate(ctx context.Context, call *objects.Call, err error, op operation) error {
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, errNoListing):
		return c.notS3(err)
	case errors.Is(err, errRepeatedPage):
		return storage.Incomplete(op.dir, "repeats a page")
	}
	var keys *keyError
	if errors.As(err, &keys) {
		return keys.error
	}
	if trouble := call.Trouble(ctx); trouble != nil {
		return trouble
	}
	var answer minio.ErrorResponse
	var syntax *xml.SyntaxError
	isAnswer := errors.As(err, &answer)
	switch {
	case call.Status() != 0 && !c.speaksS3(call):
		return c.notS3(objects.Opaque(err))
	case errors.As(err, &syntax) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF):
		return storage.Incomplete(op.dir, "is cut off")
	case isAnswer && answer.Code == minio.NotImplemented && call.Status() == http.StatusOK:
		return storage.Incomplete(op.dir, "says that it goes on but not where")
	case isAnswer && call.Status() == 0:
		return syncline.WrapError(syncline.CodeInvalid, err, "%q is no name of a bucket", op.bucket)
	case !isAnswer && call.Status() == 0:
		return notAsked(err, op)
	case !isAnswer:
		return c.notS3(objects.Opaque(err))
	}
	cause := call.Answer(answer.Code)
	if e := c.access(call, answer, cause, op); e != nil {
		return e
	}
	return syncline.WrapError(syncline.CodeUnavailable, cause, "the storage at %s refused a request with %q", c.host, clip(answer.Code))
}

// notAsked translates an error that came before any request.
func notAsked(err error, op operation) error {
	if s3utils.CheckValidBucketName(op.bucket) != nil {
		return syncline.WrapError(syncline.CodeInvalid, err, "%q is no name of a bucket", op.bucket)
	}
	return syncline.WrapError(syncline.CodeForbidden, objects.Opaque(err), "no access key can be had from where the credentials were to come from; look at the profile, or give the keys")
}

// access maps the codes of buckets, keys and rights.
func (c *Client) access(call *objects.Call, answer minio.ErrorResponse, cause error, op operation) error {
	switch answer.Code {
	case "RequestTimeout", "Throttling", "ThrottlingException", "RequestLimitExceeded", "RequestThrottled", "SlowDown", "InternalError":
		return &storage.RequestError{
			Retryable: true, Throttled: answer.Code != "RequestTimeout" && answer.Code != "InternalError",
			Err: syncline.WrapError(syncline.CodeUnavailable, cause, "the storage at %s cannot answer now (%s)", c.host, answer.Code),
		}
	case minio.NoSuchKey:
		return storage.NotExist(op.name, cause)
	case minio.NoSuchBucket:
		return syncline.WrapError(syncline.CodeNoRepository, errors.Join(fs.ErrNotExist, cause), "there is no bucket %q at %s", op.bucket, c.host)
	case minio.InvalidBucketName:
		return syncline.WrapError(syncline.CodeInvalid, cause, "%q is no name of a bucket", op.bucket)
	case minio.AuthorizationHeaderMalformed, minio.InvalidRegion, "PermanentRedirect", "TemporaryRedirect", "IllegalLocationConstraintException":
		return wrongRegion(call, answer, cause, op)
	case "InvalidAccessKeyId", "InvalidAccessKeyID", "XAdminUserNotFound": // the last is versitygw's
		return storage.Refused(cause, "the storage at %s does not know this access key", c.host)
	case "SignatureDoesNotMatch":
		return storage.Refused(cause, "the secret key does not belong to the access key")
	case "ExpiredToken", "InvalidToken", "ExpiredTokenException", "TokenRefreshRequired":
		return storage.Refused(cause, "the temporary credentials have expired or are not valid; get new ones")
	case "RequestTimeTooSkewed", "RequestExpired":
		return skewed(call, cause)
	case "InvalidObjectState":
		return storage.Archived(op.name, "of the bucket (Glacier or Deep Archive)")
	}
	if call.Status() == http.StatusForbidden || call.Status() == http.StatusUnauthorized {
		return c.denied(cause, op)
	}
	return nil
}

func wrongRegion(call *objects.Call, answer minio.ErrorResponse, cause error, op operation) error {
	region := answer.Region
	if region == "" {
		region = call.Header("x-amz-bucket-region")
	}
	if region == "" || strings.Trim(region, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" || len(region) > 40 {
		return syncline.WrapError(syncline.CodeInvalid, cause, "the bucket %q lies in another region; give the right one", op.bucket)
	}
	return syncline.WrapError(syncline.CodeInvalid, cause, "the bucket %q lies in another region, or signatures must name it: give the region %s", op.bucket, region)
}

func skewed(call *objects.Call, cause error) error {
	if theirs := call.Date(); !theirs.IsZero() {
		off := time.Since(theirs).Round(time.Second)
		return syncline.WrapError(syncline.CodeUnavailable, cause, "this machine's clock differs from the storage's by %s, too much for signed requests; set it", off.Abs())
	}
	return syncline.WrapError(syncline.CodeUnavailable, cause, "this machine's clock differs too much from the storage's for signed requests; set it")
}

func (c *Client) denied(cause error, op operation) error {
	hint := ""
	if c.keys.none.Load() {
		hint = "; no credentials were given"
	}
	switch {
	case op.list && op.bucket == "":
		return storage.Refused(cause, "these credentials may not list buckets (s3:ListAllMyBuckets); name the bucket instead%s", hint)
	case op.list:
		return storage.Refused(cause, "these credentials may not list the bucket %q (s3:ListBucket)%s", op.bucket, hint)
	}
	// Without the right to list, S3 also answers like this for a missing
	// object.
	return storage.Refused(cause, "these credentials may not read %q in the bucket %q (s3:GetObject)%s", op.name, op.bucket, hint)
}

// speaksS3 reports whether the last answer looks like one of S3's.
func (c *Client) speaksS3(call *objects.Call) bool {
	return strings.Contains(call.Header("Content-Type"), "xml") || call.Header("x-amz-request-id") != ""
}

func (c *Client) notS3(cause error) error {
	return storage.Stranger(syncline.CodeInvalid, cause, "%s does not answer like an S3 server; check the endpoint and its port", c.host)
}

func clip(s string) string { return s[:min(len(s), 80)] }
