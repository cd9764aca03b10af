package explore

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"syncline.dev/syncline"
)

// versions lists the expected history of a path, host by host.
func (f *forest) versions(path, host string) map[string][]string {
	out, last, count := map[string][]string{}, map[string]string{}, map[string]int{}
	for i := range f.snapshots {
		s := &f.snapshots[i]
		if host != "" && s.Hostname != host {
			continue
		}
		all := map[string]syncline.Entry{"/": {Type: syncline.TypeDir, Subtree: s.Tree}}
		f.paths(s.Tree, "", all)
		state := ""
		if e, ok := all[path]; ok {
			state = fmt.Sprint(e.Type, e.Size, e.Subtree)
		}
		before, begun := last[s.Hostname]
		switch {
		case !begun && state == "":
			continue
		case begun && state == before:
			count[s.Hostname]++
			list := out[s.Hostname]
			list[len(list)-1] = fmt.Sprint(list[len(list)-1][:len("Appeared s0 ")], "to s", i, " ", count[s.Hostname])
			continue
		}
		event := "Changed "
		switch {
		case state == "":
			event = "Vanished"
		case before == "":
			event = "Appeared"
		}
		last[s.Hostname], count[s.Hostname] = state, 1
		out[s.Hostname] = append(out[s.Hostname], fmt.Sprintf("%s s%d to s%d 1", event, i, i))
	}
	return out
}

// TestHistoryOfContents has entries that differ in their contents alone, or in what makes
// no version.
func TestHistoryOfContents(t *testing.T) {
	f := newForest(t)
	for i, content := range [][]syncline.Hash{{{1}}, {{1}}, {{2}}, {{2}, {3}}, {{2}}, {{2}}} {
		x := file("x", 5)
		x.Content, x.Inode, x.AccessTime = content, uint64(i), time.Unix(int64(i), 0).UTC()
		f.snapshot(f.tree(x, file("y", uint64(i)+1)))
		f.snapshots[i].Hostname, f.snapshots[i].Paths = "host", []string{"/x"}
	}
	x, _ := f.explorer()
	page, err := x.History(t.Context(), testRepository, HistoryQuery{Path: "/x", Limit: 10})
	if err != nil {
		t.Fatal(err)
	}
	var counts []int
	for i := range page.Versions {
		counts = append(counts, page.Versions[i].RestorePoints)
	}
	if !slices.Equal(counts, []int{2, 1, 1, 2}) {
		t.Errorf("the versions have %d restore points", counts)
	}
}

func TestHistory(t *testing.T) {
	seen := 0
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(seed, 5))
		f := newForest(t)
		f.grow(r, 8)
		for i := range f.snapshots {
			f.snapshots[i].Paths = []string{"/"}
		}
		x, ids := f.explorer()
		for range 20 {
			path := "/" + []string{"a", "b", "c"}[r.IntN(3)]
			for range r.IntN(3) {
				path += "/" + []string{"a", "b", "ab", "B", "k"}[r.IntN(5)]
			}
			if r.IntN(10) == 0 {
				path = "/"
			}
			q := HistoryQuery{Path: path + "//", Limit: 1 + r.IntN(4), Host: []string{"", "host1"}[r.IntN(2)]}
			want := f.versions(path, q.Host)
			got := map[string][]string{}
			var times []time.Time
			for {
				page, err := x.History(t.Context(), testRepository, q)
				if len(want) == 0 {
					wantCode(t, err, syncline.CodeNotFound)
					break
				}
				if err != nil {
					t.Fatal(path, err)
				}
				for _, w := range page.Versions {
					first, last := slices.Index(ids, w.First), slices.Index(ids, w.Last)
					got[w.Hostname] = append(got[w.Hostname], fmt.Sprintf("%-8s s%d to s%d %d", w.Event, first, last, w.RestorePoints))
					times = append(times, w.FirstTime)
					if (w.Entry == nil) != (w.Event == VersionVanished) {
						t.Errorf("%s %+v", path, w)
					}
				}
				if q.Cursor = page.Next; q.Cursor == "" {
					break
				}
			}
			if fmt.Sprint(got) != fmt.Sprint(want) || !slices.IsSortedFunc(times, time.Time.Compare) {
				t.Errorf("seed %d: the history of %s %s is\n%v, want\n%v", seed, path, q.Host, got, want)
			}
			seen += len(times)
		}
	}
	if seen < 500 {
		t.Errorf("only %d versions", seen)
	}
}

// TestHistoryOfOtherFolders checks that a snapshot of other folders ends and
// begins no version.
func TestHistoryOfOtherFolders(t *testing.T) {
	f := newForest(t)
	home := func(n uint64) syncline.Entry { return folder("home", f.tree(file("x", n))) }
	etc := folder("etc", f.tree(file("y", 1)))
	for i, s := range []struct {
		paths []string
		tree  syncline.Hash
	}{
		{[]string{"/home"}, f.tree(home(1))},
		{[]string{"/etc"}, f.tree(etc)},
		{[]string{"/home"}, f.tree(home(1))},
		{[]string{"/etc"}, f.tree(etc)},
		{[]string{"/home", "/etc"}, f.tree(home(2), etc)},
		{[]string{"/home/"}, f.tree()},
	} {
		f.snapshot(s.tree)
		f.snapshots[i].Hostname, f.snapshots[i].Paths = "h", s.paths
	}
	x, _ := f.explorer()
	for path, want := range map[string]string{
		"/home/x": "Appeared2 Changed1 Vanished1 ", "/etc/y": "Appeared3 ",
		"/home": "Appeared2 Changed1 Vanished1 ", "/etc": "Appeared3 ",
		"/": "Appeared2 Appeared2 Appeared1 Appeared1 ",
	} {
		page, err := x.History(t.Context(), testRepository, HistoryQuery{Path: path, Limit: 10})
		got := ""
		for _, w := range page.Versions {
			got += fmt.Sprint(w.Event, w.RestorePoints, " ")
		}
		if err != nil || got != want {
			t.Errorf("the history of %s is %s, not %s (%v)", path, got, want, err)
		}
	}
}

// TestHistoryOfRelativePaths checks that a file that a relative backup does not
// have any more has vanished, and that backups from other directories are of
// other files.
func TestHistoryOfRelativePaths(t *testing.T) {
	f := newForest(t)
	docs := func(n uint64) syncline.Entry { return folder("docs", f.tree(file("x", n))) }
	for i, s := range []struct {
		paths []string
		tree  syncline.Hash
	}{
		{[]string{"/home/mila/docs"}, f.tree(docs(1))},                        // restic backup docs
		{[]string{"/srv/docs"}, f.tree(docs(7))},                              // the same elsewhere
		{[]string{"/home/mila/docs"}, f.tree(docs(1))},                        //
		{[]string{"/home/mila/docs"}, f.tree(folder("docs", f.tree()))},       // without the file
		{[]string{"/srv/docs"}, f.tree(docs(7))},                              //
		{[]string{"/etc"}, f.tree(folder("etc", f.tree(file("y", 1))))},       // restic backup /etc
		{[]string{"/home/mila"}, f.tree(file("x", 3), file("z", 3))},          // restic backup .
		{[]string{"/home/mila"}, f.tree(file("z", 3))},                        //
		{[]string{"/home/mila"}, f.tree()},                                    //
		{[]string{"/home/mila/z"}, f.tree(file("z", 4))},                      // restic backup z
		{[]string{"/home/mila/a/docs"}, f.tree(folder("a", f.tree(docs(2))))}, // restic backup a/docs
		{[]string{"/home/mila/a/docs"}, f.tree(folder("a", f.tree(folder("docs", f.tree()))))},
	} {
		f.snapshot(s.tree)
		f.snapshots[i].Hostname, f.snapshots[i].Paths = "h", s.paths
	}
	x, _ := f.explorer()
	for path, want := range map[string]string{
		"/docs/x": "Appeared2 Appeared2 Vanished4 ", // "restic backup ." also has it
		"/docs":   "Appeared2 Appeared2 Changed1 Vanished3 ",
		"/etc/y":  "Appeared1 ", "/x": "Appeared1 Vanished2 ", "/z": "Appeared2 Vanished1 Appeared1 ",
		"/a/docs/x": "Appeared1 Vanished1 ",
	} {
		page, err := x.History(t.Context(), testRepository, HistoryQuery{Path: path, Limit: 10})
		got := ""
		for _, w := range page.Versions {
			got += fmt.Sprint(w.Event, w.RestorePoints, " ")
		}
		if err != nil || got != want {
			t.Errorf("the history of %s is %s, not %s (%v)", path, got, want, err)
		}
	}
}

func TestHistoryCursors(t *testing.T) {
	f := newForest(t)
	for i := range 4 {
		f.snapshot(f.tree(file("x", uint64(i/2))))
	}
	x, _ := f.explorer()
	q := HistoryQuery{Path: "/x", Limit: 1}
	page, err := x.History(t.Context(), testRepository, q)
	if err != nil || page.Next == "" {
		t.Fatal(page, err)
	}
	for _, cursor := range []string{"?", "AAAA", page.Next + "AA", page.Next[:8]} {
		q.Cursor = cursor
		_, err = x.History(t.Context(), testRepository, q)
		wantCode(t, err, syncline.CodeConflict)
	}
	// After another synchronization the pages would not fit together.
	f.snapshot(f.tree(file("x", 9)))
	f.fill(x.Points.Catalogs.(one).c)
	q.Cursor = page.Next
	_, err = x.History(t.Context(), testRepository, q)
	wantCode(t, err, syncline.CodeConflict)
	_, err = x.History(t.Context(), testRepository, HistoryQuery{Path: "x", Limit: 1})
	wantCode(t, err, syncline.CodeInvalid)
}
