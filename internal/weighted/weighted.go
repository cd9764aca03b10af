// Package weighted keeps values in memory, up to a number of bytes. It knows
// nothing of what they are.
package weighted

import (
	"container/list"
	"sync"
)

// Overhead is about how many bytes the cache itself takes for a value: for its
// key, its place in the order and in the map. They count as bytes of the value.
const Overhead = 192

// Cache keeps the values that were used last, as long as their sizes together
// stay within a bound. It is safe for concurrent use. A nil Cache keeps nothing.
type Cache[K comparable, V any] struct {
	bound int64
	size  func(V) int64

	mu    sync.Mutex
	held  int64
	order list.List // of *item[K, V], the one used last in front
	items map[K]*list.Element
}

type item[K comparable, V any] struct {
	key   K
	value V
	size  int64
}

// New returns a cache for at most bound bytes. size returns the bytes that a
// value takes, without Overhead.
func New[K comparable, V any](bound int64, size func(V) int64) *Cache[K, V] {
	return &Cache[K, V]{bound: bound, size: size, items: make(map[K]*list.Element)}
}

// Get returns the value of a key; ok is false where the cache has none. The
// value is shared: nobody may change it.
func (c *Cache[K, V]) Get(key K) (value V, ok bool) {
	if c == nil {
		return value, false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.items[key]
	if !ok {
		return value, false
	}
	c.order.MoveToFront(e)
	return e.Value.(*item[K, V]).value, true
}

// Put keeps a value, in place of the one that the key had. Those used longest
// ago go to make room. A value that is larger than the bound is not kept.
func (c *Cache[K, V]) Put(key K, value V) {
	if c == nil {
		return
	}
	size := c.size(value) + Overhead
	c.mu.Lock()
	defer c.mu.Unlock()
	if e, ok := c.items[key]; ok {
		c.remove(e)
	}
	if size > c.bound {
		return
	}
	c.items[key] = c.order.PushFront(&item[K, V]{key, value, size})
	for c.held += size; c.held > c.bound; {
		c.remove(c.order.Back())
	}
}

// remove forgets an item. The caller holds mu.
func (c *Cache[K, V]) remove(e *list.Element) {
	old := c.order.Remove(e).(*item[K, V])
	delete(c.items, old.key)
	c.held -= old.size
}

// Clear forgets everything.
func (c *Cache[K, V]) Clear() {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.items)
	c.order.Init()
	c.held = 0
}

// Held returns how many values the cache has, and how many bytes they take.
func (c *Cache[K, V]) Held() (values int, bytes int64) {
	if c == nil {
		return 0, 0
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.items), c.held
}
