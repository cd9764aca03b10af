package console_test

import (
	_ "embed"
	"fmt"
	"net/url"
	"testing"

	"syncline.dev/syncline/internal/resticfixture"
)

// layoutFindings is JavaScript for faults of the page's layout: parts that
// stick out, are cut off without a sign, overlap, or cannot be reached.
//
//go:embed testdata/layout.js
var layoutFindings string

// widths are widths of windows: a telephone, half and two thirds of a screen,
// tablets, and whole screens.
var widths = []int64{400, 640, 860, 1024, 1280, 1920}

// TestEveryWidth checks each view at widths from a telephone's to a large
// screen's.
func TestEveryWidth(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "--restore-root", t.TempDir())
	repo, dir := office(t)
	resticfixture.Backup(t, repo, dir, "--host", "a-machine-with-quite-a-long-name.example.com", "--tag", "before-the-upgrade,monthly")
	long := w.attach("A repository with quite a long name, as administrators give them", repo, "What the people of the office in the second floor keep")
	w.synchronize(long)
	point := w.oldest(w.demo)
	job := w.restoreJob(point, "/home/mila/projects/tidewatch/main.go")
	p := newPage(t, w.url)
	p.expect("401")
	p.open("/")
	p.everyWidth("sign-in", "Password")
	p.signIn("administrator", adminPassword)
	p.waitText("Tidewatch")
	for _, v := range []struct{ name, path, text string }{
		{"overview", "/", "buildbox"},
		{"repository", "/repositories/" + w.demo, "before-rename"},
		{"repository-long", "/repositories/" + long, "a-machine-with"},
		{"growth", "/repositories/" + w.demo + "/growth", "What each restore point holds"},
		{"sessions", "/repositories/" + w.demo + "/sessions", "Success"},
		{"session", "/repositories/" + w.demo + "/sessions/" + w.latestSession(w.demo), "Fetched"},
		{"attach", "/attach", "Folder on the server"},
		{"history", "/repositories/" + w.demo + "/history?path=/home/mila/projects/tidewatch", "what is in it"},
		{"compare", "/points/" + point + "/compare?path=/home/mila", "Look at"},
		{"files", files(w.points(w.demo)[0], "/home/mila/projects/tidewatch", "entry", "main.go"), "Accessed"},
		{"files-long", files(w.points(long)[0], dir), "budget.ods"},
		{"search", "/search?q=go", "tide_test.go"},
		{"search-filtered", "/search?q=main&type=file", "main.go"},
		{"search-begin", "/search", "What are you looking for?"},
		{"space", "/points/" + point + "/space?path=/home/mila", "Largest files"},
		{"restores", "/restores/" + job, "Nothing failed"},
	} {
		p.open(v.path)
		p.everyWidth(v.name, v.text)
	}
	for _, d := range []struct{ name, path, button, text string }{
		{"edit", "/repositories/" + long, "Edit", "Description"},
		{"remove", "/repositories/" + long, "Remove", "forgets"},
		{"switch", files(w.points(w.demo)[0], "/home/mila"), `Restore point`, "the newest first"},
		{"restoring", files(w.points(w.demo)[0], "/home/mila"), "Restore folder…", "Folder below it"},
	} {
		p.open(d.path)
		selector := "main button"
		if d.name == "switch" {
			selector, d.button = ".switch [aria-haspopup]", ""
		}
		p.click(selector, d.button)
		p.everyWidth("dialog-"+d.name, d.text)
	}
}

// everyWidth checks the layout of the open view at every width.
func (p *page) everyWidth(name, text string) {
	p.t.Helper()
	p.waitText(text)
	for _, width := range widths {
		p.look("light", width)
		p.wait("document.getAnimations().every((a) => a.playState === 'finished' || a.effect.getTiming().iterations === Infinity)")
		for _, finding := range eval[[]string](p, layoutFindings) {
			p.t.Errorf("%s, %d pixels: %s", name, width, finding)
		}
		if *pictures != "" {
			p.picture(fmt.Sprintf("%s-%d", name, width))
			p.look("dark", width)
			p.picture(fmt.Sprintf("%s-%d-dark", name, width))
		}
	}
	p.look("light", 1280)
}

// restoreJob restores a file on the server and returns the finished job's id.
func (w *world) restoreJob(point, path string) string {
	w.t.Helper()
	var targets []struct{ Path string }
	w.call("GET", "/v6/RestoreTargets", nil, &targets)
	var job struct{ ID string }
	w.call("POST", "/v6/RestorePoints/"+url.PathEscape(point)+"/RestoreJobs", map[string]any{"targetPath": targets[0].Path, "paths": []string{path}}, &job)
	return job.ID
}
