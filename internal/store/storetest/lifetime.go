package storetest

import (
	"bytes"
	"context"
	"reflect"
	"testing"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/store"
)

func testCanceledContext(t *testing.T, s store.Store) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := s.Repositories(ctx)
	wantCode(t, err, syncline.CodeCanceled)
	wantCode(t, s.AddUser(ctx, syncline.User{Name: "late"}), syncline.CodeCanceled)
	_, err = s.User(t.Context(), "late")
	wantCode(t, err, syncline.CodeNotFound)
}

// content is all that the suite can read of a store.
type content struct {
	Installation syncline.ID
	Repositories []syncline.Repository
	Keys         []syncline.EncryptionKey
	Sealed       []byte
	Users        []syncline.User
	Token        store.Token
	Latest       []store.Work
	Log          []syncline.LogItem
	Restores     []store.Work
	RestoreLog   []syncline.LogItem
}

func fill(t *testing.T, s store.Store) (read func(store.Store) content) {
	t.Helper()
	ctx := t.Context()
	key := addKey(t, s)
	repo := syncline.Repository{ID: newID(), Name: "r", EncryptionKeyID: key.ID, OutOfSync: true, CreatedAt: base}
	check(t, s.AddRepository(ctx, repo))
	addUser(t, s, "adam", syncline.RoleAdministrator)
	token := newToken(newID(), "adam", true)
	check(t, s.AddTokens(ctx, token))
	end(t, s, start(t, s, sync1, repo.ID, base), syncline.WorkSucceeded)
	w := start(t, s, sync1, repo.ID, base)
	w.State, w.Progress, w.StartedAt = syncline.WorkRunning, 12, base
	check(t, s.UpdateWork(ctx, w))
	check(t, s.AppendLog(ctx, w.ID, w.Epoch, syncline.LogItem{Time: base, Level: syncline.LogInfo, Message: "m"}))
	job := start(t, s, restore, repo.ID, base)
	check(t, s.AppendLog(ctx, job.ID, job.Epoch, syncline.LogItem{Time: base, Level: syncline.LogError, Message: "m"}))
	return func(s store.Store) content {
		t.Helper()
		return content{
			Installation: must(s.InstallationID(ctx))(t),
			Repositories: must(s.Repositories(ctx))(t),
			Keys:         must(s.Keys(ctx))(t),
			Sealed:       must(s.SealedPassword(ctx, key.ID))(t),
			Users:        must(s.Users(ctx))(t),
			Token:        must(s.Token(ctx, token.Hash, base))(t),
			Latest:       must(s.LatestWork(ctx, sync1))(t),
			Log:          whole(t, s, w),
			Restores:     must(s.WorkPage(ctx, store.WorkQuery{Kind: restore, Limit: 10}))(t),
			RestoreLog:   whole(t, s, job),
		}
	}
}

func testReopen(t *testing.T, open Open) {
	place := t.TempDir()
	s := open(t, place)
	read := fill(t, s)
	before := read(s)
	if _, err := syncline.ParseID(string(before.Installation)); err != nil {
		t.Errorf("the installation's id: %v", err)
	}
	check(t, s.Close())

	s = open(t, place)
	after := read(s)
	if !reflect.DeepEqual(before, after) {
		t.Errorf("before: %+v\nafter: %+v", before, after)
	}
	check(t, s.Close())

	other := open(t, t.TempDir())
	if must(other.InstallationID(t.Context()))(t) == before.Installation {
		t.Error("two installations have one id")
	}
	check(t, other.Close())
}

// testOpenTwice is a command that changes users while a server runs.
func testOpenTwice(t *testing.T, open Open) {
	place := t.TempDir()
	stores := make([]store.Store, 2)
	together(2, func(i int) { stores[i] = open(t, place) })
	if t.Failed() || stores[0] == nil || stores[1] == nil {
		t.FailNow()
	}
	read := fill(t, stores[0])
	if first, second := read(stores[0]), read(stores[1]); !reflect.DeepEqual(first, second) {
		t.Errorf("one reads %+v\nthe other %+v", first, second)
	}
	together(8, func(i int) {
		for range 5 {
			u := syncline.User{Name: string(newID()), Role: syncline.RoleViewer, CreatedAt: base}
			if err := stores[i%2].AddUser(t.Context(), u); err != nil {
				t.Error(err)
			}
		}
	})
	if got := must(stores[1].Users(t.Context()))(t); len(got) != 41 {
		t.Errorf("%d users, want 41", len(got))
	}
	check(t, stores[0].Close())
	check(t, stores[1].Close())
}

func testClosed(t *testing.T, open Open) {
	s := open(t, t.TempDir())
	check(t, s.Close())
	check(t, s.Close())
	_, err := s.Users(t.Context())
	wantCode(t, err, syncline.CodeUnavailable)
	_, err = s.Work(t.Context(), sync1, newID())
	wantCode(t, err, syncline.CodeUnavailable)
	_, err = s.WorkPage(t.Context(), store.WorkQuery{Kind: sync1, Limit: 1})
	wantCode(t, err, syncline.CodeUnavailable)
	_, err = s.TakeWork(t.Context(), store.Taking{Kind: sync1})
	wantCode(t, err, syncline.CodeUnavailable)
	_, _, err = s.Log(t.Context(), sync1, newID(), 1, 0)
	wantCode(t, err, syncline.CodeUnavailable)
	wantCode(t, s.AddUser(t.Context(), syncline.User{Name: "late"}), syncline.CodeUnavailable)
}

// The first caller's bytes stay, also when many call at once.
func testKeyCheck(t *testing.T, s store.Store) {
	const callers = 8
	var kept [callers][]byte
	together(callers, func(i int) {
		var err error
		if kept[i], err = s.KeyCheck(t.Context(), []byte{byte(i), 0xff}); err != nil {
			t.Error(err)
		}
	})
	first := must(s.KeyCheck(t.Context(), []byte("late")))(t)
	if len(first) != 2 || first[0] >= callers || first[1] != 0xff {
		t.Fatalf("%x is kept, which nobody offered first", first)
	}
	for i := range kept {
		if !bytes.Equal(kept[i], first) {
			t.Errorf("caller %d got %x, and %x is kept", i, kept[i], first)
		}
	}
}
