package api

import (
	"net/http"
	"strings"
	"testing"

	"syncline.dev/syncline"
	v6 "syncline.dev/syncline/internal/api/v6"
	"syncline.dev/syncline/internal/explore"
)

// A sensor follows the organization's link to the repositories, and theirs to each.
func TestUsedRepositories(t *testing.T) {
	const stored = "c6d1fc1b-1aef-411f-9a7f-de35e546c616"
	w := newWorld(t).populate()
	w.addKinds()
	w.api.usedRepositories.sizes = storedStatistics{of: map[syncline.ID]explore.RepositoryStatistics{stored: {StoredSize: 1000, UnusedStoredSize: 234}}}
	w.checks.last = map[syncline.ID]syncline.Check{repoID: {At: testTime, Result: syncline.CheckFailed, Error: "it is gone"}}

	used := decode[[]v6.Organization](t, w.get("/v6/Organizations"))[0].Links.UsedRepositories.Href
	want := `{"offset":0,"limit":30,"results":[` +
		`{"usedSpaceBytes":null,"localCacheUsedSpaceBytes":null,"objectStorageUsedSpaceBytes":0,"isAvailable":false,"details":"main","_links":{"backupRepository":{"href":"/v6/backuprepositories/` + repoID + `"}}},` +
		`{"usedSpaceBytes":1234,"localCacheUsedSpaceBytes":null,"objectStorageUsedSpaceBytes":1234,"details":"in a bucket","_links":{"backupRepository":{"href":"/v6/backuprepositories/` + stored + `"}}}],` +
		`"_links":{"self":{"href":"` + used + `?offset=0\u0026limit=30"},"first":{"href":"` + used + `?offset=0\u0026limit=30"}},"totalCount":2}` + "\n"
	if a := w.get(used); a.body != want {
		t.Errorf("got  %s\nwant %s", a.body, want)
	}
	w.checks.last[repoID] = syncline.Check{At: testTime, Result: syncline.CheckChanged}
	page := decode[v6.UsedRepositoryPage](t, w.get(used+"?limit=1"))
	if len(page.Results) != 1 || page.Results[0].IsAvailable == nil || !*page.Results[0].IsAvailable || page.TotalCount != 2 || page.Links.Next == nil {
		t.Fatalf("%+v", page)
	}
	page = decode[v6.UsedRepositoryPage](t, w.get(page.Links.Next.Href))
	if len(page.Results) != 1 || page.Results[0].Details != "in a bucket" || page.Links.Next != nil {
		t.Errorf("%+v", page)
	}
	for _, r := range page.Results {
		if a := w.get(r.Links.BackupRepository.Href); a.status != 200 {
			t.Errorf("the link gives %d", a.status)
		}
	}
	if lower := w.get(strings.Replace(used, "usedRepositories", "UsedRepositories", 1)); lower.status != 200 || len(decode[v6.UsedRepositoryPage](t, lower).Results) != 2 {
		t.Error(lower.body)
	}
	wantFailure(t, w.get(strings.Replace(used, installationID, unknownID, 1)), 404, "there is no organization")
	wantFailure(t, w.get(used+"?name=x"), 400, "name")
	wantFailure(t, w.do(request{method: "POST", path: used, body: "{}"}), http.StatusMethodNotAllowed)
}

// The versions differ in the fields of a repository, and v8 has no jobs of an organization.
func TestOrganizationInTheVersions(t *testing.T) {
	w, _ := jobWorld(t)
	const one = "/Organizations/" + installationID
	for version, more := range map[string]bool{"v6": false, "v7": false, "v8": true} {
		used := decode[map[string]any](t, w.get("/"+version+one+"/usedRepositories"))
		row := used["results"].([]any)[0].(map[string]any)
		link := row["_links"].(map[string]any)["backupRepository"].(map[string]any)["href"]
		protected, told := row["protectedObjectsCount"]
		if link != "/"+version+"/backuprepositories/"+repoID || (row["repositoryId"] == repoID) != more || told != more || protected != nil || (used["totalCount"] == nil) != more {
			t.Errorf("%s: %v", version, used)
		}
		organization := decode[map[string]any](t, w.get("/"+version+one))
		if href := organization["_links"].(map[string]any)["usedRepositories"].(map[string]any)["href"]; href != "/"+version+one+"/usedRepositories" {
			t.Errorf("%s: the link is %v", version, href)
		}
		jobs := w.get("/" + version + one + "/Jobs")
		if more {
			wantFailure(t, jobs, 404)
			continue
		}
		if jobs.status != 200 || jobs.body != w.get("/"+version+"/Jobs").body || !strings.Contains(jobs.body, "web1") {
			t.Errorf("%s: %s", version, jobs.body)
		}
		wantFailure(t, w.get("/"+version+"/Organizations/"+unknownID+"/Jobs"), 404, "there is no organization")
		wantFailure(t, w.get("/"+version+one+"/Jobs?repositoryId="+repoID), 400, "repositoryId")
	}
}
