package objects_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/storage"
	"syncline.dev/syncline/internal/storage/objects"
)

func TestCheckAddress(t *testing.T) {
	const never, private, always = "never", "unless private ones are denied", "always"
	tests := map[string]string{
		"169.254.169.254": never, "169.254.0.1": never, "fe80::1": never, "fe80::1%eth0": never,
		"::ffff:169.254.169.254": never, "64:ff9b::a9fe:a9fe": never, "2002:a9fe:a9fe::1": never,
		"fd00:ec2::254": never, "100.100.100.200": never, "192.0.0.192": never, "168.63.129.16": never,
		"224.0.0.1": never, "ff02::1": never,
		"127.0.0.1": private, "127.8.9.1": private, "::1": private, "0.0.0.0": private, "::": private, "0.1.2.3": private,
		"10.0.0.1": private, "172.16.0.1": private, "172.31.255.255": private, "192.168.1.1": private,
		"100.64.0.1": private, "fd12::1": private, "fec0::1": private, "::ffff:10.0.0.1": private, "64:ff9b::a00:1": private,
		"::169.254.169.254": never, "::ffff:0:169.254.169.254": never, "64:ff9b:1::a9fe:a9fe": never, "64:ff9b:1:a9fe:a9:fe00::": never,
		"2001:0:a9fe:a9fe::": never, "2001:0:808:808::5601:5601": never, "2001:db8::5efe:a9fe:a9fe": never, "2001:db8::200:5efe:a9fe:a9fe": never,
		"::100.100.100.200": never, "64:ff9b::100.100.100.200": never, "2002:6464:64c8::1": never, "::224.0.0.1": never,
		"::127.0.0.1": private, "::10.0.0.1": private, "::2": private, "::ffff:0:127.0.0.1": private, "2002:7f00:1::": private, "64:ff9b::7f00:1": private,
		"64:ff9b:1::8.8.8.8": private, "2001:db8::5efe:10.0.0.1": private,
		"::8.8.8.8": always, "64:ff9b::8.8.8.8": always, "2002:808:808::1": always, "2001:db8::5efe:8.8.8.8": always,
		"8.8.8.8": always, "172.32.0.1": always, "100.128.0.1": always, "2606:4700::1": always,
	}
	for text, allowed := range tests {
		ip := netip.MustParseAddr(text)
		for _, deny := range []bool{false, true} {
			err := objects.CheckAddress(ip, deny)
			want := allowed == always || allowed == private && !deny
			if (err == nil) != want || err != nil && syncline.CodeOf(err) != syncline.CodeInvalid {
				t.Errorf("%s is allowed %s; with private ones denied: %v it gives %v", text, allowed, deny, err)
			}
		}
	}
	if err := objects.CheckAddress(netip.Addr{}, false); err == nil {
		t.Error("no address at all is allowed")
	}
}

// ask makes one request and returns a back end's error for its failure.
func ask(t *testing.T, o objects.Options, address string) error {
	t.Helper()
	transport, err := objects.NewTransport(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, call := objects.Document(t.Context())
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Transport: transport} // it follows redirects
	resp, err := client.Do(req)
	if err != nil {
		return call.Trouble(t.Context())
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	_ = resp.Body.Close()
	return call.Trouble(t.Context())
}

func site(t *testing.T, h http.HandlerFunc) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s
}

func TestTransportRefuses(t *testing.T) {
	fine := site(t, func(http.ResponseWriter, *http.Request) {})
	to := func(address string) string {
		return site(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, address, http.StatusFound) }).URL
	}
	_, port, err := net.SplitHostPort(strings.TrimPrefix(fine.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	plain := objects.Options{AllowHTTP: true}
	tests := []struct {
		label   string
		options objects.Options
		address string
		message string
	}{
		{"nothing", plain, fine.URL, ""},
		{"a metadata address", plain, "http://169.254.169.254/latest", "link-local"},
		{"in other clothes", plain, "http://[::ffff:a9fe:a9fe]/latest", "link-local"},
		{"behind a redirect", plain, to("http://169.254.169.254/latest"), "link-local"},
		{"http", objects.Options{}, fine.URL, "without encryption"},
		{"loopback", objects.Options{AllowHTTP: true, DenyPrivate: true}, fine.URL, "this very machine"},
		// The address of a name is checked when the connection is made.
		{"loopback by name", objects.Options{AllowHTTP: true, DenyPrivate: true}, "http://localhost:" + port, "this very machine"},
	}
	for _, tt := range tests {
		t.Run(tt.label, func(t *testing.T) {
			err := ask(t, tt.options, tt.address)
			if tt.message == "" && err == nil {
				return
			}
			if tt.message == "" || syncline.CodeOf(err) != syncline.CodeInvalid || storage.IsRetryable(err) || !strings.Contains(syncline.MessageOf(err), tt.message) {
				t.Errorf("%v, want a refusal with %q", err, tt.message)
			}
		})
	}
}

// TestNoProxyPastTheGuard makes sure that a proxy does not connect to an
// address that the transport itself refuses. It runs itself in a new process,
// because a process reads its proxies from the environment once.
func TestNoProxyPastTheGuard(t *testing.T) {
	const child = "SYNCLINE_TEST_BEHIND_A_PROXY"
	if os.Getenv(child) != "" {
		behindProxy(t)
		return
	}
	var mu sync.Mutex
	var asked []string
	proxy := site(t, func(_ http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		asked = append(asked, r.URL.Host)
	})
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestNoProxyPastTheGuard$")
	cmd.Env = append(os.Environ(), child+"=1", "HTTP_PROXY="+proxy.URL, "http_proxy="+proxy.URL, "NO_PROXY=", "no_proxy=")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	mu.Lock()
	defer mu.Unlock()
	if !slices.Equal(asked, []string{"storage.example"}) {
		t.Errorf("the proxy was asked for %q", asked)
	}
}

func behindProxy(t *testing.T) {
	if err := ask(t, objects.Options{AllowHTTP: true}, "http://storage.example/"); err != nil {
		t.Errorf("by a proxy: %v", err)
	}
	if err := ask(t, objects.Options{AllowHTTP: true}, "http://169.254.169.254/"); err == nil {
		t.Error("a metadata address is asked of the proxy")
	}
	if err := ask(t, objects.Options{AllowHTTP: true, DenyPrivate: true}, "http://127.0.0.1:1/"); err == nil {
		t.Error("a private address is asked")
	}
}

// TestTLS connects to servers with wrong certificates.
func TestTLS(t *testing.T) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	server.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
	server.StartTLS()
	defer server.Close()
	if err := ask(t, objects.Options{}, server.URL); syncline.CodeOf(err) != syncline.CodeInvalid || !strings.Contains(syncline.MessageOf(err), "not trusted here") {
		t.Errorf("an unknown authority: %v", err)
	}
	if _, err := objects.NewTransport(objects.Options{CA: []byte("no PEM")}); syncline.CodeOf(err) != syncline.CodeInvalid {
		t.Errorf("a CA bundle without a certificate: %v", err)
	}
}

// TestDocumentIsBounded reads an answer without an end.
func TestDocumentIsBounded(t *testing.T) {
	endless := site(t, func(w http.ResponseWriter, _ *http.Request) {
		for chunk := make([]byte, 1<<20); ; {
			if _, err := w.Write(chunk); err != nil {
				return
			}
		}
	})
	err := ask(t, objects.Options{AllowHTTP: true}, endless.URL)
	if syncline.CodeOf(err) != syncline.CodeUnavailable || storage.IsRetryable(err) || !strings.Contains(syncline.MessageOf(err), "more than such a request can bring") {
		t.Errorf("%v, want an end", err)
	}
}

func TestRetryAfter(t *testing.T) {
	tests := map[string]float64{"7": 7, "": 0, "soon": 0, "-5": 0, "Mon, 01 Jan 2024 00:00:00 GMT": 0, "999999": 3600}
	for value, want := range tests {
		server := site(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", value)
			w.WriteHeader(http.StatusServiceUnavailable)
		})
		var request *storage.RequestError
		err := ask(t, objects.Options{AllowHTTP: true}, server.URL)
		if !errors.As(err, &request) || !request.Throttled || !request.Retryable || request.RetryAfter.Seconds() != want {
			t.Errorf("Retry-After %q gave %+v, want %v s", value, err, want)
		}
	}
}

// TestTroubleOfAContext prefers the end of the caller's context to the failure
// that it caused.
func TestTroubleOfAContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	_, call := objects.Document(ctx)
	if err := call.Trouble(ctx); err != nil {
		t.Errorf("before anything happened: %v", err)
	}
	cancel()
	if err := call.Trouble(ctx); syncline.CodeOf(err) != syncline.CodeCanceled {
		t.Errorf("%v, want the context's error", err)
	}
}
