// Package console serves the web console: pages for people, built from the
// sources in web/ and part of the program. The pages get their data from the
// REST API, like every other client. The package knows of the API only that the
// same server has it.
package console

import (
	"bytes"
	"embed"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"strings"

	"syncline.dev/syncline/internal/static"
)

// The output of make console.
//
//go:embed dist
var built embed.FS

// policy lets the pages load only this server's files and data, and lets no
// text become markup.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; " +
	"connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; " +
	"require-trusted-types-for 'script'; trusted-types 'none'"

// views are the first segments of the pages' addresses. The script in the
// browser chooses the page.
var views = map[string]bool{
	"": true, "repositories": true, "points": true, "search": true, "sessions": true, "sign-in": true, "attach": true, "restores": true, "settings": true,
	"machines": true, "alarms": true,
}

// contentTypes replace the machine's own tables, which differ.
var contentTypes = map[string]string{
	".html": "text/html; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
	".css":  "text/css; charset=utf-8",
	".svg":  "image/svg+xml",
	".txt":  "text/plain; charset=utf-8",
}

// Handler serves the pages. It is safe for concurrent use.
type Handler struct {
	page  *static.File
	files map[string]*static.File // by path, which begins with /assets/
}

// New makes the handler. base is the path under which a reverse proxy has the server,
// "" for none. It fails if the program was built without the pages.
func New(base string) (*Handler, error) {
	dist, err := fs.Sub(built, "dist")
	if err != nil {
		return nil, fmt.Errorf("open the console's files: %w", err)
	}
	h := &Handler{files: make(map[string]*static.File)}
	err = fs.WalkDir(dist, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := fs.ReadFile(dist, name)
		if err != nil {
			return err
		}
		if name == "index.html" {
			data = at(base, data)
		}
		f := newFile(name, data)
		if name == "index.html" {
			h.page = f
		} else {
			h.files["/"+name] = f
		}
		return nil
	})
	if err == nil && h.page == nil {
		err = fs.ErrNotExist
	}
	if err != nil {
		return nil, fmt.Errorf("read the console's files: %w", err)
	}
	return h, nil
}

// at puts the base into the page: its own addresses, and the one that the script
// reads. The base has no characters that mean something in HTML.
func at(base string, page []byte) []byte {
	for _, address := range []string{`="/assets/`, `="/swagger"`} {
		page = bytes.ReplaceAll(page, []byte(address), []byte(strings.Replace(address, "/", base+"/", 1)))
	}
	return bytes.Replace(page, []byte(`name="syncline-base" content=""`), []byte(`name="syncline-base" content="`+base+`"`), 1)
}

// IsView reports whether the addresses of pages begin with a segment.
func IsView(first string) bool { return views[strings.ToLower(first)] }

func newFile(name string, data []byte) *static.File {
	cache := "no-cache"
	if strings.HasPrefix(name, "assets/") { // these names contain a hash of the content
		cache = "public, max-age=31536000, immutable"
	}
	return static.New(data, map[string]string{
		"Content-Type":               contentTypes[path.Ext(name)],
		"Content-Security-Policy":    policy,
		"Cross-Origin-Opener-Policy": "same-origin",
		"Cache-Control":              cache,
	})
}

// Has reports whether there is a page or a file at the escaped path.
func (h *Handler) Has(escaped string) bool {
	if h.files[escaped] != nil {
		return true
	}
	first, _, _ := strings.Cut(strings.TrimPrefix(escaped, "/"), "/")
	return strings.HasPrefix(escaped, "/") && views[first]
}

// ServeHTTP answers GET and HEAD for paths for which Has is true.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f := h.files[r.URL.EscapedPath()]
	if f == nil {
		f = h.page
	}
	f.ServeHTTP(w, r)
}
