package run

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/store"
)

// Store is where work is kept. The contract of the methods is that of store.Works.
type Store interface {
	AddWork(ctx context.Context, w store.Work) (store.Work, bool, error)
	AddWorkIf(ctx context.Context, w store.Work, check func(unended []store.Work) error) (store.Work, bool, error)
	Work(ctx context.Context, kind syncline.WorkKind, id syncline.ID) (store.Work, error)
	LatestWork(ctx context.Context, kind syncline.WorkKind) ([]store.Work, error)
	WorkPage(ctx context.Context, q store.WorkQuery) ([]store.Work, error)
	UnendedWork(ctx context.Context, kind syncline.WorkKind) ([]store.Work, error)
	TakeWork(ctx context.Context, t store.Taking) ([]store.Taken, error)
	RenewWork(ctx context.Context, owner string, length time.Duration, held []store.Held) ([]store.Renewed, error)
	ReturnWork(ctx context.Context, owner string, held []store.Held) error
	UpdateWork(ctx context.Context, w store.Work) error
	RequestStop(ctx context.Context, kind syncline.WorkKind, id syncline.ID) (store.Work, error)
	HoldWork(ctx context.Context, h store.Hold, length time.Duration) error
	RenewHold(ctx context.Context, id syncline.ID, length time.Duration) error
	DropHold(ctx context.Context, id syncline.ID) error
	AppendLog(ctx context.Context, work syncline.ID, epoch int64, items ...syncline.LogItem) error
	Log(ctx context.Context, kind syncline.WorkKind, work syncline.ID, limit, offset int) ([]syncline.LogItem, int, error)
	Thin(ctx context.Context, keep store.Keep) (more bool, err error)
}

// Wakes carries wake-ups between nodes. The contract of the methods is that of
// store.Wakes.
type Wakes interface {
	Wake(ctx context.Context, w store.Wake) error
	Wakes(ctx context.Context) <-chan store.Wake
}

// Service runs the work of a node. Its locks are taken in this order: starting, a
// task's own, mu.
type Service struct {
	Store Store
	// Node names this node in leases.
	Node string
	// Lease is how long a lease lasts that is not renewed. 0 is for a node that is alone
	// with its database: its leases have no end, and it takes all the work.
	Lease time.Duration
	// Wakes tells the nodes of one another's changes. Nil where Lease is 0.
	Wakes Wakes
	// NodeName names another node to people. Nil names it by its id.
	NodeName func(node string) string
	// Duty reports whether this node is the one that does what one node does at a
	// time. Nil is for a node that is alone.
	Duty   func(ctx context.Context, name string) bool
	Logger *slog.Logger
	Now    func() time.Time
	NewID  func() syncline.ID

	ctx     context.Context
	cancel  context.CancelFunc
	wg      sync.WaitGroup
	closing chan struct{} // closed with the service

	starting sync.RWMutex // held for writing by a removal that keeps new work out

	shown unrecorded // the true state of work that the store could not record
	fleet fleet      // what Lease needs
	count counters

	mu       sync.Mutex
	kinds    map[syncline.WorkKind]*kind
	running  map[syncline.ID]*Task
	leaving  map[syncline.ID]bool // repositories that are being removed
	held     map[hold]int         // work that may not start for now
	watchers map[syncline.ID]map[chan struct{}]bool
	closed   bool
	drains   bool // nothing new begins
}

// kind is a kind with the places that its work takes.
type kind struct {
	Kind
	queue *queue                        // nil for no bound
	busy  map[syncline.ID]chan struct{} // repositories with a body; closed when it ends
	took  atomic.Bool                   // the node of a fleet has taken what an earlier process held
}

var (
	errStopRequested = errors.New("stop requested")
	errShutdown      = errors.New("server is shutting down")
	errTaken         = errors.New("another node has taken the work over")
	errReturned      = errors.New("the node takes no new work")
)

// Open begins the service, and removes old work at once and every hour. A node that is
// alone resumes the work that a crash or a shutdown left unended, kind by kind, before
// Open returns. A node of a fleet begins to take work.
func (s *Service) Open(ctx context.Context, kinds ...Kind) error {
	s.mu.Lock() // Drain may be called meanwhile
	s.ctx, s.cancel = context.WithCancel(context.WithoutCancel(ctx))
	s.closing = make(chan struct{})
	s.kinds = make(map[syncline.WorkKind]*kind)
	s.running = make(map[syncline.ID]*Task)
	s.leaving = make(map[syncline.ID]bool)
	s.held = make(map[hold]int)
	s.watchers = make(map[syncline.ID]map[chan struct{}]bool)
	for _, k := range kinds {
		known := &kind{Kind: k, busy: make(map[syncline.ID]chan struct{})}
		if k.AtOnce > 0 {
			known.queue = newQueue(k.AtOnce, k.Patience)
		}
		s.kinds[k.Name] = known
	}
	s.fleet.places, s.fleet.soon = make(chan struct{}, 1), make(chan struct{}, 1)
	s.mu.Unlock()
	if s.Lease > 0 {
		s.join()
	} else if err := s.resumeAll(ctx, kinds); err != nil {
		s.Close()
		return err
	}
	s.prune(kinds)
	return nil
}

// Close stops what runs, and the removal of old work, and waits for their end. The work
// stays unended in the store, so that the next Open or another node resumes it.
func (s *Service) Close() {
	s.mu.Lock()
	if !s.closed {
		close(s.closing)
	}
	s.closed = true
	for _, t := range s.running {
		t.cancel(errShutdown)
	}
	s.mu.Unlock()
	s.cancel()
	s.wg.Wait()
	s.leave()
}

// Start adds work and starts it. It takes kind, repository, StartedBy, Node and Order
// from w. Where the kind is Alone, and work of the repository has not ended, Start
// returns that work. The work goes before the work of StartLater that waits for its
// turn.
func (s *Service) Start(ctx context.Context, w store.Work) (store.Work, error) {
	return s.StartIf(ctx, w, nil)
}

// StartIf is Start unless check returns an error for the unended work of the kind,
// oldest first. No other StartIf of the kind adds work meanwhile, on no node.
func (s *Service) StartIf(ctx context.Context, w store.Work, check func(unended []store.Work) error) (store.Work, error) {
	w.Urgent = true
	got, err := s.start(ctx, w, check)
	if err != nil {
		return got, err
	}
	s.mu.Lock()
	t := s.running[got.ID]
	s.mu.Unlock()
	if t != nil && t.kind.queue != nil { // also work that StartLater has started
		t.kind.queue.hurry(t.ticket)
	}
	return got, nil
}

// StartLater is Start for work that no user waits for.
func (s *Service) StartLater(ctx context.Context, w store.Work) (store.Work, error) {
	w.Urgent = false
	return s.start(ctx, w, nil)
}

func (s *Service) start(ctx context.Context, w store.Work, check func([]store.Work) error) (store.Work, error) {
	k := s.kinds[w.Kind]
	s.starting.RLock()
	defer s.starting.RUnlock()
	s.mu.Lock()
	leaving, held, drains := s.leaving[w.RepositoryID], s.held[hold{w.Kind, w.RepositoryID}] > 0, s.drains
	s.mu.Unlock()
	if leaving {
		return store.Work{}, k.refusal(store.ErrLeaving)
	}
	if held {
		return store.Work{}, k.refusal(store.ErrHeld)
	}
	w.ID, w.CreatedAt, w.Lease, w.Alone = s.NewID(), s.Now(), store.Lease{}, k.Alone
	if s.Lease == 0 && !drains {
		w.Owner = s.Node
	}
	for range 2 {
		shown := s.shown.now()
		got, added, err := s.add(ctx, w, shown, check)
		if err != nil {
			return store.Work{}, k.refusal(err)
		}
		switch {
		case added && got.Owner != "":
			return s.begin(ctx, k, got)
		case added:
			s.offer(k, got)
			return got, nil
		}
		if got = shown.asItIs(got); !got.State.Ended() {
			return got, nil
		}
		// It has ended, and the store does not know.
		if err := s.Store.UpdateWork(ctx, got); err != nil && syncline.CodeOf(err) != syncline.CodeConflict {
			return store.Work{}, syncline.WrapError(syncline.CodeOf(err), err, "the end of the repository's last %s cannot be recorded, so that no other one can start: %s", k.Noun, syncline.MessageOf(err))
		}
		s.shown.drop(got.ID)
	}
	return store.Work{}, syncline.Errorf(syncline.CodeUnavailable, "the repository's last %s is just being recorded as ended; try again", k.Noun)
}

// begin launches new work of a node that is alone. Where the node drains since a moment,
// the work waits without an owner.
func (s *Service) begin(ctx context.Context, k *kind, w store.Work) (store.Work, error) {
	if s.launch(k, launch{work: w}) || s.isClosed() {
		return w, nil
	}
	if err := s.Store.ReturnWork(context.WithoutCancel(ctx), s.Node, []store.Held{{ID: w.ID, Epoch: w.Epoch}}); err != nil {
		return store.Work{}, err
	}
	return s.Store.Work(ctx, w.Kind, w.ID)
}

func (s *Service) isClosed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed
}

func (s *Service) add(ctx context.Context, w store.Work, shown now, check func([]store.Work) error) (store.Work, bool, error) {
	if check == nil {
		return s.Store.AddWork(ctx, w)
	}
	return s.Store.AddWorkIf(ctx, w, func(unended []store.Work) error { return check(shown.unended(unended)) })
}

// refusal words why no work starts.
func (k *kind) refusal(err error) error {
	switch {
	case errors.Is(err, store.ErrLeaving):
		return syncline.WrapError(syncline.CodeConflict, err, "%s", k.Leaving)
	case errors.Is(err, store.ErrHeld):
		return syncline.WrapError(syncline.CodeConflict, err, "the repository is being changed, and no %s of it can start meanwhile; try again in a moment", k.Noun)
	}
	return err
}

// Stop records that work is to stop, and stops it, on whichever node it runs. Work that
// has ended is left alone.
func (s *Service) Stop(ctx context.Context, kind syncline.WorkKind, id syncline.ID) error {
	w, err := s.Store.RequestStop(ctx, kind, id)
	if err != nil || w.State.Ended() {
		return err
	}
	s.mu.Lock()
	t := s.running[id]
	s.mu.Unlock()
	if t != nil && t.epoch == w.Epoch {
		t.cancel(errStopRequested)
		return nil
	}
	s.tell(store.Wake{Topic: store.TopicStop, ID: id})
	if s.Lease > 0 && !s.kinds[kind].took.Load() {
		poke(s.fleet.places) // the first taking brings it, too
		return nil
	}
	if err := s.take(ctx, s.kinds[kind], store.Taking{ID: id, Stopping: true}, false); err != nil {
		s.Logger.Warn("cannot end work that nobody runs; a node does so later", "id", id, "error", err)
	}
	return nil
}

// Watch returns a channel that is signaled at every change of a piece of work. The
// channel holds one signal; the watcher then reads the work. The function ends the
// watch.
func (s *Service) Watch(id syncline.ID) (<-chan struct{}, func()) {
	ch := make(chan struct{}, 1)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.watchers[id] == nil {
		s.watchers[id] = make(map[chan struct{}]bool)
	}
	s.watchers[id][ch] = true
	return ch, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.watchers[id], ch)
		if len(s.watchers[id]) == 0 {
			delete(s.watchers, id)
		}
	}
}

// notify tells everyone who watches a piece of work, on each node.
func (s *Service) notify(id syncline.ID) {
	s.signal(id)
	s.tell(store.Wake{Topic: store.TopicWork, ID: id})
}

// signal tells those who watch on this node.
func (s *Service) signal(id syncline.ID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for ch := range s.watchers[id] {
		select {
		case ch <- struct{}{}:
		default:
		}
	}
}

// Wait returns work when it has ended.
func (s *Service) Wait(ctx context.Context, kind syncline.WorkKind, id syncline.ID) (store.Work, error) {
	changed, end := s.Watch(id)
	defer end()
	for {
		w, err := s.Get(ctx, kind, id)
		if err != nil || w.State.Ended() {
			return w, err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return w, ctx.Err()
		}
	}
}
