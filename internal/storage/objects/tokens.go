package objects

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/storage"
)

// Bounds of a question to a service that gives credentials.
const (
	maxToken      = 1 << 20 // bytes of an answer
	tokenPatience = 20 * time.Second
)

// errRedirect refuses redirects, because a question holds credentials.
var errRedirect = errors.New("a redirect is not followed")

// TokenClient returns a client for a service that gives credentials, at a vendor's own
// address or at one that a user has named. It follows no redirect. The time of a question
// and the length of its answer are bounded.
func TokenClient(o Options) (*http.Client, error) {
	transport, err := NewTransport(o)
	if err != nil {
		return nil, err
	}
	return tokenClient(transport), nil
}

// MetadataClient returns a client for services of the machine that this program runs on,
// such as a cloud's metadata service. Their addresses are link-local and speak http. No
// address that the user of a server has typed may be asked with it.
func MetadataClient() *http.Client {
	dialer := &net.Dialer{Timeout: 2 * time.Second}
	base := &http.Transport{DialContext: dialer.DialContext, ResponseHeaderTimeout: tokenPatience, DisableCompression: true, MaxIdleConnsPerHost: 1, IdleConnTimeout: 10 * time.Second}
	return tokenClient(&transport{base: base, allowHTTP: true})
}

func tokenClient(base http.RoundTripper) *http.Client {
	return &http.Client{
		Transport: shortAnswers{base}, Timeout: tokenPatience,
		CheckRedirect: func(*http.Request, []*http.Request) error { return errRedirect },
	}
}

// shortAnswers bounds the length of answers.
type shortAnswers struct{ base http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (s shortAnswers) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := s.base.RoundTrip(req)
	if err == nil {
		resp.Body = &shortBody{ReadCloser: resp.Body, left: maxToken}
	}
	return resp, err
}

// CloseIdleConnections makes http.Client's method of this name work.
func (s shortAnswers) CloseIdleConnections() {
	if c, ok := s.base.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}

type shortBody struct {
	io.ReadCloser
	left int
}

func (b *shortBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if b.left -= n; b.left < 0 {
		return 0, errTooLarge
	}
	return n, err
}

// Answer is the answer of a service that gives credentials.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// Ask asks a service that gives credentials. what names the service in errors, which hold
// neither the request nor the answer. A service that is overloaded or away is an error
// that another try may mend; every other answer is returned.
func Ask(client *http.Client, req *http.Request, what string) (Answer, error) {
	ctx := req.Context()
	resp, err := client.Do(req)
	if err != nil {
		return Answer{}, unanswered(ctx, err, what, req.URL.Host)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return Answer{}, unanswered(ctx, err, what, req.URL.Host)
	}
	if resp.StatusCode == http.StatusTooManyRequests || resp.StatusCode >= http.StatusInternalServerError {
		return Answer{}, &storage.RequestError{
			Retryable: true, Throttled: resp.StatusCode == http.StatusTooManyRequests, RetryAfter: retryAfter(resp.Header, time.Now()),
			Err: syncline.Errorf(syncline.CodeUnavailable, "%s at %s gives no credentials now (%d %s)", what, req.URL.Host, resp.StatusCode, http.StatusText(resp.StatusCode)),
		}
	}
	return Answer{Status: resp.StatusCode, Header: resp.Header, Body: body}, nil
}

// unanswered is the error of a question without a whole answer.
func unanswered(ctx context.Context, err error, what, host string) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return Unanswered(err, what, host)
}

// Unanswered is the error of a question to a service at a host that ended with an error on the
// wire.
func Unanswered(err error, what, host string) error {
	err = Opaque(err)
	var ours *syncline.Error
	switch {
	case errors.As(err, &ours):
		return ours
	case errors.Is(err, errTooLarge), errors.Is(err, errRedirect):
		return syncline.WrapError(syncline.CodeUnavailable, err, "%s at %s does not answer like such a service (%v)", what, host, err)
	}
	return &storage.RequestError{Retryable: true, Err: syncline.WrapError(syncline.CodeUnavailable, err, "%s at %s cannot be reached now (%s)", what, host, reason(err))}
}
