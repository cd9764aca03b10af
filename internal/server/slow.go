package server

import (
	"sync"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/storage"
)

// slow bounds how fast single repositories are read. The demonstration uses it
// to show a synchronization that takes a while.
type slow struct {
	mu     sync.Mutex
	limits map[syncline.ID]*storage.Limiter
}

// down bounds how fast a repository is read, in bytes per second.
func (s *slow) down(id syncline.ID, speed int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.limits == nil {
		s.limits = make(map[syncline.ID]*storage.Limiter)
	}
	s.limits[id] = storage.NewLimiter(storage.LimitOptions{BytesPerSecond: speed})
}

// wrap puts the storage of a repository within its bound, if it has one.
func (s *slow) wrap(id syncline.ID, st storage.Storage) storage.Storage {
	s.mu.Lock()
	defer s.mu.Unlock()
	if l := s.limits[id]; l != nil {
		return l.Wrap(st)
	}
	return st
}
