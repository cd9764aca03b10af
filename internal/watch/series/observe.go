package series

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/clip"
	"syncline.dev/syncline/internal/explore"
	"syncline.dev/syncline/internal/store"
)

const (
	// MaxSeries bounds the series of a repository that are watched. Beyond it they are
	// counted, and the first maxNames are named.
	MaxSeries = 10_000
	maxNames  = 10
	// maxPaths and maxPathBytes bound the paths that are kept of a series, and maxHost
	// the bytes of a host's name.
	maxPaths, maxPathBytes, maxHost = 64, 8 << 10, 512
	maxTags                         = 64

	// futureSlack is how far the clock of a backed-up machine may be ahead.
	futureSlack = 5 * time.Minute
	// lateSlack is how long a backup may take from the time that it claims, which is its
	// begin, until it appears.
	lateSlack = 24 * time.Hour
)

// Observe records what the catalog of a repository shows. looked is the time at which
// it was known to show all that the repository had; zero leaves that open.
func (s *Service) Observe(ctx context.Context, repository syncline.ID, looked time.Time) error {
	s.looking.Lock()
	defer s.looking.Unlock()
	l := observation{service: s, repository: repository, now: s.Now(), looked: looked}
	return l.run(ctx)
}

// observation is one look at a catalog.
type observation struct {
	service    *Service
	repository syncline.ID
	now        time.Time
	looked     time.Time

	look   syncline.Look
	known  map[syncline.Hash]seen
	watch  map[syncline.ID]syncline.Series
	groups map[explore.SeriesKey]*group
	fresh  []syncline.Sighting // of all series
	gone   []syncline.Hash

	records []store.SeriesRecord
	resumed []syncline.ID
}

// group is the snapshots of one series that the catalog shows.
type group struct {
	id    syncline.ID
	paths []string
	all   []*syncline.Snapshot
	fresh []*syncline.Snapshot // seen for the first time
}

func (o *observation) run(ctx context.Context) error {
	if err := o.read(ctx); err != nil {
		return err
	}
	rules, err := o.service.Store.AlarmRules(ctx)
	if err != nil {
		return err
	}
	unwatched, err := o.chosen(ctx)
	if err != nil {
		return err
	}
	for _, g := range unwatched {
		delete(o.groups, keyOf(g))
	}
	o.look.Unwatched, o.look.Names = len(unwatched), nil
	for _, g := range unwatched[:min(len(unwatched), maxNames)] {
		o.look.Names = append(o.look.Names, clip.Text(g.all[0].Hostname, maxHost))
	}
	for _, g := range o.groups {
		if err := o.add(ctx, g, rules); err != nil {
			return err
		}
	}
	if !o.looked.IsZero() {
		o.look.FailedAt = time.Time{}
		if o.looked.After(o.look.LookedAt) {
			o.look.LookedAt = o.looked
		}
	}
	slices.SortFunc(o.records, func(a, b store.SeriesRecord) int {
		return cmp.Or(strings.Compare(a.HostName, b.HostName), cmp.Compare(a.ID, b.ID))
	})
	return o.write(ctx)
}

// read gathers what is known and what the catalog shows.
func (o *observation) read(ctx context.Context) (err error) {
	s := o.service
	if o.look, err = s.look(ctx, o.repository); err != nil {
		return err
	}
	if o.known, err = s.sightings(ctx, o.repository); err != nil {
		return err
	}
	list, err := s.Store.Series(ctx, o.repository)
	if err != nil {
		return err
	}
	o.watch = make(map[syncline.ID]syncline.Series, len(list))
	for _, x := range list {
		o.watch[x.ID] = x
	}
	points, _, err := s.Points.List(ctx, []syncline.Repository{{ID: o.repository}})
	if err != nil {
		return err
	}
	o.groups = make(map[explore.SeriesKey]*group)
	there := make(map[syncline.Hash]bool, len(points))
	for i := range points {
		x := &points[i].Snapshot
		there[x.ID] = true
		if points[i].Lost {
			continue // nothing of it can be got back: it is no backup
		}
		key, paths := explore.SeriesOf(x)
		g := o.groups[key]
		if g == nil {
			g = &group{id: explore.SeriesID(o.repository, key), paths: paths}
			o.groups[key] = g
		}
		g.all = append(g.all, x)
		if _, ok := o.known[x.ID]; !ok {
			g.fresh = append(g.fresh, x)
			o.fresh = append(o.fresh, o.sighting(x))
		}
	}
	if !o.looked.IsZero() { // a catalog that is behind may lack snapshots that are there
		for id := range o.known {
			if !there[id] {
				o.gone = append(o.gone, id)
			}
		}
	}
	return nil
}

func keyOf(g *group) explore.SeriesKey {
	key, _ := explore.SeriesOf(g.all[0])
	return key
}

// chosen returns the series for which there is no room. Retired series without
// snapshots make room.
func (o *observation) chosen(ctx context.Context) (unwatched []*group, err error) {
	var added []*group
	shown := make(map[syncline.ID]bool, len(o.groups))
	for _, g := range o.groups {
		shown[g.id] = true
		if _, ok := o.watch[g.id]; !ok {
			added = append(added, g)
		}
	}
	room := MaxSeries - len(o.watch)
	if len(added) <= room {
		return nil, nil
	}
	var over []syncline.ID
	for id, x := range o.watch {
		if !x.RetiredAt.IsZero() && !shown[id] {
			over = append(over, id)
		}
	}
	slices.Sort(over)
	over = over[:min(len(over), len(added)-room)]
	if err := o.service.Store.DeleteSeries(ctx, over); err != nil {
		return nil, err
	}
	room += len(over)
	slices.SortFunc(added, func(a, b *group) int { return cmp.Compare(a.id, b.id) })
	return added[max(0, room):], nil
}

// sighting is the first sighting of a snapshot.
func (o *observation) sighting(x *syncline.Snapshot) syncline.Sighting {
	v := syncline.Sighting{Snapshot: x.ID, Claimed: storable(x.Time), Seen: o.now}
	switch {
	case v.Claimed.After(o.now.Add(futureSlack)):
		v.Mark = syncline.TimeFuture
	case !o.look.LookedAt.IsZero() && v.Claimed.Add(lateSlack).Before(o.look.LookedAt):
		v.Mark = syncline.TimeLateSeen
	}
	return v
}

// add brings the series of a group up to date, if there is anything new.
func (o *observation) add(ctx context.Context, g *group, rules []syncline.AlarmRule) error {
	x, watched := o.watch[g.id]
	if watched && len(g.fresh) == 0 {
		return nil
	}
	newest := slices.MaxFunc(g.all, (*syncline.Snapshot).Compare)
	r := store.SeriesRecord{Series: x}
	var counted []syncline.CountedSighting
	if watched {
		ring, err := o.service.Store.SeriesRing(ctx, g.id)
		if err != nil {
			return err
		}
		r.Ring, counted = ring, o.counted(g.fresh)
		newest = slices.MaxFunc(g.fresh, (*syncline.Snapshot).Compare)
	} else {
		r.Series = newSeries(o.repository, g, o.now)
		counted = o.standIns(g.all)
	}
	before := r.LastSeen
	r.Ring = merge(r.Ring, counted)
	r.Rhythm, r.Latest, r.Size, r.Tags = Rhythm(r.Ring), newest.ID, sizeOf(newest), clipAll(newest.Tags, maxTags)
	if len(counted) > 0 {
		last := r.Ring[len(r.Ring)-1]
		r.LastBackup, r.LastSeen, r.Future = last.Claimed, last.At, 0
	} else {
		r.Future += len(g.fresh)
	}
	if !watched {
		rule := ruleFor(rules, &r.Series)
		r.SilentAtFirst = isPast(due(&r.Series, rule), o.now)
	} else if r.LastSeen.After(before) {
		r.SilentAtFirst = false
		if !x.RetiredAt.IsZero() && r.LastSeen.After(x.RetiredAt) {
			o.resumed = append(o.resumed, g.id)
		}
	}
	o.records = append(o.records, r)
	return nil
}

func newSeries(repository syncline.ID, g *group, now time.Time) syncline.Series {
	x := syncline.Series{ID: g.id, RepositoryID: repository, HostName: clip.Text(g.all[0].Hostname, maxHost), AddedAt: now}
	room := maxPathBytes
	for _, p := range g.paths {
		if room -= len(p); room < 0 || len(x.Paths) == maxPaths {
			break
		}
		x.Paths = append(x.Paths, p)
	}
	x.MorePaths = len(g.paths) - len(x.Paths)
	return x
}

// standIns returns the past of a series that is new: the times that its snapshots claim
// stand in for those at which they were seen. Claims of the future do not count.
func (o *observation) standIns(all []*syncline.Snapshot) (counted []syncline.CountedSighting) {
	for _, x := range all {
		v := o.sighting(x)
		if v.Mark == syncline.TimeFuture {
			continue
		}
		at := v.Claimed
		if at.After(o.now) {
			at = o.now
		}
		if k, ok := o.known[x.ID]; ok {
			v.Seen, v.Mark = time.Unix(0, k.at).UTC(), k.mark
		}
		counted = append(counted, syncline.CountedSighting{Sighting: v, At: at})
	}
	return counted
}

// counted returns what new snapshots add to the past of a series. The newest one counts
// at the time at which it was seen. An older one has come since the last look, when
// nobody looked: it counts at the time that it claims, or not at all where that was
// before the last look.
func (o *observation) counted(fresh []*syncline.Snapshot) (counted []syncline.CountedSighting) {
	slices.SortFunc(fresh, (*syncline.Snapshot).Compare)
	newest := true
	for _, x := range slices.Backward(fresh) {
		v := o.sighting(x)
		if v.Mark == syncline.TimeFuture {
			continue
		}
		at := o.now
		if !newest {
			if at = v.Claimed; at.Before(o.look.LookedAt) {
				continue
			}
			if at.After(o.now) {
				at = o.now
			}
		}
		newest = false
		counted = append(counted, syncline.CountedSighting{Sighting: v, At: at})
	}
	return counted
}

// merge adds sightings to a ring, each snapshot once.
func merge(ring, counted []syncline.CountedSighting) []syncline.CountedSighting {
	have := make(map[syncline.Hash]bool, len(ring))
	for i := range ring {
		have[ring[i].Snapshot] = true
	}
	for _, c := range counted {
		if !have[c.Snapshot] {
			ring = append(ring, c)
		}
	}
	slices.SortStableFunc(ring, func(a, b syncline.CountedSighting) int { return a.At.Compare(b.At) })
	return ring[max(0, len(ring)-store.MaxRing):]
}

// write records the observation. The series come first: a snapshot whose sighting is not
// yet recorded counts again, and is in the ring already.
func (o *observation) write(ctx context.Context) error {
	s := o.service
	if err := s.Store.SaveSeries(ctx, o.repository, o.records); err != nil {
		return err
	}
	if err := s.Store.SetRetired(ctx, o.resumed, "", time.Time{}); err != nil {
		return err
	}
	if err := s.Store.AddSightings(ctx, o.repository, o.fresh); err != nil {
		return err
	}
	if err := s.Store.RemoveSightings(ctx, o.repository, o.gone); err != nil {
		return err
	}
	s.remember(o.repository, o.fresh, o.gone)
	if !o.looked.IsZero() {
		defer s.hear(o.repository)
	}
	return s.setLook(ctx, o.look)
}

// The times that the state database can keep.
var (
	earliest = time.Unix(0, 0).UTC()
	latest   = time.Date(2262, 1, 1, 0, 0, 0, 0, time.UTC)
)

func storable(t time.Time) time.Time {
	switch {
	case t.Before(earliest):
		return earliest
	case t.After(latest):
		return latest
	}
	return t.UTC()
}

// sizeOf returns the size in a snapshot's own summary, -1 where there is none.
func sizeOf(x *syncline.Snapshot) int64 {
	var summary struct {
		Bytes *int64 `json:"total_bytes_processed"`
	}
	if json.Unmarshal(x.Summary, &summary) != nil || summary.Bytes == nil || *summary.Bytes < 0 {
		return -1
	}
	return *summary.Bytes
}

func clipAll(list []string, most int) (clipped []string) {
	for _, text := range list[:min(len(list), most)] {
		clipped = append(clipped, clip.Text(text, maxHost))
	}
	return clipped
}
