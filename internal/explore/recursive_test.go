package explore

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/catalog"
)

// All pages together, of any size, are the snapshot's entries in order.
func TestRecursiveEntries(t *testing.T) {
	for seed := range uint64(30) {
		r := rand.New(rand.NewPCG(seed, 9))
		f := newForest(t)
		f.grow(r, 2)
		x, ids := f.explorer()
		for i, folder := range []string{"", "/a"} {
			all := make(map[string]syncline.Entry)
			f.paths(f.snapshots[i].Tree, "", all)
			// A slash sorts before every character of a name.
			key := func(s string) string { return strings.ReplaceAll(s, "/", "\x00") }
			paths := slices.SortedFunc(maps.Keys(all), func(a, b string) int { return strings.Compare(key(a), key(b)) })
			var want []string
			for _, path := range paths {
				if e := all[path]; strings.HasPrefix(path, folder+"/") {
					want = append(want, fmt.Sprint(path, " ", e.Type, e.Size))
				}
			}
			got, err := recursively(t, x, ids[i], EntriesQuery{Path: folder, Recursive: true, Limit: 1 + r.IntN(5)})
			if e, ok := all[folder]; folder != "" && (!ok || !e.IsDir()) {
				if err == nil {
					t.Errorf("seed %d: %s is listed", seed, folder)
				}
				continue
			}
			if err != nil || !slices.Equal(got, want) {
				t.Fatalf("seed %d: %d entries below %q, want %d, error %v", seed, len(got), folder, len(want), err)
			}
		}
	}
}

func recursively(t *testing.T, x *Explorer, point syncline.ID, q EntriesQuery) (got []string, err error) {
	for {
		page, err := x.Entries(t.Context(), point, q)
		if err != nil {
			return nil, err
		}
		for i, e := range page.Entries {
			got = append(got, fmt.Sprint(page.Paths[i], " ", e.Type, e.Size))
		}
		if q.Cursor = page.Next; q.Cursor == "" {
			return got, nil
		}
		if len(page.Entries) != q.Limit {
			t.Errorf("a page has %d entries, not %d", len(page.Entries), q.Limit)
		}
	}
}

func TestRecursiveEntriesRefuse(t *testing.T) {
	f := newForest(t)
	f.snapshot(f.tree(file("a", 1), folder("b", f.tree(file("c", 2)))))
	x, ids := f.explorer()
	for name, q := range map[string]EntriesQuery{
		"sorted": {Sort: "size"}, "descending": {Descending: true}, "folders first": {FoldersFirst: true}, "a file": {Path: "/a"},
		"another cursor": {Cursor: encodeCursor("x", 1)}, "no place": {Cursor: encodeCursor(cursorKey("recursive", f.snapshots[0].ID.String(), "/"), 99)},
	} {
		q.Recursive, q.Limit = true, 1
		if _, err := x.Entries(t.Context(), ids[0], q); syncline.CodeOf(err) != syncline.CodeInvalid {
			t.Errorf("%s: error %v", name, err)
		}
	}
	page, err := x.Entries(t.Context(), ids[0], EntriesQuery{Recursive: true, Limit: 2})
	if err != nil || page.Total != 2 || len(page.Entries) != 2 || page.Next == "" {
		t.Errorf("%+v, error %v", page, err)
	}
}

// The memory of one comparison on the server is bounded.
func TestDiffIsBounded(t *testing.T) {
	f := newForest(t)
	f.snapshot(f.tree(file("a", 1), file("b", 2)))
	f.snapshot(f.tree(file("a", 3), file("b", 4)))
	x, ids := f.explorer()
	n, err := x.DifferenceStatistics(t.Context(), ids[0], ids[1], "")
	if err != nil || n.Added.TreeBlobs != 1 || n.Removed.TreeBlobs != 1 {
		t.Errorf("%+v, error %v", n, err)
	}
	_, err = x.DifferenceStatistics(t.Context(), ids[0], ids[1], "/a")
	wantCode(t, err, syncline.CodeInvalid)
	err = x.twoSnapshots(t.Context(), ids[0], ids[1], func(v *catalog.View, s, u catalog.Snapshot) error {
		_, err := newComparer(t.Context(), v, "/").diff(Root{s.Root, s.Tree}, Root{u.Root, u.Tree}, 1, func(*Pair) error { return nil })
		return err
	})
	wantCode(t, err, syncline.CodeTooLarge)
}

// TestCountsAreOneAtATime asks a question that takes much memory while another
// answer is computed.
func TestCountsAreOneAtATime(t *testing.T) {
	x, before, after := twoPoints(t, func(f *forest) (a, b syncline.Hash) {
		return f.tree(file("x", 1)), f.tree(file("x", 2))
	})
	if _, err := x.DifferenceStatistics(t.Context(), before, after, ""); err != nil {
		t.Fatal(err)
	}
	x.counting <- struct{}{}
	gone, leave := context.WithCancel(t.Context())
	leave()
	if _, err := x.DifferenceStatistics(gone, before, after, ""); !errors.Is(err, context.Canceled) {
		t.Errorf("who gave up waiting gets %v", err)
	}
	<-x.counting
	if _, err := x.DifferenceStatistics(t.Context(), before, after, ""); err != nil {
		t.Error(err)
	}
}
