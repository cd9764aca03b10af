package catalogtest

import (
	"context"
	"maps"
	"slices"
	"sync"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/catalog"
)

// Memory is a catalog.Container in memory, for tests.
type Memory struct {
	updating chan struct{} // holds the token of the running update
	running  sync.WaitGroup

	mu     sync.Mutex
	closed bool
	values map[key][]byte // replaced, never changed
}

type key struct {
	kind catalog.Kind
	no   uint64
}

// NewMemory returns an empty container.
func NewMemory() *Memory { return &Memory{updating: make(chan struct{}, 1)} }

// Clone returns a container with the same values, as a copy of a file would be.
func (m *Memory) Clone() *Memory {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := NewMemory()
	c.values = m.values
	return c
}

// enter counts a transaction in and returns the state it starts from.
func (m *Memory) enter(ctx context.Context) (map[key][]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, canceled(err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return nil, syncline.Errorf(syncline.CodeUnavailable, "the container is closed")
	}
	m.running.Add(1)
	return m.values, nil
}

func canceled(err error) error {
	return syncline.WrapError(syncline.CodeCanceled, err, "the operation was canceled")
}

// View runs fn on one state.
func (m *Memory) View(ctx context.Context, fn func(catalog.Reader) error) error {
	values, err := m.enter(ctx)
	if err != nil {
		return err
	}
	defer m.running.Done()
	return fn(&memoryTx{ctx, values})
}

// Update runs fn on a copy of the state and keeps it when fn succeeds.
func (m *Memory) Update(ctx context.Context, fn func(catalog.Writer) error) error {
	select {
	case m.updating <- struct{}{}:
	case <-ctx.Done():
		return canceled(ctx.Err())
	}
	defer func() { <-m.updating }()
	values, err := m.enter(ctx)
	if err != nil {
		return err
	}
	defer m.running.Done()
	if values = maps.Clone(values); values == nil {
		values = make(map[key][]byte)
	}
	if err := fn(&memoryTx{ctx, values}); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return canceled(err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.values = values
	return nil
}

// Size returns the sum of the values' lengths.
func (m *Memory) Size(context.Context) (int64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var sum int64
	for _, v := range m.values {
		sum += int64(len(v))
	}
	return sum, nil
}

// Close waits for what runs.
func (m *Memory) Close() error {
	m.mu.Lock()
	m.closed = true
	m.mu.Unlock()
	m.running.Wait()
	return nil
}

type memoryTx struct {
	ctx    context.Context
	values map[key][]byte
}

func (t *memoryTx) Get(kind catalog.Kind, no uint64) ([]byte, error) {
	if err := t.ctx.Err(); err != nil {
		return nil, canceled(err)
	}
	v, ok := t.values[key{kind, no}]
	if !ok {
		return nil, nil
	}
	return append([]byte{}, v...), nil
}

func (t *memoryTx) Scan(kind catalog.Kind, first uint64, fn func(uint64, []byte) error) error {
	var nos []uint64
	for k := range t.values {
		if k.kind == kind && k.no >= first {
			nos = append(nos, k.no)
		}
	}
	slices.Sort(nos)
	buf := []byte{}
	for _, no := range nos {
		if err := t.ctx.Err(); err != nil {
			return canceled(err)
		}
		// One buffer for all calls shows who keeps what is lent to them.
		buf = append(buf[:0], t.values[key{kind, no}]...)
		if err := fn(no, buf); err != nil {
			return err
		}
	}
	if err := t.ctx.Err(); err != nil {
		return canceled(err)
	}
	return nil
}

func (t *memoryTx) Put(kind catalog.Kind, no uint64, value []byte) error {
	if err := t.ctx.Err(); err != nil {
		return canceled(err)
	}
	t.values[key{kind, no}] = append([]byte{}, value...)
	return nil
}

func (t *memoryTx) Delete(kind catalog.Kind, first, last uint64) error {
	maps.DeleteFunc(t.values, func(k key, _ []byte) bool {
		return k.kind == kind && k.no >= first && k.no <= last
	})
	return nil
}
