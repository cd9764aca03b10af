package console_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"syncline.dev/syncline/internal/resticfixture"
)

// Walking through a treemap with the mouse and with the keyboard.
func TestSpace(t *testing.T) {
	t.Parallel()
	repo, dir := resticfixture.Init(t, 2), t.TempDir()
	for name, size := range map[string]int{
		"films/long.mkv": 60_000, "films/series/one.mkv": 20_000, "films/" + hostile[0][:10] + ".mkv": 9_000,
		"mail/inbox.mbox": 30_000, "notes.txt": 5_000, oddName + "/deep.bin": 8_000, "empty/nothing": 0,
	} {
		at := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(at, []byte(strings.Repeat("x", size)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	resticfixture.Backup(t, repo, dir)
	s := startServer(t)
	id := s.attach("Space", repo, "")
	s.synchronize(id)
	point := s.oldest(id)
	p := newPage(t, s.url)
	p.expect("401")
	p.signIn("administrator", adminPassword)
	p.waitText("Space")
	at := changing{dir: dir}
	p.open("/points/" + point + "/space?" + at.at(""))
	p.waitText("129 KiB")
	p.check("space", "Largest files")
	areas := eval[map[string]float64](p, `Object.fromEntries([...document.querySelectorAll('.tile-1')].map((t) => [t.querySelector('bdi').textContent, t.offsetWidth * t.offsetHeight]))`)
	if ratio := areas["films"] / areas["mail"]; ratio < 2.5 || ratio > 3.5 {
		t.Errorf("89,000 bytes have %.1f times the area of 30,000: %v", ratio, areas)
	}
	for _, text := range []string{"<img src=x.mkv", "odd\ufffd name", ".mbox"} {
		if !strings.Contains(p.text(), text) {
			t.Errorf("the view does not show %q", text)
		}
	}
	eval[chromedp.Void](p, find(".tile", "films 86.9 KiB, 67 %")+".click()") // not what lies in it
	p.wait("new URLSearchParams(location.search).get('path').endsWith('/films')")
	p.wait(find(".tile", "long.mkv") + " !== null")

	// Tab leads to the treemap as a whole, arrows through it, Backspace up.
	eval[chromedp.Void](p, "document.querySelector('.tile[tabindex=\"0\"]').focus()")
	if stops := eval[int](p, "document.querySelectorAll('.tile[tabindex=\"0\"]').length"); stops != 1 {
		t.Errorf("the treemap has %d stops", stops)
	}
	first := eval[string](p, "document.activeElement.textContent")
	p.press(kb.ArrowRight)
	if now := eval[string](p, "document.activeElement.textContent"); now == first || !strings.Contains(now, "KiB") {
		t.Errorf("the arrow leads from %q to %q", first, now)
	}
	p.press(kb.Backspace)
	p.wait("!location.search.includes('films')")
	p.click(".sizes a", "odd\ufffd name")
	p.wait("new URLSearchParams(location.search).has('rawPath')")
	p.wait(find(".tile", "deep.bin") + " !== null")
	p.click(".trail a", filepath.Base(dir))
	p.wait("!new URLSearchParams(location.search).has('rawPath')")
	p.click(".sizes a", "empty")
	p.waitText("Nothing takes space here")
	p.expect("404")
	p.open("/points/" + point + "/space?path=/nowhere")
	p.waitText("There is no")
}

// The growth of a repository, and the space that forgetting a restore point
// would free, have a view of their own and appear in the overview.
func TestGrowth(t *testing.T) {
	t.Parallel()
	repo, dir := resticfixture.Init(t, 2), t.TempDir()
	random := func(name string, seed uint64) {
		t.Helper()
		if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
		if err := os.Mkdir(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
		resticfixture.MakeTree(t, filepath.Join(dir, name), seed, 12)
	}
	for day := 1; day <= 5; day++ {
		random("same", 7)
		random("other", uint64(day))
		host := "desk"
		if day == 4 {
			host = "lap\u202etop"
		}
		resticfixture.Backup(t, repo, dir, "--host", host, "--time", fmt.Sprintf("2026-0%d-01 08:00:00", day))
	}
	s := startServer(t)
	id := s.attach("Growing", repo, "")
	s.synchronize(id)
	p := newPage(t, s.url)
	p.expect("401")
	p.signIn("administrator", adminPassword)
	p.wait("document.querySelector('.growth-line b') !== null")
	if path := eval[string](p, "document.querySelector('.growth-line path').getAttribute('d')"); len(path) < 10 {
		t.Errorf("the line of the growth is %q", path)
	}
	stored := eval[string](p, "document.querySelector('.growth-line b').title")
	p.click("a", "stored. Show the growth")
	p.wait("document.querySelector('.plot svg') !== null")
	p.check("growth", "What each restore point holds")
	if got := eval[string](p, "document.querySelector('.facts .number').title"); got != stored {
		t.Errorf("the overview says %s, the view %s", stored, got)
	}
	if bars := eval[int](p, "document.querySelector('.plot-added').getAttribute('d').split('M').length - 1"); bars != 5 {
		t.Errorf("the plot has %d bars", bars)
	}
	p.choose("Sort by", "frees")
	p.wait("location.search.includes('sort=frees')")
	type row struct{ Time, Frees string }
	rows := eval[[]row](p, `[...document.querySelectorAll('.growth .grid-row')].map((r) => ({ Time: r.querySelector('time').dateTime.slice(0, 10), Frees: r.querySelector('.frees .number').title }))`)
	var want struct {
		Growth []struct {
			BackupTime       string
			UniqueStoredSize int64
		}
	}
	s.call("GET", "/v6/BackupRepositories/"+id+"/Statistics", nil, &want)
	for i, r := range rows {
		for _, g := range want.Growth {
			if strings.HasPrefix(g.BackupTime, r.Time) && strings.ReplaceAll(r.Frees, ",", "") != fmt.Sprintf("%d bytes", g.UniqueStoredSize) {
				t.Errorf("forgetting that of %s frees %s, not %d", r.Time, r.Frees, g.UniqueStoredSize)
			}
		}
		if i > 0 && len(rows[i-1].Frees) < len(r.Frees) {
			t.Errorf("%v comes before %v", rows[i-1], r)
		}
	}
	p.choose("Host", "lap\u202etop")
	p.wait("document.querySelectorAll('.growth .grid-row').length === 1")
	p.do(chromedp.MouseEvent(chromedp.MouseMoved, 700, 400))
	p.click("a", "Where the space goes in the restore point of Wed, 1 Apr")
	p.waitText("The whole restore point")
}
