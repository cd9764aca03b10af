package store

import (
	"context"
	"sync"

	"syncline.dev/syncline"
)

// Topic says what a wake-up is about.
type Topic string

// The topics of wake-ups.
const (
	TopicWork  Topic = "work"  // the work with the id has changed
	TopicStop  Topic = "stop"  // the work with the id is to stop
	TopicQueue Topic = "queue" // there is work that nobody holds
	// TopicAll says that wake-ups may have been lost, so that everything may have
	// changed.
	TopicAll Topic = ""
)

// Wake is a hint that something has changed. Nothing depends on it: who waits for a
// change also looks by itself now and then.
type Wake struct {
	Topic Topic
	ID    syncline.ID // empty where the topic needs none
}

// Wakes carries wake-ups to all nodes.
type Wakes interface {
	// Wake tells all nodes, this one too. It may come to nothing.
	Wake(ctx context.Context, w Wake) error
	// Wakes returns a channel that gets what is told from now on, until ctx ends. A
	// reader that is slow loses some, and is told so by TopicAll. The channel is never
	// closed.
	Wakes(ctx context.Context) <-chan Wake
}

// Hub carries wake-ups within a process. The zero Hub is ready. It is safe for
// concurrent use.
type Hub struct {
	mu      sync.Mutex
	readers map[chan Wake]bool
}

// wakesKept is how many wake-ups a reader may be behind.
const wakesKept = 256

// Wake tells all readers.
func (h *Hub) Wake(_ context.Context, w Wake) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	for ch := range h.readers {
		select {
		case ch <- w:
		default:
			h.drain(ch)
		}
	}
	return nil
}

// drain puts TopicAll in the place of what a reader has not read.
func (h *Hub) drain(ch chan Wake) {
	for {
		select {
		case <-ch:
			continue
		default:
		}
		ch <- Wake{} // only Hub writes, and the caller holds mu
		return
	}
}

// Wakes implements the contract's method.
func (h *Hub) Wakes(ctx context.Context) <-chan Wake {
	ch := make(chan Wake, wakesKept)
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.readers == nil {
		h.readers = make(map[chan Wake]bool)
	}
	h.readers[ch] = true
	context.AfterFunc(ctx, func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		delete(h.readers, ch)
	})
	return ch
}
