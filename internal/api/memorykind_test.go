package api

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"strings"
	"testing"

	"syncline.dev/syncline"
	v6 "syncline.dev/syncline/internal/api/v6"
	"syncline.dev/syncline/internal/place"
	"syncline.dev/syncline/internal/storage"
)

// memoryKind is a kind of storage that the API learns from its tables alone.
var memoryKind = place.Kind{
	Scheme: "memory", Form: "memory:HOST:/FOLDER",
	Stored: []place.Stored{{
		Kind: "memory", AccountType: "memoryAccount", StorageType: "Memory", Title: "Memory", Help: "A storage of tests.", Example: "memory:host:/folder",
		Methods: []place.Method{
			{
				Name: "key", Title: "Key", Help: "A key with its phrase.",
				UserName: place.Field{Name: place.UserName, Title: "User name", Help: "the name of a user"},
				Fields:   []place.Field{{Name: "zone", Title: "Zone", Help: "the zone", Required: true, Choices: []string{"east", "west"}}},
				Secrets: []place.Field{
					{Name: "privateKey", Title: "Private key", Help: "the private key", Required: true, Multiline: true},
					{Name: "passphrase", Title: "Passphrase", Help: "the passphrase of the private key"},
				},
			},
			{Name: "password", Title: "Password", Secrets: []place.Field{{Name: place.Password, Title: "Password", Help: "the password", Required: true}}},
			{Name: "none", Title: "Nobody"},
		},
		Fields: []place.Field{{Name: "hostKey", Title: "Host key", Help: "the key of the host", Check: func(text string) error {
			if !strings.HasPrefix(text, "key-") {
				return errors.New("must be a key like key-1")
			}
			return nil
		}}},
	}},
	Parse: func(rest string) (place.Place, error) {
		user, rest, found := strings.Cut(rest, "@")
		if !found {
			user, rest = "", user
		}
		host, folder, found := strings.Cut(rest, ":")
		if !found || host == "" {
			return place.Place{}, invalid("the address must be like memory:HOST:/FOLDER")
		}
		return place.Place{
			Storage: syncline.ObjectStorage{Kind: "memory", Endpoint: host, Folder: strings.Trim(folder, "/")},
			Access:  place.Access{Account: syncline.Account{UserName: user}},
		}, nil
	},
	Print: func(p place.Place) string { return p.Storage.Endpoint + ":/" + p.Storage.Folder },
	Open: func(context.Context, place.Place, place.Network) (storage.Storage, error) {
		return nil, errors.New("nothing opens it here")
	},
}

const memoryAccount = `{"accountType":"memoryAccount","userName":"ada","settings":{"zone":"east"},"secrets":{"privateKey":"the\nkey","passphrase":"phrase"}}`

func (w *world) postAccount(body string) answer {
	w.t.Helper()
	return w.do(request{method: "POST", path: "/v6/Accounts", body: body})
}

func (w *world) putAccount(id, body string) answer {
	w.t.Helper()
	return w.do(request{method: "PUT", path: "/v6/Accounts/" + id, body: body})
}

// A kind that v6 lacks has its fields from its tables: they are taken, checked, kept and
// told, and its secrets are not told.
func TestAccountOfTables(t *testing.T) {
	w := newWorld(t)
	w.api.made.newID = func() syncline.ID { return accountID }
	a := w.postAccount(memoryAccount)
	want := `{"accountType":"memoryAccount","userName":"ada","id":"` + accountID + `","description":"","settings":{"zone":"east"},"_links":{"self":{"href":"/v6/Accounts/` + accountID + `"}}}` + "\n"
	if a.status != 201 || a.body != want {
		t.Fatalf("got %d %s, want %s", a.status, a.body, want)
	}
	if got := w.get("/v6/Accounts/" + accountID + "?extensions=true"); got.body != want {
		t.Errorf("got %s", got.body)
	}
	wantFailure(t, w.get("/v6/Accounts/"+accountID), 404, "Syncline-Extensions")
	if got := w.get("/v6/Accounts"); got.body != "[]\n" || got.header.Get("Syncline-Omitted") != "1" {
		t.Errorf("got %s", got.body)
	}
	var kept map[string]string
	if err := json.Unmarshal([]byte(w.secretOf(accountID)), &kept); err != nil || !maps.Equal(kept, map[string]string{"privateKey": "the\nkey", "passphrase": "phrase"}) {
		t.Errorf("sealed %s", w.secretOf(accountID))
	}
	// The fields of an answer can be sent back, and a secret that is not sent is kept.
	for _, body := range []string{a.body, `{"settings":{"ZONE":"west"}}`, `{"secrets":{"passphrase":""}}`} {
		if got := w.putAccount(accountID, body); got.status != 200 {
			t.Errorf("%s: %d %s", body, got.status, got.body)
		}
	}
	if x := w.store.account(accountID); x.Settings["zone"] != "west" || len(x.Settings) != 1 || w.secretOf(accountID) != `{"privateKey":"the\nkey"}` {
		t.Errorf("kept %+v and %s", x, w.secretOf(accountID))
	}
	compare := func(body string) bool {
		return decode[v6.SecretComparison](t, w.do(request{method: "POST", path: "/v6/Accounts/" + accountID + "/Compare", body: body})).IsSame
	}
	for body, same := range map[string]bool{
		`{"secrets":{"privateKey":"the\nkey"}}`: true, `{"secrets":{"privateKey":"other"}}`: false,
		`{"secrets":{"privateKey":"the\nkey","passphrase":""}}`: true,
		`{"secrets":{"PRIVATEKEY":"the\nkey"}}`:                 true, `{"secrets":{"other":""}}`: false,
		`{"secrets":{"privateKey":"the\nkey","passphrase":"x"}}`: false, `{"password":"the\nkey"}`: false,
	} {
		if compare(body) != same {
			t.Errorf("%s is the same: %v", body, !same)
		}
	}
	wantFailure(t, w.do(request{method: "POST", path: "/v6/Accounts/" + accountID + "/Compare", body: `{"secrets":{}}`}), 400, "password is required")
	// Another method has other fields; those of the one before are dropped.
	wantFailure(t, w.putAccount(accountID, `{"method":"none","settings":{"zone":"east"}}`), 400, `"settings.zone is not known`)
	if got := w.putAccount(accountID, `{"method":"password","password":"hunter2"}`); got.status != 200 || w.secretOf(accountID) != "hunter2" {
		t.Errorf("%d %s: %s", got.status, got.body, w.secretOf(accountID))
	}
	if x := w.store.account(accountID); x.Method != "password" || x.Settings != nil || x.UserName != "" {
		t.Errorf("kept %+v", x)
	}
	if got := w.putAccount(accountID, `{"method":"none"}`); got.status != 200 || w.secretOf(accountID) != "" {
		t.Errorf("%d %s: %s", got.status, got.body, w.secretOf(accountID))
	}
}

func TestBadAccountOfTables(t *testing.T) {
	w := newWorld(t)
	for part, fields := range map[string]map[string]any{
		"method must be one of key, password, none":                        {"method": "other"},
		"settings.zone is required; give the zone":                         {"settings": map[string]any{}},
		"settings.zone must be one of east, west":                          {"settings": map[string]any{"zone": "north"}},
		"settings.other is not known here: the settings are settings.zone": {"settings": map[string]any{"zone": "east", "other": ""}},
		"settings.zone is given more than once":                            {"settings": map[string]any{"zone": "east", "Zone": "west"}},
		"secrets.privateKey is required":                                   {"secrets": nil},
		"secrets.other cannot be honoured":                                 {"secrets": map[string]any{"privateKey": "k", "other": "x"}},
		"password cannot be honoured":                                      {"password": "x"},
		"userName must not":                                                {"userName": " ada"},
		"userName cannot be honoured":                                      {"method": "none", "settings": nil, "secrets": nil},
		"password is required":                                             {"method": "password", "settings": nil, "secrets": nil, "userName": nil},
		"password and secrets.password differ":                             {"method": "password", "settings": nil, "userName": nil, "password": "a", "secrets": map[string]any{"password": "b"}},
		"accountType must be one of":                                       {"accountType": "oracleAccount"},
		"settings.zone must be a string":                                   {"settings": map[string]any{"zone": 1}},
	} {
		wantFailure(t, w.postAccount(with(memoryAccount, fields)), 400, `"`+part)
	}
	if len(w.store.accounts) != 0 {
		t.Errorf("kept %+v", w.store.accounts)
	}
	wantFailure(t, w.get("/v6/Accounts?accountType=oracleAccount"), 400, "accountType in the query must be one of")
	// Kinds of v6 have no settings.
	wantFailure(t, w.postAccount(with(goodBodies["AddAccount"], map[string]any{"settings": map[string]any{"x": "y"}})), 400, `"settings.x is not known`)
}

// The place of such a kind is its address, with settings.
func TestStorageOfTables(t *testing.T) {
	w := newWorld(t).populate()
	if a := w.postAccount(memoryAccount); a.status != 201 {
		t.Fatal(a.body)
	}
	account := string(w.store.accounts[len(w.store.accounts)-1].ID)
	w.api.made.newID = func() syncline.ID { return "5d0f0c55-0000-4000-8000-000000000009" }
	storage := `{"name":"memories","type":"Memory","accountId":"` + account + `","address":"memory:host:/a/b/","settings":{"hostKey":"key-1"}}`
	for part, fields := range map[string]map[string]any{
		"address is required; give one like memory:host:/folder":         {"address": nil},
		"address: the address must be like":                              {"address": "memory:x"},
		"address: the address is of another kind":                        {"address": "gs:bucket:/"},
		"address: the address has a user name":                           {"address": "memory:ada@host:/x"},
		"address must not hold control":                                  {"address": "memory:host:/\x01"},
		"settings.hostKey must be a key like key-1":                      {"settings": map[string]any{"hostKey": "x"}},
		"settings.other is not known here: the settings are settings.ho": {"settings": map[string]any{"other": ""}},
		"s3Folder cannot be honoured: it does not go with the type Mem":  {"s3Folder": "x"},
		"accountId names an account of the type amazonS3Account; the":    {"accountId": s3AccountID},
		"name is required": {"name": nil},
	} {
		wantFailure(t, w.postStorage(with(storage, fields)), 400, `"`+part)
	}
	wantFailure(t, w.postStorage(with(newStorage, map[string]any{"address": "s3:host/bucket"})), 400, `"address cannot be honoured`)
	w.places.fail = &storageUnconfirmed
	if a := w.postStorage(storage); a.status != 409 || a.body != `{"message":"address: compare the key","confirm":{"hostKey":"key-2"}}`+"\n" {
		t.Errorf("got %d %s", a.status, a.body)
	}
	w.places.fail = nil
	a := w.postStorage(storage)
	if want := `"address":"memory:host:/a/b","settings":{"hostKey":"key-1"}`; a.status != 200 || !strings.Contains(a.body, want) {
		t.Fatalf("got %d %s, want %s", a.status, a.body, want)
	}
	id := "5d0f0c55-0000-4000-8000-000000000009"
	put := func(body string) answer {
		return w.do(request{method: "PUT", path: "/v6/ObjectStorageRepositories/" + id, body: body})
	}
	tried := len(w.places.tried)
	if got := put(a.body); got.status != 200 || len(w.places.tried) != tried {
		t.Errorf("sending it back: %d %s", got.status, got.body)
	}
	if got := put(`{"settings":{"hostKey":"key-3"}}`); got.status != 200 || len(w.places.tried) != tried+1 {
		t.Errorf("another key is tried: %d %s", got.status, got.body)
	}
	// A change of the account cannot confirm for the storage.
	w.places.fail = &storageUnconfirmed
	if a := w.putAccount(account, `{"settings":{"zone":"west"}}`); a.status != 409 || strings.Contains(a.body, "confirm") || !strings.Contains(a.body, "memories") {
		t.Errorf("got %d %s", a.status, a.body)
	}
	w.places.fail = &storageChanged
	wantFailure(t, put(`{"settings":{"hostKey":"key-4"}}`), 400, `"settings.hostKey: the host shows another key`)
	w.places.fail = nil
	if got := w.get("/v6/ObjectStorageRepositories/" + id + "?extensions=true"); !strings.Contains(got.body, `"settings":{"hostKey":"key-3"}`) {
		t.Errorf("got %s", got.body)
	}
	wantFailure(t, w.get("/v6/ObjectStorageRepositories/"+id), 404, "Syncline-Extensions")
	wantFailure(t, put(`{"type":"AmazonS3"}`), 400, "type cannot change")
}

var storageUnconfirmed = storage.UnconfirmedError{Setting: "hostKey", Value: "key-2", Err: syncline.Errorf(syncline.CodeConflict, "compare the key")}

// storageChanged is the refusal of a storage whose host shows another key than its setting.
var storageChanged = storage.SettingError{Setting: "hostKey", Err: storage.Refused(nil, "the host shows another key")}

func TestStorageKinds(t *testing.T) {
	w := newWorld(t)
	told := decode[[]v6.StorageKind](t, w.get("/v6/StorageKinds"))
	names := make(map[string]v6.StorageKind)
	for _, k := range told {
		names[k.AccountType] = k
	}
	m := names["memoryAccount"]
	if len(names) != len(allKinds.AllStored()) || m.StorageType != "Memory" || !m.IsExtension || m.HasBuckets || len(m.Methods) != 3 || m.AddressExample != "memory:host:/folder" {
		t.Fatalf("got %+v", told)
	}
	key := m.Methods[0]
	if key.UserName == nil || key.UserName.IsRequired || len(key.Secrets) != 2 || !key.Secrets[0].IsMultiline || len(*key.Settings[0].Choices) != 2 || m.Methods[1].UserName != nil {
		t.Errorf("got %+v", key)
	}
	if k := names["amazonS3Account"]; k.IsExtension || !k.HasBuckets || k.AddressExample != "" || k.Methods[0].Secrets[0].Name != "password" {
		t.Errorf("got %+v", k)
	}
}
