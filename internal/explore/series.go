package explore

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"syncline.dev/syncline"
)

// SeriesKey identifies the series of a snapshot within its repository.
type SeriesKey string

// SeriesOf returns the series of a snapshot: its host and its sorted paths.
func SeriesOf(s *syncline.Snapshot) (key SeriesKey, paths []string) {
	paths = s.Paths
	if !slices.IsSorted(paths) {
		paths = slices.Sorted(slices.Values(paths))
	}
	return SeriesKey(s.Hostname + "\x00" + strings.Join(paths, "\x00")), paths
}

// seriesSpace is the name space of the ids of series.
var seriesSpace = uuid.MustParse("1d5a0f0c-37c9-4b7e-8b7e-5a9e3c0f2b64")

// SeriesID returns the id of a series of a repository. It is a UUID made from both.
func SeriesID(repository syncline.ID, key SeriesKey) syncline.ID {
	return syncline.ID(uuid.NewSHA1(seriesSpace, []byte(string(repository)+"\x00"+string(key))).String())
}

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
	known := make(map[SeriesKey]int) // places in all
	var all []Series
	for i := range points {
		s := &points[i].Snapshot
		if points[i].Lost {
			continue
		}
		key, paths := SeriesOf(s)
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
