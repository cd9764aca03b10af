package syncer

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/catalog"
	"syncline.dev/syncline/internal/place"
	runs "syncline.dev/syncline/internal/run"
	"syncline.dev/syncline/internal/store"
)

// Repositories is what the service reads and marks of the repositories.
type Repositories interface {
	Repository(ctx context.Context, id syncline.ID) (syncline.Repository, error)
	// SetBehind and SetSynchronized mark the repository of a session, unless another
	// node has taken the session since it had this epoch.
	SetBehind(ctx context.Context, session syncline.ID, epoch int64) error
	SetSynchronized(ctx context.Context, session syncline.ID, epoch int64, catalog syncline.CatalogMark) error
	SetResticID(ctx context.Context, id syncline.ID, resticID string) error
}

// Catalogs holds the repositories' catalogs.
type Catalogs interface {
	// Use runs fn with the repository's catalog, which it creates where there is
	// none.
	Use(ctx context.Context, repository syncline.ID, fn func(*catalog.Catalog) error) error
	// Damaged reports whether the catalog was found damaged.
	Damaged(ctx context.Context, repository syncline.ID) (bool, error)
	// Trim gives back the room that the catalog takes and nobody needs. A catalog
	// that shows nothing goes as a whole.
	Trim(ctx context.Context, repository syncline.ID) error
	// Delete removes the catalog; the next Use begins with an empty one.
	Delete(ctx context.Context, repository syncline.ID) error
}

// Source opens a repository for one session.
type Source interface {
	Open(ctx context.Context, r syncline.Repository, log func(syncline.LogLevel, string)) (place.Opened, error)
	// Forget drops what was kept of a repository between sessions.
	Forget(r syncline.ID)
}

// Service synchronizes repositories on a server: it is the kind of work that a session
// is. Package run moves the sessions.
//
// A stopped session ends within stopGrace even when its storage hangs. The body that is
// left behind can only finish reading, and a next session of the repository waits,
// queued, until it has.
type Service struct {
	Runs         *runs.Service
	Repositories Repositories
	Catalogs     Catalogs
	Source       Source
	Logger       *slog.Logger
	// Settle is called after the work of a large session, before anyone is told that it
	// has ended: memory is given up then. Nil for nothing.
	Settle func()
	// Ended is told of each session that ends on this node. Nil for nobody.
	Ended func(syncline.Work)
	// Judged is told how each session ends that is not stopped: with its error, or with
	// nil. It returns at once. Nil for nobody.
	Judged func(repository syncline.ID, err error)
	// AtOnce bounds the sessions that run at once; 0 is for no bound.
	AtOnce int
	// Keep says which ended sessions are kept. Nil keeps all.
	Keep func(now time.Time) store.Keep

	latest runs.Memo[syncline.Session]
}

// largeSession is how many trees it takes to leave much garbage. It is a variable for
// tests.
var largeSession int64 = 10_000

const (
	// stopGrace is how long a stopped session may take to end by itself.
	stopGrace = 4 * time.Second
	// patience is how long a session may bring nothing before another one takes its
	// turn beside it.
	patience = time.Minute
	// maxItems bounds the log of one run of a session.
	maxItems = 10_000
)

// Kind is the kind of work that a session is, for run.Service.
func (s *Service) Kind() runs.Kind {
	return runs.Kind{
		Name: syncline.WorkSynchronize, Noun: "session",
		Do: s.do, Refused: s.refused, Ended: s.Ended, Forget: s.forget, Keep: s.Keep,
		Alone: true, AtOnce: s.AtOnce, Patience: patience, Grace: stopGrace, LogItems: maxItems,
		Resumed: "The server was restarted; the session goes on from what was kept",
		Stopped: "Stopped on request; what was fetched is kept",
		Leaving: "the repository is being removed; no session of it can be started",
	}
}

// Start starts a session for a repository, or returns the one that runs.
func (s *Service) Start(ctx context.Context, repository syncline.ID) (syncline.Session, error) {
	w, err := s.newWork(ctx, repository)
	if err != nil {
		return syncline.Session{}, err
	}
	return asSession(s.Runs.Start(ctx, w))
}

// Begin is Start for a session that no user waits for: it lets others go first.
func (s *Service) Begin(ctx context.Context, repository syncline.ID) error {
	w, err := s.newWork(ctx, repository)
	if err != nil {
		return err
	}
	_, err = s.Runs.StartLater(ctx, w)
	return err
}

// newWork is a session to be started. In a fleet, the node that alone serves the
// repository runs it.
func (s *Service) newWork(ctx context.Context, repository syncline.ID) (store.Work, error) {
	w := store.Work{Work: syncline.Work{Kind: syncline.WorkSynchronize, RepositoryID: repository}}
	if s.Runs.Here() == "" {
		return w, nil
	}
	r, err := s.Repositories.Repository(ctx, repository)
	w.Node = string(r.NodeID)
	return w, err
}

// Stop records that a session is to stop, and stops it. A session that has ended is
// left alone.
func (s *Service) Stop(ctx context.Context, id syncline.ID) error {
	return s.Runs.Stop(ctx, syncline.WorkSynchronize, id)
}

// Watch is that of run.Service.
func (s *Service) Watch(session syncline.ID) (<-chan struct{}, func()) { return s.Runs.Watch(session) }

// Wait returns a session when it has ended.
func (s *Service) Wait(ctx context.Context, id syncline.ID) (syncline.Session, error) {
	return asSession(s.Runs.Wait(ctx, syncline.WorkSynchronize, id))
}

// Session returns a session as it is.
func (s *Service) Session(ctx context.Context, id syncline.ID) (syncline.Session, error) {
	return asSession(s.Runs.Get(ctx, syncline.WorkSynchronize, id))
}

// LatestSessions returns for every repository its unended session, or else its latest,
// newest first.
func (s *Service) LatestSessions(ctx context.Context) ([]syncline.Session, error) {
	list, err := s.Runs.Latest(ctx, syncline.WorkSynchronize)
	if err != nil {
		return nil, err
	}
	return s.latest.Each(list, sessionOf), nil
}

// RepositorySessions returns one page of a repository's sessions, newest first.
func (s *Service) RepositorySessions(ctx context.Context, repository syncline.ID, limit, offset int) ([]syncline.Session, error) {
	list, err := s.Runs.Page(ctx, store.WorkQuery{Kind: syncline.WorkSynchronize, RepositoryID: repository, Limit: limit, Offset: offset})
	return runs.Each(list, sessionOf), err
}

// Sessions returns one page of the sessions of all repositories, newest first. An empty
// repository or no states leave none out.
func (s *Service) Sessions(ctx context.Context, repository syncline.ID, states []syncline.WorkState, limit, offset int) ([]syncline.Session, error) {
	list, err := s.Runs.Page(ctx, store.WorkQuery{
		Kind: syncline.WorkSynchronize, RepositoryID: repository, States: states, Limit: limit, Offset: offset,
	})
	return runs.Each(list, sessionOf), err
}

// Log returns one page of a session's log, and how many items there are in all.
func (s *Service) Log(ctx context.Context, session syncline.ID, limit, offset int) ([]syncline.LogItem, int, error) {
	return s.Runs.Log(ctx, syncline.WorkSynchronize, session, limit, offset)
}

func asSession(w store.Work, err error) (syncline.Session, error) { return sessionOf(w), err }

// sessionOf gives work the type of a session. A record that is damaged must not take
// the others of a list with it; a session that runs writes its statistics anew.
func sessionOf(w store.Work) syncline.Session {
	s := syncline.Session{Work: w.Work}
	parsed := runs.Parse(w.Result, &s.Statistics)
	if !parsed {
		s.Statistics = syncline.SessionStatistics{}
	}
	if w.ID != "" && !s.State.Known() || !parsed && s.State.Ended() {
		s.Work = runs.Unreadable(s.Work)
	}
	return s
}

// forget drops what is kept of a repository: its catalog, and what opens it. The catalog
// goes under the hold of the removal.
func (s *Service) forget(ctx context.Context, repository syncline.ID) error {
	s.Source.Forget(repository)
	if h, held := store.HoldOf(ctx); held {
		ctx = catalog.WithClaim(ctx, catalog.Claim{Hold: h.ID})
	}
	return s.Catalogs.Delete(ctx, repository)
}

// do is the body of a session. It writes to the catalog under the session's claim.
func (s *Service) do(ctx context.Context, t *runs.Task) runs.Outcome {
	session := s.sessionOf(t)
	w := t.Work()
	o := s.synchronize(catalog.WithClaim(ctx, catalog.Claim{Work: w.ID, Epoch: w.Epoch}), session)
	if errors.Is(o.err, catalog.ErrConflict) && !t.Holds() {
		return runs.Outcome{Result: o.stats, Err: o.err} // it is another node's, and this says nothing about the repository
	}
	switch {
	case o.err == nil:
		session.synchronized(o.mark)
	case ctx.Err() != nil: // a stop and a shutdown say nothing about the repository
	case errors.Is(o.err, ErrMarked):
		session.synchronized(o.mark)
	default:
		session.outOfSync()
	}
	if s.Judged != nil && ctx.Err() == nil {
		s.Judged(session.repository, o.err)
	}
	if s.Settle != nil && o.stats.TreesAdded >= largeSession && ctx.Err() == nil {
		s.Settle()
	}
	return runs.Outcome{Result: o.stats, Err: o.err}
}

// refused marks the repository of a session that the store did not let begin.
func (s *Service) refused(t *runs.Task) { s.sessionOf(t).outOfSync() }

func (s *Service) sessionOf(t *runs.Task) *session {
	return &session{service: s, task: t, repository: t.Work().RepositoryID, base: t.Work().Progress}
}

type outcome struct {
	stats syncline.SessionStatistics
	mark  syncline.CatalogMark // of the catalog, when there was no error
	err   error
}

// synchronize opens what a session needs and runs it. A catalog that cannot be
// read is thrown away once and built anew.
func (s *Service) synchronize(ctx context.Context, rec *session) (o outcome) {
	id := rec.repository
	repository, err := s.Repositories.Repository(ctx, id)
	if err != nil {
		return outcome{err: err}
	}
	opened, err := s.Source.Open(ctx, repository, rec.Log)
	if err != nil {
		return outcome{err: place.Translate(err)}
	}
	defer func() { o.err = errors.Join(o.err, opened.Close()) }()
	params := Params{Opened: opened, Reporter: rec, Logger: s.Logger}
	damaged, err := s.Catalogs.Damaged(ctx, id)
	if err == nil && damaged {
		err = s.renew(ctx, rec, id, catalog.ErrDamaged)
	}
	if err != nil {
		return outcome{err: err}
	}
	o = s.build(ctx, rec, id, params)
	if o.err == nil && repository.ResticID == "" { // attached by a version that did not record it
		if err := s.Repositories.SetResticID(ctx, id, opened.Repository.Config().ID.String()); err != nil {
			s.Logger.Warn("cannot record the id of a repository", "repository", id, "error", err)
		}
	}
	if errors.Is(o.err, catalog.ErrNoRoom) {
		if err := s.Catalogs.Trim(context.WithoutCancel(ctx), id); err != nil {
			s.Logger.Warn("cannot give back the room of a catalog", "repository", id, "error", err)
		}
	}
	return o
}

// build runs the session on the catalog.
func (s *Service) build(ctx context.Context, rec *session, id syncline.ID, params Params) (o outcome) {
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
func (s *Service) renew(ctx context.Context, rec *session, id syncline.ID, why error) error {
	if errors.Is(why, catalog.ErrOutdated) {
		rec.Log(syncline.LogInfo, "The catalog is of another version of Syncline; it is built anew")
	} else {
		rec.Log(syncline.LogWarning, "The catalog was damaged; it is built anew")
	}
	rec.Behind()
	return s.Catalogs.Delete(ctx, id)
}
