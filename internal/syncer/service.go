package syncer

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/catalog"
	"syncline.dev/syncline/internal/place"
	"syncline.dev/syncline/internal/unrecorded"
)

// Repositories is what the service reads and marks of the repositories.
type Repositories interface {
	Repository(ctx context.Context, id syncline.ID) (syncline.Repository, error)
	SetOutOfSync(ctx context.Context, id syncline.ID, outOfSync bool) error
	SetSynchronized(ctx context.Context, id syncline.ID, catalog syncline.CatalogMark) error
}

// Sessions is where sessions are recorded.
type Sessions interface {
	StartSession(ctx context.Context, s syncline.Session) (syncline.Session, bool, error)
	Session(ctx context.Context, id syncline.ID) (syncline.Session, error)
	UnendedSessions(ctx context.Context) ([]syncline.Session, error)
	UpdateSession(ctx context.Context, s syncline.Session) error
	RequestStop(ctx context.Context, id syncline.ID) (syncline.Session, error)
	AppendLog(ctx context.Context, session syncline.ID, items ...syncline.LogItem) error
}

// Catalogs holds the repositories' catalogs.
type Catalogs interface {
	// Use runs fn with the repository's catalog, which it creates where there is
	// none.
	Use(ctx context.Context, repository syncline.ID, fn func(*catalog.Catalog) error) error
	// Renew throws a damaged catalog away; the next Use begins with an empty
	// one.
	Renew(ctx context.Context, repository syncline.ID) error
	// Damaged reports whether the catalog was found damaged.
	Damaged(repository syncline.ID) bool
	// Trim gives back the room that the catalog takes and nobody needs. A catalog
	// that shows nothing goes as a whole.
	Trim(ctx context.Context, repository syncline.ID) error
	// Delete forgets the catalog and its files.
	Delete(ctx context.Context, repository syncline.ID) error
}

// Source opens a repository for one session. opened is what Params needs of it.
type Source interface {
	Open(ctx context.Context, r syncline.Repository, log func(syncline.LogLevel, string)) (Params, error)
	// Forget drops what was kept of a repository between sessions.
	Forget(r syncline.ID)
}

// Service runs the server's sessions: any number of repositories at once, one
// session each. What a session does is recorded before anyone is told.
//
// Stop ends a session within stopGrace even when its storage hangs: the
// session is recorded as stopped, and the abandoned run can only finish
// reading. A next session of the same repository stays queued until it has.
type Service struct {
	Repositories Repositories
	Sessions     Sessions
	Catalogs     Catalogs
	Source       Source
	Logger       *slog.Logger
	Now          func() time.Time
	NewID        func() syncline.ID
	// Settle is called after the work of a large session, before anyone is told that it
	// has ended: memory is given up then. Nil for nothing.
	Settle func()

	ctx    context.Context
	cancel context.CancelFunc
	wg     sync.WaitGroup

	starting sync.RWMutex // held for writing by who keeps new sessions out

	shown unrecorded.Set[syncline.Session] // as they are, where the store could not take it

	mu       sync.Mutex
	running  map[syncline.ID]*task // by session
	leaving  map[syncline.ID]bool  // repositories that are being removed
	busy     map[syncline.ID]chan struct{}
	watchers map[syncline.ID]map[chan struct{}]bool
	closed   bool
	closing  chan struct{} // closed with the service
}

// largeSession is how many trees it takes to leave much garbage. It is a variable for
// tests.
var largeSession int64 = 10_000

// stopGrace is how long a stopped session may take to end by itself.
const stopGrace = 4 * time.Second

// task is a session in this process.
type task struct {
	repository syncline.ID
	cancel     context.CancelCauseFunc
	removed    chan struct{} // closed when the repository is being removed
	done       chan struct{} // closed when the session is recorded as ended, or given up
}

var (
	errStopRequested = errors.New("stop requested")
	errShutdown      = errors.New("server is shutting down")
)

// Open begins the service and continues the sessions that a crash or a
// shutdown left unended, under their own ids.
func (s *Service) Open(ctx context.Context) error {
	s.ctx, s.cancel = context.WithCancel(context.WithoutCancel(ctx))
	s.running = make(map[syncline.ID]*task)
	s.leaving = make(map[syncline.ID]bool)
	s.closing = make(chan struct{})
	s.busy = make(map[syncline.ID]chan struct{})
	s.watchers = make(map[syncline.ID]map[chan struct{}]bool)
	left, err := s.Sessions.UnendedSessions(ctx)
	if err != nil {
		return err
	}
	for _, session := range left {
		s.launch(session, true)
	}
	return nil
}

// Close stops what runs and waits for it. The sessions stay unended in the
// store, so that the next Open continues them.
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
	s.wg.Wait()
	s.cancel()
}

// Start starts a session for a repository, or returns the one that runs.
func (s *Service) Start(ctx context.Context, repository syncline.ID) (syncline.Session, error) {
	s.starting.RLock()
	defer s.starting.RUnlock()
	s.mu.Lock()
	leaving := s.leaving[repository]
	s.mu.Unlock()
	if leaving {
		return syncline.Session{}, syncline.Errorf(syncline.CodeConflict, "the repository is being removed; no session of it can be started")
	}
	for range 2 {
		session, started, err := s.Sessions.StartSession(ctx, syncline.Session{
			ID: s.NewID(), RepositoryID: repository, State: syncline.SessionQueued, CreatedAt: s.Now(),
		})
		if err != nil {
			return session, err
		}
		if started {
			s.launch(session, false)
			return session, nil
		}
		if session = s.AsItIs(session); !session.State.Ended() {
			return session, nil
		}
		// It has ended, and the store does not know.
		if err := s.Sessions.UpdateSession(ctx, session); err != nil && syncline.CodeOf(err) != syncline.CodeConflict {
			return syncline.Session{}, syncline.WrapError(syncline.CodeOf(err), err, "the end of the repository's last session cannot be recorded, so that no other one can start: %s", syncline.MessageOf(err))
		}
		s.shown.Drop(session.ID)
	}
	return syncline.Session{}, syncline.Errorf(syncline.CodeUnavailable, "the repository's last session is just being recorded as ended; try again")
}

// AsItIs returns a session as it is, where the store could not take what became of
// it.
func (s *Service) AsItIs(stored syncline.Session) syncline.Session {
	now, ok := s.shown.Get(stored.ID)
	if !ok || stored.State.Ended() {
		return stored
	}
	now.StopRequested = stored.StopRequested
	return now
}

// Stop records that a session is to stop, and stops it. A session that has
// ended is left alone.
func (s *Service) Stop(ctx context.Context, id syncline.ID) error {
	session, err := s.Sessions.RequestStop(ctx, id)
	if err != nil || session.State.Ended() {
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

// Forget stops a repository's session, waits for its end, deletes its catalog
// and calls remove, which is to remove the repository itself. No session of the
// repository starts meanwhile. The stored backups are not touched. Should remove
// fail, the repository has an empty catalog.
func (s *Service) Forget(ctx context.Context, repository syncline.ID, remove func(context.Context) error) error {
	waits, err := s.keepOut(repository)
	if err != nil {
		return err
	}
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.leaving, repository)
	}()
	for _, done := range waits {
		select {
		case <-done:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	s.Source.Forget(repository)
	if err := s.Catalogs.Delete(ctx, repository); err != nil {
		return err
	}
	return remove(ctx)
}

// keepOut lets no session of a repository start any more, stops the one that
// runs, and returns what is closed when it has ended.
func (s *Service) keepOut(repository syncline.ID) (waits []chan struct{}, err error) {
	s.starting.Lock()
	defer s.starting.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.leaving[repository] {
		return nil, syncline.Errorf(syncline.CodeConflict, "the repository is being removed already")
	}
	s.leaving[repository] = true
	for _, t := range s.running {
		if t.repository == repository {
			t.cancel(errStopRequested)
			select {
			case <-t.removed: // by a removal that was given up
			default:
				close(t.removed)
			}
			waits = append(waits, t.done)
		}
	}
	return waits, nil
}

// Watch returns a channel that is signaled at every change of a session, and
// when the service closes. It holds one signal; the watcher reads the session
// from the store. The function ends the watch.
func (s *Service) Watch(session syncline.ID) (<-chan struct{}, func()) {
	ch := make(chan struct{}, 1)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.watchers[session] == nil {
		s.watchers[session] = make(map[chan struct{}]bool)
	}
	s.watchers[session][ch] = true
	return ch, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.watchers[session], ch)
		if len(s.watchers[session]) == 0 {
			delete(s.watchers, session)
		}
	}
}

func (s *Service) notify(session syncline.ID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for ch := range s.watchers[session] {
		select {
		case ch <- struct{}{}:
		default:
		}
	}
}

// launch runs a session in its own goroutine.
func (s *Service) launch(session syncline.Session, continued bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || s.running[session.ID] != nil {
		return
	}
	ctx, cancel := context.WithCancelCause(s.ctx)
	t := &task{repository: session.RepositoryID, cancel: cancel, removed: make(chan struct{}), done: make(chan struct{})}
	s.running[session.ID] = t
	if session.StopRequested {
		cancel(errStopRequested)
	}
	s.wg.Add(1)
	go func() {
		defer s.wg.Done()
		defer cancel(nil)
		s.run(ctx, t, session, continued)
		s.mu.Lock()
		delete(s.running, session.ID)
		s.mu.Unlock()
		close(t.done)
		s.notify(session.ID)
	}()
}

// run takes a session from where it stands to its end.
func (s *Service) run(ctx context.Context, t *task, session syncline.Session, continued bool) {
	rec := &recorder{service: s, removed: t.removed, session: session}
	// A stop may have been recorded before the session was known here.
	if now, err := s.Sessions.Session(s.ctx, session.ID); err == nil && now.StopRequested {
		t.cancel(errStopRequested)
	}
	if s.enter(ctx, session.RepositoryID) {
		finished := make(chan outcome, 1)
		work, abandon := context.WithCancelCause(ctx)
		go func() {
			defer s.leave(session.RepositoryID)
			o := s.synchronize(work, rec, continued)
			if s.Settle != nil && o.stats.TreesAdded >= largeSession && work.Err() == nil {
				s.Settle()
			}
			finished <- o
		}()
		s.await(ctx, rec, finished)
		abandon(nil)
		return
	}
	rec.end(outcome{stats: rec.session.Statistics, err: ctx.Err()}, context.Cause(ctx))
}

type outcome struct {
	stats syncline.SessionStatistics
	mark  syncline.CatalogMark // of the catalog, when there was no error
	err   error
}

// await records the end of the work, or gives up on it when it does not end
// within stopGrace of a stop.
func (s *Service) await(ctx context.Context, rec *recorder, finished <-chan outcome) {
	select {
	case o := <-finished:
		rec.end(o, context.Cause(ctx))
		return
	case <-ctx.Done():
	}
	grace := time.NewTimer(stopGrace)
	defer grace.Stop()
	select {
	case o := <-finished:
		rec.end(o, context.Cause(ctx))
	case <-grace.C:
		rec.end(outcome{stats: rec.last(), err: ctx.Err()}, context.Cause(ctx))
	}
}

// enter waits until no other run of the repository is under way.
func (s *Service) enter(ctx context.Context, repository syncline.ID) bool {
	for {
		s.mu.Lock()
		busy, ok := s.busy[repository]
		if !ok {
			s.busy[repository] = make(chan struct{})
			s.mu.Unlock()
			return true
		}
		s.mu.Unlock()
		select {
		case <-busy:
		case <-ctx.Done():
			return false
		}
	}
}

func (s *Service) leave(repository syncline.ID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.busy[repository])
	delete(s.busy, repository)
}

// synchronize opens what a session needs and runs it. A catalog that cannot be
// read is thrown away once and built anew.
func (s *Service) synchronize(ctx context.Context, rec *recorder, continued bool) (o outcome) {
	if o.err = ctx.Err(); o.err != nil {
		return o
	}
	if o.err = rec.start(continued); o.err != nil {
		return o
	}
	id := rec.session.RepositoryID
	repository, err := s.Repositories.Repository(ctx, id)
	if err != nil {
		return outcome{err: err}
	}
	params, err := s.Source.Open(ctx, repository, rec.Log)
	if err != nil {
		return outcome{err: place.Translate(err)}
	}
	if params.Close != nil {
		defer func() { o.err = errors.Join(o.err, params.Close()) }()
	}
	params.Reporter, params.Logger = rec, s.Logger
	if s.Catalogs.Damaged(id) {
		if o.err = s.renew(ctx, rec, id, catalog.ErrDamaged); o.err != nil {
			return o
		}
	}
	o = s.build(ctx, rec, id, params)
	if errors.Is(o.err, catalog.ErrNoRoom) {
		if err := s.Catalogs.Trim(context.WithoutCancel(ctx), id); err != nil {
			s.Logger.Warn("cannot give back the room of a catalog", "repository", id, "error", err)
		}
	}
	return o
}

// build runs the session on the catalog.
func (s *Service) build(ctx context.Context, rec *recorder, id syncline.ID, params Params) (o outcome) {
	for attempt := 1; ; attempt++ {
		o.err = s.Catalogs.Use(ctx, id, func(c *catalog.Catalog) (err error) {
			params.Catalog = c
			if o.stats, err = Run(ctx, params); err != nil && !errors.Is(err, ErrMarked) {
				return err
			}
			return errors.Join(err, c.View(ctx, func(v *catalog.View) error {
				o.mark, _ = v.Mark()
				return nil
			}))
		})
		if !catalog.Unusable(o.err) || attempt == 2 {
			return o
		}
		s.Logger.Warn("catalog cannot be read", "repository", id, "error", o.err)
		if o.err = s.renew(ctx, rec, id, o.err); o.err != nil {
			return o
		}
	}
}

// renew throws a catalog away, and says why.
func (s *Service) renew(ctx context.Context, rec *recorder, id syncline.ID, why error) error {
	if errors.Is(why, catalog.ErrOutdated) {
		rec.Log(syncline.LogInfo, "The catalog is of another version of Syncline; it is built anew")
	} else {
		rec.Log(syncline.LogWarning, "The catalog was damaged; it is built anew")
	}
	rec.Behind()
	return s.Catalogs.Renew(ctx, id)
}
