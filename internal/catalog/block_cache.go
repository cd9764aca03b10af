package catalog

import (
	"sync"
	"sync/atomic"

	lru "github.com/hashicorp/golang-lru/v2"
)

// blockCache keeps the blocks used last, within so many bytes.
type blockCache[B interface{ size() int64 }] struct {
	max  int64
	mu   sync.Mutex // of add
	size atomic.Int64
	lru  *lru.Cache[blockKey, B]
}

func newBlockCache[B interface{ size() int64 }](bytes int64) *blockCache[B] {
	c := &blockCache[B]{max: bytes}
	// The number is no bound: each block has a size.
	c.lru, _ = lru.NewWithEvict(1<<30, func(_ blockKey, b B) { c.size.Add(-b.size()) })
	return c
}

func (c *blockCache[B]) get(key blockKey) (B, bool) { return c.lru.Get(key) }

func (c *blockCache[B]) add(key blockKey, b B) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lru.Remove(key) // a shorter one, from before it grew
	c.lru.Add(key, b)
	c.size.Add(b.size())
	for c.size.Load() > c.max {
		if _, _, ok := c.lru.RemoveOldest(); !ok {
			return
		}
	}
}
