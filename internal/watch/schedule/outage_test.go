package schedule_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/watch/schedule"
)

// TestOutage takes the storage away for two hours. Sessions that users and a restart begin
// meanwhile fail for want of it, with the repository as it was before. When the storage is
// back, a session begins with the first check, and the outage leaves no other condition.
func TestOutage(t *testing.T) {
	for code, restart := range map[syncline.Code]bool{syncline.CodeNoRepository: true, syncline.CodeUnavailable: false} {
		w := newWorld(t, 1)
		w.tick(begin)
		away := syncline.Errorf(code, "it is away")
		w.check = func(syncline.Repository) (schedule.Found, error) { return schedule.Found{}, away }
		w.service.Nudge(id(0))
		w.tick(begin.Add(time.Minute))
		if restart {
			w.start()
		}
		for range 3 {
			w.end(id(0), away)
			w.run(w.now.Add(40*time.Minute), 10*time.Second)
			if got := w.open(id(0)); len(got) != 1 || !strings.HasPrefix(got[0], "RepositoryUnreachable") {
				t.Errorf("%s: %v while the storage is away", code, got)
			}
		}
		w.end(id(0), away) // the check after this one reaches the storage
		w.check = func(syncline.Repository) (schedule.Found, error) { return schedule.Found{Listing: "a"}, nil }
		w.reports = nil
		w.tick(w.now.Add(time.Second))
		if len(w.sessions) != 1 || len(w.reports) != 0 || len(w.open(id(0))) != 0 {
			t.Errorf("%s: %d sessions after the outage, conditions %v", code, len(w.sessions), w.reports)
		}
	}
}

// TestOutageOfFailing takes the storage away from a repository whose sessions have failed
// before, while checks reached it: that condition stays.
func TestOutageOfFailing(t *testing.T) {
	w := newWorld(t, 1)
	w.tick(begin)
	w.end(id(0), syncline.Errorf(syncline.CodeUnavailable, "a pack cannot be read"))
	w.run(begin.Add(16*time.Minute), 10*time.Second)
	w.check = func(syncline.Repository) (schedule.Found, error) {
		return schedule.Found{}, syncline.Errorf(syncline.CodeUnavailable, "no route")
	}
	w.run(begin.Add(40*time.Minute), 10*time.Second)
	if got := w.open(id(0)); !slices.Equal(got, []string{"RepositoryUnreachable Warning", "SynchronizationFailed Warning"}) {
		t.Errorf("%v", got)
	}
}

// TestOwnFailure has a database that does not answer. The repository is not to blame.
func TestOwnFailure(t *testing.T) {
	w := newWorld(t, 1)
	w.tick(begin)
	w.broken = errors.New("disk I/O error")
	w.run(begin.Add(time.Hour), 10*time.Second)
	if last, _ := w.service.LastCheck(id(0)); last.Result != syncline.CheckSuccess || len(w.open(id(0))) != 0 {
		t.Errorf("%+v, %v", last, w.open(id(0)))
	}
	w.broken, w.checks = nil, nil
	w.run(w.now.Add(2*time.Minute), 10*time.Second)
	if len(w.checks) == 0 {
		t.Error("no check after the database is back")
	}
}

// TestClock sets the clock back by a year after a failed session. Its pause does not last
// until then, and no time lies in the future, also after a restart.
func TestClock(t *testing.T) {
	for _, restart := range []bool{false, true} {
		w := newWorld(t, 1)
		w.check = func(syncline.Repository) (schedule.Found, error) { return schedule.Found{New: true, Listing: "a"}, nil }
		w.tick(begin)
		w.end(id(0), syncline.Errorf(syncline.CodeUnavailable, "broken"))
		w.tick(begin.Add(time.Second))
		back := begin.Add(-365 * 24 * time.Hour)
		if restart {
			w.start()
		}
		w.sessions = nil
		w.tick(back)
		if last, _ := w.service.LastCheck(id(0)); last.At.After(back) || last.Session.At.After(back) || last.Session.Since.After(back) {
			t.Errorf("restart %t: %+v", restart, last)
		}
		w.run(back.Add(90*time.Minute), time.Minute)
		if len(w.sessions) == 0 {
			t.Errorf("restart %t: no session in one and a half hours", restart)
		}
	}
}

// TestWallClock holds that no time is one of the clock that stands still in a sleep and
// that a change of the time does not move.
func TestWallClock(t *testing.T) {
	w := newWorld(t, 1)
	w.service.Now = time.Now
	w.check = func(syncline.Repository) (schedule.Found, error) {
		return schedule.Found{}, syncline.Errorf(syncline.CodeUnavailable, "no route")
	}
	begun := time.Now().Round(0)
	w.tick(begun)
	last, next := w.service.LastCheck(id(0))
	for _, at := range []time.Time{last.At, last.FailingSince, next} {
		if at.Before(begun) || at != at.Round(0) {
			t.Errorf("%s", at)
		}
	}
	w.service.Nudge(id(0))
	if _, next := w.service.LastCheck(id(0)); next != next.Round(0) {
		t.Errorf("%s after a nudge", next)
	}
}

// TestMovedWithSchedule moves a repository, or gives it another key, and changes its
// schedule in one step: it is checked at once, and a failure before holds up no session.
func TestMovedWithSchedule(t *testing.T) {
	for i, change := range []func(r *syncline.Repository){
		func(r *syncline.Repository) { r.Path = "/elsewhere" },
		func(r *syncline.Repository) { r.ObjectStorageID = id(8) },
		func(r *syncline.Repository) { r.EncryptionKeyID = id(9) },
	} {
		w := newWorld(t, 1)
		w.check = func(syncline.Repository) (schedule.Found, error) { return schedule.Found{New: true, Listing: "a"}, nil }
		w.tick(begin)
		w.end(id(0), syncline.Errorf(syncline.CodeWrongPassword, "wrong password"))
		w.tick(begin.Add(time.Second))
		w.sessions = nil
		change(&w.list[0])
		w.list[0].Schedule = syncline.Schedule{Interval: 24 * time.Hour}
		w.tick(begin.Add(2 * time.Second))
		if len(w.sessions) != 1 {
			t.Errorf("change %d: %d sessions", i, len(w.sessions))
		}
	}
}

// TestRetry changes the password of a repository whose sessions failed for a wrong one.
func TestRetry(t *testing.T) {
	w := newWorld(t, 1)
	w.check = func(syncline.Repository) (schedule.Found, error) { return schedule.Found{New: true, Listing: "a"}, nil }
	w.tick(begin)
	w.end(id(0), syncline.Errorf(syncline.CodeWrongPassword, "wrong password"))
	w.run(begin.Add(30*time.Minute), time.Minute)
	w.sessions = nil
	w.service.Retry(id(0))
	w.tick(w.now.Add(time.Second))
	if len(w.sessions) != 1 {
		t.Errorf("%d sessions", len(w.sessions))
	}
}

// TestNudgedLate has a change that comes after a check was recorded and before its end.
func TestNudgedLate(t *testing.T) {
	w := newWorld(t, 1)
	w.service.Checked = func(_ context.Context, r syncline.Repository, _ syncline.Check) {
		if len(w.checks) == 1 {
			w.service.Nudge(r.ID)
		}
	}
	w.tick(begin)
	if len(w.checks) != 2 {
		t.Errorf("%d checks", len(w.checks))
	}
}
