package series

import (
	"context"
	"fmt"
	"maps"
	"sync"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/store"
)

// Fleet is the other nodes, where there are any. The node that has the duty looks and
// reports. All nodes answer questions, from the database.
type Fleet interface {
	// Held returns the context for what the node does as long as it has the duty, nil
	// where another node has it.
	Held(ctx context.Context) (context.Context, error)
	// Keep takes the duty whenever it is free, until ctx ends.
	Keep(ctx context.Context)
	// Checks returns the last check of each repository, whichever node made it.
	Checks(ctx context.Context) ([]syncline.Check, error)
	// LatestWork returns the latest work of each repository, whichever node did it.
	LatestWork(ctx context.Context, kind syncline.WorkKind) ([]store.Work, error)
}

const (
	// sessionsEvery is the time between two looks for sessions that ended on other nodes.
	sessionsEvery = 15 * time.Second
	// tellAgain is the time after which conditions are reported again that have not
	// changed.
	tellAgain = time.Hour
	// marksEvery is the time between two looks for sightings that another node recorded.
	marksEvery = 5 * time.Second
	// keepMarks is how long a node without the duty keeps the sightings in memory.
	keepMarks = time.Hour
)

// shared is what a node knows as long as it has the duty.
type shared struct {
	tenure  context.Context             // nil for none
	handled map[syncline.ID]syncline.ID // the session of each repository that was looked at last
	checked map[syncline.ID]time.Time   // when each repository was checked last
	told    map[string]told             // by kind and repository
	full    time.Time                   // of the last evaluation
	loaded  map[syncline.ID]time.Time   // when the sightings of a repository were read
	cleared time.Time                   // when the sightings were dropped
}

type told struct {
	text string
	at   time.Time
}

// runShared watches until ctx ends, whenever this node has the duty.
func (s *Service) runShared(ctx context.Context) {
	var keeping sync.WaitGroup
	defer keeping.Wait()
	keeping.Go(func() { s.Fleet.Keep(ctx) })
	every := time.NewTicker(sessionsEvery)
	defer every.Stop()
	wake := s.woken()
	for {
		s.logged(ctx, s.turn(ctx, s.Now(), false))
		select {
		case <-every.C:
		case <-wake:
		case <-ctx.Done():
			return
		}
	}
}

// logged logs why the watch cannot go on.
func (s *Service) logged(ctx context.Context, err error) {
	switch {
	case err == nil || ctx.Err() != nil || syncline.CodeOf(err) == syncline.CodeCanceled:
	case s.Fleet != nil && syncline.CodeOf(err) == syncline.CodeConflict:
		s.Logger.Info("another node watches the backups by now, and nothing of this one is recorded", "error", err)
	default:
		s.Logger.Error("the watch of the backups cannot go on; it tries again soon", "error", err)
	}
}

// turn looks at the sessions that have ended, and evaluates: with full, after a session,
// and each minute.
func (s *Service) turn(ctx context.Context, now time.Time, full bool) error {
	held, err := s.Fleet.Held(ctx)
	if held == nil || err != nil {
		s.rest(now)
		return err
	}
	s.begin(held)
	if err := s.readLooks(held); err != nil {
		return err
	}
	list, err := s.Fleet.LatestWork(held, syncline.WorkSynchronize)
	if err != nil {
		return err
	}
	for i := range list {
		w := list[i].Work
		if !w.State.Ended() || s.shared.handled[w.RepositoryID] == w.ID {
			continue
		}
		if err := s.afterSession(held, w); err != nil {
			if held.Err() != nil {
				return held.Err()
			}
			s.Logger.Warn("cannot look for new backups after a session; tried again in a few seconds", "repository", w.RepositoryID, "error", err)
			continue
		}
		s.shared.handled[w.RepositoryID], full = w.ID, true
	}
	s.shared.forget(list, now)
	if age := now.Sub(s.shared.full); !full && age >= 0 && age < tickEvery {
		return nil
	}
	s.shared.full = now
	return s.evaluate(held, now)
}

// rest is a turn without the duty.
func (s *Service) rest(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.shared.tenure = nil
	if age := now.Sub(s.shared.cleared); age < 0 || age >= keepMarks {
		s.seen, s.shared.loaded, s.shared.cleared = nil, nil, now
	}
}

// forget drops what is known of repositories without work, as removed ones are, and the
// reports that are due again.
func (s *shared) forget(list []store.Work, now time.Time) {
	there := make(map[syncline.ID]bool, len(list))
	for i := range list {
		there[list[i].RepositoryID] = true
	}
	maps.DeleteFunc(s.handled, func(repository, _ syncline.ID) bool { return !there[repository] })
	maps.DeleteFunc(s.told, func(_ string, t told) bool { return now.Sub(t.at).Abs() >= tellAgain })
}

// begin begins anew when this node has got the duty.
func (s *Service) begin(held context.Context) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.shared.tenure == held {
		return
	}
	s.shared = shared{tenure: held, handled: make(map[syncline.ID]syncline.ID), told: make(map[string]told)}
	s.seen, s.looks = nil, looks{}
}

// readLooks reads how the watch of the repositories stands.
func (s *Service) readLooks(ctx context.Context) error {
	known, checks, err := s.sharedLooks(ctx)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.looks.known, s.looks.recorded = known, make(map[syncline.ID]time.Time)
	s.shared.checked = make(map[syncline.ID]time.Time, len(checks))
	for i := range checks {
		s.shared.checked[checks[i].RepositoryID] = checks[i].At
	}
	return nil
}

// sharedLooks returns the looks as the last sessions left them, with what the checks
// since then say. A check counts only when the backups of the session before it were looked
// at: its time would make a series late whose backup has come. So the checks are read
// before the sessions, and these before the looks.
func (s *Service) sharedLooks(ctx context.Context) (map[syncline.ID]syncline.Look, []syncline.Check, error) {
	checks, err := s.Fleet.Checks(ctx)
	if err != nil {
		return nil, nil, err
	}
	sessions, err := s.Fleet.LatestWork(ctx, syncline.WorkSynchronize)
	if err != nil {
		return nil, nil, err
	}
	list, err := s.Store.Looks(ctx)
	if err != nil {
		return nil, nil, err
	}
	known := make(map[syncline.ID]syncline.Look, len(list))
	for _, l := range list {
		known[l.RepositoryID] = l
	}
	awaited := make(map[syncline.ID]bool)
	for i := range sessions {
		w := &sessions[i]
		awaited[w.RepositoryID] = w.State == syncline.WorkSucceeded && known[w.RepositoryID].LookedAt.Before(w.StartedAt)
	}
	for i := range checks {
		c := checks[i]
		if awaited[c.RepositoryID] {
			c.LookedAt = time.Time{}
		}
		known[c.RepositoryID] = lookOf(known[c.RepositoryID], &c)
	}
	return known, checks, nil
}

// lookOf returns a look with what the last check says.
func lookOf(l syncline.Look, c *syncline.Check) syncline.Look {
	l.RepositoryID = c.RepositoryID
	if c.LookedAt.After(l.LookedAt) {
		l.LookedAt = c.LookedAt
	}
	if c.LookedAt.After(l.FailedAt) {
		l.FailedAt = time.Time{}
	}
	if c.Failures > 0 && l.FailedAt.IsZero() {
		l.FailedAt = c.FailingSince
	}
	return l
}

// tell reports conditions. A node that has the duty does so when they are others than
// before, and every hour.
func (s *Service) tell(ctx context.Context, kind syncline.AlarmKind, repository syncline.ID, now []syncline.Condition) error {
	if s.Fleet == nil {
		return s.Reporter.Report(ctx, kind, repository, now)
	}
	key, text, at := string(kind)+" "+string(repository), fmt.Sprintf("%q", now), s.Now()
	if last, ok := s.shared.told[key]; ok && last.text == text && at.Sub(last.at).Abs() < tellAgain {
		return nil
	}
	if err := s.Reporter.Report(ctx, kind, repository, now); err != nil {
		return err
	}
	s.shared.told[key] = told{text, at}
	return nil
}

// stale drops the sightings of a repository of which another node may have recorded more,
// and reports whether it did.
func (s *Service) stale(repository syncline.ID) bool {
	if s.Fleet == nil {
		return false
	}
	now := s.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.shared.tenure != nil || now.Sub(s.shared.loaded[repository]).Abs() < marksEvery {
		return false
	}
	if s.shared.loaded == nil {
		s.shared.loaded = make(map[syncline.ID]time.Time)
	}
	s.shared.loaded[repository] = now
	delete(s.seen, repository)
	return true
}
