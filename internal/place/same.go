package place

import (
	"context"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"syncline.dev/syncline/internal/mounts"
)

// Same reports whether two places are one: a folder under two paths, or a folder of a
// storage through two accounts or two forms of an address. It looks at local folders and
// asks no storage. Two addresses of one server, such as its name and its IP address, are
// two places for it.
func (k Kinds) Same(a, b Place) bool {
	switch {
	case a.Path == "" && b.Path == "":
		return k.identity(a) == k.identity(b)
	case a.Path == "" || b.Path == "":
		return false
	}
	return sameFolder(a.Path, b.Path)
}

// lookTime bounds a look at a folder, whose file system may hang.
const lookTime = 5 * time.Second

// sameFolder reports whether two paths lead to one folder, through symbolic links or
// mounts. A folder that does not answer in time is no other one's.
func sameFolder(a, b string) bool {
	if filepath.Clean(a) == filepath.Clean(b) {
		return true
	}
	ctx, cancel := context.WithTimeout(context.Background(), lookTime)
	defer cancel()
	first, err := mounts.Stat(ctx, a)
	if err != nil {
		return false
	}
	second, err := mounts.Stat(ctx, b)
	return err == nil && os.SameFile(first, second)
}

// identity is a text that is the same for the same folder in object storage.
func (k Kinds) identity(p Place) string {
	kind, err := k.of(p)
	switch {
	case err != nil: // of a later version
		return p.Key()
	case kind.Identity != nil:
		return kind.Identity(p)
	}
	s := p.Storage
	return strings.Join([]string{kind.Scheme, HostOf(s.Endpoint), s.Bucket, strings.TrimRight(s.Folder, "/")}, "\x00")
}

// parseEndpoint reads an endpoint, nil for none. One without a scheme is reached by https.
func parseEndpoint(endpoint string) (*url.URL, error) {
	text := strings.TrimSpace(endpoint)
	switch {
	case text == "":
		return nil, nil
	case !strings.Contains(text, "://"):
		text = "https://" + text
	}
	return url.Parse(text)
}

// HostOf gives the address of a storage one form: the host in lower case, with the port
// where it is not the scheme's own.
func HostOf(endpoint string) string {
	u, err := parseEndpoint(endpoint)
	switch {
	case err != nil:
		return endpoint
	case u == nil:
		return ""
	}
	host, port := strings.TrimSuffix(strings.ToLower(u.Hostname()), "."), u.Port()
	if port == "" || port == "443" && u.Scheme == "https" || port == "80" && u.Scheme == "http" {
		return host
	}
	return net.JoinHostPort(host, port)
}
