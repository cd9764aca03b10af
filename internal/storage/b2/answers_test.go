package b2_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/storage"
	"syncline.dev/syncline/internal/storage/b2"
	"syncline.dev/syncline/internal/storage/storagetest"
	"syncline.dev/syncline/internal/storage/storagetest/servers"
)

// served is the configuration for a handler in place of Backblaze, after a
// sign-in that leads to these addresses; "" for the handler's own.
func served(t *testing.T, api, download string, h http.HandlerFunc) b2.Config {
	t.Helper()
	var server *httptest.Server
	server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		own := func(address string) string {
			if address == "" {
				return server.URL
			}
			return address
		}
		if r.URL.Path == "/b2api/v3/b2_authorize_account" {
			_, _ = fmt.Fprintf(w, `{"accountId":"a","authorizationToken":"not-to-be-told","apiInfo":{"storageApi":{"apiUrl":%q,"downloadUrl":%q,"bucketId":"1","bucketName":"bucket"}}}`,
				own(api), own(download))
			return
		}
		h(w, r)
	}))
	t.Cleanup(server.Close)
	return b2.Config{Endpoint: server.URL, KeyID: "id", Key: "not-to-be-told", Bucket: "bucket"}
}

func TestAnswers(t *testing.T) {
	refusal := func(status int, code string) string {
		return fmt.Sprintf(`{"status":%d,"code":%q,"message":"not-to-be-told"}`, status, code)
	}
	const inJSON, inHTML = "application/json;charset=UTF-8", "text/html"
	tests := []struct {
		label       string
		status      int
		contentType string
		body        string
		code        syncline.Code
		retryable   bool
		message     string
		only        string // "list" or "open"; "" for both
	}{
		{"a web site", 200, inHTML, "<html>Hello</html>", syncline.CodeInvalid, true, "is not Backblaze's", ""},
		{"a missing page", 404, inHTML, "not found", syncline.CodeInvalid, true, "is not Backblaze's", ""},
		{"a range of a web site", 416, inHTML, "no", syncline.CodeInvalid, true, "is not Backblaze's", ""},
		{"a redirect", 302, inHTML, "", syncline.CodeInvalid, true, "is not Backblaze's", ""},
		{"another list", 200, inJSON, `[]`, syncline.CodeUnavailable, true, "is cut off", "list"},
		{"another document", 200, inJSON, `{}`, syncline.CodeUnavailable, true, "is cut off", "list"},
		{"nothing", 200, inJSON, "", syncline.CodeUnavailable, true, "is cut off", "list"},
		{"cut off", 200, inJSON, `{"files":[{"fileName":"snap`, syncline.CodeUnavailable, true, "is cut off", "list"},
		{"text behind", 200, inJSON, `{"files":[]}{}`, syncline.CodeUnavailable, true, "is cut off", "list"},
		{"other files", 200, inJSON, `{"files":[{"fileName":"keys/a","contentLength":1,"action":"upload"}]}`, syncline.CodeUnavailable, true, "not asked for", "list"},
		{"no size", 200, inJSON, `{"files":[{"fileName":"snapshots/a","action":"upload"}]}`, syncline.CodeUnavailable, true, "not asked for", "list"},
		{"a circle", 200, inJSON, `{"files":[{"fileName":"snapshots/a","contentLength":1,"action":"upload"}],"nextFileName":"snapshots/a"}`, syncline.CodeUnavailable, true, "repeats a page", "list"},
		{"an empty circle", 200, inJSON, `{"files":[],"nextFileName":"snapshots/a"}`, syncline.CodeUnavailable, true, "repeats a page", "list"},
		{"an old token, twice", 401, inJSON, refusal(401, "expired_auth_token"), syncline.CodeForbidden, false, "its own token", ""},
		{"no right", 401, inJSON, refusal(401, "unauthorized"), syncline.CodeForbidden, false, "this application key may not", ""},
		{"the day's cap", 403, inJSON, refusal(403, "download_cap_exceeded"), syncline.CodeUnavailable, false, "daily cap", ""},
		{"busy", 503, inJSON, refusal(503, "service_unavailable"), syncline.CodeUnavailable, true, "cannot answer now", ""},
		{"too many", 429, inJSON, refusal(429, "too_many_requests"), syncline.CodeUnavailable, true, "cannot answer now", ""},
		{"something new", 418, inJSON, refusal(418, "teapot"), syncline.CodeUnavailable, false, "418 (teapot)", ""},
	}
	for _, tt := range tests {
		t.Run(tt.label, func(t *testing.T) {
			c := served(t, "", "", func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", tt.contentType)
				w.WriteHeader(tt.status)
				_, _ = io.WriteString(w, tt.body)
			})
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

// TestSignInAnswers reads no page for a sign-in, and follows no address that no
// storage has.
func TestSignInAnswers(t *testing.T) {
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>Hello") }))
	defer site.Close()
	old := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"accountId":"a","authorizationToken":"t","apiUrl":"http://x","downloadUrl":"http://x"}`)
	}))
	defer old.Close()
	none := func(http.ResponseWriter, *http.Request) {}
	local := served(t, "", "", none)
	local.DenyPrivate = true
	for label, tt := range map[string]struct {
		c       b2.Config
		message string
	}{
		"a web site":          {b2.Config{Endpoint: site.URL, KeyID: "id", Key: "k", Bucket: "bucket"}, "is not Backblaze's"},
		"an older version":    {b2.Config{Endpoint: old.URL, KeyID: "id", Key: "k", Bucket: "bucket"}, "is not Backblaze's"},
		"metadata, API":       {served(t, "http://169.254.169.254", "", none), "link-local"},
		"metadata, downloads": {served(t, "", "http://169.254.169.254", none), "link-local"},
		"no address":          {served(t, "ftp://x", "", none), "no valid address"},
		"a secret in it":      {served(t, "", "http://u:not-to-be-told@x", none), "no valid address"},
		"loopback":            {local, "this very machine"},
	} {
		_, openErr := storagetest.ReadAll(t.Context(), open(t, tt.c), "config", 0, -1)
		_, listErr := storagetest.ListAll(t, open(t, tt.c), "keys")
		said := false
		for _, err := range []error{openErr, listErr} {
			said = said || strings.Contains(syncline.MessageOf(err), tt.message)
			if err != nil && strings.Contains(err.Error(), "not-to-be-told") {
				t.Errorf("%s: %v tells a secret", label, err)
			}
		}
		if !said {
			t.Errorf("%s: %v and %v, want %q", label, openErr, listErr, tt.message)
		}
	}
}

// TestEveryRequestIsMadeOnce counts the requests to a failing service.
func TestEveryRequestIsMadeOnce(t *testing.T) {
	var asked atomic.Int64
	c := served(t, "", "", func(w http.ResponseWriter, _ *http.Request) {
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
	if requests, _, _ := counter.Counts(); asked.Load() != 1 || requests["get config"] != 2 {
		t.Errorf("the service was asked %d times, counted were %v; want a sign-in and one request", asked.Load(), requests)
	}
}

// TestReadBreaksOff cuts an answer in its middle.
func TestReadBreaksOff(t *testing.T) {
	content := storagetest.Bytes(1, 100_000)
	var asked []string
	c := served(t, "", "", func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.Header.Get("Range"))
		w.Header().Set("X-Bz-File-Id", "1")
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

// TestFaultsOnTheWire reads through a server that fails every eighth time.
func TestFaultsOnTheWire(t *testing.T) {
	server := servers.StartB2(t)
	files := storagetest.SomeFiles()
	server.Put("bucket", "repo", files)
	faulty := servers.StartFaulty(t, server.URL, 1, 0.125)
	c := config(server, "bucket", "repo")
	c.Endpoint = faulty.URL
	storagetest.CheckThroughFaults(t, open(t, c), files)
	faulty.CheckMade(t)
}
