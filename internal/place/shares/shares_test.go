package shares

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/storage"
	"syncline.dev/syncline/internal/store"
)

const accountID = syncline.ID("account")

// world is a database and a storage that several nodes use with one account.
type world struct {
	t      *testing.T
	mu     sync.Mutex
	random *rand.Rand
	limits syncline.Limits
	users  []user
	away   map[string]bool // nodes without the database
	asked  int

	open   []*file
	most   int           // files open at once so far
	cut    int           // reads that did not come to their end
	least  time.Duration // of a read
	bound  func() int
	served map[string]int
}

type user struct {
	store.AccountUser
	until time.Time
}

func newWorld(t *testing.T, connections int) *world {
	w := &world{
		t: t, random: rand.New(rand.NewPCG(22, uint64(connections))), limits: syncline.Limits{Connections: connections},
		away: map[string]bool{}, served: map[string]int{},
	}
	w.bound = func() int { return w.limits.Connections }
	return w
}

// pause lets a part of a time pass.
func (w *world) pause(ctx context.Context, most time.Duration) {
	w.mu.Lock()
	d := time.Duration(w.random.Int64N(int64(most)))
	w.mu.Unlock()
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

var errAway = syncline.Errorf(syncline.CodeUnavailable, "the database cannot be reached")

// ShareAccount implements store.AccountUses as the databases do, over a slow network.
func (w *world) ShareAccount(ctx context.Context, u store.AccountUse) (share store.AccountShare, err error) {
	w.pause(ctx, 50*time.Millisecond)
	defer w.pause(ctx, 50*time.Millisecond)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.asked++; w.away[u.Node] {
		return share, errAway
	}
	now := time.Now()
	w.users = slices.DeleteFunc(w.users, func(x user) bool { return !x.until.After(now) })
	me := slices.IndexFunc(w.users, func(x user) bool { return x.Node == u.Node })
	if me < 0 {
		me, w.users = len(w.users), append(w.users, user{AccountUser: store.AccountUser{Node: u.Node, Since: now}})
	}
	w.users[me].Wants = u.Wants
	all := make([]store.AccountUser, len(w.users))
	for i := range w.users {
		all[i] = w.users[i].AccountUser
	}
	share.Limits = w.limits
	share.Has.Connections, share.Target.Connections = store.Divide(all, me, w.limits.Connections, u.Holds.Connections, now)
	share.Has.Rate, share.Target.Rate = store.DivideRate(all, me, u.Holds.Rate)
	if (w.users[me].Has.Connections > 0) != (share.Has.Connections > 0) {
		w.users[me].Since = now
	}
	w.users[me].Has, w.users[me].until = share.Has, now.Add(u.Length)
	return share, nil
}

// LeaveAccount implements store.AccountUses.
func (w *world) LeaveAccount(_ context.Context, _ syncline.ID, node string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.away[node] {
		return errAway
	}
	w.users = slices.DeleteFunc(w.users, func(x user) bool { return x.Node == node })
	return nil
}

// file is an open file. Its connection ends with its context.
type file struct {
	ctx    context.Context
	world  *world
	closed bool
	ends   <-chan time.Time
}

// disk is the storage as a node sees it.
type disk struct {
	*world
	node string
}

func (d disk) List(context.Context, string, func(string, int64) error) error { return nil }

func (d disk) Open(ctx context.Context, _ string, _, _ int64) (io.ReadCloser, error) {
	w := d.world
	w.mu.Lock()
	defer w.mu.Unlock()
	w.open = slices.DeleteFunc(w.open, func(f *file) bool { return f.closed || f.ctx.Err() != nil })
	f := &file{ctx: ctx, world: w, ends: time.After(w.least + time.Duration(w.random.Int64N(int64(2*time.Second))))}
	w.open = append(w.open, f)
	w.most = max(w.most, len(w.open))
	w.served[d.node]++
	if n := len(w.open); n > w.bound() {
		w.t.Errorf("%v: %d files are open, of %d", time.Now(), n, w.bound())
	}
	return f, nil
}

func (f *file) Read([]byte) (int, error) {
	select {
	case <-f.ends:
		return 0, io.EOF
	case <-f.ctx.Done():
		f.world.locked(func() { f.world.cut++ })
		return 0, f.ctx.Err()
	}
}

func (f *file) Close() error {
	f.world.mu.Lock()
	defer f.world.mu.Unlock()
	f.closed = true
	return nil
}

// node is a node that reads all the time.
type node struct {
	*Service
	kill context.CancelFunc
	done sync.WaitGroup
}

// start starts a node with so many readers.
func (w *world) start(name string, readers int) *node {
	ctx, cancel := context.WithCancel(w.t.Context())
	n := &node{Service: New(w, name, slog.New(slog.DiscardHandler)), kill: cancel}
	n.done.Go(func() { n.Run(ctx) })
	st := storage.NewRetry(n.Limiter(accountID, storage.LimitOptions{}).Wrap(disk{w, name}), storage.RetryOptions{})
	for range readers {
		n.done.Go(func() {
			for ctx.Err() == nil {
				if r, err := st.Open(ctx, "file", 0, -1); err == nil {
					_, _ = io.Copy(io.Discard, r)
					_ = r.Close()
				}
				w.pause(ctx, time.Second)
			}
		})
	}
	return n
}

// stop ends a node in order, or with its connections and without a word.
func (w *world) stop(name string, n *node, dies bool) {
	w.mu.Lock()
	w.away[name] = w.away[name] || dies
	w.mu.Unlock()
	n.kill()
	n.done.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.away, name)
}

func (w *world) pass(d time.Duration) { <-time.After(d) }

func (w *world) locked(fn func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	fn()
}

// The files that all nodes have open at once are never more than the account's
// connections, while nodes come, die, lose the database, and the limit changes.
func TestNeverMoreThanTheWhole(t *testing.T) {
	for _, connections := range []int{1, 2, 3, 5, 8, 13, 32} {
		t.Run(fmt.Sprint(connections), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, connections)
				before, changed := 0, time.Time{}
				w.bound = func() int { // a lower limit holds when every node has asked, or lost its part
					if time.Since(changed) < Lease+3*time.Second {
						return max(before, w.limits.Connections)
					}
					return w.limits.Connections
				}
				nodes := map[string]*node{}
				for range 150 {
					var what int
					var name string
					var readers int
					w.locked(func() {
						what, name, readers = w.random.IntN(6), fmt.Sprint("node ", w.random.IntN(4)), 1+w.random.IntN(12)
					})
					n := nodes[name]
					switch {
					case n == nil:
						nodes[name] = w.start(name, readers)
					case what == 0:
						w.stop(name, n, true)
						delete(nodes, name)
					case what == 1:
						w.stop(name, n, false)
						delete(nodes, name)
					case what == 2:
						w.locked(func() { w.away[name] = !w.away[name] })
					case what == 3:
						w.locked(func() {
							before, changed = w.bound(), time.Now()
							w.limits.Connections = 1 + w.random.IntN(2*connections)
						})
					}
					w.pause(t.Context(), 6*time.Second)
				}
				for name, n := range nodes {
					w.stop(name, n, false)
				}
				if len(w.served) != 4 || w.most < min(connections, 3) {
					t.Errorf("%d files at once at most; served %v", w.most, w.served)
				}
			})
		})
	}
}

// Two nodes share equally. A node that joins soon has its part, and a node that dies
// leaves its part to the other.
func TestFairShares(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 8)
		w.least = renewEvery
		one := w.start("one", 20)
		w.pass(time.Minute)
		part := func(n *node) store.AccountPart {
			n.mu.Lock()
			defer n.mu.Unlock()
			return n.accounts[accountID].has
		}
		if has := part(one); has.Connections != 8 || has.Rate != store.AllRate {
			t.Errorf("alone it has %+v", has)
		}
		two := w.start("two", 20)
		w.pass(4 * renewEvery)
		half := store.AccountPart{Connections: 4, Rate: store.AllRate / 2}
		if part(one) != half || part(two) != half {
			t.Errorf("together they have %+v and %+v", part(one), part(two))
		}
		w.locked(func() {
			if w.cut != 0 {
				t.Errorf("%d reads were cut, although the nodes had time to reduce themselves", w.cut)
			}
		})
		w.stop("two", two, true)
		w.pass(Lease + 4*renewEvery)
		if has := part(one); has.Connections != 8 {
			t.Errorf("after the other's death it has %+v", has)
		}
		w.stop("one", one, false)
		if len(w.users) != 0 {
			t.Errorf("left behind: %+v", w.users)
		}
	})
}

// More nodes than connections take turns, and each of them reads.
func TestNodesTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 2)
		nodes := map[string]*node{}
		for i := range 5 {
			name := fmt.Sprint(i)
			nodes[name] = w.start(name, 4)
		}
		w.pass(5 * time.Minute)
		for name, n := range nodes {
			w.stop(name, n, false)
		}
		for name := range nodes {
			if w.served[name] < 20 {
				t.Errorf("served %v", w.served)
			}
		}
	})
}

// A node that loses the database ends its reads before its lease ends, and goes on when
// the database is back.
func TestLostDatabase(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 4)
		n := w.start("node", 8)
		w.pass(time.Minute)
		w.locked(func() { w.away["node"] = true })
		w.pass(Lease)
		w.locked(func() { w.served["node"] = 0 })
		w.pass(time.Minute)
		w.locked(func() {
			if w.served["node"] != 0 {
				t.Errorf("%d files were opened without the database", w.served["node"])
			}
			w.away["node"] = false
		})
		w.pass(time.Minute)
		w.locked(func() {
			if w.served["node"] == 0 {
				t.Error("nothing is read after the return of the database")
			}
		})
		w.stop("node", n, false)
	})
}

// A node that has nothing to read leaves, and asks the database for nothing.
func TestIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 4)
		n := w.start("node", 0)
		st := n.Limiter(accountID, storage.LimitOptions{}).Wrap(disk{w, "node"})
		for range 2 {
			r, err := st.Open(t.Context(), "file", 0, -1)
			if err != nil {
				t.Fatal(err)
			}
			_, _ = io.Copy(io.Discard, r)
			_ = r.Close()
			w.pass(time.Hour)
			w.locked(func() {
				if len(w.users) != 0 || w.asked > 10 {
					t.Errorf("asked %d times, and left %+v", w.asked, w.users)
				}
			})
		}
		w.stop("node", n, false)
	})
}

// The bytes a second of two nodes together are the account's.
func TestRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 4)
		w.limits.BytesPerSecond = 1 << 20
		read := 0
		ctx, cancel := context.WithCancel(t.Context())
		var done sync.WaitGroup
		for _, name := range []string{"one", "two"} {
			s := New(w, name, slog.New(slog.DiscardHandler))
			done.Go(func() { s.Run(ctx) })
			st := s.Limiter(accountID, storage.LimitOptions{}).Wrap(endless{})
			for range 3 {
				done.Go(func() {
					r, err := st.Open(ctx, "file", 0, -1)
					if err != nil {
						return
					}
					defer r.Close()
					buffer := make([]byte, 64<<10)
					for ctx.Err() == nil {
						n, err := r.Read(buffer)
						if err != nil {
							return
						}
						w.locked(func() { read += n })
					}
				})
			}
		}
		w.pass(time.Minute)
		w.locked(func() { read = 0 })
		w.pass(100 * time.Second)
		w.locked(func() {
			if read > 101<<20 || read < 90<<20 {
				t.Errorf("%d bytes in 100 s, with a bound of %d", read, 100<<20)
			}
		})
		cancel()
		done.Wait()
	})
}

// endless is a storage whose files have no end.
type endless struct{}

func (endless) List(context.Context, string, func(string, int64) error) error { return nil }

func (endless) Open(context.Context, string, int64, int64) (io.ReadCloser, error) {
	return io.NopCloser(zeros{}), nil
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }
