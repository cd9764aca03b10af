package api

import (
	"net/url"
	"strings"
	"testing"

	"syncline.dev/syncline"
)

// A kept secret goes to no other host than those of the storages that use its account.
func TestHostsOfKeptSecrets(t *testing.T) {
	w := newWorld(t).populate()
	w.store.sessions[0].State = syncline.WorkSucceeded
	const refused = "accountId: the account keeps its secret for other hosts"
	at := func(endpoint string) string {
		return with(newStorage, map[string]any{"name": endpoint, "amazonBucketS3Compatible": map[string]any{"servicePoint": endpoint, "name": "b"}})
	}
	for _, elsewhere := range []string{"https://evil.example", "storage.example:444", "http://storage.example", "https://storage.example.evil.example"} {
		wantFailure(t, w.putStorage(`{"amazonBucketS3Compatible":{"servicePoint":"`+elsewhere+`"}}`), 400, `"`+refused)
		wantFailure(t, w.postStorage(at(elsewhere)), 400, `"`+refused)
		wantFailure(t, w.get("/v6/S3CompatibleResources/buckets?accountId="+accountID+"&ServicePoint="+url.QueryEscape(elsewhere)), 400, `"`+refused)
	}
	if len(w.places.tried) != 0 || w.store.storages[0].Endpoint != "https://storage.example" {
		t.Errorf("tried %q, %+v", w.places.tried, w.store.storages)
	}
	for _, same := range []string{"STORAGE.example", "https://storage.example:443"} {
		if a := w.postStorage(at(same)); a.status != 200 {
			t.Errorf("%s: %d %s", same, a.status, a.body)
		}
	}

	// An account that is added for another host is taken, and so is one without a secret.
	added := func(fields map[string]any) string {
		a := w.postAccount(with(goodBodies["AddAccount"], fields))
		if a.status != 201 {
			t.Fatalf("%d %s", a.status, a.body)
		}
		return string(w.store.accounts[len(w.store.accounts)-1].ID)
	}
	w.api.made.newID = func() syncline.ID { return "5d0f0c55-0000-4000-8000-000000000021" }
	other := added(map[string]any{"accountType": "amazonS3CompatibleAccount"})
	if a := w.putStorage(`{"accountId":"` + other + `","amazonBucketS3Compatible":{"servicePoint":"http://plain.example"}}`); a.status != 200 {
		t.Errorf("%d %s", a.status, a.body)
	}
	if a := w.putStorage(`{"amazonBucketS3Compatible":{"servicePoint":"https://plain.example"}}`); a.status != 200 {
		t.Errorf("with encryption: %d %s", a.status, a.body)
	}
	wantFailure(t, w.putStorage(`{"accountId":"`+accountID+`"}`), 400, `"`+refused)
	w.api.made.newID = func() syncline.ID { return "5d0f0c55-0000-4000-8000-000000000022" }
	none := added(map[string]any{"accountType": "memoryAccount", "method": "none", "userName": nil, "password": nil})
	a := w.postStorage(`{"name":"memories","type":"Memory","accountId":"` + none + `","address":"memory:host:/a"}`)
	if a.status != 200 {
		t.Fatalf("%d %s", a.status, a.body)
	}
	path := "/v6/objectstoragerepositories/5d0f0c55-0000-4000-8000-000000000022"
	if a := w.do(request{method: "PUT", path: path, body: `{"address":"memory:elsewhere:/a"}`}); a.status != 200 {
		t.Errorf("%d %s", a.status, a.body)
	}
}

// A setting of an account that leads its secrets to another host needs all of them again.
func TestAccountLedElsewhere(t *testing.T) {
	w := newWorld(t).populate()
	put := func(body string) answer { return w.putAccount(accountID, body) }
	role := `"method":"assumeRole","settings":{"roleArn":"arn:aws:iam::1:role/r"`
	if a := put(`{` + role + `},"password":"` + theSecret + `"}`); a.status != 200 {
		t.Fatalf("%d %s", a.status, a.body)
	}
	tried := len(w.places.tried)
	for _, body := range []string{`{"settings":{"tokenService":"https://evil.example"}}`, `{` + role + `,"TOKENSERVICE":"https://evil.example"}}`} {
		wantFailure(t, put(body), 400, `"password is required: the change leads it to https://evil.example`)
	}
	if len(w.places.tried) != tried || w.store.account(accountID).Settings["tokenService"] != "" {
		t.Errorf("tried %q", w.places.tried[tried:])
	}
	for _, field := range []string{`"password":"` + theSecret + `"`, `"newPassword":"` + theSecret + `"`, `"secrets":{"Password":"` + theSecret + `"}`} {
		host := "https://sts" + strings.Trim(field[:6], `"`) + ".example"
		if a := put(`{"settings":{"tokenService":"` + host + `"},` + field + `}`); a.status != 200 || w.store.account(accountID).Settings["tokenService"] != host {
			t.Errorf("%s: %d %s", field, a.status, a.body)
		}
	}
	if a := put(`{"settings":{"sessionName":"other","tokenService":""}}`); a.status != 200 {
		t.Errorf("what leads nowhere else: %d %s", a.status, a.body)
	}
	wantFailure(t, w.putAccount(azureAccountID, `{"userName":"elsewhere"}`), 400, `"password is required: the change leads it to https://elsewhere.blob.`)
}
