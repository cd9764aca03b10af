package storetest

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/store"
)

func testRepositoryStorageMustExist(t *testing.T, s store.Store) {
	ctx := t.Context()
	r := syncline.Repository{ID: newID(), Name: "r", ObjectStorageID: newID(), EncryptionKeyID: addKey(t, s).ID, CreatedAt: base}
	err := s.AddRepository(ctx, r)
	wantCode(t, err, syncline.CodeInvalid)
	if m := syncline.MessageOf(err); !strings.Contains(m, string(r.ObjectStorageID)) {
		t.Errorf("the message %q does not name the storage", m)
	}
	r.ObjectStorageID, r.EncryptionKeyID = addStorage(t, s, "storage").ID, newID()
	err = s.AddRepository(ctx, r)
	wantCode(t, err, syncline.CodeInvalid)
	if m := syncline.MessageOf(err); !strings.Contains(m, string(r.EncryptionKeyID)) {
		t.Errorf("the message %q does not name the key", m)
	}
	r.EncryptionKeyID = ""
	check(t, s.AddRepository(ctx, r))
	good := r.ObjectStorageID
	r.ObjectStorageID = newID()
	wantCode(t, s.UpdateRepository(ctx, r), syncline.CodeInvalid)
	if got := must(s.Repository(ctx, r.ID))(t); got.ObjectStorageID != good {
		t.Errorf("a refused change left %+v", got)
	}
	r.ObjectStorageID, r.Path = "", "/local"
	check(t, s.UpdateRepository(ctx, r))
	if got := must(s.Repository(ctx, r.ID))(t); got != r {
		t.Errorf("got %+v, want %+v", got, r)
	}
}

func testAccounts(t *testing.T, s store.Store) {
	ctx := t.Context()
	if all := must(s.Accounts(ctx))(t); len(all) != 0 {
		t.Fatalf("a new store has accounts: %v", all)
	}
	first := syncline.Account{ID: newID(), Kind: syncline.KindAzure, UserName: "größe \x00", Method: "second", Settings: map[string]string{"größe": "two\nlines\x00"}, Description: "two\nlines", Limits: syncline.Limits{Connections: 5, BytesPerSecond: 1 << 40}, CreatedAt: base, ManagedBy: "a file"}
	second := syncline.Account{ID: newID(), Kind: syncline.KindS3Compatible, CreatedAt: base.Add(-time.Hour)}
	sealed := []byte{0, 1, 0xff, 0}
	check(t, s.AddAccount(ctx, first, sealed))
	check(t, s.AddAccount(ctx, second, nil))
	wantCode(t, s.AddAccount(ctx, first, []byte("another")), syncline.CodeConflict)
	if got := must(s.Account(ctx, first.ID))(t); !reflect.DeepEqual(got, first) {
		t.Errorf("got %+v, want %+v", got, first)
	}
	if got := must(s.Accounts(ctx))(t); !reflect.DeepEqual(got, []syncline.Account{first, second}) {
		t.Errorf("got %+v", got)
	}
	wantSecret := func(id syncline.ID, want []byte) {
		t.Helper()
		if got := must(s.SealedSecret(ctx, id))(t); string(got) != string(want) {
			t.Errorf("got %x, want %x", got, want)
		}
	}
	wantSecret(first.ID, sealed)
	wantSecret(second.ID, nil)

	changed := syncline.Account{ID: first.ID, Kind: syncline.KindS3, UserName: "new", Method: "third", Settings: map[string]string{"other": ""}, Description: "", Limits: syncline.Limits{Connections: 6}, CreatedAt: base.Add(time.Hour), ManagedBy: first.ManagedBy}
	check(t, s.UpdateAccount(ctx, changed, nil))
	changed.Kind, changed.CreatedAt = first.Kind, first.CreatedAt // neither is the update's to change
	if got := must(s.Account(ctx, first.ID))(t); !reflect.DeepEqual(got, changed) {
		t.Errorf("got %+v, want %+v", got, changed)
	}
	wantSecret(first.ID, sealed)
	check(t, s.UpdateAccount(ctx, changed, []byte("newer")))
	wantSecret(first.ID, []byte("newer"))
	wantSecret(second.ID, nil)

	check(t, s.DeleteAccount(ctx, first.ID))
	_, err := s.Account(ctx, first.ID)
	wantCode(t, err, syncline.CodeNotFound)
	_, err = s.SealedSecret(ctx, first.ID)
	wantCode(t, err, syncline.CodeNotFound)
	wantCode(t, s.UpdateAccount(ctx, first, nil), syncline.CodeNotFound)
	wantCode(t, s.DeleteAccount(ctx, first.ID), syncline.CodeNotFound)
}

func testAccountInUse(t *testing.T, s store.Store) {
	ctx := t.Context()
	v := addStorage(t, s, "the holder")
	err := s.DeleteAccount(ctx, v.AccountID)
	wantCode(t, err, syncline.CodeConflict)
	if m := syncline.MessageOf(err); !strings.Contains(m, v.Name) {
		t.Errorf("the message %q does not name the storage", m)
	}
	must(s.SealedSecret(ctx, v.AccountID))(t)
	check(t, s.DeleteObjectStorage(ctx, v.ID))
	check(t, s.DeleteAccount(ctx, v.AccountID))
}

func testObjectStorages(t *testing.T, s store.Store) {
	ctx := t.Context()
	if all := must(s.ObjectStorages(ctx))(t); len(all) != 0 {
		t.Fatalf("a new store has object storages: %v", all)
	}
	account, other := addAccount(t, s), addAccount(t, s)
	first := syncline.ObjectStorage{
		ID: newID(), Name: "Größe \x00 \xff", Description: "two\nlines", Kind: syncline.KindS3, AccountID: account.ID,
		Cloud: syncline.CloudChina, Endpoint: "http://host:9000", Region: "cn-north-1", Bucket: "bucket",
		Folder: "a folder/\xfe", Settings: map[string]string{"hostKey": "ssh-ed25519 AAAA\x00"}, CreatedAt: base,
	}
	second := syncline.ObjectStorage{ID: newID(), Name: "second", Kind: syncline.KindAzure, AccountID: account.ID, CreatedAt: base.Add(-time.Hour)}
	check(t, s.AddObjectStorage(ctx, first))
	check(t, s.AddObjectStorage(ctx, second))
	if got := must(s.ObjectStorage(ctx, first.ID))(t); !reflect.DeepEqual(got, first) {
		t.Errorf("got %+v, want %+v", got, first)
	}
	if got := must(s.ObjectStorages(ctx))(t); !reflect.DeepEqual(got, []syncline.ObjectStorage{first, second}) {
		t.Errorf("got %+v", got)
	}
	changed := syncline.ObjectStorage{
		ID: first.ID, Name: "renamed", Description: "d", Kind: syncline.KindS3Compatible, AccountID: other.ID,
		Cloud: "", Endpoint: "e", Region: "r", Bucket: "b", Folder: "f", Settings: map[string]string{"region": "x"}, CreatedAt: base.Add(time.Hour),
	}
	check(t, s.UpdateObjectStorage(ctx, changed))
	changed.CreatedAt = base
	if got := must(s.ObjectStorage(ctx, first.ID))(t); !reflect.DeepEqual(got, changed) {
		t.Errorf("got %+v, want %+v", got, changed)
	}
	broken := changed
	broken.AccountID = newID()
	wantCode(t, s.UpdateObjectStorage(ctx, broken), syncline.CodeInvalid)
	broken.ID, broken.Name = newID(), "broken"
	wantCode(t, s.AddObjectStorage(ctx, broken), syncline.CodeInvalid)
	broken.AccountID = account.ID
	wantCode(t, s.UpdateObjectStorage(ctx, broken), syncline.CodeNotFound)

	check(t, s.DeleteObjectStorage(ctx, first.ID))
	_, err := s.ObjectStorage(ctx, first.ID)
	wantCode(t, err, syncline.CodeNotFound)
	wantCode(t, s.DeleteObjectStorage(ctx, first.ID), syncline.CodeNotFound)
	if got := must(s.ObjectStorages(ctx))(t); !reflect.DeepEqual(got, []syncline.ObjectStorage{second}) {
		t.Errorf("got %+v", got)
	}
}

func testObjectStorageNames(t *testing.T, s store.Store) {
	ctx := t.Context()
	first, other := addStorage(t, s, "Ärchiv"), addStorage(t, s, "other")
	taken := first
	taken.ID, taken.Name = newID(), "äRCHIV"
	wantCode(t, s.AddObjectStorage(ctx, taken), syncline.CodeConflict)
	renamed := other
	renamed.Name = "ÄRCHIV"
	wantCode(t, s.UpdateObjectStorage(ctx, renamed), syncline.CodeConflict)
	if got := must(s.ObjectStorage(ctx, other.ID))(t); !reflect.DeepEqual(got, other) {
		t.Errorf("a refused change left %+v", got)
	}
	first.Name = "ÄRCHIV" // its own name in other letters is no conflict
	check(t, s.UpdateObjectStorage(ctx, first))
	check(t, s.DeleteObjectStorage(ctx, first.ID))
	check(t, s.AddObjectStorage(ctx, taken)) // the name is free again
}

func testObjectStorageInUse(t *testing.T, s store.Store) {
	ctx := t.Context()
	v := addStorage(t, s, "storage")
	r := syncline.Repository{ID: newID(), Name: "the holder", ObjectStorageID: v.ID, CreatedAt: base}
	check(t, s.AddRepository(ctx, r))
	err := s.DeleteObjectStorage(ctx, v.ID)
	wantCode(t, err, syncline.CodeConflict)
	if m := syncline.MessageOf(err); !strings.Contains(m, r.Name) {
		t.Errorf("the message %q does not name the repository", m)
	}
	check(t, s.DeleteRepository(ctx, r.ID))
	check(t, s.DeleteObjectStorage(ctx, v.ID))
}
