package api

import (
	"context"
	"encoding/base64"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/catalog"
	"syncline.dev/syncline/internal/explore"
)

// fakeSearcher keeps what it was asked, and answers with what it is given.
type fakeSearcher struct {
	repositories []syncline.Repository
	query        explore.Query
	page         explore.SearchPage
	err          error
}

func (f *fakeSearcher) Search(_ context.Context, repositories []syncline.Repository, q explore.Query) (explore.SearchPage, error) {
	f.repositories, f.query = repositories, q
	return f.page, f.err
}

const secondRepoID = "d6d1fc1b-1aef-411f-9a7f-de35e546c616"

func searchWorld(t *testing.T) (*world, *fakeSearcher) {
	f := &fakeSearcher{}
	w := newWorld(t, func(c *Config) { c.Searcher = f }).populate()
	w.store.repos = append(w.store.repos, syncline.Repository{ID: secondRepoID, Name: "second", Path: "/srv/two", EncryptionKeyID: keyID})
	return w, f
}

func TestSearchQuery(t *testing.T) {
	w, f := searchWorld(t)
	decode[map[string]any](t, w.get("/v6/search"))
	if want := (explore.Query{Limits: explore.Limits{Results: defaultLimit}}); !reflect.DeepEqual(f.query, want) || len(f.repositories) != 2 {
		t.Errorf("asked for %+v in %d repositories", f.query, len(f.repositories))
	}
	at := time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)
	most := uint64(9)
	raw := base64.RawURLEncoding.EncodeToString([]byte("/\xfe"))
	decode[map[string]any](t, w.get("/v6/Search?query=%2Fa%2F%2A%2A&mode=pattern&ignoreCase=false&type=file&type=dir&minSize=3&maxSize=9"+
		"&modifiedAfter=2026-11-23T10:00:00Z&modifiedBefore=2026-11-23T11:00:00%2B01:00&host=one&host=two,three&tag=a,b&tag=c"+
		"&restorePointId="+strings.ToUpper(pointID)+"&query=b&rawPath="+raw+"&limit=7&cursor=c&repositoryId="+strings.ToUpper(repoID)+"&repositoryId="+repoID))
	if f.query.Newest.Equal(at) {
		f.query.Newest = at
	}
	want := explore.Query{
		Texts: []string{"/a/**", "b"}, RestorePoints: []syncline.ID{pointID}, Pattern: true, MatchCase: true, Folder: "/\xfe", Types: []syncline.EntryType{syncline.TypeFile, syncline.TypeDir},
		MinSize: 3, MaxSize: &most, Oldest: at, Newest: at,
		Snapshots: explore.SnapshotFilter{Hosts: []string{"one", "two,three"}, Tags: [][]string{{"a", "b"}, {"c"}}},
		Limits:    explore.Limits{Results: 7}, Cursor: "c",
	}
	if !reflect.DeepEqual(f.query, want) {
		t.Errorf("asked for %+v, not %+v", f.query, want)
	}
	if len(f.repositories) != 1 || f.repositories[0].ID != repoID {
		t.Errorf("asked in %+v", f.repositories)
	}
}

type searchPage struct {
	Results []struct {
		RepositoryID, Path, RawPath, FirstRestorePointID, FirstTime string
		RestorePoints                                               int
		Entry                                                       struct{ Name, RawName, Path string }
	}
	NotSearched     []struct{ RepositoryID, Reason string }
	Cut, NextCursor string
}

func TestSearchAnswer(t *testing.T) {
	w, f := searchWorld(t)
	shown := &catalog.Snapshot{Snapshot: testPoint.Snapshot}
	f.page = explore.SearchPage{
		Results: []explore.Found{{
			Repository: repoID, Path: "/a/b\xff", Entry: &oddEntry, First: shown, Last: shown, Snapshots: 3,
		}},
		NotSearched: []explore.NotSearched{
			{RepositoryID: repoID, Reason: explore.GapNotSynchronized},
			{RepositoryID: secondRepoID, Reason: explore.GapNotSynchronized},
			{RepositoryID: secondRepoID, Reason: explore.GapDamaged},
		},
		Cut: explore.CutTime, Next: "more",
	}
	page := decode[searchPage](t, w.get("/v6/Search?query=b"))
	x := page.Results[0]
	if x.RepositoryID != repoID || x.Path != "/a/b\uFFFD" || x.RawPath != "L2EvYv8=" || x.FirstRestorePointID != string(explore.RestorePointID(repoID, shown.ID)) ||
		x.FirstTime != "2026-11-23T10:00:00.123Z" || x.RestorePoints != 3 || x.Entry.RawName != "Yv8=" || x.Entry.Path != x.Path {
		t.Errorf("the result is %+v", x)
	}
	// The first repository has a running session.
	if n := page.NotSearched; len(n) != 3 || n[0].Reason != "Synchronizing" || n[1].Reason != "NotSynchronized" || n[2].Reason != "Damaged" {
		t.Errorf("not searched are %+v", page.NotSearched)
	}
	if page.Cut != "time" || page.NextCursor != "more" {
		t.Errorf("cut %q, cursor %q", page.Cut, page.NextCursor)
	}
	f.page = explore.SearchPage{}
	if a := w.get("/v6/Search"); strings.TrimSpace(a.body) != `{"results":[]}` {
		t.Errorf("an empty page is %s", a.body)
	}
}

func TestSearchRefuses(t *testing.T) {
	w, f := searchWorld(t)
	for query, part := range map[string]string{
		"query=" + strings.Repeat("x", 1001):  "at most 1000 characters",
		strings.Repeat("query=a&", 51):        "50 times at most",
		"mode=regex":                          "must be one of contains, pattern",
		"ignoreCase=perhaps":                  "true or false",
		"limit=0":                             "from 1 to 1000",
		"limit=1001":                          "from 1 to 1000",
		"limit=many":                          "from 1 to 1000",
		"type=folder":                         "must be one of file, dir",
		"minSize=-1":                          "whole number of 0 or more",
		"maxSize=99999999999999999999":        "whole number",
		"minSize=2&maxSize=1":                 "exchange",
		"modifiedAfter=yesterday":             "RFC 3339",
		"modifiedBefore=2026-02-30T00:00:00Z": "RFC 3339",
		"modifiedAfter=2026-11-23T10:00:00Z&modifiedBefore=2026-11-22T10:00:00Z": "exchange",
		"repositoryId=main":                 "UUID",
		"path=home":                         "absolute",
		"path=/a&rawPath=L2E":               "leave one",
		strings.Repeat("type=file&", 11):    "10 times at most",
		strings.Repeat("host=h&", 101):      "100 times at most",
		"host=" + strings.Repeat("h", 1025): "at most 1024",
		"query=%zz":                         "malformed",
	} {
		wantFailure(t, w.get("/v6/Search?"+query), 400, part)
	}
	wantFailure(t, w.get("/v6/Search?repositoryId="+unknownID), 404, "repository")
	wantFailure(t, w.do(request{method: "POST", path: "/v6/Search"}), 405)
	f.err = syncline.Errorf(syncline.CodeInvalid, "the pattern is not one")
	wantFailure(t, w.get("/v6/Search?mode=pattern&query="+url.QueryEscape("[")), 400, "the pattern is not one")
	f.err = context.DeadlineExceeded
	wantFailure(t, w.get("/v6/Search"), 500)
	f.err, w.store.fail = nil, syncline.Errorf(syncline.CodeUnavailable, "the database cannot be reached now")
	wantFailure(t, w.get("/v6/Search"), 503, "the database")
	if a := w.do(request{method: "GET", path: "/v6/Search?limit=1", token: "viewer"}); a.status != 503 {
		t.Errorf("a viewer gets %d", a.status)
	}
}
