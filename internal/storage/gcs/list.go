package gcs

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"syncline.dev/syncline/internal/storage"
	"syncline.dev/syncline/internal/storage/objects"
)

// page is one page of a listing, with the fields that are asked for.
type page struct {
	Kind  string `json:"kind"`
	Next  string `json:"nextPageToken"`
	Items []struct {
		Name string `json:"name"`
		Size string `json:"size"`
	} `json:"items"`
	Folders []string `json:"prefixes"`
}

const pageFields = "kind,nextPageToken,items(name,size)"

// list calls fn with every object below prefix and its full name. A positive
// first bounds their number, and they come from one page.
func (s *Storage) list(ctx context.Context, prefix string, first int, fn func(name string, size int64) error) error {
	query := url.Values{"prefix": {prefix}, "fields": {pageFields}, "maxResults": {"1000"}}
	if first > 0 {
		query.Set("maxResults", strconv.Itoa(first))
	}
	return pages(prefix, query, func() (page, error) { return s.page(ctx, prefix, query) }, func(p page) error {
		s.seen.Store(true)
		for _, item := range p.Items {
			size, err := strconv.ParseInt(item.Size, 10, 64)
			if err != nil || size < 0 || !strings.HasPrefix(item.Name, prefix) {
				return storage.Incomplete(prefix, "gives files that were not asked for")
			}
			if err := ctx.Err(); err != nil {
				return err
			}
			if strings.HasSuffix(item.Name, "/") {
				continue // Google's console marks folders with empty objects
			}
			if err := fn(item.Name, size); err != nil {
				return err
			}
		}
		if first > 0 {
			return errEnough
		}
		return ctx.Err()
	})
}

var errEnough = errors.New("enough")

// pages asks for all pages of a listing, until fn has enough. A token that
// repeats is an error, because it would make the listing endless.
func pages(what string, query url.Values, get func() (page, error), fn func(page) error) error {
	seen := map[string]bool{}
	for {
		p, err := get()
		if err != nil {
			return err
		}
		if err := fn(p); err != nil {
			if errors.Is(err, errEnough) {
				return nil
			}
			return err
		}
		switch {
		case p.Next == "":
			return nil
		case seen[p.Next]:
			return storage.Incomplete(what, "repeats a page")
		}
		seen[p.Next] = true
		query.Set("pageToken", p.Next)
	}
}

// page asks for one page of the bucket's listing.
func (s *Storage) page(ctx context.Context, prefix string, query url.Values) (page, error) {
	callCtx, call := objects.Document(ctx)
	resp, err := s.do(callCtx, call, "", query, "")
	if err != nil {
		return page{}, err
	}
	if resp.StatusCode != http.StatusOK {
		return page{}, s.failed(ctx, call, resp, operation{dir: prefix, list: true})
	}
	return s.read(ctx, call, resp, prefix, "storage#objects")
}

// read makes sure that an answer is a page of that kind, and closes it.
func (c *Client) read(ctx context.Context, call *objects.Call, resp *http.Response, what, kind string) (p page, err error) {
	defer resp.Body.Close()
	body := json.NewDecoder(resp.Body)
	err = body.Decode(&p)
	if err == nil {
		if _, more := body.Token(); more != io.EOF {
			err = errors.New("text after the page")
		}
	}
	trouble := call.Trouble(ctx)
	switch {
	case err != nil && trouble != nil:
		return p, trouble
	case err != nil && !strings.Contains(call.Header("Content-Type"), "json"):
		return p, c.notGCS(call.Answer(""))
	case err != nil:
		return p, storage.Incomplete(what, "is cut off")
	case p.Kind != kind:
		return p, c.notGCS(call.Answer(""))
	}
	return p, nil
}
