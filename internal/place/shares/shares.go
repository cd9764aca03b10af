// Package shares keeps the nodes of a fleet within the limits of accounts. Each node has
// a part of an account's connections and bytes a second, as a lease of the database. It
// knows nothing of how the database divides the limits.
//
// # A node's part
//
// A node asks for a part when the first file is to be opened with the account, and every
// five seconds while it uses the account. It opens no more files than its part has. A
// node that is to reduce itself opens no files until few enough are open, and then says
// so. So the parts of all nodes together never exceed the limits. A node that does not
// reach the database ends its reads before its lease ends.
package shares

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/storage"
	"syncline.dev/syncline/internal/store"
)

const (
	// Lease is how long a node has its part without asking again.
	Lease = 15 * time.Second
	// margin is how long before the end of the lease the node ends its reads.
	margin = time.Second
	// renewEvery is how often a node asks, and soon where its part is to change.
	renewEvery = 5 * time.Second
	soon       = time.Second
	// callTime bounds a call of the database.
	callTime = 4 * time.Second
	// idleRounds is how often a node asks without any demand before it leaves.
	idleRounds = 2
)

// Service divides accounts among nodes. Run has to run for anything to be read.
type Service struct {
	store  store.AccountUses
	node   string
	logger *slog.Logger
	wake   chan struct{}
	calls  sync.WaitGroup

	mu       sync.Mutex
	accounts map[syncline.ID]*account
}

// New returns the service of a node.
func New(s store.AccountUses, node string, logger *slog.Logger) *Service {
	return &Service{store: s, node: node, logger: logger, wake: make(chan struct{}, 1), accounts: make(map[syncline.ID]*account)}
}

// account is a node's use of an account. The service's lock guards all but the limiter,
// and a call under way has the account for itself but for the end of the lease.
type account struct {
	id      syncline.ID
	limiter *storage.Limiter
	needed  bool // more files are wanted than may be open

	has, target store.AccountPart
	limits      syncline.Limits
	until       time.Time // when the part ends, zero for none
	due         time.Time // of the next call, zero for none
	last        time.Time // when the last call began
	idle        int       // rounds without demand
	calling     bool
}

// Limiter returns the limiter of an account, whose options count until the database
// answers.
func (s *Service) Limiter(id syncline.ID, o storage.LimitOptions) *storage.Limiter {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.accounts[id]
	if a == nil {
		a = &account{id: id, limiter: storage.NewLimiter(o)}
		need := make(chan struct{}, 1)
		a.limiter.Share(func() {
			select {
			case need <- struct{}{}:
				go s.need(a, need) // the limiter is locked now
			default:
			}
		})
		s.accounts[id] = a
	}
	return a.limiter
}

// need has the account asked for soon.
func (s *Service) need(a *account, signal chan struct{}) {
	s.mu.Lock()
	<-signal
	a.needed = true
	s.mu.Unlock()
	s.signal()
}

// Changed has the node ask anew, because somebody changed an account's limits.
func (s *Service) Changed(id syncline.ID) {
	s.mu.Lock()
	if a := s.accounts[id]; a != nil && !a.due.IsZero() {
		a.due = time.Now()
	}
	s.mu.Unlock()
	s.signal()
}

// Remembered returns the accounts that were used.
func (s *Service) Remembered() []syncline.ID {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Collect(maps.Keys(s.accounts))
}

// Forget drops an account that is removed.
func (s *Service) Forget(id syncline.ID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.accounts, id)
}

func (s *Service) signal() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// Run asks for parts until ctx ends, and then gives all of them back.
func (s *Service) Run(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-timer.C:
		case <-s.wake:
		case <-ctx.Done():
			s.calls.Wait()
			s.leaveAll(context.WithoutCancel(ctx))
			return
		}
		timer.Reset(s.look(ctx))
	}
}

// look ends the parts whose time is over and begins the calls that are due. It returns
// how long nothing else is to be done.
func (s *Service) look(ctx context.Context) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	now, next := time.Now(), time.Now().Add(time.Hour)
	for _, a := range s.accounts {
		if a.needed {
			a.needed = false
			if at := later(now, a.last.Add(soon)); a.due.IsZero() || at.Before(a.due) {
				a.due = at
			}
		}
		if !a.until.IsZero() && !now.Before(a.until) {
			s.expire(a)
		}
		if !a.calling && !a.due.IsZero() && !now.Before(a.due) {
			a.calling, a.last = true, now
			s.calls.Go(func() { s.call(ctx, a) })
		}
		next = a.earliest(next)
	}
	return time.Until(next)
}

// earliest returns when the account is to be looked at, at the latest at next.
func (a *account) earliest(next time.Time) time.Time {
	if !a.until.IsZero() && a.until.Before(next) {
		next = a.until
	}
	if !a.calling && !a.due.IsZero() && a.due.Before(next) {
		next = a.due
	}
	return next
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// expire ends a part that could not be renewed.
func (s *Service) expire(a *account) {
	s.logger.Warn("the connections of an account end, because the database that divides them cannot be reached", "account", a.id)
	a.end()
	a.limiter.Cut(0)
}

// end leaves the node without a part.
func (a *account) end() {
	a.has, a.target, a.until = store.AccountPart{}, store.AccountPart{}, time.Time{}
	a.apply(a.has)
}

// apply has the limiter keep to a part. A part without a rate of bounded bytes is none: a
// read would wait for a time that no later part shortens.
func (a *account) apply(p store.AccountPart) {
	bytes := 0
	if a.limits.BytesPerSecond > 0 {
		bytes = int(max(1, float64(a.limits.BytesPerSecond)*float64(p.Rate)/store.AllRate))
		if p.Rate == 0 {
			p.Connections = 0
		}
	}
	a.limiter.SetShare(a.limits.Connections, p.Connections, bytes)
}

// within is what the node has and may keep.
func (a *account) within() store.AccountPart {
	return store.AccountPart{Connections: min(a.has.Connections, a.target.Connections), Rate: min(a.has.Rate, a.target.Rate)}
}

// reduce is the part that the node may use from this moment on, until the answer.
func (a *account) reduce() (holds store.AccountPart, wants int) {
	holds = a.within()
	a.apply(holds)
	open, wants := a.limiter.Demand()
	holds.Connections = max(holds.Connections, min(open, a.has.Connections))
	return holds, wants
}

// call asks for a part, or gives the part back.
func (s *Service) call(ctx context.Context, a *account) {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	s.mu.Lock()
	sent := time.Now()
	holds, wants := a.reduce()
	if a.idle++; wants > 0 {
		a.idle = 0
	}
	leaves := a.idle >= idleRounds && s.close(a)
	s.mu.Unlock()
	if leaves {
		s.leave(ctx, a)
		return
	}
	share, err := s.store.ShareAccount(ctx, store.AccountUse{
		Account: a.id, Node: s.node, Holds: holds, Wants: wants, Default: storage.DefaultConcurrent, Length: Lease,
	})
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.signal()
	a.calling = false
	now := time.Now()
	switch {
	case syncline.CodeOf(err) == syncline.CodeNotFound:
		a.end()
		a.limiter.Cut(0)
		delete(s.accounts, a.id)
		return
	case err != nil:
		a.due = now.Add(soon)
		return
	case now.Sub(sent) >= Lease-margin:
		a.due = now // the answer comes too late to be used
		return
	}
	s.take(a, share, sent, wants)
}

// take puts an answer to use.
func (s *Service) take(a *account, share store.AccountShare, sent time.Time, wants int) {
	a.has, a.target, a.limits = share.Has, share.Target, share.Limits
	a.until = sent.Add(Lease - margin)
	a.apply(a.within())
	a.limiter.Cut(a.has.Connections) // what the node has lost, if anything
	a.due = sent.Add(renewEvery)
	if a.has != a.target || wants > a.has.Connections && a.has.Connections == 0 {
		a.due = sent.Add(soon)
	}
}

// close takes all connections from an account that nobody uses. It reports whether
// nobody does.
func (s *Service) close(a *account) bool {
	a.limiter.SetShare(a.limits.Connections, 0, 0)
	if open, wanted := a.limiter.Demand(); open > 0 || wanted > 0 {
		a.idle = 0
		a.apply(a.within())
		return false
	}
	a.end()
	a.due, a.idle = time.Time{}, 0
	return true
}

// leave gives the part back. Where that fails, it ends with its time.
func (s *Service) leave(ctx context.Context, a *account) {
	if err := s.store.LeaveAccount(ctx, a.id, s.node); err != nil {
		s.logger.Debug("a part of an account's limits is not given back", "account", a.id, "error", err)
	}
	s.mu.Lock()
	a.calling = false
	s.mu.Unlock()
	s.signal()
}

// leaveAll ends all reads and gives all parts back.
func (s *Service) leaveAll(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	s.mu.Lock()
	var held []*account
	for _, a := range s.accounts {
		if !a.until.IsZero() {
			held = append(held, a)
		}
		a.end()
		a.limiter.Cut(0)
	}
	s.mu.Unlock()
	for _, a := range held {
		s.leave(ctx, a)
	}
}
