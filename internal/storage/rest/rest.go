// Package rest reads a repository over restic's REST protocol, from rest-server
// and the programs that speak like it. It knows the protocol's folders and not
// what the files mean. It makes each request once; the decorators in package
// storage try again.
package rest

import (
	"cmp"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"path"
	"strings"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/storage"
	"syncline.dev/syncline/internal/storage/objects"
)

// Config says where a repository lies and how to sign in.
type Config struct {
	// Endpoint is "https://host:port", "http://host:port", or the path of a Unix
	// socket after "http+unix://" or "https+unix://". A server must refuse
	// sockets that its users name.
	Endpoint string
	Folder   string // path of the repository on the server; "" for its root
	User     string // "" with an empty Password for none
	Password string

	// Connections bounds the requests at once that a listing makes; 0 for the
	// default.
	Connections int
	// Base makes the requests in place of the network, for a program that speaks
	// the protocol on its standard input.
	Base http.RoundTripper
	Name string // of the server in errors; the endpoint's host when empty

	CA          []byte // PEM; added to the system's certificates
	DenyPrivate bool   // refuse servers at loopback and private addresses
	Client      objects.Client
}

// Storage is a repository on a REST server; it implements storage.Storage.
type Storage struct {
	client      http.Client
	base        url.URL // of the repository, without a slash at its end
	name        string  // of the server in errors
	user        string
	password    string
	connections int
}

var _ storage.Storage = (*Storage)(nil)

// defaultConnections is restic's own default for this protocol.
const defaultConnections = 5

// Open returns the repository's storage. It makes no request.
func Open(c Config) (*Storage, error) {
	base, socket, err := parseEndpoint(c.Endpoint)
	if err != nil {
		return nil, err
	}
	if strings.Contains(c.User, ":") {
		return nil, syncline.Errorf(syncline.CodeInvalid, "the name of a REST server's user cannot have a colon in it")
	}
	folder, err := storage.CleanPrefix(c.Folder)
	if err != nil {
		return nil, err
	}
	base.Path = "/" + strings.TrimSuffix(folder, "/")
	s := &Storage{
		base: base, name: cmp.Or(c.Name, socket, base.Host), user: c.User, password: c.Password,
		connections: cmp.Or(c.Connections, defaultConnections),
	}
	s.client.CheckRedirect = checkRedirect
	s.client.Transport, err = objects.NewTransport(objects.Options{
		CA: c.CA, AllowHTTP: base.Scheme == "http", DenyPrivate: c.DenyPrivate, Socket: socket, Base: c.Base, Name: cmp.Or(c.Name, socket), Client: c.Client,
	})
	if err != nil {
		return nil, err
	}
	return s, nil
}

// parseEndpoint returns the address of a server, and the path of its socket if it
// has one.
func parseEndpoint(endpoint string) (base url.URL, socket string, err error) {
	scheme, at, _ := strings.Cut(endpoint, "://")
	scheme, isSocket := strings.CutSuffix(scheme, "+unix")
	if scheme == "http" || scheme == "https" {
		if isSocket && path.IsAbs(at) {
			return url.URL{Scheme: scheme, Host: "localhost"}, at, nil
		}
		u, err := url.Parse(endpoint)
		if !isSocket && err == nil && u.Hostname() != "" && *u == (url.URL{Scheme: scheme, Host: u.Host}) {
			return *u, "", nil
		}
	}
	return base, "", syncline.Errorf(syncline.CodeInvalid, "the address of a REST server must be like https://HOST:PORT, with http:// for one without encryption")
}

var errRedirect = errors.New("a redirect that is not followed")

// maxRedirects is the bound of Go's own client, and so of restic.
const maxRedirects = 10

// checkRedirect follows redirects, and takes the password along to the same
// server alone.
func checkRedirect(req *http.Request, via []*http.Request) error {
	if len(via) >= maxRedirects || req.URL.Scheme != "http" && req.URL.Scheme != "https" {
		return errRedirect
	}
	if first := via[0].URL; req.URL.Scheme != first.Scheme || req.URL.Host != first.Host {
		req.Header.Del("Authorization")
	}
	return nil
}

// do makes one request for a path of the repository, in the name of a call.
func (s *Storage) do(ctx context.Context, call *objects.Call, method, name, ranged string) (*http.Response, error) {
	u := s.base
	u.Path = strings.TrimSuffix(u.Path, "/") + "/" + name
	req, err := http.NewRequestWithContext(ctx, method, u.String(), http.NoBody)
	if err != nil {
		return nil, syncline.WrapError(syncline.CodeInvalid, objects.Opaque(err), "the address of the REST server at %s is not valid", s.name)
	}
	req.Header.Set("Accept", version2)
	if ranged != "" {
		req.Header.Set("Range", ranged)
	}
	if s.user != "" || s.password != "" {
		req.SetBasicAuth(s.user, s.password)
	}
	resp, err := s.client.Do(req)
	if err == nil {
		return resp, nil
	}
	if errors.Is(err, errRedirect) {
		return nil, s.stranger(errRedirect)
	}
	if trouble := call.Trouble(ctx); trouble != nil {
		return nil, trouble
	}
	return nil, syncline.WrapError(syncline.CodeUnavailable, objects.Opaque(err), "the REST server at %s cannot be asked", s.name)
}

// urlOf returns the path of a file on the server. There are no folders below
// "data".
func urlOf(name string) string {
	if folder, base := path.Split(name); len(base) >= 2 && folder == "data/"+base[:2]+"/" {
		return "data/" + base
	}
	return name
}

// Open implements storage.Storage.
func (s *Storage) Open(ctx context.Context, name string, offset, length int64) (io.ReadCloser, error) {
	if err := storage.CheckName(name); err != nil {
		return nil, err
	}
	if err := storage.CheckOffset(offset); err != nil {
		return nil, err
	}
	if name == "config" {
		return s.openConfig(ctx, offset, length)
	}
	if length == 0 {
		if _, err := s.size(ctx, name); err != nil {
			return nil, err
		}
		return objects.Nothing(), nil
	}
	callCtx, call := objects.File(ctx)
	resp, err := s.do(callCtx, call, http.MethodGet, urlOf(name), objects.Range(offset, length))
	if err != nil {
		return nil, err
	}
	switch {
	case resp.StatusCode == http.StatusRequestedRangeNotSatisfiable, resp.StatusCode == http.StatusPartialContent && isPastEnd(call, offset):
		_ = resp.Body.Close()
		return objects.PastEnd(name, length), nil
	case resp.StatusCode == http.StatusOK, resp.StatusCode == http.StatusPartialContent:
		return objects.NewBody(ctx, call, resp.Body, name, offset, length)
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusNotFound && offset > 0 {
		// rclone gives this answer also for a part behind the end of a file.
		if size, err := s.size(ctx, name); err == nil && size <= offset {
			return objects.PastEnd(name, length), nil
		}
	}
	return nil, s.failed(ctx, call, name)
}

// size returns the size of a file.
func (s *Storage) size(ctx context.Context, name string) (int64, error) {
	callCtx, call := objects.Document(ctx)
	resp, err := s.do(callCtx, call, http.MethodHead, urlOf(name), "")
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	switch {
	case resp.StatusCode != http.StatusOK:
		return 0, s.failed(ctx, call, name)
	case resp.ContentLength < 0 || isPage(call):
		return 0, s.stranger(call.Answer(""))
	}
	return resp.ContentLength, nil
}
