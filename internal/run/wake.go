package run

import (
	"context"
	"sync"
	"time"

	"syncline.dev/syncline/internal/store"
)

// outbox holds the wake-ups that are to be sent, each once.
type outbox struct {
	full chan struct{} // gets a value when there is something to send

	mu      sync.Mutex
	waiting map[store.Wake]bool
}

// tell sends a wake-up soon.
func (s *Service) tell(w store.Wake) {
	o := &s.fleet.out
	if o.full == nil {
		return // the node is alone
	}
	o.mu.Lock()
	if o.waiting == nil {
		o.waiting = make(map[store.Wake]bool)
	}
	if len(o.waiting) >= wakesWaiting {
		clear(o.waiting)
		w = store.Wake{Topic: store.TopicAll}
	}
	o.waiting[w] = true
	o.mu.Unlock()
	poke(o.full)
}

// send sends wake-ups. The same one goes out twice a second at most, however often work
// changes. A wake-up that cannot be sent is dropped.
func (s *Service) send() {
	o, pause := &s.fleet.out, time.NewTimer(0)
	defer pause.Stop()
	for {
		select {
		case <-o.full:
		case <-s.fleet.ctx.Done():
			return
		}
		o.mu.Lock()
		waiting := o.waiting
		o.waiting = nil
		o.mu.Unlock()
		s.sendAll(waiting)
		pause.Reset(wakeEvery)
		select {
		case <-pause.C:
		case <-s.fleet.ctx.Done():
			return
		}
	}
}

func (s *Service) sendAll(waiting map[store.Wake]bool) {
	ctx, cancel := context.WithTimeout(s.fleet.ctx, storeTimeout)
	defer cancel()
	for w := range waiting {
		if err := s.Wakes.Wake(ctx, w); err != nil {
			s.Logger.Debug("cannot wake other nodes; they look by themselves", "error", err)
			return
		}
	}
}
