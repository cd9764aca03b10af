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
)

// fakeExplorer has one entry in every folder of the one restore point, and
// keeps what it was asked.
type fakeExplorer struct {
	entries     syncline.EntriesQuery
	differences syncline.DifferencesQuery
	history     syncline.HistoryQuery
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

func (f *fakeExplorer) Entries(_ context.Context, id syncline.ID, q syncline.EntriesQuery) (syncline.EntryPage, error) {
	f.entries = q
	return syncline.EntryPage{Path: "/a", Total: 7, Offset: 2, Entries: []syncline.Entry{oddEntry}, Next: "more"}, known(id)
}

func (f *fakeExplorer) Entry(_ context.Context, id syncline.ID, _ string) (syncline.Entry, string, error) {
	return oddEntry, "content", known(id)
}

func (f *fakeExplorer) Differences(_ context.Context, id syncline.ID, q syncline.DifferencesQuery) (syncline.DifferencePage, error) {
	f.differences = q
	return syncline.DifferencePage{Differences: []syncline.Difference{{Path: "/a/b\xff", Change: syncline.ChangeAdded, After: &oddEntry}}}, known(id)
}

func (f *fakeExplorer) DifferenceSummary(_ context.Context, id, _ syncline.ID, _ string) (syncline.DifferenceSummary, error) {
	n := syncline.DifferenceCounts{Added: 1, BytesAdded: 5}
	return syncline.DifferenceSummary{DifferenceCounts: n, Folders: []syncline.FolderDifference{{Path: "/a", DifferenceCounts: n}}}, known(id)
}

func (f *fakeExplorer) DifferenceStatistics(_ context.Context, id, _ syncline.ID, _ string) (syncline.DifferenceStatistics, error) {
	return syncline.DifferenceStatistics{ChangedFiles: 2, Added: syncline.SideCounts{Files: 3, Bytes: 4}}, known(id)
}

func (f *fakeExplorer) History(_ context.Context, _ syncline.ID, q syncline.HistoryQuery) (syncline.VersionPage, error) {
	f.history = q
	return syncline.VersionPage{Versions: []syncline.Version{
		{Hostname: "web1", Event: syncline.VersionAppeared, Entry: &oddEntry, First: pointID, Last: pointID, FirstTime: testTime, LastTime: testTime, RestorePoints: 3},
		{Hostname: "web1", Event: syncline.VersionVanished, First: pointID, Last: pointID, FirstTime: testTime, LastTime: testTime, RestorePoints: 1},
	}}, nil
}

func TestEntries(t *testing.T) {
	f := &fakeExplorer{}
	w := newWorld(t, func(c *Config) { c.Explorer, c.Histories = f, f }).populate()
	base := "/v6/RestorePoints/" + pointID
	raw := base64.RawURLEncoding.EncodeToString([]byte("/\xfe\xff?"))
	page := decode[map[string]any](t, w.get(base+"/Entries?sort=size&order=desc&foldersFirst=true&limit=3&cursor=c&rawPath="+raw))
	want := syncline.EntriesQuery{Path: "/\xfe\xff?", Sort: "size", Descending: true, FoldersFirst: true, Limit: 3, Cursor: "c"}
	if f.entries != want {
		t.Errorf("asked for %+v, not %+v", f.entries, want)
	}
	if page["total"] != 7.0 || page["offset"] != 2.0 || page["nextCursor"] != "more" || page["path"] != "/a" {
		t.Errorf("the page is %v", page)
	}
	for query, want := range map[string]syncline.EntriesQuery{
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
	if f.differences != (syncline.DifferencesQuery{With: pointID, Path: "/a", Kind: syncline.ChangeAdded, Limit: defaultLimit}) {
		t.Errorf("asked for %+v", f.differences)
	}
	var list struct {
		Results []struct{ RawPath, Change string }
	}
	if err := json.Unmarshal([]byte(d.body), &list); err != nil || len(list.Results) != 1 || list.Results[0].Change != "Added" || list.Results[0].RawPath == "" {
		t.Errorf("the differences are %s (%v)", d.body, err)
	}
	w.get("/v6/BackupRepositories/" + repoID + "/History?path=/a&host=web1&limit=9")
	if f.history != (syncline.HistoryQuery{Path: "/a", Host: "web1", Limit: 9}) {
		t.Errorf("asked for %+v", f.history)
	}
}
