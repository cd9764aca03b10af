package alarm

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/store"
	"syncline.dev/syncline/internal/store/sqlite"
)

const repository = syncline.ID("c6d1fc1b-1aef-411f-9a7f-de35e546c615")

var begin = time.Date(2026, 11, 23, 12, 30, 0, 0, time.UTC)

// world is a desk on a database, with a clock that the test moves.
type world struct {
	t       *testing.T
	store   *sqlite.Store
	desk    *Desk
	now     time.Time
	changes int
}

func newWorld(t *testing.T) *world {
	t.Helper()
	s, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	if err := s.AddRepository(t.Context(), syncline.Repository{ID: repository, Name: "r"}); err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, store: s, now: begin}
	w.desk = &Desk{
		Store: s, Now: func() time.Time { return w.now }, NewID: func() syncline.ID { return syncline.ID(uuid.NewString()) },
		Changed: func() { w.changes++ }, Alone: true,
	}
	return w
}

// reads counts the looks at alarms.
type reads struct {
	Store
	n int
}

func (r *reads) AlarmsOf(ctx context.Context, kind syncline.AlarmKind, repository syncline.ID, endedAfter time.Time) ([]syncline.Alarm, error) {
	r.n++
	return r.Store.AlarmsOf(ctx, kind, repository, endedAfter)
}

// A desk that is alone does not look again where all was well and is.
func TestWellIsRemembered(t *testing.T) {
	w := newWorld(t)
	count := &reads{Store: w.store}
	w.desk.Store = count
	a := late("a", syncline.SeverityWarning)
	report := func(what string, want int, now ...syncline.Condition) {
		t.Helper()
		count.n = 0
		if w.report(now...); count.n != want {
			t.Errorf("%s: %d looks, want %d", what, count.n, want)
		}
	}
	report("the first report", 1)
	report("all is well still", 0)
	report("something is wrong", 1, a)
	report("it is wrong still", 1, a)
	report("the end", 1)
	report("it may begin again as the same alarm", 1)
	if list := w.alarms(""); len(list) != 1 || list[0].EndedAt.IsZero() {
		t.Errorf("got %+v", list)
	}
	w.now = w.now.Add(Damp + time.Second)
	report("that time is over", 1)
	report("and all is well", 0)
	back, err := w.desk.EndAll(t.Context(), repository)
	if err != nil {
		t.Fatal(err)
	}
	back()
	report("after a removal that did not happen", 1)
	if w.desk.Alone = false; len(w.desk.well) != 1 {
		t.Errorf("remembered: %v", w.desk.well)
	}
	w.desk.well = nil
	report("beside other nodes", 1)
	report("beside other nodes, again", 1)
}

func late(subject string, severity syncline.Severity) syncline.Condition {
	return syncline.Condition{
		Kind: syncline.AlarmBackupLate, Severity: severity, RepositoryID: repository, Subject: subject, Message: subject + " is late",
	}
}

func (w *world) report(now ...syncline.Condition) {
	w.t.Helper()
	if err := w.desk.Report(w.t.Context(), syncline.AlarmBackupLate, repository, now); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) alarms(state syncline.AlarmState) []syncline.Alarm {
	w.t.Helper()
	list, _, err := w.store.Alarms(w.t.Context(), syncline.AlarmFilter{State: state}, 20_000, 0)
	if err != nil {
		w.t.Fatal(err)
	}
	return list
}

// events are what is told by now, and later: subject and event, in order of time.
func (w *world) events() (told, later []string) {
	w.t.Helper()
	list, err := w.store.PendingEvents(w.t.Context(), 100_000)
	if err != nil {
		w.t.Fatal(err)
	}
	slices.SortStableFunc(list, func(a, b store.PendingEvent) int { return a.TellAt.Compare(b.TellAt) })
	for _, e := range list {
		line := e.Alarm.Subject + " " + string(e.Event)
		if e.TellAt.After(w.now) {
			later = append(later, line)
		} else {
			told = append(told, line)
		}
	}
	return told, later
}

func (w *world) want(told string, later string) {
	w.t.Helper()
	gotTold, gotLater := w.events()
	if strings.Join(gotTold, ", ") != told || strings.Join(gotLater, ", ") != later {
		w.t.Errorf("told %q, later %q; want %q and %q", gotTold, gotLater, told, later)
	}
}

func TestBeginWorsenEnd(t *testing.T) {
	w := newWorld(t)
	w.report(late("a", syncline.SeverityWarning), late("b", syncline.SeverityInfo))
	w.want("a Began, b Began", "")
	w.now = w.now.Add(time.Minute)
	changes := w.changes
	w.report(late("b", syncline.SeverityInfo), late("a", syncline.SeverityWarning))
	if w.changes != changes {
		t.Error("the same report again was a change")
	}
	worse := late("a", syncline.SeverityCritical)
	worse.Message = "a is very late"
	w.report(worse, late("b", syncline.SeverityInfo))
	w.want("a Began, b Began, a Worsened", "")
	// A lighter one and back is a change that nobody is told of.
	w.report(late("a", syncline.SeverityInfo), late("b", syncline.SeverityInfo))
	w.report(worse, late("b", syncline.SeverityInfo))
	w.want("a Began, b Began, a Worsened", "")
	w.report(worse)
	w.want("a Began, b Began, a Worsened, b Ended", "")
	open, ended := w.alarms(syncline.AlarmStateOpen), w.alarms(syncline.AlarmStateEnded)
	if len(open) != 1 || open[0].Subject != "a" || open[0].Message != worse.Message || open[0].Severity != syncline.SeverityCritical || !open[0].StartedAt.Equal(begin) {
		t.Errorf("open: %+v", open)
	}
	if len(ended) != 1 || ended[0].Subject != "b" || !ended[0].EndedAt.Equal(w.now) {
		t.Errorf("ended: %+v", ended)
	}
}

// Other kinds and repositories are left alone, and a repository that is gone has no
// alarms.
func TestReportConcernsItsKindAndRepository(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	w.report(late("a", syncline.SeverityInfo))
	disk := syncline.Condition{Kind: syncline.AlarmStorageLow, Severity: syncline.SeverityWarning, Subject: "data"}
	for _, err := range []error{
		w.desk.Report(ctx, syncline.AlarmStorageLow, "", []syncline.Condition{disk}),
		w.desk.Report(ctx, syncline.AlarmRepositoryDamaged, repository, nil),
		w.desk.Report(ctx, syncline.AlarmBackupLate, "", nil),
		w.desk.Report(ctx, syncline.AlarmStorageLow, repository, nil),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	w.want("a Began, data Began", "")
	if err := w.desk.Report(ctx, syncline.AlarmStorageLow, repository, []syncline.Condition{disk}); syncline.CodeOf(err) != syncline.CodeInternal {
		t.Errorf("a condition of another repository: %v", err)
	}
	if err := w.store.DeleteRepository(ctx, repository); err != nil {
		t.Fatal(err)
	}
	w.report(late("a", syncline.SeverityInfo))
	w.want("data Began", "")
}

func TestFlapping(t *testing.T) {
	w := newWorld(t)
	a := late("a", syncline.SeverityWarning)
	const step = 10 * time.Minute
	for range 10 {
		w.report(a)
		w.now = w.now.Add(step)
		w.report()
		w.now = w.now.Add(step)
	}
	w.want("a Began, a Ended, a Began", "a Ended")
	w.report(a)
	w.want("a Began, a Ended, a Began", "")
	w.report()
	w.now = w.now.Add(Damp)
	w.want("a Began, a Ended, a Began, a Ended", "")
	all := w.alarms("")
	if len(all) != 1 || all[0].Reopened != 10 || !all[0].StartedAt.Equal(begin) {
		t.Fatalf("got %+v", all)
	}
	w.report(a) // the time is over: this is another alarm
	if all = w.alarms(""); len(all) != 2 || all[0].Reopened != 0 {
		t.Errorf("got %+v", all)
	}
}

// The word of a user about an alarm stays when it begins again.
func TestHandlingStays(t *testing.T) {
	w := newWorld(t)
	w.report(late("a", syncline.SeverityWarning))
	note := "a new disk comes on Monday"
	a, err := w.store.AcknowledgeAlarm(t.Context(), w.alarms("")[0].ID, "mila", w.now, &note)
	if err == nil {
		a, err = w.store.SilenceAlarm(t.Context(), a.ID, w.now.Add(time.Hour), nil)
	}
	if err != nil {
		t.Fatal(err)
	}
	w.report()
	w.report(late("a", syncline.SeverityCritical))
	got := w.alarms("")[0]
	if got.ID != a.ID || got.AcknowledgedBy != "mila" || got.Note != note || !got.SilencedUntil.Equal(a.SilencedUntil) || got.Severity != syncline.SeverityCritical {
		t.Errorf("got %+v", got)
	}
}

func TestManyConditions(t *testing.T) {
	w := newWorld(t)
	many := func(n int) (list []syncline.Condition) {
		for i := range n {
			list = append(list, late(fmt.Sprintf("s%03d", i), syncline.SeverityInfo))
		}
		return list
	}
	w.report(many(MaxOpen)[20:]...)
	w.report(append([]syncline.Condition{late("z", syncline.SeverityCritical)}, many(MaxOpen+50)...)...)
	open := w.alarms(syncline.AlarmStateOpen)
	if len(open) != MaxOpen {
		t.Fatalf("%d alarms are open", len(open))
	}
	if ended := w.alarms(syncline.AlarmStateEnded); len(ended) != 0 {
		t.Errorf("%d alarms ended, though their conditions hold", len(ended))
	}
	subjects := make(map[string]syncline.Alarm)
	for _, a := range open {
		subjects[a.Subject] = a
	}
	if a := subjects[rest]; !strings.HasPrefix(a.Message, "and 52 more late backups") || a.Severity != syncline.SeverityInfo {
		t.Errorf("got %+v", a)
	}
	if subjects["z"].ID == "" || subjects["s020"].ID == "" {
		t.Error("the heaviest of the new ones has no alarm, or an open one lost its own")
	}
	w.report(many(3)...)
	if open := w.alarms(syncline.AlarmStateOpen); len(open) != 3 {
		t.Errorf("%d alarms are open", len(open))
	}
}

func TestLongTextsAreCut(t *testing.T) {
	w := newWorld(t)
	c := late(strings.Repeat("s", 10_000), syncline.SeverityInfo)
	c.Message, c.HostName, c.Link = strings.Repeat("ä", 5000), strings.Repeat("h", 5000)+"\xff", strings.Repeat("l", 5000)
	for range 1000 {
		c.Paths = append(c.Paths, strings.Repeat("p", 5000))
	}
	w.report(c)
	changes := w.changes
	w.report(c, late(rest, syncline.SeverityInfo), late("twice", syncline.SeverityInfo), late("twice", syncline.SeverityCritical))
	open := w.alarms(syncline.AlarmStateOpen)
	if w.changes != changes+1 || len(open) != 3 {
		t.Fatalf("%d changes, %d alarms", w.changes, len(open))
	}
	if a := open[0]; a.Subject != "twice" || a.Severity != syncline.SeverityCritical {
		t.Errorf("got %+v", a)
	}
	a := open[2]
	if len(a.Subject) > maxSubject || len(a.Message) > maxMessage || len(a.HostName) > maxHost || len(a.Link) > maxLink || len(a.Paths) > maxPaths || len(a.Paths[0]) > maxPath {
		t.Errorf("got texts of %d, %d, %d, %d and %d paths of %d", len(a.Subject), len(a.Message), len(a.HostName), len(a.Link), len(a.Paths), len(a.Paths[0]))
	}
}

// thinned is a store that has more to remove a few times.
type thinned struct {
	Store
	left   int
	before time.Time
	keep   int
}

func (s *thinned) ThinAlarms(_ context.Context, endedBefore time.Time, keep int) (bool, error) {
	s.before, s.keep = endedBefore, keep
	s.left--
	return s.left > 0, nil
}

func TestEndedAlarmsAreBounded(t *testing.T) {
	s := &thinned{left: 3}
	if err := (&Desk{Store: s}).Tick(t.Context(), begin); err != nil {
		t.Fatal(err)
	}
	if s.left != 0 || !s.before.Equal(begin.AddDate(-1, 0, 0)) || s.keep != 10_000 {
		t.Errorf("got %+v", s)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := (&Desk{Store: &thinned{left: 1 << 40}}).Tick(ctx, begin); err == nil {
		t.Error("the end of the context did not end it")
	}
}

// Whatever is reported, the open alarms are the conditions, and people hear a story that
// fits them: begin, worse, end, in turn, and little of it.
func TestAnyReports(t *testing.T) {
	for seed := range uint64(60) {
		rnd := rand.New(rand.NewPCG(seed, 7))
		known, told := []syncline.Alarm{}, map[syncline.ID][]store.PendingEvent{}
		now, n := begin, 0
		newID := func() syncline.ID { n++; return syncline.ID(fmt.Sprint(n)) }
		for range 200 {
			now = now.Add(time.Duration(rnd.IntN(40)) * time.Minute)
			var conditions []syncline.Condition
			for i := range 4 {
				if rnd.IntN(2) == 0 {
					conditions = append(conditions, late(fmt.Sprint(i), syncline.Severities()[rnd.IntN(3)]))
				}
			}
			known = apply(known, told, now, plan(now, recent(known, now), conditions, newID))
			checkOpen(t, known, conditions)
			if again := plan(now, recent(known, now), conditions, newID); len(again) != 0 {
				t.Fatalf("seed %d: the same report is a change: %+v", seed, again)
			}
		}
		now = now.Add(Damp)
		known = apply(known, told, now, plan(now, recent(known, now), nil, newID))
		for _, a := range known {
			checkStory(t, seed, &a, told[a.ID])
		}
	}
}

// recent are the alarms that the store gives to the desk.
func recent(known []syncline.Alarm, now time.Time) (list []syncline.Alarm) {
	for _, a := range known {
		if a.Open() || a.EndedAt.After(now.Add(-Damp)) {
			list = append(list, a)
		}
	}
	return list
}

// apply does what the store does.
func apply(known []syncline.Alarm, told map[syncline.ID][]store.PendingEvent, now time.Time, steps []store.AlarmChange) []syncline.Alarm {
	for _, s := range steps {
		id := s.Alarm.ID
		if s.New {
			known = append(known, s.Alarm)
		}
		known[slices.IndexFunc(known, func(a syncline.Alarm) bool { return a.ID == id })] = s.Alarm
		if !s.TakeBack.IsZero() {
			told[id] = slices.DeleteFunc(told[id], func(e store.PendingEvent) bool { return e.TellAt.After(s.TakeBack) })
		}
		if s.Event != "" {
			told[id] = append(told[id], store.PendingEvent{Event: s.Event, At: now, TellAt: s.TellAt})
		}
	}
	return known
}

func checkOpen(t *testing.T, known []syncline.Alarm, conditions []syncline.Condition) {
	t.Helper()
	open := make(map[string]syncline.Condition)
	for _, a := range known {
		if a.Open() {
			open[a.Subject] = a.Condition
		}
	}
	want := make(map[string]syncline.Condition)
	for _, c := range conditions {
		want[c.Subject] = c
	}
	if !reflect.DeepEqual(open, want) {
		t.Fatalf("open: %+v, reported: %+v", open, want)
	}
}

func checkStory(t *testing.T, seed uint64, a *syncline.Alarm, told []store.PendingEvent) {
	t.Helper()
	var story []string
	open, counts := false, map[syncline.AlarmEvent]int{}
	for i, e := range told {
		story = append(story, string(e.Event))
		counts[e.Event]++
		if e.TellAt.Before(e.At) || i > 0 && e.TellAt.Before(told[i-1].TellAt) {
			t.Errorf("seed %d: %s is told before what came before it", seed, e.Event)
		}
		switch e.Event {
		case syncline.AlarmBegan, syncline.AlarmEnded:
			if open == (e.Event == syncline.AlarmBegan) {
				t.Errorf("seed %d: the story is %v", seed, story)
			}
			open = !open
		case syncline.AlarmWorsened:
			if !open {
				t.Errorf("seed %d: the story is %v", seed, story)
			}
		}
	}
	if open || counts[syncline.AlarmBegan] > 2 || counts[syncline.AlarmWorsened] > 2 {
		t.Errorf("seed %d: the story of %+v is %v", seed, a, story)
	}
}
