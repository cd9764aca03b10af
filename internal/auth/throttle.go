package auth

import (
	"errors"
	"fmt"
	"math"
	"sync"
	"time"

	"syncline.dev/syncline"
)

// pace is how failures slow further attempts down: the first few not at all,
// then each doubles the delay up to a limit. A record is forgotten when
// nothing failed for a while.
type pace struct {
	free   int
	first  time.Duration
	limit  time.Duration
	forget time.Duration // after the last failure; longer than limit
}

var (
	// userPace is limited to seconds: whoever keeps failing with a user's name
	// delays that user, and must not be able to do more.
	userPace = pace{free: 3, first: time.Second, limit: 4 * time.Second, forget: 15 * time.Minute}
	// addressPace is the stricter one: it hits who fails.
	addressPace = pace{free: 5, first: time.Second, limit: 5 * time.Minute, forget: 30 * time.Minute}
	// refreshPace only bounds the work: a token of 256 bits is not guessed, and
	// one forgotten client must not sign out all others behind its proxy.
	refreshPace = pace{free: 20, first: time.Second, limit: 8 * time.Second, forget: 5 * time.Minute}
)

const (
	busyDelay    = 2 * time.Second
	maxRecords   = 10_000 // per throttle
	trustedFor   = 30 * 24 * time.Hour
	evictSamples = 8
)

// ThrottledError is the cause of every CodeThrottled error of this package.
type ThrottledError struct {
	RetryAfter time.Duration // until the next attempt may succeed
}

// Error implements error.
func (e *ThrottledError) Error() string { return fmt.Sprintf("throttled for %v", e.RetryAfter) }

// RetryAfter returns how many whole seconds the caller should wait, rounded
// up, and whether err is a throttling at all.
func RetryAfter(err error) (seconds int, ok bool) {
	var e *ThrottledError
	if !errors.As(err, &e) {
		return 0, false
	}
	return wholeSeconds(e.RetryAfter), true
}

func wholeSeconds(d time.Duration) int { return max(1, int(math.Ceil(d.Seconds()))) }

// throttled makes the error for a wait, nil for none.
func throttled(wait time.Duration) error {
	if wait <= 0 {
		return nil
	}
	return syncline.WrapError(syncline.CodeThrottled, &ThrottledError{RetryAfter: wait},
		"too many failed attempts; try again in %d seconds", wholeSeconds(wait))
}

// record is the failures of one key.
type record struct {
	failures int
	last     time.Time
	until    time.Time // no attempt before
}

// throttle keeps a limited number of records.
type throttle struct {
	pace pace

	mu      sync.Mutex
	records map[string]record
}

func newThrottle(p pace) *throttle { return &throttle{pace: p, records: map[string]record{}} }

// wait returns how long key has to wait from now on, 0 for not at all.
func (t *throttle) wait(key string, now time.Time) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	return max(0, t.records[key].until.Sub(now))
}

// failed counts a failure of key.
func (t *throttle) failed(key string, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	r, known := t.records[key]
	if known && t.stale(r, now) {
		r = record{}
	}
	if !known && len(t.records) >= maxRecords {
		t.evict(now)
	}
	r.failures++
	r.last = now
	if over := r.failures - t.pace.free; over > 0 {
		r.until = now.Add(t.delay(over))
	}
	t.records[key] = r
}

func (t *throttle) delay(over int) time.Duration {
	d := t.pace.first
	for range over - 1 {
		if d *= 2; d >= t.pace.limit {
			return t.pace.limit
		}
	}
	return d
}

func (t *throttle) stale(r record, now time.Time) bool { return now.Sub(r.last) >= t.pace.forget }

// evict makes room: the stale records go, or else, of a few picked at random,
// the one that counts least. A flood of new keys so displaces its own records
// before those that many failures were counted on.
func (t *throttle) evict(now time.Time) {
	var least string
	var found record
	seen := 0
	for key, r := range t.records { // in random order
		if t.stale(r, now) {
			delete(t.records, key)
			continue
		}
		if seen < evictSamples && (seen == 0 || r.failures < found.failures || r.failures == found.failures && r.last.Before(found.last)) {
			least, found = key, r
		}
		seen++
	}
	if seen >= maxRecords {
		delete(t.records, least)
	}
}

func (t *throttle) reset(key string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.records, key)
}

// attempt is whose password is tried from where.
type attempt struct{ user, address string }

// guard slows guessed passwords down, by user and by address. An address from
// which a user signed in since the server started is not held up by what fails
// elsewhere with that user's name; from a new address the user waits seconds.
// So nobody can keep the administrator out from another address for good: one
// that tries is soon held up itself for far longer than it holds up the user.
type guard struct {
	users, addresses *throttle
	trusted          *trust
}

func newGuard() guard {
	return guard{users: newThrottle(userPace), addresses: newThrottle(addressPace), trusted: newTrust()}
}

func (g *guard) check(a attempt, now time.Time) error {
	wait := g.addresses.wait(a.address, now)
	if !g.trusted.has(a, now) {
		wait = max(wait, g.users.wait(a.user, now))
	}
	return throttled(wait)
}

func (g *guard) failed(a attempt, now time.Time) {
	g.users.failed(a.user, now)
	g.addresses.failed(a.address, now)
}

// succeeded forgets the user's failures. The address's stay, or else someone
// with an account of their own could go on guessing others'.
func (g *guard) succeeded(a attempt, now time.Time) {
	g.users.reset(a.user)
	g.trusted.add(a, now)
}

// trust is a limited number of pairs of user and address that signed in.
type trust struct {
	mu    sync.Mutex
	pairs map[attempt]time.Time // until
}

func newTrust() *trust { return &trust{pairs: map[attempt]time.Time{}} }

func (t *trust) has(a attempt, now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return now.Before(t.pairs[a])
}

func (t *trust) add(a attempt, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, known := t.pairs[a]; !known && len(t.pairs) >= maxRecords {
		var oldest attempt
		for pair, until := range t.pairs {
			if oldest == (attempt{}) || until.Before(t.pairs[oldest]) {
				oldest = pair
			}
		}
		delete(t.pairs, oldest)
	}
	t.pairs[a] = now.Add(trustedFor)
}
