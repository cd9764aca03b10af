package metrics

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/explore"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world has repositories and their series.
type world struct {
	list   []syncline.Repository
	series map[syncline.ID][]explore.Series
	err    error
	looks  atomic.Int64
	active atomic.Int64  // looks at this moment
	most   atomic.Int64  // of them
	hold   chan struct{} // looks wait for it, unless it is nil
}

func (w *world) Repositories(context.Context) ([]syncline.Repository, error) { return w.list, w.err }

func (w *world) CountMachines(context.Context) (map[syncline.MachineState]int, error) {
	return map[syncline.MachineState]int{syncline.MachineLate: 3}, w.err
}

func (w *world) Nodes(context.Context) ([]syncline.Node, error) {
	return []syncline.Node{{Online: true}, {Online: true, Maintenance: true}, {Maintenance: true}, {}}, w.err
}

func (w *world) CountAlarms(context.Context) ([]syncline.AlarmCount, error) {
	return []syncline.AlarmCount{{Kind: syncline.AlarmBackupLate, Severity: syncline.SeverityCritical, Open: 7}}, w.err
}

// checked is when the repository "a" was last checked.
var checked = time.UnixMilli(1_800_000_000_500)

func (w *world) LastChecks() func(syncline.ID) (syncline.Check, time.Time) {
	return func(id syncline.ID) (syncline.Check, time.Time) {
		if id == "a" {
			return syncline.Check{At: checked}, time.Time{}
		}
		return syncline.Check{}, time.Time{}
	}
}

func (w *world) Series(ctx context.Context, id syncline.ID) ([]explore.Series, error) {
	w.looks.Add(1)
	if n := w.active.Add(1); n > w.most.Load() {
		w.most.Store(n)
	}
	defer w.active.Add(-1)
	if w.hold != nil {
		select {
		case <-w.hold:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	if s, ok := w.series[id]; ok {
		return s, nil
	}
	return nil, errors.New("no catalog")
}

func text(t *testing.T, m *Metrics) string {
	t.Helper()
	b, err := m.Text(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func wants(t *testing.T, text string, lines ...string) {
	t.Helper()
	for _, line := range lines {
		if !strings.Contains(text, "\n"+line+"\n") {
			t.Errorf("there is no line %s", line)
		}
	}
}

func many(n int) []explore.Series {
	list := make([]explore.Series, n)
	for i := range list {
		list[i] = explore.Series{Host: fmt.Sprintf("host%d", i), Paths: []string{"/"}, Latest: time.Unix(int64(n-i), 0)}
	}
	return list
}

// A repository with very many hosts has metrics of the newest, and says how many
// others there are; with many repositories each has fewer.
func TestSeriesAreBounded(t *testing.T) {
	w := &world{list: []syncline.Repository{{ID: "a", Name: "A"}}, series: map[syncline.ID][]explore.Series{"a": many(maxSeries + 7)}}
	m := New(w, w, "1")
	got := text(t, m)
	if n := strings.Count(got, "last_timestamp_seconds{"); n != maxSeries {
		t.Errorf("%d series", n)
	}
	wants(t, got, `syncline_backup_series_left_out{repository="A"} 7`, `syncline_backup_last_timestamp_seconds{host="host0",paths="/",repository="A"} 507`)
	for i := range 99 {
		id := syncline.ID(fmt.Sprint(i))
		w.list = append(w.list, syncline.Repository{ID: id, Name: string(id)})
		w.series[id] = many(300)
	}
	got = text(t, m)
	if n := strings.Count(got, "last_timestamp_seconds{"); n != maxAllSeries {
		t.Errorf("%d series of 100 repositories", n)
	}
	wants(t, got, `syncline_backup_series_left_out{repository="A"} 307`, `syncline_backup_series_left_out{repository="5"} 100`)
}

// Names that somebody else chose neither break the text nor make it long, and do not
// hide one another.
func TestLabels(t *testing.T) {
	long := strings.Repeat("é", 5000)
	w := &world{list: []syncline.Repository{{ID: "a", Name: "quote\" and\nline"}}, series: map[syncline.ID][]explore.Series{"a": {
		{Host: "h", Paths: []string{"/a", "/b"}, Latest: time.Unix(9, 500e6)},
		{Host: "h", Paths: []string{"/a,/b"}, Latest: time.Unix(8, 0)},
		{Host: "\xff", Latest: time.Unix(7, 0)},
		{Host: "\xfe", Latest: time.Unix(6, 0)}, // the same label: the newest counts
		{Host: long + "x", Latest: time.Unix(5, 0)},
		{Host: long + "y", Latest: time.Unix(4, 0)},
	}}}
	got := text(t, New(w, w, "1"))
	const repository = `repository="quote\" and\nline"`
	const name = "syncline_backup_last_timestamp_seconds"
	wants(t, got, name+`{host="h",paths="/a,/b",`+repository+`} 9.5`, name+`{host="h",paths="[\"/a,/b\"]",`+repository+`} 8`, name+`{host="`+"\uFFFD"+`",paths="",`+repository+`} 7`)
	if n := strings.Count(got, name+"{"); n != 5 {
		t.Errorf("%d series", n)
	}
	for _, line := range strings.Split(got, "\n") {
		if strings.HasPrefix(line, "syncline_") && len(line) > 3*maxLabel {
			t.Errorf("a line of %d bytes", len(line))
		}
	}
}

// Counts belong to repositories, whatever their names, and go with them.
func TestCounts(t *testing.T) {
	w := &world{list: []syncline.Repository{{ID: "a", Name: "A"}}, series: map[syncline.ID][]explore.Series{"a": nil}}
	m := New(w, w, "1")
	begin := time.Unix(100, 0)
	for _, state := range []syncline.WorkState{syncline.WorkSucceeded, syncline.WorkSucceeded, syncline.WorkFailed} {
		m.SessionEnded(syncline.Work{RepositoryID: "a", State: state, StartedAt: begin, EndedAt: begin.Add(2 * time.Second)})
	}
	m.SessionEnded(syncline.Work{RepositoryID: "a", State: syncline.WorkStopped, EndedAt: begin}) // in the queue
	one, two := counts{"get data": 2}, counts{"get data": 3, "list index": 1}
	closeOne := m.Opened("a", one)
	closeTwo := m.Opened("a", two)
	first := []string{
		`syncline_sync_duration_seconds_count 3`, `syncline_sync_duration_seconds_sum 6`,
		`syncline_sync_duration_seconds_bucket{le="1"} 0`, `syncline_sync_duration_seconds_bucket{le="5"} 3`,
		`syncline_sync_sessions_total{repository="A",result="Success"} 2`, `syncline_sync_sessions_total{repository="A",result="Failed"} 1`,
		`syncline_sync_sessions_total{repository="A",result="Stopped"} 1`,
		`syncline_storage_requests_total{kind="get data",repository="A"} 5`, `syncline_storage_requests_total{kind="list index",repository="A"} 1`,
	}
	wants(t, text(t, m), first...)
	one["get data"] = 4
	closeOne()
	closeOne()
	wants(t, text(t, m), `syncline_storage_requests_total{kind="get data",repository="A"} 7`)
	w.list[0].Name = "B"
	wants(t, text(t, m), `syncline_storage_requests_total{kind="get data",repository="B"} 7`, `syncline_sync_sessions_total{repository="B",result="Success"} 2`)
	w.list = nil
	closeTwo()
	if got := text(t, m); strings.Contains(got, "repository=") || len(m.sessions)+len(m.requests) != 0 {
		t.Errorf("a repository that is gone is still there: %v %v", m.sessions, m.requests)
	}
}

type counts map[string]int64

func (c counts) Counts() (requests map[string]int64, bytes, retries int64) { return c, 0, 0 }

// Scrapes at one time are one look, and one that leaves does not end it for others.
func TestScrapesShareALook(t *testing.T) {
	w := &world{list: []syncline.Repository{{ID: "a", Name: "A"}}, hold: make(chan struct{})}
	m := New(w, w, "1")
	left, leave := context.WithCancel(t.Context())
	gone := make(chan error)
	go func() {
		_, err := m.Text(left)
		gone <- err
	}()
	for w.looks.Load() == 0 {
		runtime.Gosched()
	}
	leave()
	if err := <-gone; !errors.Is(err, context.Canceled) {
		t.Errorf("the first one got %v", err)
	}
	var all sync.WaitGroup
	var begun sync.WaitGroup
	for range 20 {
		all.Add(1)
		begun.Add(1)
		go func() {
			defer all.Done()
			begun.Done()
			if _, err := m.Text(t.Context()); err != nil {
				t.Error(err)
			}
		}()
	}
	begun.Wait()
	close(w.hold)
	all.Wait()
	if n := w.most.Load(); n != 1 {
		t.Errorf("%d looks at once", n)
	}
}

// A database that cannot be read is a failure, and never a text without repositories.
func TestDatabaseFails(t *testing.T) {
	w := &world{err: syncline.Errorf(syncline.CodeUnavailable, "the database is gone")}
	if b, err := New(w, w, "1").Text(t.Context()); b != nil || syncline.CodeOf(err) != syncline.CodeUnavailable {
		t.Errorf("%s %v", b, err)
	}
}

// Every kind and severity is told of, so that an alert rule finds a series before its
// first alarm.
func TestAlarms(t *testing.T) {
	w := &world{}
	m := New(w, w, "1")
	if got := text(t, m); strings.Contains(got, "syncline_alarms") {
		t.Error("a process without alarms tells of them")
	}
	m.Alarms, m.Machines, m.Nodes = w, w, w
	got := text(t, m)
	if n := strings.Count(got, "\nsyncline_alarms{"); n != 6*3 {
		t.Errorf("there are %d series", n)
	}
	for _, want := range []string{
		`syncline_alarms{kind="BackupLate",severity="Critical"} 7`,
		`syncline_alarms{kind="StorageLow",severity="Info"} 0`,
		`syncline_machines{state="Late"} 3`,
		`syncline_nodes{state="Online"} 1`, `syncline_nodes{state="Maintenance"} 1`, `syncline_nodes{state="Offline"} 2`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%s is not in it", want)
		}
	}
}

// The counts of a removed repository go with it, without a scrape.
func TestForget(t *testing.T) {
	w := &world{}
	m := New(w, w, "1")
	for _, id := range []syncline.ID{"a", "b"} {
		closed := m.Opened(id, counts{"get data": 1})
		m.SessionEnded(syncline.Work{RepositoryID: id, State: syncline.WorkSucceeded})
		defer closed() // after the removal
	}
	m.Forget("a")
	if len(m.sessions) != 1 || len(m.requests) != 1 || m.sessions["b"] == nil || m.requests["b"] == nil {
		t.Errorf("kept: %v, %v", m.sessions, m.requests)
	}
}

// TestChecks tells the last check of each repository that was checked, and how many have
// failed.
func TestChecks(t *testing.T) {
	w := &world{list: []syncline.Repository{{ID: "a", Name: "A"}, {ID: "b", Name: "B"}}}
	m := New(w, w, "1")
	m.Checks = w
	m.CheckEnded(syncline.Check{RepositoryID: "b", Result: syncline.CheckFailed})
	m.CheckEnded(syncline.Check{RepositoryID: "b", Result: syncline.CheckFailed})
	m.CheckEnded(syncline.Check{RepositoryID: "b", Result: syncline.CheckChanged})
	m.CheckEnded(syncline.Check{RepositoryID: "gone", Result: syncline.CheckFailed})
	got := text(t, m)
	wants(t, got, `syncline_repository_last_check_timestamp_seconds{repository="A"} 1.8000000005e+09`,
		`syncline_repository_check_failures_total{repository="A"} 0`, `syncline_repository_check_failures_total{repository="B"} 2`)
	if strings.Contains(got, `timestamp_seconds{repository="B"}`) || len(m.failures) != 1 {
		t.Errorf("%v\n%s", m.failures, got)
	}
}

// changing is a world in which something happens after one of the reads.
type changing struct {
	world
	open      int // alarms
	reads, at int // at is the read after which it happens
	happens   func(w *changing)
}

func (w *changing) read() {
	if w.reads++; w.reads == w.at {
		w.happens(w)
	}
}

func (w *changing) Repositories(ctx context.Context) ([]syncline.Repository, error) {
	defer w.read()
	return slices.Clone(w.list), nil
}

func (w *changing) Series(ctx context.Context, id syncline.ID) ([]explore.Series, error) {
	defer w.read()
	return w.world.Series(ctx, id)
}

func (w *changing) CountAlarms(ctx context.Context) ([]syncline.AlarmCount, error) {
	defer w.read()
	return []syncline.AlarmCount{{Kind: syncline.AlarmRepositoryDamaged, Severity: syncline.SeverityCritical, Open: w.open}}, nil
}

func (w *changing) CountMachines(ctx context.Context) (map[syncline.MachineState]int, error) {
	defer w.read()
	return w.world.CountMachines(ctx)
}

func (w *changing) Nodes(ctx context.Context) ([]syncline.Node, error) {
	defer w.read()
	return w.world.Nodes(ctx)
}

func (w *changing) LastChecks() func(syncline.ID) (syncline.Check, time.Time) {
	defer w.read()
	return w.world.LastChecks()
}

// TestOneAnswer has a check fail, or a session succeed, between any two reads of a scrape.
// No answer shows what follows beside what was before it.
func TestOneAnswer(t *testing.T) {
	scrape := func(at int, outOfSync bool, happens func(*changing, *Metrics)) (got string, reads int) {
		w := &changing{world: world{list: []syncline.Repository{{ID: "a", Name: "A", OutOfSync: outOfSync}}}, at: at}
		if !outOfSync {
			w.series = map[syncline.ID][]explore.Series{"a": many(1)}
		}
		m := New(w, w, "1")
		m.Alarms, m.Checks, m.Machines, m.Nodes = w, w, w, w
		w.happens = func(w *changing) { happens(w, m) }
		got = text(t, m)
		return got, w.reads
	}
	fails := func(w *changing, m *Metrics) {
		w.list[0].OutOfSync, w.open = true, 1
		m.CheckEnded(syncline.Check{RepositoryID: "a", Result: syncline.CheckFailed})
	}
	succeeds := func(w *changing, m *Metrics) {
		w.list[0].OutOfSync, w.series = false, map[syncline.ID][]explore.Series{"a": many(1)}
		m.SessionEnded(syncline.Work{RepositoryID: "a", State: syncline.WorkSucceeded})
	}
	_, reads := scrape(0, false, fails)
	if reads < 6 {
		t.Fatalf("a scrape reads %d times", reads)
	}
	for at := 1; at <= reads; at++ {
		got, _ := scrape(at, false, fails)
		if strings.Contains(got, `in_sync{repository="A"} 1`) && (strings.Contains(got, `check_failures_total{repository="A"} 1`) || strings.Contains(got, `kind="RepositoryDamaged",severity="Critical"} 1`)) {
			t.Errorf("a check fails after read %d: the repository is in sync beside it", at)
		}
		got, _ = scrape(at, true, succeeds)
		if strings.Contains(got, `result="Success"} 1`) && (strings.Contains(got, `in_sync{repository="A"} 0`) || strings.Contains(got, `usable{repository="A"} 0`)) {
			t.Errorf("a session succeeds after read %d: the repository is out of sync beside it", at)
		}
	}
}
