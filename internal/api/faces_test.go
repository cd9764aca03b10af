package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/gate"
	"syncline.dev/syncline/internal/peer"
)

// eachFace runs a test for every version but v6.
func eachFace(t *testing.T, f func(t *testing.T, version string)) {
	for _, name := range faceNames()[1:] {
		t.Run(name, func(t *testing.T) { f(t, name) })
	}
}

// at is a path of v6 in another version.
func at(version, path string) string { return strings.Replace(path, "/v6/", "/"+version+"/", 1) }

// TestFacesServeEverything asks every operation of every version what v6 is asked, and
// looks whether the answer is as that version's document says. Links that an answer has
// lead to answers of the same version.
func TestFacesServeEverything(t *testing.T) {
	eachFace(t, func(t *testing.T, version string) {
		eachOperation(t, func(t *testing.T, w *world, op *operation) {
			mine := w.faceOperation(version, op)
			if mine == nil || op.streams() {
				return // the version lacks it; see TestEvents
			}
			prepare(w, op)
			a := w.do(request{method: op.route.Method, path: at(version, example(op, true)), body: faceBody(version, op.id), header: goodHeaders[op.id]})
			if status, ok := refusedAlways[op.id]; ok {
				wantFailure(t, a, status)
				return
			}
			documented := mine.route.Operation.Responses.Status(a.status)
			if a.status/100 != 2 || documented == nil || (len(documented.Value.Content) == 0) != (a.body == "") {
				t.Fatalf("got %d %s", a.status, a.body)
			}
			wantLinksOf(t, w, version, a.body)
			if op.route.Method == http.MethodGet {
				head := w.do(request{method: "HEAD", path: at(version, example(op, true))})
				if head.status != a.status || head.header.Get("Content-Length") != a.header.Get("Content-Length") {
					t.Errorf("HEAD: %d, %q bytes; GET: %d, %q bytes", head.status, head.header.Get("Content-Length"), a.status, a.header.Get("Content-Length"))
				}
			}
		})
	})
}

// faceOperation finds the operation of v6 in another version, nil for none.
func (w *world) faceOperation(version string, op *operation) *operation {
	faces, err := w.api.faces()
	if err != nil {
		w.t.Fatal(err)
	}
	for _, s := range faces {
		for _, mine := range s.router.operations() {
			if s.name == version && mine.id == op.id {
				return mine
			}
		}
	}
	return nil
}

// prepare makes room for operations that would meet a conflict.
func prepare(w *world, op *operation) {
	switch op.id {
	case "DeleteEncryptionKey":
		w.store.repos = nil
	case "DeleteAccount":
		w.store.storages = nil
	}
}

// faceBody is a body that an operation of a version takes.
func faceBody(_, id string) string { return goodBodies[id] }

var faceHrefs = regexp.MustCompile(`"href":"([^"]*)"`)

// wantLinksOf follows every link of an answer.
func wantLinksOf(t *testing.T, w *world, version, body string) {
	t.Helper()
	for _, m := range faceHrefs.FindAllStringSubmatch(body, -1) {
		var link string
		if err := json.Unmarshal([]byte(`"`+m[1]+`"`), &link); err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(link, "/"+version+"/") {
			t.Errorf("the link %s is not of %s", link, version)
			continue
		}
		r, err := http.NewRequest("GET", link, nil)
		if err != nil {
			t.Fatal(err)
		}
		face, err := w.api.faceOf(r)
		if err != nil {
			t.Fatal(err)
		}
		if p, _ := face.router.match(r.URL); p == nil || p.operation("GET") == nil {
			t.Errorf("nothing is under the link %s", link)
		}
	}
}

// TestFaceRouter looks at what the router of a version does beside the operations.
func TestFaceRouter(t *testing.T) {
	eachFace(t, func(t *testing.T, version string) {
		w := newWorld(t).populate()
		V := strings.ToUpper(version)
		for _, path := range []string{"/" + V + "/BACKUPREPOSITORIES", "/" + version + "/backuprepositories/", "/" + version + "/ServiceInstance"} {
			if a := w.get(path); a.status != 200 {
				t.Errorf("%s: %d %s", path, a.status, a.body)
			}
		}
		wantFailure(t, w.do(request{method: "GET", path: "/" + version + "/BackupRepositories", token: "-"}), 401, "/"+version+"/token")
		wantFailure(t, w.do(request{method: "POST", path: "/" + version + "/BackupRepositories", token: "viewer", body: "{"}), 403, "administrators")
		wantFailure(t, w.get("/"+version+"/BackupRepositories/x"), 400, "UUID")
		wantFailure(t, w.get("/"+version+"/BackupRepositories/"+unknownID), 404, "there is no")
		wantFailure(t, w.get("/"+version+"/RestorePoints?backupTime=2026-01-01"), 400, "backupTime in the query is not known", "orderAsc")
		wantFailure(t, w.get("/"+version+"/nothing"), 404, "/swagger")
		wantFailure(t, w.do(request{method: "POST", path: "/" + version + "/Jobs/" + machineID + "/Start"}), 405, "other programs make")
		a := w.do(request{method: "PATCH", path: "/" + version + "/BackupRepositories"})
		wantFailure(t, a, 405, "use GET")
		if a.header.Get("Allow") != "GET, HEAD, POST" {
			t.Errorf("Allow is %q", a.header.Get("Allow"))
		}
		if a := w.do(request{method: "POST", path: "/" + version + "/token/logout"}); a.status != 204 || a.body != "" {
			t.Errorf("logout: %d %s", a.status, a.body)
		}
		for _, name := range []string{"RestorePoints?from=yesterday", "JobSessions?endTimeUpperBound=x", "RestorePoints?limit=0", "RestorePoints?orderAsc=perhaps"} {
			wantFailure(t, w.get("/"+version+"/"+name), 400, strings.FieldsFunc(name, func(r rune) bool { return r == '?' || r == '=' })[1])
		}
	})
	w := newWorld(t).populate()
	wantFailure(t, w.get("/v9/ServiceInstance"), 404, "no version v9", "/v8, /v7 and /v6")
	wantFailure(t, w.get("/v6/RestorePoints?from=2026-01-01"), 400, "from in the query is not known", "backupTime")
	wantFailure(t, w.do(request{method: "POST", path: "/v6/token/logout"}), 404, "/swagger")
}

// manyPoints are restore points an hour apart, the first one the oldest.
func manyPoints(n int) fakePoints {
	points := make(fakePoints, n)
	for i := range points {
		points[i] = testPoint
		points[i].ID = syncline.ID(fmt.Sprintf("9a3b5c7d-1111-4222-8333-%012d", i))
		points[i].Snapshot.ID = syncline.Hash{byte(i), byte(i >> 8), 1}
		points[i].Snapshot.Time = testPoint.Snapshot.Time.Add(time.Duration(i) * time.Hour)
	}
	return points
}

type facePage struct {
	Offset, Limit int
	TotalCount    *int
	Results       []map[string]any
	Links         map[string]struct{ Href string } `json:"_links"`
}

// pages reads all pages of a list, beginning with one, and returns what they tell.
func (w *world) pages(path, field string) (told []string) {
	w.t.Helper()
	for range 100 {
		page := decode[facePage](w.t.(*testing.T), w.get(path))
		for _, r := range page.Results {
			told = append(told, fmt.Sprint(r[field]))
		}
		next, more := page.Links["next"]
		if !more {
			return told
		}
		path = next.Href
	}
	w.t.Fatal("the pages have no end")
	return nil
}

// TestFaceRestorePoints asks for restore points as v7 and v8 do.
func TestFaceRestorePoints(t *testing.T) {
	eachFace(t, func(t *testing.T, version string) {
		var marked int
		w := newWorld(t, func(c *Config) {
			c.RestorePoints, c.Sightings = manyPoints(100), countSightings{&marked}
		}).populate()
		list := "/" + version + "/RestorePoints"
		first := decode[facePage](t, w.get(list))
		if len(first.Results) != 30 || first.Limit != 30 || marked != 30 {
			t.Errorf("the first page has %d of %d, and %d are looked up", len(first.Results), first.Limit, marked)
		}
		for name, want := range map[string]any{"isDeleted": false, "isCopy": false, "hostName": "web1"} {
			if first.Results[0][name] != want {
				t.Errorf("%s is %v", name, first.Results[0][name])
			}
		}
		for query, want := range map[string]struct {
			n           int
			first, last int
		}{
			"?limit=7":                                             {100, 99, 0},
			"?limit=7&orderAsc=true":                               {100, 0, 99},
			"?orderAsc=false&offset=90":                            {10, 9, 0},
			"?from=" + at0(90):                                     {10, 99, 90},
			"?FROM=" + at0(10) + "&To=" + at0(20):                  {11, 20, 10},
			"?to=" + at0(2) + "&orderAsc=TRUE":                     {3, 0, 2},
			"?limit=3&repositoryId=" + repoID + "&from=" + at0(95): {5, 99, 95},
			"?isCopy=false&limit=50":                               {100, 99, 0},
			"?to=0001-01-01T00:00:00Z":                             {},
			"?isCopy=true":                                         {},
			"?organizationId=" + unknownID:                         {},
			"?repositoryId=" + unknownID:                           {},
			"?offset=1000":                                         {},
			"?limit=20000&organizationId=" + installationID:        {100, 99, 0},
		} {
			got := w.pages(list+query, "id")
			if len(got) != want.n {
				t.Errorf("%s: %d found, want %d", query, len(got), want.n)
				continue
			}
			if want.n == 0 {
				continue
			}
			for at, i := range map[int]int{0: want.first, len(got) - 1: want.last} {
				if got[at] != string(manyPoints(100)[i].ID) {
					t.Errorf("%s: %s is at %d, want the one of hour %d", query, got[at], at, i)
				}
			}
		}
		if got := w.pages("/"+version+"/JobSessions?endTimeUpperBound=0001-01-01", "id"); len(got) != 0 {
			t.Errorf("%d job sessions end before the first year of the calendar", len(got))
		}
	})
}

// at0 is the time of the restore point of an hour.
func at0(hour int) string {
	return url.QueryEscape(testPoint.Snapshot.Time.Add(time.Duration(hour) * time.Hour).UTC().Format(time.RFC3339Nano))
}

// TestFaceAnswersInFlight asks for an answer that is longer than what one user may hold. It
// passes while nothing else is on its way, as it does in v6.
func TestFaceAnswersInFlight(t *testing.T) {
	limits := gate.Default
	limits.UserBytes = 8 * uncounted
	w := newWorld(t, func(c *Config) { c.Gate, c.RestorePoints = gate.New(limits, peer.Proxies{}), manyPoints(500) }).populate()
	for _, name := range faceNames() {
		a := w.handle(request{method: "GET", path: "/" + name + "/RestorePoints?limit=500"}) // it ends before the next one begins
		if a.status != 200 || int64(len(a.body)) < limits.UserBytes {
			t.Errorf("%s: %d, %d bytes", name, a.status, len(a.body))
		}
	}
	other := w.api.gate.Arrive(t.Context(), "192.0.2.1", true, nil)
	if err := errors.Join(other.SignIn("the administrator"), other.Hold(1)); err != nil {
		t.Fatal(err)
	}
	wantFailure(t, w.handle(request{method: "GET", path: "/v8/RestorePoints?limit=40"}), 429, "hold too much")
}

// TestFaceFailures looks at the words of failures. A version stands in the paths of the API,
// and a name that a client has given stays as it is.
func TestFaceFailures(t *testing.T) {
	eachFace(t, func(t *testing.T, version string) {
		w := newWorld(t).populate()
		w.sync.check = syncline.Errorf(syncline.CodeNoRepository, "there is no repository at /srv/v6/main")
		body := strings.Replace(goodBodies["UpdateBackupRepository"], "{", `{"path":"/srv/v6/main",`, 1)
		wantFailure(t, w.do(request{method: "PUT", path: "/" + version + "/BackupRepositories/" + repoID, body: body}), 400, "/srv/v6/main")
		wantFailure(t, w.get("/"+version+"/Jobs/"+unknownID), 404, "GET /"+version+"/Jobs")
	})
}

type countSightings struct{ n *int }

func (c countSightings) Mark(_ context.Context, points []syncline.RestorePoint) error {
	*c.n += len(points)
	return nil
}

// Events have the links of the version that was asked for.
func TestFaceEvents(t *testing.T) {
	eachFace(t, func(t *testing.T, version string) {
		w := newWorld(t).populate()
		w.store.sessions[0].State = syncline.WorkSucceeded
		req, err := http.NewRequest("GET", w.server.URL+"/"+version+"/RepositorySynchronizeSessions/"+sessionID+"/Events", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer administrator")
		res, err := w.server.Client().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		text, err := io.ReadAll(res.Body)
		if err != nil || !strings.Contains(string(text), `"href":"/`+version+`/RepositorySynchronizeSessions/`) || strings.Contains(string(text), "/v6/") {
			t.Errorf("%v %s", err, text)
		}
	})
}

// TestFaceDocuments looks at the documents of all versions, and at their pages.
func TestFaceDocuments(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.BasePath = "/syncline" })
	for _, file := range []string{"/openapi.json", "/openapi.yaml"} {
		first := w.do(request{method: "GET", path: "/syncline/swagger/v1" + file, token: "-"})
		if a := w.do(request{method: "GET", path: "/syncline/swagger/v6" + file, token: "-"}); a.status != 200 || a.body != first.body {
			t.Errorf("%s of v6 is %d with %d bytes", file, a.status, len(a.body))
		}
	}
	eachFace(t, func(t *testing.T, version string) {
		get := func(path string) answer {
			return w.do(request{method: "GET", path: "/syncline/swagger/" + version + path, token: "-"})
		}
		for _, path := range []string{"", "/", "/index.html"} {
			if a := get(path); a.status != 200 || !strings.Contains(a.body, `"/syncline/swagger/`+version+`/"`) {
				t.Errorf("the page is %d %s", a.status, a.body)
			}
		}
		var told openapi3.T
		if err := told.UnmarshalJSON([]byte(get("/openapi.json").body)); err != nil || told.Info.Version != version || told.Servers[0].URL != "/syncline" {
			t.Fatalf("the document: %v, %+v", err, told.Info)
		}
		doc, err := openapi3.NewLoader().LoadFromData([]byte(get("/openapi.yaml").body))
		if err != nil || doc.Paths.Len() != told.Paths.Len() {
			t.Fatal(err)
		}
		for name, schema := range doc.Components.Schemas {
			if e := schema.Value.Example; e != nil {
				if err := schema.Value.VisitJSON(e); err != nil {
					t.Errorf("the example of %s: %v", name, err)
				}
			}
		}
		for path := range doc.Paths.Map() {
			if !strings.HasPrefix(path, "/"+version+"/") {
				t.Errorf("the document has %s", path)
			}
		}
	})
}

func BenchmarkLoadFaces(b *testing.B) {
	for b.Loop() {
		if _, err := makeFaces(); err != nil {
			b.Fatal(err)
		}
	}
}
