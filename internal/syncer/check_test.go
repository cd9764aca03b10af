package syncer_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/catalog"
	"syncline.dev/syncline/internal/resticfixture"
	"syncline.dev/syncline/internal/storage"
	"syncline.dev/syncline/internal/storage/local"
	"syncline.dev/syncline/internal/syncer"
)

// check checks the repository of the bench. It counts the requests.
func (b *bench) check() (f syncer.Finding, requests map[string]int64, err error) {
	b.t.Helper()
	folder, err := local.Open(b.t.Context(), b.repo)
	if err != nil {
		return f, nil, err
	}
	defer folder.Close()
	counter := storage.NewCounter(folder)
	b.with(func(c *catalog.Catalog) { f, err = syncer.Check(context.Background(), counter, c, nil) })
	requests, _, _ = counter.Counts()
	return f, requests, err
}

// mustCheck checks, and compares whether there is something new.
func (b *bench) mustCheck(what string, isNew bool) syncer.Finding {
	b.t.Helper()
	f, _, err := b.check()
	if err != nil || f.New != isNew {
		b.t.Errorf("%s: %+v, %v", what, f, err)
	}
	return f
}

// TestCheck goes through everything that lets a session begin, and the times between in
// which there is nothing to do.
func TestCheck(t *testing.T) {
	repo := resticfixture.Unpack(t, "v2-old")
	b := newBench(t, repo)
	b.mustCheck("never synchronized", true)
	b.mustSync()
	f, requests, err := b.check()
	if err != nil || f.New || f.Resealed || !f.Whole || f.Listing == "" {
		t.Errorf("nothing new: %+v, %v", f, err)
	}
	if len(requests) != 4 || requests["list snapshots"] != 1 || requests["list index"] != 1 || requests["list keys"] != 1 || requests["get config"] != 1 {
		t.Errorf("a check makes the requests %v", requests)
	}

	snapshot := filesOf(t, repo, "snapshots")[0]
	away := filepath.Join(t.TempDir(), "away")
	move := func(from, to string) {
		t.Helper()
		if err := os.Rename(from, to); err != nil {
			t.Fatal(err)
		}
	}
	move(snapshot, away)
	if gone := b.mustCheck("a snapshot is gone", true); gone.Listing == f.Listing {
		t.Error("the listing stays the same")
	}
	b.mustSync()
	b.mustCheck("synchronized without it", false)
	move(away, snapshot)
	if back := b.mustCheck("it comes back", true); back.Listing != f.Listing {
		t.Error("the listing is another one than before")
	}
	b.mustSync()
	b.mustCheck("synchronized with it", false)

	index := filesOf(t, repo, "index")[0]
	if err := os.WriteFile(filepath.Join(filepath.Dir(index), strings.Repeat("ab", 32)), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	b.mustCheck("another index file", true)
}

// TestCheckOfKeys changes keys and configuration: a session has to open the repository
// again, and the check after it finds nothing new.
func TestCheckOfKeys(t *testing.T) {
	repo := resticfixture.Unpack(t, "v2-old")
	b := newBench(t, repo)
	b.mustSync()
	key := filesOf(t, repo, "keys")[0]
	content, err := os.ReadFile(key)
	if err != nil {
		t.Fatal(err)
	}
	other := filepath.Join(filepath.Dir(key), strings.Repeat("cd", 32))
	if err := os.WriteFile(other, content, 0o600); err != nil {
		t.Fatal(err)
	}
	if f := b.mustCheck("another key", true); !f.Resealed {
		t.Error("the seal is the same")
	}
	b.mustSync()
	b.mustCheck("another key is known", false)
	if err := os.Truncate(other, int64(len(content)/2)); err != nil {
		t.Fatal(err)
	}
	b.mustCheck("half a key", true)
	if err := os.Remove(other); err != nil {
		t.Fatal(err)
	}
	b.mustSync()
	config := filepath.Join(repo, "config")
	sealed, err := os.ReadFile(config)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.Chmod(config, 0o600), os.WriteFile(config, sealed[:len(sealed)-1], 0o600)); err != nil {
		t.Fatal(err)
	}
	if f := b.mustCheck("another configuration", true); !f.Resealed {
		t.Error("the seal is the same")
	}
}

// TestCheckFails has repositories that cannot be what they were. None of them counts as
// a repository with nothing new.
func TestCheckFails(t *testing.T) {
	for _, c := range []struct {
		what    string
		gone    []string
		code    syncline.Code
		message string
	}{
		{"no snapshots", []string{"snapshots"}, syncline.CodeDamaged, "snapshots"},
		{"no indexes", []string{"index"}, syncline.CodeDamaged, "index"},
		{"no keys", []string{"keys"}, syncline.CodeDamaged, "damaged: keys"},
		{"no configuration", []string{"config"}, syncline.CodeDamaged, "damaged: config"},
		{"nothing", []string{"snapshots", "index", "keys", "config", "data"}, syncline.CodeNoRepository, "no restic repository"},
		{"no folder", []string{""}, syncline.CodeNoRepository, "does not exist"},
	} {
		b := newBench(t, resticfixture.Unpack(t, "v2-old"))
		b.mustSync()
		for _, name := range c.gone {
			if err := os.RemoveAll(filepath.Join(b.repo, name)); err != nil {
				t.Fatal(err)
			}
		}
		_, _, err := b.check()
		if syncline.CodeOf(err) != c.code || !strings.Contains(syncline.MessageOf(err), c.message) {
			t.Errorf("%s: %v, want %s %q", c.what, err, c.code, c.message)
		}
	}
}

// TestCheckOfWhatIsLost has a session that marks lost folders: a check does not call the
// catalog whole.
func TestCheckOfWhatIsLost(t *testing.T) {
	f := forge(t)
	tree := treeOf(dirNode("lost", sum("nowhere")), fileNode("there"))
	f.tree(tree)
	f.snapshot(sum(tree))
	b := newBench(t, f.dir)
	if _, err := b.sync(t.Context()); !errors.Is(err, syncer.ErrMarked) {
		t.Fatal(err)
	}
	got, _, err := b.check()
	if err != nil || got.Whole || !slices.Equal(filesOf(t, f.dir, "snapshots"), []string{filepath.Join(f.dir, "snapshots", got.Snapshots[0].ID.String())}) {
		t.Errorf("%+v, %v", got, err)
	}
}

// TestCheckWithoutCatalog finds everything new, and what is missing.
func TestCheckWithoutCatalog(t *testing.T) {
	folder, err := local.Open(t.Context(), resticfixture.Unpack(t, "v2-old"))
	if err != nil {
		t.Fatal(err)
	}
	defer folder.Close()
	if f, err := syncer.Check(t.Context(), folder, nil, nil); err != nil || !f.New || f.Listing == "" {
		t.Errorf("%+v, %v", f, err)
	}
}
