package series

import (
	"context"
	"log/slog"
	"maps"
	"sync"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/store"
)

// Store is what the service keeps.
type Store interface {
	store.Series
	store.Examinations
	AlarmRules(ctx context.Context) ([]syncline.AlarmRule, error)
}

// Points lists the snapshots that a catalog shows. It fails when the catalog cannot
// answer.
type Points interface {
	List(ctx context.Context, repositories []syncline.Repository) (points []syncline.RestorePoint, leftOut []syncline.ID, err error)
}

// Repositories tells of the attached repositories, in sync or not as they are now.
type Repositories interface {
	Repositories(ctx context.Context) ([]syncline.Repository, error)
	Repository(ctx context.Context, id syncline.ID) (syncline.Repository, error)
}

// Reporter takes all conditions of one kind in one repository that hold now.
type Reporter interface {
	Report(ctx context.Context, kind syncline.AlarmKind, repository syncline.ID, now []syncline.Condition) error
}

// tickEvery is the time between two evaluations.
const tickEvery = time.Minute

// Service watches the series of all repositories. It is safe for concurrent use. Two
// looks at the same time wait for one another; questions wait for none.
type Service struct {
	Store        Store
	Points       Points
	Comparer     Comparer // nil leaves the contents of backups alone
	Repositories Repositories
	Reporter     Reporter // nil for nobody
	Fleet        Fleet    // nil where there is no other node
	Logger       *slog.Logger
	Now          func() time.Time
	// Quiet waits a moment for a pause between requests; nil waits for none. See Pause.
	Quiet func(context.Context)

	looking sync.Mutex // held while a look is recorded

	mu      sync.Mutex
	seen    map[syncline.ID]map[syncline.Hash]seen
	pending map[syncline.ID]syncline.Work // sessions whose end has not been looked at
	ended   bool                          // one has ended after the last turn began
	pausing context.CancelFunc            // ends the pause of a comparison; nil for none
	wake    chan struct{}
	looks   looks
	shared  shared // of a turn; tenure, loaded and cleared are guarded by mu
}

// seen is a sighting as it is kept in memory.
type seen struct {
	at   int64 // nanoseconds since 1970
	mark syncline.TimeMark
}

// woken returns the channel that gets a signal for each session that ends.
func (s *Service) woken() chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.wake == nil {
		s.wake = make(chan struct{}, 1)
	}
	return s.wake
}

// SessionEnded makes Run look at the repository of a session.
func (s *Service) SessionEnded(w syncline.Work) {
	wake := s.woken()
	if s.Fleet != nil { // the database tells of the session
		s.reportSoon()
		return
	}
	s.mu.Lock()
	if s.pending == nil {
		s.pending = make(map[syncline.ID]syncline.Work)
	}
	s.pending[w.RepositoryID], s.ended = w, true
	if s.pausing != nil {
		s.pausing()
	}
	s.mu.Unlock()
	select {
	case wake <- struct{}{}:
	default:
	}
}

// Pause waits as Quiet does, before a part of a comparison. It ends at once when a session
// ends or has ended, since the look at what a session has brought waits for the comparison.
// The nodes of a fleet make no pauses: the database tells them of sessions.
func (s *Service) Pause(ctx context.Context) {
	if s.Quiet == nil || s.Fleet != nil {
		return
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s.mu.Lock()
	ended := s.ended
	s.pausing = cancel
	s.mu.Unlock()
	if !ended {
		s.Quiet(ctx)
	}
	s.mu.Lock()
	s.pausing = nil
	s.mu.Unlock()
}

// Run watches until ctx ends. It begins with a look at each catalog, because snapshots
// may have become visible just before the last end of the program.
func (s *Service) Run(ctx context.Context) {
	if s.Fleet != nil {
		s.runShared(ctx)
		return
	}
	s.first(ctx)
	tick := time.NewTicker(tickEvery)
	defer tick.Stop()
	wake := s.woken()
	for {
		s.logged(ctx, s.Tick(ctx, s.Now()))
		select {
		case <-tick.C:
		case <-wake:
		case <-ctx.Done():
			return
		}
	}
}

// first looks at each catalog that can answer.
func (s *Service) first(ctx context.Context) {
	list, err := s.Repositories.Repositories(ctx)
	if err != nil {
		s.Logger.Error("cannot list the repositories to watch", "error", err)
	}
	for _, r := range list {
		if ctx.Err() != nil {
			return
		}
		if r.OutOfSync {
			continue // the next session tells more
		}
		if err := s.Observe(ctx, r.ID, time.Time{}); err != nil && ctx.Err() == nil {
			s.Logger.Warn("cannot look for new backups", "repository", r.ID, "error", err)
		}
	}
}

// Tick looks at the repositories of ended sessions, compares new backups with those
// before them, and reports which conditions hold.
func (s *Service) Tick(ctx context.Context, now time.Time) error {
	if s.Fleet != nil {
		return s.turn(ctx, now, true)
	}
	s.mu.Lock()
	ended := maps.Clone(s.pending)
	s.ended = false
	s.mu.Unlock()
	for _, w := range ended {
		if err := s.afterSession(ctx, w); err == nil {
			s.lookedAfter(w)
		} else if ctx.Err() == nil {
			s.Logger.Warn("cannot look for new backups after a session; tried again in a minute", "repository", w.RepositoryID, "error", err)
		}
	}
	return s.evaluate(ctx, now)
}

// evaluate compares new backups with those before them, and reports.
func (s *Service) evaluate(ctx context.Context, now time.Time) error {
	if err := s.report(ctx, now); err != nil {
		return err
	}
	if err := s.examine(ctx, now); err != nil {
		return err
	}
	return s.reportUnusual(ctx)
}

// lookedAfter notes that the end of a session was looked at, unless a newer one has ended.
func (s *Service) lookedAfter(w syncline.Work) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.pending[w.RepositoryID].ID == w.ID {
		delete(s.pending, w.RepositoryID)
	}
}

// awaits reports whether a session of a repository has ended whose backups were not looked
// at. Until then no other look counts: its time would make a series late whose backup has
// come.
func (s *Service) awaits(repository syncline.ID) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, ok := s.pending[repository]
	return ok
}

// afterSession looks at what a session has left.
func (s *Service) afterSession(ctx context.Context, w syncline.Work) error {
	r, err := s.Repositories.Repository(ctx, w.RepositoryID)
	if syncline.CodeOf(err) == syncline.CodeNotFound {
		return nil // it has been removed meanwhile
	}
	if err != nil {
		return err
	}
	switch {
	case w.State == syncline.WorkStopped:
		return nil
	case r.OutOfSync:
		return s.partly(ctx, w)
	}
	return s.Observe(ctx, r.ID, w.StartedAt)
}

// partly looks at what the catalog shows after a session that has failed. That may not be
// all that is there.
func (s *Service) partly(ctx context.Context, w syncline.Work) error {
	if err := s.NotLooked(ctx, w.RepositoryID, w.EndedAt); err != nil {
		return err
	}
	if err := s.Observe(ctx, w.RepositoryID, time.Time{}); err != nil && ctx.Err() == nil {
		s.Logger.Debug("the catalog of a repository whose session has failed shows nothing", "repository", w.RepositoryID, "error", err)
	}
	return nil
}

// Checked takes over what a check of a repository says of its series.
func (s *Service) Checked(ctx context.Context, r syncline.Repository, c syncline.Check) {
	var err error
	switch {
	case s.Fleet != nil: // all nodes read the check itself
	case c.Result == syncline.CheckFailed:
		err = s.NotLooked(ctx, r.ID, c.At)
	case c.Result == syncline.CheckSuccess && !r.OutOfSync && !s.awaits(r.ID):
		err = s.Looked(ctx, r.ID, c.At)
	}
	// A session follows a change, and tells more.
	if err != nil && ctx.Err() == nil && syncline.CodeOf(err) != syncline.CodeNotFound {
		s.Logger.Error("cannot record a look at a repository", "repository", r.ID, "error", err)
	}
}

// Looked records that the catalog of a repository shows all that was there at a time.
func (s *Service) Looked(ctx context.Context, repository syncline.ID, at time.Time) error {
	defer s.hear(repository)
	return s.changeLook(ctx, repository, func(l *syncline.Look) {
		l.FailedAt = time.Time{}
		if at.After(l.LookedAt) {
			l.LookedAt = at
		}
	})
}

// NotLooked records that a repository could not be looked at.
func (s *Service) NotLooked(ctx context.Context, repository syncline.ID, at time.Time) error {
	defer s.hear(repository)
	return s.changeLook(ctx, repository, func(l *syncline.Look) {
		if l.FailedAt.IsZero() {
			l.FailedAt = at
		}
	})
}
