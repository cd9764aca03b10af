package series

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/clip"
	"syncline.dev/syncline/internal/explore"
	"syncline.dev/syncline/internal/store"
	"syncline.dev/syncline/internal/watch/unusual"
)

const (
	// firstCompared is how many backups of a new series are compared, so that it has a
	// past. A longer absence is caught up with likewise.
	firstCompared = 16
	// compareTime bounds one comparison, of which up to ten seconds are pauses, and
	// examineTime all of them between two reports.
	compareTime = 40 * time.Second
	examineTime = time.Minute
	// An unusual backup is told of until usualAgain further ones were usual, and for
	// tellFor at least.
	usualAgain = 3
	tellFor    = 72 * time.Hour
)

// past is what is kept of a series' comparisons.
type past struct {
	Last     syncline.Hash     `json:"last"` // the snapshot that was compared last; zero after one that could not be
	At       time.Time         `json:"at"`   // the time that the last snapshot claims
	Files    uint64            `json:"files"`
	Bytes    uint64            `json:"bytes"`
	Kinds    []string          `json:"kinds"`
	Measures []unusual.Measure `json:"measures"`
}

// finding is an unusual backup that is told of.
type finding struct {
	Message  string            `json:"message"`
	Severity syncline.Severity `json:"severity"`
	Link     string            `json:"link"`
	At       time.Time         `json:"at"`    // when it was found
	Usual    int               `json:"usual"` // backups after it that were usual
}

// examine compares the new backups of all series with those before them.
func (s *Service) examine(ctx context.Context, now time.Time) error {
	if s.Comparer == nil {
		return nil
	}
	limited, cancel := context.WithTimeout(ctx, examineTime)
	defer cancel()
	repositories, err := s.Repositories.Repositories(ctx)
	if err != nil {
		return err
	}
	due, err := s.due(ctx)
	if err != nil {
		return err
	}
	for i := range repositories {
		if repositories[i].OutOfSync || !due[repositories[i].ID] {
			continue
		}
		err := s.examineRepository(limited, &repositories[i], now)
		if ctx.Err() != nil || limited.Err() != nil || errors.Is(err, errSessionWaits) {
			return ctx.Err() // the next turn goes on
		}
		if err != nil {
			s.Logger.Warn("cannot compare the backups of a repository", "repository", repositories[i].ID, "error", err)
		}
	}
	return nil
}

// due returns the repositories with a series that has a backup to compare. Two questions
// about all of them take the place of two about each, every minute.
func (s *Service) due(ctx context.Context) (map[syncline.ID]bool, error) {
	list, err := s.Store.Series(ctx, "")
	if err != nil {
		return nil, err
	}
	done, err := s.Store.Examinations(ctx, "")
	if err != nil {
		return nil, err
	}
	last := lastOf(done)
	due := make(map[syncline.ID]bool)
	for i := range list {
		if isDue(&list[i], last) {
			due[list[i].RepositoryID] = true
		}
	}
	return due, nil
}

// lastOf returns the snapshot of each series that was compared last.
func lastOf(done []store.Examination) map[syncline.ID]syncline.Hash {
	last := make(map[syncline.ID]syncline.Hash, len(done))
	for i := range done {
		last[done[i].SeriesID] = done[i].Snapshot
	}
	return last
}

// isDue reports whether a series has a backup to compare.
func isDue(x *syncline.Series, last map[syncline.ID]syncline.Hash) bool {
	return last[x.ID] != x.Latest && x.RetiredAt.IsZero()
}

// errSessionWaits ends the comparisons of a turn, because what a session has brought is
// looked at before the next comparison.
var errSessionWaits = errors.New("a session has ended")

// sessionWaits reports whether a session has ended after this turn has begun.
func (s *Service) sessionWaits() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ended
}

func (s *Service) examineRepository(ctx context.Context, r *syncline.Repository, now time.Time) error {
	list, err := s.Store.Series(ctx, r.ID)
	if err != nil {
		return err
	}
	done, err := s.Store.Examinations(ctx, r.ID)
	if err != nil {
		return err
	}
	last := lastOf(done)
	list = slices.DeleteFunc(list, func(x syncline.Series) bool { return !isDue(&x, last) })
	if len(list) == 0 {
		return nil
	}
	points, _, err := s.Points.List(ctx, []syncline.Repository{*r})
	if err != nil {
		return err
	}
	groups := make(map[syncline.ID][]syncline.RestorePoint)
	for i := range points {
		if !points[i].Lost {
			key, _ := explore.SeriesOf(&points[i].Snapshot)
			id := explore.SeriesID(r.ID, key)
			groups[id] = append(groups[id], points[i])
		}
	}
	for i := range list {
		if err := s.examineSeries(ctx, r, &list[i], groups[list[i].ID], now); err != nil {
			return err
		}
		if s.sessionWaits() {
			return errSessionWaits
		}
	}
	return nil
}

// examineSeries compares the backups of a series that have come since the last
// comparison, the oldest first.
func (s *Service) examineSeries(ctx context.Context, r *syncline.Repository, x *syncline.Series, points []syncline.RestorePoint, now time.Time) error {
	e, err := s.Store.Examination(ctx, x.ID)
	if err != nil {
		return err
	}
	first := e.Snapshot.IsZero() // the backups at attaching only make a past
	f := findingOf(e.Unusual)
	var p past
	if e.Past != "" && json.Unmarshal([]byte(e.Past), &p) != nil {
		p = past{} // it begins anew
	}
	points, next := pending(points, &p, now)
	for i := next; i < len(points); i++ {
		if i > next && s.sessionWaits() { // the next turn goes on here
			return cmp.Or(s.saveExamination(ctx, e, e.Snapshot, &p, f), errSessionWaits)
		}
		found, measure, err := s.compare(ctx, &p, points, i)
		if ctx.Err() != nil && err != nil { // the next turn goes on here
			return errors.Join(err, s.saveExamination(context.WithoutCancel(ctx), e, e.Snapshot, &p, f))
		}
		p.At, e.Skipped = points[i].Snapshot.Time, err != nil
		if err != nil { // too much, or not readable: the next one is compared with a new beginning
			p.Last = syncline.Hash{}
			s.Logger.Debug("a backup is not compared with the one before it", "series", x.ID, "error", err)
			continue
		}
		if findings := unusual.Judge(p.Measures[:max(0, len(p.Measures)-1)], measure); len(findings) > 0 && !first {
			f = newFinding(r, x, points[i-1:i+1], found, findings, now)
		} else if f != nil && len(findings) == 0 {
			f.Usual++
		}
	}
	if f != nil && f.Usual >= usualAgain && now.Sub(f.At) >= tellFor {
		f = nil
	}
	return s.saveExamination(ctx, e, x.Latest, &p, f)
}

// pending returns the restore points of a series in the order of their time, and the
// first one that is to be compared. Those that claim the future are left out.
func pending(points []syncline.RestorePoint, p *past, now time.Time) (sorted []syncline.RestorePoint, next int) {
	sorted = slices.DeleteFunc(points, func(q syncline.RestorePoint) bool { return q.Snapshot.Time.After(now.Add(futureSlack)) })
	slices.SortFunc(sorted, func(a, b syncline.RestorePoint) int { return a.Snapshot.Compare(&b.Snapshot) })
	for next < len(sorted) && !sorted[next].Snapshot.Time.After(p.At) {
		next++
	}
	return sorted, max(next, len(sorted)-firstCompared)
}

func (s *Service) saveExamination(ctx context.Context, e store.Examination, latest syncline.Hash, p *past, f *finding) error {
	raw, err := json.Marshal(p)
	if err != nil {
		return err
	}
	e.Snapshot, e.Past, e.Unusual = latest, string(raw), ""
	if f != nil {
		if raw, err = json.Marshal(f); err != nil {
			return err
		}
		e.Unusual = string(raw)
	}
	return s.Store.SaveExamination(ctx, e)
}

// compare compares a snapshot with the one before it and adds the outcome to the past.
func (s *Service) compare(ctx context.Context, p *past, points []syncline.RestorePoint, i int) (*comparison, unusual.Measure, error) {
	ctx, cancel := context.WithTimeout(ctx, compareTime)
	defer cancel()
	roots := points[i].Snapshot.Paths
	roots = roots[:min(len(roots), maxPaths)]
	var before *syncline.RestorePoint
	if i > 0 {
		before = &points[i-1]
	}
	if before != nil && before.Snapshot.ID != p.Last { // the one that was compared is gone, or there was none
		base := newComparison(roots, nil, 0, 0)
		if err := s.Comparer.EachDifference(ctx, nil, *before, maxCompared, base.visit); err != nil {
			return nil, unusual.Measure{}, err
		}
		p.add(base)
	}
	known := make(map[string]bool, len(p.Kinds))
	for _, k := range p.Kinds {
		known[k] = true
	}
	c := newComparison(roots, known, p.Files, p.Bytes)
	if before == nil {
		c = newComparison(roots, nil, 0, 0)
	}
	if err := s.Comparer.EachDifference(ctx, before, points[i], maxCompared, c.visit); err != nil {
		return nil, unusual.Measure{}, err
	}
	c.done()
	p.add(c)
	p.Last = points[i].Snapshot.ID
	if before == nil { // there is nothing that it could differ from
		return c, unusual.Measure{}, nil
	}
	// It is judged by the measures without itself.
	c.Flagged = len(unusual.Judge(p.Measures, c.Measure)) > 0
	p.Measures = append(p.Measures, c.Measure)
	p.Measures = p.Measures[max(0, len(p.Measures)-unusual.MaxPast-1):]
	return c, c.Measure, nil
}

// add takes over the totals and the endings of a comparison.
func (p *past) add(c *comparison) {
	p.Files, p.Bytes = c.Files, c.Bytes
	kinds := make(map[string]bool, len(p.Kinds)+len(c.seen))
	for _, k := range p.Kinds {
		kinds[k] = true
	}
	for k := range c.seen {
		if len(kinds) < maxKinds {
			kinds[k] = true
		}
	}
	p.Kinds = slices.Sorted(maps.Keys(kinds))
}

// comparePath is the path of the console's page that compares two restore points.
func comparePath(before, after syncline.ID) string {
	return "/points/" + string(before) + "/compare?with=" + string(after)
}

func inWords(list []string) string {
	for i := range list {
		list[i] = printable(clip.Text(list[i], 60))
	}
	return strings.Join(list, ", ")
}
