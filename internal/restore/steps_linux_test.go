package restore_test

import (
	"context"
	"math"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/catalog"
	"syncline.dev/syncline/internal/content"
	"syncline.dev/syncline/internal/content/contenttest"
	"syncline.dev/syncline/internal/resticfixture"
	"syncline.dev/syncline/internal/restore"
)

// turning is a tree that is in another catalog at each step, or after some steps, as after
// a session.
type turning struct {
	cats  []*catalog.Catalog
	point syncline.Hash
	after int64 // steps in the first catalog, all others in the second one; 0 for turns at each
	steps atomic.Int64
	open  atomic.Int64
}

func (u *turning) View(ctx context.Context, fn func(*catalog.View) error) error {
	u.open.Add(1)
	defer u.open.Add(-1)
	step := u.steps.Add(1)
	switch {
	case u.after == 0:
		return u.cats[step%int64(len(u.cats))].View(ctx, fn)
	case step <= u.after:
		return u.cats[0].View(ctx, fn)
	}
	return u.cats[1].View(ctx, fn)
}

func (u *turning) Root(v *catalog.View) (catalog.TreeRef, error) {
	return content.Root(v, syncline.RestorePoint{Snapshot: syncline.Snapshot{ID: u.point}})
}

// between fails when the run tells of progress within a step.
type between struct {
	told

	t    *testing.T
	tree *turning
}

func (b *between) Progress(r restore.Result) {
	b.told.Progress(r)
	if b.tree.open.Load() > 0 {
		b.t.Error("the run works on the target while it looks at the catalog")
	}
}

// turnsIn makes a repository with two snapshots, and returns the tree of the second one in
// two catalogs in which the trees have other numbers.
func turnsIn(t *testing.T, source string, files int) (*turning, *content.Source) {
	t.Helper()
	other, path := filepath.Join(t.TempDir(), "other"), resticfixture.Init(t, 2)
	for i, dir := range []string{source, other} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		resticfixture.MakeTree(t, dir, uint64(i), files)
	}
	forgotten := resticfixture.Backup(t, path, other)
	repo := contenttest.Open(t, path, resticfixture.Password)
	two := contenttest.Catalog(t, repo)
	resticfixture.Backup(t, path, source)
	contenttest.Sync(t, two, repo)
	resticfixture.Run(t, path, "forget", "--prune", forgotten) // so that the first catalog has none of its trees
	one := contenttest.Catalog(t, repo)
	tree := &turning{cats: []*catalog.Catalog{one, two}}
	var src *content.Source
	var changes []uint64
	var roots []catalog.TreeRef
	for _, cat := range []*catalog.Catalog{two, one} {
		contenttest.View(t, cat, repo, func(v *catalog.View, s *content.Source) {
			src, changes = s, append(changes, v.Changes()) // only the last one knows the packs
			for _, x := range snapshots(t, v) {
				if x.Paths[0] == source {
					tree.point, roots = x.ID, append(roots, x.Root)
				}
			}
		})
	}
	if changes[0] == changes[1] || roots[0] == roots[1] {
		t.Fatalf("the catalogs are in the states %d, with the roots %v", changes, roots)
	}
	return tree, src
}

// A run reads the tree in steps, and each step may be in another state of the catalog, in
// which the trees have other numbers.
func TestCatalogChangesBetweenSteps(t *testing.T) {
	source := filepath.Join(t.TempDir(), "source")
	tree, src := turnsIn(t, source, 150)
	target := t.TempDir()
	r := &between{t: t, tree: tree}
	for range 2 { // into nothing, and over what is there
		result, err := restore.Run(t.Context(), tree, src, target, restore.Options{Reporter: r, Verify: true, KeepFree: func(int64) int64 { return 0 }})
		if err != nil || len(r.failed) > 0 {
			t.Fatalf("%+v, %v, %v", result, err, r.failed)
		}
		resticfixture.SameTrees(t, source, filepath.Join(target, source))
	}
	// Nothing is to be written, so what is kept free does not matter.
	if _, err := restore.Run(t.Context(), tree, src, target, restore.Options{Reporter: r, KeepFree: func(int64) int64 { return math.MaxInt64 / 2 }}); err != nil {
		t.Error(err)
	}
	if tree.steps.Load() < 20 {
		t.Errorf("%d steps", tree.steps.Load())
	}
}

// A catalog changes once while a run lasts, after each of its steps: the trees that the run
// found before have other numbers from then on.
func TestCatalogChangesOnce(t *testing.T) {
	source := filepath.Join(t.TempDir(), "source")
	tree, src := turnsIn(t, source, 60)
	for tree.after = 1; tree.after == 1 || tree.steps.Load() >= tree.after; tree.after++ {
		tree.steps.Store(0)
		target, r := t.TempDir(), &told{}
		result, err := restore.Run(t.Context(), tree, src, target, restore.Options{Reporter: r})
		if err != nil || len(r.failed) > 0 {
			t.Fatalf("a change after step %d: %+v, %v, %v", tree.after, result, err, r.failed)
		}
		if resticfixture.SameTrees(t, source, filepath.Join(target, source)); t.Failed() {
			t.Fatalf("a change after step %d gives another tree", tree.after)
		}
	}
	if tree.after < 10 {
		t.Errorf("a run makes %d steps", tree.after)
	}
}
