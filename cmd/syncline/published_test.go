package main_test

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"syncline.dev/syncline/internal/published"
	"syncline.dev/syncline/internal/resticfixture"
	"syncline.dev/syncline/internal/storage/storagetest/servers"
)

// TestPublishedAnswers calls every operation of a published description on a server with
// real repositories, and holds each answer against the description.
func TestPublishedAnswers(t *testing.T) {
	t.Parallel()
	for _, version := range []string{"v6", "v7", "v8"} {
		t.Run(version, func(t *testing.T) { callEverything(t, version) })
	}
}

// versionRun is a server that is asked in one version of the API.
type versionRun struct {
	*node
	version string
	facts   *published.Description
	called  map[string]bool // operations
	links   map[string]bool // that answers have
}

// ask makes a request that must go well, and returns the answer. The path is without the
// version.
func (r *versionRun) ask(method, path string, body any) any {
	r.t.Helper()
	operation := r.operation(method, path)
	want, err := strconv.Atoi(r.facts.Success(operation))
	if err != nil {
		r.t.Fatalf("%s has no status for success", operation)
	}
	return r.request(method, path, body, want)
}

// refuses makes a request that must fail with a status.
func (r *versionRun) refuses(status int, method, path string, body any) {
	r.t.Helper()
	r.operation(method, path)
	r.request(method, path, body, status)
}

// operation finds the operation of a path without the version, and counts it as called.
func (r *versionRun) operation(method, path string) string {
	r.t.Helper()
	plain, _, _ := strings.Cut(path, "?")
	operation := r.facts.Find(method, "/"+r.version+plain)
	if operation == "" {
		r.t.Fatalf("%s has no %s %s", r.version, method, plain)
	}
	r.called[operation] = true
	return operation
}

func (r *versionRun) request(method, path string, body any, want int) (answer any) {
	r.t.Helper()
	var send io.Reader
	if body != nil {
		raw, err := json.Marshal(body)
		if err != nil {
			r.t.Fatal(err)
		}
		send = bytes.NewReader(raw)
	}
	req, err := http.NewRequestWithContext(r.t.Context(), method, r.url+"/"+r.version+path, send)
	if err != nil {
		r.t.Fatal(err)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if r.token != "" {
		req.Header.Set("Authorization", "Bearer "+r.token)
	}
	res, err := r.client.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	if res.StatusCode != want {
		r.t.Fatalf("%s /%s%s: %d instead of %d: %s", method, r.version, path, res.StatusCode, want, raw)
	}
	if operation := r.facts.Find(method, req.URL.Path); operation != "" {
		for _, fault := range r.facts.Check(operation, res.StatusCode, raw) {
			r.t.Errorf("%s /%s%s: %s", method, r.version, path, fault)
		}
	}
	if len(raw) > 0 {
		if err := json.Unmarshal(raw, &answer); err != nil {
			r.t.Fatalf("%s /%s%s: %v: %s", method, r.version, path, err, raw)
		}
	}
	r.gather(answer)
	return answer
}

// gather keeps the links of an answer.
func (r *versionRun) gather(v any) {
	switch v := v.(type) {
	case []any:
		for _, x := range v {
			r.gather(x)
		}
	case object:
		for name, x := range v {
			if href, ok := x.(string); ok && name == "href" {
				r.links[href] = true
			}
			r.gather(x)
		}
	}
}

// list asks for a list or for a page, and returns what is on it.
func (r *versionRun) list(path string) (rows []object) {
	r.t.Helper()
	answer := r.ask("GET", path, nil)
	if page, ok := answer.(object); ok {
		answer = page["results"]
	}
	for _, row := range answer.([]any) {
		rows = append(rows, row.(object))
	}
	return rows
}

// first asks for a list that has something, and returns the id of the first.
func (r *versionRun) first(path string) string {
	r.t.Helper()
	rows := r.list(path)
	if len(rows) == 0 {
		r.t.Fatalf("/%s%s lists nothing", r.version, path)
	}
	return rows[0]["id"].(string)
}

// make adds something and returns its id.
func (r *versionRun) make(path string, body object) string {
	r.t.Helper()
	return r.ask("POST", path, body).(object)["id"].(string)
}

// sendBack changes something to what it is.
func (r *versionRun) sendBack(path string) {
	r.t.Helper()
	r.ask("PUT", path, r.ask("GET", path, nil))
}

// inAmazonsCloud puts a repository into S3, where each bucket has a host below Amazon's two
// names for the service.
func inAmazonsCloud(t *testing.T, repo string) (*servers.S3, *servers.Cloud) {
	t.Helper()
	names := []string{amazonHost, "s3.amazonaws.com"}
	cert, key := certificate(t, names...)
	doors := map[string]http.Handler{}
	var s3 *servers.S3
	for _, name := range names {
		s3 = servers.StartS3(t, cert, key, name)
		s3.Put(t, "bucket", "folder/repo", servers.ReadFolder(t, repo))
		at, err := url.Parse(s3.URL)
		if err != nil {
			t.Fatal(err)
		}
		doors[name] = &httputil.ReverseProxy{
			Rewrite:   func(r *httputil.ProxyRequest) { r.Out.URL.Scheme, r.Out.URL.Host = at.Scheme, at.Host },
			Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}},
		}
	}
	return s3, servers.StartCloud(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for name, door := range doors {
			if r.Host == name || strings.HasSuffix(r.Host, "."+name) {
				door.ServeHTTP(w, r)
				return
			}
		}
		t.Errorf("Amazon is looked for at %s", r.Host)
	}))
}

// callEverything is a day in the life of a server, told in one version.
func callEverything(t *testing.T, version string) {
	facts, err := published.Read(filepath.Join("..", "..", "internal", "api", "testdata"), version)
	if err != nil {
		t.Fatal(err)
	}
	local := newRepository(t, 40, 3)
	s3, azure := servers.StartS3(t), servers.StartAzure(t)
	stored := resticfixture.Unpack(t, "v2-old")
	s3.Put(t, "bucket", "folder/repo", servers.ReadFolder(t, stored))
	azure.Put(t, "container", "folder/repo", servers.ReadFolder(t, stored))
	amazon, cloud := inAmazonsCloud(t, stored)
	env := append(cloud.Env(), "SYNCLINE_ADMIN_PASSWORD="+adminPassword)
	n := startWith(t, env, filepath.Join(t.TempDir(), "data"), "--cacert", cloud.CAFile)
	r := &versionRun{n, version, facts, map[string]bool{}, map[string]bool{}}

	r.refuses(401, "GET", "/Jobs", nil)
	r.refuses(401, "POST", "/token", object{"grant_type": "password", "username": "administrator", "password": "wrong"})
	r.token = r.ask("POST", "/token", object{"grant_type": "password", "username": "administrator", "password": adminPassword}).(object)["access_token"].(string)
	encryption := r.make("/EncryptionKeys", object{"password": repoPassword, "description": "of the folder"})
	other := r.make("/EncryptionKeys", object{"password": resticfixture.Password})
	accounts := map[string]string{
		"s3":     r.make("/Accounts", object{"accountType": "amazonS3CompatibleAccount", "userName": s3.AccessKey, "password": s3.SecretKey, "description": "here"}),
		"amazon": r.make("/Accounts", object{"accountType": "amazonS3Account", "userName": amazon.AccessKey, "password": amazon.SecretKey}),
		"azure":  r.make("/Accounts", object{"accountType": "azureBlobAccount", "userName": azure.Account, "password": azure.Key}),
	}
	r.browse("/S3CompatibleResources/buckets", "bucket", url.Values{"accountId": {accounts["s3"]}, "ServicePoint": {s3.URL}, "CustomRegionId": {s3.Region}})
	r.browse("/S3Resources/buckets", "bucket", url.Values{"accountId": {accounts["amazon"]}, "RegionType": {"Global"}})
	r.browse("/AzureResources/containers", "container", url.Values{"accountId": {accounts["azure"]}, "RegionType": {"Global"}, "Endpoint": {azure.URL}})

	folder := r.make("/BackupRepositories", object{"name": "folder", "path": local, "encryptionKeyId": encryption, "retentionType": "SnapshotBased"})
	repositories := []string{folder}
	storages := map[string]object{
		"s3":     {"type": "AmazonS3Compatible", "s3Folder": "folder/repo", "amazonBucketS3Compatible": object{"servicePoint": s3.URL, "customRegionId": s3.Region, "name": "bucket"}},
		"amazon": {"type": "AmazonS3", "s3Folder": "folder/repo", "amazonBucketS3Aws": object{"regionType": "Global", "name": "bucket"}},
		"azure":  {"type": "AzureBlob", "azureFolder": "folder/repo", "azureContainer": object{"endpoint": azure.URL, "name": "container"}},
	}
	for _, name := range slices.Sorted(maps.Keys(storages)) {
		repositories = append(repositories, r.store(name, other, with(storages[name], object{"accountId": accounts[name]})))
	}
	r.synchronize(repositories)
	r.constants()
	r.resources()
	r.backups()
	r.organization(repositories)
	r.nodes()
	for link := range r.links {
		r.follow(link)
	}
	r.strangers()
	for _, id := range repositories {
		r.ask("DELETE", "/BackupRepositories/"+id, nil)
	}
	if r.nests() {
		clear(storages)
	}
	for range storages {
		r.ask("DELETE", "/objectstoragerepositories/"+r.first("/objectstoragerepositories"), nil)
	}
	for _, id := range accounts {
		r.ask("DELETE", "/Accounts/"+id, nil)
	}
	r.ask("DELETE", "/EncryptionKeys/"+encryption, nil)
	for _, operation := range slices.Sorted(maps.Keys(facts.Operations)) {
		if !r.called[operation] {
			t.Errorf("%s was not called", operation)
		}
	}
}

// nests reports whether an object storage is a part of its repository.
func (r *versionRun) nests() bool {
	return r.facts.Find("POST", "/"+r.version+"/objectstoragerepositories") == ""
}

// store attaches a repository in object storage.
func (r *versionRun) store(name, key string, storage object) string {
	r.t.Helper()
	repository := object{"name": "in " + name, "encryptionKeyId": key, "objectStorageEncryptionEnabled": true, "retentionType": "ItemLevel"}
	if r.nests() {
		return r.make("/BackupRepositories", with(repository, object{"objectStorage": storage}))
	}
	id := r.make("/objectstoragerepositories", with(storage, object{"name": name}))
	return r.make("/BackupRepositories", with(repository, object{"objectStorageId": id}))
}

// browse looks for a repository in object storage. Making a folder is refused.
func (r *versionRun) browse(path, bucket string, query url.Values) {
	r.t.Helper()
	q := "?" + query.Encode()
	for _, p := range []string{path, path + "/" + bucket + "/folders"} {
		if rows := r.list(p + q); len(rows) == 0 {
			r.t.Errorf("%s lists nothing", p)
		}
	}
	r.ask("GET", path+"/"+bucket+q, nil)
	r.ask("GET", path+"/"+bucket+"/folders/folder"+q, nil)
	r.refuses(404, "GET", path+"/nothing"+q, nil)
	r.refuses(405, "POST", path+"/"+bucket+"/folders"+q, object{"name": "new"})
}

// synchronize brings the repositories up to date, and stops the first session.
func (r *versionRun) synchronize(repositories []string) {
	r.t.Helper()
	session := r.ask("POST", "/BackupRepositories/"+repositories[0]+"/Sync", nil).(object)["id"].(string)
	r.ask("POST", "/RepositorySynchronizeSessions/"+session+"/StopSynchronize", nil)
	r.events(session)
	for _, id := range repositories {
		r.finish(r.ask("POST", "/BackupRepositories/"+id+"/Sync", nil).(object)["id"].(string))
	}
	if rows := r.list("/RepositorySynchronizeSessions"); len(rows) != len(repositories) {
		r.t.Errorf("%d sessions are listed", len(rows))
	}
	r.ask("GET", "/RepositorySynchronizeSessions/"+session, nil)
}

// constants asks for what does not depend on repositories.
func (r *versionRun) constants() {
	r.t.Helper()
	for _, path := range []string{"/ServiceInstance", "/License", "/License/AutoUpdate", "/CopyJobs", "/RbacRoles", "/LicensedUsers", "/RestoreSessions", "/RestorePortalSettings"} {
		r.ask("GET", path, nil)
	}
	organization := "/Organizations/" + r.first("/Organizations?extendedView=true")
	r.ask("GET", organization+"?extendedView=true", nil)
	r.ask("GET", organization+"/LicensingInformation", nil)
	if r.facts.Find("GET", "/"+r.version+"/Health") != "" {
		r.ask("GET", "/Health", nil)
		r.ask("GET", organization+"/?limit=100", nil) // as a sensor in use asks
	}
}

// resources reads all that was added, and sends it back.
func (r *versionRun) resources() {
	r.t.Helper()
	for _, path := range []string{"/Accounts", "/BackupRepositories", "/objectstoragerepositories"} {
		if path == "/objectstoragerepositories" && r.nests() {
			continue
		}
		for _, row := range r.list(path) {
			r.sendBack(path + "/" + row["id"].(string))
		}
	}
	r.ask("GET", "/EncryptionKeys/"+r.first("/EncryptionKeys"), nil)
}

// backups asks for restore points, jobs and job sessions.
func (r *versionRun) backups() {
	r.t.Helper()
	r.ask("GET", "/RestorePoints/"+r.first("/RestorePoints"), nil)
	job := "/Jobs/" + r.first("/Jobs")
	r.ask("GET", job, nil)
	if r.facts.Find("GET", "/"+r.version+job+"/JobSessions") != "" {
		r.first(job + "/JobSessions")
	}
	session := "/JobSessions/" + r.first("/JobSessions")
	r.ask("GET", session, nil)
	if rows := r.list(session + "/LogItems"); len(rows) == 0 {
		r.t.Error("the log is empty")
	}
}

// organization follows the links of the organization, as sensors in use do, to its
// repositories and their space, and asks for its jobs.
func (r *versionRun) organization(repositories []string) {
	r.t.Helper()
	one := r.list("/Organizations")[0]
	used, _ := strings.CutPrefix(one["_links"].(object)["usedRepositories"].(object)["href"].(string), "/"+r.version)
	if page := r.list(used + "?limit=2&offset=1"); len(page) != 2 {
		r.t.Errorf("a page of two has %d", len(page))
	}
	found := make(map[string]bool)
	for _, row := range r.list(used) {
		href := row["_links"].(object)["backupRepository"].(object)["href"].(string)
		repository := r.request("GET", strings.TrimPrefix(href, "/"+r.version), nil, http.StatusOK).(object)
		found[repository["id"].(string)] = true
		size, known := row["usedSpaceBytes"].(float64)
		inStorage := row["objectStorageUsedSpaceBytes"].(float64)
		if !known || size <= 0 || row["details"] != repository["name"] || (inStorage == size) == (repository["name"] == "folder") {
			r.t.Errorf("%v is told of %v", row, repository["name"])
		}
	}
	for _, id := range repositories {
		if !found[id] {
			r.t.Errorf("%s is not among the used repositories", id)
		}
	}
	path := "/Organizations/" + one["id"].(string) + "/Jobs"
	if r.facts.Find("GET", "/"+r.version+path) == "" {
		r.request("GET", path, nil, http.StatusNotFound)
		return
	}
	if jobs := r.ask("GET", path, nil); !reflect.DeepEqual(jobs, r.ask("GET", "/Jobs", nil)) {
		r.t.Errorf("the jobs of the organization are %v", jobs)
	}
}

func (r *versionRun) nodes() {
	r.t.Helper()
	id := r.first("/Proxies")
	r.sendBack("/Proxies/" + id)
	r.ask("POST", "/Proxies/"+id+"/Rescan", nil)
	r.ask("POST", "/Proxies/Rescan", object{"proxies": []object{{"id": id}}})
	r.refuses(400, "POST", "/Proxies", object{"hostName": "another"})
	r.refuses(409, "POST", "/Proxies/"+id+"/Remove", object{"force": false})
}

// follow goes where a link leads.
func (r *versionRun) follow(href string) {
	r.t.Helper()
	path, ok := strings.CutPrefix(href, "/"+r.version)
	if !ok {
		r.t.Errorf("the link %s leads out of %s", href, r.version)
		return
	}
	r.request("GET", path, nil, http.StatusOK)
}

// strangers asks every operation with an id for one that nothing has.
func (r *versionRun) strangers() {
	r.t.Helper()
	const nothing = "00000000-0000-4000-8000-00000000dead"
	tried := 0
	for operation := range r.facts.Operations {
		method, template, _ := strings.Cut(operation, " ")
		before, after, ok := strings.Cut(strings.TrimPrefix(template, "/"+r.version), "{")
		name, after, _ := strings.Cut(after, "}")
		if !ok || method != "GET" && method != "DELETE" || !strings.HasSuffix(strings.ToLower(name), "id") {
			continue
		}
		tried++
		r.request(method, before+nothing+after, nil, http.StatusNotFound)
		r.request(method, before+"nothing"+after, nil, http.StatusBadRequest)
	}
	if tried < 10 {
		r.t.Error(fmt.Sprint("only ", tried, " operations have an id"))
	}
}
