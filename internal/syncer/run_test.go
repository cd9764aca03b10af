package syncer_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/catalog"
	"syncline.dev/syncline/internal/catalog/sqlite"
	"syncline.dev/syncline/internal/place"
	"syncline.dev/syncline/internal/resticfixture"
	"syncline.dev/syncline/internal/storage"
	"syncline.dev/syncline/internal/storage/local"
	"syncline.dev/syncline/internal/syncer"
	"syncline.dev/syncline/resticrepo"
)

const password = resticfixture.Password

// restic runs the real restic on a repository and returns its output.
func restic(t testing.TB, repo string, args ...string) []byte {
	t.Helper()
	cmd := exec.Command(resticfixture.Restic(t), append([]string{"-r", repo, "--no-cache", "--quiet"}, args...)...)
	cmd.Env = append(os.Environ(), "RESTIC_PASSWORD="+password)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("restic %s: %v: %s", strings.Join(args, " "), err, stderr.String())
	}
	return out
}

// source is a folder that tests back up and change.
type source struct {
	dir string
	rng *rand.Rand
	n   int
}

func newSource(t *testing.T, files int) *source {
	s := &source{dir: filepath.Join(t.TempDir(), "source"), rng: rand.New(rand.NewPCG(1, 2))}
	for range files {
		s.write(t, s.path())
	}
	s.write(t, "odd/\"quoted\"\n\t\\name")
	s.write(t, "odd/\xff\xfe not utf-8")
	s.write(t, "odd/ünïcödé ☃")
	if err := os.MkdirAll(filepath.Join(s.dir, "odd/empty folder"), 0o755); err != nil {
		t.Fatal(err)
	}
	for link, target := range map[string]string{"odd/link": "../nowhere", "odd/badlink": "\xff\x01"} {
		if err := os.Symlink(target, filepath.Join(s.dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

func (s *source) path() string {
	s.n++
	return fmt.Sprintf("d%02d/e%d/file-%d.txt", s.rng.IntN(12), s.rng.IntN(4), s.n)
}

func (s *source) write(t *testing.T, name string) {
	path := filepath.Join(s.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, fmt.Appendf(nil, "%s %d", name, s.rng.Uint64()), 0o644); err != nil {
		t.Fatal(err)
	}
}

// change adds, rewrites and removes a few files.
func (s *source) change(t *testing.T) {
	for range 5 {
		s.write(t, s.path())
	}
	s.write(t, "odd/ünïcödé ☃")
	names, err := filepath.Glob(filepath.Join(s.dir, "d*/e*/*"))
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if err := os.Remove(names[s.rng.IntN(len(names))]); err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
	}
}

// newRepository makes a repository with several snapshots.
func newRepository(t *testing.T, version int, src *source, snapshots int) string {
	repo := filepath.Join(t.TempDir(), "repo")
	resticfixture.InitAs(t, repo, password, version)
	for i := range snapshots {
		if i > 0 {
			src.change(t)
		}
		backup(t, repo, src)
	}
	return repo
}

func backup(t *testing.T, repo string, src *source) { restic(t, repo, "backup", src.dir) }

func snapshotIDs(t *testing.T, repo string) []string {
	var list []struct{ ID string }
	if err := json.Unmarshal(restic(t, repo, "snapshots", "--json"), &list); err != nil {
		t.Fatal(err)
	}
	ids := make([]string, len(list))
	for i := range list {
		ids[i] = list[i].ID
	}
	return ids
}

// recorder is a Reporter that keeps everything.
type recorder struct {
	mu      sync.Mutex
	percent []int
	log     []string
	behind  bool
	running []syncline.SessionStatistics
}

func (r *recorder) Progress(percent int, stats syncline.SessionStatistics) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.percent = append(r.percent, percent)
	r.running = append(r.running, stats)
}

func (r *recorder) Log(level syncline.LogLevel, message string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.log = append(r.log, string(level)+" "+message)
}

func (r *recorder) Behind() { r.behind = true }

func (r *recorder) has(part string) bool {
	return slices.ContainsFunc(r.log, func(s string) bool { return strings.Contains(s, part) })
}

// bench holds a catalog file between sessions.
type bench struct {
	t    *testing.T
	repo string
	file string
	wrap func(storage.Storage) storage.Storage
	// snapshots is a listing for Params.
	snapshots []resticrepo.File
	recorder
}

func newBench(t *testing.T, repo string) *bench {
	return &bench{t: t, repo: repo, file: filepath.Join(t.TempDir(), "catalog")}
}

// with opens the catalog for fn.
func (b *bench) with(fn func(c *catalog.Catalog)) {
	b.t.Helper()
	box, err := sqlite.Open(context.Background(), b.file)
	if err != nil {
		b.t.Fatal(err)
	}
	c, err := catalog.Open(context.Background(), box)
	if err != nil {
		b.t.Fatal(err)
	}
	fn(c)
	if err := c.Close(); err != nil {
		b.t.Fatal(err)
	}
}

// sync runs one session.
func (b *bench) sync(ctx context.Context) (stats syncline.SessionStatistics, err error) {
	b.t.Helper()
	folder, err := local.Open(b.t.Context(), b.repo)
	if err != nil {
		b.t.Fatal(err)
	}
	defer folder.Close()
	b.recorder = recorder{}
	opened, err := resticrepo.Open(ctx, folder, password)
	if err != nil {
		return stats, place.Translate(err)
	}
	var st storage.Storage = folder
	if b.wrap != nil {
		st = b.wrap(folder)
	}
	counter := storage.NewCounter(st)
	b.with(func(c *catalog.Catalog) {
		stats, err = syncer.Run(ctx, syncer.Params{
			Opened:  place.Opened{Repository: opened.With(counter), Counter: counter, MaxRead: 1 << 20},
			Catalog: c, Snapshots: b.snapshots, Reporter: &b.recorder, Logger: slog.New(slog.DiscardHandler),
		})
	})
	if !slices.IsSorted(b.percent) || slices.ContainsFunc(b.percent, func(p int) bool { return p < 0 || p > 99 }) {
		b.t.Errorf("progress went %v", b.percent)
	}
	return stats, err
}

func (b *bench) mustSync() syncline.SessionStatistics {
	b.t.Helper()
	stats, err := b.sync(context.Background())
	if err != nil {
		b.t.Fatalf("session failed: %v\n%s", err, strings.Join(b.log, "\n"))
	}
	return stats
}

func (b *bench) dump() string {
	b.t.Helper()
	var buf bytes.Buffer
	b.with(func(c *catalog.Catalog) {
		if err := c.View(context.Background(), func(v *catalog.View) error { return v.Dump(&buf) }); err != nil {
			b.t.Fatal(err)
		}
	})
	return buf.String()
}

// freshDump is the dump after one undisturbed session.
func freshDump(t *testing.T, repo string) string {
	b := newBench(t, repo)
	b.mustSync()
	return b.dump()
}

// listing is an entry in restic's ls, with the fields that every restic has.
type listing struct {
	Name, Type, Path    string
	UID, GID            uint32
	Size                uint64
	Mode                uint32
	Mtime, Atime, Ctime time.Time
}

// resticListing is restic's own listing of a snapshot.
func resticListing(t *testing.T, repo, id string) []listing {
	var out []listing
	dec := json.NewDecoder(bytes.NewReader(restic(t, repo, "ls", "--json", id)))
	for i := 0; ; i++ {
		var l listing
		if err := dec.Decode(&l); err == io.EOF {
			return out
		} else if err != nil {
			t.Fatal(err)
		}
		if i > 0 {
			out = append(out, l)
		}
	}
}

// catalogListing is the listing of the catalog. Names pass through JSON, as in
// restic's output.
func (b *bench) catalogListing(id string) (out []listing) {
	b.with(func(c *catalog.Catalog) {
		err := c.View(context.Background(), func(v *catalog.View) error {
			snapshots, err := v.Snapshots()
			if err != nil {
				return err
			}
			for _, s := range snapshots {
				if s.ID.String() != id {
					continue
				}
				return v.Walk(s.Root, "", 0, 1<<20, func(path string, e *syncline.Entry) error {
					out = append(out, listing{
						strings.ToValidUTF8(e.Name, "\ufffd\ufffd"), string(e.Type), strings.ToValidUTF8(path, "\ufffd\ufffd"),
						e.UID, e.GID, e.Size, uint32(e.Mode), e.ModTime, e.AccessTime, e.ChangeTime,
					})
					return nil
				})
			}
			return fmt.Errorf("snapshot %s is not in the catalog", id)
		})
		if err != nil {
			b.t.Error(err)
		}
	})
	return out
}

func (b *bench) compareWithRestic() {
	b.t.Helper()
	for _, id := range snapshotIDs(b.t, b.repo) {
		want, got := resticListing(b.t, b.repo, id), b.catalogListing(id)
		if len(want) != len(got) {
			b.t.Errorf("snapshot %s has %d entries, restic lists %d", id, len(got), len(want))
			continue
		}
		for i := range want {
			same := want[i].Mtime.Equal(got[i].Mtime) && want[i].Atime.Equal(got[i].Atime) && want[i].Ctime.Equal(got[i].Ctime)
			want[i].Mtime, want[i].Atime, want[i].Ctime = got[i].Mtime, got[i].Atime, got[i].Ctime
			if !same || want[i] != got[i] {
				b.t.Errorf("snapshot %s: entry %+v, restic says %+v", id, got[i], want[i])
			}
		}
	}
}

func TestSynchronizeEqualsRestic(t *testing.T) {
	for _, version := range []int{1, 2} {
		t.Run(fmt.Sprint("version ", version), func(t *testing.T) {
			repo := newRepository(t, version, newSource(t, 120), 4)
			b := newBench(t, repo)
			stats := b.mustSync()
			if stats.SnapshotsAdded != 4 || stats.SnapshotsTotal != 4 || !b.behind {
				t.Errorf("statistics are %+v", stats)
			}
			b.compareWithRestic()
		})
	}
}

func TestSynchronizeBringsWhatIsNew(t *testing.T) {
	src := newSource(t, 200)
	repo := newRepository(t, 2, src, 3)
	b := newBench(t, repo)
	first := b.mustSync()
	files := func(dir string) int64 {
		names, err := filepath.Glob(filepath.Join(repo, dir, "*"))
		if err != nil {
			t.Fatal(err)
		}
		return int64(len(names))
	}
	if got := first.RequestsByKind; got["get snapshots"] != 3 || got["get index"] != files("index") || got["list snapshots"] != 1 || got["list index"] != 1 {
		t.Errorf("requests of the first session: %v", got)
	}

	again := b.mustSync()
	if want := "Made 2 requests to the storage (1 list index, 1 list snapshots), and read 0"; !b.has(want) {
		t.Errorf("the log does not say %q: %q", want, b.log)
	}
	if again.Requests != 2 || again.RequestsByKind["list snapshots"] != 1 || again.RequestsByKind["list index"] != 1 || b.behind {
		t.Errorf("requests of a session with nothing new: %v", again.RequestsByKind)
	}

	indexes := files("index")
	gone := snapshotIDs(t, repo)[0]
	for range 2 {
		src.change(t)
		backup(t, repo, src)
	}
	restic(t, repo, "forget", gone)
	b.running = nil
	stats := b.mustSync()
	for _, s := range b.running { // statistics on the way are those of the same moment
		if s.SnapshotsTotal != 3 && s.SnapshotsTotal != 4 || s.SnapshotsFound != 2 {
			t.Errorf("while it runs %d snapshots are visible and %d were found", s.SnapshotsTotal, s.SnapshotsFound)
		}
	}
	if len(b.running) == 0 {
		t.Error("nothing is told while it runs")
	}
	if stats.SnapshotsAdded != 2 || stats.SnapshotsRemoved != 1 || stats.SnapshotsTotal != 4 {
		t.Errorf("statistics are %+v", stats)
	}
	if got := stats.RequestsByKind; got["get snapshots"] != 2 || got["get index"] != files("index")-indexes || got["get data"] > 2 {
		t.Errorf("requests of an incremental session: %v", got)
	}
	if stats.EntriesAdded >= first.EntriesAdded/2 {
		t.Errorf("%d entries came with two small changes, %d at first", stats.EntriesAdded, first.EntriesAdded)
	}
	b.compareWithRestic()
	if b.dump() != freshDump(t, repo) {
		t.Error("the catalog differs from that of one undisturbed session")
	}
}

// breaker cancels the session at the n-th byte or request.
type breaker struct {
	storage.Storage
	left   atomic.Int64
	cancel context.CancelFunc
}

func (s *breaker) Open(ctx context.Context, name string, offset, length int64) (io.ReadCloser, error) {
	if strings.HasPrefix(name, "data/") && s.left.Add(-1) == 0 {
		s.cancel()
	}
	return s.Storage.Open(ctx, name, offset, length)
}

func TestStoppedSessionsAreContinued(t *testing.T) {
	src := newSource(t, 150)
	repo := newRepository(t, 2, src, 6)
	want := freshDump(t, repo)
	for stopAfter := int64(1); stopAfter <= 6; stopAfter++ {
		b := newBench(t, repo)
		ctx, cancel := context.WithCancel(context.Background())
		b.wrap = func(s storage.Storage) storage.Storage {
			br := &breaker{Storage: s, cancel: cancel}
			br.left.Store(stopAfter)
			return br
		}
		stats, err := b.sync(ctx)
		if err != nil && !errors.Is(err, context.Canceled) {
			t.Fatalf("a stopped session ended with %v", err)
		}
		if err != nil && b.dump() != "" {
			t.Error("a stopped session left something visible")
		}
		b.wrap = nil
		rest := b.mustSync()
		if got := b.dump(); got != want {
			t.Errorf("stopped after %d packs: the catalog differs from an undisturbed one", stopAfter)
		}
		if err != nil && rest.TreesAdded+stats.TreesAdded > 2*rest.TreesAdded && rest.TreesAdded == 0 {
			t.Error("nothing was left to do after a stop")
		}
		cancel()
	}
}

// meddler calls a function once, right before the first pack is read.
type meddler struct {
	storage.Storage
	once sync.Once
	do   func()
}

func (s *meddler) Open(ctx context.Context, name string, offset, length int64) (io.ReadCloser, error) {
	if strings.HasPrefix(name, "data/") {
		s.once.Do(s.do)
	}
	return s.Storage.Open(ctx, name, offset, length)
}

func TestSnapshotAddedMeanwhile(t *testing.T) {
	src := newSource(t, 100)
	repo := newRepository(t, 2, src, 2)
	before := freshDump(t, repo)
	b := newBench(t, repo)
	b.wrap = func(s storage.Storage) storage.Storage {
		return &meddler{Storage: s, do: func() { src.change(t); backup(t, repo, src) }}
	}
	b.mustSync()
	if b.dump() != before {
		t.Error("the session does not show what was there when it began")
	}
	b.wrap = nil
	b.mustSync()
	b.compareWithRestic()
}

func TestRepackedMeanwhile(t *testing.T) {
	src := newSource(t, 200)
	repo := newRepository(t, 2, src, 5)
	b := newBench(t, repo)
	b.wrap = func(s storage.Storage) storage.Storage {
		return &meddler{Storage: s, do: func() {
			restic(t, repo, "forget", "--prune", "--max-unused", "0", snapshotIDs(t, repo)[0], snapshotIDs(t, repo)[2])
		}}
	}
	if _, err := b.sync(context.Background()); err != nil {
		// The forgotten snapshots may be unreadable by now. The next session
		// must work all the same.
		t.Logf("session: %v", err)
	}
	b.wrap = nil
	b.mustSync()
	b.compareWithRestic()
	if b.dump() != freshDump(t, repo) {
		t.Error("the catalog differs from that of one undisturbed session")
	}
}

func TestPrunedEntriesLeave(t *testing.T) {
	src := newSource(t, 200)
	repo := newRepository(t, 2, src, 2)
	if err := os.RemoveAll(filepath.Join(src.dir, "d00")); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(src.dir, "odd")); err != nil {
		t.Fatal(err)
	}
	for i := 1; i < 10; i++ {
		if err := os.RemoveAll(filepath.Join(src.dir, fmt.Sprintf("d%02d", i))); err != nil {
			t.Fatal(err)
		}
	}
	backup(t, repo, src)
	b := newBench(t, repo)
	b.mustSync()
	ids := snapshotIDs(t, repo)
	restic(t, repo, "forget", "--prune", ids[0], ids[1])
	b.mustSync()
	if !b.has("left the catalog") {
		t.Errorf("nothing was cleaned:\n%s", strings.Join(b.log, "\n"))
	}
	b.with(func(c *catalog.Catalog) {
		err := c.View(context.Background(), func(v *catalog.View) error {
			_, entries, _ := v.Totals()
			if n := len(resticListing(t, repo, ids[2])); entries != n {
				t.Errorf("the catalog holds %d entries, the one snapshot left has %d", entries, n)
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	})
	if b.dump() != freshDump(t, repo) {
		t.Error("the catalog differs from that of one undisturbed session")
	}
	src.change(t)
	backup(t, repo, src)
	b.mustSync()
	b.compareWithRestic()
}

// forgotten synchronizes a repository before and after its large snapshot is
// forgotten. A small one is left.
func forgotten(t *testing.T, repo, big string) *bench {
	t.Helper()
	backup(t, repo, newSource(t, 2))
	b := newBench(t, repo)
	b.mustSync()
	restic(t, repo, "forget", big)
	b.mustSync()
	if !b.has("left the catalog") {
		t.Fatalf("nothing was cleaned:\n%s", strings.Join(b.log, "\n"))
	}
	return b
}

// Dropped trees return when a snapshot needs them again.
func TestForgottenThenNeededAgain(t *testing.T) {
	src := newSource(t, 100)
	repo := newRepository(t, 2, src, 1)
	big := snapshotIDs(t, repo)[0]
	keep := filepath.Join(t.TempDir(), "kept-snapshot")
	content, err := os.ReadFile(filepath.Join(repo, "snapshots", big))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(keep, content, 0o600); err != nil {
		t.Fatal(err)
	}
	b := forgotten(t, repo, big)
	again := b.mustSync()
	if again.RequestsByKind["get data"] != 0 {
		t.Error("what was cleaned away is fetched without need")
	}
	if err := os.WriteFile(filepath.Join(repo, "snapshots", big), content, 0o600); err != nil {
		t.Fatal(err)
	}
	b.mustSync()
	b.compareWithRestic()
}

// Dropped trees also return through an index that is new to the catalog.
func TestForgottenPrunedAndBackedUpAgain(t *testing.T) {
	src := newSource(t, 100)
	repo := newRepository(t, 2, src, 1)
	b := forgotten(t, repo, snapshotIDs(t, repo)[0])
	restic(t, repo, "prune")
	backup(t, repo, src) // before the pruning is synchronized
	b.mustSync()
	b.compareWithRestic()
	restic(t, repo, "forget", "latest", "--prune")
	b.mustSync()
	backup(t, repo, src)
	b.mustSync()
	b.compareWithRestic()
}
