package explore

import (
	"slices"
	"strings"
	"testing"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/catalog"
)

// testSnapshots are oldest first. The id of number i begins with the digits of
// i.
func testSnapshots() []catalog.Snapshot {
	make1 := func(minute int, id byte, host, paths, tags string) catalog.Snapshot {
		return catalog.Snapshot{Snapshot: syncline.Snapshot{
			ID: syncline.Hash{id, 0xcd}, Time: time.Unix(int64(minute)*60, 0), Hostname: host,
			Paths: strings.Fields(paths), Tags: strings.Fields(tags),
		}}
	}
	return []catalog.Snapshot{
		make1(1, 0xa1, "one", "/etc", ""),
		make1(2, 0xa2, "two", "/home /etc", "daily"),
		make1(3, 0xb3, "one", "/etc", "daily keep"),
		make1(4, 0xb4, "one", "/etc /home", "keep"),
	}
}

func digits(list []catalog.Snapshot) string {
	var out []string
	for _, s := range list {
		out = append(out, s.ID.String()[:2])
	}
	return strings.Join(out, " ")
}

func TestSelect(t *testing.T) {
	list := testSnapshots()
	for _, tt := range []struct {
		name       string
		filter     SnapshotFilter
		references []string
		want       string // or the error's code
	}{
		{"all", SnapshotFilter{}, nil, "a1 a2 b3 b4"},
		{"host", SnapshotFilter{Hosts: []string{"two"}}, nil, "a2"},
		{"hosts", SnapshotFilter{Hosts: []string{"two", "one"}}, nil, "a1 a2 b3 b4"},
		{"path", SnapshotFilter{Paths: []string{"/home"}}, nil, "a2 b4"},
		{"all paths", SnapshotFilter{Paths: []string{"/home", "/etc"}}, nil, "a2 b4"},
		{"part of a path", SnapshotFilter{Paths: []string{"/hom"}}, nil, ""},
		{"tag", SnapshotFilter{Tags: [][]string{{"keep"}}}, nil, "b3 b4"},
		{"both tags", SnapshotFilter{Tags: [][]string{{"keep", "daily"}}}, nil, "b3"},
		{"either tag", SnapshotFilter{Tags: [][]string{{"keep"}, {"daily"}}}, nil, "a2 b3 b4"},
		{"no tag", SnapshotFilter{Tags: [][]string{{""}}}, nil, "a1"},
		{"ids in any order", SnapshotFilter{}, []string{"b3", "a1", "b3cd"}, "a1 b3"},
		{"full id", SnapshotFilter{}, []string{strings.ToUpper(list[1].ID.String())}, "a2"},
		{"latest", SnapshotFilter{}, []string{"latest"}, "b4"},
		{"latest of a host", SnapshotFilter{Hosts: []string{"two"}}, []string{"latest"}, "a2"},
		{"latest and an id", SnapshotFilter{Hosts: []string{"two"}}, []string{"latest", "a1"}, "a1 a2"},
		{"latest twice", SnapshotFilter{}, []string{"latest", "b4", "latest"}, "b4"},
		{"latest of nothing", SnapshotFilter{Hosts: []string{"three"}}, []string{"latest"}, "not_found"},
		{"unknown", SnapshotFilter{}, []string{"c"}, "not_found"},
		{"capital prefix", SnapshotFilter{}, []string{"A1"}, "not_found"},
		{"no digits", SnapshotFilter{}, []string{"nonsense"}, "not_found"},
		{"ambiguous", SnapshotFilter{}, []string{"a"}, "invalid"},
		{"filter unused", SnapshotFilter{Hosts: []string{"one"}}, []string{"a1"}, "invalid"},
		{"folder", SnapshotFilter{}, []string{"a1:/etc"}, "invalid"},
		{"folder of the latest", SnapshotFilter{}, []string{"latest:"}, "invalid"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := tt.filter.Select(SnapshotList{Shown: list}, tt.references)
			if result := digits(got) + string(syncline.CodeOf(err)); result != tt.want {
				t.Errorf("got %q, want %q (%v)", result, tt.want, err)
			}
		})
	}
}

func TestOne(t *testing.T) {
	for reference, want := range map[string]string{
		"latest":       "b4 ",
		"latest:/a:b":  "b4 /a:b",
		"a1":           "a1 ",
		"a1:":          "a1 ",
		"a1:home/user": "a1 home/user",
	} {
		s, folder, err := SnapshotFilter{}.One(SnapshotList{Shown: testSnapshots()}, reference)
		if err != nil {
			t.Fatal(err)
		}
		if got := s.ID.String()[:2] + " " + folder; got != want {
			t.Errorf("%s: got %q, want %q", reference, got, want)
		}
	}
	if _, err := (SnapshotFilter{}).Latest(SnapshotList{}); syncline.CodeOf(err) != syncline.CodeNotFound {
		t.Errorf("the latest of an empty repository: %v", err)
	}
}

func TestNewest(t *testing.T) {
	if got := digits(Newest(testSnapshots(), 1)); got != "a2 b3 b4" {
		t.Errorf("one of each: %s", got)
	}
	if got := digits(Newest(testSnapshots(), 2)); got != "a1 a2 b3 b4" {
		t.Errorf("two of each: %s", got)
	}
}

func TestGroupSnapshots(t *testing.T) {
	show := func(groups []Group) string {
		var out []string
		for _, g := range groups {
			out = append(out, strings.TrimSpace(strings.Join(slices.Concat([]string{g.Hostname}, g.Paths, g.Tags), " "))+": "+digits(g.Snapshots))
		}
		return strings.Join(out, "; ")
	}
	for _, tt := range []struct {
		by     string
		newest int
		want   string
	}{
		{"host", 0, "one: a1 b3 b4; two: a2"},
		{"hosts", 1, "one: b4; two: a2"},
		{"paths,", 0, "/etc: a1 b3; /etc /home: a2 b4"},
		{"tags", 0, ": a1; daily: a2; daily keep: b3; keep: b4"},
		{"host,path", 1, "one /etc: b3; one /etc /home: b4; two /etc /home: a2"},
	} {
		by, err := ParseGrouping(tt.by)
		if err != nil {
			t.Fatal(err)
		}
		if got := show(GroupSnapshots(testSnapshots(), by, tt.newest)); got != tt.want {
			t.Errorf("by %s: got %q, want %q", tt.by, got, tt.want)
		}
	}
	if _, err := ParseGrouping("host,size"); syncline.CodeOf(err) != syncline.CodeInvalid {
		t.Errorf("an unknown option gives %v", err)
	}
}
