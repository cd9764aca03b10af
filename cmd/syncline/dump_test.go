package main_test

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// tarred returns what a tar archive holds, by name below a folder, and without
// folders: restic leaves out those above what was asked for. Old ones round
// times to seconds.
func tarred(t *testing.T, below string, b []byte) map[string]string {
	t.Helper()
	all := make(map[string]string)
	r := tar.NewReader(bytes.NewReader(b))
	for {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		if h.Typeflag != tar.TypeDir {
			all[strings.TrimPrefix(h.Name, below)] = fmt.Sprintf("%c %o %d:%d %d %q %q", h.Typeflag, h.Mode, h.Uid, h.Gid, h.ModTime.Round(time.Second).Unix(), h.Linkname, data)
		}
	}
}

func TestDump(t *testing.T) {
	t.Parallel()
	repo, cache, src := filepath.Join(t.TempDir(), "repo"), t.TempDir(), t.TempDir()
	at := func(name string) string { return filepath.Join(src, name) }
	err := errors.Join(
		os.MkdirAll(at("a/b"), 0o755), os.WriteFile(at("a/b/file"), []byte("some text"), 0o640),
		os.WriteFile(at("a/empty"), nil, 0o600), os.WriteFile(at("beside"), []byte("x"), 0o755), os.Symlink("b/file", at("a/link")),
	)
	if err != nil {
		t.Fatal(err)
	}
	initRepository(t, repo)
	restic(t, repo, "backup", src)
	for _, c := range []struct{ reference, path, below string }{
		{"latest", "/", ""}, {"latest", at("a"), ""}, {"latest:" + src, "/", src + "/"}, {"latest:" + src, "/a", src + "/"},
	} {
		got, stderr, code := command(t, repo, cache, "dump", "--quiet", c.reference, c.path)
		if code != 0 || stderr != "" {
			t.Fatalf("%v: exit %d: %s", c, code, stderr)
		}
		// The oldest restic does not know of folders behind the snapshot.
		want := tarred(t, strings.TrimPrefix(c.below, "/"), restic(t, repo, "dump", "latest", path.Join("/", c.below, c.path)))
		if ours := tarred(t, "", []byte(got)); len(want) < 3 || !maps.Equal(ours, want) {
			t.Errorf("%v:\n%v\nrestic:\n%v", c, ours, want)
		}
	}
	for _, args := range [][]string{{"latest", at("a/b/file")}, {"latest:" + src, "/a/b/file"}} {
		got, stderr, code := command(t, repo, cache, append([]string{"dump", "--no-sync"}, args...)...)
		if want := string(restic(t, repo, "dump", "latest", at("a/b/file"))); code != 0 || got != want {
			t.Errorf("%v: exit %d, %q where restic writes %q: %s", args, code, got, want, stderr)
		}
	}
	testDumpTarget(t, repo, cache, at)
}

// testDumpLinks: the target's link is followed where it is the user's own, and
// refused where it is another user's.
func testDumpLinks(t *testing.T, repo, cache, path string) {
	dir := t.TempDir()
	want, _, code := command(t, repo, cache, "dump", "--no-sync", "latest", path)
	if code != 0 || want == "" {
		t.Fatal(code, want)
	}
	link, to := filepath.Join(dir, "link"), filepath.Join(dir, "to")
	if err := os.Symlink("./to", link); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the file is made, then emptied
		_, stderr, code := command(t, repo, cache, "dump", "--no-sync", "-t", link, "latest", path)
		if got, err := os.ReadFile(to); code != 0 || err != nil || string(got) != want {
			t.Errorf("exit %d, %v, %q: %s", code, err, got, stderr)
		}
	}
	stdout, stderr, code := command(t, repo, cache, "dump", "--no-sync", "-t", "/dev/stdout", "latest", path)
	if code != 0 || stdout != want {
		t.Errorf("to /dev/stdout: exit %d, %q: %s", code, stdout, stderr)
	}
	if os.Geteuid() != 0 {
		return
	}
	if err := errors.Join(os.WriteFile(to, []byte("kept"), 0o600), os.Lchown(link, 54321, 54321)); err != nil {
		t.Fatal(err)
	}
	_, stderr, code = command(t, repo, cache, "dump", "--no-sync", "-t", link, "latest", path)
	if got, _ := os.ReadFile(to); code != 1 || string(got) != "kept" || !strings.Contains(stderr, "belongs to another user") {
		t.Errorf("another user's link: exit %d, %q: %s", code, got, stderr)
	}
}

func testDumpTarget(t *testing.T, repo, cache string, at func(string) string) {
	target := filepath.Join(t.TempDir(), "out.zip")
	stdout, stderr, code := command(t, repo, cache, "dump", "--no-sync", "-a", "zip", "-t", target, "latest", at("a"))
	z, err := zip.OpenReader(target)
	if code != 0 || stdout != "" || err != nil {
		t.Fatalf("exit %d, %v: %s", code, err, stderr)
	}
	z.Close()
	for want, args := range map[string][]string{
		"there is no archive format": {"-a", "rar", "latest", "/"},
		"/none":                      {"latest", "/none"},
		"leave out --server":         {"--server", "https://here", "latest", "/"},
		"symlink":                    {"latest", at("a/link")},
	} {
		stdout, stderr, code := command(t, repo, cache, append([]string{"dump", "--no-sync"}, args...)...)
		if code == 0 || stdout != "" || !strings.Contains(stderr, want) {
			t.Errorf("%v: exit %d, %q, %s", args, code, stdout, stderr)
		}
	}
	testDumpLinks(t, repo, cache, at("a/b/file"))
	damagePacks(t, repo)
	stdout, stderr, code = command(t, repo, cache, "dump", "--no-sync", "-t", target, "latest", "/")
	if _, err := os.Stat(target); code != 1 || stdout != "" || !strings.Contains(stderr, "missing or damaged") || !errors.Is(err, os.ErrNotExist) {
		t.Errorf("damaged: exit %d, %v: %s", code, err, stderr)
	}
}
