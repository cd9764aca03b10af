package postgres

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/google/uuid"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/pgtest"
	"syncline.dev/syncline/internal/store"
	"syncline.dev/syncline/internal/store/relational"
	"syncline.dev/syncline/internal/store/sqlite"
)

// TestNumbersGoOn carries a state whose events were all told to PostgreSQL and back: the
// next event has a number that no event had.
func TestNumbersGoOn(t *testing.T) {
	one, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "one"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { one.Close() })
	back, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "back"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { back.Close() })
	shared := openTest(t, pgtest.New(t))
	last := int64(0)
	tell := func(s store.Store, many int) {
		t.Helper()
		for range many {
			a := syncline.Alarm{
				ID: syncline.ID(uuid.NewString()), StartedAt: time.Unix(1, 0), Peak: syncline.SeverityWarning,
				Condition: syncline.Condition{Kind: syncline.AlarmStorageLow, Severity: syncline.SeverityWarning, Subject: uuid.NewString()},
			}
			change := store.AlarmChange{New: true, Alarm: a, Event: syncline.AlarmBegan, TellAt: time.Unix(1, 0)}
			if err := s.ChangeAlarms(t.Context(), time.Unix(1, 0), []store.AlarmChange{change}); err != nil {
				t.Fatal(err)
			}
			events, err := s.PendingEvents(t.Context(), 10)
			if err != nil || len(events) != 1 {
				t.Fatalf("got %+v, %v", events, err)
			}
			if events[0].Seq <= last {
				t.Errorf("the number %d comes after %d", events[0].Seq, last)
			}
			last = events[0].Seq
			if err := s.Hand(t.Context(), []int64{last}, nil); err != nil {
				t.Fatal(err)
			}
		}
	}
	tell(one, 3)
	if _, err := relational.Carry(t.Context(), one.Store, shared.Store, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := relational.Carry(t.Context(), shared.Store, back.Store, nil); err != nil {
		t.Fatal(err)
	}
	tell(back, 3)
	if last != 6 {
		t.Errorf("six events end with the number %d", last)
	}
	last = 3
	tell(shared, 1)
}
