package syncer_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"syncline.dev/syncline"
	catalogs "syncline.dev/syncline/internal/catalog/sqlite"
	"syncline.dev/syncline/internal/place"
	"syncline.dev/syncline/internal/resticfixture"
	"syncline.dev/syncline/internal/run"
	"syncline.dev/syncline/internal/storage"
	"syncline.dev/syncline/internal/storage/local"
	"syncline.dev/syncline/internal/store"
	stores "syncline.dev/syncline/internal/store/sqlite"
	"syncline.dev/syncline/internal/syncer"
	"syncline.dev/syncline/resticrepo"
)

const repositoryID = syncline.ID("b251376e-be62-450d-914d-f8f7fa9f719f")

// host is a service with a store and one repository.
type host struct {
	t       *testing.T
	store   *stores.Store
	runs    *run.Service
	service *syncer.Service
	full    atomic.Bool   // the store cannot record how sessions go
	refused atomic.Int64  // that it did not record
	noLog   atomic.Bool   // the store cannot take logs
	lost    atomic.Int64  // items of logs that it did not take
	gate    chan struct{} // a session opens its repository when it can read here
	opening chan struct{}
	path    string
	ids     atomic.Int64
	settled atomic.Int64 // how often memory was given up before a session had ended
}

func newHost(t *testing.T) *host {
	h := &host{t: t, path: resticfixture.Unpack(t, "v2-old"), gate: make(chan struct{}, 100), opening: make(chan struct{}, 100)}
	ctx := context.Background()
	var err error
	if h.store, err = stores.Open(ctx, filepath.Join(t.TempDir(), "db")); err != nil {
		t.Fatal(err)
	}
	key := syncline.EncryptionKey{ID: "2d4be4ff-3539-410b-af7a-3a9793a2bc91", CreatedAt: time.Now()}
	if err := h.store.AddKey(ctx, key, []byte("sealed")); err != nil {
		t.Fatal(err)
	}
	err = h.store.AddRepository(ctx, syncline.Repository{
		ID: repositoryID, Name: "one", Path: h.path, EncryptionKeyID: key.ID, CreatedAt: time.Now(),
		Retention: syncline.Retention{Type: "SnapshotBased"},
	})
	if err != nil {
		t.Fatal(err)
	}
	dir, err := catalogs.OpenDir(filepath.Join(t.TempDir(), "catalogs"), func(syncline.ID) {})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(syncer.SetLargeSession(1))
	settle := func() {
		if list, err := h.store.UnendedWork(ctx, syncline.WorkSynchronize); err == nil && len(list) > 0 {
			h.settled.Add(1)
		}
	}
	h.runs = &run.Service{
		Store: &works{h.store, h}, Node: "node", Logger: slog.New(slog.DiscardHandler), Now: time.Now,
		NewID: func() syncline.ID { return syncline.ID(fmt.Sprintf("00000000-0000-4000-8000-%012d", h.ids.Add(1))) },
	}
	h.service = &syncer.Service{
		Runs: h.runs, Settle: settle, Repositories: h.store, Catalogs: dir, Source: h, Logger: slog.New(slog.DiscardHandler),
	}
	if err := h.runs.Open(ctx, h.service.Kind()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		h.runs.Close()
		dir.Close()
		h.store.Close()
	})
	return h
}

// Open implements syncer.Source.
func (h *host) Open(ctx context.Context, r syncline.Repository, _ func(syncline.LogLevel, string)) (place.Opened, error) {
	h.opening <- struct{}{}
	select {
	case <-h.gate:
	case <-ctx.Done():
		return place.Opened{}, ctx.Err()
	}
	folder, err := local.Open(ctx, r.Path)
	if err != nil {
		return place.Opened{}, err
	}
	counter := storage.NewCounter(folder)
	repo, err := resticrepo.Open(ctx, counter, password)
	return place.Opened{Repository: repo, Counter: counter, Close: folder.Close}, err
}

// Forget implements syncer.Source.
func (h *host) Forget(syncline.ID) {}

// works is a store of work on a disk that is full at times.
type works struct {
	*stores.Store
	host *host
}

var errFull = syncline.Errorf(syncline.CodeUnavailable, "the disk is full")

func (s *works) UpdateWork(ctx context.Context, w store.Work) error {
	if s.host.full.Load() {
		s.host.refused.Add(1)
		return errFull
	}
	return s.Store.UpdateWork(ctx, w)
}

func (s *works) AppendLog(ctx context.Context, id syncline.ID, epoch int64, items ...syncline.LogItem) error {
	if s.host.noLog.Load() {
		s.host.lost.Add(1)
		return errFull
	}
	if s.host.full.Load() {
		return errFull
	}
	return s.Store.AppendLog(ctx, id, epoch, items...)
}

// session returns a session as the store has it.
func (h *host) session(id syncline.ID) store.Work {
	h.t.Helper()
	w, err := h.store.Work(context.Background(), syncline.WorkSynchronize, id)
	if err != nil {
		h.t.Fatal(err)
	}
	return w
}

func (h *host) start() syncline.Session {
	h.t.Helper()
	s, err := h.service.Start(context.Background(), repositoryID)
	if err != nil {
		h.t.Fatal(err)
	}
	return s
}

// ended waits until a session has ended.
func (h *host) ended(id syncline.ID) store.Work {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	changed, done := h.service.Watch(id)
	defer done()
	for {
		s := h.session(id)
		if s.State.Ended() {
			return s
		}
		select {
		case <-changed:
		case <-ctx.Done():
			h.t.Fatalf("the session is %s, and does not end", s.State)
		}
	}
}

// On a full disk not even the end of a session can be recorded. It is, as soon
// as there is room, and the next session can start.
func TestEndIsRecordedWhenItCanBe(t *testing.T) {
	h := newHost(t)
	first := h.start()
	<-h.opening
	h.full.Store(true)
	h.gate <- struct{}{}
	for h.refused.Load() < 2 { // the first attempts to record the end, or progress
		if s := h.session(first.ID); s.State.Ended() {
			t.Fatalf("session %+v", s)
		}
	}
	again, err := h.service.Start(context.Background(), repositoryID)
	if code := syncline.CodeOf(err); code == "" && again.ID != first.ID || code != "" && code != syncline.CodeUnavailable {
		t.Errorf("a second session started before the first was recorded as ended: %v", err)
	}
	changed, unwatch := h.service.Watch(first.ID)
	defer unwatch()
	for shown := first; !shown.State.Ended(); {
		if stored := h.session(first.ID); stored.State.Ended() {
			t.Fatalf("the store has %+v", stored)
		}
		if shown, err = h.service.Session(context.Background(), first.ID); err != nil {
			t.Fatal(err)
		}
		if !shown.State.Ended() {
			<-changed
		}
	}
	h.full.Store(false)
	if s := h.ended(first.ID); s.State != syncline.WorkSucceeded || s.Progress != 100 {
		t.Errorf("the session ended as %+v", s)
	}
	if n := h.settled.Load(); n != 1 {
		t.Errorf("memory was given up %d times at the end of one session", n)
	}
	h.gate <- struct{}{}
	if second := h.start(); h.ended(second.ID).State != syncline.WorkSucceeded || second.ID == first.ID {
		t.Error("no other session could run")
	}
	if n := h.settled.Load(); n != 1 {
		t.Errorf("memory was given up %d times, also for a session with nothing new", n)
	}
}

// A repository is out of sync when the store does not let its session begin.
func TestSessionThatCannotBegin(t *testing.T) {
	h := newHost(t)
	h.gate <- struct{}{}
	if s := h.ended(h.start().ID); s.State != syncline.WorkSucceeded {
		t.Fatalf("the session ended as %+v", s)
	}
	outOfSync := func() bool {
		r, err := h.store.Repository(t.Context(), repositoryID)
		if err != nil {
			t.Fatal(err)
		}
		return r.OutOfSync
	}
	if outOfSync() {
		t.Fatal("it is out of sync after a session")
	}
	h.full.Store(true) // for sessions; the repository can be marked
	failed := h.start()
	shown, err := h.service.Wait(t.Context(), failed.ID)
	if err != nil || shown.State != syncline.WorkFailed || !outOfSync() {
		t.Errorf("the session ended as %+v, %v; out of sync: %v", shown, err, outOfSync())
	}
	h.full.Store(false)
	h.ended(failed.ID)
	h.gate <- struct{}{}
	if h.ended(h.start().ID); outOfSync() {
		t.Error("it stays out of sync")
	}
}

// A log that cannot be written to is not tried with every item, and holds up
// nothing.
func TestLogThatCannotBeWritten(t *testing.T) {
	h := newHost(t)
	h.noLog.Store(true)
	first := h.start()
	<-h.opening
	h.gate <- struct{}{}
	if s := h.ended(first.ID); s.State != syncline.WorkSucceeded {
		t.Errorf("the session ended as %+v", s)
	}
	if n := h.lost.Load(); n != 2 { // the first item, and how many are missing
		t.Errorf("the log was tried %d times", n)
	}
}

// A repository that is removed while its session cannot record its end goes
// all the same.
func TestForgetWhileTheEndCannotBeRecorded(t *testing.T) {
	h := newHost(t)
	h.start()
	<-h.opening
	h.full.Store(true)
	h.gate <- struct{}{}
	for h.refused.Load() < 1 {
		if _, err := h.store.Repository(context.Background(), repositoryID); err != nil {
			t.Fatal(err)
		}
	}
	removed := false
	err := h.runs.Forget(context.Background(), repositoryID, func(context.Context) error { removed = true; return nil })
	if err != nil || !removed {
		t.Errorf("removed %v, %v", removed, err)
	}
}

// stuck is a source that does not hear of a stop until it can read from its
// gate.
type stuck struct{ *host }

func (s stuck) Open(context.Context, syncline.Repository, func(syncline.LogLevel, string)) (place.Opened, error) {
	s.opening <- struct{}{}
	<-s.gate
	return place.Opened{}, errFull
}

// A repository can be removed after those who asked for it before did not wait
// for the end of its session.
func TestForgetIsGivenUp(t *testing.T) {
	h := newHost(t)
	h.service.Source = stuck{h}
	h.start()
	<-h.opening
	gone, cancel := context.WithCancel(context.Background())
	cancel()
	remove := func(ctx context.Context) error { return h.store.DeleteRepository(ctx, repositoryID) }
	for range 2 {
		if err := h.runs.Forget(gone, repositoryID, remove); !errors.Is(err, context.Canceled) {
			t.Errorf("given up with %v", err)
		}
	}
	h.gate <- struct{}{}
	if err := h.runs.Forget(context.Background(), repositoryID, remove); err != nil {
		t.Error(err)
	}
}

// While a repository is removed, its session stops, and none starts.
func TestForgetKeepsSessionsOut(t *testing.T) {
	h := newHost(t)
	ctx := context.Background()
	s := h.start()
	<-h.opening
	err := h.runs.Forget(ctx, repositoryID, func(ctx context.Context) error {
		if got := h.ended(s.ID); got.State != syncline.WorkStopped {
			t.Errorf("the session ended as %s", got.State)
		}
		if _, err := h.service.Start(ctx, repositoryID); syncline.CodeOf(err) != syncline.CodeConflict {
			t.Errorf("a session was started during the removal: %v", err)
		}
		never := func(context.Context) error { return errors.New("removed twice") }
		if err := h.runs.Forget(ctx, repositoryID, never); syncline.CodeOf(err) != syncline.CodeConflict {
			t.Errorf("a second removal: %v", err)
		}
		return io.ErrUnexpectedEOF
	})
	if !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("the removal failed with %v", err)
	}
	// It could not be removed, so it can be used.
	h.gate <- struct{}{}
	if got := h.ended(h.start().ID); got.State != syncline.WorkSucceeded {
		t.Errorf("the next session ended as %s: %s", got.State, got.Error)
	}
}

// One record that cannot be read is shown as a session that failed, and takes no other
// one with it.
func TestUnreadableRecords(t *testing.T) {
	h := newHost(t)
	ctx := context.Background()
	runs := &run.Service{Store: damaged{h.store, ""}, Node: "node", Logger: slog.New(slog.DiscardHandler), Now: time.Now, NewID: h.runs.NewID}
	service := &syncer.Service{Runs: runs}
	for range 2 {
		h.gate <- struct{}{}
		h.ended(h.start().ID)
	}
	list, err := service.RepositorySessions(ctx, repositoryID, 10, 0)
	if err != nil || len(list) != 2 {
		t.Fatal(list, err)
	}
	for _, s := range list {
		if s.State != syncline.WorkFailed || s.Error != run.MsgUnreadable || s.Progress == 100 || s.Statistics.Requests != 0 {
			t.Errorf("a damaged record is shown as %+v", s)
		}
	}
	h.start()
	<-h.opening
	latest, err := service.LatestSessions(ctx)
	if err != nil || len(latest) != 1 || latest[0].State == syncline.WorkFailed {
		t.Errorf("a session that runs is shown as %+v, %v", latest, err)
	}
	runs.Store = damaged{h.store, "runnin"}
	latest, err = service.LatestSessions(ctx)
	if err != nil || len(latest) != 1 || latest[0].State != syncline.WorkFailed || latest[0].Error != run.MsgUnreadable {
		t.Errorf("a session whose state is damaged is shown as %+v, %v", latest, err)
	}
}

// damaged is a store in which every result is damaged, and every state where there is one.
type damaged struct {
	*stores.Store
	state syncline.WorkState
}

func (d damaged) WorkPage(ctx context.Context, q store.WorkQuery) ([]store.Work, error) {
	return d.spoil(d.Store.WorkPage(ctx, q))
}

func (d damaged) LatestWork(ctx context.Context, kind syncline.WorkKind) ([]store.Work, error) {
	return d.spoil(d.Store.LatestWork(ctx, kind))
}

func (d damaged) spoil(list []store.Work, err error) ([]store.Work, error) {
	list = slices.Clone(list)
	for i := range list {
		list[i].Result = `{"requests":`
		if d.state != "" {
			list[i].State = d.state
		}
	}
	return list, err
}
