package s3

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
)

var (
	errEnough       = errors.New("enough")
	errNoListing    = errors.New("the answer is no listing of a bucket")
	errRepeatedPage = errors.New("the storage wants a page to be asked for again")
)

type pagesKey struct{}

// withPages prepares a context for one listing.
func withPages(ctx context.Context) context.Context {
	return context.WithValue(ctx, pagesKey{}, map[string]bool{})
}

// pageCheck makes sure that the page of a listing is one. The library takes any
// XML for an empty page, also the front page of a web site. It follows a
// listing that leads in a circle for ever.
type pageCheck struct{ base http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (p *pageCheck) RoundTrip(req *http.Request) (*http.Response, error) {
	pages, listing := req.Context().Value(pagesKey{}).(map[string]bool)
	query := req.URL.Query()
	if !listing || !query.Has("prefix") { // the request for a bucket's location has no prefix
		return p.base.RoundTrip(req)
	}
	token := query.Get("continuation-token") + query.Get("marker") // a request has one of them
	if pages[token] {
		return nil, errRepeatedPage
	}
	resp, err := p.base.RoundTrip(req)
	if err != nil || resp.StatusCode != http.StatusOK {
		return resp, err
	}
	pages[token] = true
	body := bufio.NewReaderSize(resp.Body, 4096)
	start, err := body.Peek(1024)
	if !bytes.Contains(start, []byte("<ListBucketResult")) {
		_ = resp.Body.Close()
		if err == nil || errors.Is(err, io.EOF) {
			err = errNoListing
		}
		return nil, err
	}
	resp.Body = struct {
		io.Reader
		io.Closer
	}{body, resp.Body}
	return resp, nil
}

// CloseIdleConnections makes http.Client's method of this name work.
func (p *pageCheck) CloseIdleConnections() {
	if c, ok := p.base.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}
