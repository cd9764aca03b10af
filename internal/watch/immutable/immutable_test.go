package immutable_test

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/uuid"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/store"
	"syncline.dev/syncline/internal/store/sqlite"
	"syncline.dev/syncline/internal/watch/immutable"
)

var begin = time.Date(2026, 11, 30, 8, 0, 0, 0, time.UTC)

// world is a database with a repository in object storage, and a service with a clock.
type world struct {
	t     *testing.T
	store store.Store
	repo  syncline.ID
	now   time.Time
	looks int
	fails error
	*immutable.Service
}

func newWorld(t *testing.T) *world {
	s, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	w := &world{t: t, store: s, repo: newID(), now: begin}
	account, key := newID(), newID()
	storage := syncline.ObjectStorage{ID: newID(), Name: "s", AccountID: account, Kind: syncline.KindS3, Bucket: "b", CreatedAt: begin}
	for _, err := range []error{
		s.AddAccount(t.Context(), syncline.Account{ID: account, Kind: syncline.KindS3, CreatedAt: begin}, []byte("x")),
		s.AddObjectStorage(t.Context(), storage),
		s.AddKey(t.Context(), syncline.EncryptionKey{ID: key, CreatedAt: begin}, []byte("x")),
		s.AddRepository(t.Context(), syncline.Repository{ID: w.repo, Name: "r", ObjectStorageID: storage.ID, EncryptionKeyID: key, CreatedAt: begin}),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	w.Service = w.node()
	return w
}

func newID() syncline.ID { return syncline.ID(uuid.NewString()) }

// node is a service on the database.
func (w *world) node() *immutable.Service {
	return &immutable.Service{
		Repositories: w.store, Records: w.store, Logger: slog.New(slog.DiscardHandler), Now: func() time.Time { return w.now },
		Look: func(context.Context, syncline.Repository) (syncline.Immutability, error) {
			w.looks++
			return syncline.Immutability{Told: true, Looked: w.looks, Rights: syncline.RightsReadOnly}, w.fails
		},
	}
}

func (w *world) turn(at time.Duration, anew, want bool) {
	w.t.Helper()
	w.now = begin.Add(at)
	if looked, err := w.RunOnce(w.t.Context(), w.repo, anew); err != nil || looked != want {
		w.t.Errorf("after %s: looked %v, %v", at, looked, err)
	}
}

func (w *world) found() syncline.Immutability {
	w.t.Helper()
	i, err := w.store.Immutability(w.t.Context(), w.repo)
	if err != nil {
		w.t.Fatal(err)
	}
	return i
}

// TestDaily looks at once, and then once a day.
func TestDaily(t *testing.T) {
	w := newWorld(t)
	w.turn(0, false, true)
	if got := w.found(); !got.Told || got.Looked != 1 || !got.At.Equal(begin) || got.Rights != syncline.RightsReadOnly {
		t.Errorf("got %+v", got)
	}
	w.turn(21*time.Hour, false, false)
	w.turn(immutable.Every, false, true)
	w.turn(immutable.Every+time.Minute, true, true) // asked for anew
	if got := w.found(); got.Looked != 3 {
		t.Errorf("got %+v", got)
	}
}

// TestFailure keeps the reason in place of what was known, and looks again within the day.
func TestFailure(t *testing.T) {
	w := newWorld(t)
	w.turn(0, false, true)
	w.fails = syncline.Errorf(syncline.CodeUnavailable, "it is away")
	w.turn(immutable.Every, false, true)
	if got := w.found(); got.Error != "it is away" || got.Told || got.Rights != syncline.RightsUnknown || !got.At.Equal(w.now) {
		t.Errorf("got %+v", got)
	}
	w.turn(immutable.Every+immutable.Again/2, false, false)
	w.fails = nil
	w.turn(immutable.Every+immutable.Again, false, true)
	if got := w.found(); got.Error != "" || !got.Told {
		t.Errorf("got %+v", got)
	}
}

// TestTwoNodes has one of two nodes look, also where the other one asks meanwhile.
func TestTwoNodes(t *testing.T) {
	w := newWorld(t)
	other := w.node()
	look := w.Look
	w.Look = func(ctx context.Context, r syncline.Repository) (syncline.Immutability, error) {
		if looked, err := other.RunOnce(ctx, w.repo, false); err != nil || looked {
			t.Errorf("the other node looked %v, %v", looked, err)
		}
		return look(ctx, r)
	}
	w.turn(0, false, true)
	if looked, err := other.RunOnce(t.Context(), w.repo, false); err != nil || looked || w.looks != 1 {
		t.Errorf("the other node looked %v, %v", looked, err)
	}
}

// TestRun looks after a check and after a session, and not after a check that failed.
func TestRun(t *testing.T) {
	w := newWorld(t)
	looked := make(chan syncline.ID, 4)
	w.Look = func(_ context.Context, r syncline.Repository) (syncline.Immutability, error) {
		looked <- r.ID
		return syncline.Immutability{Rights: syncline.RightsUnknown}, nil
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		w.Run(ctx)
	}()
	w.Checked(syncline.Check{RepositoryID: w.repo, Result: syncline.CheckFailed})
	w.SessionEnded(syncline.Work{RepositoryID: w.repo, State: syncline.WorkFailed})
	w.Checked(syncline.Check{RepositoryID: w.repo, Result: syncline.CheckSuccess})
	<-looked
	w.Anew(w.repo)
	<-looked
	cancel()
	<-ended
	if len(looked) != 0 {
		t.Errorf("it looked %d times more", len(looked))
	}
}

// TestBound lets a bounded number of repositories wait.
func TestBound(t *testing.T) {
	w := newWorld(t)
	for i := range 2 * immutable.MaxWaiting {
		w.Checked(syncline.Check{RepositoryID: syncline.ID(fmt.Sprint(i)), Result: syncline.CheckSuccess})
	}
	if n := w.Waiting(); n != immutable.MaxWaiting {
		t.Errorf("%d wait", n)
	}
}
