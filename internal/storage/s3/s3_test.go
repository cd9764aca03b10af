package s3_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/storage"
	"syncline.dev/syncline/internal/storage/s3"
	"syncline.dev/syncline/internal/storage/storagetest"
	"syncline.dev/syncline/internal/storage/storagetest/servers"
)

func config(server *servers.S3, bucket, prefix string) s3.Config {
	return s3.Config{
		Endpoint: server.URL, Bucket: bucket, Prefix: prefix, Region: server.Region,
		AccessKey: server.AccessKey, SecretKey: server.SecretKey,
	}
}

func open(t *testing.T, c s3.Config) *s3.Storage {
	t.Helper()
	s, err := s3.Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestConformance(t *testing.T) {
	server := servers.StartS3(t)
	var n atomic.Int64
	for _, prefix := range []string{"", "some/folder"} {
		t.Run("prefix="+prefix, func(t *testing.T) {
			storagetest.Run(t, func(t *testing.T, files map[string][]byte) storage.Storage {
				bucket := fmt.Sprintf("bucket-%d", n.Add(1))
				server.Put(t, bucket, prefix, files)
				return open(t, config(server, bucket, prefix))
			})
		})
	}
}

func TestBrowse(t *testing.T) {
	server := servers.StartS3(t)
	server.Put(t, "first", "", map[string][]byte{"repo/config": nil, "repo/keys/k": nil, "other repo/config": nil, "file": nil})
	server.Put(t, "second", "", nil)
	c, err := s3.Connect(t.Context(), config(server, "", ""))
	if err != nil {
		t.Fatal(err)
	}
	buckets, err := c.ListBuckets(t.Context())
	if err != nil || !slices.Equal(buckets, []string{"first", "second"}) {
		t.Errorf("ListBuckets: %q, %v", buckets, err)
	}
	for bucket, want := range map[string]bool{"first": true, "second": true, "third": false} {
		if got, err := c.BucketExists(t.Context(), bucket); err != nil || got != want {
			t.Errorf("BucketExists(%q): %v, %v", bucket, got, err)
		}
	}
	for prefix, want := range map[string][]string{"": {"other repo", "repo"}, "repo": {"keys"}, "/repo/keys/": nil} {
		got, err := c.ListFolders(t.Context(), "first", prefix)
		slices.Sort(got)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("ListFolders(%q): %q, %v; want %q", prefix, got, err, want)
		}
	}
}

// TestRequestsAsTheServerCountsThem compares the counter with the server's log.
func TestRequestsAsTheServerCountsThem(t *testing.T) {
	server := servers.StartS3(t)
	files := map[string][]byte{"config": storagetest.Bytes(1, 100)}
	for i := range 1500 {
		files[fmt.Sprintf("snapshots/%04d", i)] = nil
	}
	server.Put(t, "bucket", "", files)
	c := config(server, "bucket", "")
	c.Region = "" // costs another request
	counter := storage.NewCounter(open(t, c))
	if _, err := storagetest.ReadAll(t.Context(), counter, "config", 10, 50); err != nil {
		t.Fatal(err)
	}
	if _, err := storagetest.ListAll(t, counter, "snapshots"); err != nil {
		t.Fatal(err)
	}
	requests, bytes, _ := counter.Counts()
	if requests["get config"] != 2 || requests["list snapshots"] != 2 || bytes != 50 {
		t.Errorf("counted %v and %d bytes; want 2 of each (one for the region) and 50", requests, bytes)
	}
	log, err := os.ReadFile(server.AccessLog)
	if err != nil {
		t.Fatal(err)
	}
	if lines := strings.Count(string(log), server.AccessKey+" bucket "); lines != 4 {
		t.Errorf("the server counted %d requests, want 4:\n%s", lines, log)
	}
}

func TestRefusals(t *testing.T) {
	server := servers.StartS3(t)
	server.Put(t, "bucket", "", map[string][]byte{"config": []byte("c")})
	tests := []struct {
		label   string
		change  func(*s3.Config)
		code    syncline.Code
		is      error
		message string
	}{
		{"no such bucket", func(c *s3.Config) { c.Bucket = "none-such" }, syncline.CodeNoRepository, fs.ErrNotExist, `there is no bucket "none-such"`},
		{"bad bucket", func(c *s3.Config) { c.Bucket = "A_B!" }, syncline.CodeInvalid, nil, "no name of a bucket"},
		{"unknown key", func(c *s3.Config) { c.AccessKey = "AKIANOBODY" }, syncline.CodeForbidden, fs.ErrPermission, "does not know this access key"},
		{"wrong secret", func(c *s3.Config) { c.SecretKey = "guess-guess-guess" }, syncline.CodeForbidden, fs.ErrPermission, "secret key does not belong"},
		{"wrong region", func(c *s3.Config) { c.Region = "eu-south-9" }, syncline.CodeInvalid, nil, "another region"},
		{"no keys", func(c *s3.Config) { c.AccessKey, c.SecretKey = "", "" }, syncline.CodeForbidden, fs.ErrPermission, "no credentials were given"},
	}
	for _, tt := range tests {
		t.Run(tt.label, func(t *testing.T) {
			c := config(server, "bucket", "")
			tt.change(&c)
			s := open(t, c)
			_, openErr := storagetest.ReadAll(t.Context(), s, "config", 0, -1)
			_, listErr := storagetest.ListAll(t, s, "snapshots")
			for _, err := range []error{openErr, listErr} {
				if syncline.CodeOf(err) != tt.code || tt.is != nil && !errors.Is(err, tt.is) || !strings.Contains(syncline.MessageOf(err), tt.message) {
					t.Errorf("%v, want %s with %q", err, tt.code, tt.message)
				}
				if storage.IsRetryable(err) {
					t.Errorf("%v: would be tried again", err)
				}
				if err != nil && strings.Contains(err.Error(), c.SecretKey) && c.SecretKey != "" {
					t.Errorf("%v holds the secret key", err)
				}
			}
		})
	}
}

// TestFaultsOnTheWire reads through a server that fails every eighth time.
func TestFaultsOnTheWire(t *testing.T) {
	server := servers.StartS3(t)
	files := storagetest.SomeFiles()
	server.Put(t, "bucket", "repo", files)
	faulty := servers.StartFaulty(t, server.URL, 1, 0.125)
	c := config(server, "bucket", "repo")
	c.Endpoint = faulty.URL
	storagetest.CheckThroughFaults(t, open(t, c), files)
	faulty.CheckMade(t)
}
