package series

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/explore"
	"syncline.dev/syncline/internal/store"
)

// files are the files of a snapshot: contents by path.
type files map[string]string

// trees compares snapshots whose files are in memory.
type trees struct {
	of    map[syncline.Hash]files
	calls int
	fail  error
	hang  bool   // until the context ends
	after func() // called at the begin of each
}

func (c *trees) EachDifference(ctx context.Context, before *syncline.RestorePoint, after syncline.RestorePoint, most int64, visit func(*explore.Pair) error) error {
	c.calls++
	if c.after != nil {
		c.after()
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if c.hang {
		<-ctx.Done()
		return ctx.Err()
	}
	if c.fail != nil {
		return c.fail
	}
	var old files
	if before != nil {
		old = c.of[before.Snapshot.ID]
	}
	now := c.of[after.Snapshot.ID]
	all := maps.Clone(now)
	maps.Copy(all, old)
	for _, path := range slices.Sorted(maps.Keys(all)) {
		p := explore.NewPair(path, entryOf(path, old), entryOf(path, now))
		if err := visit(p); err != nil {
			return err
		}
	}
	return nil
}

func entryOf(path string, in files) *syncline.Entry {
	content, ok := in[path]
	if !ok {
		return nil
	}
	return &syncline.Entry{Name: path[strings.LastIndexByte(path, '/')+1:], Type: syncline.TypeFile, Size: uint64(len(content)), Content: []syncline.Hash{{byte(len(content)), content[0], content[len(content)-1]}}}
}

// office makes a world with a series of a few hundred files and n nightly backups.
func office(t *testing.T, n int) (w *world, c *trees, now files) {
	t.Helper()
	w, c, now = newWorld(t), &trees{of: map[syncline.Hash]files{}}, files{}
	w.Comparer = c
	for i := range 500 {
		now[fmt.Sprintf("/srv/docs/d%d/file %d.docx", i%7, i)] = fmt.Sprintf("a content %d", i%10)
	}
	w.look()
	w.nights(c, now, n)
	return w, c, now
}

// nights makes n nightly backups in which two files change each.
func (w *world) nights(c *trees, now files, n int) {
	w.t.Helper()
	for i := range n {
		w.now = w.now.Add(day)
		now[fmt.Sprintf("/srv/docs/d0/file %d.docx", 7*(i%10))] += "x"
		now[fmt.Sprintf("/srv/docs/d0/new %d.docx", w.made)] = "new"
		c.of[w.backUp("office", w.now)] = maps.Clone(now)
		w.look()
		w.tick()
	}
}

func (w *world) unusualConditions(want int) []syncline.Condition {
	w.t.Helper()
	got := w.unusualNow
	if len(got) != want {
		w.t.Fatalf("%d backups are unusual, want %d: %+v", len(got), want, got)
	}
	return got
}

func TestUnusualBackup(t *testing.T) {
	w, c, now := office(t, 12)
	w.unusualConditions(0)
	good := maps.Clone(now)
	before := w.points[w.repository][len(w.points[w.repository])-1]
	for i, path := range slices.Sorted(maps.Keys(now)) {
		if i%2 == 0 && strings.Contains(path, "/d1/") || i%4 == 0 {
			delete(now, path)
			now[path+".locked"] = "y" + path
		}
	}
	w.nights(c, now, 1)
	after := w.points[w.repository][len(w.points[w.repository])-1]
	got := w.unusualConditions(1)[0]
	x := w.series("office")
	for _, part := range []string{"office (/a, /b)", `"main"`, "changed or went", "usually 0.", "endings that it never had (.locked)", "Most of it is in /srv/docs"} {
		if !strings.Contains(got.Message, part) {
			t.Errorf("the message lacks %q: %s", part, got.Message)
		}
	}
	if got.Kind != syncline.AlarmBackupUnusual || got.Severity != syncline.SeverityWarning || got.Subject != string(x.ID) || got.HostName != "office" ||
		got.Link != "/points/"+string(before.ID)+"/compare?with="+string(after.ID) || strings.Contains(strings.ToLower(got.Message), "ransom") {
		t.Errorf("got %+v", got)
	}
	if x.Unusual != got.Message || x.UnusualLink != got.Link || x.Skipped {
		t.Errorf("got %+v", x)
	}
	// Two usual backups are not enough, nor is a short time.
	w.nights(c, now, 2)
	w.unusualConditions(1)
	w.nights(c, now, 1)
	w.unusualConditions(0)
	// Nearly everything goes.
	for path := range good {
		if !strings.HasSuffix(path, "1.docx") {
			delete(now, path)
		}
	}
	w.nights(c, now, 1)
	if got := w.unusualConditions(1)[0]; got.Severity != syncline.SeverityCritical {
		t.Errorf("got %+v", got)
	}
	if err := w.Retire(t.Context(), x.ID, "ada"); err != nil {
		t.Fatal(err)
	}
	w.tick()
	w.unusualConditions(0)
}

// Files that are renamed are told apart from files that went.
func TestRenamedFiles(t *testing.T) {
	c := newComparison([]string{"/x"}, map[string]bool{".a": true}, 10, 100)
	for _, p := range []*explore.Pair{
		explore.NewPair("/x/old.a", entryOf("/x/old.a", files{"/x/old.a": "one"}), nil),
		explore.NewPair("/x/y/z/q/new.A", nil, entryOf("/x/y/z/q/new.A", files{"/x/y/z/q/new.A": "one"})),
		explore.NewPair("/x/other.b", nil, entryOf("/x/other.b", files{"/x/other.b": "three"})),
		explore.NewPair("/x/folder", nil, &syncline.Entry{Name: "folder", Type: syncline.TypeDir}),
		explore.NewPair("/x/empty", nil, &syncline.Entry{Name: "empty", Type: syncline.TypeFile}),
		explore.NewPair("/x/empty2", &syncline.Entry{Name: "empty2", Type: syncline.TypeFile}, nil),
		explore.NewPair("/x/same", entryOf("/x/same", files{"/x/same": "s"}), entryOf("/x/same", files{"/x/same": "s"})),
		explore.NewPair("/x/changed", entryOf("/c", files{"/c": "four"}), entryOf("/c", files{"/c": "fourfour"})),
		explore.NewPair("/x/became", entryOf("/c", files{"/c": "four"}), &syncline.Entry{Name: "became", Type: syncline.TypeDir}),
	} {
		if err := c.visit(p); err != nil {
			t.Fatal(err)
		}
	}
	c.done()
	m := c.Measure
	if m.Added != 3 || m.Removed != 3 || m.Renamed != 1 || m.Changed != 1 || m.NewKinds != 1 || m.Files != 10 || m.Bytes != 100+3+5-3+4-4 {
		t.Errorf("got %+v", m)
	}
	if c.folders["/x/y/z"] != 1 || c.folders["/x"] != 6 || c.fresh[".b"] != 1 {
		t.Errorf("got %v, %v", c.folders, c.fresh)
	}
}

// The last few backups at attaching make a past and no alarm.
func TestFirstComparisons(t *testing.T) {
	w, c := newWorld(t), &trees{of: map[syncline.Hash]files{}}
	w.Comparer = c
	now := files{}
	for i := range 400 {
		now[fmt.Sprint("/f", i)] = "content"
	}
	for i := range 40 {
		if i == 38 {
			for path := range now {
				now[path] = "other"
			}
		}
		c.of[w.backUp("office", start.Add(time.Duration(i-50)*day))] = maps.Clone(now)
	}
	w.look()
	w.tick()
	w.unusualConditions(0)
	if c.calls != firstCompared+1 { // and the one before them as a beginning
		t.Errorf("%d comparisons", c.calls)
	}
	w.tick()
	if c.calls != firstCompared+1 {
		t.Errorf("%d comparisons, though nothing is new", c.calls)
	}
	// The past is there, also when the snapshot that was compared last is gone.
	w.points[w.repository] = w.points[w.repository][:39]
	for path := range now {
		now[path] = "third"
	}
	w.now = w.now.Add(day)
	c.of[w.backUp("office", w.now)] = maps.Clone(now)
	w.look()
	w.tick()
	if c.calls != firstCompared+3 { // the new beginning and the new one
		t.Errorf("%d comparisons", c.calls)
	}
	if got := w.unusualConditions(1)[0]; !strings.Contains(got.Message, "400 of 400 files (100 %) changed or went") || got.Severity != syncline.SeverityCritical {
		t.Errorf("got %+v", got)
	}
}

// A comparison that is too much is said, and the next one begins anew.
func TestNotCompared(t *testing.T) {
	w, c, now := office(t, 8)
	c.fail = syncline.Errorf(syncline.CodeTooLarge, "too much")
	w.nights(c, now, 1)
	if x := w.series("office"); !x.Skipped {
		t.Errorf("got %+v", x)
	}
	c.fail = nil
	w.nights(c, now, 1)
	if x := w.series("office"); x.Skipped {
		t.Errorf("got %+v", x)
	}
	w.unusualConditions(0)
	for i, path := range slices.Sorted(maps.Keys(now)) {
		if i%2 == 0 {
			delete(now, path)
		}
	}
	w.nights(c, now, 1)
	w.unusualConditions(1)
}

// A turn that is cut short keeps what it has done.
func TestExaminationCutShort(t *testing.T) {
	w, c, now := office(t, 8)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	now["/srv/one more"] = "x"
	w.now = w.now.Add(day)
	c.of[w.backUp("office", w.now)] = maps.Clone(now)
	w.look()
	c.hang = true
	if err := w.examine(ctx, w.now); err == nil {
		t.Error("nothing failed")
	}
	c.hang = false
	calls := c.calls
	w.tick()
	if c.calls != calls+1 {
		t.Errorf("%d comparisons", c.calls-calls)
	}
}

// The same at attaching: the past grows from turn to turn.
func TestFirstComparisonsCutShort(t *testing.T) {
	w, c := newWorld(t), &trees{of: map[syncline.Hash]files{}}
	for i := range 10 {
		c.of[w.backUp("office", start.Add(time.Duration(i-50)*day))] = files{"/f": fmt.Sprint(i)}
	}
	w.Comparer = c
	w.look()
	ctx, cancel := context.WithCancel(t.Context())
	c.after = func() {
		if c.calls == 4 {
			cancel()
		}
	}
	if err := w.examine(ctx, w.now); err == nil {
		t.Error("nothing failed")
	}
	c.after = nil
	w.tick()
	if c.calls != 11 { // one was done twice
		t.Errorf("%d comparisons", c.calls)
	}
}

// A snapshot that claims the future does not keep those after it from being compared.
func TestFutureIsNotCompared(t *testing.T) {
	w, c, now := office(t, 8)
	c.of[w.backUp("office", w.now.Add(1000*day))] = files{"/one": "file"}
	w.nights(c, now, 2)
	w.unusualConditions(0)
	for path := range now {
		now[path] = "zzz"
	}
	w.nights(c, now, 1)
	w.unusualConditions(1)
}

func TestTexts(t *testing.T) {
	for share, want := range map[float64]string{0.0123: "1.2 %", 0.999: "99 %", 1: "100 %", 0: "0.0 %"} {
		if got := percent(share); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	for bytes, want := range map[uint64]string{12: "12 B", 2048: "2.0 KiB", 1 << 41: "2.0 TiB", 1<<64 - 1: "8388608.0 TiB"} {
		if got := sizeText(bytes); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	for p, want := range map[string]string{"/f": "/", "/a/f": "/a", "/a/b/c/f": "/a/b", "/x/f": "/x", "/x/y/z/q/f": "/x/y/z", "/x/y/r/s/t/f": "/x/y/r/s/t"} {
		if got := folderOf([]string{"/x/", "/x/y/r", "C:\\"}, p); got != want {
			t.Errorf("%s lies in %s, want %s", p, got, want)
		}
	}
}

// questions counts what is asked of the database about series.
type questions struct {
	Store
	n int
}

func (q *questions) Series(ctx context.Context, repository syncline.ID) ([]syncline.Series, error) {
	q.n++
	return q.Store.Series(ctx, repository)
}

func (q *questions) Examinations(ctx context.Context, repository syncline.ID) ([]store.Examination, error) {
	q.n++
	return q.Store.Examinations(ctx, repository)
}

// TestQuietTick attaches many repositories. A tick without a new backup asks as often as
// with one.
func TestQuietTick(t *testing.T) {
	w, _, _ := office(t, 3)
	asked := &questions{Store: w.Store}
	w.Store = asked
	w.tick()
	alone := asked.n
	for i := range 50 {
		w.attach(fmt.Sprint("other", i))
	}
	asked.n = 0
	w.tick()
	if alone == 0 || asked.n != alone {
		t.Errorf("a tick asks %d times with one repository, and %d times with 51", alone, asked.n)
	}
}

// The watch looks at a session that has ended before it makes the next comparison, and the
// turn after that goes on with the comparisons.
func TestSessionEndsBesideComparisons(t *testing.T) {
	w, c, now := office(t, 2)
	for range 3 {
		w.now = w.now.Add(day)
		now[fmt.Sprintf("/srv/docs/d0/new %d.docx", w.made)] = "new"
		c.of[w.backUp("office", w.now)] = maps.Clone(now)
	}
	w.look()
	c.calls, c.after = 0, func() {
		if c.calls == 1 {
			w.SessionEnded(syncline.Work{RepositoryID: w.repository, State: syncline.WorkSucceeded, StartedAt: w.now})
		}
	}
	w.tick()
	if c.calls != 1 {
		t.Errorf("%d comparisons before the session was looked at, want 1", c.calls)
	}
	w.tick()
	if c.calls != 3 {
		t.Errorf("%d comparisons in all, want 3", c.calls)
	}
	w.tick()
	if c.calls != 3 {
		t.Errorf("a backup was compared again: %d comparisons", c.calls)
	}
}

// A pause of a comparison ends when a session ends, and there is none after that until the
// next turn.
func TestPauseEndsWithASession(t *testing.T) {
	w, waited, ended := newWorld(t), make(chan struct{}), make(chan struct{})
	pauses := 0
	w.Quiet = func(ctx context.Context) {
		pauses++
		close(waited)
		<-ctx.Done()
	}
	go func() {
		defer close(ended)
		w.Pause(t.Context())
	}()
	<-waited
	w.SessionEnded(syncline.Work{RepositoryID: w.repository, State: syncline.WorkStopped})
	<-ended
	w.Pause(t.Context())
	if pauses != 1 {
		t.Errorf("%d pauses, want one", pauses)
	}
}
