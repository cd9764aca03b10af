//go:build linux

package archive_test

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"golang.org/x/sys/unix"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/archive"
	"syncline.dev/syncline/internal/catalog"
	"syncline.dev/syncline/internal/content"
	"syncline.dev/syncline/internal/content/contenttest"
	"syncline.dev/syncline/internal/resticfixture"
	"syncline.dev/syncline/internal/restore"
	"syncline.dev/syncline/resticrepo"
)

// tree is the first snapshot of a catalog.
type tree struct{ cat *catalog.Catalog }

func (t tree) View(ctx context.Context, fn func(*catalog.View) error) error {
	return t.cat.View(ctx, fn)
}

func (t tree) Root(v *catalog.View) (catalog.TreeRef, error) {
	list, err := v.Snapshots()
	if err != nil {
		return catalog.TreeRef{}, err
	}
	if len(list) == 0 {
		return catalog.TreeRef{}, syncline.Errorf(syncline.CodeNotFound, "there is no snapshot")
	}
	return list[0].Root, nil
}

// world is a repository of one tree with a bit of everything.
type world struct {
	source, path string
	repo         *resticrepo.Repository
	cat          *catalog.Catalog
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{source: filepath.Join(t.TempDir(), "source"), path: resticfixture.Init(t, 2)}
	at := func(name string) string { return filepath.Join(w.source, name) }
	large := make([]byte, 5<<20)
	_, _ = rand.NewChaCha8([32]byte{1}).Read(large[:3<<20])
	old := time.Unix(-86400, 987654321)
	err := os.Mkdir(w.source, 0o755)
	resticfixture.MakeTree(t, w.source, 7, 300)
	err = errors.Join(err,
		os.WriteFile(at("large"), large, 0o640), os.WriteFile(at("empty"), nil, 0o444), os.WriteFile(at("a:b"), []byte("first"), 0o600),
		os.WriteFile(at("a?b"), []byte("second"), 0o600), os.WriteFile(at("con.txt"), []byte("reserved"), 0o600),
		os.WriteFile(at("set"), []byte("x"), 0o755), os.Chmod(at("set"), 0o755|os.ModeSetuid|os.ModeSetgid|os.ModeSticky),
		os.WriteFile(at("no text \xff\xfe"), []byte("raw"), 0o600), os.WriteFile(at(`back\slash`), nil, 0o600),
		os.Mkdir(at("links"), 0o750), os.Link(at("large"), at("links/second name")), os.Symlink(strings.Repeat("x", 300), at("links/long")),
		os.Symlink("../large", at("links/relative")), os.Mkdir(at("closed"), 0o500),
		unix.Mkfifo(at("pipe"), 0o621),
		unix.Lsetxattr(at("large"), "user.no=te%", []byte("a\x00b\nc"), 0), unix.Lsetxattr(at("links"), "user.folder", []byte("yes"), 0),
		os.Chtimes(at("empty"), old, old),
	)
	if os.Geteuid() == 0 {
		err = errors.Join(err, unix.Mknod(at("device"), unix.S_IFCHR|0o640, int(unix.Mkdev(1, 3))), os.Lchown(at("con.txt"), 1234, 3_000_000))
	}
	if err != nil {
		t.Fatal(err)
	}
	resticfixture.Backup(t, w.path, w.source)
	w.repo = contenttest.Open(t, w.path, resticfixture.Password)
	w.cat = contenttest.Catalog(t, w.repo)
	return w
}

// write makes an archive with contents from repo.
func write(t testing.TB, cat *catalog.Catalog, repo *resticrepo.Repository, o archive.Options) ([]byte, error) {
	t.Helper()
	var source *content.Source
	contenttest.View(t, cat, repo, func(_ *catalog.View, s *content.Source) { source = s })
	a, err := archive.New(t.Context(), tree{cat}, o)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	err = a.Write(t.Context(), &out, source)
	return out.Bytes(), err
}

func (w *world) write(t *testing.T, o archive.Options) []byte {
	t.Helper()
	b, err := write(t, w.cat, w.repo, o)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestArchives(t *testing.T) {
	w := newWorld(t)
	t.Run("tar", func(t *testing.T) { testTar(t, w) })
	t.Run("zip", func(t *testing.T) { testZip(t, w) })
	t.Run("selection", func(t *testing.T) { testSelection(t, w) })
	t.Run("read ahead", func(t *testing.T) { testReadAhead(t, w) })
	t.Run("damage", func(t *testing.T) { testDamage(t, w) })
}

// testTar unpacks an archive with the system's own tar and compares the result
// with the source.
func testTar(t *testing.T, w *world) {
	for _, f := range []archive.Format{archive.Tar, archive.TarGzip, archive.TarZstd} {
		b := w.write(t, archive.Options{Format: f, Paths: []string{w.source}, Exact: true})
		dir := t.TempDir()
		untar(t, dir, f, b)
		resticfixture.SameTrees(t, w.source, filepath.Join(dir, "source"))
		if _, err := os.Lstat(filepath.Join(dir, "syncline-notes.txt")); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: there are notes: %v", f, err)
		}
	}
}

func untar(t *testing.T, dir string, f archive.Format, b []byte) {
	t.Helper()
	name := filepath.Join(t.TempDir(), "archive."+string(f))
	if err := os.WriteFile(name, b, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "tar", "-xpf", name, "-C", dir, "--xattrs", "--xattrs-include=*", "--numeric-owner", "--delay-directory-restore")
	if f == archive.TarZstd {
		cmd.Args = append(cmd.Args, "--zstd")
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("tar: %v: %s", err, out)
	}
}

// TestTarIsLikeRestore compares archives of odd files with a restore of the
// same snapshots.
func TestTarIsLikeRestore(t *testing.T) {
	for _, name := range []string{"v1-old", "v2-new"} {
		path := resticfixture.Unpack(t, name)
		repo := contenttest.Open(t, path, resticfixture.Password)
		cat := contenttest.Catalog(t, repo)
		b, err := write(t, cat, repo, archive.Options{Format: archive.Tar, Exact: true})
		if err != nil {
			t.Fatal(err)
		}
		restored, unpacked := t.TempDir(), t.TempDir()
		contenttest.View(t, cat, repo, func(v *catalog.View, s *content.Source) {
			root, err := tree{cat}.Root(v)
			if err == nil {
				_, err = restore.Run(t.Context(), restore.At(v, root), s, restored, restore.Options{Reporter: quiet{t}})
			}
			if err != nil {
				t.Fatal(err)
			}
		})
		untar(t, unpacked, archive.Tar, b)
		_ = os.Remove(filepath.Join(unpacked, "syncline-notes.txt")) // of sockets
		resticfixture.SameTrees(t, restored, unpacked)
	}
}

type quiet struct{ t *testing.T }

func (q quiet) Failed(path string, err error) { q.t.Errorf("%s: %v", path, err) }
func (quiet) Progress(restore.Result)         {}
func (q quiet) Noted(path string, n restore.Note, detail string) {
	q.t.Errorf("%s: %s: %s", path, n, detail)
}

func testZip(t *testing.T, w *world) {
	b := w.write(t, archive.Options{Format: archive.Zip, Paths: []string{w.source}, Exact: true, Time: time.Unix(1_700_000_000, 0)})
	files := unzip(t, b)
	special := map[string]string{"a?b": "a_b (2)", "con.txt": "con_.txt", "no text \xff\xfe": "no text %FF%FE"}
	count := 0
	err := filepath.WalkDir(w.source, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		fi, err := os.Lstat(path)
		if err != nil {
			return err
		}
		name := strings.TrimPrefix(path, filepath.Dir(w.source)+"/")
		if other := special[filepath.Base(name)]; other != "" {
			name = "source/" + other
		}
		name = strings.Map(func(r rune) rune {
			if unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp) || strings.ContainsRune("*?<>|:\\\"", r) {
				return '_'
			}
			return r
		}, name)
		if fi.IsDir() {
			name += "/"
		}
		f := files[name]
		if !fi.Mode().IsRegular() && !fi.IsDir() && fi.Mode().Type() != fs.ModeSymlink {
			if f != nil {
				t.Errorf("%q is in the archive", name)
			}
			return nil
		}
		count++
		if f == nil {
			t.Errorf("%q is missing", name)
			return nil
		}
		sameFile(t, path, fi, f)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != count+1 {
		t.Errorf("%d entries for %d and the notes", len(files), count)
	}
	notes := string(read(t, files["syncline-notes.txt"]))
	for _, part := range []string{
		"source/pipe\" left out: a zip archive cannot hold", `"source/a_b (2)"`, `/source/no text \xff\xfe" has another name in the archive: "source/no text %FF%FE"`, `back\\slash`,
	} {
		if !strings.Contains(notes, part) {
			t.Errorf("the notes do not say %q: %s", part, notes)
		}
	}
}

func unzip(t testing.TB, b []byte) map[string]*zip.File {
	t.Helper()
	r, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	files := make(map[string]*zip.File)
	for _, f := range r.File {
		if files[f.Name] != nil {
			t.Errorf("%q is there twice", f.Name)
		}
		files[f.Name] = f
	}
	return files
}

func read(t testing.TB, f *zip.File) []byte {
	t.Helper()
	if f == nil {
		return nil
	}
	r, err := f.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Errorf("%s: %v", f.Name, err)
	}
	return b
}

// sameFile compares a file of the source with one in a zip archive.
func sameFile(t *testing.T, path string, fi fs.FileInfo, f *zip.File) {
	t.Helper()
	if f.Mode() != fi.Mode() {
		t.Errorf("%s is %v, not %v", f.Name, f.Mode(), fi.Mode())
	}
	first := time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)
	if want := fi.ModTime(); !f.Modified.Equal(want.Truncate(time.Second)) && want.After(first) {
		t.Errorf("%s is of %v, not %v", f.Name, f.Modified, want)
	}
	var want []byte
	switch {
	case fi.Mode().IsRegular():
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		want = b
	case fi.Mode().Type() == fs.ModeSymlink:
		to, err := os.Readlink(path)
		if err != nil {
			t.Fatal(err)
		}
		want = []byte(to)
	}
	if got := read(t, f); !bytes.Equal(got, want) {
		t.Errorf("%s has %d bytes, want %d", f.Name, len(got), len(want))
	}
}

// entries returns the names in a tar archive, which must be complete.
func entries(t testing.TB, b []byte) (names []string) {
	t.Helper()
	r := tar.NewReader(bytes.NewReader(b))
	for {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return names
		}
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, h.Name)
	}
}

func testSelection(t *testing.T, w *world) {
	up := filepath.Dir(w.source)
	for _, c := range []struct {
		name     string
		paths    []string
		fromRoot bool
		called   string
		want     []string
	}{
		{"a file", []string{w.source + "/large"}, false, "large", []string{"large"}},
		{"a folder", []string{w.source + "/links/"}, false, "links", []string{"links/", "links/long", "links/relative", "links/second name"}},
		{"two of one folder", []string{w.source + "/large", w.source + "//empty", w.source + "/large"}, false, "source", []string{"empty", "large"}},
		{"one below the other", []string{w.source + "/links/long", w.source + "/links"}, false, "links", []string{"links/", "links/long", "links/relative", "links/second name"}},
		{"of two folders", []string{w.source + "/large", w.source + "/links/long"}, false, "source", []string{"large", "links/", "links/long"}},
	} {
		var told []string
		o := archive.Options{Format: archive.Tar, Paths: c.paths, FromRoot: c.fromRoot, Tell: func(path, _ string) { told = append(told, path) }}
		a, err := archive.New(t.Context(), tree{w.cat}, o)
		if err != nil {
			t.Fatal(err)
		}
		if a.Name() != c.called {
			t.Errorf("%s is called %q", c.name, a.Name())
		}
		if got := entries(t, w.write(t, o)); !slices.Equal(got, c.want) || len(told) > 0 {
			t.Errorf("%s: %q, %q", c.name, got, told)
		}
	}
	names := entries(t, w.write(t, archive.Options{Format: archive.Tar, Paths: []string{w.source + "/links"}, FromRoot: true}))
	if !slices.Contains(names, strings.TrimPrefix(up, "/")+"/") || !slices.Contains(names, strings.TrimPrefix(w.source, "/")+"/links/long") {
		t.Errorf("from the root: %q", names)
	}
	for _, path := range []string{w.source + "/none", "/none/at/all", w.source + "/large/below"} {
		if _, err := archive.New(t.Context(), tree{w.cat}, archive.Options{Paths: []string{w.source, w.source + "/large", path}}); (err == nil) != strings.HasPrefix(path, w.source) {
			t.Errorf("%s beside what is there: %v", path, err)
		}
		_, err := archive.New(t.Context(), tree{w.cat}, archive.Options{Paths: []string{w.source + "/empty", path}})
		if syncline.CodeOf(err) != syncline.CodeNotFound || !strings.Contains(syncline.MessageOf(err), path) {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// counted compares the bytes read from the storage with the bytes written.
type counted struct {
	fetched func() int64
	written int64
	most    int64
}

func (c *counted) Write(b []byte) (int, error) {
	c.most = max(c.most, c.fetched()-c.written)
	c.written += int64(len(b))
	return len(b), nil
}

// testReadAhead checks that reading is ahead of writing by the window at most,
// and that the blobs of small files come together.
func testReadAhead(t *testing.T, w *world) {
	repo, counter := contenttest.At(t, w.repo, w.path)
	contenttest.View(t, w.cat, repo, func(_ *catalog.View, s *content.Source) {
		s.Window = 1 << 20
		a, err := archive.New(t.Context(), tree{w.cat}, archive.Options{Format: archive.Tar, Tell: func(string, string) {}})
		if err != nil {
			t.Fatal(err)
		}
		out := &counted{fetched: func() int64 { _, n, _ := counter.Counts(); return n }}
		if err := a.Write(t.Context(), out, s); err != nil {
			t.Fatal(err)
		}
		// A blob may exceed the window, and some output is held back.
		if limit := int64(1<<20 + 8<<20 + 256<<10); out.most > limit {
			t.Errorf("%d bytes were read ahead", out.most)
		}
		requests, _, _ := counter.Counts()
		if n := requests["get data"]; n > 40 {
			t.Errorf("%d requests", n)
		}
	})
}

// testDamage flips a bit in every pack. Write must fail, and its output must
// not look like an archive.
func testDamage(t *testing.T, w *world) {
	copied := t.TempDir()
	if err := os.CopyFS(copied, os.DirFS(w.path)); err != nil {
		t.Fatal(err)
	}
	repo, _ := contenttest.At(t, w.repo, copied)
	packs, err := filepath.Glob(filepath.Join(copied, "data", "*", "*"))
	if err != nil || len(packs) == 0 {
		t.Fatal(packs, err)
	}
	for _, name := range packs {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		b[len(b)/2] ^= 1
		if err := errors.Join(os.Chmod(name, 0o600), os.WriteFile(name, b, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	for _, f := range archive.Formats() {
		b, err := write(t, w.cat, repo, archive.Options{Format: f})
		if syncline.CodeOf(err) != syncline.CodeDamaged {
			t.Errorf("%s: %v", f, err)
		}
		if _, err := zip.NewReader(bytes.NewReader(b), int64(len(b))); err == nil {
			t.Error("a damaged zip archive can be opened")
		}
		if bytes.HasSuffix(b, make([]byte, 1024)) {
			t.Errorf("%s: a damaged archive has an end", f)
		}
	}
}
