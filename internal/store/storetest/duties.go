package storetest

import (
	"context"
	"reflect"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/store"
)

const (
	long  = time.Hour
	over  = -time.Nanosecond // the length of a duty that is over at once
	stale = -2 * time.Hour   // the same, long ago
)

// take takes a duty, which has to be free.
func take(t *testing.T, s store.Store, name, owner string, length time.Duration) store.Duty {
	t.Helper()
	epoch, taken, err := s.TakeDuty(t.Context(), name, owner, length)
	check(t, err)
	if !taken {
		t.Fatalf("%s does not get the duty %s", owner, name)
	}
	return store.Duty{Name: name, Owner: owner, Epoch: epoch}
}

// refused makes sure that another one has a duty.
func refused(t *testing.T, s store.Store, name, owner string) {
	t.Helper()
	if epoch, taken, err := s.TakeDuty(t.Context(), name, owner, long); taken || err != nil {
		t.Errorf("%s gets the duty %s with epoch %d, %v", owner, name, epoch, err)
	}
}

func testDuties(t *testing.T, s store.Store) {
	ctx := t.Context()
	held := func(prefix string, want ...store.Duty) {
		t.Helper()
		if got := must(s.HeldDuties(ctx, prefix))(t); len(got) != len(want) || len(got) > 0 && !reflect.DeepEqual(got, want) {
			t.Errorf("held with %q are %+v, want %+v", prefix, got, want)
		}
	}
	held("")
	first := take(t, s, "notify", "a", long)
	refused(t, s, "notify", "b")
	if again := take(t, s, "notify", "a", long); again != first {
		t.Errorf("taken again in time it is %+v after %+v", again, first)
	}
	one := take(t, s, "check/1", "b", long)
	take(t, s, "check/2", "b", over)
	held("", one, first)
	held("check/", one)

	// The time of one is over, and another one comes.
	take(t, s, "notify", "a", over)
	held("", one)
	second := take(t, s, "notify", "b", long)
	if second.Epoch == first.Epoch {
		t.Errorf("the epoch of %+v is that of %+v", second, first)
	}
	refused(t, s, "notify", "a")

	check(t, s.DropDuty(ctx, first)) // which it is not any more
	refused(t, s, "notify", "a")
	check(t, s.DropDuty(ctx, second))
	third := take(t, s, "notify", "b", long)
	if third.Epoch == second.Epoch {
		t.Errorf("let go and taken again, the epoch is the same: %+v", third)
	}
	check(t, s.DropDuties(ctx, "b"))
	held("")
	take(t, s, "watch", "c", stale)
	check(t, s.DropDuties(ctx, "a"))
	if fresh := take(t, s, "watch", "c", long); fresh.Epoch == 0 {
		t.Errorf("got %+v", fresh)
	}
}

// testDutyRace has many nodes that want a duty: one gets it.
func testDutyRace(t *testing.T, s store.Store) {
	for range 20 {
		var got atomic.Int32
		var all sync.WaitGroup
		for _, owner := range []string{"a", "b", "c", "d"} {
			all.Go(func() {
				_, taken, err := s.TakeDuty(t.Context(), "watch", owner, long)
				if err != nil {
					t.Error(err)
				}
				if taken {
					got.Add(1)
				}
			})
		}
		all.Wait()
		if n := got.Load(); n != 1 {
			t.Fatalf("%d nodes got the duty", n)
		}
		for _, owner := range []string{"a", "b", "c", "d"} {
			check(t, s.DropDuties(t.Context(), owner))
		}
	}
}

// testDutyOfWrites has a node that was stopped past the end of its duty.
func testDutyOfWrites(t *testing.T, s store.Store) {
	r := addRepository(t, s, "main")
	mine := store.WithDuty(t.Context(), take(t, s, "check", "a", over))
	c := syncline.Check{RepositoryID: r.ID, At: base, Result: syncline.CheckSuccess}
	check(t, s.PutChecks(mine, c)) // nobody else has it yet
	other := take(t, s, "check", "b", long)
	c.At = base.Add(time.Hour)
	wantCode(t, s.PutChecks(mine, c), syncline.CodeConflict)
	if got := must(s.CheckOf(t.Context(), r.ID))(t); !got.At.Equal(base) {
		t.Errorf("the stopped node has written %+v", got)
	}
	check(t, s.PutChecks(store.WithDuty(t.Context(), other), c))
	check(t, s.DropDuty(t.Context(), other))
	wantCode(t, s.PutChecks(store.WithDuty(t.Context(), other), c), syncline.CodeConflict)
}

// testDutyGuardsEachWrite tries what the watch writes with a duty that another node has.
func testDutyGuardsEachWrite(t *testing.T, s store.Store) {
	r := addRepository(t, s, "main")
	a := began(t, s, anAlarm("", "1"))
	lost := store.WithDuty(t.Context(), store.Duty{Name: "watch", Owner: "a", Epoch: 7})
	for what, write := range map[string]func(context.Context) error{
		"SetOutOfSync": func(ctx context.Context) error { return s.SetOutOfSync(ctx, r.ID, true) },
		"ChangeAlarms": func(ctx context.Context) error { return s.ChangeAlarms(ctx, base, []store.AlarmChange{{Alarm: a}}) },
		"Hand":         func(ctx context.Context) error { return s.Hand(ctx, []int64{1}, nil) },
		"HandDigest": func(ctx context.Context) error {
			return s.HandDigest(ctx, syncline.Delivery{ID: newID(), ChannelID: newID()}, base, base)
		},
		"UpdateDelivery":   func(ctx context.Context) error { return s.UpdateDelivery(ctx, syncline.Delivery{ID: newID()}) },
		"SetChannelHealth": func(ctx context.Context) error { return s.SetChannelHealth(ctx, newID(), base, "") },
		"SaveSeries": func(ctx context.Context) error {
			return s.SaveSeries(ctx, r.ID, []store.SeriesRecord{{Series: syncline.Series{ID: newID()}}})
		},
		"AddSightings":    func(ctx context.Context) error { return s.AddSightings(ctx, r.ID, []syncline.Sighting{{}}) },
		"SetLook":         func(ctx context.Context) error { return s.SetLook(ctx, syncline.Look{RepositoryID: r.ID}) },
		"SaveExamination": func(ctx context.Context) error { return s.SaveExamination(ctx, store.Examination{}) },
	} {
		if err := write(lost); syncline.CodeOf(err) != syncline.CodeConflict {
			t.Errorf("%s without the duty: %v", what, err)
		}
	}
}
