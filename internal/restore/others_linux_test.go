package restore_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/catalog"
	"syncline.dev/syncline/internal/content"
	"syncline.dev/syncline/internal/needtest"
	"syncline.dev/syncline/internal/restore"
)

// TestFilesOthersHaveOpen restores over files that other users have open, or
// may have. The snapshot's content goes to new files.
func TestFilesOthersHaveOpen(t *testing.T) {
	needtest.Root(t, "restore for others")
	private := syncline.Entry{Type: syncline.TypeFile, Mode: 0o600}
	root := node{dir: true, below: []node{{name: "another's", entry: private}, {name: "readable", entry: private}, {name: "own", entry: private}}}
	target := t.TempDir()
	open := make(map[string]*os.File)
	for name, mode := range map[string]os.FileMode{"another's": 0o600, "readable": 0o644, "own": 0o600} {
		path := filepath.Join(target, name)
		err := errors.Join(os.WriteFile(path, []byte("before"), 0o600), os.Chmod(path, mode))
		if name == "another's" {
			err = errors.Join(err, os.Chown(path, attackerID, attackerID))
		}
		f, openErr := os.Open(path)
		if err = errors.Join(err, openErr); err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		open[name] = f
	}
	hostile(t, root, func(v *catalog.View, s *content.Source, tree catalog.TreeRef) {
		into(t, v, s, tree, target, restore.Options{})
	})
	for name, want := range map[string]string{"another's": "before", "readable": "before", "own": ""} {
		text, err := io.ReadAll(open[name])
		if err != nil || string(text) != want {
			t.Errorf("who has the file %s open reads %q, %v", name, text, err)
		}
		if fi, err := os.Stat(filepath.Join(target, name)); err != nil || fi.Size() != 0 || fi.Mode() != 0o600 {
			t.Errorf("%s: %v, %v", name, fi, err)
		}
	}
}

// testUnseen checks that a file of other content, with the snapshot's size and
// time, does not get the snapshot's rights without a comparison.
func testUnseen(t *testing.T, w *rich) {
	target := t.TempDir()
	secret := filepath.Join(target, w.source, "set")
	w.view(t, w.repo, func(v *catalog.View, s *content.Source, root catalog.TreeRef) {
		into(t, v, s, root, target, restore.Options{})
		there, err := os.Stat(secret)
		if err != nil {
			t.Fatal(err)
		}
		err = errors.Join(os.WriteFile(secret, []byte("q"), 0o600), os.Chmod(secret, 0o700), os.Chtimes(secret, there.ModTime(), there.ModTime()))
		if err != nil {
			t.Fatal(err)
		}
		into(t, v, s, root, target, restore.Options{Overwrite: syncline.OverwriteIfChanged})
	})
	if b, err := os.ReadFile(secret); err != nil || string(b) != "x" {
		t.Errorf("everybody may read %q, %v", b, err)
	}
}

// TestLinkInTheTargetsPath checks that a link on the way to the target is
// followed if root or the user owns it, and refused if another user does.
func TestLinkInTheTargetsPath(t *testing.T) {
	needtest.Root(t, "make another user's link")
	dir := t.TempDir()
	real := filepath.Join(dir, "real")
	for name, to := range map[string]string{"own": "real", "absolute": real, "another's": "real"} {
		if err := os.Symlink(to, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(os.Mkdir(real, 0o700), os.Lchown(filepath.Join(dir, "another's"), attackerID, attackerID)); err != nil {
		t.Fatal(err)
	}
	t.Chdir(dir)
	hostile(t, node{dir: true, below: []node{{name: "file", entry: file}}}, func(v *catalog.View, s *content.Source, tree catalog.TreeRef) {
		for _, target := range []string{"own/a/b", filepath.Join(dir, "absolute", "c"), "./own/../real/d/", "."} {
			into(t, v, s, tree, target, restore.Options{})
		}
		for _, o := range []restore.Options{{}, {DryRun: true}} {
			o.Reporter = &told{}
			_, err := restore.Run(t.Context(), restore.At(v, tree), s, "another's/e", o)
			if syncline.CodeOf(err) != syncline.CodeUnavailable || !strings.Contains(syncline.MessageOf(err), "belongs to another user") {
				t.Errorf("%+v: %v", o, err)
			}
		}
	})
	onlyIn(t, dir, "absolute", "another's", "file", "own", "real", "real/a", "real/a/b", "real/a/b/file", "real/c", "real/c/file", "real/d", "real/d/file")
}
