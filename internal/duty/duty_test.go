package duty

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/store"
	"syncline.dev/syncline/internal/store/sqlite"
)

// table is the duties in memory, by the clock of the bubble.
type table struct {
	mu          sync.Mutex
	owner, name string
	epoch       int64
	until       time.Time
	asked       int
	broken      error
}

func (b *table) TakeDuty(_ context.Context, name, owner string, length time.Duration) (int64, bool, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.asked++
	switch {
	case b.broken != nil:
		return 0, false, b.broken
	case b.owner != owner && time.Now().Before(b.until):
		return 0, false, nil
	case b.owner != owner:
		b.epoch++
	}
	b.name, b.owner, b.until = name, owner, time.Now().Add(length)
	return b.epoch, true, nil
}

func (b *table) DropDuty(_ context.Context, d store.Duty) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.owner == d.Owner && b.epoch == d.Epoch {
		b.owner, b.until = "", time.Time{}
	}
	return nil
}

// count returns how often the table was asked since the last call.
func (b *table) count() (asked int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	asked, b.asked = b.asked, 0
	return asked
}

func holder(b *table, node syncline.ID) *Holder {
	return &Holder{Store: b, Name: "notify", Node: node, Length: Length, Every: Every, Logger: slog.New(slog.DiscardHandler)}
}

func held(t *testing.T, h *Holder) context.Context {
	t.Helper()
	ctx, err := h.Held(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return ctx
}

func TestKeep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &table{}
		first, second := holder(b, "a"), holder(b, "b")
		ctx, stop := context.WithCancel(t.Context())
		go first.Keep(ctx)
		synctest.Wait()
		tenure := held(t, first)
		if tenure == nil || held(t, second) != nil {
			t.Fatal("the first node has not got the duty, or both have")
		}
		if d, ok := store.DutyOf(tenure); !ok || d != (store.Duty{Name: "notify", Owner: "a", Epoch: 1}) {
			t.Errorf("the writes of the duty have %+v", d)
		}
		b.count()
		<-time.After(time.Hour)
		synctest.Wait()
		if held(t, first) != tenure || tenure.Err() != nil {
			t.Error("a duty that is kept became another one")
		}
		if most, asked := int(time.Hour/Every), b.count(); asked > most {
			t.Errorf("the store was asked %d times in an hour, more than %d times", asked, most)
		}
		if held(t, second) != nil {
			t.Error("the second node has the duty, too")
		}
		stop()
		synctest.Wait()
		if tenure.Err() == nil {
			t.Error("what was done for the duty goes on after its end")
		}
		<-time.After(Every)
		if held(t, second) == nil {
			t.Error("the duty was not let go")
		}
	})
}

// TestSilence has a node that does not take its duty again in time.
func TestSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &table{}
		first, second := holder(b, "a"), holder(b, "b")
		tenure := held(t, first)
		<-time.After(Length - time.Second)
		if tenure.Err() != nil || held(t, second) != nil {
			t.Fatal("the duty has ended too early")
		}
		<-time.After(Every)
		synctest.Wait()
		if !errors.Is(context.Cause(tenure), errLost) {
			t.Error("what is done for a duty that is over goes on")
		}
		if held(t, second) == nil || held(t, first) != nil {
			t.Error("the second node did not take over")
		}
		<-time.After(Length + Every)
		if again := held(t, first); again == nil || again == tenure {
			t.Error("the first node did not take the duty back, as a new one")
		}
		first.Drop(t.Context())
	})
}

// TestLostDatabase has a database that does not answer for a while.
func TestLostDatabase(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &table{}
		h := holder(b, "a")
		tenure := held(t, h)
		b.broken = errors.New("no connection")
		<-time.After(Every)
		if ctx, err := h.Held(t.Context()); err == nil || ctx != tenure {
			t.Errorf("got %v, %v within the time of the duty", ctx, err)
		}
		<-time.After(Length)
		if ctx, err := h.Held(t.Context()); err == nil || ctx != nil || tenure.Err() == nil {
			t.Errorf("got %v, %v after it", ctx, err)
		}
		b.broken = nil
		<-time.After(Every)
		if held(t, h) == nil {
			t.Error("the duty does not come back with the database")
		}
		h.Drop(t.Context())
	})
}

func TestChecks(t *testing.T) {
	db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	node := func(id syncline.ID) *Checks {
		return &Checks{Store: db, Self: id, Logger: slog.New(slog.DiscardHandler)}
	}
	first, second := node("a"), node("b")
	ctx, drop, err := first.Take(t.Context(), "r1")
	if err != nil || ctx == nil {
		t.Fatalf("got %v, %v", ctx, err)
	}
	if ctx, _, err := second.Take(t.Context(), "r1"); ctx != nil || err != nil {
		t.Errorf("two nodes check the repository: %v", err)
	}
	if taken, err := second.Taken(t.Context()); err != nil || len(taken) != 1 || !taken["r1"] {
		t.Errorf("taken are %v, %v", taken, err)
	}
	if taken, err := first.Taken(t.Context()); err != nil || len(taken) != 0 {
		t.Errorf("others have taken %v, %v", taken, err)
	}
	drop()
	if ctx.Err() == nil {
		t.Error("the check goes on after its duty")
	}
	other, drop, err := second.Take(t.Context(), "r1")
	if err != nil || other == nil {
		t.Fatalf("the duty was not let go: %v", err)
	}
	drop()
}
