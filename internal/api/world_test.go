package api

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3filter"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/archive"
	"syncline.dev/syncline/internal/place/kinds"
)

// allKinds are those of the program, and one that only tests have.
var allKinds = append(kinds.All(), &memoryKind)

var testTime = time.Date(2026, 11, 23, 12, 0, 0, 0, time.FixedZone("", 2*60*60)) // 10:00 in UTC

const (
	repoID    = "c6d1fc1b-1aef-411f-9a7f-de35e546c615"
	sessionID = "c6d1fc1b-1aef-411f-9a7f-de35e546c615"
	keyID     = "2f0a5c3e-3c44-4b4e-8d3c-5d5b3ad0a001"
	pointID   = "9a3b5c7d-1111-4222-8333-444455556666"
	unknownID = "00000000-0000-4000-8000-00000000dead"
	// An account of each kind, and a storage that the first of them opens.
	accountID      = "5d0f0c55-0000-4000-8000-000000000001"
	s3AccountID    = "5d0f0c55-0000-4000-8000-000000000002"
	azureAccountID = "5d0f0c55-0000-4000-8000-000000000003"
	storageID      = "5d0f0c55-0000-4000-8000-000000000004"
	theSecret      = "a secret key/with+odd=characters"
	thePass        = "correct horse battery staple"
	nodeID         = "5d0f0c55-0000-4000-8000-000000000006"
	installationID = "0e9f4e53-13ff-4a09-a4ae-0e0d2a2e2c0d"
	// Google's account has its own kind of secret.
	googleAccountID = "5d0f0c55-0000-4000-8000-000000000005"
	googleSecret    = `{"type":"service_account","private_key":"` + theSecret + `"}`
)

// syncBuffer is a log that several goroutines write.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// world is the API on a TLS server with everything behind it faked.
type world struct {
	t      testing.TB
	api    *api
	server *httptest.Server
	store  *fakeStore
	sync   *fakeSynchronizer
	auth   *fakeAuth
	users  *fakeUsers
	places *fakePlaces
	nodes  *fakeNodes
	jobs   *fakeRestorer
	checks *fakeChecks
	looks  fakeLooks
	log    *syncBuffer

	channels *fakeChannels
}

func newWorld(t testing.TB, change ...func(*Config)) *world {
	t.Helper()
	w := &world{t: t, auth: &fakeAuth{}, users: newFakeUsers(), places: &fakePlaces{}, nodes: &fakeNodes{}, jobs: &fakeRestorer{}, checks: &fakeChecks{}, log: &syncBuffer{}, channels: newFakeChannels()}
	w.store = &fakeStore{managers: []string{"fleet"}, sealed: map[syncline.ID][]byte{}, logs: map[syncline.ID][]syncline.LogItem{}}
	w.sync = &fakeSynchronizer{store: w.store}
	cfg := Config{
		Auth: w.auth, Users: w.users, Managers: w.store, Repositories: w.store, Store: w.store, Keys: w.store, Sessions: w.store, Instance: w.store,
		Accounts: w.store, ObjectStorages: w.store, Kinds: allKinds, Places: w.places, Nodes: w.nodes,
		Sealer: fakeSealer{}, Synchronizer: w.sync, Checks: w.checks, Immutability: &w.looks, RestorePoints: fakePoints{testPoint}, Explorer: &fakeExplorer{}, Histories: &fakeExplorer{}, Searcher: &fakeSearcher{}, Statistics: &fakeStatistics{},
		Contents: noContents{}, Archives: &archive.Service{},
		RestoreJobs: w.jobs, Restorer: w.jobs, Alarms: newFakeAlarms(), Channels: w.channels, DeliveryLog: w.channels, Notifier: w.channels,
		Machines: fakeMachines{}, AlarmRules: &fakeRules{}, Sightings: fakeSightings(""),
		Logger:  slog.New(slog.NewJSONHandler(w.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Version: "1.2.3", Now: func() time.Time { return testTime },
	}
	for _, f := range change {
		f(&cfg)
	}
	var err error
	if w.api, err = newAPI(cfg); err != nil {
		t.Fatal(err)
	}
	made := 0
	w.api.made.newID = func() syncline.ID {
		made++
		return syncline.ID(fmt.Sprintf("5d0f0c55-0000-4000-9000-%012d", made))
	}
	w.api.space.statfs = func(string) (space, error) { return space{capacity: 4096, free: 1024}, nil }
	w.server = httptest.NewUnstartedServer(w.api)
	w.server.EnableHTTP2 = true
	w.server.StartTLS()
	t.Cleanup(w.server.Close)
	return w
}

var testPoint = syncline.RestorePoint{
	ID: pointID, RepositoryID: repoID,
	Snapshot: syncline.Snapshot{ID: syncline.Hash{0xab}, Tree: syncline.Hash{0xcd}, Time: testTime.Add(123 * time.Millisecond), Hostname: "web1", Paths: []string{"/srv"}},
}

// populate adds a key, a repository that uses it and a running session.
func (w *world) populate() *world {
	w.store.keys = append(w.store.keys, syncline.EncryptionKey{ID: keyID, Description: "Main"})
	w.store.sealed[keyID], _ = fakeSealer{}.Seal(keyID, []byte(thePass))
	for _, x := range []syncline.Account{
		{ID: accountID, Kind: syncline.KindS3Compatible},
		{ID: s3AccountID, Kind: syncline.KindS3},
		{ID: azureAccountID, Kind: syncline.KindAzure},
		{ID: googleAccountID, Kind: syncline.KindGCS},
	} {
		x.UserName, x.CreatedAt = "name", testTime
		w.store.accounts = append(w.store.accounts, x)
		w.store.sealed[x.ID], _ = fakeSealer{}.Seal(x.ID, []byte(theSecret))
	}
	w.store.sealed[googleAccountID], _ = fakeSealer{}.Seal(googleAccountID, []byte(googleSecret))
	w.store.storages = append(w.store.storages, syncline.ObjectStorage{
		ID: storageID, Name: "cellar", Kind: syncline.KindS3Compatible, AccountID: accountID,
		Endpoint: "https://storage.example", Bucket: "bucket", Folder: "folder", CreatedAt: testTime,
	})
	w.store.repos = append(w.store.repos, syncline.Repository{
		ID: repoID, Name: "main", Path: "/srv/backup", EncryptionKeyID: keyID,
		Retention: syncline.Retention{Type: "ItemLevel"}, CreatedAt: testTime,
	})
	w.jobs.jobs = append(w.jobs.jobs, testJob)
	w.store.sessions = append(w.store.sessions, syncline.Session{Work: syncline.Work{
		ID: sessionID, RepositoryID: repoID, State: syncline.WorkRunning, CreatedAt: testTime, StartedAt: testTime,
	}})
	return w
}

type answer struct {
	status int
	header http.Header
	body   string
}

type request struct {
	method, path string
	token        string // "administrator" when empty, none when "-"
	contentType  string // application/json when empty, none when "-"
	body         string
	header       http.Header
}

// do sends a request, and checks of every answer what holds for all of them.
func (w *world) do(q request) answer {
	w.t.Helper()
	var body io.Reader
	if q.body != "" {
		body = strings.NewReader(q.body)
	}
	req, err := http.NewRequestWithContext(context.Background(), q.method, w.server.URL+q.path, body)
	if err != nil {
		w.t.Fatal(err)
	}
	q.fill(req)
	res, err := w.server.Client().Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	return w.read(q, res)
}

// handle sends a request as do does, without a connection.
func (w *world) handle(q request) answer {
	w.t.Helper()
	req := httptest.NewRequest(q.method, q.path, strings.NewReader(q.body))
	req.RemoteAddr = "127.0.0.1:1"
	q.fill(req)
	rec := httptest.NewRecorder()
	w.api.ServeHTTP(rec, req)
	res := rec.Result()
	res.Request = req
	req.URL.Path = strings.SplitN(q.path, "?", 2)[0]
	return w.read(q, res)
}

// fill adds what the request does not say.
func (q *request) fill(req *http.Request) {
	for name, values := range q.header {
		req.Header[name] = values
	}
	switch q.token {
	case "":
		req.Header.Set("Authorization", "Bearer administrator")
	case "-":
	default:
		req.Header.Set("Authorization", "Bearer "+q.token)
	}
	if q.contentType == "" && q.body != "" {
		q.contentType = "application/json"
	}
	if q.contentType != "-" && q.contentType != "" {
		req.Header.Set("Content-Type", q.contentType)
	}
}

func (w *world) read(q request, res *http.Response) answer {
	w.t.Helper()
	defer res.Body.Close()
	data, err := io.ReadAll(res.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	a := answer{res.StatusCode, res.Header, string(data)}
	w.checkAnswer(q, a, res)
	return a
}

func (w *world) get(path string) answer {
	w.t.Helper()
	return w.do(request{method: "GET", path: path})
}

func (w *world) checkAnswer(q request, a answer, res *http.Response) {
	w.t.Helper()
	where := q.method + " " + q.path
	w.checkAgainstPublished(q, a, res)
	if a.header.Get("X-Content-Type-Options") != "nosniff" {
		w.t.Errorf("%s: no nosniff", where)
	}
	if a.body == "" {
		if a.status != http.StatusNotModified && q.method != http.MethodHead && a.header.Get("Content-Type") != "" {
			w.t.Errorf("%s: an empty body has the type %q", where, a.header.Get("Content-Type"))
		}
		return
	}
	if got := a.header.Get("Content-Length"); !res.Uncompressed && got != strconv.Itoa(len(a.body)) {
		w.t.Errorf("%s: Content-Length is %q, the body has %d bytes", where, got, len(a.body))
	}
	if strings.HasPrefix(strings.ToLower(w.api.withoutBase(res.Request).URL.Path), "/swagger") && a.status == http.StatusOK {
		return
	}
	if got := a.header.Get("Content-Type"); got != contentTypeJSON {
		w.t.Errorf("%s: Content-Type is %q", where, got)
	}
	if a.header.Get("Cache-Control") != "no-store" {
		w.t.Errorf("%s: may be stored", where)
	}
	if a.status >= 400 {
		w.checkFailure(where, a)
		return
	}
	w.checkAgainstDocument(where, a, res)
}

// errorCodes are what v8 adds to a failure.
var errorCodes = regexp.MustCompile(`,"errorCode":"[A-Za-z]+"`)

// checkFailure checks that the body is a message and nothing else.
func (w *world) checkFailure(where string, a answer) {
	w.t.Helper()
	plain := errorCodes.ReplaceAllString(a.body, "")
	body, _, confirm := strings.Cut(plain, `,"confirm":`) // the last field, which few failures have
	if confirm {
		body += "}"
	}
	var object map[string]string
	err := json.Unmarshal([]byte(body), &object)
	if strings.HasPrefix(where, "POST ") && strings.HasPrefix(strings.ToLower(strings.TrimPrefix(where, "POST ")), "/v6/token") && len(object) == 3 {
		if object["error"] == "" || object["error_description"] != object["message"] {
			w.t.Errorf("%s: the failure's body is %q", where, a.body)
		}
		delete(object, "error")
		delete(object, "error_description")
	}
	if err != nil || len(object) != 1 || object["message"] == "" {
		w.t.Errorf("%s: the failure's body is %q", where, a.body)
		return
	}
	m := object["message"]
	if strings.ContainsAny(m, "\n\t") || len(m) > 300 || strings.Contains(m, "Schema") || strings.Contains(m, thePass) || strings.Contains(m, theSecret) {
		w.t.Errorf("%s: not one clear sentence: %q", where, m)
	}
	if (a.status == http.StatusUnauthorized) != (a.header.Get("WWW-Authenticate") == "Bearer") {
		w.t.Errorf("%s: %d with WWW-Authenticate %q", where, a.status, a.header.Get("WWW-Authenticate"))
	}
}

// checkAgainstDocument checks that the answer is what the document promises.
func (w *world) checkAgainstDocument(where string, a answer, res *http.Response) {
	w.t.Helper()
	plain := w.api.withoutBase(res.Request)
	face, err := w.api.faceOf(plain)
	if err != nil {
		w.t.Fatal(err)
	}
	p, _ := face.router.match(plain.URL)
	if p == nil || p.operation(res.Request.Method) == nil {
		w.t.Errorf("%s: an answer from outside the document", where)
		return
	}
	input := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: &openapi3filter.RequestValidationInput{
			Request: res.Request, Route: p.operation(res.Request.Method).route,
		},
		Status: a.status, Header: http.Header{"Content-Type": {"application/json"}},
		Options: &openapi3filter.Options{IncludeResponseStatus: true},
	}
	input.SetBodyBytes([]byte(a.body))
	if err := openapi3filter.ValidateResponse(context.Background(), input); err != nil {
		w.t.Errorf("%s: the answer is not as documented: %v", where, err)
	}
}

// wantFailure checks a failure's status and that its message holds the parts.
func wantFailure(t *testing.T, a answer, status int, parts ...string) {
	t.Helper()
	if a.status != status {
		t.Errorf("got status %d, want %d: %s", a.status, status, a.body)
	}
	for _, part := range parts {
		if !strings.Contains(a.body, part) {
			t.Errorf("the message does not say %q: %s", part, a.body)
		}
	}
}

// decode decodes a good answer.
func decode[T any](t *testing.T, a answer) T {
	t.Helper()
	var v T
	if a.status != http.StatusOK {
		t.Fatalf("got status %d: %s", a.status, a.body)
	}
	if err := json.Unmarshal([]byte(a.body), &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// addKinds adds an object storage of each further kind, and a repository in one.
func (w *world) addKinds() {
	for i, s := range []syncline.ObjectStorage{
		{Kind: syncline.KindS3, AccountID: s3AccountID, Cloud: syncline.CloudGlobal, Region: "eu-central-1"},
		{Kind: syncline.KindAzure, AccountID: azureAccountID, Cloud: syncline.CloudGlobal},
		{Kind: syncline.KindGCS, AccountID: googleAccountID},
	} {
		s.ID = syncline.ID("5d0f0c55-0000-4000-8000-00000000010" + strconv.Itoa(i))
		s.Name, s.Bucket, s.Folder, s.CreatedAt = "kind "+strconv.Itoa(i), "bucket", "folder", testTime
		w.store.storages = append(w.store.storages, s)
	}
	w.store.repos = append(w.store.repos, syncline.Repository{
		ID: "c6d1fc1b-1aef-411f-9a7f-de35e546c616", Name: "in a bucket", ObjectStorageID: storageID, EncryptionKeyID: keyID,
		Retention: syncline.Retention{Type: "SnapshotBased", PeriodType: "Yearly", YearlyPeriod: "Keep"}, CreatedAt: testTime,
	})
}
