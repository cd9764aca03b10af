package main_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"syncline.dev/syncline/internal/resticfixture"
	"syncline.dev/syncline/internal/resticwriter"
)

// pieces is a repository of two snapshots in which each folder and file lies in a
// pack of its own, so that any of them can be lost alone. Both have /s/a/f, with
// another content in each, and the same /s/b/g.
type pieces struct {
	t        *testing.T
	dir      string
	repo     *resticwriter.Repo
	old, new string
	files    map[string]string // of blobs and of the "index old" and "index new"
}

func newPieces(t *testing.T) *pieces {
	t.Helper()
	p := &pieces{t: t, dir: filepath.Join(t.TempDir(), "repo"), files: make(map[string]string)}
	var err error
	p.repo, err = resticwriter.Create(p.dir, resticfixture.Password)
	p.must(err)
	b := p.tree("b", p.file("g", "same", "g"))
	p.old = p.backup("old", b, time.Date(2024, 5, 1, 10, 0, 0, 0, time.UTC))
	p.new = p.backup("new", b, time.Date(2024, 5, 2, 10, 0, 0, 0, time.UTC))
	return p
}

func (p *pieces) must(err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
}

// all lists the files of a kind.
func (p *pieces) all(pattern string) []string {
	list, err := filepath.Glob(filepath.Join(p.dir, pattern))
	p.must(err)
	return list
}

// added returns the file of a kind that do makes.
func (p *pieces) added(pattern string, do func()) string {
	before := p.all(pattern)
	do()
	for _, name := range p.all(pattern) {
		if !slices.Contains(before, name) {
			return name
		}
	}
	p.t.Fatal("there is no new file of", pattern)
	return ""
}

func (p *pieces) blob(name, kind, content string) string {
	id := sha256.Sum256([]byte(content))
	p.files[name] = p.added("data/*/*", func() {
		packer := resticwriter.NewPacker(p.repo, kind, true)
		p.must(errors.Join(packer.Add(id, []byte(content)), packer.Flush()))
	})
	return hex.EncodeToString(id[:])
}

const someTimes = `"mtime":"2024-05-01T10:00:00Z","atime":"2024-05-01T10:00:00Z","ctime":"2024-05-01T10:00:00Z","uid":0,"gid":0`

func (p *pieces) file(name, content, blob string) string {
	return fmt.Sprintf(`{"name":%q,"type":"file","mode":420,%s,"size":%d,"content":[%q]}`, name, someTimes, len(content), p.blob(blob, "data", content))
}

func folder(name, tree string) string {
	return fmt.Sprintf(`{"name":%q,"type":"dir","mode":2147484141,%s,"subtree":%q}`, name, someTimes, tree)
}

func (p *pieces) tree(name string, nodes ...string) string {
	return p.blob(name, "tree", `{"nodes":[`+strings.Join(nodes, ",")+"]}\n")
}

// backup adds a snapshot, and returns its short id.
func (p *pieces) backup(version, b string, at time.Time) string {
	a := p.tree("a "+version, p.file("f", version, "f "+version))
	s := p.tree("s "+version, folder("a", a), folder("b", b))
	root := p.tree("root "+version, folder("s", s))
	p.files["index "+version] = p.added("index/*", func() { p.must(p.repo.Flush()) })
	id, err := p.repo.StoreJSON("snapshots", map[string]any{"time": at, "tree": root, "paths": []string{"/s"}, "hostname": "host-" + version})
	p.must(err)
	p.files["snapshot "+version] = filepath.Join(p.dir, "snapshots", id.String())
	return id.String()[:8]
}

// lose takes a file away; the function puts it back.
func (p *pieces) lose(name string) (back func()) {
	away := filepath.Join(p.t.TempDir(), "away")
	p.must(os.Rename(p.files[name], away))
	return func() { p.must(os.Rename(away, p.files[name])) }
}

// change changes a file's bytes.
func (p *pieces) change(name string, how func([]byte) []byte) {
	b, err := os.ReadFile(p.files[name])
	p.must(err)
	p.must(errors.Join(os.Chmod(p.files[name], 0o600), os.WriteFile(p.files[name], how(b), 0o600)))
}

// lock locks the repository exclusively.
func (p *pieces) lock() (unlock func()) {
	name := p.added("locks/*", func() {
		_, err := p.repo.StoreJSON("locks", map[string]any{
			"time": time.Now(), "exclusive": true, "hostname": "elsewhere", "username": "root", "pid": 7, "uid": 0, "gid": 0,
		})
		p.must(err)
	})
	return func() { p.must(os.Remove(name)) }
}

// ask runs a command on the repository; OLD and NEW stand for its snapshots.
func (p *pieces) ask(program func(*testing.T, []string, ...string) outcome, env []string, command string) outcome {
	p.t.Helper()
	command = strings.NewReplacer("OLD", p.old, "NEW", p.new, "OUT", filepath.Join(p.t.TempDir(), "out")).Replace(command)
	return program(p.t, env, append([]string{"-r", p.dir}, strings.Fields(command)...)...)
}

// questions are the commands by short names.
var questions = map[string]string{
	"ls-old": "ls OLD", "f-old": "dump OLD /s/a/f", "g-old": "dump OLD /s/b/g", "dump-old": "dump OLD /",
	"restore-old": "restore OLD --target OUT", "stats-old": "stats OLD", "snapshots-old": "snapshots OLD", "find-old": "find -s OLD g",
	"ls-new": "ls NEW", "f-new": "dump NEW /s/a/f", "g-new": "dump NEW /s/b/g", "dump-new": "dump NEW /",
	"restore-new": "restore NEW --target OUT", "stats-new": "stats NEW", "snapshots-new": "snapshots NEW", "find-new": "find -s NEW g",
	"ls-latest": "ls latest", "f-latest": "dump latest /s/a/f", "g-latest": "dump latest /s/b/g", "restore-latest": "restore latest --target OUT",
	"snapshots": "snapshots", "stats": "stats", "raw": "stats --mode raw-data", "find": "find g", "diff": "diff OLD NEW",
}

// damages are what can be wrong with a repository, what restic 0.19 fails of the
// questions then, and what fails here beside that: restic says 0 of a search or a
// comparison that could not look into a folder, and of a question that names a
// damaged snapshot and leaves it out.
var damages = map[string]struct {
	do            func(p *pieces)
	fails, beside string
}{
	"nothing": {func(*pieces) {}, "", ""},
	"the old snapshot is cut": {
		func(p *pieces) { p.change("snapshot old", func(b []byte) []byte { return b[:60] }) },
		"ls-old f-old g-old dump-old restore-old ls-latest f-latest g-latest restore-latest diff", "stats-old snapshots-old find-old",
	},
	"the new snapshot is cut": {
		func(p *pieces) { p.change("snapshot new", func(b []byte) []byte { return b[:60] }) },
		"ls-new f-new g-new dump-new restore-new ls-latest f-latest g-latest restore-latest diff", "stats-new snapshots-new find-new",
	},
	"the new index is lost": {
		func(p *pieces) { p.lose("index new") },
		"ls-new f-new g-new dump-new restore-new stats-new ls-latest f-latest g-latest restore-latest stats raw diff", "find-new find",
	},
	"the old index is lost": {
		func(p *pieces) { p.lose("index old") },
		"ls-old f-old g-old dump-old restore-old stats-old ls-new g-new dump-new restore-new stats-new ls-latest g-latest restore-latest stats raw diff", "find-old find-new find",
	},
	"the new root is lost": {
		func(p *pieces) { p.lose("root new") },
		"ls-new f-new g-new dump-new restore-new stats-new ls-latest f-latest g-latest restore-latest stats raw diff", "find-new find",
	},
	"a new folder is lost": {
		func(p *pieces) { p.lose("a new") },
		"ls-new f-new dump-new restore-new stats-new ls-latest f-latest restore-latest stats raw", "find-new find diff",
	},
	"a new folder is flipped": {
		func(p *pieces) { p.change("a new", flip) },
		"ls-new f-new dump-new restore-new stats-new ls-latest f-latest restore-latest stats raw", "find-new find diff",
	},
	"a common folder is lost": {
		func(p *pieces) { p.lose("b") },
		"ls-old g-old dump-old restore-old stats-old ls-new g-new dump-new restore-new stats-new ls-latest g-latest restore-latest stats raw", "find-old find-new find",
	},
	"a new content is lost":    {func(p *pieces) { p.lose("f new") }, "f-new dump-new restore-new f-latest restore-latest", ""},
	"a new content is flipped": {func(p *pieces) { p.change("f new", flip) }, "f-new dump-new restore-new f-latest restore-latest", ""},
}

// TestDamageElsewhere asks many questions of repositories with one kind of damage
// each: the exit status is about the answer, as restic's is.
func TestDamageElsewhere(t *testing.T) {
	t.Parallel()
	oracle := strings.HasPrefix(resticfixture.Version(t), "0.19")
	t.Logf("the exit codes are compared with restic itself: %v", oracle)
	for name, d := range damages {
		t.Run(name, func(t *testing.T) {
			p := newPieces(t)
			d.do(p)
			env := []string{"SYNCLINE_CACHE_DIR=" + t.TempDir()}
			fails, beside := strings.Fields(d.fails), strings.Fields(d.beside)
			for question, command := range questions {
				want := btoi(slices.Contains(fails, question))
				if oracle {
					if got := p.ask(runRestic, nil, command); got.code != want {
						t.Errorf("restic %s: exit status %d, and the table has %d\n%s", command, got.code, want, got.stderr)
					}
				}
				want = max(want, btoi(slices.Contains(beside, question)))
				got := p.ask(runProgram, env, command)
				if got.code != want || want > 0 && got.stderr == "" {
					t.Errorf("%s: exit status %d, want %d\n%s", command, got.code, want, got.stderr)
				}
				if dump, ok := strings.CutPrefix(command, "dump"); ok && !strings.HasSuffix(dump, "/") {
					if cat := p.ask(runProgram, env, "cat"+dump); cat.code != want || cat.stdout != got.stdout {
						t.Errorf("cat%s: exit status %d, want %d\n%s", dump, cat.code, want, cat.stderr)
					}
				}
			}
			if got := p.ask(runProgram, env, "sync"); (got.code == 0) != (name == "nothing" || strings.Contains(name, "content")) {
				t.Errorf("sync: %+v", got)
			}
		})
	}
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// runRestic is runProgram for restic.
func runRestic(t *testing.T, env []string, args ...string) outcome {
	t.Helper()
	return run(t, resticfixture.Restic(t), env, append([]string{"--no-cache", "--no-lock"}, args...)...)
}

// TestLatestIsTheNewest asks for the latest snapshot while that cannot be shown: it
// is never an older one, and what is there is named.
func TestLatestIsTheNewest(t *testing.T) {
	t.Parallel()
	p := newPieces(t)
	env := []string{"SYNCLINE_CACHE_DIR=" + t.TempDir()}
	fails := func(what string, code int, command string, parts ...string) {
		t.Helper()
		got := p.ask(runProgram, env, command)
		for _, part := range parts {
			if !strings.Contains(got.stderr, strings.NewReplacer("OLD", p.old, "NEW", p.new).Replace(part)) {
				t.Errorf("%s: %s says %q, want %q in it", what, command, got.stderr, part)
			}
		}
		if got.code != code || got.stdout != "" {
			t.Errorf("%s: %s: %+v, want exit status %d", what, command, got, code)
		}
	}
	works := func(what, command, stdout string) {
		t.Helper()
		if got := p.ask(runProgram, env, command); got.code != 0 || got.stdout != stdout {
			t.Errorf("%s: %s: %+v, want %q", what, command, got, stdout)
		}
	}
	const latest = "cat latest /s/a/f"
	away, index := p.lose("snapshot new"), p.lose("index new")
	works("one snapshot", latest, "old")
	away()
	index()

	back, unlock := p.lose("root new"), p.lock()
	fails("locked", 11, latest, "NEW", "host-new", "OLD", "locked exclusively by elsewhere")
	unlocked := "--no-sync " + latest
	fails("not synchronized", 1, unlocked, "NEW of 2024-05-02 10:00:00 +0000 on host-new", "not synchronized yet", "OLD of 2024-05-01")
	fails("not synchronized", 1, "--no-sync ls NEW", "NEW", "in the repository", "not synchronized yet")
	fails("not there", 1, "--no-sync ls 0123abcd", "no matching ID")
	fails("not synchronized", 1, "--no-sync stats --content files", "NEW", "OLD")
	works("another host's", "--no-sync cat --host host-old latest /s/a/f", "old")
	unlock()

	fails("its root is lost", 1, latest, "NEW", "has lost its root folder", "OLD")
	fails("its root is lost", 1, "restore latest --target OUT", "NEW", "OLD")
	fails("its root is lost", 1, unlocked, "NEW", "OLD")
	if got := p.ask(runProgram, env, "snapshots --json latest"); got.code != 0 || !strings.Contains(got.stdout, p.new) || !strings.Contains(got.stderr, p.new) {
		t.Errorf("what it is can be listed: %+v", got)
	}
	back()
	works("found again", latest, "new")
	works("found again", "sync -q", "")

	p.change("snapshot old", func(b []byte) []byte { return b[:60] })
	works("one is damaged that was seen before", latest, "new")
	env[0] = "SYNCLINE_CACHE_DIR=" + t.TempDir()
	fails("one is damaged", 1, latest, "OLD cannot be read", "nobody knows", "NEW")
	fails("one is damaged", 1, unlocked, "OLD", "NEW")
	works("by its id", "cat NEW /s/a/f", "new")
}

// TestLostFolder gets back everything else of a snapshot that lacks a folder.
func TestLostFolder(t *testing.T) {
	t.Parallel()
	p := newPieces(t)
	env := []string{"SYNCLINE_CACHE_DIR=" + t.TempDir()}
	back := p.lose("b")
	out := filepath.Join(t.TempDir(), "out")
	got := p.ask(runProgram, env, "restore NEW --target "+out)
	text, err := os.ReadFile(filepath.Join(out, "s/a/f"))
	if got.code != 1 || !strings.Contains(got.stderr, "/s/b: ") || err != nil || string(text) != "new" {
		t.Errorf("%+v, %q, %v", got, text, err)
	}
	if fi, err := os.Stat(filepath.Join(out, "s/b")); err != nil || !fi.IsDir() {
		t.Errorf("the lost folder itself: %v", err)
	}
	for command, want := range map[string]struct {
		code           int
		stdout, stderr string
	}{
		"ls -q NEW":              {1, "/s\n/s/a\n/s/a/f\n/s/b\n", "/s/b: "},
		"ls -q NEW /s":           {0, "/s\n/s/a\n/s/b\n", ""},
		"ls -q NEW /s/a":         {0, "/s/a\n/s/a/f\n", ""},
		"ls -q NEW:/s/b":         {1, "", "missing or damaged in the repository"},
		"cat NEW /s/b/g":         {1, "", "missing or damaged in the repository"},
		"dump NEW /s/b":          {1, "", `"/s/b" is missing or damaged`},
		"diff NEW:/s/b OLD:/s/b": {1, "", "missing or damaged in the repository"},
		"history /s/b/g":         {1, "", "in 2 of them"},
		"find -q f":              {1, "", "lost folders of 2 snapshots"},
		"snapshots -c":           {0, p.new, p.new + " is incomplete: 1 folder is missing"},
	} {
		if got := p.ask(runProgram, env, command); got.code != want.code || !strings.Contains(got.stdout, want.stdout) || !strings.Contains(got.stderr, want.stderr) {
			t.Errorf("%s: %+v, want %+v", command, got, want)
		}
	}
	back()
	if got := p.ask(runProgram, env, "ls -q NEW"); got.code != 0 || got.stdout != "/s\n/s/a\n/s/a/f\n/s/b\n/s/b/g\n" {
		t.Errorf("after the folder was found: %+v", got)
	}
	if got := p.ask(runProgram, env, "snapshots"); got.code != 0 || got.stderr != "" {
		t.Errorf("after the folder was found: %+v", got)
	}
}

// TestFolderInPlaceOfASnapshot has a folder where the newest snapshot's file belongs:
// the snapshot is one that cannot be read, and "latest" is no older one.
func TestFolderInPlaceOfASnapshot(t *testing.T) {
	t.Parallel()
	path := newRepository(t, 3, 2)
	var list []struct{ ID string }
	if err := json.Unmarshal(restic(t, path, "snapshots", "--json"), &list); err != nil || len(list) != 2 {
		t.Fatal(list, err)
	}
	file := filepath.Join(path, "snapshots", list[1].ID)
	if err := errors.Join(os.Remove(file), os.Mkdir(file, 0o700)); err != nil {
		t.Fatal(err)
	}
	env := []string{"RESTIC_PASSWORD=" + repoPassword, "SYNCLINE_CACHE_DIR=" + t.TempDir()}
	got := runProgram(t, env, "-r", path, "ls", "latest")
	if got.code != 1 || got.stdout != "" || !strings.Contains(got.stderr, list[1].ID[:8]) {
		t.Errorf("the newest: %+v", got)
	}
	if got = runProgram(t, env, "-r", path, "ls", list[0].ID[:8]); got.code != 0 || got.stdout == "" {
		t.Errorf("the other one: %+v", got)
	}
}
