package main_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/sys/unix"

	"syncline.dev/syncline/internal/resticfixture"
	"syncline.dev/syncline/internal/resticwriter"
)

// onTerminal runs the program with a terminal for standard output and standard
// error, and returns what that got.
func onTerminal(t *testing.T, env []string, args ...string) string {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer master.Close()
	if err := unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	slave, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), program, args...)
	cmd.Env = append(append(os.Environ(), "RESTIC_PASSWORD="+resticfixture.Password), env...)
	cmd.Stdout, cmd.Stderr = slave, slave
	err = cmd.Start()
	slave.Close()
	if err != nil {
		t.Fatal(err)
	}
	var got bytes.Buffer
	if _, err := io.Copy(&got, master); err != nil && !errors.Is(err, syscall.EIO) { // the other side is closed
		t.Fatal(err)
	}
	_ = cmd.Wait()
	// Progress is drawn within its own line.
	return strings.NewReplacer("\r\n", "\n", "\r\x1b[K", "").Replace(got.String())
}

// hostile is text that acts on a terminal: C0, DEL, C1, a bidi override, a tag,
// and bytes that are no UTF-8, of which one is a C1 control of old terminals.
const hostile = "a\x1b[31m\x07\x7f\u009b31m\u202eb\U000e0041\x9b\xff"

// actsOnTerminal returns the first character that could.
func actsOnTerminal(s string) (rune, bool) {
	for i, r := range s {
		if r == '\n' {
			continue
		}
		if _, n := utf8.DecodeRuneInString(s[i:]); r == utf8.RuneError && n == 1 || !unicode.IsPrint(r) {
			return r, true
		}
	}
	return 0, false
}

// Nothing in a repository, and nothing in an argument, acts on the terminal that a
// command writes to. JSON says the same there as elsewhere.
func TestNothingActsOnTerminal(t *testing.T) {
	t.Parallel()
	repo, dir := resticfixture.Init(t, 2), t.TempDir()
	src := filepath.Join(dir, "src"+strings.ReplaceAll(hostile, "\xff", ""))
	for _, err := range []error{
		os.Mkdir(src, 0o700), os.WriteFile(filepath.Join(src, hostile), []byte("1"), 0o600), os.Symlink(hostile, filepath.Join(src, "link")),
		os.WriteFile(filepath.Join(src, "more."+hostile), []byte("22"), 0o600),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	valid := strings.ToValidUTF8(hostile, "")
	resticfixture.Backup(t, repo, src, "--host", valid, "--tag", valid)
	if err := os.Remove(filepath.Join(src, hostile)); err != nil {
		t.Fatal(err)
	}
	resticfixture.Backup(t, repo, src, "--host", valid)
	env := []string{"RESTIC_REPOSITORY=" + repo, "SYNCLINE_CACHE_DIR=" + t.TempDir()}
	list := runProgram(t, env, "snapshots", "--json")
	var ids []struct{ ID string }
	if err := json.Unmarshal([]byte(list.stdout), &ids); err != nil || len(ids) != 2 {
		t.Fatal(err, list)
	}
	for _, args := range [][]string{
		{"snapshots"},
		{"snapshots", "--compact", "--group-by", "host,paths,tags"},
		{"ls", "latest"},
		{"ls", "-l", ids[0].ID},
		{"ls", "--ncdu", ids[0].ID},
		{"find", "*"},
		{"find", "-l", "--contains", "a"},
		{"history", src + "/" + hostile},
		{"diff", "--metadata", ids[0].ID, ids[1].ID},
		{"stats"},
		{"stats", "--snapshots"},
		{"stats", "--content", "files", ids[0].ID},
		{"stats", "--content", "folders"},
		{"stats", "--content", "kinds"},
		{"restore", ids[0].ID, "--target", filepath.Join(dir, hostile), "--dry-run", "-vv"},
		{"restore", ids[0].ID + ":/" + hostile, "--target", dir},
		{"ls", "latest:/" + hostile},
		{"cat", "latest", hostile},
		{"dump", "latest", hostile},
		{"snapshots", hostile},
		{"stats", hostile},
		{"find", "[" + hostile},
		{"find", "--type", hostile, "x"},
		{"find", "-o", hostile + "=1", "x"},
		{"find", "--" + hostile},
		{hostile},
		{"snapshots", "-r", "/none/" + hostile},
		{"snapshots", "-r", hostile + ":x"},
		{"snapshots", "--password-file", "/none/" + hostile},
		{"find", "--blob", hostile, "--show-pack-id"},
		{"find", "--pack", hostile},
		{"login", "https://" + hostile},
		{"snapshots", "--server", "https://x/" + hostile},
	} {
		for _, as := range []string{"", "--json"} {
			all := args
			if as != "" {
				all = append([]string{as}, args...)
			}
			got := onTerminal(t, env, all...)
			if r, bad := actsOnTerminal(got); bad || got == "" {
				t.Errorf("%q writes %U to a terminal: %q", all, r, got)
			}
			if as == "" && !slices.Contains(args, "--ncdu") || args[0] == "dump" || args[0] == "cat" {
				continue
			}
			elsewhere := runProgram(t, env, all...)
			if a, b := documents(t, got), documents(t, elsewhere.stdout+elsewhere.stderr); !reflect.DeepEqual(a, b) {
				t.Errorf("%q: a terminal gets %q, others %q", all, a, b)
			}
		}
	}
}

// A note of a restore names what lies in the repository.
func TestNotesActOnNoTerminal(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "repo")
	repo, err := resticwriter.Create(dir, resticfixture.Password)
	if err != nil {
		t.Fatal(err)
	}
	const file = `{"name":"a\u009b31m\u202eb","type":"file","mode":420,"uid":0,"gid":0,"size":0,"content":[]}`
	tree := []byte(`{"nodes":[` + file + "," + file + "]}\n")
	root := resticwriter.ID(sha256.Sum256(tree))
	p := resticwriter.NewPacker(repo, "tree", true)
	err = errors.Join(p.Add(root, tree), p.Flush())
	if err == nil {
		_, err = repo.StoreJSON("snapshots", map[string]any{"time": time.Now(), "tree": root, "paths": []string{"/x"}, "hostname": "h", "username": "u"})
	}
	if err = errors.Join(err, repo.Flush()); err != nil {
		t.Fatal(err)
	}
	env := []string{"RESTIC_REPOSITORY=" + dir, "SYNCLINE_CACHE_DIR=" + t.TempDir()}
	for _, args := range [][]string{{"restore", "latest"}, {"restore", "latest", "--json"}} {
		got := onTerminal(t, env, append(args, "--target", filepath.Join(t.TempDir(), "target"))...)
		if r, bad := actsOnTerminal(got); bad || !strings.Contains(got, "(2)") {
			t.Errorf("%q writes %U to a terminal: %q", args, r, got)
		}
	}
}

// documents decodes the JSON documents in a text; notes between them are left out.
func documents(t *testing.T, text string) (all []any) {
	t.Helper()
	for len(text) > 0 {
		d := json.NewDecoder(strings.NewReader(text))
		var one any
		if err := d.Decode(&one); err != nil {
			_, text, _ = strings.Cut(text, "\n")
			continue
		}
		if m, ok := one.(map[string]any); ok {
			delete(m, "seconds_elapsed")
		}
		all = append(all, one)
		text = text[d.InputOffset():]
	}
	return all
}

// A password that is made at a terminal is printed there, also when the start fails
// later, and nowhere else.
func TestFirstPasswordOnTerminal(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "data")
	said := onTerminal(t, nil, "serve", "--data", data, "--listen", takenPort(t))
	const before = "created user administrator with password "
	_, rest, found := strings.Cut(said, before)
	password, _, _ := strings.Cut(rest, "\n")
	if !found {
		t.Fatalf("no password: %s", said)
	}
	if _, err := os.Stat(filepath.Join(data, "initial-password")); err == nil {
		t.Error("the password is in a file, too")
	}
	n := startWith(t, nil, data).as(password)
	if err := n.signal(syscall.SIGTERM); err != nil {
		t.Error(err)
	}
}
