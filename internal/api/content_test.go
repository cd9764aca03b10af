package api

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"io"
	"math/rand/v2"
	"mime"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/archive"
	"syncline.dev/syncline/internal/catalog"
	"syncline.dev/syncline/internal/content"
	"syncline.dev/syncline/internal/content/contenttest"
	"syncline.dev/syncline/internal/place"
	"syncline.dev/syncline/internal/resticfixture"
	"syncline.dev/syncline/resticrepo"
)

// noContents is for tests that download nothing.
type noContents struct{}

func (noContents) Download(context.Context, syncline.RestorePoint, string) (*content.Download, error) {
	return nil, notFound("file")
}

// oneCatalog is the catalog of the only repository.
type oneCatalog struct{ cat *catalog.Catalog }

func (o oneCatalog) Use(_ context.Context, _ syncline.ID, fn func(*catalog.Catalog) error) error {
	return fn(o.cat)
}

// contentWorld is the API over a real repository of one snapshot.
type contentWorld struct {
	*world
	repo  string
	src   string
	large []byte
	point syncline.RestorePoint
	open  sync.WaitGroup // downloads that are not closed
}

func newContentWorld(t *testing.T) *contentWorld {
	t.Helper()
	w := &contentWorld{repo: resticfixture.Init(t, 2), src: t.TempDir(), large: make([]byte, 9<<20)}
	_, _ = rand.NewChaCha8([32]byte{3}).Read(w.large)
	for name, data := range map[string][]byte{
		"large.html": w.large, "empty": nil, "evil\u202etxt.\"exe\"": []byte("x"), "raw \xff": []byte("bytes"),
	} {
		if err := os.WriteFile(filepath.Join(w.src, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	id, err := syncline.ParseHash(resticfixture.Backup(t, w.repo, w.src))
	if err != nil {
		t.Fatal(err)
	}
	w.point = testPoint
	w.point.Snapshot.ID = id
	w.serve(t)
	return w
}

// serve starts a server that has nothing in memory yet.
func (w *contentWorld) serve(t *testing.T, more ...func(*Config)) {
	t.Helper()
	repo := contenttest.Open(t, w.repo, resticfixture.Password)
	service := &content.Service{
		Catalogs: oneCatalog{contenttest.Catalog(t, repo)},
		Open: func(context.Context, syncline.ID) (place.Opened, error) {
			w.open.Add(1)
			return place.Opened{Repository: repo, Close: func() error { w.open.Done(); return nil }}, nil
		},
	}
	w.world = newWorld(t, append([]func(*Config){func(c *Config) {
		c.Contents, c.Archives, c.RestorePoints = service, &archive.Service{Contents: service}, fakePoints{w.point}
	}}, more...)...)
}

func (w *contentWorld) path(name string) string {
	return "/v6/RestorePoints/" + pointID + "/Content?path=" + url.QueryEscape(w.src+"/"+name)
}

// raw makes a request whose answer need not be whole.
func (w *contentWorld) raw(method, path string, header http.Header) (*http.Response, []byte, error) {
	w.t.Helper()
	req, err := http.NewRequestWithContext(w.t.Context(), method, w.server.URL+path, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	req.Header = header.Clone()
	if req.Header == nil {
		req.Header = make(http.Header)
	}
	req.Header.Set("Authorization", "Bearer administrator")
	res, err := w.server.Client().Do(req)
	if err != nil {
		return nil, nil, err
	}
	defer res.Body.Close()
	data, err := io.ReadAll(res.Body)
	return res, data, err
}

func TestContent(t *testing.T) {
	w := newContentWorld(t)
	res, data, err := w.raw("GET", w.path("large.html"), nil)
	if err != nil || res.StatusCode != 200 || !bytes.Equal(data, w.large) {
		t.Fatalf("%v, %d bytes, %v", res, len(data), err)
	}
	etag := res.Header.Get("ETag")
	for name, want := range map[string]string{
		"Content-Type": "application/octet-stream", "Content-Length": "9437184", "Accept-Ranges": "bytes",
		"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store",
		"Content-Security-Policy": "default-src 'none'; sandbox; frame-ancestors 'none'",
		"Content-Disposition":     "attachment; filename=large.html",
	} {
		if got := res.Header.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	for _, c := range []struct {
		name        string
		header      http.Header
		status      int
		first, last int // of the bytes that come
	}{
		{"range", http.Header{"Range": {"bytes=1000000-2999999"}}, 206, 1_000_000, 3_000_000},
		{"the end", http.Header{"Range": {"bytes=-5"}}, 206, len(w.large) - 5, len(w.large)},
		{"from", http.Header{"Range": {"bytes=9437183-"}}, 206, len(w.large) - 1, len(w.large)},
		{"too long", http.Header{"Range": {"bytes=9437174-9999999"}}, 206, len(w.large) - 10, len(w.large)},
		{"two ranges", http.Header{"Range": {"bytes=0-1,5-6"}}, 200, 0, len(w.large)},
		{"another unit", http.Header{"Range": {"lines=0-1"}}, 416, 0, 0},
		{"behind the end", http.Header{"Range": {"bytes=9437184-"}}, 416, 0, 0},
		{"no numbers", http.Header{"Range": {"bytes=a-b"}}, 416, 0, 0},
		{"if the same", http.Header{"Range": {"bytes=0-9"}, "If-Range": {etag}}, 206, 0, 10},
		{"if another", http.Header{"Range": {"bytes=0-9"}, "If-Range": {`"other"`}}, 200, 0, len(w.large)},
		{"have it", http.Header{"If-None-Match": {etag}}, 304, 0, 0},
	} {
		for _, method := range []string{"GET", "HEAD"} {
			res, data, err := w.raw(method, w.path("large.html"), c.header)
			if err != nil || res.StatusCode != c.status {
				t.Errorf("%s %s: %v, %v", method, c.name, res, err)
				continue
			}
			switch want := w.large[c.first:c.last]; {
			case c.status == 416:
				if method == "GET" && !strings.Contains(string(data), `{"message":"the range lies outside`) || res.Header.Get("Content-Disposition") != "" {
					t.Errorf("%s: %s, %v", c.name, data, res.Header)
				}
			case method == "HEAD" && c.status != 304:
				if len(data) > 0 || res.ContentLength != int64(len(want)) || res.Header.Get("ETag") != etag {
					t.Errorf("HEAD %s: %v", c.name, res)
				}
			case method == "GET" && !bytes.Equal(data, want):
				t.Errorf("%s: %d bytes, want %d", c.name, len(data), len(want))
			}
		}
	}
	w.open.Wait() // every download was closed
}

func TestContentNames(t *testing.T) {
	w := newContentWorld(t)
	res, data, err := w.raw("GET", w.path("empty"), nil)
	if err != nil || res.StatusCode != 200 || len(data) != 0 || res.ContentLength != 0 {
		t.Errorf("an empty file: %v, %v", res, err)
	}
	res, _, err = w.raw("GET", w.path("evil\u202etxt.\"exe\""), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, p, err := mime.ParseMediaType(res.Header.Get("Content-Disposition")); err != nil || p["filename"] != `evil_txt."exe"` {
		t.Errorf("%q: %v, %v", res.Header.Get("Content-Disposition"), p, err)
	}
	raw := "/v6/RestorePoints/" + pointID + "/Content?rawPath="
	name := []byte(w.src + "/raw \xff")
	for _, text := range []string{base64.StdEncoding.EncodeToString(name), base64.RawURLEncoding.EncodeToString(name)} {
		if _, data, err := w.raw("GET", raw+url.QueryEscape(text), nil); err != nil || string(data) != "bytes" {
			t.Errorf("%s: %q, %v", text, data, err)
		}
	}
	for path, status := range map[string]int{
		raw + "%21%21":                       400,
		raw + "YQ&path=%2Fa":                 400,
		strings.TrimSuffix(raw, "?rawPath="): 400,
		w.path(""):                           400, // the folder
		w.path("nothing"):                    404,
		"/v6/RestorePoints/" + unknownID + "/Content?path=%2Fa": 404,
		"/v6/RestorePoints/not-an-id/Content?path=%2Fa":         400,
	} {
		if a := w.get(path); a.status != status {
			t.Errorf("%s: %d %s", path, a.status, a.body)
		}
	}
	for role, status := range map[string]int{"restorer": 200, "operator": 403, "viewer": 403, "-": 401} {
		if a := w.do(request{method: "HEAD", path: w.path("empty"), token: role}); a.status != status {
			t.Errorf("%s: %d", role, a.status)
		}
	}
	w.open.Wait()
}

// TestContentBreaksOff damages the end of a file's data. The answer must not
// look complete. Damage at the start is an error with a message.
func TestContentBreaksOff(t *testing.T) {
	w := newContentWorld(t)
	first, last := w.places(t)
	w.damage(t, last)
	for _, http2 := range []bool{true, false} {
		if !http2 {
			w.onlyHTTP1()
		}
		res, data, err := w.raw("GET", w.path("large.html"), nil)
		if err == nil || res == nil || res.StatusCode != 200 || !bytes.HasPrefix(w.large, data) {
			t.Errorf("HTTP/2 %v: a download that failed ended with %d bytes and %v", http2, len(data), err)
		}
	}
	if !strings.Contains(w.log.String(), "download broke off") {
		t.Error("nobody was told")
	}
	w.damage(t, first)
	w.serve(t)
	if a := w.get(w.path("large.html")); a.status != 409 || !strings.Contains(a.body, "missing or damaged") {
		t.Errorf("damaged from the start: %d %s", a.status, a.body)
	}
	w.open.Wait()
}

// onlyHTTP1 keeps the client from HTTP/2.
func (w *contentWorld) onlyHTTP1() {
	transport := w.server.Client().Transport.(*http.Transport)
	transport.ForceAttemptHTTP2 = false
	transport.Protocols = new(http.Protocols)
	transport.Protocols.SetHTTP1(true)
}

// places returns where the first and the last blob of the large file lie.
func (w *contentWorld) places(t *testing.T) (first, last content.Place) {
	t.Helper()
	repo := contenttest.Open(t, w.repo, resticfixture.Password)
	contenttest.View(t, contenttest.Catalog(t, repo), repo, func(v *catalog.View, s *content.Source) {
		list, err := v.Snapshots()
		if err != nil {
			t.Fatal(err)
		}
		e, _, _, err := v.FindWith(list[0].Root, w.src+"/large.html", catalog.WithContent)
		if err != nil {
			t.Fatal(err)
		}
		if len(e.Content) < 2 {
			t.Fatal("the file is one blob")
		}
		first, _ = s.Locator.Locate(e.Content[0])
		last, _ = s.Locator.Locate(e.Content[len(e.Content)-1])
	})
	return first, last
}

// damage flips a bit of a blob.
func (w *contentWorld) damage(t *testing.T, p content.Place) {
	t.Helper()
	pack := filepath.Join(w.repo, filepath.FromSlash(resticrepo.PackName(resticrepo.ID(p.Pack))))
	b, err := os.ReadFile(pack)
	if err != nil {
		t.Fatal(err)
	}
	b[p.Offset+40] ^= 1
	if err := errors.Join(os.Chmod(pack, 0o600), os.WriteFile(pack, b, 0o600)); err != nil {
		t.Fatal(err)
	}
}
