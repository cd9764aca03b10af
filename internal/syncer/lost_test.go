package syncer_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/catalog"
	"syncline.dev/syncline/internal/resticfixture"
	"syncline.dev/syncline/internal/resticwriter"
	"syncline.dev/syncline/internal/storage"
	"syncline.dev/syncline/internal/syncer"
)

// lists returns the visible snapshots and the hidden ones.
func (b *bench) lists() (list []catalog.Snapshot, hidden []syncline.HiddenSnapshot) {
	b.t.Helper()
	b.with(func(c *catalog.Catalog) {
		err := c.View(context.Background(), func(v *catalog.View) (err error) {
			if list, err = v.Snapshots(); err == nil {
				hidden, err = v.Hidden()
			}
			return err
		})
		if err != nil {
			b.t.Fatal(err)
		}
	})
	return list, hidden
}

// TestStoppedSessionLeavesKnownWhatIsThere stops a session at the first read of
// a pack. The snapshots are known, and none is shown.
func TestStoppedSessionLeavesKnownWhatIsThere(t *testing.T) {
	repo := resticfixture.Unpack(t, "v2-old")
	b := newBench(t, repo)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	b.wrap = func(s storage.Storage) storage.Storage {
		v := &vanisher{Storage: s, do: cancel}
		v.left.Store(1)
		return v
	}
	if _, err := b.sync(ctx); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	list, hidden := b.lists()
	if len(list) != 0 || len(hidden) != len(filesOf(t, repo, "snapshots")) || hidden[0].Snapshot.Hostname != "alpha" {
		t.Errorf("%d snapshots are shown, %+v are hidden", len(list), hidden)
	}
	b.wrap = nil
	b.mustSync()
	if list, hidden = b.lists(); len(hidden) != 0 || len(list) == 0 {
		t.Errorf("%d snapshots are shown, %+v are hidden", len(list), hidden)
	}
}

// TestLostOnlyWhenKnown removes trees in three ways: while another process may
// be moving them, while the folder of the indexes is empty, and for good. Only
// the last one shows the snapshot.
func TestLostOnlyWhenKnown(t *testing.T) {
	f := forge(t)
	below, first := treeOf(fileNode("below")), treeOf(fileNode("first"))
	f.tree(first)
	f.snapshot(sum(first))
	b := newBench(t, f.dir)
	b.mustSync()
	second := treeOf(dirNode("lost", sum(below)), fileNode("second"))
	f.tree(second)
	f.snapshot(sum(second))
	judge := func(what string, code syncline.Code, marked bool, shown, waiting, missing int) {
		t.Helper()
		_, err := b.sync(context.Background())
		if syncline.CodeOf(err) != code || err != nil && !errors.Is(err, syncer.ErrPartial) || errors.Is(err, syncer.ErrMarked) != marked {
			t.Errorf("%s: the session ended with %v", what, err)
		}
		list, hidden := b.lists()
		all := 0
		for i := range list {
			all += list[i].Missing
		}
		if len(list) != shown || len(hidden) != waiting || all != missing {
			t.Errorf("%s: %+v are shown, %+v are hidden", what, list, hidden)
		}
	}
	lock, err := f.repo.StoreJSON("locks", map[string]any{"time": time.Now(), "exclusive": true, "hostname": "elsewhere", "pid": 7})
	f.must(err)
	judge("locked", syncline.CodeLocked, false, 1, 1, 0)
	f.must(os.Remove(filepath.Join(f.dir, "locks", lock.String())))
	away := f.dir + ".index"
	f.must(errors.Join(os.Rename(filepath.Join(f.dir, "index"), away), os.Mkdir(filepath.Join(f.dir, "index"), 0o700)))
	judge("no indexes", syncline.CodeDamaged, false, 1, 1, 0)
	f.must(errors.Join(os.Remove(filepath.Join(f.dir, "index")), os.Rename(away, filepath.Join(f.dir, "index"))))
	for range 2 { // the second finds nothing new
		judge("lost", syncline.CodeDamaged, true, 2, 0, 1)
		if !b.has("is incomplete: 1 folder is missing below it (tree " + sum(below).String()[:8] + " is in no index)") {
			t.Errorf("the log:\n%s", strings.Join(b.log, "\n"))
		}
	}
	f.tree(below) // a backup stores it again
	judge("found", "", false, 2, 0, 0)
	if list := b.catalogListing(b.newest()); len(list) != 3 {
		t.Errorf("the completed snapshot has %d entries", len(list))
	}
	judge("found, again", "", false, 2, 0, 0)
}

// newest returns the id of the snapshot with the most entries in its root.
func (b *bench) newest() string {
	list, _ := b.lists()
	for i := range list {
		if len(b.catalogListing(list[i].ID.String())) > 1 {
			return list[i].ID.String()
		}
	}
	b.t.Fatal("no snapshot has entries")
	return ""
}

// TestForgottenWhileIncomplete forgets one of two snapshots that lack a folder.
// No trace of its mark is left.
func TestForgottenWhileIncomplete(t *testing.T) {
	f := forge(t)
	whole, partial := treeOf(fileNode("whole")), treeOf(dirNode("lost", resticwriter.ID{1}), fileNode("x"))
	f.tree(whole, partial)
	f.snapshot(sum(whole))
	id := f.snapshot(sum(partial))
	b := newBench(t, f.dir)
	if _, err := b.sync(context.Background()); !errors.Is(err, syncer.ErrMarked) {
		t.Fatal(err)
	}
	f.must(os.Remove(filepath.Join(f.dir, "snapshots", id)))
	b.mustSync()
	b.with(func(c *catalog.Catalog) {
		f.must(c.View(context.Background(), func(v *catalog.View) error {
			if v.Lost() != 0 {
				t.Errorf("%d trees are lost", v.Lost())
			}
			return nil
		}))
	})
}
