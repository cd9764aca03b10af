package run

import (
	"context"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/store"
)

const (
	// pollEvery is how often a node looks for work, and at work that others run, without
	// being told of it.
	pollEvery = 2 * time.Second
	// renewEvery is how often a node renews its leases. A stop reaches it no later.
	renewEvery = 4 * time.Second
	// wakeEvery is the least time between two groups of wake-ups of a node.
	wakeEvery = 500 * time.Millisecond
	// wakesWaiting bounds the wake-ups that wait to be sent. More of them become one.
	wakesWaiting = 1000
	// storeTimeout bounds a call of the store of a fleet.
	storeTimeout = 10 * time.Second
)

// fleet is what a node needs beside others.
type fleet struct {
	ctx    context.Context // ends when the node has given its work back
	cancel context.CancelFunc
	places chan struct{}   // gets a value when there may be work to take
	soon   chan struct{}   // gets a value when a renewal is not to wait
	late   atomic.Bool     // the last renewal has failed
	ended  []chan struct{} // closed by the loops
	out    outbox
	holds  holds
}

// join begins to take work, to renew leases, and to hear of other nodes.
func (s *Service) join() {
	f := &s.fleet
	f.ctx, f.cancel = context.WithCancel(context.WithoutCancel(s.ctx))
	f.out.full = make(chan struct{}, 1)
	for _, k := range s.kinds {
		if k.queue != nil {
			k.queue.freed = func() { poke(f.places) }
		}
	}
	wakes := s.Wakes.Wakes(f.ctx)
	s.wg.Go(s.takeOn)
	for _, loop := range []func(){s.renewOn, s.holdOn, s.send, func() { s.hear(wakes) }} {
		ended := make(chan struct{})
		f.ended = append(f.ended, ended)
		go func() {
			defer close(ended)
			loop()
		}()
	}
}

// leave ends the loops, when all work is given back.
func (s *Service) leave() {
	if s.fleet.cancel == nil {
		return
	}
	s.fleet.cancel()
	for _, ended := range s.fleet.ended {
		<-ended
	}
	s.fleet.cancel = nil
	ctx, cancel := context.WithTimeout(context.WithoutCancel(s.ctx), storeTimeout)
	defer cancel()
	if s.count.taken.Load() > 0 {
		_ = s.Wakes.Wake(ctx, store.Wake{Topic: store.TopicQueue}) // others look by themselves, too
	}
}

// takeOn takes work at the start, when there may be some, and now and then.
func (s *Service) takeOn() {
	failing := false
	next := time.NewTimer(rand.N(pollEvery) + 1) // nodes that start together look at different times
	defer next.Stop()
	for {
		failure := s.takeAll()
		if failure != nil && !failing && s.ctx.Err() == nil {
			s.Logger.Warn("cannot take work; tried again all the time", "error", failure)
		}
		failing = failure != nil
		select {
		case <-s.fleet.places:
		case <-next.C:
			next.Reset(pollEvery)
			s.signalOthers()
		case <-s.ctx.Done():
			return
		}
	}
}

// takeAll takes work of all kinds. A node that could not renew its leases does that
// first, so that it does not take its own work.
func (s *Service) takeAll() (failure error) {
	if s.fleet.late.Load() {
		if err := s.renew(s.ctx); err != nil {
			return err
		}
	}
	for _, k := range s.kinds {
		if err := s.takeTurn(s.ctx, k, !k.took.Load()); err != nil {
			failure = err
			continue
		}
		k.took.Store(true)
	}
	return failure
}

// renewOn renews leases.
func (s *Service) renewOn() {
	tick := time.NewTicker(renewEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-s.fleet.soon:
		case <-s.fleet.ctx.Done():
			return
		}
		_ = s.renew(s.fleet.ctx) // it has said so
	}
}

// holdOn renews holds. A hold may have to wait for others who write to its repository,
// and no lease waits with it.
func (s *Service) holdOn() {
	tick := time.NewTicker(renewEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			s.renewHolds(s.fleet.ctx)
		case <-s.fleet.ctx.Done():
			return
		}
	}
}

// signalOthers has those look who watch work that this node does not run.
func (s *Service) signalOthers() {
	s.mu.Lock()
	var ids []syncline.ID
	for id := range s.watchers {
		if s.running[id] == nil {
			ids = append(ids, id)
		}
	}
	s.mu.Unlock()
	for _, id := range ids {
		s.signal(id)
	}
}

// hear acts on wake-ups.
func (s *Service) hear(wakes <-chan store.Wake) {
	for {
		var w store.Wake
		select {
		case w = <-wakes:
		case <-s.fleet.ctx.Done():
			return
		}
		switch w.Topic {
		case store.TopicWork:
			s.signal(w.ID)
		case store.TopicStop:
			s.mu.Lock()
			here := s.running[w.ID] != nil
			s.mu.Unlock()
			if here {
				poke(s.fleet.soon)
			}
		case store.TopicQueue:
			poke(s.fleet.places)
		case store.TopicAll:
			s.signalOthers()
			poke(s.fleet.soon)
			poke(s.fleet.places)
		}
	}
}

// poke leaves a value in a channel, unless there is one.
func poke(ch chan<- struct{}) {
	select {
	case ch <- struct{}{}:
	default:
	}
}
