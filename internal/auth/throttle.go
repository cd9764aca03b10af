package auth

import (
	"errors"
	"fmt"
	"math"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/store"
)

// The counters of wrong guesses.
var (
	// userPace has a limit of seconds. Failures with a user's name delay that
	// user, and must not delay more.
	userPace = store.Counter{Kind: store.CountUser, Free: 3, First: time.Second, Limit: 4 * time.Second, Forget: 15 * time.Minute}
	// pairPace is for failures with one name from one address.
	pairPace = store.Counter{Kind: store.CountPair, Free: 3, First: time.Second, Limit: time.Minute, Forget: 30 * time.Minute}
	// trustedPace is pairPace for a name and an address that have signed in.
	trustedPace = store.Counter{Kind: store.CountTrusted, Free: 3, First: time.Second, Limit: 4 * time.Second, Forget: 15 * time.Minute}
	// addressPace counts the names that fail from one address. It is the
	// strictest, because no person has that many names.
	addressPace = store.Counter{Kind: store.CountAddress, Free: 10, First: time.Second, Limit: 5 * time.Minute, Forget: 30 * time.Minute}
	// refreshPace slows down clients with tokens that this server did not
	// issue. Clients with a token of this server never wait.
	refreshPace = store.Counter{Kind: store.CountRefresh, Free: 20, First: time.Second, Limit: 8 * time.Second, Forget: 5 * time.Minute}
)

const (
	busyDelay  = 2 * time.Second
	trustedFor = 30 * 24 * time.Hour
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

// attempt is the user and the address of a sign-in.
type attempt struct{ user, address string }

// key returns the pair as one text. No name and no address contains a line
// feed.
func (a attempt) key() string { return a.user + "\n" + a.address }

// guess returns what is counted of a sign-in. Wrong passwords are counted in three ways:
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
func (a attempt) guess() store.Attempt {
	return store.Attempt{
		Guess: of(pairPace, a.key()), Guesser: of(addressPace, a.address), Secret: of(userPace, a.user),
		Trusted: of(trustedPace, a.key()), TrustFor: trustedFor,
	}
}

func of(c store.Counter, key string) store.Counter {
	c.Key = key
	return c
}
