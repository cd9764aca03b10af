package console_test

import (
	"testing"

	"github.com/chromedp/chromedp"

	"syncline.dev/syncline/internal/resticfixture"
)

// Under a base path the pages, links and requests of the console work, and none leaves
// the base.
func TestBasePath(t *testing.T) {
	s := startServer(t, "--base-path", "/backup/syncline")
	repo := s.attach("Laptop", resticfixture.Unpack(t, "v2-old"), "")
	s.synchronize(repo)
	p := newPage(t, s.url)
	p.expect("401")
	p.signIn("administrator", adminPassword)
	p.waitText("Laptop")
	below := `location.pathname.startsWith('/backup/syncline/')`
	p.wait(below + ` && [...document.querySelectorAll('a[href]')].every((a) => a.getAttribute('href').startsWith('/backup/syncline/') || a.getAttribute('href').startsWith('#'))`)
	p.click("a", "Laptop")
	p.wait(`location.pathname === '/backup/syncline/repositories/` + repo + `'`)
	p.waitText("5 restore points of 2 hosts")
	p.do(chromedp.Reload())
	p.waitText("Laptop")
	p.open("/")
	p.waitText("Laptop")
	p.fill("Search in all backups", "a")
	p.wait(`location.pathname === '/backup/syncline/search'`)
	p.do(chromedp.NavigateBack())
	p.wait(`location.pathname === '/backup/syncline/'`)
	p.waitText("Laptop")
	if outside := eval[[]string](p, `performance.getEntriesByType('resource').map((r) => new URL(r.name).pathname).filter((path) => !path.startsWith('/backup/syncline/'))`); len(outside) != 0 {
		t.Errorf("requests leave the base: %q", outside)
	}
	if cookies := eval[string](p, `document.cookie`); cookies != "" {
		t.Errorf("a script can read the cookies %s", cookies)
	}
	p.click("button", "Sign out")
	p.wait(`document.querySelector('input[type=password]') !== null`)
	p.open("/swagger")
	p.waitText("Backup repositories")
}
