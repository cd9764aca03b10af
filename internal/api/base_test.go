package api

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestParseBasePath(t *testing.T) {
	for text, want := range map[string]string{
		"": "", "/": "", "/syncline": "/syncline", "/syncline/": "/syncline", "/a/b-c.d_~/E1": "/a/b-c.d_~/E1", "/v60": "/v60",
		"syncline": "!", "/a//b": "!", "//a": "!", "/a/../b": "!", "/.a": "!", "/a b": "!", "/ä": "!", "/a%20b": "!", `/a"b`: "!", "/a?b": "!", "/a/.": "!",
		"/v6": "!", "/V6/x": "!", "/v7": "!", "/swagger": "!", "/metrics/x": "!", "/assets": "!", "/" + strings.Repeat("a", 200): "!",
	} {
		got, err := ParseBasePath(text)
		if err != nil {
			got = "!"
		}
		if got != want {
			t.Errorf("%q is read as %q, %v", text, got, err)
		}
	}
}

var hrefs = regexp.MustCompile(`"href": ?"([^"]*)"`)

// Every operation answers under the base and without it, and each link in an answer
// has the base and leads somewhere.
func TestBasePath(t *testing.T) {
	seen := 0
	for _, op := range newWorld(t).api.router.operations() {
		if op.route.Method != http.MethodGet || op.streams() || strings.HasSuffix(op.route.Path, "/Content") || strings.HasSuffix(op.route.Path, "/Archive") {
			continue
		}
		w := newWorld(t, func(c *Config) { c.BasePath = "/syncline" }).populate()
		header := http.Header{extensionsHeader: {"1"}}
		path := example(op, true)
		for _, base := range []string{"", "/syncline", "/Syncline"} {
			a := w.handle(request{method: "GET", path: base + path, header: header})
			if a.status != 200 {
				t.Errorf("%s%s: %d %s", base, path, a.status, a.body)
			}
			for _, href := range hrefs.FindAllStringSubmatch(a.body, -1) {
				seen++
				if !strings.HasPrefix(href[1], "/syncline/v6/") || strings.Count(href[1], "/syncline") != 1 {
					t.Errorf("%s%s links to %s", base, path, href[1])
				}
			}
		}
	}
	if seen < 50 {
		t.Errorf("only %d links were seen", seen)
	}
}

func TestBasePathOfPages(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.BasePath = "/syncline" })
	for path, want := range map[string]string{
		"/syncline/swagger":                 `src="/syncline/swagger/page.js"`,
		"/swagger":                          `src="/syncline/swagger/page.js"`,
		"/syncline/swagger/page.js":         `'/syncline/swagger/v1/openapi.yaml'`,
		"/syncline/swagger/v1/openapi.yaml": "\nservers:\n  - url: /syncline\n",
		"/syncline/swagger/v1/openapi.json": `"servers":[{"url":"/syncline"}]`,
	} {
		if a := w.handle(request{method: "GET", path: path, token: "-"}); a.status != 200 || !strings.Contains(a.body, want) {
			t.Errorf("%s lacks %s: %d", path, want, a.status)
		}
	}
	for _, path := range []string{"/syncline//v6/Proxies", "/syncline/syncline/v6/Proxies", "/synclinev6/Proxies", "/%73yncline/v6/Proxies", "/x/syncline/v6/Proxies"} {
		if a := w.handle(request{method: "GET", path: path}); a.status != 404 || !strings.Contains(a.body, `"message"`) {
			t.Errorf("%s: %d %s", path, a.status, a.body)
		}
	}
	if !strings.Contains(w.log.String(), `"path":"/syncline/syncline/v6/Proxies"`) {
		t.Error("the log shows another path than the one that was asked for")
	}
	if a := newWorld(t).handle(request{method: "GET", path: "/syncline/v6/Proxies"}); a.status != 404 {
		t.Errorf("without a base: %d", a.status)
	}
}

// Under a base the cookies are for this server's paths alone.
func TestBasePathOfCookies(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.BasePath = "/syncline" })
	a := w.do(request{method: "POST", path: "/syncline/v6/Console/SignIn", token: "-", header: fromPage(""), body: goodBodies["ConsoleSignIn"]})
	set := a.header.Values("Set-Cookie")
	if len(set) != 2 || !strings.HasPrefix(set[0], "__Secure-syncline-access=the-access-token; Path=/syncline;") || !strings.HasPrefix(set[1], "__Secure-syncline-refresh=the-refresh-token; Path=/syncline;") {
		t.Fatalf("the cookies are %q", set)
	}
	if slices.ContainsFunc(set, func(c string) bool { return !strings.Contains(c, "Secure") || !strings.Contains(c, "HttpOnly") }) {
		t.Errorf("the cookies are %q", set)
	}
	for name, status := range map[string]int{"__Secure-syncline-access": 200, accessCookie: 401} {
		a := w.do(request{method: "GET", path: "/syncline/v6/Console/User", token: "-", header: fromPage(name + "=the-access-token")})
		if a.status != status {
			t.Errorf("with %s: %d %s", name, a.status, a.body)
		}
	}
	a = w.do(request{method: "POST", path: "/syncline/v6/Console/SignOut", token: "-", header: fromPage("__Secure-syncline-refresh=the-refresh-token")})
	if set := a.header.Values("Set-Cookie"); a.status != 204 || len(set) != 2 || !strings.Contains(set[0], "Path=/syncline") {
		t.Errorf("signing out: %d %q", a.status, set)
	}
}

// Events have the base in their links, and no proxy may hold them up.
func TestBasePathOfEvents(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.BasePath = "/syncline" }).populate()
	w.sync.unwatched = make(chan struct{}, 1)
	s := openStream(t, w.server.Client(), w.server.URL+"/syncline")
	if got := s.res.Header.Get("X-Accel-Buffering"); got != "no" {
		t.Errorf("X-Accel-Buffering is %q", got)
	}
	if e := s.event("1"); !strings.HasPrefix(e.Links.Self.Href, "/syncline/v6/") {
		t.Errorf("the event links to %s", e.Links.Self.Href)
	}
}
