package kinds

import (
	"strings"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/place"
)

// Parts of addresses under which a vendor's buckets have one set of names.
const (
	amazonHost = ".amazonaws.com"
	googleHost = "storage.googleapis.com"
	b2Host     = ".backblazeb2.com"
)

// bucketIdentity is the place.Kind.Identity of the clouds. In Azure an account holds the
// containers, so that its name counts. S3's protocol reaches the buckets of Google and of
// Backblaze, too.
func bucketIdentity(p place.Place) string {
	s := p.Storage
	host, cloud, account := place.HostOf(s.Endpoint), string(s.Cloud), ""
	switch {
	case s.Kind == syncline.KindS3:
		host = "amazon"
	case s.Kind == syncline.KindS3Compatible && strings.HasSuffix(strings.TrimSuffix(host, ".cn"), amazonHost):
		host, cloud = "amazon", string(amazonCloud(host))
	case s.Kind == syncline.KindB2, strings.HasSuffix(host, b2Host):
		host = "backblaze"
	case s.Kind == syncline.KindAzure:
		account = strings.ToLower(p.Access.Account.UserName)
	case host == "" || host == googleHost:
		host, cloud = "google", ""
	}
	return strings.Join([]string{host, cloud, account, s.Bucket, strings.Trim(s.Folder, "/")}, "\x00")
}

// amazonCloud returns the cloud that an address of Amazon's belongs to.
func amazonCloud(host string) syncline.Cloud {
	switch {
	case strings.HasSuffix(host, ".cn"):
		return syncline.CloudChina
	case strings.Contains(host, "us-gov-"):
		return syncline.CloudUSGovernment
	}
	return syncline.CloudGlobal
}
