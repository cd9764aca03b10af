package catalog

import (
	"slices"
	"sync"
)

// searchMemory bounds the bytes that columns kept for searches take, of all
// catalogs of the process together. A search that finds no room loads them for
// itself, in as much memory and in a hundred times the time; so there is room
// for a repository of some ten million distinct entries.
const searchMemory = 384 << 20

// searches keeps columns between the searches of a process. Nothing depends on
// what is in it but time.
var searches = &searchCache{max: searchMemory}

// searchKey names one state of one catalog.
type searchKey struct {
	c                   *Catalog
	generation, changes uint64
}

// searchCache keeps the columns of the catalogs searched last. Who uses columns
// that it forgets goes on using them.
type searchCache struct {
	max int64

	mu    sync.Mutex
	used  int64
	items []searchCacheItem // the one used last is the last
}

type searchCacheItem struct {
	cols *searchColumns
	size int64
}

// columns returns the columns of v's state, empty ones where none are kept.
// Those of other states of the same catalog are forgotten.
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

// admit reports whether size more bytes of cols may be kept. It forgets the
// columns that were used longest ago to make room.
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

// fits reports whether size more bytes may be kept and nothing forgotten for them.
func (s *searchCache) fits(size int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.used+size <= s.max
}

func (s *searchCache) remove(i int) {
	s.used -= s.items[i].size
	s.items = slices.Delete(s.items, i, i+1)
}

// forget drops everything of a catalog. The caller holds mu.
func (s *searchCache) forget(c *Catalog) {
	for i := len(s.items) - 1; i >= 0; i-- {
		if s.items[i].cols.key.c == c {
			s.remove(i)
		}
	}
}

// drop forgets a catalog that is closed.
func (s *searchCache) drop(c *Catalog) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forget(c)
}
