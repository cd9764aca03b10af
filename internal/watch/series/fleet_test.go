package series

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/google/uuid"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/duty"
	"syncline.dev/syncline/internal/store"
	"syncline.dev/syncline/internal/store/sqlite"
)

// one is a node's part of a fleet.
type one struct {
	*duty.Holder
	*sqlite.Store
}

// counted counts the reports.
type counted struct {
	*world
	reports int
}

func (c *counted) Report(ctx context.Context, kind syncline.AlarmKind, repository syncline.ID, now []syncline.Condition) error {
	c.reports++
	return c.world.Report(ctx, kind, repository, now)
}

// node returns a service of one of several nodes.
func (w *world) node(id syncline.ID, r Reporter) *Service {
	log := slog.New(slog.DiscardHandler)
	return &Service{
		Store: w.store, Points: w, Repositories: w, Reporter: r, Logger: log, Now: func() time.Time { return w.now },
		Fleet: one{&duty.Holder{Store: w.store, Name: "watch", Node: id, Length: time.Hour, Logger: log}, w.store},
	}
}

// session is a session of the repository that has just ended on some node.
func (w *world) session(state syncline.WorkState) {
	w.t.Helper()
	ctx := w.t.Context()
	added, _, err := w.store.AddWork(ctx, store.Work{Alone: true, Work: syncline.Work{
		ID: syncline.ID(uuid.NewString()), Kind: syncline.WorkSynchronize, RepositoryID: w.repository, CreatedAt: w.now,
	}})
	if err == nil {
		added.State, added.StartedAt, added.EndedAt = state, w.now, w.now
		err = w.store.UpdateWork(ctx, added)
	}
	if err == nil {
		err = w.store.PutChecks(ctx, syncline.Check{RepositoryID: w.repository, At: w.now, Result: syncline.CheckSuccess, LookedAt: w.now})
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) turns(nodes ...*Service) {
	w.t.Helper()
	for _, n := range nodes {
		if err := n.Tick(w.t.Context(), w.now); err != nil {
			w.t.Fatal(err)
		}
	}
}

// TestCheckBeforeTheLookOfTheFleet is TestCheckBeforeTheLook where another node checks.
func TestCheckBeforeTheLookOfTheFleet(t *testing.T) {
	w := newWorld(t)
	a := w.node("a", w)
	for range 10 {
		w.now = w.now.Add(day)
		w.backUp("web", w.now)
		w.session(syncline.WorkSucceeded)
		w.turns(a)
	}
	state := func() Machine {
		t.Helper()
		m, err := a.Machines(t.Context(), MachinesQuery{})
		if err != nil || len(m.Machines) != 1 {
			t.Fatalf("%+v, %v", m, err)
		}
		return m.Machines[0]
	}
	w.now = w.now.Add(4 * day)
	w.backUp("web", w.now)
	w.session(syncline.WorkSucceeded)
	w.now = w.now.Add(time.Hour)
	if err := w.store.PutChecks(t.Context(), syncline.Check{RepositoryID: w.repository, At: w.now, Result: syncline.CheckSuccess, LookedAt: w.now}); err != nil {
		t.Fatal(err)
	}
	if m := state(); m.State != syncline.MachineUnknown {
		t.Errorf("before the look it is %s", m.State)
	}
	w.turns(a)
	if m := state(); m.State != syncline.MachineInTime {
		t.Errorf("after the look it is %s", m.State)
	}
}

// TestTakeOver has two nodes of which one watches, dies, and comes back. The series is as
// one node would have it, and both tell the same of it.
func TestTakeOver(t *testing.T) {
	w := newWorld(t)
	heard := &counted{world: w}
	a, b := w.node("a", heard), w.node("b", heard)
	same := func(want syncline.MachineState) {
		t.Helper()
		var told []string
		for _, n := range []*Service{a, b} {
			m, err := n.Machines(t.Context(), MachinesQuery{})
			if err != nil || len(m.Machines) != 1 || m.Machines[0].State != want {
				t.Fatalf("at %s: %+v, %v; want %s", w.now, m, err, want)
			}
			told = append(told, fmt.Sprintf("%+v", m))
		}
		if told[0] != told[1] {
			t.Errorf("one node tells %s\nthe other %s", told[0], told[1])
		}
	}
	for day := range 10 {
		w.backUp("web", w.now)
		w.session(syncline.WorkSucceeded)
		w.turns(a, b)
		if day%3 == 2 { // the node that watches dies
			if err := w.store.DropDuties(t.Context(), string([]syncline.ID{"a", "b"}[day%2])); err != nil {
				t.Fatal(err)
			}
			a, b = b, a
		}
		w.now = w.now.Add(24 * time.Hour)
	}
	same(syncline.MachineInTime)
	ring, err := w.store.SeriesRing(t.Context(), w.series("web").ID)
	if err != nil || len(ring) != 10 {
		t.Errorf("the series has %d sightings, %v; want 10", len(ring), err)
	}
	points := w.points[w.repository]
	for _, n := range []*Service{a, b} {
		if err := n.Mark(t.Context(), points); err != nil || points[9].FirstSeen.IsZero() {
			t.Errorf("the last snapshot was first seen at %s, %v", points[9].FirstSeen, err)
		}
	}
	w.now = w.now.Add(48 * time.Hour)
	if err := w.store.PutChecks(t.Context(), syncline.Check{RepositoryID: w.repository, At: w.now, Result: syncline.CheckSuccess, LookedAt: w.now}); err != nil {
		t.Fatal(err)
	}
	heard.reports = 0
	for range 10 {
		w.turns(a, b)
	}
	same(syncline.MachineLate)
	if all := w.reported[w.repository]; len(all) != 1 || heard.reports != 1 {
		t.Errorf("%d reports, the last with %+v; want one with the late series", heard.reports, all)
	}
	// A snapshot is new: a node that does not watch finds out when it was first seen.
	w.now = w.now.Add(time.Hour)
	w.backUp("web", w.now)
	w.session(syncline.WorkSucceeded)
	w.turns(a, b)
	w.now = w.now.Add(time.Minute)
	for _, n := range []*Service{a, b} {
		points := w.points[w.repository]
		points[10].FirstSeen = time.Time{}
		if err := n.Mark(t.Context(), points); err != nil || points[10].FirstSeen.IsZero() {
			t.Errorf("the newest snapshot was first seen at %s, %v", points[10].FirstSeen, err)
		}
	}
	same(syncline.MachineInTime)
	if all := w.reported[w.repository]; len(all) != 0 {
		t.Errorf("open is %+v", all)
	}
}

func TestLookOf(t *testing.T) {
	at := func(hour int) time.Time { return start.Add(time.Duration(hour) * time.Hour) }
	for _, c := range []struct {
		name                 string
		looked, failed       time.Time // of the session
		checked, since       time.Time // the last good check, and the first of those that fail
		wantLooked, wantFail time.Time
	}{
		{name: "nothing is known"},
		{name: "no check", looked: at(1), failed: at(2), wantLooked: at(1), wantFail: at(2)},
		{name: "a good check", looked: at(1), checked: at(2), wantLooked: at(2)},
		{name: "an older check", looked: at(2), checked: at(1), wantLooked: at(2)},
		{name: "a good check after a failed session", looked: at(1), failed: at(2), checked: at(3), wantLooked: at(3)},
		{name: "a failed session after a good check", looked: at(1), failed: at(3), checked: at(2), wantLooked: at(2), wantFail: at(3)},
		{name: "checks fail", looked: at(1), checked: at(2), since: at(3), wantLooked: at(2), wantFail: at(3)},
		{name: "checks fail after a failed session and a good check", failed: at(1), checked: at(2), since: at(3), wantLooked: at(2), wantFail: at(3)},
		{name: "checks fail after a failed session", failed: at(1), since: at(3), wantFail: at(1)},
	} {
		check := &syncline.Check{LookedAt: c.checked, FailingSince: c.since}
		if !c.since.IsZero() {
			check.Failures = 2
		}
		got := lookOf(syncline.Look{LookedAt: c.looked, FailedAt: c.failed}, check)
		if !got.LookedAt.Equal(c.wantLooked) || !got.FailedAt.Equal(c.wantFail) {
			t.Errorf("%s: looked at %s, failed at %s", c.name, got.LookedAt, got.FailedAt)
		}
	}
}
