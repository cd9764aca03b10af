package main_test

import (
	"encoding/json"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"syncline.dev/syncline/internal/resticfixture"
)

// TestLsForms compares what the forms of ls print with each other: the order is
// what restic documents, and what is listed is what restic lists.
func TestLsForms(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("the names cannot be written elsewhere")
	}
	rng := rand.New(rand.NewPCG(7, 8))
	repo, src := resticfixture.Init(t, 2), filepath.Join(t.TempDir(), "src")
	if err := os.Mkdir(src, 0o755); err != nil {
		t.Fatal(err)
	}
	findTree(t, rng, src, 300)
	resticfixture.Backup(t, repo, src)
	env := []string{"SYNCLINE_CACHE_DIR=" + t.TempDir()}
	ls := func(args ...string) string {
		t.Helper()
		r := runProgram(t, env, slices.Concat([]string{"-r", repo, "ls"}, args)...)
		if r.code != 0 {
			t.Fatal(args, r.stderr)
		}
		return r.stdout
	}
	type node struct {
		Name, Path, Type, Mtime, Atime, Ctime string
		Size                                  int64
	}
	nodes := func(raw string) (list []node) {
		t.Helper()
		for line := range strings.Lines(raw) {
			var x struct {
				node
				StructType string `json:"struct_type"`
			}
			if err := json.Unmarshal([]byte(line), &x); err != nil {
				t.Fatal(err)
			}
			if x.StructType == "node" {
				list = append(list, x.node)
			}
		}
		return list
	}
	plain := nodes(string(resticfixture.Run(t, repo, "ls", "--json", "--no-lock", "latest")))
	byPath := func(a, b node) int { return strings.Compare(a.Path, b.Path) }
	if len(plain) < 200 {
		t.Fatalf("%d entries", len(plain))
	}
	orders := map[string]func(a, b node) bool{ // a may stand in front of b
		"size":      func(a, b node) bool { return a.Size <= b.Size },
		"time":      func(a, b node) bool { return a.Mtime <= b.Mtime },
		"atime":     func(a, b node) bool { return a.Atime <= b.Atime },
		"ctime":     func(a, b node) bool { return a.Ctime <= b.Ctime },
		"extension": func(a, b node) bool { return filepath.Ext(a.Path) <= filepath.Ext(b.Path) },
	}
	want := slices.SortedFunc(slices.Values(plain), byPath)
	for mode, before := range orders {
		up, down := nodes(ls("--json", "--sort", mode, "latest")), nodes(ls("--json", "-s", mode, "--reverse", "latest"))
		slices.Reverse(down)
		if !slices.Equal(up, down) {
			t.Errorf("--reverse of %s is not the reverse", mode)
		}
		for i := range up[1:] {
			if !before(up[i], up[i+1]) {
				t.Errorf("--sort %s: %q is in front of %q", mode, up[i].Path, up[i+1].Path)
			}
		}
		if got := slices.SortedFunc(slices.Values(up), byPath); len(got) != len(want) {
			t.Errorf("--sort %s lists %d entries, not %d", mode, len(got), len(want))
		}
	}
	reversed := nodes(ls("--json", "--reverse", "latest"))
	slices.Reverse(reversed)
	if !slices.Equal(reversed, plain) {
		t.Error("--reverse is not restic's list the other way round")
	}
	checkNcdu(t, ls("--ncdu", "latest"), len(plain))
	checkWhole(t, ls, len(plain))
}

// checkWhole compares the listing of a whole snapshot, which is made in parts, with that of
// the folder /, which is made entry by entry.
func checkWhole(t *testing.T, ls func(...string) string, entries int) {
	t.Helper()
	for _, form := range [][]string{{"-q"}, {"-q", "--long"}, {"-q", "--long", "--human-readable"}, {"--json"}} {
		whole, below := ls(append(form, "latest")...), ls(append(form, "--recursive", "latest", "/")...)
		if strings.Count(whole, "\n") < entries {
			t.Errorf("ls %s prints %d lines", form, strings.Count(whole, "\n"))
		}
		if below != whole {
			t.Errorf("ls %s prints %d bytes, and %d for the folder /", form, len(whole), len(below))
		}
	}
}

func TestLsUsage(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ args, stderr string }{
		{"--sort colour latest", `invalid sort mode "colour", must be one of`},
		{"--ncdu --json latest", "only either"},
		{"--ncdu --reverse latest", "--ncdu has an order of its own"},
	} {
		if r := runProgram(t, nil, append([]string{"-r", "/none", "ls"}, strings.Fields(tt.args)...)...); r.code != 1 || !strings.Contains(r.stderr, tt.stderr) {
			t.Errorf("ls %s: exit code %d, %s", tt.args, r.code, r.stderr)
		}
	}
}

// checkNcdu reads the form as its documentation has it: [1, minor, {…}, folder],
// in which a folder is a list of its own item and of what is in it.
func checkNcdu(t *testing.T, raw string, want int) {
	t.Helper()
	var top []json.RawMessage
	if err := json.Unmarshal([]byte(raw), &top); err != nil || len(top) != 4 || string(top[0]) != "1" {
		t.Fatal(err, len(top))
	}
	count := -1 // the root is not listed
	var down func(folder json.RawMessage)
	down = func(folder json.RawMessage) {
		var items []json.RawMessage
		if err := json.Unmarshal(folder, &items); err != nil {
			t.Fatal(err)
		}
		for _, x := range items {
			if x[0] == '[' {
				down(x)
				continue
			}
			var item struct {
				Name         string
				Asize, Dsize int64
			}
			if err := json.Unmarshal(x, &item); err != nil || item.Name == "" || item.Dsize < item.Asize || item.Dsize%512 != 0 {
				t.Fatal(err, string(x))
			}
			count++
		}
	}
	down(top[3])
	if count != want {
		t.Errorf("ncdu reads %d entries, not %d", count, want)
	}
}
