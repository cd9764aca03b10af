package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
)

// The rules of the transport hold for every operation of the document. Each
// test below walks all of them and compares what a client may send with the
// plain form of the same request.

// plainRequest is the request of an operation in the document's own words.
func plainRequest(op *operation) request {
	return request{method: op.route.Method, path: example(op, true), body: goodBodies[op.id], header: goodHeaders[op.id]}
}

// worldFor is a world in which the operation can succeed.
func worldFor(t *testing.T, op *operation) *world {
	w := newWorld(t).populate()
	switch op.id {
	case "DeleteEncryptionKey":
		w.store.repos = nil
	case "DeleteAccount":
		w.store.storages = nil
	}
	return w
}

// ask sends a request to a fresh world.
func ask(t *testing.T, op *operation, q request) answer {
	t.Helper()
	if op.streams() && q.method == http.MethodGet {
		q.method = http.MethodHead // a stream does not end
	}
	return worldFor(t, op).handle(q)
}

// refused checks that a request fails with a message that holds the parts.
func refused(t *testing.T, op *operation, q request, status int, parts ...string) {
	t.Helper()
	a := ask(t, op, q)
	if a.status == status && a.body == "" && (q.method == http.MethodHead || op.streams()) {
		return
	}
	wantFailure(t, a, status, parts...)
}

// allOperations walks the whole document, downloads and streams included.
func allOperations(t *testing.T, f func(t *testing.T, op *operation)) {
	ops := newWorld(t).api.router.operations()
	slices.SortFunc(ops, func(a, b *operation) int { return strings.Compare(a.id, b.id) })
	if len(ops) < 60 {
		t.Fatalf("the document has only %d operations", len(ops))
	}
	for _, op := range ops {
		t.Run(op.id, func(t *testing.T) { f(t, op) })
	}
}

// sameAnswer checks that a request is answered as the plain one is. A stream
// is asked for its beginning.
func sameAnswer(t *testing.T, op *operation, what string, q request) {
	t.Helper()
	plain := plainRequest(op)
	want, got := ask(t, op, plain), ask(t, op, q)
	if got.status != want.status || got.body != want.body {
		t.Errorf("%s: %s %s: got %d %s, and %d %s without it", what, q.method, q.path, got.status, got.body, want.status, want.body)
	}
}

// plus adds parameters to a path.
func plus(path, query string) string {
	if strings.Contains(path, "?") {
		return path + "&" + query
	}
	return path + "?" + query
}

func onPath(path string, change func(string) string) string {
	before, query, some := strings.Cut(path, "?")
	if !some {
		return change(before)
	}
	return change(before) + "?" + query
}

func TestSlashAtTheEnd(t *testing.T) {
	allOperations(t, func(t *testing.T, op *operation) {
		q := plainRequest(op)
		q.path = onPath(q.path, func(p string) string { return p + "/" })
		sameAnswer(t, op, "a slash at the end", q)
		q.path = onPath(plainRequest(op).path, func(p string) string { return p + "//" })
		refused(t, op, q, 404, "/swagger")
		q.path = "/" + plainRequest(op).path
		refused(t, op, q, 404, "two slashes", "address")
	})
}

func TestLetterCaseOfPaths(t *testing.T) {
	allOperations(t, func(t *testing.T, op *operation) {
		q := plainRequest(op)
		pieces := strings.Split(op.route.Path, "/")
		for i, piece := range strings.Split(strings.Split(q.path, "?")[0], "/") {
			if strings.HasSuffix(strings.ToLower(pieces[i]), "name}") {
				pieces[i] = piece // the storage's own name
			} else {
				pieces[i] = strings.ToUpper(piece)
			}
		}
		q.path = onPath(q.path, func(string) string { return strings.Join(pieces, "/") })
		sameAnswer(t, op, "upper case", q)
	})
}

func TestLetterCaseOfParameters(t *testing.T) {
	allOperations(t, func(t *testing.T, op *operation) {
		q := plainRequest(op)
		if before, query, some := strings.Cut(q.path, "?"); some {
			var changed []string
			for part := range strings.SplitSeq(query, "&") {
				name, value, _ := strings.Cut(part, "=")
				changed = append(changed, strings.ToUpper(name)+"="+value)
			}
			q.path = before + "?" + strings.Join(changed, "&")
			sameAnswer(t, op, "upper case", q)
		}
		for _, ref := range op.query {
			name, schema := ref.Value.Name, ref.Value.Schema.Value
			q := plainRequest(op)
			if schema.Items != nil {
				continue // may be there twice
			}
			before, query, _ := strings.Cut(q.path, "?")
			twice := name + "=1&" + strings.ToUpper(name) + "=1"
			for part := range strings.SplitSeq(query, "&") {
				if !strings.HasPrefix(part, name+"=") && part != "" {
					twice += "&" + part // which is required
				}
			}
			q.path = before + "?" + twice
			refused(t, op, q, 400, name+" is given more than once")
		}
	})
}

func TestParametersThatSayNothing(t *testing.T) {
	allOperations(t, func(t *testing.T, op *operation) {
		empty := "surprise=&_=1764000000000&_surprise=x"
		for _, ref := range op.query {
			if !ref.Value.Required {
				empty += "&" + ref.Value.Name + "="
			}
		}
		q := plainRequest(op)
		q.path = plus(q.path, empty)
		sameAnswer(t, op, "empty parameters", q)
	})
}

func TestUnknownParameters(t *testing.T) {
	allOperations(t, func(t *testing.T, op *operation) {
		for sent, told := range map[string]string{
			"surprise=1": `"surprise in the query is not known`, "%24filter=x": `$filter`, "jobIdd=" + jobID: "jobIdd", "a%0Ab=1": "a�b",
			"%E2%80%AEgnp=1": "�gnp", strings.Repeat("x", 500) + "=1": strings.Repeat("x", 60) + "…",
		} {
			q := plainRequest(op)
			q.path = plus(q.path, sent)
			refused(t, op, q, 400, told)
		}
	})
}

func TestEveryListTakesLimitAndOffset(t *testing.T) {
	lists := 0
	allOperations(t, func(t *testing.T, op *operation) {
		q := plainRequest(op)
		q.path = plus(q.path, "Limit=1000&OFFSET=0")
		if !op.list {
			if op.parameter("limit") == "" {
				refused(t, op, q, 400, "imit in the query")
			}
			return
		}
		lists++
		if op.parameter("limit") == "" {
			sameAnswer(t, op, "limit and offset", q)
			for _, bad := range []string{"limit=many", "limit=1.5", "offset=-1", "limit=1&LIMIT=2"} {
				q := plainRequest(op)
				q.path = plus(q.path, bad)
				refused(t, op, q, 400, strings.SplitN(bad, "=", 2)[0])
			}
		} else if a := ask(t, op, q); a.status != 200 {
			t.Errorf("got %d %s", a.status, a.body)
		}
		if op.parameter("cursor") != "" && op.parameter("offset") == "" {
			q := plainRequest(op)
			q.path = plus(q.path, "offset=1")
			refused(t, op, q, 400, "offset", "nextCursor")
		}
	})
	if lists < 20 {
		t.Errorf("only %d lists were found", lists)
	}
}

func TestHeadWhereverGet(t *testing.T) {
	allOperations(t, func(t *testing.T, op *operation) {
		if op.route.Method != http.MethodGet {
			return
		}
		q := plainRequest(op)
		q.method = http.MethodHead
		head := ask(t, op, q)
		if op.streams() {
			if head.status != 200 || head.body != "" || !strings.HasPrefix(head.header.Get("Content-Type"), "text/event-stream") {
				t.Errorf("got %d %v", head.status, head.header)
			}
			return
		}
		get := ask(t, op, plainRequest(op))
		if head.status != get.status || head.body != "" {
			t.Errorf("HEAD: %d %q, GET: %d", head.status, head.body, get.status)
		}
		for _, name := range []string{"Content-Type", "Content-Length"} {
			if head.header.Get(name) != get.header.Get(name) {
				t.Errorf("%s is %q with HEAD and %q with GET", name, head.header.Get(name), get.header.Get(name))
			}
		}
		q.token = "-"
		if a := ask(t, op, q); a.status != 401 {
			t.Errorf("without a token: %d", a.status)
		}
	})
}

func TestByteOrderMark(t *testing.T) {
	allOperations(t, func(t *testing.T, op *operation) {
		if op.body == nil {
			return
		}
		q := plainRequest(op)
		q.body = "\ufeff" + q.body
		sameAnswer(t, op, "a byte order mark", q)
	})
}

// upper writes the names of all fields in upper case.
func upper(value any) any {
	switch v := value.(type) {
	case map[string]any:
		changed := make(map[string]any, len(v))
		for name, child := range v {
			changed[strings.ToUpper(name)] = upper(child)
		}
		return changed
	case []any:
		for i := range v {
			v[i] = upper(v[i])
		}
	}
	return value
}

func TestLetterCaseOfFields(t *testing.T) {
	allOperations(t, func(t *testing.T, op *operation) {
		if op.body == nil {
			return
		}
		var body any
		if err := json.Unmarshal([]byte(goodBodies[op.id]), &body); err != nil {
			t.Fatal(err)
		}
		data, _ := json.Marshal(upper(body))
		q := plainRequest(op)
		q.body = string(data)
		sameAnswer(t, op, "upper case", q)
		for name := range body.(map[string]any) {
			q.body = `{"` + strings.ToUpper(name) + `":1,` + goodBodies[op.id][1:]
			refused(t, op, q, 400, name+" is given more than once")
		}
	})
}

// Every number in a body may come as a string.
func TestNumbersAsStrings(t *testing.T) {
	numbers := 0
	allOperations(t, func(t *testing.T, op *operation) {
		if op.body == nil {
			return
		}
		send := func(name, value string) answer {
			q := plainRequest(op)
			q.body = `{"` + name + `":` + value + `,` + strings.TrimPrefix(goodBodies[op.id], "{")
			q.body = strings.Replace(q.body, ",}", "}", 1)
			return ask(t, op, q)
		}
		for name, ref := range op.body.Content["application/json"].Schema.Value.Properties {
			if !ref.Value.Type.Is(openapi3.TypeInteger) {
				continue
			}
			numbers++
			for _, n := range []string{"0", "7", "-7"} {
				want, got := send(name, n), send(name, `"`+n+`"`)
				if got.status != want.status || got.body != want.body {
					t.Errorf("%s as the string %q: %d %s, as a number %d %s", name, n, got.status, got.body, want.status, want.body)
				}
			}
			for _, bad := range []string{`"07"`, `""`, `"7 "`, `"1e3"`, `"-"`, `"seven"`} {
				wantFailure(t, send(name, bad), 400, name, "whole number")
			}
		}
	})
	if numbers < 5 {
		t.Errorf("only %d numbers were found", numbers)
	}
}

// No two names differ in letter case only: what a client sends means one thing.
func TestNamesDifferInMoreThanCase(t *testing.T) {
	allOperations(t, func(t *testing.T, op *operation) {
		seen := map[string]bool{}
		for _, ref := range op.query {
			if name := strings.ToLower(ref.Value.Name); seen[name] {
				t.Errorf("the parameter %s is there twice", name)
			} else {
				seen[name] = true
			}
		}
	})
	for name, ref := range newWorld(t).api.router.doc.Components.Schemas {
		seen := map[string]bool{}
		for field := range ref.Value.Properties {
			if f := strings.ToLower(field); seen[f] {
				t.Errorf("%s.%s is there twice", name, field)
			} else {
				seen[f] = true
			}
		}
	}
}

var timeLike = regexp.MustCompile(`"\d{4}-\d\d-\d\dT[^"]*"`)

// Times are in UTC, whatever zone the server or a snapshot has. Only the
// operation that gives restic's own JSON keeps restic's zone.
func TestTimesAreUTC(t *testing.T) {
	seen := 0
	allOperations(t, func(t *testing.T, op *operation) {
		if op.streams() || op.id == "ListRepositorySnapshots" {
			return
		}
		for _, at := range timeLike.FindAllString(ask(t, op, plainRequest(op)).body, -1) {
			if seen++; !strings.HasSuffix(at, `Z"`) {
				t.Errorf("%s is not in UTC", at)
			}
		}
	})
	if seen < 10 {
		t.Errorf("only %d times were found", seen)
	}
}

// The answer of a GET can be sent back with PUT, and changes nothing.
func TestReadModifyWrite(t *testing.T) {
	written := map[string]int{}
	for template, collection := range map[string]string{
		"/v6/Accounts/{accountId}": "/v6/Accounts", "/v6/objectstoragerepositories/{repositoryId}": "/v6/objectstoragerepositories",
		"/v6/BackupRepositories/{repositoryId}": "/v6/BackupRepositories", "/v6/Proxies/{proxyId}": "/v6/Proxies",
		"/v6/EncryptionKeys/{keyId}": "/v6/EncryptionKeys", "/v6/Users/{userName}": "/v6/Users",
		"/v6/AlarmRules/{alarmRuleId}": "/v6/AlarmRules", "/v6/NotificationChannels/{channelId}": "/v6/NotificationChannels",
	} {
		w := newWorld(t).populate()
		w.addKinds()
		header := http.Header{"Syncline-Extensions": {"1"}}
		get := func(path string) answer { return w.do(request{method: "GET", path: path, header: header}) }
		for _, item := range decode[[]map[string]any](t, get(collection)) {
			path := fmt.Sprintf("%s/%s", collection, item["id"])
			if name, ok := item["name"].(string); ok && collection == "/v6/Users" {
				path = collection + "/" + url.PathEscape(name)
			}
			before := get(path)
			if a := w.do(request{method: "PUT", path: path, body: before.body, header: header}); a.status != 200 {
				t.Errorf("PUT %s of what GET gave: %d %s\n%s", path, a.status, a.body, before.body)
			}
			if after := get(path); after.body != before.body {
				t.Errorf("%s is changed from %s to %s", path, before.body, after.body)
			}
			nulls := withNulls(t, w, template, before.body)
			if a := w.do(request{method: "PUT", path: path, body: nulls, header: header}); a.status != 200 {
				t.Errorf("PUT %s with nulls: %d %s\n%s", path, a.status, a.body, nulls)
			}
			if after := get(path); after.body != before.body {
				t.Errorf("%s is changed from %s to %s", path, before.body, after.body)
			}
			written[template]++
		}
	}
	for template, item := range newWorld(t).api.router.doc.Paths.Map() {
		if item.Put != nil && item.Get != nil && written[template] == 0 {
			t.Errorf("nothing was written to %s", template)
		}
	}
}

// withNulls adds every field that the answer does not have as null, as clients
// do that know all fields of v6.
func withNulls(t *testing.T, w *world, template, body string) string {
	t.Helper()
	var object map[string]any
	if err := json.Unmarshal([]byte(body), &object); err != nil {
		t.Fatal(err)
	}
	schema := w.api.router.doc.Paths.Value(template).Put.RequestBody.Value.Content["application/json"].Schema.Value
	for name := range schema.Properties {
		if _, ok := object[name]; !ok {
			object[name] = nil
		}
	}
	data, err := json.Marshal(object)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// Clients write the numbers that they read in other ways, and leave parameters
// of the query open; none of it reaches a message as it was sent.
func TestQueriesThatAreBroken(t *testing.T) {
	allOperations(t, func(t *testing.T, op *operation) {
		for _, bad := range []string{"%zz=1", "a;b=1", "a=%"} {
			q := plainRequest(op)
			q.path = plus(q.path, bad)
			if _, err := url.ParseRequestURI(q.path); err != nil {
				t.Fatal(err)
			}
			refused(t, op, q, 400, "malformed")
		}
	})
}

// A name and its value survive the way through the query as they are.
func TestQueryValuesAreKept(t *testing.T) {
	w := newWorld(t).populate()
	for _, value := range []string{"a b", "a+b", "ä&ö", "100%", "x=y", "#", "'\""} {
		a := w.get("/v6/EncryptionKeys?DESCRIPTION=" + url.QueryEscape(value))
		if a.status != 200 || strings.TrimSpace(a.body) != "[]" {
			t.Errorf("%q: %d %s", value, a.status, a.body)
		}
		w.store.keys[0].Description = value
		if a := w.get("/v6/EncryptionKeys?DESCRIPTION=" + url.QueryEscape(value)); !bytes.Contains([]byte(a.body), []byte(keyID)) {
			t.Errorf("%q: %d %s", value, a.status, a.body)
		}
		w.store.keys[0].Description = "Main"
	}
}
