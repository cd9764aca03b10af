package api

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"time"

	"syncline.dev/syncline"
)

const (
	readHeaderTimeout = 10 * time.Second
	idleTimeout       = 2 * time.Minute
	maxHeaderBytes    = 64 << 10
	// shutdownTimeout is how long requests may take to end on shutdown.
	shutdownTimeout = 10 * time.Second
)

// Server serves a handler over HTTPS, HTTP/1.1 and HTTP/2, with limits on what
// a client may take its time for. Answers and bodies have their own limits in
// the handler, because an event stream must be able to stay open.
type Server struct {
	Handler     http.Handler
	Certificate tls.Certificate
	Logger      *slog.Logger
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
	return nil, syncline.WrapError(syncline.CodeInvalid, err, "cannot listen on %s", address)
}

// Serve answers requests on ln until ctx ends, then ends event streams, waits
// for the other requests and returns nil. It closes ln. Any other end is an
// error.
func (s *Server) Serve(ctx context.Context, ln net.Listener) error {
	down := make(chan struct{})
	srv := &http.Server{
		Handler: s.Handler,
		TLSConfig: &tls.Config{
			Certificates: []tls.Certificate{s.Certificate},
			MinVersion:   tls.VersionTLS12,
		},
		ReadHeaderTimeout: readHeaderTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		// What clients do wrong below HTTP is theirs: handshakes, resets.
		ErrorLog: slog.NewLogLogger(s.Logger.Handler(), slog.LevelDebug),
		// Requests outlive ctx: shutting down lets them finish.
		BaseContext: func(net.Listener) context.Context {
			return context.WithValue(context.WithoutCancel(ctx), shutdownKey{}, down)
		},
	}
	ended := make(chan error, 1)
	go func() { ended <- srv.ServeTLS(ln, "", "") }()
	select {
	case err := <-ended:
		return syncline.WrapError(syncline.CodeUnavailable, err, "the server stopped listening")
	case <-ctx.Done():
	}
	close(down)
	deadline, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
	defer cancel()
	err := srv.Shutdown(deadline)
	if errors.Is(err, context.DeadlineExceeded) {
		err = srv.Close() // what still runs is cut off
	}
	if served := <-ended; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	if err != nil {
		return syncline.WrapError(syncline.CodeInternal, err, "the server did not stop cleanly")
	}
	return nil
}
