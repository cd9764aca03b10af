package run_test

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"go.uber.org/goleak"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/run"
	"syncline.dev/syncline/internal/store"
	stores "syncline.dev/syncline/internal/store/sqlite"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	repositoryID = syncline.ID("b251376e-be62-450d-914d-f8f7fa9f719f")
	otherID      = syncline.ID("b251376e-be62-450d-914d-f8f7fa9f7190")
	kindName     = syncline.WorkSynchronize
)

// host is a store with one repository, and work whose body a test leads.
type host struct {
	t       *testing.T
	store   *stores.Store
	begun   chan body         // gets a body that begins
	gone    chan struct{}     // gets a value when a body is canceled
	thin    chan struct{}     // gets a value when old work is gone
	clock   atomic.Int64      // seconds; it goes on with every look
	drained bool              // the service begins nothing
	stuck   bool              // a body does not hear of a stop
	full    atomic.Bool       // the store takes no change of work
	slow    bool              // the removal of old work lasts until it is told to end
	keep    store.Keep        // what pruning keeps
	alter   func(k *run.Kind) // changes the kind
}

// body is a body that runs.
type body struct {
	*run.Task
	end chan run.Outcome // what it ends with
}

func newHost(t *testing.T) *host {
	h := &host{t: t, begun: make(chan body, 100), gone: make(chan struct{}, 100), thin: make(chan struct{}, 100), keep: store.Keep{Kind: kindName}}
	var err error
	if h.store, err = stores.Open(context.Background(), filepath.Join(t.TempDir(), "db")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.store.Close() })
	for _, id := range []syncline.ID{repositoryID, otherID} {
		r := syncline.Repository{ID: id, Name: string(id), Path: "/" + string(id), CreatedAt: time.Now()}
		if err := h.store.AddRepository(context.Background(), r); err != nil {
			t.Fatal(err)
		}
	}
	return h
}

// open begins a service, as a start of the server does.
func (h *host) open() *run.Service {
	h.t.Helper()
	s := &run.Service{
		Store: works{h.store, h}, Node: "node", Logger: slog.New(slog.DiscardHandler),
		Now:   func() time.Time { return time.Unix(h.clock.Add(1), 0) },
		NewID: func() syncline.ID { return syncline.ID(uuid.NewString()) },
	}
	k := run.Kind{
		Name: kindName, Noun: "session", Alone: true, LogItems: 100, LogBatch: 1,
		Resumed: "resumed", Stopped: "stopped", Leaving: "leaving",
		Keep: func(time.Time) store.Keep { return h.keep },
		Do:   h.do,
	}
	if h.alter != nil {
		h.alter(&k)
	}
	if h.drained {
		s.Drain(true)
	}
	if err := s.Open(context.Background(), k); err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(s.Close)
	return s
}

func (h *host) do(ctx context.Context, t *run.Task) run.Outcome {
	b := body{t, make(chan run.Outcome)}
	h.begun <- b
	stop := ctx.Done()
	if h.stuck {
		stop = nil
	}
	select {
	case o := <-b.end:
		return o
	case <-stop:
		h.gone <- struct{}{}
		return run.Outcome{Err: ctx.Err()}
	}
}

// works is the store, on a disk that is full at times. It tells when nothing old is left.
type works struct {
	*stores.Store
	host *host
}

func (s works) UpdateWork(ctx context.Context, w store.Work) error {
	if s.host.full.Load() {
		return syncline.Errorf(syncline.CodeUnavailable, "the disk is full")
	}
	return s.Store.UpdateWork(ctx, w)
}

func (s works) TakeWork(ctx context.Context, t store.Taking) ([]store.Taken, error) {
	if s.host.full.Load() {
		return nil, syncline.Errorf(syncline.CodeUnavailable, "the disk is full")
	}
	return s.Store.TakeWork(ctx, t)
}

func (s works) Thin(ctx context.Context, keep store.Keep) (bool, error) {
	if s.host.slow {
		s.host.thin <- struct{}{}
		<-ctx.Done()
		return true, ctx.Err()
	}
	more, err := s.Store.Thin(ctx, keep)
	if !more {
		s.host.thin <- struct{}{}
	}
	return more, err
}

func (h *host) start(s *run.Service) store.Work {
	h.t.Helper()
	return h.startOf(s, repositoryID)
}

func (h *host) startOf(s *run.Service, repository syncline.ID) store.Work {
	h.t.Helper()
	w, err := s.Start(h.t.Context(), store.Work{Work: syncline.Work{Kind: kindName, RepositoryID: repository}})
	if err != nil {
		h.t.Fatal(err)
	}
	return w
}

func (h *host) wait(s *run.Service, id syncline.ID) store.Work {
	h.t.Helper()
	w, err := s.Wait(h.t.Context(), kindName, id)
	if err != nil {
		h.t.Fatal(err)
	}
	return w
}

func (h *host) log(s *run.Service, id syncline.ID) (text string) {
	h.t.Helper()
	items, _, err := s.Log(h.t.Context(), kindName, id, 1000, 0)
	if err != nil {
		h.t.Fatal(err)
	}
	for _, item := range items {
		text += string(item.Level) + " " + item.Message + "\n"
	}
	return text
}

func TestOutcomes(t *testing.T) {
	h := newHost(t)
	s := h.open()
	for name, c := range map[string]struct {
		outcome  run.Outcome
		state    syncline.WorkState
		progress int
		message  string
		result   string
		log      string
	}{
		"done":       {run.Outcome{Result: map[string]int{"n": 1}}, syncline.WorkSucceeded, 100, "", `{"n":1}`, "Info begins\n"},
		"incomplete": {run.Outcome{Failure: "three are missing"}, syncline.WorkFailed, 40, "three are missing", `"so far"`, "Info begins\n"},
		"failed":     {run.Outcome{Err: syncline.Errorf(syncline.CodeDamaged, "it is damaged")}, syncline.WorkFailed, 40, "it is damaged", `"so far"`, "Info begins\nError it is damaged\n"},
	} {
		w := h.start(s)
		task := <-h.begun
		task.Log(syncline.LogInfo, "begins")
		task.Progress(40, "so far")
		task.Progress(30, "so far")
		task.end <- c.outcome
		w = h.wait(s, w.ID)
		if w.State != c.state || w.Progress != c.progress || w.Error != c.message || w.Result != c.result || w.StartedAt.IsZero() || w.EndedAt.IsZero() {
			t.Errorf("%s: ended as %+v", name, w)
		}
		if log := h.log(s, w.ID); log != c.log {
			t.Errorf("%s: the log is %q", name, log)
		}
	}
}

// A body that does not hear of a stop is left behind. The work ends all the same, and
// the next one waits, queued, until the body has ended.
func TestBodyIsLeftBehind(t *testing.T) {
	h := newHost(t)
	h.stuck, h.alter = true, func(k *run.Kind) { k.Grace = time.Millisecond }
	s := h.open()
	first := h.start(s)
	task := <-h.begun
	task.Progress(10, "told")
	if err := s.Stop(t.Context(), kindName, first.ID); err != nil {
		t.Fatal(err)
	}
	if w := h.wait(s, first.ID); w.State != syncline.WorkStopped || w.Result != `"told"` || h.log(s, w.ID) != "Info stopped\n" {
		t.Errorf("ended as %+v", w)
	}
	second := h.start(s)
	if second.ID == first.ID {
		t.Fatal("the work that ended was started again")
	}
	other := h.startOf(s, otherID) // which is started later, and runs
	next := <-h.begun
	if next.Work().ID != other.ID {
		t.Fatal("a body began beside the one that was left behind")
	}
	next.end <- run.Outcome{}
	h.wait(s, other.ID)
	task.Progress(90, "late") // changes nothing
	task.end <- run.Outcome{Result: "late"}
	if next = <-h.begun; next.Work().ID != second.ID {
		t.Fatal("another body began")
	}
	next.end <- run.Outcome{}
	if w := h.wait(s, second.ID); w.State != syncline.WorkSucceeded {
		t.Errorf("the second ended as %+v", w)
	}
	if w := h.wait(s, first.ID); w.Result != `"told"` || w.Progress != 10 {
		t.Errorf("the first became %+v", w)
	}
}

// Work whose begin the store does not record fails, and its kind is told so. A stop in
// the queue tells it nothing.
func TestRefusedBegin(t *testing.T) {
	h := newHost(t)
	refused := make(chan syncline.ID, 10)
	h.alter = func(k *run.Kind) { k.Refused = func(t *run.Task) { refused <- t.Work().RepositoryID } }
	s := h.open()
	h.full.Store(true)
	w := h.start(s)
	if id := <-refused; id != w.RepositoryID {
		t.Errorf("told of %s", id)
	}
	h.full.Store(false)
	if w = h.wait(s, w.ID); w.State != syncline.WorkFailed || len(h.begun) > 0 || len(refused) > 0 {
		t.Errorf("ended as %+v, with %d bodies", w, len(h.begun))
	}
}

// Work that another node has taken is that node's: the body here is canceled, and its
// end is not recorded.
func TestTakenOver(t *testing.T) {
	h := newHost(t)
	before := h.open()
	w := h.start(before)
	old := <-h.begun
	after := h.open() // the same node, come back while it still runs here
	again := <-h.begun
	if again.Work().ID != w.ID || again.Work().Epoch != old.Work().Epoch+1 || !again.Resumed() || old.Resumed() {
		t.Fatalf("taken: %+v", again.Work())
	}
	old.Log(syncline.LogInfo, "late")
	old.Progress(50, "late") // the store refuses it, which cancels the body
	<-h.gone
	if now := again.Work(); now.State != syncline.WorkRunning {
		t.Errorf("the late node left %+v", now)
	}
	again.end <- run.Outcome{Result: "right"}
	if w = h.wait(after, w.ID); w.State != syncline.WorkSucceeded || w.Result != `"right"` || h.log(after, w.ID) != "Info resumed\n" {
		t.Errorf("ended as %+v: %q", w, h.log(after, w.ID))
	}
}

// Work that another node has taken is shown as the store has it, also where this node has
// an end of the work that the store could not take.
func TestTakenOverUnrecorded(t *testing.T) {
	h := newHost(t)
	s := h.open()
	w := h.start(s)
	task := <-h.begun
	h.full.Store(true)
	task.end <- run.Outcome{}
	if got := h.wait(s, w.ID); got.State != syncline.WorkSucceeded {
		t.Errorf("shown as %+v", got)
	}
	taken, err := h.store.TakeWork(t.Context(), store.Taking{Kind: kindName, Owner: "node", Again: true})
	if err != nil || len(taken) != 1 {
		t.Fatal(taken, err)
	}
	if got, err := s.Get(t.Context(), kindName, w.ID); err != nil || got != taken[0].Work {
		t.Errorf("shown as %+v, %v, and not as %+v", got, err, taken[0])
	}
	if got := h.start(s); got.ID != taken[0].ID || got.Epoch != taken[0].Epoch {
		t.Errorf("started %+v", got)
	}
}

// A log takes so many items, its last word, and how many are missing.
func TestLogIsBounded(t *testing.T) {
	h := newHost(t)
	h.alter = func(k *run.Kind) { k.LogItems, k.LogBatch = 3, 2 }
	s := h.open()
	w := h.start(s)
	task := <-h.begun
	for _, message := range []string{"a", "b", "c", "d", "e"} {
		task.Log(syncline.LogInfo, message)
	}
	task.end <- run.Outcome{Err: errors.New("why")}
	h.wait(s, w.ID)
	lines := strings.Split(strings.TrimSpace(h.log(s, w.ID)), "\n")
	want := []string{"Info a", "Info b", "Info c", "Warning 2 messages are not in this log, because it is full or could not be written to"}
	if len(lines) != 5 || !reflect.DeepEqual(lines[:4], want) || !strings.HasPrefix(lines[4], "Error ") {
		t.Errorf("the log is %q", lines)
	}
}

// A shutdown leaves work unended, and the next start resumes it.
func TestResume(t *testing.T) {
	h := newHost(t)
	s := h.open()
	w := h.start(s)
	(<-h.begun).Progress(30, "so far")
	s.Close()
	if _, err := s.Start(t.Context(), store.Work{Work: syncline.Work{Kind: kindName, RepositoryID: repositoryID}}); err != nil {
		t.Errorf("the unended work is not returned: %v", err)
	}
	s = h.open()
	task := <-h.begun
	if task.Work().ID != w.ID || !task.Resumed() {
		t.Fatalf("resumed: %+v", task.Work())
	}
	task.end <- run.Outcome{}
	if w = h.wait(s, w.ID); w.State != syncline.WorkSucceeded || h.log(s, w.ID) != "Info resumed\n" {
		t.Errorf("ended as %+v: %q", w, h.log(s, w.ID))
	}
}

// A full disk does not keep the service from beginning. The work that was left cannot
// begin on it, and is shown as failed.
func TestResumeOnAFullDisk(t *testing.T) {
	h := newHost(t)
	s := h.open()
	w := h.start(s)
	<-h.begun
	s.Close()
	others := store.Work{Work: syncline.Work{ID: "another node's", Kind: kindName, RepositoryID: otherID}, Lease: store.Lease{Owner: "other"}}
	if _, _, err := h.store.AddWork(t.Context(), others); err != nil {
		t.Fatal(err)
	}
	h.full.Store(true)
	s = h.open()
	if got := h.wait(s, w.ID); got.State != syncline.WorkFailed || got.Error != "the disk is full" {
		t.Errorf("ended as %+v", got)
	}
	if got, err := s.Get(t.Context(), kindName, others.ID); err != nil || got.State != syncline.WorkQueued {
		t.Errorf("the other node's work became %+v, %v", got, err)
	}
}

// Old work goes at the start.
func TestPrune(t *testing.T) {
	h := newHost(t)
	s := h.open()
	var last store.Work
	for range 3 {
		last = h.start(s)
		(<-h.begun).end <- run.Outcome{}
		h.wait(s, last.ID)
	}
	s.Close()
	<-h.thin
	h.keep.Newest = 1
	s = h.open()
	<-h.thin
	list, err := s.Page(t.Context(), store.WorkQuery{Kind: kindName, Limit: 10})
	if err != nil || len(list) != 1 || list[0].ID != last.ID {
		t.Errorf("left: %+v, %v", list, err)
	}
}

// A service that closes does not wait until all old work is gone.
func TestCloseEndsPruning(t *testing.T) {
	h := newHost(t)
	h.slow = true
	s := h.open()
	<-h.thin
	s.Close()
}

// A memo gives a type once to work that does not change.
func TestMemo(t *testing.T) {
	var m run.Memo[string]
	calls := 0
	of := func(w store.Work) string { calls++; return w.Result }
	a, b := store.Work{Result: "a"}, store.Work{Result: "b"}
	for _, c := range []struct {
		list  []store.Work
		calls int
	}{{nil, 0}, {[]store.Work{a, b}, 2}, {[]store.Work{a, b}, 2}, {[]store.Work{a, a}, 3}, {[]store.Work{a}, 3}, {[]store.Work{a, b}, 4}} {
		got := m.Each(c.list, of)
		for i := range got {
			if got[i] != c.list[i].Result {
				t.Errorf("%+v became %q", c.list, got)
			}
			got[i] = "spoiled" // the answer is the caller's
		}
		if len(got) != len(c.list) || calls != c.calls {
			t.Errorf("%d calls for %+v, got %q", calls, c.list, got)
		}
	}
}
