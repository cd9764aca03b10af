package explore

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"syncline.dev/syncline"
)

// Series is the backups of one host and one set of paths, as restic groups
// snapshots.
type Series struct {
	Host  string
	Paths []string // sorted
	// Latest is the time that the newest snapshot claims.
	Latest time.Time
}

// Series returns the series of a repository, the newest first. Snapshots of
// which nothing can be shown do not count. Callers share the list and do not
// change it.
func (p *RestorePoints) Series(ctx context.Context, repository syncline.ID) ([]Series, error) {
	list, err := p.list(ctx, repository)
	if err != nil {
		return nil, err
	}
	return list.series(), nil
}

func seriesOf(points []syncline.RestorePoint) []Series {
	known := make(map[string]int) // places in all
	var all []Series
	for i := range points {
		s := &points[i].Snapshot
		if points[i].Lost {
			continue
		}
		paths := s.Paths
		if !slices.IsSorted(paths) {
			paths = slices.Sorted(slices.Values(paths))
		}
		key := s.Hostname + "\x00" + strings.Join(paths, "\x00")
		at, ok := known[key]
		if !ok {
			at = len(all)
			known[key] = at
			all = append(all, Series{Host: s.Hostname, Paths: paths, Latest: s.Time})
		}
		if s.Time.After(all[at].Latest) {
			all[at].Latest = s.Time
		}
	}
	slices.SortFunc(all, func(a, b Series) int {
		return cmp.Or(b.Latest.Compare(a.Latest), cmp.Compare(a.Host, b.Host), slices.Compare(a.Paths, b.Paths))
	})
	return all
}
