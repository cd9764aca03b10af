package api

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

// pipes is a listener whose connections lead to it within the process.
type pipes chan net.Conn

func (p pipes) Accept() (net.Conn, error) {
	if c, ok := <-p; ok {
		return c, nil
	}
	return nil, net.ErrClosed
}

func (p pipes) Close() error { close(p); return nil }
func (pipes) Addr() net.Addr { return &net.UnixAddr{} }

// TestEndWaitsForRequests has a client leave over HTTP/2, whose request goes on. The end of
// the server waits for it. The clock is the bubble's own.
func TestEndWaitsForRequests(t *testing.T) {
	cert, _, _, err := LoadOrCreateCertificate(t.TempDir(), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		begun, ended := make(chan struct{}), false
		server := &Server{Certificates: NewCertificates(cert), Logger: slog.New(slog.DiscardHandler), Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			close(begun)
			<-r.Context().Done() // the client has left
			<-shutdownOf(r.Context())
			time.Sleep(shutdownTimeout / 2) //nolint:forbidigo // the bubble's own clock
			ended = true
		})}
		ctx, stop := context.WithCancel(t.Context())
		ln, served := make(pipes, 1), make(chan error, 1)
		go func() { served <- server.Serve(ctx, ln) }()
		client, far := net.Pipe()
		ln <- far
		transport := &http.Transport{
			ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true},
			DialContext: func(context.Context, string, string) (net.Conn, error) { return client, nil },
		}
		go func() {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodDelete, "https://localhost/", nil)
			if err != nil {
				t.Error(err)
				return
			}
			if res, err := transport.RoundTrip(req); err == nil {
				res.Body.Close()
				t.Errorf("the request is answered %s", res.Status)
			}
		}()
		<-begun
		client.Close()
		synctest.Wait()
		stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
		if !ended {
			t.Error("the server has ended before a request")
		}
	})
}
