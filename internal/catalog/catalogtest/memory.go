package catalogtest

import (
	"context"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/catalog"
)

// Memory is a catalog.Container in memory, for tests. It holds its users to
// the contract, as Checked does.
type Memory struct {
	updating chan struct{} // holds the token of the running update
	running  sync.WaitGroup
	lost     atomic.Int64 // times that the connections were lost
	finals   finals

	mu     sync.Mutex
	closed bool
	state  memoryState
	works  map[syncline.ID]int64 // the epochs of works that were taken
}

// memoryState is one state. Its map and its values are replaced, never changed.
type memoryState struct {
	head   catalog.Head
	values map[key][]byte
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
	c.state = m.state
	c.works = maps.Clone(m.works)
	c.finals.set = m.finals.clone()
	return c
}

// LoseConnections has every view that runs lose its connection. A view whose state
// is still the present one goes on, as the contract says.
func (m *Memory) LoseConnections() { m.lost.Add(1) }

// TakeWork takes a work, over from whoever has it, and returns the claim to it.
// Updates under other claims to the work are refused from then on.
func (m *Memory) TakeWork(_ testing.TB, work syncline.ID) catalog.Claim {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.works == nil {
		m.works = make(map[syncline.ID]int64)
	}
	m.works[work]++
	return catalog.Claim{Work: work, Epoch: m.works[work]}
}

// holds reports whether the claim that ctx carries holds; a context without one is free.
func (m *Memory) holds(ctx context.Context) bool {
	claim, ok := catalog.ClaimOf(ctx)
	m.mu.Lock()
	defer m.mu.Unlock()
	return !ok || claim.Epoch > 0 && m.works[claim.Work] == claim.Epoch
}

// Spoil changes a value behind the catalog's back. how returns nil for a value
// that goes.
func (m *Memory) Spoil(kind catalog.Kind, no uint64, how func([]byte) []byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	values := maps.Clone(m.state.values)
	k := key{kind, no}
	if v := how(slices.Clone(values[k])); v != nil {
		values[k] = v
	} else {
		delete(values, k)
	}
	m.state.values = values
}

// SpoilHead changes the head behind the catalog's back.
func (m *Memory) SpoilHead(how func([]byte) []byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.state.head = catalog.Head(how([]byte(m.state.head)))
}

// enter counts a transaction in and returns the state it starts from.
func (m *Memory) enter(ctx context.Context) (memoryState, error) {
	if err := ctx.Err(); err != nil {
		return memoryState{}, canceled(err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return memoryState{}, syncline.Errorf(syncline.CodeUnavailable, "the container is closed")
	}
	m.running.Add(1)
	return m.state, nil
}

func canceled(err error) error {
	return syncline.WrapError(syncline.CodeCanceled, err, "the operation was canceled")
}

// View runs fn on one state.
func (m *Memory) View(ctx context.Context, fn func(catalog.Reader) error) error {
	return checkedView(ctx, m.view, fn)
}

func (m *Memory) view(ctx context.Context, fn func(catalog.Reader) error) error {
	state, err := m.enter(ctx)
	if err != nil {
		return err
	}
	defer m.running.Done()
	return fn(&memoryTx{m: m, ctx: ctx, memoryState: state, view: true, lost: m.lost.Load()})
}

// Update runs fn on a copy of the state and keeps it when fn succeeds.
func (m *Memory) Update(ctx context.Context, expected catalog.Head, fn func(catalog.Writer) error) error {
	return m.finals.update(ctx, expected, m.update, fn)
}

func (m *Memory) update(ctx context.Context, expected catalog.Head, fn func(catalog.Writer) error) error {
	select {
	case m.updating <- struct{}{}:
	case <-ctx.Done():
		return canceled(ctx.Err())
	}
	defer func() { <-m.updating }()
	state, err := m.enter(ctx)
	if err != nil {
		return err
	}
	defer m.running.Done()
	if state.head != expected {
		return catalog.Conflict()
	}
	if !m.holds(ctx) {
		return catalog.ClaimLost()
	}
	if state.values = maps.Clone(state.values); state.values == nil {
		state.values = make(map[key][]byte)
	}
	t := &memoryTx{m: m, ctx: ctx, memoryState: state}
	if err := fn(t); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return canceled(err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.state = t.memoryState
	return nil
}

// Size returns the sum of the values' lengths.
func (m *Memory) Size(context.Context) (int64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var sum int64
	for _, v := range m.state.values {
		sum += int64(len(v))
	}
	return sum, nil
}

// Close waits for transactions that run.
func (m *Memory) Close() error {
	m.mu.Lock()
	m.closed = true
	m.mu.Unlock()
	m.running.Wait()
	return nil
}

type memoryTx struct {
	memoryState
	m    *Memory
	ctx  context.Context
	view bool

	lost int64 // Memory.lost as the connection was made
}

// connected fails when the context has ended, or the connection is lost for
// good.
func (t *memoryTx) connected() error {
	if err := t.ctx.Err(); err != nil {
		return canceled(err)
	}
	lost := t.m.lost.Load()
	if !t.view || lost == t.lost {
		return nil
	}
	t.m.mu.Lock()
	defer t.m.mu.Unlock()
	if t.m.state.head != t.head {
		return syncline.Errorf(syncline.CodeUnavailable, "the connection to the catalog was lost while it was read; try again")
	}
	t.memoryState, t.lost = t.m.state, lost
	return nil
}

func (t *memoryTx) Head() catalog.Head { return t.head }

func (t *memoryTx) Get(kind catalog.Kind, no uint64) ([]byte, error) {
	if err := t.connected(); err != nil {
		return nil, err
	}
	v, ok := t.values[key{kind, no}]
	if !ok {
		return nil, nil
	}
	return append([]byte{}, v...), nil
}

func (t *memoryTx) GetMany(kind catalog.Kind, nos ...uint64) ([][]byte, error) {
	values := make([][]byte, len(nos))
	for i, no := range nos {
		var err error
		if values[i], err = t.Get(kind, no); err != nil {
			return nil, err
		}
	}
	return values, nil
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
		if err := t.connected(); err != nil {
			return err
		}
		// One buffer for all calls shows who keeps what is lent to them.
		buf = append(buf[:0], t.values[key{kind, no}]...)
		if err := fn(no, buf); err != nil {
			return err
		}
	}
	return t.connected()
}

func (t *memoryTx) SetHead(head catalog.Head) error {
	t.head = head
	return t.connected()
}

func (t *memoryTx) Put(kind catalog.Kind, no uint64, value []byte) error {
	t.values[key{kind, no}] = append([]byte{}, value...)
	return t.connected()
}

func (t *memoryTx) PutFinal(kind catalog.Kind, no uint64, value []byte) error {
	return t.Put(kind, no, value)
}

func (t *memoryTx) Delete(kind catalog.Kind, first, last uint64) error {
	maps.DeleteFunc(t.values, func(k key, _ []byte) bool {
		return k.kind == kind && k.no >= first && k.no <= last
	})
	return t.connected()
}

func (t *memoryTx) Renew(keep ...catalog.Kind) (catalog.Reader, error) {
	old := *t
	t.values = maps.Clone(t.values)
	maps.DeleteFunc(t.values, func(k key, _ []byte) bool { return !slices.Contains(keep, k.kind) })
	return &old, t.connected()
}
