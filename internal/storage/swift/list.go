package swift

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"

	"syncline.dev/syncline/internal/storage"
	"syncline.dev/syncline/internal/storage/objects"
)

// entry is an object or a folder of a listing, or a container.
type entry struct {
	Name   string `json:"name"`
	Bytes  *int64 `json:"bytes"`
	Type   string `json:"content_type"`
	Folder string `json:"subdir"`
}

// key is the text by which entries are sorted.
func (e *entry) key() string {
	if e.Folder != "" {
		return e.Folder
	}
	return e.Name
}

// query makes the query of a listing from pairs of names and values. An empty value
// is left out.
func query(pairs ...string) url.Values {
	q := url.Values{"format": {"json"}}
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			q.Set(pairs[i], pairs[i+1])
		}
	}
	return q
}

// list calls fn with every object below prefix and its full name.
func (s *Storage) list(ctx context.Context, prefix string, fn func(name string, size int64) error) error {
	return s.walk(ctx, prefix, "", func(e entry) error {
		if e.Bytes == nil || *e.Bytes < 0 || !strings.HasPrefix(e.Name, prefix) {
			return storage.Incomplete(prefix, "gives files that were not asked for")
		}
		if e.Type == "application/directory" || strings.HasSuffix(e.Name, "/") {
			return nil // a folder's mark
		}
		size := *e.Bytes
		if size == 0 {
			var err error
			if size, err = s.whole(ctx, e.Name); err != nil {
				return err
			}
		}
		return fn(e.Name, size)
	})
}

// walk calls fn with every object and folder below prefix.
func (s *Storage) walk(ctx context.Context, prefix, delimiter string, fn func(entry) error) error {
	return pages(ctx, prefix, fn, func(marker string) ([]entry, error) {
		return s.page(ctx, prefix, query("prefix", prefix, "delimiter", delimiter, "marker", marker))
	})
}

// pages calls fn with every entry of a listing. ask returns the page behind a marker.
// A page has as many names as the service chooses, and some services choose less than
// they say. So only a page without a name ends a listing. The names must go up, so
// that no page repeats and the listing ends.
func pages(ctx context.Context, what string, fn func(entry) error, ask func(marker string) ([]entry, error)) error {
	for marker := ""; ; {
		entries, err := ask(marker)
		if err != nil {
			return err
		}
		if len(entries) == 0 {
			return ctx.Err()
		}
		for _, e := range entries {
			if e.key() <= marker {
				return storage.Incomplete(what, "repeats a page")
			}
			marker = e.key()
			if err := errors.Join(ctx.Err(), fn(e)); err != nil {
				return err
			}
		}
	}
}

// page asks for one page of the container's listing.
func (s *Storage) page(ctx context.Context, prefix string, q url.Values) ([]entry, error) {
	callCtx, call := objects.Document(ctx)
	resp, session, err := s.do(callCtx, call, request{method: http.MethodGet, container: s.container, query: q})
	if err != nil {
		return nil, err
	}
	if resp.StatusCode == http.StatusNoContent && isSwift(call) && call.Header("X-Container-Object-Count") != "" {
		_ = resp.Body.Close()
		return nil, nil
	}
	if resp.StatusCode != http.StatusOK {
		return nil, s.failed(ctx, call, resp, session, operation{list: true})
	}
	entries, err := session.read(ctx, call, resp, prefix)
	if err == nil {
		s.seen.Store(true)
	}
	return entries, err
}

// look asks for one name below prefix, to find out whether the container is there.
func (s *Storage) look(ctx context.Context, prefix string) error {
	_, err := s.page(ctx, prefix, query("prefix", prefix, "limit", "1"))
	return err
}

// read makes sure that an answer is a page of a listing, and closes it.
func (s *session) read(ctx context.Context, call *objects.Call, resp *http.Response, what string) ([]entry, error) {
	defer resp.Body.Close()
	var entries []entry
	body := json.NewDecoder(resp.Body)
	err := body.Decode(&entries)
	if err == nil {
		if _, more := body.Token(); more != io.EOF {
			err = errors.New("text after the page")
		}
	}
	trouble := call.Trouble(ctx)
	switch {
	case err != nil && trouble != nil:
		return nil, trouble
	case !isSwift(call), !strings.Contains(call.Header("Content-Type"), "json"):
		return nil, notSwift(call.Answer(""), s.base.Host)
	case err != nil, entries == nil:
		return nil, storage.Incomplete(what, "is cut off")
	}
	return entries, nil
}

// whole returns the size of an object that is empty in a listing. The listing
// tells nothing of the segments of a dynamic large object.
func (s *Storage) whole(ctx context.Context, name string) (int64, error) {
	callCtx, call := objects.Document(ctx)
	resp, session, err := s.do(callCtx, call, request{method: http.MethodHead, container: s.container, object: name})
	if err != nil {
		return 0, err
	}
	if resp.StatusCode == http.StatusNotFound && isSwift(call) {
		_ = resp.Body.Close()
		return 0, nil // removed a moment ago
	}
	if resp.StatusCode != http.StatusOK || !isSwift(call) {
		return 0, s.failed(ctx, call, resp, session, operation{name: name})
	}
	_ = resp.Body.Close()
	return max(resp.ContentLength, 0), nil
}
