package sqlite_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/catalog"
	"syncline.dev/syncline/internal/catalog/catalogtest"
	"syncline.dev/syncline/internal/catalog/sqlite"
)

const repoID = syncline.ID("c6d1fc1b-1aef-411f-9a7f-de35e546c615")

func openDir(t *testing.T, path string, onDamage func(syncline.ID)) *sqlite.Dir {
	t.Helper()
	d, err := sqlite.OpenDir(path, onDamage)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func publish(t *testing.T, d *sqlite.Dir) { catalogtest.PublishOne(t, d, repoID) }

func count(t *testing.T, d *sqlite.Dir) (n int) {
	t.Helper()
	err := d.Use(context.Background(), repoID, func(c *catalog.Catalog) error {
		return c.View(context.Background(), func(v *catalog.View) error {
			list, err := v.Snapshots()
			n = len(list)
			return err
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func files(t *testing.T, path string) int {
	t.Helper()
	entries, err := os.ReadDir(path)
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

func TestDirKeepsAndDeletes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "catalogs")
	d := openDir(t, path, nil)
	publish(t, d)
	d.Close()
	d = openDir(t, path, nil)
	if count(t, d) != 1 {
		t.Error("the snapshot is gone after the folder was opened again")
	}
	if err := d.Delete(context.Background(), repoID); err != nil {
		t.Fatal(err)
	}
	if n := files(t, path); n != 0 {
		t.Errorf("%d files are left after the deletion", n)
	}
	if count(t, d) != 0 {
		t.Error("a deleted catalog still shows its snapshot")
	}
	d.Close()
}

func TestDirRenewsWhileItIsRead(t *testing.T) {
	d := openDir(t, t.TempDir(), nil)
	defer d.Close()
	publish(t, d)
	err := d.Use(context.Background(), repoID, func(c *catalog.Catalog) error {
		return c.View(context.Background(), func(v *catalog.View) error {
			if err := d.Delete(context.Background(), repoID); err != nil {
				return err
			}
			publish(t, d)
			list, err := v.Snapshots()
			if err == nil && len(list) != 1 {
				t.Errorf("a reader sees %d snapshots in the middle of its view", len(list))
			}
			return err
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	if count(t, d) != 1 {
		t.Error("the renewed catalog lost what was written to it")
	}
}

func TestDirRemembersDamage(t *testing.T) {
	path := t.TempDir()
	told := 0
	d := openDir(t, path, func(id syncline.ID) {
		if id != repoID {
			t.Errorf("damage of %q is told", id)
		}
		told++
	})
	publish(t, d)
	d.Close()
	names, err := filepath.Glob(filepath.Join(path, "*.catalog"))
	if err != nil || len(names) != 1 {
		t.Fatal(names, err)
	}
	if err := os.WriteFile(names[0], []byte("this is no database, but it is long enough to be looked at"), 0o600); err != nil {
		t.Fatal(err)
	}
	use := func() error { return d.Use(context.Background(), repoID, func(*catalog.Catalog) error { return nil }) }
	for range 2 {
		if err := use(); syncline.CodeOf(err) != syncline.CodeDamaged {
			t.Errorf("a broken catalog opens with %v", err)
		}
	}
	if told != 1 {
		t.Errorf("damage was told %d times", told)
	}
	d = openDir(t, path, nil)
	if damaged, err := d.Damaged(t.Context(), repoID); err != nil || !damaged {
		t.Error("the damage is forgotten with the process")
	}
	if err := d.Delete(context.Background(), repoID); err != nil {
		t.Fatal(err)
	}
	if damaged, err := d.Damaged(t.Context(), repoID); err != nil || damaged || use() != nil {
		t.Error("a renewed catalog counts as damaged")
	}
	d.Close()
}

func TestDirectory(t *testing.T) {
	catalogtest.RunDirectory(t, func(t *testing.T, place string, onDamage func(syncline.ID)) catalog.Directory {
		return openDir(t, place, onDamage)
	})
}

// TestSweepLeavesNoFiles looks at the folder itself.
func TestSweepLeavesNoFiles(t *testing.T) {
	path := t.TempDir()
	d := openDir(t, path, nil)
	defer d.Close()
	publish(t, d)
	if err := d.Sweep(context.Background(), []syncline.ID{repoID}); err != nil || files(t, path) == 0 {
		t.Errorf("a known catalog was swept away (%v)", err)
	}
	if err := d.Sweep(context.Background(), nil); err != nil || files(t, path) != 0 {
		t.Errorf("an unknown catalog was not swept away (%v)", err)
	}
}

// Catalogs are opened by many at once, and deleted and renewed meanwhile: each
// user has a whole one or is told, and the last deletion leaves nothing.
func TestDirOpensForManyAtOnce(t *testing.T) {
	dir := t.TempDir()
	d := openDir(t, dir, func(id syncline.ID) { t.Errorf("%s is damaged", id) })
	ids := []syncline.ID{repoID, "00000000-0000-4000-8000-000000000001", "00000000-0000-4000-8000-000000000002"}
	use := func(id syncline.ID) error {
		return d.Use(t.Context(), id, func(c *catalog.Catalog) error {
			return c.View(t.Context(), func(v *catalog.View) error {
				_, err := v.Snapshots()
				return err
			})
		})
	}
	var users sync.WaitGroup
	for i := range 8 {
		users.Go(func() {
			for turn := range 40 {
				id := ids[(i+turn)%len(ids)]
				if err := use(id); err != nil && !strings.Contains(err.Error(), "was removed while it was read") {
					t.Error(err)
				}
				if turn%4 == i%4 {
					if err := d.Delete(t.Context(), id); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	users.Wait()
	for _, id := range ids {
		if err := d.Delete(t.Context(), id); err != nil {
			t.Error(err)
		}
	}
	d.Close()
	if n := files(t, dir); n != 0 {
		t.Errorf("%d files are left", n)
	}
}

// TestDamageOfWhatWasDeleted has a user meet damage in a catalog that is deleted by
// then: the next one has none.
func TestDamageOfWhatWasDeleted(t *testing.T) {
	d := openDir(t, t.TempDir(), func(id syncline.ID) { t.Errorf("%s is damaged", id) })
	defer d.Close()
	err := d.Use(t.Context(), repoID, func(*catalog.Catalog) error {
		return errors.Join(d.Delete(t.Context(), repoID), catalog.Damaged(errors.New("a part of the file is gone")))
	})
	if syncline.CodeOf(err) != syncline.CodeUnavailable {
		t.Errorf("the user of a deleted catalog gets %v", err)
	}
	if damaged, err := d.Damaged(t.Context(), repoID); err != nil || damaged {
		t.Errorf("a catalog that is not there counts as damaged: %v (%v)", damaged, err)
	}
}

// A catalog that could not be opened is tried again by the next user.
func TestDirTriesAgain(t *testing.T) {
	dir := t.TempDir()
	d := openDir(t, dir, nil)
	defer d.Close()
	inTheWay := filepath.Join(dir, string(repoID)+"-00000000000000000001.catalog")
	if err := os.Mkdir(inTheWay, 0o700); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		err := d.Use(t.Context(), repoID, func(*catalog.Catalog) error { return nil })
		if syncline.CodeOf(err) != syncline.CodeUnavailable {
			t.Fatalf("a folder in the catalog's place is %v", err)
		}
	}
	if err := os.Remove(inTheWay); err != nil {
		t.Fatal(err)
	}
	publish(t, d)
	if n := count(t, d); n != 1 {
		t.Errorf("%d snapshots afterwards", n)
	}
}
