package catalog

import (
	"slices"
	"sync"
)

// searchMemory bounds the bytes of all columns that are kept for searches. It has room
// for a repository of about ten million distinct entries. A search without room loads
// the columns for itself, which takes a hundred times as long.
const searchMemory = 384 << 20

// searches keeps columns between the searches of a process. Only their speed depends on
// it.
var searches = &searchCache{max: searchMemory}

// searchKey names one state of one catalog.
type searchKey struct {
	c                   *Catalog
	generation, changes uint64
}

// searchCache keeps the columns of the catalogs that were searched last. A search goes
// on with columns that the cache has forgotten meanwhile.
type searchCache struct {
	max int64

	mu    sync.Mutex
	used  int64
	items []searchCacheItem // in the order of their last use
}

type searchCacheItem struct {
	cols *searchColumns
	size int64
}

// columns returns the columns for v's state, empty ones where it has none. It
// forgets those of other states of the same catalog.
func (s *searchCache) columns(v *View) *searchColumns {
	key := searchKey{v.c, v.m.Generation, v.m.Changes}
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, item := range s.items {
		if item.cols.key == key {
			s.items = append(slices.Delete(s.items, i, i+1), item)
			return item.cols
		}
	}
	s.forget(v.c)
	cols := &searchColumns{cache: s, key: key}
	s.items = append(s.items, searchCacheItem{cols: cols})
	return cols
}

// admit reports whether the cache can keep size more bytes of cols. It makes
// room by forgetting the columns whose last use is longest ago.
func (s *searchCache) admit(cols *searchColumns, size int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	at := slices.IndexFunc(s.items, func(x searchCacheItem) bool { return x.cols == cols })
	if at < 0 || s.items[at].size+size > s.max {
		return false
	}
	for i := 0; s.used+size > s.max; {
		if s.items[i].cols == cols {
			i++
			continue
		}
		s.remove(i)
	}
	at = slices.IndexFunc(s.items, func(x searchCacheItem) bool { return x.cols == cols })
	s.items[at].size += size
	s.used += size
	return true
}

// fits reports whether the cache can keep size more bytes and forget nothing.
func (s *searchCache) fits(size int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.used+size <= s.max
}

func (s *searchCache) remove(i int) {
	s.used -= s.items[i].size
	s.items = slices.Delete(s.items, i, i+1)
}

// forget drops all columns of a catalog. The caller holds mu.
func (s *searchCache) forget(c *Catalog) {
	for i := len(s.items) - 1; i >= 0; i-- {
		if s.items[i].cols.key.c == c {
			s.remove(i)
		}
	}
}

// drop forgets the columns of a catalog that is closed.
func (s *searchCache) drop(c *Catalog) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forget(c)
}
