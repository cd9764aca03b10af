package console_test

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp/kb"

	"syncline.dev/syncline/internal/resticfixture"
	"syncline.dev/syncline/internal/resticwriter"
)

// forged is a repository of entries that no file system needs to have.
type forged struct {
	t      *testing.T
	dir    string
	repo   *resticwriter.Repo
	packer *resticwriter.Packer
}

// node is an entry of restic's trees.
type node map[string]any

func forge(t *testing.T) *forged {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "repo")
	repo, err := resticwriter.Create(dir, resticfixture.Password)
	if err != nil {
		t.Fatal(err)
	}
	return &forged{t: t, dir: dir, repo: repo, packer: resticwriter.NewPacker(repo, "tree", true)}
}

// file is a file without content.
func file(name string, size int, modified time.Time) node {
	return node{
		"name": name, "type": "file", "mode": 0o644, "size": size, "content": []string{},
		"mtime": modified.UTC(), "uid": 1000, "gid": 1000, "user": "ann",
	}
}

func folder(name string, tree resticwriter.ID) node {
	return node{"name": name, "type": "dir", "mode": 1<<31 | 0o755, "subtree": tree}
}

func (f *forged) tree(nodes ...node) resticwriter.ID {
	f.t.Helper()
	doc, err := json.Marshal(map[string]any{"nodes": nodes})
	if err != nil {
		f.t.Fatal(err)
	}
	doc = append(doc, '\n')
	id := resticwriter.ID(sha256.Sum256(doc))
	if err := f.packer.Add(id, doc); err != nil {
		f.t.Fatal(err)
	}
	return id
}

func (f *forged) snapshot(tree resticwriter.ID, at time.Time) {
	f.t.Helper()
	_, err := f.repo.StoreJSON("snapshots", map[string]any{"time": at.UTC(), "tree": tree, "paths": []string{"/"}, "hostname": "forged"})
	if err := errors.Join(err, f.packer.Flush(), f.repo.Flush()); err != nil {
		f.t.Fatal(err)
	}
}

// Names of 4,000 characters, which Linux cannot have, are shown as text in
// every view.
func TestLongNames(t *testing.T) {
	t.Parallel()
	long := string([]rune(strings.Repeat("<img src=x>\u202e ", 400))[:4000])
	const begin = "<img src=x><U+202E>"
	f := forge(t)
	at := time.Unix(1_790_000_000, 0)
	for i := range 2 {
		within := f.tree(file("inner "+long, 1000+i, at))
		f.snapshot(f.tree(folder("d"+long, within), file("f"+long, 5000+i, at.Add(time.Duration(i)*time.Hour))), at.Add(time.Duration(i)*24*time.Hour))
	}
	s := startServer(t, "--restore-root", t.TempDir())
	id := s.attach("Long", f.dir, "")
	s.synchronize(id)
	points := s.points(id)
	p := newPage(t, s.url)
	p.expect("401")
	p.signIn("administrator", adminPassword)
	p.waitText("Long")
	sound := func(name string) {
		t.Helper()
		for _, width := range []int64{1280, 400} {
			p.look("light", width)
			if wide := eval[float64](p, "document.documentElement.scrollWidth"); int64(wide) > width {
				t.Errorf("%s is %g pixels wide of %d", name, wide, width)
			}
			p.picture("long-" + name)
		}
		p.look("light", 1280)
		if eval[bool](p, "document.querySelector('main img') !== null || /[\\u202a-\\u202e]/.test(document.body.innerText)") {
			t.Errorf("%s: a name is more than text", name)
		}
	}
	for name, path := range map[string]string{
		"search":  "/search?q=" + url.QueryEscape("f<img"),
		"history": "/repositories/" + id + "/history?path=" + url.QueryEscape("/f"+long),
		"compare": "/points/" + points[1] + "/compare?with=" + points[0],
		"space":   "/points/" + points[0] + "/space",
	} {
		p.open(path)
		p.waitText("f" + begin)
		sound(name)
	}
	p.open(files(points[0], "/"))
	p.waitText("f" + begin)
	p.waitText("2 entries")
	sound("files")
	p.press(kb.Enter)
	p.waitText("inner " + begin)
	p.wait("document.querySelector('.details h2')?.textContent.includes('inner')")
	sound("folder")
	p.press(kb.Backspace)
	p.wait("document.querySelector('.details h2')?.textContent.startsWith('d<img')")
	p.click(".details button", "Restore…")
	p.wait("document.querySelector('dialog')?.innerText.includes(" + quote("d"+begin) + ")")
	sound("dialog")
	p.click("dialog button", "Restore")
	p.wait("document.querySelector('.log')?.innerText.includes('d<img src=x>')") // Linux refuses the name
	sound("restore")
}
