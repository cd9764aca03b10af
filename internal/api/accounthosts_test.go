package api

import (
	"testing"

	"syncline.dev/syncline"
)

const otherHosts = "accountId: the account keeps its secret for other hosts"

// A kept secret goes to no other host than those of the storages that use its account.
func TestHostsOfKeptSecrets(t *testing.T) {
	w := newWorld(t)
	added := func(id, body string) string {
		t.Helper()
		w.api.made.newID = func() syncline.ID { return syncline.ID(id) }
		if a := w.postAccount(body); a.status != 201 {
			t.Fatalf("%d %s", a.status, a.body)
		}
		return id
	}
	at := func(account, address string) string {
		return `{"name":"` + address + `","type":"Memory","accountId":"` + account + `","settings":{"hostKey":"key-1"},"address":"memory:` + address + `"}`
	}
	first := added("5d0f0c55-0000-4000-8000-000000000021", memoryAccount)
	w.api.made.newID = func() syncline.ID { return storageID }
	if a := w.postStorage(at(first, "host:/a")); a.status != 200 {
		t.Fatalf("the first storage: %d %s", a.status, a.body)
	}
	tried := len(w.places.tried)
	for _, elsewhere := range []string{"evil.example:/a", "host.evil.example:/a"} {
		wantFailure(t, w.putStorage(`{"address":"memory:`+elsewhere+`"}`), 400, `"`+otherHosts)
		wantFailure(t, w.postStorage(at(first, elsewhere)), 400, `"`+otherHosts)
	}
	if len(w.places.tried) != tried || w.store.storages[0].Endpoint != "host" {
		t.Errorf("tried %q, %+v", w.places.tried[tried:], w.store.storages)
	}
	w.api.made.newID = func() syncline.ID { return "5d0f0c55-0000-4000-8000-000000000031" }
	if a := w.postStorage(at(first, "HOST:/b")); a.status != 200 {
		t.Errorf("the same host: %d %s", a.status, a.body)
	}

	// An account that is added for another host is taken, and so is one without a secret.
	other := added("5d0f0c55-0000-4000-8000-000000000022", memoryAccount)
	none := added("5d0f0c55-0000-4000-8000-000000000023", with(memoryAccount, map[string]any{"method": "none", "userName": nil, "settings": nil, "secrets": nil}))
	for _, body := range []string{
		`{"accountId":"` + other + `","address":"memory:second:/a"}`, `{"accountId":"` + none + `","address":"memory:third:/a"}`, `{"address":"memory:fourth:/a"}`,
	} {
		if a := w.putStorage(body); a.status != 200 {
			t.Errorf("%s: %d %s", body, a.status, a.body)
		}
	}
	wantFailure(t, w.putStorage(`{"accountId":"`+first+`"}`), 400, `"`+otherHosts)
}

// A secret that signs is shown to no host, so one account serves several service points.
func TestSecretsThatSign(t *testing.T) {
	w := newWorld(t).populate()
	w.api.made.newID = func() syncline.ID { return "5d0f0c55-0000-4000-8000-000000000031" }
	a := w.postStorage(with(newStorage, map[string]any{"name": "second", "amazonBucketS3Compatible": map[string]any{"servicePoint": "https://region.example", "name": "b"}}))
	if a.status != 200 {
		t.Errorf("%d %s", a.status, a.body)
	}
}

// A setting of an account that leads its secrets to another host needs all of them again.
func TestAccountLedElsewhere(t *testing.T) {
	w := newWorld(t)
	w.api.made.newID = func() syncline.ID { return accountID }
	const account = `{"accountType":"openStackSwiftAccount","userName":"ada","settings":{"authUrl":"https://identity.example/v3","project":"p"},"password":"` + theSecret + `"}`
	if a := w.postAccount(account); a.status != 201 {
		t.Fatalf("%d %s", a.status, a.body)
	}
	put := func(body string) answer { return w.putAccount(accountID, body) }
	for _, name := range []string{"authUrl", "AUTHURL"} {
		wantFailure(t, put(`{"settings":{"`+name+`":"https://evil.example/v3"}}`), 400, `"password is required: the change leads it to https://evil.example`)
	}
	if got := w.store.account(accountID).Settings["authUrl"]; got != "https://identity.example/v3" {
		t.Errorf("kept %q", got)
	}
	for host, field := range map[string]string{"a": `"password":"` + theSecret + `"`, "b": `"newPassword":"` + theSecret + `"`, "c": `"secrets":{"Password":"` + theSecret + `"}`} {
		url := "https://" + host + ".example/v3"
		if a := put(`{"settings":{"authUrl":"` + url + `"},` + field + `}`); a.status != 200 || w.store.account(accountID).Settings["authUrl"] != url {
			t.Errorf("%s: %d %s", field, a.status, a.body)
		}
	}
	if a := put(`{"settings":{"project":"other"}}`); a.status != 200 {
		t.Errorf("what leads nowhere else: %d %s", a.status, a.body)
	}
}
