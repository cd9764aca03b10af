package api

import (
	"io"
	"net/http"
	"strings"
	"testing"

	v6 "syncline.dev/syncline/internal/api/v6"
)

func fromPage(cookies string) http.Header {
	h := http.Header{"Sec-Fetch-Site": {"same-origin"}}
	if cookies != "" {
		h.Set("Cookie", cookies)
	}
	return h
}

func TestConsoleSignIn(t *testing.T) {
	w := newWorld(t)
	q := request{method: "POST", path: "/v6/Console/SignIn", token: "-", header: fromPage(""), body: goodBodies["ConsoleSignIn"]}
	a := w.do(q)
	user := decode[v6.ConsoleUser](t, a)
	if user.UserName != "ada" || user.Role != "administrator" || user.Expires == nil || !user.Expires.After(testTime) {
		t.Errorf("signed in as %+v", user)
	}
	if strings.Contains(a.body, "the-access-token") || strings.Contains(a.body, "the-refresh-token") {
		t.Errorf("a script can read a token: %s", a.body)
	}
	set := a.header.Values("Set-Cookie")
	if len(set) != 2 {
		t.Fatalf("the cookies are %q", set)
	}
	for i, want := range []string{accessCookie + "=the-access-token", refreshCookie + "=the-refresh-token"} {
		for _, part := range []string{want + ";", "Path=/", "Secure", "HttpOnly", "SameSite=Strict", "Max-Age="} {
			if !strings.Contains(set[i], part) {
				t.Errorf("the cookie lacks %q: %q", part, set[i])
			}
		}
		if strings.Contains(set[i], "Domain") {
			t.Errorf("the cookie goes to other hosts: %q", set[i])
		}
	}
	q.body = `{"username":"ada","password":"wrong"}`
	if a := w.do(q); a.status != 401 || len(a.header.Values("Set-Cookie")) != 0 {
		t.Errorf("a wrong password: %d, %v", a.status, a.header)
	}
	q.body = `{"username":"throttled","password":"x"}`
	if a := w.do(q); a.status != 429 || a.header.Get("Retry-After") != "2" {
		t.Errorf("too many attempts: %d, %v", a.status, a.header)
	}
}

func TestConsoleRenewAndSignOut(t *testing.T) {
	w := newWorld(t)
	q := request{method: "POST", path: "/v6/Console/Renew", token: "-", header: fromPage(refreshCookie + "=the-refresh-token")}
	if a := w.do(q); a.status != 200 || len(a.header.Values("Set-Cookie")) != 2 {
		t.Errorf("renewing: %d, %v", a.status, a.header)
	}
	q.header = fromPage(accessCookie + "=the-access-token")
	wantFailure(t, w.do(q), 401, "nobody is signed in")
	q.header = fromPage(refreshCookie + "=used")
	wantFailure(t, w.do(q), 401, "sign in again")
	q.header = fromPage(refreshCookie + "=the-refresh-token; " + refreshCookie + "=another")
	wantFailure(t, w.do(q), 401, "nobody is signed in")

	q.path = "/v6/Console/SignOut"
	for _, cookies := range []string{"", refreshCookie + "=ended", refreshCookie + "=the-refresh-token"} {
		q.header = fromPage(cookies)
		a := w.do(q)
		set := strings.Join(a.header.Values("Set-Cookie"), "\n")
		if a.status != 204 || strings.Count(set, "Max-Age=0") != 2 {
			t.Errorf("signing out with %q: %d, %q", cookies, a.status, set)
		}
	}
	if last := w.auth.signIns[len(w.auth.signIns)-1]; last != "out|the-refresh-token" {
		t.Errorf("the tokens did not end: %q", w.auth.signIns)
	}
}

// The cookie is worth something only to a page of this very server.
func TestCookieNeedsSameOrigin(t *testing.T) {
	w := newWorld(t).populate()
	host := strings.TrimPrefix(w.server.URL, "https://")
	for _, c := range []struct {
		name   string
		header http.Header
		admit  bool
	}{
		{"own page", http.Header{"Sec-Fetch-Site": {"same-origin"}}, true},
		{"another port of the host", http.Header{"Sec-Fetch-Site": {"same-site"}}, false},
		{"another host", http.Header{"Sec-Fetch-Site": {"cross-site"}}, false},
		{"typed by hand", http.Header{"Sec-Fetch-Site": {"none"}}, false},
		{"two values", http.Header{"Sec-Fetch-Site": {"same-origin", "cross-site"}}, false},
		{"cross-site with a fitting origin", http.Header{"Sec-Fetch-Site": {"cross-site"}, "Origin": {"https://" + host}}, false},
		{"an older browser", http.Header{"Origin": {"https://" + host}}, true},
		{"an older browser elsewhere", http.Header{"Origin": {"https://example.org"}}, false},
		{"plain HTTP", http.Header{"Origin": {"http://" + host}}, false},
		{"no word of where from", http.Header{}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.header.Set("Cookie", accessCookie+"=the-access-token; "+refreshCookie+"=the-refresh-token")
			for _, q := range []request{
				{method: "GET", path: "/v6/BackupRepositories"},
				{method: "POST", path: "/v6/BackupRepositories/" + repoID + "/Sync"},
			} {
				q.token, q.header = "-", c.header
				if a := w.do(q); (a.status == 200) != c.admit || (!c.admit && a.status != 401) {
					t.Errorf("%s: %d", q.method, a.status)
				}
			}
			for _, path := range []string{"SignIn", "Renew", "SignOut"} {
				q := request{method: "POST", path: "/v6/Console/" + path, token: "-", header: c.header, body: goodBodies["Console"+path]}
				if a := w.do(q); (a.status < 300) != c.admit || (!c.admit && a.status != 403) {
					t.Errorf("%s: %d", path, a.status)
				}
			}
		})
	}
	both := request{method: "GET", path: "/v6/Console/User", token: "viewer", header: fromPage(accessCookie + "=the-access-token")}
	if user := decode[v6.ConsoleUser](t, w.do(both)); user.Role != "viewer" {
		t.Errorf("the header must win over the cookie, got %+v", user)
	}
}

type fakeConsole struct{}

func (fakeConsole) Has(path string) bool { return path == "/" }

func (fakeConsole) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = io.WriteString(w, "<!DOCTYPE html>")
}

func TestConsolePages(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.Console = fakeConsole{} })
	res, err := w.server.Client().Get(w.server.URL + "/")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != 200 || res.Header.Get("Content-Type") != "text/html; charset=utf-8" || res.Header.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("the page: %d, %v", res.StatusCode, res.Header)
	}
	wantFailure(t, w.do(request{method: "POST", path: "/"}), 405, "use GET")
	wantFailure(t, w.get("/nowhere"), 404, "/swagger")
	wantFailure(t, newWorld(t).get("/"), 404, "/swagger")
}
