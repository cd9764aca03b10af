package console_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"

	"syncline.dev/syncline/internal/console"
)

func newHandler(t *testing.T) *console.Handler {
	t.Helper()
	h, err := console.New("")
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func get(h http.Handler, path string, header http.Header) *httptest.ResponseRecorder {
	r := httptest.NewRequest("GET", path, nil)
	r.Header = header
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestPages(t *testing.T) {
	h := newHandler(t)
	for path, want := range map[string]bool{
		"/": true, "/repositories/x": true, "/points/x/compare": true, "/search": true, "/attach": true,
		"/v6/token": false, "/swagger": false, "/nowhere": false, "/assets/": false, "/assets/../index.html": false, "": false, "repositories": false,
	} {
		if h.Has(path) != want {
			t.Errorf("there is a page under %q: %t", path, !want)
		}
	}
	page := get(h, "/repositories/x", nil)
	body := page.Body.String()
	if page.Code != 200 || page.Header().Get("Content-Type") != "text/html; charset=utf-8" || page.Header().Get("Cache-Control") != "no-cache" {
		t.Errorf("the page: %d, %v", page.Code, page.Header())
	}
	policy := page.Header().Get("Content-Security-Policy")
	if !strings.HasPrefix(policy, "default-src 'none'; script-src 'self';") || strings.Contains(policy, "unsafe") || strings.Contains(policy, "http") {
		t.Errorf("the policy is %q", policy)
	}
	if strings.Contains(body, "://") || regexp.MustCompile(`<script(>|[^>]*>[^<])|<style|style=|\son\w+=`).MatchString(body) {
		t.Errorf("the page loads from elsewhere or holds inline code: %s", body)
	}
	again := get(h, "/", http.Header{"If-None-Match": {page.Header().Get("ETag")}})
	if again.Code != http.StatusNotModified || again.Body.Len() != 0 {
		t.Errorf("a second time: %d, %d bytes", again.Code, again.Body.Len())
	}
}

// The first load is small, and the same compressed and plain.
func TestFirstLoad(t *testing.T) {
	h := newHandler(t)
	total := 0
	paths := []string{"/"}
	for _, m := range regexp.MustCompile(`(?:src|href)="(/assets/[^"]+)"`).FindAllStringSubmatch(get(h, "/", nil).Body.String(), -1) {
		paths = append(paths, m[1])
	}
	if len(paths) < 4 {
		t.Fatalf("the page loads %q", paths)
	}
	for _, path := range paths {
		if !h.Has(path) {
			t.Errorf("there is nothing under %s", path)
		}
		plain, packed := get(h, path, nil), get(h, path, http.Header{"Accept-Encoding": {"br, gzip"}})
		total += packed.Body.Len()
		for _, m := range regexp.MustCompile(`(?:from|import)\s?"\./([^"]+\.js)"`).FindAllStringSubmatch(plain.Body.String(), -1) {
			if !slices.Contains(paths, "/assets/"+m[1]) {
				t.Errorf("%s needs %s, which the page does not name", path, m[1])
			}
		}
		if path != "/" && !strings.Contains(plain.Header().Get("Cache-Control"), "immutable") {
			t.Errorf("%s is fetched anew each time", path)
		}
		if plain.Header().Get("Content-Encoding") != "" || plain.Header().Get("Content-Type") == "" {
			t.Errorf("%s: %v", path, plain.Header())
		}
		if packed.Header().Get("Content-Encoding") == "gzip" {
			z, err := gzip.NewReader(packed.Body)
			if err != nil {
				t.Fatal(err)
			}
			data, err := io.ReadAll(z)
			if err != nil || !bytes.Equal(data, plain.Body.Bytes()) {
				t.Errorf("%s is another file when it is packed (%v)", path, err)
			}
		}
	}
	if total > 300_000 {
		t.Errorf("the first load has %d bytes, more than 300,000", total)
	}
	t.Logf("the first load has %d bytes", total)
}
