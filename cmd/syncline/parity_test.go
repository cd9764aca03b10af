package main_test

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sync/errgroup"

	"syncline.dev/syncline/internal/resticfixture"
)

// parity asks the newest restic and this program the same.
type parity struct {
	t    *testing.T
	repo string
	env  []string
}

// newParity makes a repository with three snapshots of two hosts, and returns
// their ids, oldest first. One file is named odd.
func newParity(t *testing.T, odd string) (p *parity, src string, ids []string) {
	t.Helper()
	repo, src := resticfixture.Init(t, 2), filepath.Join(t.TempDir(), "src")
	write := func(name, text string) {
		t.Helper()
		path := filepath.Join(src, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range map[string]string{"a/b/one": "one", "a/two": "two", "top": "top", "x/xx": "xx", "x/" + odd: "odd", "same": "two"} {
		write(name, text)
	}
	if err := os.Symlink("top", filepath.Join(src, "link")); err != nil {
		t.Fatal(err)
	}
	backup := func(args ...string) {
		t.Helper()
		before := snapshotsOf(t, repo)
		pinned(t, repo, 0, append([]string{"backup", "-q"}, args...)...)
		for _, id := range snapshotsOf(t, repo) {
			if !slices.Contains(before, id) {
				ids = append(ids, id)
			}
		}
	}
	backup(src, "--host", "alpha", "--tag", "t1,t2", "--time", "2026-01-01 10:00:00")
	write("top", "another")
	backup(src, "--host", "beta", "--time", "2026-01-02 10:00:00")
	if err := os.Remove(filepath.Join(src, "a/two")); err != nil {
		t.Fatal(err)
	}
	backup(filepath.Join(src, "a"), "--host", "alpha", "--tag", "t1", "--time", "2026-01-03 10:00:00")
	p = &parity{t, repo, []string{"RESTIC_REPOSITORY=" + repo, "SYNCLINE_CACHE_DIR=" + t.TempDir(), "TZ=UTC"}}
	if got := runProgram(t, p.env, "sync"); got.code != 0 || len(ids) != 3 {
		t.Fatalf("%q: exit code %d, %s", ids, got.code, got.stderr)
	}
	return p, src, ids
}

// snapshotsOf are the ids of the snapshots.
func snapshotsOf(t *testing.T, repo string) (ids []string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(repo, "snapshots"))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		ids = append(ids, e.Name())
	}
	return ids
}

// same compares exit codes and standard outputs; those of archives by what is in
// them. Both programs have the environment's variables.
func (p *parity) same(args ...string) error {
	theirs := runPinned(p.t, p.env, append([]string{"--no-lock", "--no-cache"}, args...)...)
	ours := runProgram(p.t, p.env, append([]string{"--no-sync"}, args...)...)
	want := theirs.code
	if want == 1 && ours.code == 2 && strings.Contains(ours.stderr, " arg(s)") {
		want = 2 // what this program gives for a wrong number of arguments
	}
	a, b := ours.stdout, theirs.stdout
	switch args[0] {
	case "dump":
		a, b = contentsOf(a), contentsOf(b)
	case "restore": // which sums up in other words
		a, b = "", ""
	}
	if ours.code != want || a != b {
		p.t.Errorf("%q: exit code %d (%s)\n%s\nrestic's is %d (%s)\n%s", args, ours.code, ours.stderr, ours.stdout, theirs.code, theirs.stderr, theirs.stdout)
	}
	return nil
}

// contentsOf lists what is in an archive but folders, of which restic leaves out
// those that lead to the path; other text it leaves as it is.
func contentsOf(text string) string {
	var names []string
	for r := tar.NewReader(strings.NewReader(text)); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) && len(names) > 0 {
			return strings.Join(names, "\n")
		}
		if err != nil {
			return text
		}
		if h.Typeflag == tar.TypeDir {
			continue
		}
		names = append(names, fmt.Sprintf("%s %c %d %s", h.Name, h.Typeflag, h.Size, h.Linkname))
	}
}

// all asks every question, a few at a time.
func (p *parity) all(questions [][]string) {
	p.t.Helper()
	var group errgroup.Group
	group.SetLimit(runtime.GOMAXPROCS(0))
	for _, q := range questions {
		group.Go(func() error { return p.same(q...) })
	}
	if err := group.Wait(); err != nil {
		p.t.Fatal(err)
	}
}

// Arguments that mean something else, or nothing, are taken as restic takes them:
// exit code and standard output are the same.
func TestOddArgumentsAreRestics(t *testing.T) {
	t.Parallel()
	p, src, ids := newParity(t, "c\u009b<&>")
	a, b, c := ids[0], ids[1], ids[2]
	var questions [][]string
	for _, ref := range []string{
		"", "latest", "latest:", "latest:/", "latest:.", "latest:..", "latest:/none", "latest:" + src, "latest:/../" + src + "//a/../", "latest~1", "LATEST",
		a, a[:8], strings.ToUpper(a), strings.ToUpper(a[:8]), a[:8] + ":", b[:8] + ":" + src + "/./x/", b[:8] + ":" + src + "/top", "none", ":", a + "0", a[:8] + "^",
	} {
		questions = append(questions, []string{"ls", "--json", ref}, []string{"ls", "--ncdu", ref}, []string{"dump", ref, "top"},
			[]string{"snapshots", "--json", ref, c}, []string{"stats", "--json", ref}, []string{"find", "--json", "--snapshot", ref, "top"})
		if !strings.HasPrefix(ref, "latest") { // which this program takes here, too
			questions = append(questions, []string{"diff", "--json", ref, b})
		}
	}
	for _, path := range []string{
		"", ".", "..", "/", "//", "/.", src, src + "/", "/" + src + "//top", src + "/a/../top", src + "/./link", src[1:] + "/top", "../top", src + "/none", " ", src + "/top/x",
	} {
		questions = append(questions, []string{"dump", b, path}, []string{"dump", "latest:" + src, path}, []string{"ls", "--json", b, path},
			[]string{"ls", "--json", "--recursive", b, path}, []string{"find", "--json", path})
	}
	p.all(append(questions, oddOnes(t, src, a, b, c)...))
}

// oddOnes are questions of which there is one each.
func oddOnes(t *testing.T, src, a, b, c string) [][]string {
	t.Helper()
	return [][]string{
		{"snapshots", "--json", "none", b, "alsonone", "latest", a[:8]},
		{"snapshots", "--json", "--host", "alpha", b},
		{"snapshots", "--json", "--host", "", "--host", "beta"},
		{"snapshots", "--json", "--path", src + "/"},
		{"snapshots", "--json", "--path", src + "/", "latest"},
		{"snapshots", "--json", "--path", ""},
		{"snapshots", "--json", "--tag", ""},
		{"snapshots", "--json", "--tag", "t1,t2", "--tag", "none"},
		{"snapshots", "--json", "--tag", " t1 "},
		{"snapshots", "--json", "--latest", "1"},
		{"snapshots", "--json", "--latest", "-1"},
		{"snapshots", "--json", "--group-by", "color"},
		{"snapshots", "--json", "--latest", "x"},
		{"stats", "--json", "none", "none"},
		{"stats", "--json", "--mode", "raw-data", a, a[:8], "none"},
		{"stats", "--mode", ""},
		{"stats", "--json", "--host", "none"},
		{"ls"},
		{"ls", "--sort", "", b},
		{"ls", "--json", "--sort", "size", b},
		{"ls", "--json", "--reverse", b},
		{"ls", "--json", "--host", "none", "latest"},
		{"dump", b},
		{"dump", b, "top", "top"},
		{"dump", "--archive", "rar", b, "/"},
		{"diff", a},
		{"diff", "--json", a + ":" + src + "/a/", c[:8] + ":/" + src + "//a"},
		{"diff", "--json", a, a},
		{"find"},
		{"find", "--json", "", "none"},
		{"find", "--json", "--oldest", "", "top"},
		{"find", "--json", "--oldest", "someday", "top"},
		{"find", "--json", "-i", "TOP"},
		{"find", "--json", "/"},
		{"find", "--json", "a/"},
		{"find", "--json", "//a//two"},
		{"find", "--json", "./top"},
		{"find", "--json", "["},
		{"stats", "--json", "--tag", "t2"},
		{"stats", "--json", "--path", src},
		{"find", "--json", "--tag", "t2", "top"},
		{"find", "--json", "--path", src, "one"},
		{"dump", "--tag", "t2", "latest", src + "/top"},
		{"dump", "--path", src, "latest", src + "/top"},
		{"ls", "--json", "--tag", "t2", "latest"},
		{"ls", "--json", "--path", src, "latest"},
		{"restore", "--target", t.TempDir(), "--tag", "none", "latest"},
		{"restore", "--target", t.TempDir(), "--path", "/none", "latest"},
		{"restore", "--target", t.TempDir(), "--tag", "t2", "--path", src, "latest"},
		{"restore", b},
		{"restore", "--target", t.TempDir(), "none", "-q"},
		{"restore", "-q", "--target", t.TempDir(), "--include", "", b},
		{"restore", "--target", t.TempDir(), "--overwrite", "x", b},
		{"--limit-download", "x", "snapshots"},
		{"--compression", "x", "snapshots"},
		{"--pack-size", "1", "snapshots"},
		{"--retry-lock", "5", "snapshots"},
		{"-o", "s3.region", "snapshots", "--json"},
		{"-o", "=1", "snapshots"},
		{"-o", "a.b=1,a.b=2", "snapshots"},
		{"--quiet", "--verbose", "snapshots"},
	}
}

// Where blobs, trees and packs are is told as restic tells it.
func TestFindObjectsIsRestics(t *testing.T) {
	t.Parallel()
	p, src, ids := newParity(t, "c<&>")
	listed := func(kind string) (all []string) {
		for _, line := range strings.Fields(pinned(t, p.repo, 0, "list", kind)) {
			if len(line) == 64 {
				all = append(all, line)
			}
		}
		return all
	}
	var data, trees []string
	fields := strings.Fields(pinned(t, p.repo, 0, "list", "blobs"))
	for i := 0; i+1 < len(fields); i += 2 {
		if fields[i] == "data" {
			data = append(data, fields[i+1])
		} else {
			trees = append(trees, fields[i+1])
		}
	}
	packs := listed("packs")
	if len(data) < 5 || len(trees) < 5 || len(packs) < 2 {
		t.Fatal(data, trees, packs)
	}
	var questions [][]string
	ask := func(args ...string) {
		questions = append(questions, append([]string{"find"}, args...), append([]string{"find", "--json"}, args...))
	}
	for _, id := range data {
		ask("--blob", id)
	}
	for _, id := range trees {
		ask("--tree", id, "--reverse")
	}
	for _, id := range packs {
		ask("--pack", id[:8])
	}
	ask("--blob", data[0][:8], data[1], "00", "")
	ask("--blob", strings.ToUpper(data[0]), data[0][:7])
	ask("--tree", trees[0][:8], trees[1])
	ask("--tree", trees[2], "--host", "beta", "--snapshot", "latest", "--snapshot", "none")
	ask("--pack", packs[0], "--path", src)
	ask("--pack", "00")
	ask("--pack", packs[0], "00000000")
	ask("--blob", data[2], "--show-pack-id")
	ask("--blob", data[2][:8], "--show-pack-id", "--snapshot", ids[0])
	ask("--blob", strings.Repeat("1", 64), "--show-pack-id")
	ask("--blob", "00", "--show-pack-id")
	ask("--tree", trees[1], "--show-pack-id")
	ask("--tree", trees[1][:8], "--show-pack-id")
	ask("--blob", "--tree", data[0])
	p.all(questions)
	// restic prints the packs of several objects in no order.
	theirs := runPinned(t, p.env, "find", "--no-lock", "--no-cache", "--pack", packs[0], "--show-pack-id")
	ours := runProgram(t, p.env, "find", "--no-sync", "--pack", packs[0], "--show-pack-id")
	want, got := strings.Split(theirs.stdout, "\n"), strings.Split(ours.stdout, "\n")
	if slices.Sort(want); !slices.Equal(slices.Sorted(slices.Values(got)), want) {
		t.Errorf("got\n%s\nwant\n%s", ours.stdout, theirs.stdout)
	}
	for flag, says := range map[string]string{"--limit=1": "--limit is for names", "--contains": "--contains is for names", "--server=https://127.0.0.1:1": "looks into the repository itself"} {
		if got := runProgram(t, p.env, "find", "--blob", data[0], flag); got.code != 1 || !strings.Contains(got.stderr, says) {
			t.Errorf("%s: exit code %d, %s", flag, got.code, got.stderr)
		}
	}
}
