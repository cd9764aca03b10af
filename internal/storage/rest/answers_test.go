package rest_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/storage"
	"syncline.dev/syncline/internal/storage/rest"
	"syncline.dev/syncline/internal/storage/storagetest"
)

// answer is a server that gives every request the same answer.
func answer(t *testing.T, status int, header http.Header, body string) rest.Config {
	t.Helper()
	return rest.Config{Endpoint: storagetest.Answering(t, status, header, body), Folder: "repo", User: "reader", Password: "hunter2-hunter2"}
}

func TestAnswers(t *testing.T) {
	of := func(kind string) http.Header { return http.Header{"Content-Type": {kind}} }
	first, second, page := of("application/vnd.x.restic.rest.v1"), of("application/vnd.x.restic.rest.v2"), of("text/html; charset=utf-8")
	const html = "<!DOCTYPE html><html>hunter2</html>"
	rclone := http.Header{"Server": {"rclone/v1.60"}}
	id := storagetest.ID(1)
	for _, tt := range []struct {
		label     string
		status    int
		header    http.Header
		body      string
		code      syncline.Code
		retryable bool
		message   string
		listOnly  bool
	}{
		{"a web site", 200, page, html, syncline.CodeInvalid, true, "does not answer like a REST server", true},
		{"a web site without a type", 200, nil, html, syncline.CodeInvalid, true, "does not answer like a REST server", true},
		{"a missing page", 404, page, html, syncline.CodeInvalid, true, "does not answer like a REST server", false},
		{"an empty answer", 200, nil, "", syncline.CodeInvalid, true, "does not answer like a REST server", true},
		{"an empty list of another program", 200, of("text/plain"), "[]", syncline.CodeInvalid, true, "does not answer like a REST server", true},
		{"another API", 200, of("application/json"), `{"items":[]}`, syncline.CodeInvalid, true, "does not answer like", true},
		{"a list of something else", 200, of("application/json"), `[{"id":1}]`, syncline.CodeInvalid, true, "does not answer like", true},
		{"nothing", 200, second, "", syncline.CodeUnavailable, true, "is cut off", true},
		{"cut off", 200, second, `[{"name":"` + id + `","size":1},{"na`, syncline.CodeUnavailable, true, "is cut off", true},
		{"cut off after a name", 200, first, `["` + id + `"`, syncline.CodeUnavailable, true, "is cut off", true},
		{"something behind", 200, second, "[]{}", syncline.CodeUnavailable, true, "is cut off", true},
		{"no size", 200, second, `[{"name":"` + id + `"}]`, syncline.CodeUnavailable, true, "not asked for", true},
		{"a size below nothing", 200, second, `[{"name":"` + id + `","size":-1}]`, syncline.CodeUnavailable, true, "not asked for", true},
		{"a name that leads out", 200, second, `[{"name":"../keys/` + id + `","size":1}]`, syncline.CodeUnavailable, true, "not asked for", true},
		{"no name", 200, first, `[""]`, syncline.CodeUnavailable, true, "not asked for", true},
		{"busy", 503, nil, "", syncline.CodeUnavailable, true, "cannot answer now (503", false},
		{"too many", 429, nil, "", syncline.CodeUnavailable, true, "cannot answer now", false},
		{"broken", 500, page, html, syncline.CodeUnavailable, true, "cannot answer now (500 Internal Server Error)", false},
		{"wrong password", 401, page, html, syncline.CodeForbidden, false, "does not accept the user name", false},
		{"no right", 403, page, html, syncline.CodeForbidden, false, "forbids to read this repository", false},
		{"a proxy", 407, nil, "", syncline.CodeForbidden, false, "a proxy before the REST server", false},
		{"nothing there", 404, nil, "", syncline.CodeNotFound, false, "is not in the storage", false},
		{"rclone in trouble", 404, rclone, "", syncline.CodeUnavailable, true, "cannot be made now", true},
		{"not a method", 405, nil, "", syncline.CodeInvalid, true, "does not answer like a REST server", false},
		{"not implemented", 501, nil, "", syncline.CodeUnsupported, false, "cannot do what the protocol asks for", false},
		{"a redirect to nowhere", 302, nil, "", syncline.CodeInvalid, true, "does not answer like a REST server", false},
		{"a circle", 302, http.Header{"Location": {"/repo/"}}, "", syncline.CodeInvalid, true, "does not answer like a REST server", false},
		{"a redirect to a file", 302, http.Header{"Location": {"file:///etc/passwd"}}, "", syncline.CodeInvalid, true, "does not answer like", false},
	} {
		t.Run(tt.label, func(t *testing.T) {
			c := answer(t, tt.status, tt.header, tt.body)
			listErr := open(t, c).List(t.Context(), "snapshots", func(string, int64) error { return nil })
			_, openErr := storagetest.ReadAll(t.Context(), open(t, c), "config", 0, -1)
			storagetest.CheckRefusal(t, "List", listErr, tt.code, tt.retryable, tt.message, "hunter2")
			if !tt.listOnly {
				storagetest.CheckRefusal(t, "Open", openErr, tt.code, tt.retryable, tt.message, "hunter2")
			}
		})
	}
}

// TestFilesOfOthers reads files from programs that are no REST servers.
func TestFilesOfOthers(t *testing.T) {
	page := http.Header{"Content-Type": {"text/html"}}
	s := open(t, answer(t, http.StatusOK, page, "<html>Sign in</html>"))
	for _, name := range []string{"config", storagetest.Pack(1)} {
		if got, err := storagetest.ReadAll(t.Context(), s, name, 0, -1); !storage.IsRetryable(err) || len(got) > 0 {
			t.Errorf("the page in place of %s: %q, %v", name, got, err)
		}
	}
	if _, err := s.Open(t.Context(), storagetest.Pack(1), 0, 0); !storage.IsRetryable(err) {
		t.Errorf("the page in place of a pack's size: %v", err)
	}
	big := open(t, answer(t, http.StatusOK, nil, strings.Repeat("x", 2<<20)))
	if _, err := storagetest.ReadAll(t.Context(), big, "config", 0, 1); syncline.CodeOf(err) != syncline.CodeUnavailable {
		t.Errorf("a configuration of two megabytes: %v", err)
	}
	// A listing of names is not short because the sizes cannot be asked for.
	names := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodHead {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		w.Header().Set("Content-Type", "application/vnd.x.restic.rest.v1")
		_, _ = w.Write([]byte(`["` + storagetest.ID(1) + `"]`))
	}))
	defer names.Close()
	if got, err := storagetest.ListAll(t, open(t, rest.Config{Endpoint: names.URL}), "snapshots"); !storage.IsRetryable(err) || len(got) > 0 {
		t.Errorf("a listing of files that are not there: %v, %v", got, err)
	}
}

// TestEndlessEntries reads listings whose first entry does not end. A decoder would hold it as a
// whole, so the listing ends long before the document does.
func TestEndlessEntries(t *testing.T) {
	for kind, start := range map[string]string{
		"application/vnd.x.restic.rest.v2": `[{"name":"`, "application/vnd.x.restic.rest.v1": `["`,
		"application/json": "", "application/vnd.x.restic.rest.v2;": `[{"x":[[`,
	} {
		sent := make(chan int64, 1)
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", strings.TrimSuffix(kind, ";"))
			n, err := io.WriteString(w, start)
			total := int64(n)
			for more := strings.Repeat(" ", 1<<20); err == nil && total < 1<<28; total += int64(n) {
				n, err = io.WriteString(w, more)
			}
			sent <- total
		}))
		got, err := storagetest.ListAll(t, open(t, rest.Config{Endpoint: server.URL}), "snapshots")
		if !storage.IsRetryable(err) || !strings.Contains(syncline.MessageOf(err), "longer than") || len(got) > 0 {
			t.Errorf("%s: %v, %v", kind, got, err)
		}
		server.CloseClientConnections()
		if n := <-sent; n >= 1<<28 {
			t.Errorf("%s: %d bytes were taken for one entry", kind, n)
		}
		server.Close()
	}
}

// TestLongNames has many entries that are as long as names can be.
func TestLongNames(t *testing.T) {
	const files = 500
	entries := make([]string, files)
	for i := range entries {
		entries[i] = fmt.Sprintf(`{"name":"%s%04d","size":%d}`, strings.Repeat("n", 900), i, i)
	}
	c := answer(t, http.StatusOK, http.Header{"Content-Type": {"application/vnd.x.restic.rest.v2"}}, "["+strings.Join(entries, ",\n ")+"]\n")
	if got, err := storagetest.ListAll(t, open(t, c), "snapshots"); err != nil || len(got) != files {
		t.Errorf("%d files, %v", len(got), err)
	}
}

// TestEmptyListings are those of servers that have nothing in a folder.
func TestEmptyListings(t *testing.T) {
	for _, tt := range []struct{ kind, body string }{
		{"application/vnd.x.restic.rest.v1", "[]"},
		{"application/vnd.x.restic.rest.v2", "[]"},
		{"application/vnd.x.restic.rest.v2", "null\n"},
		{"application/json", " [ ] \n"},
	} {
		got, err := storagetest.ListAll(t, open(t, answer(t, http.StatusOK, http.Header{"Content-Type": {tt.kind}}, tt.body)), "snapshots")
		if err != nil || len(got) > 0 {
			t.Errorf("%s %q: %v, %v", tt.kind, tt.body, got, err)
		}
	}
}

// TestManyNames refuses a listing without sizes that has more names than are held.
func TestManyNames(t *testing.T) {
	const most = 1 << 20
	names := strings.Repeat(`"x",`, most-1) + `"x"`
	first := http.Header{"Content-Type": {"application/vnd.x.restic.rest.v1"}}
	list := func(body string) (n int, err error) {
		err = open(t, answer(t, http.StatusOK, first, body)).List(t.Context(), "index", func(string, int64) error { n++; return nil })
		return n, err
	}
	if n, err := list("[" + names + "]"); err != nil || n != most {
		t.Errorf("%d names, %v", n, err)
	}
	if n, err := list(`["x",` + names + "]"); syncline.CodeOf(err) != syncline.CodeTooLarge || n != 0 {
		t.Errorf("one more: %d names, %v", n, err)
	}
}

// TestRedirectsEnd follows a server that leads to itself ten times.
func TestRedirectsEnd(t *testing.T) {
	var asked atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if asked.Add(1) > 100 {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		http.Redirect(w, r, r.URL.Path, http.StatusFound)
	}))
	defer server.Close()
	_, err := storagetest.ListAll(t, open(t, rest.Config{Endpoint: server.URL}), "snapshots")
	if syncline.CodeOf(err) != syncline.CodeInvalid || !strings.Contains(syncline.MessageOf(err), "does not answer like a REST server") || asked.Load() != 10 {
		t.Errorf("%d requests, %v", asked.Load(), err)
	}
}

// TestRedirects follows a redirect, and takes the password to no other server.
func TestRedirects(t *testing.T) {
	var mu sync.Mutex
	var signedIn []bool
	files := func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		_, password, _ := r.BasicAuth()
		signedIn = append(signedIn, password == "hunter2-hunter2")
		w.Header().Set("Content-Type", "application/vnd.x.restic.rest.v2")
		_, _ = w.Write([]byte("[]"))
	}
	other := httptest.NewServer(http.HandlerFunc(files))
	defer other.Close()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasPrefix(r.URL.Path, "/elsewhere/"):
			http.Redirect(w, r, other.URL+"/moved/snapshots/", http.StatusPermanentRedirect)
		case strings.HasPrefix(r.URL.Path, "/here/"):
			http.Redirect(w, r, "/moved/snapshots/", http.StatusTemporaryRedirect)
		default:
			files(w, r)
		}
	}))
	defer server.Close()
	for _, folder := range []string{"elsewhere", "here"} {
		s := open(t, rest.Config{Endpoint: server.URL, Folder: folder, User: "reader", Password: "hunter2-hunter2"})
		if _, err := storagetest.ListAll(t, s, "snapshots"); err != nil {
			t.Errorf("a redirect %s: %v", folder, err)
		}
	}
	if len(signedIn) != 2 || signedIn[0] || !signedIn[1] {
		t.Errorf("signed in: %v; want no password at the other server, and one at the same", signedIn)
	}
	// No redirect leads from https to http.
	safe := httptest.NewTLSServer(http.RedirectHandler(other.URL, http.StatusFound))
	defer safe.Close()
	c := rest.Config{Endpoint: safe.URL}
	c.Client.TrustAny = true
	if _, err := storagetest.ListAll(t, open(t, c), "snapshots"); syncline.CodeOf(err) != syncline.CodeInvalid {
		t.Errorf("a redirect from https to http: %v", err)
	}
}
