package console_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"syncline.dev/syncline/internal/resticfixture"
	"syncline.dev/syncline/internal/storage/storagetest/servers"
)

// A repository whose objects are locked shows until when, and that the storage does not tell
// the rights of the account.
func TestImmutability(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	s3 := servers.StartLockingS3(t)
	c, err := minio.New(strings.TrimPrefix(s3.URL, "http://"), &minio.Options{Creds: credentials.NewStaticV4(s3.AccessKey, s3.SecretKey, ""), Region: s3.Region})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.MakeBucket(t.Context(), "bucket", minio.MakeBucketOptions{ObjectLocking: true, Region: s3.Region}); err != nil {
		t.Fatal(err)
	}
	o := minio.PutObjectOptions{Mode: minio.Governance, RetainUntilDate: time.Now().AddDate(0, 0, 40).UTC()}
	for name, text := range servers.ReadFolder(t, resticfixture.Unpack(t, "v2-old")) {
		if _, err := c.PutObject(t.Context(), "bucket", "repo/"+name, bytes.NewReader(text), int64(len(text)), o); err != nil {
			t.Fatal(err)
		}
	}
	var account, storage, key, repo struct{ ID string }
	s.call("POST", "/v6/Accounts", map[string]any{"accountType": "amazonS3CompatibleAccount", "userName": s3.AccessKey, "password": s3.SecretKey}, &account)
	s.call("POST", "/v6/ObjectStorageRepositories", map[string]any{
		"name": "locked", "type": "AmazonS3Compatible", "accountId": account.ID, "s3Folder": "repo",
		"amazonBucketS3Compatible": map[string]any{"servicePoint": s3.URL, "name": "bucket"},
	}, &storage)
	s.call("POST", "/v6/EncryptionKeys", map[string]any{"password": resticfixture.Password}, &key)
	s.call("POST", "/v6/BackupRepositories", map[string]any{
		"name": "Locked", "objectStorageId": storage.ID, "objectStorageEncryptionEnabled": true, "encryptionKeyId": key.ID, "retentionType": "SnapshotBased",
	}, &repo)
	s.synchronize(repo.ID)
	p := newPage(t, s.url)
	p.signIn("administrator", adminPassword)
	p.waitText("Locked")
	p.open("/repositories/" + repo.ID)
	p.waitText("Kept until ")
	p.waitText("files looked at)")
	p.check("immutability", "Unknown: the storage does not tell")
}
