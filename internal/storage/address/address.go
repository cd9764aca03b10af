// Package address reads the addresses of repositories in the form that restic
// gives them. It knows how they are written and nothing of what lies there: it
// makes no connection and imports no back end.
package address

import (
	"net"
	"net/url"
	"path"
	"strings"

	"syncline.dev/syncline"
)

// Scheme is the kind of place an address names, as it stands before the first
// colon.
type Scheme string

// The kinds of places.
const (
	Local Scheme = "local"
	S3    Scheme = "s3"
	Azure Scheme = "azure"
	GCS   Scheme = "gs"
)

// Address is where a repository lies. It never holds credentials.
type Address struct {
	Scheme   Scheme
	Path     string // Local: the folder, as it was given
	Endpoint string // S3: "host" or "host:port"
	HTTP     bool   // S3: http was asked for by name; otherwise https is meant
	Bucket   string // bucket or container
	// Prefix is the folder in the bucket, without a slash at either end; "" for
	// the bucket's root.
	Prefix string
}

// supported ends the messages about what cannot be read.
const supported = "what works is a local folder, s3:HOST/BUCKET/FOLDER, azure:CONTAINER:/FOLDER and gs:BUCKET:/FOLDER"

// maxLength bounds addresses, in bytes: a bucket's name and a key are at most
// 1,100, a path on Linux 4,096.
const maxLength = 8 << 10

// Parse reads an address. Its errors are CodeInvalid, and repeat nothing that
// could be a secret: some address forms carry passwords.
func Parse(text string) (Address, error) {
	switch {
	case text == "":
		return Address{}, invalid("the repository's address is empty")
	case len(text) > maxLength:
		return Address{}, invalid("the repository's address is longer than %d bytes", maxLength)
	case strings.IndexByte(text, 0) >= 0:
		return Address{}, invalid("the repository's address has a NUL character in it")
	}
	scheme, rest, found := strings.Cut(text, ":")
	if !found {
		return Address{Scheme: Local, Path: text}, nil
	}
	switch scheme {
	case string(Local):
		if rest == "" {
			return Address{}, invalid("the repository's address has no path after local:")
		}
		return Address{Scheme: Local, Path: rest}, nil
	case string(S3):
		return parseS3(rest)
	case string(Azure):
		return parseContainer(Azure, "container", rest)
	case string(GCS):
		return parseContainer(GCS, "bucket", rest)
	case "rest", "sftp", "b2", "rclone", "swift":
		return Address{}, invalid("%s: addresses of repositories cannot be read yet; %s", scheme, supported)
	}
	if isPath(text) {
		return Address{Scheme: Local, Path: text}, nil
	}
	return Address{}, invalid("%q is no kind of storage that is known; %s, and a local folder with a colon in its name needs local: in front",
		clip(scheme+":"), supported)
}

// isPath tells a path with a colon in it from a scheme.
func isPath(s string) bool {
	for _, start := range []string{"/", `\`, "../", `..\`} {
		if strings.HasPrefix(s, start) {
			return true
		}
	}
	drive := len(s) >= 3 && (s[0]|0x20 >= 'a' && s[0]|0x20 <= 'z') && s[1] == ':'
	return drive && (s[2] == '\\' || s[2] == '/')
}

// parseS3 reads what follows "s3:": a URL, whose path is percent-encoded, or a
// host and a path that are taken literally.
func parseS3(rest string) (Address, error) {
	a := Address{Scheme: S3}
	var key string
	if strings.HasPrefix(rest, "http://") || strings.HasPrefix(rest, "https://") {
		u, err := url.Parse(rest)
		if err != nil {
			return Address{}, invalid("what follows s3: in the repository's address is no valid URL")
		}
		a.Endpoint, a.HTTP, key = u.Host, u.Scheme == "http", strings.TrimPrefix(u.Path, "/")
	} else {
		a.Endpoint, key, _ = strings.Cut(strings.TrimPrefix(rest, "//"), "/")
	}
	var folder string
	a.Bucket, folder, _ = strings.Cut(key, "/")
	switch {
	case strings.Contains(a.Endpoint, "@"):
		return Address{}, invalid("credentials do not belong into the repository's address; put them into AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
	case a.Endpoint == "" || !isHost(a.Endpoint):
		return Address{}, invalid("the repository's address names no host after s3:; it must be like s3:s3.amazonaws.com/BUCKET/FOLDER or s3:https://HOST:PORT/BUCKET/FOLDER")
	case a.Bucket == "":
		return Address{}, invalid("the repository's address names no bucket; it must be like s3:%s/BUCKET/FOLDER", clip(a.Endpoint))
	}
	a.Endpoint = hostOf(a.Endpoint, a.HTTP)
	// restic keeps a slash in front of the folder here, and then reads objects
	// whose keys begin with one. No folder can be written so in a console.
	if strings.HasPrefix(folder, "/") {
		return Address{}, invalid("the repository's address has two slashes after the bucket; keys that begin with a slash are not supported")
	}
	var err error
	a.Prefix, err = cleanPrefix(folder)
	return a, err
}

// parseContainer reads "NAME:/FOLDER".
func parseContainer(scheme Scheme, what, rest string) (Address, error) {
	name, folder, found := strings.Cut(rest, ":")
	switch {
	case !found:
		return Address{}, invalid("the repository's address must have a colon after the %s, like %s:%s:/FOLDER", what, scheme, strings.ToUpper(what))
	case name == "" || strings.Contains(name, "/"):
		return Address{}, invalid("the repository's address names no %s; it must be like %s:%s:/FOLDER", what, scheme, strings.ToUpper(what))
	}
	prefix, err := cleanPrefix(strings.TrimPrefix(path.Clean(folder), "/"))
	return Address{Scheme: scheme, Bucket: name, Prefix: prefix}, err
}

func cleanPrefix(folder string) (string, error) {
	if folder == "" {
		return "", nil
	}
	folder = path.Clean(folder)
	switch {
	case folder == ".":
		return "", nil
	case folder == ".." || strings.HasPrefix(folder, "../"):
		return "", invalid("the folder in the repository's address leads out of the bucket with ..")
	case strings.IndexByte(folder, 0) >= 0: // percent-encoded
		return "", invalid("the folder in the repository's address has a NUL character in it")
	}
	return folder, nil
}

// isHost refuses what cannot stand before a URL's first slash. Whether there
// is such a host shows when it is asked for.
func isHost(s string) bool {
	u, err := url.Parse("https://" + s)
	return err == nil && u.Host == s && u.Hostname() != "" && !strings.ContainsAny(s, " \t\r\n\"'<>\\")
}

// hostOf brings an endpoint into one form: lower case, without the port that
// is meant anyway.
func hostOf(endpoint string, http bool) string {
	endpoint = strings.ToLower(endpoint)
	usual := "443"
	if http {
		usual = "80"
	}
	host, port, err := net.SplitHostPort(endpoint)
	switch {
	case err != nil || port != "" && port != usual:
		return endpoint
	case strings.Contains(host, ":"):
		return "[" + host + "]"
	}
	return host
}

// String returns the address in restic's form. It is the same for the same
// place, and Parse reads it again.
func (a Address) String() string {
	switch a.Scheme {
	case S3:
		u := url.URL{Scheme: "https", Host: a.Endpoint, Path: "/" + a.Bucket}
		if a.HTTP {
			u.Scheme = "http"
		}
		if a.Prefix != "" {
			u.Path += "/" + a.Prefix
		}
		return "s3:" + u.String()
	case Azure, GCS:
		return string(a.Scheme) + ":" + a.Bucket + ":/" + a.Prefix
	}
	return string(Local) + ":" + a.Path
}

func clip(s string) string {
	if len(s) > 80 {
		return s[:80] + "…"
	}
	return s
}

func invalid(format string, args ...any) error {
	return syncline.Errorf(syncline.CodeInvalid, format, args...)
}
