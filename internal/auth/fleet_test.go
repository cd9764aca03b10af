package auth

import (
	"context"
	"crypto/sha256"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/pgtest"
	"syncline.dev/syncline/internal/store"
	"syncline.dev/syncline/internal/store/postgres"
)

// lost is a database that is out of reach at times.
type lost struct {
	store.Attempts
	away atomic.Bool
}

func (l *lost) Attempt(ctx context.Context, a store.Attempt, step store.AttemptStep) (store.AttemptResult, error) {
	if l.away.Load() && step != store.AttemptAsked {
		return store.AttemptResult{}, syncline.Errorf(syncline.CodeUnavailable, "the database cannot be reached")
	}
	return l.Attempts.Attempt(ctx, a, step)
}

// newFleet returns services over one store and one set of counts.
func newFleet(t *testing.T, n int) (nodes []*fixture, counts *lost) {
	t.Helper()
	first := newFixture(t)
	counts = &lost{Attempts: newMemory(first.clock.Now)}
	first.attempts = counts
	nodes = []*fixture{first}
	for range n - 1 {
		nodes = append(nodes, first.beside(first.store.Store, counts))
	}
	return nodes, counts
}

// beside returns another node with the clock of the first one.
func (f *fixture) beside(s Store, counts store.Attempts) *fixture {
	other := &fixture{clock: f.clock, store: &watched{Store: s}}
	other.Service = New(other.store, Options{Now: f.clock.Now, Attempts: counts})
	other.hasher.compute = f.hasher.compute
	return other
}

// newDatabaseFleet returns nodes over one PostgreSQL, each with connections of its own.
func newDatabaseFleet(t *testing.T, n int) (nodes []*fixture) {
	t.Helper()
	first := newFixture(t)
	url := pgtest.New(t)
	for range n {
		s, err := postgres.Open(t.Context(), url)
		check(t, err)
		t.Cleanup(func() { check(t, s.Close()) })
		counts := postgres.NewAttempts(s, func(text string) [32]byte { return sha256.Sum256([]byte(text)) })
		nodes = append(nodes, first.beside(s, counts))
	}
	check(t, nodes[0].AddUser(t.Context(), "Admin", password, syncline.RoleAdministrator))
	return nodes
}

// Nodes on PostgreSQL give no more guesses than one, trust a user where another one does,
// and end tokens that another one has ended.
func TestFleetOnPostgreSQL(t *testing.T) {
	nodes := newDatabaseFleet(t, 3)
	grant := nodes[0].signIn(t)
	var told atomic.Int32
	var all sync.WaitGroup
	for i := range 30 {
		all.Go(func() {
			_, err := nodes[i%3].SignIn(t.Context(), "admin", "wrong password", fmt.Sprintf("198.51.100.%d", i))
			switch syncline.CodeOf(err) {
			case syncline.CodeUnauthenticated:
				told.Add(1)
			case syncline.CodeThrottled:
			default:
				t.Error(err)
			}
		})
	}
	all.Wait()
	if told.Load() != 4 {
		t.Errorf("%d guesses were answered, not 4", told.Load())
	}
	_, err := nodes[1].SignIn(t.Context(), "admin", password, "203.0.113.1")
	wantCode(t, err, syncline.CodeThrottled)
	for _, n := range nodes {
		n.signIn(t)
		n.wantLive(t, grant.AccessToken, true)
	}
	check(t, nodes[2].SignOut(t.Context(), grant.AccessToken))
	nodes[1].clock.Add(CacheTime)
	for _, n := range nodes {
		n.wantLive(t, grant.AccessToken, false)
	}
}

// However many nodes there are, a guesser gets as many guesses as one node gives, one
// after the other and all at once.
func TestFleetGuesses(t *testing.T) {
	nodes, _ := newFleet(t, 3)
	for round, want := range []int32{4, 1, 1, 1} {
		var told atomic.Int32
		var all sync.WaitGroup
		for i := range 30 {
			all.Go(func() {
				_, err := nodes[i%3].SignIn(t.Context(), "admin", "wrong password", fmt.Sprintf("198.51.%d.%d", round, i))
				switch syncline.CodeOf(err) {
				case syncline.CodeUnauthenticated:
					told.Add(1)
				case syncline.CodeThrottled:
				default:
					t.Error(err)
				}
			})
		}
		all.Wait()
		if told.Load() != want {
			t.Errorf("round %d: %d guesses were answered, not %d", round, told.Load(), want)
		}
		nodes[0].clock.Add(userPace.Limit)
	}
}

// Many sign-ins with the right password at once hold one another up on no node.
func TestFleetRightPasswords(t *testing.T) {
	nodes, _ := newFleet(t, 3)
	var all sync.WaitGroup
	for i := range 60 {
		all.Go(func() {
			if _, err := nodes[i%3].SignIn(t.Context(), "admin", password, home); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
}

// A user is trusted on all nodes at an address where the user has signed in on one, and
// finds a place among the hashes of a crowded node.
func TestFleetTrust(t *testing.T) {
	nodes, _ := newFleet(t, 2)
	nodes[0].signIn(t)
	for i := range 20 {
		if _, err := nodes[1].SignIn(t.Context(), "admin", "wrong password", fmt.Sprintf("198.51.100.%d", i)); err == nil {
			t.Fatal("signed in with a wrong password")
		}
	}
	_, err := nodes[1].SignIn(t.Context(), "admin", password, "203.0.113.1")
	wantCode(t, err, syncline.CodeThrottled)
	h := nodes[1].hasher
	for i := range maxWaiting {
		if !h.queue(fmt.Sprint(i), false) {
			t.Fatal("no place to wait")
		}
	}
	nodes[1].signIn(t)
	_, err = nodes[1].SignIn(t.Context(), "other", password, "203.0.113.1")
	wantCode(t, err, syncline.CodeThrottled)
}

// Without the counts nobody signs in, and no answer tells a right password from a wrong
// one.
func TestCountsAreLost(t *testing.T) {
	nodes, counts := newFleet(t, 1)
	f := nodes[0]
	counts.away.Store(true)
	for _, p := range []string{password, "wrong password"} {
		_, err := f.SignIn(t.Context(), "admin", p, home)
		wantCode(t, err, syncline.CodeUnavailable)
		_, err = f.HasPassword(t.Context(), "admin", p)
		wantCode(t, err, syncline.CodeUnavailable)
	}
	counts.away.Store(false)
	f.signIn(t)
}

// Comparisons of a secret are counted over all nodes.
func TestFleetCompare(t *testing.T) {
	nodes, _ := newFleet(t, 2)
	for i := range comparePace.Free + 1 {
		same, err := nodes[i%2].HasPassword(t.Context(), "admin", "wrong password")
		if check(t, err); same {
			t.Fatal("a wrong password is the user's")
		}
	}
	for _, n := range nodes {
		_, err := n.HasPassword(t.Context(), "admin", password)
		wantCode(t, err, syncline.CodeThrottled)
	}
}

// A change that ends a user's tokens on one node ends them on the others after CacheTime.
func TestFleetTokens(t *testing.T) {
	changes := map[string]func(f *fixture, grant Grant) error{
		"sign-out": func(f *fixture, grant Grant) error { return f.SignOut(t.Context(), grant.AccessToken) },
		"password": func(f *fixture, _ Grant) error { return f.SetPassword(t.Context(), "bert", "four other words") },
		"role": func(f *fixture, _ Grant) error {
			role := syncline.RoleOperator
			return f.ChangeUser(t.Context(), "bert", UserChange{Role: &role})
		},
		"removal": func(f *fixture, _ Grant) error { return f.RemoveUser(t.Context(), "bert") },
		"stolen": func(f *fixture, grant Grant) error {
			for range 2 { // a refresh token is used twice
				_, _ = f.Refresh(t.Context(), grant.RefreshToken, home)
			}
			return nil
		},
	}
	for name, change := range changes {
		t.Run(name, func(t *testing.T) {
			nodes, _ := newFleet(t, 2)
			check(t, nodes[0].AddUser(t.Context(), "bert", password, syncline.RoleViewer))
			grant, err := nodes[0].SignIn(t.Context(), "bert", password, home)
			check(t, err)
			for _, n := range nodes {
				n.wantLive(t, grant.AccessToken, true) // and in the cache
			}
			check(t, change(nodes[0], grant))
			nodes[0].wantLive(t, grant.AccessToken, false)
			nodes[1].clock.Add(CacheTime)
			nodes[1].wantLive(t, grant.AccessToken, false)
		})
	}
}
