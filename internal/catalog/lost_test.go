package catalog_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/catalog"
)

// shown reads what the snapshots show: their lost folders, and all paths below
// them that can be read.
func shown(t *testing.T, c *catalog.Catalog) (list []catalog.Snapshot, paths map[syncline.Hash][]string) {
	t.Helper()
	paths = make(map[syncline.Hash][]string)
	check(t, c.View(t.Context(), func(v *catalog.View) (err error) {
		if list, err = v.Snapshots(); err != nil {
			return err
		}
		for _, s := range list {
			err := v.Walk(s.Root, "", 0, 1<<20, func(path string, e *syncline.Entry) error {
				if e.Lost {
					path += " lost"
				}
				paths[s.ID] = append(paths[s.ID], path)
				return nil
			})
			if errors.Is(err, catalog.ErrLost) != s.Lost || err != nil && !s.Lost {
				return fmt.Errorf("snapshot %s, lost %v: %w", s.ID.Short(), s.Lost, err)
			}
		}
		return nil
	}))
	return list, paths
}

// TestPublishLost shows snapshots without the folders that the repository has
// lost, and completes them when these are there again.
func TestPublishLost(t *testing.T) {
	m, lost := gapModel()
	root3 := m.snapshots[3].Tree
	without := slices.DeleteFunc(slices.Clone(m.order), func(h syncline.Hash) bool { return h == lost || h == root3 })
	c := inMemory(t)
	m.addTrees(t, c, without...)
	check(t, c.SetHidden(t.Context(), []syncline.HiddenSnapshot{{Snapshot: m.snapshots[0], Reason: syncline.HiddenUnsynchronized}}))
	gaps, err := c.PublishLost(t.Context(), m.snapshots)
	check(t, err)
	if len(gaps) != 4 || gaps[0].Folders != 1 || gaps[0].Root || !gaps[2].Root {
		t.Fatalf("the gaps are %+v", gaps)
	}
	wantVisible(t, c, ids(m.snapshots)...)
	if _, lost := checkNamed(t, c); lost == 0 {
		t.Error("no lookup finds a lost folder")
	}
	list, paths := shown(t, c)
	for _, s := range list {
		i := slices.IndexFunc(m.snapshots, func(x syncline.Snapshot) bool { return x.ID == s.ID })
		if want := i != 2; (s.Missing == 1) != want || s.Lost != (i > 2) {
			t.Errorf("snapshot %d: %d folders are missing, lost %v", i, s.Missing, s.Lost)
		}
		text := strings.Join(paths[s.ID], "\n")
		if (strings.Contains(text, "/x lost") || strings.Contains(text, "/again lost")) != (i < 2) || strings.Contains(text, "/deep") {
			t.Errorf("snapshot %d shows\n%s", i, text)
		}
	}
	check(t, c.View(t.Context(), func(v *catalog.View) error {
		if hidden, err := v.Hidden(); err != nil || len(hidden) > 0 {
			t.Errorf("%v are hidden, and visible: %v", hidden, err)
		}
		root := list[slices.IndexFunc(list, func(s catalog.Snapshot) bool { return s.ID == m.snapshots[1].ID })].Root
		if e, _, ok, err := v.Find(root, "/again"); err != nil || ok || !e.Lost {
			t.Errorf("the lost folder itself: %+v %v %v", e, ok, err)
		}
		for _, path := range []string{"/again/deep", "/again/deep/er"} {
			if _, _, _, err := v.Find(root, path); !errors.Is(err, catalog.ErrLost) {
				t.Errorf("%s in a lost folder: %v", path, err)
			}
		}
		if _, _, err := v.FindTree(root, "/again"); !errors.Is(err, catalog.ErrLost) {
			t.Errorf("the tree of a lost folder: %v", err)
		}
		return nil
	}))
	before := dump(t, c)
	for range 2 { // asking again changes nothing
		_, err = c.PublishLost(t.Context(), m.snapshots)
		check(t, err)
		gaps, err = c.Publish(t.Context(), nil, nil)
		check(t, err)
		if len(gaps) != 4 {
			t.Errorf("the gaps are %+v", gaps)
		}
		wantDump(t, dump(t, c), before)
	}
	_, err = c.Clean(t.Context(), 0, func(syncline.Hash) bool { return true })
	check(t, err)
	wantDump(t, dump(t, c), before)

	m.addTrees(t, c, lost) // not shown until it is published
	if _, paths = shown(t, c); !strings.Contains(strings.Join(paths[m.snapshots[0].ID], "\n"), "/x lost") {
		t.Error("what a session has not published is shown")
	}
	gaps, err = c.Publish(t.Context(), nil, nil)
	check(t, err)
	if len(gaps) != 2 {
		t.Errorf("the gaps are %+v after one tree came", gaps)
	}
	m.addTrees(t, c, root3)
	m.publish(t, c)
	m.verify(t, c)
	if list, _ = shown(t, c); slices.ContainsFunc(list, func(s catalog.Snapshot) bool { return s.Missing > 0 || s.Lost }) {
		t.Errorf("complete snapshots are marked: %+v", list)
	}
}

// TestLostBelowFound has a lost folder come back whose own folder is lost: it stays
// as it was until that is known.
func TestLostBelowFound(t *testing.T) {
	m := newModel(33)
	deep := m.tree([]*modelEntry{m.file("deep")})
	fine := m.tree([]*modelEntry{m.file("fine")})
	middle := m.tree([]*modelEntry{m.dir("deep", deep), m.dir("fine", fine), m.file("beside")})
	m.snapshot(m.tree([]*modelEntry{m.dir("middle", middle), m.file("x")}))
	c := inMemory(t)
	m.addTrees(t, c, m.snapshots[0].Tree)
	_, err := c.PublishLost(t.Context(), m.snapshots)
	check(t, err)
	before := dump(t, c)
	m.addTrees(t, c, fine, middle)
	gaps, err := c.Publish(t.Context(), nil, nil)
	check(t, err)
	if len(gaps) != 1 || gaps[0].Missing[0] != deep {
		t.Errorf("the gaps are %+v", gaps)
	}
	wantDump(t, dump(t, c), before)
	_, err = c.PublishLost(t.Context(), nil)
	check(t, err)
	_, paths := shown(t, c)
	if got, want := strings.Join(paths[m.snapshots[0].ID], " "), "/middle /middle/deep lost /middle/fine /middle/fine/fine /middle/beside /x"; got != want {
		t.Errorf("it shows %q, want %q", got, want)
	}
	_, err = c.Publish(t.Context(), nil, ids(m.snapshots)) // the snapshot goes
	check(t, err)
	_, err = c.PublishLost(t.Context(), nil)
	check(t, err)
	check(t, c.View(t.Context(), func(v *catalog.View) error {
		if v.Lost() != 0 {
			t.Errorf("%d trees are lost in an empty catalog", v.Lost())
		}
		return nil
	}))
}

func TestHidden(t *testing.T) {
	c := inMemory(t)
	var list []syncline.HiddenSnapshot
	for i := range 1200 {
		s := syncline.Snapshot{
			ID: syncline.Hash{byte(i), byte(i >> 8)}, Time: time.Unix(1_700_000_000+int64(i), 0).UTC(), Hostname: "h", Paths: []string{"/x"}, Tags: []string{"t"},
		}
		list = append(list, syncline.HiddenSnapshot{Snapshot: s, Reason: syncline.HiddenUnsynchronized})
	}
	want := fmt.Sprint(list)
	read := func() (list []syncline.HiddenSnapshot) {
		check(t, c.View(t.Context(), func(v *catalog.View) (err error) {
			list, err = v.Hidden()
			return err
		}))
		return list
	}
	for _, order := range []func(){func() {}, func() { slices.Reverse(list) }} {
		order()
		check(t, c.SetHidden(t.Context(), list))
		if got := fmt.Sprint(read()); got != want {
			t.Fatalf("got %.200s, want %.200s", got, want)
		}
	}
	check(t, c.SetHidden(t.Context(), list[:1]))
	if got := read(); len(got) != 1 {
		t.Fatalf("%d are left of one", len(got))
	}
	check(t, c.SetHidden(t.Context(), nil))
	if got := read(); len(got) != 0 {
		t.Fatalf("%d are left of none", len(got))
	}
}
