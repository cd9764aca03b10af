package storetest

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/store"
)

// newSeries is a series with a past of n backups.
func newSeries(repository syncline.ID, host string, n int) store.SeriesRecord {
	r := store.SeriesRecord{Series: syncline.Series{
		ID: newID(), RepositoryID: repository, HostName: host, Paths: []string{"/etc", "/bytes \xff\x00"}, MorePaths: 3,
		AddedAt: base, Tags: []string{"daily", "\xfe"}, Size: 1 << 40, Rhythm: 25 * time.Hour, Future: 2, SilentAtFirst: true,
	}}
	for i := range n {
		at := base.Add(time.Duration(i) * time.Hour)
		r.Ring = append(r.Ring, syncline.CountedSighting{
			Sighting: syncline.Sighting{Snapshot: syncline.Hash{byte(i), 7}, Claimed: at.Add(-time.Minute), Seen: at, Mark: syncline.TimeLateSeen},
			At:       at.Add(time.Second),
		})
		r.LastBackup, r.LastSeen, r.Latest = at.Add(-time.Minute), at.Add(time.Second), syncline.Hash{byte(i), 7}
	}
	return r
}

func testSeries(t *testing.T, s store.Store) {
	ctx := t.Context()
	one, two := addRepository(t, s, "one"), addRepository(t, s, "two")
	a, b, c := newSeries(one.ID, "a\xff", store.MaxRing+5), newSeries(one.ID, "b", 0), newSeries(two.ID, "c", 3)
	wantCode(t, s.SaveSeries(ctx, newID(), []store.SeriesRecord{a}), syncline.CodeNotFound)
	check(t, s.SaveSeries(ctx, one.ID, []store.SeriesRecord{a, b}))
	check(t, s.SaveSeries(ctx, two.ID, []store.SeriesRecord{c}))
	if got, want := must(s.Series(ctx, ""))(t), []syncline.Series{a.Series, b.Series, c.Series}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if got := must(s.Series(ctx, one.ID))(t); !reflect.DeepEqual(got, []syncline.Series{a.Series, b.Series}) {
		t.Errorf("got %+v", got)
	}
	if got := must(s.SeriesRing(ctx, a.ID))(t); !reflect.DeepEqual(got, a.Ring[5:]) {
		t.Errorf("the ring has %d sightings, want the last %d", len(got), store.MaxRing)
	}
	for _, id := range []syncline.ID{b.ID, newID()} {
		if got := must(s.SeriesRing(ctx, id))(t); len(got) != 0 {
			t.Errorf("got %+v", got)
		}
	}

	check(t, s.SetRetired(ctx, []syncline.ID{a.ID, newID()}, "ada", base))
	check(t, s.SetRetired(ctx, []syncline.ID{a.ID}, "grace", base.Add(time.Hour))) // the first stays
	changed := newSeries(one.ID, "a2", 2)
	changed.ID, changed.AddedAt, changed.SilentAtFirst, changed.Paths, changed.Tags = a.ID, base.Add(time.Hour), false, nil, nil
	check(t, s.SaveSeries(ctx, one.ID, []store.SeriesRecord{changed}))
	changed.AddedAt, changed.RetiredAt, changed.RetiredBy = base, base, "ada" // not the saving's to change
	if got := must(s.Series(ctx, one.ID))(t); len(got) != 2 || !reflect.DeepEqual(got[0], changed.Series) {
		t.Errorf("got %+v, want %+v", got, changed.Series)
	}
	check(t, s.SetRetired(ctx, []syncline.ID{a.ID}, "", time.Time{}))
	if got := must(s.Series(ctx, one.ID))(t)[0]; !got.RetiredAt.IsZero() || got.RetiredBy != "" {
		t.Errorf("got %+v", got)
	}
	check(t, s.DeleteSeries(ctx, []syncline.ID{b.ID, newID()}))
	if got := must(s.Series(ctx, one.ID))(t); len(got) != 1 {
		t.Errorf("got %+v", got)
	}
}

func testSightings(t *testing.T, s store.Store) {
	ctx := t.Context()
	one, two := addRepository(t, s, "one"), addRepository(t, s, "two")
	var list []syncline.Sighting
	for i := range 2500 { // more than one part
		list = append(list, syncline.Sighting{Snapshot: syncline.Hash{byte(i >> 8), byte(i)}, Claimed: base.Add(time.Duration(i)), Seen: base})
	}
	list[3].Mark, list[4].Claimed = syncline.TimeFuture, time.Time{}
	wantCode(t, s.AddSightings(ctx, newID(), list), syncline.CodeNotFound)
	check(t, s.AddSightings(ctx, one.ID, list))
	check(t, s.AddSightings(ctx, two.ID, list[:1]))
	again := slices.Clone(list[:2])
	again[0].Seen = base.Add(time.Hour)
	check(t, s.AddSightings(ctx, one.ID, again)) // the first one holds
	read := func(repository syncline.ID) []syncline.Sighting {
		got := must(s.Sightings(ctx, repository))(t)
		slices.SortFunc(got, func(a, b syncline.Sighting) int { return cmp.Compare(a.Snapshot.String(), b.Snapshot.String()) })
		return got
	}
	if got := read(one.ID); !reflect.DeepEqual(got, list) {
		t.Errorf("got %d sightings, %+v …", len(got), got[:min(5, len(got))])
	}
	var gone []syncline.Hash
	for i := range 2000 {
		gone = append(gone, list[i].Snapshot)
	}
	check(t, s.RemoveSightings(ctx, one.ID, append(gone, syncline.Hash{0xff})))
	if got := read(one.ID); !reflect.DeepEqual(got, list[2000:]) {
		t.Errorf("got %d sightings", len(got))
	}
	if got := read(two.ID); !reflect.DeepEqual(got, list[:1]) {
		t.Errorf("got %+v", got)
	}
}

func testLooks(t *testing.T, s store.Store) {
	ctx := t.Context()
	one, two := addRepository(t, s, "one"), addRepository(t, s, "two")
	wantCode(t, s.SetLook(ctx, syncline.Look{RepositoryID: newID()}), syncline.CodeNotFound)
	check(t, s.SetLook(ctx, syncline.Look{RepositoryID: two.ID, FailedAt: base}))
	check(t, s.SetLook(ctx, syncline.Look{RepositoryID: one.ID, FailedAt: base, Unwatched: 9}))
	want := syncline.Look{RepositoryID: one.ID, LookedAt: base, Unwatched: 2, Names: []string{"a", "b\xff"}}
	check(t, s.SetLook(ctx, want))
	if got := must(s.Looks(ctx))(t); !reflect.DeepEqual(got, []syncline.Look{want, {RepositoryID: two.ID, FailedAt: base}}) {
		t.Errorf("got %+v", got)
	}
}

// Everything of a repository's series goes with it, and nothing of another's.
func testSeriesGoWithRepository(t *testing.T, s store.Store) {
	ctx := t.Context()
	one, two := addRepository(t, s, "one"), addRepository(t, s, "two")
	for _, r := range []syncline.Repository{one, two} {
		var records []store.SeriesRecord
		var list []syncline.Sighting
		for i := range 1200 { // more than one part
			records = append(records, newSeries(r.ID, fmt.Sprint(i), 1))
			list = append(list, syncline.Sighting{Snapshot: syncline.Hash{byte(i >> 8), byte(i)}, Seen: base})
		}
		check(t, s.SaveSeries(ctx, r.ID, records))
		check(t, s.AddSightings(ctx, r.ID, list))
		check(t, s.SetLook(ctx, syncline.Look{RepositoryID: r.ID, LookedAt: base}))
		check(t, s.AddAlarmRule(ctx, newRule("of "+r.Name, r.ID)))
	}
	everywhere := newRule("everywhere", "")
	check(t, s.AddAlarmRule(ctx, everywhere))
	check(t, s.DeleteRepository(ctx, one.ID))
	wantCode(t, s.DeleteRepository(ctx, one.ID), syncline.CodeNotFound)
	if got := must(s.Series(ctx, ""))(t); len(got) != 1200 || got[0].RepositoryID != two.ID {
		t.Errorf("%d series are left", len(got))
	}
	if a, b := must(s.Sightings(ctx, one.ID))(t), must(s.Sightings(ctx, two.ID))(t); len(a) != 0 || len(b) != 1200 {
		t.Errorf("%d and %d sightings are left", len(a), len(b))
	}
	if got := must(s.Looks(ctx))(t); len(got) != 1 || got[0].RepositoryID != two.ID {
		t.Errorf("got %+v", got)
	}
	if got := must(s.AlarmRules(ctx))(t); len(got) != 2 || got[0].RepositoryID != two.ID || !reflect.DeepEqual(got[1], everywhere) {
		t.Errorf("got %+v", got)
	}
}

func newRule(name string, repository syncline.ID) syncline.AlarmRule {
	return syncline.AlarmRule{
		ID: newID(), Name: name, Kind: syncline.AlarmBackupLate, RepositoryID: repository, HostPattern: "web*",
		Paths: []string{"/etc", "/\xff"}, Tag: "daily", MaxAge: 26 * time.Hour, Severity: syncline.SeverityCritical, CreatedAt: base, ManagedBy: "a file",
	}
}

func testAlarmRules(t *testing.T, s store.Store) {
	ctx := t.Context()
	if got := must(s.AlarmRules(ctx))(t); len(got) != 0 {
		t.Fatalf("a new store has rules: %+v", got)
	}
	repository := addRepository(t, s, "one")
	first, second := newRule("Größe", repository.ID), newRule("second", "")
	check(t, s.AddAlarmRule(ctx, first))
	check(t, s.AddAlarmRule(ctx, second))
	taken, dangling := newRule("GRÖßE", ""), newRule("third", newID())
	wantCode(t, s.AddAlarmRule(ctx, taken), syncline.CodeConflict)
	wantCode(t, s.AddAlarmRule(ctx, dangling), syncline.CodeInvalid)
	if got := must(s.AlarmRules(ctx))(t); !reflect.DeepEqual(got, []syncline.AlarmRule{first, second}) {
		t.Errorf("got %+v", got)
	}
	changed := syncline.AlarmRule{
		ID: first.ID, Name: "other", Kind: syncline.AlarmStorageLow, HostPattern: "", MaxAge: time.Hour,
		Severity: syncline.SeverityInfo, Disabled: true, CreatedAt: base.Add(time.Hour), ManagedBy: first.ManagedBy,
	}
	check(t, s.UpdateAlarmRule(ctx, changed))
	changed.Kind, changed.CreatedAt = first.Kind, first.CreatedAt
	if got := must(s.AlarmRule(ctx, first.ID))(t); !reflect.DeepEqual(got, changed) {
		t.Errorf("got %+v, want %+v", got, changed)
	}
	changed.Name = "SECOND"
	wantCode(t, s.UpdateAlarmRule(ctx, changed), syncline.CodeConflict)
	changed.Name, changed.RepositoryID = "free", newID()
	wantCode(t, s.UpdateAlarmRule(ctx, changed), syncline.CodeInvalid)
	changed.ID, changed.RepositoryID = newID(), ""
	wantCode(t, s.UpdateAlarmRule(ctx, changed), syncline.CodeNotFound)
	check(t, s.DeleteAlarmRule(ctx, first.ID))
	wantCode(t, s.DeleteAlarmRule(ctx, first.ID), syncline.CodeNotFound)
	_, err := s.AlarmRule(ctx, first.ID)
	wantCode(t, err, syncline.CodeNotFound)
}

func testExaminations(t *testing.T, s store.Store) {
	ctx := t.Context()
	one, two := addRepository(t, s, "one"), addRepository(t, s, "two")
	a, b := newSeries(one.ID, "a", 1), newSeries(two.ID, "b", 1)
	check(t, s.SaveSeries(ctx, one.ID, []store.SeriesRecord{a}))
	check(t, s.SaveSeries(ctx, two.ID, []store.SeriesRecord{b}))
	wantCode(t, s.SaveExamination(ctx, store.Examination{SeriesID: newID()}), syncline.CodeNotFound)
	if got := must(s.Examination(ctx, a.ID))(t); got != (store.Examination{SeriesID: a.ID}) {
		t.Errorf("got %+v", got)
	}
	first := store.Examination{SeriesID: a.ID, Snapshot: syncline.Hash{1}, Past: "a past", Unusual: "why", Skipped: true}
	second := store.Examination{SeriesID: b.ID, Snapshot: syncline.Hash{2}, Past: "another"}
	check(t, s.SaveExamination(ctx, store.Examination{SeriesID: a.ID, Past: "old"}))
	check(t, s.SaveExamination(ctx, second))
	check(t, s.SaveExamination(ctx, first))
	if got := must(s.Examination(ctx, a.ID))(t); got != first {
		t.Errorf("got %+v, want %+v", got, first)
	}
	first.Past, second.Past = "", ""
	if got := must(s.Examinations(ctx, ""))(t); !reflect.DeepEqual(got, []store.Examination{first, second}) {
		t.Errorf("got %+v", got)
	}
	if got := must(s.Examinations(ctx, two.ID))(t); !reflect.DeepEqual(got, []store.Examination{second}) {
		t.Errorf("got %+v", got)
	}
	check(t, s.DeleteSeries(ctx, []syncline.ID{a.ID}))
	check(t, s.DeleteRepository(ctx, two.ID))
	if got := must(s.Examinations(ctx, ""))(t); len(got) != 0 {
		t.Errorf("got %+v", got)
	}
}
