package gcs

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/storage"
	"syncline.dev/syncline/internal/storage/objects"
)

// ListBuckets returns the names of the buckets in the key file's project.
func (c *Client) ListBuckets(ctx context.Context) ([]string, error) {
	if c.project == "" {
		return nil, syncline.Errorf(syncline.CodeInvalid, "no project is known, so its buckets cannot be listed; give the name of the bucket")
	}
	query := url.Values{"project": {c.project}, "fields": {"kind,nextPageToken,items(name)"}, "maxResults": {"1000"}}
	var names []string
	err := pages("", query, func() (page, error) { return c.bucketPage(ctx, query) }, func(p page) error {
		for _, item := range p.Items {
			if item.Name == "" {
				return storage.Incomplete("", "gives buckets without a name")
			}
			if len(names) == objects.MaxFolders {
				return objects.TooManyFolders()
			}
			names = append(names, item.Name)
		}
		return ctx.Err()
	})
	return names, err
}

func (c *Client) bucketPage(ctx context.Context, query url.Values) (page, error) {
	u := *c.base
	u.Path, u.RawQuery = "/storage/v1/b", query.Encode()
	callCtx, call := objects.Document(ctx)
	resp, err := c.get(callCtx, call, &u, "")
	if err != nil {
		return page{}, err
	}
	if resp.StatusCode != http.StatusOK {
		return page{}, c.bucketsFailed(ctx, call, resp)
	}
	return c.read(ctx, call, resp, "", "storage#buckets")
}

// BucketExists reports whether the bucket exists. It asks for one page of its
// listing, so missing rights show.
func (c *Client) BucketExists(ctx context.Context, bucket string) (bool, error) {
	s, err := c.folder(bucket, "")
	if err != nil {
		return false, err
	}
	err = s.list(ctx, "", 1, func(string, int64) error { return nil })
	if syncline.CodeOf(err) == syncline.CodeNoRepository {
		return false, nil
	}
	return err == nil, err
}

// ListFolders returns the names of the folders directly below prefix, relative
// to it.
func (c *Client) ListFolders(ctx context.Context, bucket, prefix string) ([]string, error) {
	s, err := c.folder(bucket, prefix)
	if err != nil {
		return nil, err
	}
	query := url.Values{"prefix": {s.prefix}, "delimiter": {"/"}, "fields": {"kind,nextPageToken,prefixes"}, "maxResults": {"1000"}}
	var folders []string
	err = pages(s.prefix, query, func() (page, error) { return s.page(ctx, s.prefix, query) }, func(p page) error {
		for _, folder := range p.Folders {
			name, whole := strings.CutPrefix(folder, s.prefix)
			if !whole {
				return storage.Incomplete(s.prefix, "gives folders that were not asked for")
			}
			if name = strings.TrimSuffix(name, "/"); name == "" {
				continue
			}
			if len(folders) == objects.MaxFolders {
				return objects.TooManyFolders()
			}
			folders = append(folders, name)
		}
		return ctx.Err()
	})
	return folders, err
}
