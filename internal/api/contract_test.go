package api

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"syncline.dev/syncline"
)

// example returns the path of an operation with ids that exist, or not.
func example(op *operation, known bool) string {
	ids := map[string]string{
		"repositoryId": repoID, "sessionId": sessionID, "keyId": keyID, "restorePointId": pointID, "accountId": accountID, "proxyId": nodeID, "jobId": jobID, "alarmId": alarmID, "channelId": channelID,
		"bucketName": "bucket", "containerName": "bucket", "Name": "folder", "userName": "the%20administrator", "managerName": "fleet",
		"machineId": machineID, "alarmRuleId": ruleID, "jobSessionsId": pointID, "organizationId": installationID,
	}
	path := op.route.Path
	switch {
	case strings.HasPrefix(path, "/v6/objectstorage"):
		ids["repositoryId"] = storageID
	case strings.HasPrefix(path, "/v6/Jobs/"):
		ids["jobId"] = machineID // of its first series, too
	case strings.HasPrefix(path, "/v6/JobSessions/"):
		ids["sessionId"] = pointID
	case strings.HasSuffix(path, "s/{Name}") && !strings.HasSuffix(path, "/folders/{Name}"):
		ids["Name"] = "bucket"
	}
	for name, id := range ids {
		if !known && strings.HasSuffix(name, "Name") {
			id = "none"
		} else if !known {
			id = unknownID
		}
		path = strings.ReplaceAll(path, "{"+name+"}", id)
	}
	if strings.Contains(op.route.Path, "/Difference") {
		return path + "?with=" + pointID
	}
	return path + browseQueries[strings.Split(op.route.Path, "/")[2]]
}

// browseQueries holds what browsing needs in the query, by resource.
var browseQueries = map[string]string{
	"S3CompatibleResources": "?accountId=" + accountID + "&ServicePoint=https://storage.example&CustomRegionId=here",
	"S3Resources":           "?accountId=" + s3AccountID + "&RegionType=Global",
	"AzureResources":        "?accountId=" + azureAccountID + "&RegionType=Global",
	"GoogleResources":       "?accountId=" + googleAccountID + "&Endpoint=https://storage.example",
}

// goodBodies holds a body that each operation takes.
var goodBodies = map[string]string{
	"Token":                     `{"grant_type":"password","username":"ada","password":"open sesame"}`,
	"ConsoleSignIn":             `{"username":"ada","password":"open sesame"}`,
	"AcknowledgeAlarm":          `{"note":"we know"}`,
	"SilenceAlarm":              `{"until":"2026-12-01T00:00:00Z"}`,
	"AddNotificationChannel":    `{"name":"second","kind":"Webhook","webhook":{"url":"https://hooks.example/b"},"secret":"` + theSecret + `"}`,
	"UpdateNotificationChannel": `{"name":"renamed","kind":"Webhook","webhook":{"url":"https://hooks.example/a"}}`,
	"AddEncryptionKey":          `{"password":"` + thePass + `"}`,
	"AddBackupRepository":       `{"name":"second","path":"/srv/two","encryptionKeyId":"` + keyID + `","retentionType":"ItemLevel"}`,
	"UpdateBackupRepository":    `{"name":"renamed","retentionType":"SnapshotBased"}`,
	"StartRestoreJob":           `{"targetPath":"/srv/restores/a","paths":["/etc"]}`,
	"AddAccount":                `{"accountType":"amazonS3Account","userName":"AKIA","password":"` + theSecret + `"}`,
	"UpdateAccount":             `{"description":"new"}`,
	"UpdateEncryptionKey":       `{"description":"new"}`,
	"CompareEncryptionKey":      `{"password":"` + thePass + `"}`,
	"CompareAccount":            `{"password":"` + theSecret + `"}`,
	"CompareUserPassword":       `{"password":"` + thePass + `"}`,
	"AddUser":                   `{"name":"bert","role":"viewer","password":"` + thePass + `"}`,
	"UpdateUser":                `{"role":"operator"}`,
	"ChangePassword":            `{"password":"open sesame","newPassword":"` + thePass + `"}`,
	"AddObjectStorageRepository": `{"name":"second","type":"AmazonS3Compatible","accountId":"` + accountID +
		`","amazonBucketS3Compatible":{"servicePoint":"storage.example","name":"bucket"},"s3Folder":"a/b"}`,
	"UpdateObjectStorageRepository": `{"description":"new"}`,
	"AddAlarmRule":                  `{"name":"second","maxAge":"26h"}`,
	"UpdateAlarmRule":               `{"maxAge":"7d"}`,
	"AddProxy":                      `{"hostName":"other"}`,
	"UpdateProxy":                   `{"hostName":"host"}`,
	"RemoveProxy":                   `{"force":false}`,
	"RescanProxies":                 `{"proxies":[{"id":"` + nodeID + `"}]}`,
}

// refusedAlways holds the operations of v6 that are known, and always refused.
var refusedAlways = map[string]int{"AddProxy": http.StatusBadRequest, "RemoveProxy": http.StatusConflict}

// goodHeaders holds what the operations for the console's pages need.
var goodHeaders = map[string]http.Header{
	"ConsoleSignIn":  {"Sec-Fetch-Site": {"same-origin"}},
	"ConsoleRenew":   {"Sec-Fetch-Site": {"same-origin"}, "Cookie": {refreshCookie + "=the-refresh-token"}},
	"ConsoleSignOut": {"Sec-Fetch-Site": {"same-origin"}, "Cookie": {refreshCookie + "=the-refresh-token"}},
}

// streams reports whether the answer does not end by itself.
func (op *operation) streams() bool { return strings.HasPrefix(op.id, "Watch") }

func eachOperation(t *testing.T, f func(t *testing.T, w *world, op *operation)) {
	ops := newWorld(t).api.router.operations()
	slices.SortFunc(ops, func(a, b *operation) int { return strings.Compare(a.id, b.id) })
	for _, op := range ops {
		if strings.HasSuffix(op.route.Path, "/Content") || strings.HasSuffix(op.route.Path, "/Archive") {
			continue // takes a real repository; see TestContent and TestArchive, which ask the same of it
		}
		t.Run(op.id, func(t *testing.T) { f(t, newWorld(t).populate(), op) })
	}
}

func TestGoodRequests(t *testing.T) {
	eachOperation(t, func(t *testing.T, w *world, op *operation) {
		switch op.id {
		case "WatchSynchronizeSession", "WatchRestoreJob":
			return // a stream; see TestEvents
		case "DeleteEncryptionKey":
			w.store.repos = nil
		case "DeleteAccount":
			w.store.storages = nil
		}
		a := w.do(request{method: op.route.Method, path: example(op, true), body: goodBodies[op.id], header: goodHeaders[op.id]})
		want := http.StatusOK
		if op.route.Method == http.MethodDelete || op.id == "ConsoleSignOut" {
			want = http.StatusNoContent
		}
		if op.id == "AddAccount" || op.id == "StartRestoreJob" || op.id == "AddAlarmRule" || op.id == "AddNotificationChannel" { // the first as in v6, unlike its sisters
			want = http.StatusCreated
		}
		if status, ok := refusedAlways[op.id]; ok {
			wantFailure(t, a, status)
			return
		}
		if a.status != want {
			t.Errorf("got %d, want %d: %s", a.status, want, a.body)
		}
		documented := op.route.Operation.Responses.Status(want)
		if documented == nil || (len(documented.Value.Content) == 0) != (a.body == "") {
			t.Errorf("status %d with the body %q is not as documented", a.status, a.body)
		}
		if a.body == "" && want == http.StatusOK && a.header.Get("Content-Length") != "0" {
			t.Errorf("an empty answer has Content-Length %q", a.header.Get("Content-Length"))
		}
	})
}

func TestEveryOperationNeedsAToken(t *testing.T) {
	eachOperation(t, func(t *testing.T, w *world, op *operation) {
		if op.public() {
			if op.id != "Token" && goodHeaders[op.id] == nil {
				t.Fatal("only the tokens themselves may be had without one")
			}
			return
		}
		q := request{method: op.route.Method, path: example(op, true), body: goodBodies[op.id]}
		q.token = "-"
		wantFailure(t, w.do(q), 401, "POST /v6/token")
		q.token = "forged"
		wantFailure(t, w.do(q), 401, "not valid")
		for _, header := range [][]string{{"Basic administrator"}, {"Bearer"}, {"Bearer "}, {"administrator"}, {"Bearer administrator", "Bearer administrator"}} {
			q.token, q.header = "-", http.Header{"Authorization": header}
			wantFailure(t, w.do(q), 401, "Authorization: Bearer")
		}
		q.header = http.Header{"Authorization": {"bearer administrator"}}
		if !op.streams() && w.do(q).status == 401 {
			t.Error("the scheme's letter case must not matter")
		}
	})
}

func TestWrongMethod(t *testing.T) {
	w := newWorld(t).populate()
	for _, p := range w.api.router.paths {
		for _, method := range []string{"GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"} {
			if p.operation(method) != nil {
				continue
			}
			for _, op := range p.methods {
				a := w.do(request{method: method, path: example(op, true), token: "-"})
				if a.status != 405 || a.header.Get("Allow") != p.allow {
					t.Errorf("%s %s: got %d with Allow %q, want 405 with %q", method, p.template, a.status, a.header.Get("Allow"), p.allow)
				}
				if method != "HEAD" {
					wantFailure(t, a, 405, "use "+strings.Split(p.allow, ",")[0])
				}
				break
			}
		}
	}
}

func TestIDs(t *testing.T) {
	eachOperation(t, func(t *testing.T, w *world, op *operation) {
		if !strings.Contains(op.route.Path, "{") {
			return
		}
		before, after, _ := strings.Cut(op.route.Path, "{")
		name, after, _ := strings.Cut(after, "}")
		if strings.HasSuffix(name, "Name") {
			wantFailure(t, w.do(request{method: op.route.Method, path: example(op, false), body: goodBodies[op.id]}), 404, "there is no")
			return // no ids; see TestBrowsing
		}
		for _, bad := range []string{
			"1", "x", repoID[:35], repoID + "0", strings.ReplaceAll(repoID, "-", ""), "%7B" + repoID + "%7D",
			"urn:uuid:" + repoID, "..%2F" + repoID, repoID[:35] + "%00", repoID[:35] + "g", "%2e%2e", "ä", "%ff",
		} {
			a := w.do(request{method: op.route.Method, path: before + bad + after, body: goodBodies[op.id]})
			wantFailure(t, a, 400, name, "UUID")
		}
		q := request{method: op.route.Method, path: example(op, false), body: goodBodies[op.id]}
		wantFailure(t, w.do(q), 404, "there is no")
		if !op.streams() && refusedAlways[op.id] == 0 {
			w.store.mu.Lock()
			if op.id == "DeleteEncryptionKey" {
				w.store.repos = nil
			}
			if op.id == "DeleteAccount" {
				w.store.storages = nil
			}
			w.store.mu.Unlock()
			path, query, _ := strings.Cut(example(op, true), "?")
			q.path = strings.ToUpper(path) + "?" + query
			if a := w.do(q); a.status >= 400 {
				t.Errorf("an upper-case id: %d %s", a.status, a.body)
			}
		}
	})
}

func TestPaths(t *testing.T) {
	w := newWorld(t).populate()
	for _, path := range []string{
		"/v6/RepositorySynchronizeSessions", "/v6/repositorysynchronizesessions", "/V6/REPOSITORYSYNCHRONIZESESSIONS",
		"/v6/RepositorySynchronize%53essions", "/v6/repositorysynchronizesessions/" + strings.ToUpper(sessionID),
		"/v6/backuprepositories/" + repoID, "/v6/BACKUPREPOSITORIES/" + repoID + "/synchronizesessions",
	} {
		if a := w.get(path); a.status != 200 {
			t.Errorf("%s: %d %s", path, a.status, a.body)
		}
	}
	if a, b := w.get("/v6/BackupRepositories/"+repoID), w.get("/v6/backuprepositories/"+strings.ToUpper(repoID)); a.body != b.body {
		t.Errorf("letter case changes the answer: %s and %s", a.body, b.body)
	}
	for _, path := range []string{
		"/", "/v6", "/v6/", "/v9/BackupRepositories", "/v6/BackupRepositories//", "/v6//BackupRepositories", "//v6/BackupRepositories",
		"/v6/x/../BackupRepositories", "/v6/./BackupRepositories", "/v6/x/%2e%2e/BackupRepositories", "/v6%2FBackupRepositories",
		"/v6/BackupRepositories/" + repoID + "/Sync/more", "/v6/BackupRepositories//Sync", "/v6/Bac%E2%84%AAupRepositories",
		"/v6/BackupRepositories%00", "/v6/BackupRepositories/" + repoID + "/%2F", "/swagger/none", "/swagger/../v6/token", "/swaggerv1",
	} {
		wantFailure(t, w.get(path), 404, "/swagger")
	}
}

// The letter case of an id in a query does not matter, as in a path.
func TestQueryIDs(t *testing.T) {
	examples := map[string]string{"repositoryId": repoID, "proxyId": nodeID, "restorePointId": pointID}
	tried := 0
	eachOperation(t, func(t *testing.T, w *world, op *operation) {
		for _, ref := range op.query {
			id, known := examples[ref.Value.Name]
			if !known || op.id == "Search" { // which needs more
				continue
			}
			tried++
			ask := func(id string) answer {
				return w.get(example(op, true) + "?" + ref.Value.Name + "=" + id)
			}
			upper, lower := ask(strings.ToUpper(id)), ask(id)
			if lower.status != http.StatusOK || upper.status != lower.status || upper.body != lower.body {
				t.Errorf("%s: %d %s, want %d %s", ref.Value.Name, upper.status, upper.body, lower.status, lower.body)
			}
		}
	})
	if tried < 5 {
		t.Errorf("only %d parameters", tried)
	}
}

func TestBodies(t *testing.T) {
	eachOperation(t, func(t *testing.T, w *world, op *operation) {
		if op.body == nil {
			return
		}
		good := goodBodies[op.id]
		send := func(contentType, body string) answer {
			return w.do(request{method: op.route.Method, path: example(op, true), contentType: contentType, body: body, header: goodHeaders[op.id]})
		}
		for _, contentType := range []string{"-", "text/plain", "application/xml", "application/json/x", "multipart/form-data; boundary=x", "application/json; charset=latin1"} {
			if op.id == "Token" && contentType != "application/json; charset=latin1" {
				continue // which takes a form under any; see TestToken
			}
			wantFailure(t, send(contentType, good), 415, "send ")
		}
		compressed := request{method: op.route.Method, path: example(op, true), body: good, header: http.Header{"Content-Encoding": {"gzip"}}}
		wantFailure(t, w.do(compressed), 415, "Content-Encoding")
		for body, part := range map[string]string{
			" ":                        "empty",
			"{":                        "not valid JSON",
			"nope":                     "not valid JSON",
			good + good:                "more than one JSON value",
			good + "}":                 "not valid JSON",
			`[]`:                       "the body must be a JSON object",
			`null`:                     "the body must not be null",
			`"x"`:                      "the body must be a JSON object",
			`{}`:                       "is required",
			`{"a":"` + "\xff" + `"}`:   "UTF-8",
			`{"a":"\ud800"}`:           "not valid JSON",
			strings.Repeat("[", 4_000): "nests deeper",
			strings.Repeat(`{"a":`, 17) + "1" + strings.Repeat("}", 17): "nests deeper",
			`{"x":1,"x":2}`:       "x is given more than once",
			`{"x":{"y":1,"y":2}}`: "x.y is given more than once",
		} {
			if part == "is required" && op.id == "Token" || body == "{}" && (op.id == "UpdateAccount" || op.id == "UpdateEncryptionKey" || op.id == "UpdateUser" || op.id == "UpdateObjectStorageRepository" || op.id == "AcknowledgeAlarm" || op.id == "UpdateAlarmRule" || strings.Contains(op.id, "Prox")) {
				continue // which changes nothing
			}
			wantFailure(t, send("", body), 400, part)
		}
		if op.id != "Token" {
			wantFailure(t, send("", `{"surprise":1,`+good[1:]), 400, "surprise is not a known field")
			wantFailure(t, send("", strings.Replace(good, `{"`, `{"PASSWORDS":"`+thePass+`","`, 1)), 400, "PASSWORDS is not a known field")
		}
		wantFailure(t, send("", `{"password":"`+strings.Repeat("x", int(op.bodyLimits().bytes))+`"}`), 413, "too large", strconv.FormatInt(op.bodyLimits().bytes, 10))
		wantFailure(t, send("", `{"x":[0`+strings.Repeat(",0", op.bodyLimits().tokens)+`]}`), 413, "names and values")
		if a := send("application/json;charset=UTF-8", good); a.status/100 != 2 && a.status != refusedAlways[op.id] {
			t.Errorf("with a character set: %d %s", a.status, a.body)
		}
	})
}

// TestWrongTypes gives every field of every body a value of each wrong type.
func TestWrongTypes(t *testing.T) {
	eachOperation(t, func(t *testing.T, w *world, op *operation) {
		if op.body == nil {
			return
		}
		var good map[string]any
		if err := json.Unmarshal([]byte(goodBodies[op.id]), &good); err != nil {
			t.Fatal(err)
		}
		values := map[string]any{
			openapi3.TypeString: "words", openapi3.TypeInteger: 1.5, openapi3.TypeBoolean: true,
			openapi3.TypeObject: map[string]any{"x": 1}, openapi3.TypeArray: []any{1},
		}
		for name, ref := range op.body.Content["application/json"].Schema.Value.Properties {
			for kind, value := range values {
				if ref.Value.Type.Is(kind) && len(ref.Value.Enum) == 0 && ref.Value.Pattern == "" && kind != openapi3.TypeInteger && kind != openapi3.TypeObject {
					continue
				}
				if kind == openapi3.TypeObject && ref.Value.Type.Is(kind) && name != "_links" {
					continue // refused for what is in it
				}
				body := make(map[string]any)
				for k, v := range good {
					body[k] = v
				}
				body[name] = value
				data, _ := json.Marshal(body)
				wantFailure(t, w.do(request{method: op.route.Method, path: example(op, true), body: string(data)}), 400, `"`+name, "must be")
			}
		}
	})
}

// endless is a body that counts how much of it is taken.
type endless struct {
	left  int64
	taken atomic.Int64
}

func (e *endless) Read(p []byte) (int, error) {
	if e.left <= 0 {
		return 0, io.EOF
	}
	n := min(int64(len(p)), e.left)
	for i := range p[:n] {
		p[i] = ' '
	}
	e.left -= n
	e.taken.Add(n)
	return int(n), nil
}

func TestHugeBodyIsNotRead(t *testing.T) {
	w := newWorld(t).populate()
	const size = 100 << 20
	for _, declared := range []int64{size, -1} {
		for _, path := range []string{"/v6/token", "/v6/EncryptionKeys", "/v6/BackupRepositories/" + repoID + "/Sync"} {
			body := &endless{left: size}
			req, err := http.NewRequestWithContext(t.Context(), "POST", w.server.URL+path, body)
			if err != nil {
				t.Fatal(err)
			}
			req.ContentLength = declared
			req.Header.Set("Authorization", "Bearer administrator")
			req.Header.Set("Content-Type", "application/json")
			res, err := w.server.Client().Do(req)
			if err == nil {
				io.Copy(io.Discard, res.Body)
				res.Body.Close()
				if want := declared > 0 || !strings.HasSuffix(path, "Sync"); want && res.StatusCode != 413 {
					t.Errorf("%s: got %d", path, res.StatusCode)
				}
			}
			if taken := body.taken.Load(); taken > 8<<20 {
				t.Errorf("%s: %d bytes were taken", path, taken)
			}
		}
	}
}

func TestFailuresOfTheServer(t *testing.T) {
	w := newWorld(t).populate()
	w.store.fail = errors.New("disk /var/lib/secret is full")
	wantFailure(t, w.get("/v6/BackupRepositories"), 500, "log has the details")
	if !strings.Contains(w.log.String(), "disk /var/lib/secret is full") {
		t.Error("the cause is not in the log")
	}
	w.store.fail = syncline.WrapError(syncline.CodeUnavailable, errors.New("locked"), "the database cannot be reached now")
	lost := w.get("/v6/RepositorySynchronizeSessions")
	wantFailure(t, lost, 503, "the database cannot be reached now")
	if after := lost.header.Get("Retry-After"); after != "5" {
		t.Errorf("the client is asked to come back after %q seconds", after)
	}
	w.store.panics = true
	a := w.get("/v6/EncryptionKeys")
	wantFailure(t, a, 500, "log has the details")
	if strings.Contains(a.body, "secret") || !strings.Contains(w.log.String(), "secret detail of the store") {
		t.Error("a panic belongs into the log, not into the answer")
	}
	w.store.panics, w.store.fail = false, nil
	if a := w.get("/v6/EncryptionKeys"); a.status != 200 {
		t.Error("the server does not go on after a panic")
	}
	if strings.Contains(w.log.String(), "Bearer") {
		t.Error("a token is in the log")
	}
}

const restoreOperations = " ListRestoreTargets StartRestoreJob ListRestoreJobs GetRestoreJob StopRestoreJob ListRestoreJobLogItems"

func TestRoles(t *testing.T) {
	want := map[string]string{ // what the least of the roles may not do
		"operator": "ListManagers ReleaseManager ListUsers AddUser GetUser UpdateUser DeleteUser CompareUserPassword UpdateEncryptionKey CompareEncryptionKey CompareAccount " +
			"AddEncryptionKey DeleteEncryptionKey AddBackupRepository UpdateBackupRepository DeleteBackupRepository " +
			"ListAccounts AddAccount GetAccount UpdateAccount DeleteAccount AddObjectStorageRepository " +
			"UpdateObjectStorageRepository DeleteObjectStorageRepository " +
			"ListS3CompatibleBuckets GetS3CompatibleBucket ListS3CompatibleFolders GetS3CompatibleFolder " +
			"ListS3Buckets GetS3Bucket ListS3Folders GetS3Folder " +
			"ListAzureContainers GetAzureContainer ListAzureFolders GetAzureFolder " +
			"ListGoogleBuckets GetGoogleBucket ListGoogleFolders GetGoogleFolder " +
			"ListNotificationChannels AddNotificationChannel GetNotificationChannel UpdateNotificationChannel DeleteNotificationChannel TestNotificationChannel ListNotificationDeliveries " +
			"AddProxy UpdateProxy RemoveProxy RescanProxy RescanProxies EnableMaintenanceMode DisableMaintenanceMode AddAlarmRule UpdateAlarmRule DeleteAlarmRule",
	}
	want["restorer"] = want["operator"] + " SynchronizeBackupRepository SynchronizeBackupRepositories StopSynchronizeSession AcknowledgeAlarm SilenceAlarm RetireMachine ResumeMachine"
	want["operator"] += " ListRestoreTargets StartRestoreJob"
	want["viewer"], want["administrator"] = want["restorer"]+restoreOperations, ""
	eachOperation(t, func(t *testing.T, w *world, op *operation) {
		if op.public() || op.streams() {
			return
		}
		for role, forbidden := range want {
			// An unknown id, so that nothing is changed, and a body that is wrong:
			// the role comes first.
			a := w.do(request{method: op.route.Method, path: example(op, false), token: role, body: "{"})
			if no := slices.Contains(strings.Fields(forbidden), op.id); no != (a.status == 403) {
				t.Errorf("%s: got %d", role, a.status)
			} else if no {
				wantFailure(t, a, 403, role, "administrators")
			}
		}
	})
}

func TestConfigurationMustBeComplete(t *testing.T) {
	if _, err := NewHandler(Config{}); err == nil {
		t.Error("an empty configuration was taken")
	}
}
