//go:build linux

package archive_test

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/archive"
	"syncline.dev/syncline/internal/catalog"
	"syncline.dev/syncline/internal/content"
	"syncline.dev/syncline/internal/content/contenttest"
)

// maker adds trees to a catalog that restic would not write.
type maker struct {
	t     *testing.T
	adder *catalog.Adder
	count int
}

// tree adds a tree of entries. Their subtrees exist already.
func (m *maker) tree(entries ...syncline.Entry) syncline.Hash {
	m.t.Helper()
	raw := []byte("tree")
	var spans []catalog.Span
	for range entries {
		start := len(raw)
		raw = fmt.Appendf(raw, "entry %d", m.count)
		m.count++
		spans = append(spans, catalog.Span{Start: start, End: len(raw)})
	}
	hash, next := syncline.Hash(sha256.Sum256(raw)), 0
	err := m.adder.Add(hash, raw, spans, func(_ []byte, e *syncline.Entry) (bool, error) {
		*e = entries[next]
		e.ModTime = time.Unix(1_000_000, 0)
		next++
		return true, nil
	})
	if err != nil {
		m.t.Fatal(err)
	}
	return hash
}

func file(name string) syncline.Entry {
	return syncline.Entry{Name: name, Type: syncline.TypeFile, Mode: 0o644}
}

func folder(name string, tree syncline.Hash) syncline.Entry {
	return syncline.Entry{Name: name, Type: syncline.TypeDir, Mode: fs.ModeDir | 0o755, Subtree: tree}
}

// made returns a catalog of one snapshot. fn adds its root.
func made(t *testing.T, fn func(m *maker) syncline.Hash) *catalog.Catalog {
	t.Helper()
	cat := contenttest.Empty(t)
	b, err := cat.Build(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	root := fn(&maker{t: t, adder: b.NewAdder()})
	if err := b.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.Close()
	gaps, err := cat.Publish(t.Context(), []syncline.Snapshot{{ID: syncline.Hash{1}, Tree: root, Time: time.Unix(1, 0)}}, nil)
	if err != nil || len(gaps) > 0 {
		t.Fatal(gaps, err)
	}
	return cat
}

func TestHostileNames(t *testing.T) {
	bad := []string{"", ".", "..", "a/b", "../escaped", "/etc/escaped", "nul\x00name"}
	cat := made(t, func(m *maker) syncline.Hash {
		inner := m.tree(file("inner"))
		var entries []syncline.Entry
		for _, name := range bad {
			entries = append(entries, file(name), folder(name, inner))
		}
		return m.tree(append(entries,
			syncline.Entry{Name: "twice", Type: syncline.TypeSymlink, LinkTarget: "/outside"}, folder("twice", inner), file("twice"),
			file("good"), file("syncline-notes.txt"), file(`C:\evil`), file(strings.Repeat("long", 10_000)),
			syncline.Entry{Name: "unknown", Type: "door"}, syncline.Entry{Name: "socket", Type: syncline.TypeSocket},
			syncline.Entry{Name: "nul link", Type: syncline.TypeSymlink, LinkTarget: "a\x00b"},
			syncline.Entry{Name: "no device", Type: syncline.TypeDevice, Device: 1 << 60},
			syncline.Entry{Name: "attributes", Type: syncline.TypeFile, ExtendedAttributes: []syncline.ExtendedAttribute{{Name: "user.x", Value: make([]byte, 1<<20)}}},
			syncline.Entry{Name: "owner", Type: syncline.TypeFile, User: "a\x00b", UID: 1<<32 - 1, ExtendedAttributes: []syncline.ExtendedAttribute{{Name: "\x00"}, {Name: "="}}},
		)...)
	})
	want := []string{"twice", "twice (2)/", "twice (2)/inner", "twice (3)", "good", "syncline-notes.txt", `C:\evil`, "attributes", "owner", "syncline-notes (2).txt"}
	b, err := write(t, cat, nil, archive.Options{Format: archive.Tar})
	if err != nil {
		t.Fatal(err)
	}
	if got := entries(t, b); !slices.Equal(got, want) {
		t.Errorf("tar: %q", got)
	}
	told := make(map[string]string)
	b, err = write(t, cat, nil, archive.Options{Format: archive.Zip, Tell: func(path, what string) { told[path] = what }})
	if err != nil {
		t.Fatal(err)
	}
	want[6] = "C__evil"
	files := unzip(t, b)
	for _, name := range want[:9] {
		if files[name] == nil {
			t.Errorf("zip: %q is missing", name)
		}
	}
	if len(files) != 9 {
		t.Errorf("zip: %d entries", len(files))
	}
	for _, name := range append(bad, "twice", `C:\evil`, "unknown", "socket", "nul link", "no device") {
		if told["/"+name] == "" {
			t.Errorf("of %q nothing is told", name)
		}
	}
}

// servedTree is a tree that attacks whoever unpacks an archive, as root or on
// another system.
func servedTree(m *maker) syncline.Hash {
	inner := m.tree(file("inner"))
	set := func(name string, bits fs.FileMode) syncline.Entry {
		return syncline.Entry{Name: name, Type: syncline.TypeFile, Mode: 0o755 | bits}
	}
	shared := folder("shared", m.tree(file("x")))
	shared.Mode |= fs.ModeSetgid | fs.ModeSticky
	return m.tree(
		set("both", fs.ModeSetuid|fs.ModeSetgid), set("group", fs.ModeSetgid), set("user", fs.ModeSetuid), shared,
		syncline.Entry{Name: "able", Type: syncline.TypeFile, Mode: 0o755, ExtendedAttributes: []syncline.ExtendedAttribute{
			{Name: "security.capability", Value: []byte("all")}, {Name: "trusted.x", Value: []byte("y")}, {Name: "user.kept", Value: []byte("yes")},
		}},
		syncline.Entry{Name: "disk", Type: syncline.TypeDevice, Mode: fs.ModeDevice | 0o666, Device: 0x801},
		syncline.Entry{Name: "memory", Type: syncline.TypeCharDev, Mode: fs.ModeDevice | fs.ModeCharDevice | 0o666, Device: 0x101},
		// Without letter case, the second would be written through the first.
		syncline.Entry{Name: "Link", Type: syncline.TypeSymlink, LinkTarget: "/etc"}, folder("link", inner),
		file("caf\u00e9"), file("cafe\u0301"), file("photo\u202egpj.exe"), file("Syncline-Notes.TXT"),
	)
}

// TestServedArchivesGiveNothingAway checks that nothing lends rights, that
// names stay different on every system, and that the notes list all changes.
func TestServedArchivesGiveNothingAway(t *testing.T) {
	cat := made(t, servedTree)
	for _, f := range []archive.Format{archive.Tar, archive.Zip} {
		b, err := write(t, cat, nil, archive.Options{Format: f})
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		notes := ""
		for _, x := range listed(t, f, b) {
			names = append(names, x.name)
			if x.mode&(fs.ModeSetuid|fs.ModeSetgid) != 0 || x.mode&fs.ModeDevice != 0 || strings.Contains(x.records, "security.") || strings.Contains(x.records, "trusted.") {
				t.Errorf("%s: %s has mode %s and %s", f, x.name, x.mode, x.records)
			}
			if x.name == "shared/" && x.mode&fs.ModeSticky == 0 {
				t.Errorf("%s: a folder where all may write is open to all", f)
			}
			if f == archive.Tar && x.name == "able" && !strings.Contains(x.records, "user.kept") {
				t.Errorf("an attribute of the user is lost: %s", x.records)
			}
			if strings.HasPrefix(x.name, "syncline-notes") {
				notes = x.text
			}
		}
		want := []string{
			"both", "group", "user", "shared/", "shared/x", "able", "Link", "link (2)/", "link (2)/inner",
			"caf\u00e9", "cafe\u0301 (2)", "photo_gpj.exe", "Syncline-Notes.TXT", "syncline-notes (2).txt",
		}
		if !slices.Equal(names, want) {
			t.Errorf("%s: %q\nwant %q", f, names, want)
		}
		parts := []string{
			`"/both" lacks its set-user-ID and set-group-ID bits`, `"/group" lacks its set-group-ID bit`, `"/user" lacks its set-user-ID bit`, `"/shared" lacks its set-group-ID`,
			`"/disk" left out`, `"/memory" left out`, `"/link" has another name in the archive: "link (2)"`,
			"has another name in the archive: \"cafe\u0301 (2)\"", `"/photo\u202egpj.exe" has another name in the archive: "photo_gpj.exe"`,
		}
		if f == archive.Tar {
			parts = append(parts, `"/able" lacks its extended attributes of the system`)
		}
		for _, part := range parts {
			if !strings.Contains(notes, part) {
				t.Errorf("%s: the notes do not say %s:\n%s", f, part, notes)
			}
		}
	}
}

// TestExactArchivesKeepEverything checks that a restore gets everything.
func TestExactArchivesKeepEverything(t *testing.T) {
	cat := made(t, servedTree)
	b, err := write(t, cat, nil, archive.Options{Format: archive.Tar, Exact: true})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, x := range listed(t, archive.Tar, b) {
		names = append(names, x.name)
		switch x.name {
		case "both":
			if x.mode&fs.ModeSetuid == 0 || x.mode&fs.ModeSetgid == 0 {
				t.Errorf("%s has mode %s", x.name, x.mode)
			}
		case "able":
			if !strings.Contains(x.records, "security.capability") {
				t.Errorf("%s has %s", x.name, x.records)
			}
		}
	}
	want := []string{
		"both", "group", "user", "shared/", "shared/x", "able", "disk", "memory", "Link", "link/", "link/inner",
		"caf\u00e9", "cafe\u0301", "photo\u202egpj.exe", "Syncline-Notes.TXT",
	}
	if !slices.Equal(names, want) {
		t.Errorf("%q", names)
	}
}

type listedEntry struct {
	name          string
	mode          fs.FileMode
	records, text string
}

// listed returns the entries of an archive in their order.
func listed(t *testing.T, f archive.Format, b []byte) (all []listedEntry) {
	t.Helper()
	if f == archive.Zip {
		r, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range r.File {
			all = append(all, listedEntry{name: x.Name, mode: x.Mode(), text: string(read(t, x))})
		}
		return all
	}
	r := tar.NewReader(bytes.NewReader(b))
	for {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, listedEntry{h.Name, h.FileInfo().Mode(), fmt.Sprint(h.PAXRecords), string(text)})
	}
}

// endless is a writer that counts.
type endless struct{ n int64 }

func (e *endless) Write(b []byte) (int, error) {
	e.n += int64(len(b))
	return len(b), nil
}

// TestTreeWithoutEnd takes thirty folders that each list the next one twice: a
// billion paths.
func TestTreeWithoutEnd(t *testing.T) {
	cat := made(t, func(m *maker) syncline.Hash {
		tree := m.tree(file("leaf"))
		for range 30 {
			tree = m.tree(folder("a", tree), folder("b", tree))
		}
		return tree
	})
	for _, f := range []archive.Format{archive.Zip, archive.Tar} {
		a, err := archive.New(t.Context(), tree{cat}, archive.Options{Format: f})
		if err != nil {
			t.Fatal(err)
		}
		a.SetLimit(10_000)
		out := &endless{}
		contenttest.View(t, cat, nil, func(_ *catalog.View, s *content.Source) { err = a.Write(t.Context(), out, s) })
		if syncline.CodeOf(err) != syncline.CodeTooLarge || !strings.Contains(syncline.MessageOf(err), "choose folders further down") {
			t.Errorf("%s: %v after %d bytes", f, err, out.n)
		}
	}
}

// turning returns the states of several catalogs of one tree in turn.
type turning struct {
	cats  []*catalog.Catalog
	views int
}

func (c *turning) View(ctx context.Context, fn func(*catalog.View) error) error {
	c.views++
	return tree{c.cats[c.views%len(c.cats)]}.View(ctx, fn)
}

func (c *turning) Root(v *catalog.View) (catalog.TreeRef, error) { return tree{}.Root(v) }

// TestCatalogChanges writes an archive while the catalog changes between the
// looks. The same trees have other numbers in each state.
func TestCatalogChanges(t *testing.T) {
	build := func(others int) *catalog.Catalog {
		return made(t, func(m *maker) syncline.Hash {
			for i := range others {
				m.tree(file(fmt.Sprint("other", i)))
			}
			m.count = 1000
			var top []syncline.Entry
			for i := range 3 {
				var deep []syncline.Entry
				for k := range 5 {
					var names []syncline.Entry
					for n := range 400 {
						names = append(names, file(fmt.Sprintf("file%d.%d.%03d", i, k, n)))
					}
					deep = append(deep, folder(fmt.Sprint("deep", k), m.tree(names...)), file(fmt.Sprint("deep", k, "beside")))
				}
				top = append(top, folder(fmt.Sprint("top", i), m.tree(deep...)))
			}
			return m.tree(folder("all", m.tree(top...)))
		})
	}
	first, second := build(0), build(300)
	whole, err := write(t, first, nil, archive.Options{Format: archive.Tar})
	if err != nil {
		t.Fatal(err)
	}
	c := &turning{cats: []*catalog.Catalog{first, second}}
	for _, paths := range [][]string{nil, {"/all/top0", "/all/top1", "/all/top2"}} {
		a, err := archive.New(t.Context(), c, archive.Options{Format: archive.Tar, Paths: paths, FromRoot: true})
		if err != nil {
			t.Fatal(err)
		}
		c.views = 0
		var out bytes.Buffer
		contenttest.View(t, first, nil, func(_ *catalog.View, s *content.Source) { err = a.Write(t.Context(), &out, s) })
		if err != nil || !bytes.Equal(out.Bytes(), whole) {
			t.Errorf("%q: %v, %d bytes in place of %d", paths, err, out.Len(), len(whole))
		}
		if c.views < 5 {
			t.Errorf("the catalog was looked at %d times", c.views)
		}
	}
	// A snapshot that is gone ends the archive.
	gone := &turning{cats: []*catalog.Catalog{first, contenttest.Empty(t)}, views: 1}
	a, err := archive.New(t.Context(), gone, archive.Options{Format: archive.Tar})
	if err == nil {
		contenttest.View(t, first, nil, func(_ *catalog.View, s *content.Source) { err = a.Write(t.Context(), io.Discard, s) })
	}
	if syncline.CodeOf(err) != syncline.CodeNotFound {
		t.Errorf("a snapshot that is gone: %v", err)
	}
}

// TestManyEntries needs zip's larger fields.
func TestManyEntries(t *testing.T) {
	const count = 66_000
	cat := made(t, func(m *maker) syncline.Hash {
		list := make([]syncline.Entry, count)
		for i := range list {
			list[i] = file(fmt.Sprintf("%06d", i))
		}
		return m.tree(list...)
	})
	b, err := write(t, cat, nil, archive.Options{Format: archive.Zip})
	if err != nil {
		t.Fatal(err)
	}
	if n := len(unzip(t, b)); n != count {
		t.Errorf("%d entries", n)
	}
}
