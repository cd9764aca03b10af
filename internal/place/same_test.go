package place

import (
	"os"
	"path/filepath"
	"testing"

	"syncline.dev/syncline"
)

func TestSamePlace(t *testing.T) {
	at := func(kind syncline.StorageKind, account, endpoint, bucket, folder string) Place {
		s := syncline.ObjectStorage{Kind: kind, Endpoint: endpoint, Bucket: bucket, Folder: folder, AccountID: syncline.ID(account)}
		if kind == syncline.KindS3 || kind == syncline.KindAzure {
			s.Cloud = syncline.CloudGlobal
		}
		return Place{Storage: s, Access: Access{Account: syncline.Account{ID: syncline.ID(account), UserName: account}}}
	}
	const s3, other, azure, google = syncline.KindS3, syncline.KindS3Compatible, syncline.KindAzure, syncline.KindGCS
	for _, c := range []struct {
		a, b Place
		same bool
	}{
		{at(other, "a", "storage.example", "b", "f"), at(other, "other", "https://Storage.Example:443/", "b", "/f/"), true},
		{at(other, "a", "storage.example", "b", "f"), at(other, "a", "storage.example:9000", "b", "f"), false},
		{at(other, "a", "http://storage.example:80", "b", "f"), at(other, "a", "http://storage.example", "b", "f"), true},
		{at(other, "a", "storage.example", "b", "f"), at(other, "a", "storage.example", "b", "g"), false},
		{at(other, "a", "storage.example", "b", ""), at(other, "a", "storage.example", "c", ""), false},
		{at(s3, "a", "", "b", "f"), at(s3, "other", "", "b", "f"), true},
		{at(s3, "a", "", "b", "f"), at(other, "other", "s3.eu-central-1.amazonaws.com", "b", "f"), true},
		{at(s3, "a", "", "b", "f"), at(other, "other", "s3.cn-north-1.amazonaws.com.cn", "b", "f"), false},
		{at(s3, "a", "", "b", "f"), at(other, "a", "amazonaws.com.example", "b", "f"), false},
		{at(azure, "a", "", "b", "f"), at(azure, "A", "", "b", "f"), true},
		{at(azure, "a", "", "b", "f"), at(azure, "other", "", "b", "f"), false},
		{at(google, "a", "", "b", "f"), at(other, "key", "https://storage.googleapis.com", "b", "f"), true},
		{at(google, "a", "", "b", "f"), at(google, "a", "http://localhost:1", "b", "f"), false},
		{at(google, "a", "", "b", "f"), Place{Path: "/b/f"}, false},
	} {
		if c.a.Same(c.b) != c.same || c.b.Same(c.a) != c.same {
			t.Errorf("%+v and %+v are one place: %v", c.a.Storage, c.b.Storage, !c.same)
		}
	}
}

func TestSameFolder(t *testing.T) {
	dir := t.TempDir()
	real, other, link := filepath.Join(dir, "real"), filepath.Join(dir, "other"), filepath.Join(dir, "link")
	for _, err := range []error{os.Mkdir(real, 0o700), os.Mkdir(other, 0o700), os.Symlink("real", link)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for b, same := range map[string]bool{real: true, link: true, other: false, filepath.Join(dir, "gone"): false} {
		if (Place{Path: real}).Same(Place{Path: b}) != same {
			t.Errorf("%s is %s: %v", b, real, !same)
		}
	}
}
