package main_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"syncline.dev/syncline/internal/resticfixture"
	"syncline.dev/syncline/internal/storage/storagetest/servers"
)

// facePage is a page of v7 or v8.
type facePage struct {
	Offset, Limit int
	Results       []object
	Links         map[string]struct{ Href string } `json:"_links"`
}

// pages reads a list from one page to the last, and returns one field of all.
func (n *node) pages(path, field string) (told []any) {
	n.t.Helper()
	for range 50 {
		var page facePage
		n.call("GET", path, nil, 200, &page)
		for _, r := range page.Results {
			told = append(told, r[field])
		}
		next, more := page.Links["next"]
		if !more {
			return told
		}
		path = next.Href
	}
	n.t.Fatalf("%s has no end", path)
	return nil
}

// TestVersions attaches a repository in S3 with one request of v8, and asks for it in
// every version.
func TestVersions(t *testing.T) {
	repo, src := resticfixture.Init(t, 2), t.TempDir()
	begin := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for day := range 5 {
		resticfixture.Backup(t, repo, src, "--host", "web1", "--time", begin.AddDate(0, 0, day).Local().Format(time.DateTime))
	}
	s3 := servers.StartS3(t)
	s3.Put(t, "bucket", "some folder/repo", servers.ReadFolder(t, repo))
	n := start(t, filepath.Join(t.TempDir(), "data"))
	if newest := n.discover("v9", "v8", "v7", "v6"); newest != "v8" {
		t.Errorf("the newest version is %s", newest)
	}
	id := n.attachNested(s3)
	n.call("POST", "/v8/BackupRepositories/"+id+"/Sync", nil, 200, nil)
	n.untilSynchronized(id)

	if got := n.pages("/v8/BackupRepositories?limit=1", "id"); len(got) != 1 || got[0] != id {
		t.Errorf("the repositories are %v", got)
	}
	for _, version := range []string{"v7", "v8"} {
		list := "/" + version + "/RestorePoints?limit=2"
		day := func(d int) string { return url.QueryEscape(begin.AddDate(0, 0, d).Format(time.RFC3339)) }
		for query, days := range map[string][]int{
			"": {4, 3, 2, 1, 0}, "&orderAsc=true": {0, 1, 2, 3, 4}, "&from=" + day(3): {4, 3}, "&from=" + day(1) + "&to=" + day(3) + "&orderAsc=true": {1, 2, 3},
			"&offset=4": {0}, "&isCopy=true": nil, "&repositoryId=" + id + "&to=" + day(0): {0},
		} {
			got := n.pages(list+query, "backupTime")
			want := make([]any, len(days))
			for i, d := range days {
				want[i] = begin.AddDate(0, 0, d).Format(time.RFC3339)
			}
			if a, b := asText(got), asText(want); a != b {
				t.Errorf("%s%s: %s, want %s", list, query, a, b)
			}
		}
		if m := n.refused("GET", "/"+version+"/RestorePoints?backupTime=2026-03-01", nil, 400); !strings.HasPrefix(m, "backupTime in the query is not known") {
			t.Error(m)
		}
		n.walk("/" + version + "/BackupRepositories")
		n.walk("/" + version + "/Jobs")
		n.call("HEAD", list, nil, 200, nil)
		n.call("PATCH", list, nil, 405, nil)
	}
	if m := n.refused("GET", "/v6/RestorePoints?from=2026-03-01", nil, 400); !strings.HasPrefix(m, "from in the query is not known") {
		t.Error(m)
	}
	var storages []object
	n.call("GET", "/v7/objectstoragerepositories", nil, 200, &storages)
	if len(storages) != 1 || storages[0]["s3Folder"] != "some folder/repo" {
		t.Errorf("v7 tells %v", storages)
	}
	n.call("GET", "/v8/objectstoragerepositories", nil, 404, nil)
	var shown object
	n.call("GET", "/v8/BackupRepositories/"+id, nil, 200, &shown)
	n.call("PUT", "/v8/BackupRepositories/"+id, shown, 204, nil)
	n.call("DELETE", "/v8/BackupRepositories/"+id, nil, 204, nil)
	n.call("GET", "/v7/objectstoragerepositories", nil, 200, &storages)
	if len(storages) != 0 {
		t.Errorf("without its repository %v is left", storages)
	}
	n.call("POST", "/v8/token/logout", nil, 204, nil)
	n.call("GET", "/v8/Jobs", nil, 401, nil)
}

func asText(v any) string {
	raw, _ := json.Marshal(v)
	if string(raw) == "null" {
		return "[]"
	}
	return string(raw)
}

// discover finds the newest version as clients do.
func (n *node) discover(versions ...string) string {
	n.t.Helper()
	for _, v := range versions {
		status, _, body := n.get("/" + v + "/ServiceInstance")
		if status == http.StatusOK {
			return v
		}
		if status != http.StatusNotFound || !strings.Contains(body, "/v8, /v7 and /v6") {
			n.t.Errorf("/%s: %d %s", v, status, body)
		}
	}
	return ""
}

// attachNested attaches the repository of an S3 server by requests of v8. A request that
// is refused leaves nothing.
func (n *node) attachNested(s3 *servers.S3) (id string) {
	n.t.Helper()
	account := n.add("/v8/Accounts", 201, object{"accountType": "amazonS3CompatibleAccount", "userName": s3.AccessKey, "password": s3.SecretKey})
	key := n.add("/v8/EncryptionKeys", 201, object{"password": resticfixture.Password})
	wrong := n.add("/v8/EncryptionKeys", 201, object{"password": "another"})
	body := object{
		"name": "in S3", "encryptionKeyId": key, "retentionType": "SnapshotBased", "proxyPoolId": nil,
		"objectStorage": object{
			"type": "AmazonS3Compatible", "accountId": account, "s3Folder": "some folder/repo",
			"amazonBucketS3Compatible": object{"servicePoint": s3.URL, "name": "bucket"},
		},
	}
	n.refused("POST", "/v8/BackupRepositories", with(body, object{"encryptionKeyId": wrong}), 400)
	var storages []object
	n.call("GET", "/v6/objectstoragerepositories", nil, 200, &storages)
	if len(storages) != 0 {
		n.t.Errorf("a refused repository leaves %v", storages)
	}
	var made struct {
		ID            string
		ObjectStorage struct{ S3Folder string }
	}
	n.call("POST", "/v8/BackupRepositories", body, 201, &made)
	if made.ObjectStorage.S3Folder != "some folder/repo" {
		n.t.Errorf("got %+v", made)
	}
	return made.ID
}

// untilSynchronized waits for the end of the session of a repository.
func (n *node) untilSynchronized(repo string) {
	n.t.Helper()
	if end := n.finish(n.sync(repo).ID); end.State != "None" {
		n.t.Fatalf("the session is %+v", end)
	}
}

var linkText = regexp.MustCompile(`"href":"([^"]+)"`)

// walk follows all links from an answer on. All are of its version.
func (n *node) walk(path string) {
	n.t.Helper()
	version := path[:4]
	seen, todo := map[string]bool{path: true}, []string{path}
	for len(todo) > 0 && len(seen) < 300 {
		next := todo[0]
		todo = todo[1:]
		status, _, body := n.get(next)
		if status != http.StatusOK {
			n.t.Errorf("%s: %d %s", next, status, body)
		}
		for _, m := range linkText.FindAllStringSubmatch(body, -1) {
			link := strings.ReplaceAll(m[1], `\u0026`, "&")
			if !strings.HasPrefix(link, version) {
				n.t.Errorf("%s has the link %s", next, link)
			} else if !seen[link] {
				seen[link] = true
				todo = append(todo, link)
			}
		}
	}
	if len(seen) < 5 {
		n.t.Errorf("from %s only %d answers are reached", path, len(seen))
	}
}
