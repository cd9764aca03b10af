package watch_test

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/needtest"
	"syncline.dev/syncline/internal/programtest"
)

const (
	days = 91
	// step is the time between two looks at the clock, and between two checks.
	step = 30 * time.Minute
	// slack is how far the begin or the end of an alarm may be from the time of its cause:
	// a turn of the checks, a step, and the spread of the backups' times.
	slack = 2 * time.Hour
)

// quarterBegin is a Tuesday. The clocks of Berlin change in the quarter.
var quarterBegin = time.Date(2026, 9, 1, 0, 0, 0, 0, time.UTC)

// day is a time in the quarter.
func day(n float64) time.Time { return quarterBegin.Add(time.Duration(n * 24 * float64(time.Hour))) }

// machine is a host that is backed up, and when.
type machine struct {
	repository string
	host       string
	rhythm     string
	minute     int // of the day, local time
	off        [][2]time.Time
	from       time.Time         // first backup, zero for before the quarter
	wrongClock [2]time.Time      // when its clock is ahead
	ahead      time.Duration     // by so much
	changes    map[time.Time]int // files that a backup changes, where they are not the usual ones
}

// limits are 1.5 times the gaps that nine of ten keep to. The times of the backups spread
// over an hour.
var limits = map[string]time.Duration{
	"6 hours": 10 * time.Hour, "daily": 37 * time.Hour, "workdays": 109 * time.Hour, "weekly": 253 * time.Hour,
}

// due reports whether the machine backs up in the step that ends at a time.
func (m *machine) due(at time.Time, berlin *time.Location) bool {
	if at.Before(m.from) {
		return false
	}
	for _, off := range m.off {
		if !at.Before(off[0]) && at.Before(off[1]) {
			return false
		}
	}
	local := at.In(berlin)
	minute := local.Hour()*60 + local.Minute()
	planned := m.minute
	if m.rhythm == "6 hours" {
		minute, planned = minute%360, planned%270
	}
	planned += local.YearDay() * 7 % 3 * 30 // spread over an hour
	if minute != planned/30*30 {
		return false
	}
	switch m.rhythm {
	case "workdays":
		return local.Weekday() != time.Saturday && local.Weekday() != time.Sunday
	case "weekly":
		return local.Weekday() == time.Wednesday
	}
	return true
}

// expected is an alarm that the quarter has to have.
type expected struct {
	kind       syncline.AlarmKind
	repository string // name, "" for the server itself
	host       string // "" where the alarm is of none
	subject    string // where there is no host
	severity   syncline.Severity
	begin, end time.Time // the end is zero for none
	told       string    // the events that the receiver hears, in order
	gone       bool      // with its repository
}

// trouble is something that happens in the quarter.
type trouble struct {
	name string
	// plan changes the play, before the quarter begins, and returns the alarms that have
	// to follow.
	plan   func(q *quarter, p *play) []expected
	alarms []expected
}

// play is the quarter's plan.
type play struct {
	machines []*machine
	events   map[time.Time][]func()
	ids      map[string]syncline.ID
	paused   [][2]time.Time // when the machine of the server is off or asleep
	berlin   *time.Location
}

func (p *play) machine(repository string, n int) *machine {
	host := fmt.Sprintf("%s-%d", repository, n)
	return p.machines[slices.IndexFunc(p.machines, func(m *machine) bool { return m.host == host })]
}

// last returns the time of the last backup before a time at which a machine is off.
func (p *play) last(m *machine, off time.Time) time.Time {
	for at := off.Add(-step); at.After(day(-60)); at = at.Add(-step) {
		if m.due(at, p.berlin) {
			return at
		}
	}
	panic(m.host + " has no backup before " + stamp(off))
}

// next returns the time of the first backup from a time on.
func (p *play) next(m *machine, from time.Time) time.Time {
	for at := from; at.Before(day(days)); at = at.Add(step) {
		if m.due(at, p.berlin) {
			return at
		}
	}
	panic(m.host + " has no backup after " + stamp(from))
}

// first returns the time of the first backup in a repository from a time on.
func (p *play) first(repository string, from time.Time) time.Time {
	first := day(days)
	for _, m := range p.machines {
		if m.repository == repository {
			if at := p.next(m, from); at.Before(first) {
				first = at
			}
		}
	}
	return first
}

func (p *play) on(at time.Time, do func()) { p.events[at] = append(p.events[at], do) }

// away keeps a repository from being read, or sessions of it from succeeding, for a time.
func (p *play) away(q *quarter, name string, from, to time.Time, err error) {
	p.on(from, func() { q.change(p.ids[name], func(r *repository) { r.away = err }) })
	p.on(to, func() { q.change(p.ids[name], func(r *repository) { r.away = nil }) })
}

func (p *play) failing(q *quarter, name string, from, to time.Time, err error) {
	p.on(from, func() { q.change(p.ids[name], func(r *repository) { r.session = err }) })
	p.on(to, func() { q.change(p.ids[name], func(r *repository) { r.session = nil }) })
}

// alarm returns an open alarm of a host or a subject.
func (q *quarter) alarm(kind syncline.AlarmKind, host string) syncline.Alarm {
	q.t.Helper()
	list, _, err := q.store.Alarms(q.t.Context(), syncline.AlarmFilter{}, 10_000, 0)
	q.must(err)
	i := slices.IndexFunc(list, func(a syncline.Alarm) bool { return a.Kind == kind && a.HostName == host && a.EndedAt.IsZero() })
	if i < 0 {
		q.t.Fatalf("%s: there is no open alarm %s of %s", q.clock(), kind, host)
	}
	return list[i]
}

// newPlay makes repositories: 40 have 300 series. In each repository, the first machine is
// backed up daily.
func newPlay(q *quarter, berlin *time.Location, repositories int) *play {
	p := &play{berlin: berlin, events: make(map[time.Time][]func()), ids: make(map[string]syncline.ID)}
	rhythms := []string{"daily", "6 hours", "daily", "workdays", "daily", "weekly", "daily", "daily"}
	for r := range repositories {
		name := fmt.Sprintf("r%02d", r)
		p.ids[name] = q.attach(name)
		for n := range 7 + (r+1)%2 {
			p.machines = append(p.machines, &machine{repository: name, host: fmt.Sprintf("%s-%d", name, n), rhythm: rhythms[n], minute: (r*37 + n*61) % 1380 / 30 * 30})
		}
	}
	return p
}

// past adds the backups of the weeks before the quarter.
func (p *play) past(q *quarter) {
	for _, m := range p.machines {
		for at := quarterBegin.Add(-42 * 24 * time.Hour); at.Before(quarterBegin); at = at.Add(step) {
			if m.due(at, p.berlin) {
				id := p.ids[m.repository]
				q.change(id, func(r *repository) { r.there = append(r.there, point(id, m.host, at, at)) })
			}
		}
	}
}

// forget keeps the newest snapshots of each host, as restic forget does.
func (q *quarter) forget(id syncline.ID, keep int) {
	q.change(id, func(r *repository) {
		count := make(map[string]int)
		for i := len(r.there) - 1; i >= 0; i-- {
			if host := r.there[i].Snapshot.Hostname; count[host] < keep {
				count[host]++
			} else {
				r.there = slices.Delete(r.there, i, i+1)
			}
		}
	})
}

// TestQuarter plays a quarter with 40 repositories, 300 series and every kind of trouble.
// There have to be exactly the alarms that the troubles cause, and each of their events
// has to be told once. docs/reliability.md has the table.
func TestQuarter(t *testing.T) {
	needtest.Full(t, "minutes for a simulated quarter")
	if raceDetector {
		withoutRaceDetector(t)
		return
	}
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	q := newQuarter(t, quarterBegin)
	defer func() { q.must(q.store.Close()) }()
	p := newPlay(q, berlin, 40)
	troubles := troubles()
	for i := range troubles {
		troubles[i].alarms = troubles[i].plan(q, p)
	}
	p.past(q)
	q.run(p, day(days), q.tick)
	q.judge(p, troubles)
	if q.receiver.repeated > 0 {
		t.Errorf("%d messages came twice", q.receiver.repeated)
	}
	compareTable(t, q.table(p, troubles))
}

// run plays until a time. tick is called at each step in which the servers run.
func (q *quarter) run(p *play, until time.Time, tick func(at time.Time)) {
	for at := quarterBegin; at.Before(until); at = at.Add(step) {
		q.mu.Lock()
		q.now = at
		q.mu.Unlock()
		for _, m := range p.machines {
			id, there := p.ids[m.repository]
			if !there || !m.due(at, p.berlin) {
				continue
			}
			claimed := at
			if !at.Before(m.wrongClock[0]) && at.Before(m.wrongClock[1]) {
				claimed = at.Add(m.ahead)
			}
			q.backup(id, m.host, claimed, m.changes[at])
		}
		if at.Hour() == 3 && at.Minute() == 0 {
			for _, id := range p.ids {
				q.forget(id, 5)
			}
		}
		for _, do := range p.events[at] {
			do()
		}
		if !slices.ContainsFunc(p.paused, func(x [2]time.Time) bool { return !at.Before(x[0]) && at.Before(x[1]) }) {
			tick(at)
		}
	}
}

// withoutRaceDetector runs the test in a process of its own: with the detector, the
// quarter takes many minutes, and the parts have tests of their own for races.
func withoutRaceDetector(t *testing.T) {
	out, err := programtest.Command(t.Context(), "test", "-vet=off", "-count=1", "-timeout=20m", "-run=^TestQuarter$", ".").CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

const reliability = "../../docs/reliability.md"

var update = flag.Bool("update", false, "write the table of the quarter into docs/reliability.md")

// compareTable holds the table in docs/reliability.md to what happened.
func compareTable(t *testing.T, table string) {
	t.Helper()
	const begin, end = "<!-- begin quarter -->\n", "<!-- end quarter -->\n"
	page, err := os.ReadFile(reliability)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, found := strings.Cut(string(page), begin)
	old, after, ended := strings.Cut(rest, end)
	switch {
	case !found || !ended:
		t.Fatalf("%s has no place for the table", reliability)
	case old == table:
	case *update && !t.Failed():
		if err := os.WriteFile(reliability, []byte(before+begin+table+end+after), 0o644); err != nil { //nolint:gosec // it is a document
			t.Fatal(err)
		}
	default:
		t.Errorf("%s has another table; run this test with -update:\n%s", reliability, table)
	}
}

// table is the quarter for people.
func (q *quarter) table(p *play, troubles []trouble) string {
	var b strings.Builder
	series, err := q.store.Series(q.t.Context(), "")
	q.must(err)
	fmt.Fprintf(&b, "%d days, %d repositories with %d series at the end, a check every %s.\n\n", days, len(p.ids), len(series), step)
	b.WriteString("| what happens | alarms | what the receiver is told of each |\n| --- | --- | --- |\n")
	for _, x := range troubles {
		var alarms, told []string
		count := make(map[string]int)
		for _, e := range x.alarms {
			name := fmt.Sprintf("`%s` (%s)", e.kind, e.severity)
			if e.subject == "not looked at" {
				name += " of all that is due there"
			}
			if e.gone {
				name += ", which goes with the repository"
			}
			if count[name]++; count[name] == 1 {
				alarms, told = append(alarms, name), append(told, strings.ReplaceAll(e.told, " ", ", "))
			}
		}
		for i, name := range alarms {
			if n := count[name]; n > 1 {
				alarms[i] = fmt.Sprintf("%d × %s", n, name)
			}
		}
		if len(alarms) == 0 {
			alarms, told = []string{"none"}, []string{""}
		}
		fmt.Fprintf(&b, "| %s | %s | %s |\n", x.name, strings.Join(alarms, "; "), strings.Join(slices.Compact(told), "; "))
	}
	return b.String()
}

// judge compares the alarms and what was told with what was expected.
func (q *quarter) judge(p *play, troubles []trouble) {
	q.t.Helper()
	list, total, err := q.store.Alarms(q.t.Context(), syncline.AlarmFilter{}, 10_000, 0)
	q.must(err)
	if total != len(list) {
		q.t.Fatalf("%d of %d alarms", len(list), total)
	}
	told := q.told()
	names := make(map[syncline.ID]string)
	for name, id := range p.ids {
		names[id] = name
	}
	slices.SortFunc(list, func(a, b syncline.Alarm) int { return a.StartedAt.Compare(b.StartedAt) })
	for _, x := range troubles {
		for _, e := range x.alarms {
			if e.gone {
				if id := q.toldOf(e.host); told[id] != e.told {
					q.t.Errorf("%s: the alarm of %s was told as %q; want %q", x.name, e.host, told[id], e.told)
				} else {
					delete(told, id)
				}
				continue
			}
			i := slices.IndexFunc(list, func(a syncline.Alarm) bool {
				subject := a.HostName == e.host && (e.host != "" || a.Subject == e.subject)
				return a.Kind == e.kind && names[a.RepositoryID] == e.repository && subject && near(a.StartedAt, e.begin) && near(a.EndedAt, e.end)
			})
			if i < 0 {
				q.t.Errorf("%s: there is no alarm %s %s %s%s from %s to %s", x.name, e.kind, e.repository, e.host, e.subject, stamp(e.begin), stamp(e.end))
				continue
			}
			if a := list[i]; a.Severity != e.severity || told[a.ID] != e.told && (!q.late || told[a.ID] != strings.ReplaceAll(e.told, " Worsened", "")) {
				q.t.Errorf("%s: the alarm %s of %s%s is %s and was told as %q; want %s, %q", x.name, a.Kind, e.repository, e.host, a.Severity, told[a.ID], e.severity, e.told)
			}
			delete(told, list[i].ID)
			list = slices.Delete(list, i, i+1)
		}
	}
	for _, a := range list {
		q.t.Errorf("an alarm that nothing caused: %s %s %s %q, %s to %s, told as %q: %s", a.Kind, a.Severity, names[a.RepositoryID], a.HostName+a.Subject,
			stamp(a.StartedAt), stamp(a.EndedAt), told[a.ID], a.Message)
		delete(told, a.ID)
	}
	for id, events := range told {
		q.t.Errorf("told of an alarm that is not there: %s %s", id, events)
	}
}

// told returns what the receiver heard of each alarm.
func (q *quarter) told() map[syncline.ID]string {
	q.receiver.mu.Lock()
	defer q.receiver.mu.Unlock()
	told := make(map[syncline.ID]string)
	slices.SortStableFunc(q.receiver.notices, func(a, b syncline.Notice) int { return a.At.Compare(b.At) })
	for _, n := range q.receiver.notices {
		told[n.AlarmID] = strings.TrimSpace(told[n.AlarmID] + " " + string(n.Event))
	}
	return told
}

// toldOf returns the alarm of a host that the receiver heard of.
func (q *quarter) toldOf(host string) syncline.ID {
	q.receiver.mu.Lock()
	defer q.receiver.mu.Unlock()
	for _, n := range q.receiver.notices {
		if n.HostName == host {
			return n.AlarmID
		}
	}
	return ""
}

func near(at, want time.Time) bool {
	if at.IsZero() || want.IsZero() {
		return at.IsZero() && want.IsZero()
	}
	return at.Sub(want).Abs() <= slack
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return fmt.Sprintf("day %.2f", t.Sub(quarterBegin).Hours()/24)
}
