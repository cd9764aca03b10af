package auth

import (
	"sync"
	"time"
)

// cached is the cache's entry of one access token.
type cached struct {
	identity Identity
	user     string // folded name
	until    time.Time
}

// cache keeps good access tokens for a short time, and a limited number of
// them. A result that was read before a forget is not kept after it: put takes
// the generation from before the reading.
type cache struct {
	mu      sync.Mutex
	limit   int
	entries map[[32]byte]cached
	gen     uint64
}

func newCache(limit int) *cache {
	return &cache{limit: limit, entries: map[[32]byte]cached{}}
}

func (c *cache) generation() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.gen
}

func (c *cache) get(hash [32]byte, now time.Time) (cached, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.entries[hash]
	return e, ok && now.Before(e.until)
}

func (c *cache) put(hash [32]byte, e cached, generation uint64, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if generation != c.gen {
		return
	}
	if len(c.entries) >= c.limit {
		for h, old := range c.entries {
			if !now.Before(old.until) {
				delete(c.entries, h)
			}
		}
	}
	if len(c.entries) >= c.limit {
		clear(c.entries) // entries live for seconds, so any choice is good
	}
	c.entries[hash] = e
}

// forget drops the entries that match.
func (c *cache) forget(match func(cached) bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.gen++
	for h, e := range c.entries {
		if match(e) {
			delete(c.entries, h)
		}
	}
}
