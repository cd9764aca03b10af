package console_test

import (
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"syncline.dev/syncline/internal/resticfixture"
)

// Name, description and password are changed on the repository's page.
func TestEdit(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	s.addUser("otto", "operator")
	id := s.attach("main", resticfixture.Unpack(t, "v2-old"), "as it was")
	s.synchronize(id)
	p := newPage(t, s.url)
	p.expect("401", "400")
	p.signIn("administrator", adminPassword)
	p.waitText("alpha")
	p.open("/repositories/" + id)
	p.click("button", "Edit")
	p.waitText("Edit main")
	p.check("edit", "Description")
	p.fill("Name", "Laptops")
	p.fill("Description", "of the whole office")
	p.press(kb.Enter)
	p.wait("document.querySelector('dialog') === null")
	p.wait("document.querySelector('h1').textContent === 'Laptops'")
	p.waitText("of the whole office")
	before := s.keyOf(id)

	p.click("button", "Edit")
	p.waitText("Edit Laptops")
	p.wait("document.querySelector('dialog select') !== null") // the keys are asked for
	eval[chromedp.Void](p, `(() => { const s = document.querySelector('dialog select'); s.value = ''; s.dispatchEvent(new Event('change', { bubbles: true })); })()`)
	p.fill("New password", "wrong")
	p.press(kb.Enter)
	p.wait("document.querySelector('dialog [role=alert]')?.textContent.startsWith('Wrong password')")
	if s.keys() != 1 || s.keyOf(id) != before {
		t.Error("a password that was refused has left something")
	}
	p.check("edit-refused", "Wrong password")
	p.fill("New password", resticfixture.Password)
	p.press(kb.Enter)
	p.wait("document.querySelector('dialog') === null")
	if s.keys() != 2 || s.keyOf(id) == before {
		t.Error("the repository has the key that it had")
	}
	p.click("button", "Synchronize Laptops")
	p.waitText("In sync")

	other := newPage(t, s.url)
	other.expect("401")
	other.signIn("otto", adminPassword)
	other.waitText("alpha")
	other.open("/repositories/" + id)
	other.waitText("5 restore points of 2 hosts")
	if eval[bool](other, find("button", "Edit")+" !== null") {
		t.Error("an operator may edit")
	}
}

func (s *server) keys() int {
	s.t.Helper()
	var keys []struct{ ID string }
	s.call("GET", "/v6/EncryptionKeys", nil, &keys)
	return len(keys)
}

func (s *server) keyOf(repo string) string {
	s.t.Helper()
	var r struct{ EncryptionKeyID string }
	s.call("GET", "/v6/BackupRepositories/"+repo, nil, &r)
	return r.EncryptionKeyID
}

// The page of the API's description may use the cookie, because this server
// serves it. A request is made there as a user makes it.
func TestTryingTheAPI(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	s.attach("Laptops", resticfixture.Unpack(t, "v2-old"), "")
	p := newPage(t, s.url)
	p.expect("401")
	p.signIn("administrator", adminPassword)
	p.waitText("Laptops")
	if at := eval[string](p, find("a", "API")+".pathname"); at != "/swagger" {
		t.Fatalf("the console's link to the API leads to %s", at)
	}
	p.open("/swagger")
	p.wait("document.getElementById('operations-Backup_repositories-ListBackupRepositories') !== null")
	p.do(chromedp.Evaluate[chromedp.Void](`document.querySelector('#operations-Backup_repositories-ListBackupRepositories button.opblock-summary-control').click()`))
	p.click("button", "Try it out")
	p.click("button", "Execute")
	p.wait("document.querySelector('.live-responses-table tbody .response-col_status')?.textContent.includes('200')")
	p.wait("document.querySelector('.live-responses-table').textContent.includes('Laptops')")
}
