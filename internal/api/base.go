package api

import (
	"cmp"
	"context"
	"net/http"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"

	v6 "syncline.dev/syncline/internal/api/v6"
)

// maxBasePath bounds the base in bytes.
const maxBasePath = 200

// basePath is one or several segments of characters that are never escaped.
var basePath = regexp.MustCompile(`^(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+$`)

// reserved are first segments that the server has itself.
var reserved = []string{"v6", "v7", "v8", "swagger", "assets", pathAlive[1:], pathReady[1:], pathMetrics[1:]}

// ParseBasePath reads the path under which a reverse proxy has the server, without the
// slash at its end. "" and "/" stand for none.
func ParseBasePath(text string) (string, error) {
	base := strings.TrimSuffix(text, "/")
	if base == "" {
		return "", nil
	}
	if len(base) > maxBasePath || !basePath.MatchString(base) {
		return "", invalid("%q is no base path; write it like /syncline, with letters, digits, dots, hyphens and slashes", base[:min(len(base), maxBasePath)])
	}
	first, _, _ := strings.Cut(base[1:], "/")
	if slices.ContainsFunc(reserved, func(r string) bool { return equalFoldASCII(r, first) }) {
		return "", invalid("the server itself has paths that begin with /%s; choose another base path", first)
	}
	return base, nil
}

// withoutBase takes the base off the path of a request. A path without it stays as it
// is: the proxy has taken it off, or the request comes from somewhere else.
func (a *api) withoutBase(r *http.Request) *http.Request {
	n := len(a.BasePath)
	escaped := r.URL.EscapedPath()
	if n == 0 || len(escaped) < n || !equalFoldASCII(escaped[:n], a.BasePath) || len(escaped) > n && escaped[n] != '/' {
		return r
	}
	// No character of the base is escaped, so it has one length in both forms.
	u := *r.URL
	u.Path = cmp.Or(u.Path[n:], "/")
	if u.RawPath != "" {
		u.RawPath = cmp.Or(u.RawPath[n:], "/")
	}
	r = r.WithContext(r.Context()) // a copy
	r.URL = &u
	return r
}

// linkBase gives the links in answers the version that was asked for, and puts the base in
// front of them. Handlers write links of v6, without the base.
type linkBase struct {
	base    string
	version string
	mu      sync.Mutex
	has     map[reflect.Type]bool // whether values of a type can hold links
}

func newLinkBase(base, version string) *linkBase {
	return &linkBase{base: base, version: version, has: make(map[reflect.Type]bool)}
}

// changes reports whether links change at all.
func (b *linkBase) changes() bool { return b != nil && (b.base != "" || b.version != firstFace) }

// link gives one link its form.
func (b *linkBase) link(href string) string {
	if rest, ok := strings.CutPrefix(href, "/v6/"); ok {
		href = "/" + b.version + "/" + rest
	}
	return b.base + href
}

// apply returns the answer with its links changed. The answer itself stays as it
// is, because others may share parts of it.
func (b *linkBase) apply(answer any) any {
	if !b.changes() || answer == nil || !b.holds(reflect.TypeOf(answer)) {
		return answer
	}
	return b.copy(reflect.ValueOf(answer)).Interface()
}

var linkType = reflect.TypeFor[v6.Link]()

// holds reports whether values of a type can hold links.
func (b *linkBase) holds(t reflect.Type) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.look(t)
}

// look is holds with the lock held. A type that contains itself counts as without
// links on the way.
func (b *linkBase) look(t reflect.Type) bool {
	if known, ok := b.has[t]; ok {
		return known
	}
	b.has[t] = false
	found := false
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map:
		found = b.look(t.Elem())
	case reflect.Struct:
		found = t == linkType
		for i := range t.NumField() {
			if f := t.Field(i); f.IsExported() && b.look(f.Type) {
				found = true
			}
		}
	default:
	}
	b.has[t] = found
	return found
}

// copy copies a value as far as links are in it.
func (b *linkBase) copy(v reflect.Value) reflect.Value {
	if !b.holds(v.Type()) {
		return v
	}
	into := reflect.New(v.Type()).Elem()
	into.Set(v)
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			into.Set(reflect.New(v.Type().Elem()))
			into.Elem().Set(b.copy(v.Elem()))
		}
	case reflect.Slice:
		if !v.IsNil() {
			into.Set(reflect.MakeSlice(v.Type(), v.Len(), v.Len()))
			for i := range v.Len() {
				into.Index(i).Set(b.copy(v.Index(i)))
			}
		}
	case reflect.Map:
		if !v.IsNil() {
			into.Set(reflect.MakeMapWithSize(v.Type(), v.Len()))
			for each := v.MapRange(); each.Next(); {
				into.SetMapIndex(each.Key(), b.copy(each.Value()))
			}
		}
	case reflect.Struct:
		if v.Type() == linkType {
			into.Field(0).SetString(b.link(v.Field(0).String()))
			return into
		}
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				into.Field(i).Set(b.copy(v.Field(i)))
			}
		}
	default:
	}
	return into
}

// linkAnswers changes the links in every answer.
func linkAnswers(next v6.StrictHandlerFunc, _ string) v6.StrictHandlerFunc {
	return func(ctx context.Context, w http.ResponseWriter, r *http.Request, request any) (any, error) {
		answer, err := next(ctx, w, r, request)
		return infoFrom(ctx).links.apply(answer), err
	}
}

// cookieNames are the names and the path of the console's cookies.
type cookieNames struct{ access, refresh, path string }

// cookiesAt returns the cookies of a server under a base. The prefix __Host- wants the
// root as the path. Under a base the path keeps the cookies from other programs of the
// same host, and __Secure- still wants HTTPS.
func cookiesAt(base string) cookieNames {
	if base == "" {
		return cookieNames{accessCookie, refreshCookie, "/"}
	}
	return cookieNames{"__Secure-syncline-access", "__Secure-syncline-refresh", base}
}
