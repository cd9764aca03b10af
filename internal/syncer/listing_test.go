package syncer_test

import (
	"context"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"

	"syncline.dev/syncline/internal/catalog"
	"syncline.dev/syncline/internal/storage"
	"syncline.dev/syncline/internal/storage/local"
	"syncline.dev/syncline/resticrepo"
)

// lister changes listings.
type lister struct {
	storage.Storage
	dir   string
	calls int
	hide  func(call int, name string) bool
}

func (s *lister) List(ctx context.Context, dir string, fn func(string, int64) error) error {
	if dir != s.dir {
		return s.Storage.List(ctx, dir, fn)
	}
	s.calls++
	return s.Storage.List(ctx, dir, func(name string, size int64) error {
		if s.hide(s.calls, name) {
			return nil
		}
		return fn(name, size)
	})
}

// A listing from before another process's synchronization lacks the snapshots
// of that one.
func TestListingAheadRemovesNothing(t *testing.T) {
	src := newSource(t, 20)
	repo := newRepository(t, 2, src, 3)
	place, err := local.Open(t.Context(), repo)
	if err != nil {
		t.Fatal(err)
	}
	defer place.Close()
	before, err := resticrepo.ListSnapshots(t.Context(), place)
	if err != nil || len(before) != 3 {
		t.Fatal(before, err)
	}
	src.change(t)
	backup(t, repo, src)
	b := newBench(t, repo)
	b.mustSync()
	want := b.dump()
	b.snapshots = before
	if stats := b.mustSync(); stats.SnapshotsRemoved != 0 || b.dump() != want {
		t.Errorf("an older listing removed %d snapshots", stats.SnapshotsRemoved)
	}
	restic(t, repo, "forget", before[0].ID.String())
	if stats := b.mustSync(); stats.SnapshotsRemoved != 1 {
		t.Errorf("%d snapshots were removed, not the one that was forgotten", stats.SnapshotsRemoved)
	}
	b.compareWithRestic()
}

func TestShortListingsRemoveNothing(t *testing.T) {
	src := newSource(t, 20)
	repo := newRepository(t, 2, src, 4)
	b := newBench(t, repo)
	b.mustSync()
	want := b.dump()
	ids := snapshotIDs(t, repo)
	for name, hide := range map[string]func(int, string) bool{
		"empty":            func(int, string) bool { return true },
		"one short once":   func(call int, name string) bool { return call == 1 && strings.Contains(name, ids[0]) },
		"one short twice":  func(call int, name string) bool { return call != 2 && strings.Contains(name, ids[call%2]) },
		"short once":       func(call int, name string) bool { return call == 1 && !strings.Contains(name, ids[0]) },
		"then empty":       func(call int, name string) bool { return call > 1 || !strings.Contains(name, ids[0]) },
		"differently long": func(call int, name string) bool { return !strings.Contains(name, ids[call%4]) },
	} {
		t.Run(name, func(t *testing.T) {
			b.t = t
			b.wrap = func(s storage.Storage) storage.Storage { return &lister{Storage: s, dir: "snapshots", hide: hide} }
			stats, err := b.sync(context.Background())
			if stats.SnapshotsRemoved != 0 || b.dump() != want {
				t.Error("a listing that lacked snapshots removed some")
			}
			if told := err != nil && strings.Contains(err.Error(), "empty or gone"); told != (name == "empty") || err != nil && !told {
				t.Errorf("the session ended with %v", err)
			}
		})
	}
	b.t, b.wrap = t, nil
	restic(t, repo, "forget", ids[0], ids[1], ids[2])
	if stats := b.mustSync(); stats.SnapshotsRemoved != 3 {
		t.Errorf("%d snapshots removed, 3 were forgotten", stats.SnapshotsRemoved)
	}
}

// An index that a listing leaves out is not forgotten. An index that is gone
// is.
func TestShortIndexListingsForgetNothing(t *testing.T) {
	src := newSource(t, 20)
	repo := newRepository(t, 2, src, 4)
	b := newBench(t, repo)
	b.mustSync()
	known := func() (ids []string) {
		b.with(func(c *catalog.Catalog) {
			if err := c.View(context.Background(), func(v *catalog.View) error {
				list, err := v.Indexes()
				for _, x := range list {
					ids = append(ids, x.ID.String())
				}
				return err
			}); err != nil {
				t.Error(err)
			}
		})
		return ids
	}
	want := known()
	b.wrap = func(s storage.Storage) storage.Storage {
		return &lister{Storage: s, dir: "index", hide: func(call int, name string) bool { return call == 1 && strings.Contains(name, want[0]) }}
	}
	b.mustSync()
	if got := known(); !slices.Equal(got, want) || !b.has("Several listings of indexes did not agree") {
		t.Errorf("a listing that lacked one index left %d of %d:\n%s", len(got), len(want), strings.Join(b.log, "\n"))
	}
	b.wrap = nil
	restic(t, repo, "rebuild-index")
	b.mustSync()
	if got := known(); slices.Contains(got, want[0]) {
		t.Error("an index that is gone is still known")
	}
	b.compareWithRestic()
}

// A snapshot and an index with wrong names in a listing are found by listing
// again.
func TestMisspeltNamesAreListedAgain(t *testing.T) {
	repo := newRepository(t, 2, newSource(t, 20), 3)
	want := freshDump(t, repo)
	for _, dir := range []string{"snapshots", "index"} {
		b := newBench(t, repo)
		b.wrap = func(s storage.Storage) storage.Storage { return &misspeller{Storage: s, dir: dir} }
		if b.mustSync(); b.dump() != want {
			t.Errorf("a name in %s that was listed wrongly left another catalog:\n%s", dir, strings.Join(b.log, "\n"))
		}
	}
}

// misspeller changes a digit of the first name of the first listing of dir.
type misspeller struct {
	storage.Storage
	dir  string
	done bool
}

func (s *misspeller) List(ctx context.Context, dir string, fn func(string, int64) error) error {
	return s.Storage.List(ctx, dir, func(name string, size int64) error {
		if dir == s.dir && !s.done {
			s.done = true
			digit := "0"
			if strings.HasSuffix(name, digit) {
				digit = "1"
			}
			name = name[:len(name)-1] + digit
		}
		return fn(name, size)
	})
}

// A hidden snapshot that a listing leaves out is still known, like a shown one.
// One that is gone is not.
func TestShortListingsKeepWhatIsHidden(t *testing.T) {
	f := forge(t)
	root := treeOf(fileNode("x"))
	f.tree(root)
	f.snapshot(sum(root))
	b := newBench(t, f.dir)
	b.mustSync()
	damaged := f.dir + "/snapshots/" + strings.Repeat("ab", 32)
	f.must(os.WriteFile(damaged, []byte("no snapshot"), 0o600))
	hidden := func(what string, want int) {
		t.Helper()
		_, err := b.sync(context.Background())
		if _, list := b.lists(); len(list) != want {
			t.Errorf("%s: %d snapshots are hidden (%v)", what, len(list), err)
		}
	}
	hidden("damaged", 1)
	for what, hide := range map[string]func(int) bool{
		"once":  func(call int) bool { return call == 1 },
		"twice": func(call int) bool { return call%2 == 1 },
	} {
		b.wrap = func(s storage.Storage) storage.Storage {
			return &lister{Storage: s, dir: "snapshots", hide: func(call int, name string) bool { return hide(call) && strings.Contains(name, "abab") }}
		}
		hidden("left out "+what, 1)
	}
	b.wrap = func(s storage.Storage) storage.Storage {
		return &lister{Storage: s, dir: "snapshots", hide: func(int, string) bool { return true }}
	}
	hidden("an empty listing", 1)
	b.wrap = nil
	f.must(os.Remove(damaged))
	hidden("gone", 0)
}

// An empty listing changes nothing in a repository with hidden snapshots only.
func TestEmptyListingKeepsWhatIsHidden(t *testing.T) {
	f := forge(t)
	f.must(os.WriteFile(f.dir+"/snapshots/"+strings.Repeat("ab", 32), []byte("no snapshot"), 0o600))
	b := newBench(t, f.dir)
	_, _ = b.sync(context.Background())
	b.wrap = func(s storage.Storage) storage.Storage {
		return &lister{Storage: s, dir: "snapshots", hide: func(int, string) bool { return true }}
	}
	_, err := b.sync(context.Background())
	if _, list := b.lists(); len(list) != 1 || err == nil || !strings.Contains(err.Error(), "1 snapshot is known") {
		t.Errorf("%d snapshots are hidden, and the session ended with %v", len(list), err)
	}
}

// absent has objects that are listed and missing in the first reads.
type absent struct {
	storage.Storage
	dir   string
	times int
	asked int
}

func (s *absent) Open(ctx context.Context, name string, offset, length int64) (io.ReadCloser, error) {
	if strings.HasPrefix(name, s.dir) {
		if s.asked++; s.asked <= s.times {
			return nil, fs.ErrNotExist
		}
	}
	return s.Storage.Open(ctx, name, offset, length)
}

// A listed snapshot that is missing at first is read again. One that is always
// missing does not count as forgotten.
func TestListedAndNotThere(t *testing.T) {
	f := forge(t)
	root := treeOf(fileNode("x"))
	f.tree(root)
	f.snapshot(sum(root))
	for times, shown := range map[int]int{1: 1, 3: 1, 1000: 0} {
		b := newBench(t, f.dir)
		b.wrap = func(s storage.Storage) storage.Storage { return &absent{Storage: s, dir: "snapshots/", times: times} }
		_, err := b.sync(context.Background())
		list, hidden := b.lists()
		if len(list) != shown || len(hidden) != 1-shown || (err == nil) != (shown == 1) {
			t.Errorf("not there %d times: %d snapshots are shown, %+v are hidden, the session ended with %v", times, len(list), hidden, err)
		}
		if b.has("forgotten meanwhile") || shown == 0 && !b.has("it is listed, but it is not there") {
			t.Errorf("the log:\n%s", strings.Join(b.log, "\n"))
		}
	}
}

// An index is treated in the same way. If it appears later, its objects are not
// lost. If it never does, the session says so.
func TestIndexListedAndNotThere(t *testing.T) {
	f := forge(t)
	root := treeOf(fileNode("x"))
	f.tree(root)
	f.snapshot(sum(root))
	for times, whole := range map[int]bool{1: true, 3: true, 1000: false} {
		b := newBench(t, f.dir)
		b.wrap = func(s storage.Storage) storage.Storage { return &absent{Storage: s, dir: "index/", times: times} }
		_, err := b.sync(context.Background())
		if (err == nil) != whole || b.has("replaced meanwhile") || b.has("it is listed, but it is not there") == whole {
			t.Errorf("not there %d times: the session ended with %v\n%s", times, err, strings.Join(b.log, "\n"))
		}
	}
}
