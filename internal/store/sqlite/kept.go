package sqlite

import (
	"slices"
	"sync"
	"sync/atomic"
)

// kept is a list that many ask for, read once and kept until the next write to
// the database: a running session writes a few times a second, while clients
// ask hundreds of times. Writes are counted when they are durable and before
// their callers hear of them, so nobody gets a list that is older than what was
// told. It is for tables that only the process writes which serves them; what
// commands beside it write is users.
type kept[T any] struct {
	mu   sync.Mutex // held while one caller reads for all
	list []T
	as   uint64 // writes when list was read, and one; 0 for no list
}

// get returns a slice of the caller's own, whose maps are shared. writes counts
// the writes.
func (k *kept[T]) get(writes *atomic.Uint64, read func() ([]T, error)) ([]T, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	as := writes.Load() + 1
	if k.as != as {
		list, err := read()
		if err != nil {
			return nil, err
		}
		k.list, k.as = list, as
	}
	return slices.Clone(k.list), nil
}
