package syncer_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"syncline.dev/syncline"
	catalogs "syncline.dev/syncline/internal/catalog/sqlite"
	"syncline.dev/syncline/internal/storage"
	"syncline.dev/syncline/internal/storage/local"
	stores "syncline.dev/syncline/internal/store/sqlite"
	"syncline.dev/syncline/internal/syncer"
	"syncline.dev/syncline/resticrepo"
)

const repositoryID = syncline.ID("b251376e-be62-450d-914d-f8f7fa9f719f")

// host is a service with a store and one repository.
type host struct {
	t       *testing.T
	store   *stores.Store
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
	h := &host{t: t, path: fixture(t), gate: make(chan struct{}, 100), opening: make(chan struct{}, 100)}
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
		if list, err := h.store.UnendedSessions(ctx); err == nil && len(list) > 0 {
			h.settled.Add(1)
		}
	}
	h.service = &syncer.Service{
		Settle:       settle,
		Repositories: h.store, Sessions: &sessions{h.store, h}, Catalogs: dir, Source: h,
		Logger: slog.New(slog.DiscardHandler), Now: time.Now,
		NewID: func() syncline.ID { return syncline.ID(fmt.Sprintf("00000000-0000-4000-8000-%012d", h.ids.Add(1))) },
	}
	if err := h.service.Open(ctx); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		h.service.Close()
		dir.Close()
		h.store.Close()
	})
	return h
}

// Open implements syncer.Source.
func (h *host) Open(ctx context.Context, r syncline.Repository, _ func(syncline.LogLevel, string)) (syncer.Params, error) {
	h.opening <- struct{}{}
	select {
	case <-h.gate:
	case <-ctx.Done():
		return syncer.Params{}, ctx.Err()
	}
	place, err := local.Open(r.Path)
	if err != nil {
		return syncer.Params{}, err
	}
	counter := storage.NewCounter(place)
	repo, err := resticrepo.Open(ctx, counter, password)
	return syncer.Params{Repository: repo, Counter: counter, Close: place.Close}, err
}

// Forget implements syncer.Source.
func (h *host) Forget(syncline.ID) {}

// sessions is a store of sessions on a disk that is full at times.
type sessions struct {
	*stores.Store
	host *host
}

var errFull = syncline.Errorf(syncline.CodeUnavailable, "the disk is full")

func (s *sessions) UpdateSession(ctx context.Context, v syncline.Session) error {
	if s.host.full.Load() {
		s.host.refused.Add(1)
		return errFull
	}
	return s.Store.UpdateSession(ctx, v)
}

func (s *sessions) AppendLog(ctx context.Context, id syncline.ID, items ...syncline.LogItem) error {
	if s.host.noLog.Load() {
		s.host.lost.Add(1)
		return errFull
	}
	if s.host.full.Load() {
		return errFull
	}
	return s.Store.AppendLog(ctx, id, items...)
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
func (h *host) ended(id syncline.ID) syncline.Session {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	changed, done := h.service.Watch(id)
	defer done()
	for {
		s, err := h.store.Session(ctx, id)
		if err != nil {
			h.t.Fatal(err)
		}
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
		if s, err := h.store.Session(context.Background(), first.ID); err != nil || s.State.Ended() {
			t.Fatalf("session %+v, %v", s, err)
		}
	}
	again, err := h.service.Start(context.Background(), repositoryID)
	if code := syncline.CodeOf(err); code == "" && again.ID != first.ID || code != "" && code != syncline.CodeUnavailable {
		t.Errorf("a second session started before the first was recorded as ended: %v", err)
	}
	changed, unwatch := h.service.Watch(first.ID)
	defer unwatch()
	for shown := first; !shown.State.Ended(); {
		stored, err := h.store.Session(context.Background(), first.ID)
		if err != nil || stored.State.Ended() {
			t.Fatalf("the store has %+v, %v", stored, err)
		}
		if shown = h.service.AsItIs(stored); !shown.State.Ended() {
			<-changed
		}
	}
	h.full.Store(false)
	if s := h.ended(first.ID); s.State != syncline.SessionSucceeded || s.Progress != 100 {
		t.Errorf("the session ended as %+v", s)
	}
	if n := h.settled.Load(); n != 1 {
		t.Errorf("memory was given up %d times at the end of one session", n)
	}
	h.gate <- struct{}{}
	if second := h.start(); h.ended(second.ID).State != syncline.SessionSucceeded || second.ID == first.ID {
		t.Error("no other session could run")
	}
	if n := h.settled.Load(); n != 1 {
		t.Errorf("memory was given up %d times, also for a session with nothing new", n)
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
	if s := h.ended(first.ID); s.State != syncline.SessionSucceeded {
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
	err := h.service.Forget(context.Background(), repositoryID, func(context.Context) error { removed = true; return nil })
	if err != nil || !removed {
		t.Errorf("removed %v, %v", removed, err)
	}
}

// stuck is a source that does not hear of a stop until it can read from its
// gate.
type stuck struct{ *host }

func (s stuck) Open(context.Context, syncline.Repository, func(syncline.LogLevel, string)) (syncer.Params, error) {
	s.opening <- struct{}{}
	<-s.gate
	return syncer.Params{}, errFull
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
		if err := h.service.Forget(gone, repositoryID, remove); !errors.Is(err, context.Canceled) {
			t.Errorf("given up with %v", err)
		}
	}
	h.gate <- struct{}{}
	if err := h.service.Forget(context.Background(), repositoryID, remove); err != nil {
		t.Error(err)
	}
}

// While a repository is removed, its session stops, and none starts.
func TestForgetKeepsSessionsOut(t *testing.T) {
	h := newHost(t)
	ctx := context.Background()
	s := h.start()
	<-h.opening
	err := h.service.Forget(ctx, repositoryID, func(ctx context.Context) error {
		if got := h.ended(s.ID); got.State != syncline.SessionStopped {
			t.Errorf("the session ended as %s", got.State)
		}
		if _, err := h.service.Start(ctx, repositoryID); syncline.CodeOf(err) != syncline.CodeConflict {
			t.Errorf("a session was started during the removal: %v", err)
		}
		never := func(context.Context) error { return errors.New("removed twice") }
		if err := h.service.Forget(ctx, repositoryID, never); syncline.CodeOf(err) != syncline.CodeConflict {
			t.Errorf("a second removal: %v", err)
		}
		return io.ErrUnexpectedEOF
	})
	if !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("the removal failed with %v", err)
	}
	// It could not be removed, so it can be used.
	h.gate <- struct{}{}
	if got := h.ended(h.start().ID); got.State != syncline.SessionSucceeded {
		t.Errorf("the next session ended as %s: %s", got.State, got.Error)
	}
}
