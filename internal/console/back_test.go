package console_test

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"syncline.dev/syncline/internal/resticfixture"
)

// Back restores the position in a long list, and the loaded rows.
func TestBack(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	repo := s.attach("Nightly", generate(t, 60, 400), "")
	s.synchronize(repo)
	p := newPage(t, s.url)
	p.expect("401")
	p.signIn("administrator", adminPassword)
	p.waitText("Nightly")
	p.click("a", "Nightly")
	p.wait("document.querySelectorAll('.points .grid-row').length > 5")
	eval[chromedp.Void](p, "scrollTo(0, 9000)")
	p.wait("[...document.querySelectorAll('.points .grid-row')].some((r) => r.ariaRowIndex === '180')")
	was := eval[float64](p, "scrollY")
	eval[chromedp.Void](p, "document.querySelector('.points [aria-rowindex=\"180\"] a').click()")
	p.wait("location.pathname.endsWith('/files') && document.querySelector('.files-box') !== null")
	eval[chromedp.Void](p, "history.back()")
	p.wait("document.querySelector('.points') !== null && Math.abs(scrollY - " + strconv.FormatFloat(was, 'f', -1, 64) + ") < 2")

	// A list of which more rows were loaded.
	for range 60 {
		s.synchronize(repo)
	}
	p.open("/repositories/" + repo + "/sessions")
	p.click("button", "Show older sessions")
	p.wait("document.querySelectorAll('.session-list li').length === 61")
	eval[chromedp.Void](p, "document.querySelector('.session-list').scrollTop = 1500")
	p.wait("document.querySelector('.session-list').scrollTop === 1500")
	p.click("nav a", "Overview")
	p.wait("document.querySelector('.repository') !== null")
	eval[chromedp.Void](p, "history.back()")
	p.wait("document.querySelectorAll('.session-list li').length === 61 && document.querySelector('.session-list').scrollTop === 1500")
}

// The focus returns to its place when a dialog closes.
func TestFocusAfterDialogs(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "--restore-root", t.TempDir())
	p := newPage(t, w.url)
	p.expect("401")
	p.signIn("administrator", adminPassword)
	p.waitText("Tidewatch")
	for _, d := range []struct{ path, selector, button, close string }{
		{"/repositories/" + w.demo, "main button", "Edit", "Cancel"},
		{"/repositories/" + w.demo, "main button", "Remove", "Cancel"},
		{files(w.points(w.demo)[0], "/home/mila"), ".switch [aria-haspopup]", "", "Close"},
		{files(w.points(w.demo)[0], "/home/mila"), "main button", "Restore folder…", "Cancel"},
	} {
		p.open(d.path)
		for _, end := range []func(){func() { p.press(kb.Escape) }, func() { p.click("dialog button", d.close) }} {
			p.click(d.selector, d.button)
			p.wait("document.querySelector('dialog[open]')?.contains(document.activeElement)")
			end()
			p.wait("document.querySelector('dialog[open]') === null && document.activeElement === " + find(d.selector, d.button))
		}
	}
}

// Words are also explained on a focus by keyboard.
func TestWords(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := newPage(t, w.url)
	p.expect("401")
	p.signIn("administrator", adminPassword)
	p.waitText("Tidewatch")
	p.open("/repositories/" + w.demo)
	p.wait("document.querySelector('.term button') !== null")
	eval[chromedp.Void](p, "document.querySelector('.term button').focus()")
	p.wait("document.querySelector('[role=tooltip]').checkVisibility() && document.activeElement.getAttribute('aria-describedby') === document.querySelector('[role=tooltip]').id")
	p.check("words", "which all these pages are read from")
	p.press(kb.Escape)
	p.wait("!document.querySelector('[role=tooltip]').checkVisibility()")
}

// Paths are copied as they are. A path that is no text is announced.
func TestCopiedPaths(t *testing.T) {
	t.Parallel()
	repo, dir := office(t)
	write(t, filepath.Join(dir, "a\u202eb 'quoted'.txt"), "x")
	write(t, filepath.Join(dir, "odd \xff'.txt"), "x")
	resticfixture.Backup(t, repo, dir, "--host", "copied")
	s := startServer(t)
	id := s.attach("Copied", repo, "")
	s.synchronize(id)
	p := newPage(t, s.url)
	p.expect("401")
	p.signIn("administrator", adminPassword)
	p.waitText("Copied")
	p.open(files(s.points(id)[0], dir))
	p.waitText("budget.ods")
	eval[chromedp.Void](p, "navigator.clipboard.writeText = async (text) => { window.copied = text; }")
	for shown, want := range map[string]string{
		"a<U+202E>b": dir + "/a\u202eb 'quoted'.txt",
		"odd \ufffd": "$'" + dir + `/odd \xff\'.txt'`,
	} {
		p.click(".column-name", shown)
		p.wait("document.querySelector('.details h2')?.textContent.includes(" + quote(shown) + ")")
		p.click("button", "Copy the path")
		p.wait("window.copied === " + quote(want))
	}
	p.waitText("bytes that are no text")
}

// The space of a restore point begins at the first folder that branches. Links
// lead to the folders above.
func TestSpaceBegins(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := newPage(t, w.url)
	p.expect("401")
	p.signIn("administrator", adminPassword)
	p.waitText("Tidewatch")
	p.open("/repositories/" + w.demo)
	p.click(".points a", "Where the space goes in")
	p.wait("document.querySelectorAll('.tile-1').length > 1")
	if place := eval[string](p, "document.querySelector('.trail').textContent"); !strings.Contains(place, "tidewatch") {
		t.Errorf("it begins at %s", place)
	}
	p.click(".trail a", "/")
	p.wait("document.querySelectorAll('.tile-1').length === 1")
}

// An unknown state is not shown as good: a missing catalog, and a repository
// without snapshots.
func TestUnknown(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	empty := w.attach("Nothing in it", resticfixture.Init(t, 2), "")
	w.synchronize(empty)
	p := newPage(t, w.url)
	p.expect("401", "409", "ERR_CONNECTION_REFUSED", "Failed to load resource")
	p.signIn("administrator", adminPassword)
	p.waitText("Tidewatch")
	p.open("/repositories/" + empty)
	p.waitText("The repository has no snapshots")

	w.stop()
	if err := os.RemoveAll(filepath.Join(w.data, "catalogs")); err != nil {
		t.Fatal(err)
	}
	w.start()
	p.open("/")
	p.waitText("Not counted, because their catalogs are missing")
	p.wait("![...document.querySelectorAll('.repository .badge')].some((b) => b.textContent === 'In sync')")
	p.check("overview-unknown", "Not known until it is synchronized")
	p.open("/repositories/" + w.demo)
	p.wait("document.querySelector('.trouble [role=alert]') !== null")
	p.check("repository-unknown", "Out of sync")
	p.click(".trouble button", "Synchronize")
	p.waitText("before-rename")
}
