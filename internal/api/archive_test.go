package api

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

func (w *contentWorld) archive(query string) string {
	return "/v6/RestorePoints/" + pointID + "/Archive" + query
}

// archived reads an archive to its end.
func archived(t *testing.T, format string, data []byte) map[string]string {
	t.Helper()
	all := make(map[string]string)
	r := io.Reader(bytes.NewReader(data))
	var err error
	switch format {
	case "zip":
		z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range z.File {
			r, err := f.Open()
			if err != nil {
				t.Fatal(err)
			}
			b, err := io.ReadAll(r)
			if err != nil {
				t.Fatal(err)
			}
			all[f.Name] = string(b)
		}
		return all
	case "tar.gz":
		r, err = gzip.NewReader(r)
	case "tar.zst":
		r, err = zstd.NewReader(r)
	}
	if err != nil {
		t.Fatal(err)
	}
	tr := tar.NewReader(r)
	for {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(tr)
		if err != nil {
			t.Fatal(err)
		}
		all[h.Name] = string(b)
	}
}

func TestArchive(t *testing.T) {
	w := newContentWorld(t)
	t.Run("formats", func(t *testing.T) { testArchiveFormats(t, w) })
	t.Run("refused", func(t *testing.T) { testArchiveRefused(t, w) })
	t.Run("gone clients", func(t *testing.T) { testGoneClients(t, w) })
	t.Run("breaks off", func(t *testing.T) { testArchiveBreaksOff(t, w) })
}

func testArchiveFormats(t *testing.T, w *contentWorld) {
	large := "path=" + url.QueryEscape(w.src+"/large.html")
	raw := "rawPath=" + base64.RawURLEncoding.EncodeToString([]byte(w.src+"/raw \xff"))
	for format, kind := range map[string]string{
		"zip": "application/zip", "tar": "application/x-tar", "tar.gz": "application/gzip", "tar.zst": "application/zstd",
	} {
		res, data, err := w.raw("GET", w.archive("?format="+format+"&"+large+"&"+raw), nil)
		if err != nil || res.StatusCode != 200 {
			t.Fatalf("%v, %d bytes, %v", res, len(data), err)
		}
		for name, want := range map[string]string{
			"Content-Type": kind, "X-Content-Type-Options": "nosniff", "Cache-Control": "no-store",
			"Content-Security-Policy": "default-src 'none'; sandbox; frame-ancestors 'none'",
			"Content-Disposition":     "attachment; filename=" + w.src[strings.LastIndex(w.src, "/")+1:] + "." + format,
		} {
			if got := res.Header.Get(name); got != want {
				t.Errorf("%s is %q, want %q", name, got, want)
			}
		}
		all := archived(t, format, data)
		name := "raw \xff"
		if format == "zip" {
			name = "raw %FF"
		}
		if all["large.html"] != string(w.large) || all[name] != "bytes" || len(all) != map[bool]int{true: 3, false: 2}[format == "zip"] {
			t.Errorf("%s: %d entries", format, len(all))
		}
	}
	// Entries that are in an archive unchanged only for programs.
	odd := "path=" + url.QueryEscape(w.src+"/evil\u202etxt.\"exe\"")
	for query, name := range map[string]string{
		"?format=tar&" + odd: `evil_txt."exe"`, "?format=tar&exact=true&" + odd: "evil\u202etxt.\"exe\"",
		"?" + odd: "evil_txt._exe_", "?Exact=true&" + odd: "evil_txt._exe_",
	} {
		format, _, _ := strings.Cut(strings.TrimPrefix(query, "?format="), "&")
		if format != "tar" {
			format = "zip"
		}
		_, data, err := w.raw("GET", w.archive(query), nil)
		if err != nil || archived(t, format, data)[name] != "x" {
			t.Errorf("%s: there is no %q: %v", query, name, err)
		}
	}
	res, data, err := w.raw("GET", w.archive(""), nil)
	if err != nil || res.StatusCode != 200 || archived(t, "zip", data)[w.src[1:]+"/large.html"] != string(w.large) {
		t.Errorf("all of it: %v, %v", res, err)
	}
	if _, p, err := mime.ParseMediaType(res.Header.Get("Content-Disposition")); err != nil || p["filename"] != "web1-20261123-100000.zip" {
		t.Errorf("%v, %v", p, err)
	}
	w.open.Wait() // every download was closed
}

func testArchiveRefused(t *testing.T, w *contentWorld) {
	for query, status := range map[string]int{
		"?path=%2Fnone":                        404,
		"?path=" + w.src + "&path=%2Fnone":     404,
		"?path=" + w.src + "/large.html/below": 404,
		"?path=relative":                       400,
		"?path=%2Fa%00b":                       400,
		"?rawPath=%21%21":                      400,
		"?format=rar":                          400,
		strings.Repeat("&path=%2Fa", 1001):     400,
	} {
		if len(query) > 0 && query[0] == '&' {
			query = "?" + query[1:]
		}
		if a := w.get(w.archive(query)); a.status != status {
			t.Errorf("%.100s: %d %s", query, a.status, a.body)
		}
	}
	if a := w.get("/v6/RestorePoints/" + unknownID + "/Archive"); a.status != 404 {
		t.Errorf("%d %s", a.status, a.body)
	}
	for role, status := range map[string]int{"restorer": 404, "operator": 403, "viewer": 403, "-": 401} {
		if a := w.do(request{method: "GET", path: w.archive("?path=%2Fnone"), token: role}); a.status != status {
			t.Errorf("%s: %d", role, a.status)
		}
	}
	w.open.Wait()
}

// testArchiveBreaksOff damages the end of what is in the archive, and then all
// of it.
func testArchiveBreaksOff(t *testing.T, w *contentWorld) {
	first, last := w.places(t)
	w.damage(t, last)
	w.serve(t) // which has no blobs in memory
	for _, http2 := range []bool{true, false} {
		if !http2 {
			w.onlyHTTP1()
		}
		res, data, err := w.raw("GET", w.archive("?format=tar"), nil)
		if err == nil || res == nil || res.StatusCode != 200 {
			t.Errorf("HTTP/2 %v: an archive that failed ended with %d bytes and %v", http2, len(data), err)
		}
	}
	if !strings.Contains(w.log.String(), "archive broke off") {
		t.Error("nobody was told")
	}
	w.damage(t, first)
	w.serve(t)
	a := w.get(w.archive("?path=" + url.QueryEscape(w.src+"/large.html")))
	if a.status != 409 || !strings.Contains(a.body, "missing or damaged") || a.header.Get("Content-Disposition") != "" {
		t.Errorf("damaged from the start: %d %s", a.status, a.body)
	}
	w.open.Wait()
}

// begin begins a download and reads nothing of it.
func (w *contentWorld) begin(ctx context.Context, path string) io.Closer {
	w.t.Helper()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, w.server.URL+path, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer administrator")
	res, err := w.server.Client().Do(req)
	if err != nil || res.StatusCode != http.StatusOK {
		w.t.Fatal(res, err)
	}
	return res.Body
}

// testGoneClients: clients that go away free their places, more of them than
// there are places.
func testGoneClients(t *testing.T, w *contentWorld) {
	for _, http2 := range []bool{true, false} {
		if !http2 {
			w.onlyHTTP1()
		}
		for range 10 {
			for _, path := range []string{w.archive("?format=tar"), w.path("large.html")} {
				ctx, cancel := context.WithCancel(t.Context())
				body := w.begin(ctx, path)
				cancel()
				body.Close()
			}
			w.open.Wait()
		}
	}
}

// TestStalledClients: clients that stop reading, and stay, lose their downloads,
// which frees the places for others.
func TestStalledClients(t *testing.T) {
	w := newContentWorld(t)
	w.serve(t, func(c *Config) { c.WriteTimeout = 2 * time.Second })
	for _, http2 := range []bool{true, false} {
		if !http2 {
			w.onlyHTTP1()
		}
		for range 4 { // as many as one user may have
			for _, path := range []string{w.archive("?format=tar"), w.path("large.html")} {
				body := w.begin(t.Context(), path)
				defer body.Close()
			}
		}
		freed := make(chan struct{})
		go func() {
			w.open.Wait()
			close(freed)
		}()
		select {
		case <-freed:
		case <-time.After(time.Minute):
			t.Fatalf("HTTP/2 %v: the places of clients that do not read are never freed", http2)
		}
	}
}
