package run_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/dirtest"
	"syncline.dev/syncline/internal/pgtest"
	"syncline.dev/syncline/internal/run"
	"syncline.dev/syncline/internal/store"
	"syncline.dev/syncline/internal/store/postgres"
	stores "syncline.dev/syncline/internal/store/sqlite"
)

// stateStore is a store of a database.
type stateStore interface {
	run.Store
	run.Wakes
	AddRepository(ctx context.Context, r syncline.Repository) error
	SetOutOfSync(ctx context.Context, repository syncline.ID, outOfSync bool) error
	SetBehind(ctx context.Context, session syncline.ID, epoch int64) error
	Close() error
}

// fenced commits to the repository's row.
type fenced struct{ stateStore }

func (f fenced) commit(id syncline.ID, epoch int64) error {
	return f.SetBehind(context.Background(), id, epoch)
}

// onDatabases runs a test with nodes on each kind of database. PostgreSQL's nodes have a
// store each.
func onDatabases(t *testing.T, test func(t *testing.T, g *group, repositories []syncline.ID)) {
	run := func(t *testing.T, open func() stateStore, alone bool) {
		first := open()
		g := newGroup(t, fenced{first})
		g.newID = func() syncline.ID { return syncline.ID(uuid.NewString()) }
		if !alone {
			g.own = func() workStore { return fenced{open()} }
		}
		var repositories []syncline.ID
		for i := range 6 {
			id := g.newID()
			if err := first.AddRepository(t.Context(), syncline.Repository{ID: id, Name: fmt.Sprint(i), Path: fmt.Sprint("/", i), CreatedAt: time.Now()}); err != nil {
				t.Fatal(err)
			}
			repositories = append(repositories, id)
		}
		test(t, g, repositories)
	}
	opened := func(t *testing.T, s stateStore, err error) stateStore {
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
		return s
	}
	t.Run("SQLite", func(t *testing.T) {
		run(t, func() stateStore {
			// On a busy disk a commit may take longer than a renewal of leases may wait.
			s, err := stores.Open(context.Background(), filepath.Join(dirtest.Quick(t), "db"))
			return opened(t, s, err)
		}, true)
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		url := pgtest.New(t)
		run(t, func() stateStore {
			s, err := postgres.Open(context.Background(), url)
			return opened(t, s, err)
		}, false)
	})
}

// Three nodes on a real database share work, hear of one another, and take over.
func TestNodesOnADatabase(t *testing.T) {
	onDatabases(t, func(t *testing.T, g *group, repositories []syncline.ID) {
		g.alter = func(k *run.Kind) { k.AtOnce = 1 }
		nodes := []*node{g.open("a"), g.open("b"), g.open("c")}
		for _, r := range repositories[:3] {
			g.start(nodes[0], r)
		}
		on := map[*node]groupBody{}
		for range nodes {
			b := <-g.begun
			on[b.node] = b
		}
		if len(on) != 3 {
			t.Fatalf("%d nodes work", len(on))
		}
		a, b, c := on[nodes[0]], on[nodes[1]], on[nodes[2]]

		// c stops the work of a, and b sees its end.
		if err := c.node.Stop(t.Context(), kindName, a.Work().ID); err != nil {
			t.Fatal(err)
		}
		<-a.ctx.Done()
		g.want(b.node, a.Work().ID, syncline.WorkStopped)

		// b dies with its work, which a takes when the lease is over.
		b.Log(syncline.LogInfo, "from b")
		b.node.kill()
		old := b.Work()
		if got, err := g.store.RenewWork(t.Context(), "b", -time.Hour, []store.Held{{ID: old.ID, Epoch: old.Epoch}}); err != nil || len(got) != 1 {
			t.Fatal(got, err)
		}
		next := <-g.begun
		if next.node != a.node || next.Work().ID != old.ID || next.Work().Epoch != old.Epoch+1 {
			t.Fatalf("%s goes on with %+v", next.node.name, next.Work())
		}
		late := old
		late.State, late.Progress, late.Result = syncline.WorkSucceeded, 100, "late"
		for what, err := range map[string]error{
			"end":    g.store.UpdateWork(t.Context(), late),
			"log":    g.store.AppendLog(t.Context(), old.ID, old.Epoch, syncline.LogItem{Time: time.Now(), Level: syncline.LogInfo, Message: "late"}),
			"commit": g.store.commit(old.ID, old.Epoch),
		} {
			if syncline.CodeOf(err) != syncline.CodeConflict {
				t.Errorf("the late %s: %v", what, err)
			}
		}

		// c shuts down, and its work waits for a place.
		c.node.Close()
		next.end <- run.Outcome{}
		g.want(a.node, old.ID, syncline.WorkSucceeded)
		if log := g.log(old.ID); log != "from b; Node b has stopped; node a goes on from what was kept" {
			t.Errorf("the log is %q", log)
		}
		last := <-g.begun
		if last.node != a.node || last.Work().ID != c.Work().ID || !last.Resumed() {
			t.Fatalf("%s goes on with %+v", last.node.name, last.Work())
		}
		last.end <- run.Outcome{}
		g.want(a.node, last.Work().ID, syncline.WorkSucceeded)
	})
}

// A change on one node stops the work on another one, and keeps work out on all.
func TestHoldOnADatabase(t *testing.T) {
	onDatabases(t, func(t *testing.T, g *group, repositories []syncline.ID) {
		a := g.open("a")
		w := g.start(a, repositories[0])
		<-g.begun
		b := g.open("b")
		stopped, err := b.Hold(t.Context(), kindName, repositories[0], func(ctx context.Context) error {
			if got, err := a.Get(ctx, kindName, w.ID); err != nil || got.State != syncline.WorkStopped {
				t.Errorf("during the change: %+v, %v", got, err)
			}
			for _, n := range []*node{a, b} {
				if _, err := n.Start(ctx, store.Work{Work: syncline.Work{Kind: kindName, RepositoryID: repositories[0]}}); syncline.CodeOf(err) != syncline.CodeConflict {
					t.Errorf("%s started work: %v", n.name, err)
				}
			}
			return ctx.Err()
		})
		if err != nil || !stopped {
			t.Errorf("got %v, %v", stopped, err)
		}
		g.start(a, repositories[0])
		body := <-g.begun
		body.end <- run.Outcome{}
		g.want(b, body.Work().ID, syncline.WorkSucceeded)
	})
}

// A node stands still in a change until its hold is over, and another one works: nothing
// of the change is written any more.
func TestLateChangeOnADatabase(t *testing.T) {
	onDatabases(t, func(t *testing.T, g *group, repositories []syncline.ID) {
		a, b := g.open("a"), g.open("b")
		id, state := repositories[0], g.store.(fenced)
		change := func(ctx context.Context) error {
			a.cut.Store(true) // it renews nothing
			h, _ := store.HoldOf(ctx)
			if err := g.store.HoldWork(t.Context(), h, -time.Hour); err != nil {
				t.Error(err)
			}
			w := g.start(b, id)
			body := <-g.begun
			err := state.SetOutOfSync(context.WithoutCancel(ctx), id, true)
			body.end <- run.Outcome{}
			g.want(b, w.ID, syncline.WorkSucceeded)
			return err
		}
		if _, err := a.Hold(t.Context(), kindName, id, change); !errors.Is(err, store.ErrHoldOver) {
			t.Errorf("the late change ended with %v", err)
		}
		a.cut.Store(false)
		err := a.Forget(t.Context(), id, change)
		if !errors.Is(err, store.ErrHoldOver) {
			t.Errorf("the late removal ended with %v", err)
		}
	})
}

// Many calls at once, on all nodes: each piece of work runs once, and ends.
func TestManyOnADatabase(t *testing.T) {
	onDatabases(t, func(t *testing.T, g *group, repositories []syncline.ID) {
		var mu sync.Mutex
		runs := map[syncline.ID]int{}
		g.do = func(ctx context.Context, n *node, task *run.Task) run.Outcome {
			mu.Lock()
			runs[task.Work().ID]++
			mu.Unlock()
			task.Progress(10, n.name)
			if ctx.Err() != nil {
				return run.Outcome{Err: ctx.Err()}
			}
			return run.Outcome{Err: g.store.commit(task.Work().ID, task.Work().Epoch)}
		}
		nodes := []*node{g.open("a"), g.open("b"), g.open("c")}
		var calls sync.WaitGroup
		ids := make(chan syncline.ID, 1000)
		for seed := range uint64(6) {
			calls.Go(func() {
				rng := rand.New(rand.NewPCG(seed, 5))
				for range 10 {
					n, repository := nodes[rng.IntN(3)], repositories[rng.IntN(len(repositories))]
					w, err := n.Start(t.Context(), store.Work{Work: syncline.Work{Kind: kindName, RepositoryID: repository}})
					if err != nil {
						t.Error(err)
						return
					}
					ids <- w.ID
					if rng.IntN(3) == 0 {
						err = nodes[rng.IntN(3)].Stop(t.Context(), kindName, w.ID)
					}
					if rng.IntN(2) == 0 {
						_, waited := nodes[rng.IntN(3)].Wait(t.Context(), kindName, w.ID)
						err = errors.Join(err, waited)
					}
					if err != nil {
						t.Error(err)
					}
				}
			})
		}
		calls.Wait()
		close(ids)
		for id := range ids {
			w, err := nodes[0].Wait(t.Context(), kindName, id)
			if err != nil || w.State == syncline.WorkFailed || w.State == syncline.WorkStopped && !w.StopRequested {
				t.Errorf("%s ended as %+v, %v", id, w, err)
			}
			mu.Lock()
			if runs[id] > 1 {
				t.Errorf("%s ran %d times", id, runs[id])
			}
			mu.Unlock()
		}
		for _, n := range nodes {
			if l := n.Leases(); l.Lost != 0 || l.TakenOver != 0 || l.RenewalsFailed != 0 {
				t.Errorf("%s counted %+v", n.name, l)
			}
		}
	})
}
