//go:build linux

package restore_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"syncline.dev/syncline/internal/catalog"
	"syncline.dev/syncline/internal/content"
	"syncline.dev/syncline/internal/resticfixture"
	"syncline.dev/syncline/internal/restore"
)

// litter puts items into a target that the snapshot does not have, among them
// links that lead outside. It also puts a folder in the place of a file, and
// changes a file.
func litter(t *testing.T, w *rich, target, outside string) {
	t.Helper()
	at := func(name string) string { return filepath.Join(target, w.source, name) }
	if err := errors.Join(
		os.MkdirAll(at("old/deep/deeper"), 0o755), os.WriteFile(at("old/deep/file"), []byte("x"), 0o600),
		os.Symlink(outside, at("old/link")), os.Symlink(outside, at("link")), os.Symlink(outside, at("links/out")),
		os.WriteFile(at("stale"), nil, 0o600), os.WriteFile(at("links/stale"), nil, 0o600),
		os.WriteFile(filepath.Join(target, "top"), nil, 0o600),
		os.Remove(at("zeros")), os.Mkdir(at("zeros"), 0o755), os.WriteFile(at("zeros/below"), nil, 0o600),
		os.WriteFile(at("empty"), []byte("not empty"), 0o600),
	); err != nil {
		t.Fatal(err)
	}
}

// testDelete restores over a target with further items. A dry run before
// reports the same and changes nothing.
func testDelete(t *testing.T, w *rich) {
	outside := t.TempDir()
	if err := os.WriteFile(filepath.Join(outside, "kept"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, exclude := range [][]string{nil, {"stale", "top"}} {
		target := t.TempDir()
		filter, err := restore.NewFilter(nil, nil, exclude, nil)
		if err != nil {
			t.Fatal(err)
		}
		var want []string
		w.view(t, w.repo, func(v *catalog.View, s *content.Source, root catalog.TreeRef) {
			into(t, v, s, root, target, restore.Options{})
			want = paths(t, target)
			litter(t, w, target, outside)
			before := paths(t, target)
			told := map[bool][]string{}
			var results [2]restore.Result
			for i, dry := range []bool{true, false} {
				results[i] = into(t, v, s, root, target, restore.Options{
					Filter: filter, Delete: true, DryRun: dry,
					Item: func(a restore.Action, path string, _ int64) {
						if a == restore.Deleted {
							told[dry] = append(told[dry], path)
						}
					},
				})
				slices.Sort(told[dry])
				if after := paths(t, target); dry && !slices.Equal(before, after) {
					t.Errorf("a dry run left %q", after)
				}
			}
			if !slices.Equal(told[true], told[false]) || results[0] != results[1] || int(results[0].Deleted) != len(told[true]) {
				t.Errorf("a dry run told %q and %+v, the run %q and %+v", told[true], results[0], told[false], results[1])
			}
		})
		if len(exclude) > 0 {
			want = append(want, "/top", w.source+"/stale", w.source+"/links/stale")
		}
		got := paths(t, target)
		slices.Sort(want)
		slices.Sort(got)
		if !slices.Equal(want, got) {
			t.Errorf("without %q: left are\n%q, not\n%q", exclude, got, want)
		}
		sameAsDeleted(t, w, outside, exclude, got)
		if len(exclude) == 0 {
			w.sameAsSource(t, target)
		}
	}
	onlyIn(t, outside, "kept")
}

// sameAsDeleted compares the result with that of a restic that can delete.
func sameAsDeleted(t *testing.T, w *rich, outside string, exclude, got []string) {
	t.Helper()
	help, err := exec.CommandContext(t.Context(), resticfixture.Restic(t), "restore", "--help").Output()
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(help), "--delete ") {
		return
	}
	target := t.TempDir()
	resticfixture.Run(t, w.path, "restore", "latest", "--target", target)
	litter(t, w, target, outside)
	args := []string{"restore", "latest", "--target", target, "--delete"}
	for _, pattern := range exclude {
		args = append(args, "--exclude", pattern)
	}
	resticfixture.Run(t, w.path, args...)
	theirs := paths(t, target)
	slices.Sort(theirs)
	if !slices.Equal(theirs, got) {
		t.Errorf("without %q: restic leaves\n%q, we\n%q", exclude, theirs, got)
	}
}
