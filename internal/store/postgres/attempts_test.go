package postgres

import (
	"context"
	"crypto/sha256"
	"fmt"
	"testing"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/pgtest"
	"syncline.dev/syncline/internal/store"
	"syncline.dev/syncline/internal/store/storetest"
)

func digest(text string) [32]byte { return sha256.Sum256([]byte("key" + text)) }

// openNodes returns stores of several nodes over one fresh database.
func openNodes(t *testing.T, n int) (stores []*Store) {
	t.Helper()
	url := pgtest.New(t)
	for range n {
		s, err := Open(t.Context(), url)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
		stores = append(stores, s)
	}
	return stores
}

func countRows(t *testing.T, s *Store, query string, args ...any) (n int) {
	t.Helper()
	if err := s.pool.Conns().QueryRow(t.Context(), query, args...).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestAttempts(t *testing.T) {
	storetest.RunAttempts(t, func(t *testing.T, n int) ([]store.Attempts, func(time.Duration)) {
		var nodes []store.Attempts
		stores := openNodes(t, n)
		for _, s := range stores {
			nodes = append(nodes, NewAttempts(s, digest))
		}
		return nodes, func(d time.Duration) {
			for _, q := range []string{
				`UPDATE syncline.attempt_counts SET until = until - $1, ends_at = ends_at - $1`,
				`UPDATE syncline.attempt_trust SET ends_at = ends_at - $1`,
			} {
				if _, err := stores[0].pool.Conns().Exec(context.Background(), q, int64(d)); err != nil {
					t.Error(err)
				}
			}
		}
	})
}

func attempt(i int) store.Attempt {
	count := func(kind store.CounterKind) store.Counter {
		return store.Counter{Kind: kind, Key: fmt.Sprint(i), Free: 3, First: time.Hour, Limit: time.Hour, Forget: 2 * time.Hour}
	}
	return store.Attempt{
		Guess: count(store.CountPair), Guesser: count(store.CountAddress), Secret: count(store.CountUser),
		Trusted: count(store.CountTrusted), TrustFor: time.Hour,
	}
}

// The tables have a bounded number of rows. The counts with the fewest wrong guesses go
// first, and what has ended goes as well.
func TestAttemptsAreBounded(t *testing.T) {
	s := openNodes(t, 1)[0]
	a := NewAttempts(s, digest)
	try := func(i int, step store.AttemptStep) store.AttemptResult {
		t.Helper()
		r, err := a.Attempt(t.Context(), attempt(i), step)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	for range 4 {
		try(1, store.AttemptWrong)
	}
	for _, q := range []string{
		`INSERT INTO syncline.attempt_counts SELECT sha256(i::text::bytea), 1, 0, ` + nowNanos + ` + 1000000000000 FROM generate_series(1, 35000) AS i`,
		`INSERT INTO syncline.attempt_trust SELECT sha256(i::text::bytea), sha256(i::text::bytea), ` + nowNanos + ` + 1000000000000 FROM generate_series(1, 12000) AS i`,
		`INSERT INTO syncline.attempt_counts VALUES ('ended', 9, 0, 0)`, `INSERT INTO syncline.attempt_trust VALUES ('ended', 'ended', 0)`,
	} {
		if _, err := s.pool.Conns().Exec(t.Context(), q); err != nil {
			t.Fatal(err)
		}
	}
	for i := range tidyEvery {
		try(100+i, store.AttemptWrong)
	}
	if n := countRows(t, s, `SELECT count(*) FROM syncline.attempt_counts`); n < maxCounts || n > maxCounts+3*tidyEvery {
		t.Errorf("%d counts are left", n)
	}
	if n := countRows(t, s, `SELECT count(*) FROM syncline.attempt_trust`); n != maxTrust {
		t.Errorf("%d trusted guessers are left", n)
	}
	if r := try(1, store.AttemptLooked); r.Wait == 0 {
		t.Error("a flood displaced the name under attack")
	}
	if n := countRows(t, s, `SELECT count(*) FROM syncline.attempt_counts WHERE ends_at = 0`); n != 0 {
		t.Error("a count that has ended stays")
	}
}

// An attempt that nobody delays costs one trip, and no trip is made for a question while
// the node knows of no delay. A delay that a node has seen is asked about.
func TestAttemptsAsk(t *testing.T) {
	nodes := openNodes(t, 2)
	a, b := NewAttempts(nodes[0], digest), NewAttempts(nodes[1], digest)
	for range 4 {
		if _, err := a.Attempt(t.Context(), attempt(1), store.AttemptWrong); err != nil {
			t.Fatal(err)
		}
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel() // with which every trip fails
	for _, n := range []*Attempts{a, b} {
		if r, err := n.Attempt(ended, attempt(1), store.AttemptAsked); err != nil || r.Wait != 0 {
			t.Errorf("asked, and got %+v, %v", r, err)
		}
	}
	if r, err := b.Attempt(t.Context(), attempt(1), store.AttemptRight); err != nil || r.Wait == 0 {
		t.Errorf("the other node counts for itself: %+v, %v", r, err)
	}
	if r, err := b.Attempt(t.Context(), attempt(1), store.AttemptAsked); err != nil || r.Wait == 0 {
		t.Errorf("asked after a delay, and got %+v, %v", r, err)
	}
	if _, err := b.Attempt(ended, attempt(1), store.AttemptAsked); err == nil {
		t.Error("a known delay is not asked about")
	}
}

// A wrong and a right guess cost one trip each, and so does a question about a delay.
func TestAttemptTrips(t *testing.T) {
	proxy := pgtest.NewProxy(t, pgtest.New(t))
	s, err := Open(t.Context(), proxy.URL())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	a := NewAttempts(s, digest)
	step := func(i int, step store.AttemptStep) (trips int64) {
		t.Helper()
		before := proxy.Trips()
		if _, err := a.Attempt(t.Context(), attempt(i), step); err != nil {
			t.Fatal(err)
		}
		return proxy.Trips() - before
	}
	for i := range tidyEvery + 1 {
		step(i, store.AttemptRight) // the connection is there, and the tables are cut back
	}
	for range 5 {
		if trips := step(1, store.AttemptAsked); trips > 1 {
			t.Errorf("a question made %d trips", trips)
		}
		if trips := step(1, store.AttemptWrong); trips != 1 {
			t.Errorf("a wrong guess made %d trips", trips)
		}
	}
	if trips := step(2, store.AttemptAsked); trips != 0 {
		t.Errorf("a question about a name that nobody guesses made %d trips", trips)
	}
	if trips := step(2, store.AttemptRight); trips != 1 {
		t.Errorf("a right guess made %d trips", trips)
	}
}

// Without the database every step fails, and says so.
func TestAttemptsWithoutDatabase(t *testing.T) {
	server := pgtest.Start(t)
	s, err := Open(t.Context(), server.Database(t))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	a := NewAttempts(s, digest)
	server.Stop(t, "fast")
	for _, step := range []store.AttemptStep{store.AttemptLooked, store.AttemptWrong, store.AttemptRight} {
		if _, err := a.Attempt(t.Context(), attempt(1), step); syncline.CodeOf(err) != syncline.CodeUnavailable {
			t.Errorf("step %d: %v", step, err)
		}
	}
}
