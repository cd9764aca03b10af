package servers_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"syncline.dev/syncline/internal/storage/storagetest/servers"
)

// TestLink cuts a link and mends it.
func TestLink(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "here")
	}))
	defer server.Close()
	link := servers.StartLink(t, server.Listener.Addr().String())
	reach := func() error {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+link.Address, nil)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := http.DefaultClient.Do(r)
		if err == nil {
			_ = answer.Body.Close()
		}
		return err
	}
	if err := reach(); err != nil {
		t.Fatal(err)
	}
	link.Cut(t)
	if reach() == nil {
		t.Error("a link that is cut leads to the server")
	}
	link.Mend(t)
	if err := reach(); err != nil {
		t.Error(err)
	}
}
