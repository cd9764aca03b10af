package relational

import "sync"

// kept is a list that many clients ask for. It is read once and kept until the next
// write to the database: a running session writes a few times a second, while clients
// ask hundreds of times. The engine counts a transaction when it is durable and before
// its callers hear of it. So nobody gets a list that is older than a write that was
// answered. Writes of other processes are not counted: only the server writes the
// tables of these lists.
type kept[T any] struct {
	mu   sync.Mutex // held while one caller reads for all
	list []T
	as   uint64 // the count of writes when list was read, plus one; 0 for no list
}

// get returns the list, which all callers share and none changes. writes counts the
// writes; without it nothing is kept.
func (k *kept[T]) get(writes func() uint64, read func() ([]T, error)) ([]T, error) {
	if writes == nil {
		return read()
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	as := writes() + 1
	if k.as != as {
		list, err := read()
		if err != nil {
			return nil, err
		}
		k.list, k.as = list, as
	}
	return k.list, nil
}
