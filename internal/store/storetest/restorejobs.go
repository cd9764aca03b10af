package storetest

import (
	"reflect"
	"testing"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/store"
)

// newRestoreJob makes a job with a bit of everything.
func newRestoreJob(repo syncline.ID) syncline.RestoreJob {
	return syncline.RestoreJob{
		ID: newID(), RepositoryID: repo, RestorePointID: newID(), SnapshotID: syncline.Hash{1, 31: 0xff},
		StartedBy: "ada \xff", TargetPath: "/srv/back \xfe", State: syncline.SessionQueued, CreatedAt: base,
		RestoreSelection: syncline.RestoreSelection{
			Paths: []string{"/a", "/no text \xff\xfe"}, Exclude: []string{"*.tmp", "\xfd"},
			Overwrite: syncline.OverwriteIfNewer, Sparse: true, Verify: true,
		},
	}
}

func addRestoreJob(t *testing.T, s store.Store, repo syncline.ID) syncline.RestoreJob {
	t.Helper()
	j := newRestoreJob(repo)
	check(t, s.AddRestoreJob(t.Context(), j))
	return j
}

func endRestoreJob(t *testing.T, s store.Store, j syncline.RestoreJob, state syncline.SessionState) syncline.RestoreJob {
	t.Helper()
	j.State, j.EndedAt = state, base.Add(time.Minute)
	check(t, s.UpdateRestoreJob(t.Context(), j))
	return j
}

func testRestoreJobs(t *testing.T, s store.Store) {
	ctx := t.Context()
	if got := must(s.RestoreJobs(ctx, "", 10, 0))(t); got == nil || len(got) != 0 {
		t.Fatalf("a new store has restore jobs: %#v", got)
	}
	repo := addRepository(t, s, "r")
	want := addRestoreJob(t, s, repo.ID)
	if got := must(s.RestoreJob(ctx, want.ID))(t); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	wantCode(t, s.AddRestoreJob(ctx, want), syncline.CodeConflict)
	wantCode(t, s.AddRestoreJob(ctx, newRestoreJob(newID())), syncline.CodeNotFound)
	// What a caller puts in otherwise is not taken: a job starts queued.
	odd := newRestoreJob(repo.ID)
	odd.RestoreSelection = syncline.RestoreSelection{Overwrite: syncline.OverwriteAlways}
	plain := odd
	odd.State, odd.Progress, odd.StopRequested, odd.Error, odd.StartedAt = syncline.SessionFailed, 50, true, "x", base
	check(t, s.AddRestoreJob(ctx, odd))
	if got := must(s.RestoreJob(ctx, odd.ID))(t); !reflect.DeepEqual(got, plain) {
		t.Errorf("got %+v, want %+v", got, plain)
	}
	_, err := s.RestoreJob(ctx, newID())
	wantCode(t, err, syncline.CodeNotFound)
}

func testUpdateRestoreJob(t *testing.T, s store.Store) {
	ctx := t.Context()
	repo := addRepository(t, s, "r")
	v := addRestoreJob(t, s, repo.ID)
	v.State, v.Progress, v.StartedAt = syncline.SessionRunning, 41, base.Add(time.Second)
	v.Statistics = syncline.RestoreStatistics{
		Files: 1, Folders: 2, Others: 3, Unchanged: 4, Skipped: 5, Failed: 6, Bytes: 1 << 62, TotalFiles: 8, TotalBytes: 9,
	}
	check(t, s.UpdateRestoreJob(ctx, v))
	if got := must(s.RestoreJob(ctx, v.ID))(t); !reflect.DeepEqual(got, v) {
		t.Errorf("got %+v, want %+v", got, v)
	}
	lower := v
	lower.Progress, lower.Statistics.Files = 40, 11
	check(t, s.UpdateRestoreJob(ctx, lower))
	v.Statistics.Files = 11
	if got := must(s.RestoreJob(ctx, v.ID))(t); !reflect.DeepEqual(got, v) {
		t.Errorf("the progress fell, or the rest was not written: %+v", got)
	}
	for _, bad := range []syncline.RestoreJob{
		{ID: v.ID, State: "paused"},
		{ID: v.ID},
		{ID: v.ID, State: syncline.SessionRunning, Progress: 101},
		{ID: v.ID, State: syncline.SessionRunning, Progress: -1},
	} {
		wantCode(t, s.UpdateRestoreJob(ctx, bad), syncline.CodeInvalid)
	}
	v.Error = "two files \xff"
	written := v
	written.State, written.EndedAt = syncline.SessionFailed, base.Add(time.Minute)
	v = written
	// None of these is its to change.
	written.StopRequested, written.TargetPath, written.Paths, written.CreatedAt = true, "/elsewhere", nil, base.Add(time.Hour)
	check(t, s.UpdateRestoreJob(ctx, written))
	if got := must(s.RestoreJob(ctx, v.ID))(t); !reflect.DeepEqual(got, v) {
		t.Errorf("got %+v, want %+v", got, v)
	}
	v.State = syncline.SessionRunning
	wantCode(t, s.UpdateRestoreJob(ctx, v), syncline.CodeConflict)
	wantCode(t, s.UpdateRestoreJob(ctx, syncline.RestoreJob{ID: newID(), State: syncline.SessionRunning}), syncline.CodeNotFound)
}

func testRestoreJobStop(t *testing.T, s store.Store) {
	ctx := t.Context()
	repo := addRepository(t, s, "r")
	v := addRestoreJob(t, s, repo.ID)
	got := must(s.RequestRestoreStop(ctx, v.ID))(t)
	v.StopRequested = true
	if !reflect.DeepEqual(got, v) {
		t.Errorf("got %+v, want %+v", got, v)
	}
	v.State, v.StopRequested = syncline.SessionRunning, false
	check(t, s.UpdateRestoreJob(ctx, v))
	if !must(s.RestoreJob(ctx, v.ID))(t).StopRequested {
		t.Error("an update took the request to stop back")
	}
	ended := endRestoreJob(t, s, addRestoreJob(t, s, repo.ID), syncline.SessionSucceeded)
	if got := must(s.RequestRestoreStop(ctx, ended.ID))(t); !reflect.DeepEqual(got, ended) {
		t.Errorf("got %+v, want %+v", got, ended)
	}
	_, err := s.RequestRestoreStop(ctx, newID())
	wantCode(t, err, syncline.CodeNotFound)
}

func testRestoreJobPages(t *testing.T, s store.Store) {
	ctx := t.Context()
	a, b := addRepository(t, s, "a"), addRepository(t, s, "b")
	var all []syncline.RestoreJob // newest first
	for _, repo := range []syncline.Repository{a, b, a} {
		all = append([]syncline.RestoreJob{addRestoreJob(t, s, repo.ID)}, all...)
	}
	for _, c := range []struct{ limit, offset, from, to int }{{10, 0, 0, 3}, {2, 0, 0, 2}, {2, 2, 2, 3}, {2, 3, 3, 3}, {0, 0, 0, 0}} {
		got := must(s.RestoreJobs(ctx, "", c.limit, c.offset))(t)
		if want := all[c.from:c.to]; len(got) != len(want) || len(want) > 0 && !reflect.DeepEqual(got, want) {
			t.Errorf("limit %d, offset %d: got %+v, want %+v", c.limit, c.offset, got, want)
		}
	}
	for _, c := range []struct{ limit, offset int }{{-1, 0}, {1, -1}} {
		_, err := s.RestoreJobs(ctx, "", c.limit, c.offset)
		wantCode(t, err, syncline.CodeInvalid)
	}
	endRestoreJob(t, s, all[1], syncline.SessionStopped)
	if got := must(s.UnendedRestoreJobs(ctx))(t); !reflect.DeepEqual(got, []syncline.RestoreJob{all[2], all[0]}) {
		t.Errorf("unended: %+v", got)
	}
}

func testRestoreLog(t *testing.T, s store.Store) {
	ctx := t.Context()
	v := addRestoreJob(t, s, addRepository(t, s, "r").ID)
	if got := whole(t, s.RestoreLog, v.ID); got == nil || len(got) != 0 {
		t.Fatalf("a new job's log: %#v", got)
	}
	items := []syncline.LogItem{
		{Time: base, Level: syncline.LogError, Message: "/a \xff: is missing"},
		{Time: base, Level: syncline.LogInfo, Seq: 77, Message: "numbers are the store's to give"},
		{Time: base.Add(time.Second), Level: syncline.LogError, Message: "last"},
	}
	check(t, s.AppendRestoreLog(ctx, v.ID, items[:2]...))
	check(t, s.AppendRestoreLog(ctx, v.ID))
	endRestoreJob(t, s, v, syncline.SessionFailed)
	check(t, s.AppendRestoreLog(ctx, v.ID, items[2]))
	for i := range items {
		items[i].Seq = int64(i) + 1
	}
	if got := whole(t, s.RestoreLog, v.ID); !reflect.DeepEqual(got, items) {
		t.Errorf("got %+v, want %+v", got, items)
	}
	_, _, err := s.RestoreLog(ctx, newID(), 10, 0)
	wantCode(t, err, syncline.CodeNotFound)
	wantCode(t, s.AppendRestoreLog(ctx, newID(), items[0]), syncline.CodeNotFound)
}

func testRestoreJobsGoWithRepository(t *testing.T, s store.Store) {
	ctx := t.Context()
	gone, kept := addRepository(t, s, "gone"), addRepository(t, s, "kept")
	lost, other := addRestoreJob(t, s, gone.ID), addRestoreJob(t, s, kept.ID)
	for _, v := range []syncline.RestoreJob{lost, other} {
		check(t, s.AppendRestoreLog(ctx, v.ID, syncline.LogItem{Time: base, Level: syncline.LogInfo, Message: "m"}))
	}
	check(t, s.DeleteRepository(ctx, gone.ID))
	_, err := s.RestoreJob(ctx, lost.ID)
	wantCode(t, err, syncline.CodeNotFound)
	wantCode(t, s.UpdateRestoreJob(ctx, lost), syncline.CodeNotFound)
	if got := must(s.RestoreJobs(ctx, "", 10, 0))(t); !reflect.DeepEqual(got, []syncline.RestoreJob{other}) {
		t.Errorf("left: %+v", got)
	}
	fresh := addRestoreJob(t, s, kept.ID)
	if got := whole(t, s.RestoreLog, fresh.ID); len(got) != 0 {
		t.Errorf("a new job has a log: %+v", got)
	}
}
