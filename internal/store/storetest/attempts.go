package storetest

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"syncline.dev/syncline/internal/store"
)

// OpenAttempts returns the attempts of n nodes over one set of counts, without any count,
// and a function that lets time pass for the counts.
type OpenAttempts func(t *testing.T, n int) (nodes []store.Attempts, pass func(time.Duration))

// RunAttempts runs the suite of store.Attempts.
func RunAttempts(t *testing.T, open OpenAttempts) {
	for name, run := range map[string]func(*testing.T, OpenAttempts){
		"Delays": testDelays, "Guesser": testGuesser, "Trust": testTrust, "TrustOfEach": testTrustOfEach,
		"Kinds": testAttemptKinds, "Right": testRight, "AttemptRace": testAttemptRace,
	} {
		t.Run(name, func(t *testing.T) { run(t, open) })
	}
}

// sign is a sign-in with three free mistakes of each kind.
func sign(user, address string) store.Attempt {
	count := func(kind store.CounterKind, key string) store.Counter {
		return store.Counter{Kind: kind, Key: key, Free: 3, First: 10 * time.Second, Limit: 40 * time.Second, Forget: 10 * time.Minute}
	}
	pair := user + "\n" + address
	return store.Attempt{
		Guess: count(store.CountPair, pair), Guesser: count(store.CountAddress, address), Secret: count(store.CountUser, user),
		Trusted: count(store.CountTrusted, pair), TrustFor: time.Hour,
	}
}

// step makes a step that has to wait for a number of tens of seconds, at most.
func step(t *testing.T, s store.Attempts, a store.Attempt, step store.AttemptStep, tens int) store.AttemptResult {
	t.Helper()
	r, err := s.Attempt(t.Context(), a, step)
	check(t, err)
	if least, most := time.Duration(tens-1)*10*time.Second, time.Duration(tens)*10*time.Second; r.Wait > most || tens > 0 && r.Wait <= least {
		t.Fatalf("the wait is %v, not %v", r.Wait, most)
	}
	return r
}

func testDelays(t *testing.T, open OpenAttempts) {
	nodes, pass := open(t, 2)
	at := func(i int) store.Attempt { return sign("user", fmt.Sprint("address ", i)) }
	for i := range 4 {
		step(t, nodes[i%2], at(i), store.AttemptWrong, 0)
	}
	// The next ones double the delay, up to the limit, and those that wait count nothing.
	for i, tens := range []int{1, 2, 4, 4} {
		for range 3 {
			step(t, nodes[i%2], at(10+i), store.AttemptWrong, tens)
			step(t, nodes[0], at(10+i), store.AttemptRight, tens)
			step(t, nodes[1], at(10+i), store.AttemptLooked, tens)
		}
		pass(time.Duration(tens) * 10 * time.Second)
		step(t, nodes[1], at(10+i), store.AttemptLooked, 0)
		step(t, nodes[1], at(10+i), store.AttemptWrong, 0)
	}
	step(t, nodes[0], sign("other", "address 1"), store.AttemptWrong, 0)
	pass(10 * time.Minute) // everything is forgotten
	for i := range 4 {
		step(t, nodes[i%2], at(100+i), store.AttemptWrong, 0)
	}
	step(t, nodes[0], at(200), store.AttemptWrong, 1)
}

// testGuesser has one guesser fail with several names: each counts once.
func testGuesser(t *testing.T, open OpenAttempts) {
	nodes, pass := open(t, 2)
	name := func(i int) store.Attempt { return sign(fmt.Sprint("user ", i), "address") }
	for i := range 3 {
		step(t, nodes[0], name(0), store.AttemptWrong, 0)
		step(t, nodes[i%2], name(i+1), store.AttemptWrong, 0)
	}
	step(t, nodes[1], name(8), store.AttemptLooked, 1)
	pass(10 * time.Second)
	step(t, nodes[0], name(8), store.AttemptRight, 0)
	step(t, nodes[0], name(9), store.AttemptWrong, 0) // one name more
	step(t, nodes[1], name(10), store.AttemptWrong, 2)
	step(t, nodes[1], name(8), store.AttemptWrong, 0) // trusted at this address
}

// testTrust has failures of others not hold up a user where the user has signed in.
func testTrust(t *testing.T, open OpenAttempts) {
	nodes, pass := open(t, 2)
	home, away := sign("user", "home"), sign("user", "away")
	if r := step(t, nodes[0], home, store.AttemptLooked, 0); r.Trusted {
		t.Error("trusted before the first sign-in")
	}
	step(t, nodes[0], home, store.AttemptRight, 0)
	for range 4 {
		step(t, nodes[0], away, store.AttemptWrong, 0)
	}
	step(t, nodes[1], away, store.AttemptRight, 1)
	for range 4 {
		if r := step(t, nodes[1], home, store.AttemptWrong, 0); !r.Trusted {
			t.Error("not trusted on another node")
		}
	}
	if r := step(t, nodes[0], home, store.AttemptLooked, 1); !r.Trusted {
		t.Error("not trusted while it waits")
	}
	pass(10 * time.Second)
	step(t, nodes[0], home, store.AttemptRight, 0)
	step(t, nodes[0], away, store.AttemptRight, 0) // with which the user's count ended
	pass(time.Hour)
	if r := step(t, nodes[0], home, store.AttemptLooked, 0); r.Trusted {
		t.Error("the trust does not end")
	}
}

// testTrustOfEach gives one user more addresses than are kept. The oldest go, and no
// other user's.
func testTrustOfEach(t *testing.T, open OpenAttempts) {
	nodes, pass := open(t, 1)
	step(t, nodes[0], sign("other", "home"), store.AttemptRight, 0)
	for i := range store.MaxTrusted + 2 {
		step(t, nodes[0], sign("user", fmt.Sprint(i)), store.AttemptRight, 0)
		pass(time.Millisecond)
	}
	for name, want := range map[string]bool{"0": false, "1": false, "2": true, fmt.Sprint(store.MaxTrusted): true} {
		if r := step(t, nodes[0], sign("user", name), store.AttemptLooked, 0); r.Trusted != want {
			t.Errorf("address %s: trusted is %v", name, r.Trusted)
		}
	}
	if r := step(t, nodes[0], sign("other", "home"), store.AttemptLooked, 0); !r.Trusted {
		t.Error("another user's address is gone")
	}
}

// testAttemptKinds guesses a secret that has a guess's counter only.
func testAttemptKinds(t *testing.T, open OpenAttempts) {
	nodes, pass := open(t, 2)
	compare := store.Attempt{Guess: sign("user", "address").Guess}
	compare.Guess.Kind = store.CountCompare
	for i := range 4 {
		step(t, nodes[i%2], compare, store.AttemptWrong, 0)
	}
	step(t, nodes[0], compare, store.AttemptLooked, 1)
	step(t, nodes[0], sign("user", "address"), store.AttemptLooked, 0) // the same key
	pass(10 * time.Second)
	if r := step(t, nodes[1], compare, store.AttemptRight, 0); r.Trusted {
		t.Error("trusted without a count of trust")
	}
	for range 4 {
		step(t, nodes[0], compare, store.AttemptWrong, 0)
	}
}

// testRight ends the counts of a name, and not that of the address.
func testRight(t *testing.T, open OpenAttempts) {
	nodes, pass := open(t, 2)
	for i := range 3 {
		step(t, nodes[0], sign("user", "address"), store.AttemptWrong, 0)
		step(t, nodes[0], sign(fmt.Sprint("other ", i), "address"), store.AttemptWrong, 0)
	}
	step(t, nodes[1], sign("user", "address"), store.AttemptRight, 1) // the address waits
	pass(10 * time.Second)
	step(t, nodes[1], sign("user", "address"), store.AttemptRight, 0)
	for i := range 3 {
		step(t, nodes[0], sign("user", fmt.Sprint("elsewhere ", i)), store.AttemptWrong, 0)
	}
	step(t, nodes[0], sign("one more", "address"), store.AttemptWrong, 0)
	step(t, nodes[0], sign("one more", "address"), store.AttemptLooked, 2)
}

// testAttemptRace guesses on all nodes at once. No more guesses count than one after the
// other would.
func testAttemptRace(t *testing.T, open OpenAttempts) {
	nodes, pass := open(t, 3)
	for round, want := range []int32{4, 1, 1} {
		var counted atomic.Int32
		together(24, func(i int) {
			r, err := nodes[i%3].Attempt(t.Context(), sign("user", fmt.Sprint(round, " ", i)), store.AttemptWrong)
			if err != nil || r.Wait < 0 {
				t.Error(r, err)
			}
			if r.Wait == 0 {
				counted.Add(1)
			}
		})
		if counted.Load() != want {
			t.Errorf("round %d: %d guesses counted, not %d", round, counted.Load(), want)
		}
		pass(40 * time.Second)
	}
}
