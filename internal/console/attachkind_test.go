package console_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp/kb"

	"syncline.dev/syncline/internal/resticfixture"
	"syncline.dev/syncline/internal/storage/storagetest/servers"
)

// serveREST starts a REST server with a repository.
func serveREST(t *testing.T) *servers.REST {
	t.Helper()
	server := servers.StartREST(t)
	if err := os.CopyFS(filepath.Join(server.Dir, "laptop"), os.DirFS(resticfixture.Unpack(t, "v2-old"))); err != nil {
		t.Fatal(err)
	}
	return server
}

// toAccount goes to the step with the account of a REST server.
func (p *page) toAccount(address string) {
	p.t.Helper()
	p.signIn("administrator", adminPassword)
	p.waitText("No repositories yet")
	p.open("/attach")
	p.click("label", "REST server")
	p.fill("Address", address)
	p.press(kb.Enter)
	p.waitText("Which account may read it?")
}

// A kind of storage whose places are addresses is added with fields that the server tells,
// with a mistake at each step.
func TestAttachAtAddress(t *testing.T) {
	t.Parallel()
	server := serveREST(t)
	s := startServer(t)
	s.header.Set("Syncline-Extensions", "1")
	p := newPage(t, s.url)
	p.expect("401", "400", "404", "503")
	p.toAccount("rest:" + strings.Replace(server.URL, "http://", "http://ada:secret@", 1) + "/laptop/")
	p.fill("User", server.User)
	p.fill("Password", "wrong")
	p.press(kb.Enter)
	p.wait("document.querySelector('[role=alert]')?.textContent.includes('put them into the account')")
	p.click("button", "Back")
	p.check("attach-address", "The address is restic’s own")
	p.fill("Address", "rest:"+server.URL+"/laptop/")
	p.press(kb.Enter)
	p.waitText("Which account may read it?")
	p.choose("Way of signing in", "clientCertificate")
	p.waitText("Private key")
	p.check("attach-methods", "Certificate")
	p.choose("Way of signing in", "password")
	p.click("button", "Next")
	p.wait("document.querySelector('[role=alert]') !== null && !document.querySelector('button[disabled]')")
	if left := s.accounts(); len(left) != 0 {
		t.Errorf("accounts that were refused have stayed: %q", left)
	}
	p.fill("Password", server.Password)
	p.click("button", "Next")
	p.waitText("Which password opens it?")
	p.click("button", "Back") // the place is tried again, and the first one goes
	p.waitText("Which account may read it?")
	p.click("button", "Next")
	p.waitText("Which password opens it?")
	p.press(resticfixture.Password, kb.Enter)
	p.waitText("What should it be called?")
	p.press("Far", kb.Enter)
	p.waitText("5 restore points of 2 hosts")
	p.waitText("rest:" + server.URL + "/laptop/")
	var storages []struct{ Address string }
	s.call("GET", "/v6/objectstoragerepositories", nil, &storages)
	if len(storages) != 1 || len(s.accounts()) != 1 {
		t.Errorf("there are %v and the accounts %q", storages, s.accounts())
	}

	// The settings show the account with its way of signing in, and change both.
	p.open("/settings/accounts")
	p.click("button", "Edit REST server")
	p.waitText("Way of signing in")
	p.fill("Description", "Attic")
	p.click("dialog button", "Save")
	p.waitText("Saved.")
	p.waitText("Attic")
	p.check("settings-address", "rest:"+server.URL)
	p.click("button", "Edit the place rest:")
	p.fill("Address", "rest:http://127.0.0.1:1/laptop/")
	p.click("dialog button", "Save")
	p.wait("document.querySelector('dialog [role=alert]')?.textContent.startsWith('The account keeps its secret for other hosts')")
	p.check("settings-elsewhere", "a place on another host")
	p.fill("Address", "rest:"+server.URL+"/elsewhere/")
	p.click("dialog button", "Save")
	p.waitText("does not open there")
}

// The key that an SSH server shows is confirmed before it is kept.
func TestConfirmHostKey(t *testing.T) {
	t.Parallel()
	server := servers.StartSSH(t)
	if err := os.CopyFS(filepath.Join(server.Dir, "laptop"), os.DirFS(resticfixture.Unpack(t, "v2-old"))); err != nil {
		t.Fatal(err)
	}
	s := startServer(t)
	s.header.Set("Syncline-Extensions", "1")
	p := newPage(t, s.url)
	p.expect("401", "409")
	p.signIn("administrator", adminPassword)
	p.waitText("No repositories yet")
	p.open("/attach")
	p.click("label", "SFTP")
	p.check("attach-sftp", "Jump hosts")
	p.fill("Address", "sftp://"+server.Address+"/"+filepath.Join(server.Dir, "laptop"))
	p.click("button", "Next")
	p.waitText("Which account may read it?")
	p.fill("User name", server.User)
	p.fill("Private key", servers.ReadText(t, server.Key))
	p.check("attach-key", "Passphrase for jump hosts")
	p.click("button", "Next")
	p.waitText("Is this the right one?")
	key := strings.Join(strings.Fields(server.HostKey)[:2], " ")
	p.waitText(key)
	p.check("attach-confirm", "SHA256:")
	if left := s.accounts(); len(left) != 0 {
		t.Errorf("an account stays while the key is not confirmed: %q", left)
	}
	p.click("button", "It is wrong")
	p.waitText("Which account may read it?")
	p.click("button", "Next")
	p.click("button", "It is right")
	p.waitText("Which password opens it?")
	p.press(resticfixture.Password, kb.Enter)
	p.waitText("What should it be called?")
	p.press("Far", kb.Enter)
	p.waitText("5 restore points of 2 hosts")
	var storages []struct{ Settings map[string]string }
	s.call("GET", "/v6/objectstoragerepositories", nil, &storages)
	if len(storages) != 1 || storages[0].Settings["hostKey"] != key || len(s.accounts()) != 1 {
		t.Errorf("there are %v and the accounts %q, want the key %s", storages, s.accounts(), key)
	}
}
