package remote

import (
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

// Options says what a transport may connect to.
type Options struct {
	CA          []byte // certificates in PEM that are trusted beside the system's
	AllowHTTP   bool   // the address asked for http by name
	DenyPrivate bool   // no loopback and private addresses
}

// NewTransport makes the transport of one storage. It follows no redirect from
// https to http, asks for no compression (lengths are checked as sent), and
// honours the environment's proxies, except with DenyPrivate: what lies behind
// a proxy cannot be checked.
func NewTransport(o Options) (http.RoundTripper, error) {
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
	dialer := &net.Dialer{Timeout: 15 * time.Second, KeepAlive: 30 * time.Second, Control: control(o.DenyPrivate)}
	base := &http.Transport{
		Proxy:                 proxy(o.DenyPrivate),
		DialContext:           dialer.DialContext,
		TLSClientConfig:       &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots},
		TLSHandshakeTimeout:   15 * time.Second,
		ResponseHeaderTimeout: 60 * time.Second,
		IdleConnTimeout:       90 * time.Second,
		MaxIdleConnsPerHost:   64,
		DisableCompression:    true,
		ReadBufferSize:        64 << 10,
	}
	return &transport{base: base, allowHTTP: o.AllowHTTP}, nil
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

// transport counts, records and watches what goes over the wire.
type transport struct {
	base      http.RoundTripper
	allowHTTP bool
}

// RoundTrip implements http.RoundTripper.
func (t *transport) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx := req.Context()
	call, _ := ctx.Value(callKey{}).(*Call)
	if call == nil {
		call = &Call{maxBody: maxDocument}
	}
	call.start(req.URL.Host)
	if req.URL.Scheme != "https" && !t.allowHTTP {
		call.fail(errPlainHTTP)
		return nil, errPlainHTTP
	}
	storage.NoteRequest(ctx)
	resp, err := t.base.RoundTrip(req)
	if err != nil {
		call.fail(err)
		return nil, err
	}
	call.answered(resp)
	storage.NoteProgress(ctx)
	left := call.maxBody
	if resp.StatusCode >= 300 {
		left = maxDocument // not the file that was asked for
	}
	resp.Body = &watchedBody{ReadCloser: resp.Body, req: req, call: call, left: left}
	return resp, nil
}

// CloseIdleConnections lets http.Client's method of that name work.
func (t *transport) CloseIdleConnections() {
	if c, ok := t.base.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}

// watchedBody reports progress and errors of a body, and bounds it.
type watchedBody struct {
	io.ReadCloser
	req  *http.Request
	call *Call
	left int64 // bytes it may still have; negative: any number
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
