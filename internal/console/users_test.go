package console_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/chromedp/chromedp/kb"

	"syncline.dev/syncline/internal/resticfixture"
)

// An administrator adds a user, changes role and password, and removes the user. Every
// user changes the own password.
func TestUsers(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	p := newPage(t, s.url)
	p.expect("401", "400")
	p.signIn("administrator", adminPassword)
	p.waitText("No repositories yet")
	p.open("/settings/users")
	p.click("button", "Add a user")
	p.fill("Name", "ann <b>")
	p.fill("Password", "short")
	p.press(kb.Enter)
	p.wait("document.querySelector('dialog [role=alert]') !== null")
	p.fill("Password", adminPassword)
	p.click("dialog label", "Operator")
	p.press(kb.Enter)
	p.wait("document.querySelector('dialog') === null")
	p.waitText("ann <b>")
	p.click("button", "Change the role of ann <b>")
	p.click("dialog label", "Restorer")
	p.click("dialog button", "Save")
	p.waitText("Restorer: sees everything")
	if eval[bool](p, find("button", "Remove administrator")+" !== null") {
		t.Error("a user is offered to remove the own account")
	}

	ann := newPage(t, s.url)
	ann.expect("401", "400")
	ann.signIn("ann <b>", adminPassword)
	ann.waitText("No repositories yet")
	ann.click("nav a", "Settings")
	ann.click("button", "Change password")
	ann.fill("Present password", "a wrong one")
	ann.fill("New password", "another good long one")
	ann.fill("New password again", "another good long one")
	ann.press(kb.Enter)
	ann.wait("document.querySelector('dialog [role=alert]') !== null")
	ann.fill("Present password", adminPassword)
	ann.press(kb.Enter)
	ann.wait("document.querySelector('dialog') === null")
	ann.open("/settings") // still signed in
	ann.waitText("Restorer: sees everything")
	s.signIn("ann <b>", "another good long one")

	p.click("button", "Set a password for ann <b>")
	p.fill("New password", "and a third long one")
	p.press(kb.Enter)
	p.wait("document.querySelector('dialog') === null")
	s.signIn("ann <b>", "and a third long one")
	ann.open("/settings")
	ann.wait(find("button", "Sign in") + " !== null") // the former sign-in has ended
	p.click("button", "Remove ann <b>")
	p.click("dialog button", "Remove")
	p.wait("!document.querySelector('.items').innerText.includes('ann')")
}

// The pages show what a file declares, and offer no change of it. A copy of a repository
// is shown as one.
func TestManaged(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	folder := resticfixture.Unpack(t, "v2-old")
	first := s.attach("First", folder, "")
	copied := filepath.Join(t.TempDir(), "copy")
	if out, err := exec.Command("cp", "-r", folder, copied).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	second := s.attach("Second", copied, "")
	s.header.Set("Syncline-Manager", "forty")
	s.call("POST", "/v6/EncryptionKeys", map[string]any{"password": "x", "description": "Declared"}, nil)
	s.call("PUT", "/v6/BackupRepositories/"+second, map[string]any{"retentionType": "SnapshotBased", "description": "declared in a file"}, nil)
	p := newPage(t, s.url)
	p.expect("401", "409")
	p.signIn("administrator", adminPassword)
	p.waitText("Second")
	p.wait("document.querySelectorAll('.repository .badge.managed').length === 2") // both are copies
	p.open("/settings/passwords")
	p.waitText("from file forty")
	if eval[bool](p, find("button", "Edit Declared")+" !== null") || !eval[bool](p, find("button", "Edit Password of First")+" !== null") {
		t.Error("a password that a file declares can be changed, or another one cannot")
	}
	p.open("/repositories/" + second)
	p.waitText("from file forty")
	p.wait(find("main a", "First") + " !== null")
	p.check("managed", "from file forty")
	if eval[bool](p, find("main button", "Edit")+" !== null || "+find("main button", "Remove")+" !== null") {
		t.Error("a repository that a file declares can be changed")
	}
	p.open("/repositories/" + first)
	p.click("button", "Edit")
	moved := filepath.Join(t.TempDir(), "moved")
	if err := os.Rename(folder, moved); err != nil {
		t.Fatal(err)
	}
	p.fill("Folder on the server", copied)
	p.press(kb.Enter)
	p.wait("document.querySelector('dialog [role=alert]') !== null") // it is attached already
	p.fill("Folder on the server", moved)
	p.press(kb.Enter)
	p.wait("document.querySelector('dialog') === null")
	p.waitText(moved)
}
