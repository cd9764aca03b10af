package console_test

import (
	"testing"

	"github.com/chromedp/chromedp/kb"

	"syncline.dev/syncline/internal/resticfixture"
	"syncline.dev/syncline/internal/storage/storagetest/servers"
)

// TestEverySetting looks at each page of the settings, and at each of its dialogs, in
// every theme and width.
func TestEverySetting(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.inBucket("Films", resticfixture.Unpack(t, "v2-old"))
	p := newPage(t, w.url)
	p.expect("401")
	p.signIn("administrator", adminPassword)
	p.waitText("Tidewatch")
	for _, v := range []struct{ name, path, text string }{
		{"settings", "/settings", "Installation"},
		{"settings-accounts", "/settings/accounts", "Films"},
		{"settings-passwords", "/settings/passwords", "Tidewatch"},
		{"settings-nodes", "/settings/nodes", "takes no new work"},
		{"settings-users", "/settings/users", "may do everything"},
		{"settings-unknown", "/settings/nothing", "There is nothing at this address"},
		{"all-sessions", "/sessions", "Office server"},
		{"all-sessions-failed", "/sessions?state=Failed", "Office server"},
		{"all-sessions-none", "/sessions?state=Synchronizing", "No session is running"},
	} {
		p.open(v.path)
		p.check(v.name, v.text)
		p.everyWidth(v.name, v.text)
	}
	for _, d := range []struct{ name, path, button, text string }{
		{"own-password", "/settings", "Change password", "New password again"},
		{"maintenance", "/settings/nodes", "Put into maintenance", "It is the only node"},
		{"user-add", "/settings/users", "Add a user", "At least 12 characters"},
		{"user-role", "/settings/users", "Change the role of administrator", "signs you out"},
		{"password-edit", "/settings/passwords", "Edit films", "restic key passwd"},
		{"account-add", "/settings/accounts", "Add an account", "Kind of storage"},
		{"account-edit", "/settings/accounts", "Edit the cellar", "Connections at once"},
		{"place-edit", "/settings/accounts", "Edit the place bucket/repo", "Folder in it"},
		{"password-add", "/settings/passwords", "Add a password", "restic is run with"},
	} {
		p.open(d.path)
		p.click("main button", d.button)
		p.check("dialog-"+d.name, d.text)
		p.everyWidth("dialog-"+d.name, d.text)
	}
}

// inBucket attaches a repository in object storage, with an account that reads slowly.
func (s *server) inBucket(name, folder string) string {
	s.t.Helper()
	store := servers.StartS3(s.t)
	store.Put(s.t, "bucket", "repo", servers.ReadFolder(s.t, folder))
	var account, storage, key, attached struct{ ID string }
	s.call("POST", "/v6/Accounts", map[string]any{
		"accountType": "amazonS3CompatibleAccount", "userName": store.AccessKey, "password": store.SecretKey, "description": "the cellar",
		"maxConnections": 1, "limitDownloadKBs": 1000,
	}, &account)
	s.call("POST", "/v6/objectstoragerepositories", map[string]any{
		"name": "slow", "type": "AmazonS3Compatible", "accountId": account.ID, "s3Folder": "repo",
		"amazonBucketS3Compatible": map[string]any{"servicePoint": store.URL, "customRegionId": store.Region, "name": "bucket"},
	}, &storage)
	s.call("POST", "/v6/EncryptionKeys", map[string]any{"password": resticfixture.Password, "description": "films"}, &key)
	s.call("POST", "/v6/BackupRepositories", map[string]any{
		"name": name, "objectStorageId": storage.ID, "encryptionKeyId": key.ID, "retentionType": "SnapshotBased",
	}, &attached)
	return attached.ID
}

// All sessions are one list, which shows the failed ones alone, and new ones by itself.
func TestAllSessions(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := newPage(t, w.url)
	p.expect("401")
	p.signIn("administrator", adminPassword)
	p.waitText("Tidewatch")
	p.click("nav a", "Sessions")
	p.waitText("Office server")
	p.wait("document.querySelectorAll('.all-sessions li').length === 2")
	second := w.attach("Second", resticfixture.Unpack(t, "v1-old"), "")
	w.synchronize(second)
	p.wait("document.querySelectorAll('.all-sessions li').length === 3") // it comes by itself
	p.choose("Show", "Failed")
	p.wait("document.querySelectorAll('.all-sessions li').length === 1")
	p.waitText("Failed")
	p.choose("Show", "")
	p.wait("[...document.querySelectorAll('option')].some((o) => o.textContent === 'Second')")
	p.choose("Repository", second)
	p.wait("document.querySelectorAll('.all-sessions li').length === 1 && document.querySelector('.all-sessions').innerText.includes('Second')")
	p.click(".all-sessions a", "Second")
	p.wait("location.pathname === " + quote("/repositories/"+second+"/sessions/"+w.latestSession(second)))
	p.waitText("Log")
}

// An administrator adds, changes and removes an account and a password.
func TestAccountsAndPasswords(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	s.addUser("otto", "operator")
	s.inBucket("Films", resticfixture.Unpack(t, "v2-old"))
	p := newPage(t, s.url)
	p.expect("401", "400")
	p.signIn("administrator", adminPassword)
	p.waitText("Films")
	p.click("nav a", "Settings")
	p.click("main a", "Storage accounts")
	p.waitText("S3-compatible storage")
	if !eval[bool](p, find("button", "Remove the cellar")+".disabled") {
		t.Error("an account in use can be removed")
	}
	p.click("button", "Edit the cellar")
	p.fill("Secret key", "wrong")
	p.press(kb.Enter)
	p.wait("document.querySelector('dialog [role=alert]') !== null") // it is tried
	p.fill("Secret key", " ")
	p.press(kb.Backspace)
	p.fill("Description", "the attic")
	p.press(kb.Enter)
	p.wait("document.querySelector('dialog') === null")
	p.waitText("the attic")
	p.click("button", "Add an account")
	p.choose("Kind of storage", "azureBlobAccount")
	p.fill("Storage account", "backups")
	p.fill("Account key", "YWJj")
	p.press(kb.Enter)
	p.wait("document.querySelector('dialog') === null")
	p.waitText("Azure Blob Storage")
	p.click("button", "Remove backups")
	p.click("dialog button", "Remove")
	p.wait("document.querySelector('dialog') === null && !document.body.innerText.includes('Azure Blob Storage')")

	p.click("main a", "Repository passwords")
	p.waitText("Films")
	if !eval[bool](p, find("button", "Remove films")+".disabled") {
		t.Error("a password in use can be removed")
	}
	p.click("button", "Add a password")
	p.fill("Description", "Spare")
	p.fill("Password", "some words")
	p.press(kb.Enter)
	p.wait("document.querySelector('dialog') === null")
	p.click("button", "Remove Spare")
	p.click("dialog button", "Remove")
	p.wait("document.querySelector('dialog') === null && !document.querySelector('.items').innerText.includes('Spare')")

	other := newPage(t, s.url)
	other.expect("401")
	other.signIn("otto", adminPassword)
	other.waitText("Films")
	other.open("/settings/accounts")
	other.waitText("This is for administrators")
	other.click("nav a", "Restores")
	other.waitText("You can follow and stop them here")
}

// An administrator puts the one node into maintenance: a session waits, and says why, until
// the maintenance ends.
func TestNodeMaintenance(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	id := s.attach("Kept", resticfixture.Unpack(t, "v2-old"), "")
	s.synchronize(id)
	p := newPage(t, s.url)
	p.expect("401")
	p.signIn("administrator", adminPassword)
	p.waitText("Kept")
	p.open("/settings/nodes")
	p.click("main button", "Put into maintenance")
	p.click("dialog button", "Put into maintenance")
	p.waitText("End maintenance")
	s.call("POST", "/v6/BackupRepositories/"+id+"/Sync", nil, nil)
	p.open("/repositories/" + id)
	p.waitText("it is in maintenance mode")
	p.check("session-waits", "Waiting to start")
	p.open("/settings/nodes")
	p.click("main button", "End the maintenance")
	p.wait("!document.body.innerText.includes('End maintenance')")
	p.open("/repositories/" + id)
	p.waitText("In sync")
}
