package schedule

import (
	"hash/fnv"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/watch/cron"
)

// plan computes the turns of a repository. The zero plan has none.
type plan struct {
	cron     *cron.Expression
	interval time.Duration
	offset   time.Duration // of the grid of an interval
	id       syncline.ID
}

// newPlan returns the plan of a repository. fallback is the interval of one without a
// schedule of its own. A cron expression that cannot be read, as after a change of time
// zones, has no turns, and its error is returned.
func newPlan(r syncline.Repository, fallback time.Duration) (plan, error) {
	s, p := r.Schedule, plan{id: r.ID}
	if s.Disabled {
		return p, nil
	}
	if s.Cron != "" {
		var err error
		p.cron, err = cron.Parse(s.Cron, s.TimeZone)
		return p, err
	}
	if p.interval = s.Interval; p.interval == 0 {
		p.interval = fallback
	}
	if p.interval > 0 {
		p.offset = time.Duration(p.hash("") % uint64(p.interval))
	}
	return p, nil
}

// off reports whether the plan has no turns.
func (p *plan) off() bool { return p.cron == nil && p.interval <= 0 }

// next returns the first turn after a time, zero for none.
func (p *plan) next(after time.Time) time.Time {
	switch {
	case p.cron != nil:
		return p.cron.Next(after)
	case p.interval <= 0:
		return time.Time{}
	}
	since := after.Sub(epoch) - p.offset
	into := since % p.interval // the turn before
	if into < 0 {
		into += p.interval
	}
	return after.Add(p.interval - into).UTC()
}

// epoch is where grids begin. A duration reaches 292 years from there.
var epoch = time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)

// The pauses after checks and sessions that fail. Each is twice the one before.
const (
	firstPause, maxPause               = time.Minute, time.Hour
	firstSessionPause, maxSessionPause = time.Hour, 24 * time.Hour
)

// retry returns when a check is made again that failed at a time for the nth time in a
// row: with the next turn at the latest.
func (p *plan) retry(at time.Time, failures int) time.Time {
	if p.off() {
		return time.Time{}
	}
	pause := growing(firstPause, maxPause, failures)
	// A tenth more or less, so that repositories of one storage do not come together.
	spread := uint64(pause) / 5
	pause += time.Duration(p.hash(at.String())%(spread+1)) - time.Duration(spread/2)
	return earlier(at.Add(pause), p.next(at))
}

// growing returns the pause after the nth failure.
func growing(first, most time.Duration, failures int) time.Duration {
	pause := first
	for n := 1; n < failures && pause < most; n++ {
		pause *= 2
	}
	return min(pause, most)
}

// earlier returns the earlier one of two times, of which zero is none.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// hash is a number that depends on the repository and a text.
func (p *plan) hash(text string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(p.id))
	h.Write([]byte(text))
	return mixed(h.Sum64())
}

// mixed spreads a sum: FNV mixes its last bytes into the low bits only.
func mixed(x uint64) uint64 {
	x ^= x >> 33
	x *= 0xff51afd7ed558ccd
	x ^= x >> 33
	x *= 0xc4ceb9fe1a85ec53
	return x ^ x>>33
}

// first returns when a repository is checked that has come into the schedule, or whose
// schedule has changed: at once when it was never checked or has missed a turn.
func (t *turn) first(now time.Time) time.Time {
	if t.plan.off() {
		return time.Time{}
	}
	c := &t.check
	if c.At.IsZero() {
		return now
	}
	from := c.At
	if from.After(now) { // the clock was set back
		from = now
	}
	due := t.plan.next(from)
	if c.Failures > 0 {
		due = earlier(due, t.plan.retry(from, c.Failures))
	}
	if due.Before(now) {
		due = now
	}
	return due
}
