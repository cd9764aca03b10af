package postgres

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"

	"syncline.dev/syncline/internal/pgpool"
	"syncline.dev/syncline/internal/store"
)

// Bounds of the tables. They are cut back with every tidyEvery-th count of a node, so
// that each node adds a few rows to them.
const (
	maxCounts = 30_000
	maxTrust  = 10_000
	tidyEvery = 64
	maxHints  = 10_000
)

// attemptTime bounds a step of an attempt.
const attemptTime = 5 * time.Second

// attemptLock is the second number of the lock behind which steps count one after the
// other. The first numbers are those of relational.Area.
const attemptLock = 1001

// Attempts counts the wrong guesses of secrets of all nodes: it implements
// store.Attempts. A step is one transaction in one trip. The tables have digests in the
// place of names and addresses.
type Attempts struct {
	pool   *pgpool.Pool
	digest func(text string) [32]byte
	counts atomic.Int64 // steps that may have added rows

	mu    sync.Mutex
	hints map[[32]byte]time.Time // counters that delay attempts until then, as far as this node knows
	known map[[32]byte]bool      // trusted guessers, likewise
}

var _ store.Attempts = (*Attempts)(nil)

// NewAttempts returns the counts in the database of s. digest has a key that a thief of
// the database lacks.
func NewAttempts(s *Store, digest func(text string) [32]byte) *Attempts {
	return &Attempts{pool: s.pool, digest: digest, hints: map[[32]byte]time.Time{}, known: map[[32]byte]bool{}}
}

// guess is an attempt as the statement takes it. The lists have one element for each
// counter: of the guess, the guesser, the secret and the trusted guesser.
type guess struct {
	keys                       [][32]byte
	roles                      []int64
	free, first, limit, forget []int64
	guesser, secret            [32]byte // of trust
	trustFor                   int64
}

const (
	roleGuess = iota
	roleGuesser
	roleSecret
	roleTrusted
)

func (s *Attempts) guess(a store.Attempt) (g guess) {
	for role, c := range []store.Counter{a.Guess, a.Guesser, a.Secret, a.Trusted} {
		if c.Kind == "" {
			continue
		}
		g.keys, g.roles = append(g.keys, s.digest(string(c.Kind)+"\n"+c.Key)), append(g.roles, int64(role))
		g.free, g.first = append(g.free, int64(c.Free)), append(g.first, int64(c.First))
		g.limit, g.forget = append(g.limit, int64(c.Limit)), append(g.forget, int64(c.Forget))
	}
	if a.Trusted.Kind != "" {
		g.guesser, g.secret, g.trustFor = s.digest("guesser\n"+a.Guess.Key), s.digest("secret\n"+a.Secret.Key), int64(a.TrustFor)
	}
	return g
}

// Attempt implements store.Attempts.
func (s *Attempts) Attempt(ctx context.Context, a store.Attempt, step store.AttemptStep) (store.AttemptResult, error) {
	g := s.guess(a)
	if step == store.AttemptAsked {
		if trusted, delayed := s.knows(g); !delayed {
			return store.AttemptResult{Trusted: trusted}, nil
		}
	}
	var r store.AttemptResult
	var waits []int64
	b := pgpool.Begin{Doing: "count an attempt", Repeatable: true, Limit: attemptTime}
	statements := []pgpool.Statement{{Text: attemptStatement, Args: g.args(step)}}
	if step == store.AttemptWrong || step == store.AttemptRight {
		b.Locks = []pgpool.Lock{{Part: pgpool.PartStore, Number: attemptLock}}
		statements = append(statements, s.tidy(g, step)...)
	}
	err := s.pool.AtOnce(ctx, b, func(row pgx.Row) error { return row.Scan(&r.Trusted, &waits) }, statements...)
	if err != nil {
		return store.AttemptResult{}, err
	}
	for _, w := range waits {
		r.Wait = max(r.Wait, time.Duration(w))
	}
	s.learn(g, r.Trusted || step == store.AttemptRight && r.Wait == 0 && g.trustFor > 0, waits)
	return r, nil
}

// knows returns what this node knows of an attempt: whether the guesser is trusted, and
// whether a counter delayed others a moment ago.
func (s *Attempts) knows(g guess) (trusted, delayed bool) {
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, key := range g.keys {
		if until, ok := s.hints[key]; ok && now.Before(until) {
			delayed = true
		}
	}
	return s.known[g.guesser], delayed
}

// learn keeps what an answer says.
func (s *Attempts) learn(g guess, trusted bool, waits []int64) {
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, w := range waits {
		if w <= 0 {
			continue
		}
		if len(s.hints) >= maxHints {
			clear(s.hints)
		}
		s.hints[g.keys[i]] = now.Add(time.Duration(w))
	}
	if g.trustFor == 0 || trusted == s.known[g.guesser] {
		return
	}
	if len(s.known) >= maxHints {
		clear(s.known)
	}
	if s.known[g.guesser] = trusted; !trusted {
		delete(s.known, g.guesser)
	}
}

func (g *guess) args(step store.AttemptStep) []any {
	keys := make([][]byte, len(g.keys))
	ended := [][]byte{}
	for i := range g.keys {
		keys[i] = g.keys[i][:]
		if g.roles[i] != roleGuesser {
			ended = append(ended, keys[i])
		}
	}
	return []any{
		int64(step), g.guesser[:], g.secret[:], g.trustFor,
		g.roles, keys, g.free, g.first, g.limit, g.forget, ended,
	}
}

// attemptStatement answers a step and counts it. The counters that count are those of a
// trusted guesser, or else all others. A count whose time has ended is none.
const attemptStatement = `WITH
clock AS (SELECT ` + nowNanos + ` AS now),
trust AS (SELECT $4::bigint > 0 AND EXISTS (
	SELECT 1 FROM syncline.attempt_trust t WHERE t.guesser = $2::bytea AND t.ends_at > clock.now) AS trusted FROM clock),
counters AS (SELECT c.*, COALESCE(f.failures, 0) AS failures, COALESCE(f.until, 0) AS until
	FROM unnest($5::bigint[], $6::bytea[], $7::bigint[], $8::bigint[], $9::bigint[], $10::bigint[])
		WITH ORDINALITY AS c (role, key, free, first, most, forget, place)
	CROSS JOIN clock CROSS JOIN trust
	LEFT JOIN syncline.attempt_counts f ON f.key = c.key AND f.ends_at > clock.now
	WHERE (c.role = 3) = trust.trusted),
waits AS (SELECT c.place, c.until - clock.now AS wait FROM counters c CROSS JOIN clock WHERE c.until > clock.now),
goes AS (SELECT NOT EXISTS (SELECT 1 FROM waits) AS on_),
wrong AS (INSERT INTO syncline.attempt_counts (key, failures, until, ends_at)
	SELECT c.key, c.failures + 1, clock.now + CASE WHEN c.failures < c.free THEN 0
		ELSE least(c.most, c.first * (1::bigint << least(c.failures - c.free, 30)::int)) END, clock.now + c.forget
	FROM counters c CROSS JOIN clock CROSS JOIN goes
	WHERE $1::bigint = 2 AND goes.on_ AND (c.role <> 1 OR EXISTS (SELECT 1 FROM counters g WHERE g.role = 0 AND g.failures = 0))
	ON CONFLICT (key) DO UPDATE SET failures = excluded.failures, until = excluded.until, ends_at = excluded.ends_at),
ended AS (DELETE FROM syncline.attempt_counts f USING goes WHERE $1::bigint = 3 AND goes.on_ AND f.key = ANY ($11::bytea[])),
trusts AS (INSERT INTO syncline.attempt_trust (guesser, secret, ends_at)
	SELECT $2::bytea, $3::bytea, clock.now + $4::bigint FROM clock CROSS JOIN goes WHERE $1::bigint = 3 AND goes.on_ AND $4::bigint > 0
	ON CONFLICT (guesser) DO UPDATE SET ends_at = excluded.ends_at)
SELECT trust.trusted, (SELECT array_agg(COALESCE(w.wait, 0) ORDER BY n.place)
	FROM generate_series(1, cardinality($5::bigint[])) AS n (place) LEFT JOIN waits w USING (place))
FROM trust`

// tidy bounds the rows, which grow by a few with every count.
func (s *Attempts) tidy(g guess, step store.AttemptStep) (statements []pgpool.Statement) {
	if step == store.AttemptRight && g.trustFor > 0 {
		statements = append(statements, pgpool.Statement{Text: `DELETE FROM syncline.attempt_trust WHERE guesser IN (
			SELECT guesser FROM syncline.attempt_trust WHERE secret = $1 ORDER BY ends_at DESC, guesser OFFSET $2)`, Args: []any{g.secret[:], int64(store.MaxTrusted)}})
	}
	if s.counts.Add(1)%tidyEvery != 1 {
		return statements
	}
	return append(
		statements,
		pgpool.Statement{Text: `DELETE FROM syncline.attempt_counts WHERE ends_at <= ` + nowNanos},
		// A flood of new keys displaces itself: those with the fewest wrong guesses go.
		pgpool.Statement{Text: `DELETE FROM syncline.attempt_counts WHERE key IN (
			SELECT key FROM syncline.attempt_counts ORDER BY failures DESC, ends_at DESC OFFSET $1)`, Args: []any{int64(maxCounts)}},
		pgpool.Statement{Text: `DELETE FROM syncline.attempt_trust WHERE ends_at <= ` + nowNanos},
		pgpool.Statement{Text: `DELETE FROM syncline.attempt_trust WHERE guesser IN (
			SELECT guesser FROM syncline.attempt_trust ORDER BY ends_at DESC OFFSET $1)`, Args: []any{int64(maxTrust)}},
	)
}
