package main_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"

	"syncline.dev/syncline/internal/resticfixture"
)

// twiceWorld is a repository whose index lists blobs of its first and last snapshot in two
// packs, as after two backups at the same time. The one between has no such blobs of its own.
func twiceWorld(t *testing.T) *statsWorld {
	t.Helper()
	rng := rand.New(rand.NewPCG(9, 9))
	w := &statsWorld{t: t, repo: resticfixture.Init(t, 2), env: []string{"SYNCLINE_CACHE_DIR=" + t.TempDir()}}
	other, source := filepath.Join(t.TempDir(), "other"), filepath.Join(t.TempDir(), "src")
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	check(os.CopyFS(other, os.DirFS(w.repo)))
	check(os.Mkdir(source, 0o755))
	findTree(t, rng, source, 200)
	for i := range 3 {
		if i > 0 {
			mutate(t, rng, source, 40)
		}
		w.ids = append(w.ids, resticfixture.Backup(t, w.repo, source))
		if i != 1 {
			resticfixture.Backup(t, other, source, "--force")
		}
	}
	for _, dir := range []string{"data", "index", "snapshots"} {
		check(copyMissing(filepath.Join(other, dir), filepath.Join(w.repo, dir)))
	}
	if r := runProgram(t, w.env, "-r", w.repo, "sync"); r.code != 0 {
		t.Fatal(r.stderr)
	}
	return w
}

// copyMissing copies the files of a folder that another one does not have.
func copyMissing(from, to string) error {
	return filepath.WalkDir(from, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		target := filepath.Join(to, name)
		if _, err := os.Stat(target); err == nil {
			return nil
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if err := os.MkdirAll(filepath.Dir(target), 0o700); err != nil {
			return err
		}
		return os.WriteFile(target, b, 0o400)
	})
}

// TestBlobsThatAreListedTwice has diff and stats count them as restic does: once for each
// place. restic 0.14 counts them once.
func TestBlobsThatAreListedTwice(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("the names cannot be written elsewhere")
	}
	w := twiceWorld(t)
	for _, pair := range [][2]int{{0, 1}, {1, 0}, {1, 2}, {0, 2}} {
		args := []string{"diff", "--json", w.ids[pair[0]], w.ids[pair[1]]}
		_, want := diffLines(t, pinned(t, w.repo, 0, args...))
		got := runProgram(t, w.env, slices.Concat([]string{"-r", w.repo, "--no-sync"}, args)...)
		if _, totals := diffLines(t, got.stdout); got.code != 0 || fmt.Sprint(totals) != fmt.Sprint(want) {
			t.Errorf("%d and %d: the totals are\n%v, restic's\n%v; %s", pair[0], pair[1], totals, want, got.stderr)
		}
	}
	for _, mode := range []string{"restore-size", "files-by-contents", "blobs-per-file", "raw-data"} {
		for _, id := range w.ids {
			args := []string{"--json", "--mode", mode, id}
			var got, want map[string]float64
			out, theirs := w.run(args...), pinned(t, w.repo, 0, append([]string{"stats"}, args...)...)
			if err := errors.Join(json.Unmarshal([]byte(out), &got), json.Unmarshal([]byte(theirs), &want)); err != nil {
				t.Fatal(err)
			}
			if !maps.Equal(got, want) {
				t.Errorf("%q: %v, restic has %v", args, got, want)
			}
		}
	}
}
