package storage

import (
	"context"
	"io"
	"maps"
	"strings"
	"sync"
	"sync/atomic"
)

// Counter counts the requests to a storage and the bytes of its answers. Its
// place is next to the back end, below retries, so it counts the requests that
// the storage bills.
type Counter struct {
	storage Storage
	bytes   atomic.Int64
	retries atomic.Int64

	mu       sync.Mutex
	requests map[string]int64
}

var _ Storage = (*Counter)(nil)

// NewCounter counts the requests to s.
func NewCounter(s Storage) *Counter {
	return &Counter{storage: s, requests: map[string]int64{}}
}

// Counts returns the requests so far by kind, the bytes read from opened files,
// and the number of further tries among the calls. A kind is a verb and the
// first element of the name, such as "list snapshots" or "get data". The caller
// owns the map.
func (c *Counter) Counts() (requests map[string]int64, bytes, retries int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.requests), c.bytes.Load(), c.retries.Load()
}

// List implements Storage. Each page is a request.
func (c *Counter) List(ctx context.Context, dir string, fn func(string, int64) error) error {
	ctx, done := c.begin(ctx, "list", dir)
	defer done()
	return c.storage.List(ctx, dir, fn)
}

// Open implements Storage.
func (c *Counter) Open(ctx context.Context, name string, offset, length int64) (io.ReadCloser, error) {
	ctx, done := c.begin(ctx, "get", name)
	defer done()
	r, err := c.storage.Open(ctx, name, offset, length)
	if err != nil {
		return nil, err
	}
	return &countedReader{r, &c.bytes}, nil
}

// begin prepares one call. The returned function counts one request if the back
// end has reported none.
func (c *Counter) begin(ctx context.Context, verb, name string) (context.Context, func()) {
	kind := kindOf(verb, name)
	if isFurtherTry(ctx) {
		c.retries.Add(1)
	}
	var reported atomic.Bool
	count := func() {
		reported.Store(true)
		c.mu.Lock()
		c.requests[kind]++
		c.mu.Unlock()
	}
	return observe(ctx, observer{request: count}), func() {
		if !reported.Load() {
			count()
		}
	}
}

// kindOf returns a request's kind, for counts and events.
func kindOf(verb, name string) string {
	first, _, _ := strings.Cut(name, "/")
	if first == "" {
		return verb
	}
	return verb + " " + first
}

type countedReader struct {
	io.ReadCloser
	bytes *atomic.Int64
}

func (r *countedReader) Read(p []byte) (int, error) {
	n, err := r.ReadCloser.Read(p)
	r.bytes.Add(int64(n))
	return n, err
}
