package jobs_test

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"go.uber.org/goleak"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/content"
	"syncline.dev/syncline/internal/restore/jobs"
	"syncline.dev/syncline/internal/run"
	"syncline.dev/syncline/internal/store"
	stores "syncline.dev/syncline/internal/store/sqlite"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	repositoryID = syncline.ID("b251376e-be62-450d-914d-f8f7fa9f719f")
	pointID      = syncline.ID("9a3b5c7d-1111-4222-8333-444455556666")
)

// host is a service with a store, one repository, and contents that are given
// out when the test says so.
type host struct {
	t       *testing.T
	store   *stores.Store
	runs    *run.Service
	service *jobs.Service
	root    string        // allowed
	path    string        // the repository's
	using   chan struct{} // gets a value when a job begins to read
	gate    chan error    // what the reading ends with
	stuck   chan struct{} // unless nil: a job that is stopped reads on until it is closed
}

func newHost(t *testing.T) *host {
	h := &host{t: t, path: t.TempDir(), using: make(chan struct{}, 1000), gate: make(chan error)}
	ctx := context.Background()
	var err error
	if h.root, err = filepath.EvalSymlinks(t.TempDir()); err != nil {
		t.Fatal(err)
	}
	if h.store, err = stores.Open(ctx, filepath.Join(t.TempDir(), "db")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.store.Close() })
	h.addRepository(repositoryID, h.path)
	h.open()
	t.Cleanup(func() { h.runs.Close() })
	return h
}

func (h *host) addRepository(id syncline.ID, path string) {
	h.t.Helper()
	err := h.store.AddRepository(context.Background(), syncline.Repository{ID: id, Name: path, Path: path, CreatedAt: time.Now()})
	if err != nil {
		h.t.Fatal(err)
	}
}

// open begins a service, as a start of the server does.
func (h *host) open() {
	h.t.Helper()
	h.runs = &run.Service{
		Store: h.store, Node: "node", Logger: slog.New(slog.DiscardHandler), Now: time.Now,
		NewID: func() syncline.ID { return syncline.ID(uuid.NewString()) },
	}
	h.service = &jobs.Service{
		Runs: h.runs, Repositories: h.store, Points: h, Contents: h,
		Allowed: []syncline.RestoreTarget{{Name: "root", Path: h.root}, {Name: "deeper", Path: filepath.Join(h.root, "deeper")}},
	}
	if err := h.runs.Open(context.Background(), h.service.Kind()); err != nil {
		h.t.Fatal(err)
	}
}

// Get implements jobs.Points.
func (h *host) Get(_ context.Context, id syncline.ID) (syncline.RestorePoint, error) {
	if id != pointID {
		return syncline.RestorePoint{}, syncline.Errorf(syncline.CodeNotFound, "there is no such restore point")
	}
	return syncline.RestorePoint{ID: id, RepositoryID: repositoryID, Snapshot: syncline.Snapshot{ID: syncline.Hash{7}}}, nil
}

// Find implements jobs.Contents.
func (h *host) Find(_ context.Context, _ syncline.RestorePoint, path string) (*syncline.Entry, error) {
	if path == "/none" {
		return nil, syncline.Errorf(syncline.CodeNotFound, "there is no %q", path)
	}
	return &syncline.Entry{}, nil
}

// Use implements jobs.Contents. It restores nothing.
func (h *host) Use(ctx context.Context, point syncline.RestorePoint, _ func(content.Tree, *content.Source) error) error {
	if point.RepositoryID != repositoryID || point.Snapshot.ID != (syncline.Hash{7}) {
		return errors.New("another restore point")
	}
	h.using <- struct{}{}
	select {
	case err := <-h.gate:
		return err
	case <-ctx.Done():
		if h.stuck != nil {
			<-h.stuck
		}
		return ctx.Err()
	}
}

func (h *host) start(target string) syncline.RestoreJob {
	h.t.Helper()
	j, err := h.service.Start(h.t.Context(), syncline.RestoreJob{
		Work: syncline.Work{StartedBy: "ada"}, RestorePointID: pointID, TargetPath: filepath.Join(h.root, target),
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return j
}

// ended waits for the end of a job.
func (h *host) ended(id syncline.ID) syncline.RestoreJob {
	h.t.Helper()
	changed, stop := h.service.Watch(id)
	defer stop()
	for {
		j := h.job(id)
		if j.State.Ended() {
			return j
		}
		select {
		case <-changed:
		case <-h.t.Context().Done():
			h.t.Fatal("the job does not end")
		}
	}
}

func (h *host) job(id syncline.ID) syncline.RestoreJob {
	h.t.Helper()
	j, err := h.service.RestoreJob(context.Background(), id)
	if err != nil {
		h.t.Fatal(err)
	}
	return j
}

func (h *host) log(id syncline.ID) (text string) {
	h.t.Helper()
	items, _, err := h.service.RestoreLog(context.Background(), id, 1000, 0)
	if err != nil {
		h.t.Fatal(err)
	}
	for _, item := range items {
		text += string(item.Level) + " " + item.Message + "\n"
	}
	return text
}

func TestJob(t *testing.T) {
	h := newHost(t)
	j := h.start("a")
	if j.State != syncline.WorkQueued || j.RepositoryID != repositoryID || j.Overwrite != syncline.OverwriteAlways || j.SnapshotID != (syncline.Hash{7}) {
		t.Errorf("started %+v", j)
	}
	<-h.using
	if now := h.job(j.ID); now.State != syncline.WorkRunning || now.StartedAt.IsZero() {
		t.Errorf("runs as %+v", now)
	}
	h.gate <- nil
	if j = h.ended(j.ID); j.State != syncline.WorkSucceeded || j.Progress != 100 || j.EndedAt.IsZero() || j.StartedBy != "ada" {
		t.Errorf("ended as %+v", j)
	}
	j = h.start("a") // the folder is free again
	h.gate <- syncline.Errorf(syncline.CodeUnavailable, "the cellar is flooded")
	if j = h.ended(j.ID); j.State != syncline.WorkFailed || j.Error != "the cellar is flooded" || j.Progress == 100 || !strings.Contains(h.log(j.ID), "Error the cellar") {
		t.Errorf("ended as %+v: %s", j, h.log(j.ID))
	}
}

func TestStop(t *testing.T) {
	h := newHost(t)
	running := []syncline.RestoreJob{h.start("a"), h.start("b"), h.start("c")}
	for range running {
		<-h.using
	}
	waiting := h.start("d")
	for _, j := range []syncline.RestoreJob{waiting, running[1]} {
		if err := h.service.Stop(t.Context(), j.ID); err != nil {
			t.Fatal(err)
		}
		if j = h.ended(j.ID); j.State != syncline.WorkStopped || j.Error != "" || !strings.Contains(h.log(j.ID), "Stopped on request") {
			t.Errorf("ended as %+v", j)
		}
	}
	if j := h.job(waiting.ID); !j.StartedAt.IsZero() {
		t.Error("more than three ran at once")
	}
	if len(h.using) > 0 {
		t.Error("the stopped job began to read")
	}
	if err := h.service.Stop(t.Context(), waiting.ID); err != nil {
		t.Errorf("stopping again: %v", err)
	}
	if err := h.service.Stop(t.Context(), pointID); syncline.CodeOf(err) != syncline.CodeNotFound {
		t.Errorf("stopping what is not there: %v", err)
	}
}

// TestRestart closes the service while jobs run and wait, and opens another.
func TestRestart(t *testing.T) {
	h := newHost(t)
	always := h.start("a")
	never, err := h.service.Start(t.Context(), syncline.RestoreJob{
		RestorePointID: pointID, TargetPath: h.root + "/b", RestoreSelection: syncline.RestoreSelection{Overwrite: syncline.OverwriteNever},
	})
	if err != nil {
		t.Fatal(err)
	}
	third := h.start("c")
	for range 3 {
		<-h.using
	}
	waiting := h.start("d")
	if _, err := h.store.RequestStop(t.Context(), syncline.WorkRestore, third.ID); err != nil { // and dies before it acts
		t.Fatal(err)
	}
	h.runs.Close()
	for _, j := range []syncline.RestoreJob{always, never, third, waiting} {
		if j = h.job(j.ID); j.State.Ended() {
			t.Errorf("ended as %+v", j)
		}
	}
	h.open()
	if j := h.ended(never.ID); j.State != syncline.WorkFailed || !strings.Contains(j.Error, "restarted meanwhile") {
		t.Errorf("what would keep half a file ended as %+v", j)
	}
	if j := h.ended(third.ID); j.State != syncline.WorkStopped {
		t.Errorf("what was to stop ended as %+v", j)
	}
	h.gate <- nil
	h.gate <- nil
	for _, j := range []syncline.RestoreJob{always, waiting} {
		if j = h.ended(j.ID); j.State != syncline.WorkSucceeded {
			t.Errorf("ended as %+v", j)
		}
	}
	if !strings.Contains(h.log(always.ID), "restarted") || h.log(waiting.ID) != "" {
		t.Errorf("the logs: %q, %q", h.log(always.ID), h.log(waiting.ID))
	}
}

func TestRefused(t *testing.T) {
	h := newHost(t)
	link := filepath.Join(t.TempDir(), "link")
	inRoot := filepath.Join(h.root, "backups", "repo")
	if err := errors.Join(os.MkdirAll(inRoot, 0o700), os.Symlink(inRoot, link)); err != nil {
		t.Fatal(err)
	}
	h.addRepository("b251376e-be62-450d-914d-f8f7fa9f7190", link)
	h.start("busy/folder")
	<-h.using // which has the folders that are allowed by then
	for _, c := range []struct {
		path string
		code syncline.Code
	}{
		{h.root + "x", syncline.CodeForbidden},
		{filepath.Dir(h.root), syncline.CodeForbidden},
		{h.root + "/a/../../x", syncline.CodeForbidden},
		{"a", syncline.CodeInvalid},
		{"", syncline.CodeInvalid},
		{h.root + "/a\x00b", syncline.CodeInvalid},
		{h.root + "/busy", syncline.CodeConflict},
		{h.root + "/busy/folder", syncline.CodeConflict},
		{h.root + "/x/../busy//folder/below/", syncline.CodeConflict},
		{h.root, syncline.CodeConflict},
		{inRoot, syncline.CodeConflict},
		{inRoot + "/data", syncline.CodeConflict},
		{filepath.Dir(inRoot), syncline.CodeConflict},
	} {
		_, err := h.service.Start(t.Context(), syncline.RestoreJob{RestorePointID: pointID, TargetPath: c.path})
		if syncline.CodeOf(err) != c.code {
			t.Errorf("%q: %v, not %s", c.path, err, c.code)
		}
	}
	for name, c := range map[string]struct {
		job  syncline.RestoreJob
		code syncline.Code
	}{
		"no restore point": {syncline.RestoreJob{}, syncline.CodeNotFound},
		"no path":          {syncline.RestoreJob{RestorePointID: pointID, RestoreSelection: syncline.RestoreSelection{Paths: []string{"/a", "/none"}}}, syncline.CodeNotFound},
		"pattern":          {syncline.RestoreJob{RestorePointID: pointID, RestoreSelection: syncline.RestoreSelection{Include: []string{"["}}}, syncline.CodeInvalid},
		"overwrite":        {syncline.RestoreJob{RestorePointID: pointID, RestoreSelection: syncline.RestoreSelection{Overwrite: "x"}}, syncline.CodeInvalid},
	} {
		c.job.TargetPath = h.root + "/free"
		if _, err := h.service.Start(t.Context(), c.job); syncline.CodeOf(err) != c.code {
			t.Errorf("%s: %v, not %s", name, err, c.code)
		}
	}
	h.service.Allowed = nil
	_, err := h.service.Start(t.Context(), syncline.RestoreJob{RestorePointID: pointID, TargetPath: h.root + "/a"})
	if syncline.CodeOf(err) != syncline.CodeForbidden || !strings.Contains(syncline.MessageOf(err), "--restore-root") {
		t.Errorf("where none is allowed: %v", err)
	}
}

// TestForget removes a repository while a job of it runs.
func TestForget(t *testing.T) {
	h := newHost(t)
	j := h.start("a")
	<-h.using
	err := h.runs.Forget(t.Context(), repositoryID, func(ctx context.Context) error {
		if j = h.job(j.ID); j.State != syncline.WorkStopped {
			t.Errorf("while the repository is removed the job is %+v", j)
		}
		_, err := h.service.Start(ctx, syncline.RestoreJob{RestorePointID: pointID, TargetPath: h.root + "/b"})
		if syncline.CodeOf(err) != syncline.CodeConflict {
			t.Errorf("starting meanwhile: %v", err)
		}
		return h.store.DeleteRepository(ctx, repositoryID)
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.service.RestoreJob(t.Context(), j.ID); syncline.CodeOf(err) != syncline.CodeNotFound {
		t.Errorf("the job: %v", err)
	}
}

// TestForgetIsGivenUp removes a repository again after those who asked for it
// did not wait for the end of a job.
func TestForgetIsGivenUp(t *testing.T) {
	h := newHost(t)
	h.stuck = make(chan struct{})
	h.start("a")
	<-h.using
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	remove := func(ctx context.Context) error { return h.store.DeleteRepository(ctx, repositoryID) }
	for range 2 {
		if err := h.runs.Forget(gone, repositoryID, remove); !errors.Is(err, context.Canceled) {
			t.Errorf("given up with %v", err)
		}
	}
	close(h.stuck)
	if err := h.runs.Forget(t.Context(), repositoryID, remove); err != nil {
		t.Error(err)
	}
}

func TestTooManyWait(t *testing.T) {
	h := newHost(t)
	for range 100 {
		h.start(uuid.NewString())
	}
	_, err := h.service.Start(t.Context(), syncline.RestoreJob{RestorePointID: pointID, TargetPath: h.root + "/more"})
	if syncline.CodeOf(err) != syncline.CodeThrottled {
		t.Errorf("got %v", err)
	}
}

// Damaged records are shown as jobs that failed. A job whose order is damaged cannot be
// resumed; a job that runs writes its statistics anew.
func TestUnreadableRecords(t *testing.T) {
	h := newHost(t)
	j := h.start("a")
	<-h.using
	h.runs.Close()
	w, err := h.store.Work(t.Context(), syncline.WorkRestore, j.ID)
	if err != nil {
		t.Fatal(err)
	}
	w.Result = `x`
	if err := h.store.UpdateWork(t.Context(), w); err != nil {
		t.Fatal(err)
	}
	if j = h.job(j.ID); j.State != syncline.WorkRunning || j.TargetPath != h.root+"/a" {
		t.Errorf("a job that runs is shown as %+v", j)
	}
	w.State = syncline.WorkSucceeded
	if err := h.store.UpdateWork(t.Context(), w); err != nil {
		t.Fatal(err)
	}
	if j = h.job(j.ID); j.State != syncline.WorkFailed || j.Error != run.MsgUnreadable {
		t.Errorf("a job whose statistics are damaged is shown as %+v", j)
	}
	service := jobs.Service{Runs: &run.Service{Store: odd{h.store}}}
	if j, err = service.RestoreJob(t.Context(), j.ID); err != nil || j.State != syncline.WorkFailed || j.Error != run.MsgUnreadable {
		t.Errorf("a job whose state is damaged is shown as %+v, %v", j, err)
	}
	for i, order := range []string{"", "x", "{}", `{"target":"x"}`} {
		w.ID, w.Order = syncline.ID(uuid.NewString()), order
		added, _, err := h.store.AddWork(t.Context(), w)
		if err != nil {
			t.Fatal(err)
		}
		h.open()
		if j = h.job(added.ID); j.State != syncline.WorkFailed || j.Error != run.MsgUnreadable || j.EndedAt.IsZero() {
			t.Errorf("%d: a job that cannot be resumed ended as %+v", i, j)
		}
		stored, err := h.store.Work(t.Context(), syncline.WorkRestore, added.ID)
		if err != nil || stored.State != syncline.WorkFailed {
			t.Errorf("%d: it is kept as %+v, %v", i, stored, err)
		}
		h.runs.Close()
	}
}

// odd is a store in which the state of work is damaged.
type odd struct{ run.Store }

func (s odd) Work(ctx context.Context, kind syncline.WorkKind, id syncline.ID) (store.Work, error) {
	w, err := s.Store.Work(ctx, kind, id)
	w.State = "runnin"
	return w, err
}

// An order survives the store, whatever bytes are in it.
func TestOrder(t *testing.T) {
	h := newHost(t)
	want := syncline.RestoreSelection{
		Paths: []string{"/a", "/no text \xff\xfe"}, Exclude: []string{"*.tmp", "\xfd"},
		Overwrite: syncline.OverwriteIfNewer, Sparse: true, Verify: true,
	}
	j, err := h.service.Start(t.Context(), syncline.RestoreJob{RestorePointID: pointID, TargetPath: h.root + "/back \xfe", RestoreSelection: want})
	if err != nil {
		t.Fatal(err)
	}
	h.gate <- nil
	j = h.ended(j.ID)
	if !reflect.DeepEqual(j.RestoreSelection, want) || j.TargetPath != h.root+"/back \xfe" || j.SnapshotID != (syncline.Hash{7}) || j.RestorePointID != pointID {
		t.Errorf("the order became %+v", j)
	}
}

// A repository in a folder of another machine is restored from there only, and its path is
// in nobody's way here.
func TestFolderOfAnotherNode(t *testing.T) {
	h := newHost(t)
	const elsewhere = syncline.ID("c6d1fc1b-1aef-411f-9a7f-de35e546c699")
	h.addRepository(elsewhere, h.root)
	far := elsewhere
	h.service.HasFolder = func(_ context.Context, r syncline.Repository) error {
		if r.ID == far {
			return syncline.Errorf(syncline.CodeConflict, "it lies on the node other")
		}
		return nil
	}
	job := syncline.RestoreJob{RestorePointID: pointID, TargetPath: h.root + "/a"}
	if _, err := h.service.Start(t.Context(), job); err != nil {
		t.Errorf("a path of another machine is in the way: %v", err)
	}
	<-h.using
	far = repositoryID
	if _, err := h.service.Start(t.Context(), job); syncline.CodeOf(err) != syncline.CodeConflict || !strings.Contains(err.Error(), "the node other") {
		t.Errorf("got %v", err)
	}
	h.service.HasFolder = func(context.Context, syncline.Repository) error {
		return syncline.Errorf(syncline.CodeUnavailable, "the database is away")
	}
	if _, err := h.service.Start(t.Context(), job); syncline.CodeOf(err) != syncline.CodeUnavailable {
		t.Errorf("got %v", err)
	}
}
