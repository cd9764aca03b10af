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

// pageCheck makes sure that what comes as a page of a listing is one. The
// library takes any XML, the front page of a web site even, for an empty page,
// and follows a listing that leads in a circle for ever.
type pageCheck struct{ base http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (p *pageCheck) RoundTrip(req *http.Request) (*http.Response, error) {
	pages, listing := req.Context().Value(pagesKey{}).(map[string]bool)
	query := req.URL.Query()
	if !listing || !query.Has("prefix") { // where the bucket lies may be asked, too
		return p.base.RoundTrip(req)
	}
	token := query.Get("continuation-token") + query.Get("marker") // only one of them is there
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

// CloseIdleConnections lets http.Client's method of that name work.
func (p *pageCheck) CloseIdleConnections() {
	if c, ok := p.base.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}
