package console_test

import (
	"net/url"
	"os"
	"path/filepath"
	"testing"

	"syncline.dev/syncline/internal/demorepo"
	"syncline.dev/syncline/internal/resticfixture"
)

// world is a server with repositories in every state a view can show.
type world struct {
	*server
	demo string // id of a repository with restore points of two hosts
}

func newWorld(t *testing.T, more ...string) *world {
	t.Helper()
	w := &world{server: startServer(t, more...)}
	path, err := demorepo.Extract(filepath.Join(t.TempDir(), "repository"))
	if err != nil {
		t.Fatal(err)
	}
	w.demo = w.attachWith("Tidewatch", path, demorepo.Password, "A small project's history")
	w.synchronize(w.demo)
	w.attach("Archive", resticfixture.Unpack(t, "v2-new-plain"), "Never synchronized so far")
	damaged := resticfixture.Unpack(t, "v2-old")
	id := w.attach("Office server", damaged, "")
	if err := os.RemoveAll(filepath.Join(damaged, "data")); err != nil {
		t.Fatal(err)
	}
	if state := w.session(id); state != "Failed" {
		t.Fatalf("the session of a repository without its data ended as %s", state)
	}
	return w
}

// TestEveryView looks at each view in light and dark, wide and narrow: axe-core
// finds nothing, and nothing sticks out.
func TestEveryView(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := newPage(t, w.url)
	p.expect("401")
	p.open("/")
	p.check("sign-in", "Password")
	p.signIn("administrator", adminPassword)
	p.waitText("Tidewatch")
	for _, v := range []struct{ name, path, text string }{
		{"overview", "/", "buildbox"},
		{"repository", "/repositories/" + w.demo, "before-rename"},
		{"sessions", "/repositories/" + w.demo + "/sessions", "Success"},
		{"session", "/repositories/" + w.demo + "/sessions/" + w.latestSession(w.demo), "Log"},
		{"attach", "/attach", "Folder on the server"},
		{"history-demo", "/repositories/" + w.demo + "/history?path=/home/mila/projects/tidewatch", "what is in it"},
		{"compare-demo", "/points/" + w.oldest(w.demo) + "/compare?path=/home/mila", "Changes"},
		{"unknown", "/repositories/00000000-0000-4000-8000-000000000000", "There is no"},
	} {
		if v.name == "unknown" {
			p.expect("404")
		}
		p.open(v.path)
		p.check(v.name, v.text)
	}
}

// TestEveryViewOfFiles looks likewise at browsing and searching.
func TestEveryViewOfFiles(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	point := w.points(w.demo)[0]
	p := newPage(t, w.url)
	p.expect("401")
	p.signIn("administrator", adminPassword)
	p.waitText("Tidewatch")
	for _, v := range []struct{ name, path, text string }{
		{"files", files(point, "/home/mila/projects/tidewatch", "entry", "main.go"), "Accessed"},
		{"files-photos", files(point, "/home/mila/projects/tidewatch/photos"), "pier-east.jpg"},
		{"search-many", "/search?q=go", "tide_test.go"},
		{"search-nothing", "/search?q=nothing+of+the+kind", "Nothing has been found"},
		{"search-begin", "/search", "What are you looking for?"},
	} {
		p.open(v.path)
		p.check(v.name, v.text)
	}
}

// A drawing is drawn anew only after its page has become narrower, and until
// then does not make it wider.
func TestDrawingsOfAnotherWidth(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := newPage(t, w.url)
	p.expect("401")
	p.signIn("administrator", adminPassword)
	p.waitText("Tidewatch")
	p.look("light", 400)
	for _, v := range []struct{ path, drawings string }{
		{"/repositories/" + w.demo, ".timeline svg"},
		{"/repositories/" + w.demo + "/history?path=" + url.QueryEscape("/home/mila/projects/tidewatch"), ".timeline svg"},
		{"/repositories/" + w.demo + "/growth", ".plot svg"},
	} {
		p.open(v.path)
		p.wait("document.querySelector(" + quote(v.drawings) + ") !== null")
		wide := eval[float64](p, "document.querySelectorAll("+quote(v.drawings)+").forEach((d) => d.setAttribute('width', 1200)), document.documentElement.scrollWidth")
		if wide > 400 {
			t.Errorf("%s is %g pixels wide of 400 while its drawing is of another width", v.path, wide)
		}
	}
}

// latestSession returns the id of a repository's latest session.
func (s *server) latestSession(repo string) string {
	s.t.Helper()
	var sessions []struct{ ID string }
	s.call("GET", "/v6/BackupRepositories/"+repo+"/SynchronizeSessions", nil, &sessions)
	return sessions[0].ID
}

// oldest returns the id of a repository's oldest restore point.
func (s *server) oldest(repo string) string {
	s.t.Helper()
	var points []struct{ ID string }
	s.call("GET", "/v6/RestorePoints?repositoryId="+repo, nil, &points)
	return points[len(points)-1].ID
}

// check looks at the view that is open in every theme and width.
func (p *page) check(name, text string) {
	p.t.Helper()
	p.waitText(text)
	for _, look := range []struct {
		name, theme string
		width       int64
	}{{"light", "light", 1280}, {"dark", "dark", 1280}, {"narrow", "light", 400}} {
		p.look(look.theme, look.width)
		p.wait("document.getAnimations().every((a) => a.playState === 'finished' || a.effect.getTiming().iterations === Infinity)")
		for _, finding := range p.axe() {
			p.t.Errorf("%s, %s: %s", name, look.name, finding)
		}
		if wide := eval[float64](p, "document.documentElement.scrollWidth"); int64(wide) > look.width {
			p.t.Errorf("%s, %s: %g pixels wide", name, look.name, wide)
		}
		p.picture(name + "-" + look.name)
	}
	p.look("light", 1280)
}
