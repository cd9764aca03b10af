package storetest

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/store"
)

func testRepositories(t *testing.T, s store.Store) {
	ctx := t.Context()
	if all := must(s.Repositories(ctx))(t); len(all) != 0 {
		t.Fatalf("a new store has repositories: %v", all)
	}
	key := addKey(t, s)
	first := syncline.Repository{
		ID: newID(), Name: "Größe \x00 \xff", Description: "two\nlines", Path: "/srv/not utf-8 \xfe",
		EncryptionKeyID: key.ID, OutOfSync: true, CreatedAt: base, ResticID: "ab", ManagedBy: "a file", NodeID: newID(),
		Schedule:  syncline.Schedule{Disabled: true, Cron: "30 3 * * 1-5", TimeZone: "Europe/Berlin"},
		Retention: syncline.Retention{Type: "ItemLevel", PeriodType: "Yearly", YearlyPeriod: "Keep"},
	}
	putNode(t, s, first.NodeID)
	second := syncline.Repository{ID: newID(), Name: "cloud", ObjectStorageID: addStorage(t, s, "storage").ID, CreatedAt: base.Add(-time.Hour)}
	check(t, s.AddRepository(ctx, first))
	check(t, s.AddRepository(ctx, second))

	if got := must(s.Repository(ctx, first.ID))(t); got != first {
		t.Errorf("got %+v, want %+v", got, first)
	}
	// In the order they were added, whatever the clock said.
	if got := must(s.Repositories(ctx))(t); !reflect.DeepEqual(got, []syncline.Repository{first, second}) {
		t.Errorf("got %+v", got)
	}

	changed := syncline.Repository{
		ID: first.ID, Name: "renamed", Path: "/elsewhere", CreatedAt: base.Add(time.Hour), ManagedBy: first.ManagedBy,
		Schedule:  syncline.Schedule{Interval: syncline.MaxInterval},
		Retention: syncline.Retention{Type: "SnapshotBased"},
	}
	check(t, s.UpdateRepository(ctx, changed))
	changed.OutOfSync, changed.CreatedAt = true, base // neither is the update's to change
	if got := must(s.Repository(ctx, first.ID))(t); got != changed {
		t.Errorf("got %+v, want %+v", got, changed)
	}
	check(t, s.SetOutOfSync(ctx, first.ID, false))
	if must(s.Repository(ctx, first.ID))(t).OutOfSync {
		t.Error("the repository is still out of sync")
	}
	mark := syncline.CatalogMark{Catalog: "0123456789abcdef", Changes: 1<<62 + 1}
	check(t, s.SetOutOfSync(ctx, first.ID, true))
	session := newWork(sync1, first.ID, base)
	_, _, err := s.AddWork(ctx, session)
	check(t, err)
	check(t, s.SetSynchronized(ctx, session.ID, session.Epoch, mark))
	check(t, s.UpdateRepository(ctx, changed))
	changed.OutOfSync, changed.Catalog = false, mark
	if got := must(s.Repository(ctx, first.ID))(t); got != changed {
		t.Errorf("got %+v, want %+v", got, changed)
	}
	testMarksOfSession(t, s, session)
	check(t, s.DeleteRepository(ctx, first.ID))
	_, err = s.Repository(ctx, first.ID)
	wantCode(t, err, syncline.CodeNotFound)
	if got := must(s.Repositories(ctx))(t); !reflect.DeepEqual(got, []syncline.Repository{second}) {
		t.Errorf("got %+v", got)
	}
}

func testRepositoryNames(t *testing.T, s store.Store) {
	ctx := t.Context()
	first := addRepository(t, s, "Ärchiv")
	other := addRepository(t, s, "other")

	taken := syncline.Repository{ID: newID(), Name: "äRCHIV", Path: "/x", CreatedAt: base}
	wantCode(t, s.AddRepository(ctx, taken), syncline.CodeConflict)
	_, err := s.Repository(ctx, taken.ID)
	wantCode(t, err, syncline.CodeNotFound)

	renamed := other
	renamed.Name = "ÄRCHIV"
	wantCode(t, s.UpdateRepository(ctx, renamed), syncline.CodeConflict)
	if got := must(s.Repository(ctx, other.ID))(t); got != other {
		t.Errorf("a refused change left %+v", got)
	}
	first.Name = "ÄRCHIV" // its own name in other letters is no conflict
	check(t, s.UpdateRepository(ctx, first))

	again := syncline.Repository{ID: first.ID, Name: "a new name", CreatedAt: base}
	wantCode(t, s.AddRepository(ctx, again), syncline.CodeConflict)

	check(t, s.DeleteRepository(ctx, first.ID))
	check(t, s.AddRepository(ctx, taken)) // the name is free again
}

func testRepositoryKeyMustExist(t *testing.T, s store.Store) {
	ctx := t.Context()
	r := syncline.Repository{ID: newID(), Name: "r", EncryptionKeyID: newID(), CreatedAt: base}
	wantCode(t, s.AddRepository(ctx, r), syncline.CodeInvalid)
	r.EncryptionKeyID = ""
	check(t, s.AddRepository(ctx, r))
	r.EncryptionKeyID = newID()
	wantCode(t, s.UpdateRepository(ctx, r), syncline.CodeInvalid)
	r.EncryptionKeyID = addKey(t, s).ID
	check(t, s.UpdateRepository(ctx, r))
	if got := must(s.Repository(ctx, r.ID))(t); got != r {
		t.Errorf("got %+v, want %+v", got, r)
	}
}

// testMarksOfSession has another node take a session: the one that had it before marks
// nothing any more.
func testMarksOfSession(t *testing.T, s store.Store, session store.Work) {
	t.Helper()
	ctx := t.Context()
	before := must(s.Repository(ctx, session.RepositoryID))(t)
	expire(t, s, session)
	taken := must(s.TakeWork(ctx, store.Taking{Kind: sync1, Owner: "another", Length: time.Hour}))(t)
	if len(taken) != 1 || taken[0].ID != session.ID {
		t.Fatalf("taken: %+v", taken)
	}
	wantCode(t, s.SetBehind(ctx, session.ID, session.Epoch), syncline.CodeConflict)
	wantCode(t, s.SetSynchronized(ctx, session.ID, session.Epoch, syncline.CatalogMark{Catalog: "other", Changes: 9}), syncline.CodeConflict)
	if got := must(s.Repository(ctx, session.RepositoryID))(t); got != before {
		t.Errorf("the late node left %+v", got)
	}
	check(t, s.SetBehind(ctx, session.ID, taken[0].Epoch))
	if got := must(s.Repository(ctx, session.RepositoryID))(t); !got.OutOfSync || got.Catalog != before.Catalog {
		t.Errorf("got %+v", got)
	}
}

func testUnknownRepository(t *testing.T, s store.Store) {
	ctx := t.Context()
	id := newID()
	_, err := s.Repository(ctx, id)
	wantCode(t, err, syncline.CodeNotFound)
	wantCode(t, s.UpdateRepository(ctx, syncline.Repository{ID: id, Name: "n"}), syncline.CodeNotFound)
	wantCode(t, s.SetOutOfSync(ctx, id, true), syncline.CodeNotFound)
	wantCode(t, s.SetSynchronized(ctx, id, 1, syncline.CatalogMark{}), syncline.CodeNotFound)
	wantCode(t, s.SetBehind(ctx, id, 1), syncline.CodeNotFound)
	wantCode(t, s.DeleteRepository(ctx, id), syncline.CodeNotFound)
}

func testKeys(t *testing.T, s store.Store) {
	ctx := t.Context()
	if all := must(s.Keys(ctx))(t); len(all) != 0 {
		t.Fatalf("a new store has keys: %v", all)
	}
	first := syncline.EncryptionKey{ID: newID(), Description: "first", CreatedAt: base}
	second := syncline.EncryptionKey{ID: newID(), CreatedAt: base.Add(-time.Hour)}
	sealed := []byte{0, 1, 0xff, 0}
	check(t, s.AddKey(ctx, first, sealed))
	check(t, s.AddKey(ctx, second, nil))
	wantCode(t, s.AddKey(ctx, first, []byte("another")), syncline.CodeConflict)

	if got := must(s.Key(ctx, first.ID))(t); got != first {
		t.Errorf("got %+v, want %+v", got, first)
	}
	if got := must(s.SealedPassword(ctx, first.ID))(t); string(got) != string(sealed) {
		t.Errorf("got %x, want %x", got, sealed)
	}
	if got := must(s.SealedPassword(ctx, second.ID))(t); len(got) != 0 {
		t.Errorf("got %x, want nothing", got)
	}
	if got := must(s.Keys(ctx))(t); !reflect.DeepEqual(got, []syncline.EncryptionKey{first, second}) {
		t.Errorf("got %+v", got)
	}
	first.Description, first.ManagedBy = "renamed", "a file"
	check(t, s.UpdateKey(ctx, first, nil)) // keeps the password
	if got := must(s.SealedPassword(ctx, first.ID))(t); !reflect.DeepEqual(got, sealed) {
		t.Errorf("got %q", got)
	}
	check(t, s.UpdateKey(ctx, first, []byte("new")))
	if got := must(s.Key(ctx, first.ID))(t); got != first || string(must(s.SealedPassword(ctx, first.ID))(t)) != "new" {
		t.Errorf("got %+v, want %+v", got, first)
	}
	wantCode(t, s.UpdateKey(ctx, syncline.EncryptionKey{ID: newID()}, nil), syncline.CodeNotFound)
	check(t, s.DeleteKey(ctx, first.ID))
	_, err := s.Key(ctx, first.ID)
	wantCode(t, err, syncline.CodeNotFound)
	_, err = s.SealedPassword(ctx, first.ID)
	wantCode(t, err, syncline.CodeNotFound)
	wantCode(t, s.DeleteKey(ctx, first.ID), syncline.CodeNotFound)
}

func testKeyInUse(t *testing.T, s store.Store) {
	ctx := t.Context()
	key := addKey(t, s)
	r := syncline.Repository{ID: newID(), Name: "the holder", EncryptionKeyID: key.ID, CreatedAt: base}
	check(t, s.AddRepository(ctx, r))
	err := s.DeleteKey(ctx, key.ID)
	wantCode(t, err, syncline.CodeConflict)
	if !strings.Contains(syncline.MessageOf(err), r.Name) {
		t.Errorf("the message %q does not name the repository", syncline.MessageOf(err))
	}
	must(s.SealedPassword(ctx, key.ID))(t)
	check(t, s.DeleteRepository(ctx, r.ID))
	check(t, s.DeleteKey(ctx, key.ID))
}
