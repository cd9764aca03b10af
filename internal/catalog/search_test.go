package catalog_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/catalog"
	"syncline.dev/syncline/internal/catalog/catalogtest"
)

// searchTerms returns terms of every kind, with what each is to find.
func searchTerms(m *model) (terms []catalog.NameTerm, want []func(string) bool) {
	add := func(t catalog.NameTerm, fn func(string) bool) {
		terms, want = append(terms, t), append(want, fn)
	}
	for _, lit := range []string{"file1", "a", ".txt", "longlong", "\xff\xfe", "nothing has this", "dir", "1", "ünï", fmt.Sprintf("d%d", m.rng.IntN(60))} {
		add(catalog.NameTerm{Literal: lit}, func(s string) bool { return strings.Contains(s, lit) })
		add(catalog.NameTerm{Literal: lit, Match: func(s string) bool { return s == lit }}, func(s string) bool { return s == lit })
		add(catalog.NameTerm{Literal: lit, Whole: true}, func(s string) bool { return s == lit })
	}
	for _, lit := range []string{"FILE1", "A", "Dir", "K", "I"} {
		low := strings.ToLower(lit)
		match := func(s string) bool { return strings.Contains(strings.ToLower(s), low) }
		add(catalog.NameTerm{Literal: low, Fold: true, Match: match}, match)
	}
	upper := func(s string) bool { return strings.Contains(strings.ToLower(s), "ï") }
	add(catalog.NameTerm{Fold: true, NonASCII: true, Match: upper}, upper)
	add(catalog.NameTerm{Match: func(s string) bool { return len(s) == 1 }}, func(s string) bool { return len(s) == 1 })
	add(catalog.NameTerm{}, func(string) bool { return true })
	add(catalog.NameTerm{Whole: true}, func(s string) bool { return s == "" })
	return terms, want
}

// found lists the paths below a tree that a search found, as a reader of Dir
// comes to them.
func found(t *testing.T, v *catalog.View, s *catalog.Search, root catalog.TreeRef, all bool) (paths []string) {
	t.Helper()
	if s.Count() == 0 {
		return nil
	}
	var down func(tree catalog.TreeRef, prefix string)
	down = func(tree catalog.TreeRef, prefix string) {
		var refs []catalog.EntryRef
		var items []catalog.SearchItem
		check(t, s.Dir(tree, all, func(x *catalog.SearchItem) error {
			refs, items = append(refs, x.Entry), append(items, *x)
			return nil
		}))
		check(t, s.Load(t.Context(), refs))
		i := 0
		check(t, v.ReadDir(tree, 0, func(e *syncline.Entry, sub catalog.TreeRef, ok bool) error {
			if i == len(items) || e.Name != items[i].Name || ok != items[i].IsDir || ok && sub != items[i].Tree {
				return nil
			}
			got, err := s.Entry(items[i].Entry, items[i].Name, 0)
			check(t, err)
			check(t, compareEntry(got, e, 0))
			i++
			return nil
		}))
		if i != len(items) {
			t.Fatalf("a tree does not have the item %q that the search gives", items[i].Name)
		}
		for _, x := range items {
			if !all && !x.Found && !x.Leads {
				t.Fatalf("%q is neither found nor leads to something", x.Name)
			}
			path := prefix + "/" + x.Name
			if x.Found {
				paths = append(paths, path)
			}
			if x.IsDir && s.Leads(x.Tree) != x.Leads {
				t.Fatalf("%q leads: %v", path, x.Leads)
			}
			if x.Leads || all && x.IsDir {
				down(x.Tree, path)
			}
		}
	}
	if s.Leads(root) || all {
		down(root, "")
	}
	return paths
}

// verifySearch compares a search in every snapshot with the model.
func (m *model) verifySearch(t *testing.T, c *catalog.Catalog, terms []catalog.NameTerm, want func(string) bool, all bool) (hits int) {
	t.Helper()
	check(t, c.View(t.Context(), func(v *catalog.View) error {
		snapshots, err := v.Snapshots()
		check(t, err)
		s, err := v.Search(t.Context(), terms, m.more)
		check(t, err)
		for i := range snapshots {
			if m.size(snapshots[i].Tree, 5000) >= 5000 {
				continue
			}
			var paths []string
			m.expand(snapshots[i].Tree, "", func(path string, e *modelEntry) {
				if want(e.entry.Name) {
					paths = append(paths, path)
				}
			})
			if got := found(t, v, s, snapshots[i].Root, all); !slices.Equal(got, paths) {
				t.Fatalf("found %d paths, want %d:\n%q\n%q", len(got), len(paths), got, paths)
			}
			hits += len(paths)
		}
		return nil
	}))
	return hits
}

func TestSearch(t *testing.T) {
	for seed := range uint64(4) {
		for _, memory := range []int64{0, 3000, 64 << 20} {
			t.Run(fmt.Sprintf("seed %d memory %d", seed, memory), func(t *testing.T) {
				defer catalog.SetSearchMemory(memory)()
				m := newModel(seed)
				m.grow(12, 4)
				c := inMemory(t)
				m.build(t, c, 2, m.shuffled())
				m.publish(t, c)
				terms, want := searchTerms(m)
				// The second time with what was kept of the first, then with all that
				// is made for many searches.
				for i := range 3 {
					m.more = i > 0
					hits := 0
					for i := range terms {
						hits += m.verifySearch(t, c, terms[i:i+1], want[i], i%3 == 0)
					}
					i, j := m.rng.IntN(len(terms)), m.rng.IntN(len(terms))
					m.verifySearch(t, c, []catalog.NameTerm{terms[i], terms[j]},
						func(s string) bool { return want[i](s) || want[j](s) }, false)
					if hits == 0 {
						t.Error("nothing was found at all")
					}
					if kept := catalog.IndexesKept(); memory > 1<<20 && (kept == 2) != m.more || memory == 0 && kept != 0 {
						t.Errorf("%d of holders and places are kept", kept)
					}
				}
			})
		}
	}
}

// Tables of one state of the catalog must not answer for another state.
func TestSearchAfterChanges(t *testing.T) {
	m := newModel(11)
	m.grow(8, 2)
	c := inMemory(t)
	m.build(t, c, 1, m.order)
	m.publish(t, c)
	every := []catalog.NameTerm{{}}
	all := func(string) bool { return true }
	before := m.verifySearch(t, c, every, all, false)
	m.grow(8, 2)
	m.build(t, c, 1, m.order)
	m.publish(t, c)
	if after := m.verifySearch(t, c, every, all, false); after <= before {
		t.Errorf("found %d entries before and %d after more snapshots", before, after)
	}
	gone := m.snapshots[:3]
	_, err := c.Publish(t.Context(), nil, []syncline.Hash{gone[0].ID, gone[1].ID, gone[2].ID})
	check(t, err)
	_, err = c.Clean(t.Context(), 0, func(syncline.Hash) bool { return false })
	check(t, err)
	m.verifySearch(t, c, every, all, true)
}

func TestSearchKeepsWithinBounds(t *testing.T) {
	const most = 200_000
	defer catalog.SetSearchMemory(most)()
	for i := range uint64(6) {
		m := newModel(20 + i)
		m.more = true
		m.grow(60, 2)
		c := inMemory(t)
		m.build(t, c, 1, m.order)
		m.publish(t, c)
		m.verifySearch(t, c, []catalog.NameTerm{{}}, func(string) bool { return true }, false)
		if used := catalog.SearchMemoryUsed(); used > most || used == 0 {
			t.Fatalf("%d bytes are kept, at most %d are allowed", used, most)
		}
		if i%2 == 0 {
			check(t, c.Close())
		}
	}
}

func TestSearchForgetsClosedCatalogs(t *testing.T) {
	defer catalog.SetSearchMemory(1 << 20)()
	m := newModel(30)
	m.grow(20, 1)
	c := inMemory(t)
	m.build(t, c, 1, m.order)
	m.publish(t, c)
	m.verifySearch(t, c, []catalog.NameTerm{{}}, func(string) bool { return true }, false)
	check(t, c.Close())
	if used := catalog.SearchMemoryUsed(); used != 0 {
		t.Errorf("%d bytes are kept of a closed catalog", used)
	}
}

// A single search holds the blocks of names with a match, and makes no fingerprints.
func TestSearchOfOneNameKeepsLittle(t *testing.T) {
	defer catalog.SetSearchMemory(64 << 20)()
	m := newModel(14)
	m.grow(20, 1)
	c := inMemory(t)
	m.build(t, c, 1, m.order)
	m.publish(t, c)
	check(t, c.View(t.Context(), func(v *catalog.View) error {
		for _, x := range []struct {
			name string
			more bool
			kept bool
		}{{"\x01no such name", false, false}, {m.trees[m.order[len(m.order)-1]].entries[0].entry.Name, false, true}, {"\x01no such name", true, true}} {
			s, err := v.Search(t.Context(), []catalog.NameTerm{{Literal: x.name, Whole: true}}, x.more)
			check(t, err)
			kept, all, prints := s.KeptNames()
			if (kept == all) != x.kept || !x.kept && kept > 0 || (prints > 0) != x.more {
				t.Errorf("%q, more %v: %d of %d blocks are kept, %d with fingerprints", x.name, x.more, kept, all, prints)
			}
		}
		return nil
	}))
}

func TestSearchCanceled(t *testing.T) {
	m := newModel(12)
	m.grow(20, 1)
	c := inMemory(t)
	m.build(t, c, 1, m.order)
	m.publish(t, c)
	for _, warm := range []bool{false, true} {
		check(t, c.View(t.Context(), func(v *catalog.View) error {
			ctx, cancel := context.WithCancel(t.Context())
			terms := []catalog.NameTerm{{Match: func(string) bool { cancel(); return true }}}
			if _, err := v.Search(ctx, terms, warm); syncline.CodeOf(err) != syncline.CodeCanceled {
				t.Errorf("canceled in the middle, warm %v: %v", warm, err)
			}
			s, err := v.Search(t.Context(), []catalog.NameTerm{{}}, true)
			check(t, err)
			if err := s.Load(ctx, []catalog.EntryRef{{}}); syncline.CodeOf(err) != syncline.CodeCanceled {
				t.Errorf("canceled while entries are read: %v", err)
			}
			return nil
		}))
	}
}

// Spoiled values are damage, or make no difference to this search; they are
// never another result.
func TestSearchDamage(t *testing.T) {
	for _, memory := range []int64{0, 64 << 20} {
		t.Run(fmt.Sprint(memory), func(t *testing.T) { testSearchDamage(t, memory) })
	}
}

func testSearchDamage(t *testing.T, memory int64) {
	defer catalog.SetSearchMemory(memory)()
	m := newModel(13)
	m.grow(30, 2)
	box := catalogtest.NewMemory()
	c := open(t, box)
	m.build(t, c, 1, m.order)
	m.publish(t, c)
	everything := func(box catalog.Container) error {
		c := open(t, box)
		return c.View(t.Context(), func(v *catalog.View) error {
			s, err := v.Search(t.Context(), []catalog.NameTerm{{}}, true)
			if err != nil {
				return err
			}
			var refs []catalog.EntryRef
			snapshots, err := v.Snapshots()
			check(t, err)
			err = s.Dir(snapshots[0].Root, true, func(x *catalog.SearchItem) error {
				refs = append(refs, x.Entry)
				return nil
			})
			return errors.Join(err, s.Load(t.Context(), refs))
		})
	}
	check(t, everything(box))
	for name, kind := range catalog.SearchKinds {
		for how, change := range map[string]func([]byte) []byte{
			"missing": func([]byte) []byte { return nil },
			"short":   func(b []byte) []byte { return b[:len(b)/2] },
			"flipped": func(b []byte) []byte {
				b = slices.Clone(b)
				b[len(b)/3] ^= 0x40
				return b
			},
		} {
			copied := box.Clone()
			spoil(t, copied, kind, 0, change)
			if err := everything(copied); !errors.Is(err, catalog.ErrDamaged) {
				t.Errorf("%s, %s: %v", name, how, err)
			}
		}
	}
}
