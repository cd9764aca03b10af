package schedule_test

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/watch/schedule"
)

// slow is a checker that takes its time and counts the checks that run at once.
type slow struct {
	*world
	takes     time.Duration
	now, most int
}

func (s *slow) Check(_ context.Context, r syncline.Repository) (schedule.Found, error) {
	s.mu.Lock()
	s.checks = append(s.checks, seen{r.ID, time.Now()})
	s.now++
	s.most = max(s.most, s.now)
	s.mu.Unlock()
	<-time.After(s.takes)
	s.mu.Lock()
	s.now--
	s.mu.Unlock()
	return schedule.Found{Listing: "a"}, nil
}

// running runs a service over repositories whose checks take a time, in a bubble. stop
// ends the service and waits for it.
func running(t *testing.T, repositories int, takes time.Duration) (s *slow, stop func()) {
	s = &slow{world: newWorld(t, repositories), takes: takes}
	s.service.Checker, s.service.Now = s, time.Now
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		s.service.Run(ctx)
	}()
	return s, func() { cancel(); <-ended }
}

// TestAtOnce has more repositories that are due than checks may run at once, and is woken
// all the time. Those that are due for longest come first.
func TestAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, stop := running(t, 20, 5*time.Second)
		defer stop()
		for range 14 {
			<-time.After(2 * time.Second)
			s.service.Reschedule()
		}
		synctest.Wait()
		if len(s.checks) != 20 || s.most != 4 {
			t.Errorf("%d checks, %d at once", len(s.checks), s.most)
		}
		for n := 4; n < len(s.checks); n++ {
			if s.checks[n].at.Before(s.checks[n-4].at.Add(5 * time.Second)) {
				t.Errorf("check %d begins beside four others", n)
			}
		}
		due := make(map[syncline.ID]time.Time)
		for i := range s.list {
			_, due[id(i)] = s.service.LastCheck(id(i))
		}
		s.mu.Lock()
		s.checks, s.takes = nil, 0
		s.mu.Unlock()
		<-time.After(16 * time.Minute)
		synctest.Wait()
		for i := range s.list {
			if times := of(s.checks, id(i)); len(times) == 0 || !times[0].Equal(due[id(i)]) {
				t.Errorf("repository %d is checked at %v, and was due at %s", i, times, due[id(i)])
			}
		}
	})
}

// TestLongestDueFirst has repositories that are due at different times and one place.
func TestLongestDueFirst(t *testing.T) {
	w := newWorld(t, 30)
	w.tick(begin)
	due := make(map[syncline.ID]time.Time)
	for i := range w.list {
		_, due[id(i)] = w.service.LastCheck(id(i))
	}
	w.checks, w.service.AtOnce = nil, 1
	w.tick(begin.Add(15 * time.Minute))
	order := slices.IsSortedFunc(w.checks, func(a, b seen) int { return due[a.id].Compare(due[b.id]) })
	if len(w.checks) != 30 || !order {
		t.Errorf("%d checks, in order: %t", len(w.checks), order)
	}
}

// TestWoken has what begins at once, and not with the next look at the clock.
func TestWoken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, stop := running(t, 1, 0)
		defer stop()
		<-time.After(time.Second)
		synctest.Wait()
		s.service.Nudge(id(0))
		synctest.Wait()
		if len(s.checks) != 2 {
			t.Errorf("%d checks after a nudge", len(s.checks))
		}
		s.service.SessionEnded(id(0), syncline.Errorf(syncline.CodeWrongPassword, "wrong password"))
		synctest.Wait()
		if got := s.open(id(0)); !slices.Equal(got, []string{"SynchronizationFailed Warning"}) {
			t.Errorf("%v after a session that failed", got)
		}
	})
}

// TestStop holds that the end of the service records what it knows.
func TestStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, stop := running(t, 3, time.Second)
		<-time.After(18 * time.Minute) // the last times are not recorded yet
		synctest.Wait()
		s.service.Nudge(id(1))
		synctest.Wait() // a check runs
		stop()
		for i := range s.list {
			last, _ := s.service.LastCheck(id(i))
			if s.records[id(i)] != last {
				t.Errorf("repository %d: %+v is recorded, want %+v", i, s.records[id(i)], last)
			}
		}
	})
}

// full is a database that cannot be written to.
type full struct {
	*world
	broken bool
}

func (f *full) PutChecks(ctx context.Context, checks ...syncline.Check) error {
	if f.broken {
		return errors.New("disk full")
	}
	return f.world.PutChecks(ctx, checks...)
}

// TestUnrecorded records a check later that could not be recorded.
func TestUnrecorded(t *testing.T) {
	w := newWorld(t, 1)
	f := &full{w, true}
	w.service.Records = f
	w.tick(begin)
	f.broken = false
	w.run(begin.Add(6*time.Minute), time.Minute)
	if last, _ := w.service.LastCheck(id(0)); last.At.IsZero() || w.records[id(0)] != last {
		t.Errorf("%+v is recorded, want %+v", w.records[id(0)], last)
	}
}

// TestWatched names the folders of the repositories that are checked.
func TestWatched(t *testing.T) {
	w := newWorld(t, 3)
	w.list[1].Schedule = syncline.Schedule{Disabled: true}
	w.list[2].Path, w.list[2].ObjectStorageID = "", id(9)
	var watched map[syncline.ID]string
	w.service.Watch = func(folders map[syncline.ID]string) { watched = folders }
	w.tick(begin)
	if !maps.Equal(watched, map[syncline.ID]string{id(0): "/r"}) {
		t.Errorf("watched are %v", watched)
	}
	w.service.Nudge(id(1)) // nobody checks it by itself
	w.service.Nudge(id(7))
	w.tick(begin.Add(time.Second))
	if n := len(of(w.checks, id(1))); n != 0 {
		t.Errorf("%d checks of a repository that is not checked", n)
	}
}

// TestRetries has forty repositories that fail together. Each is tried again after about
// a minute, they do not come together, and a restart does not put it off.
func TestRetries(t *testing.T) {
	w := newWorld(t, 40)
	for i := range w.list {
		w.list[i].Schedule = syncline.Schedule{Interval: 24 * time.Hour}
	}
	w.check = func(syncline.Repository) (schedule.Found, error) {
		return schedule.Found{}, syncline.Errorf(syncline.CodeUnavailable, "no route")
	}
	w.tick(begin)
	for _, restart := range []bool{false, true} {
		if restart {
			w.start()
			w.tick(begin.Add(time.Second))
		}
		times := make(map[time.Time]bool)
		for i := range w.list {
			_, next := w.service.LastCheck(id(i))
			times[next] = true
			if pause := next.Sub(begin); pause < 54*time.Second || pause > 66*time.Second {
				t.Errorf("restart %t: repository %d is tried again after %s", restart, i, pause)
			}
		}
		if len(times) < 20 {
			t.Errorf("restart %t: only %d different times", restart, len(times))
		}
	}
}

// TestConditionsSayWhy has the words and links of the conditions of a repository.
func TestConditionsSayWhy(t *testing.T) {
	for kind, err := range map[syncline.AlarmKind]error{
		syncline.AlarmRepositoryUnreachable: syncline.Errorf(syncline.CodeUnavailable, "no route"),
		syncline.AlarmRepositoryDamaged:     syncline.Errorf(syncline.CodeDamaged, "a pack is missing"),
		syncline.AlarmSynchronizationFailed: syncline.Errorf(syncline.CodeWrongPassword, "the password is wrong"),
	} {
		w := newWorld(t, 1)
		if kind == syncline.AlarmRepositoryUnreachable {
			w.check = func(syncline.Repository) (schedule.Found, error) { return schedule.Found{}, err }
		}
		w.tick(begin)
		if kind != syncline.AlarmRepositoryUnreachable {
			w.end(id(0), err)
			w.tick(begin.Add(time.Second))
		}
		got := w.reported[string(kind)+" "+string(id(0))]
		if len(got) != 1 || !strings.Contains(got[0].Message, syncline.MessageOf(err)) || got[0].Link != "/repositories/"+string(id(0)) {
			t.Errorf("%s: %+v", kind, got)
		}
	}
}
