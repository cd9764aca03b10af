package main_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"syncline.dev/syncline/internal/resticfixture"
)

// mutate changes a tree in every way that a comparison can tell apart: contents,
// names, types, modes, times, links and whole folders.
func mutate(t *testing.T, rng *rand.Rand, dir string, count int) {
	t.Helper()
	var all []string
	err := filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
		if path != dir {
			all = append(all, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for range count {
		path := all[rng.IntN(len(all))]
		info, err := os.Lstat(path)
		if err != nil {
			continue // its folder went away
		}
		switch rng.IntN(9) {
		case 0:
			err = os.RemoveAll(path)
		case 1:
			err = errors.Join(os.RemoveAll(path), os.Symlink(fmt.Sprint("to ", rng.IntN(3)), path))
		case 2:
			err = errors.Join(os.RemoveAll(path), os.Mkdir(path, 0o755))
			findTree(t, rng, path, 6)
		case 3:
			err = errors.Join(os.RemoveAll(path), os.WriteFile(path, fmt.Append(nil, rng.IntN(5)), 0o600))
		case 4, 5:
			if info.Mode().IsRegular() {
				err = os.WriteFile(path, fmt.Append(nil, "other ", rng.IntN(99)), 0o644)
			}
		case 6:
			if info.Mode()&os.ModeSymlink == 0 {
				err = os.Chmod(path, info.Mode().Perm()^0o011)
			}
		case 7:
			// The content goes to another place: none of its blobs is new.
			err = os.Rename(path, filepath.Join(filepath.Dir(path), fmt.Sprint("moved ", rng.IntN(1000))))
		case 8:
			err = os.Link(path, path+" linked")
			if info.IsDir() || errors.Is(err, os.ErrExist) || len(filepath.Base(path)) > 240 {
				err = nil
			}
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// diffLines are what a diff printed, by its lines in any order, and its totals.
func diffLines(t *testing.T, raw string) (changes []string, totals map[string]any) {
	t.Helper()
	for line := range strings.Lines(raw) {
		var x map[string]any
		if err := json.Unmarshal([]byte(line), &x); err != nil {
			t.Fatal(err, line)
		}
		if x["message_type"] == "statistics" {
			totals = x
			continue
		}
		changes = append(changes, fmt.Sprint(x["modifier"], " ", x["path"]))
	}
	slices.Sort(changes)
	return changes, totals
}

// TestDiffIsRestics compares snapshots of random trees with restic, pair by
// pair, both ways round.
func TestDiffIsRestics(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("the names cannot be written elsewhere")
	}
	rounds := 5
	if testing.Short() {
		rounds = 3
	}
	rng := rand.New(rand.NewPCG(5, 6))
	repo, source := resticfixture.Init(t, 2), filepath.Join(t.TempDir(), "src")
	if err := os.Mkdir(source, 0o755); err != nil {
		t.Fatal(err)
	}
	findTree(t, rng, source, 400)
	ids := []string{resticfixture.Backup(t, repo, source)}
	for range rounds {
		mutate(t, rng, source, 1+rng.IntN(40))
		ids = append(ids, resticfixture.Backup(t, repo, source))
	}
	env := []string{"SYNCLINE_CACHE_DIR=" + t.TempDir()}
	if r := runProgram(t, env, "-r", repo, "sync"); r.code != 0 {
		t.Fatal(r.stderr)
	}
	marks := make(map[string]int)
	for i := range 2 * rounds {
		a, b := ids[rng.IntN(len(ids))], ids[rng.IntN(len(ids))]
		if i%3 == 0 { // neighbours
			k := rng.IntN(rounds)
			a, b = ids[k], ids[k+1]
		}
		args := []string{"diff", "--json"}
		if rng.IntN(2) == 0 {
			args = append(args, "--metadata")
		}
		args = append(args, a, b)
		want := string(resticfixture.Run(t, repo, append(args, "--no-lock")...))
		got := runProgram(t, env, slices.Concat([]string{"-r", repo, "--no-sync"}, args)...)
		if got.code != 0 {
			t.Fatal(got.stderr)
		}
		changes, totals := diffLines(t, got.stdout)
		wantChanges, wantTotals := diffLines(t, want)
		if !slices.Equal(changes, wantChanges) {
			t.Errorf("%q: %d changes, restic has %d:\n%s\nrestic:\n%s", args, len(changes), len(wantChanges),
				strings.Join(changes, "\n"), strings.Join(wantChanges, "\n"))
		}
		if fmt.Sprint(totals) != fmt.Sprint(wantTotals) {
			t.Errorf("%q: the totals are\n%v, restic's\n%v", args, totals, wantTotals)
		}
		for _, c := range changes {
			marks[c[:strings.Index(c, " ")]]++
		}
	}
	for _, mark := range []string{"+", "-", "M", "T", "U", "TU"} {
		if marks[mark] < 3 {
			t.Errorf("the trees tell nothing of %s: %v", mark, marks)
		}
	}
}

func TestDiffForPeople(t *testing.T) {
	t.Parallel()
	src, repo := t.TempDir(), resticfixture.Init(t, 2)
	write := func(name, text string) {
		t.Helper()
		name = filepath.Join(src, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o755), os.WriteFile(name, []byte(text), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	write("docs/report", "one")
	write("docs/\x1b[2J", "evil")
	write("old/a", "a")
	first := resticfixture.Backup(t, repo, src)
	write("docs/report", "two, longer")
	write("new/b", strings.Repeat("x", 3000))
	if err := errors.Join(os.RemoveAll(filepath.Join(src, "old")), os.Remove(filepath.Join(src, "docs/\x1b[2J")), os.Symlink("report", filepath.Join(src, "docs/link"))); err != nil {
		t.Fatal(err)
	}
	second := resticfixture.Backup(t, repo, src)
	env := []string{"SYNCLINE_CACHE_DIR=" + t.TempDir()}
	head := fmt.Sprintf("comparing snapshot %s to %s:\n\n", first[:8], second[:8])
	lines := func(prefix string) string {
		out := ""
		for _, line := range []string{"-    %q docs/\x1b[2J", "+    docs/link", "M    docs/report", "+    new/", "+    new/b", "-    old/", "-    old/a"} {
			mark, name := line[:5], line[5:]
			switch quoted, ok := strings.CutPrefix(name, "%q "); {
			case prefix == src+"/" && ok:
				name = fmt.Sprintf("%q", prefix+quoted)
			case prefix == "/" && ok:
				name = fmt.Sprintf("%q", "/"+strings.TrimPrefix(quoted, "docs/"))
			case prefix == "/" && strings.HasPrefix(name, "docs/"):
				name = "/" + strings.TrimPrefix(name, "docs/")
			case prefix == "/":
				continue
			default:
				name = prefix + name
			}
			out += mark + name + "\n"
		}
		return out
	}
	totals := "\nFiles:           1 new,     2 removed,     1 changed\nDirs:            1 new,     1 removed\nOthers:          1 new,     0 removed\n"
	for _, tt := range []struct {
		args           []string
		code           int
		stdout, stderr string // the beginning, and a part
	}{
		{[]string{first, second}, 0, head + lines(src+"/") + totals, ""},
		{[]string{"-q", first, second}, 0, totals, ""},
		{[]string{first[:8] + ":" + src + "/docs", "latest:" + src + "/docs"}, 0, head + lines("/") + "\nFiles:           0 new,     1 removed,     1 changed\n", ""},
		{[]string{second, second}, 0, fmt.Sprintf("comparing snapshot %s to %s:\n\n\nFiles:           0 new,", second[:8], second[:8]), ""},
		{[]string{first}, 2, "", "accepts 2 arg(s)"},
		{[]string{first, "ffffffff"}, 1, "", "no matching ID found"},
		{[]string{first + ":/none", second}, 1, "", "none"},
		{[]string{first, second + ":" + src + "/docs/report"}, 1, "", "is not a folder of snapshot " + second[:8]},
	} {
		got := runProgram(t, env, append([]string{"-r", repo, "diff"}, tt.args...)...)
		if got.code != tt.code || !strings.HasPrefix(got.stdout, tt.stdout) || !strings.Contains(got.stderr, tt.stderr) {
			t.Errorf("diff %q: exit code %d, want %d\n%s\nwant\n%s\nstderr %s", tt.args, got.code, tt.code, got.stdout, tt.stdout, got.stderr)
		}
	}
	if got := runProgram(t, env, "-r", repo, "diff", first, second); !strings.Contains(got.stdout, "Data Blobs:      2 new,     3 removed") ||
		!strings.Contains(got.stdout, "  Added:   ") || !strings.Contains(got.stdout, " KiB\n") {
		t.Errorf("the totals are\n%s", got.stdout)
	}
}
