package console_test

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"syncline.dev/syncline/internal/resticfixture"
	"syncline.dev/syncline/internal/resticwriter"
)

// lossy is a repository of three snapshots of one host. Each has another
// /s/a/plan.txt and the same /s/b/song.ogg. Each folder lies in a pack of its
// own.
type lossy struct {
	t     *testing.T
	dir   string
	repo  *resticwriter.Repo
	packs map[string]string // of folders by their names
	ids   []string          // of the snapshots, oldest first
}

func newLossy(t *testing.T) *lossy {
	t.Helper()
	l := &lossy{t: t, dir: filepath.Join(t.TempDir(), "repo"), packs: make(map[string]string)}
	var err error
	l.repo, err = resticwriter.Create(l.dir, resticfixture.Password)
	l.must(err)
	for i := range 3 {
		version := fmt.Sprint("version ", i+1)
		a := l.tree("a "+version, l.file("plan.txt", version))
		b := l.tree("b "+version, l.file("song.ogg", strings.Repeat("la ", i+1)))
		root := l.tree("root "+version, folderNode("s", l.tree("s "+version, folderNode("a", a), folderNode("b", b))))
		l.must(l.repo.Flush())
		id, err := l.repo.StoreJSON("snapshots", map[string]any{
			"time": time.Date(2026, 3, 1+i, 10, 0, 0, 0, time.UTC), "tree": root, "paths": []string{"/s"}, "hostname": "desk",
		})
		l.must(err)
		l.ids = append(l.ids, id.String())
	}
	return l
}

func (l *lossy) must(err error) {
	l.t.Helper()
	if err != nil {
		l.t.Fatal(err)
	}
}

// blob stores a blob in a pack of its own and returns its id.
func (l *lossy) blob(name, kind, content string) string {
	l.t.Helper()
	packs := func() []string {
		list, err := filepath.Glob(filepath.Join(l.dir, "data/*/*"))
		l.must(err)
		return list
	}
	before := packs()
	id := sha256.Sum256([]byte(content))
	packer := resticwriter.NewPacker(l.repo, kind, true)
	l.must(errors.Join(packer.Add(id, []byte(content)), packer.Flush()))
	for _, pack := range packs() {
		if !slices.Contains(before, pack) {
			l.packs[name] = pack
		}
	}
	return hex.EncodeToString(id[:])
}

const nodeTimes = `"mtime":"2026-03-01T10:00:00Z","atime":"2026-03-01T10:00:00Z","ctime":"2026-03-01T10:00:00Z","uid":0,"gid":0`

func (l *lossy) file(name, content string) string {
	l.t.Helper()
	return fmt.Sprintf(`{"name":%q,"type":"file","mode":420,%s,"size":%d,"content":[%q]}`, name, nodeTimes, len(content), l.blob("content of "+name, "data", content))
}

func folderNode(name, tree string) string {
	return fmt.Sprintf(`{"name":%q,"type":"dir","mode":2147484141,%s,"subtree":%q}`, name, nodeTimes, tree)
}

func (l *lossy) tree(name string, nodes ...string) string {
	l.t.Helper()
	return l.blob(name, "tree", `{"nodes":[`+strings.Join(nodes, ",")+"]}\n")
}

// loseFolder removes a folder's pack.
func (l *lossy) loseFolder(name string) {
	l.t.Helper()
	l.must(os.Remove(l.packs[name]))
}

// cut shortens a snapshot's file, which damages it.
func (l *lossy) cut(id string) {
	l.t.Helper()
	name := filepath.Join(l.dir, "snapshots", id)
	l.must(errors.Join(os.Chmod(name, 0o600), os.Truncate(name, 60)))
}

// lossyServer attaches a lossy repository, runs a session and signs in.
func lossyServer(t *testing.T, l *lossy) (*server, *page, string) {
	t.Helper()
	s := startServer(t)
	id := s.attach("Lossy", l.dir, "")
	s.session(id) // it may report damage
	p := newPage(t, s.url)
	p.expect("401", "409")
	p.signIn("administrator", adminPassword)
	p.waitText("desk")
	return s, p, id
}

// A restore point that lacks folders is marked wherever it is named. The folder
// is named in its place and is no link.
func TestLostFolders(t *testing.T) {
	t.Parallel()
	l := newLossy(t)
	l.loseFolder("b version 3")
	l.loseFolder("root version 1")
	s, p, id := lossyServer(t, l)
	points := s.points(id)
	p.open("/repositories/" + id)
	p.waitText("2 incomplete")
	p.everyWidth("lost-list", "2 incomplete")
	if badges := eval[[]string](p, "[...document.querySelectorAll('.points .badge')].map((b) => b.textContent + ': ' + b.title)"); len(badges) != 2 ||
		!strings.HasPrefix(badges[0], "incomplete: The repository has lost 1 folder") || !strings.HasPrefix(badges[1], "lost: Nothing of it can be shown") {
		t.Errorf("the list has the marks %q", badges)
	}
	if marks := eval[float64](p, "document.querySelectorAll('.mark-incomplete').length"); marks != 2 {
		t.Errorf("the timeline has %g marks of restore points that are not whole", marks)
	}
	p.open("/repositories/" + id + "?point=" + points[0])
	p.wait("document.querySelector('.point-choice')?.textContent.includes('has lost 1 folder of it; the rest is there')")
	p.wait("document.querySelector('[role=slider]').getAttribute('aria-valuetext').includes('incomplete')")

	p.open(files(points[0], "/s"))
	p.waitText("This restore point is not whole.")
	p.click("[role=grid] .column-name", "b")
	p.wait("document.querySelector('.details')?.textContent.includes('can be neither opened nor restored')")
	p.everyWidth("lost-files", "2 entries")
	p.check("lost-files", "2 entries")
	if links := eval[[]string](p, "[...document.querySelectorAll('[role=grid] .grid-row a')].map((a) => a.textContent)"); !slices.Equal(links, []string{"a"}) {
		t.Errorf("the folders that can be opened are %q", links)
	}
	if eval[bool](p, find(".details button", "Download")+" !== null") {
		t.Error("a folder whose content is lost can be downloaded")
	}
	p.press("\r") // opens nothing
	p.click(".switch [aria-haspopup]", "")
	p.wait("[...document.querySelectorAll('.choice-box .badge')].map((b) => b.textContent).join() === 'incomplete,lost'")
	p.open(files(points[0], "/s/b"))
	p.waitText("What was in this folder is lost")
	p.open(files(points[2], "/"))
	p.waitText("What was in this folder is lost")
	p.open("/points/" + points[1] + "/compare?with=" + points[0] + "&path=/")
	p.wait("[...document.querySelectorAll('option')].filter((o) => /incomplete|lost/.test(o.textContent)).length === 4")
}

// Snapshots that cannot be shown are named, and the newest restore point is not
// called the newest snapshot.
func TestHiddenSnapshots(t *testing.T) {
	t.Parallel()
	l := newLossy(t)
	l.cut(l.ids[2])
	s, p, id := lossyServer(t, l)
	p.waitText("1 snapshot cannot be shown") // of the overview
	p.open("/repositories/" + id)
	p.everyWidth("hidden", "1 snapshot is in the repository and cannot be shown")
	p.check("hidden", "it may be newer than the newest restore point that can be shown")
	p.wait("document.querySelector('.hidden-snapshots code').title === " + quote(l.ids[2]))
	eval[chromedp.Void](p, "(() => { const f = document.querySelector('input[type=date]'); f.value = '2026-03-03'; f.dispatchEvent(new Event('change', { bubbles: true })); })()")
	p.waitText("None can be shown of")
	p.waitText("A damaged snapshot, whose time is not known, may be of it.")
	p.open(files(s.points(id)[0], "/"))
	p.click(".switch [aria-haspopup]", "")
	p.waitText("1 snapshot of the repository cannot be shown.")
}

// Counts, comparisons and searches name the folders that they lack.
func TestWhatIsMissingIsSaid(t *testing.T) {
	t.Parallel()
	l := newLossy(t)
	l.loseFolder("b version 3")
	s, p, id := lossyServer(t, l)
	points := s.points(id)
	for _, v := range []struct{ name, path, text string }{
		{"lost-search", "/search?q=plan", "1 restore point that was searched is incomplete"},
		{"lost-history", "/repositories/" + id + "/history?path=/s/b/song.ogg", "1 restore point says nothing about this path"},
		{"lost-growth", "/repositories/" + id + "/growth", "The repository has lost 1 folder of these restore points"},
		{"lost-space", "/points/" + points[0] + "/space?path=/s", "The repository has lost 1 folder in this folder"},
		{"lost-compare", "/points/" + points[1] + "/compare?with=" + points[0] + "&path=/s", "1 folder differs in a way that nobody knows"},
	} {
		p.open(v.path)
		p.everyWidth(v.name, v.text)
		p.check(v.name, v.text)
	}
	p.open("/points/" + points[0] + "/space?path=/s")
	p.waitText("The repository has lost 1 folder of this restore point")
	p.open("/repositories/" + id + "/growth")
	p.waitText("Not known to be needed")
	if strings.Contains(p.text(), "prune") {
		t.Error("what a lost folder may have had in it is said to be unneeded")
	}
	p.open("/search?q=song")
	p.waitText("1 path in 2 versions")
	if strings.Contains(p.text(), "deleted now") {
		t.Error("a file that may be in a lost folder is said to be deleted")
	}
	p.open("/repositories/" + id + "/history?path=/s/b/song.ogg")
	p.waitText("says nothing about this path")
	if strings.Contains(p.text(), "gone now") {
		t.Error("a file that may be in a lost folder is said to be gone")
	}
}
