package console_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"syncline.dev/syncline/internal/resticfixture"
)

// nightly writes a repository with a restore point every night, except for five
// nights in the middle, and returns the time of the last one.
func nightly(t *testing.T, nights int) (repo string, last time.Time) {
	t.Helper()
	f := forge(t)
	begin := time.Date(2026, 3, 2, 21, 0, 0, 0, time.UTC) // a Monday
	for n := range nights {
		if n >= nights/2 && n < nights/2+5 {
			continue
		}
		last = begin.AddDate(0, 0, n)
		f.snapshot(f.tree(file("plan.txt", n+1, last)), last)
	}
	return f.dir, last
}

// Keys and mouse move along the timeline. It shows gaps, and leads to a day and
// to a comparison.
func TestTimeline(t *testing.T) {
	t.Parallel()
	repo, last := nightly(t, 1000)
	s := startServer(t)
	id := s.attach("Nights", repo, "")
	s.synchronize(id)
	p := newPage(t, s.url)
	p.expect("401")
	p.signIn("administrator", adminPassword)
	p.waitText("Nights")
	p.open("/repositories/" + id)
	p.waitText("995 restore points, 1 gap")
	if gaps := eval[int](p, "document.querySelectorAll('.timeline .gap').length"); gaps != 1 {
		t.Errorf("the timeline shows %d gaps", gaps)
	}
	if seen := eval[bool](p, `(() => {
		const r = document.querySelector('.timeline .gap').getBoundingClientRect();
		return document.elementFromPoint(r.x + r.width / 2, r.y + r.height / 2).matches('.gap');
	})()`); !seen {
		t.Error("the gap is covered")
	}
	p.check("timeline", "Choose a restore point")

	day := func(text string) {
		eval[chromedp.Void](p, fmt.Sprintf("(() => { const f = document.querySelector('.point-choice input'); f.value = %s; f.dispatchEvent(new Event('change', { bubbles: true })); })()", quote(text)))
	}
	day("2026-03-17")
	p.waitText("Tue, 17 Mar 2026, 22:00")
	day(time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC).AddDate(0, 0, 502).Format(time.DateOnly))
	p.waitText("this is the last one before")

	chosen := "document.querySelector('[role=slider]').ariaValueText"
	eval[chromedp.Void](p, "document.querySelector('[role=slider]').focus()")
	p.press(kb.End)
	p.wait(chosen + ".startsWith(" + quote(last.Format("Mon, 2 Jan 2006")) + ")")
	if strings.Contains(p.text(), "this is the last one before") {
		t.Error("what is said of the day stays with another restore point")
	}
	p.press(kb.ArrowLeft)
	before := last.AddDate(0, 0, -1)
	p.wait(chosen + ".startsWith(" + quote(before.Format("Mon, 2 Jan 2006")) + ")")
	p.check("timeline-chosen", "Show in the list")
	p.click("button", "Compare with…")
	eval[chromedp.Void](p, "document.querySelector('[role=slider]').focus()")
	p.press(kb.Home)
	p.wait(chosen + ".startsWith('Mon, 2 Mar 2026')")
	p.click("a", "Compare with "+before.Format("Mon, 2 Jan 2006"))
	p.wait("location.pathname.endsWith('/compare')")
	points := s.points(id)
	if got, want := eval[string](p, "location.pathname + new URLSearchParams(location.search).get('with')"), "/points/"+points[len(points)-1]+"/compare"+points[1]; got != want {
		t.Errorf("the comparison is %s, want %s", got, want)
	}

	p.open("/repositories/" + id)
	p.click("button", "A month")
	at := eval[[]float64](p, "(() => { const r = document.querySelector('.lane-box').getBoundingClientRect(); return [r.right - 12, r.y + 13]; })()")
	p.do(chromedp.MouseClickXY(at[0], at[1]))
	p.wait(chosen + ".startsWith(" + quote(last.Format("Mon, 2 Jan 2006")) + ")")
	p.click("button", "Show in the list")
	p.wait("document.querySelector('.points .grid-row.active') !== null")
}

// The best matches come first, and deleted ones are marked.
func TestOrderOfSearch(t *testing.T) {
	t.Parallel()
	repo, dir := office(t)
	for name, size := range map[string]int{"a budget of old.txt": 900, "budget": 10, "budgets.csv": 5000} {
		write(t, filepath.Join(dir, name), strings.Repeat("x", size))
	}
	resticfixture.Backup(t, repo, dir, "--host", "order")
	if err := os.Remove(filepath.Join(dir, "budgets.csv")); err != nil {
		t.Fatal(err)
	}
	resticfixture.Backup(t, repo, dir, "--host", "order")
	s := startServer(t)
	id := s.attach("Order", repo, "")
	s.synchronize(id)
	p := newPage(t, s.url)
	p.expect("401")
	p.signIn("administrator", adminPassword)
	p.waitText("Order")
	p.open("/search?q=budget")
	rows := "[...document.querySelectorAll('.found-text > a')].map((a) => a.textContent)"
	p.wait(rows + ".length >= 4")
	p.waitText("deleted now")
	got := eval[[]string](p, rows)
	if strings.Join(got, ", ") != "budget, budget.ods, budgets.csv, a budget of old.txt" {
		t.Errorf("the order is %q", got)
	}
	if gone := eval[[]string](p, "[...document.querySelectorAll('.found-row')].filter((r) => r.textContent.includes('deleted now')).map((r) => r.querySelector('a').textContent)"); strings.Join(gone, ", ") != "budgets.csv" {
		t.Errorf("deleted are %q", gone)
	}
	p.choose("Sort", "size")
	p.wait(rows + "[0] === 'budgets.csv'")
	p.wait("location.search.includes('sort=size')")
	p.open("/search?q=budget&min=1") // with a filter, no result is marked
	p.wait(rows + ".length >= 4")
	if strings.Contains(p.text(), "deleted now") {
		t.Error("something is said to be deleted behind a filter")
	}
}
