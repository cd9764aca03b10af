package swift_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/storage"
	"syncline.dev/syncline/internal/storage/storagetest"
	"syncline.dev/syncline/internal/storage/swift"
)

// cloud is an identity service of every version and an object store with one
// object. Its tokens hold for some requests each.
type cloud struct {
	*httptest.Server
	store   string        // address of the object store in the catalog
	lasts   int           // requests that a token holds for; 0 for all
	expires time.Duration // what a token says

	mu     sync.Mutex
	signed []string // what was signed in with
	left   map[string]int
}

const object = "the object's content"

func startCloud(t *testing.T) *cloud {
	t.Helper()
	c := &cloud{left: map[string]int{}, expires: time.Hour}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /auth/v1.0", c.first)
	mux.HandleFunc("POST /v2.0/tokens", c.second)
	mux.HandleFunc("POST /v3/auth/tokens", c.third)
	mux.HandleFunc("/v1/AUTH_a%3Ab/container/{name...}", c.object)
	c.Server = httptest.NewServer(mux)
	c.store = c.URL + "/v1/AUTH_a%3Ab"
	t.Cleanup(c.Close)
	return c
}

func (c *cloud) issue(how string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.signed = append(c.signed, how)
	token := fmt.Sprintf("token-%d", len(c.signed))
	c.left[token] = c.lasts
	if c.lasts == 0 {
		c.left[token] = 1 << 20
	}
	return token
}

func (c *cloud) first(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("X-Auth-Key") != "pass word" {
		c.issue("refused")
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	w.Header().Set("X-Auth-Token", c.issue("v1 "+r.Header.Get("X-Auth-User")))
	w.Header().Set("X-Storage-Url", c.store)
}

func (c *cloud) second(w http.ResponseWriter, r *http.Request) {
	var q struct {
		Auth struct {
			Password struct{ Username, Password string } `json:"passwordCredentials"`
			Tenant   string                              `json:"tenantName"`
		}
	}
	if err := json.NewDecoder(r.Body).Decode(&q); err != nil || q.Auth.Password.Password != "pass word" {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	_, _ = fmt.Fprintf(w, `{"access":{"token":{"id":%q,"expires":%q},"serviceCatalog":[{"type":"object-store","endpoints":[{"region":"one","publicURL":%q}]}]}}`,
		c.issue("v2 "+q.Auth.Password.Username+" "+q.Auth.Tenant), time.Now().Add(c.expires).UTC().Format(time.RFC3339), c.store)
}

func (c *cloud) third(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	if !strings.Contains(string(body), "pass word") {
		c.issue("refused")
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	w.Header().Set("X-Subject-Token", c.issue("v3 "+string(body)))
	w.WriteHeader(http.StatusCreated)
	_, _ = fmt.Fprintf(w, `{"token":{"expires_at":%q,"catalog":[{"type":"object-store","endpoints":[{"interface":"internal","region":"one","url":"http://192.0.2.1/"},{"interface":"public","region":"one","url":%q}]}]}}`,
		time.Now().Add(c.expires).UTC().Format(time.RFC3339), c.store)
}

func (c *cloud) object(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	w.Header().Set("X-Trans-Id", "tx1")
	token := r.Header.Get("X-Auth-Token")
	if c.left[token]--; c.left[token] < 0 {
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = io.WriteString(w, "<html>"+token+"</html>")
		return
	}
	http.ServeContent(w, r, "", time.Time{}, strings.NewReader(object))
}

func (c *cloud) signIns() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]string(nil), c.signed...)
}

func (c *cloud) config(credentials swift.Credentials) swift.Config {
	return swift.Config{Container: "container", Credentials: credentials}
}

// TestSignIn signs in in each of the ways that restic has.
func TestSignIn(t *testing.T) {
	tests := []struct {
		path        string
		credentials swift.Credentials
		want        []string // parts of what the identity service was sent
	}{
		{"/auth/v1.0", swift.Credentials{UserName: "account:user", Password: "pass word"}, []string{"v1 account:user"}},
		{"/v2.0", swift.Credentials{UserName: "user", Password: "pass word", Tenant: "tenant"}, []string{"v2 user tenant"}},
		{
			"/v3",
			swift.Credentials{UserName: "user", Domain: "dom", Password: "pass word", Tenant: "project", TenantDomain: "pdom", Region: "one"},
			[]string{`"user":{"domain":{"name":"dom"},"name":"user","password":"pass word"}`, `"scope":{"project":{"name":"project","domain":{"name":"pdom"}}}`},
		},
		{"/v3/", swift.Credentials{UserID: "u1", Password: "pass word", TenantID: "p1"}, []string{`"id":"u1"`, `"project":{"id":"p1"}`}},
		{"/v3", swift.Credentials{UserID: "u1", Password: "pass word", TrustID: "t1"}, []string{`"OS-TRUST:trust":{"id":"t1"}`}},
		{"/v3", swift.Credentials{ApplicationID: "a1", ApplicationSecret: "pass word"}, []string{`"application_credential":{"id":"a1","secret":"pass word"`}},
		{"/v3", swift.Credentials{ApplicationName: "app", ApplicationSecret: "pass word", UserName: "user", DomainID: "d1"}, []string{`"name":"app"`, `"domain":{"id":"d1"}`}},
	}
	for _, tt := range tests {
		cloud := startCloud(t)
		tt.credentials.AuthURL = cloud.URL + tt.path
		got, err := storagetest.ReadAll(t.Context(), open(t, cloud.config(tt.credentials)), "config", 0, -1)
		signed := cloud.signIns()
		if err != nil || string(got) != object || len(signed) != 1 {
			t.Errorf("%+v: %q, %v, signed in %q", tt.credentials, got, err, signed)
			continue
		}
		for _, want := range tt.want {
			if !strings.Contains(signed[0], want) {
				t.Errorf("signed in with %s, want %s", signed[0], want)
			}
		}
	}
}

// TestSignInRefused sends wrong credentials once, so that no account is locked by
// what the program adds.
func TestSignInRefused(t *testing.T) {
	for _, path := range []string{"/auth/v1.0", "/v3"} {
		cloud := startCloud(t)
		s := open(t, cloud.config(swift.Credentials{AuthURL: cloud.URL + path, UserName: "user", Domain: "d", Password: "not-to-be-told"}))
		_, err := storagetest.ReadAll(t.Context(), s, "config", 0, -1)
		if !errors.Is(err, fs.ErrPermission) || storage.IsRetryable(err) || strings.Contains(err.Error(), "not-to-be-told") {
			t.Errorf("%s: %v", path, err)
		}
		if signed := cloud.signIns(); len(signed) != 1 {
			t.Errorf("%s: the service was asked %d times", path, len(signed))
		}
	}
}

// TestTokenEnds reads on when a token ends in the middle, with two more requests
// for each end.
func TestTokenEnds(t *testing.T) {
	cloud := startCloud(t)
	cloud.lasts = 3
	counter := storage.NewCounter(open(t, cloud.config(swift.Credentials{AuthURL: cloud.URL + "/v3", UserName: "user", Domain: "d", Password: "pass word"})))
	for range 9 {
		if got, err := storagetest.ReadAll(t.Context(), counter, "config", 0, -1); err != nil || string(got) != object {
			t.Fatalf("%q, %v", got, err)
		}
	}
	requests, _, _ := counter.Counts()
	if signed := cloud.signIns(); len(signed) != 3 || requests["get config"] != 9+3+2 {
		t.Errorf("signed in %d times, made %v", len(signed), requests)
	}
}

// TestClockEndsTokens believes no clock that ends every token at once.
func TestClockEndsTokens(t *testing.T) {
	cloud := startCloud(t)
	cloud.expires = 10 * time.Second
	s := open(t, cloud.config(swift.Credentials{AuthURL: cloud.URL + "/v3", UserName: "user", Domain: "d", Password: "pass word"}))
	for range 3 {
		if _, err := storagetest.ReadAll(t.Context(), s, "config", 0, -1); err != nil {
			t.Fatal(err)
		}
	}
	if signed := cloud.signIns(); len(signed) != 1 {
		t.Errorf("signed in %d times", len(signed))
	}
}

// TestCatalogIsGuarded follows no catalog to an address that no storage has.
func TestCatalogIsGuarded(t *testing.T) {
	for store, message := range map[string]string{
		"http://169.254.169.254/v1/AUTH_x": "link-local",
		"ftp://example.org/":               "no valid address",
		"http://user:secret@example.org/":  "no valid address",
	} {
		cloud := startCloud(t)
		cloud.store = store
		s := open(t, cloud.config(swift.Credentials{AuthURL: cloud.URL + "/v3", UserName: "user", Domain: "d", Password: "pass word"}))
		_, err := storagetest.ReadAll(t.Context(), s, "config", 0, -1)
		if err == nil || storage.IsRetryable(err) || !strings.Contains(syncline.MessageOf(err), message) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", store, err)
		}
	}
	cloud := startCloud(t)
	c := cloud.config(swift.Credentials{AuthURL: cloud.URL + "/v3", UserName: "user", Domain: "d", Password: "pass word"})
	c.DenyPrivate = true
	if _, err := storagetest.ReadAll(t.Context(), open(t, c), "config", 0, -1); err == nil || !strings.Contains(syncline.MessageOf(err), "this very machine") {
		t.Errorf("loopback: %v", err)
	}
	if a, err := netip.ParseAddrPort(cloud.Listener.Addr().String()); err != nil || !a.Addr().IsLoopback() {
		t.Fatal("the server is not at loopback")
	}
}

// TestCatalogLacks tells a region that the catalog lacks, and follows no catalog from https
// to http.
func TestCatalogLacks(t *testing.T) {
	cloud := startCloud(t)
	s := open(t, cloud.config(swift.Credentials{AuthURL: cloud.URL + "/v3", UserName: "user", Domain: "d", Password: "pass word", Region: "two"}))
	_, err := storagetest.ReadAll(t.Context(), s, "config", 0, -1)
	if syncline.CodeOf(err) != syncline.CodeInvalid || !strings.Contains(syncline.MessageOf(err), `no object store in the region "two"`) {
		t.Errorf("%v", err)
	}
	secure := httptest.NewTLSServer(cloud.Config.Handler)
	defer secure.Close()
	c := cloud.config(swift.Credentials{AuthURL: secure.URL + "/v3", UserName: "user", Domain: "d", Password: "pass word"})
	c.Client.TrustAny = true
	if _, err := storagetest.ReadAll(t.Context(), open(t, c), "config", 0, -1); err == nil || !strings.Contains(syncline.MessageOf(err), "over http, without encryption") {
		t.Errorf("from https to http: %v", err)
	}
}

func TestConfigRefused(t *testing.T) {
	good := swift.Credentials{AuthURL: "https://host:5000/v3", UserName: "u", Domain: "d", Password: "p"}
	tests := []struct {
		change  func(*swift.Config)
		message string
	}{
		{func(c *swift.Config) { c.Container = "" }, "name of the container is missing"},
		{func(c *swift.Config) { c.Container = "a/b" }, "no name of a container"},
		{func(c *swift.Config) { c.Container = ".." }, "no name of a container"},
		{func(c *swift.Config) { c.Container = strings.Repeat("a", 257) }, "no name of a container"},
		{func(c *swift.Config) { c.Prefix = "../x" }, "no valid name"},
		{func(c *swift.Config) { c.AuthURL = "" }, "address of the identity service is missing"},
		{func(c *swift.Config) { c.AuthURL = "https://host:5000" }, "must name the version"},
		{func(c *swift.Config) { c.AuthURL = "https://user:secret@host/v3" }, "must be like https://HOST:5000/v3"},
		{func(c *swift.Config) { c.UserName = "" }, "user's name"},
		{func(c *swift.Config) { c.Password = "" }, "password"},
		{func(c *swift.Config) { c.UserName, c.Domain, c.ApplicationName, c.ApplicationSecret = "", "", "a", "s" }, "needs its user"},
		{func(c *swift.Config) { c.StorageURL, c.AuthToken = "host", "t" }, "must be like https://HOST"},
		{func(c *swift.Config) { c.StorageURL, c.AuthToken = "https://host/v1/AUTH_a", "t\r\nX: y" }, "characters in it"},
		{func(c *swift.Config) { c.CA = []byte("no PEM") }, "CA bundle"},
	}
	for _, tt := range tests {
		c := swift.Config{Container: "container", Credentials: good}
		tt.change(&c)
		_, err := swift.Open(t.Context(), c)
		if syncline.CodeOf(err) != syncline.CodeInvalid || !strings.Contains(syncline.MessageOf(err), tt.message) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%v, want a refusal with %q", err, tt.message)
		}
	}
}
