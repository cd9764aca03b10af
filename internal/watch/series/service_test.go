package series

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/store/sqlite"
)

// A series of nightly backups is in time, becomes late after 1.5 times its rhythm, and
// is in time again with the next backup.
func TestLateAndBack(t *testing.T) {
	w := newWorld(t)
	nightly := func(now time.Time) {
		if now.Hour() == 2 && now.Minute() == 0 {
			w.backUp("web1", now)
		}
	}
	w.backUp("web1", w.now)
	w.until(start.Add(3*day), nightly)
	w.wantState("web1", syncline.MachineUnknown, NoRhythm)
	w.until(start.Add(30*day), nightly)
	x := w.wantState("web1", syncline.MachineInTime, "")
	last := x.LastSeen
	if x.Rhythm != day || x.Size != 77 || !slices.Equal(x.Tags, []string{"t"}) || !slices.Equal(x.Paths, []string{"/a", "/b"}) || x.LateAfter != last.Add(36*time.Hour) {
		t.Errorf("got %+v", x)
	}
	w.wantConditions()
	w.until(last.Add(35*time.Hour), nil)
	w.wantState("web1", syncline.MachineInTime, "")
	w.until(last.Add(37*time.Hour), nil)
	w.wantState("web1", syncline.MachineLate, "")
	c := w.wantConditions(string(x.ID))[0]
	if c.Severity != syncline.SeverityWarning || c.HostName != "web1" || !strings.Contains(c.Message, last.Format("2006-01-02 15:04")) || !strings.Contains(c.Message, "1d") {
		t.Errorf("got %+v", c)
	}
	w.until(last.Add(10*day), nil)
	if again := w.wantConditions(string(x.ID))[0]; again.Message != c.Message { // it would notify again
		t.Errorf("the message changed from %q to %q", c.Message, again.Message)
	}
	w.backUp("web1", w.now)
	w.look()
	w.wantState("web1", syncline.MachineInTime, "")
	w.wantConditions()
}

// Forgetting snapshots changes no rhythm, and removes their sightings only.
func TestForgottenSnapshots(t *testing.T) {
	w := newWorld(t)
	w.look()
	for range 10 {
		w.now = w.now.Add(day)
		w.backUp("web1", w.now)
		w.look()
	}
	before := w.series("web1")
	w.forgetSnapshots()
	kept := w.backUp("web2", w.now)
	w.now = w.now.Add(time.Hour)
	w.look()
	if after := w.series("web1"); after.Rhythm != day || after.LastSeen != before.LastSeen || after.State != syncline.MachineInTime {
		t.Errorf("got %+v, want %+v", after, before)
	}
	list, err := w.store.Sightings(t.Context(), w.repository)
	if err != nil || len(list) != 1 || list[0].Snapshot != kept {
		t.Errorf("the sightings are %+v, %v", list, err)
	}
}

// At the first synchronization the claimed times stand in.
func TestFirstSynchronization(t *testing.T) {
	w := newWorld(t)
	for i := range 30 {
		w.backUp("alive", start.Add(-time.Duration(i)*day-time.Hour))
		w.backUp("dead", start.Add(-time.Duration(i+400)*day))
		w.backUp("long dead", start.Add(-time.Duration(i+4000)*day))
	}
	ahead := w.backUp("ahead", start.Add(time.Hour))
	strange := w.backUp("strange", time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC))
	w.backUp("ancient", time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC))
	w.look()
	w.now = w.now.Add(time.Minute)
	w.look()
	w.wantState("alive", syncline.MachineInTime, "")
	if x := w.wantState("dead", syncline.MachineLate, ""); !x.SilentAtFirst || x.Rhythm != day {
		t.Errorf("got %+v", x)
	}
	if x := w.series("strange"); x.Future != 1 || !x.LastSeen.IsZero() {
		t.Errorf("got %+v", x)
	}
	c := w.wantConditions(subjectSilent)[0]
	if c.Severity != syncline.SeverityInfo || !strings.Contains(c.Message, "dead (/a, /b), long dead (/a, /b)") || strings.Contains(c.Message, "alive") {
		t.Errorf("got %+v", c)
	}
	points := slices.Clone(w.points[w.repository])
	if err := w.Mark(t.Context(), points); err != nil {
		t.Fatal(err)
	}
	for _, p := range points {
		want := syncline.TimeMark("")
		if p.Snapshot.ID == ahead || p.Snapshot.ID == strange {
			want = syncline.TimeFuture
		}
		if p.FirstSeen != start || p.TimeMark != want {
			t.Errorf("%s: seen %s, mark %q", p.Snapshot.Hostname, p.FirstSeen, p.TimeMark)
		}
	}
	// A dead series that comes back is an ordinary one.
	dead := w.series("dead")
	w.backUp("dead", w.now)
	w.look()
	if err := w.Retire(t.Context(), MachineID("long dead"), "ada"); err != nil {
		t.Fatal(err)
	}
	w.wantConditions()
	w.until(w.now.Add(3*day), nil)
	w.wantConditions(string(w.series("alive").ID), string(dead.ID))
}

// A snapshot that claims the future never makes a series be in time.
func TestFutureDoesNotCount(t *testing.T) {
	w := newWorld(t)
	w.look()
	for range 8 {
		w.now = w.now.Add(day)
		w.backUp("web1", w.now.Add(4*time.Minute)) // within what clocks differ
		w.look()
	}
	x := w.wantState("web1", syncline.MachineInTime, "")
	for range 3 {
		w.now = w.now.Add(day)
		w.backUp("web1", w.now.Add(6*time.Minute))
		w.look()
	}
	late := w.wantState("web1", syncline.MachineLate, "")
	if late.LastSeen != x.LastSeen || late.Future != 3 {
		t.Errorf("got %+v", late)
	}
	if c := w.wantConditions(string(x.ID))[0]; !strings.Contains(c.Message, "3 newer ones claim the future") {
		t.Errorf("got %q", c.Message)
	}
	w.backUp("web1", w.now)
	w.look()
	if x := w.wantState("web1", syncline.MachineInTime, ""); x.Future != 0 {
		t.Errorf("got %+v", x)
	}
}

// Snapshots that appear long after their claim are marked, and many at once are one
// sign of life.
func TestLateSeen(t *testing.T) {
	w := newWorld(t)
	w.look()
	for range 8 {
		w.now = w.now.Add(day)
		w.backUp("web1", w.now)
		w.look()
	}
	w.now = w.now.Add(time.Hour)
	marked, slow := w.backUp("web1", w.now.Add(-50*time.Hour)), w.backUp("web1", w.now.Add(-20*time.Hour))
	for i := range 40 {
		w.backUp("web1", w.now.Add(-time.Duration(100+i)*day)) // as restic copy makes them
	}
	w.look()
	x := w.wantState("web1", syncline.MachineInTime, "")
	if x.Rhythm != day || x.LastSeen != w.now || x.LastBackup != w.now.Add(-20*time.Hour) {
		t.Errorf("got %+v", x)
	}
	for _, p := range w.points[w.repository] {
		one := []syncline.RestorePoint{p}
		if err := w.Mark(t.Context(), one); err != nil {
			t.Fatal(err)
		}
		if p.Snapshot.ID == marked && one[0].TimeMark != syncline.TimeLateSeen || p.Snapshot.ID == slow && one[0].TimeMark != "" {
			t.Errorf("%s has the mark %q", p.Snapshot.Time, one[0].TimeMark)
		}
	}
}

// While nobody looked, the claimed times stand in: three weeks of Syncline's absence
// make no rhythm of no time.
func TestAbsence(t *testing.T) {
	w := newWorld(t)
	for i := range 20 {
		w.backUp("web1", start.Add(-time.Duration(i)*day))
	}
	w.look()
	for i := range 30 {
		w.backUp("web1", start.Add(time.Duration(i+1)*day))
	}
	w.now = start.Add(30*day + 11*time.Hour)
	w.look()
	if x := w.series("web1"); x.Rhythm != day || x.LastSeen != w.now {
		t.Errorf("got %+v", x)
	}
}

// A repository that cannot be looked at makes its series unknown. One condition tells
// when a backup was due meanwhile, and those that were late stay so.
func TestNotLookedAt(t *testing.T) {
	w := newWorld(t)
	w.look()
	for range 10 {
		w.now = w.now.Add(day)
		w.backUp("web1", w.now)
		w.backUp("web2", w.now)
		w.look()
	}
	for range 2 {
		w.now = w.now.Add(day)
		w.backUp("web1", w.now)
		w.look()
	}
	web2 := w.wantState("web2", syncline.MachineLate, "").ID
	if err := w.NotLooked(t.Context(), w.repository, w.now); err != nil {
		t.Fatal(err)
	}
	failed := w.now
	w.wantState("web1", syncline.MachineUnknown, NotLookedAt)
	w.wantConditions(string(web2))
	w.now = failed.Add(36*time.Hour + time.Minute)
	if err := w.NotLooked(t.Context(), w.repository, w.now); err != nil { // the begin of the failure holds
		t.Fatal(err)
	}
	if c := w.wantConditions(string(web2), subjectUnseen)[1]; !strings.Contains(c.Message, "late or unseen: it was not looked at since "+failed.Format("2006-01-02 15:04")) || !strings.Contains(c.Message, "web1") {
		t.Errorf("got %+v", c)
	}
	if err := w.Looked(t.Context(), w.repository, w.now); err != nil {
		t.Fatal(err)
	}
	w.wantConditions(string(w.series("web1").ID), string(web2))
	w.backUp("web1", w.now)
	w.look()
	w.wantState("web1", syncline.MachineInTime, "")
	w.outOfSync = true
	w.wantState("web1", syncline.MachineUnknown, NotLookedAt)
	w.outOfSync = false
	// Nobody looks, and nothing fails: the schedule is off.
	idle := func(hours int) {
		for range hours {
			w.now = w.now.Add(time.Hour)
			w.tick()
		}
	}
	idle(26)
	w.wantConditions(string(web2))
	idle(11)
	w.wantConditions(string(web2), subjectUnseen)
}

// After a pause of the machine and after a start of the server, the looks before say
// nothing: the next check is waited for.
func TestPause(t *testing.T) {
	w := newWorld(t)
	nightly := func(now time.Time) {
		if now.Hour() == 2 {
			w.backUp("web1", now)
		}
	}
	w.until(start.Add(10*day), nightly)
	w.wantConditions()
	w.now = w.now.Add(3 * day)
	w.wantConditions()
	w.now = w.now.Add(59 * time.Minute)
	w.wantConditions()
	w.now = w.now.Add(time.Minute) // nobody has looked for an hour
	w.wantConditions(subjectUnseen)
	w.looks = looks{} // another process
	w.now = w.now.Add(time.Minute)
	w.wantConditions(subjectUnseen) // it stays as it is
	w.backUp("web1", w.now)
	w.look()
	w.wantConditions()
}

// The end of a session is what makes Tick look.
func TestSessionEnded(t *testing.T) {
	w := newWorld(t)
	w.backUp("web1", w.now)
	end := func(state syncline.WorkState) {
		w.SessionEnded(syncline.Work{RepositoryID: w.repository, State: state, StartedAt: w.now, EndedAt: w.now.Add(time.Minute)})
		w.now = w.now.Add(time.Hour)
		w.tick()
	}
	end(syncline.WorkStopped)
	if list, _ := w.store.Series(t.Context(), ""); len(list) != 0 {
		t.Errorf("a stopped session left %+v", list)
	}
	end(syncline.WorkSucceeded)
	look, _ := w.look1()
	if look.LookedAt != start.Add(time.Hour) || !look.FailedAt.IsZero() || w.series("web1").AddedAt != w.now {
		t.Errorf("got %+v", look)
	}
	w.outOfSync = true
	w.backUp("web2", w.now) // which the catalog shows all the same
	end(syncline.WorkFailed)
	w.wantState("web2", syncline.MachineUnknown, NoRhythm)
	if look, _ = w.look1(); look.FailedAt != start.Add(2*time.Hour+time.Minute) {
		t.Errorf("got %+v", look)
	}
	w.outOfSync = false
	end(syncline.WorkFailed) // it published what there is
	if look, _ = w.look1(); look.LookedAt != start.Add(3*time.Hour) || !look.FailedAt.IsZero() {
		t.Errorf("got %+v", look)
	}
	if err := w.store.DeleteRepository(t.Context(), w.repository); err != nil {
		t.Fatal(err)
	}
	end(syncline.WorkSucceeded) // of a repository that is gone
	if len(w.seen) != 0 {
		t.Errorf("sightings of a removed repository stay in memory")
	}
}

// A check that finds nothing new is a look, one that fails is none, and after one that
// finds something the session tells.
func TestChecked(t *testing.T) {
	w := newWorld(t)
	r := syncline.Repository{ID: w.repository}
	check := func(result syncline.CheckResult, outOfSync bool, looked, failed time.Time) {
		t.Helper()
		w.now, r.OutOfSync = w.now.Add(time.Hour), outOfSync
		w.Checked(t.Context(), r, syncline.Check{RepositoryID: r.ID, At: w.now, Result: result})
		if look, err := w.look1(); err != nil || look.LookedAt != looked || look.FailedAt != failed {
			t.Errorf("%s: got %+v, %v", result, look, err)
		}
	}
	none := time.Time{}
	check(syncline.CheckChanged, false, none, none)
	check(syncline.CheckSuccess, true, none, none)
	check(syncline.CheckSuccess, false, start.Add(3*time.Hour), none)
	check(syncline.CheckFailed, false, start.Add(3*time.Hour), start.Add(4*time.Hour))
	check(syncline.CheckFailed, false, start.Add(3*time.Hour), start.Add(4*time.Hour))
	check(syncline.CheckSuccess, false, start.Add(6*time.Hour), none)
	w.Checked(t.Context(), syncline.Repository{ID: MachineID("gone")}, syncline.Check{Result: syncline.CheckSuccess, At: w.now})
}

// TestCheckBeforeTheLook has a session bring the backup of a series that was due. A check
// that finds nothing new after it makes nobody late, before the backup is looked at.
func TestCheckBeforeTheLook(t *testing.T) {
	w := newWorld(t)
	w.until(start.Add(10*day), func(now time.Time) {
		if now.Hour() == 2 {
			w.backUp("web1", now)
		}
	})
	w.now = w.now.Add(3 * day)
	w.wantState("web1", syncline.MachineUnknown, NotLookedAt)
	w.backUp("web1", w.now)
	session := syncline.Work{ID: "s", RepositoryID: w.repository, State: syncline.WorkSucceeded, StartedAt: w.now, EndedAt: w.now}
	w.SessionEnded(session)
	w.now = w.now.Add(time.Hour)
	w.Checked(t.Context(), syncline.Repository{ID: w.repository}, syncline.Check{RepositoryID: w.repository, At: w.now, Result: syncline.CheckSuccess})
	w.wantState("web1", syncline.MachineUnknown, NotLookedAt)
	w.fail = errors.New("away")
	w.wantConditions() // the look fails, and is made again
	w.Checked(t.Context(), syncline.Repository{ID: w.repository}, syncline.Check{RepositoryID: w.repository, At: w.now, Result: syncline.CheckSuccess})
	w.wantState("web1", syncline.MachineUnknown, NotLookedAt)
	w.fail = nil
	w.wantConditions()
	w.wantState("web1", syncline.MachineInTime, "")
	if len(w.pending) != 0 {
		t.Errorf("%d sessions wait", len(w.pending))
	}
}

func (w *world) look1() (syncline.Look, error) { return w.Service.look(w.t.Context(), w.repository) }

// Run ends with its context, and looks at catalogs that changed before it began. It says
// nothing of a repository before the first look since then.
func TestRun(t *testing.T) {
	w := newWorld(t)
	w.backUp("web1", w.now)
	ctx, cancel := context.WithCancel(t.Context())
	told := make(chan struct{}, 10)
	w.Reporter = reporterFunc(func() { told <- struct{}{} })
	ended := make(chan struct{})
	go func() { defer close(ended); w.Run(ctx) }()
	if err := w.Looked(t.Context(), w.repository, w.now); err != nil {
		t.Fatal(err)
	}
	<-told
	if x := w.series("web1"); x.State != syncline.MachineUnknown {
		t.Errorf("got %+v", x)
	}
	if err := w.Retire(t.Context(), MachineID("web1"), "ada"); err != nil { // which is told at once
		t.Fatal(err)
	}
	<-told
	cancel()
	<-ended
}

type reporterFunc func()

func (f reporterFunc) Report(context.Context, syncline.AlarmKind, syncline.ID, []syncline.Condition) error {
	f()
	return nil
}

func TestRetire(t *testing.T) {
	w := newWorld(t)
	for i := range 10 {
		w.backUp("web1", start.Add(-time.Duration(i+100)*day))
	}
	w.look()
	w.now = w.now.Add(time.Hour)
	w.look()
	id := w.wantState("web1", syncline.MachineLate, "").ID
	for _, one := range []syncline.ID{id, MachineID("web1")} {
		if err := w.Retire(t.Context(), one, "ada"); err != nil {
			t.Fatal(err)
		}
		if x := w.wantState("web1", syncline.MachineRetired, ""); x.RetiredBy != "ada" || x.RetiredAt != w.now {
			t.Errorf("got %+v", x)
		}
		w.wantConditions()
		if err := w.Resume(t.Context(), one); err != nil {
			t.Fatal(err)
		}
		w.wantState("web1", syncline.MachineLate, "")
	}
	for _, f := range []error{w.Retire(t.Context(), w.repository, "ada"), w.Resume(t.Context(), w.repository)} {
		if syncline.CodeOf(f) != syncline.CodeNotFound {
			t.Errorf("got %v", f)
		}
	}
	if err := w.Retire(t.Context(), id, "ada"); err != nil {
		t.Fatal(err)
	}
	w.now = w.now.Add(time.Hour)
	w.backUp("web1", w.now) // it is not over
	w.look()
	if x := w.wantState("web1", syncline.MachineInTime, ""); x.RetiredBy != "" {
		t.Errorf("got %+v", x)
	}
}

func TestRuleTakesTheRhythmsPlace(t *testing.T) {
	w := newWorld(t)
	w.backUp("web1", w.now)
	w.look()
	rule := syncline.AlarmRule{ID: w.repository, Name: "daily", Kind: syncline.AlarmBackupLate, HostPattern: "web*", MaxAge: 26 * time.Hour, Severity: syncline.SeverityCritical}
	if err := w.store.AddAlarmRule(t.Context(), rule); err != nil {
		t.Fatal(err)
	}
	w.wantState("web1", syncline.MachineInTime, "")
	w.until(start.Add(26*time.Hour), nil)
	w.wantConditions()
	w.until(start.Add(27*time.Hour), nil)
	x := w.wantState("web1", syncline.MachineLate, "")
	if c := w.wantConditions(string(x.ID))[0]; c.Severity != syncline.SeverityCritical || !strings.Contains(c.Message, `the rule "daily" wants one every 26h`) || x.Rule.Name != "daily" {
		t.Errorf("got %+v", c)
	}
}

func TestMachineStates(t *testing.T) {
	w := newWorld(t)
	w.look()
	for range 8 {
		w.now = w.now.Add(day)
		for _, host := range []string{"a", "b", "c"} {
			w.backUp(host, w.now)
		}
		w.look()
	}
	w.repository = w.attach("second")
	w.look()
	w.backUp("a", w.now) // no rhythm takes no green away
	w.backUp("new", w.now)
	for i := range 9 {
		w.backUp("b", w.now.Add(-time.Duration(i+50)*day))
	}
	w.look()
	w.now = w.now.Add(time.Minute)
	w.look()
	if err := w.Retire(t.Context(), MachineID("c"), "ada"); err != nil {
		t.Fatal(err)
	}
	all, err := w.Machines(t.Context(), MachinesQuery{})
	var got []string
	for _, m := range all.Machines {
		got = append(got, fmt.Sprint(m.HostName, " ", m.State, " ", len(m.Series)))
		if one, err := w.Machine(t.Context(), m.ID); err != nil || one.HostName != m.HostName {
			t.Errorf("got %+v, %v", one, err)
		}
	}
	want := []string{"b Late 2", "new Unknown 1", "a InTime 2", "c Retired 1"}
	if err != nil || !slices.Equal(got, want) || all.InTime != 1 || all.Late != 1 || all.Unknown != 1 || all.Retired != 1 || all.Total != 4 {
		t.Errorf("got %q %+v, want %q, %v", got, all, want, err)
	}
	counts, err := w.CountMachines(t.Context())
	if err != nil || counts[syncline.MachineInTime] != 1 || counts[syncline.MachineLate] != 1 || len(counts) != 4 {
		t.Errorf("got %v, %v", counts, err)
	}
	for _, q := range []MachinesQuery{{State: syncline.MachineInTime}, {RepositoryID: w.repository, HostName: "A"}, {Limit: 1, Offset: 2}} {
		page, err := w.Machines(t.Context(), q)
		if err != nil || len(page.Machines) != 1 || page.Machines[0].HostName != "a" {
			t.Errorf("%+v: got %+v, %v", q, page, err)
		}
	}
	if page, err := w.Machines(t.Context(), MachinesQuery{Offset: 9}); err != nil || len(page.Machines) != 0 || page.Total != 4 {
		t.Errorf("got %+v, %v", page, err)
	}
}

// The series of a repository have a bound. Those beyond it are counted and named, and
// retired ones without snapshots make room.
func TestTooManySeries(t *testing.T) {
	w := newWorld(t)
	for i := range MaxSeries + 3 {
		w.made++
		x := syncline.Snapshot{ID: syncline.Hash{byte(w.made >> 16), byte(w.made >> 8), byte(w.made)}, Time: w.now, Hostname: fmt.Sprintf("host%d", i)}
		w.points[w.repository] = append(w.points[w.repository], syncline.RestorePoint{RepositoryID: w.repository, Snapshot: x})
	}
	w.look()
	list, err := w.store.Series(t.Context(), w.repository)
	if err != nil || len(list) != MaxSeries {
		t.Fatalf("%d series, %v", len(list), err)
	}
	if c := w.wantConditions(subjectUnwatched)[0]; !strings.Contains(c.Message, "3 series that are not watched") || !strings.Contains(c.Message, "host") {
		t.Errorf("got %+v", c)
	}
	gone := list[0]
	w.points[w.repository] = slices.DeleteFunc(w.points[w.repository], func(p syncline.RestorePoint) bool { return p.Snapshot.Hostname == gone.HostName })
	if err := w.Retire(t.Context(), gone.ID, "ada"); err != nil {
		t.Fatal(err)
	}
	w.look()
	if c := w.wantConditions(subjectUnwatched)[0]; !strings.Contains(c.Message, "2 series that are not watched") {
		t.Errorf("got %+v", c)
	}
}

// Long names, many paths and bytes that are no text stay within bounds.
func TestStrangeNames(t *testing.T) {
	w := newWorld(t)
	paths := make([]string, 1000)
	for i := range paths {
		paths[i] = fmt.Sprintf("/%04d\xff\x1b[31m", i)
	}
	x := syncline.Snapshot{ID: syncline.Hash{1}, Time: w.now.Add(-100 * day), Hostname: strings.Repeat("é", 5000) + "\n", Paths: paths, Tags: slices.Repeat([]string{strings.Repeat("t", 9999)}, 999)}
	w.points[w.repository] = []syncline.RestorePoint{{RepositoryID: w.repository, Snapshot: x}, {RepositoryID: w.repository, Lost: true, Snapshot: syncline.Snapshot{ID: syncline.Hash{2}, Hostname: "lost"}}}
	if err := w.store.AddAlarmRule(t.Context(), syncline.AlarmRule{ID: w.repository, Name: "r", Kind: syncline.AlarmBackupLate, MaxAge: time.Hour, Severity: syncline.SeverityInfo}); err != nil {
		t.Fatal(err)
	}
	w.look()
	w.now = w.now.Add(time.Minute)
	w.look()
	list, err := w.store.Series(t.Context(), w.repository)
	if err != nil || len(list) != 1 || len(list[0].HostName) > maxHost+3 || len(list[0].Paths) != maxPaths || list[0].MorePaths != 1000-maxPaths || len(list[0].Tags) != maxTags {
		t.Errorf("got %+v, %v", list, err)
	}
	c := w.wantConditions(subjectSilent)[0]
	if len(c.Message) > 600 || strings.ContainsAny(c.Message, "\x1b\n") || !strings.Contains(c.Message, "and 997 more") {
		t.Errorf("got %q", c.Message)
	}
}

// Each of many late series is reported. The desk folds them (TestManyConditions).
func TestManyLate(t *testing.T) {
	const many = 210
	w := newWorld(t)
	w.look()
	for range 6 {
		w.now = w.now.Add(day)
		for i := range many {
			w.backUp(fmt.Sprint("host", i), w.now)
		}
		w.look()
	}
	w.now = w.now.Add(2 * day)
	w.look()
	if all := w.tick(); len(all) != many {
		t.Errorf("got %d conditions, the last is %+v", len(all), all[len(all)-1])
	}
}

// A look that is cut short between two writes is done again without harm.
func TestCutShort(t *testing.T) {
	w := newWorld(t)
	w.look()
	for range 8 {
		w.now = w.now.Add(day)
		w.backUp("web1", w.now)
		w.look()
	}
	w.now = w.now.Add(day)
	w.backUp("web1", w.now)
	w.Store = failing{w.store}
	if err := w.Observe(t.Context(), w.repository, w.now); err == nil {
		t.Fatal("nothing failed")
	}
	w.Store = w.store
	first := w.now
	w.now = w.now.Add(3 * time.Hour)
	w.look()
	ring, err := w.store.SeriesRing(t.Context(), w.series("web1").ID)
	if err != nil || len(ring) != 9 || ring[8].At != first {
		t.Errorf("got %d sightings, %v", len(ring), err)
	}
	w.fail = syncline.Errorf(syncline.CodeDamaged, "damaged")
	if err := w.Observe(t.Context(), w.repository, w.now); syncline.CodeOf(err) != syncline.CodeDamaged {
		t.Errorf("got %v", err)
	}
}

// failing fails to add sightings.
type failing struct{ *sqlite.Store }

func (failing) AddSightings(context.Context, syncline.ID, []syncline.Sighting) error {
	return syncline.Errorf(syncline.CodeUnavailable, "the disk is full")
}
