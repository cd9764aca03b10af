package schedule_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/watch/schedule"
)

// hanging is a checker of which some repositories never answer.
type hanging struct {
	*world
	deaf map[syncline.ID]bool // do not hear of the end of a context, until released
	hang map[syncline.ID]bool // wait for it
	free chan struct{}
}

func (h hanging) Check(ctx context.Context, r syncline.Repository) (schedule.Found, error) {
	h.mu.Lock()
	h.checks = append(h.checks, seen{r.ID, time.Now()})
	h.mu.Unlock()
	switch {
	case h.deaf[r.ID]:
		<-h.free
	case h.hang[r.ID]:
		<-ctx.Done()
		return schedule.Found{}, ctx.Err()
	}
	return schedule.Found{Listing: "a"}, nil
}

// TestHangingStorage has forty repositories of which more hang than checks may run at
// once. The others have all of their turns, and the hanging ones an alarm.
func TestHangingStorage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 40)
		h := hanging{w, map[syncline.ID]bool{id(3): true, id(4): true}, map[syncline.ID]bool{}, make(chan struct{})}
		for i := 5; i < 15; i++ {
			h.hang[id(i)] = true
		}
		w.service.Checker, w.service.Now = h, time.Now
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			w.service.Run(ctx)
		}()
		begun := time.Now()
		<-time.After(4 * time.Hour)
		synctest.Wait()
		for i := range w.list {
			times := of(w.checks, id(i))
			switch {
			case h.deaf[id(i)]: // is not asked again while it does not answer
				if len(times) != 1 {
					t.Errorf("repository %d, deaf: %d checks", i, len(times))
				}
			case h.hang[id(i)]:
				if len(times) < 8 || len(times) > 30 {
					t.Errorf("repository %d, hanging: %d checks", i, len(times))
				}
			case len(times) < 16 || len(times) > 18:
				t.Errorf("repository %d: %d checks in four hours", i, len(times))
			case times[0].Sub(begun) > 3*time.Minute:
				t.Errorf("repository %d is first checked after %s", i, times[0].Sub(begun))
			}
			last, next := w.service.LastCheck(id(i))
			if next.IsZero() != h.deaf[id(i)] || !next.IsZero() && time.Since(next) > 6*time.Minute {
				t.Errorf("repository %d: the next check is at %s", i, next)
			}
			bad := h.deaf[id(i)] || h.hang[id(i)]
			if bad != (last.Result == syncline.CheckFailed) || bad != (len(w.open(id(i))) == 1) {
				t.Errorf("repository %d: %+v, %v", i, last, w.open(id(i)))
			}
		}
		cancel()
		synctest.Wait()
		<-time.After(time.Minute) // the service gives those up that do not hear
		<-ended
		close(h.free)
		if len(w.records) != 40 {
			t.Errorf("%d checks are recorded at the end", len(w.records))
		}
	})
}
