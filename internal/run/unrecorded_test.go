package run

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/store"
)

// lateStore has one piece of work. It takes the end of it just after a read.
type lateStore struct {
	Store
	work     store.Work
	recorded func()
}

func (s *lateStore) read() []store.Work {
	list := []store.Work{s.work}
	s.work.State = syncline.WorkSucceeded
	s.recorded()
	return list
}

func (s *lateStore) Work(context.Context, syncline.WorkKind, syncline.ID) (store.Work, error) {
	return s.read()[0], nil
}

func (s *lateStore) LatestWork(context.Context, syncline.WorkKind) ([]store.Work, error) {
	return s.read(), nil
}

func (s *lateStore) WorkPage(context.Context, store.WorkQuery) ([]store.Work, error) {
	return s.read(), nil
}

func (s *lateStore) UnendedWork(context.Context, syncline.WorkKind) ([]store.Work, error) {
	return s.read(), nil
}

// TestEndRecordedMeanwhile reads work whose end the store could not take, while the store
// takes it. Everybody has seen that it has ended, and nobody sees it run again.
func TestEndRecordedMeanwhile(t *testing.T) {
	const kind = syncline.WorkSynchronize
	for name, read := range map[string]func(context.Context, *Service) ([]store.Work, error){
		"one": func(ctx context.Context, s *Service) ([]store.Work, error) {
			w, err := s.Get(ctx, kind, "a")
			return []store.Work{w}, err
		},
		"the latest": func(ctx context.Context, s *Service) ([]store.Work, error) { return s.Latest(ctx, kind) },
		"a page":     func(ctx context.Context, s *Service) ([]store.Work, error) { return s.Page(ctx, store.WorkQuery{}) },
		"unended":    func(ctx context.Context, s *Service) ([]store.Work, error) { return s.Unended(ctx, kind) },
	} {
		s := &Service{}
		running := store.Work{Work: syncline.Work{ID: "a", Kind: kind, State: syncline.WorkRunning}}
		ended := running
		ended.State = syncline.WorkSucceeded
		s.shown.put(ended)
		s.Store = &lateStore{work: running, recorded: func() { s.shown.drop("a") }}
		list, err := read(t.Context(), s)
		if err != nil {
			t.Error(err)
		}
		for _, w := range list {
			if !w.State.Ended() {
				t.Errorf("%s: it is shown as %s", name, w.State)
			}
		}
		if len(list) != 1 && name != "unended" {
			t.Errorf("%s: %d pieces", name, len(list))
		}
	}
}

// Attempts end: after an hour, at an error that stays, when nobody waits, and when
// one succeeds.
func TestRecordEnds(t *testing.T) {
	unavailable := syncline.Errorf(syncline.CodeUnavailable, "full")
	for name, c := range map[string]struct {
		fails   int // attempts
		err     error
		want    int
		longest time.Duration
	}{
		"never possible":    {1 << 30, unavailable, attempts, time.Hour},
		"possible later":    {3, unavailable, 4, 10 * time.Second},
		"pointless":         {1 << 30, syncline.Errorf(syncline.CodeConflict, "ended"), 1, 0},
		"possible at once":  {0, unavailable, 1, 0},
		"a defect of ours":  {1 << 30, syncline.Errorf(syncline.CodeInternal, "no"), 1, 0},
		"too large for it":  {1 << 30, syncline.Errorf(syncline.CodeTooLarge, "no"), 1, 0},
		"nobody is waiting": {1 << 30, unavailable, 1, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				stop, begun, calls, told := make(chan struct{}), time.Now(), 0, 0
				if name == "nobody is waiting" {
					close(stop)
				}
				attempt{stop: [3]<-chan struct{}{nil, stop}}.record(func() error {
					if calls++; calls <= c.fails {
						return c.err
					}
					return nil
				}, func(error) { told++ })
				if calls != c.want || told != min(c.fails, 1) || time.Since(begun) > c.longest {
					t.Errorf("%d attempts in %s, told %d times", calls, time.Since(begun), told)
				}
			})
		})
	}
}
