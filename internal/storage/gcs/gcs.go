// Package gcs reads a repository in a bucket of Google Cloud Storage, over its
// JSON API. It does not know what the objects mean. It makes each request once;
// the decorators in package storage try again.
//
// It needs only listings and a download, and makes these requests itself. The
// vendor's libraries for them bring gRPC and tracing, and ten megabytes.
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
	"syncline.dev/syncline/internal/storage/objects"
)

// DefaultEndpoint is Google's address.
const DefaultEndpoint = "https://storage.googleapis.com"

// Config says where a repository lies and how to sign in. The first credentials
// in the order of the fields are used.
type Config struct {
	Bucket   string
	Prefix   string // folder in the bucket; "" for its root
	Endpoint string // DefaultEndpoint when empty; it must name http:// to use it

	AccessToken string // a bearer token
	KeyFile     []byte // the JSON key of a service account
	// UserCredentials takes the credentials that Google's tools have set up for
	// this program's user or machine: the file in GOOGLE_APPLICATION_CREDENTIALS,
	// gcloud's file, or the machine's service account. Such a file can name a
	// program to run, so a server sets it only where its operator says so.
	UserCredentials bool
	// ActFor is a service account that UserCredentials act for; "" for none.
	ActFor    string
	Anonymous bool // for public buckets
	// GuardToken sends access tokens only to Google's addresses and to the host
	// that gives the key file's tokens. Any other host could use them itself.
	// It is for an Endpoint that a user of a server has named.
	GuardToken bool

	CA          []byte // PEM; added to the system's certificates
	DenyPrivate bool   // refuse endpoints at loopback and private addresses
	Client      objects.Client
}

// Client lists buckets and folders.
type Client struct {
	transport http.RoundTripper
	tokens    *tokens // nil for anonymous requests
	base      *url.URL
	project   string // project of the key file, or ""
}

// Storage is a folder in a bucket; it implements storage.Storage.
type Storage struct {
	*Client
	bucket string
	prefix string      // "" or ends with a slash
	seen   atomic.Bool // the bucket is known to exist
}

var _ storage.Storage = (*Storage)(nil)

// Connect returns a client for browsing. It ignores the configuration's bucket
// and folder and makes no request.
func Connect(_ context.Context, c Config) (*Client, error) {
	base, err := parseEndpoint(c.Endpoint)
	if err != nil {
		return nil, err
	}
	transport, err := objects.NewTransport(objects.Options{CA: c.CA, AllowHTTP: base.Scheme == "http", DenyPrivate: c.DenyPrivate, Client: c.Client})
	if err != nil {
		return nil, err
	}
	client := &Client{transport: transport, base: base}
	if client.tokens, err = newTokens(c, transport); err != nil {
		return nil, err
	}
	if c.GuardToken && c.UserCredentials && !isGoogles(base) {
		return nil, syncline.Errorf(syncline.CodeInvalid, "the server's own access tokens are sent over https to Google's own addresses only; leave the endpoint out")
	}
	if len(c.KeyFile) > 0 {
		key := readKey(c.KeyFile)
		client.project = key.Project
		if c.GuardToken && !isGoogles(base) && !key.tokensFrom(base) {
			return nil, syncline.Errorf(syncline.CodeInvalid, "access tokens are sent over https to Google's own addresses, and to the host that the key file's token_uri names; leave the endpoint out")
		}
	}
	return client, nil
}

// Open returns the repository's storage. It makes no request.
func Open(ctx context.Context, c Config) (*Storage, error) {
	if c.Bucket == "" {
		return nil, syncline.Errorf(syncline.CodeInvalid, "the name of the bucket is missing")
	}
	client, err := Connect(ctx, c)
	if err != nil {
		return nil, err
	}
	return client.folder(c.Bucket, c.Prefix)
}

// folder returns a folder in a bucket.
func (c *Client) folder(bucket, prefix string) (*Storage, error) {
	if strings.Trim(bucket, "abcdefghijklmnopqrstuvwxyz0123456789-_.") != "" {
		return nil, badBucket(nil, bucket)
	}
	prefix, err := storage.CleanPrefix(prefix)
	if err != nil {
		return nil, err
	}
	return &Storage{Client: c, bucket: bucket, prefix: prefix}, nil
}

// isGoogles reports whether an endpoint has one of Google's names and uses its
// certificate.
func isGoogles(u *url.URL) bool {
	host := strings.ToLower(u.Hostname())
	return u.Scheme == "https" && (host == "googleapis.com" || strings.HasSuffix(host, ".googleapis.com"))
}

func parseEndpoint(s string) (*url.URL, error) {
	if s == "" {
		s = DefaultEndpoint
	}
	if !strings.Contains(s, "://") {
		s = "https://" + s
	}
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || strings.Trim(u.Path, "/") != "" ||
		u.Scheme != "http" && u.Scheme != "https" {
		return nil, syncline.Errorf(syncline.CodeInvalid, "the endpoint must be a host's name, with a port or https:// where needed, and nothing else")
	}
	return &url.URL{Scheme: u.Scheme, Host: u.Host}, nil
}

// do makes one request below the bucket's objects.
func (s *Storage) do(ctx context.Context, call *objects.Call, object string, query url.Values, ranged string) (*http.Response, error) {
	u := *s.base
	u.Path = "/storage/v1/b/" + s.bucket + "/o"
	if object != "" {
		u.RawPath = u.Path + "/" + url.PathEscape(object)
		u.Path += "/" + object
	}
	u.RawQuery = query.Encode()
	return s.get(ctx, call, &u, ranged)
}

// get makes one request, with a token.
func (c *Client) get(ctx context.Context, call *objects.Call, u *url.URL, ranged string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), http.NoBody)
	if err != nil {
		return nil, syncline.WrapError(syncline.CodeInvalid, objects.Opaque(err), "the address of the storage at %s is not valid", c.base.Host)
	}
	if ranged != "" {
		req.Header.Set("Range", ranged)
	}
	if c.tokens != nil {
		token, err := c.tokens.get(ctx)
		if err != nil {
			return nil, err
		}
		req.Header.Set("Authorization", "Bearer "+token)
	}
	// An http.Client would follow redirects. The API makes none.
	resp, err := c.transport.RoundTrip(req)
	if err != nil {
		if trouble := call.Trouble(ctx); trouble != nil {
			return nil, trouble
		}
		return nil, syncline.WrapError(syncline.CodeUnavailable, objects.Opaque(err), "the storage at %s cannot be asked", c.base.Host)
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
	ask := objects.Range(offset, length)
	if length == 0 {
		ask = "bytes=0-0" // finds out whether the object exists
	}
	callCtx, call := objects.File(ctx)
	resp, err := s.do(callCtx, call, s.prefix+name, url.Values{"alt": {"media"}}, ask)
	if err != nil {
		return nil, err
	}
	switch resp.StatusCode {
	case http.StatusOK, http.StatusPartialContent:
	case http.StatusRequestedRangeNotSatisfiable:
		_ = resp.Body.Close()
		return objects.PastEnd(name, length), nil
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
		return objects.Nothing(), nil
	}
	return objects.NewBody(ctx, call, resp.Body, name, offset, length)
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
