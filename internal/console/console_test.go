package console_test

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"syncline.dev/syncline/internal/resticfixture"
)

func TestSignIn(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	p := newPage(t, s.url)
	p.expect("401")
	p.signIn("administrator", "wrong")
	p.waitText("The user name or the password is wrong")
	p.fill("Password", adminPassword)
	p.press(kb.Enter)
	p.waitText("No repositories yet")
	if got := eval[string](p, "document.cookie"); got != "" {
		t.Errorf("a script sees the cookies %q", got)
	}
	if stored := eval[string](p, "JSON.stringify({ ...localStorage, ...sessionStorage })"); len(stored) > 100 {
		t.Errorf("the page has stored %s", stored)
	}
	p.open("/attach") // a new load: the cookies keep the user signed in
	p.waitText("Where is the restic repository?")
	p.click("button", "Sign out")
	p.wait(find("button", "Sign in") + " !== null")
	p.open("/attach")
	p.wait(find("button", "Sign in") + " !== null")
}

// The page for signing in makes no request that the server refuses, before anybody has
// signed in, after the sign-in is over, and after signing out.
func TestNobodySignedIn(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	p := newPage(t, s.url)
	signedOut := func(times int) {
		for range times {
			p.open("/")
			p.wait(find("button", "Sign in") + " !== null")
		}
	}
	signedOut(2)
	p.signIn("administrator", adminPassword)
	p.waitText("No repositories yet")
	p.click("button", "Sign out")
	p.wait(find("button", "Sign in") + " !== null")
	signedOut(2)
	p.signIn("administrator", adminPassword)
	p.waitText("No repositories yet")
	p.expect("401") // of the first load that finds the sign-in to be over
	p.deleteCookies("__Host-syncline-access", "__Host-syncline-refresh")
	signedOut(3)
	p.expect("ERR_CONNECTION_REFUSED") // from here on
	s.stop()
	if n := strings.Count(s.output.String(), "path=/v6/Console/Renew status=401"); n != 1 {
		t.Errorf("%d renewals were refused:\n%s", n, s.output)
	}
}

func TestRoles(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	s.addUser("vera", "viewer")
	s.addUser("otto", "operator")
	repo := s.attach("main", resticfixture.Unpack(t, "v2-old"), "")
	s.synchronize(repo)
	for user, want := range map[string]struct{ sync, manage bool }{"vera": {false, false}, "otto": {true, false}, "administrator": {true, true}} {
		p := newPage(t, s.url)
		p.expect("401")
		p.signIn(user, adminPassword)
		p.waitText("alpha")
		p.open("/repositories/" + repo)
		p.waitText("5 restore points of 2 hosts")
		if got := eval[bool](p, find("button", "Synchronize main")+" !== null"); got != want.sync {
			t.Errorf("%s may synchronize: %t", user, got)
		}
		if got := eval[bool](p, find("button", "Remove")+" !== null"); got != want.manage {
			t.Errorf("%s may remove: %t", user, got)
		}
		p.click("nav a", "Overview")
		p.waitText("alpha")
		if got := eval[bool](p, find("a", "Add a repository")+" !== null"); got != want.manage {
			t.Errorf("%s may add: %t", user, got)
		}
	}
}

// A repository is added by keyboard alone, with a mistake at each step.
func TestAttach(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	repo := resticfixture.Unpack(t, "v2-old")
	p := newPage(t, s.url)
	p.expect("401", "400", "409")
	p.signIn("administrator", adminPassword)
	p.waitText("No repositories yet")
	p.click("a", "Add a repository")
	p.waitText("Where is the restic repository?")
	p.press("relative/path", kb.Enter)
	p.waitText("Give the whole path")
	p.fill("Folder on the server", "/nowhere/at/all")
	p.press(kb.Enter)
	p.waitText("Which password opens it?")
	p.press("wrong", kb.Enter)
	p.waitText("What should it be called?")
	p.press("Laptops", kb.Enter)
	p.waitText("does not exist")
	p.click("button", "Go back to “Where it is”")
	p.fill("Folder on the server", repo)
	p.press(kb.Enter)
	p.waitText("Which password opens it?")
	p.press(kb.Enter)
	p.waitText("What should it be called?")
	p.press(kb.Enter)
	p.wait("document.querySelector('[role=alert]')?.textContent.includes('password')")
	p.click("button", "Go back to “Password”")
	p.fill("Password", "fixture")
	p.press(kb.Enter)
	p.waitText("What should it be called?")
	p.press(kb.Enter)
	p.waitText("5 restore points of 2 hosts")
	p.waitText("In sync")
	var keys []struct{ Description string }
	s.call("GET", "/v6/EncryptionKeys", nil, &keys)
	if len(keys) != 1 {
		t.Errorf("the failed attempts have left their keys: %v", keys)
	}
	p.click("button", "Remove")
	p.waitText("Remove Laptops?")
	p.click("dialog button", "Remove")
	p.waitText("No repositories yet")
}

func TestServerGoesAwayAndComesBack(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	s.synchronize(s.attach("main", resticfixture.Unpack(t, "v2-old"), ""))
	p := newPage(t, s.url)
	p.expect("401", "net::ERR", "Failed to load")
	p.signIn("administrator", adminPassword)
	p.waitText("alpha")
	p.click("a", "main")
	p.waitText("5 restore points of 2 hosts")
	p.click("a", "Overview")
	p.waitText("alpha")
	s.stop()
	p.waitText("The connection to the server is lost")
	p.waitText("What is shown is from")
	p.click("a", "main")
	p.waitText("5 restore points of 2 hosts") // which was seen before
	p.click("a", "Overview")
	p.waitText("alpha") // from the page's memory, since the server is gone
	s.start()
	p.wait("!document.body.innerText.includes('connection to the server is lost')")
	s.attach("second", resticfixture.Unpack(t, "v1-old"), "")
	p.waitText("second")
}

// The tokens end while the page is open. It renews them silently, or asks for
// the password if that fails.
func TestExpiredToken(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	s.synchronize(s.attach("main", resticfixture.Unpack(t, "v2-old"), ""))
	p := newPage(t, s.url)
	p.expect("401")
	p.signIn("administrator", adminPassword)
	p.waitText("alpha")
	p.deleteCookies("__Host-syncline-access")
	p.click("a", "main")
	p.waitText("5 restore points of 2 hosts")
	if eval[bool](p, find("button", "Sign in")+" !== null") {
		t.Fatal("asked for the password")
	}
	p.deleteCookies("__Host-syncline-access", "__Host-syncline-refresh")
	p.wait(find("button", "Sign in") + " !== null")
	p.fill("User", "administrator")
	p.fill("Password", adminPassword)
	p.press(kb.Enter)
	p.waitText("5 restore points of 2 hosts") // the same address as before
	p.do(chromedp.Reload())
	p.waitText("5 restore points of 2 hosts")
}
