package swift

import (
	"context"
	"net/http"
	"strings"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/storage"
	"syncline.dev/syncline/internal/storage/objects"
)

// ListBuckets returns the names of the account's containers.
func (c *Client) ListBuckets(ctx context.Context) ([]string, error) {
	var names []string
	err := pages(ctx, "", func(e entry) error {
		if len(names) == objects.MaxFolders {
			return objects.TooManyFolders()
		}
		names = append(names, e.Name)
		return nil
	}, func(marker string) ([]entry, error) { return c.containers(ctx, marker) })
	return names, err
}

func (c *Client) containers(ctx context.Context, marker string) ([]entry, error) {
	callCtx, call := objects.Document(ctx)
	resp, session, err := c.do(callCtx, call, request{method: http.MethodGet, query: query("marker", marker)})
	if err != nil {
		return nil, err
	}
	if resp.StatusCode == http.StatusOK {
		return session.read(ctx, call, resp, "")
	}
	defer resp.Body.Close()
	if err := session.failed(ctx, call, resp); err != nil {
		return nil, err
	}
	switch resp.StatusCode {
	case http.StatusForbidden:
		return nil, storage.Refused(call.Answer(""), "these credentials may not list the containers of their account; give the name of the container")
	case http.StatusNotFound:
		return nil, syncline.WrapError(syncline.CodeInvalid, call.Answer(""), "the object store at %s has no such account; check its address", session.base.Host)
	}
	return nil, session.refusal(call)
}

// BucketExists reports whether the container exists. It asks for its listing,
// so missing rights show.
func (c *Client) BucketExists(ctx context.Context, container string) (bool, error) {
	s, err := c.folder(container, "")
	if err != nil {
		return false, err
	}
	err = s.look(ctx, "")
	if syncline.CodeOf(err) == syncline.CodeNoRepository {
		return false, nil
	}
	return err == nil, err
}

// ListFolders returns the names of the folders directly below prefix, relative
// to it.
func (c *Client) ListFolders(ctx context.Context, container, prefix string) ([]string, error) {
	s, err := c.folder(container, prefix)
	if err != nil {
		return nil, err
	}
	var folders []string
	err = s.walk(ctx, s.prefix, "/", func(e entry) error {
		if !strings.HasPrefix(e.key(), s.prefix) {
			return storage.Incomplete(s.prefix, "gives folders that were not asked for")
		}
		name := strings.TrimSuffix(strings.TrimPrefix(e.Folder, s.prefix), "/")
		if name == "" {
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
