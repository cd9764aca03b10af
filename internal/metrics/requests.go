package metrics

import (
	"sync"

	"syncline.dev/syncline"
)

// Counter counts the requests to an opened storage. A kind is a verb and a kind of
// file, such as "get data".
type Counter interface {
	Counts() (requests map[string]int64, bytes, retries int64)
}

// requests are those of one repository: sums of closed storages, and counters of
// the open ones.
type requests struct {
	closed map[string]int64
	open   map[*opened]bool
}

type opened struct{ counter Counter }

// Opened counts the requests of a repository's storage that has been opened. closed
// must be called when nobody uses the storage any more.
func (m *Metrics) Opened(repository syncline.ID, c Counter) (closed func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := m.requests[repository]
	if r == nil {
		r = &requests{closed: make(map[string]int64), open: make(map[*opened]bool)}
		m.requests[repository] = r
	}
	o := &opened{c}
	r.open[o] = true
	return sync.OnceFunc(func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		delete(r.open, o)
		add(r.closed, c)
	})
}

// total returns the number of requests by kind. The caller holds the lock of the
// metrics.
func (r *requests) total() map[string]int64 {
	sum := make(map[string]int64)
	if r == nil {
		return sum
	}
	for kind, n := range r.closed {
		sum[kind] = n
	}
	for o := range r.open {
		add(sum, o.counter)
	}
	return sum
}

func add(sum map[string]int64, c Counter) {
	counts, _, _ := c.Counts()
	for kind, n := range counts {
		sum[kind] += n
	}
}
