package syncer_test

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/catalog"
	"syncline.dev/syncline/internal/resticfixture"
	"syncline.dev/syncline/internal/storage"
)

// filesOf returns the files of one kind in a repository, sorted.
func filesOf(t *testing.T, repo, kind string) []string {
	t.Helper()
	if kind == "config" {
		return []string{filepath.Join(repo, kind)}
	}
	var files []string
	err := filepath.WalkDir(filepath.Join(repo, kind), func(path string, d os.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			files = append(files, path)
		}
		return err
	})
	if err != nil || len(files) == 0 {
		t.Fatalf("%d files in %s: %v", len(files), kind, err)
	}
	slices.Sort(files)
	return files
}

// TestDamagedFiles damages all files of one kind, or one of them, in every way
// that disks and networks do. A session reports it and shows nothing wrong.
// After the repository is mended, the next session leaves no trace of the
// damage.
func TestDamagedFiles(t *testing.T) {
	whole := resticfixture.Unpack(t, "v2-old")
	want := freshDump(t, whole)
	damages := map[string]func(b []byte) []byte{
		"missing":   nil,
		"empty":     func([]byte) []byte { return []byte{} },
		"cut short": func(b []byte) []byte { return b[:len(b)/2] },
		"one bit flipped": func(b []byte) []byte {
			b[len(b)/3] ^= 0x10
			return b
		},
		"other bytes": func(b []byte) []byte {
			for i := range b {
				b[i] = byte(i)
			}
			return b
		},
	}
	codes := map[string][]syncline.Code{
		"config":    {syncline.CodeDamaged, syncline.CodeNoRepository},
		"keys":      {syncline.CodeDamaged, syncline.CodeNoRepository, syncline.CodeWrongPassword},
		"snapshots": {syncline.CodeDamaged},
		"index":     {syncline.CodeDamaged},
		"data":      {syncline.CodeDamaged},
	}
	for kind, allowed := range codes {
		for how, damage := range damages {
			t.Run(kind+" "+how, func(t *testing.T) {
				repo := resticfixture.Unpack(t, "v2-old")
				b := newBench(t, repo)
				mend := spoil(t, filesOf(t, repo, kind), damage)
				stats, err := b.sync(context.Background())
				b.judge(kind, how, stats, err, allowed)
				mend()
				b.mustSync()
				if b.dump() != want {
					t.Error("after the repository was mended, the catalog is not what it is without damage")
				}
			})
		}
	}
}

// judge checks the outcome of a session on a damaged repository.
func (b *bench) judge(kind, how string, stats syncline.SessionStatistics, err error, allowed []syncline.Code) {
	b.t.Helper()
	if how == "missing" && (kind == "snapshots") {
		// A first session cannot notice the loss of files that it never knew.
		if err != nil || stats.SnapshotsTotal != 0 {
			b.t.Errorf("%d snapshots are shown, and the error is %v", stats.SnapshotsTotal, err)
		}
		return
	}
	var coded *syncline.Error
	if !errors.As(err, &coded) || !slices.Contains(allowed, coded.Code) {
		b.t.Errorf("the session ended with %v", err)
		return
	}
	if strings.Contains(coded.Message, b.repo) {
		b.t.Errorf("the message names a path of the server: %s", coded.Message)
	}
	if n := b.shownWhole(); n != 0 || stats.SnapshotsTotal != 0 && kind != "data" {
		b.t.Errorf("%d snapshots are shown, %d of them as if they were whole", stats.SnapshotsTotal, n)
	}
	if kind != "config" && kind != "keys" && !b.has("Error ") {
		b.t.Errorf("no error in the log:\n%s", strings.Join(b.log, "\n"))
	}
}

// shownWhole returns the number of snapshots that are shown without a mark.
func (b *bench) shownWhole() (n int) {
	b.with(func(c *catalog.Catalog) {
		err := c.View(context.Background(), func(v *catalog.View) error {
			list, err := v.Snapshots()
			for i := range list {
				if list[i].Missing == 0 {
					n++
				}
			}
			return err
		})
		if err != nil {
			b.t.Error(err)
		}
	})
	return n
}

// spoil damages files and returns a function that mends them. A nil damage
// removes them.
func spoil(t *testing.T, files []string, damage func([]byte) []byte) (mend func()) {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	kept := make([][]byte, len(files))
	for i, name := range files {
		var err error
		kept[i], err = os.ReadFile(name)
		must(err)
		must(os.Remove(name))
		if damage != nil {
			must(os.WriteFile(name, damage(slices.Clone(kept[i])), 0o600))
		}
	}
	return func() {
		for i, name := range files {
			must(os.WriteFile(name, kept[i], 0o600))
		}
	}
}

// One damaged file among many affects only the snapshots that need it.
func TestOneDamagedSnapshotFile(t *testing.T) {
	repo := resticfixture.Unpack(t, "v2-old")
	want := freshDump(t, repo)
	b := newBench(t, repo)
	files := filesOf(t, repo, "snapshots")
	mend := spoil(t, files[1:2], func(d []byte) []byte { return d[:40] })
	stats, err := b.sync(context.Background())
	if err == nil || stats.SnapshotsTotal != int64(len(files)-1) || !b.has(filepath.Base(files[1])[:8]) {
		t.Errorf("%d of %d snapshots are shown, error %v, log:\n%s", stats.SnapshotsTotal, len(files), err, strings.Join(b.log, "\n"))
	}
	mend()
	if b.mustSync(); b.dump() != want {
		t.Error("the mended snapshot made a difference")
	}
}

// vanisher calls do before the n-th read of a pack.
type vanisher struct {
	storage.Storage
	left atomic.Int64
	do   func()
}

func (s *vanisher) Open(ctx context.Context, name string, offset, length int64) (io.ReadCloser, error) {
	if strings.HasPrefix(name, "data/") && s.left.Add(-1) == 0 {
		s.do()
	}
	return s.Storage.Open(ctx, name, offset, length)
}

// If a repository's packs vanish during a session, it fails with a message, and
// the next session continues.
func TestPacksVanishMeanwhile(t *testing.T) {
	repo := resticfixture.Unpack(t, "v2-old")
	want := freshDump(t, repo)
	packs := filesOf(t, repo, "data")
	for after := int64(1); ; after++ {
		b := newBench(t, repo)
		var mend func()
		b.wrap = func(s storage.Storage) storage.Storage {
			v := &vanisher{Storage: s, do: func() { mend = spoil(t, packs, nil) }}
			v.left.Store(after)
			return v
		}
		_, err := b.sync(context.Background())
		if mend == nil {
			if err != nil || after == 1 {
				t.Errorf("%d reads were not reached: %v", after, err)
			}
			return
		}
		mend()
		var coded *syncline.Error
		if !errors.As(err, &coded) || coded.Code != syncline.CodeDamaged {
			t.Errorf("vanished before read %d: the session ended with %v", after, err)
		}
		b.wrap = nil
		if b.mustSync(); b.dump() != want {
			t.Errorf("vanished before read %d: the catalog is not what it is without", after)
		}
	}
}
