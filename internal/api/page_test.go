package api

import (
	"encoding/json"
	"os"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
)

// TestPage reads the facts of the v6 page "Getting Synchronization Sessions", as
// docs/v6.md lists them, and asks the server with the page's request. Each
// property has the value of the page's example. The two differences that the
// document explains are held too: the answer is a list, and progressPercent is a
// number.
func TestPage(t *testing.T) {
	raw, err := os.ReadFile("testdata/page.tsv")
	if err != nil {
		t.Fatal(err)
	}
	facts := make(map[string][][]string) // by kind
	for line := range strings.Lines(string(raw)) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		facts[f[0]] = append(facts[f[0]], f[1:])
	}
	if len(facts["property"]) != 5 {
		t.Fatalf("the page has the properties %q", facts["property"])
	}
	one := func(kind string) string { return facts[kind][0][0] }
	w := newWorld(t).populate()
	ask := request{method: one("method"), path: one("path")}
	a := w.do(ask)
	if strconv.Itoa(a.status) != one("status") {
		t.Fatalf("the server answers %d", a.status)
	}
	if got := a.header.Get("Content-Type"); got != facts["answer"][1][1] {
		t.Errorf("Content-Type is %q", got)
	}
	if got := a.header.Get("Content-Length"); got != strconv.Itoa(len(a.body)) {
		t.Errorf("Content-Length is %q, and the body has %d bytes", got, len(a.body))
	}
	header := facts["header"][0] // its value begins with the scheme
	ask.token = "-"
	if without := w.do(ask); without.status != 401 || without.header.Get("WWW-Authenticate") != header[1] {
		t.Errorf("without %s: %d, %q", header[0], without.status, without.header.Get("WWW-Authenticate"))
	}
	var list []map[string]json.RawMessage
	if err := json.Unmarshal([]byte(a.body), &list); err != nil || len(list) != 1 {
		t.Fatalf("the answer is no list of one session: %v\n%s", err, a.body)
	}
	described := readPublished(t, "v6").Types["RESTRepositorySynchronizeSession"]
	for _, p := range facts["property"] {
		name, kind, example := p[0], p[1], p[2]
		if !equalJSON(t, list[0][name], example) {
			t.Errorf("%s is %s, and the page has %s", name, list[0][name], example)
		}
		want := baseType(described[name])
		if name == "progressPercent" && (want != openapi3.TypeInteger || kind != openapi3.TypeString) {
			t.Errorf("the page calls %s a %s, and the description %s", name, kind, want)
		} else if name != "progressPercent" && name != "_links" && want != kind {
			t.Errorf("the page calls %s a %s, and the description %s", name, kind, want)
		}
		if got := jsonType(t, list[0][name]); got != want {
			t.Errorf("%s is of type %s, not %s", name, got, want)
		}
	}
}

func equalJSON(t *testing.T, got json.RawMessage, want string) bool {
	t.Helper()
	var a, b any
	if err := json.Unmarshal([]byte(want), &b); err != nil {
		t.Fatal(err)
	}
	return json.Unmarshal(got, &a) == nil && reflect.DeepEqual(a, b)
}

func jsonType(t *testing.T, raw json.RawMessage) string {
	t.Helper()
	var v any
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatal(err)
	}
	switch v.(type) {
	case string:
		return openapi3.TypeString
	case float64:
		return openapi3.TypeInteger
	case map[string]any:
		return openapi3.TypeObject
	}
	return "another"
}
