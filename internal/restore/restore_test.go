//go:build linux

package restore_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/catalog"
	"syncline.dev/syncline/internal/content"
	"syncline.dev/syncline/internal/content/contenttest"
	"syncline.dev/syncline/internal/needtest"
	"syncline.dev/syncline/internal/resticfixture"
	"syncline.dev/syncline/internal/restore"
	"syncline.dev/syncline/resticrepo"
)

// told collects the reports of a run. cancel, if set, is called after so many
// calls of Progress.
type told struct {
	mu     sync.Mutex
	failed map[string]error
	noted  []string
	calls  int
	after  int
	cancel func()
}

func (r *told) Failed(path string, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.failed == nil {
		r.failed = make(map[string]error)
	}
	r.failed[path] = err
}

func (r *told) Noted(path string, n restore.Note, detail string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.noted = append(r.noted, path+": "+string(n)+": "+detail)
}

func (r *told) Progress(restore.Result) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.calls++; r.cancel != nil && r.calls >= r.after {
		r.cancel()
	}
}

// into restores a snapshot and expects no failure.
func into(t *testing.T, v *catalog.View, s *content.Source, root catalog.TreeRef, target string, o restore.Options) restore.Result {
	t.Helper()
	r := &told{}
	o.Reporter = r
	result, err := restore.Run(t.Context(), restore.At(v, root), s, target, o)
	if err != nil || len(r.failed) > 0 || result.Failed > 0 {
		t.Fatalf("%+v, %v, %v", result, err, r.failed)
	}
	return result
}

func snapshots(t *testing.T, v *catalog.View) []catalog.Snapshot {
	t.Helper()
	list, err := v.Snapshots()
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func TestSameAsRestic(t *testing.T) {
	for _, name := range []string{"v1-old", "v2-new"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := resticfixture.Unpack(t, name)
			repo := contenttest.Open(t, path, resticfixture.Password)
			contenttest.View(t, contenttest.Catalog(t, repo), repo, func(v *catalog.View, s *content.Source) {
				list := snapshots(t, v)
				for _, snapshot := range []catalog.Snapshot{list[0], list[len(list)-1]} {
					theirs, ours := t.TempDir(), t.TempDir()
					resticfixture.Run(t, path, "restore", snapshot.ID.String(), "--target", theirs)
					into(t, v, s, snapshot.Root, ours, restore.Options{Verify: true})
					betterThanRestic(t, theirs, ours)
					resticfixture.SameTrees(t, theirs, ours)
				}
			})
		})
	}
}

// betterThanRestic checks items that the oldest tested restic restores wrongly,
// and removes them from the comparison: times after 2262, and link targets that
// are not UTF-8.
func betterThanRestic(t *testing.T, theirs, ours string) {
	t.Helper()
	drop := func(name string, right func(path string) bool) {
		found, err := filepath.Glob(filepath.Join(ours, "*", name))
		deeper, err2 := filepath.Glob(filepath.Join(ours, "*", "*", name))
		if err := errors.Join(err, err2); err != nil {
			t.Fatal(err)
		}
		for _, path := range append(found, deeper...) {
			if !right(path) {
				t.Errorf("%s is not right", path)
			}
			if err := errors.Join(os.Remove(path), os.Remove(filepath.Join(theirs, strings.TrimPrefix(path, ours)))); err != nil {
				t.Fatal(err)
			}
			for _, root := range []string{ours, theirs} {
				folder := filepath.Dir(filepath.Join(root, strings.TrimPrefix(path, ours)))
				if err := os.Chtimes(folder, time.Unix(1, 0), time.Unix(1, 0)); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	drop("far, in 2400", func(path string) bool {
		fi, err := os.Stat(path)
		return err == nil && fi.ModTime().Year() == 2400
	})
	drop("link not utf-8", func(path string) bool {
		to, err := os.Readlink(path)
		return err == nil && to != ""
	})
}

// rich is a repository of one tree with a bit of everything.
type rich struct {
	source, path string
	repo         *resticrepo.Repository
	cat          *catalog.Catalog
}

func newRich(t *testing.T) *rich {
	t.Helper()
	w := &rich{source: filepath.Join(t.TempDir(), "source"), path: resticfixture.Init(t, 2)}
	check := func(errs ...error) {
		t.Helper()
		if err := errors.Join(errs...); err != nil {
			t.Fatal(err)
		}
	}
	check(os.Mkdir(w.source, 0o755))
	resticfixture.MakeTree(t, w.source, 7, 400)
	large := make([]byte, 9<<20)
	_, _ = rand.NewChaCha8([32]byte{1}).Read(large)
	clear(large[2<<20 : 6<<20])
	at := func(name string) string { return filepath.Join(w.source, name) }
	check(
		os.WriteFile(at("large"), large, 0o640), os.WriteFile(at("same as large"), large, 0o600),
		os.WriteFile(at("empty"), nil, 0o444), os.WriteFile(at("zeros"), make([]byte, 5<<20), 0o644),
		os.WriteFile(at("set"), []byte("x"), 0o755), os.Chmod(at("set"), 0o755|os.ModeSetuid|os.ModeSetgid|os.ModeSticky),
		os.Mkdir(at("links"), 0o755), os.Link(at("large"), at("links/second name")), os.Link(at("large"), at("links/third name")),
		os.Symlink("../large", at("links/relative")), os.Symlink("/nowhere", at("links/dangling")), os.Symlink(strings.Repeat("x", 2000), at("links/long")),
		os.Mkdir(at("no rights"), 0o755), os.WriteFile(at("no rights/file"), []byte("y"), 0o400), os.Chmod(at("no rights"), 0o500),
	)
	extras(t, w.source)
	t.Cleanup(func() { _ = os.Chmod(at("no rights"), 0o700) })
	resticfixture.Backup(t, w.path, w.source)
	w.repo = contenttest.Open(t, w.path, resticfixture.Password)
	w.cat = contenttest.Catalog(t, w.repo)
	return w
}

// sameAsSource compares the source with the restored target.
func (w *rich) sameAsSource(t *testing.T, target string) {
	t.Helper()
	resticfixture.SameTrees(t, w.source, filepath.Join(target, w.source))
}

func (w *rich) view(t *testing.T, repo *resticrepo.Repository, fn func(*catalog.View, *content.Source, catalog.TreeRef)) {
	t.Helper()
	contenttest.View(t, w.cat, repo, func(v *catalog.View, s *content.Source) {
		fn(v, s, snapshots(t, v)[0].Root)
	})
}

func TestRestore(t *testing.T) {
	w := newRich(t)
	t.Run("as it was", func(t *testing.T) { testAsItWas(t, w) })
	t.Run("sparse", func(t *testing.T) { testSparse(t, w) })
	t.Run("what is there", func(t *testing.T) { testWhatIsThere(t, w) })
	t.Run("overwrite", func(t *testing.T) { testOverwrite(t, w) })
	t.Run("unseen", func(t *testing.T) { testUnseen(t, w) })
	t.Run("stopped", func(t *testing.T) { testStopped(t, w) })
	t.Run("paths", func(t *testing.T) { testPaths(t, w) })
	t.Run("attributes", func(t *testing.T) { testAttributes(t, w) })
	t.Run("full", func(t *testing.T) { testFull(t, w) })
	t.Run("room", func(t *testing.T) { testRoom(t, w) })
	t.Run("reserve", func(t *testing.T) { testReserve(t, w) })
	t.Run("delete", func(t *testing.T) { testDelete(t, w) })
	t.Run("patterns", func(t *testing.T) { testPatterns(t, w) })
	t.Run("damage", func(t *testing.T) { testDamage(t, w) })
	t.Run("targets", func(t *testing.T) { testTargets(t, w) })
}

func testAsItWas(t *testing.T, w *rich) {
	target := filepath.Join(t.TempDir(), "to", "be made")
	w.view(t, w.repo, func(v *catalog.View, s *content.Source, root catalog.TreeRef) {
		into(t, v, s, root, target, restore.Options{Verify: true})
	})
	w.sameAsSource(t, target)
}

func testSparse(t *testing.T, w *rich) {
	target := t.TempDir()
	w.view(t, w.repo, func(v *catalog.View, s *content.Source, root catalog.TreeRef) {
		into(t, v, s, root, target, restore.Options{Sparse: true})
	})
	w.sameAsSource(t, target)
	if n := blocks(t, filepath.Join(target, w.source, "zeros")); n > 64<<10 {
		t.Errorf("5 MiB of zeros take %d bytes on disk", n)
	}
}

// testWhatIsThere changes a restored tree in many ways and restores again. Only
// the differences are read, and the result is the original.
func testWhatIsThere(t *testing.T, w *rich) {
	target := t.TempDir()
	repo, counter := contenttest.At(t, w.repo, w.path)
	w.view(t, repo, func(v *catalog.View, s *content.Source, root catalog.TreeRef) {
		first := into(t, v, s, root, target, restore.Options{})
		before, bytes, _ := counter.Counts()
		again := into(t, v, s, root, target, restore.Options{})
		after, bytesAfter, _ := counter.Counts()
		if after["get data"] != before["get data"] || bytesAfter != bytes || again.Bytes != 0 || again.Files != first.Files || again.Unchanged != first.Files {
			t.Errorf("a second run made %d requests and wrote %d bytes: %+v", after["get data"]-before["get data"], again.Bytes, again)
		}
		w.sameAsSource(t, target)

		at := func(name string) string { return filepath.Join(target, w.source, name) }
		f, err := os.OpenFile(at("same as large"), os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		_, err = f.WriteAt([]byte("changed"), 8<<20)
		if err := errors.Join(
			err, f.Close(), os.Truncate(at("zeros"), 6<<20), os.Truncate(at("set"), 0), os.Remove(at("empty")), os.Mkdir(at("empty"), 0o700),
			os.Remove(at("links/relative")), os.WriteFile(at("links/relative"), []byte("z"), 0o600),
			os.Remove(at("links/third name")), os.Symlink("/etc/passwd", at("links/third name")),
			os.Chmod(at("no rights"), 0o700),
		); err != nil {
			t.Fatal(err)
		}
		third := into(t, v, s, root, target, restore.Options{})
		if third.Bytes == 0 || third.Bytes > 10<<20 {
			t.Errorf("%d bytes were written to mend a few places", third.Bytes)
		}
		w.sameAsSource(t, target)
	})
}

func testOverwrite(t *testing.T, w *rich) {
	for _, behavior := range []syncline.RestoreOverwrite{syncline.OverwriteNever, syncline.OverwriteIfNewer, syncline.OverwriteIfChanged} {
		target := t.TempDir()
		w.view(t, w.repo, func(v *catalog.View, s *content.Source, root catalog.TreeRef) {
			o := restore.Options{Overwrite: behavior}
			into(t, v, s, root, target, o)
			name := filepath.Join(target, w.source, "set")
			old, err := os.Stat(name)
			if err != nil {
				t.Fatal(err)
			}
			if err := errors.Join(os.WriteFile(name, []byte("q"), 0o600), os.Chtimes(name, old.ModTime(), old.ModTime())); err != nil {
				t.Fatal(err)
			}
			into(t, v, s, root, target, o)
			if b, _ := os.ReadFile(name); string(b) != "q" {
				t.Errorf("%s: a file of the same size and time was written to", behavior)
			}
			earlier := old.ModTime().Add(-1)
			if err := os.Chtimes(name, earlier, earlier); err != nil {
				t.Fatal(err)
			}
			into(t, v, s, root, target, o)
			if b, _ := os.ReadFile(name); (string(b) == "q") != (behavior == syncline.OverwriteNever) {
				t.Errorf("%s: an older file has %q", behavior, b)
			}
		})
	}
}

// testStopped ends runs early, each one later than the one before, and
// completes the last. No value of Overwrite may take half a file for a whole
// one.
func testStopped(t *testing.T, w *rich) {
	for _, behavior := range []syncline.RestoreOverwrite{syncline.OverwriteAlways, syncline.OverwriteNever, syncline.OverwriteIfNewer} {
		target := t.TempDir()
		w.view(t, w.repo, func(v *catalog.View, s *content.Source, root catalog.TreeRef) {
			for i := range 4 {
				ctx, cancel := context.WithCancel(t.Context())
				_, err := restore.Run(ctx, restore.At(v, root), s, target, restore.Options{Overwrite: behavior, Reporter: &told{after: i + 2, cancel: cancel}})
				if !errors.Is(err, context.Canceled) {
					t.Logf("%s: run %d had ended: %v", behavior, i, err)
				}
				cancel()
			}
			into(t, v, s, root, target, restore.Options{Overwrite: behavior})
		})
		w.sameAsSource(t, target)
	}
}

// testPaths restores some paths, without those that a pattern leaves out.
func testPaths(t *testing.T, w *rich) {
	filter, err := restore.NewFilter(nil, nil, []string{"third*"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	target := t.TempDir()
	w.view(t, w.repo, func(v *catalog.View, s *content.Source, root catalog.TreeRef) {
		result := into(t, v, s, root, target, restore.Options{Filter: filter.Within(w.source+"/links", w.source+"//zeros/", "/none")})
		if result.TotalFiles != 2 || result.Files != 2 || result.Done != result.TotalBytes || result.TotalBytes != 14<<20 {
			t.Errorf("%+v", result)
		}
	})
	got := paths(t, filepath.Join(target, w.source))
	want := []string{"", "/links", "/links/dangling", "/links/long", "/links/relative", "/links/second name", "/zeros"}
	if !slices.Equal(got, want) {
		t.Errorf("restored %q", got)
	}
	for path, want := range map[string][2]bool{
		"/a": {false, true}, "/a/b": {true, true}, "/a/b/c": {true, true}, "/a/bc": {false, false}, "/x": {false, false}, "/": {false, true},
	} {
		selected, below, _ := (*restore.Filter)(nil).Within("/a/b", "/a/b/d").Selector().Select(t.Context(), path)
		if [2]bool{selected, below} != want {
			t.Errorf("%s: %v, %v", path, selected, below)
		}
	}
}

// testPatterns compares the restored paths with restic's.
func testPatterns(t *testing.T, w *rich) {
	cases := [][]string{
		{"--exclude", "l*", "--exclude", w.source + "/dir*"},
		{"--include", w.source + "/**/file*3*", "--iinclude", "LARGE"},
		{"--iexclude", "*FILE*", "--exclude", w.source + "/links/*"},
	}
	for _, args := range cases {
		var include, iinclude, exclude, iexclude []string
		for i := 0; i < len(args); i += 2 {
			list := map[string]*[]string{"--include": &include, "--iinclude": &iinclude, "--exclude": &exclude, "--iexclude": &iexclude}[args[i]]
			*list = append(*list, args[i+1])
		}
		filter, err := restore.NewFilter(include, iinclude, exclude, iexclude)
		if err != nil {
			t.Fatal(err)
		}
		theirs, ours := t.TempDir(), t.TempDir()
		resticfixture.Run(t, w.path, append([]string{"restore", "latest", "--target", theirs}, args...)...)
		w.view(t, w.repo, func(v *catalog.View, s *content.Source, root catalog.TreeRef) {
			into(t, v, s, root, ours, restore.Options{Filter: filter})
		})
		if a, b := paths(t, theirs), paths(t, ours); !slices.Equal(a, b) {
			t.Errorf("%q: restic restored %d items, we %d:\n%q\n%q", args, len(a), len(b), a, b)
		}
	}
	if _, err := restore.NewFilter([]string{"a"}, nil, nil, []string{"b"}); syncline.CodeOf(err) != syncline.CodeInvalid {
		t.Errorf("including and excluding: %v", err)
	}
	if _, err := restore.NewFilter([]string{"[a"}, nil, nil, nil); syncline.CodeOf(err) != syncline.CodeInvalid {
		t.Errorf("a malformed pattern: %v", err)
	}
}

func paths(t *testing.T, dir string) (all []string) {
	t.Helper()
	if err := filepath.Walk(dir, func(path string, _ os.FileInfo, err error) error {
		all = append(all, strings.TrimPrefix(path, dir))
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return all
}

// testDamage flips one bit in a pack. The files that need it are named, and
// everything else is restored.
func testDamage(t *testing.T, w *rich) {
	copied := t.TempDir()
	if err := os.CopyFS(copied, os.DirFS(w.path)); err != nil {
		t.Fatal(err)
	}
	target := t.TempDir()
	repo, _ := contenttest.At(t, w.repo, copied)
	w.view(t, repo, func(v *catalog.View, s *content.Source, root catalog.TreeRef) {
		e, _, _, err := v.FindWith(root, w.source+"/large", catalog.WithContent)
		if err != nil {
			t.Fatal(err)
		}
		place, ok := s.Locator.Locate(e.Content[0])
		if !ok {
			t.Fatal("the first blob is nowhere")
		}
		pack := filepath.Join(copied, filepath.FromSlash(resticrepo.PackName(resticrepo.ID(place.Pack))))
		b, err := os.ReadFile(pack)
		if err != nil {
			t.Fatal(err)
		}
		b[place.Offset+place.Length/2] ^= 4
		if err := errors.Join(os.Chmod(pack, 0o600), os.WriteFile(pack, b, 0o600)); err != nil {
			t.Fatal(err)
		}
		r := &told{}
		result, err := restore.Run(t.Context(), restore.At(v, root), s, target, restore.Options{Reporter: r})
		if err != nil {
			t.Fatal(err)
		}
		want := map[string]bool{"large": true, "same as large": true, "links/second name": true, "links/third name": true}
		for path, err := range r.failed {
			name := strings.TrimPrefix(path, w.source+"/")
			if !want[name] || syncline.CodeOf(err) != syncline.CodeDamaged {
				t.Errorf("%s: %v", path, err)
			}
			delete(want, name)
		}
		if len(want) > 0 || result.Failed != 4 {
			t.Errorf("not named: %v, %d failed", want, result.Failed)
		}
	})
	// After the pack is mended, the next run completes the restore.
	w.view(t, w.repo, func(v *catalog.View, s *content.Source, root catalog.TreeRef) {
		into(t, v, s, root, target, restore.Options{})
	})
	w.sameAsSource(t, target)
}

func testTargets(t *testing.T, w *rich) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	w.view(t, w.repo, func(v *catalog.View, s *content.Source, root catalog.TreeRef) {
		for _, target := range []string{file, filepath.Join(file, "below"), "/proc/nothing here"} {
			_, err := restore.Run(t.Context(), restore.At(v, root), s, target, restore.Options{Reporter: &told{}})
			if syncline.CodeOf(err) != syncline.CodeUnavailable || !strings.Contains(syncline.MessageOf(err), "target") {
				t.Errorf("into %s: %v", target, err)
			}
		}
	})
}

// TestManyGroups restores more files than one group holds, with hard links
// across groups.
func TestManyGroups(t *testing.T) {
	needtest.Full(t, "the time to write 40,000 files")
	root := node{name: "", dir: true}
	for i := range 200 {
		d := node{name: fmt.Sprintf("d%03d", i), dir: true}
		for j := range 200 {
			e := syncline.Entry{Type: syncline.TypeFile, Mode: 0o644}
			if j == 0 {
				e.Links, e.Inode = 200, 5
			}
			d.below = append(d.below, node{name: fmt.Sprintf("f%03d", j), entry: e})
		}
		root.below = append(root.below, d)
	}
	target := t.TempDir()
	hostile(t, root, func(v *catalog.View, s *content.Source, tree catalog.TreeRef) {
		result := into(t, v, s, tree, target, restore.Options{})
		if result.Files != 40_000 || result.Folders != 200 {
			t.Errorf("%+v", result)
		}
	})
	first, err := os.Stat(filepath.Join(target, "d000", "f000"))
	last, err2 := os.Stat(filepath.Join(target, "d199", "f000"))
	if err := errors.Join(err, err2); err != nil || !os.SameFile(first, last) {
		t.Errorf("the hard links are several files: %v", err)
	}
}
