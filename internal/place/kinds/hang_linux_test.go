package kinds

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/place"
	"syncline.dev/syncline/internal/storage/storagetest/hangfs"
)

// TestFolderThatHangs checks a repository whose file system hangs, by its path and
// through a symbolic link, and compares its folder with another one.
func TestFolderThatHangs(t *testing.T) {
	folder, link := t.TempDir(), filepath.Join(t.TempDir(), "link")
	if err := os.Mkdir(filepath.Join(folder, "repo"), 0o700); err != nil {
		t.Fatal(err)
	}
	mounted := hangfs.Mount(t, folder)
	path := filepath.Join(mounted.Path, "repo")
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	mounted.Hang()
	o := &place.Opener{Kinds: All(), Patience: 50 * time.Millisecond}
	for _, at := range []string{path, link} {
		_, err := o.Check(t.Context(), place.Place{Path: at}, "p")
		if syncline.CodeOf(err) != syncline.CodeUnavailable || !strings.Contains(syncline.MessageOf(err), "the folder did not answer within 50ms") {
			t.Errorf("%s: got %v", at, err)
		}
	}
	if All().Same(place.Place{Path: link}, place.Place{Path: t.TempDir()}) {
		t.Error("a folder that hangs is another one")
	}
	mounted.Resume()
	for late := time.After(time.Minute); !All().Same(place.Place{Path: link}, place.Place{Path: path}); {
		select {
		case <-late:
			t.Fatal("a link is another folder than the one that it leads to")
		case <-time.After(10 * time.Millisecond): // the calls that hang return
		}
	}
}
