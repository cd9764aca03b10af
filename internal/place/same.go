package place

import (
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"syncline.dev/syncline"
)

// Same reports whether two places are one: a folder under two paths, or a folder of a
// bucket through two accounts or two forms of an address. It looks at local folders and
// asks no storage. Two addresses of one S3-compatible server, such as its name and its
// IP address, are two places for it.
func (p Place) Same(o Place) bool {
	switch {
	case p.Path == "" && o.Path == "":
		return p.identity() == o.identity()
	case p.Path == "" || o.Path == "":
		return false
	}
	return sameFolder(p.Path, o.Path)
}

// sameFolder reports whether two paths lead to one folder, through symbolic links or
// mounts.
func sameFolder(a, b string) bool {
	if filepath.Clean(a) == filepath.Clean(b) {
		return true
	}
	first, err := os.Stat(a)
	if err != nil {
		return false
	}
	second, err := os.Stat(b)
	return err == nil && os.SameFile(first, second)
}

// Parts of addresses under which a vendor's buckets have one set of names.
const (
	amazonHost = ".amazonaws.com"
	googleHost = "storage.googleapis.com"
)

// identity is a text that is the same for the same folder in object storage, whatever
// account opens it. In Azure an account holds the containers, so that its name counts.
func (p Place) identity() string {
	s := p.Storage
	host, cloud, account := hostOf(s.Endpoint), string(s.Cloud), ""
	switch {
	case s.Kind == syncline.KindS3:
		host = "amazon"
	case s.Kind == syncline.KindS3Compatible && strings.HasSuffix(strings.TrimSuffix(host, ".cn"), amazonHost):
		host, cloud = "amazon", string(amazonCloud(host))
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

// hostOf gives the address of a storage one form: the host in lower case, with the port
// where it is not the scheme's own.
func hostOf(endpoint string) string {
	text := strings.TrimSpace(endpoint)
	if text == "" {
		return ""
	}
	if !strings.Contains(text, "://") {
		text = "https://" + text
	}
	u, err := url.Parse(text)
	if err != nil {
		return endpoint
	}
	host, port := strings.TrimSuffix(strings.ToLower(u.Hostname()), "."), u.Port()
	if port == "" || port == "443" && u.Scheme == "https" || port == "80" && u.Scheme == "http" {
		return host
	}
	return net.JoinHostPort(host, port)
}
