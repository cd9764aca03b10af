package schedule_test

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/duty"
	"syncline.dev/syncline/internal/store"
	"syncline.dev/syncline/internal/watch/schedule"
)

// fleet is several schedules over one world, with duties that end by its clock.
type fleet struct {
	*world
	nodes []*node

	during func(n *node) (schedule.Found, error) // takes the place of a check, unless it is nil

	dutyMu sync.Mutex
	by     map[syncline.ID]syncline.ID // the node that checked a repository last
	duties map[string]*held
	epoch  int64
	takes  int // calls that take or let go
	reads  int // calls that list
}

type held struct {
	store.Duty
	until time.Time
}

// node is one of the schedules. A dead one gets no ticks, and its context has ended.
type node struct {
	id          syncline.ID
	service     *schedule.Service
	ctx         context.Context
	kill        func()
	dead        atomic.Bool
	maintenance bool
}

func newFleet(t *testing.T, nodes, repositories int) *fleet {
	f := &fleet{world: newWorld(t, repositories), duties: make(map[string]*held), by: make(map[syncline.ID]syncline.ID)}
	for i := range f.list {
		f.list[i].CreatedAt = begin
	}
	for i := range nodes {
		f.add(syncline.ID(fmt.Sprintf("node-%d", i)))
	}
	return f
}

func (f *fleet) add(id syncline.ID) *node {
	n := &node{id: id}
	n.ctx, n.kill = context.WithCancel(f.t.Context())
	n.service = &schedule.Service{
		Repositories: f, Records: f, Checker: looker{f, n}, Sessions: f, Reporter: f, Logger: slog.New(slog.DiscardHandler),
		Now: f.clock, AtOnce: 8, Interval: 15 * time.Minute,
	}
	n.service.Fleet = member{&duty.Checks{Store: f, Self: id, Logger: slog.New(slog.DiscardHandler)}, f}
	f.nodes = append(f.nodes, n)
	return n
}

type member struct {
	*duty.Checks
	f *fleet
}

// looker is the checks of one node.
type looker struct {
	f *fleet
	n *node
}

// Check implements schedule.Checker.
func (l looker) Check(ctx context.Context, r syncline.Repository) (schedule.Found, error) {
	l.f.dutyMu.Lock()
	l.f.by[r.ID] = l.n.id
	l.f.dutyMu.Unlock()
	found, err := l.f.Check(ctx, r)
	if l.f.during != nil {
		return l.f.during(l.n)
	}
	return found, err
}

// Nodes implements schedule.Fleet.
func (m member) Nodes(context.Context) (living, able []syncline.ID, err error) {
	for _, n := range m.f.nodes {
		if !n.dead.Load() {
			living = append(living, n.id)
			if !n.maintenance {
				able = append(able, n.id)
			}
		}
	}
	return living, able, nil
}

func (f *fleet) TakeDuty(ctx context.Context, name, owner string, length time.Duration) (int64, bool, error) {
	if err := ctx.Err(); err != nil {
		return 0, false, err
	}
	f.dutyMu.Lock()
	defer f.dutyMu.Unlock()
	f.takes++
	d, now := f.duties[name], f.clock()
	switch {
	case d != nil && d.Owner != owner && now.Before(d.until):
		return 0, false, nil
	case d == nil || d.Owner != owner:
		f.epoch++
		d = &held{Duty: store.Duty{Name: name, Owner: owner, Epoch: f.epoch}}
		f.duties[name] = d
	}
	d.until = now.Add(length)
	return d.Epoch, true, nil
}

func (f *fleet) DropDuty(_ context.Context, d store.Duty) error {
	f.dutyMu.Lock()
	defer f.dutyMu.Unlock()
	f.takes++
	gone := slices.ContainsFunc(f.nodes, func(n *node) bool { return n.dead.Load() && string(n.id) == d.Owner })
	if h := f.duties[d.Name]; h != nil && h.Duty == d && !gone {
		delete(f.duties, d.Name)
	}
	return nil
}

func (f *fleet) HeldDuties(_ context.Context, prefix string) (list []store.Duty, err error) {
	f.dutyMu.Lock()
	defer f.dutyMu.Unlock()
	f.reads++
	for _, d := range f.duties {
		if strings.HasPrefix(d.Name, prefix) && f.clock().Before(d.until) {
			list = append(list, d.Duty)
		}
	}
	return list, nil
}

// guard fails for a write of a duty that another node has by now, as a store does.
func (f *fleet) guard(ctx context.Context) error {
	d, ok := store.DutyOf(ctx)
	f.dutyMu.Lock()
	defer f.dutyMu.Unlock()
	if h := f.duties[d.Name]; ok && (h == nil || h.Duty != d) {
		return syncline.Errorf(syncline.CodeConflict, "another node has taken over the duty %q", d.Name)
	}
	return ctx.Err()
}

func (f *fleet) PutChecks(ctx context.Context, checks ...syncline.Check) error {
	if err := f.guard(ctx); err != nil {
		return err
	}
	return f.world.PutChecks(ctx, checks...)
}

func (f *fleet) Report(ctx context.Context, kind syncline.AlarmKind, id syncline.ID, now []syncline.Condition) error {
	if err := f.guard(ctx); err != nil {
		return err
	}
	return f.world.Report(ctx, kind, id, now)
}

func (f *fleet) Begin(ctx context.Context, id syncline.ID) error {
	if _, ok := store.DutyOf(ctx); ok {
		f.t.Error("a session begins with the duty of a check, which it outlasts")
	}
	return f.world.Begin(ctx, id)
}

// tick moves the clock and gives each living node its turn, in another order each time.
func (f *fleet) tick(at time.Time) {
	f.t.Helper()
	f.mu.Lock()
	f.now = at
	f.mu.Unlock()
	for _, i := range rand.New(rand.NewPCG(1, uint64(at.UnixNano()))).Perm(len(f.nodes)) { //nolint:gosec // the order is no secret
		if n := f.nodes[i]; !n.dead.Load() {
			if err := n.service.Tick(n.ctx, at); err != nil && n.ctx.Err() == nil {
				f.t.Fatal(err)
			}
		}
	}
}

func (f *fleet) run(until time.Time, step time.Duration) {
	f.t.Helper()
	for at := f.clock().Add(step); !at.After(until); at = at.Add(step) {
		f.tick(at)
	}
}

// TestNoHerd has ten nodes that share a thousand repositories. Each is checked once in
// its turn, each node does its share, and the duties cost two statements a check. The
// nodes do not read more for more checks.
func TestNoHerd(t *testing.T) {
	const nodes, repositories, step = 10, 1000, 10 * time.Second
	f := newFleet(t, nodes, repositories)
	f.tick(begin)
	if n := len(f.checks); n != repositories {
		t.Fatalf("%d checks at the first start, want one of each", n)
	}
	f.run(begin.Add(time.Minute), step)
	f.checks, f.takes, f.reads, f.lists = nil, 0, 0, 0
	const turns = 1
	f.run(f.clock().Add(turns*15*time.Minute), step)
	for i := range repositories {
		if n := len(of(f.checks, id(i))); n != turns {
			t.Errorf("repository %d was checked %d times in %d turns", i, n, turns)
		}
	}
	if most := 2 * turns * repositories; f.takes > most {
		t.Errorf("%d statements for duties in %d checks, more than %d", f.takes, len(f.checks), most)
	}
	if most := nodes * (int(turns*15*time.Minute/step) + 1); f.reads > most {
		t.Errorf("the duties were listed %d times, more than %d", f.reads, most)
	} else if f.lists > most {
		t.Errorf("the repositories were listed %d times, more than %d", f.lists, most)
	}
	share := make(map[syncline.ID]int)
	for _, n := range f.by {
		share[n]++
	}
	for n, count := range share {
		if len(share) != nodes || count < repositories/nodes/2 || count > repositories/nodes*2 {
			t.Errorf("%s of %d nodes has checked %d repositories", n, len(share), count)
		}
	}
	f.same()
}

// same makes sure that all nodes tell the same of each repository.
func (f *fleet) same() {
	f.t.Helper()
	for _, n := range f.nodes {
		n.service.Reschedule()
	}
	f.tick(f.clock())
	for i := range f.list {
		var told []string
		for _, n := range f.nodes {
			if !n.dead.Load() {
				last, next := n.service.LastCheck(id(i))
				told = append(told, fmt.Sprint(last.At, last.Result, last.Error, next))
			}
		}
		if len(slices.Compact(told)) != 1 {
			f.t.Errorf("the nodes tell of repository %d: %q", i, told)
		}
	}
}

// good is the outcome of a check that finds nothing new.
var good = schedule.Found{Listing: "a"}

func TestNodeDiesInACheck(t *testing.T) {
	f := newFleet(t, 3, 1)
	f.during = func(n *node) (schedule.Found, error) {
		n.kill()
		n.dead.Store(true)
		f.during = nil
		return good, nil
	}
	f.tick(begin)
	if c := f.records[id(0)]; !c.At.IsZero() {
		t.Errorf("the dead node has recorded %+v", c)
	}
	f.run(begin.Add(40*time.Second), 5*time.Second)
	if n := len(of(f.checks, id(0))); n != 2 || f.records[id(0)].At.IsZero() {
		t.Errorf("%d checks, with the record %+v; another node has to go on", n, f.records[id(0)])
	}
	f.same()
}

// TestStoppedInACheck has a node that is stopped in a check past its duty. The check that
// it then ends says that the storage is away, which another node knows better.
func TestStoppedInACheck(t *testing.T) {
	f := newFleet(t, 2, 1)
	f.during = func(n *node) (schedule.Found, error) {
		f.during = nil
		n.dead.Store(true)
		for at := begin; at.Before(begin.Add(2 * time.Minute)); at = at.Add(5 * time.Second) {
			f.tick(at)
		}
		n.dead.Store(false)
		return schedule.Found{}, syncline.Errorf(syncline.CodeUnavailable, "the storage is away")
	}
	f.tick(begin)
	if n := len(f.checks); n != 2 {
		t.Errorf("%d checks, want that of the stopped node and that of the other one", n)
	}
	if c := f.records[id(0)]; c.Result != syncline.CheckSuccess || len(f.open(id(0))) != 0 || len(f.reports) != 0 {
		t.Errorf("the stopped node has changed the record to %+v, with the reports %v", c, f.reports)
	}
	f.run(f.clock().Add(time.Hour), time.Minute)
	f.same()
}

// TestOneAlarmOfTheFleet has storage that goes away and comes back, while the nodes that
// check the repository change.
func TestOneAlarmOfTheFleet(t *testing.T) {
	f := newFleet(t, 3, 1)
	away := syncline.Errorf(syncline.CodeUnavailable, "the storage is away")
	f.tick(begin)
	for round := range 3 {
		f.during = func(*node) (schedule.Found, error) { return schedule.Found{}, away }
		f.run(f.clock().Add(20*time.Minute), 30*time.Second)
		if open := f.open(id(0)); !slices.Equal(open, []string{"RepositoryUnreachable Warning"}) {
			t.Errorf("round %d: open is %v", round, open)
		}
		for _, n := range f.nodes { // another node goes on
			n.maintenance = n.id == f.by[id(0)]
		}
		f.during = nil
		f.run(f.clock().Add(20*time.Minute), 30*time.Second)
		if open := f.open(id(0)); len(open) != 0 {
			t.Errorf("round %d: open is %v after the storage came back", round, open)
		}
	}
	if c := f.records[id(0)]; c.Failures != 0 || !c.LookedAt.Equal(c.At) {
		t.Errorf("the record is %+v", c)
	}
}

// TestAskOfAnotherNode asks on each node for a check of a repository that belongs to one.
func TestAskOfAnotherNode(t *testing.T) {
	f := newFleet(t, 3, 1)
	f.list[0].NodeID = "node-1"
	f.tick(begin)
	f.records[id(0)] = func(c syncline.Check) syncline.Check {
		c.Session = syncline.SessionVerdict{Failures: 1, At: begin, Since: begin, Listing: "a", Code: syncline.CodeWrongPassword, Error: "wrong password"}
		return c
	}(f.records[id(0)])
	f.list[0].OutOfSync = true
	f.run(f.clock().Add(20*time.Minute), 10*time.Second)
	if len(f.sessions) != 0 {
		t.Fatalf("sessions begin in the pause after one that failed: %v", f.sessions)
	}
	for i, n := range f.nodes {
		f.checks, f.sessions = nil, nil
		n.service.Nudge(id(0))
		f.run(f.clock().Add(15*time.Second), 5*time.Second)
		if len(f.checks) != 1 || len(f.sessions) != 0 {
			t.Errorf("asked on node %d: %d checks, %d sessions", i, len(f.checks), len(f.sessions))
		}
	}
	f.checks = nil
	f.nodes[2].service.Retry(id(0))
	f.run(f.clock().Add(15*time.Second), 5*time.Second)
	if len(f.checks) != 1 || len(f.sessions) != 1 || f.by[id(0)] != "node-1" || f.records[id(0)].Session.Failures != 0 {
		t.Errorf("after a new password: %d checks by %s, %d sessions, %+v", len(f.checks), f.by[id(0)], len(f.sessions), f.records[id(0)])
	}
	f.same()
}

// TestOwner has a repository in a folder of one node, which is drained, and dies.
func TestOwner(t *testing.T) {
	f := newFleet(t, 3, 1)
	f.list[0].NodeID = "node-1"
	watched := make(map[syncline.ID]int)
	for _, n := range f.nodes {
		n.service.Watch = func(folders map[syncline.ID]string) { watched[n.id] = len(folders) }
	}
	f.tick(begin)
	f.run(begin.Add(time.Hour), time.Minute)
	if f.by[id(0)] != "node-1" || watched["node-0"]+watched["node-2"] != 0 || watched["node-1"] != 1 {
		t.Errorf("%s has checked, watched are %v", f.by[id(0)], watched)
	}
	f.nodes[1].maintenance, f.checks = true, nil
	f.run(f.clock().Add(time.Hour), time.Minute)
	if len(f.checks) != 0 || len(f.open(id(0))) != 0 {
		t.Errorf("in maintenance mode: %d checks, open is %v", len(f.checks), f.open(id(0)))
	}
	if last, _ := f.nodes[0].service.LastGood(t.Context(), f.clock()); last.IsZero() {
		t.Error("the checks of a node in maintenance mode silence the heartbeat")
	}
	f.nodes[1].dead.Store(true)
	f.run(f.clock().Add(time.Minute), 5*time.Second)
	if c := f.records[id(0)]; len(f.checks) != 0 || !slices.Equal(f.open(id(0)), []string{"RepositoryUnreachable Warning"}) || !strings.Contains(c.Error, "node-1") {
		t.Errorf("without its node: %d checks, open is %v, recorded is %+v", len(f.checks), f.open(id(0)), c)
	}
	f.nodes[1].dead.Store(false)
	f.nodes[1].maintenance = false
	f.run(f.clock().Add(20*time.Minute), 30*time.Second)
	if len(f.checks) == 0 || len(f.open(id(0))) != 0 {
		t.Errorf("with its node: %d checks, open is %v", len(f.checks), f.open(id(0)))
	}
}

// TestScheduleOfTheFleet changes schedules and places. Each node follows, and one checks.
func TestScheduleOfTheFleet(t *testing.T) {
	f := newFleet(t, 3, 1)
	f.tick(begin)
	f.run(begin.Add(20*time.Minute), time.Minute)
	f.list[0].Schedule = syncline.Schedule{Interval: 5 * time.Hour}
	f.checks = nil
	f.same()
	f.run(f.clock().Add(5*time.Hour), time.Minute)
	if n := len(f.checks); n != 1 {
		t.Errorf("%d checks in five hours, want 1", n)
	}
	f.list[0].Path, f.checks = "/elsewhere", nil
	f.run(f.clock().Add(time.Minute), 5*time.Second)
	if n := len(f.checks); n != 1 {
		t.Errorf("%d checks of another place, want 1", n)
	}
	f.list[0].Schedule = syncline.Schedule{Disabled: true}
	f.run(f.clock().Add(10*time.Hour), 10*time.Minute)
	if n := len(f.checks); n != 1 {
		t.Errorf("%d checks without a schedule", n-1)
	}
	f.same()
}

// TestVerdictsOfTheFleet has sessions that end on one node and checks on another one.
func TestVerdictsOfTheFleet(t *testing.T) {
	f := newFleet(t, 2, 1)
	f.list[0].NodeID = "node-1"
	f.tick(begin)
	for range 2 {
		f.nodes[0].service.SessionEnded(id(0), syncline.Errorf(syncline.CodeWrongPassword, "wrong password"))
		f.run(f.clock().Add(time.Minute), 5*time.Second)
	}
	if c := f.records[id(0)]; c.Session.Failures != 2 || !slices.Equal(f.open(id(0)), []string{"SynchronizationFailed Warning"}) {
		t.Errorf("open is %v, recorded is %+v", f.open(id(0)), c)
	}
	f.run(f.clock().Add(25*time.Hour), 5*time.Minute)
	if !slices.Equal(f.open(id(0)), []string{"SynchronizationFailed Critical"}) {
		t.Errorf("after a day, open is %v", f.open(id(0)))
	}
	// A session succeeds on a node that dies before it tells.
	f.succeeded = map[syncline.ID]time.Time{id(0): f.clock()}
	f.run(f.clock().Add(20*time.Minute), time.Minute)
	if c := f.records[id(0)]; c.Session.Failures != 0 || len(f.open(id(0))) != 0 {
		t.Errorf("after a session that succeeded, open is %v, recorded is %+v", f.open(id(0)), c)
	}
	f.nodes[0].service.SessionEnded(id(0), nil)
	f.same()
}
