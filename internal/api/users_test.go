package api

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"syncline.dev/syncline"
	v6 "syncline.dev/syncline/internal/api/v6"
)

func TestUsers(t *testing.T) {
	w := newWorld(t)
	send := func(method, path, body string) answer {
		return w.do(request{method: method, path: "/v6/Users" + path, body: body})
	}
	a := send("POST", "", `{"name":"bert ü","role":"viewer","password":"`+thePass+`"}`)
	want := `{"name":"bert ü","role":"viewer","createdTime":"2026-11-23T10:00:00Z","_links":{"self":{"href":"/v6/Users/bert%20%C3%BC"}}}` + "\n"
	if a.status != 200 || a.body != want || w.users.passwords["bert ü"] != thePass {
		t.Fatalf("got %d %s, want %s", a.status, a.body, want)
	}
	if got := w.get(decode[v6.User](t, a).Links.Self.Href); got.body != want {
		t.Errorf("the link gives %s", got.body)
	}
	if list := decode[[]v6.User](t, w.get("/v6/Users")); len(list) != 6 {
		t.Errorf("got %+v", list)
	}
	if a := send("PUT", "/BERT%20%C3%BC", `{"role":"operator","password":"another good one"}`); a.status != 200 {
		t.Errorf("got %d %s", a.status, a.body)
	}
	if u, err := w.users.User(t.Context(), "bert ü"); err != nil || u.Role != syncline.RoleOperator || w.users.passwords[u.Name] != "another good one" {
		t.Errorf("got %+v", u)
	}
	for body, part := range map[string]string{
		`{"role":"viewer","password":"x"}`:                    "name is required",
		`{"name":"x","password":"x"}`:                         "role is required",
		`{"name":"x","role":"viewer"}`:                        "password is required",
		`{"name":"x","role":"root","password":"` + "x" + `"}`: "role must be one of",
	} {
		wantFailure(t, send("POST", "", body), 400, part)
	}
	wantFailure(t, send("PUT", "/ada", `{"name":"eve"}`), 400, "name cannot change")
	if a := send("DELETE", "/bert%20%C3%BC", ""); a.status != 204 {
		t.Errorf("got %d %s", a.status, a.body)
	}
	wantFailure(t, send("GET", "/bert%20%C3%BC", ""), 404)
	for password, same := range map[string]bool{"open sesame": true, "Open sesame": false} {
		if got := decode[v6.SecretComparison](t, send("POST", "/ada/Compare", `{"password":"`+password+`"}`)); got.IsSame != same {
			t.Errorf("%q is the password: %v", password, got.IsSame)
		}
	}
	w.users.throttle = true
	wantFailure(t, send("POST", "/ada/Compare", `{"password":"x"}`), 429)
	if strings.Contains(w.log.String(), "open sesame") || strings.Contains(w.log.String(), thePass) {
		t.Error("a password is in the log")
	}
}

// Every user changes the own password, and no other user's.
func TestOwnPassword(t *testing.T) {
	w := newWorld(t)
	change := func(token, name, present string) answer {
		return w.do(request{
			method: "PUT", path: "/v6/Users/" + name + "/Password", token: token,
			body: `{"password":"` + present + `","newPassword":"` + thePass + `"}`,
		})
	}
	for _, role := range []string{"viewer", "restorer", "operator", "administrator"} {
		wantFailure(t, change(role, "the%20"+role, "wrong"), 400, "password is not your present password")
		wantFailure(t, change(role, "ada", "open sesame"), 403, "own password only")
		if a := change(role, "THE%20"+role, "open sesame"); a.status != 200 || w.users.passwords["the "+role] != thePass {
			t.Errorf("%s: got %d %s", role, a.status, a.body)
		}
	}
	wantFailure(t, change("viewer", "nobody", "open sesame"), 403) // who is there is not a viewer's to know
	if u, err := w.users.find("the viewer"); err == nil {
		u.ManagedBy = "fleet"
	}
	wantFailure(t, change("viewer", "the%20viewer", "open sesame"), 409, "fleet")
}

// A changed password is tried with every repository before it is kept.
func TestChangedKey(t *testing.T) {
	w := newWorld(t).populate()
	w.store.repos = append(w.store.repos, syncline.Repository{ID: pointID, Name: "other", Path: "/srv/other", EncryptionKeyID: keyID, ResticID: "0102030405"})
	w.sync.ids = map[string]string{"/srv/other": "0102030405"}
	put := func(body string) answer {
		return w.do(request{method: "PUT", path: "/v6/EncryptionKeys/" + keyID, body: body})
	}
	kept := func() string {
		plain, err := fakeSealer{}.Open(keyID, w.store.sealed[keyID])
		if err != nil {
			t.Fatal(err)
		}
		return string(plain)
	}
	w.sync.checks = map[string]error{"/srv/other": syncline.Errorf(syncline.CodeWrongPassword, "the password opens no key")}
	for _, force := range []string{"false", "true"} {
		wantFailure(t, put(`{"newPassword":"better one","force":`+force+`}`), 400, `does not open the repository \"other\"`)
	}
	w.sync.checks["/srv/other"] = syncline.Errorf(syncline.CodeNoRepository, "there is no such folder")
	wantFailure(t, put(`{"newPassword":"better one"}`), 409, `with the repository \"other\"`, "no such folder", "force: true")
	wantFailure(t, put(`{"newPassword":"better one","oldPassword":"x"}`), 400, "oldPassword is not")
	wantFailure(t, put(`{"id":"`+unknownID+`"}`), 400, "id cannot be")
	if kept() != thePass {
		t.Fatalf("a refused change left %q", kept())
	}
	if len(w.checks.retried) != 0 {
		t.Errorf("refused changes let %v be checked", w.checks.retried)
	}
	if a := put(`{"newPassword":"better one","force":true}`); a.status != 200 || kept() != "better one" || !slices.Contains(w.checks.retried, pointID) {
		t.Errorf("got %d %s, kept %q, %v are checked", a.status, a.body, kept(), w.checks.retried)
	}
	w.sync.checks = nil
	w.sync.ids["/srv/other"] = "ffff"
	wantFailure(t, put(`{"newPassword":"best one","force":true}`), 409, "another repository lies there")
	w.sync.opened, w.sync.ids["/srv/other"] = nil, "0102030405"
	if a := put(`{"newPassword":"best one","description":"renamed","oldPassword":"better one"}`); a.status != 200 || kept() != "best one" || w.store.keys[0].Description != "renamed" {
		t.Errorf("got %d %s, kept %q, %+v", a.status, a.body, kept(), w.store.keys[0])
	}
	if len(w.sync.opened) != 2 {
		t.Errorf("tried %v", w.sync.opened)
	}
	w.sync.opened = nil
	if a := put(`{"description":"again","newPassword":"best one"}`); a.status != 200 || len(w.sync.opened) != 0 {
		t.Errorf("the same password: %d %s, tried %v", a.status, a.body, w.sync.opened)
	}
	w.users.throttle = true
	wantFailure(t, put(`{"oldPassword":"a guess"}`), 429)
	wantFailure(t, w.do(request{method: "PUT", path: "/v6/Accounts/" + accountID, body: `{"oldPassword":"a guess"}`}), 429)
	w.users.throttle = false
	for what, password := range map[string]string{"EncryptionKeys/" + keyID: "best one", "Accounts/" + accountID: theSecret} {
		for guess, same := range map[string]bool{password: true, password + "x": false} {
			a := w.do(request{method: "POST", path: "/v6/" + what + "/Compare", body: `{"password":"` + guess + `"}`})
			if decode[v6.SecretComparison](t, a).IsSame != same {
				t.Errorf("%s: %q is the secret: %v", what, guess, !same)
			}
		}
	}
}

// A repository moves within its own identity, its session with it.
func TestMovedRepository(t *testing.T) {
	w := newWorld(t).populate()
	w.store.repos[0].ResticID = "aa01"
	w.store.repos = append(w.store.repos, syncline.Repository{ID: pointID, Name: "copy", Path: "/srv/copy", EncryptionKeyID: keyID, ResticID: "aa01", Retention: syncline.Retention{Type: "ItemLevel"}})
	w.sync.ids = map[string]string{"/srv/new": "aa01", "/srv/copy": "aa01"}
	wantFailure(t, w.put(`{"retentionType":"ItemLevel","path":"/srv/stranger"}`), 409, "another repository lies there", "aa01", "attach it as a new one")
	wantFailure(t, w.put(`{"retentionType":"ItemLevel","path":"/srv/copy"}`), 409, `attached already, as the repository \"copy\"`)
	if w.store.sessions[0].State.Ended() || w.store.repos[0].Path != "/srv/backup" {
		t.Error("a refused change had an effect")
	}
	if a := w.put(`{"retentionType":"ItemLevel","path":"/srv/new"}`); a.status != 200 {
		t.Fatalf("got %d %s", a.status, a.body)
	}
	if r := w.store.repos[0]; r.Path != "/srv/new" || !r.OutOfSync || len(w.sync.forgotten) != 0 {
		t.Errorf("got %+v, forgot %v", r, w.sync.forgotten)
	}
	if n := len(w.store.sessions); n != 2 || w.store.sessions[0].State != syncline.WorkStopped || w.store.sessions[1].State.Ended() {
		t.Errorf("the session does not go on: %+v", w.store.sessions)
	}
	for id, other := range map[syncline.ID]syncline.ID{repoID: pointID, pointID: repoID} {
		got := decode[v6.BackupRepository](t, w.get("/v6/BackupRepositories/"+string(id)))
		if got.CopyOf == nil || len(*got.CopyOf) != 1 || (*got.CopyOf)[0] != other {
			t.Errorf("%s is a copy of %v", id, got.CopyOf)
		}
	}
}

// A change that another request overtook, while the repository was tried at its new
// place, is refused: neither undoes the other, and no place is attached twice.
func TestOvertaken(t *testing.T) {
	const moved = `{"retentionType":"ItemLevel","path":"/srv/new"}`
	for name, meanwhile := range map[string]func(*world){
		"moved":    func(w *world) { w.store.repos[0].Path = "/srv/elsewhere" },
		"declared": func(w *world) { w.store.repos[0].ManagedBy = "fleet" },
		"removed":  func(w *world) { w.store.repos = nil },
		"attached": func(w *world) {
			w.store.repos = append(w.store.repos, syncline.Repository{ID: pointID, Name: "second", Path: "/srv/new", ResticID: "aa01"})
		},
	} {
		w := newWorld(t).populate()
		w.store.repos[0].ResticID = "aa01"
		w.sync.ids = map[string]string{"/srv/new": "aa01"}
		w.sync.checking = func() { meanwhile(w) }
		if a := w.put(moved); a.status != 409 && (name != "removed" || a.status != 404) {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
		if len(w.store.repos) > 0 && w.store.repos[0].Path == "/srv/new" {
			t.Errorf("%s: the other change is undone", name)
		}
	}
	w := newWorld(t).populate()
	w.store.repos[0].Path, w.store.repos[0].ObjectStorageID, w.store.repos[0].ResticID = "", storageID, "aa01"
	w.store.sessions = nil
	w.sync.checking = func() {
		second := w.store.storages[0]
		second.ID, second.Name, second.Folder = "8b0e2b3c-0000-4000-8000-000000000009", "second", "elsewhere"
		w.store.storages = append(w.store.storages, second)
		w.store.repos = append(w.store.repos, syncline.Repository{ID: pointID, Name: "second", ObjectStorageID: second.ID, ResticID: "aa01"})
	}
	w.sync.id = "aa01"
	wantFailure(t, w.putStorage(`{"s3Folder":"elsewhere"}`), 409, `attached already, as the repository \"second\"`)
}

// Only the file that declares a thing changes and removes it.
func TestManaged(t *testing.T) {
	w := newWorld(t).populate()
	w.store.repos[0].ManagedBy, w.store.keys[0].ManagedBy, w.store.accounts[0].ManagedBy, w.store.storages[0].ManagedBy = "fleet", "fleet", "fleet", "fleet"
	w.users.users[0].ManagedBy = "fleet"
	rule := testRule
	rule.ManagedBy = "fleet"
	w.api.alarmRules.store = &fakeRules{rules: []syncline.AlarmRule{rule}}
	paths := map[string]string{
		"/v6/BackupRepositories/" + repoID: goodBodies["UpdateBackupRepository"], "/v6/EncryptionKeys/" + keyID: `{"description":"x"}`,
		"/v6/objectstoragerepositories/" + storageID: `{"description":"x"}`, "/v6/Accounts/" + accountID: `{"description":"x"}`,
		"/v6/Users/ada": `{"role":"viewer"}`, "/v6/AlarmRules/" + ruleID: `{"tag":"x"}`,
	}
	send := func(method, path, body, manager string) answer {
		return w.do(request{method: method, path: path, body: body, header: http.Header{managerHeader: {manager}}})
	}
	for path, body := range paths {
		for manager, part := range map[string]string{"": `the file \"fleet\" declares this`, "other": "release it"} {
			wantFailure(t, send("PUT", path, body, manager), 409, "fleet", part)
			wantFailure(t, send("DELETE", path, "", manager), 409, "fleet", part)
		}
		if a := send("PUT", path, body, "fleet"); a.status != 200 {
			t.Errorf("%s: %d %s", path, a.status, a.body)
		}
		if a := w.get(path); !strings.Contains(a.body, `"managedBy":"fleet"`) {
			t.Errorf("%s: %s", path, a.body)
		}
	}
	for path := range paths { // the holders first
		if a := send("DELETE", path, "", "fleet"); a.status != 204 && a.status != 409 {
			t.Errorf("%s: %d %s", path, a.status, a.body)
		}
	}
	if a := send("POST", "/v6/EncryptionKeys", `{"password":"x"}`, "fleet"); !strings.Contains(a.body, `"managedBy":"fleet"`) {
		t.Errorf("got %s", a.body)
	}
	if a := send("PUT", "/v6/Users/the%20viewer", `{}`, "fleet"); a.status != 200 || !strings.Contains(w.get("/v6/Users/the%20viewer").body, `"managedBy":"fleet"`) {
		t.Errorf("a thing of nobody's is taken over: %d %s", a.status, a.body)
	}
	wantFailure(t, send("PUT", "/v6/Users/the%20viewer", `{}`, strings.Repeat("x", 65)), 400, managerHeader)
}

// A file can be released from all that it declares, which stays.
func TestManagers(t *testing.T) {
	w := newWorld(t).populate()
	if got := w.get("/v6/Managers"); got.body != `[{"name":"fleet"}]`+"\n" {
		t.Errorf("got %s", got.body)
	}
	if a := w.do(request{method: "DELETE", path: "/v6/Managers/fleet"}); a.status != 204 {
		t.Errorf("got %d %s", a.status, a.body)
	}
	if got := w.get("/v6/Managers"); got.body != "[]\n" {
		t.Errorf("got %s", got.body)
	}
	wantFailure(t, w.do(request{method: "DELETE", path: "/v6/Managers/fleet"}), 404, "fleet")
}
