package pattern_test

import (
	"encoding/json"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"syncline.dev/syncline/internal/pattern"
	"syncline.dev/syncline/internal/resticfixture"
)

// tree backs up folders and files with short names in many combinations. It
// returns the repository, the folder, and all paths of the snapshot.
func tree(t *testing.T) (repo, root string, paths []string) {
	t.Helper()
	dir := t.TempDir()
	r := rand.New(rand.NewPCG(21, 22))
	for range 120 {
		path := dir
		for range 1 + r.IntN(5) {
			path = filepath.Join(path, []string{"a", "b", "ab", "A"}[r.IntN(4)])
		}
		if err := os.MkdirAll(path, 0o755); err != nil {
			t.Fatal(err)
		}
		name := []string{"c", "b.txt", "[x]", "C"}[r.IntN(4)]
		if err := os.WriteFile(filepath.Join(path, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	repo = resticfixture.Init(t, 2)
	resticfixture.Backup(t, repo, dir)
	for at := dir; at != "/"; at = filepath.Dir(at) {
		paths = append(paths, at)
	}
	if err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if path != dir {
			paths = append(paths, path)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	slices.Sort(paths)
	return repo, dir, paths
}

// random makes a pattern. One in three begins at the root.
func random(r *rand.Rand, root string) string {
	parts := make([]string, 1+r.IntN(5))
	for i := range parts {
		parts[i] = []string{"a", "b", "A", "*", "**", "**", "[a-b]", "a*", "*b", `\[x\]`, "*.txt", "c"}[r.IntN(12)]
	}
	text := strings.Join(parts, "/")
	switch r.IntN(6) {
	case 0:
		return root + "/" + text
	case 1:
		return "/**/" + text
	}
	return text
}

// restic's find returns the paths that the pattern matches.
func TestFindAgainstRestic(t *testing.T) {
	repo, root, paths := tree(t)
	r := rand.New(rand.NewPCG(23, 24))
	matched := 0
	for range 20 {
		text := random(r, root)
		fold := r.IntN(3) == 0
		args := []string{"find", "--json"}
		if fold {
			args = append(args, "--ignore-case")
		}
		var found []struct{ Matches []struct{ Path string } }
		if err := json.Unmarshal(resticfixture.Run(t, repo, append(args, text)...), &found); err != nil {
			t.Fatal(err)
		}
		var want, got []string
		for _, s := range found {
			for _, m := range s.Matches {
				want = append(want, m.Path)
			}
		}
		p, err := pattern.Parse(text, fold)
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			if p.Match(path) {
				got = append(got, path)
			}
		}
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("%q (fold %v): restic finds %d, we %d\n%q\n%q", text, fold, len(want), len(got), want, got)
		}
		matched += len(got)
	}
	if matched < 300 {
		t.Errorf("only %d paths matched", matched)
	}
}

// restic's restore restores the paths that the lists choose.
func TestRestoreAgainstRestic(t *testing.T) {
	repo, root, paths := tree(t)
	r := rand.New(rand.NewPCG(25, 26))
	chosen := 0
	for i := range 20 {
		var texts []string
		for range 1 + r.IntN(3) {
			text := random(r, root)
			if r.IntN(3) == 0 {
				text = "!" + text
			}
			texts = append(texts, text)
		}
		fold, include := r.IntN(3) == 0, i%2 == 0
		flag := map[[2]bool]string{{true, true}: "--iinclude", {true, false}: "--include", {false, true}: "--iexclude", {false, false}: "--exclude"}[[2]bool{include, fold}]
		target := t.TempDir()
		args := []string{"restore", "latest", "--target", target}
		for _, text := range texts {
			args = append(args, flag, text)
		}
		resticfixture.Run(t, repo, args...)
		want := files(t, target)
		got := selected(t, texts, fold, include, paths)
		if !slices.Equal(got, want) {
			t.Errorf("%s %q: restic restores %d files, we %d\n%q\n%q", flag, texts, len(want), len(got), want, got)
		}
		chosen += len(got)
	}
	if chosen < 200 {
		t.Errorf("only %d files were chosen", chosen)
	}
}

// files returns the paths of the files below a folder, relative to it.
func files(t *testing.T, dir string) (list []string) {
	t.Helper()
	if err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err == nil && e.Type().IsRegular() {
			list = append(list, strings.TrimPrefix(path, dir))
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	slices.Sort(list)
	return list
}

// selected asks for the sorted paths in the order of a restore.
func selected(t *testing.T, texts []string, fold, include bool, paths []string) (list []string) {
	t.Helper()
	l, err := pattern.ParseList(texts, fold)
	if err != nil {
		t.Fatal(err)
	}
	c := l.Cursor()
	closed := map[string]bool{}
	for _, path := range paths {
		if closed[filepath.Dir(path)] {
			closed[path] = true
			continue
		}
		chosen, below, err := c.Select(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		if !include {
			chosen, below = !chosen, !chosen
		}
		closed[path] = !below
		if fi, err := os.Lstat(path); err == nil && fi.Mode().IsRegular() && chosen {
			list = append(list, path)
		}
	}
	slices.Sort(list)
	return list
}
