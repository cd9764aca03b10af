package api

import (
	"encoding/json"
	"strconv"
	"strings"
	"testing"

	"syncline.dev/syncline"
)

// nestedBody attaches a repository together with its object storage, as clients of v8 do.
const nestedBody = `{"name":"second","encryptionKeyId":"` + keyID + `","retentionType":"ItemLevel","proxyPoolId":null,"organizationId":"` + installationID + `",
	"objectStorage":{"immutabilityPeriodDays":0,"type":"AmazonS3Compatible","accountId":"` + accountID + `","s3Folder":"a/b","enableImmutability":false,
	"amazonBucketS3Compatible":{"servicePoint":"storage.example","name":"bucket","trustServerCertificate":false}}}`

// nested adds the repository of nestedBody and returns it.
func (w *world) nested() map[string]any {
	w.t.Helper()
	a := w.do(request{method: "POST", path: "/v8/BackupRepositories", body: nestedBody})
	var r map[string]any
	if a.status != 201 || json.Unmarshal([]byte(a.body), &r) != nil {
		w.t.Fatalf("%d %s", a.status, a.body)
	}
	return r
}

func (w *world) storages() (folders []string) {
	for _, s := range w.store.storages {
		folders = append(folders, s.Folder)
	}
	return folders
}

// TestNestedObjectStorage attaches, changes and removes a repository as v8 does: one
// request for the repository and its object storage.
func TestNestedObjectStorage(t *testing.T) {
	w := newWorld(t).populate()
	made := w.nested()
	id := made["id"].(string)
	self := "/v8/BackupRepositories/" + id
	storage := made["objectStorage"].(map[string]any)
	bucket := storage["amazonBucketS3Compatible"].(map[string]any)
	if storage["type"] != "AmazonS3Compatible" || storage["accountId"] != accountID || storage["s3Folder"] != "a/b" || bucket["name"] != "bucket" || made["proxyPoolId"] != nil || made["organizationId"] != installationID {
		t.Errorf("the answer is %v", made)
	}
	for _, gone := range []string{"objectStorageId", "objectStorageCachePath"} {
		if _, there := made[gone]; there {
			t.Errorf("v8 has no %s", gone)
		}
	}
	if _, there := storage["name"]; there {
		t.Error("an object storage of v8 has no name")
	}
	shown := w.get(self)
	wantLinksOf(t, w, "v8", shown.body)
	if a := w.do(request{method: "PUT", path: self, body: shown.body}); a.status != 204 || a.body != "" {
		t.Errorf("what was got is put back: %d %s", a.status, a.body)
	}
	if got := strings.Join(w.storages(), " "); got != "folder a/b" {
		t.Errorf("the object storages are %s", got)
	}
	put := func(body string) answer { return w.do(request{method: "PUT", path: self, body: body}) }
	same := `{"retentionType":null,"objectStorage":{"accountId":"` + strings.ToUpper(accountID) + `","s3Folder":"a/b/","sizeLimitEnabled":false,"sizeLimitGB":0,"azureFolder":"","useArchiverAppliance":false,"glacierInstantRetrievalEnabled":false}}`
	if a := put(same); a.status != 204 || !strings.Contains(w.get(self).body, storage["id"].(string)) {
		t.Errorf("the same place with fields that say nothing: %d %s; it is %s", a.status, a.body, w.get(self).body)
	}
	w.sync.ids = map[string]string{}
	w.sync.id = w.store.repos[1].ResticID
	if a := put(`{"retentionType":null,"objectStorage":{"s3Folder":"c"}}`); a.status != 204 {
		t.Errorf("another folder: %d %s", a.status, a.body)
	}
	if got := strings.Join(w.storages(), " "); got != "folder c" {
		t.Errorf("the object storages are %s", got)
	}
	wantFailure(t, put(`{"retentionType":null,"path":"/srv/x","objectStorage":{"s3Folder":"c"}}`), 400, "path and objectStorage cannot be given together")
	w.places.fail = syncline.Errorf(syncline.CodeForbidden, "the storage lets nobody in")
	wantFailure(t, put(`{"retentionType":null,"objectStorage":{"s3Folder":"d"}}`), 400, "objectStorage: accountId: the storage lets nobody in")
	w.places.fail = nil
	w.sync.id = "another"
	wantFailure(t, put(`{"retentionType":null,"objectStorage":{"s3Folder":"d"}}`), 409, "OperationConflict")
	if got := strings.Join(w.storages(), " "); got != "folder c" {
		t.Errorf("after failures the object storages are %s", got)
	}
	if a := w.do(request{method: "DELETE", path: self}); a.status != 204 {
		t.Errorf("%d %s", a.status, a.body)
	}
	if got := strings.Join(w.storages(), " "); got != "folder" {
		t.Errorf("the object storages are %s", got)
	}
}

// TestNestedAllOrNothing refuses repositories, and none leaves an object storage behind.
func TestNestedAllOrNothing(t *testing.T) {
	for change, want := range map[string][]string{
		`"name":"second"|"name":"MAIN"`:                                   {"409", "name"},
		`"name":"second"|"name":" x"`:                                     {"400", "name must not"},
		`"organizationId":"0e9f|"organizationId":"0e9e`:                   {"400", "organizationId cannot be honoured"},
		`"proxyPoolId":null|"proxyPoolId":"` + accountID + `"`:            {"400", "proxyPoolId cannot be honoured"},
		`"enableImmutability":false|"enableImmutability":true`:            {"400", "enableImmutability cannot be honoured"},
		`"trustServerCertificate":false|"trustServerCertificate":1`:       {"400", "trustServerCertificate"},
		`"name":"second"|"path":"/srv/x","name":"second"`:                 {"400", "path and objectStorage cannot be given together"},
		`"name":"second"|"objectStorageId":"` + storageID + `"`:           {"400", "objectStorageId is not a known field"},
		`"immutabilityPeriodDays":0|"immutabilityPeriodDays":3`:           {"400", "immutabilityPeriodDays cannot be honoured"},
		`"type":"AmazonS3Compatible"|"type":"WasabiCloud"`:                {"400", "WasabiCloud does not go with the host"},
		`"accountId":"` + accountID + `"|"accountId":"` + unknownID + `"`: {"400", "accountId names no account"},
		`"retentionType":"ItemLevel"|"retentionType":null`:                {"400", "retentionType is required"},
		`"encryptionKeyId":"2f|"encryptionKeyId":"3f`:                     {"400", "encryptionKeyId"},
		`"servicePoint":"storage.example"|"trustServerCertificate":true`:  {"400", "trustServerCertificate is given more than once"},
	} {
		w := newWorld(t).populate()
		from, to, _ := strings.Cut(change, "|")
		if !strings.Contains(nestedBody, from) {
			t.Fatalf("%s is not in the body", from)
		}
		a := w.do(request{method: "POST", path: "/v8/BackupRepositories", body: strings.Replace(nestedBody, from, to, 1)})
		status, _ := strconv.Atoi(want[0])
		wantFailure(t, a, status, want[1])
		if len(w.store.storages) != 1 || len(w.store.repos) != 1 {
			t.Errorf("%s: %d object storages and %d repositories are there", change, len(w.store.storages), len(w.store.repos))
		}
	}
}

// TestVendors tells v7 and v8 of vendors that v6 does not know.
func TestVendors(t *testing.T) {
	w := newWorld(t).populate()
	w.store.storages[0].Endpoint = "https://s3.eu-central-1.wasabisys.com"
	for path, want := range map[string]string{
		"/v6/objectstoragerepositories/" + storageID: `"type":"AmazonS3Compatible"`,
		"/v7/objectstoragerepositories/" + storageID: `"type":"WasabiCloud"`,
	} {
		a := w.get(path)
		if !strings.Contains(a.body, want) {
			t.Errorf("%s: %s", path, a.body)
		}
		if a := w.do(request{method: "PUT", path: path, body: a.body}); a.status != 200 {
			t.Errorf("what %s gave is put back: %d %s", path, a.status, a.body)
		}
	}
	body := strings.NewReplacer("storage.example", "s3.eu-central-1.wasabisys.com", "AmazonS3Compatible\"", "WasabiCloud\"").Replace(nestedBody)
	if a := w.do(request{method: "POST", path: "/v8/BackupRepositories", body: body}); a.status != 201 || !strings.Contains(a.body, `"type":"WasabiCloud"`) {
		t.Errorf("%d %s", a.status, a.body)
	}
	wantFailure(t, w.get("/v8/objectstoragerepositories"), 404, "/swagger")
}

// TestStorageOfAnotherKind leaves out what clients of v8 do not know.
func TestStorageOfAnotherKind(t *testing.T) {
	w := newWorld(t).populate()
	w.addKinds()
	w.store.repos[1].ObjectStorageID = "5d0f0c55-0000-4000-8000-000000000102"
	for header, omitted := range map[string]string{"": "1", "1": ""} {
		a := w.do(request{method: "GET", path: "/v8/BackupRepositories", header: map[string][]string{"Syncline-Extensions": {header}}})
		if got := a.header.Get("Syncline-Omitted"); got != omitted || strings.Contains(a.body, "GoogleCloud") != (omitted == "") && strings.Contains(a.body, "googleBucket") != (omitted == "") {
			t.Errorf("with %q %q are omitted: %s", header, got, a.body)
		}
	}
}

// TestV8Pages asks for the pages that v8 has where v7 has lists.
func TestV8Pages(t *testing.T) {
	w := newWorld(t).populate()
	w.addKinds()
	for path, n := range map[string]int{
		"BackupRepositories?limit=1": 2, "BackupRepositories?organizationId=" + installationID: 2, "BackupRepositories?organizationId=" + unknownID: 0,
		"BackupRepositories?proxyPoolId=" + unknownID: 0, "BackupRepositories?offset=1": 1, "BackupRepositories?limit=1&proxyId=" + nodeID: 2,
		"Jobs?limit=1": 2, "Jobs?repositoryId=" + repoID + "&limit=1": 2, "Jobs?repositoryId=" + unknownID: 0, "Jobs?organizationId=" + unknownID: 0,
		"Proxies": 1, "Proxies?offset=1": 0, "Organizations": 1, "Organizations?msid=" + unknownID: 0, "Organizations?extendedView=true&limit=5": 1,
		"CopyJobs": 0, "CopyJobs?organizationId=" + installationID: 0, "RestorePoints?userId=ada": 0, "RestorePoints?limit=1": 1,
		"JobSessions?status=Succeeded": 1, "JobSessions?status=Failed": 0, "JobSessions?status=Running": 0, "JobSessions?limit=1&status=Succeeded&jobType=Backup": 1,
		"RestoreSessions?endTimeFrom=2026-01-01&orderBy=EndTime&orderAsc=true": 0, "LicensedUsers?backedUpOrganizationId=x": 0,
		"JobSessions/" + pointID + "/LogItems?limit=1": 2, "JobSessions/" + pointID + "/LogItems?limit=1&type=Success": 2, "JobSessions/" + pointID + "/LogItems?type=Warning": 0,
		"JobSessions/" + pointID + "/LogItems?limit=1&type=Running": 0,
	} {
		if got := w.pages("/v8/"+path, "id"); len(got) != n {
			t.Errorf("%s: %d found, want %d", path, len(got), n)
		}
		if a := w.get("/v8/" + path); strings.Contains(a.body, "totalCount") || n == 0 && strings.Contains(a.body, `"next"`) {
			t.Errorf("%s counts, or goes on: %s", path, a.body)
		}
	}
	log := "/v8/JobSessions/" + pointID + "/LogItems?limit=1"
	if up, down := w.pages(log, "message"), w.pages(log+"&orderAsc=false", "message"); up[0] != down[len(down)-1] || up[0] == down[0] {
		t.Errorf("%q, and downwards %q", up, down)
	}
	for list, n := range map[string]int{"Accounts": 3, "EncryptionKeys": 1} {
		for filter, want := range map[string]int{"": n, "?organizationId=" + strings.ToUpper(installationID): n, "?organizationId=" + unknownID: 0} {
			if got := decode[[]map[string]any](t, w.get("/v8/"+list+filter)); len(got) != want {
				t.Errorf("%s%s: %d found, want %d", list, filter, len(got), want)
			}
		}
	}
	for path, name := range map[string]string{
		"Proxies?extendedView=true": "extendedView", "RestorePoints?backupTime=2026-01-01": "backupTime", "JobSessions?status=Success": "status",
		"S3CompatibleResources/buckets" + browseQueries["S3CompatibleResources"] + "&trustServerCertificate=true":           "trustServerCertificate",
		"S3CompatibleResources/buckets" + browseQueries["S3CompatibleResources"] + "&trustedServerCertificateThumbprint=ab": "trustedServerCertificateThumbprint",
		"RestoreSessions?endTimeTo=x": "endTimeTo", "BackupRepositories?status=x": "status",
	} {
		wantFailure(t, w.get("/v8/"+path), 400, name, `"errorCode":"ParameterValidationFailure"`)
	}
	wantFailure(t, w.get("/v7/Jobs?repositoryId="+repoID), 400, "repositoryId in the query is not known")
	wantFailure(t, w.get("/v6/Jobs?organizationId="+repoID), 400, "organizationId in the query is not known")
}

// TestV8Statuses looks at the statuses of v8 where those of v7 are 200.
func TestV8Statuses(t *testing.T) {
	w := newWorld(t).populate()
	for _, c := range []struct {
		method, path, body string
		v7, v8             int
	}{
		{"POST", "EncryptionKeys", goodBodies["AddEncryptionKey"], 200, 201},
		{"POST", "Accounts", goodBodies["AddAccount"], 201, 201},
		{"PUT", "Accounts/" + accountID, `{"description":"new"}`, 200, 204},
		{"PUT", "BackupRepositories/" + repoID, goodBodies["UpdateBackupRepository"], 200, 204},
		{"PUT", "Proxies/" + nodeID, `{"hostName":"host"}`, 200, 204},
		{"POST", "Proxies/" + nodeID + "/Rescan", "", 200, 204},
		{"POST", "Proxies/Rescan", `{}`, 200, 204},
		{"POST", "RepositorySynchronizeSessions/" + sessionID + "/StopSynchronize", "", 200, 204},
		{"PUT", "EncryptionKeys/" + keyID, `{"description":"x"}`, 200, 200},
	} {
		for version, want := range map[string]int{"v7": c.v7, "v8": c.v8} {
			if a := w.do(request{method: c.method, path: "/" + version + "/" + c.path, body: c.body}); a.status != want {
				t.Errorf("%s /%s/%s: got %d, want %d: %s", c.method, version, c.path, a.status, want, a.body)
			}
		}
	}
	wantFailure(t, w.do(request{method: "PUT", path: "/v8/Accounts/" + accountID, body: `{"newPassword":"x"}`}), 400, "newPassword is not a known field")
	if a := w.do(request{method: "GET", path: "/v8/Health", token: "-"}); a.status != 200 || a.body != `{"status":"Healthy","entries":{"server":{"status":"Healthy","description":null}}}`+"\n" {
		t.Errorf("%d %s", a.status, a.body)
	}
	wantFailure(t, w.do(request{method: "GET", path: "/v7/Health", token: "-"}), 404, "/swagger")
}
