package api

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"syncline.dev/syncline"
	v6 "syncline.dev/syncline/internal/api/v6"
)

func (w *world) secretOf(id syncline.ID) string {
	w.t.Helper()
	plain, err := fakeSealer{}.Open(id, w.store.sealed[id])
	if err != nil {
		w.t.Fatal(err)
	}
	return string(plain)
}

func TestAccountLife(t *testing.T) {
	w := newWorld(t)
	w.api.made.newID = func() syncline.ID { return accountID }
	post := func(body string) answer { return w.do(request{method: "POST", path: "/v6/Accounts", body: body}) }
	a := post(`{"accountType":"azureBlobAccount","userName":"myaccount","password":"` + theSecret + `","description":"d","id":null,"newPassword":null,"_links":{"self":{"href":"x"}}}`)
	want := `{"accountType":"azureBlobAccount","userName":"myaccount","id":"` + accountID + `","description":"d","_links":{"self":{"href":"/v6/Accounts/` + accountID + `"}}}` + "\n"
	if a.status != 201 || a.body != want {
		t.Fatalf("got %d %s, want %s", a.status, a.body, want)
	}
	if got := w.secretOf(accountID); got != theSecret {
		t.Errorf("sealed %q", got)
	}
	if got := w.get("/v6/accounts/" + accountID); got.body != want {
		t.Errorf("got %s", got.body)
	}
	for query, n := range map[string]int{
		"": 1, "?name=MYaccount": 1, "?name=my": 0, "?accountType=azureBlobAccount": 1, "?accountType=amazonS3Account": 0,
	} {
		if got := decode[[]v6.Credential](t, w.get("/v6/Accounts"+query)); len(got) != n {
			t.Errorf("%q: %d found, want %d", query, len(got), n)
		}
	}
	good := goodBodies["AddAccount"]
	for _, c := range []struct {
		field string
		value any
		part  string
	}{
		{"accountType", nil, "accountType is required"},
		{"accountType", "googleAccount", "accountType must be one of"},
		{"userName", nil, "userName is required"},
		{"userName", "", "userName is required"},
		{"userName", "a ", "userName must not"},
		{"userName", "a\nb", "userName must not"},
		{"password", nil, "password is required"},
		{"password", "", "password must be a string of 1 to 4096"},
		{"newPassword", "x", "newPassword is not supported"},
		{"oldPassword", "x", "oldPassword is not supported"},
		{"id", unknownID, "id cannot be chosen"},
	} {
		wantFailure(t, post(with(good, map[string]any{c.field: c.value})), 400, `"`+c.part)
	}
	// At Google the secret is a whole file.
	google := func(key string) answer {
		return post(with(good, map[string]any{"accountType": "googleCloudAccount", "userName": "backup@project.example", "password": key}))
	}
	for _, key := range []string{theSecret, "{}", `{"type":"authorized_user"}`, `[]`} {
		wantFailure(t, google(key), 400, `"password must be the JSON key file`)
	}
	w.api.made.newID = func() syncline.ID { return googleAccountID }
	if a := google(googleSecret); a.status != 201 || w.secretOf(googleAccountID) != googleSecret {
		t.Errorf("got %d %s", a.status, a.body)
	}
	wantFailure(t, w.do(request{method: "PUT", path: "/v6/Accounts/" + googleAccountID, body: `{"newPassword":"other"}`}), 400, `"password must be the JSON key file`)
	if strings.Contains(w.log.String(), theSecret) {
		t.Error("a secret is in the log")
	}
}

func TestUpdateAccount(t *testing.T) {
	w := newWorld(t).populate()
	put := func(id, body string) answer {
		return w.do(request{method: "PUT", path: "/v6/Accounts/" + id, body: body})
	}
	if a := put(accountID, `{"description":"d","userName":"name","password":"`+theSecret+`"}`); a.status != 200 || a.body != "" || len(w.places.tried) != 0 {
		t.Errorf("what does not change is not tried: %d %s %v", a.status, a.body, w.places.tried)
	}
	w.places.fail = syncline.Errorf(syncline.CodeForbidden, "the secret key does not belong to the access key")
	wantFailure(t, put(accountID, `{"newPassword":"wrong"}`), 400, "not changed", "cellar", "does not belong")
	wantFailure(t, put(accountID, `{"userName":"wrong"}`), 400, "not changed", "cellar")
	if got := w.secretOf(accountID); got != theSecret || w.store.account(accountID).UserName != "name" {
		t.Errorf("a refused change left %q", got)
	}
	w.places.fail = syncline.Errorf(syncline.CodeUnavailable, "the storage cannot be reached now")
	wantFailure(t, put(accountID, `{"newPassword":"wrong"}`), 503, "not changed", "cannot be reached")
	w.places.fail, w.places.tried = nil, nil
	if a := put(accountID, `{"newPassword":"newer","oldPassword":"`+theSecret+`","userName":"other"}`); a.status != 200 {
		t.Fatalf("got %d %s", a.status, a.body)
	}
	if want := []string{"try s3-compatible||https://storage.example||bucket|folder|other|newer"}; !slices.Equal(w.places.tried, want) {
		t.Errorf("tried %q", w.places.tried)
	}
	if got := w.secretOf(accountID); got != "newer" || w.store.account(accountID).UserName != "other" {
		t.Errorf("the secret is %q", got)
	}
	for body, part := range map[string]string{
		`{"oldPassword":"` + theSecret + `","password":"x"}`: "oldPassword is not the secret",
		`{"password":"x","newPassword":"y"}`:                 "newPassword and password differ",
		`{"accountType":"azureBlobAccount"}`:                 "accountType cannot change",
		`{"id":"` + unknownID + `"}`:                         "id cannot be",
		`{"userName":""}`:                                    "userName is required",
	} {
		wantFailure(t, put(accountID, body), 400, `"`+part)
	}
	if a := put(accountID, `{"id":"`+strings.ToUpper(accountID)+`","accountType":"amazonS3CompatibleAccount","userName":null,"password":null}`); a.status != 200 {
		t.Errorf("what says nothing: %d %s", a.status, a.body)
	}
	wantFailure(t, w.do(request{method: "DELETE", path: "/v6/Accounts/" + accountID}), 409, "cellar")

	// Limits are set, kept, and taken away again, and nothing is tried for them.
	tried := len(w.places.tried)
	for _, c := range []struct {
		body string
		want syncline.Limits
		tell string
	}{
		{`{"maxConnections":3,"limitDownloadKBs":100}`, syncline.Limits{Connections: 3, BytesPerSecond: 100 << 10}, `"maxConnections":3,"limitDownloadKBs":100,`},
		{`{"description":"other"}`, syncline.Limits{Connections: 3, BytesPerSecond: 100 << 10}, `"maxConnections":3,`},
		{`{"limitDownloadKBs":0}`, syncline.Limits{Connections: 3}, `"maxConnections":3,"_links"`},
		{`{"maxConnections":0}`, syncline.Limits{}, `"description":"other","_links"`},
	} {
		a := put(accountID, c.body)
		if got := w.store.account(accountID).Limits; a.status != 200 || got != c.want || !strings.Contains(w.get("/v6/Accounts/"+accountID).body, c.tell) {
			t.Errorf("%s: %d %s, %+v", c.body, a.status, a.body, got)
		}
	}
	wantFailure(t, put(accountID, `{"maxConnections":-1}`), 400, "maxConnections must be")
	wantFailure(t, put(accountID, `{"limitDownloadKBs":1000000001}`), 400, "limitDownloadKBs must be")
	if len(w.places.tried) != tried {
		t.Errorf("tried %q", w.places.tried[tried:])
	}

	// In Azure the user name says where the storage lies.
	w.store.storages[0].AccountID, w.store.storages[0].Kind = azureAccountID, syncline.KindAzure
	wantFailure(t, put(azureAccountID, `{"userName":"elsewhere"}`), 409, "cellar")
	if a := put(azureAccountID, `{"password":"newer"}`); a.status != 200 {
		t.Errorf("got %d %s", a.status, a.body)
	}
}

func (w *world) postStorage(body string) answer {
	w.t.Helper()
	return w.do(request{method: "POST", path: "/v6/ObjectStorageRepositories", body: body})
}

func (w *world) putStorage(body string) answer {
	w.t.Helper()
	return w.do(request{method: "PUT", path: "/v6/ObjectStorageRepositories/" + storageID, body: body})
}

var newStorage = goodBodies["AddObjectStorageRepository"]

func TestStorageLife(t *testing.T) {
	w := newWorld(t).populate()
	w.store.storages = nil
	w.api.made.newID = func() syncline.ID { return storageID }
	links := `"freeSpaceBytes":null,"usedSpaceBytes":null,"_links":{"account":{"href":"/v6/Accounts/ACCOUNT"},"self":{"href":"/v6/objectstoragerepositories/` + storageID + `"}}}` + "\n"
	for _, c := range []struct{ account, body, answer, tried string }{
		{
			accountID,
			`{"name":"n","type":"AmazonS3Compatible","accountId":"ACCOUNT","amazonBucketS3Compatible":{"servicePoint":"http://host:9000","customRegionId":"r","name":"b"},"s3Folder":"/x/y/"}`,
			`{"id":"` + storageID + `","name":"n","description":"","type":"AmazonS3Compatible","accountId":"ACCOUNT","s3Folder":"x/y","amazonBucketS3Compatible":{"servicePoint":"http://host:9000","customRegionId":"r","name":"b"},`,
			"try s3-compatible||http://host:9000|r|b|x/y|name|" + theSecret,
		},
		{
			s3AccountID,
			`{"name":"n","type":"AmazonS3","accountId":"ACCOUNT","amazonBucketS3Aws":{"regionType":"China","regionId":"cn-north-1","name":"b"},"description":"d"}`,
			`{"id":"` + storageID + `","name":"n","description":"d","type":"AmazonS3","accountId":"ACCOUNT","s3Folder":"","amazonBucketS3Aws":{"regionType":"China","regionId":"cn-north-1","name":"b"},`,
			"try s3|China||cn-north-1|b||name|" + theSecret,
		},
		{
			azureAccountID,
			`{"name":"n","type":"AzureBlob","accountId":"ACCOUNT","azureContainer":{"name":"c"},"azureFolder":"x"}`,
			`{"id":"` + storageID + `","name":"n","description":"","type":"AzureBlob","accountId":"ACCOUNT","azureFolder":"x","azureContainer":{"name":"c","regionType":"Global"},`,
			"try azure|Global|||c|x|name|" + theSecret,
		},
		{
			googleAccountID,
			`{"name":"n","type":"GoogleCloudStorage","accountId":"ACCOUNT","googleBucket":{"name":"b","endpoint":"https://host"},"googleFolder":"x/"}`,
			`{"id":"` + storageID + `","name":"n","description":"","type":"GoogleCloudStorage","accountId":"ACCOUNT","googleFolder":"x","googleBucket":{"name":"b","endpoint":"https://host"},`,
			"try gcs||https://host||b|x|name|" + googleSecret,
		},
	} {
		w.places.tried, w.store.storages = nil, nil
		fill := strings.NewReplacer("ACCOUNT", c.account)
		a := w.postStorage(fill.Replace(c.body))
		if want := fill.Replace(c.answer + links); a.status != 200 || a.body != want {
			t.Fatalf("got %d\n%s\nwant\n%s", a.status, a.body, want)
		}
		if !slices.Equal(w.places.tried, []string{c.tried}) {
			t.Errorf("tried %q, want %q", w.places.tried, c.tried)
		}
		if list := w.get("/v6/objectstoragerepositories?extensions=true"); list.body != "["+strings.TrimSpace(a.body)+"]\n" {
			t.Errorf("the list is %s", list.body)
		}
		// The answer of a GET can be sent back, and changes nothing.
		before := w.store.storages[0]
		if put := w.putStorage(a.body); put.status != 200 || put.body != "" || !reflect.DeepEqual(w.store.storages[0], before) || len(w.places.tried) != 1 {
			t.Errorf("sending it back: %d %s: %+v", put.status, put.body, w.store.storages[0])
		}
		wantFailure(t, w.postStorage(fill.Replace(c.body)), 409, "name")
	}
	if got := decode[[]v6.ObjectStorageRepositoryComposed](t, w.get("/v6/objectstoragerepositories?longTerm=true")); len(got) != 0 {
		t.Errorf("got %v", got)
	}
	if a := w.do(request{method: "DELETE", path: "/v6/objectstoragerepositories/" + storageID}); a.status != 204 || len(w.store.storages) != 0 {
		t.Errorf("got %d %s", a.status, a.body)
	}
}

func TestBadStorageFields(t *testing.T) {
	w := newWorld(t).populate()
	bucket := func(fields map[string]any) map[string]any {
		return map[string]any{"amazonBucketS3Compatible": fields}
	}
	aws := func(regionType, region string) map[string]any {
		return map[string]any{
			"type": "AmazonS3", "accountId": s3AccountID, "amazonBucketS3Compatible": nil,
			"amazonBucketS3Aws": map[string]any{"name": "b", "regionType": regionType, "regionId": region},
		}
	}
	for part, fields := range map[string]map[string]any{
		"name is required":                                  {"name": nil},
		"name must not":                                     {"name": "a\x01"},
		"type is required":                                  {"type": nil},
		"type must be one of":                               {"type": "Glacier"},
		"type cannot be honoured":                           {"type": "AmazonS3Glacier"},
		"accountId is required":                             {"accountId": nil},
		"accountId names no account":                        {"accountId": unknownID},
		"accountId names an account of the type":            {"accountId": azureAccountID},
		"amazonBucketS3Compatible.servicePoint is required": bucket(map[string]any{"name": "b"}),
		"amazonBucketS3Compatible.name is required":         bucket(map[string]any{"servicePoint": "host"}),
		"amazonBucketS3Compatible.name must not":            bucket(map[string]any{"servicePoint": "host", "name": "\x7f"}),
		"amazonBucketS3Compatible must not":                 bucket(map[string]any{"servicePoint": "ho\nst", "name": "b"}),
		"amazonBucketS3Compatible: the region":              bucket(map[string]any{"servicePoint": "host", "name": "b", "customRegionId": "a/b"}),
		"amazonBucketS3Compatible.more is not a known":      bucket(map[string]any{"more": "b"}),
		"s3Folder must not":                                 {"s3Folder": "a\x00"},
		"azureFolder cannot be honoured":                    {"azureFolder": "x"},
		"azureContainer cannot be honoured":                 {"azureContainer": map[string]any{"name": "c"}},
		"googleBucket cannot be honoured":                   {"googleBucket": map[string]any{"name": "c"}},
		"googleFolder cannot be honoured":                   {"googleFolder": "x"},
		"amazonBucketS3Aws cannot be honoured":              {"amazonBucketS3Aws": map[string]any{"name": "b"}},
		"amazonBucketS3Aws.regionName cannot be honoured":   {"amazonBucketS3Aws": map[string]any{"regionName": "b"}},
		"sizeLimitEnabled cannot be honoured":               {"sizeLimitEnabled": true},
		"sizeLimitGB cannot be honoured":                    {"sizeLimitGB": 5},
		"glacierDeepArchiveEnabled cannot be honoured":      {"glacierDeepArchiveEnabled": true},
		"iaStorageClassEnabled cannot be honoured":          {"iaStorageClassEnabled": true},
		"useArchiverAppliance cannot be honoured":           {"useArchiverAppliance": true},
		"amazonArchiverAppliance cannot be honoured":        {"amazonArchiverAppliance": map[string]any{"x": 1}},
		"azureArchiverAppliance cannot be honoured":         {"azureArchiverAppliance": map[string]any{}},
		"azureServiceAccount cannot be honoured":            {"azureServiceAccount": map[string]any{}},
		"azureSubscription cannot be honoured":              {"azureSubscription": map[string]any{}},
		"id cannot be chosen":                               {"id": unknownID},
		"amazonBucketS3Aws: the regionId is none":           aws("Global", "cn-north-1"),
		"amazonBucketS3Aws: the regionId":                   aws("USGovernment", "eu-central-1"),
		"amazonBucketS3Aws: the":                            aws("China", "cn-north-1.evil.example"),
	} {
		wantFailure(t, w.postStorage(with(newStorage, fields)), 400, `"`+part)
	}
	if len(w.places.tried) != 0 || len(w.store.storages) != 1 {
		t.Error("a refused request had an effect")
	}
	nothing := map[string]any{
		"sizeLimitEnabled": false, "sizeLimitGB": 0, "glacierDeepArchiveEnabled": false, "iaStorageClassEnabled": false,
		"useArchiverAppliance": false, "id": zeroID, "azureFolder": "", "usedSpaceBytes": 5, "freeSpaceBytes": 5,
	}
	if a := w.postStorage(with(newStorage, nothing)); a.status != 200 {
		t.Errorf("empty values: %d %s", a.status, a.body)
	}
	nulls := strings.TrimSuffix(with(newStorage, map[string]any{"name": "third"}), "}")
	for _, name := range []string{"amazonBucketS3Aws", "azureContainer", "amazonArchiverAppliance", "azureSubscription", "sizeLimitGB", "id", "_links", "description"} {
		nulls += `,"` + name + `":null`
	}
	if a := w.postStorage(nulls + "}"); a.status != 200 {
		t.Errorf("nulls: %d %s", a.status, a.body)
	}
}

func TestStorageThatDoesNotOpen(t *testing.T) {
	w := newWorld(t).populate()
	for _, c := range []struct {
		err    error
		status int
		part   string
	}{
		{syncline.Errorf(syncline.CodeForbidden, "the secret key is wrong"), 400, "accountId: the secret key is wrong"},
		{syncline.Errorf(syncline.CodeNoRepository, "there is no bucket"), 400, "amazonBucketS3Compatible.name: there is no bucket"},
		{syncline.Errorf(syncline.CodeInvalid, "leads to a link-local address"), 400, "amazonBucketS3Compatible: leads to"},
		{syncline.Errorf(syncline.CodeUnavailable, "cannot be reached"), 503, "amazonBucketS3Compatible: cannot be reached"},
		{syncline.Errorf(syncline.CodeInternal, "odd"), 500, "odd"},
	} {
		w.places.fail = c.err
		wantFailure(t, w.postStorage(newStorage), c.status, `"`+c.part)
		wantFailure(t, w.putStorage(`{"s3Folder":"elsewhere"}`), c.status, `"`+c.part)
	}
	if len(w.store.storages) != 1 || w.store.storages[0].Folder != "folder" {
		t.Errorf("a storage that does not open was taken: %+v", w.store.storages)
	}
}

func TestRepositoryInObjectStorage(t *testing.T) {
	w := newWorld(t).populate()
	w.store.sessions[0].State = syncline.WorkSucceeded
	inStorage := with(newRepository, map[string]any{"path": nil, "objectStorageId": strings.ToUpper(storageID), "objectStorageEncryptionEnabled": true})
	a := w.post(inStorage)
	got := decode[v6.BackupRepository](t, a)
	if got.ObjectStorageID == nil || *got.ObjectStorageID != storageID || got.Path != nil || got.Links.ObjectStorage == nil || !deref(got.ObjectStorageEncryptionEnabled) {
		t.Fatalf("got %s", a.body)
	}
	place := "s3-compatible||https://storage.example||bucket|folder|name|" + theSecret
	if !slices.Equal(w.sync.opened, []string{place + " " + thePass}) {
		t.Errorf("opened %q", w.sync.opened)
	}
	if w.get(got.Links.ObjectStorage.Href).status != 200 {
		t.Error("the link to the storage does not work")
	}
	wantFailure(t, w.do(request{method: "DELETE", path: "/v6/objectstoragerepositories/" + storageID}), 409, "second")
	for part, fields := range map[string]map[string]any{
		"path and objectStorageId cannot":                  {"path": "/srv"},
		"path is required, or objectStorageId":             {"objectStorageId": zeroID, "objectStorageEncryptionEnabled": nil},
		"objectStorageEncryptionEnabled cannot be":         {"objectStorageId": nil, "path": "/srv"},
		"objectStorageId names no object storage":          {"objectStorageId": unknownID},
		"objectStorageCachePath cannot be honoured":        {"objectStorageCachePath": "/c"},
		"encryptionKeyId is required":                      {"encryptionKeyId": nil},
		"objectStorageId must be a UUID":                   {"objectStorageId": "x"},
		"objectStorageEncryptionEnabled must be true or f": {"objectStorageEncryptionEnabled": "yes"},
	} {
		wantFailure(t, w.post(with(inStorage, fields)), 400, `"`+part)
	}
	for code, part := range map[syncline.Code]string{
		syncline.CodeForbidden: "objectStorageId: what", syncline.CodeNoRepository: "objectStorageId: what", syncline.CodeWrongPassword: "encryptionKeyId: what",
	} {
		w.sync.check = syncline.Errorf(code, "what was found")
		wantFailure(t, w.post(with(inStorage, map[string]any{"name": "third"})), 400, part)
	}
	w.sync.check = nil

	w.store.repos = slices.DeleteFunc(w.store.repos, func(r syncline.Repository) bool { return r.ObjectStorageID != "" })
	// From a folder to a storage and back, which is the same repository.
	w.sync.id = "aa01"
	if a := w.put(`{"retentionType":"ItemLevel","objectStorageId":"` + storageID + `"}`); a.status != 200 {
		t.Fatalf("got %d %s", a.status, a.body)
	}
	if r := w.store.repos[0]; r.Path != "" || r.ObjectStorageID != storageID || !r.OutOfSync || r.ResticID != "aa01" {
		t.Errorf("got %+v", r)
	}
	if a := w.put(`{"retentionType":"ItemLevel","path":"/srv/three"}`); a.status != 200 {
		t.Fatalf("got %d %s", a.status, a.body)
	}
	if r := w.store.repos[0]; r.Path != "/srv/three" || r.ObjectStorageID != "" {
		t.Errorf("got %+v", r)
	}
}

func TestMovedStorage(t *testing.T) {
	w := newWorld(t).populate()
	w.store.repos[0].Path, w.store.repos[0].ObjectStorageID = "", storageID
	move := `{"s3Folder":"elsewhere","amazonBucketS3Compatible":{"name":"other"}}`
	wantFailure(t, w.putStorage(move), 409, "stop the session")
	if a := w.putStorage(`{"name":"renamed"}`); a.status != 200 || w.store.storages[0].Name != "renamed" {
		t.Errorf("a name may change at any time: %d %s", a.status, a.body)
	}
	w.store.sessions[0].State = syncline.WorkSucceeded
	w.sync.check = syncline.Errorf(syncline.CodeNoRepository, "there is no restic repository")
	wantFailure(t, w.putStorage(move), 400, "main", "there is no restic repository")
	if s := w.store.storages[0]; s.Folder != "folder" || s.Bucket != "bucket" {
		t.Errorf("a refused change left %+v", s)
	}
	w.sync.check = nil
	if a := w.putStorage(move); a.status != 200 {
		t.Fatalf("got %d %s", a.status, a.body)
	}
	if s := w.store.storages[0]; s.Folder != "elsewhere" || s.Bucket != "other" || s.Endpoint != "https://storage.example" || !w.store.repos[0].OutOfSync || w.store.inSync {
		t.Errorf("got %+v", s)
	}
	if want := "s3-compatible||https://storage.example||other|elsewhere|name|" + theSecret + " " + thePass; !slices.Contains(w.sync.opened, want) {
		t.Errorf("opened %q", w.sync.opened)
	}
	wantFailure(t, w.putStorage(`{"type":"AzureBlob"}`), 400, "type cannot change")
}

func TestBrowsing(t *testing.T) {
	w := newWorld(t).populate()
	for resource, account := range map[string]string{"S3CompatibleResources/buckets": accountID, "S3Resources/buckets": s3AccountID, "AzureResources/containers": azureAccountID, "GoogleResources/buckets": googleAccountID} {
		base := "/v6/" + resource
		query := browseQueries[strings.Split(resource, "/")[0]]
		type found struct {
			Name, Path string
			Links      map[string]v6.Link `json:"_links"`
		}
		buckets := decode[[]found](t, w.get(base+query))
		if len(buckets) != 2 || buckets[0].Name != "bucket" || buckets[1].Name != "other" {
			t.Errorf("%s: got %+v", resource, buckets)
		}
		if got := decode[found](t, w.get(buckets[0].Links["self"].Href)); got.Name != "bucket" {
			t.Errorf("got %+v", got)
		}
		folders := decode[[]found](t, w.get(buckets[0].Links["folders"].Href))
		if len(folders) != 2 || folders[0].Name != "a" || folders[0].Path != "a" {
			t.Errorf("got %+v", folders)
		}
		below := decode[[]found](t, w.get(base+"/bucket/folders"+query+"&Parent=%2Fa%2F"))
		if len(below) != 1 || below[0].Name != "b" || below[0].Path != "a/b" {
			t.Fatalf("got %+v", below)
		}
		if got := decode[found](t, w.get(below[0].Links["self"].Href)); got.Path != "a/b" {
			t.Errorf("got %+v", got)
		}
		if got := decode[[]found](t, w.get(base+query+"&Name=other")); len(got) != 1 || got[0].Name != "other" {
			t.Errorf("got %+v", got)
		}
		for path, part := range map[string]string{
			"/none": "there is no bucket or container", "/none/folders": "there is no bucket", "/bucket/folders/none": "there is no folder",
			"/bucket/folders/a%2Fnone": "there is no folder", "/bucket/folders/a%252Fb": "there is no folder",
		} {
			wantFailure(t, w.get(base+path+query), 404, part)
		}
		wantFailure(t, w.get(base+strings.Replace(query, account, unknownID, 1)), 404, "there is no account")
		wantFailure(t, w.get(base+strings.Replace(query, account, "1234", 1)), 400, "accountId in the query must be a UUID")
		wantFailure(t, w.get(base), 400, "accountId")
		for _, other := range []string{accountID, s3AccountID, azureAccountID, googleAccountID} {
			if other != account {
				wantFailure(t, w.get(base+strings.Replace(query, account, other, 1)), 400, "accountId names an account of the type")
			}
		}
		for _, bad := range []string{"%00", "%ff", strings.Repeat("x", 1025)} {
			wantFailure(t, w.get(base+"/"+bad+query), 400, "the Name in the path must be")
			wantFailure(t, w.get(base+"/"+bad+"/folders"+query), 400, "Name in the path must be")
		}
		w.places.fail = syncline.Errorf(syncline.CodeForbidden, "these credentials may not list buckets")
		wantFailure(t, w.get(base+query), 400, "accountId: these credentials may not list buckets")
		w.places.fail = nil
		wantFailure(t, w.do(request{method: "POST", path: base + "/bucket/folders" + query, body: `{"name":"x"}`}), 405, "use GET")
	}
	wantFailure(t, w.get("/v6/S3Resources/buckets"+browseQueries["S3Resources"]+"&RegionId=eu-central-1"), 400, "RegionId in the query cannot be honoured")
	wantFailure(t, w.get("/v6/S3Resources/buckets?accountId="+s3AccountID+"&RegionType=Mars"), 400, "RegionType in the query must be one of Global")
	wantFailure(t, w.get("/v6/S3CompatibleResources/buckets?ServicePoint=a%0Ab&accountId="+accountID), 400, "control characters")
	if log := w.log.String(); strings.Contains(log, theSecret) {
		t.Error("a secret is in the log")
	}
}
