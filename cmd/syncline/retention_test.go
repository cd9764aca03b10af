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

// TestDoctorTellsRetention attaches a repository whose objects are locked, and asks the doctor.
func TestDoctorTellsRetention(t *testing.T) {
	t.Parallel()
	server := servers.StartLockingS3(t)
	client, err := minio.New(strings.TrimPrefix(server.URL, "http://"), &minio.Options{Creds: credentials.NewStaticV4(server.AccessKey, server.SecretKey, ""), Region: server.Region})
	if err != nil {
		t.Fatal(err)
	}
	if err := client.MakeBucket(t.Context(), "bucket", minio.MakeBucketOptions{ObjectLocking: true, Region: server.Region}); err != nil {
		t.Fatal(err)
	}
	until := time.Now().AddDate(0, 0, 40).UTC()
	for name, text := range servers.ReadFolder(t, resticfixture.Unpack(t, "v2-old")) {
		o := minio.PutObjectOptions{Mode: minio.Governance, RetainUntilDate: until}
		if _, err := client.PutObject(t.Context(), "bucket", "repo/"+name, bytes.NewReader(text), int64(len(text)), o); err != nil {
			t.Fatal(err)
		}
	}
	data := filepath.Join(t.TempDir(), "data")
	n := start(t, data)
	n.attachIn(object{"accountType": "amazonS3CompatibleAccount", "userName": server.AccessKey, "password": server.SecretKey},
		object{"type": "AmazonS3Compatible", "s3Folder": "repo", "amazonBucketS3Compatible": object{"servicePoint": server.URL, "name": "bucket"}}, resticfixture.Password)
	day := until.Format(time.DateOnly)
	got := runProgram(t, nil, "doctor", "--data", data)
	if !strings.Contains(strings.Join(strings.Fields(got.stdout+got.stderr), " "), "files are immutable until "+day+" at the earliest and "+day+" at the latest in a sample of") {
		t.Errorf("exit code %d: %s%s", got.code, got.stdout, got.stderr)
	}
}
