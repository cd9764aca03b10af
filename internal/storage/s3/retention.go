package s3

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"

	"syncline.dev/syncline/internal/storage"
	"syncline.dev/syncline/internal/storage/objects"
)

var _ storage.Keeper = (*Storage)(nil)

// Rights implements storage.Keeper. S3 does not tell what a key may do.
func (s *Storage) Rights(context.Context) (storage.Rights, error) { return storage.RightsUnknown, nil }

// codes of a bucket and of an object without a lock, and of servers without locks.
var (
	noLocks  = []string{"ObjectLockConfigurationNotFoundError", "ObjectLockConfigurationNotFound"}
	noLock   = []string{"NoSuchObjectLockConfiguration", "ObjectLockConfigurationNotFoundError", "InvalidRequest"}
	notTells = []string{"NotImplemented", "MethodNotAllowed"}
)

// codeOf returns the code of an error among some; "" for another error.
func codeOf(err error, codes []string) string {
	var answer minio.ErrorResponse
	if errors.As(err, &answer) {
		for _, code := range codes {
			if answer.Code == code {
				return code
			}
		}
	}
	return ""
}

// Locks implements storage.Keeper. The rule is the bucket's default retention.
func (s *Storage) Locks(ctx context.Context) (can bool, rule string, err error) {
	callCtx, call := objects.Document(ctx)
	enabled, mode, length, unit, err := s.core.GetObjectLockConfig(callCtx, s.bucket)
	switch {
	case err == nil && enabled != "Enabled", err != nil && codeOf(err, noLocks) != "":
		return false, "", nil
	case err != nil && codeOf(err, notTells) != "":
		return false, "", storage.Refused(nil, "the storage at %s does not tell of locks", s.host)
	case err != nil:
		return false, "", s.translate(ctx, call, err, operation{bucket: s.bucket})
	case mode != nil && length != nil && unit != nil:
		rule = fmt.Sprintf("%s, %d %s", strings.ToLower(string(*mode)), *length, strings.ToLower(string(*unit)))
	}
	return true, clip(rule), nil
}

// Kept implements storage.Keeper.
func (s *Storage) Kept(ctx context.Context, name string) (storage.Kept, error) {
	if err := storage.CheckName(name); err != nil {
		return storage.Kept{}, err
	}
	callCtx, call := objects.Document(ctx)
	info, err := s.core.StatObject(callCtx, s.bucket, s.prefix+name, minio.StatObjectOptions{})
	if err != nil {
		if call.Status() == http.StatusNotFound && ctx.Err() == nil {
			return storage.Kept{}, storage.NotExist(name, nil)
		}
		return storage.Kept{}, s.translate(ctx, call, err, operation{bucket: s.bucket, name: name})
	}
	k := storage.Kept{Hold: strings.EqualFold(info.Metadata.Get("X-Amz-Object-Lock-Legal-Hold"), "ON")}
	class := info.Metadata.Get("X-Amz-Storage-Class")
	restored := info.Restore != nil && !info.Restore.OngoingRestore
	k.Archived = (class == "GLACIER" || class == "DEEP_ARCHIVE") && !restored || info.Metadata.Get("X-Amz-Archive-Status") != ""
	if k.Archived {
		k.Class = clip(class)
	}
	if until, err := time.Parse(time.RFC3339, info.Metadata.Get("X-Amz-Object-Lock-Retain-Until-Date")); err == nil {
		k.Until = until.UTC()
		return k, nil
	}
	return s.retention(ctx, name, k)
}

// retention asks for the retention of an object whose headers tell none: a key without the
// right to it gets no such headers.
func (s *Storage) retention(ctx context.Context, name string, k storage.Kept) (storage.Kept, error) {
	callCtx, call := objects.Document(ctx)
	_, until, err := s.core.GetObjectRetention(callCtx, s.bucket, s.prefix+name, "")
	switch {
	case err == nil && until != nil:
		k.Until = until.UTC()
	case err == nil, codeOf(err, noLock) != "":
	case codeOf(err, notTells) != "" || call.Status() == http.StatusForbidden:
		k.Untold = true
	default:
		return k, s.translate(ctx, call, err, operation{bucket: s.bucket, name: name})
	}
	return k, nil
}
