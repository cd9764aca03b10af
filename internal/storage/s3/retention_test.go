package s3_test

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"syncline.dev/syncline/internal/storage"
	"syncline.dev/syncline/internal/storage/s3"
	"syncline.dev/syncline/internal/storage/storagetest/servers"
)

// TestRetention looks at locks of a real server: the oldest and the newest end, holds, and
// buckets without locks.
func TestRetention(t *testing.T) {
	server := servers.StartLockingS3(t)
	client, err := minio.New(strings.TrimPrefix(server.URL, "http://"), &minio.Options{Creds: credentials.NewStaticV4(server.AccessKey, server.SecretKey, ""), Region: server.Region})
	if err != nil {
		t.Fatal(err)
	}
	for bucket, locks := range map[string]bool{"locked": true, "plain": false} {
		if err := client.MakeBucket(t.Context(), bucket, minio.MakeBucketOptions{ObjectLocking: locks, Region: server.Region}); err != nil {
			t.Fatal(err)
		}
	}
	first := time.Now().Add(24 * time.Hour).UTC().Truncate(time.Second)
	last := first.Add(30 * 24 * time.Hour)
	put := func(bucket, name string, o minio.PutObjectOptions) {
		t.Helper()
		if _, err := client.PutObject(t.Context(), bucket, name, bytes.NewReader([]byte("x")), 1, o); err != nil {
			t.Fatal(err)
		}
	}
	put("locked", "r/config", minio.PutObjectOptions{})
	put("locked", "r/keys/a", minio.PutObjectOptions{Mode: minio.Governance, RetainUntilDate: first})
	put("locked", "r/snapshots/b", minio.PutObjectOptions{Mode: minio.Compliance, RetainUntilDate: last})
	put("locked", "r/index/c", minio.PutObjectOptions{LegalHold: minio.LegalHoldEnabled})
	put("plain", "r/config", minio.PutObjectOptions{})
	look := func(bucket, folder string) storage.Retention {
		t.Helper()
		st := open(t, config(server, bucket, folder))
		r, err := storage.LookAtRetention(t.Context(), st, st)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	if r := look("locked", "r"); !r.Told || r.Whole || r.Looked != 4 || r.Kept != 2 || r.Held != 1 || !r.Oldest.Equal(first) || !r.Newest.Equal(last) || r.Rights != storage.RightsUnknown {
		t.Errorf("%+v; want the ends %s and %s", r, first, last)
	}
	if r := look("plain", "r"); !r.Told || !r.Whole || r.Kept+r.Held != 0 {
		t.Errorf("a bucket without locks: %+v", r)
	}
	mode, days, unit := minio.Governance, uint(7), minio.Days
	if err := client.SetBucketObjectLockConfig(t.Context(), "locked", &mode, &days, &unit); err != nil {
		t.Fatal(err)
	}
	if r := look("locked", "r"); !strings.HasPrefix(r.Rule, "governance, 7 day") {
		t.Errorf("the rule is %q", r.Rule)
	}
}

// A key without the right to ask is no storage without locks.
func TestRetentionUntold(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/xml")
		switch {
		case r.Method == http.MethodHead:
			w.Header().Set("Last-Modified", "Mon, 23 Nov 2026 10:00:00 GMT")
			w.Header().Set("X-Amz-Storage-Class", "DEEP_ARCHIVE")
			w.Header().Set("Content-Length", "1")
		case r.URL.Query().Has("prefix"):
			fmt.Fprint(w, `<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><IsTruncated>false</IsTruncated></ListBucketResult>`)
		default:
			w.WriteHeader(http.StatusForbidden)
			fmt.Fprint(w, `<Error><Code>AccessDenied</Code></Error>`)
		}
	}))
	defer server.Close()
	st, err := s3.Open(t.Context(), s3.Config{Endpoint: server.URL, Bucket: "bucket", Region: "r", AccessKey: "a", SecretKey: "b"})
	if err != nil {
		t.Fatal(err)
	}
	r, err := storage.LookAtRetention(t.Context(), st, st)
	if err != nil || r.Told || r.Looked != 1 || r.Archived != 1 {
		t.Errorf("%+v, %v", r, err)
	}
}
