package run

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/store"
)

// Store is where work is kept. The contract of the methods is that of store.Works.
type Store interface {
	AddWork(ctx context.Context, w store.Work) (store.Work, bool, error)
	Work(ctx context.Context, kind syncline.WorkKind, id syncline.ID) (store.Work, error)
	LatestWork(ctx context.Context, kind syncline.WorkKind) ([]store.Work, error)
	WorkPage(ctx context.Context, q store.WorkQuery) ([]store.Work, error)
	UnendedWork(ctx context.Context, kind syncline.WorkKind) ([]store.Work, error)
	TakeWork(ctx context.Context, t store.Taking) ([]store.Work, error)
	UpdateWork(ctx context.Context, w store.Work) error
	RequestStop(ctx context.Context, kind syncline.WorkKind, id syncline.ID) (store.Work, error)
	AppendLog(ctx context.Context, work syncline.ID, epoch int64, items ...syncline.LogItem) error
	Log(ctx context.Context, kind syncline.WorkKind, work syncline.ID, limit, offset int) ([]syncline.LogItem, int, error)
	Thin(ctx context.Context, keep store.Keep) (more bool, err error)
}

// Service runs the work of a node. Its locks are taken in this order: starting, a
// task's own, mu.
type Service struct {
	Store Store
	// Node names this node in leases. Leases have no end: the node is alone.
	Node   string
	Logger *slog.Logger
	Now    func() time.Time
	NewID  func() syncline.ID

	ctx     context.Context
	cancel  context.CancelFunc
	wg      sync.WaitGroup
	closing chan struct{} // closed with the service

	starting sync.RWMutex // held for writing by a removal that keeps new work out

	shown unrecorded // the true state of work that the store could not record

	mu       sync.Mutex
	kinds    map[syncline.WorkKind]*kind
	running  map[syncline.ID]*Task
	leaving  map[syncline.ID]bool // repositories that are being removed
	held     map[hold]int         // work that may not start for now
	watchers map[syncline.ID]map[chan struct{}]bool
	closed   bool
}

// kind is a kind with the places that its work takes.
type kind struct {
	Kind
	queue *queue                        // nil for no bound
	busy  map[syncline.ID]chan struct{} // repositories with a body; closed when it ends
}

var (
	errStopRequested = errors.New("stop requested")
	errShutdown      = errors.New("server is shutting down")
	errTaken         = errors.New("another node has taken the work over")
)

// Open begins the service. It resumes the work that a crash or a shutdown left
// unended, kind by kind, and removes old work at once and every hour.
func (s *Service) Open(ctx context.Context, kinds ...Kind) error {
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
	for _, k := range kinds {
		left, err := s.take(ctx, k.Name)
		if err != nil {
			s.Close()
			return err
		}
		for _, w := range left {
			s.resume(ctx, s.kinds[k.Name], w)
		}
	}
	s.prune(kinds)
	return nil
}

// take gives this node the work of a kind that was left unended. Where the store has no
// room for a new lease, the node goes on with the work whose lease it has: a full disk
// keeps no server from starting.
func (s *Service) take(ctx context.Context, kind syncline.WorkKind) ([]store.Work, error) {
	left, failure := s.Store.TakeWork(ctx, store.Taking{Kind: kind, Owner: s.Node, Now: s.Now()})
	if syncline.CodeOf(failure) != syncline.CodeUnavailable {
		return left, failure
	}
	left, err := s.Store.UnendedWork(ctx, kind)
	if err != nil {
		return nil, failure
	}
	s.Logger.Error("cannot take new leases of unended work", "error", failure)
	return slices.DeleteFunc(left, func(w store.Work) bool { return w.Owner != s.Node }), nil
}

// resume launches work that was left unended. Work whose order cannot be read ends as
// failed.
func (s *Service) resume(ctx context.Context, k *kind, w store.Work) {
	var err error
	if k.Check != nil {
		err = k.Check(w)
	}
	if err == nil {
		s.launch(k, w, true, false)
		return
	}
	s.Logger.Error("work cannot be resumed", "kind", k.Noun, "id", w.ID, "error", err)
	w.State, w.Error, w.EndedAt = syncline.WorkFailed, syncline.MessageOf(err), s.Now()
	w.Progress = min(w.Progress, percentLast)
	if k.Ended != nil {
		k.Ended(w.Work)
	}
	if err := s.Store.UpdateWork(ctx, w); err != nil {
		s.Logger.Error("cannot record the end of work", "kind", k.Noun, "id", w.ID, "error", err)
		s.shown.put(w)
	}
}

// Close stops what runs, and the removal of old work, and waits for their end. The work
// stays unended in the store, so that the next Open resumes it.
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
}

// Start adds work and starts it. It takes kind, repository, StartedBy and Order from w.
// Where the kind is Alone, and work of the repository has not ended, Start returns that
// work. The work goes before the work of StartLater that waits for its turn.
func (s *Service) Start(ctx context.Context, w store.Work) (store.Work, error) {
	got, err := s.start(ctx, w, true)
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
	return s.start(ctx, w, false)
}

func (s *Service) start(ctx context.Context, w store.Work, urgent bool) (store.Work, error) {
	k := s.kinds[w.Kind]
	s.starting.RLock()
	defer s.starting.RUnlock()
	s.mu.Lock()
	leaving, held := s.leaving[w.RepositoryID], s.held[hold{w.Kind, w.RepositoryID}] > 0
	s.mu.Unlock()
	if leaving {
		return store.Work{}, syncline.Errorf(syncline.CodeConflict, "%s", k.Leaving)
	}
	if held {
		return store.Work{}, syncline.Errorf(syncline.CodeConflict, "the repository is being changed, and no %s of it can start meanwhile; try again in a moment", k.Noun)
	}
	w.ID, w.CreatedAt, w.Owner, w.Alone = s.NewID(), s.Now(), s.Node, k.Alone
	for range 2 {
		got, added, err := s.Store.AddWork(ctx, w)
		if err != nil {
			return store.Work{}, err
		}
		if added {
			s.launch(k, got, false, urgent)
			return got, nil
		}
		if got = s.asItIs(got); !got.State.Ended() {
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

// Stop records that work is to stop, and stops it. Work that has ended is left alone.
func (s *Service) Stop(ctx context.Context, kind syncline.WorkKind, id syncline.ID) error {
	w, err := s.Store.RequestStop(ctx, kind, id)
	if err != nil || w.State.Ended() {
		return err
	}
	s.mu.Lock()
	t := s.running[id]
	s.mu.Unlock()
	if t != nil {
		t.cancel(errStopRequested)
	}
	return nil
}

// Forget stops a repository's work, waits for its end, has every kind forget the
// repository, and calls remove, which removes the repository itself. No work of the
// repository starts meanwhile. Where remove fails, the repository can be used again,
// but the kinds have lost what they kept of it.
func (s *Service) Forget(ctx context.Context, repository syncline.ID, remove func(context.Context) error) error {
	ended, err := s.keepOut(repository)
	if err != nil {
		return err
	}
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.leaving, repository)
	}()
	for _, done := range ended {
		select {
		case <-done:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	for _, k := range s.kinds {
		if k.Forget == nil {
			continue
		}
		if err := k.Forget(ctx, repository); err != nil {
			return err
		}
	}
	return remove(ctx)
}

// keepOut lets no work of a repository start any more, stops the work that runs, and
// returns the channels that are closed when it has ended.
func (s *Service) keepOut(repository syncline.ID) (ended []chan struct{}, err error) {
	s.starting.Lock()
	defer s.starting.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.leaving[repository] {
		return nil, syncline.Errorf(syncline.CodeConflict, "the repository is being removed already")
	}
	s.leaving[repository] = true
	for _, t := range s.running {
		if t.repository != repository {
			continue
		}
		t.cancel(errStopRequested)
		select {
		case <-t.removed: // closed by an earlier removal that failed
		default:
			close(t.removed)
		}
		ended = append(ended, t.done)
	}
	return ended, nil
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

func (s *Service) notify(id syncline.ID) {
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
