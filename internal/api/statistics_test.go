package api

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"testing"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/explore"
)

// fakeStatistics knows the one restore point, and keeps what it was asked.
type fakeStatistics struct {
	points  []explore.PointStatistics // of the repository
	query   explore.FolderSizesQuery
	counted string
}

var pointStatistics = explore.PointStatistics{
	Point: testPoint, EntryCounts: explore.EntryCounts{Files: 5, Folders: 4, Links: 3, Others: 2}, Size: math.MaxUint64,
	AddedFiles: 11, AddedSize: 12, AddedStoredSize: 13, UniqueFiles: 14, UniqueSize: 15, UniqueStoredSize: 16, DistinctSize: 17, StoredSize: 18,
}

func (f *fakeStatistics) Repository(context.Context, syncline.ID) (explore.RepositoryStatistics, error) {
	return explore.RepositoryStatistics{
		Points: f.points, EntryCounts: pointStatistics.EntryCounts, Size: 20, FileVersions: 21,
		DataBlobs: 22, TreeBlobs: 23, MissingBlobs: 24, DataSize: 25, StoredSize: 26, UnusedStoredSize: 27,
	}, nil
}

func (f *fakeStatistics) Count(_ context.Context, repository syncline.ID, points []syncline.ID, mode explore.CountMode) (explore.Counts, error) {
	f.counted = fmt.Sprintf("%s %s %s", repository, points, mode)
	return explore.Counts{Snapshots: 1, Files: 2, Blobs: 3, Size: 1 << 63, UncompressedSize: 5, CompressedSize: 6, CompressedFrom: 7}, nil
}

func (f *fakeStatistics) RestorePoint(_ context.Context, id syncline.ID) (explore.RestorePointStatistics, error) {
	return explore.RestorePointStatistics{
		PointStatistics: pointStatistics,
		LargestFiles:    []explore.SizedPath{{Path: "/b\xff", Size: 7, ModTime: testTime}, {Path: "/c", Size: 6}},
		LargestFolders:  []explore.SizedPath{{Path: "/d\xff", Files: 2, Size: 9}},
		Kinds:           []explore.KindSize{{Kind: ".jpg", Files: 1, Size: 7}, {Files: 3, Size: 2}, {Other: true, Files: 4, Size: 1}},
	}, known(id)
}

func (f *fakeStatistics) FolderSizes(_ context.Context, id syncline.ID, q explore.FolderSizesQuery) (explore.FolderSize, error) {
	f.query = q
	return explore.FolderSize{
		Path: "/a", Name: "a", Type: syncline.TypeDir, EntryCounts: explore.EntryCounts{Files: 9}, Size: 30, Listed: true,
		Children: []explore.FolderSize{
			{Path: "/a/b\xff", Name: "b\xff", Type: syncline.TypeDir, Size: 20, Listed: true},
			{Path: "/a/c", Name: "c", Type: syncline.TypeFile, EntryCounts: explore.EntryCounts{Files: 1}, Size: 5},
		},
		Rest: explore.FolderRest{Count: 3, EntryCounts: explore.EntryCounts{Files: 1, Folders: 1, Links: 1, Others: 1}, Size: 5},
	}, known(id)
}

// sameJSON checks that an answer is, whatever the order of its properties.
func sameJSON(t *testing.T, a answer, want string) {
	t.Helper()
	var x, y any
	if err := json.Unmarshal([]byte(want), &y); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(a.body), &x); err != nil || a.status != 200 {
		t.Fatalf("%d %s", a.status, a.body)
	}
	got, _ := json.Marshal(x)
	expected, _ := json.Marshal(y)
	if string(got) != string(expected) {
		t.Errorf("the answer is\n%s\nnot\n%s", got, expected)
	}
}

func TestStatistics(t *testing.T) {
	f := &fakeStatistics{points: []explore.PointStatistics{pointStatistics}}
	w := newWorld(t, func(c *Config) { c.Statistics = f }).populate()
	const point = `"files":5,"folders":4,"links":3,"others":2,"size":9223372036854775807,"addedFiles":11,"addedSize":12,"addedStoredSize":13,` +
		`"uniqueFiles":14,"uniqueSize":15,"uniqueStoredSize":16`
	sameJSON(t, w.get("/v6/BackupRepositories/"+repoID+"/Statistics"), `{"repositoryId":"`+repoID+`","restorePoints":1,
		"totals":{"files":5,"folders":4,"links":3,"others":2,"size":20,"fileVersions":21,"rawDataSize":25,"storedSize":26,"unusedStoredSize":27,
			"dataBlobs":22,"treeBlobs":23,"missingBlobs":24},
		"growth":[{"restorePointId":"`+pointID+`","snapshotId":"`+testPoint.Snapshot.ID.String()+`","backupTime":"2026-11-23T10:00:00.123Z",
			"hostName":"web1",`+point+`,"distinctSize":17,"storedSize":18}]}`)
	base := "/v6/RestorePoints/" + pointID
	sameJSON(t, w.get(base+"/Statistics"), `{"restorePointId":"`+pointID+`",`+point+`,
		"largestFiles":[{"path":"/b\ufffd","rawPath":"L2L/","size":7,"modified":"2026-11-23T10:00:00Z"},{"path":"/c","size":6}],
		"largestFolders":[{"path":"/d\ufffd","rawPath":"L2T/","files":2,"size":9}],
		"kinds":[{"kind":".jpg","files":1,"size":7},{"kind":"","files":3,"size":2},{"kind":"","other":true,"files":4,"size":1}]}`)
	sameJSON(t, w.get(base+"/FolderSizes?rawPath=L2E_&depth=3&limit=7"), `{"path":"/a","name":"a","type":"dir","files":9,"folders":0,"links":0,"others":0,"size":30,
		"children":[{"path":"/a/b\ufffd","rawPath":"L2EvYv8=","name":"b\ufffd","rawName":"Yv8=","type":"dir","files":0,"folders":0,"links":0,"others":0,"size":20,"children":[]},
			{"path":"/a/c","name":"c","type":"file","files":1,"folders":0,"links":0,"others":0,"size":5}],
		"rest":{"count":3,"files":1,"folders":1,"links":1,"others":1,"size":5}}`)
	if f.query != (explore.FolderSizesQuery{Path: "/a?", Depth: 3, Limit: 7}) {
		t.Errorf("asked for %+v", f.query)
	}
	w.get(base + "/FolderSizes")
	if f.query != (explore.FolderSizesQuery{Depth: 1, Limit: 50}) {
		t.Errorf("by default it is %+v", f.query)
	}
	counts := "/v6/BackupRepositories/" + repoID + "/Counts"
	sameJSON(t, w.get(counts), `{"restorePoints":1,"files":2,"blobs":3,"size":9223372036854775807,"uncompressedSize":5,"compressedSize":6,"compressedFrom":7}`)
	if f.counted != repoID+" [] restore-size" {
		t.Errorf("by default, %s was counted", f.counted)
	}
	w.get(counts + "?mode=BlobsPerFile&restorePointId=" + pointID)
	if f.counted != repoID+" ["+pointID+"] blobs-per-file" {
		t.Errorf("%s was counted", f.counted)
	}
	wantFailure(t, w.get(counts+"?mode=raw-data"), 400, "RestoreSize")
	wantFailure(t, w.get("/v6/BackupRepositories/"+pointID+"/Counts"), 404, "repository")
	for query, part := range map[string]string{
		"depth=0": "from 1 to 3", "depth=4": "from 1 to 3", "limit=0": "from 1 to 500", "limit=501": "from 1 to 500", "path=a": "absolute", "rawPath=!": "Base64",
	} {
		wantFailure(t, w.get(base+"/FolderSizes?"+query), 400, part)
	}
}

func TestSpread(t *testing.T) {
	// The days on which the newest points were, of a repository with many at first.
	days := []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 20, 99, 100}
	points := make([]explore.PointStatistics, len(days))
	for i, day := range days {
		points[i].Point.Snapshot.Time = testTime.AddDate(0, 0, day)
	}
	for _, c := range []struct {
		n    int
		want []int
	}{
		{2, []int{0, 100}},
		{3, []int{0, 20, 100}},
		{5, []int{0, 20, 100}},
		{11, []int{0, 9, 20, 100}},
		{12, []int{0, 9, 20, 100}},
		{13, days},
		{1000, days},
	} {
		got := []int{}
		for _, p := range spread(points, c.n) {
			got = append(got, int(p.Point.Snapshot.Time.Sub(testTime).Hours()/24))
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("of %d points, %d are those of the days %v, not %v", len(days), c.n, got, c.want)
		}
	}
	for i := range points { // all at once
		points[i].Point.Snapshot.Time = testTime
	}
	if got := spread(points, 3); len(got) != 2 {
		t.Errorf("of points at one time there are %d", len(got))
	}
}

func TestStatisticsOfFewPoints(t *testing.T) {
	f := &fakeStatistics{points: slices.Repeat([]explore.PointStatistics{pointStatistics}, 5)}
	w := newWorld(t, func(c *Config) { c.Statistics = f }).populate()
	for query, want := range map[string]int{"": 5, "?points=5": 5, "?points=2": 2} {
		var got struct {
			RestorePoints int
			Growth        []any
		}
		a := w.get("/v6/BackupRepositories/" + repoID + "/Statistics" + query)
		if err := json.Unmarshal([]byte(a.body), &got); err != nil || got.RestorePoints != 5 || len(got.Growth) != want {
			t.Errorf("%q: %d of %d points", query, len(got.Growth), got.RestorePoints)
		}
	}
	for _, n := range []string{"0", "1", "-2", "1001", "x"} {
		if a := w.get("/v6/BackupRepositories/" + repoID + "/Statistics?points=" + n); a.status != 400 {
			t.Errorf("points=%s: %d", n, a.status)
		}
	}
}
