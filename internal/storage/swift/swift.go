// Package swift reads a repository in a container of OpenStack's object store,
// Swift, or of a server with its protocol, such as Ceph's. It does not know what
// the objects mean. It makes each request once; the decorators in package storage
// try again.
//
// The library github.com/ncw/swift signs in, because the identity services have
// three versions and many forms of credentials. The listings and downloads are
// made here: the library follows redirects with the token, tries again by itself,
// and reads every body through a goroutine.
package swift

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/storage"
	"syncline.dev/syncline/internal/storage/objects"
)

// Config says where a repository lies and how to sign in.
type Config struct {
	Container string
	Prefix    string // folder in the container; "" for its root
	Credentials

	CA          []byte // PEM; added to the system's certificates
	DenyPrivate bool   // refuse endpoints at loopback and private addresses
	Client      objects.Client
}

// Client lists containers and folders.
type Client struct {
	transport http.RoundTripper
	signer    *signer
}

// Storage is a folder in a container; it implements storage.Storage.
type Storage struct {
	*Client
	container string
	prefix    string      // "" or ends with a slash
	seen      atomic.Bool // the container is known to exist
}

var _ storage.Storage = (*Storage)(nil)

// Connect returns a client for browsing. It ignores the configuration's
// container and folder and makes no request.
func Connect(_ context.Context, c Config) (*Client, error) {
	c.settle()
	if err := c.check(); err != nil {
		return nil, err
	}
	transport, err := objects.NewTransport(objects.Options{CA: c.CA, AllowHTTP: c.plain(), DenyPrivate: c.DenyPrivate, Client: c.Client})
	if err != nil {
		return nil, err
	}
	signer, err := newSigner(c.Credentials, transport)
	if err != nil {
		return nil, err
	}
	return &Client{transport: transport, signer: signer}, nil
}

// Open returns the repository's storage. It makes no request.
func Open(ctx context.Context, c Config) (*Storage, error) {
	if c.Container == "" {
		return nil, syncline.Errorf(syncline.CodeInvalid, "the name of the container is missing")
	}
	client, err := Connect(ctx, c)
	if err != nil {
		return nil, err
	}
	return client.folder(c.Container, c.Prefix)
}

// maxContainer bounds the name of a container, in bytes.
const maxContainer = 256

// folder returns a folder in a container.
func (c *Client) folder(container, prefix string) (*Storage, error) {
	if container == "" || container == "." || container == ".." || len(container) > maxContainer || strings.ContainsAny(container, "/\x00") {
		return nil, syncline.Errorf(syncline.CodeInvalid, "%q is no name of a container: it has up to %d bytes and no slash", clip(container), maxContainer)
	}
	prefix, err := storage.CleanPrefix(prefix)
	if err != nil {
		return nil, err
	}
	return &Storage{Client: c, container: container, prefix: prefix}, nil
}

// request is one request below the account.
type request struct {
	method            string
	container, object string
	query             url.Values
	ranged            string
}

// do makes one request with a token. If the service does not accept the token,
// do signs in again, once, and repeats the request.
func (c *Client) do(ctx context.Context, call *objects.Call, r request) (*http.Response, *session, error) {
	for first := true; ; first = false {
		session, err := c.signer.get(ctx)
		if err != nil {
			return nil, nil, err
		}
		req, err := http.NewRequestWithContext(ctx, r.method, session.at(r), http.NoBody)
		if err != nil {
			return nil, nil, syncline.WrapError(syncline.CodeInvalid, objects.Opaque(err), "the address of the object store at %s is not valid", session.base.Host)
		}
		req.Header.Set("X-Auth-Token", session.token)
		if r.ranged != "" {
			req.Header.Set("Range", r.ranged)
		}
		// An http.Client would follow redirects, and send the token to any host.
		resp, err := c.transport.RoundTrip(req)
		if err != nil {
			if trouble := call.Trouble(ctx); trouble != nil {
				return nil, nil, trouble
			}
			return nil, nil, syncline.WrapError(syncline.CodeUnavailable, objects.Opaque(err), "the object store at %s cannot be asked", session.base.Host)
		}
		if first && resp.StatusCode == http.StatusUnauthorized && c.signer.renews() {
			_ = resp.Body.Close()
			if err := c.signer.forget(ctx, session); err != nil {
				return nil, nil, err
			}
			continue
		}
		return resp, session, nil
	}
}

// Open implements storage.Storage.
func (s *Storage) Open(ctx context.Context, name string, offset, length int64) (io.ReadCloser, error) {
	if err := errors.Join(storage.CheckName(name), storage.CheckOffset(offset)); err != nil {
		return nil, err
	}
	ask := objects.Range(offset, length)
	if length == 0 {
		ask = "bytes=0-0" // finds out whether the object exists
	}
	callCtx, call := objects.File(ctx)
	resp, session, err := s.do(callCtx, call, request{method: http.MethodGet, container: s.container, object: s.prefix + name, ranged: ask})
	if err != nil {
		return nil, err
	}
	switch {
	case !isSwift(call) && resp.StatusCode < http.StatusInternalServerError:
		_ = resp.Body.Close()
		if trouble := call.Trouble(ctx); trouble != nil {
			return nil, trouble
		}
		return nil, notSwift(call.Answer(""), session.base.Host)
	case resp.StatusCode == http.StatusOK, resp.StatusCode == http.StatusPartialContent:
	case resp.StatusCode == http.StatusRequestedRangeNotSatisfiable:
		_ = resp.Body.Close()
		return objects.PastEnd(name, length), nil
	default:
		return nil, s.failed(ctx, call, resp, session, operation{name: name})
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
	return s.list(ctx, prefix, func(name string, size int64) error {
		return fn(name[len(s.prefix):], size)
	})
}

// isSwift reports whether an answer has the number that Swift and its kin give
// to each request. Their errors are web pages like a proxy's.
func isSwift(call *objects.Call) bool {
	return call.Header("X-Trans-Id") != "" || call.Header("X-Openstack-Request-Id") != ""
}

func clip(s string) string { return s[:min(len(s), 80)] }
