package watch_test

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/dirtest"
	"syncline.dev/syncline/internal/duty"
	"syncline.dev/syncline/internal/needtest"
	"syncline.dev/syncline/internal/pgtest"
	"syncline.dev/syncline/internal/store"
	"syncline.dev/syncline/internal/store/postgres"
	"syncline.dev/syncline/internal/store/sqlite"
	"syncline.dev/syncline/internal/watch/alarm"
	"syncline.dev/syncline/internal/watch/notify"
	"syncline.dev/syncline/internal/watch/schedule"
	"syncline.dev/syncline/internal/watch/series"
)

// fleet is the quarter's world with several nodes.
type fleet struct {
	*quarter
	random *rand.Rand
	kill   bool // nodes die
	nodes  []*node
	kills  int
}

// node is a process of the fleet: the whole watch on one store.
type node struct {
	fleet   *fleet
	id      syncline.ID
	store   *mortal
	stopped bool      // it gets no turns, and goes on later as it was
	until   time.Time // it is off, or stopped

	ctx      context.Context
	end      context.CancelFunc
	schedule *schedule.Service
	series   *series.Service
	notify   *notify.Service
}

// watcher is a node's part of the watch of the series.
type watcher struct {
	*duty.Holder
	*mortal
}

func newFleet(t *testing.T, s store.Store, seed uint64, kill bool) *fleet {
	f := &fleet{quarter: newQuarterOn(t, quarterBegin), random: rand.New(rand.NewPCG(seed, 1)), kill: kill} //nolint:gosec // the moments are no secret
	f.store, f.late = s, kill
	for _, id := range []syncline.ID{"first", "second", "third"} {
		n := &node{fleet: f, id: id}
		f.nodes = append(f.nodes, n)
		n.start()
	}
	f.notify, f.series = f.nodes[0].notify, f.nodes[0].series // for what users do
	f.addChannel(quarterBegin)
	return f
}

// start starts the process of a node.
func (n *node) start() {
	f, log := n.fleet, slog.New(slog.DiscardHandler)
	s := &mortal{Store: f.store, calls: -1}
	n.store, n.stopped = s, false
	n.ctx, n.end = context.WithCancel(f.t.Context())
	holder := func(name string) *duty.Holder {
		return &duty.Holder{Store: s, Name: name, Node: n.id, Length: time.Hour, Logger: log}
	}
	desk := &alarm.Desk{Store: s, Now: f.clock, NewID: newID}
	n.series = &series.Service{Store: s, Points: f, Repositories: s, Reporter: desk, Logger: log, Now: f.clock, Fleet: watcher{holder("watch"), s}}
	n.schedule = &schedule.Service{
		Repositories: s, Records: s, Checker: f, Sessions: n, Reporter: desk, Logger: log, Now: f.clock, AtOnce: 1, Interval: step,
		Fleet: checks{&duty.Checks{Store: s, Self: n.id, Logger: log}, f},
	}
	n.notify = &notify.Service{
		Events: s, Queue: s, Channels: s, Known: s, Network: notify.NewNetwork(nil, false), Window: notify.DefaultWindow,
		Now: f.clock, NewID: newID, Logger: log, Duty: holder("notify"),
		Open: func(_ syncline.ID, sealed []byte) ([]byte, error) { return sealed, nil },
	}
}

// checks shares the checks among the nodes that live.
type checks struct {
	*duty.Checks
	f *fleet
}

// Nodes implements schedule.Fleet.
func (c checks) Nodes(context.Context) (living, able []syncline.ID, err error) {
	for _, n := range c.f.nodes {
		if n.lives() {
			living = append(living, n.id)
		}
	}
	return living, living, nil
}

func (n *node) lives() bool { return !n.stopped && !n.store.isDead() }

// Busy implements schedule.Sessions.
func (n *node) Busy(ctx context.Context, id syncline.ID) (string, error) {
	return n.fleet.Busy(ctx, id)
}

// Succeeded implements schedule.Sessions.
func (n *node) Succeeded(ctx context.Context, id syncline.ID) (time.Time, error) {
	list, err := n.store.LatestWork(ctx, syncline.WorkSynchronize)
	i := slices.IndexFunc(list, func(w store.Work) bool { return w.RepositoryID == id && w.State == syncline.WorkSucceeded })
	if i < 0 || err != nil {
		return time.Time{}, err
	}
	return list[i].EndedAt, nil
}

// Begin implements schedule.Sessions: a session of this node ends at once. The node may
// die before it hears of that.
func (n *node) Begin(ctx context.Context, id syncline.ID) error {
	f := n.fleet
	if made, heard := n.store.next(); !made || !heard {
		return errDead
	}
	f.mu.Lock()
	p, now := f.places[id], f.now
	failure := p.session
	if failure == nil {
		p.shown = slices.Clone(p.there)
	}
	f.mu.Unlock()
	w, _, err := f.store.AddWork(ctx, store.Work{Alone: true, Work: syncline.Work{ID: newID(), Kind: syncline.WorkSynchronize, RepositoryID: id, CreatedAt: now}})
	if err != nil {
		return err
	}
	w.State, w.StartedAt, w.EndedAt = syncline.WorkSucceeded, now, now
	if failure != nil {
		w.State = syncline.WorkFailed
	}
	if err := errors.Join(f.store.UpdateWork(ctx, w), f.store.SetOutOfSync(ctx, id, failure != nil)); err != nil {
		return err
	}
	n.series.SessionEnded(w.Work)
	n.schedule.SessionEnded(id, failure)
	return nil
}

// tick gives each node that lives its turn, in any order.
func (f *fleet) tick(at time.Time) {
	f.t.Helper()
	for _, n := range f.nodes {
		n.wake(at)
	}
	if f.kill {
		f.strike(at)
	}
	for _, i := range f.random.Perm(len(f.nodes)) {
		f.nodes[i].turn(at)
	}
}

// wake lets a node go on that was off or stopped. The duties of one that is were over long
// ago: a step is longer than they are.
func (n *node) wake(at time.Time) {
	if n.lives() {
		return
	}
	n.fleet.must(n.fleet.store.DropDuties(n.fleet.t.Context(), string(n.id)))
	switch {
	case at.Before(n.until):
	case n.stopped:
		n.stopped = false
	default:
		n.end()
		n.start()
		n.fleet.notify, n.fleet.series = n.notify, n.series
	}
}

// strike hits a node from time to time: it dies at one of its next calls, or is stopped.
// One lives at any time.
func (f *fleet) strike(at time.Time) {
	living := 0
	for _, n := range f.nodes {
		if n.lives() {
			living++
		}
	}
	n := f.nodes[f.random.IntN(len(f.nodes))]
	if living < 2 || !n.lives() || f.random.IntN(6) > 0 {
		return
	}
	f.kills++
	n.until = at.Add(step * time.Duration(1+f.random.IntN(5)))
	if f.random.IntN(4) == 0 {
		n.stopped = true
		return
	}
	n.store.dies(f.random.IntN(120), f.random.IntN(2) == 0)
}

// turn lets each part of a node do what is due.
func (n *node) turn(at time.Time) {
	for _, tick := range []func(context.Context, time.Time) error{n.schedule.Tick, n.series.Tick, n.notify.Tick} {
		if n.store.isDead() {
			n.end()
		}
		if !n.lives() {
			return
		}
		if err := tick(n.ctx, at); err != nil && n.lives() {
			n.fleet.t.Errorf("%s: %s: %v", stamp(at), n.id, err)
		}
	}
}

// troublesOfTheFleet happen in two weeks, and the first quick of them in five days.
const quick = 3

func troublesOfTheFleet() []trouble {
	const warning, critical = syncline.SeverityWarning, syncline.SeverityCritical
	return []trouble{
		{name: "The receiver takes no message for three hours, while an alarm begins.", plan: func(q *quarter, p *play) []expected {
			e := p.silent("r07", 0, day(1), day(3.5), limits["daily"])
			p.on(e.begin.Add(-time.Hour).Truncate(step), func() { q.receiver.refuse(true) })
			p.on(e.begin.Add(2*time.Hour).Truncate(step), func() { q.receiver.refuse(false) })
			return []expected{e}
		}},
		{name: "The storage does not answer for half a day.", plan: func(q *quarter, p *play) []expected {
			p.away(q, "r04", day(3), day(3.5), errAway)
			list := []expected{about(syncline.AlarmRepositoryUnreachable, "r04", critical, day(3), day(3.5), worse)}
			if e := p.unseen("r04", day(3), day(3.5)); e.begin.Before(e.end) {
				list = append(list, e)
			}
			return list
		}},
		{name: "A machine that is backed up every six hours is off for a day.", plan: func(_ *quarter, p *play) []expected {
			return []expected{p.silent("r02", 1, day(1), day(2), limits["6 hours"])}
		}},
		{name: "A daily machine is not backed up for four days.", plan: func(_ *quarter, p *play) []expected {
			return []expected{p.silent("r01", 0, day(3), day(7), limits["daily"])}
		}},
		{name: "A daily machine dies.", plan: func(_ *quarter, p *play) []expected {
			return []expected{p.silent("r03", 0, day(8), time.Time{}, limits["daily"])}
		}},
		{name: "A check finds the repository damaged for a day.", plan: func(q *quarter, p *play) []expected {
			p.away(q, "r05", day(6), day(7), errDamaged)
			return []expected{about(syncline.AlarmRepositoryDamaged, "r05", critical, day(6), day(7), ended), p.unseen("r05", day(6), day(7))}
		}},
		{name: "The repository's password is changed, and put right two days later.", plan: func(q *quarter, p *play) []expected {
			p.failing(q, "r06", day(9), day(11), errWrong)
			begin, end := p.first("r06", day(9)), p.first("r06", day(11))
			return []expected{about(syncline.AlarmSynchronizationFailed, "r06", critical, begin, end, worse), p.unseen("r06", begin, end)}
		}},
		{name: "All machines of all nodes are off for a day.", plan: func(_ *quarter, p *play) []expected {
			p.paused = [][2]time.Time{{day(12), day(13)}}
			return nil
		}},
	}
}

// TestFleet plays two weeks with three nodes, which die and are stopped at any of their
// calls. There have to be exactly the alarms that the troubles cause, and each of their
// events has to be told once, but for messages that are on their way when a node dies.
func TestFleet(t *testing.T) {
	needtest.Full(t, "a minute for two simulated weeks of a fleet")
	open := func() store.Store {
		s, err := sqlite.Open(t.Context(), filepath.Join(dirtest.Quick(t), "db"))
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	t.Run("without kills", func(t *testing.T) { playFleet(t, open(), 0, false, troublesOfTheFleet(), day(15)) })
	t.Run("with kills", func(t *testing.T) { playFleet(t, open(), 1, true, troublesOfTheFleet(), day(15)) })
}

// TestFleetOnPostgreSQL plays five days.
func TestFleetOnPostgreSQL(t *testing.T) {
	needtest.Full(t, "a PostgreSQL, and a minute for five simulated days of a fleet")
	s, err := postgres.Open(t.Context(), pgtest.New(t))
	if err != nil {
		t.Fatal(err)
	}
	playFleet(t, s, 2, true, troublesOfTheFleet()[:quick], day(5))
}

// playFleet plays once. Without kills, no message comes twice.
func playFleet(t *testing.T, s store.Store, seed uint64, kill bool, troubles []trouble, until time.Time) {
	t.Helper()
	f := newFleet(t, s, seed, kill)
	defer func() { f.must(s.Close()) }()
	p := newPlay(f.quarter, time.UTC, 8)
	for i := range troubles {
		troubles[i].alarms = troubles[i].plan(f.quarter, p)
	}
	p.past(f.quarter)
	f.run(p, until, f.tick)
	f.judge(p, troubles)
	f.same(until)
	t.Logf("seed %d: %d kills and stops, %d messages, %d of them twice", seed, f.kills, f.receiver.messages, f.receiver.repeated)
	if f.receiver.repeated > f.kills {
		t.Errorf("seed %d: %d messages came twice, more than the %d kills explain", seed, f.receiver.repeated, f.kills)
	}
	for _, n := range f.nodes {
		n.end()
	}
}

// same makes sure that all nodes tell the same.
func (f *fleet) same(at time.Time) {
	f.t.Helper()
	f.mu.Lock()
	f.now = at
	f.mu.Unlock()
	for _, n := range f.nodes {
		n.until = at
		n.wake(at)
		n.store.dies(-1, false)
	}
	f.kill = false
	f.tick(at)
	for _, n := range f.nodes {
		n.schedule.Reschedule()
	}
	f.tick(at)
	first, err := f.nodes[0].series.Machines(f.t.Context(), series.MachinesQuery{})
	f.must(err)
	for _, n := range f.nodes[1:] {
		other, err := n.series.Machines(f.t.Context(), series.MachinesQuery{})
		f.must(err)
		if other.Total != first.Total || other.Late != first.Late || other.InTime != first.InTime || other.Unknown != first.Unknown {
			f.t.Errorf("%s has %+v machines, %s has %+v", n.id, other, f.nodes[0].id, first)
		}
		for id := range f.places {
			last, next := n.schedule.LastCheck(id)
			wantLast, wantNext := f.nodes[0].schedule.LastCheck(id)
			if last.At != wantLast.At || last.Result != wantLast.Result || next != wantNext {
				f.t.Errorf("%s has the check %+v and next %s, %s has %+v and %s", n.id, last, next, f.nodes[0].id, wantLast, wantNext)
			}
		}
	}
}
