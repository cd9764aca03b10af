package explore

import (
	"slices"
	"strings"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/catalog"
)

// SnapshotFilter chooses snapshots as restic's --host, --tag and --path do. An
// empty field matches all.
type SnapshotFilter struct {
	Hosts []string // any of them
	// Tags holds lists of which one must match: the snapshot has all tags of
	// the list. An empty tag matches a snapshot without tags.
	Tags  [][]string
	Paths []string // all of them, exactly as in the snapshot
}

// Empty reports whether the filter matches every snapshot.
func (f SnapshotFilter) Empty() bool { return len(f.Hosts)+len(f.Tags)+len(f.Paths) == 0 }

// Matches reports whether the filter chooses s.
func (f SnapshotFilter) Matches(s *syncline.Snapshot) bool {
	if len(f.Hosts) > 0 && !slices.Contains(f.Hosts, s.Hostname) {
		return false
	}
	if len(f.Tags) > 0 && !slices.ContainsFunc(f.Tags, func(tags []string) bool { return hasTags(s, tags) }) {
		return false
	}
	return !slices.ContainsFunc(f.Paths, func(p string) bool { return !slices.Contains(s.Paths, p) })
}

func hasTags(s *syncline.Snapshot, tags []string) bool {
	for _, t := range tags {
		if t == "" && len(s.Tags) == 0 {
			return true
		}
		if !slices.Contains(s.Tags, t) {
			return false
		}
	}
	return true
}

// SplitReference splits "id:folder". folder is "" if the reference has none.
func SplitReference(reference string) (id, folder string) {
	id, folder, _ = strings.Cut(reference, ":")
	return id, folder
}

// clip shortens an argument for a message.
func clip(s string) string {
	if len(s) > 80 {
		return s[:80] + "…"
	}
	return s
}

// Select returns the snapshots that the references name, each once, oldest
// first. Without references, the filter chooses. Errors are a reference that
// names nothing, a folder in a reference, and a filter that no reference uses.
// A snapshot that has only lost its root is returned, with no content.
func (f SnapshotFilter) Select(list SnapshotList, references []string) ([]catalog.Snapshot, error) {
	chosen := make(map[syncline.Hash]bool)
	filterUsed := len(references) == 0
	for _, r := range references {
		s, folder, err := f.Named(list, r)
		switch {
		case folder != "" || strings.HasPrefix(r, latestID+":"):
			return nil, syncline.Errorf(syncline.CodeInvalid, "%q: a folder behind a snapshot's id is not allowed here", clip(r))
		case err != nil:
			return nil, err
		}
		filterUsed = filterUsed || r == latestID
		chosen[s.ID] = true
	}
	if !filterUsed && !f.Empty() {
		return nil, syncline.Errorf(syncline.CodeInvalid, "filters have no use beside explicit snapshot ids; leave one of the two out")
	}
	var out []catalog.Snapshot
	for _, s := range list.Shown {
		if chosen[s.ID] || len(references) == 0 && f.Matches(&s.Snapshot) {
			out = append(out, s)
		}
	}
	return out, nil
}

// Newest returns the n newest snapshots of each host and set of paths, oldest
// first. list is sorted oldest first.
func Newest(list []catalog.Snapshot, n int) []catalog.Snapshot {
	return newest(list, n, func(s *catalog.Snapshot) string {
		return groupKey(s, Grouping{Host: true, Paths: true})
	})
}

func newest(list []catalog.Snapshot, n int, key func(*catalog.Snapshot) string) []catalog.Snapshot {
	seen := make(map[string]int)
	var out []catalog.Snapshot
	for _, s := range slices.Backward(list) {
		if k := key(&s); seen[k] < n {
			seen[k]++
			out = append(out, s)
		}
	}
	slices.Reverse(out)
	return out
}

// Grouping says which properties make a group of snapshots.
type Grouping struct{ Host, Paths, Tags bool }

// ParseGrouping reads restic's form: host, paths and tags, separated by
// commas. Anything else is CodeInvalid.
func ParseGrouping(s string) (Grouping, error) {
	var g Grouping
	for option := range strings.SplitSeq(s, ",") {
		switch option {
		case "host", "hosts":
			g.Host = true
		case "path", "paths":
			g.Paths = true
		case "tag", "tags":
			g.Tags = true
		case "":
		default:
			return Grouping{}, syncline.Errorf(syncline.CodeInvalid, "unknown grouping option: %q; there are host, paths and tags", clip(option))
		}
	}
	return g, nil
}

// Group is snapshots with the same values of the grouping's properties. The
// other properties are empty.
type Group struct {
	Hostname    string
	Paths, Tags []string // sorted
	Snapshots   []catalog.Snapshot
}

// GroupSnapshots groups the list, which is sorted oldest first, and keeps its
// order within the groups. The groups are sorted by host, paths and tags. A
// positive newestOnly keeps that many snapshots of each group.
func GroupSnapshots(list []catalog.Snapshot, by Grouping, newestOnly int) []Group {
	if newestOnly > 0 {
		list = newest(list, newestOnly, func(s *catalog.Snapshot) string { return groupKey(s, by) })
	}
	at := make(map[string]int)
	var out []Group
	for _, s := range list {
		key := groupKey(&s, by)
		i, ok := at[key]
		if !ok {
			i = len(out)
			at[key] = i
			out = append(out, newGroup(&s, by))
		}
		out[i].Snapshots = append(out[i].Snapshots, s)
	}
	slices.SortFunc(out, func(a, b Group) int {
		if c := strings.Compare(a.Hostname, b.Hostname); c != 0 {
			return c
		}
		if c := slices.Compare(a.Paths, b.Paths); c != 0 {
			return c
		}
		return slices.Compare(a.Tags, b.Tags)
	})
	return out
}

func newGroup(s *catalog.Snapshot, by Grouping) Group {
	var g Group
	if by.Host {
		g.Hostname = s.Hostname
	}
	if by.Paths {
		g.Paths = sorted(s.Paths)
	}
	if by.Tags {
		g.Tags = sorted(s.Tags)
	}
	return g
}

// groupKey is a text that equals for the snapshots of one group. Names hold no
// NUL.
func groupKey(s *catalog.Snapshot, by Grouping) string {
	g := newGroup(s, by)
	return strings.Join([]string{g.Hostname, strings.Join(g.Paths, "\x00"), strings.Join(g.Tags, "\x00")}, "\x00\x00")
}

func sorted(list []string) []string {
	list = slices.Clone(list)
	slices.Sort(list)
	return list
}
