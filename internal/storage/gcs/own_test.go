package gcs_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/storage"
	"syncline.dev/syncline/internal/storage/gcs"
)

// metadata stands in for the metadata service of a machine.
func metadata(t *testing.T, status int, body string) *[]*http.Request {
	t.Helper()
	var seen []*http.Request
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen = append(seen, r)
		w.Header().Set("Metadata-Flavor", "Google")
		w.WriteHeader(status)
		fmt.Fprint(w, body)
	}))
	t.Cleanup(server.Close)
	t.Setenv("GCE_METADATA_HOST", strings.TrimPrefix(server.URL, "http://"))
	t.Setenv("HOME", t.TempDir())
	t.Setenv("GOOGLE_APPLICATION_CREDENTIALS", "")
	return &seen
}

// A machine's service account gives tokens, which are renewed.
func TestMachineAccount(t *testing.T) {
	for _, tt := range []struct {
		label     string
		status    int
		body      string
		code      syncline.Code
		retryable bool
		message   string
	}{
		{"a token", 200, `{"access_token":"token-0","expires_in":3600,"token_type":"Bearer"}`, "", false, ""},
		{"no account", 404, "free text", syncline.CodeForbidden, false, "has no service account"},
		{"no right", 403, "free text", syncline.CodeForbidden, false, "gives no token (403)"},
		{"away", 503, "free text", syncline.CodeUnavailable, true, "gives no credentials now"},
		{"a web site", 200, "<html>free text", syncline.CodeUnavailable, false, "does not answer like"},
		{"too much", 200, `{"access_token":"` + strings.Repeat("x", 2<<20) + `"}`, syncline.CodeUnavailable, false, "does not answer like"},
	} {
		t.Run(tt.label, func(t *testing.T) {
			seen := metadata(t, tt.status, tt.body)
			server := startGoogle(t, 3600)
			err := list(t.Context(), open(t, gcs.Config{Endpoint: server.URL, Bucket: "bucket", UserCredentials: true}))
			if syncline.CodeOf(err) != tt.code || storage.IsRetryable(err) != tt.retryable || err != nil && !strings.Contains(syncline.MessageOf(err), tt.message) {
				t.Errorf("%v (%s), want %s with %q", err, syncline.CodeOf(err), tt.code, tt.message)
			}
			if err != nil && strings.Contains(err.Error(), "free text") {
				t.Errorf("%v repeats an answer", err)
			}
			if r := (*seen)[0]; r.Header.Get("Metadata-Flavor") != "Google" || !strings.Contains(r.URL.RawQuery, "devstorage.read_only") {
				t.Errorf("asked with %v", r.URL)
			}
		})
	}
}

// Errors of a file of Google's tools repeat nothing of it.
func TestBrokenFiles(t *testing.T) {
	server := startGoogle(t, 3600)
	for label, file := range map[string]map[string]any{
		"a service that is gone": {"type": "authorized_user", "client_id": "c", "client_secret": "hunter2", "refresh_token": "r", "token_uri": "http://127.0.0.1:1/token"},
		"a program":              {"type": "external_account", "audience": "a", "subject_token_type": "t", "token_url": "https://sts.googleapis.com/v1/token", "credential_source": map[string]any{"executable": map[string]any{"command": "/bin/true"}}},
		"nothing":                {"type": "hunter2"},
	} {
		text, err := json.Marshal(file)
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), "adc.json")
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		t.Setenv("GOOGLE_APPLICATION_CREDENTIALS", path)
		err = list(t.Context(), open(t, gcs.Config{Endpoint: server.URL, Bucket: "bucket", UserCredentials: true}))
		if err == nil || strings.Contains(syncline.MessageOf(err), "hunter2") {
			t.Errorf("%s: %v", label, err)
		}
	}
}

// The server's own tokens go to Google's names only.
func TestOwnTokensStayWithGoogle(t *testing.T) {
	_, err := gcs.Open(t.Context(), gcs.Config{Endpoint: "https://storage.example", Bucket: "bucket", UserCredentials: true, GuardToken: true})
	if syncline.CodeOf(err) != syncline.CodeInvalid || !strings.Contains(syncline.MessageOf(err), "Google's own addresses only") {
		t.Errorf("%v", err)
	}
}
