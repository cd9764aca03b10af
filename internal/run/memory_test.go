package run_test

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/store"
)

// memory is store.Works in memory. Its clock is the test's.
type memory struct {
	store.Hub
	mu    sync.Mutex
	seq   int
	work  map[syncline.ID]*record
	holds map[syncline.ID]heldUntil
	ends  map[syncline.ID]int // how often an end was recorded
}

type record struct {
	store.Work
	seq   int
	until time.Time // zero for a lease without an end
	log   []syncline.LogItem
}

type heldUntil struct {
	store.Hold
	until time.Time
}

func newMemory() *memory {
	return &memory{work: make(map[syncline.ID]*record), holds: make(map[syncline.ID]heldUntil), ends: make(map[syncline.ID]int)}
}

// all returns what match selects, oldest first. The caller holds mu.
func (m *memory) all(match func(*record) bool) (list []*record) {
	for _, r := range m.work {
		if match(r) {
			list = append(list, r)
		}
	}
	slices.SortFunc(list, func(a, b *record) int { return cmp.Compare(a.seq, b.seq) })
	return list
}

func plain(list []*record) []store.Work {
	all := make([]store.Work, len(list))
	for i, r := range list {
		all[i] = r.Work
	}
	return all
}

func (m *memory) keptOut(repository syncline.ID, kind syncline.WorkKind) error {
	var err error
	for _, h := range m.holds {
		if h.RepositoryID != repository || !h.until.After(time.Now()) {
			continue
		}
		if h.Kind == "" {
			return store.ErrLeaving
		}
		if h.Kind == kind {
			err = store.ErrHeld
		}
	}
	return err
}

func (m *memory) AddWork(ctx context.Context, w store.Work) (store.Work, bool, error) {
	return m.AddWorkIf(ctx, w, nil)
}

func (m *memory) AddWorkIf(_ context.Context, w store.Work, check func([]store.Work) error) (store.Work, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.keptOut(w.RepositoryID, w.Kind); err != nil {
		return store.Work{}, false, err
	}
	unended := m.all(func(r *record) bool { return r.Kind == w.Kind && !r.State.Ended() })
	for _, r := range unended {
		if w.Alone && r.RepositoryID == w.RepositoryID {
			r.Urgent = r.Urgent || w.Urgent
			return r.Work, false, nil
		}
	}
	if check != nil {
		if err := check(plain(unended)); err != nil {
			return store.Work{}, false, err
		}
	}
	w.State = syncline.WorkQueued
	m.seq++
	m.work[w.ID] = &record{Work: w, seq: m.seq}
	return w, true, nil
}

func (m *memory) get(kind syncline.WorkKind, id syncline.ID) (*record, error) {
	r := m.work[id]
	if r == nil || kind != "" && r.Kind != kind {
		return nil, syncline.Errorf(syncline.CodeNotFound, "there is no work %s", id)
	}
	return r, nil
}

func (m *memory) Work(_ context.Context, kind syncline.WorkKind, id syncline.ID) (store.Work, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r, err := m.get(kind, id)
	if err != nil {
		return store.Work{}, err
	}
	return r.Work, nil
}

func (m *memory) LatestWork(context.Context, syncline.WorkKind) ([]store.Work, error) {
	panic("not used")
}

func (m *memory) WorkPage(_ context.Context, q store.WorkQuery) ([]store.Work, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	list := plain(m.all(func(r *record) bool { return r.Kind == q.Kind }))
	slices.Reverse(list)
	return list, nil
}

func (m *memory) UnendedWork(_ context.Context, kind syncline.WorkKind) ([]store.Work, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return plain(m.all(func(r *record) bool { return r.Kind == kind && !r.State.Ended() })), nil
}

func (m *memory) TakeWork(_ context.Context, t store.Taking) ([]store.Taken, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now()
	over := func(r *record) bool { return r.Owner == "" || !r.until.IsZero() && !r.until.After(now) }
	list := m.all(func(r *record) bool {
		return r.Kind == t.Kind && !r.State.Ended() && (t.ID == "" || t.ID == r.ID) && (over(r) || t.Again && r.Owner == t.Owner) &&
			(r.StopRequested || !t.Stopping && (r.Node == "" || r.Node == t.Owner) && m.keptOut(r.RepositoryID, r.Kind) == nil)
	})
	rank := func(r *record) int {
		return map[bool]int{true: 0, false: 2}[r.StopRequested] + map[bool]int{true: 0, false: 1}[r.Urgent]
	}
	slices.SortStableFunc(list, func(a, b *record) int { return cmp.Compare(rank(a), rank(b)) })
	if t.Limit > 0 {
		list = list[:min(t.Limit, len(list))]
	}
	if t.Running > 0 && !t.Stopping {
		held := len(m.all(func(r *record) bool {
			return r.Kind == t.Kind && !r.State.Ended() && !over(r) && (!t.Again || r.Owner != t.Owner)
		}))
		list = list[:min(len(list), max(t.Running-held, 0))]
	}
	taken := make([]store.Taken, len(list))
	for i, r := range list {
		taken[i].From = r.Owner
		r.Owner, r.Epoch, r.until = t.Owner, r.Epoch+1, time.Time{}
		if t.Length != 0 {
			r.until = now.Add(t.Length)
		}
		taken[i].Work = r.Work
	}
	return taken, nil
}

// held returns what an owner holds of a list. The caller holds mu.
func (m *memory) held(owner string, held []store.Held) (list []*record) {
	for _, h := range held {
		if r := m.work[h.ID]; r != nil && r.Epoch == h.Epoch && r.Owner == owner && !r.State.Ended() {
			list = append(list, r)
		}
	}
	return list
}

func (m *memory) RenewWork(_ context.Context, owner string, length time.Duration, held []store.Held) (renewed []store.Renewed, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, r := range m.held(owner, held) {
		r.until = time.Now().Add(length)
		renewed = append(renewed, store.Renewed{Held: store.Held{ID: r.ID, Epoch: r.Epoch}, StopRequested: r.StopRequested})
	}
	return renewed, nil
}

func (m *memory) ReturnWork(_ context.Context, owner string, held []store.Held) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, r := range m.held(owner, held) {
		r.Lease, r.until = store.Lease{Epoch: r.Epoch + 1}, time.Time{}
	}
	return nil
}

// fenced returns the record of work in an epoch. The caller holds mu.
func (m *memory) fenced(id syncline.ID, epoch int64) (*record, error) {
	r, err := m.get("", id)
	if err == nil && r.Epoch != epoch {
		err = syncline.Errorf(syncline.CodeConflict, "another node has taken the work over")
	}
	return r, err
}

func (m *memory) UpdateWork(_ context.Context, w store.Work) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	r, err := m.fenced(w.ID, w.Epoch)
	if err != nil {
		return err
	}
	if r.State.Ended() {
		return syncline.Errorf(syncline.CodeConflict, "the work has ended")
	}
	r.State, r.Progress, r.Error, r.StartedAt, r.EndedAt, r.Result = w.State, max(r.Progress, w.Progress), w.Error, w.StartedAt, w.EndedAt, w.Result
	if r.State.Ended() {
		m.ends[w.ID]++
	}
	return nil
}

func (m *memory) RequestStop(_ context.Context, kind syncline.WorkKind, id syncline.ID) (store.Work, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r, err := m.get(kind, id)
	if err != nil {
		return store.Work{}, err
	}
	r.StopRequested = r.StopRequested || !r.State.Ended()
	return r.Work, nil
}

func (m *memory) HoldWork(_ context.Context, h store.Hold, length time.Duration) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, other := range m.holds {
		if h.Kind == "" && other.Kind == "" && other.ID != h.ID && other.RepositoryID == h.RepositoryID && other.until.After(time.Now()) {
			return store.ErrLeaving
		}
	}
	m.holds[h.ID] = heldUntil{h, time.Now().Add(length)}
	return nil
}

func (m *memory) RenewHold(_ context.Context, id syncline.ID, length time.Duration) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	h := m.holds[id]
	if !h.until.After(time.Now()) {
		return store.ErrHoldOver
	}
	h.until = time.Now().Add(length)
	m.holds[id] = h
	return nil
}

func (m *memory) DropHold(_ context.Context, id syncline.ID) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.holds, id)
	return nil
}

func (m *memory) AppendLog(_ context.Context, work syncline.ID, epoch int64, items ...syncline.LogItem) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	r, err := m.fenced(work, epoch)
	if err == nil {
		r.log = append(r.log, items...)
	}
	return err
}

func (m *memory) Log(_ context.Context, kind syncline.WorkKind, id syncline.ID, _, _ int) ([]syncline.LogItem, int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r, err := m.get(kind, id)
	if err != nil {
		return nil, 0, err
	}
	return slices.Clone(r.log), len(r.log), nil
}

func (m *memory) Thin(context.Context, store.Keep) (bool, error) { return false, nil }

// commit is a write to a catalog under a claim.
func (m *memory) commit(id syncline.ID, epoch int64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	r, err := m.fenced(id, epoch)
	if err == nil && r.State.Ended() {
		err = fmt.Errorf("the work has ended")
	}
	return err
}
