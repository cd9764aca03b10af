package schedule_test

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/watch/schedule"
)

// world is everything around a schedule, with a clock that a test moves.
type world struct {
	t  *testing.T
	mu sync.Mutex

	now       time.Time
	lists     int // calls of Repositories
	list      []syncline.Repository
	records   map[syncline.ID]syncline.Check
	writes    int
	check     func(r syncline.Repository) (schedule.Found, error)
	checks    []seen
	sessions  []seen
	busy      map[syncline.ID]string // what sessions have done
	broken    error                  // of the database
	succeeded map[syncline.ID]time.Time
	reported  map[string][]syncline.Condition // by kind and repository
	reports   []string

	service *schedule.Service
}

// seen is something that happened to a repository at a time.
type seen struct {
	id syncline.ID
	at time.Time
}

var begin = time.Date(2026, 11, 30, 8, 0, 0, 0, time.UTC)

func newWorld(t *testing.T, repositories int) *world {
	w := &world{
		t: t, now: begin, records: make(map[syncline.ID]syncline.Check), busy: make(map[syncline.ID]string),
		reported: make(map[string][]syncline.Condition),
		check:    func(syncline.Repository) (schedule.Found, error) { return schedule.Found{Listing: "a"}, nil },
	}
	for i := range repositories {
		w.list = append(w.list, syncline.Repository{ID: id(i), Name: fmt.Sprint(i), Path: "/r"})
	}
	w.start()
	return w
}

func id(i int) syncline.ID { return syncline.ID(fmt.Sprintf("00000000-0000-4000-8000-%012d", i)) }

// start makes a new service, as a start of the server does.
func (w *world) start() {
	w.service = &schedule.Service{
		Repositories: w, Records: w, Checker: w, Sessions: w, Reporter: w, Logger: slog.New(slog.DiscardHandler),
		Now: w.clock, AtOnce: 4, Interval: 15 * time.Minute,
	}
}

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

// tick moves the clock to a time and gives the turns that are due then.
func (w *world) tick(at time.Time) {
	w.t.Helper()
	w.mu.Lock()
	w.now = at
	w.mu.Unlock()
	if err := w.service.Tick(w.t.Context(), at); err != nil {
		w.t.Fatal(err)
	}
}

// run moves the clock on in steps.
func (w *world) run(until time.Time, step time.Duration) {
	w.t.Helper()
	for at := w.clock().Add(step); !at.After(until); at = at.Add(step) {
		w.tick(at)
	}
}

// of returns the times at which something happened to a repository.
func of(list []seen, id syncline.ID) (times []time.Time) {
	for _, s := range list {
		if s.id == id {
			times = append(times, s.at)
		}
	}
	return times
}

func (w *world) Repositories(context.Context) ([]syncline.Repository, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.lists++
	return slices.Clone(w.list), nil
}

func (w *world) Repository(_ context.Context, id syncline.ID) (syncline.Repository, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	i := slices.IndexFunc(w.list, func(r syncline.Repository) bool { return r.ID == id })
	if i < 0 {
		return syncline.Repository{}, syncline.Errorf(syncline.CodeNotFound, "there is no repository %s", id)
	}
	return w.list[i], nil
}

func (w *world) SetOutOfSync(_ context.Context, id syncline.ID, outOfSync bool) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i := range w.list {
		if w.list[i].ID == id {
			w.list[i].OutOfSync = outOfSync
		}
	}
	return nil
}

func (w *world) Checks(context.Context) ([]syncline.Check, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Collect(maps.Values(w.records)), nil
}

func (w *world) CheckOf(_ context.Context, id syncline.ID) (syncline.Check, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	c := w.records[id]
	c.RepositoryID = id
	return c, nil
}

func (w *world) AskCheck(_ context.Context, id syncline.ID, at time.Time, anew bool) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	c := w.records[id]
	c.RepositoryID, c.AskedAt, c.Anew = id, at, c.Anew || anew
	w.records[id] = c
	return nil
}

// Succeeded implements schedule.Sessions.
func (w *world) Succeeded(_ context.Context, id syncline.ID) (time.Time, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.succeeded[id], nil
}

func (w *world) PutChecks(_ context.Context, checks ...syncline.Check) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.writes++
	for _, c := range checks {
		if old := w.records[c.RepositoryID]; c.AskedAt.IsZero() || !c.AskedAt.Equal(old.AskedAt) {
			c.AskedAt, c.Anew = old.AskedAt, old.Anew
		} else {
			c.AskedAt, c.Anew = time.Time{}, false
		}
		w.records[c.RepositoryID] = c
	}
	return nil
}

func (w *world) Check(_ context.Context, r syncline.Repository) (schedule.Found, error) {
	w.mu.Lock()
	w.checks = append(w.checks, seen{r.ID, w.now})
	check := w.check
	w.mu.Unlock()
	return check(r)
}

func (w *world) Begin(_ context.Context, id syncline.ID) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sessions = append(w.sessions, seen{id, w.now})
	return nil
}

func (w *world) Busy(_ context.Context, id syncline.ID) (string, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.busy[id], w.broken
}

func (w *world) Report(_ context.Context, kind syncline.AlarmKind, id syncline.ID, now []syncline.Condition) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.reported[string(kind)+" "+string(id)] = now
	for _, c := range now {
		w.reports = append(w.reports, string(kind)+" "+string(c.Severity))
	}
	return nil
}

// open returns the conditions of a repository that hold.
func (w *world) open(id syncline.ID) (kinds []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, list := range w.reported {
		for _, c := range list {
			if c.RepositoryID == id {
				kinds = append(kinds, string(c.Kind)+" "+string(c.Severity))
			}
		}
	}
	slices.Sort(kinds)
	return kinds
}

// end ends a session of a repository.
func (w *world) end(id syncline.ID, err error) {
	w.mu.Lock()
	for i := range w.list {
		if w.list[i].ID == id {
			w.list[i].OutOfSync = err != nil
		}
	}
	w.mu.Unlock()
	w.service.SessionEnded(id, err)
}
