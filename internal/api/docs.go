package api

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"strings"
	"sync"

	"github.com/getkin/kin-openapi/openapi3"
	swaggerui "github.com/swaggest/swgui/v5/static"
	"go.yaml.in/yaml/v3"

	"syncline.dev/syncline"
	v6 "syncline.dev/syncline/internal/api/v6"
	"syncline.dev/syncline/internal/static"
)

//go:embed swagger
var pageFiles embed.FS

// docsPolicy lets the page load only files of this server. The library's style sheet
// holds its images as data URLs.
const docsPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; " +
	"img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// docs serves the page that describes the API, the files of the page's library, and the
// OpenAPI document. They are part of the program, and anyone may read them.
type docs struct {
	files map[string]*static.File // by path below /swagger/, in lower case
	late  map[string]lateFile     // files that are made when somebody asks for them
}

// lateFile is a file that is made once.
type lateFile func() (*static.File, error)

// loadDocs returns the docs. They are made once for all handlers of the process,
// because compressing them takes longer than everything else in NewHandler.
var loadDocs = sync.OnceValues(func() (*docs, error) {
	doc, err := v6.Load()
	if err != nil {
		return nil, err
	}
	return newDocs(doc, "")
})

// docsAt returns the docs of a server under a base.
func docsAt(base string) (*docs, error) {
	if base == "" {
		return loadDocs()
	}
	doc, err := v6.Load()
	if err != nil {
		return nil, err
	}
	doc.Servers = openapi3.Servers{{URL: base}}
	return newDocs(doc, base)
}

func newDocs(doc *openapi3.T, base string) (*docs, error) {
	d := &docs{files: make(map[string]*static.File), late: make(map[string]lateFile)}
	d.addFaces(base)
	asJSON, err := doc.MarshalJSON()
	if err != nil {
		return nil, fmt.Errorf("marshal the OpenAPI document: %w", err)
	}
	asYAML := v6.Document()
	if base != "" {
		asYAML = fmt.Appendf(bytes.Clone(asYAML), "\nservers:\n  - url: %s\n", base)
	}
	d.add("v1/openapi.yaml", "application/yaml; charset=utf-8", asYAML, false)
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
		if base != "" && f.from == fs.FS(pageFiles) {
			data = bytes.ReplaceAll(data, []byte(`"/swagger`), []byte(`"`+base+`/swagger`))
			data = bytes.ReplaceAll(data, []byte(`'/swagger`), []byte(`'`+base+`/swagger`))
		}
		d.add(f.name, f.contentType, data, strings.HasSuffix(f.file, ".gz"))
	}
	return d, nil
}

// addFaces adds the documents of the versions, and the page of each.
func (d *docs) addFaces(base string) {
	for _, name := range faceNames() {
		for _, path := range []string{name, name + "/", name + "/index.html"} {
			d.late[path] = func() (*static.File, error) { return d.files["index.html"], nil }
		}
		if name == firstFace { // its document has a place of its own, too
			for _, file := range []string{"/openapi.json", "/openapi.yaml"} {
				d.late[name+file] = func() (*static.File, error) { return d.files["v1"+file], nil }
			}
			continue
		}
		d.late[name+"/openapi.json"] = sync.OnceValues(func() (*static.File, error) {
			data, err := documentOf(name, base, json.Marshal)
			return newDocsFile(contentTypeJSON, data, err)
		})
		d.late[name+"/openapi.yaml"] = sync.OnceValues(func() (*static.File, error) {
			data, err := documentOf(name, base, yaml.Marshal)
			return newDocsFile("application/yaml; charset=utf-8", data, err)
		})
	}
}

func docsHeader(contentType string) map[string]string {
	return map[string]string{
		"Content-Type": contentType, "Content-Security-Policy": docsPolicy, "Cache-Control": "no-cache",
	}
}

func newDocsFile(contentType string, data []byte, err error) (*static.File, error) {
	if err != nil {
		return nil, err
	}
	return static.New(data, docsHeader(contentType)), nil
}

func (d *docs) add(name, contentType string, data []byte, gzipped bool) {
	if gzipped {
		d.files[name] = static.NewCompressed(data, docsHeader(contentType))
		return
	}
	d.files[name] = static.New(data, docsHeader(contentType))
}

// file returns a file, nil for none.
func (d *docs) file(name string) (*static.File, error) {
	if late := d.late[name]; late != nil {
		return late()
	}
	return d.files[name], nil
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
	f, err := d.file(name)
	switch {
	case err != nil:
		writeFailure(w, http.StatusInternalServerError, syncline.MessageOf(err))
	case f == nil:
		writeFailure(w, http.StatusNotFound, "there is nothing under this path; the description is at /swagger")
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		methodNotAllowed(w, "GET, HEAD")
	default:
		sendShared(w, r, f)
	}
	return true
}
