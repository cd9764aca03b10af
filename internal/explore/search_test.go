package explore

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/catalog"
)

// shelf holds the catalogs of repositories. A nil catalog is damaged, or gone
// if its id says so.
type shelf map[syncline.ID]*catalog.Catalog

func (s shelf) Use(_ context.Context, id syncline.ID, fn func(*catalog.Catalog) error) error {
	if id == "gone" {
		return catalog.Missing(fs.ErrNotExist)
	}
	if s[id] == nil {
		return fmt.Errorf("open: %w", catalog.ErrDamaged)
	}
	return fn(s[id])
}

func (s shelf) repositories() (out []syncline.Repository) {
	for id := range s { // in any order
		out = append(out, syncline.Repository{ID: id})
	}
	return out
}

func resultLine(f *Found) string {
	return fmt.Sprintf("%s %s %d %v %s %s %d", f.Repository, f.Path, f.Entry.Size, f.Entry.Subtree, f.First.ID, f.Last.ID, f.Snapshots)
}

// pages reads all pages of a search.
func pages(t *testing.T, s *Searcher, repos []syncline.Repository, q Query) (all []string) {
	t.Helper()
	for {
		page, err := s.Search(t.Context(), repos, q)
		if err != nil || page.Cut != Complete || int64(len(page.Results)) > q.Limits.Results {
			t.Fatalf("%d results, cut %q, error %v", len(page.Results), page.Cut, err)
		}
		for i := range page.Results {
			all = append(all, resultLine(&page.Results[i]))
		}
		if page.Next == "" {
			return all
		}
		if int64(len(page.Results)) < q.Limits.Results {
			t.Fatal("a page that is not full has a next one")
		}
		q.Cursor = page.Next
	}
}

func TestSearchPages(t *testing.T) {
	r := rand.New(rand.NewPCG(21, 22))
	s := shelf{"a": nil}
	for _, id := range []syncline.ID{"c", "b", "d"} {
		f := newForest(t)
		if id == "d" { // names with special characters
			odd := f.tree(file("a", 1), file("a/b", 2), file("ab", 3))
			f.snapshot(f.tree(folder("a", odd), folder("a/a", odd), file("a/b", 1)))
		} else {
			f.grow(r, 6)
		}
		s[id] = f.catalog()
	}
	searcher := NewSearcher(s)
	total := 0
	for range 30 {
		q := *randomQuery(r)
		q.Limits.Results = 1_000_000
		if r.IntN(3) == 0 {
			q.Snapshots.Hosts = []string{"host1"}
		}
		want := pages(t, searcher, s.repositories(), q)
		total += len(want)
		for _, limit := range []int{1, 2, 7, 40, max(1, len(want))} {
			if q.Limits.Results = int64(limit); len(want) > 60*limit {
				continue
			}
			if got := pages(t, searcher, s.repositories(), q); !slices.Equal(got, want) {
				t.Fatalf("%+v: %s", q, difference(got, want))
			}
		}
		if len(want) != len(slices.Compact(slices.Sorted(slices.Values(want)))) {
			t.Fatalf("%+v: a version comes twice", q)
		}
	}
	if total < 1000 {
		t.Errorf("only %d results", total)
	}
}

// rest reads the pages behind a cursor, in a short form.
func rest(t *testing.T, s *Searcher, repos []syncline.Repository, q Query) string {
	t.Helper()
	var got []string
	for {
		page, err := s.Search(t.Context(), repos, q)
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range page.Results {
			got = append(got, fmt.Sprintf("%s %d %d", x.Path, x.Entry.Size, x.Snapshots))
		}
		if q.Cursor = page.Next; q.Cursor == "" {
			return strings.Join(got, ", ")
		}
	}
}

// After a change of the catalog, the next page continues behind the same path
// and loses no entry that is still there.
func TestSearchGoesOnInANewState(t *testing.T) {
	f := newForest(t)
	f.snapshot(f.tree(file("a", 1), file("b", 1), file("d", 1)))
	f.snapshot(f.tree(file("a", 1), file("b", 2), file("d", 1)))
	c := f.catalog()
	s := shelf{"x": c}
	r := Query{Texts: []string{""}, Limits: Limits{Results: 2}}
	searcher := NewSearcher(s)
	page, err := searcher.Search(t.Context(), s.repositories(), r)
	if err != nil || len(page.Results) != 2 {
		t.Fatal(err, page)
	}
	r.Cursor = page.Next
	if got := rest(t, searcher, s.repositories(), r); got != "/b 2 1, /d 1 2" {
		t.Errorf("unchanged: %s", got)
	}
	f.snapshot(f.tree(file("a", 2), file("b", 1), file("b", 3), file("c", 1), file("d", 1)))
	f.fill(c)
	if got := rest(t, searcher, s.repositories(), r); got != "/b 1 2, /b 2 1, /b 3 1, /c 1 1, /d 1 3" {
		t.Errorf("with one more: %s", got)
	}
	if _, err := c.Publish(t.Context(), nil, []syncline.Hash{f.snapshots[0].ID}); err != nil {
		t.Fatal(err)
	}
	if got := rest(t, searcher, s.repositories(), r); got != "/b 2 1, /b 1 1, /b 3 1, /c 1 1, /d 1 2" {
		t.Errorf("without the first: %s", got)
	}
	if got := rest(t, searcher, nil, r); got != "" {
		t.Errorf("without the repository: %s", got)
	}
}

func TestSearchCursors(t *testing.T) {
	f := newForest(t)
	f.snapshot(f.tree(file("a", 1), file("b", 1)))
	s := shelf{"x": f.catalog()}
	searcher := NewSearcher(s)
	r := Query{Texts: []string{"*"}, Pattern: true, Limits: Limits{Results: 1}}
	page, err := searcher.Search(t.Context(), s.repositories(), r)
	if err != nil || page.Next == "" {
		t.Fatal(err, page)
	}
	for _, tt := range []struct{ cursor, pattern, say string }{
		{"nonsense!", "*", "not one that a search has given"},
		{base64.RawURLEncoding.EncodeToString([]byte("{}")), "*", "not one that"},
		{base64.RawURLEncoding.EncodeToString([]byte(`{"q":"AAAA","v":-1}`)), "*", "not one that"},
		{page.Next[:len(page.Next)/2], "*", "not one that"},
		{strings.Repeat("A", maxSearchCursor+4), "*", "not one that"},
		{page.Next, "**", "belongs to another search"},
		{"", "[", "is not valid"},
	} {
		r.Cursor, r.Texts = tt.cursor, []string{tt.pattern}
		if _, err := searcher.Search(t.Context(), s.repositories(), r); syncline.CodeOf(err) != syncline.CodeInvalid || !strings.Contains(err.Error(), tt.say) {
			t.Errorf("cursor %.20q: %v", tt.cursor, err)
		}
	}
}

// A search of a repository that expands without end returns results until its
// time is over, and continues.
func TestSearchIsBounded(t *testing.T) {
	f := newForest(t)
	below := f.tree(file("leaf", 1))
	for range 40 {
		below = f.tree(folder("l", below), folder("r", below))
	}
	f.snapshot(below)
	small := newForest(t)
	small.snapshot(small.tree(file("leaf", 3)))
	s := shelf{"x": f.catalog(), "y": f.catalog(), "z": small.catalog()}
	searcher := NewSearcher(s)
	searcher.budget, searcher.looks = time.Hour, 100
	r := Query{Texts: []string{"leaf"}, Pattern: true, MinSize: 2, Limits: Limits{Results: 10}}
	page, err := searcher.Search(t.Context(), s.repositories(), r)
	if err != nil || page.Cut != CutTime || len(page.Results) != 1 || page.Results[0].Repository != "z" || page.Next != "" {
		t.Errorf("%+v, error %v", page, err)
	}
	if got := fmt.Sprint(page.NotSearched); got != "[{x Time} {y Time}]" {
		t.Errorf("not searched are %s", got)
	}
	// The first repositories take all the time. The next page begins with the
	// rest.
	for id := range 4 {
		s[syncline.ID(fmt.Sprint("a", id))] = f.catalog()
	}
	page, err = searcher.Search(t.Context(), s.repositories(), r)
	if err != nil || page.Cut != CutTime || len(page.Results) != 0 || len(page.NotSearched) != 4 || page.Next == "" {
		t.Errorf("%+v, error %v", page, err)
	}
	r.Cursor = page.Next
	page, err = searcher.Search(t.Context(), s.repositories(), r)
	if err != nil || len(page.Results) != 1 || page.Next != "" {
		t.Errorf("%+v, error %v", page, err)
	}
	r.Cursor = ""
	searcher.looks = 0
	r.MinSize = 0
	last := ""
	for range 20 {
		if page, err = searcher.Search(t.Context(), s.repositories(), r); err != nil || len(page.Results) != 10 || page.Cut != Complete {
			t.Fatalf("%+v, error %v", page, err)
		}
		for _, x := range page.Results {
			if x.Path <= last {
				t.Fatalf("%s comes after %s", x.Path, last)
			}
			last = x.Path
		}
		r.Cursor = page.Next
	}
	// A search that waits too long ends with an error.
	for range cap(searcher.slots) {
		searcher.slots <- struct{}{}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := searcher.Search(ctx, s.repositories(), r); syncline.CodeOf(err) != syncline.CodeCanceled || !errors.Is(err, context.Canceled) {
		t.Errorf("the error is %v", err)
	}
}

// A page names the repositories that cannot be searched, and returns results of
// the others.
func TestSearchTellsGaps(t *testing.T) {
	f := newForest(t)
	f.snapshot(f.tree(file("a", 1), folder("b", f.tree(file("A", 2)))))
	s := shelf{"damaged": nil, "gone": nil, "empty": newForest(t).catalog(), "fresh": newForest(t).catalog(), "good": f.catalog()}
	repos := s.repositories()
	for i := range repos {
		repos[i].OutOfSync = repos[i].ID == "fresh" || repos[i].ID == "good"
	}
	page, err := NewSearcher(s).Search(t.Context(), repos, Query{Texts: []string{"A"}, Limits: Limits{Results: 5}})
	if err != nil || len(page.Results) != 2 || fmt.Sprint(page.NotSearched) != "[{damaged Damaged} {fresh NotSynchronized} {gone NotSynchronized}]" {
		t.Errorf("%+v, error %v", page, err)
	}
	for name, q := range map[string]Query{
		"letter case": {Texts: []string{"A"}, MatchCase: true}, "folder": {Texts: []string{"a"}, Folder: "/b"},
		"pattern": {Texts: []string{"/b/?"}, Pattern: true}, "patterns": {Texts: []string{"/c", "/b/A", "/b/?"}, Pattern: true},
		"host": {Snapshots: SnapshotFilter{Hosts: []string{"host0"}}, MinSize: 2}, "tag": {Snapshots: SnapshotFilter{Tags: [][]string{{""}}}, MinSize: 2},
	} {
		q.Limits.Results = 5
		page, err := NewSearcher(s).Search(t.Context(), repos, q)
		if err != nil || len(page.Results) != 1 || page.Results[0].Path != "/b/A" {
			t.Errorf("%s: %+v, error %v", name, page, err)
		}
	}
	for _, q := range []Query{{Folder: "b"}, {Texts: []string{"["}, Pattern: true}, {Newest: time.Unix(1<<40, 0)}} {
		q.Limits.Results = 5
		if _, err := NewSearcher(s).Search(t.Context(), repos, q); syncline.CodeOf(err) != syncline.CodeInvalid {
			t.Errorf("%+v: error %v", q, err)
		}
	}
}
