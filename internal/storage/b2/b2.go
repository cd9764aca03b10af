// Package b2 reads a repository in a bucket of Backblaze B2, over its native API.
// It does not know what the files mean. It makes each request once; the decorators
// in package storage try again.
//
// It needs a sign-in, listings and downloads, and makes these requests itself.
// docs/design/object-storage.md has what the other ways cost.
package b2

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"strings"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/storage"
	"syncline.dev/syncline/internal/storage/objects"
)

// DefaultEndpoint is Backblaze's address for signing in.
const DefaultEndpoint = "https://api.backblazeb2.com"

// Config says where a repository lies and how to sign in.
type Config struct {
	KeyID, Key string // an application key, or the account's id and master key
	Bucket     string
	Prefix     string // folder in the bucket; "" for its root
	Endpoint   string // DefaultEndpoint when empty; it must name http:// to use it

	CA          []byte // PEM; added to the system's certificates
	DenyPrivate bool   // refuse endpoints at loopback and private addresses
	Client      objects.Client
}

// Client lists buckets and folders.
type Client struct {
	transport http.RoundTripper
	signer    *signer
}

// Storage is a folder in a bucket; it implements storage.Storage.
type Storage struct {
	*Client
	bucket string
	prefix string // "" or ends with a slash
	// id is the bucket's, "" until it is known. One call at a time looks for it.
	id chan string
}

var _ storage.Storage = (*Storage)(nil)

// Connect returns a client for browsing. It ignores the configuration's bucket and
// folder and makes no request.
func Connect(_ context.Context, c Config) (*Client, error) {
	switch {
	case c.KeyID == "":
		return nil, syncline.Errorf(syncline.CodeInvalid, "the id of the application key is missing")
	case c.Key == "":
		return nil, syncline.Errorf(syncline.CodeInvalid, "the application key is missing")
	}
	if c.Endpoint == "" {
		c.Endpoint = DefaultEndpoint
	}
	base, err := parseBase(c.Endpoint)
	if err != nil {
		return nil, syncline.Errorf(syncline.CodeInvalid, "the endpoint must be a host's name, with a port or https:// where needed, and nothing else")
	}
	transport, err := objects.NewTransport(objects.Options{CA: c.CA, AllowHTTP: base.Scheme == "http", DenyPrivate: c.DenyPrivate, Client: c.Client})
	if err != nil {
		return nil, err
	}
	return &Client{transport: transport, signer: newSigner(c, base, transport)}, nil
}

// Open returns the repository's storage. It makes no request.
func Open(ctx context.Context, c Config) (*Storage, error) {
	client, err := Connect(ctx, c)
	if err != nil {
		return nil, err
	}
	if c.Bucket == "" {
		return nil, syncline.Errorf(syncline.CodeInvalid, "the name of the bucket is missing")
	}
	return client.folder(c.Bucket, c.Prefix)
}

// folder returns a folder in a bucket.
func (c *Client) folder(bucket, prefix string) (*Storage, error) {
	if err := CheckBucket(bucket); err != nil {
		return nil, err
	}
	prefix, err := storage.CleanPrefix(prefix)
	if err != nil {
		return nil, err
	}
	s := &Storage{Client: c, bucket: bucket, prefix: prefix, id: make(chan string, 1)}
	s.id <- ""
	return s, nil
}

// CheckBucket refuses texts that are no name of a bucket, as CodeInvalid.
func CheckBucket(name string) error {
	odd := func(r rune) bool {
		return r != '-' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	}
	if len(name) < 6 || len(name) > 63 || strings.ContainsFunc(name, odd) {
		return syncline.Errorf(syncline.CodeInvalid, "%q is no name of a bucket: it has 6 to 63 letters, digits and hyphens", clip(name))
	}
	return nil
}

// parseBase reads an address of a service: a scheme and a host.
func parseBase(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || strings.Trim(u.Path, "/") != "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, errors.New("no address of a service")
	}
	return &url.URL{Scheme: u.Scheme, Host: u.Host}, nil
}

// do makes a request with a token. make gets the session. If the service does not
// accept the token, do signs in again, once, and repeats the request.
func (c *Client) do(ctx context.Context, call *objects.Call, make func(*session) (*http.Request, error)) (*http.Response, *session, error) {
	for first := true; ; first = false {
		session, err := c.signer.get(ctx)
		if err != nil {
			return nil, nil, err
		}
		req, err := make(session)
		if errors.Is(err, fs.ErrPermission) {
			return nil, nil, err
		}
		if err != nil {
			return nil, nil, syncline.WrapError(syncline.CodeInvalid, objects.Opaque(err), "an address that Backblaze gave is not valid")
		}
		req.Header.Set("Authorization", session.token)
		resp, err := send(ctx, c.transport, call, req)
		if err != nil {
			return nil, nil, err
		}
		if !first || resp.StatusCode != http.StatusUnauthorized {
			return resp, session, nil
		}
		code := codeOf(resp)
		if code != "expired_auth_token" && code != "bad_auth_token" {
			return nil, nil, c.failed(ctx, call, resp.StatusCode, code)
		}
		if err := c.signer.forget(ctx, session); err != nil {
			return nil, nil, err
		}
	}
}

// send makes one request. An http.Client would follow redirects.
func send(ctx context.Context, transport http.RoundTripper, call *objects.Call, req *http.Request) (*http.Response, error) {
	resp, err := transport.RoundTrip(req)
	if err == nil {
		return resp, nil
	}
	if trouble := call.Trouble(ctx); trouble != nil {
		return nil, trouble
	}
	return nil, syncline.WrapError(syncline.CodeUnavailable, objects.Opaque(err), "Backblaze cannot be asked")
}

// ask makes a call of the API and reads its answer.
func (c *Client) ask(ctx context.Context, name string, question func(*session) any, answer any) error {
	callCtx, call := objects.Document(ctx)
	resp, _, err := c.do(callCtx, call, func(s *session) (*http.Request, error) {
		body, err := json.Marshal(question(s))
		if err != nil {
			return nil, err
		}
		req, err := http.NewRequestWithContext(callCtx, http.MethodPost, s.api.String()+"/b2api/v3/"+name, bytes.NewReader(body))
		if err == nil {
			req.Header.Set("Content-Type", "application/json")
		}
		return req, err
	})
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return c.failed(ctx, call, resp.StatusCode, codeOf(resp))
	}
	return read(ctx, call, resp, answer)
}

// read reads a whole answer in JSON, and closes it.
func read(ctx context.Context, call *objects.Call, resp *http.Response, answer any) error {
	defer resp.Body.Close()
	body := json.NewDecoder(resp.Body)
	err := body.Decode(answer)
	if err == nil {
		if _, more := body.Token(); more != io.EOF {
			err = errors.New("text after the answer")
		}
	}
	trouble := call.Trouble(ctx)
	switch {
	case err != nil && trouble != nil:
		return trouble
	case err != nil && strings.Contains(call.Header("Content-Type"), "json"):
		return storage.Incomplete("", "is cut off")
	case err != nil:
		return notB2(call.Answer(""))
	}
	return nil
}

// Open implements storage.Storage.
func (s *Storage) Open(ctx context.Context, name string, offset, length int64) (io.ReadCloser, error) {
	if err := errors.Join(storage.CheckName(name), storage.CheckOffset(offset)); err != nil {
		return nil, err
	}
	ask := objects.Range(offset, length)
	if length == 0 {
		ask = "bytes=0-0" // finds out whether the file exists
	}
	callCtx, call := objects.File(ctx)
	resp, _, err := s.do(callCtx, call, func(in *session) (*http.Request, error) {
		if err := in.opens(s.bucket); err != nil {
			return nil, err
		}
		req, err := http.NewRequestWithContext(callCtx, http.MethodGet, in.file(s.bucket, s.prefix+name), http.NoBody)
		if err == nil && ask != "" {
			req.Header.Set("Range", ask)
		}
		return req, err
	})
	if err != nil {
		return nil, s.named(err, name)
	}
	switch resp.StatusCode {
	case http.StatusOK, http.StatusPartialContent:
	case http.StatusRequestedRangeNotSatisfiable:
		if codeOf(resp) == "" {
			return nil, notB2(call.Answer(""))
		}
		return objects.PastEnd(name, length), nil
	case http.StatusNotFound:
		return nil, s.missing(ctx, call, codeOf(resp), name)
	default:
		return nil, s.named(s.failed(ctx, call, resp.StatusCode, codeOf(resp)), name)
	}
	if call.Header("X-Bz-File-Id") == "" {
		_ = resp.Body.Close()
		return nil, notB2(call.Answer(""))
	}
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
	return s.list(ctx, prefix, "", func(e entry) error {
		if e.Action != "upload" || strings.HasSuffix(e.Name, "/") {
			return nil // hidden, not whole, or a folder's mark
		}
		return fn(e.Name[len(s.prefix):], *e.Size)
	})
}

func clip(s string) string { return s[:min(len(s), 80)] }
