package api

import (
	"bytes"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	v6 "syncline.dev/syncline/internal/api/v6"
)

func TestSwagger(t *testing.T) {
	w := newWorld(t)
	get := func(path string) answer { return w.do(request{method: "GET", path: path, token: "-"}) }
	for _, path := range []string{"/swagger", "/swagger/", "/Swagger/Index.html"} {
		a := get(path)
		if a.status != 200 || a.header.Get("Content-Type") != "text/html; charset=utf-8" {
			t.Errorf("%s: %d, %v", path, a.status, a.header)
		}
		policy := a.header.Get("Content-Security-Policy")
		if !strings.Contains(policy, "default-src 'none'; script-src 'self';") || strings.Contains(policy, "unsafe-eval") || strings.Contains(policy, "http") {
			t.Errorf("the policy is %q", policy)
		}
		if strings.Contains(a.body, "://") || regexp.MustCompile(`<script>|<style|\son\w+=`).MatchString(a.body) {
			t.Error("the page loads from elsewhere or holds inline code")
		}
		for _, m := range regexp.MustCompile(`(?:src|href)="([^"]+)"`).FindAllStringSubmatch(a.body, -1) {
			if r := get(m[1]); r.status != 200 || len(r.body) < 20 {
				t.Errorf("%s: %d, %d bytes", m[1], r.status, len(r.body))
			}
		}
	}
	if a := get("/swagger/v1/openapi.yaml"); a.body != string(v6.Document()) || !strings.HasPrefix(a.header.Get("Content-Type"), "application/yaml") {
		t.Errorf("the document: %d, %v", a.status, a.header)
	}
	if a := get("/swagger/v1/openapi.json"); a.status != 200 || !strings.HasPrefix(a.body, "{") || a.header.Get("Content-Type") != contentTypeJSON {
		t.Errorf("the document in JSON: %d, %v", a.status, a.header)
	}
	a := w.do(request{method: "POST", path: "/swagger"})
	wantFailure(t, a, 405, "use GET")
	if a.header.Get("Allow") != "GET, HEAD" {
		t.Errorf("Allow is %q", a.header.Get("Allow"))
	}
}

// exampleOf finds the example of a schema, or of what it consists of.
func exampleOf(s *openapi3.Schema) any {
	switch {
	case s.Example != nil:
		return s.Example
	case s.Type.Is(openapi3.TypeArray):
		if e := exampleOf(s.Items.Value); e != nil {
			return []any{e}
		}
	case len(s.AllOf) == 1:
		return exampleOf(s.AllOf[0].Value)
	}
	return nil
}

// TestEveryBodyHasAnExample looks at what people copy from the page: each body
// in JSON has an example, and that is one.
func TestEveryBodyHasAnExample(t *testing.T) {
	for _, op := range newWorld(t).api.router.operations() {
		bodies := map[string]openapi3.Content{}
		if op.body != nil {
			bodies["the request"] = op.body.Content
		}
		for status, ref := range op.route.Operation.Responses.Map() {
			bodies[status] = ref.Value.Content
		}
		for where, content := range bodies {
			media := content["application/json"]
			if media == nil {
				continue
			}
			e := media.Example
			if e == nil {
				e = exampleOf(media.Schema.Value)
			}
			if e == nil && len(media.Examples) == 0 {
				t.Errorf("%s: %s has no example", op.id, where)
			} else if err := media.Schema.Value.VisitJSON(e); e != nil && err != nil {
				t.Errorf("%s: the example of %s is none: %v", op.id, where, err)
			}
		}
	}
}

func TestSwaggerTransfer(t *testing.T) {
	w := newWorld(t)
	const path = "/swagger/swagger-ui-bundle.js"
	// The client asks for gzip by itself and unpacks; asked for plain, the
	// server does.
	packed := w.do(request{method: "GET", path: path, header: http.Header{"Accept-Encoding": {"br, gzip"}}})
	plain := w.do(request{method: "GET", path: path, header: http.Header{"Accept-Encoding": {"gzip;q=0"}}})
	if packed.header.Get("Content-Encoding") != "gzip" || plain.header.Get("Content-Encoding") != "" || len(packed.body) >= len(plain.body) {
		t.Errorf("%d bytes packed, %d plain", len(packed.body), len(plain.body))
	}
	if !bytes.Contains([]byte(plain.body), []byte("SwaggerUIBundle")) {
		t.Error("the library's file is not what it should be")
	}
	cached := w.do(request{method: "GET", path: path, header: http.Header{"If-None-Match": {packed.header.Get("Etag")}}})
	if cached.status != 304 || cached.body != "" {
		t.Errorf("a second time: %d, %d bytes", cached.status, len(cached.body))
	}
	head := w.do(request{method: "HEAD", path: "/swagger/page.js"})
	if head.status != 200 || head.body != "" || head.header.Get("Content-Length") == "0" {
		t.Errorf("HEAD: %d, %v", head.status, head.header)
	}
}

func TestStrictTransport(t *testing.T) {
	if h := newWorld(t).get("/swagger").header.Get("Strict-Transport-Security"); h != "" {
		t.Errorf("with a self-signed certificate: %q", h)
	}
	w := newWorld(t, func(c *Config) { c.StrictTransport = true })
	if h := w.get("/v6/EncryptionKeys").header.Get("Strict-Transport-Security"); h == "" {
		t.Error("the header is missing")
	}
}
