package folders

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"syncline.dev/syncline"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// place is a folder with a place for snapshots.
func place(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "repository")
	if err := os.MkdirAll(filepath.Join(path, "snapshots"), 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}

// watch runs a watcher. Changes come from the channel.
func watch(t *testing.T, local func(string) (bool, error), folders map[syncline.ID]string) (*Watcher, <-chan syncline.ID) {
	changes, ended := make(chan syncline.ID, 100), make(chan struct{})
	w := &Watcher{Changed: func(id syncline.ID) { changes <- id }, Logger: slog.New(slog.DiscardHandler)}
	looked := make(chan struct{}, 100)
	w.local = func(path string) (bool, error) {
		defer func() { looked <- struct{}{} }()
		return local(path)
	}
	w.Watch(folders)
	go func() {
		defer close(ended)
		w.Run(t.Context())
	}()
	for range folders {
		<-looked
	}
	t.Cleanup(func() { <-ended })
	return w, changes
}

// write makes a file until the watcher tells of a change: its watch begins a moment after
// the look at the file system.
func write(t *testing.T, path string, changes <-chan syncline.ID, want syncline.ID) {
	t.Helper()
	tick := time.NewTicker(2 * quiet)
	defer tick.Stop()
	for {
		if err := errors.Join(os.WriteFile(path+"-tmp", nil, 0o600), os.Rename(path+"-tmp", path)); err != nil {
			t.Fatal(err)
		}
		select {
		case id := <-changes:
			if id != want {
				t.Errorf("%s has changed, and not %s", id, want)
			}
			return
		case <-tick.C:
		}
	}
}

// TestChanges adds a snapshot, and takes the folder away.
func TestChanges(t *testing.T) {
	one, two := place(t), place(t)
	_, changes := watch(t, isLocal, map[syncline.ID]string{"one": one, "two": two})
	snapshot := filepath.Join("snapshots", strings.Repeat("ab", 32))
	write(t, filepath.Join(one, snapshot), changes, "one")
	write(t, filepath.Join(two, snapshot), changes, "two")
	if err := os.Rename(one, one+".away"); err != nil {
		t.Fatal(err)
	}
	if id := <-changes; id != "one" {
		t.Errorf("%s has changed", id)
	}
	if err := os.RemoveAll(two); err != nil {
		t.Fatal(err)
	}
	if id := <-changes; id != "two" {
		t.Errorf("%s has changed", id)
	}
}

// TestNotWatched has a file system that does not tell, and a folder that is not there.
// They hold up no other.
func TestNotWatched(t *testing.T) {
	far, here := place(t), place(t)
	local := func(path string) (bool, error) {
		switch path {
		case far:
			return false, nil
		case "/gone":
			return false, os.ErrNotExist
		}
		return true, nil
	}
	w, changes := watch(t, local, map[syncline.ID]string{"far": far, "here": here, "gone": "/gone"})
	write(t, filepath.Join(here, "snapshots", strings.Repeat("ab", 32)), changes, "here")
	if err := os.WriteFile(filepath.Join(far, "snapshots", strings.Repeat("cd", 32)), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	w.Watch(map[syncline.ID]string{"here": here})
	write(t, filepath.Join(here, "snapshots", strings.Repeat("ef", 32)), changes, "here")
	select {
	case id := <-changes:
		t.Errorf("%s has changed", id)
	default:
	}
}

// TestQuiet collects changes that follow one another, up to a bound.
func TestQuiet(t *testing.T) {
	begun := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	f := &folder{}
	for n := range 100 {
		f.changed(begun.Add(time.Duration(n) * quiet / 2))
	}
	if f.due != begun.Add(atMost) {
		t.Errorf("told after %s", f.due.Sub(begun))
	}
	g := &folder{}
	g.changed(begun)
	if g.due != begun.Add(quiet) {
		t.Errorf("told after %s", g.due.Sub(begun))
	}
}
