package explore

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/catalog"
)

const testRepository = syncline.ID("3f2504e0-4f89-41d3-9a0c-0305e82c3301")

// one provides a single catalog.
type one struct{ c *catalog.Catalog }

func (o one) Use(_ context.Context, _ syncline.ID, fn func(*catalog.Catalog) error) error {
	return fn(o.c)
}

func (o one) Repositories(context.Context) ([]syncline.Repository, error) {
	return []syncline.Repository{{ID: testRepository}}, nil
}

// explorer puts the forest into a catalog, and returns its restore points.
func (f *forest) explorer() (*Explorer, []syncline.ID) {
	o := one{f.catalog()}
	var ids []syncline.ID
	for i := range f.snapshots {
		ids = append(ids, RestorePointID(testRepository, f.snapshots[i].ID))
	}
	return &Explorer{Points: &RestorePoints{Catalogs: o, Repositories: o}}, ids
}

func wantCode(t *testing.T, err error, code syncline.Code) {
	t.Helper()
	if syncline.CodeOf(err) != code {
		t.Errorf("the error is %v (%s), not of the code %s", err, syncline.CodeOf(err), code)
	}
}

// paths lists the entries below a tree.
func (f *forest) paths(tree syncline.Hash, prefix string, out map[string]syncline.Entry) {
	for _, e := range f.trees[tree] {
		out[prefix+"/"+e.Name] = e
		f.paths(e.Subtree, prefix+"/"+e.Name, out)
	}
}

// change tells how two entries differ, without the code under test.
func change(a, b *syncline.Entry) ChangeKind {
	switch {
	case a == nil:
		return ChangeAdded
	case b == nil:
		return ChangeRemoved
	case a.Type != b.Type:
		return ChangeType
	case fmt.Sprint(a.Content) != fmt.Sprint(b.Content):
		return ChangeContent
	case a.Size != b.Size || !a.ModTime.Equal(b.ModTime):
		return ChangeMetadata
	}
	return ""
}

// differences is the list that a comparison below a folder must return.
func (f *forest) differences(before, after syncline.Hash, folder string) map[string]ChangeKind {
	old, now := make(map[string]syncline.Entry), make(map[string]syncline.Entry)
	f.paths(before, "", old)
	f.paths(after, "", now)
	out := make(map[string]ChangeKind)
	all := maps.Clone(old)
	maps.Copy(all, now)
	for path := range all {
		if !strings.HasPrefix(path, folder+"/") {
			continue
		}
		var a, b *syncline.Entry
		if e, ok := old[path]; ok {
			a = &e
		}
		if e, ok := now[path]; ok {
			b = &e
		}
		if kind := change(a, b); kind != "" {
			out[path] = kind
		}
	}
	return out
}

func TestDifferencesAreComplete(t *testing.T) {
	for seed := range uint64(30) {
		r := rand.New(rand.NewPCG(seed, 4))
		f := newForest(t)
		f.grow(r, 4)
		x, ids := f.explorer()
		for range 6 {
			i, j := r.IntN(4), r.IntN(4)
			q := DifferencesQuery{With: ids[j], Limit: 1 + r.IntN(9)}
			folder := ""
			if r.IntN(3) == 0 {
				q.Path, folder = "//a/", "/a"
			}
			want := f.differences(f.snapshots[i].Tree, f.snapshots[j].Tree, folder)
			sum, err := x.DifferenceSummary(t.Context(), ids[i], ids[j], q.Path)
			if err != nil {
				t.Fatal(err)
			}
			checkSummary(t, sum, want, folder)
			f.checkTypes(t, sum, f.snapshots[i].Tree, f.snapshots[j].Tree)
			if r.IntN(3) == 0 {
				q.Kind = []ChangeKind{ChangeAdded, ChangeRemoved, ChangeType, ChangeMetadata}[r.IntN(4)]
				maps.DeleteFunc(want, func(_ string, k ChangeKind) bool { return k != q.Kind })
			}
			got := make(map[string]ChangeKind)
			for {
				page, err := x.Differences(t.Context(), ids[i], q)
				if err != nil {
					t.Fatal(err)
				}
				for _, d := range page.Differences {
					if got[d.Path] != "" || change(d.Before, d.After) != d.Change {
						t.Errorf("%s comes twice, or is wrong: %+v", d.Path, d)
					}
					got[d.Path] = d.Change
				}
				if q.Cursor = page.Next; q.Cursor == "" {
					break
				}
				if len(page.Differences) != q.Limit {
					t.Errorf("a page has %d differences, not %d", len(page.Differences), q.Limit)
				}
			}
			if !maps.Equal(got, want) {
				t.Fatalf("seed %d: %v, want %v", seed, got, want)
			}
		}
	}
}

func checkSummary(t *testing.T, sum DifferenceSummary, want map[string]ChangeKind, folder string) {
	t.Helper()
	counts := func(n *DifferenceCounts) map[ChangeKind]uint64 {
		all := map[ChangeKind]uint64{
			ChangeAdded: n.Added, ChangeRemoved: n.Removed, ChangeContent: n.ContentChanged,
			ChangeMetadata: n.MetadataChanged, ChangeType: n.TypeChanged,
		}
		maps.DeleteFunc(all, func(_ ChangeKind, n uint64) bool { return n == 0 })
		return all
	}
	total, tops := map[ChangeKind]uint64{}, map[string]map[ChangeKind]uint64{}
	for path, kind := range want {
		name, _, _ := strings.Cut(path[len(folder)+1:], "/")
		if tops[folder+"/"+name] == nil {
			tops[folder+"/"+name] = map[ChangeKind]uint64{}
		}
		total[kind]++
		tops[folder+"/"+name][kind]++
	}
	got := map[string]map[ChangeKind]uint64{}
	for i := range sum.Folders {
		got[sum.Folders[i].Path] = counts(&sum.Folders[i].DifferenceCounts)
	}
	if !maps.Equal(counts(&sum.DifferenceCounts), total) || !maps.EqualFunc(got, tops, maps.Equal) {
		t.Errorf("the summary is %+v, want %v of %v", sum, total, tops)
	}
}

// checkTypes checks the types in a summary: those of the entries after, or
// before for removed ones.
func (f *forest) checkTypes(t *testing.T, sum DifferenceSummary, before, after syncline.Hash) {
	t.Helper()
	all := make(map[string]syncline.Entry)
	f.paths(before, "", all)
	f.paths(after, "", all)
	for i := range sum.Folders {
		if got := &sum.Folders[i]; got.Type != all[got.Path].Type || got.Type == "" {
			t.Errorf("%s has the type %q, not %q", got.Path, got.Type, all[got.Path].Type)
		}
	}
}

// twoPoints makes two snapshots of these trees.
func twoPoints(t *testing.T, make1 func(f *forest) (before, after syncline.Hash)) (x *Explorer, before, after syncline.ID) {
	f := newForest(t)
	a, b := make1(f)
	f.snapshot(a)
	f.snapshot(b)
	x, ids := f.explorer()
	return x, ids[0], ids[1]
}

// A folder that differs in its owner alone is a difference, in the folder above
// and in itself. So is a folder that appears or becomes something else.
func TestTheFolderItselfDiffers(t *testing.T) {
	owned := func(e syncline.Entry, uid uint32) syncline.Entry {
		e.UID, e.User = uid, fmt.Sprint("user", uid)
		return e
	}
	x, before, after := twoPoints(t, func(f *forest) (a, b syncline.Hash) {
		same := f.tree(file("x", 1))
		up := func(list ...syncline.Entry) syncline.Hash { return f.tree(folder("up", f.tree(list...))) }
		return up(owned(folder("changed", same), 1), folder("gone", same), folder("kept", same), owned(folder("more", same), 1), file("turned", 1)),
			up(owned(folder("changed", same), 2), folder("kept", same), owned(folder("more", f.tree(file("x", 1), file("y", 2))), 2), folder("turned", same))
	})
	for path, want := range map[string][]string{
		"/up/changed": {"/up/changed MetadataChanged"},
		"/up/kept":    nil,
		"/up/more":    {"/up/more MetadataChanged", "/up/more/y Added"},
		"/up/gone":    {"/up/gone Removed", "/up/gone/x Removed"},
		"/up/turned":  {"/up/turned TypeChanged", "/up/turned/x Added"},
		"/up": {
			"/up/changed MetadataChanged", "/up/gone Removed", "/up/gone/x Removed", "/up/more MetadataChanged", "/up/more/y Added",
			"/up/turned TypeChanged", "/up/turned/x Added",
		},
	} {
		for _, limit := range []int{1, 2, 100} {
			var got []string
			q := DifferencesQuery{With: after, Path: path, Limit: limit}
			for {
				page, err := x.Differences(t.Context(), before, q)
				if err != nil || len(got) > 20 {
					t.Fatal(err, got)
				}
				for _, d := range page.Differences {
					got = append(got, d.Path+" "+string(d.Change))
				}
				if q.Cursor = page.Next; q.Cursor == "" {
					break
				}
			}
			if !slices.Equal(got, want) {
				t.Errorf("%s, %d at a time: %q, want %q", path, limit, got, want)
			}
		}
		sum, err := x.DifferenceSummary(t.Context(), before, after, path)
		if n := sum.Added + sum.Removed + sum.ContentChanged + sum.MetadataChanged + sum.TypeChanged; err != nil || n != uint64(len(want)) {
			t.Errorf("%s: the summary counts %d, %v", path, n, err)
		}
	}
}

func TestBadComparisons(t *testing.T) {
	x, before, after := twoPoints(t, func(f *forest) (a, b syncline.Hash) {
		return f.tree(folder("d", f.tree(file("x", 1), file("y", 2))), file("f", 1)), f.tree(folder("d", f.tree(file("z", 1))), file("f", 1))
	})
	good := DifferencesQuery{With: after, Limit: 1}
	page, err := x.Differences(t.Context(), before, good)
	if err != nil || page.Next == "" {
		t.Fatal(page, err)
	}
	for name, tt := range map[string]struct {
		change func(*DifferencesQuery)
		code   syncline.Code
	}{
		"no such path":           {func(q *DifferencesQuery) { q.Path = "/none" }, syncline.CodeNotFound},
		"a file":                 {func(q *DifferencesQuery) { q.Path = "/f" }, syncline.CodeNotFound},
		"below a file":           {func(q *DifferencesQuery) { q.Path = "/f/x" }, syncline.CodeNotFound},
		"relative":               {func(q *DifferencesQuery) { q.Path = "d" }, syncline.CodeInvalid},
		"unknown other":          {func(q *DifferencesQuery) { q.With = testRepository }, syncline.CodeNotFound},
		"no cursor":              {func(q *DifferencesQuery) { q.Cursor = "?" }, syncline.CodeInvalid},
		"cursor of another kind": {func(q *DifferencesQuery) { q.Cursor, q.Kind = page.Next, ChangeAdded }, syncline.CodeInvalid},
		"cursor of another path": {func(q *DifferencesQuery) { q.Cursor, q.Path = page.Next, "/d" }, syncline.CodeInvalid},
		"cursor to nowhere": {func(q *DifferencesQuery) {
			q.Cursor = encodeCursor(cursorKey("differences", string(before), string(after), "/", ""), 77)
		}, syncline.CodeInvalid},
		"cut cursor": {func(q *DifferencesQuery) { q.Cursor = page.Next[:7] }, syncline.CodeInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			q := good
			tt.change(&q)
			_, err := x.Differences(t.Context(), before, q)
			wantCode(t, err, tt.code)
		})
	}
	_, err = x.Differences(t.Context(), testRepository, good)
	wantCode(t, err, syncline.CodeNotFound)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = x.DifferenceSummary(ctx, before, after, "")
	wantCode(t, err, syncline.CodeCanceled)
}

// TestComparisonsAreBounded compares with trees that expand without end, that
// nest without end and that hold one name many times, out of order.
func TestComparisonsAreBounded(t *testing.T) {
	compare := func(make1 func(f *forest) syncline.Hash, change func(*comparer)) error {
		x, before, after := twoPoints(t, func(f *forest) (a, b syncline.Hash) { return f.tree(), make1(f) })
		return x.compared(t.Context(), before, after, "/", func(c *comparer, before, after side) error {
			if change != nil {
				change(c)
			}
			c.visit = func(*Pair) error { return nil }
			return c.folders(before, after, nil)
		})
	}
	chain := func(depth int, name string, twice bool) func(f *forest) syncline.Hash {
		return func(f *forest) syncline.Hash {
			tree := f.tree()
			for range depth {
				list := []syncline.Entry{folder(name, tree)}
				if twice {
					list = append(list, folder(name+"2", tree))
				}
				tree = f.tree(list...)
			}
			return tree
		}
	}
	wantCode(t, compare(chain(60, "d", true), func(c *comparer) { c.left = 100_000 }), syncline.CodeTooLarge)
	wantCode(t, compare(chain(maxDepth+5, "d", false), nil), syncline.CodeTooLarge)
	wantCode(t, compare(chain(maxDepth/2, strings.Repeat("n", 1000), false), nil), syncline.CodeTooLarge)
	wantCode(t, compare(chain(maxDepth-5, "d", false), nil), "")
	wide := func(f *forest) syncline.Hash {
		var list []syncline.Entry
		for i := range 50 {
			list = append(list, file("same", uint64(i)), file(fmt.Sprint(50-i), 1))
		}
		return f.tree(folder("w", f.tree(list...)), folder("x", f.tree(list[3:]...)))
	}
	wantCode(t, compare(wide, func(c *comparer) { c.room = 99 }), syncline.CodeTooLarge)
	wantCode(t, compare(wide, func(c *comparer) { c.room = 103 }), "") // equal entries take no room
}

func TestPagesOfAFolder(t *testing.T) {
	var list []syncline.Entry
	r := rand.New(rand.NewPCG(9, 9))
	f := newForest(t)
	for i := range 300 {
		name := fmt.Sprintf("%03d", r.IntN(280)) // some names repeat
		if list = append(list, file(name, uint64(r.IntN(40)))); i%3 == 0 {
			list[i] = folder(name, f.tree(file("x", uint64(i))))
		}
	}
	f.snapshot(f.tree(folder("d", f.tree(list...)), file("f", 1)))
	x, ids := f.explorer()
	for _, sort := range []string{"", "name", "size", "modified", "type"} {
		for _, flags := range []int{0, 1, 2, 3} {
			q := EntriesQuery{Path: "/d", Sort: sort, Descending: flags&1 != 0, FoldersFirst: flags&2 != 0, Limit: 300}
			whole, err := x.Entries(t.Context(), ids[0], q)
			if err != nil || len(whole.Entries) != 300 || whole.Total != 300 || whole.Next != "" {
				t.Fatal(len(whole.Entries), whole.Total, whole.Next, err)
			}
			checkOrder(t, q, whole.Entries)
			checkPlaces(t, x, ids[0], q, whole.Entries)
			q.Limit = 1 + r.IntN(70)
			var got []syncline.Entry
			for {
				page, err := x.Entries(t.Context(), ids[0], q)
				if err != nil {
					t.Fatal(err)
				}
				if page.Offset != len(got) {
					t.Errorf("%+v: %d entries are said to be before the page, not %d", q, page.Offset, len(got))
				}
				got = append(got, page.Entries...)
				if q.Cursor = page.Next; q.Cursor == "" {
					break
				}
			}
			if !slices.EqualFunc(got, whole.Entries, sameEntry) {
				t.Errorf("%+v: the pages are not the whole", q)
			}
		}
	}
	page, err := x.Entries(t.Context(), ids[0], EntriesQuery{Path: "/d", Limit: 5})
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		q    EntriesQuery
		code syncline.Code
	}{
		"file":               {EntriesQuery{Path: "/f"}, syncline.CodeInvalid},
		"none":               {EntriesQuery{Path: "/d/none"}, syncline.CodeNotFound},
		"below a file":       {EntriesQuery{Path: "/f/x"}, syncline.CodeNotFound},
		"relative":           {EntriesQuery{Path: "d"}, syncline.CodeInvalid},
		"order":              {EntriesQuery{Path: "/d", Sort: "colour"}, syncline.CodeInvalid},
		"of another query":   {EntriesQuery{Path: "/d", Sort: "size", Cursor: page.Next}, syncline.CodeInvalid},
		"of another folder":  {EntriesQuery{Path: "/", Cursor: page.Next}, syncline.CodeInvalid},
		"cursor and offset":  {EntriesQuery{Path: "/d", Cursor: page.Next, Offset: 1}, syncline.CodeInvalid},
		"offset and name":    {EntriesQuery{Path: "/d", Offset: 1, Find: "x"}, syncline.CodeInvalid},
		"past the end":       {EntriesQuery{Path: "/", Cursor: encodeCursor(cursorKey("entries", f.snapshots[0].ID.String(), "/", "", false, false), 5)}, syncline.CodeInvalid},
		"with a number more": {EntriesQuery{Path: "/", Cursor: encodeCursor(cursorKey("entries", f.snapshots[0].ID.String(), "/", "", false, false), 0, 0)}, syncline.CodeInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			tt.q.Limit = 5
			_, err := x.Entries(t.Context(), ids[0], tt.q)
			wantCode(t, err, tt.code)
		})
	}
}

func sameEntry(a, b syncline.Entry) bool {
	return a.Name == b.Name && a.Size == b.Size && a.Type == b.Type
}

// checkPlaces compares pages at an offset or a name, and the pages after them,
// with the whole folder.
func checkPlaces(t *testing.T, x *Explorer, id syncline.ID, q EntriesQuery, whole []syncline.Entry) {
	t.Helper()
	q.Limit = 7
	first := func(is func(e syncline.Entry) bool) int {
		if i := slices.IndexFunc(whole, is); i >= 0 {
			return i
		}
		return len(whole)
	}
	twenty := first(func(e syncline.Entry) bool { return strings.HasPrefix(e.Name, "02") })
	last := first(func(e syncline.Entry) bool { return e.Name == whole[len(whole)-1].Name })
	for _, tt := range []struct {
		offset int
		find   string
		at     int
	}{
		{offset: 3, at: 3},
		{offset: 295, at: 295},
		{offset: 300, at: 300},
		{offset: 1 << 40, at: 300},
		{find: "02", at: twenty},
		{find: whole[len(whole)-1].Name, at: last},
		{find: "none", at: 300},
	} {
		q.Offset, q.Find, q.Cursor = tt.offset, tt.find, ""
		page, err := x.Entries(t.Context(), id, q)
		if err != nil {
			t.Fatal(err)
		}
		end := min(tt.at+7, 300)
		if page.Total != 300 || page.Offset != tt.at || !slices.EqualFunc(page.Entries, whole[tt.at:end], sameEntry) || (page.Next == "") != (end == 300) {
			t.Errorf("%+v: not the entries from %d on: %d of %d from %d, next %q", q, tt.at, len(page.Entries), page.Total, page.Offset, page.Next)
		}
		if page.Next == "" {
			continue
		}
		q.Offset, q.Find, q.Cursor = 0, "", page.Next
		if page, err = x.Entries(t.Context(), id, q); err != nil || page.Offset != end || !sameEntry(page.Entries[0], whole[end]) {
			t.Errorf("%+v: the next page begins at %d, not %d (%v)", q, page.Offset, end, err)
		}
	}
}

// The exact name comes before names that begin with it. Letter case counts for
// the exact name only.
func TestFindingAName(t *testing.T) {
	f := newForest(t)
	f.snapshot(f.tree(file("Read", 3), file("README", 2), file("read", 1)))
	x, ids := f.explorer()
	for find, want := range map[string]string{"read": "read", "READ": "README", "re": "README", "Read": "Read"} {
		page, err := x.Entries(t.Context(), ids[0], EntriesQuery{Find: find, Limit: 1})
		if err != nil || len(page.Entries) != 1 || page.Entries[0].Name != want {
			t.Errorf("%q: %+v, not %q (%v)", find, page.Entries, want, err)
		}
	}
}

// checkOrder checks the order of entries.
func checkOrder(t *testing.T, q EntriesQuery, list []syncline.Entry) {
	t.Helper()
	for i := range list[1:] {
		a, b := &list[i], &list[i+1]
		if q.FoldersFirst && a.IsDir() != b.IsDir() {
			if b.IsDir() {
				t.Errorf("%+v: the folder %s is behind a file", q, b.Name)
			}
			continue
		}
		if q.Descending {
			a, b = b, a
		}
		keys := map[string]func(e *syncline.Entry) string{
			"": func(*syncline.Entry) string { return "" }, "name": func(*syncline.Entry) string { return "" },
			"size":     func(e *syncline.Entry) string { return fmt.Sprintf("%020d", e.Size) },
			"modified": func(e *syncline.Entry) string { return fmt.Sprintf("%020d", e.ModTime.Unix()) },
			"type":     func(e *syncline.Entry) string { return string(e.Type) },
		}
		if key := keys[q.Sort]; key(a)+" "+a.Name > key(b)+" "+b.Name {
			t.Errorf("%+v: %s %d is in front of %s %d", q, list[i].Name, list[i].Size, list[i+1].Name, list[i+1].Size)
		}
	}
}

func TestEntry(t *testing.T) {
	f := newForest(t)
	a, b := file("a", 3), file("b", 3)
	a.Content, b.Content = []syncline.Hash{{1}, {2}}, []syncline.Hash{{1}, {2}}
	link := syncline.Entry{Name: "l", Type: syncline.TypeSymlink, LinkTarget: "a"}
	root := f.tree(a, b, file("c", 3), folder("d", f.tree(a)), link)
	f.snapshot(root)
	x, ids := f.explorer()
	content := func(path string) string {
		t.Helper()
		_, id, err := x.Entry(t.Context(), ids[0], path)
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
	if content("/a") != content("/b") || content("/a") != content("/d/a") || content("/a") == content("/c") || content("/l") == content("/c") {
		t.Error("the identity of the content is wrong")
	}
	if content("/") != root.String() || content("//d/") != f.trees[root][3].Subtree.String() {
		t.Error("the identity of a folder is not its tree")
	}
	e, _, err := x.Entry(t.Context(), ids[0], "/a")
	if err != nil || len(e.Content) != 2 {
		t.Error(e, err)
	}
	_, _, err = x.Entry(t.Context(), ids[0], "/e")
	wantCode(t, err, syncline.CodeNotFound)
	_, _, err = x.Entry(t.Context(), ids[0], "/l/a")
	wantCode(t, err, syncline.CodeNotFound)
}
