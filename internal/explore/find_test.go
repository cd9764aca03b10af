package explore

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/catalog"
	"syncline.dev/syncline/internal/catalog/catalogtest"
	"syncline.dev/syncline/internal/pattern"
)

// forest builds a catalog and keeps its trees.
type forest struct {
	t         testing.TB
	trees     map[syncline.Hash][]syncline.Entry
	order     []syncline.Hash // trees, each after its subtrees
	snapshots []syncline.Snapshot
}

func newForest(t testing.TB) *forest {
	return &forest{t: t, trees: make(map[syncline.Hash][]syncline.Entry)}
}

func (f *forest) tree(entries ...syncline.Entry) syncline.Hash {
	raw, err := json.Marshal(entries)
	if err != nil {
		f.t.Fatal(err)
	}
	h := syncline.Hash(sha256.Sum256(raw))
	if f.trees[h] == nil {
		f.trees[h] = entries
		f.order = append(f.order, h)
	}
	return h
}

func (f *forest) snapshot(root syncline.Hash) {
	n := len(f.snapshots)
	f.snapshots = append(f.snapshots, syncline.Snapshot{
		ID: syncline.Hash{byte(n), 7}, Tree: root, Time: time.Unix(int64(1000*n), 0), Hostname: fmt.Sprint("host", n%2),
	})
}

func folder(name string, tree syncline.Hash) syncline.Entry {
	return syncline.Entry{Name: name, Type: syncline.TypeDir, Subtree: tree, ModTime: time.Unix(1, 0).UTC()}
}

func file(name string, size uint64) syncline.Entry {
	return syncline.Entry{Name: name, Type: syncline.TypeFile, Size: size, ModTime: time.Unix(int64(size), 0).UTC()}
}

// catalog puts all trees into a catalog in memory.
func (f *forest) catalog() *catalog.Catalog {
	f.t.Helper()
	c, err := catalog.Open(f.t.Context(), catalogtest.NewMemory())
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() { _ = c.Close() })
	f.fill(c)
	return c
}

func (f *forest) fill(c *catalog.Catalog) {
	f.t.Helper()
	b, err := c.Build(f.t.Context())
	if err != nil {
		f.t.Fatal(err)
	}
	a := b.NewAdder()
	for _, h := range f.order {
		var raw []byte
		var spans []catalog.Span
		for _, e := range f.trees[h] {
			one, err := json.Marshal(e)
			if err != nil {
				f.t.Fatal(err)
			}
			spans = append(spans, catalog.Span{Start: len(raw), End: len(raw) + len(one)})
			raw = append(raw, one...)
		}
		err := a.Add(h, raw, spans, func(raw []byte, e *syncline.Entry) (bool, error) { return true, json.Unmarshal(raw, e) })
		if err != nil {
			f.t.Fatal(err)
		}
	}
	err = b.Flush(f.t.Context())
	b.Close()
	if err == nil {
		var gaps []catalog.Incomplete
		if gaps, err = c.Publish(f.t.Context(), f.snapshots, nil); len(gaps) > 0 {
			err = fmt.Errorf("%d snapshots lack trees", len(gaps))
		}
	}
	if err != nil {
		f.t.Fatal(err)
	}
}

// view runs fn on the catalog and its snapshots.
func view(t testing.TB, c *catalog.Catalog, fn func(v *catalog.View, list []catalog.Snapshot) error) {
	t.Helper()
	err := c.View(t.Context(), func(v *catalog.View) error {
		list, err := v.Snapshots()
		if err != nil {
			return err
		}
		return fn(v, list)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// grow makes snapshots of trees with few names, many of them the same.
func (f *forest) grow(r *rand.Rand, snapshots int) {
	names := []string{"a", "b", "ab", "B", "é", "e\u0301", "a.txt", "A.TXT", "x y", "k", "\u212a"}
	var make1 func(depth int) syncline.Hash
	make1 = func(depth int) syncline.Hash {
		var list []syncline.Entry
		for _, name := range names {
			switch n := r.IntN(8); {
			case n < 3 && depth > 0:
				list = append(list, folder(name, make1(depth-1)))
			case n < 5:
				list = append(list, file(name, uint64(r.IntN(4))))
			}
		}
		slices.SortFunc(list, func(a, b syncline.Entry) int { return strings.Compare(a.Name, b.Name) })
		return f.tree(list...)
	}
	top := []syncline.Hash{make1(3), make1(3), make1(2)}
	for range snapshots {
		if r.IntN(2) == 0 {
			top[r.IntN(len(top))] = make1(r.IntN(4))
		}
		f.snapshot(f.tree(folder("a", top[0]), folder("b", top[1]), folder("c", top[2])))
	}
}

// expect lists the results of a query in a tree, by looking at every entry.
func (f *forest) expect(q *Query, label string, tree syncline.Hash, prefix string, out []string) []string {
	for _, e := range f.trees[tree] {
		path := prefix + "/" + e.Name
		chosen := slices.ContainsFunc(q.Texts, func(text string) bool {
			if !q.Pattern {
				return (q.MatchCase && strings.Contains(e.Name, text)) || (!q.MatchCase && strings.Contains(foldName(e.Name), foldName(text)))
			}
			p, err := pattern.Parse(text, !q.MatchCase)
			return err == nil && p.Match(path)
		})
		below := strings.HasPrefix(path, q.Folder+"/")
		if chosen && below && q.passes(&e) {
			out = append(out, line(label+path, &e))
		}
		if e.IsDir() {
			out = f.expect(q, label, e.Subtree, path, out)
		}
	}
	return out
}

func line(path string, e *syncline.Entry) string {
	return fmt.Sprintf("%s %v %v", path, e.Size, e.Subtree)
}

func randomQuery(r *rand.Rand) *Query {
	q := &Query{Pattern: r.IntN(3) > 0, MatchCase: r.IntN(3) > 0, Detail: catalog.WithSubtree}
	for range 1 + r.IntN(2) {
		if !q.Pattern {
			q.Texts = append(q.Texts, []string{"a", "E\u0301", "TXT", " ", "K"}[r.IntN(5)])
			continue
		}
		var parts []string
		for range 1 + r.IntN(4) {
			parts = append(parts, []string{"a", "b", "B", "ab", "é", "e\u0301", "*.txt", "*", "**", "[a-c]", "?", "k", "\u212a"}[r.IntN(13)])
		}
		q.Texts = append(q.Texts, []string{"", "/"}[r.IntN(2)]+strings.Join(parts, "/"))
	}
	for r.IntN(5) == 0 {
		q.Folder += "/" + []string{"a", "b", "c", "é"}[r.IntN(4)]
	}
	switch r.IntN(6) {
	case 0:
		q.Types = []syncline.EntryType{syncline.TypeFile}
	case 1:
		q.Types = []syncline.EntryType{syncline.TypeSymlink, syncline.TypeDir}
	case 2:
		most := uint64(r.IntN(4))
		q.MinSize, q.MaxSize = uint64(r.IntN(3)), &most
	case 3:
		q.Oldest, q.Newest = time.Unix(1, 0), time.Unix(2, 0)
	}
	return q
}

func TestFindAgainstModel(t *testing.T) {
	r := rand.New(rand.NewPCG(8, 9))
	rounds, hits := 6, 0
	if testing.Short() {
		rounds = 3
	}
	defer func(n int) { manyFound = n }(manyFound)
	for round := range rounds {
		manyFound = []int{0, 3, 1000}[round%3]
		f := newForest(t)
		f.grow(r, 1+r.IntN(12))
		view(t, f.catalog(), func(v *catalog.View, list []catalog.Snapshot) error {
			for range 40 {
				q := randomQuery(r)
				var want, got []string
				for i := range list {
					want = f.expect(q, list[i].ID.Short()+" ", list[i].Tree, "", want)
				}
				cut, err := Find(t.Context(), v, list, q, func(h *Found) error {
					got = append(got, line(h.First.ID.Short()+" "+h.Path, h.Entry))
					return nil
				})
				if err != nil || cut != Complete || !slices.Equal(got, want) {
					t.Fatalf("%+v: cut %q, error %v, %s", q, cut, err, difference(got, want))
				}
				hits += len(want)
				f.checkVersions(v, list, q, want)
			}
			return nil
		})
	}
	if hits < 1000*rounds {
		t.Errorf("only %d hits", hits)
	}
}

func difference(got, want []string) string {
	for i := range max(len(got), len(want)) {
		if i >= len(got) || i >= len(want) || got[i] != want[i] {
			return fmt.Sprintf("%d results, want %d; from number %d on %q, want %q", len(got), len(want), i,
				got[min(i, len(got)):min(i+3, len(got))], want[min(i, len(want)):min(i+3, len(want))])
		}
	}
	return "no difference"
}

// checkVersions unfolds the versions of a query and compares them with want.
func (f *forest) checkVersions(v *catalog.View, list []catalog.Snapshot, q *Query, want []string) {
	f.t.Helper()
	var got, versions []string
	last := ""
	cut, err := FindVersions(f.t.Context(), v, list, q, func(x *Found) error {
		versions = append(versions, line(x.Path, x.Entry))
		for _, i := range x.in {
			got = append(got, line(list[i].ID.Short()+" "+x.Path, x.Entry))
		}
		if !slices.IsSorted(x.in) {
			return errors.New("the snapshots are in no order")
		}
		if x.First != &list[x.in[0]] || x.Last != &list[x.in[len(x.in)-1]] || x.Snapshots != len(x.in) {
			return errors.New("the first and the last snapshot are others")
		}
		if key := strings.ReplaceAll(x.Path, "/", "\x00"); key < last {
			return fmt.Errorf("%q comes late", x.Path)
		} else {
			last = key
		}
		return nil
	})
	slices.Sort(got)
	want = slices.Sorted(slices.Values(want))
	if err != nil || cut != Complete || !slices.Equal(got, want) {
		f.t.Fatalf("%+v: cut %q, error %v, %s", q, cut, err, difference(got, want))
	}
	slices.Sort(versions)
	if n := len(versions); n != len(slices.Compact(versions)) {
		f.t.Fatalf("%+v: versions come twice", q)
	}
}

func TestFindLimits(t *testing.T) {
	f := newForest(t)
	below := f.tree(file("leaf", 1))
	for range 40 { // 2^40 leaves
		below = f.tree(folder("l", below), folder("r", below))
	}
	f.snapshot(below)
	deep := f.tree(file("leaf", 1))
	for range 5000 {
		deep = f.tree(folder(strings.Repeat("d", 250), deep))
	}
	f.snapshot(deep)
	view(t, f.catalog(), func(v *catalog.View, list []catalog.Snapshot) error {
		for _, tt := range []struct {
			name   string
			limits Limits
			list   []catalog.Snapshot
			cut    Cut
			count  int
		}{
			{"results", Limits{Results: 1000}, list, CutResults, 1000},
			{"folders", Limits{Folders: 5000}, list, CutFolders, -1},
			{"time", Limits{Deadline: time.Now().Add(-time.Second)}, list, CutTime, 0},
			{"time on the way", Limits{Deadline: time.Now().Add(200 * time.Millisecond)}, list, CutTime, -1},
			{"depth", Limits{}, list[1:], CutDepth, 0},
			{"none of no snapshots", Limits{Results: 1}, nil, Complete, 0},
		} {
			for _, versions := range []bool{false, true} {
				count := 0
				var cut Cut
				var err error
				q := &Query{Texts: []string{"leaf"}, Pattern: true, Limits: tt.limits}
				if versions {
					cut, err = FindVersions(t.Context(), v, tt.list, q, func(*Found) error { count++; return nil })
				} else {
					cut, err = Find(t.Context(), v, tt.list, q, func(*Found) error { count++; return nil })
				}
				if err != nil || cut != tt.cut || tt.count >= 0 && count != tt.count {
					t.Errorf("%s: cut %q, error %v, %d results", tt.name, cut, err, count)
				}
			}
		}
		stop := errors.New("enough")
		_, err := Find(t.Context(), v, list, &Query{Texts: []string{"leaf"}, Pattern: true}, func(*Found) error { return stop })
		if !errors.Is(err, stop) {
			t.Errorf("the error is %v", err)
		}
		return nil
	})
}

func TestFindRefusesPatterns(t *testing.T) {
	f := newForest(t)
	f.snapshot(f.tree(file("a", 1)))
	view(t, f.catalog(), func(v *catalog.View, list []catalog.Snapshot) error {
		q := &Query{Texts: []string{"a", "[a"}, Pattern: true}
		_, err := Find(t.Context(), v, list, q, func(*Found) error { return nil })
		if syncline.CodeOf(err) != syncline.CodeInvalid || syncline.CodeOf(q.Check()) != syncline.CodeInvalid {
			t.Errorf("the errors are %v and %v", err, q.Check())
		}
		if err := (&Query{Texts: []string{"", "**", "a/[b]"}, Pattern: true}).Check(); err != nil {
			t.Error(err)
		}
		return nil
	})
}
