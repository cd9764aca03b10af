package series

import (
	"context"
	"maps"
	"time"

	"syncline.dev/syncline"
)

// lookEvery is the time between two records of looks that only tell a later time. A
// crash loses the looks of so long, and the next checks make up for them.
const lookEvery = 5 * time.Minute

// looks is how the watch of the repositories stands, with what is not recorded yet.
type looks struct {
	known    map[syncline.ID]syncline.Look // nil until the store was read
	recorded map[syncline.ID]time.Time     // the LookedAt in the store
	// heard has the repositories that were looked at since begun, or tried to.
	heard map[syncline.ID]bool
	begun time.Time // of the watch, in this process and after its last pause
	last  time.Time // of the last look at the clock
}

// loadLooks reads the looks, once.
func (s *Service) loadLooks(ctx context.Context) error {
	s.mu.Lock()
	loaded := s.looks.known != nil
	s.mu.Unlock()
	if loaded {
		return nil
	}
	list, err := s.Store.Looks(ctx)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.looks.known != nil {
		return nil
	}
	s.looks.known = make(map[syncline.ID]syncline.Look, len(list))
	s.looks.recorded = make(map[syncline.ID]time.Time, len(list))
	s.looks.heard = make(map[syncline.ID]bool, len(list))
	for _, l := range list {
		s.looks.known[l.RepositoryID], s.looks.recorded[l.RepositoryID] = l, l.LookedAt
	}
	return nil
}

// allLooks returns the looks of all repositories.
func (s *Service) allLooks(ctx context.Context) (map[syncline.ID]syncline.Look, error) {
	if s.Fleet != nil {
		known, _, err := s.sharedLooks(ctx)
		return known, err
	}
	if err := s.loadLooks(ctx); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.looks.known), nil
}

// look returns how the watch of a repository stands.
func (s *Service) look(ctx context.Context, repository syncline.ID) (syncline.Look, error) {
	if err := s.loadLooks(ctx); err != nil {
		return syncline.Look{}, err
	}
	s.mu.Lock()
	l, ok := s.looks.known[repository]
	s.mu.Unlock()
	if ok {
		return l, nil
	}
	// It may have been forgotten while it was being attached.
	list, err := s.Store.Looks(ctx)
	for _, l := range list {
		if l.RepositoryID == repository {
			return l, err
		}
	}
	return syncline.Look{RepositoryID: repository}, err
}

// changeLook changes a look. A change that only tells a later time is recorded at times.
func (s *Service) changeLook(ctx context.Context, repository syncline.ID, change func(*syncline.Look)) error {
	s.looking.Lock()
	defer s.looking.Unlock()
	l, err := s.look(ctx, repository)
	if err != nil {
		return err
	}
	before := l
	change(&l)
	s.mu.Lock()
	recorded, known := s.looks.recorded[repository]
	s.mu.Unlock()
	if known && before.FailedAt.Equal(l.FailedAt) && l.LookedAt.Sub(recorded) < lookEvery {
		s.keepLook(l)
		return nil
	}
	return s.setLook(ctx, l)
}

// setLook records a look.
func (s *Service) setLook(ctx context.Context, l syncline.Look) error {
	if err := s.Store.SetLook(ctx, l); err != nil {
		return err
	}
	s.keepLook(l)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.looks.recorded[l.RepositoryID] = l.LookedAt
	return nil
}

func (s *Service) keepLook(l syncline.Look) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.looks.known[l.RepositoryID] = l
}

// hear notes that this process has looked at a repository, or has tried to. The first
// time lets Run tell of its series.
func (s *Service) hear(repository syncline.ID) {
	now := s.Now()
	s.mu.Lock()
	s.notePause(now)
	first := s.looks.heard != nil && !s.looks.heard[repository]
	if first {
		s.looks.heard[repository] = true
	}
	s.mu.Unlock()
	if first {
		s.reportSoon()
	}
}

// tells reports whether it can be told that nobody looks at a repository. After a start
// of the server, and after a pause of the machine, the time of the last look says nothing
// about that: the next check is waited for, but no longer than failingFor.
func (s *Service) tells(repository syncline.ID, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.notePause(now)
	if s.Fleet != nil && s.shared.checked[repository].After(s.looks.begun) {
		return true
	}
	return s.looks.heard[repository] || now.Sub(s.looks.begun) >= failingFor
}

// pauseAfter is the time between two looks at the clock from which on the machine was
// asleep, or the clock was set.
const pauseAfter = 2 * time.Hour

// notePause begins the watch anew after a start and a pause. The caller holds mu.
func (s *Service) notePause(now time.Time) {
	if s.looks.begun.IsZero() || now.Sub(s.looks.last).Abs() >= pauseAfter {
		s.looks.begun = now
		clear(s.looks.heard)
	}
	s.looks.last = now
}
