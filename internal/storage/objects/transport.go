package objects

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/storage"
)

// Options says to which servers a transport may connect.
type Options struct {
	CA          []byte // certificates in PEM; added to the system's
	AllowHTTP   bool   // the address names http
	DenyPrivate bool   // no loopback and private addresses
	// Socket is the path of a Unix socket that every connection goes to, instead
	// of the network. It is for a command's user alone.
	Socket string
	// Base makes the requests, instead of the network. The options above and a
	// client's certificates are its own affair then.
	Base http.RoundTripper
	// Name stands for the host in errors, where a URL's host says nothing.
	Name string
	Client
}

// Client is this program's appearance to a storage, and its demands. The zero
// value is the default.
type Client struct {
	Certificate []byte        // certificate to show and its private key, in PEM
	TrustAny    bool          // accept any certificate of the storage
	UserAgent   string        // instead of the library's own
	Patience    time.Duration // time for the beginning of an answer; a minute when zero
	// Dated is told the storage's host and its time with each answer over HTTPS; nil
	// for nobody. It is called from several goroutines.
	Dated func(host string, at time.Time)
}

// certificates returns the certificates to show to a storage.
func (c *Client) certificates() ([]tls.Certificate, error) {
	if len(c.Certificate) == 0 {
		return nil, nil
	}
	pair, err := tls.X509KeyPair(c.Certificate, c.Certificate)
	if err != nil {
		return nil, syncline.WrapError(syncline.CodeInvalid, err, "the client certificate cannot be used: the file must hold a certificate and its private key, both in PEM form")
	}
	return []tls.Certificate{pair}, nil
}

// patience is the default of Client.Patience.
const patience = time.Minute

// NewTransport makes the transport of one storage. It follows no redirect from
// https to http and asks for no compression, because it checks lengths as sent.
// It honours the environment's proxies, except with DenyPrivate, because an
// address behind a proxy cannot be checked.
func NewTransport(o Options) (http.RoundTripper, error) {
	base := o.Base
	if base == nil {
		var err error
		if base, err = newBase(o); err != nil {
			return nil, err
		}
	}
	return &transport{base: base, allowHTTP: o.AllowHTTP, name: o.Name, userAgent: o.UserAgent, dated: o.Dated}, nil
}

// newBase makes what speaks to the network, or to a socket.
func newBase(o Options) (http.RoundTripper, error) {
	var roots *x509.CertPool
	if len(o.CA) > 0 {
		var err error
		if roots, err = x509.SystemCertPool(); err != nil {
			roots = x509.NewCertPool()
		}
		if !roots.AppendCertsFromPEM(o.CA) {
			return nil, syncline.Errorf(syncline.CodeInvalid, "the CA bundle holds no certificate; give it in PEM form")
		}
	}
	shown, err := o.certificates()
	if err != nil {
		return nil, err
	}
	if o.Patience <= 0 {
		o.Patience = patience
	}
	dialer := &net.Dialer{Timeout: 15 * time.Second, KeepAlive: 30 * time.Second, Control: control(o.DenyPrivate)}
	base := &http.Transport{
		Proxy:       proxy(o.DenyPrivate),
		DialContext: dialer.DialContext,
		TLSClientConfig: &tls.Config{
			MinVersion: tls.VersionTLS12, RootCAs: roots, Certificates: shown,
			InsecureSkipVerify: o.TrustAny, //nolint:gosec // only where the user asks for it
		},
		TLSHandshakeTimeout:   15 * time.Second,
		ResponseHeaderTimeout: o.Patience,
		IdleConnTimeout:       90 * time.Second,
		MaxIdleConnsPerHost:   64,
		DisableCompression:    true,
		ReadBufferSize:        64 << 10,
	}
	if o.Socket != "" {
		base.Proxy = nil
		base.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{Timeout: 15 * time.Second}).DialContext(ctx, "unix", o.Socket)
		}
	}
	return base, nil
}

func proxy(denyPrivate bool) func(*http.Request) (*url.URL, error) {
	if denyPrivate {
		return nil
	}
	return func(r *http.Request) (*url.URL, error) {
		u, err := http.ProxyFromEnvironment(r)
		if u == nil || err != nil {
			return nil, err
		}
		if ip, err := netip.ParseAddr(r.URL.Hostname()); err == nil {
			if err := CheckAddress(ip, false); err != nil {
				return nil, err
			}
		}
		return u, nil
	}
}

var errPlainHTTP = errors.New("refused to speak http, without encryption, where https was asked for")

// transport counts, records and watches requests.
type transport struct {
	base      http.RoundTripper
	allowHTTP bool
	name      string // for errors; "" for the request's host
	userAgent string // replaces the request's; "" for no change
	dated     func(host string, at time.Time)
}

// RoundTrip implements http.RoundTripper.
func (t *transport) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx := req.Context()
	call, _ := ctx.Value(callKey{}).(*Call)
	if call == nil {
		call = &Call{maxBody: maxDocument}
	}
	call.start(cmp.Or(t.name, req.URL.Host))
	if req.URL.Scheme != "https" && !t.allowHTTP {
		call.fail(errPlainHTTP)
		return nil, errPlainHTTP
	}
	storage.NoteRequest(ctx)
	if t.userAgent != "" {
		req = req.Clone(ctx)
		req.Header.Set("User-Agent", t.userAgent)
	}
	resp, err := t.base.RoundTrip(req)
	if err != nil {
		call.fail(err)
		return nil, err
	}
	if t.dated != nil && req.URL.Scheme == "https" {
		if at, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
			t.dated(req.URL.Host, at)
		}
	}
	call.answered(resp)
	storage.NoteProgress(ctx)
	left := call.maxBody
	if resp.StatusCode >= 300 {
		left = maxDocument // not the requested file
	}
	resp.Body = &watchedBody{ReadCloser: resp.Body, req: req, call: call, left: left}
	return resp, nil
}

// CloseIdleConnections makes http.Client's method of this name work.
func (t *transport) CloseIdleConnections() {
	if c, ok := t.base.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}

// watchedBody reports a body's progress and errors, and bounds its length.
type watchedBody struct {
	io.ReadCloser
	req  *http.Request
	call *Call
	left int64 // bytes that may still come; negative: any number
}

func (b *watchedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if n > 0 {
		storage.NoteProgress(b.req.Context())
	}
	if b.left >= 0 {
		if b.left -= int64(n); b.left < 0 {
			err = errTooLarge
		}
	}
	if err != nil && err != io.EOF {
		b.call.fail(err)
	}
	return n, err
}

var errTooLarge = errors.New("the answer is larger than such an answer can be")
