package api

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"syncline.dev/syncline"
	v6 "syncline.dev/syncline/internal/api/v6"
	"syncline.dev/syncline/internal/explore"
)

// Every repository names the server that reads it.
func TestProxyOfARepository(t *testing.T) {
	w := newWorld(t).populate()
	w.addKinds()
	for _, r := range decode[[]v6.BackupRepository](t, w.get("/v6/BackupRepositories")) {
		if r.ProxyID != nodeID || r.Links.Proxy.Href != "/v6/Proxies/"+nodeID {
			t.Errorf("%s is read by %s, %s", r.Name, r.ProxyID, r.Links.Proxy.Href)
		}
		if a := w.get(r.Links.Proxy.Href); a.status != 200 {
			t.Errorf("the link gives %d", a.status)
		}
		if one := decode[v6.BackupRepository](t, w.get(r.Links.Self.Href)); one.ProxyID != nodeID {
			t.Errorf("%s alone is read by %s", r.Name, one.ProxyID)
		}
	}
	for query, n := range map[string]int{
		"proxyId=" + nodeID: 2, "PROXYID=" + strings.ToUpper(nodeID): 2, "proxyId=" + unknownID: 0, "proxyId=": 2,
		"proxyId=" + nodeID + "&longTerm=true": 0,
	} {
		if got := decode[[]v6.BackupRepository](t, w.get("/v6/BackupRepositories?"+query)); len(got) != n {
			t.Errorf("%s: %d found, want %d", query, len(got), n)
		}
	}
	good := goodBodies["AddBackupRepository"]
	for id, status := range map[string]int{nodeID: 200, strings.ToUpper(nodeID): 200, string(zeroID): 200, unknownID: 400} {
		w := newWorld(t).populate()
		post := w.post(strings.Replace(good, "{", `{"proxyId":"`+id+`",`, 1))
		put := w.do(request{method: "PUT", path: "/v6/BackupRepositories/" + repoID, body: `{"retentionType":null,"proxyId":"` + id + `"}`})
		for _, a := range []answer{post, put} {
			if a.status != status || status == 400 && !strings.Contains(a.body, "proxyId names no proxy") {
				t.Errorf("%s: %d %s", id, a.status, a.body)
			}
		}
	}
}

// A client of v6 that knows all kinds by name must not meet another one.
func TestExtensionsAreToldToWhoAsks(t *testing.T) {
	const googleStorage = "5d0f0c55-0000-4000-8000-000000000102"
	for list, c := range map[string]struct {
		all   int
		one   string
		kinds []string // of v6
	}{
		"/v6/Accounts":                  {4, googleAccountID, []string{"azureBlobAccount", "amazonS3Account", "amazonS3CompatibleAccount"}},
		"/v6/objectstoragerepositories": {4, googleStorage, []string{"AzureBlob", "AmazonS3", "AmazonS3Compatible"}},
	} {
		w := newWorld(t).populate()
		w.addKinds()
		get := func(path string, header ...string) answer {
			return w.do(request{method: "GET", path: path, header: http.Header{"Syncline-Extensions": header}})
		}
		plain := get(list)
		if strings.Contains(strings.ToLower(plain.body), "google") || plain.header.Get("Syncline-Omitted") != "1" {
			t.Errorf("%s, omitted %q", plain.body, plain.header.Get("Syncline-Omitted"))
		}
		if n := len(decode[[]map[string]any](t, plain)); n != len(c.kinds) {
			t.Errorf("%d are told", n)
		}
		for _, off := range []answer{get(list, "0"), get(list, "false"), get(list, ""), get(list + "?extensions=false"), get(list + "?extensions=")} {
			if off.body != plain.body {
				t.Errorf("got %d %s", off.status, off.body)
			}
		}
		for _, on := range []answer{get(list, "1"), get(list, "true"), get(list + "?extensions=true"), get(list+"?Extensions=True", "0")} {
			if n := len(decode[[]map[string]any](t, on)); n != c.all || on.header.Get("Syncline-Omitted") != "" {
				t.Errorf("%d are told, omitted %q", n, on.header.Get("Syncline-Omitted"))
			}
		}
		wantFailure(t, get(list, "all"), 400, "Syncline-Extensions must be 1")
		wantFailure(t, get(list, "1", "1"), 400, "Syncline-Extensions must be 1")
		wantFailure(t, get(list+"/"+c.one), 404, "Syncline-Extensions: 1")
		for _, on := range []answer{get(list+"/"+c.one, "1"), get(list + "/" + c.one + "?extensions=true")} {
			if on.status != 200 || !strings.Contains(strings.ToLower(on.body), "google") {
				t.Errorf("got %d %s", on.status, on.body)
			}
		}
		if a := w.do(request{method: "PUT", path: list + "/" + c.one, body: `{"description":"x"}`}); a.status != 200 || a.body != "" {
			t.Errorf("changing it unseen gives %d %s", a.status, a.body)
		}
	}
	w := newWorld(t).populate()
	if a := w.get("/v6/Accounts?accountType=googleCloudAccount"); !strings.Contains(a.body, googleAccountID) {
		t.Errorf("who names the kind asks for it: %s", a.body)
	}
}

// The used space of an object storage comes from the catalogs. It is unknown if
// one of them is not usable.
func TestUsedSpace(t *testing.T) {
	const path = "/v6/objectstoragerepositories/" + storageID
	w := newWorld(t).populate()
	space := func() (used, free any) {
		t.Helper()
		object := decode[map[string]any](t, w.get(path))
		for _, name := range []string{"usedSpaceBytes", "freeSpaceBytes"} {
			if _, told := object[name]; !told {
				t.Errorf("%s is absent; what is not known is null", name)
			}
		}
		return object["usedSpaceBytes"], object["freeSpaceBytes"]
	}
	if used, free := space(); used != nil || free != nil {
		t.Errorf("without a repository: %v, %v", used, free)
	}
	w.addKinds()
	w.api.storages.sizes = storedStatistics{of: map[syncline.ID]explore.RepositoryStatistics{"c6d1fc1b-1aef-411f-9a7f-de35e546c616": {StoredSize: 1000, UnusedStoredSize: 234}}}
	if used, free := space(); used != 1234.0 || free != nil {
		t.Errorf("with one: %v, %v", used, free)
	}
	w.store.repos = append(w.store.repos, syncline.Repository{ID: unknownID, ObjectStorageID: storageID})
	if used, _ := space(); used != nil {
		t.Errorf("with one that has no catalog: %v", used)
	}
}

// storedStatistics knows the sizes of some repositories.
type storedStatistics struct {
	Statistics
	of map[syncline.ID]explore.RepositoryStatistics
}

func (s storedStatistics) Repository(_ context.Context, id syncline.ID) (explore.RepositoryStatistics, error) {
	if stats, ok := s.of[id]; ok {
		return stats, nil
	}
	return explore.RepositoryStatistics{}, errors.New("there is no catalog")
}
