package api

import (
	"context"
	"slices"
	"time"

	"syncline.dev/syncline"
)

// question is what a request asks of a list beyond v6's parameters. The zero question
// asks nothing. Each part of it is a parameter in the document of a version.
type question struct {
	from      time.Time           // a part of the span; zero for no bound
	until     *time.Time          // likewise; nil for no bound
	ascending *bool               // the order of the list; nil for its own
	job       syncline.ID         // "" for all
	status    string              // of job sessions, in Syncline's words; "" for all
	levels    []syncline.LogLevel // of log items; none for all
	paged     bool                // only a page is asked for
	limit     int
	offset    int

	total int // how many match; the handler of a list that is paged sets it
}

// asked returns the question of a request. It may be written to.
func asked(ctx context.Context) *question { return &infoFrom(ctx).asked }

// spans reports whether a time is within the span that is asked for.
func (q *question) spans(t time.Time) bool {
	return !t.Before(q.from) && (q.until == nil || !t.After(*q.until))
}

// page returns the restore points of the page that is asked for, newest first where the
// question does not say otherwise. It copies only these.
func (q *question) page(points []syncline.RestorePoint) []syncline.RestorePoint {
	order := slices.DeleteFunc(newestFirst(points), func(p *syncline.RestorePoint) bool { return !q.spans(p.Snapshot.Time) })
	if deref(q.ascending) {
		slices.Reverse(order)
	}
	q.total = len(order)
	return convert(cut(order, q.limit, q.offset), func(p *syncline.RestorePoint) syncline.RestorePoint { return *p })
}

// jobSessions returns the restore points whose job sessions are asked for.
func (q *question) jobSessions(points []syncline.RestorePoint) []syncline.RestorePoint {
	if q.job != "" {
		points = ofSeries(points, q.job)
	}
	if q.until == nil && q.status == "" {
		return points
	}
	return slices.DeleteFunc(points, func(p syncline.RestorePoint) bool {
		return q.until != nil && endsAfter(&p.Snapshot, *q.until) || q.status != "" && q.status != jobStatus(&p)
	})
}

// logItems returns the items of a log that are asked for.
func (q *question) logItems(all []syncline.LogItem) []syncline.LogItem {
	if len(q.levels) > 0 {
		all = slices.DeleteFunc(all, func(i syncline.LogItem) bool { return !slices.Contains(q.levels, i.Level) })
	}
	if q.ascending != nil && !*q.ascending {
		slices.Reverse(all)
	}
	return all
}
