package swift_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/storage"
	"syncline.dev/syncline/internal/storage/storagetest"
	"syncline.dev/syncline/internal/storage/swift"
)

// served is the configuration for a handler in place of an object store.
func served(t *testing.T, h http.HandlerFunc) swift.Config {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return at(server.URL)
}

// at is the configuration for an object store at an address.
func at(url string) swift.Config {
	return swift.Config{Container: "container", Credentials: swift.Credentials{StorageURL: url + "/v1/AUTH_a", AuthToken: "not-to-be-told"}}
}

func TestAnswers(t *testing.T) {
	const inJSON, inHTML = "application/json; charset=utf-8", "text/html; charset=UTF-8"
	swiftly := func(pairs ...string) http.Header {
		h := http.Header{"X-Trans-Id": {"tx1"}, "Content-Type": {inHTML}}
		for i := 0; i+1 < len(pairs); i += 2 {
			h.Set(pairs[i], pairs[i+1])
		}
		return h
	}
	page := swiftly("Content-Type", inJSON)
	const free = "free text not-to-be-told"
	many := func(from, to int) string {
		var items []string
		for i := from; i < to; i++ {
			items = append(items, fmt.Sprintf(`{"name":"snapshots/%06d","bytes":1}`, i))
		}
		return "[" + strings.Join(items, ",") + "]"
	}
	tests := []struct {
		label     string
		status    int
		header    http.Header
		body      string
		code      syncline.Code
		retryable bool
		message   string
		only      string // "list" or "open"; "" for both
	}{
		{"a web site", 200, http.Header{"Content-Type": {inHTML}}, "<html>Hello</html>", syncline.CodeInvalid, true, "does not answer like OpenStack", ""},
		{"a web site with a list", 200, http.Header{"Content-Type": {inJSON}}, "[]", syncline.CodeInvalid, true, "does not answer like OpenStack", ""},
		{"a page of Swift's", 200, swiftly(), "<html>Hello</html>", syncline.CodeInvalid, true, "does not answer like OpenStack", "list"},
		{"a missing page", 404, http.Header{"Content-Type": {inHTML}}, free, syncline.CodeInvalid, true, "does not answer like OpenStack", ""},
		{"a redirect", 302, http.Header{"Location": {"/login"}}, "", syncline.CodeInvalid, true, "does not answer like OpenStack", ""},
		{"nothing", 200, page, "", syncline.CodeUnavailable, true, "is cut off", "list"},
		{"null", 200, page, "null", syncline.CodeUnavailable, true, "is cut off", "list"},
		{"cut off", 200, page, many(0, 3)[:30], syncline.CodeUnavailable, true, "is cut off", "list"},
		{"text behind", 200, page, "[][]", syncline.CodeUnavailable, true, "is cut off", "list"},
		{"other files", 200, page, `[{"name":"keys/a","bytes":1}]`, syncline.CodeUnavailable, true, "not asked for", "list"},
		{"no size", 200, page, `[{"name":"snapshots/a"}]`, syncline.CodeUnavailable, true, "not asked for", "list"},
		{"a circle", 200, page, many(0, 3), syncline.CodeUnavailable, true, "repeats a page", "list"},
		{"a circle of pages that go down", 200, page, `[{"name":"snapshots/b","bytes":1},{"name":"snapshots/a","bytes":1}]`, syncline.CodeUnavailable, true, "repeats a page", "list"},
		{"an old token", 401, swiftly(), free, syncline.CodeForbidden, false, "does not accept the token", ""},
		{"no rights", 403, swiftly(), free, syncline.CodeForbidden, false, "these credentials may not", ""},
		{"busy", 503, swiftly(), free, syncline.CodeUnavailable, true, "cannot answer now", ""},
		{"too many", 498, swiftly(), free, syncline.CodeUnavailable, true, "too many requests", ""},
		{"broken", 500, nil, free, syncline.CodeUnavailable, true, "cannot answer now", ""},
		{"no segments", 409, swiftly(), free, syncline.CodeUnavailable, false, "segments are not all there", "open"},
		{"something new", 418, swiftly(), free, syncline.CodeUnavailable, false, "refused a request with 418", ""},
	}
	for _, tt := range tests {
		t.Run(tt.label, func(t *testing.T) {
			c := at(storagetest.Answering(t, tt.status, tt.header, tt.body))
			errs := map[string]error{"list": open(t, c).List(t.Context(), "snapshots", func(string, int64) error { return nil })}
			_, errs["open"] = storagetest.ReadAll(t.Context(), open(t, c), "config", 0, -1)
			for what, err := range errs {
				if tt.only != "" && tt.only != what {
					continue
				}
				storagetest.CheckRefusal(t, what, err, tt.code, tt.retryable, tt.message, "not-to-be-told")
			}
		})
	}
}

// TestShortPages lists all names of services that bound their pages without a word, of
// objects, folders and containers.
func TestShortPages(t *testing.T) {
	const names, most = 25, 10
	var asked atomic.Int64
	c := served(t, func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		q := r.URL.Query()
		w.Header().Set("X-Trans-Id", "tx1")
		w.Header().Set("Content-Type", "application/json")
		form := `{"name":"%03d"}` // of a container
		if r.URL.Path != "/v1/AUTH_a" {
			form = `{"name":"snapshots/%03d","bytes":1}`
		}
		if q.Get("delimiter") != "" {
			form = `{"subdir":"%03d/"}`
		}
		items := []string{}
		for i := range names {
			item := fmt.Sprintf(form, i)
			if name := strings.Split(item, `"`)[3]; name > q.Get("marker") && len(items) < most {
				items = append(items, item)
			}
		}
		_, _ = fmt.Fprintf(w, "[%s]", strings.Join(items, ","))
	})
	client, err := swift.Connect(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	for what, list := range map[string]func() (int, error){
		"objects": func() (int, error) { got, err := storagetest.ListAll(t, open(t, c), "snapshots"); return len(got), err },
		"folders": func() (int, error) {
			got, err := client.ListFolders(t.Context(), "container", "")
			return len(got), err
		},
		"containers": func() (int, error) { got, err := client.ListBuckets(t.Context()); return len(got), err },
	} {
		asked.Store(0)
		if n, err := list(); err != nil || n != names || asked.Load() != 4 {
			t.Errorf("%s: listed %d of %d in %d requests, %v; want 4 requests", what, n, names, asked.Load(), err)
		}
	}
}

// TestArchived leaves an object in OVHcloud's archive asleep after one request.
func TestArchived(t *testing.T) {
	c := served(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Trans-Id", "tx1")
		w.Header().Set("X-Ovh-Retrieval-State", "sealed")
		w.Header().Set("Retry-After", "14400")
		w.WriteHeader(http.StatusTooManyRequests)
	})
	_, err := storagetest.ReadAll(t.Context(), open(t, c), "data/ab/pack", 0, 2)
	if !errors.Is(err, storage.ErrArchived) || storage.IsRetryable(err) {
		t.Errorf("%v, want ErrArchived and no retry", err)
	}
}

// TestEveryRequestIsMadeOnce counts the requests to a failing service.
func TestEveryRequestIsMadeOnce(t *testing.T) {
	var asked atomic.Int64
	c := served(t, func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		w.Header().Set("Retry-After", "7")
		w.WriteHeader(http.StatusServiceUnavailable)
	})
	counter := storage.NewCounter(open(t, c))
	_, err := counter.Open(t.Context(), "config", 0, -1)
	var request *storage.RequestError
	if !errors.As(err, &request) || !request.Throttled || request.RetryAfter != 7*time.Second {
		t.Errorf("%#v, want a throttled request that is to wait for 7 s", err)
	}
	if requests, _, _ := counter.Counts(); asked.Load() != 1 || requests["get config"] != 1 {
		t.Errorf("the service was asked %d times, counted were %v; want 1", asked.Load(), requests)
	}
}

// TestReadBreaksOff cuts an answer in its middle.
func TestReadBreaksOff(t *testing.T) {
	content := storagetest.Bytes(1, 100_000)
	var asked []string
	c := served(t, func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.Header.Get("Range"))
		w.Header().Set("X-Trans-Id", "tx1")
		if len(asked) == 1 {
			w.Header().Set("Content-Length", fmt.Sprint(len(content)))
			_, _ = w.Write(content[:70_000])
			panic(http.ErrAbortHandler)
		}
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
	})
	s := storage.NewRetry(open(t, c), storage.RetryOptions{MinDelay: time.Millisecond, MaxDelay: time.Millisecond})
	got, err := storagetest.ReadAll(context.WithoutCancel(t.Context()), s, "data/ab/pack", 0, -1)
	if err != nil || !bytes.Equal(got, content) {
		t.Fatalf("got %d bytes, %v", len(got), err)
	}
	if len(asked) != 2 || asked[0] != "" || !strings.HasPrefix(asked[1], "bytes=") || asked[1] == "bytes=0-" {
		t.Errorf("asked for %q; the second request must go on where the first broke off", asked)
	}
}
