package api

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/gate"
	"syncline.dev/syncline/internal/peer"
)

const (
	readHeaderTimeout = 10 * time.Second
	idleTimeout       = 2 * time.Minute
	maxHeaderBytes    = 64 << 10
	// shutdownTimeout is how long requests may take to end on shutdown.
	shutdownTimeout = 10 * time.Second
)

// http2Limits bound the memory of one connection: the frame that the server reads,
// bytes that no handler has taken, and streams. They also bound the time in which
// nothing can be written.
var http2Limits = http.HTTP2Config{
	MaxConcurrentStreams:          100, // the least that RFC 9113 recommends
	MaxDecoderHeaderTableSize:     4 << 10,
	MaxEncoderHeaderTableSize:     4 << 10,
	MaxReadFrameSize:              16 << 10,
	MaxReceiveBufferPerConnection: 128 << 10,
	MaxReceiveBufferPerStream:     64 << 10,
	SendPingTimeout:               30 * time.Second,
	PingTimeout:                   15 * time.Second,
	WriteByteTimeout:              30 * time.Second,
}

// tlsConfig takes TLS 1.3, and the suites of TLS 1.2 with forward secrecy and
// authenticated encryption. HTTP/2 allows no others.
func tlsConfig(certificates *Certificates) *tls.Config {
	return &tls.Config{
		GetCertificate: certificates.get,
		MinVersion:     tls.VersionTLS12,
		CipherSuites: []uint16{ // of TLS 1.2; those of 1.3 are not chosen
			tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
			tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
			tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
			tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
			tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
			tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
		},
	}
}

// Server serves a handler over HTTPS with HTTP/1.1 and HTTP/2, or over plain HTTP/1.1 to
// people who watch the server, and bounds the time of
// handshakes and headers. The handler bounds the time of bodies and answers, because an
// event stream stays open.
type Server struct {
	Handler      http.Handler
	Certificates *Certificates
	Plain        bool // without TLS
	// Gate is the handler's gate; nil stands for the default limits.
	Gate   *gate.Gate
	Logger *slog.Logger
}

type shutdownKey struct{}

// shutdownOf returns a channel that is closed when the server begins to shut
// down; nil, which blocks for ever, outside a Server.
func shutdownOf(ctx context.Context) <-chan struct{} {
	done, _ := ctx.Value(shutdownKey{}).(chan struct{})
	return done
}

// Listen opens the address for Serve. A failure is CodeConflict when the port
// is taken and CodeInvalid otherwise.
func Listen(ctx context.Context, address string) (net.Listener, error) {
	var lc net.ListenConfig
	ln, err := lc.Listen(ctx, "tcp", address)
	if err == nil {
		return ln, nil
	}
	if portTaken(err) {
		return nil, syncline.WrapError(syncline.CodeConflict, err,
			"another program already listens on %s; stop it or choose another address", address)
	}
	return nil, syncline.WrapError(syncline.CodeInvalid, err, "cannot listen on %s; write HOST:PORT or :PORT, with an address of this machine and a port up to 65535 that this user may use", address)
}

// atWork counts the requests that its handler answers. http.Server knows the connections
// alone: over HTTP/2 a request goes on whose client has left, such as a removal.
type atWork struct {
	handler  http.Handler
	requests atomic.Int64
	left     chan struct{} // gets a value when a request ends
}

// ServeHTTP implements http.Handler.
func (a *atWork) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.requests.Add(1)
	defer func() {
		a.requests.Add(-1)
		select {
		case a.left <- struct{}{}:
		default:
		}
	}()
	a.handler.ServeHTTP(w, r)
}

// wait waits until no request is answered, or ctx ends.
func (a *atWork) wait(ctx context.Context) {
	for a.requests.Load() > 0 {
		select {
		case <-a.left:
		case <-ctx.Done():
			return
		}
	}
}

// Serve answers requests on ln until ctx ends, then ends event streams, waits
// for the other requests and returns nil. It closes ln. Any other end is an
// error.
func (s *Server) Serve(ctx context.Context, ln net.Listener) error {
	limits := s.Gate
	if limits == nil {
		limits = gate.New(gate.Default, peer.Proxies{})
	}
	down := make(chan struct{})
	answering := &atWork{handler: s.Handler, left: make(chan struct{}, 1)}
	srv := &http.Server{
		Handler:           answering,
		HTTP2:             &http2Limits,
		ConnContext:       limits.ConnContext,
		ReadHeaderTimeout: readHeaderTimeout, // of the handshake too
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		// Faults of clients below HTTP, such as handshakes and resets, are not
		// logged.
		ErrorLog: slog.NewLogLogger(s.Logger.Handler(), slog.LevelDebug),
		// Requests outlive ctx: a shutdown lets them finish.
		BaseContext: func(net.Listener) context.Context {
			return context.WithValue(context.WithoutCancel(ctx), shutdownKey{}, down)
		},
	}
	if !s.Plain {
		srv.TLSConfig = tlsConfig(s.Certificates)
	}
	ended := make(chan error, 1)
	go func() {
		if s.Plain {
			ended <- srv.Serve(limits.Listener(ln))
			return
		}
		ended <- srv.ServeTLS(limits.Listener(ln), "", "")
	}()
	select {
	case err := <-ended:
		return syncline.WrapError(syncline.CodeUnavailable, err, "the server stopped listening")
	case <-ctx.Done():
	}
	close(down)
	deadline, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
	defer cancel()
	err := srv.Shutdown(deadline)
	answering.wait(deadline)
	if errors.Is(err, context.DeadlineExceeded) {
		err = srv.Close() // requests that still run are cut off
	}
	if served := <-ended; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	if err != nil {
		return syncline.WrapError(syncline.CodeInternal, err, "the server did not stop cleanly")
	}
	return nil
}
