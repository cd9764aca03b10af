package storetest

import (
	"errors"
	"reflect"
	"slices"
	"testing"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/store"
)

func anAlarm(repository syncline.ID, subject string) syncline.Alarm {
	return syncline.Alarm{
		ID: newID(), Peak: syncline.SeverityWarning, StartedAt: base,
		Condition: syncline.Condition{
			Kind: syncline.AlarmBackupLate, Severity: syncline.SeverityWarning, RepositoryID: repository, Subject: subject,
			HostName: "web\xff1", Paths: []string{"/srv", "/odd\xff\x00"}, Message: "the backup is late", Link: "/machines",
		},
	}
}

// began adds an alarm, with the event that it began.
func began(t *testing.T, s store.Store, a syncline.Alarm) syncline.Alarm {
	t.Helper()
	check(t, s.ChangeAlarms(t.Context(), a.StartedAt, []store.AlarmChange{{Alarm: a, New: true, Event: syncline.AlarmBegan, TellAt: a.StartedAt}}))
	return a
}

// ended ends an alarm without an event.
func ended(t *testing.T, s store.Store, a syncline.Alarm, at time.Time) syncline.Alarm {
	t.Helper()
	a.EndedAt = at
	check(t, s.ChangeAlarms(t.Context(), at, []store.AlarmChange{{Alarm: a}}))
	return a
}

func wantAlarms(t *testing.T, got []syncline.Alarm, want ...syncline.Alarm) {
	t.Helper()
	if len(got) != len(want) || len(want) > 0 && !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func testAlarms(t *testing.T, s store.Store) {
	ctx, r := t.Context(), addRepository(t, s, "r")
	first, second := anAlarm(r.ID, "1"), anAlarm(r.ID, "2")
	second.HostName, second.Paths, second.Kind = "", nil, syncline.AlarmRepositoryUnreachable
	third := anAlarm("", "disk")
	third.Kind, third.StartedAt = syncline.AlarmStorageLow, base.Add(-time.Hour) // the order is that of insertion
	for _, a := range []syncline.Alarm{first, second, third} {
		began(t, s, a)
	}
	if got := must(s.Alarm(ctx, first.ID))(t); !reflect.DeepEqual(got, first) {
		t.Errorf("got %+v, want %+v", got, first)
	}
	_, err := s.Alarm(ctx, newID())
	wantCode(t, err, syncline.CodeNotFound)
	second = ended(t, s, second, base.Add(time.Minute))

	for _, c := range []struct {
		f    syncline.AlarmFilter
		want []syncline.Alarm
	}{
		{syncline.AlarmFilter{}, []syncline.Alarm{third, second, first}},
		{syncline.AlarmFilter{State: syncline.AlarmStateOpen}, []syncline.Alarm{third, first}},
		{syncline.AlarmFilter{State: syncline.AlarmStateEnded}, []syncline.Alarm{second}},
		{syncline.AlarmFilter{RepositoryID: r.ID}, []syncline.Alarm{second, first}},
		{syncline.AlarmFilter{Kind: syncline.AlarmBackupLate}, []syncline.Alarm{first}},
		{syncline.AlarmFilter{RepositoryID: newID()}, nil},
	} {
		page, total, err := s.Alarms(ctx, c.f, 10, 0)
		check(t, err)
		wantAlarms(t, page, c.want...)
		if total != len(c.want) {
			t.Errorf("%+v: %d in all", c.f, total)
		}
	}
	page, total, err := s.Alarms(ctx, syncline.AlarmFilter{}, 1, 1)
	check(t, err)
	if wantAlarms(t, page, second); total != 3 {
		t.Errorf("%d in all", total)
	}
	counts := must(s.CountAlarms(ctx))(t)
	if !slices.Equal(counts, []syncline.AlarmCount{
		{Kind: syncline.AlarmBackupLate, Severity: syncline.SeverityWarning, Open: 1},
		{Kind: syncline.AlarmStorageLow, Severity: syncline.SeverityWarning, Open: 1},
	}) {
		t.Errorf("got %+v", counts)
	}
}

// testAlarmsDuringRemoval begins alarms while holds last: that of a removal keeps them from
// its repository, and lets alarms end.
func testAlarmsDuringRemoval(t *testing.T, s store.Store) {
	ctx, r, other := t.Context(), addRepository(t, s, "r"), addRepository(t, s, "other")
	old := began(t, s, anAlarm(r.ID, "old"))
	removal := store.Hold{ID: newID(), RepositoryID: r.ID}
	check(t, s.HoldWork(ctx, store.Hold{ID: newID(), RepositoryID: other.ID, Kind: sync1}, time.Hour))
	check(t, s.HoldWork(ctx, removal, time.Hour))
	began(t, s, anAlarm(other.ID, "of a repository that is changed"))
	began(t, s, anAlarm("", "of the server"))
	worse := old
	worse.Severity = syncline.SeverityCritical
	for _, c := range []store.AlarmChange{{Alarm: anAlarm(r.ID, "new"), New: true}, {Alarm: worse, Was: old}} {
		wantCode(t, s.ChangeAlarms(store.WithHold(ctx, removal), base, []store.AlarmChange{c}), syncline.CodeNotFound)
	}
	old = ended(t, s, old, base.Add(time.Minute))
	if of := must(s.PendingEventsOf(ctx, r.ID, 1))(t); len(of) != 1 || of[0].Alarm.ID != old.ID {
		t.Errorf("yet to be told of the repository are %+v", of)
	}
	if of := must(s.PendingEventsOf(ctx, other.ID, 10))(t); len(of) != 1 || of[0].Alarm.RepositoryID != other.ID {
		t.Errorf("yet to be told of the other one are %+v", of)
	}
	again := old
	again.EndedAt = time.Time{}
	wantCode(t, s.ChangeAlarms(ctx, base, []store.AlarmChange{{Alarm: again, Was: old}}), syncline.CodeNotFound)
	check(t, s.DropHold(ctx, removal.ID))
	check(t, s.ChangeAlarms(ctx, base, []store.AlarmChange{{Alarm: again, Was: old}}))
}

func testAlarmsOf(t *testing.T, s store.Store) {
	ctx, r, other := t.Context(), addRepository(t, s, "r"), addRepository(t, s, "other")
	open := began(t, s, anAlarm(r.ID, "open"))
	long := ended(t, s, began(t, s, anAlarm(r.ID, "long ended")), base)
	just := ended(t, s, began(t, s, anAlarm(r.ID, "just ended")), base.Add(1))
	server := began(t, s, anAlarm("", "open"))
	began(t, s, anAlarm(other.ID, "open"))
	of := func(kind syncline.AlarmKind, repository syncline.ID) []syncline.Alarm {
		t.Helper()
		return must(s.AlarmsOf(ctx, kind, repository, base))(t)
	}
	wantAlarms(t, of(open.Kind, r.ID), open, just)
	wantAlarms(t, of(open.Kind, ""), server)
	wantAlarms(t, of(open.Kind, newID()))
	wantAlarms(t, of(syncline.AlarmStorageLow, r.ID))
	if got := must(s.AlarmsOf(ctx, open.Kind, r.ID, base.Add(-1)))(t); len(got) != 3 || !reflect.DeepEqual(got[1], long) {
		t.Errorf("got %+v", got)
	}
}

func testAlarmChanges(t *testing.T, s store.Store) {
	ctx, r := t.Context(), addRepository(t, s, "r")
	a := began(t, s, anAlarm(r.ID, "1"))
	second := anAlarm(r.ID, "1")
	fresh := anAlarm(r.ID, "2")
	wantCode(t, s.ChangeAlarms(ctx, base, []store.AlarmChange{{Alarm: fresh, New: true}, {Alarm: second, New: true}}), syncline.CodeConflict)
	if _, err := s.Alarm(ctx, fresh.ID); syncline.CodeOf(err) != syncline.CodeNotFound {
		t.Errorf("a part of a refused change was made: %v", err)
	}
	wantCode(t, s.ChangeAlarms(ctx, base, []store.AlarmChange{{Alarm: fresh}}), syncline.CodeNotFound)
	wantCode(t, s.ChangeAlarms(ctx, base, []store.AlarmChange{{Alarm: anAlarm(newID(), "1"), New: true}}), syncline.CodeNotFound)

	// A step leaves what users said.
	note := "we know"
	must(s.AcknowledgeAlarm(ctx, a.ID, "mila", base.Add(time.Minute), &note))(t)
	must(s.SilenceAlarm(ctx, a.ID, base.Add(time.Hour), nil))(t)
	a.Severity, a.Peak, a.Message, a.HostName, a.Paths, a.Link = syncline.SeverityCritical, syncline.SeverityCritical, "m", "h", nil, ""
	a.EndedAt, a.Reopened, a.Note = base.Add(2*time.Minute), 3, "another"
	check(t, s.ChangeAlarms(ctx, base, []store.AlarmChange{{Alarm: a}}))
	a.AcknowledgedBy, a.AcknowledgedAt, a.Note, a.SilencedUntil = "mila", base.Add(time.Minute), note, base.Add(time.Hour)
	if got := must(s.Alarm(ctx, a.ID))(t); !reflect.DeepEqual(got, a) {
		t.Errorf("got  %+v\nwant %+v", got, a)
	}
	check(t, s.ChangeAlarms(ctx, base, []store.AlarmChange{{Alarm: second, New: true}})) // the first has ended
	a.EndedAt = time.Time{}
	wantCode(t, s.ChangeAlarms(ctx, base, []store.AlarmChange{{Alarm: a}}), syncline.CodeConflict)
}

// testAlarmWas has two nodes that make the same step: the second one is refused.
func testAlarmWas(t *testing.T, s store.Store) {
	ctx := t.Context()
	a := began(t, s, anAlarm("", "1"))
	for _, step := range []func(*syncline.Alarm){
		func(a *syncline.Alarm) { a.Peak = syncline.SeverityCritical },
		func(a *syncline.Alarm) { a.EndedAt = base },
		func(a *syncline.Alarm) { a.EndedAt, a.Reopened = time.Time{}, 1 },
	} {
		was := a
		step(&a)
		change := []store.AlarmChange{{Alarm: a, Was: was, Event: syncline.AlarmWorsened, TellAt: base}}
		check(t, s.ChangeAlarms(ctx, base, change))
		before := must(s.PendingEvents(ctx, 100))(t)
		wantCode(t, s.ChangeAlarms(ctx, base, change), syncline.CodeConflict)
		if after := must(s.PendingEvents(ctx, 100))(t); len(after) != len(before) {
			t.Errorf("the second node's step left %+v after %+v", after, before)
		}
	}
	gone := anAlarm("", "2")
	wantCode(t, s.ChangeAlarms(ctx, base, []store.AlarmChange{{Alarm: gone, Was: gone}}), syncline.CodeNotFound)
}

func testAlarmHandling(t *testing.T, s store.Store) {
	ctx := t.Context()
	a := began(t, s, anAlarm("", "1"))
	note := "größer"
	a.AcknowledgedBy, a.AcknowledgedAt, a.Note = "mila", base.Add(time.Hour), note
	if got := must(s.AcknowledgeAlarm(ctx, a.ID, "mila", a.AcknowledgedAt, &note))(t); !reflect.DeepEqual(got, a) {
		t.Errorf("got %+v, want %+v", got, a)
	}
	a.AcknowledgedBy = "ben"
	if got := must(s.AcknowledgeAlarm(ctx, a.ID, "ben", a.AcknowledgedAt, nil))(t); !reflect.DeepEqual(got, a) {
		t.Errorf("got %+v, want %+v", got, a)
	}
	a.SilencedUntil = base.Add(2 * time.Hour)
	if got := must(s.SilenceAlarm(ctx, a.ID, a.SilencedUntil, nil))(t); !reflect.DeepEqual(got, a) {
		t.Errorf("got %+v, want %+v", got, a)
	}
	empty := ""
	a.SilencedUntil, a.Note = time.Time{}, ""
	if got := must(s.SilenceAlarm(ctx, a.ID, time.Time{}, &empty))(t); !reflect.DeepEqual(got, a) {
		t.Errorf("got %+v, want %+v", got, a)
	}
	ended(t, s, a, base)
	_, err := s.SilenceAlarm(ctx, a.ID, base, nil)
	wantCode(t, err, syncline.CodeConflict)
	must(s.AcknowledgeAlarm(ctx, a.ID, "ben", base, nil))(t)
	_, err = s.SilenceAlarm(ctx, newID(), base, nil)
	wantCode(t, err, syncline.CodeNotFound)
	_, err = s.AcknowledgeAlarm(ctx, newID(), "ben", base, nil)
	wantCode(t, err, syncline.CodeNotFound)
}

func testAlarmEvents(t *testing.T, s store.Store) {
	ctx, r := t.Context(), addRepository(t, s, "r")
	a := began(t, s, anAlarm(r.ID, "1"))
	at := base.Add(time.Minute)
	a.EndedAt = at
	check(t, s.ChangeAlarms(ctx, at, []store.AlarmChange{{Alarm: a, Event: syncline.AlarmEnded, TellAt: at.Add(time.Hour)}}))
	want := []store.PendingEvent{
		{Event: syncline.AlarmBegan, At: base, TellAt: base, Alarm: a},
		{Event: syncline.AlarmEnded, At: at, TellAt: at.Add(time.Hour), Alarm: a},
	}
	events := func(want ...store.PendingEvent) {
		t.Helper()
		got := must(s.PendingEvents(ctx, 10))(t)
		last := int64(0)
		for i := range got {
			if got[i].Seq <= last {
				t.Errorf("the events are not in order: %+v", got)
			}
			last, got[i].Seq = got[i].Seq, 0
		}
		if len(got) != len(want) || len(want) > 0 && !reflect.DeepEqual(got, want) {
			t.Errorf("got  %+v\nwant %+v", got, want)
		}
	}
	events(want...)
	// An event that is due is not taken back.
	check(t, s.ChangeAlarms(ctx, at, []store.AlarmChange{{Alarm: a, TakeBack: at.Add(time.Hour)}}))
	events(want...)
	check(t, s.ChangeAlarms(ctx, at, []store.AlarmChange{{Alarm: a, TakeBack: at.Add(time.Hour - 1)}}))
	events(want[0])
	if got := must(s.PendingEvents(ctx, 0))(t); len(got) != 0 {
		t.Errorf("got %+v", got)
	}
	check(t, s.DeleteRepository(ctx, r.ID))
	events()
	if _, err := s.Alarm(ctx, a.ID); syncline.CodeOf(err) != syncline.CodeNotFound {
		t.Errorf("an alarm outlived its repository: %v", err)
	}
}

func testThinAlarms(t *testing.T, s store.Store) {
	ctx := t.Context()
	open := began(t, s, anAlarm("", "open"))
	told := ended(t, s, began(t, s, anAlarm("", "yet to be told")), base.Add(-time.Hour))
	quiet := func(subject string, end time.Duration) syncline.Alarm {
		a := anAlarm("", subject)
		a.EndedAt = base.Add(end)
		check(t, s.ChangeAlarms(ctx, base, []store.AlarmChange{{Alarm: a, New: true}}))
		return a
	}
	old, newest, newer := quiet("old", -1), quiet("newest", 3*time.Hour), quiet("newer", 2*time.Hour)
	third := quiet("third", time.Hour)
	thin := func(before time.Time, keep int, want ...syncline.Alarm) {
		t.Helper()
		more, err := s.ThinAlarms(ctx, before, keep)
		for ; more && err == nil; more, err = s.ThinAlarms(ctx, before, keep) {
			continue
		}
		check(t, err)
		page, _, err := s.Alarms(ctx, syncline.AlarmFilter{}, 100, 0)
		check(t, err)
		wantAlarms(t, page, want...)
	}
	thin(base.Add(-2*time.Hour), 10, third, newer, newest, old, told, open)
	thin(base, 10, third, newer, newest, told, open)
	thin(base, 2, newer, newest, told, open)
	thin(base.Add(24*time.Hour), 0, told, open)
}

// Two desks that see no alarm both add one; one of them stays.
func testAlarmRace(t *testing.T, s store.Store) {
	r := addRepository(t, s, "r")
	errs := make([]error, 8)
	together(len(errs), func(i int) {
		errs[i] = s.ChangeAlarms(t.Context(), base, []store.AlarmChange{{Alarm: anAlarm(r.ID, "1"), New: true}})
	})
	if err := errors.Join(errs...); err == nil {
		t.Error("no call was refused")
	}
	if got := must(s.AlarmsOf(t.Context(), syncline.AlarmBackupLate, r.ID, base))(t); len(got) != 1 {
		t.Errorf("got %+v", got)
	}
}
