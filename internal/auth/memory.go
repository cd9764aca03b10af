package auth

import (
	"context"
	"sync"
	"time"

	"syncline.dev/syncline/internal/store"
)

const (
	maxRecords   = 10_000 // of each kind
	evictSamples = 8
)

// memory keeps the counts of wrong guesses of one node that is alone.
type memory struct {
	now func() time.Time

	mu    sync.Mutex
	kinds map[store.CounterKind]records
	trust *trust
}

var _ store.Attempts = (*memory)(nil)

func newMemory(now func() time.Time) *memory {
	return &memory{now: now, kinds: map[store.CounterKind]records{}, trust: newTrust()}
}

// Attempt implements store.Attempts. It never fails.
func (m *memory) Attempt(_ context.Context, a store.Attempt, step store.AttemptStep) (store.AttemptResult, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now, who := m.now(), pair{a.Secret.Key, a.Guess.Key}
	if a.Trusted.Kind != "" && m.trust.has(who, now) {
		// Only the count of a trusted guesser counts.
		r := store.AttemptResult{Wait: m.wait(a.Trusted, now), Trusted: true}
		if r.Wait == 0 && step == store.AttemptWrong {
			m.failed(a.Trusted, now)
		}
		if r.Wait == 0 && step == store.AttemptRight {
			m.right(a, who, now)
		}
		return r, nil
	}
	r := store.AttemptResult{Wait: max(m.wait(a.Guess, now), m.wait(a.Guesser, now), m.wait(a.Secret, now))}
	switch {
	case r.Wait > 0:
	case step == store.AttemptWrong:
		first := m.failed(a.Guess, now) == 1
		m.failed(a.Secret, now)
		if first {
			m.failed(a.Guesser, now)
		}
	case step == store.AttemptRight:
		m.right(a, who, now)
	}
	return r, nil
}

// right drops the counts of the secret. The guesser's stays: otherwise a user with an
// account could continue to guess other names.
func (m *memory) right(a store.Attempt, who pair, now time.Time) {
	for _, c := range []store.Counter{a.Guess, a.Secret, a.Trusted} {
		delete(m.kinds[c.Kind], c.Key)
	}
	if a.Trusted.Kind != "" {
		m.trust.add(who, now.Add(a.TrustFor))
	}
}

func (m *memory) wait(c store.Counter, now time.Time) time.Duration {
	return max(0, m.kinds[c.Kind][c.Key].until.Sub(now))
}

// failed counts a wrong guess and returns the number of them.
func (m *memory) failed(c store.Counter, now time.Time) int {
	if c.Kind == "" {
		return 0
	}
	if m.kinds[c.Kind] == nil {
		m.kinds[c.Kind] = records{}
	}
	return m.kinds[c.Kind].failed(c, now)
}

// record is the wrong guesses of one key.
type record struct {
	failures int
	forget   time.Time // when it ends
	until    time.Time // earliest next attempt
}

// records are a limited number of records of one kind.
type records map[string]record

func (t records) failed(c store.Counter, now time.Time) int {
	r, known := t[c.Key]
	if known && r.stale(now) {
		r = record{}
	}
	if !known && len(t) >= maxRecords {
		t.evict(now)
	}
	r.failures++
	r.forget = now.Add(c.Forget)
	r.until = now.Add(c.Delay(r.failures))
	t[c.Key] = r
	return r.failures
}

func (r record) stale(now time.Time) bool { return !now.Before(r.forget) }

// evict makes room. It removes stale records, or else the one of a few random
// records with the fewest failures. So a flood of new keys displaces its own
// records first.
func (t records) evict(now time.Time) {
	var least string
	var found record
	seen := 0
	for key, r := range t { // in random order
		if r.stale(now) {
			delete(t, key)
			continue
		}
		if seen < evictSamples && (seen == 0 || r.failures < found.failures || r.failures == found.failures && r.forget.Before(found.forget)) {
			least, found = key, r
		}
		seen++
	}
	if seen >= maxRecords {
		delete(t, least)
	}
}

// pair is a secret and a guess of it: a user, and the user at an address.
type pair struct{ secret, guess string }

// trust is a limited number of pairs with a right guess.
type trust struct {
	pairs map[pair]time.Time // with the end of the trust
	count map[string]int     // pairs by secret
}

func newTrust() *trust { return &trust{pairs: map[pair]time.Time{}, count: map[string]int{}} }

func (t *trust) has(p pair, now time.Time) bool { return now.Before(t.pairs[p]) }

func (t *trust) add(p pair, until time.Time) {
	if _, known := t.pairs[p]; !known {
		switch {
		case t.count[p.secret] >= store.MaxTrusted: // otherwise one user could displace all others
			t.dropOldest(func(other pair) bool { return other.secret == p.secret })
		case len(t.pairs) >= maxRecords:
			t.dropOldest(func(pair) bool { return true })
		}
		t.count[p.secret]++
	}
	t.pairs[p] = until
}

func (t *trust) dropOldest(among func(pair) bool) {
	var oldest pair
	var found bool
	for p, until := range t.pairs {
		if among(p) && (!found || until.Before(t.pairs[oldest])) {
			oldest, found = p, true
		}
	}
	delete(t.pairs, oldest)
	if t.count[oldest.secret]--; t.count[oldest.secret] <= 0 {
		delete(t.count, oldest.secret)
	}
}
