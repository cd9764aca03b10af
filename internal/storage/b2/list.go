package b2

import (
	"context"
	"errors"
	"io/fs"
	"strings"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/storage"
	"syncline.dev/syncline/internal/storage/objects"
)

// maxNames is the largest page of a listing. Backblaze bills a thousand names as
// one call, whatever the page.
const maxNames = 10_000

// entry is a file or folder of a listing.
type entry struct {
	Name   string `json:"fileName"`
	Size   *int64 `json:"contentLength"`
	Action string `json:"action"`
}

type namesQuestion struct {
	Bucket    string `json:"bucketId"`
	Start     string `json:"startFileName,omitempty"`
	Prefix    string `json:"prefix,omitempty"`
	Delimiter string `json:"delimiter,omitempty"`
	Count     int    `json:"maxFileCount"`
}

// list calls fn with every entry below prefix. The names go up, so that no page
// repeats and the listing ends.
func (s *Storage) list(ctx context.Context, prefix, delimiter string, fn func(entry) error) error {
	id, err := s.bucketID(ctx)
	if err != nil {
		return err
	}
	question := namesQuestion{Bucket: id, Prefix: prefix, Delimiter: delimiter, Count: maxNames}
	for last := ""; ; {
		var page struct {
			Files *[]entry `json:"files"`
			Next  string   `json:"nextFileName"`
		}
		if err := s.ask(ctx, "b2_list_file_names", func(*session) any { return question }, &page); err != nil {
			return s.listed(err)
		}
		if page.Files == nil {
			return storage.Incomplete(prefix, "is cut off")
		}
		for _, e := range *page.Files {
			switch {
			case !strings.HasPrefix(e.Name, prefix), e.Action == "upload" && (e.Size == nil || *e.Size < 0):
				return storage.Incomplete(prefix, "gives files that were not asked for")
			case e.Name <= last:
				return storage.Incomplete(prefix, "repeats a page")
			}
			last = e.Name
			if err := errors.Join(ctx.Err(), fn(e)); err != nil {
				return err
			}
		}
		switch {
		case page.Next == "":
			return ctx.Err()
		case page.Next <= last || page.Next <= question.Start:
			return storage.Incomplete(prefix, "repeats a page")
		}
		question.Start = page.Next
	}
}

// listed gives the refusal of a listing a text with the name of its bucket.
func (s *Storage) listed(err error) error {
	if !errors.Is(err, errUnauthorized) {
		return err
	}
	return storage.Refused(err, "this application key may not list this folder of the bucket %q (listFiles)", s.bucket)
}

type bucket struct {
	ID   string `json:"bucketId"`
	Name string `json:"bucketName"`
}

type bucketsQuestion struct {
	Account string `json:"accountId"`
	ID      string `json:"bucketId,omitempty"`
	Name    string `json:"bucketName,omitempty"`
}

// bucketID returns the id that listings need. A key that is limited to the bucket
// knows it from the sign-in. For any other key it costs one call, once.
func (s *Storage) bucketID(ctx context.Context) (id string, err error) {
	select {
	case id = <-s.id:
	case <-ctx.Done():
		return "", ctx.Err()
	}
	defer func() { s.id <- id }()
	if id != "" {
		return id, nil
	}
	session, err := s.signer.get(ctx)
	if err != nil {
		return "", err
	}
	if err := session.opens(s.bucket); err != nil {
		return "", err
	}
	if session.id != "" {
		return session.id, nil
	}
	found, err := s.buckets(ctx, s.bucket)
	if err != nil {
		return "", err
	}
	if len(found) != 1 || found[0].Name != s.bucket || found[0].ID == "" {
		return "", syncline.WrapError(syncline.CodeNoRepository, fs.ErrNotExist, "there is no bucket %q", s.bucket)
	}
	return found[0].ID, nil
}

// buckets lists the account's buckets, or the one with a name.
func (c *Client) buckets(ctx context.Context, name string) ([]bucket, error) {
	var answer struct {
		Buckets *[]bucket `json:"buckets"`
	}
	err := c.ask(ctx, "b2_list_buckets", func(s *session) any {
		return bucketsQuestion{Account: s.account, ID: s.id, Name: name}
	}, &answer)
	switch {
	case errors.Is(err, errUnauthorized):
		return nil, storage.Refused(err, "this application key may not list buckets (listBuckets); give it that right, or use one that is limited to the bucket")
	case err != nil:
		return nil, err
	case answer.Buckets == nil:
		return nil, storage.Incomplete("", "is cut off")
	}
	return *answer.Buckets, nil
}

// ListBuckets returns the names of the buckets that the key opens.
func (c *Client) ListBuckets(ctx context.Context) ([]string, error) {
	found, err := c.buckets(ctx, "")
	if err != nil {
		return nil, err
	}
	if len(found) > objects.MaxFolders {
		return nil, objects.TooManyFolders()
	}
	names := make([]string, len(found))
	for i, b := range found {
		names[i] = b.Name
	}
	return names, nil
}

// BucketExists reports whether the bucket exists.
func (c *Client) BucketExists(ctx context.Context, name string) (bool, error) {
	s, err := c.folder(name, "")
	if err != nil {
		return false, err
	}
	_, err = s.bucketID(ctx)
	if syncline.CodeOf(err) == syncline.CodeNoRepository {
		return false, nil
	}
	return err == nil, err
}

// ListFolders returns the names of the folders directly below prefix, relative to it.
func (c *Client) ListFolders(ctx context.Context, bucket, prefix string) ([]string, error) {
	s, err := c.folder(bucket, prefix)
	if err != nil {
		return nil, err
	}
	var folders []string
	err = s.list(ctx, s.prefix, "/", func(e entry) error {
		name := strings.TrimSuffix(e.Name[len(s.prefix):], "/")
		if e.Action != "folder" || name == "" {
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
