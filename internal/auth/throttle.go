package auth

import (
	"errors"
	"fmt"
	"math"
	"sync"
	"time"

	"syncline.dev/syncline"
)

// pace says how failures delay further attempts. The first ones are free. Then
// each failure doubles the delay, up to a limit. A record is dropped after some
// time without a failure.
type pace struct {
	free   int
	first  time.Duration
	limit  time.Duration
	forget time.Duration // after the last failure; longer than limit
}

var (
	// userPace has a limit of seconds. Failures with a user's name delay that
	// user, and must not delay more.
	userPace = pace{free: 3, first: time.Second, limit: 4 * time.Second, forget: 15 * time.Minute}
	// pairPace is for failures with one name from one address.
	pairPace = pace{free: 3, first: time.Second, limit: time.Minute, forget: 30 * time.Minute}
	// addressPace counts the names that fail from one address. It is the
	// strictest, because no person has that many names.
	addressPace = pace{free: 10, first: time.Second, limit: 5 * time.Minute, forget: 30 * time.Minute}
	// refreshPace slows down clients with tokens that this server did not
	// issue. Clients with a token of this server never wait.
	refreshPace = pace{free: 20, first: time.Second, limit: 8 * time.Second, forget: 5 * time.Minute}
)

const (
	busyDelay    = 2 * time.Second
	maxRecords   = 10_000 // per throttle
	trustedFor   = 30 * 24 * time.Hour
	maxTrusted   = 256 // addresses of one user
	evictSamples = 8
)

// ThrottledError is the cause of every CodeThrottled error of this package.
type ThrottledError struct {
	RetryAfter time.Duration // until the next attempt may succeed
}

// Error implements error.
func (e *ThrottledError) Error() string { return fmt.Sprintf("throttled for %v", e.RetryAfter) }

// RetryAfter returns the whole seconds that the caller should wait, rounded up.
// ok is false for errors that are no throttling.
func RetryAfter(err error) (seconds int, ok bool) {
	var e *ThrottledError
	if !errors.As(err, &e) {
		return 0, false
	}
	return wholeSeconds(e.RetryAfter), true
}

func wholeSeconds(d time.Duration) int { return max(1, int(math.Ceil(d.Seconds()))) }

// throttled returns the error of a wait, or nil for none.
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
	until    time.Time // earliest next attempt
}

// throttle keeps a limited number of records.
type throttle struct {
	pace pace

	mu      sync.Mutex
	records map[string]record
}

func newThrottle(p pace) *throttle { return &throttle{pace: p, records: map[string]record{}} }

// wait returns how long key has to wait, or 0.
func (t *throttle) wait(key string, now time.Time) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	return max(0, t.records[key].until.Sub(now))
}

// failed counts a failure of key and returns the number of its failures.
func (t *throttle) failed(key string, now time.Time) int {
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
	return r.failures
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

// evict makes room. It removes stale records, or else the one of a few random
// records with the fewest failures. So a flood of new keys displaces its own
// records first.
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

// attempt is the user and the address of a sign-in.
type attempt struct{ user, address string }

// key returns the pair as one text. No name and no address contains a line
// feed.
func (a attempt) key() string { return a.user + "\n" + a.address }

// guard slows guessed passwords down. It counts failures in three ways:
//
//   - a name from an address, for the user's own mistakes and for guesses of one name
//   - names from an address, for guesses of many names
//   - a name from everywhere, for guesses from many addresses
//
// For a user at an address of an earlier sign-in only the first one counts, and
// for seconds at most. So failures of others behind the same reverse proxy, and
// failures elsewhere, do not delay this user. At a new address a user waits
// seconds for failures elsewhere. So nobody can keep the administrator out, and
// a guesser soon waits for minutes.
type guard struct {
	pairs, addresses, users *throttle
	known                   *throttle // failures of pairs that have signed in
	trusted                 *trust
}

func newGuard() guard {
	return guard{
		pairs: newThrottle(pairPace), addresses: newThrottle(addressPace), users: newThrottle(userPace),
		known: newThrottle(userPace), trusted: newTrust(),
	}
}

func (g *guard) check(a attempt, now time.Time) error {
	if g.trusted.has(a, now) {
		return throttled(g.known.wait(a.key(), now))
	}
	return throttled(max(g.pairs.wait(a.key(), now), g.addresses.wait(a.address, now), g.users.wait(a.user, now)))
}

func (g *guard) failed(a attempt, now time.Time) {
	if g.trusted.has(a, now) {
		g.known.failed(a.key(), now)
		return
	}
	first := g.pairs.failed(a.key(), now) == 1
	g.users.failed(a.user, now)
	if first {
		g.addresses.failed(a.address, now)
	}
}

// succeeded drops the user's failures. Those of the address stay. Otherwise a
// user with an account could continue to guess other names.
func (g *guard) succeeded(a attempt, now time.Time) {
	g.pairs.reset(a.key())
	g.known.reset(a.key())
	g.users.reset(a.user)
	g.trusted.add(a, now)
}

// trust is a limited number of pairs of user and address with a sign-in.
type trust struct {
	mu    sync.Mutex
	pairs map[attempt]time.Time // with the end of the trust
	count map[string]int        // pairs by user
}

func newTrust() *trust {
	return &trust{pairs: map[attempt]time.Time{}, count: map[string]int{}}
}

func (t *trust) has(a attempt, now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return now.Before(t.pairs[a])
}

func (t *trust) add(a attempt, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, known := t.pairs[a]; !known {
		switch {
		case t.count[a.user] >= maxTrusted: // otherwise one user could displace all others
			t.dropOldest(func(pair attempt) bool { return pair.user == a.user })
		case len(t.pairs) >= maxRecords:
			t.dropOldest(func(attempt) bool { return true })
		}
		t.count[a.user]++
	}
	t.pairs[a] = now.Add(trustedFor)
}

func (t *trust) dropOldest(among func(attempt) bool) {
	var oldest attempt
	var found bool
	for pair, until := range t.pairs {
		if among(pair) && (!found || until.Before(t.pairs[oldest])) {
			oldest, found = pair, true
		}
	}
	delete(t.pairs, oldest)
	if t.count[oldest.user]--; t.count[oldest.user] <= 0 {
		delete(t.count, oldest.user)
	}
}
