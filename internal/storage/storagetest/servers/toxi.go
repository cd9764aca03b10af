package servers

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os/exec"
	"testing"
	"time"
)

// Link is a connection through toxiproxy: clients connect to Address, and reach the
// server behind it until the link is cut.
type Link struct {
	Address string
	api     string // of the proxy, in toxiproxy's own API
}

// StartLink starts a link to a server's address for the test.
func StartLink(t testing.TB, target string) *Link {
	t.Helper()
	api := freeAddress(t)
	host, port, _ := net.SplitHostPort(api)
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), installed(t, "bin", "toxiproxy"), "-host", host, "-port", port)
	start(t, cmd, api, "Starting HTTP server")
	l := &Link{Address: freeAddress(t), api: "http://" + api + "/proxies"}
	l.call(t, http.MethodPost, l.api, map[string]any{"name": "link", "listen": l.Address, "upstream": target, "enabled": true})
	l.api += "/link"
	return l
}

// Cut ends all connections, and refuses new ones until Mend.
func (l *Link) Cut(t testing.TB) {
	t.Helper()
	l.call(t, http.MethodPost, l.api, map[string]any{"enabled": false})
}

// Mend takes connections again after Cut.
func (l *Link) Mend(t testing.TB) {
	t.Helper()
	l.call(t, http.MethodPost, l.api, map[string]any{"enabled": true})
}

// Delay delays the bytes from the server by a time, from now on. It is called once.
func (l *Link) Delay(t testing.TB, d time.Duration) {
	t.Helper()
	l.call(t, http.MethodPost, l.api+"/toxics", map[string]any{
		"name": "delay", "type": "latency", "stream": "downstream", "attributes": map[string]any{"latency": d.Milliseconds()},
	})
}

func (l *Link) call(t testing.TB, method, url string, body any) {
	t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(context.WithoutCancel(t.Context()), method, url, bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	said, _ := io.ReadAll(answer.Body) // adds to the message
	if answer.StatusCode >= 300 {
		t.Fatalf("toxiproxy: %s %s: %s %s", method, url, answer.Status, said)
	}
}
