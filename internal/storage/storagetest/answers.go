package storagetest

import (
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/storage"
)

// Answering starts a server that gives every request the same answer, for the test, and
// returns its address. The names of the header are in Go's form.
func Answering(t *testing.T, status int, header http.Header, body string) (url string) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		maps.Copy(w.Header(), header)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// CheckRefusal checks the error of a call: its code, whether it is worth another try, and a
// part of its message. No text of untold may be in it.
func CheckRefusal(t *testing.T, what string, err error, code syncline.Code, retryable bool, message string, untold ...string) {
	t.Helper()
	if syncline.CodeOf(err) != code || storage.IsRetryable(err) != retryable || !strings.Contains(syncline.MessageOf(err), message) {
		t.Errorf("%s: %v (retryable: %v), want %s with %q", what, err, storage.IsRetryable(err), code, message)
	}
	for _, text := range untold {
		if err != nil && strings.Contains(err.Error(), text) {
			t.Errorf("%s: %v repeats what it must not", what, err)
		}
	}
}
