package catalog

import (
	"sync/atomic"

	lru "github.com/hashicorp/golang-lru/v2"
)

// nameCache keeps the blocks of names used last, within so many bytes. Names
// recur all over a repository, so a listing of a large one takes long when it
// has to decode the blocks again and again.
type nameCache struct {
	max  int64
	size atomic.Int64
	lru  *lru.Cache[blockKey, *nameBlock]
}

func newNameCache(bytes int64) *nameCache {
	c := &nameCache{max: bytes}
	// The number is no bound: each block has a size.
	c.lru, _ = lru.NewWithEvict(1<<30, func(_ blockKey, b *nameBlock) { c.size.Add(-b.size()) })
	return c
}

func (c *nameCache) get(key blockKey) (*nameBlock, bool) { return c.lru.Get(key) }

func (c *nameCache) add(key blockKey, b *nameBlock) {
	c.lru.Remove(key) // a shorter one, from before it grew
	c.lru.Add(key, b)
	c.size.Add(b.size())
	for c.size.Load() > c.max {
		if _, _, ok := c.lru.RemoveOldest(); !ok {
			return
		}
	}
}
