package main_test

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"syncline.dev/syncline/internal/resticfixture"
	"syncline.dev/syncline/internal/storage/storagetest/servers"
)

// fillLocked puts a repository into a new bucket of a server with locks, kept until a time.
func fillLocked(t *testing.T, until time.Time) *servers.S3 {
	t.Helper()
	server := servers.StartLockingS3(t)
	client, err := minio.New(strings.TrimPrefix(server.URL, "http://"), &minio.Options{Creds: credentials.NewStaticV4(server.AccessKey, server.SecretKey, ""), Region: server.Region})
	if err != nil {
		t.Fatal(err)
	}
	if err := client.MakeBucket(t.Context(), "bucket", minio.MakeBucketOptions{ObjectLocking: true, Region: server.Region}); err != nil {
		t.Fatal(err)
	}
	for name, text := range servers.ReadFolder(t, resticfixture.Unpack(t, "v2-old")) {
		o := minio.PutObjectOptions{Mode: minio.Governance, RetainUntilDate: until}
		if _, err := client.PutObject(t.Context(), "bucket", "repo/"+name, bytes.NewReader(text), int64(len(text)), o); err != nil {
			t.Fatal(err)
		}
	}
	return server
}

// TestImmutabilityIsTold attaches a repository whose objects are locked: the server looks at
// them by itself, and tells what it found.
func TestImmutabilityIsTold(t *testing.T) {
	t.Parallel()
	until := time.Now().AddDate(0, 0, 40).UTC().Truncate(time.Second)
	server := fillLocked(t, until)
	data := filepath.Join(t.TempDir(), "data")
	n := start(t, data)
	n.attachIn(object{"accountType": "amazonS3CompatibleAccount", "userName": server.AccessKey, "password": server.SecretKey},
		object{"type": "AmazonS3Compatible", "s3Folder": "repo", "amazonBucketS3Compatible": object{"servicePoint": server.URL, "name": "bucket"}}, resticfixture.Password)
	type told struct {
		Immutability *struct {
			CheckedTime   time.Time
			State, Rights string
			Until         struct{ Oldest, Newest time.Time }
			Sample        struct{ Looked, Kept int }
		}
	}
	var list []told
	n.waitFor("a look at the storage", func() bool {
		list = nil
		n.call("GET", "/v6/BackupRepositories", nil, 200, &list)
		return len(list) == 1 && list[0].Immutability != nil
	})
	got := list[0].Immutability
	if got.State != "Kept" || got.Rights != "Unknown" || !got.Until.Oldest.Equal(until) || !got.Until.Newest.Equal(until) || got.Sample.Looked < 5 || got.Sample.Kept != got.Sample.Looked {
		t.Errorf("got %+v", got)
	}
}
