package api

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	swaggerui "github.com/swaggest/swgui/v5/static"

	v6 "syncline.dev/syncline/internal/api/v6"
)

//go:embed swagger
var pageFiles embed.FS

// docsPolicy lets the page load what this server gives it and nothing else. The
// library's style sheet holds its images as data URLs.
const docsPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; " +
	"img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// docs serves the page that describes the API, its library's files and the
// OpenAPI document. All of it is in the program, and anyone may read it.
type docs struct {
	files map[string]*docFile // by path below /swagger/, in lower case
}

type docFile struct {
	contentType string
	data        []byte
	gzipped     bool
	etag        string
}

func newDocs(doc *openapi3.T) (*docs, error) {
	d := &docs{files: make(map[string]*docFile)}
	asJSON, err := doc.MarshalJSON()
	if err != nil {
		return nil, fmt.Errorf("marshal the OpenAPI document: %w", err)
	}
	d.add("v1/openapi.yaml", "application/yaml; charset=utf-8", v6.Document(), false)
	d.add("v1/openapi.json", contentTypeJSON, asJSON, false)
	for _, f := range []struct {
		from        fs.FS
		file        string
		name        string
		contentType string
	}{
		{pageFiles, "swagger/index.html", "", "text/html; charset=utf-8"},
		{pageFiles, "swagger/index.html", "index.html", "text/html; charset=utf-8"},
		{pageFiles, "swagger/page.js", "page.js", "text/javascript; charset=utf-8"},
		{pageFiles, "swagger/page.css", "page.css", "text/css; charset=utf-8"},
		{swaggerui.FS, "swagger-ui-bundle.js.gz", "swagger-ui-bundle.js", "text/javascript; charset=utf-8"},
		{swaggerui.FS, "swagger-ui.css.gz", "swagger-ui.css", "text/css; charset=utf-8"},
		{swaggerui.FS, "favicon-32x32.png", "favicon-32x32.png", "image/png"},
	} {
		data, err := fs.ReadFile(f.from, f.file)
		if err != nil {
			return nil, fmt.Errorf("read the page's files: %w", err)
		}
		d.add(f.name, f.contentType, data, strings.HasSuffix(f.file, ".gz"))
	}
	return d, nil
}

func (d *docs) add(name, contentType string, data []byte, gzipped bool) {
	sum := sha256.Sum256(data)
	d.files[name] = &docFile{contentType, data, gzipped, `"` + hex.EncodeToString(sum[:8]) + `"`}
}

// serve answers a request below /swagger and reports whether it was one.
func (d *docs) serve(w http.ResponseWriter, r *http.Request) bool {
	path := strings.ToLower(r.URL.EscapedPath())
	name, below := strings.CutPrefix(path, "/swagger/")
	if !below && path != "/swagger" {
		return false
	}
	if !below {
		name = ""
	}
	if plain, err := url.PathUnescape(name); err == nil {
		name = plain
	}
	f := d.files[name]
	switch {
	case f == nil:
		writeFailure(w, http.StatusNotFound, "there is nothing under this path; the description is at /swagger")
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		methodNotAllowed(w, "GET, HEAD")
	default:
		f.serve(w, r)
	}
	return true
}

func (f *docFile) serve(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", f.contentType)
	h.Set("Content-Security-Policy", docsPolicy)
	h.Set("Cache-Control", "no-cache")
	h.Set("ETag", f.etag)
	if f.gzipped {
		h.Set("Vary", "Accept-Encoding")
	}
	if r.Header.Get("If-None-Match") == f.etag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	if !f.gzipped {
		_, _ = w.Write(f.data) // into the buffered answer, which does not fail
		return
	}
	if acceptsGzip(r.Header) {
		h.Set("Content-Encoding", "gzip")
		_, _ = w.Write(f.data)
		return
	}
	plain, err := gzip.NewReader(bytes.NewReader(f.data))
	if err != nil { // the file is part of the program
		panic(err)
	}
	if _, err := io.Copy(w, plain); err != nil {
		panic(err)
	}
}

func acceptsGzip(h http.Header) bool {
	for part := range strings.SplitSeq(h.Get("Accept-Encoding"), ",") {
		coding, q, _ := strings.Cut(strings.TrimSpace(part), ";")
		if strings.EqualFold(coding, "gzip") && strings.ReplaceAll(q, " ", "") != "q=0" {
			return true
		}
	}
	return false
}
