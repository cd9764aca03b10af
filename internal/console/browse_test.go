package console_test

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"syncline.dev/syncline/internal/resticfixture"
)

// points returns the ids of a repository's restore points, newest first.
func (s *server) points(repo string) []string {
	s.t.Helper()
	var points []struct{ ID string }
	s.call("GET", "/v6/RestorePoints?repositoryId="+repo, nil, &points)
	ids := make([]string, len(points))
	for i, p := range points {
		ids[i] = p.ID
	}
	return ids
}

// files is the address of a folder in a restore point. more are further
// parameters and their values.
func files(point, path string, more ...string) string {
	q := url.Values{"path": {path}}
	for i := 0; i < len(more); i += 2 {
		q.Set(more[i], more[i+1])
	}
	return "/points/" + point + "/files?" + q.Encode()
}

// active is JavaScript for the text of the active row.
const active = `(document.getElementById(document.querySelector('[role=grid]')?.getAttribute('aria-activedescendant'))?.querySelector('.column-name')?.textContent.trim() ?? '')`

func (p *page) waitActive(name string) {
	p.t.Helper()
	p.wait(active + " === " + quote(name))
}

// letters types into the list, faster than a person can.
func (p *page) letters(text string) {
	p.t.Helper()
	eval[chromedp.Void](p, fmt.Sprintf(`(() => {
		for (const key of %s) document.querySelector('[role=grid]').dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true }));
	})()`, quote(text)))
}

// office makes a repository with two restore points of the folder it returns.
func office(t *testing.T) (repo, dir string) {
	t.Helper()
	repo, dir = resticfixture.Init(t, 2), filepath.Join(t.TempDir(), "ann")
	for name, content := range map[string]string{
		"budget.ods": "first", "Letters/one.txt": "Dear Bob", "Letters/two.txt": strings.Repeat("long ", 400), "Photos/sea.jpg": "jpeg", "zebra.txt": "z",
	} {
		write(t, filepath.Join(dir, name), content)
	}
	resticfixture.Backup(t, repo, dir, "--host", "laptop", "--time", "2026-11-20 20:00:00")
	write(t, filepath.Join(dir, "budget.ods"), "second, and longer")
	write(t, filepath.Join(dir, "Letters", "three.txt"), "new")
	resticfixture.Backup(t, repo, dir, "--host", "laptop", "--time", "2026-11-21 20:00:00")
	return repo, dir
}

func write(t *testing.T, name, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// A file is found and saved by keyboard alone, starting at the repository's
// page.
func TestBrowse(t *testing.T) {
	t.Parallel()
	repo, dir := office(t)
	s := startServer(t)
	id := s.attach("Office", repo, "")
	s.synchronize(id)
	points := s.points(id)
	p := newPage(t, s.url)
	p.expect("401")
	p.signIn("administrator", adminPassword)
	p.waitText("laptop")
	p.open("/repositories/" + id)
	p.click(".points a", "21 Nov 2026")
	p.wait("location.pathname === " + quote("/points/"+points[0]+"/files"))
	for _, part := range strings.Split(strings.Trim(dir, "/"), "/") {
		p.waitActive(part)
		p.press(kb.Enter)
	}
	p.waitActive("Letters")
	p.press(kb.End)
	p.waitActive("zebra.txt")
	p.letters("bud")
	p.waitActive("budget.ods")
	p.waitText("18 bytes")
	p.wait("location.search.includes('entry=budget.ods')")
	if name, data := p.saved(func() { p.press(kb.Enter, kb.Enter) }); name != "budget.ods" || data != "second, and longer" {
		t.Errorf("the download of %s is %q", name, data)
	}

	p.click("a", "Earlier restore point") // keeps the path and the file
	p.wait("location.pathname === " + quote("/points/"+points[1]+"/files"))
	p.waitActive("budget.ods")
	p.wait("document.querySelector('.details').innerText.includes('5 bytes')")
	if _, data := p.download(".details button", "Download"); data != "first" {
		t.Errorf("the download of the earlier version is %q", data)
	}
	p.click(".column-size button", "Size")
	p.wait("location.search.includes('sort=size')")
	p.wait(`[...document.querySelectorAll('.files-box .column-name')].map((e) => e.textContent.trim()).slice(1).join() === 'Photos,Letters,budget.ods,zebra.txt'`)
	p.do(chromedp.NavigateBack()) // back to the other restore point
	p.wait("location.pathname === " + quote("/points/"+points[0]+"/files"))
	p.waitActive("budget.ods")
	p.click("[role=grid] .column-name", "budget.ods") // the list has the focus again
	p.press(kb.Backspace)
	p.wait("new URLSearchParams(location.search).get('path') === " + quote(filepath.Dir(dir)))
	p.waitActive("ann") // the folder left before
}

// Keys select several entries, and a restore point is chosen from a list.
func TestSelecting(t *testing.T) {
	t.Parallel()
	repo, dir := office(t)
	s := startServer(t)
	s.addUser("vera", "viewer")
	id := s.attach("Office", repo, "")
	s.synchronize(id)
	points := s.points(id)
	p := newPage(t, s.url)
	p.expect("401", "404", "400")
	p.signIn("vera", adminPassword)
	p.waitText("laptop")
	p.open(files(points[0], dir, "entry", "budget.ods"))
	p.waitActive("budget.ods")
	p.press(" ")
	p.waitText("1 of 4 entries selected, files of 18 bytes")
	p.do(chromedp.KeyEvent(kb.End, chromedp.KeyModifiers(kb.ModifierShift)))
	p.waitText("2 of 4 entries selected, files of 19 bytes")
	p.do(chromedp.KeyEvent("a", chromedp.KeyModifiers(kb.ModifierCtrl)))
	p.waitText("4 of 4 entries selected")
	p.press(kb.Escape)
	p.waitText("4 entries")
	p.wait(`document.querySelector('.details').innerText.includes('-rw-------')`)
	if eval[bool](p, find("button", "Download")+" !== null") {
		t.Error("a viewer is offered downloads")
	}

	p.click(".switch button", "21 Nov 2026")
	p.wait("document.activeElement?.matches('.choice-box a[aria-current]')")
	p.check("choice", "Choose a restore point")
	p.press(kb.ArrowDown)
	p.wait("document.activeElement?.textContent.includes('20 Nov 2026')")
	p.press(kb.Enter)
	p.wait("document.querySelector('dialog') === null && location.pathname === " + quote("/points/"+points[1]+"/files"))
	p.open(files(points[1], dir+"/Letters/three.txt"))
	p.waitText("There is nothing under this path")
	p.click("main p a", "the folder above")
	p.waitActive("one.txt")
	p.open(files(points[0], dir+"/Letters/three.txt"))
	p.click("main p a", "Show it in its folder")
	p.waitActive("three.txt")
}

// The typed text is searched, and results lead to their places.
func TestSearch(t *testing.T) {
	t.Parallel()
	repo, dir := office(t)
	s := startServer(t)
	id := s.attach("Office", repo, "")
	s.synchronize(id)
	s.attach("Archive", resticfixture.Unpack(t, "v2-old"), "")
	points := s.points(id)
	p := newPage(t, s.url)
	p.expect("401")
	p.signIn("administrator", adminPassword)
	p.waitText("laptop")
	eval[chromedp.Void](p, "document.activeElement.dispatchEvent(new KeyboardEvent('keydown', { key: '/', bubbles: true, cancelable: true }))")
	p.press("budg")
	p.wait("location.pathname === '/search' && new URLSearchParams(location.search).get('q') === 'budg'")
	p.waitText("1 path in 2 versions")
	p.waitText("Not searched: Archive has not been synchronized yet.")
	p.press("e")
	p.wait("new URLSearchParams(location.search).get('q') === 'budge'") // the box has kept the focus
	p.click(".found button", "2 versions")
	p.waitText("18 bytes")
	p.check("search", "5 bytes")
	p.click(".found-version a", "20 Nov 2026")
	p.wait("location.pathname === " + quote("/points/"+points[1]+"/files"))
	p.waitActive("budget.ods")
	if at := eval[string](p, "new URLSearchParams(location.search).get('path')"); at != dir {
		t.Errorf("the place is %s", at)
	}

	for q, want := range map[string]string{
		"q=*.txt&mode=pattern":               "4 paths in 4 versions",
		"q=TXT&min=1k":                       "1 path in 1 version",
		"q=TXT&case=1":                       "Nothing has been found",
		"type=dir&path=" + dir:               "2 paths in",
		"q=t&host=elsewhere":                 "Nothing has been found",
		"q=t&max=huge":                       "is no size",
		"q=t&before=2001-01-01":              "Nothing has been found",
		"mode=pattern":                       "What are you looking for?",
		"q=sea&repository=" + id + "&tag=no": "Nothing has been found",
		"rawPath=" + url.QueryEscape("Lw==") + "&q=photos": "1 path",
	} {
		p.open("/search?" + q)
		p.waitText(want)
	}
	p.open("/search?q=t")
	p.click("summary", "Filters")
	p.fill("Folder", dir+"/Letters")
	p.waitText("3 paths in 3 versions")
	p.check("search-filters", "Folder")
	p.click("button", "Clear the filters")
	p.wait("location.search === '?q=t'")
}

// A file whose name is not UTF-8 and one with a name of markup are found, shown
// and saved like any other.
func TestHostileEntries(t *testing.T) {
	t.Parallel()
	repo, dir := resticfixture.Init(t, 2), filepath.Join(t.TempDir(), "odd")
	names := []string{
		strings.ReplaceAll(hostile[0], "/", "∕"), hostile[2], "not \xff\xfe utf-8.txt", "50% & #1 +?.txt", strings.Repeat("long", 60), "\ufeffmark",
		"fol\xffder/inner \xfe",
	}
	for _, name := range names {
		write(t, filepath.Join(dir, name), "bytes of "+name)
	}
	resticfixture.Backup(t, repo, dir)
	s := startServer(t)
	id := s.attach("Odd", repo, "")
	s.synchronize(id)
	point := s.points(id)[0]
	p := newPage(t, s.url)
	p.expect("401")
	p.signIn("administrator", adminPassword)
	p.waitText("Odd")
	p.open(files(point, dir))
	p.waitText("7 entries")
	p.waitText("<U+202E>txt.exe<U+2066>")
	for _, name := range names[:6] {
		shown := strings.NewReplacer("\u202e", "<U+202E>", "\u2066", "<U+2066>", "\ufeff", "<U+FEFF>").Replace(strings.ToValidUTF8(name, "\uFFFD"))
		p.click("[role=grid] .column-name", shown)
		p.waitActive(shown)
		p.wait("document.querySelector('.details h2').textContent.trim() === " + quote(shown))
		if _, data := p.download(".details button", "Download"); data != "bytes of "+name {
			t.Errorf("the download of %q is %q", name, data)
		}
	}
	p.check("hostile-files", "7 entries")
	p.click("[role=grid] a", "fol\uFFFDder")
	p.waitActive("inner \uFFFD")
	if _, data := p.download(".details button", "Download"); data != "bytes of "+names[6] {
		t.Errorf("the download is %q", data)
	}
	p.click("[role=grid] .column-name", "inner")
	p.press(kb.Backspace)
	p.waitActive("fol\uFFFDder")
	p.open("/search?q=" + url.QueryEscape("<img"))
	p.waitText("1 path")
	p.click(".found a", "<img")
	p.waitText("7 entries")
	p.wait(active + ".startsWith('<img')")
	if eval[bool](p, "document.querySelector('main img, main script') !== null || document.title.includes('broken')") {
		t.Error("a name has become markup")
	}
}
