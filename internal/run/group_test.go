package run_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/run"
	"syncline.dev/syncline/internal/store"
)

const lease = 15 * time.Second

// workStore is a store of several nodes.
type workStore interface {
	run.Store
	run.Wakes
	commit(id syncline.ID, epoch int64) error
}

// group is several nodes on one store.
type group struct {
	t     *testing.T
	store workStore
	own   func() workStore // gives each node a store of its own; nil for the one of all
	newID func() syncline.ID
	begun chan groupBody
	do    func(ctx context.Context, n *node, t *run.Task) run.Outcome // nil for one that a test leads
	alter func(k *run.Kind)

	mu     sync.Mutex
	active map[syncline.ID][]groupBody // bodies of a repository that have not returned
}

// groupBody is a body on a node.
type groupBody struct {
	*run.Task
	ctx  context.Context //nolint:containedctx // of the body
	node *node
	end  chan run.Outcome
}

// node is a node whose way to the store can be cut and blocked.
type node struct {
	*run.Service
	group *group
	store workStore
	name  string
	deaf  atomic.Bool // it gets and sends no wake-ups
	cut   atomic.Bool // the store cannot be reached
	mute  atomic.Bool // its records of work do not reach the store
	dead  atomic.Bool // its process is gone, and so are its bodies

	mu    sync.Mutex
	still bool     // it stands still
	late  []func() // the calls that arrive when it goes on
	ended []syncline.Work
}

func newGroup(t *testing.T, s workStore) *group {
	var ids atomic.Int64
	return &group{
		t: t, store: s, begun: make(chan groupBody, 1000), active: make(map[syncline.ID][]groupBody),
		newID: func() syncline.ID { return syncline.ID(fmt.Sprintf("id %d", ids.Add(1))) },
	}
}

// open begins a node.
func (g *group) open(name string) *node {
	g.t.Helper()
	n := &node{group: g, store: g.store, name: name}
	if g.own != nil {
		n.store = g.own()
	}
	n.Service = &run.Service{
		Store: way{n.store, n}, Wakes: wakeWay{n}, Node: name, Lease: lease, Logger: slog.New(slog.DiscardHandler), Now: time.Now,
		NewID: g.newID,
	}
	k := run.Kind{
		Name: kindName, Noun: "session", Alone: true, AtOnce: 2, LogItems: 100, LogBatch: 1, Grace: 4 * time.Second,
		Resumed: "resumed", Stopped: "stopped", Leaving: "leaving",
		Ended: n.tell,
		Do: func(ctx context.Context, t *run.Task) run.Outcome {
			b := groupBody{t, ctx, n, make(chan run.Outcome, 1)}
			g.enter(b)
			defer g.leave(b)
			if g.do != nil {
				return g.do(ctx, n, t)
			}
			g.begun <- b
			select {
			case o := <-b.end:
				return o
			case <-ctx.Done():
				return run.Outcome{Err: ctx.Err()}
			}
		},
	}
	if g.alter != nil {
		g.alter(&k)
	}
	if err := n.Open(context.Background(), k); err != nil {
		g.t.Fatal(err)
	}
	g.t.Cleanup(func() {
		n.thaw()
		n.Close()
	})
	return n
}

func (n *node) tell(w syncline.Work) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.ended = append(n.ended, w)
}

func (n *node) told() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return len(n.ended)
}

// enter holds that no two bodies of a repository run whose leases are valid.
func (g *group) enter(b groupBody) {
	g.mu.Lock()
	defer g.mu.Unlock()
	id := b.Work().RepositoryID
	for _, other := range g.active[id] {
		if other.ctx.Err() == nil && b.ctx.Err() == nil && !other.node.dead.Load() {
			g.t.Errorf("%s begins %s in epoch %d while %s runs it in epoch %d", b.node.name, b.Work().ID, b.Work().Epoch, other.node.name, other.Work().Epoch)
		}
	}
	g.active[id] = append(g.active[id], b)
}

func (g *group) leave(b groupBody) {
	g.mu.Lock()
	defer g.mu.Unlock()
	all := g.active[b.Work().RepositoryID][:0]
	for _, other := range g.active[b.Work().RepositoryID] {
		if other.Task != b.Task {
			all = append(all, other)
		}
	}
	g.active[b.Work().RepositoryID] = all
}

// kill ends the node as far as others can see.
func (n *node) kill() {
	n.dead.Store(true)
	n.cut.Store(true)
	n.deaf.Store(true)
	n.thaw() // calls that are under way arrive
}

// freeze has the node stand still: its calls of the store have no answer, and arrive late.
func (n *node) freeze() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.still = true
}

// thaw has it go on.
func (n *node) thaw() {
	n.mu.Lock()
	late := n.late
	n.still, n.late = false, nil
	n.mu.Unlock()
	for _, call := range late {
		call()
	}
}

// pass makes a call of the store, now or late.
func (n *node) pass(call func() error) error {
	_, err := ask(n, func() (struct{}, error) { return struct{}{}, call() })
	return err
}

// ask is pass for a call with an answer.
func ask[T any](n *node, call func() (T, error)) (none T, err error) {
	n.mu.Lock()
	still := n.still
	if still {
		n.late = append(n.late, func() { _, _ = call() })
	}
	n.mu.Unlock()
	if still || n.cut.Load() {
		return none, syncline.Errorf(syncline.CodeUnavailable, "the database cannot be reached")
	}
	return call()
}

// way is a node's way to the store.
type way struct {
	workStore
	n *node
}

func (w way) AddWork(ctx context.Context, x store.Work) (store.Work, bool, error) {
	type answer struct {
		store.Work
		added bool
	}
	got, err := ask(w.n, func() (a answer, err error) {
		a.Work, a.added, err = w.workStore.AddWork(ctx, x)
		return a, err
	})
	return got.Work, got.added, err
}

func (w way) Work(ctx context.Context, kind syncline.WorkKind, id syncline.ID) (store.Work, error) {
	return ask(w.n, func() (store.Work, error) { return w.workStore.Work(ctx, kind, id) })
}

func (w way) UnendedWork(ctx context.Context, kind syncline.WorkKind) ([]store.Work, error) {
	return ask(w.n, func() ([]store.Work, error) { return w.workStore.UnendedWork(ctx, kind) })
}

func (w way) TakeWork(ctx context.Context, t store.Taking) ([]store.Taken, error) {
	return ask(w.n, func() ([]store.Taken, error) { return w.workStore.TakeWork(ctx, t) })
}

func (w way) RenewWork(ctx context.Context, owner string, length time.Duration, held []store.Held) ([]store.Renewed, error) {
	return ask(w.n, func() ([]store.Renewed, error) { return w.workStore.RenewWork(ctx, owner, length, held) })
}

func (w way) ReturnWork(ctx context.Context, owner string, held []store.Held) error {
	return w.n.pass(func() error { return w.workStore.ReturnWork(ctx, owner, held) })
}

func (w way) UpdateWork(ctx context.Context, x store.Work) error {
	if w.n.mute.Load() {
		return syncline.Errorf(syncline.CodeUnavailable, "the database cannot be reached")
	}
	return w.n.pass(func() error { return w.workStore.UpdateWork(ctx, x) })
}

func (w way) RequestStop(ctx context.Context, kind syncline.WorkKind, id syncline.ID) (store.Work, error) {
	return ask(w.n, func() (store.Work, error) { return w.workStore.RequestStop(ctx, kind, id) })
}

func (w way) HoldWork(ctx context.Context, h store.Hold, length time.Duration) error {
	return w.n.pass(func() error { return w.workStore.HoldWork(ctx, h, length) })
}

func (w way) RenewHold(ctx context.Context, id syncline.ID, length time.Duration) error {
	return w.n.pass(func() error { return w.workStore.RenewHold(ctx, id, length) })
}

func (w way) DropHold(ctx context.Context, id syncline.ID) error {
	return w.n.pass(func() error { return w.workStore.DropHold(ctx, id) })
}

func (w way) AppendLog(ctx context.Context, id syncline.ID, epoch int64, items ...syncline.LogItem) error {
	return w.n.pass(func() error { return w.workStore.AppendLog(ctx, id, epoch, items...) })
}

// wakeWay is a node's way to the wake-ups.
type wakeWay struct{ n *node }

func (w wakeWay) Wake(ctx context.Context, x store.Wake) error {
	if w.n.deaf.Load() {
		return nil
	}
	return w.n.store.Wake(ctx, x)
}

func (w wakeWay) Wakes(ctx context.Context) <-chan store.Wake {
	all := w.n.store.Wakes(ctx)
	heard := make(chan store.Wake)
	go func() {
		for {
			select {
			case x := <-all:
				if w.n.deaf.Load() {
					continue
				}
				select {
				case heard <- x:
				case <-ctx.Done():
					return
				}
			case <-ctx.Done():
				return
			}
		}
	}()
	return heard
}

// inFleet runs a test with nodes on one store in memory, by a clock of its own.
func inFleet(t *testing.T, test func(*testing.T, *group)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { test(t, newGroup(t, newMemory())) })
}

func (g *group) start(n *node, repository syncline.ID) store.Work {
	g.t.Helper()
	w, err := n.Start(g.t.Context(), store.Work{Work: syncline.Work{Kind: kindName, RepositoryID: repository}})
	if err != nil {
		g.t.Fatal(err)
	}
	return w
}

// want waits for the end of work at a node.
func (g *group) want(n *node, id syncline.ID, state syncline.WorkState) store.Work {
	g.t.Helper()
	w, err := n.Wait(g.t.Context(), kindName, id)
	if err != nil || w.State != state {
		g.t.Fatalf("%s sees %+v, %v", n.name, w, err)
	}
	return w
}

func (g *group) log(id syncline.ID) string {
	g.t.Helper()
	items, _, err := g.store.Log(g.t.Context(), kindName, id, 1000, 0)
	if err != nil {
		g.t.Fatal(err)
	}
	var lines []string
	for _, item := range items {
		lines = append(lines, item.Message)
	}
	return strings.Join(lines, "; ")
}

// wait lets time pass, by the test's own clock.
func wait(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}
