package servers

import (
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"sync"
	"testing"
)

// Faulty stands before a server and makes a share of its answers fail on the
// wire: refused with 500, 503 or 429, reset, ended too early, silent from the
// middle on, with one wrong byte, or replaced by a web site's page with the
// status of a success.
type Faulty struct {
	URL string

	target *url.URL
	kinds  []string
	rate   float64
	base   http.RoundTripper

	mu     sync.Mutex
	random *rand.Rand
	made   map[string]int
}

var wireFaults = []string{"500", "503", "429", "reset", "short", "stall", "page"}

// StartFaulty starts a Faulty before the server at target, for the test. The
// seed and the order of requests choose the answers that fail. They fail in the
// ways named in only. Without names it uses all ways but "flip", which no
// storage can notice.
func StartFaulty(t testing.TB, target string, seed uint64, rate float64, only ...string) *Faulty {
	t.Helper()
	u, err := url.Parse(target)
	if err != nil {
		t.Fatal(err)
	}
	f := &Faulty{
		target: &url.URL{Scheme: u.Scheme, Host: u.Host}, kinds: wireFaults, rate: rate, base: &http.Transport{DisableCompression: true},
		random: rand.New(rand.NewPCG(seed, 3)), made: map[string]int{},
	}
	if len(only) > 0 {
		f.kinds = only
	}
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	f.URL = server.URL + u.Path
	return f
}

// CheckMade fails the test if a kind of fault was not made.
func (f *Faulty) CheckMade(t testing.TB) {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, kind := range f.kinds {
		if f.made[kind] == 0 {
			t.Errorf("no fault of the kind %s was made, only %v", kind, f.made)
		}
	}
}

// draw chooses the fault of one answer, and its place.
func (f *Faulty) draw() (kind string, place float64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.random.Float64() >= f.rate {
		return "", 0
	}
	kind = f.kinds[f.random.IntN(len(f.kinds))]
	f.made[kind]++
	return kind, f.random.Float64()
}

// ServeHTTP implements http.Handler.
func (f *Faulty) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	kind, place := f.draw()
	if status, err := strconv.Atoi(kind); err == nil {
		w.WriteHeader(status)
		return
	}
	if kind == "page" {
		w.Header().Set("Last-Modified", "Mon, 02 Mar 2026 10:00:00 GMT") // like a file's
		w.Header().Set("ETag", `"66e1c1a0-78"`)
		_, _ = io.WriteString(w, "<!DOCTYPE html>\n<html><head><title>Sign in</title></head><body>Please sign in.</body></html>\n")
		return
	}
	out := r.Clone(r.Context()) // with the same Host, which is signed
	out.URL.Scheme, out.URL.Host, out.RequestURI = f.target.Scheme, f.target.Host, ""
	resp, err := f.base.RoundTrip(out)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	for name, values := range resp.Header {
		w.Header()[name] = values
	}
	if r.Method != http.MethodHead {
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	}
	w.WriteHeader(resp.StatusCode)
	if at := int(place * float64(len(body))); kind == "flip" && len(body) > 0 {
		body[at] ^= 1 << (at % 8)
	}
	if kind == "" || kind == "flip" {
		_, _ = w.Write(body)
		return
	}
	_, _ = w.Write(body[:int(place*float64(len(body)))])
	_ = http.NewResponseController(w).Flush()
	switch kind {
	case "stall":
		<-r.Context().Done()
	case "reset":
		reset(w)
	}
	panic(http.ErrAbortHandler)
}

// reset ends the connection with an error on the other side.
func reset(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}
