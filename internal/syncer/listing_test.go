package syncer_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"syncline.dev/syncline/internal/catalog"
	"syncline.dev/syncline/internal/storage"
	"syncline.dev/syncline/internal/storage/local"
	"syncline.dev/syncline/resticrepo"
)

// lister changes what listings say.
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

// A listing that was made before another process synchronized lacks what that
// one brought.
func TestListingAheadRemovesNothing(t *testing.T) {
	src := newSource(t, 20)
	repo := newRepository(t, "2", src, 3)
	place, err := local.Open(repo)
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
	repo := newRepository(t, "2", src, 4)
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

// An index that a listing leaves out is not forgotten, and one that is gone is.
func TestShortIndexListingsForgetNothing(t *testing.T) {
	src := newSource(t, 20)
	repo := newRepository(t, "2", src, 4)
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

// A snapshot and an index whose names a listing gave wrongly are found by
// listing again.
func TestMisspeltNamesAreListedAgain(t *testing.T) {
	repo := newRepository(t, "2", newSource(t, 20), 3)
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
