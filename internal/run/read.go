package run

import (
	"context"
	"encoding/json"
	"slices"
	"sync"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/store"
)

// Get returns a piece of work in its true state, also where the store could not record
// that state. So do all methods that read.
func (s *Service) Get(ctx context.Context, kind syncline.WorkKind, id syncline.ID) (store.Work, error) {
	shown := s.shown.now()
	w, err := s.Store.Work(ctx, kind, id)
	return shown.asItIs(w), err
}

// Latest returns for every repository its unended work of a kind, or else its latest,
// newest first. Callers share the list and do not change it.
func (s *Service) Latest(ctx context.Context, kind syncline.WorkKind) ([]store.Work, error) {
	shown := s.shown.now()
	list, err := s.Store.LatestWork(ctx, kind)
	if len(shown) == 0 {
		return list, err
	}
	return shown.all(slices.Clone(list)), err
}

// Page returns one page of work, newest first.
func (s *Service) Page(ctx context.Context, q store.WorkQuery) ([]store.Work, error) {
	shown := s.shown.now()
	list, err := s.Store.WorkPage(ctx, q)
	return shown.all(list), err
}

// Unended returns the work of a kind that has not ended, oldest first.
func (s *Service) Unended(ctx context.Context, kind syncline.WorkKind) ([]store.Work, error) {
	shown := s.shown.now()
	list, err := s.Store.UnendedWork(ctx, kind)
	return shown.unended(list), err
}

// unended keeps of a list what has truly not ended.
func (n now) unended(list []store.Work) []store.Work {
	left := list[:0]
	for _, w := range list {
		if w = n.asItIs(w); !w.State.Ended() {
			left = append(left, w)
		}
	}
	return left
}

// Log returns one page of a log, and how many items there are in all.
func (s *Service) Log(ctx context.Context, kind syncline.WorkKind, id syncline.ID, limit, offset int) ([]syncline.LogItem, int, error) {
	return s.Store.Log(ctx, kind, id, limit, offset)
}

func (n now) all(list []store.Work) []store.Work {
	for i, w := range list {
		list[i] = n.asItIs(w)
	}
	return list
}

// asItIs prefers what the store could not take, unless the work has ended there or was
// taken again meanwhile.
func (n now) asItIs(stored store.Work) store.Work {
	if stored.State.Ended() {
		return stored
	}
	w, ok := n[stored.ID]
	if !ok || w.Epoch != stored.Epoch {
		return stored
	}
	w.StopRequested = stored.StopRequested
	return w
}

// Each gives work the type of its kind.
func Each[T any](list []store.Work, of func(store.Work) T) []T {
	typed := make([]T, len(list))
	for i, w := range list {
		typed[i] = of(w)
	}
	return typed
}

// Memo is Each for a list that many clients ask for. It keeps the last answer, and gives
// a type only to work that differs from that answer. The zero Memo is empty. It is safe
// for concurrent use.
type Memo[T any] struct {
	mu    sync.Mutex
	list  []store.Work
	typed []T
}

// Each does the same as the function Each. Nobody changes the list afterwards; the maps
// and slices in the answer are shared.
func (m *Memo[T]) Each(list []store.Work, of func(store.Work) T) []T {
	m.mu.Lock()
	defer m.mu.Unlock()
	same := len(list) == len(m.list) && (len(list) == 0 || &list[0] == &m.list[0])
	if !same && !slices.Equal(list, m.list) {
		typed := make([]T, len(list))
		for i, w := range list {
			if i < len(m.list) && m.list[i] == w {
				typed[i] = m.typed[i]
			} else {
				typed[i] = of(w)
			}
		}
		m.list, m.typed = list, typed
	}
	return slices.Clone(m.typed)
}

// Parse reads an order or a result, which may be empty, and reports whether it could.
func Parse(text string, to any) bool {
	return text == "" || json.Unmarshal([]byte(text), to) == nil
}

// Unreadable shows work whose record is damaged as failed.
func Unreadable(w syncline.Work) syncline.Work {
	w.State, w.Error, w.Progress = syncline.WorkFailed, MsgUnreadable, min(w.Progress, percentLast)
	return w
}

// MsgUnreadable is the error of work whose record is damaged.
const MsgUnreadable = "the record of this is damaged in the server's database, so that it is not known how it ended; put a backup of the database in place, or go on without"
