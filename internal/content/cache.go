package content

import (
	"container/list"
	"sync"

	"syncline.dev/syncline"
)

// Cache keeps the decoded blobs that were used last, up to a number of bytes.
// One cache may serve many repositories: a blob's name is its hash. It is safe
// for concurrent use.
type Cache struct {
	mu    sync.Mutex
	size  int64      // bytes it may hold
	held  int64      // bytes it holds
	order *list.List // of *cached, the one used last in front
	blobs map[syncline.Hash]*list.Element
}

type cached struct {
	id   syncline.Hash
	data []byte
}

// NewCache makes a cache that holds at most so many bytes.
func NewCache(bytes int64) *Cache {
	return &Cache{size: bytes, order: list.New(), blobs: make(map[syncline.Hash]*list.Element)}
}

// get returns a blob that nobody may write to.
func (c *Cache) get(id syncline.Hash) ([]byte, bool) {
	if c == nil {
		return nil, false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.blobs[id]
	if !ok {
		return nil, false
	}
	c.order.MoveToFront(e)
	return e.Value.(*cached).data, true
}

func (c *Cache) put(id syncline.Hash, data []byte) {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.blobs[id]; ok || int64(len(data)) > c.size {
		return
	}
	c.blobs[id] = c.order.PushFront(&cached{id, data})
	for c.held += int64(len(data)); c.held > c.size; {
		old := c.order.Remove(c.order.Back()).(*cached)
		delete(c.blobs, old.id)
		c.held -= int64(len(old.data))
	}
}
