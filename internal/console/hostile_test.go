package console_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"syncline.dev/syncline/internal/resticfixture"
)

// hostile are names with a meaning in markup or text.
var hostile = []string{
	`<img src=x onerror="document.title='broken in'">`,
	`"><script>document.title='broken in'</script>`,
	"\u202etxt.exe\u2066", // turns the text after it around
	strings.Repeat("long", 1000),
	`{{constructor.constructor('alert(1)')()}} &amp; %3Cb%3E`,
}

// The writer of a backup chooses the names of hosts, tags and paths.
func TestHostileNames(t *testing.T) {
	t.Parallel()
	repo := resticfixture.Init(t, 2)
	dir := filepath.Join(t.TempDir(), hostile[0][:20]+"\u202e")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	args := []string{"--host", hostile[0]}
	for _, name := range hostile {
		args = append(args, "--tag", strings.ReplaceAll(name, ",", ";"))
	}
	resticfixture.Backup(t, repo, dir, args...)
	resticfixture.Backup(t, repo, dir, "--host", hostile[2]+hostile[3])
	s := startServer(t)
	id := s.attach("<b>bold</b>\u202eeman", repo, hostile[1])
	s.synchronize(id)

	p := newPage(t, s.url)
	p.expect("401")
	p.signIn("administrator", adminPassword)
	for _, path := range []string{"/", "/repositories/" + id, "/repositories/" + id + "?host=" + hostile[0], "/repositories/" + id + "/sessions/" + s.latestSession(id)} {
		p.waitText("<b>bold</b><U+202E>eman")
		p.open(path)
		p.waitText("<b>bold</b><U+202E>eman")
		for _, width := range []int64{1280, 400} {
			p.look("light", width)
			if wide := eval[float64](p, "document.documentElement.scrollWidth"); int64(wide) > width {
				t.Errorf("%s is %g pixels wide of %d", path, wide, width)
			}
			p.picture("hostile")
		}
	}
	p.open("/repositories/" + id)
	p.waitText(`<img src=x`)
	for what, found := range map[string]bool{
		"an image":               eval[bool](p, "document.querySelector('main img, main script, main b') !== null"),
		"a title of its own":     eval[bool](p, "document.title.includes('broken')"),
		"a mark that turns text": eval[bool](p, `/[\u202a-\u202e\u2066-\u2069]/.test(document.body.innerText)`),
	} {
		if found {
			t.Errorf("a name has brought %s into the page", what)
		}
	}
	p.click("button", "Remove") // the dialog shows the name as well
	p.waitText("Remove <b>bold</b><U+202E>eman?")
	p.press(kb.Escape)
	p.wait("document.querySelector('dialog') === null")
}

// The policy holds against a script that is in the page in spite of it.
func TestPolicyInTheBrowser(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	p := newPage(t, s.url)
	p.expect("Content Security Policy", "401", "Trusted", "Refused", "violates", "net::ERR_BLOCKED")
	p.open("/")
	p.wait(find("button", "Sign in") + " !== null")
	refused := func(what, script string) {
		t.Helper()
		if got := eval[string](p, `(async () => { try { `+script+` } catch { return 'refused' } return 'done' })()`); got != "refused" {
			t.Errorf("%s: %s", what, got)
		}
	}
	refused("text becomes markup", "document.body.insertAdjacentHTML('beforeend', '<b>x</b>')")
	refused("text becomes code", "document.createElement('script').textContent = 'alert(1)'")
	refused("another host is asked", "await fetch('https://example.org/')")
	eval[chromedp.Void](p, `(() => { const s = document.createElement('style'); s.textContent = 'body { display: none }'; document.head.append(s); })()`)
	if eval[string](p, "getComputedStyle(document.body).display") == "none" {
		t.Error("an inline style counts")
	}
	hosts := eval[[]string](p, "[...new Set(performance.getEntriesByType('resource').map((e) => new URL(e.name).origin))]")
	for _, host := range hosts {
		if host != s.url && !strings.Contains(host, "example.org") {
			t.Errorf("something was asked of %s", host)
		}
	}
}
