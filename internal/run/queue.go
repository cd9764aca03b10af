package run

import (
	"context"
	"slices"
	"sync"
	"time"
)

// queue gives the places of a kind to its work in turn. Urgent work, which a user has
// started, goes before other work; otherwise the first that came goes first.
//
// Work that shows no progress for its patience lends its place to others and goes on:
// what it waits for, such as storage that does not answer, must not hold up the rest.
// With its next progress it counts again, also beyond the number of places. No work
// begins until enough has ended.
//
// The states of a ticket:
//
//	waiting ──> holding <──> lent
//	   │           │           │
//	   └───────────┴───────────┴──> gone
type queue struct {
	patience time.Duration // 0 for work that never lends its place

	mu       sync.Mutex
	free     int // below zero when lent places were taken back
	reserved int // of the free places, those for work that is on its way
	waiting  []*ticket
	freed    func() // told of places that nobody waits for; nil for nobody. It returns at once
}

// ticket is the place of a piece of work. Its queue's mu guards it.
type ticket struct {
	urgent   bool
	reserved bool // a place is reserved for it
	state    ticketState
	ready    chan struct{} // closed when it holds a place
	stall    *time.Timer   // while it has begun
}

type ticketState uint8

const (
	ticketWaiting ticketState = iota
	ticketHolding
	ticketLent
	ticketGone
)

func newQueue(places int, patience time.Duration) *queue {
	return &queue{free: places, patience: patience}
}

func newTicket(urgent bool) *ticket { return &ticket{urgent: urgent, ready: make(chan struct{})} }

// enter waits for a place. It reports false when ctx ends first.
func (q *queue) enter(ctx context.Context, t *ticket) bool {
	q.mu.Lock()
	q.use(t)
	q.waiting = append(q.waiting, t)
	q.serve()
	q.mu.Unlock()
	select {
	case <-t.ready:
		return true
	case <-ctx.Done():
		q.leave(t)
		return false
	}
}

// reserve keeps all places that nobody waits for, for work that is about to be taken,
// and returns how many these are.
func (q *queue) reserve() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	n := max(q.free-len(q.waiting)-q.reserved, 0)
	q.reserved += n
	return n
}

// room reports whether a place is free that nobody waits for.
func (q *queue) room() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.free > len(q.waiting)+q.reserved
}

// release gives up n reserved places.
func (q *queue) release(n int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.reserved -= n
}

// settle gives up the place that is reserved for a ticket, if there is one.
func (q *queue) settle(t *ticket) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.use(t) {
		q.offer()
	}
}

// use ends the reservation of a ticket. The caller holds mu.
func (q *queue) use(t *ticket) bool {
	if !t.reserved {
		return false
	}
	t.reserved = false
	q.reserved--
	return true
}

// offer tells that places are free. The caller holds mu.
func (q *queue) offer() {
	if q.freed != nil && q.free > len(q.waiting)+q.reserved {
		q.freed()
	}
}

// serve gives places to those that wait. The caller holds mu.
func (q *queue) serve() {
	for q.free > 0 && len(q.waiting) > 0 {
		next := max(slices.IndexFunc(q.waiting, func(t *ticket) bool { return t.urgent }), 0)
		t := q.waiting[next]
		q.waiting = slices.Delete(q.waiting, next, next+1)
		q.free--
		t.state = ticketHolding
		if q.patience > 0 {
			t.stall = time.AfterFunc(q.patience, func() { q.lend(t) })
		}
		close(t.ready)
	}
	q.offer()
}

// hurry makes work urgent that waits.
func (q *queue) hurry(t *ticket) {
	q.mu.Lock()
	defer q.mu.Unlock()
	t.urgent = true
}

// lend gives the place of work that stalls to other work.
func (q *queue) lend(t *ticket) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if t.state == ticketHolding {
		t.state = ticketLent
		q.free++
		q.serve()
	}
}

// alive tells that work goes on. Work that has lent its place counts again.
func (q *queue) alive(t *ticket) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if t.state == ticketLent {
		t.state = ticketHolding
		q.free--
	}
	if t.state == ticketHolding && t.stall != nil {
		t.stall.Reset(q.patience)
	}
}

// leave gives the place back, or leaves the queue.
func (q *queue) leave(t *ticket) {
	q.mu.Lock()
	defer q.mu.Unlock()
	switch t.state {
	case ticketWaiting:
		q.waiting = slices.DeleteFunc(q.waiting, func(w *ticket) bool { return w == t })
	case ticketHolding:
		q.free++
	case ticketLent, ticketGone:
	}
	t.state = ticketGone
	if t.stall != nil {
		t.stall.Stop()
	}
	q.serve()
}
