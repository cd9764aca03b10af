//go:build linux

package restore_test

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/catalog"
	"syncline.dev/syncline/internal/content"
	"syncline.dev/syncline/internal/content/contenttest"
	"syncline.dev/syncline/internal/needtest"
	"syncline.dev/syncline/internal/resticfixture"
	"syncline.dev/syncline/internal/restore"
)

// node is an entry of a tree that restic would not write.
type node struct {
	name  string
	dir   bool
	entry syncline.Entry
	below []node
}

// hostile runs fn with a catalog of the tree. It has no blobs.
func hostile(t *testing.T, root node, fn func(*catalog.View, *content.Source, catalog.TreeRef)) {
	t.Helper()
	built(t, func(m *maker) syncline.Hash { return m.tree(&root) }, fn)
}

// built runs fn with a catalog that build fills.
func built(t *testing.T, build func(*maker) syncline.Hash, fn func(*catalog.View, *content.Source, catalog.TreeRef)) {
	t.Helper()
	cat := contenttest.Empty(t)
	b, err := cat.Build(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	m := &maker{t: t, adder: b.NewAdder()}
	tree := build(m)
	if err := b.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.Close()
	gaps, err := cat.Publish(t.Context(), []syncline.Snapshot{{ID: syncline.Hash{1}, Tree: tree, Time: time.Unix(1, 0)}}, nil)
	if err != nil || len(gaps) > 0 {
		t.Fatal(gaps, err)
	}
	contenttest.View(t, cat, nil, func(v *catalog.View, s *content.Source) { fn(v, s, snapshots(t, v)[0].Root) })
}

type maker struct {
	t     *testing.T
	adder *catalog.Adder
	count int
}

// tree adds a tree and its subtrees, and returns its hash.
func (m *maker) tree(n *node) syncline.Hash {
	m.t.Helper()
	var entries []syncline.Entry
	for i := range n.below {
		x := &n.below[i]
		e := x.entry
		e.Name, e.ModTime = x.name, time.Unix(1_000_000, 0)
		if x.dir {
			e.Type, e.Mode, e.Subtree = syncline.TypeDir, e.Mode|fs.ModeDir|0o755, m.tree(x)
		}
		entries = append(entries, e)
	}
	return m.add(entries)
}

// add adds a tree of these entries.
func (m *maker) add(entries []syncline.Entry) syncline.Hash {
	m.t.Helper()
	var raw []byte
	var spans []catalog.Span
	for range entries {
		start := len(raw)
		raw = fmt.Appendf(raw, "entry %d", m.count)
		m.count++
		spans = append(spans, catalog.Span{Start: start, End: len(raw)})
	}
	if len(raw) == 0 {
		raw = fmt.Appendf(raw, "empty")
	}
	hash := syncline.Hash(sha256.Sum256(raw))
	next := 0
	err := m.adder.Add(hash, raw, spans, func(_ []byte, e *syncline.Entry) (bool, error) {
		*e = entries[next]
		next++
		return true, nil
	})
	if err != nil {
		m.t.Fatal(err)
	}
	return hash
}

var file = syncline.Entry{Type: syncline.TypeFile, Mode: 0o644}

func TestHostileNames(t *testing.T) {
	outside := t.TempDir()
	target := filepath.Join(outside, "target")
	bad := []string{"", ".", "..", "a/b", "../escaped", "/etc/escaped", outside + "/escaped", "nul\x00name"}
	root := node{dir: true}
	for _, name := range bad {
		root.below = append(root.below, node{name: name, entry: file}, node{name: name, dir: true, below: []node{{name: "escaped", entry: file}}})
	}
	root.below = append(root.below,
		node{name: "twice", entry: syncline.Entry{Type: syncline.TypeSymlink, LinkTarget: outside}},
		node{name: "twice", dir: true, below: []node{{name: "escaped", entry: file}}},
		node{name: "good", entry: file},
		node{name: "unknown", entry: syncline.Entry{Type: "door"}},
		node{name: "lost", entry: syncline.Entry{Type: syncline.TypeFile, Content: []syncline.Hash{{9}}}},
	)
	hostile(t, root, func(v *catalog.View, s *content.Source, tree catalog.TreeRef) {
		r := &told{}
		result, err := restore.Run(t.Context(), restore.At(v, tree), s, target, restore.Options{Reporter: r})
		if err != nil {
			t.Fatal(err)
		}
		if want := int64(2*len(bad) + 2); result.Failed != want || result.Files != 2 {
			t.Errorf("%+v, want %d failures: %v", result, want, r.failed)
		}
		if len(r.noted) != 1 || !strings.HasPrefix(r.noted[0], "/twice: ") || !strings.HasSuffix(r.noted[0], ": twice (2)") {
			t.Errorf("noted %q", r.noted)
		}
	})
	onlyIn(t, outside, "target", "target/good", "target/twice", "target/twice (2)", "target/twice (2)/escaped")
}

// onlyIn checks that dir holds exactly the wanted items.
func onlyIn(t *testing.T, dir string, want ...string) {
	t.Helper()
	for i := range want {
		want[i] = "/" + want[i]
	}
	if got := paths(t, dir)[1:]; !slices.Equal(got, want) {
		t.Errorf("there are %q", got)
	}
}

// TestNothingIsWrittenThroughLinks restores over a target with links that lead
// outside, in the places of files and folders.
func TestNothingIsWrittenThroughLinks(t *testing.T) {
	root := node{dir: true, below: []node{
		{name: "dir", dir: true, below: []node{{name: "file", entry: file}}},
		{name: "file", entry: file},
		{name: "link", entry: syncline.Entry{Type: syncline.TypeSymlink, LinkTarget: "x"}},
	}}
	outside, target := t.TempDir(), t.TempDir()
	secret := filepath.Join(outside, "secret")
	if err := os.WriteFile(secret, []byte("keep me"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, to := range map[string]string{"dir": outside, "file": secret, "link": secret} {
		if err := os.Symlink(to, filepath.Join(target, name)); err != nil {
			t.Fatal(err)
		}
	}
	hostile(t, root, func(v *catalog.View, s *content.Source, tree catalog.TreeRef) {
		for _, o := range []syncline.RestoreOverwrite{syncline.OverwriteNever, syncline.OverwriteAlways} {
			result, err := restore.Run(t.Context(), restore.At(v, tree), s, target, restore.Options{Overwrite: o, Reporter: &told{}})
			if err != nil || (o == syncline.OverwriteAlways) != (result.Failed == 0) {
				t.Fatalf("%s: %+v, %v", o, result, err)
			}
			onlyIn(t, outside, "secret")
		}
	})
	if b, err := os.ReadFile(secret); err != nil || string(b) != "keep me" {
		t.Errorf("the file outside has %q, %v", b, err)
	}
	onlyIn(t, target, "dir", "dir/file", "file", "link")
	if fi, err := os.Lstat(filepath.Join(target, "file")); err != nil || !fi.Mode().IsRegular() {
		t.Errorf("%v, %v", fi, err)
	}
}

// TestHardLinkOutside checks that a file in the target with another name
// outside is replaced, not written to.
func TestHardLinkOutside(t *testing.T) {
	outside, target := t.TempDir(), t.TempDir()
	secret := filepath.Join(outside, "secret")
	if err := os.WriteFile(secret, []byte("keep me"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Link(secret, filepath.Join(target, "file")); err != nil {
		t.Fatal(err)
	}
	hostile(t, node{dir: true, below: []node{{name: "file", entry: file}}}, func(v *catalog.View, s *content.Source, tree catalog.TreeRef) {
		into(t, v, s, tree, target, restore.Options{})
	})
	fi, err := os.Stat(secret)
	if err != nil || fi.Size() != 7 || fi.Mode() != 0o600 {
		t.Errorf("%v, %v", fi, err)
	}
}

func TestFolderInTheWay(t *testing.T) {
	target := t.TempDir()
	if err := os.MkdirAll(filepath.Join(target, "file", "below"), 0o700); err != nil {
		t.Fatal(err)
	}
	hostile(t, node{dir: true, below: []node{{name: "file", entry: file}, {name: "other", entry: file}}}, func(v *catalog.View, s *content.Source, tree catalog.TreeRef) {
		r := &told{}
		result, err := restore.Run(t.Context(), restore.At(v, tree), s, target, restore.Options{Reporter: r})
		if err != nil || result.Files != 1 || !strings.Contains(syncline.MessageOf(r.failed["/file"]), "a folder is in its place") {
			t.Errorf("%+v, %v, %v", result, err, r.failed)
		}
	})
}

// TestExpandingTree restores a few folders with 2^60 paths.
func TestExpandingTree(t *testing.T) {
	target := filepath.Join(t.TempDir(), "target")
	built(t, func(m *maker) syncline.Hash {
		leaf := file
		leaf.Name = "file"
		below := m.add([]syncline.Entry{leaf})
		for range 60 {
			dir := syncline.Entry{Type: syncline.TypeDir, Mode: fs.ModeDir | 0o755, Subtree: below}
			first, second := dir, dir
			first.Name, second.Name = "a", "b"
			below = m.add([]syncline.Entry{first, second})
		}
		return below
	}, func(v *catalog.View, s *content.Source, tree catalog.TreeRef) {
		for name, patterns := range map[string][]string{"all": nil, "by patterns": {"x"}} {
			filter, err := restore.NewFilter(patterns, nil, nil, nil)
			if err != nil {
				t.Fatal(err)
			}
			_, err = restore.Run(t.Context(), restore.At(v, tree), s, target, restore.Options{Filter: filter, Reporter: &told{}, Limit: 5000})
			if syncline.CodeOf(err) != syncline.CodeTooLarge {
				t.Errorf("%s: %v", name, err)
			}
		}
		deep := "/" + strings.Repeat("a/", 58) + "b"
		result := into(t, v, s, tree, target, restore.Options{Filter: (*restore.Filter)(nil).Within(deep), Limit: 5000})
		if result.Folders != 58+1+2 || result.TotalFiles != 2 {
			t.Errorf("one of its ways: %+v", result)
		}
	})
	if names, err := os.ReadDir(target); err != nil || len(names) != 1 {
		t.Errorf("the target holds %v, %v", names, err)
	}
}

// TestWithin restores below an allowed folder with links that lead outside.
func TestWithin(t *testing.T) {
	allowed, outside := t.TempDir(), t.TempDir()
	if err := os.Symlink(outside, filepath.Join(allowed, "link")); err != nil {
		t.Fatal(err)
	}
	hostile(t, node{dir: true, below: []node{{name: "file", entry: file}}}, func(v *catalog.View, s *content.Source, tree catalog.TreeRef) {
		for _, within := range []string{"link", "link/below", "..", "a/../../x", "\x00"} {
			_, err := restore.Run(t.Context(), restore.At(v, tree), s, allowed, restore.Options{Within: within, Reporter: &told{}})
			if syncline.CodeOf(err) != syncline.CodeUnavailable || strings.Contains(syncline.MessageOf(err), allowed) {
				t.Errorf("%q: %v", within, err)
			}
		}
		_, err := restore.Run(t.Context(), restore.At(v, tree), s, filepath.Join(allowed, "none"), restore.Options{Within: "x", Reporter: &told{}})
		if syncline.CodeOf(err) != syncline.CodeUnavailable {
			t.Errorf("in what is not there: %v", err)
		}
		for _, within := range []string{".", "new/folder"} {
			into(t, v, s, tree, allowed, restore.Options{Within: within})
		}
	})
	onlyIn(t, outside)
	onlyIn(t, allowed, "file", "link", "new", "new/folder", "new/folder/file")
}

// TestNamesThatAreThereTwice checks that all items of one name are restored,
// under the same names each time, and that none takes the name of another item.
func TestNamesThatAreThereTwice(t *testing.T) {
	link := syncline.Entry{Type: syncline.TypeSymlink, LinkTarget: "x"}
	root := node{dir: true, below: []node{
		{name: "a.txt", entry: file},
		{name: "a.txt", dir: true, below: []node{{name: "inner", entry: file}}},
		{name: "a (2).txt", entry: link},
		{name: "a.txt", entry: link},
		{name: "b", dir: true},
		{name: "b", dir: true, below: []node{{name: "inner", entry: file}}},
	}}
	want := []string{"a (2).txt", "a (3).txt", "a (3).txt/inner", "a (4).txt", "a.txt", "b", "b (2)", "b (2)/inner"}
	target := t.TempDir()
	hostile(t, root, func(v *catalog.View, s *content.Source, tree catalog.TreeRef) {
		for range 2 {
			r := &told{}
			result, err := restore.Run(t.Context(), restore.At(v, tree), s, target, restore.Options{Delete: true, Reporter: r})
			if err != nil || result.Failed+result.Deleted > 0 || len(r.noted) != 3 {
				t.Errorf("%+v, %v, noted %q, failed %v", result, err, r.noted, r.failed)
			}
			onlyIn(t, target, slices.Clone(want)...)
		}
	})
}

// TestWithoutPrivileges checks that everything that lends rights is left out,
// and nothing else.
func TestWithoutPrivileges(t *testing.T) {
	needtest.Root(t, "restore all of this")
	attributes := []syncline.ExtendedAttribute{
		{Name: "user.kept", Value: []byte("1")},
		{Name: "security.capability", Value: []byte("\x01\x00\x00\x02\xff\xff\xff\xff\x00\x00\x00\x00\xff\xff\xff\xff\x00\x00\x00\x00")},
		{Name: "trusted.overlay.opaque", Value: []byte("y")},
	}
	suid := syncline.Entry{Type: syncline.TypeFile, Mode: 0o755 | fs.ModeSetuid | fs.ModeSetgid | fs.ModeSticky, ExtendedAttributes: attributes}
	root := node{dir: true, below: []node{
		{name: "block", entry: syncline.Entry{Type: syncline.TypeDevice, Mode: 0o666, Device: 0x0101}},
		{name: "char", entry: syncline.Entry{Type: syncline.TypeCharDev, Mode: 0o666, Device: 0x0103}},
		{name: "dir", dir: true, entry: syncline.Entry{Mode: fs.ModeSetgid | fs.ModeSticky}},
		{name: "pipe", entry: syncline.Entry{Type: syncline.TypeFifo, Mode: 0o600 | fs.ModeSetuid}},
		{name: "suid", entry: suid},
	}}
	target := t.TempDir()
	attributesOf := func(name string) string { return resticfixture.Attributes(t, filepath.Join(target, name)) }
	modeOf := func(name string) fs.FileMode {
		fi, err := os.Lstat(filepath.Join(target, name))
		if err != nil {
			t.Fatal(err)
		}
		return fi.Mode()
	}
	hostile(t, root, func(v *catalog.View, s *content.Source, tree catalog.TreeRef) {
		into(t, v, s, tree, target, restore.Options{})
		if got := attributesOf("suid"); modeOf("suid") != suid.Mode || !strings.Contains(got, "capability") || !strings.Contains(got, "overlay") {
			t.Errorf("with privileges the program is %v%s", modeOf("suid"), got)
		}
		if err := errors.Join(os.Remove(filepath.Join(target, "block")), os.Remove(filepath.Join(target, "char"))); err != nil {
			t.Fatal(err)
		}
		for _, again := range []bool{false, true} { // over existing items, and into an empty folder
			r := &told{}
			if again {
				target = t.TempDir()
			}
			result, err := restore.Run(t.Context(), restore.At(v, tree), s, target, restore.Options{Unprivileged: true, Reporter: r})
			if err != nil || len(r.failed) > 0 || len(r.noted) != 7 || result.Skipped != 2 {
				t.Errorf("%+v, %v, %v, noted %q", result, err, r.failed, r.noted)
			}
			onlyIn(t, target, "dir", "pipe", "suid")
			for name, want := range map[string]fs.FileMode{
				"suid": 0o755 | fs.ModeSticky, "dir": fs.ModeDir | 0o755 | fs.ModeSticky, "pipe": fs.ModeNamedPipe | 0o600,
			} {
				if modeOf(name) != want {
					t.Errorf("%s is %v", name, modeOf(name))
				}
			}
			if got := attributesOf("suid"); strings.Contains(got, "capability") || again && got != ` user.kept="1"` {
				t.Errorf("the program has%s", got)
			}
		}
	})
}
