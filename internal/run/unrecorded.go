package run

import (
	"maps"
	"sync"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/store"
)

// unrecorded keeps work that the store could not take, as on a full disk, so that it is
// shown as it is until it can be recorded. The zero value is empty.
type unrecorded struct {
	mu   sync.Mutex
	work map[syncline.ID]store.Work
}

func (u *unrecorded) put(w store.Work) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.work == nil {
		u.work = make(map[syncline.ID]store.Work)
	}
	u.work[w.ID] = w
}

func (u *unrecorded) drop(id syncline.ID) {
	u.mu.Lock()
	defer u.mu.Unlock()
	delete(u.work, id)
}

// now is the work that the store could not take, as it is at a moment; nil for none.
type now map[syncline.ID]store.Work

// now returns what is kept. A reader calls it before it reads the store: work leaves it
// when the store has it, and would be in neither of the two otherwise.
func (u *unrecorded) now() now {
	u.mu.Lock()
	defer u.mu.Unlock()
	return maps.Clone(u.work)
}

// The pauses between attempts to record double, from firstPause up to longest.
const (
	firstPause = time.Second
	longest    = time.Minute
	attempts   = 60 // within an hour
)

// attempt says how a record is tried again.
type attempt struct {
	stop  [3]<-chan struct{} // each ends the attempts when it is closed; nil never does
	again <-chan struct{}    // gets a value when the next attempt is not to wait
}

// record calls write until it succeeds, with growing pauses. It gives up after an hour,
// at an error that another attempt cannot change, and when it is told to stop. failed is
// called with the first error.
func (a attempt) record(write func() error, failed func(error)) {
	pause := firstPause
	for i := range attempts {
		err := write()
		if err == nil {
			return
		}
		if i == 0 {
			failed(err)
		}
		if syncline.CodeOf(err) != syncline.CodeUnavailable || !a.wait(pause) {
			return
		}
		pause = min(2*pause, longest)
	}
}

// wait reports whether there is to be another attempt.
func (a attempt) wait(pause time.Duration) bool {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-a.again:
	case <-a.stop[0]:
		return false
	case <-a.stop[1]:
		return false
	case <-a.stop[2]:
		return false
	}
	return true
}
