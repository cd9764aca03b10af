package rclone

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync"
	"sync/atomic"

	"syncline.dev/syncline/internal/storage"
)

// transport makes the requests to one remote. It implements http.RoundTripper.
type transport struct {
	programs *Programs
	remote   string
	spoke    atomic.Bool // the program has answered a request
}

// RoundTrip implements http.RoundTripper.
func (t *transport) RoundTrip(req *http.Request) (*http.Response, error) {
	l, err := t.programs.acquire(req.Context(), t.remote)
	var broken *brokenError
	if errors.As(err, &broken) {
		err = t.judge(req.Context(), broken.link, broken.error)
	}
	if err != nil {
		return nil, err
	}
	resp, err := l.conn.RoundTrip(req)
	if err != nil {
		defer t.programs.release(l)
		return nil, t.explain(req.Context(), l, err)
	}
	t.spoke.Store(true)
	resp.Body = &body{ReadCloser: resp.Body, ctx: req.Context(), transport: t, link: l}
	return resp, nil
}

// explain says why a request failed. A link whose connection is broken is of no more use.
func (t *transport) explain(ctx context.Context, l *link, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if l.conn.Err() == nil {
		return err // it is about this request alone
	}
	l.ended()
	t.programs.drop(l)
	return t.judge(ctx, l, l.failure(err, t.spoke.Load()))
}

// judge says whether another try is worthwhile.
func (t *transport) judge(ctx context.Context, l *link, why error) error {
	switch {
	case t.spoke.Load():
	case !t.programs.Patient:
		return why
	case l.nameless(ctx):
		return storage.Refused(why, "the configuration of rclone on this server has no remote %q; the server's operator makes one with rclone config, or names the file with it in RCLONE_CONFIG", nameOf(l.remote))
	}
	return &storage.RequestError{Retryable: true, Err: why}
}

// body is an answer's body.
type body struct {
	io.ReadCloser
	ctx       context.Context
	transport *transport
	link      *link
	once      sync.Once
}

// Read implements io.Reader.
func (b *body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = b.transport.explain(b.ctx, b.link, err)
	}
	return n, err
}

// Close implements io.Closer.
func (b *body) Close() error {
	err := b.ReadCloser.Close()
	b.once.Do(func() { b.transport.programs.release(b.link) })
	return err
}
