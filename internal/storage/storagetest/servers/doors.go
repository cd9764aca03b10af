package servers

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
)

// Google is a GCS server behind a door that requires a token and gives tokens
// to a service account. fake-gcs-server requires none.
type Google struct {
	*GCS
	URL     string // of the door
	KeyFile string // of the service account
	Token   string // token that the door gives out
}

// StartGoogle starts the server and its door for the test.
func StartGoogle(t testing.TB) *Google {
	t.Helper()
	g := &Google{GCS: StartGCS(t), Token: "ya29.not-to-be-told-either"}
	g.URL = StartDoor(t, g.GCS.URL, func(w http.ResponseWriter, r *http.Request) bool {
		switch {
		case r.URL.Path == "/token" && r.FormValue("assertion") != "":
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprintf(w, `{"access_token":%q,"token_type":"Bearer","expires_in":3600}`, g.Token)
		case r.Header.Get("Authorization") != "Bearer "+g.Token:
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = io.WriteString(w, `{"error":{"errors":[{"reason":"authError"}]}}`)
		default:
			return false
		}
		return true
	})
	g.KeyFile = serviceAccount(t, g.URL+"/token")
	return g
}

// StartDoor starts a door before the server at target, for the test, and
// returns its address. A request that answer does not answer goes to the
// server.
func StartDoor(t testing.TB, target string, answer func(http.ResponseWriter, *http.Request) bool) string {
	t.Helper()
	proxy := newProxy(t, target)
	door := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !answer(w, r) {
			proxy.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(door.Close)
	return door.URL
}

func newProxy(t testing.TB, target string) *httputil.ReverseProxy {
	t.Helper()
	u, err := url.Parse(target)
	if err != nil {
		t.Fatal(err)
	}
	return &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(u)
		r.Out.Host = r.In.Host // the host is signed
	}}
}

// serviceAccount makes a key file whose tokens come from an address.
func serviceAccount(t testing.TB, tokens string) string {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(map[string]string{
		"type": "service_account", "project_id": "test", "client_email": "test@test.example", "private_key_id": "1", "token_uri": tokens,
		"private_key": string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})),
	})
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// Proxy is a proxy for https that leads every host to one server, in place of a
// name server.
type Proxy struct {
	URL string

	mu    sync.Mutex
	hosts map[string]bool
}

// StartProxy starts a Proxy before the server at target, for the test.
func StartProxy(t testing.TB, target string) *Proxy {
	t.Helper()
	u, err := url.Parse(target)
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{hosts: map[string]bool{}}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodConnect {
			w.WriteHeader(http.StatusMethodNotAllowed)
			return
		}
		p.mu.Lock()
		p.hosts[r.Host] = true
		p.mu.Unlock()
		tunnel(w, r, u.Host)
	}))
	t.Cleanup(server.Close)
	p.URL = server.URL
	return p
}

// Hosts returns the requested hosts, with their ports.
func (p *Proxy) Hosts() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var hosts []string
	for host := range p.hosts {
		hosts = append(hosts, host)
	}
	return hosts
}

// tunnel connects a client's connection with a new one to an address.
func tunnel(w http.ResponseWriter, r *http.Request, address string) {
	server, err := new(net.Dialer).DialContext(r.Context(), "tcp", address)
	if err != nil {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	defer func() { _ = server.Close() }()
	// The answer comes after Hijack. Before it, the server could read the client's first byte.
	client, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer func() { _ = client.Close() }()
	if _, err := io.WriteString(client, "HTTP/1.1 200 OK\r\n\r\n"); err != nil {
		return
	}
	done := make(chan struct{}, 2)
	for _, way := range [][2]net.Conn{{client, server}, {server, client}} {
		go func() {
			_, _ = io.Copy(way[0], way[1])
			done <- struct{}{}
		}()
	}
	<-done
}

// Meter is a door that counts the bytes of objects that a server sends.
type Meter struct {
	URL   string
	bytes atomic.Int64
}

// StartMeter starts a Meter before the server at target, for the test.
func StartMeter(t testing.TB, target string) *Meter {
	t.Helper()
	m := &Meter{}
	proxy := newProxy(t, target)
	proxy.ModifyResponse = func(r *http.Response) error {
		if r.Request.URL.Query().Get("list-type") == "" {
			r.Body = &metered{r.Body, &m.bytes}
		}
		return nil
	}
	server := httptest.NewServer(proxy)
	t.Cleanup(server.Close)
	m.URL = server.URL
	return m
}

// Bytes returns the number of bytes so far.
func (m *Meter) Bytes() int64 { return m.bytes.Load() }

type metered struct {
	io.ReadCloser
	bytes *atomic.Int64
}

func (m *metered) Read(p []byte) (int, error) {
	n, err := m.ReadCloser.Read(p)
	m.bytes.Add(int64(n))
	return n, err
}
