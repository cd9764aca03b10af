package store

import (
	"context"
	"time"
)

// CounterKind is what a Counter counts. Keys of different kinds never meet.
type CounterKind string

// The kinds of counters.
const (
	CountPair    CounterKind = "pair"    // a user's name from an address
	CountTrusted CounterKind = "trusted" // the same, where the user has signed in before
	CountAddress CounterKind = "address" // names from an address
	CountUser    CounterKind = "user"    // a user's name from everywhere
	CountRefresh CounterKind = "refresh" // unknown refresh tokens from an address
	CountCompare CounterKind = "compare" // a secret that is kept
)

// Counter counts wrong guesses under a key. The first Free guesses cost nothing. Then
// each one delays the next attempt, by First, doubled each time, and by Limit at most.
// A count ends when Forget, which is longer than Limit, has passed since its last wrong
// guess.
type Counter struct {
	Kind   CounterKind
	Key    string
	Free   int
	First  time.Duration
	Limit  time.Duration
	Forget time.Duration
}

// Delay returns how long the next attempt waits after so many wrong guesses.
func (c Counter) Delay(failures int) time.Duration {
	if failures <= c.Free {
		return 0
	}
	d := c.First
	for range failures - c.Free - 1 {
		if d *= 2; d >= c.Limit {
			return c.Limit
		}
	}
	return d
}

// Attempt is a guess of a secret. A counter without a kind does not count.
type Attempt struct {
	// Guess counts the wrong guesses of one secret by one guesser.
	Guess Counter
	// Guesser counts the secrets that one guesser has guessed wrong: it rises with the
	// first wrong guess of Guess, and a right guess leaves it.
	Guesser Counter
	// Secret counts the wrong guesses of one secret by all guessers.
	Secret Counter
	// Trusted counts in place of all others for TrustFor after a right guess of the same
	// guesser. It has the key of Guess. Without a kind there is no trust.
	Trusted  Counter
	TrustFor time.Duration
}

// AttemptStep is how far an attempt has come.
type AttemptStep int

// The steps of an attempt.
const (
	// AttemptAsked counts nothing. The answer may come from what the node knows: a delay
	// may be missing in it, and none is too long.
	AttemptAsked AttemptStep = iota
	// AttemptLooked counts nothing. The answer is that of all nodes.
	AttemptLooked
	// AttemptWrong counts a wrong guess, and AttemptRight ends the counts of Guess,
	// Secret and Trusted.
	AttemptWrong
	AttemptRight
)

// AttemptResult is the answer to a step.
type AttemptResult struct {
	// Wait is how long the guesser has to wait, 0 for an attempt that may go on. An attempt
	// that has to wait counts nothing, and its guesser is not told whether it was right.
	Wait    time.Duration
	Trusted bool // whether Trusted counts
}

// MaxTrusted is how many trusted guessers of one secret are kept.
const MaxTrusted = 256

// Attempts slows down the guesses of secrets, over all nodes together: of attempts at
// one time no more go on than one after the other would. It keeps a bounded number of
// counts, and gives up those with the fewest wrong guesses first. An error means that
// nothing is known; the caller lets no attempt go on.
type Attempts interface {
	Attempt(ctx context.Context, a Attempt, step AttemptStep) (AttemptResult, error)
}
