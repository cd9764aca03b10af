package console_test

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/catalog"
	"syncline.dev/syncline/internal/catalog/catalogtest"
	catalogsqlite "syncline.dev/syncline/internal/catalog/sqlite"
	"syncline.dev/syncline/internal/programtest"
	"syncline.dev/syncline/internal/resticfixture"
	works "syncline.dev/syncline/internal/store"
	stores "syncline.dev/syncline/internal/store/sqlite"
)

// generate writes a repository without files behind it.
func generate(t *testing.T, files, snapshots int) string {
	t.Helper()
	repo := filepath.Join(t.TempDir(), "repo")
	cmd := programtest.Command(t.Context(), "run", "syncline.dev/syncline/bench/genrepo", "-r", repo, "-files", fmt.Sprint(files), "-snapshots", fmt.Sprint(snapshots))
	cmd.Env = append(cmd.Env, "RESTIC_PASSWORD="+resticfixture.Password)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return repo
}

// shown returns the time from a click on a link of the console until an
// expression is true, in milliseconds, measured in the page.
func (p *page) shown(path, expression string) time.Duration {
	p.t.Helper()
	ms := eval[float64](p, fmt.Sprintf(`(async () => {
		const begin = performance.now();
		const a = document.body.appendChild(Object.assign(document.createElement('a'), { href: %s }));
		a.click();
		a.remove();
		while (!(%s)) await new Promise((done) => requestAnimationFrame(done));
		return performance.now() - begin;
	})()`, quote(path), expression))
	return time.Duration(ms * float64(time.Millisecond))
}

// scroll scrolls to the end in steps, one for each frame, and returns the
// longest time between two frames.
func (p *page) scroll(element string) time.Duration {
	p.t.Helper()
	ms := eval[float64](p, fmt.Sprintf(`(async () => {
		const box = %s;
		const frame = () => new Promise((done) => requestAnimationFrame(done));
		let longest = 0;
		let last = await frame();
		for (let i = 1; i <= 60; i++) {
			box.scrollTop = (box.scrollHeight * i) / 60;
			const now = await frame();
			longest = Math.max(longest, now - last);
			last = now;
		}
		await frame();
		return longest;
	})()`, element))
	return time.Duration(ms * float64(time.Millisecond))
}

func TestManyRestorePoints(t *testing.T) {
	t.Parallel()
	points := 2000
	if testing.Short() || raceEnabled {
		points = 300
	}
	s := startServer(t)
	repo := s.attach("Nightly", generate(t, 60, points), "")
	s.synchronize(repo)
	p := newPage(t, s.url)
	p.expect("401")
	p.signIn("administrator", adminPassword)
	p.waitText("Nightly")
	took := p.shown("/repositories/"+repo, "document.querySelectorAll('.points .grid-row').length > 5")
	longest := p.scroll("document.scrollingElement")
	p.waitText("step-1")
	t.Logf("%d restore points: there after %v, longest frame while scrolling %v", points, took, longest)
	if rows := eval[int](p, "document.querySelectorAll('.points .grid-row').length"); rows > 100 {
		t.Errorf("%d rows are drawn at once", rows)
	}
	if last := eval[int](p, "Math.max(...[...document.querySelectorAll('.points .grid-row')].map((r) => r.ariaRowIndex))"); last != points+1 {
		t.Errorf("the last row is %d", last)
	}
	p.click("a", "Growth")
	p.wait("document.querySelector('.plot svg') !== null")
	p.click("a", "Restore points")
	p.wait("document.querySelector('.plot') === null")
	t.Logf("their growth: there after %v", p.shown("/repositories/"+repo+"/growth", "document.querySelectorAll('.growth .grid-row').length > 5 && document.querySelector('.plot svg')"))
	if marks := eval[int](p, "document.querySelectorAll('.plot-added').length"); marks != 1 {
		t.Errorf("the bars are %d paths", marks)
	}
	p.click("a", "Restore points")
	p.wait("document.querySelectorAll('.timeline circle').length > 0")
	if marks := eval[int](p, "document.querySelectorAll('.timeline circle').length"); marks == 0 || marks > 200 {
		t.Errorf("the timeline has %d marks", marks)
	}
}

// wide writes a repository with one folder of many files, without content.
func wide(t *testing.T, entries int) string {
	t.Helper()
	f := forge(t)
	nodes := make([]node, entries)
	for i := range nodes {
		nodes[i] = file(fmt.Sprintf("record %06d.dat", i), i*7919%1_000_003, time.Unix(1_700_000_000+int64(i*7907%1_000_000), 0))
	}
	f.snapshot(f.tree(folder("wide", f.tree(nodes...))), time.Unix(1_790_000_000, 0))
	return f.dir
}

// A folder of many entries opens at once, and so do its end and a name in it.
func TestManyEntries(t *testing.T) {
	t.Parallel()
	entries := 100_000
	if testing.Short() || raceEnabled {
		entries = 20_000
	}
	s := startServer(t)
	id := s.attach("Wide", wide(t, entries), "")
	s.synchronize(id)
	p := newPage(t, s.url)
	p.expect("401")
	p.signIn("administrator", adminPassword)
	p.waitText("Wide")
	const loaded = "document.querySelectorAll('.files-box .column-modified').length > 5"
	folder := files(s.points(id)[0], "/wide")
	took := p.shown(folder, loaded)
	longest := p.scroll("document.querySelector('.files-box')")
	last := fmt.Sprintf("record %06d.dat", entries-1)
	p.waitText(last)
	if rows := eval[int](p, "document.querySelectorAll('.files-box .grid-row').length"); rows > 100 {
		t.Errorf("%d rows are drawn at once", rows)
	}
	p.press(kb.Home)
	p.waitActive("record 000000.dat")
	end := p.keyed("End", last)
	p.letters("record 0123") // far from the loaded rows
	p.waitActive("record 012300.dat")
	p.wait("location.search.includes('012300')")
	bySize := p.shown(folder+"&sort=size&order=desc", "document.querySelector('.files-box .column-size.number')?.textContent === '977 KiB'")
	t.Logf("%d entries: there after %v, the end after %v, by size after %v, longest frame while scrolling %v", entries, took, end, bySize, longest)
}

// keyed returns the time from a key in the list until its active row has this
// name.
func (p *page) keyed(key, name string) time.Duration {
	p.t.Helper()
	ms := eval[float64](p, fmt.Sprintf(`(async () => {
		const begin = performance.now();
		document.querySelector('[role=grid]').dispatchEvent(new KeyboardEvent('keydown', { key: %s, bubbles: true, cancelable: true }));
		while (%s !== %s) await new Promise((done) => requestAnimationFrame(done));
		return performance.now() - begin;
	})()`, quote(key), active, quote(name)))
	return time.Duration(ms * float64(time.Millisecond))
}

func TestManyRepositories(t *testing.T) {
	t.Parallel()
	const repositories = 200
	s := startServer(t)
	first := s.attach("repository 000", resticfixture.Unpack(t, "v2-old"), "")
	s.synchronize(first)
	s.stop()
	multiply(t, s.data, syncline.ID(first), repositories)
	s.start()
	p := newPage(t, s.url)
	p.expect("401")
	p.signIn("administrator", adminPassword)
	p.wait("document.querySelectorAll('.repository').length === 200")
	p.open("/attach")
	p.waitText("Where is the restic repository?")
	took := p.shown("/", "document.querySelectorAll('.repository').length === 200")
	points := p.shown("/", "![...document.querySelectorAll('.repository-hosts')].some((e) => e.textContent.trim() === '…')")
	longest := p.scroll("document.scrollingElement")
	t.Logf("%d repositories: there after %v, their restore points after %v more, longest frame while scrolling %v", repositories, took, points, longest)
	p.fill("Filter the repositories", "repository 17")
	p.wait("document.querySelectorAll('.repository').length === 10")
	p.picture("many-repositories")
}

// multiply copies a synchronized repository many times in the server's data.
func multiply(t *testing.T, data string, first syncline.ID, total int) {
	t.Helper()
	store, err := stores.Open(t.Context(), filepath.Join(data, "syncline.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	r, err := store.Repository(t.Context(), first)
	if err != nil {
		t.Fatal(err)
	}
	catalogs, err := filepath.Glob(filepath.Join(data, "catalogs", string(first)+"-*.catalog"))
	if err != nil || len(catalogs) != 1 {
		t.Fatalf("catalogs: %v %v", catalogs, err)
	}
	disown(t, catalogs[0])
	raw, err := os.ReadFile(catalogs[0])
	if err != nil {
		t.Fatal(err)
	}
	for i := 1; i < total; i++ {
		r.ID = syncline.ID(fmt.Sprintf("00000000-0000-4000-8000-%012d", i))
		r.Name = fmt.Sprintf("repository %03d", i)
		if err := store.AddRepository(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		session := works.Work{Alone: true, Work: syncline.Work{
			ID: syncline.ID(fmt.Sprintf("00000000-0000-4000-9000-%012d", i)), Kind: syncline.WorkSynchronize, RepositoryID: r.ID, CreatedAt: time.Now(),
		}}
		if _, _, err := store.AddWork(t.Context(), session); err != nil {
			t.Fatal(err)
		}
		session.State, session.StartedAt, session.EndedAt, session.Progress = syncline.WorkSucceeded, time.Now(), time.Now(), 100
		if err := store.UpdateWork(t.Context(), session); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(strings.Replace(catalogs[0], string(first), string(r.ID), 1), raw, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// disown makes a catalog file that any repository may have.
func disown(t *testing.T, file string) {
	t.Helper()
	box, err := catalogsqlite.Open(t.Context(), file)
	if err != nil {
		t.Fatal(err)
	}
	err = catalogtest.Meddle(t.Context(), box, func(w catalog.Writer) error {
		value := []byte(w.Head())
		var head map[string]json.RawMessage
		if err := json.Unmarshal(value[:len(value)-4], &head); err != nil {
			return err
		}
		delete(head, "owner")
		payload, err := json.Marshal(head)
		if err != nil {
			return err
		}
		sum := crc32.Checksum(append(slices.Clone(payload), make([]byte, 9)...), crc32.MakeTable(crc32.Castagnoli))
		return w.SetHead(catalog.Head(binary.LittleEndian.AppendUint32(payload, sum)))
	})
	if err := errors.Join(err, box.Close()); err != nil {
		t.Fatal(err)
	}
}

// Starting a synchronization and seeing its progress move, without the page
// being loaded again.
func TestProgress(t *testing.T) {
	t.Parallel()
	files := 100_000
	if testing.Short() {
		files = 30_000
	}
	s := startServer(t)
	s.attach("Large", generate(t, files, 3), "")
	p := newPage(t, s.url)
	p.expect("401")
	p.signIn("administrator", adminPassword)
	p.click("a", "Large")
	p.wait(find("button", "Remove") + " !== null")
	eval[chromedp.Void](p, `(() => {
		window.seen = [];
		new MutationObserver(() => {
			const now = document.querySelector('.summary [role=progressbar]')?.ariaValueNow;
			if (now !== undefined && window.seen.at(-1) !== Number(now)) window.seen.push(Number(now));
		}).observe(document.body, { subtree: true, childList: true, attributes: true });
	})()`)
	p.click("button", "Synchronize Large")
	p.waitText("3 restore points of 1 host")
	p.waitText("In sync")
	seen := eval[[]float64](p, "window.seen")
	t.Logf("the progress was %v", seen)
	moved := false
	for i, v := range seen {
		moved = moved || v > 0 && v < 100
		if i > 0 && v < seen[i-1] {
			t.Errorf("the progress fell from %g to %g", seen[i-1], v)
		}
	}
	if !moved {
		t.Errorf("the progress did not move: %v", seen)
	}
}

// A session goes on where it was when the server is started again, and so
// does the page that follows it.
func TestProgressOverARestart(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	s.attach("Large", generate(t, 60_000, 3), "")
	p := newPage(t, s.url)
	p.expect("401", "net::ERR", "Failed to load")
	p.signIn("administrator", adminPassword)
	p.click("a", "Large")
	p.click("button", "Synchronize Large")
	p.wait("Number(document.querySelector('.summary [role=progressbar]')?.ariaValueNow) >= 0")
	s.stop()
	p.waitText("The connection to the server is lost")
	s.start()
	p.waitText("3 restore points of 1 host")
	p.waitText("In sync")
	if text := p.text(); strings.Contains(text, "connection to the server is lost") {
		t.Error("the page still says that the connection is lost")
	}
}

// A thousand machines are listed at once, and found by their names.
func TestManyMachines(t *testing.T) {
	t.Parallel()
	machines := 1000
	if testing.Short() || raceEnabled {
		machines = 150
	}
	f := forge(t)
	for i := range machines {
		f.backups(fmt.Sprintf("host-%04d.example.com", i), "/srv", daily(5, float64(i%60)/2)...)
	}
	f.flush()
	s := startServer(t)
	s.synchronize(s.attach("Fleet", f.dir, ""))
	p := newPage(t, s.url)
	p.expect("401")
	p.signIn("administrator", adminPassword)
	p.waitText("machines are backed up in time")
	took := p.shown("/machines", "document.querySelectorAll('.machine').length > 100")
	t.Logf("%d machines: there after %v, longest frame while scrolling %v", machines, took, p.scroll("document.scrollingElement"))
	if rows := eval[int](p, "document.querySelectorAll('.machine').length"); rows > 200 {
		t.Errorf("%d rows are drawn at once", rows)
	}
	p.fill("Host", fmt.Sprintf("host-%04d", machines-1))
	p.wait("document.querySelectorAll('.machine').length === 1")
}
