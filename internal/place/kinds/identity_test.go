package kinds

import (
	"testing"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/place"
)

func TestSamePlace(t *testing.T) {
	at := func(kind syncline.StorageKind, account, endpoint, bucket, folder string) place.Place {
		s := syncline.ObjectStorage{Kind: kind, Endpoint: endpoint, Bucket: bucket, Folder: folder, AccountID: syncline.ID(account)}
		if kind == syncline.KindS3 || kind == syncline.KindAzure {
			s.Cloud = syncline.CloudGlobal
		}
		return place.Place{Storage: s, Access: place.Access{Account: syncline.Account{ID: syncline.ID(account), UserName: account}}}
	}
	const s3, other, azure, google, sftp = syncline.KindS3, syncline.KindS3Compatible, syncline.KindAzure, syncline.KindGCS, syncline.KindSFTP
	for _, c := range []struct {
		a, b place.Place
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
		{at(google, "a", "", "b", "f"), place.Place{Path: "/b/f"}, false},
		{at(sftp, "a", "Host", "", "/f"), at(sftp, "other", "host:22", "", "/f"), true},
		{at(sftp, "a", "host", "", "f"), at(sftp, "other", "host", "", "f"), false},
		{at(sftp, "a", "host", "", "/f"), at(sftp, "a", "host:2222", "", "/f"), false},
		{at(syncline.KindB2, "a", "", "b", "f"), at(other, "key", "s3.us-west-001.backblazeb2.com", "b", "f"), true},
		{at(syncline.KindB2, "a", "", "b", "f"), at(google, "a", "", "b", "f"), false},
		{at(syncline.KindSwift, "a", "", "b", "f"), at(syncline.KindSwift, "a", "", "b", "f"), true},
		{at(syncline.KindSwift, "a", "", "b", "f"), at(syncline.KindSwift, "other", "", "b", "f"), false},
	} {
		if All().Same(c.a, c.b) != c.same || All().Same(c.b, c.a) != c.same {
			t.Errorf("%+v and %+v are one place: %v", c.a.Storage, c.b.Storage, !c.same)
		}
	}
}
