package syncer_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/catalog"
	"syncline.dev/syncline/internal/resticwriter"
)

// forged is a repository with bytes that a test chooses.
type forged struct {
	t    *testing.T
	dir  string
	repo *resticwriter.Repo
}

func forge(t *testing.T) *forged {
	dir := filepath.Join(t.TempDir(), "repo")
	repo, err := resticwriter.Create(dir, password)
	if err != nil {
		t.Fatal(err)
	}
	return &forged{t: t, dir: dir, repo: repo}
}

func (f *forged) must(err error) {
	f.t.Helper()
	if err != nil {
		f.t.Fatal(err)
	}
}

func sum(b string) resticwriter.ID { return sha256.Sum256([]byte(b)) }

// tree stores tree blobs, each under its right id.
func (f *forged) tree(blobs ...string) {
	p := resticwriter.NewPacker(f.repo, "tree", true)
	for _, b := range blobs {
		f.must(p.Add(sum(b), []byte(b)))
	}
	f.must(p.Flush())
	f.must(f.repo.Flush())
}

// snapshot stores a snapshot of a tree and returns its name.
func (f *forged) snapshot(tree resticwriter.ID) string {
	id, err := f.repo.StoreJSON("snapshots", map[string]any{
		"time": time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC), "tree": tree, "paths": []string{"/x"},
		"hostname": "host", "username": "user", "tags": []string{tree.String()[:8]},
	})
	f.must(err)
	return id.String()
}

func fileNode(name string) string {
	return fmt.Sprintf(`{"name":%q,"type":"file","mode":420,"mtime":"2026-01-01T00:00:00Z","atime":"2026-01-01T00:00:00Z",`+
		`"ctime":"2026-01-01T00:00:00Z","uid":1,"gid":1,"size":0,"content":[]}`, name)
}

func dirNode(name string, tree resticwriter.ID) string {
	return fmt.Sprintf(`{"name":%q,"type":"dir","mode":2147484141,"mtime":"2026-01-01T00:00:00Z","atime":"2026-01-01T00:00:00Z",`+
		`"ctime":"2026-01-01T00:00:00Z","uid":1,"gid":1,"content":null,"subtree":"%s"}`, name, tree)
}

func treeOf(nodes ...string) string { return `{"nodes":[` + strings.Join(nodes, ",") + "]}\n" }

// pack writes a pack with one blob, and an index that describes it. tell may
// falsify the description.
func (f *forged) pack(blob resticwriter.ID, content string, tell func(*resticwriter.IndexPack)) {
	file := f.repo.Seal([]byte(content))
	length := len(file)
	id := resticwriter.ID(sha256.Sum256(file))
	dir := filepath.Join("data", hex.EncodeToString(id[:1]))
	_, err := f.repo.Store(dir, file)
	f.must(err)
	p := resticwriter.IndexPack{ID: id, Blobs: []resticwriter.IndexBlob{{ID: blob, Type: "tree", Length: length}}}
	tell(&p)
	f.must(f.repo.AddPack(p))
	f.must(f.repo.Flush())
}

// bomb is a small zstd frame that decodes to size bytes.
func bomb(t *testing.T, size int) []byte {
	var out strings.Builder
	w, err := zstd.NewWriter(&out, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1))
	if err != nil {
		t.Fatal(err)
	}
	zeros := make([]byte, 1<<20)
	for range size / len(zeros) {
		if _, err := w.Write(zeros); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return []byte(out.String())
}

// hostile is a repository with hostile bytes, and a part of the log line that
// names the fault.
type hostile struct {
	make func(f *forged)
	log  string
}

// hostileTrees each have a snapshot with a missing or wrong tree.
func hostileTrees(t *testing.T) map[string]hostile {
	const wanted = "a tree that is not there as it should be"
	bad := sum(wanted)
	keep := func(*resticwriter.IndexPack) {}
	shape := func(content string) func(*forged) {
		return func(f *forged) { f.tree(content); f.snapshot(sum(content)) }
	}
	stored := func(bytes []byte, uncompressed int) func(*forged) {
		return func(f *forged) {
			p := resticwriter.NewPacker(f.repo, "tree", true)
			f.must(p.AddStored(bad, bytes, uncompressed))
			f.must(p.Flush())
			f.must(f.repo.Flush())
			f.snapshot(bad)
		}
	}
	return map[string]hostile{
		"a tree of another hash": {func(f *forged) { f.pack(bad, treeOf(fileNode("x")), keep); f.snapshot(bad) }, bad.String()[:8]},
		"beyond the pack's end": {func(f *forged) {
			f.pack(bad, wanted, func(p *resticwriter.IndexPack) { p.Blobs[0].Offset = 1 << 30 })
			f.snapshot(bad)
		}, bad.String()[:8]},
		"longer than the pack": {func(f *forged) {
			f.pack(bad, wanted, func(p *resticwriter.IndexPack) { p.Blobs[0].Length += 100 })
			f.snapshot(bad)
		}, bad.String()[:8]},
		"offset that overflows": {func(f *forged) {
			f.pack(bad, wanted, func(p *resticwriter.IndexPack) { p.Blobs[0].Offset = 1<<63 - 1 })
			f.snapshot(bad)
		}, "index"},
		"another blob's place": {func(f *forged) {
			f.pack(bad, treeOf(fileNode("other")), keep)
			f.snapshot(bad)
		}, bad.String()[:8]},
		"a missing pack": {func(f *forged) {
			f.pack(bad, wanted, func(p *resticwriter.IndexPack) { p.ID = sum("no pack has this name") })
			f.snapshot(bad)
		}, bad.String()[:8]},
		"in no index":            {func(f *forged) { f.snapshot(bad) }, "is in no index"},
		"more than is announced": {stored(bomb(t, 64<<20), 1000), bad.String()[:8]},
		"gigabytes announced":    {stored(bomb(t, 64<<20), 3<<30), ""},
		"gigabytes, no size":     {stored(bomb(t, 64<<20), 0), bad.String()[:8]},
		"no tree":                {shape(`[]`), "ree"},
		"nodes are text":         {shape(`{"nodes":"many"}`), "ree"},
		"cut off":                {shape(`{"nodes":[{"name":"x","type":"fi`), "ree"},
		"no JSON":                {shape("\x00\x01\x02"), "ree"},
		"deeply nested JSON":     {shape(`{"nodes":[` + strings.Repeat(`[`, 100_000) + strings.Repeat(`]`, 100_000) + `]}`), "ree"},
		"a size below zero":      {shape(treeOf(strings.Replace(fileNode("x"), `"size":0`, `"size":-1`, 1))), "ree"},
		"folder without tree":    {shape(treeOf(strings.Replace(dirNode("x", bad), bad.String(), "xyz", 1))), "ree"},
	}
}

// hostileFiles each have an invalid snapshot or index file.
func hostileFiles() map[string]hostile {
	store := func(kind string, content any) func(f *forged) {
		return func(f *forged) {
			_, err := f.repo.StoreJSON(kind, content)
			f.must(err)
		}
	}
	unsealed := func(kind string) func(f *forged) {
		return func(f *forged) {
			_, err := f.repo.Store(kind, []byte("plain text, nothing that anyone has sealed"))
			f.must(err)
		}
	}
	return map[string]hostile{
		"snapshot of wrong shape": {store("snapshots", map[string]any{"time": 7, "tree": []int{1}}), "napshot"},
		"snapshot without a tree": {store("snapshots", map[string]any{"time": time.Unix(0, 0).UTC()}), "napshot"},
		"snapshot not sealed":     {unsealed("snapshots"), "napshot"},
		"index of wrong shape":    {store("index", map[string]any{"packs": "none"}), "ndex"},
		"index not sealed":        {unsealed("index"), "ndex"},
	}
}

// TestHostileRepositories has one good snapshot and one of hostile bytes. The
// session names the fault and shows the good one.
func TestHostileRepositories(t *testing.T) {
	cases := hostileTrees(t)
	maps.Copy(cases, hostileFiles())
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			f := forge(t)
			good := treeOf(fileNode("good"))
			f.tree(good)
			id := f.snapshot(sum(good))
			c.make(f)
			b := newBench(t, f.dir)
			stats, err := b.sync(context.Background())
			var coded *syncline.Error
			if !errors.As(err, &coded) || coded.Code != syncline.CodeDamaged {
				t.Errorf("the session ended with %v, not with damage", err)
			}
			if !b.has("Error ") && !b.has("error ") || !b.has(c.log) {
				t.Errorf("the log does not tell:\n%s", strings.Join(b.log, "\n"))
			}
			if got := b.catalogListing(id); len(got) != 1 || stats.SnapshotsTotal != 1 {
				t.Errorf("the good snapshot has %d entries, %d snapshots are shown", len(got), stats.SnapshotsTotal)
			}
		})
	}
}

// Impossible names are left out, and the rest of the folder stays.
func TestNamesThatNoFileCanHave(t *testing.T) {
	f := forge(t)
	var nodes []string
	names := []string{"a/b", "..", ".", "", "nul\x00byte", "/", "../../etc/passwd"}
	for _, n := range names {
		nodes = append(nodes, strings.Replace(fileNode("NAME"), `"NAME"`, fmt.Sprintf("%q", strings.ReplaceAll(n, "\x00", `\x00`)), 1))
	}
	content := treeOf(append(nodes, fileNode("good"), fileNode("good"))...)
	f.tree(content)
	id := f.snapshot(sum(content))
	b := newBench(t, f.dir)
	stats, err := b.sync(context.Background())
	if err != nil {
		t.Errorf("the session ended with %v", err)
	}
	if stats.Damaged < int64(len(names)) {
		t.Errorf("%d entries were noted, %d have bad names", stats.Damaged, len(names))
	}
	for _, e := range b.catalogListing(id) {
		if e.Name != "good" {
			t.Errorf("an entry named %q is shown", e.Name)
		}
	}
}

func TestDeeplyNestedFolders(t *testing.T) {
	const depth = 10_000
	f := forge(t)
	p := resticwriter.NewPacker(f.repo, "tree", true)
	content := treeOf(fileNode("bottom"))
	for range depth {
		f.must(p.Add(sum(content), []byte(content)))
		content = treeOf(dirNode("d", sum(content)))
	}
	f.must(p.Add(sum(content), []byte(content)))
	f.must(p.Flush())
	f.must(f.repo.Flush())
	id := f.snapshot(sum(content))
	b := newBench(t, f.dir)
	b.mustSync()
	n, deepest := 0, ""
	b.with(func(c *catalog.Catalog) {
		f.must(c.View(context.Background(), func(v *catalog.View) error {
			snapshots, err := v.Snapshots()
			if err != nil {
				return err
			}
			return v.Walk(snapshots[0].Root, "", 0, 1<<20, func(path string, _ *syncline.Entry) error {
				n++
				deepest = path
				return nil
			})
		}))
	})
	if want := strings.Repeat("/d", depth) + "/bottom"; n != depth+1 || deepest != want {
		t.Errorf("snapshot %s has %d entries, the deepest has a path of %d bytes", id, n, len(deepest))
	}
}

// A tree that contains itself cannot exist, because its hash depends on its
// content. Trees that name each other's forged hashes can be stored, and their
// hashes are refused.
func TestCircleOfTrees(t *testing.T) {
	f := forge(t)
	self := sum("the name it is stored under")
	content := treeOf(dirNode("again", self))
	p := resticwriter.NewPacker(f.repo, "tree", true)
	f.must(p.Add(self, []byte(content)))
	f.must(p.Flush())
	f.must(f.repo.Flush())
	f.snapshot(self)
	b := newBench(t, f.dir)
	stats, err := b.sync(context.Background())
	if err == nil || stats.SnapshotsTotal != 0 {
		t.Errorf("the session ended with %v and shows %d snapshots", err, stats.SnapshotsTotal)
	}
}

func TestRepositoryVanishes(t *testing.T) {
	f := forge(t)
	content := treeOf(fileNode("x"))
	f.tree(content)
	f.snapshot(sum(content))
	b := newBench(t, f.dir)
	b.mustSync()
	want := b.dump()
	for name, sub := range map[string]string{"snapshots": "snapshots", "index": "index", "everything": ""} {
		t.Run(name, func(t *testing.T) {
			b.t = t
			away := filepath.Join(t.TempDir(), "away")
			f.must(os.Rename(filepath.Join(f.dir, sub), away))
			defer func() { f.must(os.Rename(away, filepath.Join(f.dir, sub))) }()
			if sub == "" { // the mount point stays
				f.must(os.Mkdir(f.dir, 0o700))
				defer func() { f.must(os.Remove(f.dir)) }()
			}
			_, err := b.sync(context.Background())
			var coded *syncline.Error
			if !errors.As(err, &coded) || coded.Code != syncline.CodeNoRepository && coded.Code != syncline.CodeDamaged {
				t.Errorf("the session ended with %v", err)
			}
			if b.dump() != want {
				t.Error("the catalog lost something")
			}
		})
	}
	b.t = t
	b.mustSync()
}
