package gcs_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/storage"
	"syncline.dev/syncline/internal/storage/gcs"
	"syncline.dev/syncline/internal/storage/storagetest"
	"syncline.dev/syncline/internal/storage/storagetest/servers"
)

func open(t *testing.T, c gcs.Config) *gcs.Storage {
	t.Helper()
	s, err := gcs.Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestConformance runs in a folder of the bucket. Storing the suite's objects
// takes ten seconds, and the other tests use the root.
func TestConformance(t *testing.T) {
	server := servers.StartGCS(t)
	var n atomic.Int64
	storagetest.Run(t, func(t *testing.T, files map[string][]byte) storage.Storage {
		bucket := fmt.Sprintf("bucket-%d", n.Add(1))
		server.Put(t, bucket, "some/folder", files)
		return open(t, gcs.Config{Endpoint: server.URL, Bucket: bucket, Prefix: "some/folder", Anonymous: true})
	})
}

func TestNoSuchBucket(t *testing.T) {
	server := servers.StartGCS(t)
	server.Put(t, "bucket", "", map[string][]byte{"other/config": nil})
	s := open(t, gcs.Config{Endpoint: server.URL, Bucket: "none-such", AccessToken: "any"})
	_, openErr := storagetest.ReadAll(t.Context(), s, "config", 0, -1)
	_, listErr := storagetest.ListAll(t, s, "keys")
	for _, err := range []error{openErr, listErr} {
		if syncline.CodeOf(err) != syncline.CodeNoRepository || !errors.Is(err, fs.ErrNotExist) || !strings.Contains(syncline.MessageOf(err), `no bucket "none-such"`) {
			t.Errorf("%v, want CodeNoRepository", err)
		}
	}
	counter := storage.NewCounter(open(t, gcs.Config{Endpoint: server.URL, Bucket: "bucket", AccessToken: "any"}))
	for range 2 {
		_, err := storagetest.ReadAll(t.Context(), counter, "config", 0, -1)
		if syncline.CodeOf(err) != syncline.CodeNotFound || !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%v, want CodeNotFound", err)
		}
	}
	if requests, _, _ := counter.Counts(); requests["get config"] != 3 {
		t.Errorf("%v; looking for the bucket once must do", requests)
	}
}

func TestConfigRefused(t *testing.T) {
	tests := []struct {
		config  gcs.Config
		message string
	}{
		{gcs.Config{Anonymous: true}, "name of the bucket is missing"},
		{gcs.Config{Bucket: "a/b", Anonymous: true}, "no name of a bucket"},
		{gcs.Config{Bucket: "bucket"}, "no credentials"},
		{gcs.Config{Bucket: "bucket", AccessToken: "a\r\nb"}, "access token has characters"},
		{gcs.Config{Bucket: "bucket", KeyFile: []byte("no JSON")}, "no JSON key"},
		{gcs.Config{Bucket: "bucket", KeyFile: []byte(`{"type":"external_account","credential_source":{"executable":{"command":"/bin/false"}}}`)}, "no JSON key of a Google service account"},
		{gcs.Config{Bucket: "bucket", KeyFile: []byte(`{"type":"service_account"}`)}, "no JSON key of a Google service account"},
		{gcs.Config{Bucket: "bucket", Anonymous: true, Endpoint: "https://host/path"}, "endpoint must be a host's name"},
		{gcs.Config{Bucket: "bucket", Anonymous: true, Endpoint: "https://u:p@host"}, "endpoint must be a host's name"},
		{gcs.Config{Bucket: "bucket", Anonymous: true, Prefix: "a/../b"}, "no valid name"},
		{gcs.Config{Bucket: "bucket", Anonymous: true, CA: []byte("no PEM")}, "CA bundle"},
	}
	for _, tt := range tests {
		_, err := gcs.Open(t.Context(), tt.config)
		if syncline.CodeOf(err) != syncline.CodeInvalid || !strings.Contains(syncline.MessageOf(err), tt.message) {
			t.Errorf("%+v: %v, want a refusal with %q", tt.config, err, tt.message)
		}
	}
}

// answer is a server that gives every request the same answer.
func answer(t *testing.T, status int, header http.Header, body string) gcs.Config {
	t.Helper()
	return gcs.Config{Endpoint: storagetest.Answering(t, status, header, body), Bucket: "bucket", AccessToken: "ya29.not-to-be-told"}
}

func TestAnswers(t *testing.T) {
	inJSON := http.Header{"Content-Type": {"application/json; charset=UTF-8"}}
	reason := func(s string) string { return `{"error":{"errors":[{"reason":"` + s + `"}],"message":"free text"}}` }
	const start = `{"kind":"storage#objects",`
	tests := []struct {
		label     string
		status    int
		header    http.Header
		body      string
		code      syncline.Code
		retryable bool
		message   string
		listOnly  bool
	}{
		{"a web site", 200, nil, "<html>Hello</html>", syncline.CodeInvalid, true, "does not answer like Google Cloud Storage", false},
		{"a missing page", 404, nil, "not found", syncline.CodeInvalid, true, "does not answer like Google", false},
		{"a redirect", 302, http.Header{"Location": {"/login"}}, "", syncline.CodeInvalid, true, "does not answer like Google", false},
		{"S3", 403, http.Header{"Content-Type": {"application/xml"}}, "<Error/>", syncline.CodeInvalid, true, "does not answer like Google", false},
		{"another API", 200, inJSON, `{"kind":"x"}`, syncline.CodeInvalid, true, "does not answer like Google", true},
		{"nothing", 200, inJSON, "", syncline.CodeUnavailable, true, "is cut off", true},
		{"cut off", 200, inJSON, start + `"items":[{"name":"snapsh`, syncline.CodeUnavailable, true, "is cut off", true},
		{"something behind", 200, inJSON, start + `"items":[]}{}`, syncline.CodeUnavailable, true, "is cut off", true},
		{"other files", 200, inJSON, start + `"items":[{"name":"keys/a","size":"1"}]}`, syncline.CodeUnavailable, true, "not asked for", true},
		{"no size", 200, inJSON, start + `"items":[{"name":"snapshots/a"}]}`, syncline.CodeUnavailable, true, "not asked for", true},
		{"a circle", 200, inJSON, start + `"nextPageToken":"again"}`, syncline.CodeUnavailable, true, "repeats a page", true},
		{"busy", 503, nil, "", syncline.CodeUnavailable, true, "cannot answer now", false},
		{"too many", 429, inJSON, reason("rateLimitExceeded"), syncline.CodeUnavailable, true, "cannot answer now", false},
		{"too many in old words", 403, inJSON, reason("userRateLimitExceeded"), syncline.CodeUnavailable, true, "cannot answer now", false},
		{"broken", 500, inJSON, reason("backendError"), syncline.CodeUnavailable, true, "cannot answer now", false},
		{"bad token", 401, inJSON, reason("authError"), syncline.CodeForbidden, false, "does not accept the access token", false},
		{"no right", 403, inJSON, reason("forbidden"), syncline.CodeForbidden, false, "these credentials may not", false},
		{"no billing", 403, inJSON, reason("accountDisabled"), syncline.CodeUnavailable, false, "look at its billing", false},
		{"requester pays", 400, inJSON, reason("userProjectMissing"), syncline.CodeUnsupported, false, "requesters pay", false},
		{"bad bucket", 400, inJSON, reason("invalid"), syncline.CodeInvalid, false, "no name of a bucket", true},
		{"something new", 418, inJSON, reason("teapot"), syncline.CodeUnavailable, false, "418 (teapot)", false},
	}
	for _, tt := range tests {
		t.Run(tt.label, func(t *testing.T) {
			c := answer(t, tt.status, tt.header, tt.body)
			listErr := open(t, c).List(t.Context(), "snapshots", func(string, int64) error { return nil })
			_, openErr := storagetest.ReadAll(t.Context(), open(t, c), "config", 0, -1)
			storagetest.CheckRefusal(t, "List", listErr, tt.code, tt.retryable, tt.message, c.AccessToken, "free text")
			if !tt.listOnly {
				storagetest.CheckRefusal(t, "Open", openErr, tt.code, tt.retryable, tt.message, c.AccessToken, "free text")
			}
		})
	}
}

// TestReadBreaksOff cuts an answer in its middle.
func TestReadBreaksOff(t *testing.T) {
	content := storagetest.Bytes(1, 100_000)
	var asked []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.Header.Get("Range"))
		w.Header().Set("X-Goog-Generation", "1")
		if len(asked) == 1 {
			w.Header().Set("Content-Length", fmt.Sprint(len(content)))
			_, _ = w.Write(content[:70_000])
			panic(http.ErrAbortHandler)
		}
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
	}))
	defer server.Close()
	s := storage.NewRetry(open(t, gcs.Config{Endpoint: server.URL, Bucket: "bucket", Anonymous: true}),
		storage.RetryOptions{MinDelay: time.Millisecond, MaxDelay: time.Millisecond})
	got, err := storagetest.ReadAll(t.Context(), s, "data/ab/pack", 0, -1)
	if err != nil || !bytes.Equal(got, content) {
		t.Fatalf("got %d bytes, %v", len(got), err)
	}
	if len(asked) != 2 || asked[0] != "" || !strings.HasPrefix(asked[1], "bytes=") || asked[1] == "bytes=0-" {
		t.Errorf("asked for %q; the second request must go on where the first broke off", asked)
	}
}

// TestFaultsOnTheWire reads through a server that fails every eighth time.
func TestFaultsOnTheWire(t *testing.T) {
	server := servers.StartGCS(t)
	files := storagetest.SomeFiles()
	server.Put(t, "bucket", "repo", files)
	faulty := servers.StartFaulty(t, server.URL, 1, 0.125)
	storagetest.CheckThroughFaults(t, open(t, gcs.Config{Endpoint: faulty.URL, Bucket: "bucket", Prefix: "repo", Anonymous: true}), files)
	faulty.CheckMade(t)
}
