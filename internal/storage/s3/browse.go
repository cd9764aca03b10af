package s3

import (
	"context"
	"errors"
	"strings"

	"github.com/minio/minio-go/v7"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/storage"
	"syncline.dev/syncline/internal/storage/objects"
)

// ListBuckets returns the names of the buckets that the credentials may see.
func (c *Client) ListBuckets(ctx context.Context) ([]string, error) {
	callCtx, call := objects.Document(ctx)
	buckets, err := c.core.ListBuckets(callCtx)
	if err != nil {
		return nil, c.translate(ctx, call, err, operation{list: true})
	}
	names := make([]string, len(buckets))
	for i, b := range buckets {
		names[i] = b.Name
	}
	return names, nil
}

// BucketExists reports whether the bucket exists. It asks for one page of its
// listing, so missing rights show.
func (c *Client) BucketExists(ctx context.Context, bucket string) (bool, error) {
	err := c.list(ctx, bucket, "", false, func(minio.ObjectInfo) error { return errEnough })
	switch {
	case err == nil, errors.Is(err, errEnough):
		return true, nil
	case syncline.CodeOf(err) == syncline.CodeNoRepository:
		return false, nil
	}
	return false, err
}

// ListFolders returns the names of the folders directly below prefix, relative
// to it.
func (c *Client) ListFolders(ctx context.Context, bucket, prefix string) ([]string, error) {
	prefix, err := storage.CleanPrefix(prefix)
	if err != nil {
		return nil, err
	}
	var folders []string
	err = c.list(ctx, bucket, prefix, false, func(o minio.ObjectInfo) error {
		name, isFolder := strings.CutSuffix(o.Key[len(prefix):], "/")
		if !isFolder || name == "" {
			return nil
		}
		if len(folders) == objects.MaxFolders {
			return objects.TooManyFolders()
		}
		folders = append(folders, name)
		return nil
	})
	return folders, err
}
