package run_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/run"
	"syncline.dev/syncline/internal/store"
)

// TestFleetChaos has three nodes work while they are cut off, stand still, are killed,
// are drained and shut down, and lose wake-ups, while work is started, stopped, and held
// anywhere. No two bodies of a repository run with valid leases at once, no write of an
// old epoch is taken, every end is recorded once, and in the end all work has ended and
// all nodes say the same.
func TestFleetChaos(t *testing.T) {
	for seed := range uint64(60) {
		synctest.Test(t, func(t *testing.T) { newChaos(t, seed).play() })
	}
}

type chaos struct {
	*group
	seed  uint64
	rng   *rand.Rand
	nodes []*node
	mem   *memory
	calls sync.WaitGroup // calls of nodes that may take long

	mu      sync.Mutex
	started map[syncline.ID]bool
	changed map[syncline.ID]bool  // repositories: a change stops the work of its own node without a word
	newest  map[syncline.ID]int64 // the epoch of the newest commit
}

func newChaos(t *testing.T, seed uint64) *chaos {
	mem := newMemory()
	c := &chaos{
		group: newGroup(t, mem), mem: mem, seed: seed, rng: rand.New(rand.NewPCG(seed, 9)),
		started: make(map[syncline.ID]bool), changed: make(map[syncline.ID]bool), newest: make(map[syncline.ID]int64),
	}
	var bodies sync.Mutex
	lengths := rand.New(rand.NewPCG(seed, 10))
	c.do = func(ctx context.Context, n *node, task *run.Task) run.Outcome {
		bodies.Lock()
		steps, obeys := 1+lengths.IntN(20), lengths.IntN(4) > 0
		bodies.Unlock()
		return c.body(ctx, task, steps, obeys)
	}
	for i := range 3 {
		c.nodes = append(c.nodes, c.open(fmt.Sprint("node ", i)))
	}
	return c
}

// body works in steps, each with a commit. One that does not obey goes on after its
// context has ended, as one does that stands still.
func (c *chaos) body(ctx context.Context, task *run.Task, steps int, obeys bool) run.Outcome {
	w := task.Work()
	for i := range steps {
		step := time.After(2 * time.Second)
		select {
		case <-step:
		case <-ctx.Done():
			if obeys {
				return run.Outcome{Err: ctx.Err()}
			}
			<-step
		}
		if err := c.write(w.ID, w.Epoch); err != nil {
			return run.Outcome{Err: err}
		}
		task.Progress(i*100/steps, i)
		task.Log(syncline.LogInfo, fmt.Sprint("epoch ", w.Epoch))
	}
	return run.Outcome{Result: "whole"}
}

func (c *chaos) write(id syncline.ID, epoch int64) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	err := c.mem.commit(id, epoch)
	if err == nil && epoch < c.newest[id] {
		c.t.Errorf("seed %d: a commit of epoch %d after one of epoch %d", c.seed, epoch, c.newest[id])
	}
	if err == nil {
		c.newest[id] = epoch
	}
	return err
}

func (c *chaos) play() {
	for range 150 {
		c.act()
		<-time.After(time.Duration(c.rng.IntN(4000)) * time.Millisecond)
	}
	for _, n := range c.nodes {
		c.heal(n)
	}
	c.calls.Wait()
	<-time.After(10 * time.Minute)
	c.judge()
}

func (c *chaos) heal(n *node) {
	n.cut.Store(false)
	n.deaf.Store(false)
	n.thaw()
	n.Drain(false)
}

// act does one thing.
func (c *chaos) act() {
	i := c.rng.IntN(len(c.nodes))
	n, repository := c.nodes[i], syncline.ID(fmt.Sprint("repository ", c.rng.IntN(8)))
	switch c.rng.IntN(16) {
	case 0, 1, 2, 3:
		urgent := c.rng.IntN(2) == 0
		c.calls.Go(func() { c.startAt(n, repository, urgent) })
	case 4, 5:
		c.calls.Go(func() { c.stopAt(n, repository) })
	case 6:
		n.cut.Store(true)
	case 7:
		n.freeze()
	case 8, 9, 10:
		c.heal(n)
	case 11:
		n.deaf.Store(true)
	case 12:
		n.Drain(true)
	case 13:
		n.kill() // and it starts again
		c.nodes[i] = c.open(n.name)
		c.calls.Go(n.Close)
	case 14:
		c.heal(n)
		n.Close() // in order
		c.nodes[i] = c.open(n.name)
	case 15:
		c.calls.Go(func() { c.holdAt(n, repository) })
	}
}

func (c *chaos) startAt(n *node, repository syncline.ID, urgent bool) {
	start := n.StartLater
	if urgent {
		start = n.Start
	}
	w, err := start(context.Background(), store.Work{Work: syncline.Work{Kind: kindName, RepositoryID: repository}})
	if err == nil {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.started[w.ID] = true
	}
}

func (c *chaos) stopAt(n *node, repository syncline.ID) {
	c.mem.mu.Lock()
	list := c.mem.all(func(r *record) bool { return r.RepositoryID == repository && !r.State.Ended() })
	c.mem.mu.Unlock()
	for _, r := range list {
		_ = n.Stop(context.Background(), kindName, r.ID) // it may be cut off
	}
}

// holdAt changes a repository. Nothing of it is written during the change.
func (c *chaos) holdAt(n *node, repository syncline.ID) {
	c.mu.Lock()
	c.changed[repository] = true
	c.mu.Unlock()
	_, _ = n.Hold(context.Background(), kindName, repository, func(ctx context.Context) error {
		select {
		case <-time.After(5 * time.Second):
		case <-ctx.Done():
			return ctx.Err()
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		for _, b := range c.bodies(repository) {
			if b.ctx.Err() == nil && ctx.Err() == nil && !b.node.dead.Load() && !n.dead.Load() {
				c.t.Errorf("seed %d: %s runs %s during a change", c.seed, b.node.name, b.Work().ID)
			}
		}
		return nil
	})
}

func (g *group) bodies(repository syncline.ID) []groupBody {
	g.mu.Lock()
	defer g.mu.Unlock()
	return append([]groupBody(nil), g.active[repository]...)
}

func (c *chaos) judge() {
	c.mem.mu.Lock()
	all := c.mem.all(func(*record) bool { return true })
	c.mem.mu.Unlock()
	if len(all) == 0 || len(c.started) == 0 {
		c.t.Errorf("seed %d: nothing was started", c.seed)
	}
	for _, r := range all {
		if !r.State.Ended() || c.mem.ends[r.ID] != 1 {
			c.t.Errorf("seed %d: %s is %s by %q, and ended %d times", c.seed, r.ID, r.State, r.Owner, c.mem.ends[r.ID])
		}
		if r.State == syncline.WorkFailed || r.State == syncline.WorkStopped && !r.StopRequested && !c.changed[r.RepositoryID] {
			c.t.Errorf("seed %d: %s ended as %+v", c.seed, r.ID, r.Work)
		}
		last := ""
		for _, item := range r.log {
			if len(item.Message) > 6 && item.Message[:6] == "epoch " {
				if last > item.Message && len(last) >= len(item.Message) {
					c.t.Errorf("seed %d: the log of %s has %q after %q", c.seed, r.ID, item.Message, last)
				}
				last = item.Message
			}
		}
		for _, n := range c.nodes {
			if got, err := n.Get(context.Background(), kindName, r.ID); err != nil || got != r.Work {
				c.t.Errorf("seed %d: %s shows %+v, %v, and not %+v", c.seed, n.name, got, err, r.Work)
			}
		}
	}
	for _, n := range c.nodes {
		if n.Leases().Held != 0 {
			c.t.Errorf("seed %d: %s holds %+v", c.seed, n.name, n.Leases())
		}
	}
}
