package api

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/routers"

	"syncline.dev/syncline"
)

// operation is one method of one path in the document.
type operation struct {
	id      string
	route   *routers.Route
	query   openapi3.Parameters
	list    bool                  // it answers with a list
	body    *openapi3.RequestBody // nil when it takes none
	handler http.HandlerFunc
}

// public reports whether the operation needs no access token.
func (op *operation) public() bool {
	s := op.route.Operation.Security
	return s != nil && len(*s) == 0
}

// path is one path template of the document, cut at its slashes.
type path struct {
	template string
	segments []string        // "{name}" for a parameter
	texts    map[string]bool // the parameters that are no ids
	methods  map[string]*operation
	allow    string
}

// router finds the operation of a request. It takes the place of http.ServeMux, which
// cannot ignore letter case and answers its own failures in plain text.
type router struct {
	doc   *openapi3.T
	paths []*path
}

// HandleFunc takes a handler from the generated code, under a pattern such as
// "GET /v6/token", for the operation of the same name in the document.
func (rt *router) HandleFunc(pattern string, handler func(http.ResponseWriter, *http.Request)) {
	method, template, _ := strings.Cut(pattern, " ")
	item := rt.doc.Paths.Value(template)
	if item == nil || item.GetOperation(method) == nil {
		panic(fmt.Sprintf("api: the generated code serves %s, which the document does not have", pattern))
	}
	p := rt.path(template)
	for _, ref := range item.Parameters {
		if ref.Value.In == openapi3.ParameterInPath && ref.Value.Schema.Value.Format != "uuid" {
			p.texts[ref.Value.Name] = true
		}
	}
	op := &operation{
		id:      item.GetOperation(method).OperationID,
		handler: handler,
		list:    method == http.MethodGet && isList(item.GetOperation(method)),
		route: &routers.Route{
			Spec: rt.doc, Path: template, PathItem: item, Method: method, Operation: item.GetOperation(method),
		},
	}
	for _, ref := range slices.Concat(item.Parameters, op.route.Operation.Parameters) {
		if ref.Value.In == openapi3.ParameterInQuery {
			op.query = append(op.query, ref)
		}
	}
	if b := op.route.Operation.RequestBody; b != nil {
		op.body = b.Value
	}
	p.methods[method] = op
	names := slices.Sorted(maps.Keys(p.methods))
	if p.methods[http.MethodGet] != nil && p.methods[http.MethodHead] == nil {
		names = slices.Insert(names, slices.Index(names, http.MethodGet)+1, http.MethodHead)
	}
	p.allow = strings.Join(names, ", ")
}

// operation returns the operation of a method on the path, nil for none. HEAD is that
// of GET where the document has no other.
func (p *path) operation(method string) *operation {
	op := p.methods[method]
	if op == nil && method == http.MethodHead {
		op = p.methods[http.MethodGet]
	}
	return op
}

// ServeHTTP completes the interface of the generated code. It is never called, because
// api dispatches itself.
func (rt *router) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	writeFailure(w, http.StatusNotFound, "not found")
}

func (rt *router) path(template string) *path {
	for _, p := range rt.paths {
		if p.template == template {
			return p
		}
	}
	p := &path{template: template, segments: strings.Split(template, "/"), methods: make(map[string]*operation), texts: make(map[string]bool)}
	// A path with a fixed segment comes before one with a parameter there.
	at := slices.IndexFunc(rt.paths, func(q *path) bool {
		return strings.Count(q.template, "{") > strings.Count(template, "{")
	})
	if at < 0 {
		at = len(rt.paths)
	}
	rt.paths = slices.Insert(rt.paths, at, p)
	return p
}

// operations returns everything that is served.
func (rt *router) operations() []*operation {
	var all []*operation
	for _, p := range rt.paths {
		for _, op := range p.methods {
			all = append(all, op)
		}
	}
	return all
}

// match finds the path of a request and the values of its parameters. It cuts the
// escaped form at its slashes and then unescapes the pieces, so that an escaped slash
// or dot never leads to another path. One slash at the end changes nothing.
func (rt *router) match(u *url.URL) (*path, []string) {
	escaped := strings.TrimSuffix(u.EscapedPath(), "/")
	for _, p := range rt.paths {
		if values, ok := p.match(escaped); ok {
			return p, values
		}
	}
	return nil, nil
}

func (p *path) match(escaped string) (values []string, ok bool) {
	rest := escaped
	for i, want := range p.segments {
		segment, tail, more := strings.Cut(rest, "/")
		if more != (i < len(p.segments)-1) {
			return nil, false
		}
		rest = tail
		if strings.Contains(segment, "%") {
			plain, err := url.PathUnescape(segment)
			if err != nil {
				return nil, false
			}
			segment = plain
		}
		if strings.HasPrefix(want, "{") {
			if segment == "" {
				return nil, false
			}
			values = append(values, segment)
		} else if !equalFoldASCII(segment, want) {
			return nil, false
		}
	}
	return values, true
}

// maxPathText bounds a name in a path, in bytes. It is the longest key in object
// storage.
const maxPathText = 1024

// setPathValues gives the request the names in its path, and the ids in lower
// case.
func (p *path) setPathValues(r *http.Request, values []string) error {
	next := 0
	for _, s := range p.segments {
		if !strings.HasPrefix(s, "{") {
			continue
		}
		name := strings.Trim(s, "{}")
		if p.texts[name] {
			text := values[next]
			if !utf8.ValidString(text) || len(text) > maxPathText || hasControl(text) {
				return invalid("the %s in the path must be UTF-8 of at most %d bytes, without control characters", name, maxPathText)
			}
			r.SetPathValue(name, text)
			next++
			continue
		}
		id, err := syncline.ParseID(values[next])
		if err != nil {
			return syncline.WrapError(syncline.CodeInvalid, err,
				"the %s in the path must be a UUID like 3f2504e0-4f89-41d3-9a0c-0305e82c3301", name)
		}
		r.SetPathValue(name, string(id))
		next++
	}
	return nil
}

// equalFoldASCII compares without regard to the case of A to Z. Unicode's folding would
// take a Kelvin sign for a k.
func equalFoldASCII(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range len(a) {
		if lowerASCII(a[i]) != lowerASCII(b[i]) {
			return false
		}
	}
	return true
}

func lowerASCII(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}
