package api

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"io/fs"
	"net/url"
	"testing"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/explore"
)

// fakeExplorer has one entry in every folder of the one restore point, and
// keeps what it was asked.
type fakeExplorer struct {
	entries     explore.EntriesQuery
	differences explore.DifferencesQuery
	history     explore.HistoryQuery
}

var oddEntry = syncline.Entry{
	Name: "b\xff", Type: syncline.TypeFile, Size: 1 << 63, Mode: fs.ModeSetuid | 0o755, UID: 1<<32 - 1,
	ModTime: testTime, AccessTime: time.Unix(1<<40, 0),
	ExtendedAttributes: []syncline.ExtendedAttribute{{Name: "user.x", Value: []byte{0xff}}},
}

func known(id syncline.ID) error {
	if id != pointID {
		return notFound("restore point")
	}
	return nil
}

func (f *fakeExplorer) Entries(_ context.Context, id syncline.ID, q explore.EntriesQuery) (explore.EntryPage, error) {
	f.entries = q
	return explore.EntryPage{Path: "/a", Total: 7, Offset: 2, Entries: []syncline.Entry{oddEntry}, Next: "more"}, known(id)
}

func (f *fakeExplorer) Entry(_ context.Context, id syncline.ID, _ string) (syncline.Entry, string, error) {
	return oddEntry, "content", known(id)
}

func (f *fakeExplorer) Differences(_ context.Context, id syncline.ID, q explore.DifferencesQuery) (explore.DifferencePage, error) {
	f.differences = q
	return explore.DifferencePage{Differences: []explore.Difference{{Path: "/a/b\xff", Change: explore.ChangeAdded, After: &oddEntry}}}, known(id)
}

func (f *fakeExplorer) DifferenceSummary(_ context.Context, id, _ syncline.ID, _ string) (explore.DifferenceSummary, error) {
	n := explore.DifferenceCounts{Added: 1, BytesAdded: 5}
	return explore.DifferenceSummary{DifferenceCounts: n, Folders: []explore.FolderDifference{{Path: "/a", DifferenceCounts: n}}}, known(id)
}

func (f *fakeExplorer) DifferenceStatistics(_ context.Context, id, _ syncline.ID, _ string) (explore.DifferenceStatistics, error) {
	return explore.DifferenceStatistics{ChangedFiles: 2, Added: explore.SideCounts{Files: 3, Bytes: 4}}, known(id)
}

func (f *fakeExplorer) History(_ context.Context, _ syncline.ID, q explore.HistoryQuery) (explore.VersionPage, error) {
	f.history = q
	return explore.VersionPage{Versions: []explore.Version{
		{Hostname: "web1", Event: explore.VersionAppeared, Entry: &oddEntry, First: pointID, Last: pointID, FirstTime: testTime, LastTime: testTime, RestorePoints: 3},
		{Hostname: "web1", Event: explore.VersionVanished, First: pointID, Last: pointID, FirstTime: testTime, LastTime: testTime, RestorePoints: 1},
	}}, nil
}

func TestEntries(t *testing.T) {
	f := &fakeExplorer{}
	w := newWorld(t, func(c *Config) { c.Explorer, c.Histories = f, f }).populate()
	base := "/v6/RestorePoints/" + pointID
	raw := base64.RawURLEncoding.EncodeToString([]byte("/\xfe\xff?"))
	page := decode[map[string]any](t, w.get(base+"/Entries?sort=size&order=desc&foldersFirst=true&limit=3&cursor=c&rawPath="+raw))
	want := explore.EntriesQuery{Path: "/\xfe\xff?", Sort: "size", Descending: true, FoldersFirst: true, Limit: 3, Cursor: "c"}
	if f.entries != want {
		t.Errorf("asked for %+v, not %+v", f.entries, want)
	}
	if page["total"] != 7.0 || page["offset"] != 2.0 || page["nextCursor"] != "more" || page["path"] != "/a" {
		t.Errorf("the page is %v", page)
	}
	for query, want := range map[string]explore.EntriesQuery{
		"offset=9": {Sort: "name", Offset: 9, Limit: 100}, "find=b%26": {Sort: "name", Find: "b&", Limit: 100}, "rawFind=Yv8": {Sort: "name", Find: "b\xff", Limit: 100},
	} {
		if w.get(base + "/Entries?" + query); f.entries != want {
			t.Errorf("%s asked for %+v, not %+v", query, f.entries, want)
		}
	}
	e := decode[map[string]any](t, w.get(base+"/Entry?path=/a/"+url.PathEscape("b")))
	for name, value := range map[string]any{
		"name": "b\uFFFD", "rawName": "Yv8=", "path": "/a/b", "mode": "-rwsr-xr-x", "permissions": "4755", "contentId": "content",
		"modifyTime": "2026-11-23T10:00:00Z", "size": 9223372036854775807.0, "uid": 4294967295.0,
	} {
		if e[name] != value {
			t.Errorf("%s is %v, not %v", name, e[name], value)
		}
	}
	if _, ok := e["accessTime"]; ok {
		t.Error("a time that cannot be written is there")
	}
	for query, part := range map[string]string{
		"path=a": "absolute", "path=/a&rawPath=L2E": "leave one", "rawPath=!": "Base64", "limit=0": "from 1 to 1000",
		"limit=1001": "from 1 to 1000", "sort=age": "must be one of", "path=/%00": "NUL", "order=up": "must be one of",
		"find=a&rawFind=YQ": "leave one", "rawFind=!": "Base64", "offset=-1": "from 0",
	} {
		wantFailure(t, w.get(base+"/Entries?"+query), 400, part)
	}
	wantFailure(t, w.get(base+"/Differences"), 400, "with is required")
	wantFailure(t, w.get(base+"/Differences?with=x"), 400, "UUID")
	d := w.get(base + "/Differences?kind=Added&path=/a&with=" + pointID)
	if f.differences != (explore.DifferencesQuery{With: pointID, Path: "/a", Kind: explore.ChangeAdded, Limit: defaultLimit}) {
		t.Errorf("asked for %+v", f.differences)
	}
	var list struct {
		Results []struct{ RawPath, Change string }
	}
	if err := json.Unmarshal([]byte(d.body), &list); err != nil || len(list.Results) != 1 || list.Results[0].Change != "Added" || list.Results[0].RawPath == "" {
		t.Errorf("the differences are %s (%v)", d.body, err)
	}
	w.get("/v6/BackupRepositories/" + repoID + "/History?path=/a&host=web1&limit=9")
	if f.history != (explore.HistoryQuery{Path: "/a", Host: "web1", Limit: 9}) {
		t.Errorf("asked for %+v", f.history)
	}
}
