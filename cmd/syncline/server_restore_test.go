//go:build linux

package main_test

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"syncline.dev/syncline/internal/resticfixture"
)

// oddTree makes a folder with what restores get wrong.
func oddTree(t *testing.T) (src string) {
	t.Helper()
	src = filepath.Join(t.TempDir(), "src")
	at := func(name string) string { return filepath.Join(src, name) }
	must(0, os.Mkdir(src, 0o755))(t)
	resticfixture.MakeTree(t, src, 5, 60)
	large := make([]byte, 3<<20)
	copy(large[2<<20:], "not only zeros")
	err := errors.Join(
		os.MkdirAll(at("links/deep"), 0o755), os.WriteFile(at("links/one"), large, 0o640), os.Link(at("links/one"), at("links/deep/two")), os.Link(at("links/one"), at("three")),
		os.Symlink("../three", at("links/to three")), os.Symlink("/nowhere", at("links/nowhere")), os.WriteFile(at("raw \xfe"), []byte("raw"), 0o600),
		os.WriteFile(at("set"), []byte("x"), 0o755), os.Chmod(at("set"), 0o755|os.ModeSetuid|os.ModeSticky), os.WriteFile(at("empty"), nil, 0o400),
		os.Mkdir(at("closed"), 0o755), os.WriteFile(at("closed/file"), []byte("y"), 0o400), os.Chmod(at("closed"), 0o500),
		syscall.Mkfifo(at("pipe"), 0o620), unix.Setxattr(at("three"), "user.some=%thing", []byte{0, 'a', '\n'}, 0),
	)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Chmod(at("closed"), 0o700) })
	return src
}

// A restore from a server gives the same files as one from the repository.
func TestRestoreFromServer(t *testing.T) {
	t.Parallel()
	src, repo := oddTree(t), filepath.Join(t.TempDir(), "repo")
	socket := filepath.Join(src, "socket")
	listener := must(net.Listen("unix", socket))(t)
	initRepository(t, repo)
	restic(t, repo, "backup", src)
	if err := listener.Close(); err != nil { // which removes it
		t.Fatal(err)
	}
	n := start(t, t.TempDir())
	n.finish(n.sync(n.attach("main", repo)).ID)
	u := n.user([]string{"SYNCLINE_SERVER=" + n.url})
	u.must(0, "", "login", "--fingerprint", n.fingerprint(), n.url)
	local := &someone{t, "", append(u.env, "SYNCLINE_SERVER=", "RESTIC_REPOSITORY="+repo, "RESTIC_PASSWORD="+repoPassword)}

	counts := func(out string) string { // without the time it took
		before, after, _ := strings.Cut(out, " written in ")
		_, after, _ = strings.Cut(after, "s")
		return before + after
	}
	whole := t.TempDir()
	for _, args := range [][]string{
		{"latest", "--sparse", "--verify"},
		{"latest:" + src},
		{"latest:" + src + "/links", "--exclude", "one"},
		{"latest", "--include", src + "/three", "--include", "two", "--include", "to*"},
		{"latest:" + src, "--iexclude", "LINKS", "--exclude", "/closed"},
		{"latest", "--include", "none of these"},
	} {
		theirs, ours := t.TempDir(), t.TempDir()
		if strings.Contains(fmt.Sprint(args), "sparse") {
			ours = whole
		}
		want := local.must(0, "", append([]string{"restore", "--target", theirs}, args...)...)
		got := u.must(0, "restoring snapshot", append([]string{"restore", "--target", ours}, args...)...)
		if counts(got) != counts(want) {
			t.Errorf("restore %q said %q, without a server %q", args, got, want)
		}
		if args[1:] != nil && args[len(args)-1] == "none of these" {
			if list, err := os.ReadDir(ours); len(list) > 0 || err != nil {
				t.Errorf("nothing was chosen, and %v restored", list)
			}
			continue
		}
		resticfixture.SameTrees(t, theirs, ours)
	}
	restoreAgain(t, u, src, whole)
	u.must(1, "is not a folder", "restore", "--target", whole, "latest:"+src+"/three")
	u.must(1, "is not a folder", "restore", "--target", whole, "latest:/none")
	u.must(1, "--target", "restore", "latest")
	u.must(1, "cannot be used", "restore", "latest", "--target", filepath.Join(whole, src, "three"))
}

// restoreAgain restores over what is there and was changed.
func restoreAgain(t *testing.T, u *someone, src, target string) {
	t.Helper()
	outside := filepath.Join(t.TempDir(), "outside")
	at := func(name string) string { return filepath.Join(target, src, name) }
	err := errors.Join(
		os.WriteFile(outside, []byte("of somebody else"), 0o600), os.Remove(at("set")), os.Symlink(outside, at("set")),
		os.Remove(at("raw \xfe")), os.Mkdir(at("raw \xfe"), 0o700), os.WriteFile(at("raw \xfe/in the way"), nil, 0o600),
		os.Remove(at("three")), os.WriteFile(at("three"), []byte("another"), 0o600), os.Chmod(at("empty"), 0o600), os.WriteFile(at("empty"), []byte("no more"), 0o600),
	)
	if err != nil {
		t.Fatal(err)
	}
	stdout, stderr, code := u.run("restore", "latest", "--target", target, "--overwrite", "never")
	if raw, err := os.ReadFile(at("empty")); code != 0 || string(raw) != "no more" || err != nil || !strings.Contains(stdout, "0 B written") {
		t.Errorf("exit code %d, %s%s, and the file holds %q", code, stdout, stderr, raw)
	}
	stdout, stderr, code = u.run("restore", "latest", "--target", target)
	if code != 1 || strings.Count(stderr, "a folder is in its place") != 1 || !strings.Contains(stderr, "1 items could not be restored") || !strings.Contains(stdout, "files were right already") {
		t.Errorf("exit code %d, %s%s", code, stdout, stderr)
	}
	if raw, err := os.ReadFile(outside); string(raw) != "of somebody else" || err != nil {
		t.Errorf("a file that a link led to holds %q, %v", raw, err)
	}
	if err := os.RemoveAll(at("raw \xfe")); err != nil {
		t.Fatal(err)
	}
	u.must(0, "", "restore", "latest", "--target", target, "--overwrite", "if-changed")
	resticfixture.SameTrees(t, src, filepath.Join(target, src))
}
