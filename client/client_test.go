package client_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"syncline.dev/syncline/client"
)

// fake is a server that hands out tokens and answers as a test tells it.
type fake struct {
	*httptest.Server
	mu        sync.Mutex
	grants    []string // the kinds that were asked for
	good      string   // the access token that is taken
	refresh   string   // likewise
	expiresIn int
}

const password = "a good long password"

func newFake(t *testing.T, answer http.HandlerFunc) *fake {
	f := &fake{expiresIn: 3600}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v6/token", f.token)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		f.mu.Lock()
		ok := r.Header.Get("Authorization") == "Bearer "+f.good
		f.mu.Unlock()
		if !ok {
			fail(w, http.StatusUnauthorized, "the token is not good")
			return
		}
		answer(w, r)
	})
	f.Server = httptest.NewTLSServer(mux)
	f.Config.ErrorLog = nil
	t.Cleanup(f.Close)
	return f
}

func fail(w http.ResponseWriter, status int, message string) {
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"message": message})
}

func (f *fake) token(w http.ResponseWriter, r *http.Request) {
	var body map[string]string
	_ = json.NewDecoder(r.Body).Decode(&body)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.grants = append(f.grants, body["grant_type"])
	if body["grant_type"] == "password" && body["password"] != password || body["grant_type"] == "refresh_token" && body["refresh_token"] != f.refresh {
		fail(w, http.StatusUnauthorized, "the user name or the password is wrong")
		return
	}
	f.good, f.refresh = fmt.Sprint("access", len(f.grants)), fmt.Sprint("refresh", len(f.grants))
	_ = json.NewEncoder(w).Encode(map[string]any{
		"access_token": f.good, "refresh_token": f.refresh, "expires_in": f.expiresIn, "userName": body["username"],
	})
}

// kinds returns the grants so far.
func (f *fake) kinds() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return strings.Join(f.grants, " ")
}

// forget makes the server refuse what it gave.
func (f *fake) forget(access, refresh bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if access {
		f.good = "another"
	}
	if refresh {
		f.refresh = "another"
	}
}

func (f *fake) fingerprint() string {
	sum := sha256.Sum256(f.Certificate().Raw)
	return hex.EncodeToString(sum[:])
}

func (f *fake) client(t *testing.T, change ...func(*client.Options)) *client.Client {
	t.Helper()
	o := client.Options{UserName: "ann", Password: password, Fingerprint: f.fingerprint()}
	for _, c := range change {
		c(&o)
	}
	c, err := client.New(f.URL, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.CloseIdleConnections)
	return c
}

func empty(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "[]") }

func TestOneSignInForAll(t *testing.T) {
	f := newFake(t, empty)
	c := f.client(t)
	var group sync.WaitGroup
	for range 20 {
		group.Go(func() {
			if _, err := c.Sessions(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if got := f.kinds(); got != "password" {
		t.Errorf("the grants were %s", got)
	}
	f.forget(true, false)
	for range 20 {
		group.Go(func() {
			if _, err := c.Sessions(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if got := f.kinds(); got != "password refresh_token" {
		t.Errorf("after the token was refused the grants were %s", got)
	}
}

func TestTokensAreRenewed(t *testing.T) {
	f := newFake(t, empty)
	f.expiresIn = 30 // which is too short to be used twice
	c := f.client(t)
	for range 3 {
		if _, err := c.Sessions(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if got := f.kinds(); got != "password refresh_token refresh_token" {
		t.Errorf("the grants were %s", got)
	}
	f.forget(true, true)
	if _, err := c.Sessions(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := f.kinds(); !strings.HasSuffix(got, " refresh_token password") {
		t.Errorf("when the refresh token had ended the grants were %s", got)
	}
}

func TestSignInFails(t *testing.T) {
	f := newFake(t, empty)
	c := f.client(t, func(o *client.Options) { o.Password = "wrong" })
	_, err := c.SignIn(t.Context())
	if client.StatusOf(err) != 401 || err.Error() != "the user name or the password is wrong" {
		t.Errorf("a wrong password: %v", err)
	}
	c = f.client(t, func(o *client.Options) { o.Password = "" })
	if _, err := c.Sessions(t.Context()); !errors.Is(err, client.ErrSignIn) {
		t.Errorf("no password: %v", err)
	}
	store := client.NewMemoryStore(client.Token{AccessToken: "old", RefreshToken: "old", Expires: time.Now().Add(time.Hour)})
	c = f.client(t, func(o *client.Options) { o.Password, o.Tokens = "", store })
	if _, err := c.Sessions(t.Context()); !errors.Is(err, client.ErrSignIn) {
		t.Errorf("an old token: %v", err)
	}
	// A server that refuses every token is asked twice, not for ever.
	asked := 0
	f = newFake(t, func(w http.ResponseWriter, _ *http.Request) { asked++; fail(w, 401, "no") })
	if _, err := f.client(t).Sessions(t.Context()); client.StatusOf(err) != 401 || asked != 2 {
		t.Errorf("asked %d times: %v", asked, err)
	}
}

func TestCertificates(t *testing.T) {
	f := newFake(t, empty)
	f.Config.ErrorLog = nil
	plain := func(o *client.Options) { o.Fingerprint = "" }
	_, err := f.client(t, plain).Sessions(t.Context())
	var untrusted *client.CertificateError
	if !errors.As(err, &untrusted) || untrusted.Pinned || untrusted.Address != f.URL ||
		!strings.EqualFold(strings.ReplaceAll(untrusted.Fingerprint, ":", ""), f.fingerprint()) {
		t.Fatalf("a certificate of nobody's: %v", err)
	}
	for _, form := range []string{untrusted.Fingerprint, strings.ToLower(untrusted.Fingerprint), f.fingerprint()} {
		if _, err := f.client(t, func(o *client.Options) { o.Fingerprint = form }).Sessions(t.Context()); err != nil {
			t.Errorf("the fingerprint %s: %v", form, err)
		}
	}
	_, err = f.client(t, func(o *client.Options) { o.Fingerprint = strings.Repeat("00", 32) }).Sessions(t.Context())
	if untrusted = nil; !errors.As(err, &untrusted) || !untrusted.Pinned {
		t.Errorf("another fingerprint: %v", err)
	}
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: f.Certificate().Raw})
	if _, err := f.client(t, plain, func(o *client.Options) { o.CertificateAuthorities = ca }).Sessions(t.Context()); err != nil {
		t.Errorf("a certificate of one's own: %v", err)
	}
	if len(f.kinds()) != len("password")*4+3 {
		t.Errorf("a password went to a server that is not trusted: %s", f.kinds())
	}
	for _, o := range []client.Options{{Fingerprint: "ab"}, {CertificateAuthorities: []byte("none")}} {
		if _, err := client.New(f.URL, o); err == nil {
			t.Errorf("%+v is taken", o)
		}
	}
}

// A program's changes of the usual transport do not change the certificates
// that a client trusts.
func TestUsualTransport(t *testing.T) {
	f := newFake(t, empty)
	usual := http.DefaultTransport
	t.Cleanup(func() { http.DefaultTransport = usual })
	for name, other := range map[string]http.RoundTripper{
		"of another type": http.NewFileTransport(http.Dir(t.TempDir())),
		"that checks nothing": &http.Transport{DialTLSContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			return (&tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true}}).DialContext(ctx, network, address) //nolint:gosec // the point of it
		}},
	} {
		http.DefaultTransport = other
		if _, err := f.client(t).Sessions(t.Context()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		var untrusted *client.CertificateError
		if _, err := f.client(t, func(o *client.Options) { o.Fingerprint = strings.Repeat("00", 32) }).Sessions(t.Context()); !errors.As(err, &untrusted) {
			t.Errorf("%s, with another fingerprint: %v", name, err)
		}
	}
}

func TestParseAddress(t *testing.T) {
	for in, want := range map[string]string{
		"https://Backup.Example:4443/": "https://backup.example:4443", "backup.example": "https://backup.example", "[::1]:4443": "https://[::1]:4443",
		"https://b:443": "https://b", "http://b": "", "https://b/v6": "", "https://u:p@b": "", "https://": "", "https://b?x": "", "https://b/syncline/": "https://b/syncline", "b/a/b": "https://b/a/b", "https://b/a//b": "", "https://b/V6/Proxies": "", "https://b:x": "",
	} {
		if got, err := client.ParseAddress(in); got != want || (err == nil) != (want != "") || err != nil && strings.Contains(err.Error(), "u:p") {
			t.Errorf("%s: %q, %v", in, got, err)
		}
	}
}

func TestFailures(t *testing.T) {
	f := newFake(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/v6/RepositorySynchronizeSessions/busy":
			w.Header().Set("Retry-After", "7")
			fail(w, 429, "too many attempts")
		case "/v6/RepositorySynchronizeSessions/proxy":
			w.WriteHeader(502)
			_, _ = io.WriteString(w, "<html>Bad gateway")
		case "/v6/RepositorySynchronizeSessions/moved":
			http.Redirect(w, r, "https://elsewhere.example/", http.StatusFound)
		default:
			_, _ = io.WriteString(w, "{")
		}
	})
	c := f.client(t)
	var refused *client.Error
	if _, err := c.Session(t.Context(), "busy"); !errors.As(err, &refused) || refused.Status != 429 || refused.RetryAfter != 7*time.Second || refused.Message != "too many attempts" {
		t.Errorf("too many attempts: %v", err)
	}
	if _, err := c.Session(t.Context(), "proxy"); client.StatusOf(err) != 502 || strings.Contains(err.Error(), "html") {
		t.Errorf("a page in place of an answer: %v", err)
	}
	if _, err := c.Session(t.Context(), "moved"); client.StatusOf(err) != 302 {
		t.Errorf("a redirection: %v", err)
	}
	if _, err := c.Session(t.Context(), "cut"); err == nil || client.StatusOf(err) != 0 {
		t.Errorf("an answer cut off: %v", err)
	}
	f.Close()
	var unreachable *client.UnreachableError
	if _, err := c.Session(t.Context(), "name"); !errors.As(err, &unreachable) || strings.Contains(err.Error(), "name") {
		t.Errorf("a server that is gone: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Session(ctx, "x"); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
}

func TestPages(t *testing.T) {
	asked := 0
	f := newFake(t, func(w http.ResponseWriter, r *http.Request) {
		asked++
		q := r.URL.Query()
		if q.Get("rawPath") != "L_8" || q.Has("path") {
			fail(w, 400, "rawPath is "+q.Get("rawPath"))
			return
		}
		switch q.Get("cursor") {
		case "":
			_, _ = io.WriteString(w, `{"results":[{"name":"a"},{"name":"\ufffd","rawName":"/w=="}],"nextCursor":"two"}`)
		case "two":
			_, _ = io.WriteString(w, `{"results":[{"name":"c","type":"dir","permissions":"1755"}]}`)
		}
	})
	c, names := f.client(t), ""
	for e, err := range c.Entries(t.Context(), "x", client.EntriesQuery{Path: "/\xff"}) {
		if err != nil {
			t.Fatal(err)
		}
		names += e.Name + " " + e.Mode.String() + " "
	}
	if names != "a ---------- \xff ---------- c dtrwxr-xr-x " || asked != 2 {
		t.Errorf("%d pages have %q", asked, names)
	}
	for range c.Entries(t.Context(), "x", client.EntriesQuery{Path: "/\xff"}) {
		break
	}
	if asked != 3 {
		t.Errorf("a page was fetched that nobody wanted")
	}
	var last error
	for _, last = range c.Entries(t.Context(), "x", client.EntriesQuery{Path: "/"}) {
	}
	if client.StatusOf(last) != 400 {
		t.Errorf("the iterator ended with %v", last)
	}
}

func TestSearchTellsWhatIsMissing(t *testing.T) {
	f := newFake(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("cursor") == "" {
			_, _ = io.WriteString(w, `{"results":[{"path":"/a"}],"cut":"time","nextCursor":"n","notSearched":[{"repositoryId":"r","reason":"Damaged"}]}`)
		} else {
			_, _ = io.WriteString(w, `{"results":[{"path":"/b"}],"cut":"folders"}`)
		}
	})
	paths, missing := "", (*client.IncompleteError)(nil)
	for v, err := range f.client(t).Search(t.Context(), client.SearchQuery{Text: []string{"x"}}) {
		if err != nil && !errors.As(err, &missing) {
			t.Fatal(err)
		}
		paths += v.Path
	}
	if paths != "/a/b" || missing == nil || !missing.Folders || len(missing.NotSearched) != 1 || missing.NotSearched[0].Reason != client.GapDamaged {
		t.Errorf("found %s, missing %+v", paths, missing)
	}
}

func TestWatchGoesOn(t *testing.T) {
	streams := 0
	f := newFake(t, func(w http.ResponseWriter, _ *http.Request) {
		streams++
		for i := streams; i <= 2*streams; i++ {
			result := ""
			if i == 4 {
				result = `,"result":"Success"`
			}
			fmt.Fprintf(w, "id: 1\nevent: session\ndata: {\"progressPercent\":%d%s}\n\n: still here\n\n", i*25, result)
		}
	})
	seen := ""
	for s, err := range f.client(t).WatchSession(t.Context(), "x") {
		if err != nil {
			t.Fatal(err)
		}
		seen += fmt.Sprint(s.ProgressPercent, s.Ended(), " ")
	}
	if seen != "25 false 50 false 50 false 75 false 100 true " || streams != 2 {
		t.Errorf("%d streams had %s", streams, seen)
	}
	f = newFake(t, func(w http.ResponseWriter, _ *http.Request) { fail(w, 404, "there is no such session") })
	var last error
	for _, last = range f.client(t).WatchSession(t.Context(), "x") {
	}
	if client.StatusOf(last) != 404 {
		t.Errorf("no such session: %v", last)
	}
}

// file is a download that breaks off after a number of bytes.
type file struct {
	content []byte
	tag     func(request int) string
	breakAt int
	asked   []string // ranges
}

func (f *file) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.asked = append(f.asked, r.Header.Get("Range"))
	tag := f.tag(len(f.asked))
	w.Header().Set("ETag", tag)
	if len(f.asked) == 4 {
		f.breakAt = len(f.content)
	}
	http.ServeContent(&breaking{w, f.breakAt}, r, "", time.Time{}, bytes.NewReader(f.content))
}

type breaking struct {
	http.ResponseWriter
	left int
}

func (b *breaking) Write(p []byte) (int, error) {
	if len(p) > b.left {
		_, _ = b.ResponseWriter.Write(p[:b.left])
		_ = http.NewResponseController(b.ResponseWriter).Flush()
		panic(http.ErrAbortHandler)
	}
	b.left -= len(p)
	return b.ResponseWriter.Write(p)
}

func TestDownloadsGoOn(t *testing.T) {
	content := bytes.Repeat([]byte("0123456789abcdef"), 10_000)
	same := func(int) string { return `"one"` }
	src := &file{content: content, tag: same, breakAt: 50_001}
	f := newFake(t, func(w http.ResponseWriter, r *http.Request) { src.ServeHTTP(w, r) })
	c := f.client(t)
	read := func(offset, length int64) ([]byte, error) {
		d, err := c.ContentRange(t.Context(), "x", "/a", offset, length)
		if err != nil {
			return nil, err
		}
		defer d.Close()
		if d.Size != int64(len(content)) || d.ETag != `"one"` {
			t.Errorf("the download is %+v", d)
		}
		return io.ReadAll(d)
	}
	got, err := read(0, -1)
	if err != nil || !bytes.Equal(got, content) || fmt.Sprint(src.asked) != "[ bytes=50001-159999 bytes=100002-159999 bytes=150003-159999]" {
		t.Errorf("%d bytes, %v, asked for %q", len(got), err, src.asked)
	}
	for _, r := range [][2]int64{{0, 1}, {7, 100_000}, {159_999, -1}, {5, 0}, {150_000, 50_000}} {
		src.asked, src.breakAt = nil, 50_001
		end := min(r[0]+r[1], int64(len(content)))
		if r[1] < 0 {
			end = int64(len(content))
		}
		if got, err := read(r[0], r[1]); err != nil || !bytes.Equal(got, content[r[0]:end]) {
			t.Errorf("the range %v: %d bytes, %v", r, len(got), err)
		}
	}
	if _, err := read(160_000, -1); client.StatusOf(err) != 416 {
		t.Errorf("behind the end: %v", err)
	}
	src.asked, src.breakAt = nil, 50_001
	src.tag = func(n int) string { return fmt.Sprintf("\"%s\"", []string{"one", "two"}[min(n-1, 1)]) }
	if got, err := read(0, -1); !errors.Is(err, client.ErrChanged) || len(got) != 50_001 {
		t.Errorf("a file that changed: %d bytes, %v", len(got), err)
	}
}

func TestDamagedDownload(t *testing.T) {
	asked := 0
	f := newFake(t, func(w http.ResponseWriter, r *http.Request) {
		if asked++; asked > 1 {
			fail(w, 409, "blob 1234 is damaged")
			return
		}
		w.Header().Set("ETag", `"one"`)
		http.ServeContent(&breaking{w, 10}, r, "", time.Time{}, strings.NewReader(strings.Repeat("x", 100)))
	})
	d, err := f.client(t).Content(t.Context(), "x", "/a")
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	got, err := io.ReadAll(d)
	if len(got) != 10 || client.StatusOf(err) != 409 || err.Error() != "blob 1234 is damaged" {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

func TestFewPoints(t *testing.T) {
	var query string
	f := newFake(t, func(w http.ResponseWriter, r *http.Request) {
		query = r.URL.RawQuery
		fmt.Fprint(w, `{"restorePoints":9,"growth":[]}`)
	})
	c := f.client(t)
	for points, want := range map[int]string{0: "", 2: "points=2"} {
		if n, err := c.RepositoryStatistics(t.Context(), "x", points); err != nil || n.RestorePoints != 9 || query != want {
			t.Errorf("%d points: %+v, %v, asked with %q", points, n, err, query)
		}
	}
}

// An incomplete download does not look complete.
func TestArchiveBrokenOff(t *testing.T) {
	for _, whole := range []bool{true, false} {
		f := newFake(t, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.RawQuery != "format=tar&path=%2Fa&rawPath=L2L_" {
				fail(w, http.StatusBadRequest, r.URL.RawQuery)
				return
			}
			_, _ = io.WriteString(w, "some of it")
			if !whole {
				_ = http.NewResponseController(w).Flush()
				panic(http.ErrAbortHandler)
			}
		})
		a, err := f.client(t).Archive(t.Context(), "x", client.ArchiveQuery{Format: client.Tar, Paths: []string{"/a", "/b\xff"}})
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(a)
		if string(got) != "some of it" || errors.Is(err, client.ErrBrokenOff) == whole || whole && err != nil {
			t.Errorf("whole %v: %q, %v", whole, got, err)
		}
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	}
}

// The client reports the items that the server leaves out of a list.
func TestIncompletePoints(t *testing.T) {
	left := ""
	f := newFake(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header()["Syncline-Incomplete"] = []string{left}
		fmt.Fprint(w, `[{"id":"x"}]`)
	})
	c := f.client(t)
	if list, err := c.RestorePoints(t.Context(), ""); err != nil || len(list) != 1 {
		t.Errorf("a whole list: %+v, %v", list, err)
	}
	left = "a, b"
	list, err := c.RestorePoints(t.Context(), "")
	var incomplete *client.LeftOutError
	if !errors.As(err, &incomplete) || len(list) != 1 || fmt.Sprint(incomplete.Repositories) != "[a b]" {
		t.Errorf("%+v, %v", list, err)
	}
}
