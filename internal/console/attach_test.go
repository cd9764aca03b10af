package console_test

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"syncline.dev/syncline/internal/resticfixture"
	"syncline.dev/syncline/internal/storage/storagetest/servers"
)

// choose chooses a value in the select with a label.
func (p *page) choose(label, value string) {
	p.t.Helper()
	field := `[...document.querySelectorAll('select')].find((e) => (e.getAttribute('aria-label') ?? e.labels[0].textContent).trim().startsWith(` + quote(label) + `))`
	p.wait(field + " !== undefined")
	eval[chromedp.Void](p, `(() => { const s = `+field+`; s.value = `+quote(value)+`; s.dispatchEvent(new Event('change', { bubbles: true })); })()`)
}

// accounts returns the user names of the accounts.
func (s *server) accounts() []string {
	s.t.Helper()
	var accounts []struct{ UserName string }
	s.call("GET", "/v6/Accounts", nil, &accounts)
	names := []string{}
	for _, a := range accounts {
		names = append(names, a.UserName)
	}
	return names
}

// A repository in S3 is added from the storage's lists, with a mistake at each
// step.
func TestAttachFromS3(t *testing.T) {
	t.Parallel()
	store := servers.StartS3(t)
	store.Put(t, "bucket", "some folder/repo", servers.ReadFolder(t, resticfixture.Unpack(t, "v2-old")))
	store.Put(t, "another", "x", map[string][]byte{"y": nil})
	s := startServer(t)
	p := newPage(t, s.url)
	p.expect("401", "400", "404", "503")
	p.signIn("administrator", adminPassword)
	p.waitText("No repositories yet")
	p.open("/attach")
	p.click("label", "S3-compatible storage")
	p.fill("Address", "http://127.0.0.1:1")
	p.press(kb.Enter)
	p.waitText("Which account may read it?")
	p.check("attach-account", "Access key")
	p.fill("Access key", store.AccessKey)
	p.fill("Secret key", "wrong-secret-key")
	p.press(kb.Enter)
	p.waitText("cannot be reached")
	p.click("button", "Back")
	p.fill("Address", store.URL)
	p.press(kb.Enter)
	p.waitText("Which account may read it?")
	p.click("button", "Next")
	p.wait("document.querySelector('[role=alert]')?.textContent.startsWith('The secret key does not belong')")
	if left := s.accounts(); len(left) != 0 {
		t.Errorf("accounts that were refused have stayed: %q", left)
	}
	p.fill("Secret key", store.SecretKey)
	p.press(kb.Enter)
	p.waitText("Which bucket is it in?")
	p.wait(find(".picklist button", "another") + " !== null")
	p.check("attach-bucket", "bucket")
	p.fill("Name of the bucket", "none-such")
	p.press(kb.Enter)
	p.waitText("There is no bucket")
	p.fill("Name of the bucket", "buck")
	p.click(".picklist button", "bucket")
	p.waitText("Which folder is it in?")
	p.click("button", "Next")
	p.waitText("There is no restic repository in this folder")
	p.click(".picklist button", "some folder")
	p.click(".picklist button", "repo")
	p.waitText("This looks like a restic repository")
	p.check("attach-folder", "some folder")
	p.click("button", "Next")
	p.waitText("Which password opens it?")
	p.press("wrong", kb.Enter)
	p.waitText("What should it be called?")
	p.press("Cellar", kb.Enter)
	p.wait("document.querySelector('[role=alert]')?.textContent.startsWith('Wrong password')")
	p.click("button", "Go back to “Password”")
	p.fill("Password", resticfixture.Password)
	p.press(kb.Enter)
	p.waitText("What should it be called?")
	p.press(kb.Enter)
	p.waitText("5 restore points of 2 hosts")
	p.waitText("In sync")
	p.waitText("some folder/repo")
	var storages []struct{ Name string }
	s.call("GET", "/v6/objectstoragerepositories", nil, &storages)
	if len(storages) != 1 || s.keys() != 1 || len(s.accounts()) != 1 {
		t.Errorf("the failed attempts have left something: %v, %d keys, accounts %q", storages, s.keys(), s.accounts())
	}
}

// Azure has containers. An existing account is chosen, and an account added for
// nothing is removed.
func TestAttachFromAzure(t *testing.T) {
	t.Parallel()
	azure := servers.StartAzure(t)
	azure.Put(t, "container", "", servers.ReadFolder(t, resticfixture.Unpack(t, "v2-old")))
	s := startServer(t)
	s.call("POST", "/v6/Accounts", map[string]any{"accountType": "azureBlobAccount", "userName": azure.Account, "password": azure.Key}, nil)
	p := newPage(t, s.url)
	p.expect("401", "400")
	p.signIn("administrator", adminPassword)
	p.waitText("No repositories yet")
	p.open("/attach")
	p.click("label", "Azure Blob Storage")
	p.fill("Address", azure.URL)
	p.press(kb.Enter)
	p.waitText("Which account may read it?")
	p.fill("Storage account", azure.Account)
	p.fill("Account key", azure.Key)
	p.press(kb.Enter)
	p.waitText("Which container is it in?")
	if got := s.accounts(); len(got) != 2 {
		t.Errorf("the accounts are %q", got)
	}
	p.click("button", "Back")
	var accounts []struct{ ID string }
	s.call("GET", "/v6/Accounts", nil, &accounts)
	p.choose("Account", accounts[0].ID)
	p.click("button", "Next")
	p.click(".picklist button", "container")
	p.waitText("This looks like a restic repository")
	p.click("button", "Next")
	p.waitText("Which password opens it?")
	p.press(resticfixture.Password, kb.Enter)
	p.waitText("What should it be called?")
	p.press("Cloud", kb.Enter)
	p.waitText("5 restore points of 2 hosts")
	if got := s.accounts(); strings.Join(got, ",") != azure.Account {
		t.Errorf("the account that was not needed has stayed: %q", got)
	}
}

// At Google the account is a key file, pasted as text.
func TestAttachFromGoogle(t *testing.T) {
	t.Parallel()
	google := servers.StartGoogle(t)
	google.Put(t, "bucket", "repo", servers.ReadFolder(t, resticfixture.Unpack(t, "v2-old")))
	s := startServer(t)
	p := newPage(t, s.url)
	p.expect("401")
	p.signIn("administrator", adminPassword)
	p.waitText("No repositories yet")
	p.open("/attach")
	p.click("label", "Google Cloud Storage")
	p.fill("Address", google.URL)
	p.press(kb.Enter)
	p.waitText("Which account may read it?")
	p.fill("Service account", "test@test.example")
	p.fill("Key file", strings.Join(strings.Fields(google.KeyFile), " "))
	p.click("button", "Next")
	p.click(".picklist button", "bucket")
	p.click(".picklist button", "repo")
	p.waitText("This looks like a restic repository")
	p.click("button", "Next")
	p.waitText("Which password opens it?")
	p.press(resticfixture.Password, kb.Enter)
	p.waitText("What should it be called?")
	p.press("Google", kb.Enter)
	p.waitText("5 restore points of 2 hosts")
	p.waitText("Bucket at " + google.URL)
}
