package servers

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/bloberror"
	"golang.org/x/sync/errgroup"
)

// ReadFolder returns the files below a folder, by their names relative to it.
func ReadFolder(t testing.TB, folder string) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		name, err := filepath.Rel(folder, path)
		if err != nil {
			return err
		}
		files[filepath.ToSlash(name)], err = os.ReadFile(path)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// Put makes a missing bucket, and objects in a folder of it. The folder "" is
// the bucket's root.
func (s *S3) Put(t testing.TB, bucket, folder string, files map[string][]byte) {
	t.Helper()
	root := filepath.Join(s.Dir, bucket, filepath.FromSlash(folder))
	if err := os.MkdirAll(root, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, content := range files {
		path := filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// Client returns the vendor's own client, for changes.
func (a *Azure) Client(t testing.TB) *azblob.Client {
	t.Helper()
	key, err := azblob.NewSharedKeyCredential(a.Account, a.Key)
	if err != nil {
		t.Fatal(err)
	}
	c, err := azblob.NewClientWithSharedKeyCredential(a.URL, key, nil)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// Put makes a missing container, and blobs in a folder of it. The folder "" is
// the container's root.
func (a *Azure) Put(t testing.TB, container, folder string, files map[string][]byte) {
	t.Helper()
	c := a.Client(t)
	if _, err := c.CreateContainer(t.Context(), container, nil); err != nil && !bloberror.HasCode(err, bloberror.ContainerAlreadyExists) {
		t.Fatal(err)
	}
	putAll(t, folder, files, func(ctx context.Context, name string, content []byte) error {
		_, err := c.UploadBuffer(ctx, container, name, content, nil)
		return err
	})
}

// Put makes a missing bucket, and objects in a folder of it. The folder "" is
// the bucket's root.
func (g *GCS) Put(t testing.TB, bucket, folder string, files map[string][]byte) {
	t.Helper()
	err := post(t.Context(), g.URL+"/storage/v1/b?project=test", fmt.Appendf(nil, `{"name":%q}`, bucket), http.StatusConflict)
	if err != nil {
		t.Fatal(err)
	}
	putAll(t, folder, files, func(ctx context.Context, name string, content []byte) error {
		return post(ctx, g.URL+"/upload/storage/v1/b/"+bucket+"/o?uploadType=media&name="+url.QueryEscape(name), content, http.StatusOK)
	})
}

// putAll puts files, four at once.
func putAll(t testing.TB, folder string, files map[string][]byte, put func(context.Context, string, []byte) error) {
	t.Helper()
	if folder != "" {
		folder += "/"
	}
	g, ctx := errgroup.WithContext(t.Context())
	g.SetLimit(4)
	for name, content := range files {
		g.Go(func() error { return put(ctx, folder+name, content) })
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
}

// post expects the status 200 or the status fine.
func post(ctx context.Context, address string, body []byte, fine int) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK && resp.StatusCode != fine {
		err = fmt.Errorf("%s: %s %s", address, resp.Status, text)
	}
	return err
}
