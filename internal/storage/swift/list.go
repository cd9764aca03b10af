package swift

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/storage"
	"syncline.dev/syncline/internal/storage/objects"
)

// manyNames is what a page is asked for, and fewNames what it is asked for from a
// server that allows less. A page with less than fewNames ends a listing. A longer
// one does not, even if it is shorter than it was asked for, because some servers
// bound their pages without a word.
const (
	manyNames = 10_000
	fewNames  = 1000
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

func query(prefix, marker string, limit int64) url.Values {
	q := url.Values{"format": {"json"}, "limit": {strconv.FormatInt(limit, 10)}}
	if prefix != "" {
		q.Set("prefix", prefix)
	}
	if marker != "" {
		q.Set("marker", marker)
	}
	return q
}

// list calls fn with every object below prefix and its full name.
func (s *Storage) list(ctx context.Context, prefix string, fn func(name string, size int64) error) error {
	return s.pages(ctx, prefix, "", func(e entry) error {
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

// pages calls fn with every entry of a listing. The names must go up from page
// to page, so that no page repeats and the listing ends.
func (s *Storage) pages(ctx context.Context, prefix, delimiter string, fn func(entry) error) error {
	for marker := ""; ; {
		limit := s.limit.Load()
		q := query(prefix, marker, limit)
		if delimiter != "" {
			q.Set("delimiter", delimiter)
		}
		entries, status, err := s.page(ctx, q, prefix)
		if status == http.StatusPreconditionFailed && limit > fewNames {
			s.limit.Store(fewNames)
			continue
		}
		if err != nil {
			return err
		}
		if len(entries) > 0 && entries[0].key() <= marker {
			return storage.Incomplete(prefix, "repeats a page")
		}
		for _, e := range entries {
			if err := errors.Join(ctx.Err(), fn(e)); err != nil {
				return err
			}
		}
		if len(entries) < fewNames {
			return ctx.Err()
		}
		marker = entries[len(entries)-1].key()
	}
}

// page asks for one page of the container's listing. It also returns the status.
func (s *Storage) page(ctx context.Context, q url.Values, prefix string) ([]entry, int, error) {
	callCtx, call := objects.Document(ctx)
	resp, session, err := s.do(callCtx, call, request{method: http.MethodGet, container: s.container, query: q})
	if err != nil {
		return nil, 0, err
	}
	if resp.StatusCode == http.StatusPreconditionFailed && isSwift(call) {
		_ = resp.Body.Close()
		return nil, resp.StatusCode, syncline.WrapError(syncline.CodeUnsupported, call.Answer(""),
			"the object store at %s gives less than %d names in a page of a listing, so that its listings cannot be read", session.base.Host, fewNames)
	}
	if resp.StatusCode == http.StatusNoContent && isSwift(call) && call.Header("X-Container-Object-Count") != "" {
		_ = resp.Body.Close()
		return nil, resp.StatusCode, nil
	}
	if resp.StatusCode != http.StatusOK {
		return nil, resp.StatusCode, s.failed(ctx, call, resp, session, operation{dir: prefix, list: true})
	}
	entries, err := session.read(ctx, call, resp, prefix)
	if err == nil {
		s.seen.Store(true)
	}
	return entries, resp.StatusCode, err
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
