package schedule_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/diskspace"
	"syncline.dev/syncline/internal/watch/schedule"
)

// TestAttached checks a new repository at once. Something new marks it and starts a
// session; the end of that one counts as a look at the repository.
func TestAttached(t *testing.T) {
	w := newWorld(t, 1)
	w.check = func(syncline.Repository) (schedule.Found, error) { return schedule.Found{New: true, Listing: "a"}, nil }
	w.tick(begin)
	last, next := w.service.LastCheck(id(0))
	if len(w.checks) != 1 || len(w.sessions) != 1 || !w.list[0].OutOfSync || last.Result != syncline.CheckChanged || !last.At.Equal(begin) {
		t.Errorf("%d checks, %d sessions, %+v %+v", len(w.checks), len(w.sessions), w.list[0], last)
	}
	if !next.After(begin) || next.Sub(begin) > 15*time.Minute {
		t.Errorf("the next check is at %s", next)
	}
	w.end(id(0), nil)
	at := begin.Add(time.Minute)
	w.tick(at)
	if last, _ := w.service.LastCheck(id(0)); last.Result != syncline.CheckSuccess || !last.At.Equal(at) || w.records[id(0)] != last {
		t.Errorf("after the session: %+v, recorded %+v", last, w.records[id(0)])
	}
}

// TestLastChecks takes the checks as they are at a moment. Later ones change nothing in them.
func TestLastChecks(t *testing.T) {
	w := newWorld(t, 1)
	w.tick(begin)
	before, next := w.service.LastCheck(id(0))
	all := w.service.LastChecks()
	w.check = func(syncline.Repository) (schedule.Found, error) {
		return schedule.Found{}, syncline.Errorf(syncline.CodeUnavailable, "away")
	}
	w.run(begin.Add(48*time.Hour), time.Hour)
	if now, _ := w.service.LastCheck(id(0)); now.Result != syncline.CheckFailed {
		t.Fatalf("got %+v", now)
	}
	if last, at := all(id(0)); last != before || !at.Equal(next) {
		t.Errorf("got %+v, %s; want %+v, %s", last, at, before, next)
	}
	if last, at := all("another"); last != (syncline.Check{}) || !at.IsZero() {
		t.Errorf("of no repository: %+v, %s", last, at)
	}
}

// TestTurns has forty repositories for a day. Each has one turn in each interval, at the
// same distance, and they do not come together.
func TestTurns(t *testing.T) {
	w := newWorld(t, 40)
	w.tick(begin)
	w.checks = nil
	w.run(begin.Add(24*time.Hour), 10*time.Second)
	slots := make(map[int]int)
	for i := range w.list {
		times := of(w.checks, id(i))
		if len(times) != 96 {
			t.Errorf("repository %d has %d turns in a day", i, len(times))
			continue
		}
		for n := 1; n < len(times); n++ {
			if d := times[n].Sub(times[n-1]); d < 15*time.Minute-10*time.Second || d > 15*time.Minute+10*time.Second {
				t.Errorf("repository %d: %s between two turns", i, d)
			}
		}
		slots[int(times[0].Sub(begin)/(3*time.Minute))]++
	}
	for slot, n := range slots {
		if n > 16 {
			t.Errorf("%d of 40 repositories have their turn in fifth %d of the interval", n, slot)
		}
	}
	// Times are recorded every five minutes, whatever happens.
	if w.writes > 24*12+40 {
		t.Errorf("%d writes in a day in which nothing changed", w.writes)
	}
}

// TestOwnSchedules has repositories with schedules of their own beside one that follows
// the server.
func TestOwnSchedules(t *testing.T) {
	w := newWorld(t, 5)
	w.list[1].Schedule = syncline.Schedule{Disabled: true}
	w.list[2].Schedule = syncline.Schedule{Interval: 2 * time.Hour}
	w.list[3].Schedule = syncline.Schedule{Cron: "30 3,15 * * *", TimeZone: "Europe/Berlin"}
	w.list[4].Schedule = syncline.Schedule{Cron: "x"} // as an older database may have it
	w.service.Interval = 0
	w.run(begin.Add(24*time.Hour), 30*time.Second)
	for i, want := range []int{0, 0, 13, 3, 0} { // the first one at once
		if got := len(of(w.checks, id(i))); got != want {
			t.Errorf("repository %d has %d checks, want %d", i, got, want)
		}
	}
	if times := of(w.checks, id(3)); len(times) == 3 && (times[1].Hour() != 14 || times[1].Minute() != 30) {
		t.Errorf("cron gives %v", times)
	}
	if _, next := w.service.LastCheck(id(1)); !next.IsZero() {
		t.Errorf("a repository that is not checked has a next check at %s", next)
	}
	w.list[1].Schedule = syncline.Schedule{Interval: time.Hour}
	w.tick(w.now.Add(time.Second))
	if len(of(w.checks, id(1))) != 1 {
		t.Error("a repository that is to be checked from now on is not checked")
	}
}

// TestMissedTurns stops the server, lets the machine sleep and moves the clock. Missed
// turns are made up once.
func TestMissedTurns(t *testing.T) {
	w := newWorld(t, 10)
	w.run(begin.Add(time.Hour), 10*time.Second)
	count := func() int {
		n := len(w.checks)
		w.checks = nil
		return n
	}
	count()
	w.start() // a restart at once makes up nothing
	w.tick(w.now.Add(time.Second))
	if n := count(); n > 4 { // those whose times a crash has lost
		t.Errorf("%d checks after a restart", n)
	}
	w.run(w.now.Add(20*time.Minute), 10*time.Second)
	count()
	w.start()
	w.tick(w.now.Add(5 * time.Hour))
	if n := count(); n != 10 {
		t.Errorf("%d checks after five hours without a server", n)
	}
	w.run(w.now.Add(15*time.Minute), 10*time.Second)
	if n := count(); n != 10 {
		t.Errorf("%d checks in the interval after that", n)
	}
	w.tick(w.now.Add(100 * time.Hour)) // the machine sleeps
	if n := count(); n != 10 {
		t.Errorf("%d checks after a sleep", n)
	}
	w.tick(w.now.Add(-365 * 24 * time.Hour)) // the clock is set back
	count()
	w.run(w.now.Add(15*time.Minute), 10*time.Second)
	if n := count(); n != 10 {
		t.Errorf("%d checks in the interval after the clock was set back", n)
	}
}

// TestPauses has a storage that fails for a day: one condition that grows heavier, no
// session, and pauses that grow up to the turn of the schedule.
func TestPauses(t *testing.T) {
	w := newWorld(t, 2)
	w.list[1].Schedule = syncline.Schedule{Cron: "0 3 * * *"}
	w.tick(begin)
	w.check = func(syncline.Repository) (schedule.Found, error) {
		return schedule.Found{}, syncline.Errorf(syncline.CodeUnavailable, "connection refused")
	}
	w.checks = nil
	w.service.Nudge(id(1))
	w.run(begin.Add(24*time.Hour), 5*time.Second)
	for i, most := range []int{105, 30} {
		times := of(w.checks, id(i))
		if len(times) > most || len(times) < most/2 {
			t.Errorf("repository %d is tried %d times in a day", i, len(times))
		}
		for n := 2; n < min(len(times), 5); n++ {
			a, b := times[n-1].Sub(times[n-2]), times[n].Sub(times[n-1])
			if b < a && b < 14*time.Minute && i == 1 {
				t.Errorf("repository %d: the pauses %s and %s", i, a, b)
			}
		}
		if got := w.open(id(i)); !slices.Equal(got, []string{"RepositoryUnreachable Critical"}) {
			t.Errorf("repository %d has %v", i, got)
		}
	}
	if len(w.sessions) != 0 || len(w.reports) != 4 {
		t.Errorf("%d sessions, reports %v", len(w.sessions), w.reports)
	}
	last, _ := w.service.LastCheck(id(0))
	if last.Result != syncline.CheckFailed || last.Error != "connection refused" || last.Failures < 50 || w.list[0].OutOfSync {
		t.Errorf("%+v", last)
	}
	w.check = func(syncline.Repository) (schedule.Found, error) { return schedule.Found{Listing: "a"}, nil }
	w.run(w.now.Add(70*time.Minute), 5*time.Second)
	if got := append(w.open(id(0)), w.open(id(1))...); len(got) != 0 {
		t.Errorf("%v stays", got)
	}
}

// TestGone takes the files of a repository away: the catalog cannot be what lies there,
// and when they are back, one session makes sure.
func TestGone(t *testing.T) {
	for code, alarm := range map[syncline.Code]string{
		syncline.CodeNoRepository: "RepositoryUnreachable Warning", syncline.CodeDamaged: "RepositoryDamaged Critical",
	} {
		w := newWorld(t, 1)
		w.tick(begin)
		w.check = func(syncline.Repository) (schedule.Found, error) {
			return schedule.Found{}, syncline.Errorf(code, "it is gone")
		}
		w.service.Nudge(id(0))
		w.tick(begin.Add(time.Minute))
		if got := w.open(id(0)); !slices.Equal(got, []string{alarm}) || !w.list[0].OutOfSync || len(w.sessions) != 0 {
			t.Errorf("%s: %v, %+v, %d sessions", code, got, w.list[0], len(w.sessions))
		}
		w.check = func(syncline.Repository) (schedule.Found, error) { return schedule.Found{Listing: "a"}, nil }
		w.run(begin.Add(5*time.Minute), 10*time.Second)
		if len(w.sessions) != 1 || len(w.open(id(0))) != 0 {
			t.Errorf("%s: %d sessions, %v", code, len(w.sessions), w.open(id(0)))
		}
	}
}

// TestSameFailure has a session that fails each time. It is not repeated while the
// repository is the same, but for ever rarer tries.
func TestSameFailure(t *testing.T) {
	w := newWorld(t, 1)
	listing := "a"
	w.check = func(syncline.Repository) (schedule.Found, error) {
		return schedule.Found{New: true, Listing: listing}, nil
	}
	step := func(until time.Time) int {
		before := len(w.sessions)
		for w.now.Before(until) {
			n := len(w.sessions)
			w.tick(w.now.Add(10 * time.Second))
			if len(w.sessions) > n {
				w.end(id(0), syncline.Errorf(syncline.CodeDamaged, "a pack is missing"))
			}
		}
		return len(w.sessions) - before
	}
	if n := step(begin.Add(7 * 24 * time.Hour)); n < 8 || n > 13 {
		t.Errorf("%d sessions in a week", n)
	}
	if got := w.open(id(0)); !slices.Equal(got, []string{"RepositoryDamaged Critical"}) {
		t.Errorf("%v", got)
	}
	listing = "b"
	if n := step(w.now.Add(20 * time.Minute)); n != 1 {
		t.Errorf("%d sessions after something has changed", n)
	}
	w.start() // a restart forgets nothing of this
	if n := step(w.now.Add(20 * time.Minute)); n != 0 {
		t.Errorf("%d sessions after a restart", n)
	}
	w.end(id(0), nil)
	w.tick(w.now.Add(time.Second))
	if got := w.open(id(0)); len(got) != 0 {
		t.Errorf("%v stays after a success", got)
	}
}

// TestBlame has sessions that fail because of the storage, and of something else. Only
// one condition stands for each.
func TestBlame(t *testing.T) {
	w := newWorld(t, 1)
	w.tick(begin)
	w.end(id(0), syncline.Errorf(syncline.CodeUnavailable, "the disk of the catalogs is full"))
	w.check = func(syncline.Repository) (schedule.Found, error) {
		return schedule.Found{}, syncline.Errorf(syncline.CodeUnavailable, "no route")
	}
	w.tick(begin.Add(time.Second))
	if got := w.open(id(0)); !slices.Equal(got, []string{"RepositoryUnreachable Warning"}) {
		t.Errorf("the storage is away: %v", got)
	}
	w.check = func(syncline.Repository) (schedule.Found, error) { return schedule.Found{Listing: "a"}, nil }
	w.run(begin.Add(10*time.Minute), 10*time.Second)
	if got := w.open(id(0)); len(got) != 0 || len(w.sessions) == 0 {
		t.Errorf("the storage is back: %v, %d sessions", got, len(w.sessions))
	}
	w.end(id(0), syncline.Errorf(syncline.CodeUnavailable, "the disk of the catalogs is full"))
	w.run(w.now.Add(16*time.Minute), 10*time.Second)
	if got := w.open(id(0)); !slices.Equal(got, []string{"SynchronizationFailed Warning"}) {
		t.Errorf("the storage is there, and the session fails: %v", got)
	}
	w.end(id(0), syncline.Errorf(syncline.CodeWrongPassword, "wrong password"))
	w.run(begin.Add(30*time.Hour), time.Minute)
	if got := w.open(id(0)); !slices.Equal(got, []string{"SynchronizationFailed Critical"}) {
		t.Errorf("a day later: %v", got)
	}
}

// TestNudged has a change while a session runs: the check comes after the session.
func TestNudged(t *testing.T) {
	w := newWorld(t, 1)
	w.tick(begin)
	w.checks = nil
	w.busy[id(0)] = "something"
	w.service.Nudge(id(0))
	w.tick(begin.Add(time.Second))
	w.run(begin.Add(time.Minute), 5*time.Second)
	if len(w.checks) != 0 {
		t.Errorf("%d checks while a session runs", len(w.checks))
	}
	w.busy[id(0)] = ""
	w.tick(w.now.Add(10 * time.Second))
	if len(w.checks) != 1 {
		t.Errorf("%d checks after it", len(w.checks))
	}
}

// TestDisks has disks that fill up.
func TestDisks(t *testing.T) {
	w := newWorld(t, 1)
	free := map[string]int64{"/data": 500 << 20, "/r": 500 << 30}
	w.service.Disks = []schedule.Disk{{Subject: "data", What: "data directory", Path: "/data", Keep: func(int64) int64 { return 100 << 20 }}}
	looks, away := 0, false
	w.service.Space = func(path string) (diskspace.Space, error) {
		w.mu.Lock()
		defer w.mu.Unlock()
		if path == "/data" {
			looks++
		}
		if away {
			return diskspace.Space{}, errors.New("stale file handle")
		}
		return diskspace.Space{Total: 1 << 40, Free: free[path], Device: uint64(len(path))}, nil
	}
	set := func(path string, n int64) {
		w.mu.Lock()
		free[path] = n
		w.mu.Unlock()
		w.run(w.now.Add(20*time.Minute), time.Minute)
	}
	look := func(what string, want ...string) {
		t.Helper()
		if got := append(w.open(""), w.open(id(0))...); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s: %v, want %v", what, got, want)
		}
	}
	set("/data", 500<<20)
	look("room")
	set("/data", 150<<20)
	look("little room", "StorageLow Warning")
	set("/data", 50<<20)
	set("/r", 10<<30)
	look("less", "StorageLow Critical", "StorageLow Warning")
	set("/data", 500<<20)
	set("/r", 1<<30)
	look("less of the repository", "StorageLow Critical")
	if got := w.reported["StorageLow "+string(id(0))]; len(got) != 1 || got[0].Link != "/repositories/"+string(id(0)) ||
		!strings.Contains(got[0].Message, `of the repository "0" has 1.0 GiB of 1.0 TiB free`) {
		t.Errorf("%+v", got)
	}
	set("/data", 50<<20)
	if got := w.reported["StorageLow "]; len(got) != 1 || got[0].Subject != "data" || !strings.Contains(got[0].Message, "of the data directory has 50.0 MiB free, and 100.0 MiB of it") {
		t.Errorf("%+v", got)
	}
	away = true // a disk that does not tell is as it was
	set("/r", 500<<30)
	look("not known", "StorageLow Critical", "StorageLow Critical")
	away, looks = false, 0
	set("/data", 500<<20)
	look("room again")
	if looks != 4 {
		t.Errorf("%d looks at a disk in twenty minutes", looks)
	}
	w.tick(w.now.Add(-48 * time.Hour)) // the clock is set back
	if looks != 5 {
		t.Errorf("%d looks after the clock was set back", looks)
	}
}

// TestSharedDisk has repositories on one file system that fills up: one of them tells of
// it, also after a start in which another one is checked first.
func TestSharedDisk(t *testing.T) {
	w := newWorld(t, 40)
	free := int64(1 << 30)
	space := func(string) (diskspace.Space, error) {
		return diskspace.Space{Total: 1 << 40, Free: free, Device: 7}, nil
	}
	w.service.Space = space
	low := func() (n int) {
		for i := range w.list {
			n += len(w.open(id(i)))
		}
		return n
	}
	w.run(begin.Add(time.Hour), 10*time.Second)
	if n := low(); n != 1 || len(w.open(id(0))) != 1 {
		t.Errorf("%d repositories tell of the disk", n)
	}
	if got := w.reported["StorageLow "+string(id(0))]; len(got) != 1 || !strings.Contains(got[0].Message, `of 40 repositories, "0" among them, has`) {
		t.Errorf("%+v", got)
	}
	reports := len(w.reports)
	w.start()
	w.service.Space = space
	w.run(w.now.Add(time.Hour), 10*time.Second)
	if n := low(); n != 1 || len(w.reports) != reports+1 {
		t.Errorf("after a start, %d repositories tell of the disk in %d reports", n, len(w.reports)-reports)
	}
	w.mu.Lock()
	w.list = w.list[1:]
	w.mu.Unlock()
	w.run(w.now.Add(time.Hour), 10*time.Second)
	if len(w.open(id(1))) != 1 {
		t.Error("no other repository takes over")
	}
}

// TestDisksOfTheirOwn has file systems that are full, one for each repository, beside a
// repository in object storage and one that is not checked, whose disks nobody waits for.
func TestDisksOfTheirOwn(t *testing.T) {
	w := newWorld(t, 4)
	for i := range w.list {
		w.list[i].Path = strings.Repeat("/r", i+1)
	}
	w.list[2].Path = ""
	w.list[3].Schedule = syncline.Schedule{Disabled: true}
	devices := uint64(1)
	w.service.Space = func(path string) (diskspace.Space, error) {
		return diskspace.Space{Total: 1 << 40, Free: 1 << 30, Device: devices * uint64(len(path))}, nil
	}
	w.tick(begin)
	w.service.Nudge(id(0))
	w.service.Nudge(id(1))
	w.tick(begin.Add(time.Minute)) // both disks have been seen
	for i, want := range []int{1, 1, 0, 0} {
		if got := w.open(id(i)); len(got) != want {
			t.Errorf("repository %d: %v", i, got)
		}
	}
	devices = 0 // which file system it is cannot be told
	w.start()
	w.service.Space = func(path string) (diskspace.Space, error) {
		return diskspace.Space{Total: 1 << 40, Free: 1 << 30}, nil
	}
	w.reports = nil
	w.run(w.now.Add(time.Hour), 10*time.Second)
	if len(w.reports) != 2 {
		t.Errorf("reports %v", w.reports)
	}
}
