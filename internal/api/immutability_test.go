package api

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"syncline.dev/syncline"
)

// TestImmutability tells what the last look at a storage found, and nothing where nobody has
// looked at the place.
func TestImmutability(t *testing.T) {
	w := newWorld(t).populate()
	found := syncline.Immutability{RepositoryID: repoID, At: testTime, Rights: syncline.RightsUnknown}
	held := found
	held.Told, held.Looked, held.Held, held.Archived, held.Class, held.Rights = true, 21, 2, 3, "GLACIER", syncline.RightsReadOnly
	kept := found
	kept.Told, kept.Looked, kept.Kept, kept.Rule, kept.Oldest, kept.Newest = true, 21, 20, "governance, 40 days", testTime.Add(time.Hour), testTime.Add(2*time.Hour)
	none := found
	none.Told, none.Looked, none.Whole = true, 21, true
	failed := found
	failed.Error = "it is away"
	elsewhere := kept
	elsewhere.ObjectStorageID = unknownID
	for _, test := range []struct {
		look syncline.Immutability
		want string
	}{
		{found, `"state":"Unknown","error":"the storage does not tell until when it keeps files","sample":{"looked":0,"kept":0,"isWhole":false},"legalHolds":0,"archived":0,"rights":"Unknown"}`},
		{failed, `"state":"Unknown","error":"it is away","sample":{"looked":0`},
		{held, `"state":"Kept","sample":{"looked":21,"kept":0,"isWhole":false},"legalHolds":2,"archived":3,"archiveClass":"GLACIER","rights":"ReadOnly"}`},
		{kept, `"immutability":{"checkedTime":"2026-11-23T10:00:00Z","state":"Kept","until":{"oldest":"2026-11-23T11:00:00Z","newest":"2026-11-23T12:00:00Z"},"rule":"governance, 40 days","sample":{"looked":21,"kept":20,`},
		{none, `"state":"NotKept","sample":{"looked":21,"kept":0,"isWhole":true}`},
		{elsewhere, ""},
		{syncline.Immutability{RepositoryID: repoID}, ""},
		{syncline.Immutability{RepositoryID: unknownID, At: testTime}, ""},
	} {
		w.looks = fakeLooks{test.look}
		for _, path := range []string{"/v6/BackupRepositories", "/v6/BackupRepositories/" + repoID} {
			a := w.get(path)
			if a.status != http.StatusOK || !strings.Contains(a.body, test.want) || (test.want == "") != !strings.Contains(a.body, "immutability") {
				t.Errorf("%s with %+v: %d %s", path, test.look, a.status, a.body)
			}
		}
	}
	w.looks = fakeLooks{kept}
	document := w.get("/v6/BackupRepositories/" + repoID).body
	if a := w.do(request{method: "PUT", path: "/v6/BackupRepositories/" + repoID, body: document}); a.status != http.StatusOK {
		t.Errorf("a document that is sent back: %d %s", a.status, a.body)
	}
}

// fakeLooks are the last looks at storages.
type fakeLooks []syncline.Immutability

func (f *fakeLooks) Immutabilities(context.Context) ([]syncline.Immutability, error) { return *f, nil }

func (f *fakeLooks) Immutability(_ context.Context, id syncline.ID) (syncline.Immutability, error) {
	for _, i := range *f {
		if i.RepositoryID == id {
			return i, nil
		}
	}
	return syncline.Immutability{RepositoryID: id}, nil
}

func (f *fakeLooks) Anew(syncline.ID) {}
