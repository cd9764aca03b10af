// Package gcs reads a repository in a bucket of Google Cloud Storage, over its
// JSON API. It knows nothing of what the objects mean, and makes each request
// once: trying again is for the decorators in package storage.
//
// Two requests are all it needs, a listing and a download, so it makes them
// itself: the vendor's libraries for them bring gRPC and tracing along, and
// ten megabytes.
package gcs

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/storage"
	"syncline.dev/syncline/internal/storage/remote"
)

// DefaultEndpoint is where Google answers.
const DefaultEndpoint = "https://storage.googleapis.com"

// Config says where a repository lies and how to get in. Of the credentials
// the first that is given counts.
type Config struct {
	Bucket   string
	Prefix   string // folder in the bucket; "" for its root
	Endpoint string // DefaultEndpoint where empty; http:// must be written out

	AccessToken string // a bearer token, as it is
	KeyFile     []byte // the JSON key of a service account
	// UserCredentials takes what Google's tools have set up for the user this
	// program runs as: the file that GOOGLE_APPLICATION_CREDENTIALS names, the
	// one of gcloud, the machine's service account. Such a file can name a
	// program to run: never set it for somebody else.
	UserCredentials bool
	Anonymous       bool // for public buckets

	CA          []byte // PEM, trusted beside the system's
	DenyPrivate bool   // refuse endpoints at loopback and private addresses
}

// Storage is a folder in a bucket; it implements storage.Storage.
type Storage struct {
	transport http.RoundTripper
	tokens    *tokens // nil for anonymous requests
	base      *url.URL
	bucket    string
	prefix    string      // "" or ends with a slash
	seen      atomic.Bool // the bucket is known to be there
}

var _ storage.Storage = (*Storage)(nil)

// Open returns the repository's storage. It makes no request.
func Open(_ context.Context, c Config) (*Storage, error) {
	base, err := parseEndpoint(c.Endpoint)
	if err != nil {
		return nil, err
	}
	if c.Bucket == "" {
		return nil, syncline.Errorf(syncline.CodeInvalid, "the name of the bucket is missing")
	}
	if strings.Trim(c.Bucket, "abcdefghijklmnopqrstuvwxyz0123456789-_.") != "" {
		return nil, badBucket(nil, c.Bucket)
	}
	prefix, err := storage.CleanPrefix(c.Prefix)
	if err != nil {
		return nil, err
	}
	transport, err := remote.NewTransport(remote.Options{CA: c.CA, AllowHTTP: base.Scheme == "http", DenyPrivate: c.DenyPrivate})
	if err != nil {
		return nil, err
	}
	s := &Storage{transport: transport, base: base, bucket: c.Bucket, prefix: prefix}
	if s.tokens, err = newTokens(c, transport); err != nil {
		return nil, err
	}
	return s, nil
}

func parseEndpoint(s string) (*url.URL, error) {
	if s == "" {
		s = DefaultEndpoint
	}
	if !strings.Contains(s, "://") {
		s = "https://" + s
	}
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || strings.Trim(u.Path, "/") != "" ||
		u.Scheme != "http" && u.Scheme != "https" {
		return nil, syncline.Errorf(syncline.CodeInvalid, "the endpoint must be a host's name, with a port or https:// where needed, and nothing else")
	}
	return &url.URL{Scheme: u.Scheme, Host: u.Host}, nil
}

// do makes one request: of what stands below the bucket's objects.
func (s *Storage) do(ctx context.Context, call *remote.Call, object string, query url.Values, ranged string) (*http.Response, error) {
	u := *s.base
	u.Path = "/storage/v1/b/" + s.bucket + "/o"
	if object != "" {
		u.RawPath = u.Path + "/" + url.PathEscape(object)
		u.Path += "/" + object
	}
	u.RawQuery = query.Encode()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), http.NoBody)
	if err != nil {
		return nil, syncline.WrapError(syncline.CodeInvalid, remote.Opaque(err), "the address of the bucket %q is not valid", s.bucket)
	}
	if ranged != "" {
		req.Header.Set("Range", ranged)
	}
	if s.tokens != nil {
		token, err := s.tokens.get(ctx)
		if err != nil {
			return nil, err
		}
		req.Header.Set("Authorization", "Bearer "+token)
	}
	// Not through a client, which would follow redirects: the API makes none.
	resp, err := s.transport.RoundTrip(req)
	if err != nil {
		if trouble := call.Trouble(ctx); trouble != nil {
			return nil, trouble
		}
		return nil, syncline.WrapError(syncline.CodeUnavailable, remote.Opaque(err), "the storage at %s cannot be asked", s.base.Host)
	}
	return resp, nil
}

// Open implements storage.Storage.
func (s *Storage) Open(ctx context.Context, name string, offset, length int64) (io.ReadCloser, error) {
	if err := storage.CheckName(name); err != nil {
		return nil, err
	}
	if err := storage.CheckOffset(offset); err != nil {
		return nil, err
	}
	ask := remote.Range(offset, length)
	if length == 0 {
		ask = "bytes=0-0" // whether the object exists
	}
	callCtx, call := remote.File(ctx)
	resp, err := s.do(callCtx, call, s.prefix+name, url.Values{"alt": {"media"}}, ask)
	if err != nil {
		return nil, err
	}
	switch resp.StatusCode {
	case http.StatusOK, http.StatusPartialContent:
	case http.StatusRequestedRangeNotSatisfiable:
		_ = resp.Body.Close()
		return remote.PastEnd(name, length), nil
	default:
		return nil, s.failed(ctx, call, resp, operation{name: name})
	}
	if call.Header("X-Goog-Generation") == "" && call.Header("X-Goog-Hash") == "" {
		_ = resp.Body.Close()
		return nil, s.notGCS(nil)
	}
	s.seen.Store(true)
	if length == 0 {
		_ = resp.Body.Close()
		return remote.Nothing(), nil
	}
	return remote.NewBody(ctx, call, resp.Body, name, offset, length)
}

// List implements storage.Storage. A missing dir is an empty listing.
func (s *Storage) List(ctx context.Context, dir string, fn func(name string, size int64) error) error {
	if err := storage.CheckDir(dir); err != nil {
		return err
	}
	prefix := s.prefix
	if dir != "" {
		prefix += dir + "/"
	}
	return s.list(ctx, prefix, 0, func(name string, size int64) error {
		return fn(name[len(s.prefix):], size)
	})
}
