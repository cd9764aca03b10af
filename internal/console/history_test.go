package console_test

import (
	"encoding/base64"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"syncline.dev/syncline/internal/resticfixture"
)

// changing is a repository in which files appear, change and vanish, on two
// hosts.
type changing struct {
	repo   string
	dir    string   // what was backed up
	points []string // ids of the restore points, oldest first
}

// oddName is a name that is not UTF-8.
const oddName = "odd\xff name"

// newChanging makes the repository with restic and attaches it.
func newChanging(t *testing.T, s *server) (c changing, id string) {
	t.Helper()
	c = changing{repo: resticfixture.Init(t, 2), dir: t.TempDir()}
	write := func(name, text string) {
		t.Helper()
		name = filepath.Join(c.dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	backup := func(n int, host string) {
		t.Helper()
		resticfixture.Backup(t, c.repo, c.dir, "--host", host, "--time", fmt.Sprintf("2026-03-%02d 08:00:00", n))
	}
	write("docs/plan.txt", "one")
	write("docs/"+oddName, "kept")
	backup(1, "desk")
	backup(2, "desk")
	write("docs/plan.txt", "one and two")
	write("music/"+hostile[0][:10]+".ogg", strings.Repeat("la ", 1000))
	backup(3, "desk")
	if err := os.Remove(filepath.Join(c.dir, "docs/plan.txt")); err != nil {
		t.Fatal(err)
	}
	backup(4, "desk")
	write("docs/plan.txt", "anew")
	backup(5, "lap\u202etop")
	id = s.attach("Changing", c.repo, "")
	s.synchronize(id)
	var points []struct{ ID string }
	s.call("GET", "/v6/RestorePoints?repositoryId="+id, nil, &points)
	for i := range points {
		c.points = append(c.points, points[len(points)-1-i].ID)
	}
	return c, id
}

// at is the query of an address for a path in the backed-up folder.
func (c changing) at(path string) string {
	return "path=" + url.QueryEscape(filepath.Join(c.dir, path))
}

func TestHistory(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	s.addUser("vera", "viewer")
	c, id := newChanging(t, s)
	p := newPage(t, s.url)
	p.expect("401")
	p.signIn("administrator", adminPassword)
	p.waitText("Changing")
	p.open("/repositories/" + id + "/history?" + c.at("docs/plan.txt"))
	p.waitText("History of plan.txt")
	p.waitText("2 versions, gone now")
	p.check("history", "appeared")
	got := eval[[]string](p, `[...document.querySelectorAll('.versions li')].map((li) => li.querySelector('.badge').textContent + ' ' + li.querySelector('time').dateTime.slice(0, 10))`)
	want := []string{"vanished 2026-03-04", "changed 2026-03-03", "appeared 2026-03-01", "appeared 2026-03-05"}
	if strings.Join(got, ", ") != strings.Join(want, ", ") {
		t.Errorf("the versions are %q, want %q", got, want)
	}
	for _, text := range []string{"(+8 bytes)", "changed: size, time of modification", "in 2 restore points", "lap<U+202E>top"} {
		if !strings.Contains(p.text(), text) {
			t.Errorf("the history does not say %q:\n%s", text, p.text())
		}
	}
	if _, got := p.download("a", "Download the version of Sun, 1 Mar"); got != "one" {
		t.Errorf("the first version is %q", got)
	}

	eval[chromedp.Void](p, `(() => { const s = document.querySelector('main select'); s.value = 'desk'; s.dispatchEvent(new Event('change', { bubbles: true })); })()`)
	p.wait("location.search.includes('host=desk') && document.querySelectorAll('.versions').length === 1")
	p.click("a", "Compare the folder of Tue, 3 Mar")
	p.waitText("Compare two restore points")
	if got, want := eval[string](p, "location.pathname + ' ' + new URLSearchParams(location.search).get('with')"), "/points/"+c.points[1]+"/compare "+c.points[2]; got != want {
		t.Errorf("the link leads to %s, want %s", got, want)
	}

	p.open("/repositories/" + id + "/history?rawPath=" + url.QueryEscape(base64.StdEncoding.EncodeToString([]byte(c.dir+"/docs/"+oddName))))
	p.waitText("History of odd\ufffd name")
	p.waitText("1 version")
	if _, got := p.download("a", "Download the version of Sun, 1 Mar"); got != "kept" {
		t.Errorf("a file with an odd name is %q", got)
	}
	p.expect("404")
	p.open("/repositories/" + id + "/history?path=/nowhere")
	p.waitText("There is no")

	other := newPage(t, s.url)
	other.expect("401")
	other.signIn("vera", adminPassword)
	other.waitText("Changing")
	other.open("/repositories/" + id + "/history?" + c.at("docs/plan.txt"))
	other.waitText("2 versions, gone now")
	if eval[bool](other, "document.querySelector('main a[download]') !== null") {
		t.Error("a viewer may download")
	}
}

func TestCompare(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	c, id := newChanging(t, s)
	p := newPage(t, s.url)
	p.expect("401")
	p.signIn("administrator", adminPassword)
	p.waitText("Changing")
	p.open("/points/" + c.points[1] + "/compare?with=" + c.points[2] + "&" + c.at(""))
	p.waitText("plan.txt")
	p.check("compare", "content changed")
	rows := `[...document.querySelectorAll('.changes .grid-row')].map((r) => r.querySelector('.badge').textContent + ' ' + r.querySelector('.name').textContent)`
	changed := func(want ...string) {
		t.Helper()
		p.wait(fmt.Sprintf("%s.join() === %s", rows, quote(strings.Join(want, ","))))
	}
	p.click("button", "content changed")
	changed("content changed docs/plan.txt")
	if !strings.Contains(eval[string](p, "location.search"), "kind=ContentChanged") {
		t.Error("the kind is not in the address")
	}
	p.click("button", "added")
	changed("added music", "added music/<img src=x.ogg")
	p.click("a", "music") // in Where
	p.wait("new URLSearchParams(location.search).get('path').endsWith('/music')")
	changed("added "+c.dir+"/music", "added <img src=x.ogg") // the folder itself, too
	if _, got := p.download("a", "Download "+c.dir+"/music/"); got != strings.Repeat("la ", 1000) {
		t.Errorf("%d bytes were downloaded", len(got))
	}
	p.click("button", "Swap the two restore points")
	p.wait("location.pathname.split('/')[2] === " + quote(c.points[2]))
	p.waitText("Changes: added")
	p.click("button", "All")
	changed("removed "+c.dir+"/music", "removed <img src=x.ogg")

	p.open("/repositories/" + id)
	p.click("a", "Compare Tue, 3 Mar 2026")
	p.wait("location.pathname + new URLSearchParams(location.search).get('with') === " + quote("/points/"+c.points[1]+"/compare"+c.points[2]))
	p.waitText("plan.txt")

	// Without another restore point in the address, it is the newest of the
	// same host.
	p.open("/points/" + c.points[0] + "/compare")
	p.wait("new URLSearchParams(location.search).get('with') === " + quote(c.points[3]))
	p.waitText("removed")
	p.open("/points/" + c.points[0] + "/compare?with=" + c.points[0])
	p.waitText("No differences")
	p.expect("404", "400")
	p.open("/points/" + c.points[0] + "/compare?with=" + c.points[3] + "&path=/nowhere")
	p.waitText("There is no folder")
}

// A comparison of many changes is loaded during scrolling.
func TestManyChanges(t *testing.T) {
	t.Parallel()
	dir, repo := t.TempDir(), resticfixture.Init(t, 2)
	const files = 1800
	resticfixture.Backup(t, repo, dir)
	for i := range files {
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("file %04d", i)), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	resticfixture.Backup(t, repo, dir)
	s := startServer(t)
	id := s.attach("Many", repo, "")
	s.synchronize(id)
	var points []struct{ ID string }
	s.call("GET", "/v6/RestorePoints?repositoryId="+id, nil, &points)
	p := newPage(t, s.url)
	p.expect("401")
	p.signIn("administrator", adminPassword)
	p.waitText("Many")
	took := p.shown("/points/"+points[1].ID+"/compare?with="+points[0].ID, "document.querySelectorAll('.changes .grid-row').length > 5")
	longest := p.scroll("document.scrollingElement")
	p.wait("(() => { document.scrollingElement.scrollTop = 1e9; return " + find(".changes .name", "file 1799") + " !== null; })()")
	if rows := eval[int](p, "document.querySelectorAll('.changes .grid-row').length"); rows > 100 {
		t.Errorf("%d rows are drawn at once", rows)
	}
	t.Logf("%d changes: there after %v, longest frame while scrolling %v", files, took, longest)
}
