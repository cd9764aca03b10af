package series

import (
	"context"
	"log/slog"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/store/sqlite"
)

// world is a service on a real state database, with a catalog and a clock of the test's.
type world struct {
	*Service
	t          *testing.T
	store      *sqlite.Store
	now        time.Time
	repository syncline.ID
	points     map[syncline.ID][]syncline.RestorePoint
	outOfSync  bool
	fail       error
	reported   map[syncline.ID][]syncline.Condition
	made       int
	unusualNow []syncline.Condition
}

var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func newWorld(t *testing.T) *world {
	t.Helper()
	db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "s.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	w := &world{t: t, store: db, now: start, points: map[syncline.ID][]syncline.RestorePoint{}, reported: map[syncline.ID][]syncline.Condition{}}
	w.Service = &Service{Store: db, Points: w, Repositories: w, Reporter: w, Logger: slog.New(slog.DiscardHandler), Now: func() time.Time { return w.now }}
	w.repository = w.attach("main")
	return w
}

func (w *world) attach(name string) syncline.ID {
	w.t.Helper()
	id := syncline.ID(uuid.NewString())
	if err := w.store.AddRepository(w.t.Context(), syncline.Repository{ID: id, Name: name, Path: "/" + name}); err != nil {
		w.t.Fatal(err)
	}
	return id
}

func (w *world) List(_ context.Context, list []syncline.Repository) ([]syncline.RestorePoint, []syncline.ID, error) {
	return w.points[list[0].ID], nil, w.fail
}

func (w *world) Repositories(ctx context.Context) ([]syncline.Repository, error) {
	list, err := w.store.Repositories(ctx)
	for i := range list {
		list[i].OutOfSync = w.outOfSync
	}
	return list, err
}

func (w *world) Repository(ctx context.Context, id syncline.ID) (syncline.Repository, error) {
	r, err := w.store.Repository(ctx, id)
	r.OutOfSync = w.outOfSync
	return r, err
}

func (w *world) Report(_ context.Context, kind syncline.AlarmKind, repository syncline.ID, now []syncline.Condition) error {
	if kind == syncline.AlarmBackupLate {
		w.reported[repository] = now
	} else {
		w.unusualNow = now
	}
	return nil
}

// backUp adds a snapshot that claims a time.
func (w *world) backUp(host string, claimed time.Time) syncline.Hash {
	w.made++
	x := syncline.Snapshot{
		ID: syncline.Hash{byte(w.made >> 8), byte(w.made), 1}, Time: claimed, Hostname: host, Paths: []string{"/b", "/a"},
		Tags: []string{"t"}, Summary: []byte(`{"total_bytes_processed":77}`),
	}
	w.points[w.repository] = append(w.points[w.repository], syncline.RestorePoint{ID: syncline.ID(x.ID.String()), RepositoryID: w.repository, Snapshot: x})
	return x.ID
}

// forgetSnapshots removes all snapshots from the catalog.
func (w *world) forgetSnapshots() { w.points[w.repository] = nil }

// look is a check of the repository that finds what is there.
func (w *world) look() {
	w.t.Helper()
	if err := w.Observe(w.t.Context(), w.repository, w.now); err != nil {
		w.t.Fatal(err)
	}
}

// until looks every hour until a time, and calls at with each time before.
func (w *world) until(end time.Time, at func(now time.Time)) {
	w.t.Helper()
	for ; !w.now.After(end); w.now = w.now.Add(time.Hour) {
		if at != nil {
			at(w.now)
		}
		w.look()
	}
}

// series returns the one series of a host.
func (w *world) series(host string) SeriesState {
	w.t.Helper()
	found, err := w.Machines(w.t.Context(), MachinesQuery{HostName: host})
	if err != nil || len(found.Machines) != 1 || len(found.Machines[0].Series) != 1 {
		w.t.Fatalf("%s: %+v, %v", host, found, err)
	}
	return found.Machines[0].Series[0]
}

func (w *world) wantState(host string, state syncline.MachineState, reason Reason) SeriesState {
	w.t.Helper()
	x := w.series(host)
	if x.State != state || x.Reason != reason {
		w.t.Errorf("%s is %s (%s), want %s (%s): %+v", host, x.State, x.Reason, state, reason, x.Series)
	}
	return x
}

// tick evaluates and returns the conditions that were reported.
func (w *world) tick() (all []syncline.Condition) {
	w.t.Helper()
	if err := w.Tick(w.t.Context(), w.now); err != nil {
		w.t.Fatal(err)
	}
	for _, c := range w.reported[w.repository] {
		if c.RepositoryID != w.repository || c.Message == "" || c.Subject == "" || c.Severity.Rank() == 0 {
			w.t.Errorf("a condition lacks something: %+v", c)
		}
		all = append(all, c)
	}
	return all
}

func (w *world) wantConditions(subjects ...string) []syncline.Condition {
	w.t.Helper()
	all := w.tick()
	var got []string
	for _, c := range all {
		got = append(got, c.Subject)
	}
	if !slices.Equal(got, subjects) {
		w.t.Errorf("at %s: the conditions are %q, want %q", w.now, got, subjects)
	}
	return all
}
