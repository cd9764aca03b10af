package schedule_test

import (
	"slices"
	"strconv"
	"testing"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/watch/schedule"
)

// TestSessionHangs has a session that hangs with its storage: a check looks beside it, and
// the alarm ends when the storage is back, while the session goes on.
func TestSessionHangs(t *testing.T) {
	w := newWorld(t, 1)
	w.tick(begin)
	w.checks = nil
	var away error = syncline.Errorf(syncline.CodeUnavailable, "the storage does not answer")
	w.check = func(syncline.Repository) (schedule.Found, error) {
		return schedule.Found{New: true, Listing: "b"}, away
	}
	for i := range 8 { // two hours
		w.busy[id(0)] = strconv.Itoa(i)
		w.run(w.clock().Add(15*time.Minute), time.Minute)
	}
	if len(w.checks) != 0 {
		t.Errorf("%d checks beside a session that goes on", len(w.checks))
	}
	w.run(w.clock().Add(time.Hour), time.Minute)
	if got := w.open(id(0)); !slices.Equal(got, []string{"RepositoryUnreachable Warning"}) {
		t.Errorf("while the session hangs: %v", got)
	}
	away = nil
	w.busy[id(0)] = "more"
	w.run(w.clock().Add(time.Hour), time.Minute)
	if got, n := w.open(id(0)), len(w.sessions); len(got) != 0 || n != 0 || w.list[0].OutOfSync {
		t.Errorf("when it goes on: %v, %d sessions, %+v", got, n, w.list[0])
	}
}

// TestSessionHangsByItself has a session that shows nothing new although its storage
// answers. The looks beside it are few, and count as no check.
func TestSessionHangsByItself(t *testing.T) {
	w := newWorld(t, 1)
	w.tick(begin)
	last, _ := w.service.LastCheck(id(0))
	w.checks = nil
	w.busy[id(0)] = "something"
	for _, code := range []syncline.Code{"", syncline.CodeDamaged} {
		w.check = func(syncline.Repository) (found schedule.Found, err error) {
			if code != "" {
				err = syncline.Errorf(code, "a file is damaged")
			}
			return schedule.Found{New: true, Listing: "b"}, err
		}
		w.service.Nudge(id(0)) // somebody waits for a check
		w.run(w.clock().Add(3*time.Hour), time.Minute)
	}
	if n := len(w.checks); n < 6 || n > 12 {
		t.Errorf("%d looks in six hours", n)
	}
	if c, _ := w.service.LastCheck(id(0)); c != last || len(w.open(id(0))) != 0 || len(w.sessions) != 0 {
		t.Errorf("got %+v instead of %+v, %v", c, last, w.open(id(0)))
	}
}
