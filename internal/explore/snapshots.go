package explore

import (
	"slices"
	"strings"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/catalog"
)

// SnapshotFilter chooses snapshots as restic's --host, --tag and --path do. An
// empty part matches all.
type SnapshotFilter struct {
	Hosts []string // any of them
	// Tags holds lists of which one must match: all tags in it are the
	// snapshot's. An empty tag matches a snapshot without tags.
	Tags  [][]string
	Paths []string // all of them, exactly as the snapshot has them
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

// SplitReference cuts "id:folder" into its parts. The folder is "" where none
// is named.
func SplitReference(reference string) (id, folder string) {
	id, folder, _ = strings.Cut(reference, ":")
	return id, folder
}

// clip keeps an echoed argument short.
func clip(s string) string {
	if len(s) > 80 {
		return s[:80] + "…"
	}
	return s
}

// Select returns the snapshots that references name, each once, or without
// any those that the filter chooses; oldest first. A reference that names
// nothing is an error, and so is a folder in one, and a filter that no
// reference uses. A snapshot of which only the root is lost is taken: it is
// there, and nothing is in it.
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
// first. The list is oldest first too.
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

// Grouping says by what snapshots are grouped.
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

// Group is snapshots that have in common what they are grouped by. What they
// are not grouped by is empty.
type Group struct {
	Hostname    string
	Paths, Tags []string // sorted
	Snapshots   []catalog.Snapshot
}

// GroupSnapshots groups the list, keeping its order within groups. The groups
// are in order of host, paths and tags; newest > 0 keeps so many snapshots of
// each. The list's order is oldest first.
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

// groupKey is the same text for the same group. Names hold no NUL.
func groupKey(s *catalog.Snapshot, by Grouping) string {
	g := newGroup(s, by)
	return strings.Join([]string{g.Hostname, strings.Join(g.Paths, "\x00"), strings.Join(g.Tags, "\x00")}, "\x00\x00")
}

func sorted(list []string) []string {
	list = slices.Clone(list)
	slices.Sort(list)
	return list
}
