package pgpool

import (
	"sync/atomic"
	"time"
)

// Call is a kind of call to the database.
type Call int

// The calls whose times are counted. All but the last two have the wait for a connection
// in them, and the second try of a call that has one.
const (
	CallUpdate  Call = iota // a transaction that writes
	CallView                // a transaction that reads
	CallAtOnce              // a transaction in one trip
	CallSingle              // a statement that writes, without a transaction
	CallQuery               // a query without a transaction, up to its first row
	CallCatalog             // one request of a catalog's reader or writer
	calls
)

// String returns the name of the call in the metrics.
func (c Call) String() string {
	return [calls]string{"update", "view", "at_once", "single", "query", "catalog"}[c]
}

// timeBounds are the upper bounds of the histogram.
var timeBounds = [...]time.Duration{
	500 * time.Microsecond, time.Millisecond, 2500 * time.Microsecond, 5 * time.Millisecond, 10 * time.Millisecond, 25 * time.Millisecond,
	100 * time.Millisecond, 500 * time.Millisecond, time.Second, 5 * time.Second, 30 * time.Second,
}

// Times counts how long the calls of a process took, those that failed included. It is
// safe for concurrent use.
type Times struct {
	counts [calls][len(timeBounds) + 1]atomic.Uint64 // the last for what is above all bounds
	sums   [calls]atomic.Int64
}

// Took counts a call.
func (t *Times) Took(c Call, d time.Duration) {
	i := 0
	for i < len(timeBounds) && d > timeBounds[i] {
		i++
	}
	t.counts[c][i].Add(1)
	t.sums[c].Add(int64(d))
}

// CallTimes are the times of one kind of call.
type CallTimes struct {
	Call  string
	Count uint64
	Sum   time.Duration
	Up    map[float64]uint64 // how many took at most so many seconds
}

// All returns the times of all kinds of calls.
func (t *Times) All() []CallTimes {
	all := make([]CallTimes, calls)
	for c := range calls {
		one := CallTimes{Call: c.String(), Sum: time.Duration(t.sums[c].Load()), Up: make(map[float64]uint64, len(timeBounds))}
		for i := range t.counts[c] {
			one.Count += t.counts[c][i].Load()
			if i < len(timeBounds) {
				one.Up[timeBounds[i].Seconds()] = one.Count
			}
		}
		all[c] = one
	}
	return all
}

// since counts a call of the pool that began at a time.
func (p *Pool) since(c Call, begin time.Time) { p.times.Took(c, time.Since(begin)) }

// Times are those of the calls of this pool.
func (p *Pool) Times() *Times { return &p.times }
