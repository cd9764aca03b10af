// Package console serves the web console: pages for people, built from the
// sources in web/ and part of the program. What the pages show they get from
// the REST API, like every other client; this package knows nothing of it but
// that it is on the same server.
package console

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
	"path"
	"strconv"
	"strings"
)

// The build's output; make console writes it anew.
//
//go:embed dist
var built embed.FS

// policy lets the pages load what this server gives them and nothing else, and
// lets no text become markup.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; " +
	"connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; " +
	"require-trusted-types-for 'script'; trusted-types 'none'"

// views are the first segments of the pages' addresses. Which page it is, the
// browser finds out.
var views = map[string]bool{
	"": true, "repositories": true, "points": true, "search": true, "sessions": true, "sign-in": true, "attach": true, "restores": true,
}

// contentTypes do not come from the machine's own tables, which differ.
var contentTypes = map[string]string{
	".html": "text/html; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
	".css":  "text/css; charset=utf-8",
	".svg":  "image/svg+xml",
	".txt":  "text/plain; charset=utf-8",
}

// Handler serves the pages. It is safe for concurrent use.
type Handler struct {
	page  *file
	files map[string]*file // by path, which begins with /assets/
}

// file is a file of the build in the forms in which it is sent.
type file struct {
	contentType  string
	plain, small []byte // small is compressed with gzip, nil where that gains nothing
	etag         string
	cache        string
}

// New makes the handler. It fails when the program was built without the
// pages.
func New() (*Handler, error) {
	dist, err := fs.Sub(built, "dist")
	if err != nil {
		return nil, fmt.Errorf("open the console's files: %w", err)
	}
	h := &Handler{files: make(map[string]*file)}
	err = fs.WalkDir(dist, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := fs.ReadFile(dist, name)
		if err != nil {
			return err
		}
		f, err := newFile(name, data)
		if name == "index.html" {
			h.page = f
		} else {
			h.files["/"+name] = f
		}
		return err
	})
	if err == nil && h.page == nil {
		err = fs.ErrNotExist
	}
	if err != nil {
		return nil, fmt.Errorf("read the console's files: %w", err)
	}
	return h, nil
}

func newFile(name string, data []byte) (*file, error) {
	sum := sha256.Sum256(data)
	f := &file{
		contentType: contentTypes[path.Ext(name)],
		plain:       data,
		etag:        `"` + hex.EncodeToString(sum[:8]) + `"`,
		cache:       "no-cache",
	}
	if strings.HasPrefix(name, "assets/") { // the names of these hold a hash of what is in them
		f.cache = "public, max-age=31536000, immutable"
	}
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := z.Write(data); err != nil {
		return nil, err
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	if b.Len() < len(data)*9/10 {
		f.small = b.Bytes()
	}
	return f, nil
}

// Has reports whether a page or a file lies under the escaped path.
func (h *Handler) Has(escaped string) bool {
	if h.files[escaped] != nil {
		return true
	}
	first, _, _ := strings.Cut(strings.TrimPrefix(escaped, "/"), "/")
	return strings.HasPrefix(escaped, "/") && views[first]
}

// ServeHTTP answers GET and HEAD for what Has.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f := h.files[r.URL.EscapedPath()]
	if f == nil {
		f = h.page
	}
	header := w.Header()
	header.Set("Content-Type", f.contentType)
	header.Set("Content-Security-Policy", policy)
	header.Set("Cross-Origin-Opener-Policy", "same-origin")
	header.Set("Cache-Control", f.cache)
	header.Set("ETag", f.etag)
	header.Set("Vary", "Accept-Encoding")
	if r.Header.Get("If-None-Match") == f.etag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	data := f.plain
	if f.small != nil && acceptsGzip(r.Header) {
		header.Set("Content-Encoding", "gzip")
		data = f.small
	}
	header.Set("Content-Length", strconv.Itoa(len(data)))
	// An error here is the client's connection; there is nobody to tell.
	_, _ = io.Copy(w, bytes.NewReader(data))
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
