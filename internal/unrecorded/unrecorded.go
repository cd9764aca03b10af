// Package unrecorded keeps what has happened and the state database could not
// take, as on a full disk, so that it is shown as it is until it can be recorded.
package unrecorded

import (
	"sync"
	"time"

	"syncline.dev/syncline"
)

// Set holds records by their id. The zero Set is empty. It is safe for concurrent
// use.
type Set[T any] struct {
	mu      sync.Mutex
	records map[syncline.ID]T
}

// Put keeps a record.
func (s *Set[T]) Put(id syncline.ID, record T) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.records == nil {
		s.records = make(map[syncline.ID]T)
	}
	s.records[id] = record
}

// Drop forgets a record, because it was recorded or nobody needs it any more.
func (s *Set[T]) Drop(id syncline.ID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.records, id)
}

// Get returns the record that is kept under id; ok is false without one.
func (s *Set[T]) Get(id syncline.ID) (record T, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	record, ok = s.records[id]
	return record, ok
}

// The pauses between attempts to record: they double, and there are so many.
const (
	firstPause = time.Second
	longest    = time.Minute
	attempts   = 60 // within an hour
)

// Record calls write until it succeeds, with growing pauses. It gives up after an
// hour, at an error that another attempt cannot change, or when one of the two
// channels is closed. failed is called with the first error.
func Record(write func() error, failed func(error), stop, stopToo <-chan struct{}) {
	pause := firstPause
	for i := range attempts {
		err := write()
		if err == nil {
			return
		}
		if i == 0 {
			failed(err)
		}
		if syncline.CodeOf(err) != syncline.CodeUnavailable {
			return
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-stop:
			timer.Stop()
			return
		case <-stopToo:
			timer.Stop()
			return
		}
		pause = min(2*pause, longest)
	}
}
