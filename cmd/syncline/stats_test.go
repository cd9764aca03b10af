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

// statsWorld is a repository with snapshots of a tree that changes: hard links,
// files of several blobs that have some in common, odd names.
type statsWorld struct {
	t    *testing.T
	repo string
	env  []string
	ids  []string // oldest first
}

func newStatsWorld(t *testing.T, version, snapshots int) *statsWorld {
	t.Helper()
	rng := rand.New(rand.NewPCG(7, uint64(version)))
	w := &statsWorld{t: t, repo: resticfixture.Init(t, version), env: []string{"SYNCLINE_CACHE_DIR=" + t.TempDir()}}
	source := filepath.Join(t.TempDir(), "src")
	if err := os.Mkdir(source, 0o755); err != nil {
		t.Fatal(err)
	}
	findTree(t, rng, source, 200)
	large := make([]byte, 4<<20)
	_, _ = rand.NewChaCha8([32]byte{byte(version)}).Read(large)
	for name, part := range map[string][]byte{"large.one": large, "large.two": large[:3<<20]} {
		if err := os.WriteFile(filepath.Join(source, name), part, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(os.Link(filepath.Join(source, "large.two"), filepath.Join(source, "linked")), os.WriteFile(filepath.Join(source, "empty"), nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	for i := range snapshots {
		if i > 0 {
			mutate(t, rng, source, 40)
		}
		w.ids = append(w.ids, resticfixture.Backup(t, w.repo, source, "--host", fmt.Sprint("host", i%2), "--time", fmt.Sprintf("2026-01-0%d 12:00:00", i+1)))
	}
	if r := runProgram(t, w.env, "-r", w.repo, "sync"); r.code != 0 {
		t.Fatal(r.stderr)
	}
	return w
}

// restic is what restic's stats counts, field by field.
func (w *statsWorld) restic(args ...string) map[string]float64 {
	w.t.Helper()
	out := resticfixture.Run(w.t, w.repo, append([]string{"stats", "--json", "--no-lock"}, args...)...)
	var x map[string]float64
	if err := json.Unmarshal(out, &x); err != nil {
		w.t.Fatal(err, string(out))
	}
	return x
}

func (w *statsWorld) run(args ...string) string {
	w.t.Helper()
	r := runProgram(w.t, w.env, append([]string{"-r", w.repo, "--no-sync", "stats"}, args...)...)
	if r.code != 0 {
		w.t.Fatal(args, r.stderr)
	}
	return r.stdout
}

// check compares with restic. Fields that 0.14 does not have yet are not
// missed in its answer.
func (w *statsWorld) check(args ...string) {
	w.t.Helper()
	var got map[string]float64
	out := w.run(append([]string{"--json"}, args...)...)
	if err := json.Unmarshal([]byte(out), &got); err != nil {
		w.t.Fatal(err, out)
	}
	want := w.restic(args...)
	old := strings.HasPrefix(resticfixture.Version(w.t), "0.14")
	for name, value := range got {
		if _, ok := want[name]; old && !ok && value > 0 && strings.Contains(name, "compress") {
			delete(got, name)
		}
	}
	if n, ok := want["total_file_count"]; ok && n == 0 {
		delete(want, "total_file_count")
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		w.t.Errorf("stats %q: %v, restic has %v", args, got, want)
	}
}

// TestStatsIsRestics counts in every mode, over one and all snapshots, in both
// formats of repositories. Over several, restic's blobs-per-file depends on the
// order in which it happens to list them.
func TestStatsIsRestics(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("the names cannot be written elsewhere")
	}
	for _, version := range []int{1, 2} {
		w := newStatsWorld(t, version, 3)
		for _, mode := range []string{"restore-size", "files-by-contents", "blobs-per-file", "raw-data"} {
			w.check("--mode", mode, w.ids[1])
			if mode != "blobs-per-file" {
				w.check("--mode", mode, "--host", "host0")
			}
		}
		w.check()
	}
}

type snapshotStats struct {
	ID               string
	Files, Dirs      float64
	Others, Size     float64
	AddedStoredSize  float64 `json:"added_stored_size"`
	UniqueStoredSize float64 `json:"unique_stored_size"`
	AddedSize        float64 `json:"added_size"`
	UniqueSize       float64 `json:"unique_size"`
}

// TestStatsOfSnapshots asks restic what all snapshots take with and without
// one of them.
func TestStatsOfSnapshots(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("the names cannot be written elsewhere")
	}
	w := newStatsWorld(t, 2, 4)
	var list []snapshotStats
	if err := json.Unmarshal([]byte(w.run("--snapshots", "--json")), &list); err != nil || len(list) != 4 {
		t.Fatal(list, err)
	}
	raw := func(ids ...string) float64 {
		if len(ids) == 0 {
			return 0
		}
		return w.restic(append([]string{"--mode", "raw-data"}, ids...)...)["total_size"]
	}
	all := raw(w.ids...)
	for i, s := range list {
		one := w.restic(s.ID)
		if s.ID != w.ids[i] || s.Size != one["total_size"] || s.Files+s.Dirs+s.Others != one["total_file_count"] {
			t.Errorf("snapshot %d is %+v, restic has %v", i, s, one)
		}
		if added := raw(w.ids[:i+1]...) - raw(w.ids[:i]...); s.AddedStoredSize != added {
			t.Errorf("snapshot %d added %v, by restic's numbers %v", i, s.AddedStoredSize, added)
		}
		rest := slices.Delete(slices.Clone(w.ids), i, i+1)
		if unique := all - raw(rest...); s.UniqueStoredSize != unique {
			t.Errorf("snapshot %d alone holds %v, by restic's numbers %v", i, s.UniqueStoredSize, unique)
		}
		if s.UniqueSize > s.AddedSize || i == 0 && s.AddedSize < 4<<20 {
			t.Errorf("snapshot %d is %+v", i, s)
		}
	}
	if text := w.run("--snapshots", "--host", "host1"); strings.Count(text, "host1") != 2 || strings.Contains(text, "host0") || !strings.Contains(text, "Only in it") {
		t.Errorf("the table is\n%s", text)
	}
	if files := w.run("--content", "files", w.ids[0]); strings.Count(files, "\n") != 20 || !strings.HasPrefix(files, "   4.000 MiB") || !strings.Contains(files, "/large.one\n") {
		t.Errorf("the largest files are\n%s", files)
	}
	if folders := w.run("--content", "folders", w.ids[0]); !strings.Contains(folders, "/src\n") || strings.Count(folders, "\n") != 20 {
		t.Errorf("the largest folders are\n%s", folders)
	}
	var kinds []struct {
		Kind  string
		Files int
		Size  int64
	}
	if err := json.Unmarshal([]byte(w.run("--content", "kinds", "--json", w.ids[0])), &kinds); err != nil || kinds[0].Kind != ".one" || kinds[0].Size != 4<<20 || kinds[0].Files != 1 {
		t.Errorf("the kinds are %+v (%v)", kinds, err)
	}
}

// TestStatsText has restic's words, and refuses what is no question.
func TestStatsText(t *testing.T) {
	t.Parallel()
	repo, source := resticfixture.Init(t, 2), t.TempDir()
	if err := os.WriteFile(filepath.Join(source, "file"), []byte(strings.Repeat("text ", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	resticfixture.Backup(t, repo, source)
	env := []string{"SYNCLINE_CACHE_DIR=" + t.TempDir()}
	for _, tt := range []struct {
		args           []string
		code           int
		stdout, stderr string // parts
	}{
		{nil, 0, "Stats in restore-size mode:\n     Snapshots processed:  1\n        Total File Count:  ", ""},
		{[]string{"latest"}, 0, "              Total Size:  4.883 KiB\n", ""},
		{[]string{"--mode", "raw-data"}, 0, "    Compression Progress:  100.00%\n       Compression Ratio:  ", ""},
		{[]string{"--mode", "debug"}, 1, "", "unknown counting mode: debug"},
		{[]string{"--mode", "raw-data", "--snapshots"}, 1, "", "leave two of them out"},
		{[]string{"--content", "colours"}, 1, "", "takes kinds, files or folders"},
		{[]string{"ffffffff"}, 0, "Snapshots processed:  0\n", `ignoring "ffffffff": no matching ID found`},
		{[]string{"--content", "kinds", "--host", "none"}, 1, "", "no snapshot matches the filter"},
	} {
		got := runProgram(t, env, append([]string{"-r", repo, "stats"}, tt.args...)...)
		if got.code != tt.code || !strings.Contains(got.stdout, tt.stdout) || !strings.Contains(got.stderr, tt.stderr) {
			t.Errorf("stats %q: exit code %d, want %d\n%s\nwant\n%s\nstderr %s", tt.args, got.code, tt.code, got.stdout, tt.stdout, got.stderr)
		}
	}
}
