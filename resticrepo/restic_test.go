package resticrepo

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"syncline.dev/syncline/internal/resticfixture"
)

// flavour is a kind of repository that restic can make.
type flavour struct {
	name        string
	version     int
	compression string
}

var flavours = []flavour{{"v1", 1, ""}, {"v2", 2, "auto"}, {"v2plain", 2, "off"}}

// fixture is a repository made by restic for this run of the tests, with
// restic's own listings of it.
type fixture struct {
	flavour
	dir    string // of the repository
	source string // what was backed up
	st     *memStorage
	repo   *Repository
}

const password = "correct horse – пароль"

var (
	fixtures   = map[string]*fixture{}
	fixtureDir string
)

// TestMain removes the repositories that the tests shared.
func TestMain(m *testing.M) {
	code := m.Run()
	if fixtureDir != "" {
		_ = os.RemoveAll(fixtureDir)
	}
	os.Exit(code)
}

var fixtureMu sync.Mutex

// getFixture makes the repository of a flavour once for all tests.
func getFixture(t testing.TB, f flavour) *fixture {
	t.Helper()
	resticfixture.Restic(t)
	fixtureMu.Lock()
	defer fixtureMu.Unlock()
	if fixtureDir == "" {
		dir, err := os.MkdirTemp("", "resticrepo-test-") //nolint:usetesting // shared by all tests
		if err != nil {
			t.Fatal(err)
		}
		fixtureDir = dir
	}
	if fixtures[f.name] == nil {
		fixtures[f.name] = makeFixture(t, f, filepath.Join(fixtureDir, f.name))
	}
	return fixtures[f.name]
}

func makeFixture(t testing.TB, f flavour, dir string) *fixture {
	t.Helper()
	fx := &fixture{flavour: f, dir: filepath.Join(dir, "repo"), source: filepath.Join(dir, "source")}
	makeSource(t, fx.source)
	restic(t, fx.dir, password, "init", "--repository-version", fmt.Sprint(f.version))
	var extra []string
	if f.compression != "" {
		extra = []string{"--compression", f.compression}
	}
	restic(t, fx.dir, password, append(extra, "backup", "--host", "first", "--tag", "a,b", "--exclude", "*.tmp", fx.source)...)
	write(t, filepath.Join(fx.source, "dir", "second"), "added later")
	if err := os.RemoveAll(filepath.Join(fx.source, "gone")); err != nil {
		t.Fatal(err)
	}
	restic(t, fx.dir, password, append(extra, "backup", "--host", "first", "--time", "2020-02-29 12:00:00", fx.source)...)
	fx.st = loadMemStorage(t, fx.dir)
	repo, err := Open(t.Context(), fx.st, password)
	if err != nil {
		t.Fatal(err)
	}
	fx.repo = repo
	return fx
}

// oddNames are names that often cause faults.
var oddNames = []string{
	`plain`, `with "quotes"`, "new\nline", "tab\t", `back\slash`, `\u0041 \x41 \\`, "latin1 \xe4\xf6\xfc", "\xff\xfe\x80",
	"emoji 🦀👩‍👩‍👧", "rtl \u202e\u200fmark", "nul-like \\x00", "ctrl \x01\x1b\x7f", "e\u0301 \u00e9", "<&>\u2028", "},{\"name\":\"x\",\"type\":\"",
	strings.Repeat("n", 255), "\xf0\x9f half", " lead", "trail ", "-", "~", "*", "'", "$(x)", "\u65e5\u672c",
}

func write(t testing.TB, name, content string) {
	t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o755), os.WriteFile(name, []byte(content), 0o640)); err != nil {
		t.Fatal(err)
	}
}

// makeSource makes a folder with every kind of entry.
func makeSource(t testing.TB, dir string) {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	for i, name := range oddNames {
		write(t, filepath.Join(dir, "odd", name), fmt.Sprintf("content %d", i))
		must(os.Chtimes(filepath.Join(dir, "odd", name), time.Unix(int64(i), 5), time.Unix(1e9+int64(i)*1e7, int64(i)*123456789%1e9)))
	}
	must(os.MkdirAll(filepath.Join(dir, "odd", "dir \xff\n\"", "empty"), 0o700))
	write(t, filepath.Join(dir, "dir", "first"), "hello")
	write(t, filepath.Join(dir, "dir", "empty file"), "")
	write(t, filepath.Join(dir, "dir", "left out.tmp"), "excluded")
	write(t, filepath.Join(dir, "gone", "soon"), "x")
	must(os.Link(filepath.Join(dir, "dir", "first"), filepath.Join(dir, "dir", "hard link")))
	must(os.Symlink("dir/first", filepath.Join(dir, "symlink")))
	must(os.Symlink("bad \xff target\n", filepath.Join(dir, "symlink raw")))
	must(syscall.Mkfifo(filepath.Join(dir, "fifo"), 0o600))
	must(os.Chmod(filepath.Join(dir, "dir", "empty file"), 0o751|os.ModeSetuid|os.ModeSticky))
	must(os.Chtimes(filepath.Join(dir, "dir", "empty file"), time.Unix(-1e9, 1), time.Unix(-1e9, 999999999)))
	must(syscall.Setxattr(filepath.Join(dir, "dir", "first"), "user.syncline.test", []byte("\x00\xffvalue"), 0))
	must(syscall.Setxattr(filepath.Join(dir, "dir", "first"), "user.type", []byte{}, 0))
	if os.Geteuid() == 0 {
		must(syscall.Mknod(filepath.Join(dir, "chardev"), syscall.S_IFCHR|0o600, 1<<8|3))
		must(syscall.Mknod(filepath.Join(dir, "blockdev"), syscall.S_IFBLK|0o600, 7<<8|200))
	}
	// The address of a socket must be short, so it is made from its own folder.
	wd, err := os.Getwd()
	must(err)
	must(os.Chdir(dir)) //nolint:usetesting // and back at once
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: "socket", Net: "unix"})
	must(os.Chdir(wd)) //nolint:usetesting // as above
	must(err)
	l.SetUnlinkOnClose(false)
	must(l.Close())
	random := make([]byte, 6<<20)
	_, _ = rand.NewChaCha8([32]byte{1}).Read(random)
	must(os.WriteFile(filepath.Join(dir, "dir", "large"), random, 0o600))
}

// eachFlavour runs a test on every kind of repository.
func eachFlavour(t *testing.T, test func(t *testing.T, fx *fixture)) {
	for _, f := range flavours {
		t.Run(f.name, func(t *testing.T) { test(t, getFixture(t, f)) })
	}
}

// loadBlobs reads all indexes.
func loadBlobs(t *testing.T, r *Repository) (map[ID]Blob, map[ID]ID) {
	t.Helper()
	files, err := r.Indexes(t.Context())
	if err != nil || len(files) == 0 {
		t.Fatalf("%d indexes, %v", len(files), err)
	}
	blobs, packs := map[ID]Blob{}, map[ID]ID{}
	for _, f := range files {
		idx, err := r.LoadIndex(t.Context(), f)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range idx.Packs {
			for _, b := range p.Blobs {
				blobs[b.ID], packs[b.ID] = b, p.ID
			}
		}
	}
	return blobs, packs
}

func TestOpenFixture(t *testing.T) {
	eachFlavour(t, func(t *testing.T, fx *fixture) {
		var want struct {
			Version int    `json:"version"`
			ID      string `json:"id"`
			Poly    string `json:"chunker_polynomial"`
		}
		if err := json.Unmarshal(restic(t, fx.dir, password, "cat", "config"), &want); err != nil {
			t.Fatal(err)
		}
		c := fx.repo.Config()
		if c.Version != fx.version || c.Version != want.Version || c.ID.String() != want.ID || fmt.Sprintf("%x", c.ChunkerPolynomial) != want.Poly {
			t.Errorf("config %+v, restic says %+v", c, want)
		}
		if _, ok := fx.st.files["keys/"+fx.repo.KeyID().String()]; !ok {
			t.Errorf("the key %s is no file of the repository", fx.repo.KeyID())
		}
	})
}

func TestSnapshotsLikeRestic(t *testing.T) {
	eachFlavour(t, func(t *testing.T, fx *fixture) {
		var want []struct {
			ID             string          `json:"id"`
			Time           time.Time       `json:"time"`
			Tree           string          `json:"tree"`
			Parent         string          `json:"parent"`
			Paths          []string        `json:"paths"`
			Hostname       string          `json:"hostname"`
			Username       string          `json:"username"`
			UID            uint32          `json:"uid"`
			GID            uint32          `json:"gid"`
			Excludes       []string        `json:"excludes"`
			Tags           []string        `json:"tags"`
			ProgramVersion string          `json:"program_version"`
			Summary        json.RawMessage `json:"summary"`
		}
		if err := json.Unmarshal(restic(t, fx.dir, password, "snapshots", "--json"), &want); err != nil {
			t.Fatal(err)
		}
		files, err := fx.repo.Snapshots(t.Context())
		if err != nil || len(files) != 2 || len(want) != 2 {
			t.Fatalf("%d snapshots, restic has %d: %v", len(files), len(want), err)
		}
		for _, w := range want {
			id, _ := ParseID(w.ID)
			s, err := fx.repo.LoadSnapshot(t.Context(), File{ID: id})
			if err != nil {
				t.Fatal(err)
			}
			parent := ""
			if !s.Parent.IsZero() {
				parent = s.Parent.String()
			}
			if s.ID != id || !s.Time.Equal(w.Time) || s.Tree.String() != w.Tree || parent != w.Parent || !slices.Equal(s.Paths, w.Paths) ||
				s.Hostname != w.Hostname || s.Username != w.Username || s.UID != w.UID || s.GID != w.GID || !s.Original.IsZero() ||
				!slices.Equal(s.Excludes, w.Excludes) || !slices.Equal(s.Tags, w.Tags) || s.ProgramVersion != w.ProgramVersion ||
				(s.Summary == nil) != (w.Summary == nil) {
				t.Errorf("snapshot %+v\nrestic says %+v", s, w)
			}
		}
	})
}

// lsNode is a line of restic's ls --json.
type lsNode struct {
	Name, Type, Path    string
	UID, GID            uint32
	Size                uint64
	Mode                uint32
	MTime, ATime, CTime time.Time
	StructType          string `json:"struct_type"`
}

// walk lists a tree as restic's ls does.
func walk(t *testing.T, r *Repository, blobs map[ID]Blob, packs map[ID]ID, tree ID, path string, visit func(path string, n Node)) {
	t.Helper()
	b, ok := blobs[tree]
	if !ok || b.Type != Tree {
		t.Fatalf("tree %s of %q is not in the index", tree, path)
	}
	raw, err := r.LoadBlob(t.Context(), packs[tree], b)
	if err != nil {
		t.Fatal(err)
	}
	spans, err := SplitTree(raw, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, span := range spans {
		object := raw[span.Start:span.End]
		fast := nodeParser{scanner: scanner{buf: object}}
		if !fast.parse(&Node{}) {
			t.Errorf("what restic wrote did not take the fast way: %s", object)
		}
		var n Node
		compareNode(t, bytes.Clone(object), &n)
		visit(path+"/"+n.Name, n)
		if n.Type == "dir" {
			walk(t, r, blobs, packs, n.Subtree, path+"/"+n.Name, visit)
		}
	}
}

func TestTreesLikeRestic(t *testing.T) {
	eachFlavour(t, func(t *testing.T, fx *fixture) {
		blobs, packs := loadBlobs(t, fx.repo)
		files, err := fx.repo.Snapshots(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			s, err := fx.repo.LoadSnapshot(t.Context(), f)
			if err != nil {
				t.Fatal(err)
			}
			want := map[string]lsNode{}
			for line := range bytes.Lines(restic(t, fx.dir, password, "ls", "--json", f.ID.String())) {
				var n lsNode
				if err := json.Unmarshal(line, &n); err != nil {
					t.Fatal(err)
				}
				if n.StructType == "node" {
					want[n.Path] = n
				}
			}
			seen := 0
			walk(t, fx.repo, blobs, packs, s.Tree, "", func(path string, n Node) {
				// restic's own output replaces invalid UTF-8.
				w, ok := want[strings.ToValidUTF8(path, "\ufffd")]
				if !ok {
					w, ok = want[replaceInvalid(path)]
				}
				if !ok {
					t.Errorf("restic does not list %q", path)
					return
				}
				seen++
				if w.Name != replaceInvalid(n.Name) || w.Type != n.Type || w.UID != n.UID || w.GID != n.GID || w.Size != n.Size ||
					w.Mode != uint32(n.Mode) || !w.MTime.Equal(n.ModTime) || !w.ATime.Equal(n.AccessTime) || !w.CTime.Equal(n.ChangeTime) {
					t.Errorf("%q: %+v\nrestic says %+v", path, n, w)
				}
			})
			if seen != len(want) || seen < len(oddNames) {
				t.Errorf("%d entries, restic lists %d", seen, len(want))
			}
		}
	})
}

// replaceInvalid replaces invalid UTF-8 as encoding/json does.
func replaceInvalid(s string) string { return string([]rune(s)) }

// TestNodesLikeSource compares the last snapshot with the folder that was
// backed up. The folder has more metadata than ls shows.
func TestNodesLikeSource(t *testing.T) {
	eachFlavour(t, func(t *testing.T, fx *fixture) {
		blobs, packs := loadBlobs(t, fx.repo)
		types := map[string]int{}
		walk(t, fx.repo, blobs, packs, newestTree(t, fx), "", func(path string, n Node) {
			if !strings.HasPrefix(path, fx.source) {
				return
			}
			types[n.Type]++
			compareWithSource(t, fx, blobs, packs, path, n)
		})
		want := []string{"dir", "fifo", "file", "symlink"} // restic leaves sockets out
		if os.Geteuid() == 0 {
			want = append(want, "chardev", "dev")
		}
		for _, kind := range want {
			if types[kind] == 0 {
				t.Errorf("no entry of type %s", kind)
			}
		}
		for _, name := range oddNames {
			if _, err := os.Lstat(filepath.Join(fx.source, "odd", name)); err != nil {
				t.Error(err)
			}
		}
	})
}

// newestTree returns the tree of the snapshot that has the folder in its last
// state. That is the second backup, although its time is an early one.
func newestTree(t *testing.T, fx *fixture) ID {
	t.Helper()
	files, err := fx.repo.Snapshots(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		s, err := fx.repo.LoadSnapshot(t.Context(), f)
		if err != nil {
			t.Fatal(err)
		}
		if s.Time.Year() == 2020 {
			if s.Time.Format(time.RFC3339) != "2020-02-29T12:00:00+05:30" {
				t.Errorf("time %v", s.Time)
			}
			return s.Tree
		}
	}
	t.Fatal("the second snapshot is missing")
	return ID{}
}

func compareWithSource(t *testing.T, fx *fixture, blobs map[ID]Blob, packs map[ID]ID, path string, n Node) {
	t.Helper()
	fi, err := os.Lstat(path)
	if err != nil {
		t.Error(err)
		return
	}
	st := fi.Sys().(*syscall.Stat_t)
	if n.Mode != fi.Mode() || !n.ModTime.Equal(fi.ModTime()) || n.UID != st.Uid || n.GID != st.Gid || n.Inode != st.Ino ||
		n.Type == "file" && n.Links != st.Nlink || n.Error != "" {
		t.Errorf("%q: %+v, the folder has %v %v %+v", path, n, fi.Mode(), fi.ModTime(), st)
	}
	switch n.Type {
	case "file":
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var got []byte
		for _, id := range n.Content {
			part, err := fx.repo.LoadBlob(t.Context(), packs[id], blobs[id])
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, part...)
		}
		if !bytes.Equal(got, content) || n.Size != uint64(len(content)) {
			t.Errorf("%q: the content differs", path)
		}
	case "symlink":
		target, err := os.Readlink(path)
		// restic before 0.16 replaces invalid UTF-8.
		if err != nil || n.LinkTarget != target && n.LinkTarget != replaceInvalid(target) {
			t.Errorf("%q: target %q, not %q (%v)", path, n.LinkTarget, target, err)
		}
	case "dev", "chardev":
		if n.Device != st.Rdev {
			t.Errorf("%q: device %d, not %d", path, n.Device, st.Rdev)
		}
	}
	if filepath.Base(path) == "first" {
		want := []ExtendedAttribute{{"user.syncline.test", []byte("\x00\xffvalue")}, {"user.type", []byte{}}}
		got := slices.Clone(n.ExtendedAttributes)
		for i := range got {
			got[i].Value = append([]byte{}, got[i].Value...)
		}
		slices.SortFunc(got, func(a, b ExtendedAttribute) int { return strings.Compare(a.Name, b.Name) })
		if !reflect.DeepEqual(got, want) {
			t.Errorf("extended attributes %q", got)
		}
	}
}

// TestPackHeadersLikeIndexes compares every pack's own list with the index, and
// one tree with restic's cat.
func TestPackHeadersLikeIndexes(t *testing.T) {
	eachFlavour(t, func(t *testing.T, fx *fixture) {
		files, err := fx.repo.Indexes(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			idx, err := fx.repo.LoadIndex(t.Context(), f)
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range idx.Packs {
				size := int64(len(fx.st.files[PackName(p.ID)]))
				got, err := fx.repo.ReadPackHeader(t.Context(), p.ID, size)
				if err != nil {
					t.Fatal(err)
				}
				byOffset := func(a, b Blob) int { return int(int64(a.Offset) - int64(b.Offset)) }
				slices.SortFunc(p.Blobs, byOffset)
				if !reflect.DeepEqual(got, p.Blobs) {
					t.Errorf("%s has %v, its index says %v", PackName(p.ID), got, p.Blobs)
				}
				for _, b := range p.Blobs {
					// Format 2 compresses trees in any case.
					compressed := fx.version == 2 && (b.Type == Tree || fx.compression == "auto")
					if compressed != (b.UncompressedLength != 0) {
						t.Errorf("%s blob %s: compressed is not %v", b.Type, b.ID, compressed)
					}
				}
			}
		}
		blobs, packs := loadBlobs(t, fx.repo)
		tree := newestTree(t, fx)
		raw, err := fx.repo.LoadBlob(t.Context(), packs[tree], blobs[tree])
		if err != nil || !bytes.Equal(raw, restic(t, fx.dir, password, "cat", "blob", tree.String())) {
			t.Errorf("the tree is not what restic reads: %v", err)
		}
	})
}

func TestSeveralKeys(t *testing.T) {
	fx := getFixture(t, flavours[1])
	dir := filepath.Join(t.TempDir(), "repo")
	if err := os.CopyFS(dir, os.DirFS(fx.dir)); err != nil {
		t.Fatal(err)
	}
	second := filepath.Join(t.TempDir(), "password")
	write(t, second, "the second password")
	restic(t, dir, password, "key", "add", "--new-password-file", second)
	st := loadMemStorage(t, dir)
	first := fx.repo.KeyID()
	other, err := Open(t.Context(), st, "the second password")
	if err != nil || other.KeyID() == first || other.Config() != fx.repo.Config() {
		t.Fatalf("second key: %v", err)
	}
	if files, err := other.Snapshots(t.Context()); err != nil || len(files) != 2 {
		t.Errorf("%d snapshots, %v", len(files), err)
	}
	// A damaged key beside a good one does not hide it, and is no wrong
	// password.
	name := "keys/" + first.String()
	damaged := st.clone()
	damaged.files[name] = append([]byte("x"), st.files[name]...)
	if _, err := Open(t.Context(), damaged, "the second password"); err != nil {
		t.Errorf("one key damaged: %v", err)
	}
	if _, err := Open(t.Context(), damaged, password); !errors.Is(err, ErrWrongPassword) {
		t.Errorf("one key damaged, the password of that one: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Open(ctx, st, password); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
}
