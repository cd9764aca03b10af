// Package s3 reads a repository in a bucket of Amazon S3 or of any server with
// its protocol. It does not know what the objects mean. It makes each request
// once; the decorators in package storage try again.
package s3

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/storage"
	"syncline.dev/syncline/internal/storage/objects"
)

// Lookup says where an address has the bucket's name.
type Lookup int

// The ways of addressing a bucket.
const (
	LookupAuto        Lookup = iota // virtual hosts at Amazon, path style elsewhere
	LookupPath                      // https://host/bucket/…
	LookupVirtualHost               // https://bucket.host/…
)

// Config says where a repository lies and how to sign in. Without credentials
// requests are anonymous.
type Config struct {
	Endpoint string // "host", "host:port" or with https:// before it; it must name http:// to use it
	Bucket   string
	Prefix   string // folder in the bucket; "" for its root
	Region   string // when empty, one more request asks the endpoint for it
	Lookup   Lookup
	CA       []byte // PEM; added to the system's certificates

	AccessKey, SecretKey, SessionToken string

	// Sources are where keys come from if there are none here.
	Sources Sources

	// Role is assumed with the keys; nil for none.
	Role *Role

	OldListing  bool // list with the first version of the operation
	DenyPrivate bool // refuse endpoints at loopback and private addresses
	Client      objects.Client
}

// Client accesses one endpoint with one set of credentials.
type Client struct {
	core  *minio.Core
	creds *credentials.Credentials
	keys  *provider
	host  string

	oldListing bool
}

// Storage is a folder in a bucket; it implements storage.Storage.
type Storage struct {
	*Client
	bucket, prefix string // prefix is "" or ends with a slash
}

var _ storage.Storage = (*Storage)(nil)

// Open returns the repository's storage. It makes no request.
func Open(ctx context.Context, c Config) (*Storage, error) {
	client, err := Connect(ctx, c)
	if err != nil {
		return nil, err
	}
	if c.Bucket == "" {
		return nil, syncline.Errorf(syncline.CodeInvalid, "the name of the bucket is missing")
	}
	prefix, err := storage.CleanPrefix(c.Prefix)
	if err != nil {
		return nil, err
	}
	return &Storage{Client: client, bucket: c.Bucket, prefix: prefix}, nil
}

// Connect returns a client for browsing. It makes no request to the endpoint.
func Connect(_ context.Context, c Config) (*Client, error) {
	endpoint, err := parseEndpoint(c.Endpoint)
	if err != nil {
		return nil, err
	}
	plain := endpoint.Scheme == "http"
	transport, err := objects.NewTransport(objects.Options{CA: c.CA, AllowHTTP: plain, DenyPrivate: c.DenyPrivate, Client: c.Client})
	if err != nil {
		return nil, err
	}
	keys, err := c.newProvider()
	if err != nil {
		return nil, err
	}
	creds := credentials.New(keys)
	lookup := map[Lookup]minio.BucketLookupType{
		LookupAuto: minio.BucketLookupAuto, LookupPath: minio.BucketLookupPath, LookupVirtualHost: minio.BucketLookupDNS,
	}[c.Lookup]
	core, err := minio.NewCore(endpoint.Host, &minio.Options{
		Creds: creds, Secure: !plain, Transport: &pageCheck{transport}, Region: c.Region,
		BucketLookup: lookup, MaxRetries: 1,
	})
	if err != nil {
		return nil, syncline.WrapError(syncline.CodeInvalid, err, "%q is no address of an S3 server", endpoint.Host)
	}
	return &Client{core: core, creds: creds, host: endpoint.Host, keys: keys, oldListing: c.OldListing}, nil
}

// CheckEndpoint refuses a text that cannot be an endpoint.
func CheckEndpoint(s string) error {
	_, err := parseEndpoint(s)
	return err
}

// parseEndpoint reads "host", "host:port" or a URL of these.
func parseEndpoint(s string) (*url.URL, error) {
	if !strings.Contains(s, "://") {
		s = "https://" + s
	}
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || strings.Trim(u.Path, "/") != "" ||
		u.Scheme != "http" && u.Scheme != "https" {
		return nil, syncline.Errorf(syncline.CodeInvalid, "the endpoint must be a host's name, with a port or https:// where needed, and nothing else")
	}
	return u, nil
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
	var o minio.GetObjectOptions
	if ask != "" {
		o.Set("Range", ask)
	}
	callCtx, call := objects.File(ctx)
	body, _, _, err := s.core.GetObject(callCtx, s.bucket, s.prefix+name, o)
	switch {
	case err != nil && call.Status() == http.StatusRequestedRangeNotSatisfiable && ctx.Err() == nil:
		return objects.PastEnd(name, length), nil
	case err != nil:
		return nil, s.translate(ctx, call, err, operation{bucket: s.bucket, name: name})
	case length == 0:
		_ = body.Close()
		return objects.Nothing(), nil
	}
	return objects.NewBody(ctx, call, body, name, offset, length)
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
	return s.list(ctx, s.bucket, prefix, true, func(o minio.ObjectInfo) error {
		if strings.HasSuffix(o.Key, "/") {
			return nil // some tools mark folders with empty objects
		}
		return fn(o.Key[len(s.prefix):], o.Size)
	})
}

// list calls fn with every object below prefix. Without recursive it also
// passes folders, whose keys end in a slash, in place of the objects below
// them.
func (c *Client) list(ctx context.Context, bucket, prefix string, recursive bool, fn func(minio.ObjectInfo) error) error {
	callCtx, call := objects.Document(ctx)
	callCtx = withPages(callCtx)
	owner := false
	listing := c.core.ListObjectsIter(callCtx, bucket, minio.ListObjectsOptions{
		Prefix: prefix, Recursive: recursive, FetchOwner: &owner, UseV1: c.oldListing,
	})
	for o := range listing {
		if o.Err != nil {
			return c.translate(ctx, call, o.Err, operation{bucket: bucket, dir: prefix, list: true})
		}
		if !strings.HasPrefix(o.Key, prefix) || o.Size < 0 {
			return storage.Incomplete(prefix, "gives files that were not asked for")
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := fn(o); err != nil {
			return err
		}
	}
	return ctx.Err() // an ended context ends the library's listing without an error
}
