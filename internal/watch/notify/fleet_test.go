package notify

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/duty"
	"syncline.dev/syncline/internal/store"
)

// node is one of several nodes that send.
func (w *world) node(id syncline.ID) *Service {
	return &Service{
		Events: w.store, Queue: w.store, Channels: w.store, Known: w.store, Network: NewNetwork(nil, false), Window: DefaultWindow,
		Now: w.clock, NewID: w.service.NewID, Open: w.service.Open, Logger: slog.New(slog.DiscardHandler),
		Duty: &duty.Holder{Store: w.store, Name: "notify", Node: id, Length: time.Hour, Logger: slog.New(slog.DiscardHandler)},
	}
}

// each moves the clock and runs one round of each node.
func (w *world) each(d time.Duration, nodes ...*Service) {
	w.t.Helper()
	w.mu.Lock()
	w.now = w.now.Add(d)
	w.mu.Unlock()
	for _, n := range nodes {
		w.must(n.Tick(w.t.Context(), w.clock()))
	}
}

// dies lets the time of a node's duties pass.
func (w *world) dies(node syncline.ID) {
	w.t.Helper()
	w.must(w.store.DropDuties(w.t.Context(), string(node)))
}

func TestOneNodeSends(t *testing.T) {
	w, r := newWorld(t), newReceiver(t)
	c := w.webhook(r)
	a, b := w.node("a"), w.node("b")
	for range 3 {
		w.report(late("h", syncline.SeverityWarning))
		w.each(time.Minute, a, b)
		w.report()
		w.each(2*time.Hour, b, a)
		w.dies("a")
		w.each(time.Minute, b, a)
		w.dies("b")
	}
	if got := r.story(); len(got) != 6 || r.asked != 6 || len(w.log(c)) != 6 {
		t.Errorf("the receiver heard %q in %d calls; the log has %d", got, r.asked, len(w.log(c)))
	}
}

// TestStoppedNode has a node that is stopped while it sends, past the end of its duty, and
// goes on then.
func TestStoppedNode(t *testing.T) {
	w, r := newWorld(t), newReceiver(t)
	c := w.webhook(r)
	a, b := w.node("a"), w.node("b")
	hold := make(chan struct{})
	r.mu.Lock()
	r.hold = hold
	r.mu.Unlock()
	w.report(late("h", syncline.SeverityWarning))
	w.mu.Lock()
	w.now = w.now.Add(time.Minute)
	w.mu.Unlock()
	ended := make(chan error)
	go func() { ended <- a.Tick(t.Context(), w.clock()) }()
	r.wait(1)
	w.dies("a")
	r.mu.Lock()
	r.hold = nil
	r.mu.Unlock()
	w.each(time.Minute, b)
	if r.asked != 1 {
		t.Errorf("the receiver was asked %d times; the attempt may be on its way", r.asked)
	}
	close(hold)
	w.must(<-ended)
	if log := w.log(c); len(log) != 1 || log[0].State != syncline.DeliveryPending || log[0].Attempts != 1 {
		t.Errorf("the stopped node has recorded %+v", log)
	}
	w.each(5*time.Minute, b, a)
	log := w.log(c)
	if len(log) != 1 || log[0].State != syncline.DeliverySent || log[0].Attempts != 2 {
		t.Fatalf("the log is %+v", log)
	}
	for _, h := range r.heads {
		if key := h.Get("Idempotency-Key"); key != string(log[0].ID) {
			t.Errorf("a message has the key %q, want %q", key, log[0].ID)
		}
	}
	if len(r.heads) != 2 {
		t.Errorf("the message came %d times", len(r.heads))
	}
}

// rounds tells of checks.
type rounds struct{ last time.Time }

func (r *rounds) LastGood(context.Context, time.Time) (time.Time, error) { return r.last, nil }

func TestHeartbeatOfTheFleet(t *testing.T) {
	w, r := newWorld(t), newReceiver(t)
	c := w.channel(syncline.Channel{Kind: syncline.ChannelHeartbeat, Settings: syncline.ChannelSettings{Interval: 10 * time.Minute}}, r.URL)
	checks := &rounds{}
	a, b := w.node("a"), w.node("b")
	a.Rounds, b.Rounds = checks, checks
	asked := func(want int, why string) {
		t.Helper()
		w.each(time.Minute, a, b)
		if r.asked != want {
			t.Errorf("%s: %d calls, want %d", why, r.asked, want)
		}
	}
	asked(0, "before the first check")
	checks.last = w.clock()
	asked(1, "after it")
	w.dies("a")
	checks.last = w.clock()
	asked(1, "another node within the interval")
	checks.last = w.clock()
	w.each(10*time.Minute, b, a)
	if r.asked != 2 {
		t.Errorf("after the interval: %d calls", r.asked)
	}
	w.each(time.Hour, a, b)
	if r.asked != 2 {
		t.Errorf("without another check: %d calls", r.asked)
	}
	if h := w.health(c); h.LastSentAt.IsZero() || h.LastError != "" {
		t.Errorf("the channel has %+v", h)
	}
}

// A repository is removed while it has alarms: whoever heard of one hears of its end, also
// where another node sends, and an alarm that has flapped does not wait.
func TestFarewell(t *testing.T) {
	w, r := newWorld(t), newReceiver(t)
	c := w.webhook(r)
	a, b := w.node("a"), w.node("b")
	w.report(late("flaps", syncline.SeverityWarning))
	w.each(time.Minute, a, b)
	w.report()
	w.each(2*time.Minute, a, b)
	w.report(late("flaps", syncline.SeverityWarning), late("stays", syncline.SeverityCritical)) // the first begins again
	w.each(2*time.Minute, a, b)
	w.report(late("flaps", syncline.SeverityWarning), late("stays", syncline.SeverityCritical), late("fresh", syncline.SeverityWarning))
	before := len(r.story())

	back, err := w.desk.EndAll(t.Context(), repository)
	w.must(err)
	defer back()
	w.report(late("stays", syncline.SeverityCritical), late("new", syncline.SeverityCritical)) // by a watch that knows of no removal
	var both sync.WaitGroup
	for _, n := range []*Service{a, b} { // a second removal at once is refused, but this holds without
		both.Go(func() {
			if err := n.Farewell(t.Context(), repository); err != nil {
				t.Error(err)
			}
		})
	}
	both.Wait()
	w.must(w.store.DeleteRepository(t.Context(), repository))
	w.each(time.Second, a, b)
	story := r.story()[before:]
	want := "Began fresh Warning; Ended flaps Warning; Ended stays Critical; Ended fresh Warning; "
	if len(story) != 1 || story[0] != want {
		t.Errorf("the receiver heard %q, and not %q", story, want)
	}
	if pending, err := w.store.PendingEvents(t.Context(), 10); err != nil || len(pending) != 0 {
		t.Errorf("left are %+v, %v", pending, err)
	}
	if got := w.log(c); len(got) == 0 || got[len(got)-1].State != syncline.DeliverySent && got[0].State != syncline.DeliverySent {
		t.Errorf("the log is %+v", got)
	}
}

// A repository is removed while more events of others wait than one look takes.
func TestFarewellBesideManyEvents(t *testing.T) {
	w, r := newWorld(t), newReceiver(t)
	w.webhook(r)
	a := w.node("a")
	w.report(late("stays", syncline.SeverityCritical))
	w.each(time.Minute, a)
	before := len(r.story())
	changes := make([]store.AlarmChange, atOnce)
	for i := range changes {
		changes[i] = store.AlarmChange{New: true, Event: syncline.AlarmBegan, TellAt: w.now.Add(time.Hour), Alarm: syncline.Alarm{
			ID: a.NewID(), StartedAt: w.now, Peak: syncline.SeverityWarning,
			Condition: syncline.Condition{Kind: syncline.AlarmStorageLow, Severity: syncline.SeverityWarning, Subject: fmt.Sprint(i)},
		}}
	}
	w.must(w.store.ChangeAlarms(t.Context(), w.now, changes))
	back, err := w.desk.EndAll(t.Context(), repository)
	w.must(err)
	defer back()
	w.must(a.Farewell(t.Context(), repository))
	w.must(w.store.DeleteRepository(t.Context(), repository))
	w.each(time.Second, a)
	if story := r.story()[before:]; len(story) != 1 || story[0] != "Ended stays Critical; " {
		t.Errorf("the receiver heard %q", story)
	}
}
