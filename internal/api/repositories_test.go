package api

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"syncline.dev/syncline"
	v6 "syncline.dev/syncline/internal/api/v6"
)

// with returns the JSON of the object with fields set, or taken out for nil.
func with(object string, fields map[string]any) string {
	var m map[string]any
	if err := json.Unmarshal([]byte(object), &m); err != nil {
		panic(err)
	}
	for name, value := range fields {
		if value == nil {
			delete(m, name)
		} else {
			m[name] = value
		}
	}
	data, err := json.Marshal(m)
	if err != nil {
		panic(err)
	}
	return string(data)
}

var newRepository = goodBodies["AddBackupRepository"]

func (w *world) post(body string) answer {
	w.t.Helper()
	return w.do(request{method: "POST", path: "/v6/BackupRepositories", body: body})
}

func (w *world) put(body string) answer {
	w.t.Helper()
	return w.do(request{method: "PUT", path: "/v6/BackupRepositories/" + repoID, body: body})
}

func TestRepositoryLife(t *testing.T) {
	w := newWorld(t).populate()
	w.store.repos = nil
	w.api.made.newID = func() syncline.ID { return repoID }
	body := with(newRepository, map[string]any{
		"encryptionKeyId": strings.ToUpper(keyID), "description": "ü", "retentionPeriodType": "Yearly", "yearlyRetentionPeriod": "Keep",
	})
	a := w.post(body)
	want := `{"encryptionKeyId":"` + keyID + `","isOutOfSync":true,"capacityBytes":4096,"freeSpaceBytes":1024,"id":"` + repoID + `","name":"second",` +
		`"description":"ü","path":"/srv/two","retentionType":"ItemLevel","retentionPeriodType":"Yearly","yearlyRetentionPeriod":"Keep","proxyId":"` + nodeID + `","isLongTerm":false,"synchronization":{"enabled":true},"isProxyBound":true,` +
		`"_links":{"self":{"href":"/v6/backuprepositories/` + repoID + `"},"encryptionKey":{"href":"/v6/EncryptionKeys/` + keyID + `"},"proxy":{"href":"/v6/Proxies/` + nodeID + `"},` +
		`"synchronizeSessions":{"href":"/v6/BackupRepositories/` + repoID + `/SynchronizeSessions"},"restorePoints":{"href":"/v6/RestorePoints?repositoryId=` + repoID + `"}}}` + "\n"
	if a.status != 200 || a.body != want {
		t.Fatalf("got %d\n%s\nwant\n%s", a.status, a.body, want)
	}
	if !slices.Equal(w.sync.opened, []string{"/srv/two " + thePass}) {
		t.Errorf("opened %v", w.sync.opened)
	}
	if list := w.get("/v6/BackupRepositories"); list.body != "["+strings.TrimSpace(want)+"]\n" {
		t.Errorf("the list is %s", list.body)
	}
	for _, link := range []v6.Link{decode[v6.BackupRepository](t, a).Links.Self, *decode[v6.BackupRepository](t, a).Links.EncryptionKey} {
		if w.get(link.Href).status != 200 {
			t.Errorf("the link %s does not work", link.Href)
		}
	}
	for query, n := range map[string]int{"longTerm=false": 1, "longTerm=true": 0, "proxyId=" + repoID: 0} {
		if got := decode[[]v6.BackupRepository](t, w.get("/v6/BackupRepositories?"+query)); len(got) != n {
			t.Errorf("%s: %d found, want %d", query, len(got), n)
		}
	}
	wantFailure(t, w.get("/v6/BackupRepositories?longTerm=1.5"), 400, "longTerm")
	w.api.made.newID = func() syncline.ID { return unknownID }
	wantFailure(t, w.post(body), 409, `attached already, as the repository \"second\"`)
	wantFailure(t, w.post(with(body, map[string]any{"path": "/srv/three"})), 409, "name")
	if a := w.do(request{method: "DELETE", path: "/v6/backuprepositories/" + repoID}); a.status != 204 || a.body != "" {
		t.Errorf("deleting gives %d %q", a.status, a.body)
	}
	if !slices.Equal(w.sync.forgotten, []syncline.ID{repoID}) {
		t.Errorf("forgot %v", w.sync.forgotten)
	}
	wantFailure(t, w.get("/v6/BackupRepositories/"+repoID), 404)
}

func TestUpdateRepository(t *testing.T) {
	w := newWorld(t).populate()
	w.store.sessions[0].State = syncline.WorkSucceeded
	other := syncline.ID("2f0a5c3e-3c44-4b4e-8d3c-5d5b3ad0a002")
	w.store.sealed[other], _ = fakeSealer{}.Seal(other, []byte("other"))
	before := w.store.repos[0]

	if a := w.put(`{"retentionType":"SnapshotBased","id":"` + strings.ToUpper(repoID) + `","name":null}`); a.status != 200 || a.body != "" {
		t.Fatalf("got %d %q", a.status, a.body)
	}
	before.Retention.Type = "SnapshotBased"
	if got := w.store.repos[0]; got != before || len(w.sync.opened) != 0 {
		t.Errorf("a field that is absent or null must keep its value without an opening: %+v", got)
	}
	if a := w.put(with(newRepository, map[string]any{"encryptionKeyId": other})); a.status != 200 {
		t.Fatalf("got %d %s", a.status, a.body)
	}
	if got := w.store.repos[0]; got.Path != "/srv/two" || got.EncryptionKeyID != other || got.Name != "second" || !got.OutOfSync || w.store.inSync {
		t.Errorf("got %+v; it was shown in sync at its other place: %v", got, w.store.inSync)
	}
	if !slices.Equal(w.sync.opened, []string{"/srv/two other"}) {
		t.Errorf("opened %v", w.sync.opened)
	}
	w.store.sessions[0].State = syncline.WorkRunning
	if a := w.put(`{"retentionType":"ItemLevel","name":"third"}`); a.status != 200 {
		t.Errorf("a name may change at any time: %d %s", a.status, a.body)
	}
	wantFailure(t, w.put(`{"retentionType":"ItemLevel","id":"`+unknownID+`"}`), 400, "id cannot be")
	wantFailure(t, w.put(`{"name":"x"}`), 400, "retentionType is required")
	wantFailure(t, w.put(`{"retentionType":"Forever"}`), 400, "retentionType must be one of ItemLevel, SnapshotBased")
	kept := w.store.repos[0].Retention.Type
	if a := w.put(`{"retentionType":null}`); a.status != 200 || w.store.repos[0].Retention.Type != kept {
		t.Errorf("null keeps the type: %d %s", a.status, a.body)
	}
	wantFailure(t, w.post(with(newRepository, map[string]any{"retentionType": nil})), 400, "retentionType")
}

func TestRefusedFields(t *testing.T) {
	w := newWorld(t).populate()
	refused := map[string][]any{
		"objectStorageCachePath":         {"/cache"},
		"objectStorageEncryptionEnabled": {true},
		"isLongTerm":                     {true},
		"attachUsedRepository":           {true},
		"retentionPeriodType":            {"Daily", "Monthly"},
		"yearlyRetentionPeriod":          {"Year1", "Years2", "Years3", "Years5", "Years7", "Years10", "Years25"},
		"dailyRetentionPeriod":           {30, -1},
		"monthlyRetentionPeriod":         {1},
		"retentionFrequencyType":         {"Daily", "Monthly"},
		"dailyTime":                      {"08:00:00"},
		"dailyType":                      {"Everyday"},
		"monthlyTime":                    {"08:00:00"},
		"monthlyDaynumber":               {"First"},
		"monthlyDayofweek":               {"Sunday"},
		"id":                             {unknownID},
	}
	for name, values := range refused {
		for _, value := range values {
			body := with(newRepository, map[string]any{name: value})
			wantFailure(t, w.post(body), 400, `"`+name+" cannot be")
			wantFailure(t, w.put(body), 400, `"`+name+" cannot be")
		}
	}
	if len(w.store.repos) != 1 || len(w.sync.opened) != 0 {
		t.Error("a refused request had an effect")
	}
	// The body of a client that sends every field it knows, without a value.
	nothing := map[string]any{
		"objectStorageId": zeroID, "objectStorageCachePath": "", "objectStorageEncryptionEnabled": false, "proxyId": zeroID,
		"attachUsedRepository": false, "dailyRetentionPeriod": 0, "monthlyRetentionPeriod": 0, "dailyTime": "", "monthlyTime": "", "id": zeroID,
		"retentionPeriodType": "Yearly", "yearlyRetentionPeriod": "Keep",
	}
	if a := w.post(with(newRepository, nothing)); a.status != 200 {
		t.Errorf("empty values: %d %s", a.status, a.body)
	}
	nulls := strings.TrimSuffix(with(newRepository, map[string]any{"name": "third", "path": "/srv/three"}), "}")
	for name := range refused {
		nulls += `,"` + name + `":null`
	}
	if a := w.post(nulls + "}"); a.status != 200 {
		t.Errorf("nulls: %d %s", a.status, a.body)
	}
}

func TestBadRepositoryFields(t *testing.T) {
	w := newWorld(t).populate()
	for _, c := range []struct {
		field string
		value any
		part  string
	}{
		{"name", nil, "name is required"},
		{"name", "", "name is required"},
		{"name", " x", "name must not"},
		{"name", "a\x00b", "name must not"},
		{"name", strings.Repeat("x", 256), "name must be a string of at most 255 characters"},
		{"description", strings.Repeat("x", 1025), "description must be"},
		{"path", nil, "path is required"},
		{"path", "relative", "path must be absolute"},
		{"path", "/a/../b", "path must be clean"},
		{"path", "/a//b", "path must be clean"},
		{"path", "/a/", "path must be clean"},
		{"path", "/a\x00b", "path must not hold"},
		{"path", "s3:host/bucket", "path must be absolute"},
		{"encryptionKeyId", nil, "encryptionKeyId is required"},
		{"encryptionKeyId", zeroID, "encryptionKeyId is required"},
		{"encryptionKeyId", unknownID, "encryptionKeyId names no encryption key"},
		{"encryptionKeyId", "1234", "encryptionKeyId must be a UUID"},
		{"retentionType", nil, "retentionType is required"},
		{"retentionType", "Forever", "retentionType must be one of ItemLevel, SnapshotBased"},
		{"retentionType", "itemlevel", "retentionType must be one of"},
	} {
		wantFailure(t, w.post(with(newRepository, map[string]any{c.field: c.value})), 400, `"`+c.part)
	}
}

func TestRepositoryThatDoesNotOpen(t *testing.T) {
	w := newWorld(t).populate()
	for _, c := range []struct {
		err    error
		status int
		part   string
	}{
		{syncline.WrapError(syncline.CodeWrongPassword, errors.New("/srv/two/keys"), "the password opens no key of the repository"), 400, "encryptionKeyId: the password opens"},
		{syncline.Errorf(syncline.CodeNoRepository, "there is no such folder"), 400, "path: there is no such folder"},
		{syncline.Errorf(syncline.CodeNoRepository, "there is no repository"), 400, "path: there is no repository"},
		{syncline.Errorf(syncline.CodeUnsupported, "the repository has version 3"), 400, "path: the repository has version 3"},
		{syncline.Errorf(syncline.CodeDamaged, "the config is damaged"), 409, "path: the config is damaged"},
		{syncline.Errorf(syncline.CodeUnavailable, "permission denied"), 503, "path: permission denied"},
		{errors.New("surprise in /srv/two"), 500, "log has the details"},
	} {
		w.sync.check = c.err
		a := w.post(newRepository)
		wantFailure(t, a, c.status, c.part)
		if strings.Contains(a.body, "/srv") {
			t.Errorf("the answer shows a path: %s", a.body)
		}
	}
	if len(w.store.repos) != 1 {
		t.Error("a repository that does not open was added")
	}
}

func TestKeys(t *testing.T) {
	w := newWorld(t)
	w.api.made.newID = func() syncline.ID { return keyID }
	post := func(body string) answer { return w.do(request{method: "POST", path: "/v6/EncryptionKeys", body: body}) }
	a := post(`{"password":"` + thePass + `","description":"Main <1>","newPassword":null,"oldPassword":null,"id":null,"_links":{}}`)
	want := `{"id":"` + keyID + `","description":"Main \u003c1\u003e","_links":{"self":{"href":"/v6/EncryptionKeys/` + keyID + `"}}}` + "\n"
	if a.status != 200 || a.body != want {
		t.Fatalf("got %d %s, want %s", a.status, a.body, want)
	}
	if got, err := (fakeSealer{}).Open(keyID, w.store.sealed[keyID]); err != nil || string(got) != thePass {
		t.Errorf("sealed %q, %v", got, err)
	}
	for query, n := range map[string]int{"": 1, "?description=main%20%3C1%3E": 1, "?description=Main": 0, "?description=": 1, "?DESCRIPTION=Main": 0} {
		if got := decode[[]v6.EncryptionKey](t, w.get("/v6/EncryptionKeys"+query)); len(got) != n {
			t.Errorf("%q: %d found, want %d", query, len(got), n)
		}
	}
	for body, part := range map[string]string{
		`{"description":"x"}`:                       "password is required",
		`{"password":""}`:                           "password must be a string of 1 to 4096 characters",
		`{"password":null}`:                         "password must not be null",
		`{"password":"a","newPassword":"b"}`:        "newPassword is not supported for a new key",
		`{"password":"a","oldPassword":"b"}`:        "oldPassword is not supported for a new key",
		`{"password":"a","id":"` + unknownID + `"}`: "id cannot be chosen",
		`{"password":"a","Descriptions":"b"}`:       "Descriptions is not a known field",
	} {
		wantFailure(t, post(body), 400, `"`+part)
	}
	w.store.repos = append(w.store.repos, syncline.Repository{ID: repoID, Name: "main", EncryptionKeyID: keyID})
	remove := request{method: "DELETE", path: "/v6/EncryptionKeys/" + keyID}
	wantFailure(t, w.do(remove), 409, "main")
	w.store.repos = nil
	if a := w.do(remove); a.status != 204 {
		t.Errorf("deleting gives %d %s", a.status, a.body)
	}
	if log := w.log.String(); strings.Contains(log, thePass) {
		t.Error("a password is in the log")
	}
}

func TestUnreadableSecretIsTheServersFault(t *testing.T) {
	w := newWorld(t).populate()
	w.store.sealed[keyID] = []byte("sealed for something else")
	wantFailure(t, w.post(newRepository), 500)
}

func TestToken(t *testing.T) {
	w := newWorld(t)
	send := func(contentType, body string) answer {
		return w.do(request{method: "POST", path: "/V6/Token", token: "-", contentType: contentType, body: body})
	}
	const form = "application/x-www-form-urlencoded"
	want := `{"access_token":"the-access-token","token_type":"bearer","expires_in":3600,"refresh_token":"the-refresh-token","userName":"ada",` +
		`".issued":"2026-11-23T10:00:00Z",".expires":"2026-11-23T11:00:00Z"}` + "\n"
	for body, contentType := range map[string]string{
		"grant_type=password&username=ada&password=open+sesame&disable_antiforgery_token=true&x=1&x=2":                          form,
		"grant_type=refresh_token&refresh_token=the-refresh-token":                                                              form + "; charset=utf-8",
		`{"grant_type":"password","username":"ada","password":"open sesame","disable_antiforgery_token":true,"x":{"y":[null]}}`: "",
		`{"grant_type":"refresh_token","refresh_token":"the-refresh-token"}`:                                                    "Application/JSON",
		"username=ada&password=open+sesame":                                                                                     form,
		"grant_type=&username=ada&password=open+sesame&refresh_token=":                                                          form,
		"Grant_Type=password&UserName=ada&PASSWORD=open+sesame&rememberMe=true":                                                 form,
		"\ufeffgrant_type=password&username=ada&password=open+sesame":                                                           form,
		"grant_type=password&username=ada&password=open%20sesame":                                                               "multipart/form-data",
		"grant_type=password&username=ada&password=open+sesame&":                                                                "multipart/form-data; boundary=x",
		"username=ada&grant_type=password&password=open+sesame":                                                                 "text/plain; charset=iso-8859-1",
		"password=open+sesame&username=ada&grant_type=password":                                                                 "-",
		"password=open+sesame&grant_type=password&username=ada":                                                                 "application/json",
		"password=open+sesame&grant_type=password&username=ada&x":                                                               "no media type",
		`{"username":"ada","password":"open sesame"}`:                                                                           form,
		`{"UserName":"ada","Password":"open sesame","grant_type":null,"refresh_token":null}`:                                    "",
		"\ufeff" + `{"grant_type":"","username":"ada","password":"open sesame","rememberMe":false}`:                             "application/json; charset=utf-8",
	} {
		if a := send(contentType, body); a.status != 200 || a.body != want {
			t.Errorf("%s: got %d %s", body, a.status, a.body)
		}
	}
	if !slices.Contains(w.auth.signIns, "ada|open sesame|127.0.0.1") || !slices.Contains(w.auth.signIns, "refresh|the-refresh-token|127.0.0.1") {
		t.Errorf("asked %v", w.auth.signIns)
	}
	wantFailure(t, send(form, "grant_type=password&username=ada&password=wrong"), 401, "user name or the password", `"error":"invalid_grant"`)
	wantFailure(t, send(form, "grant_type=refresh_token&refresh_token=used"), 401, "sign in again", `"error":"invalid_grant"`)
	throttled := send(form, "grant_type=password&username=throttled&password=x")
	wantFailure(t, throttled, 429, "too many attempts", `"error":"temporarily_unavailable"`)
	if throttled.header.Get("Retry-After") != "2" {
		t.Errorf("Retry-After is %q", throttled.header.Get("Retry-After"))
	}
	for body, part := range map[string]string{
		"--x\r\nContent-Disposition: form-data; name=\"username\"\r\n\r\nada\r\n--x--\r\n": "send it as application/x-www-form-urlencoded",
		"grant_type=operator":                       `"error":"unsupported_grant_type","error_description":"grant_type must be one of password, refresh_token"`,
		"grant_type=Password&username=a&password=b": "unsupported_grant_type",
		"username=a&UserName=b&password=c":          "username is given more than once",
		"":                                          "username is required",
		"grant_type=password&password=x":            "username is required",
		"grant_type=password&username=ada":          "password is required",
		"grant_type=refresh_token":                  "refresh_token is required",
		"grant_type=password&username=a&username=b": "username is given more than once",
		"grant_type=password&username=%ff":          "username is not valid UTF-8",
		"grant_type=%zz":                            "malformed",
		"grant_type=password&username=a;b":          "malformed",
	} {
		wantFailure(t, send(form, body), 400, part, `"error":"`)
	}
	w.auth.panics = true
	wantFailure(t, send(form, "username=ada&password=x"), 500, `"error":"server_error"`)
	w.auth.panics = false
	wantFailure(t, w.do(request{method: "POST", path: "/v6/token", body: "a=b", header: http.Header{"Content-Encoding": {"gzip"}}}), 415, `"error":"invalid_request"`)
	wantFailure(t, send("", `{"grant_type":"password","username":5,"password":"x"}`), 400, "username must be a string")
}

// TestHangingFileSystem checks that a file system that does not answer holds up
// no request, and is not asked again and again.
func TestHangingFileSystem(t *testing.T) {
	asked, release := make(chan string, 10), make(chan struct{})
	p := newSpaceProbe(func(path string) (space, error) {
		asked <- path
		<-release
		return space{1, 1}, nil
	})
	start := time.Now()
	for range 3 {
		if _, ok := p.of(t.Context(), "/gone"); ok {
			t.Error("an answer without an answer")
		}
	}
	if took := time.Since(start); took > 3*time.Second {
		t.Errorf("took %v", took)
	}
	if len(asked) != 1 {
		t.Errorf("asked %d times", len(asked))
	}
	close(release)
	failing := newSpaceProbe(func(string) (space, error) { return space{}, errors.New("no such folder") })
	if _, ok := failing.of(t.Context(), "/none"); ok {
		t.Error("a failure gave an answer")
	}
	if s, ok := newSpaceProbe(statfs).of(t.Context(), t.TempDir()); !ok || s.capacity < s.free || s.capacity == 0 {
		t.Errorf("a real file system: %+v, %v", s, ok)
	}
}

// TestSynchronization goes through the schedules that a client may send.
func TestSynchronization(t *testing.T) {
	w := newWorld(t).populate()
	for _, c := range []struct {
		sent string
		want syncline.Schedule
		told string
	}{
		{`{"enabled":true,"interval":"90m"}`, syncline.Schedule{Interval: 90 * time.Minute}, `{"enabled":true,"interval":"1h30m"}`},
		{`null`, syncline.Schedule{Interval: 90 * time.Minute}, `{"enabled":true,"interval":"1h30m"}`},
		{`{"enabled":false,"interval":"7d"}`, syncline.Schedule{Disabled: true, Interval: 7 * 24 * time.Hour}, `{"enabled":false,"interval":"168h"}`},
		{
			`{"Enabled":null,"cron":"0 3 * * *","timeZone":"Europe/Berlin","interval":null}`,
			syncline.Schedule{Cron: "0 3 * * *", TimeZone: "Europe/Berlin"},
			`{"enabled":true,"cron":"0 3 * * *","timeZone":"Europe/Berlin"}`,
		},
		{`{}`, syncline.Schedule{}, `{"enabled":true}`},
	} {
		if a := w.put(`{"retentionType":"ItemLevel","synchronization":` + c.sent + `}`); a.status != 200 {
			t.Errorf("%s: %d %s", c.sent, a.status, a.body)
		}
		if got := w.store.repos[0].Schedule; got != c.want {
			t.Errorf("%s: %+v", c.sent, got)
		}
		a := w.get("/v6/BackupRepositories/" + repoID)
		if !strings.Contains(a.body, `"synchronization":`+c.told) {
			t.Errorf("%s: told %s", c.sent, a.body)
		}
		if back := w.put(a.body); back.status != 200 || w.store.repos[0].Schedule != c.want {
			t.Errorf("%s, sent back: %d %s", c.sent, back.status, back.body)
		}
	}
	for sent, message := range map[string]string{
		`{"interval":"59s"}`:                     "synchronization.interval must be 1m at least",
		`{"interval":"367d"}`:                    "synchronization.interval must be 366d at most",
		`{"interval":"8784h1s"}`:                 "synchronization.interval must be 366d at most",
		`{"interval":"soon"}`:                    "synchronization.interval must be a time such as 15m",
		`{"interval":"90.5s"}`:                   "synchronization.interval must be a time such as 15m",
		`{"interval":"-15m"}`:                    "synchronization.interval must be a time such as 15m",
		`{"interval":"99999999999999999999d"}`:   "synchronization.interval must be a time such as 15m",
		`{"interval":"15m","cron":"0 3 * * *"}`:  "synchronization.interval and synchronization.cron cannot be given together",
		`{"cron":"0 3 * *"}`:                     "synchronization.cron must have five fields",
		`{"cron":"0 25 * * *"}`:                  "synchronization.cron: ",
		`{"cron":"0 3 * * *","timeZone":"Mars"}`: "synchronization.timeZone: there is no time zone",
		`{"timeZone":"Europe/Berlin"}`:           "synchronization.timeZone has no meaning",
		`{"every":"15m"}`:                        "synchronization.every is not a known field",
		`"15m"`:                                  "synchronization must be",
		`{"enabled":"yes"}`:                      "synchronization.enabled must be",
	} {
		wantFailure(t, w.put(`{"retentionType":"ItemLevel","synchronization":`+sent+`}`), 400, message)
		wantFailure(t, w.post(strings.TrimSuffix(newRepository, "}")+`,"synchronization":`+sent+`}`), 400, message)
	}
	if w.checks.rescheduled < 10 {
		t.Errorf("the schedule was told %d times", w.checks.rescheduled)
	}
}

// TestLastCheck tells the last check and the next one.
func TestLastCheck(t *testing.T) {
	w := newWorld(t).populate()
	w.checks.last = map[syncline.ID]syncline.Check{repoID: {At: testTime, Result: syncline.CheckFailed, Error: "it is gone"}}
	w.checks.next = testTime.Add(time.Minute)
	want := `"lastCheckTime":"2026-11-23T10:00:00Z","lastCheckResult":"Failed","lastCheckError":"it is gone","nextCheckTime":"2026-11-23T10:01:00Z"`
	if a := w.get("/v6/BackupRepositories/" + repoID); !strings.Contains(a.body, want) {
		t.Errorf("got %s", a.body)
	}
}

// TestSynchronizeAll starts a session of each repository, and names those without.
func TestSynchronizeAll(t *testing.T) {
	w := newWorld(t).populate()
	a := w.do(request{method: "POST", path: "/v6/backuprepositories/sync/"})
	if got := decode[[]v6.RepositorySynchronizeSession](t, a); a.status != 200 || len(got) != 1 || got[0].RepositoryID != repoID || got[0].State != "Synchronizing" {
		t.Errorf("got %d %s", a.status, a.body)
	}
	w.store.repos = append(w.store.repos, syncline.Repository{ID: unknownID, Name: "leaving"})
	w.sync.leaving = unknownID
	a = w.do(request{method: "POST", path: "/v6/BackupRepositories/Sync"})
	if got := decode[[]v6.RepositorySynchronizeSession](t, a); len(got) != 1 || a.header.Get("Syncline-Incomplete") != unknownID {
		t.Errorf("got %d %s %v", a.status, a.body, a.header)
	}
	w.store.repos = w.store.repos[1:]
	wantFailure(t, w.do(request{method: "POST", path: "/v6/BackupRepositories/Sync"}), 409, "removed")
	w.store.repos = nil
	if a := w.do(request{method: "POST", path: "/v6/BackupRepositories/Sync"}); a.status != 200 || a.body != "[]\n" {
		t.Errorf("without repositories: %d %s", a.status, a.body)
	}
}
