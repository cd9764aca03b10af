package storage

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"time"

	"syncline.dev/syncline"
)

// RetryOptions are the limits of Retry. The zero value has the defaults.
type RetryOptions struct {
	MaxElapsed  time.Duration // without any progress; default 15 minutes
	MaxAttempts int           // without any progress; default no bound but MaxElapsed
	MinDelay    time.Duration // bound of the first random wait; default 500 ms
	MaxDelay    time.Duration // bound of every later one; default 30 s
	Stall       time.Duration // silence that ends a request; default 30 s
	// OnEvent is called with each failed try that is made again. It must be
	// safe for concurrent use and must not block.
	OnEvent func(Event)
}

// Event is a failed try that is made again.
type Event struct {
	Kind    string // kind of the request, as in Counter: "get data"
	Name    string // of the file or folder
	Attempt int    // tries so far without progress, from 1
	Delay   time.Duration
	Stalled bool // nothing came for RetryOptions.Stall
	Offset  int64
	Err     error // a *syncline.Error is in its chain
}

// String tells the user what failed, and when it is tried again.
func (e Event) String() string {
	what := "the reading of " + e.Name
	if strings.HasPrefix(e.Kind, "list ") {
		what = "the listing of " + e.Name
	}
	const tenth = time.Second / 10
	return fmt.Sprintf("%s failed and is tried again in %s: %s", what, max(e.Delay.Round(tenth), tenth), syncline.MessageOf(e.Err))
}

// Retry makes failed requests again, if their error is marked retryable. Waits
// between tries are random and grow exponentially, up to a budget. A read that
// breaks off continues where it broke. A listing starts again and still passes
// each file on once. A silent request is ended.
type Retry struct {
	storage Storage
	o       RetryOptions
	spoke   atomic.Bool // the storage has answered properly
}

var _ Storage = (*Retry)(nil)

// NewRetry makes requests to s, with retries.
func NewRetry(s Storage, o RetryOptions) *Retry {
	if o.MaxElapsed <= 0 {
		o.MaxElapsed = 15 * time.Minute
	}
	if o.MinDelay <= 0 {
		o.MinDelay = 500 * time.Millisecond
	}
	if o.MaxDelay <= 0 {
		o.MaxDelay = 30 * time.Second
	}
	if o.Stall <= 0 {
		o.Stall = 30 * time.Second
	}
	return &Retry{storage: s, o: o}
}

// Open implements Storage.
func (r *Retry) Open(ctx context.Context, name string, offset, length int64) (io.ReadCloser, error) {
	body := &retryReader{
		retry: r, ctx: ctx, name: name, offset: offset, left: length,
		tries: r.tries("get", name),
	}
	if err := body.open(); err != nil {
		return nil, err
	}
	return body, nil
}

type furtherTryKey struct{}

// isFurtherTry reports whether this call is a further try of Retry.
func isFurtherTry(ctx context.Context) bool {
	return ctx.Value(furtherTryKey{}) != nil
}

var errStalled = errors.New("stalled")

// Stalled reports whether Retry has ended the call of ctx, because nothing came
// for too long.
func Stalled(ctx context.Context) bool { return errors.Is(context.Cause(ctx), errStalled) }

// watchdog ends an attempt's context after too long a silence. It sleeps
// between stop and start, because the caller's own time does not count.
type watchdog struct {
	after  time.Duration
	timer  *time.Timer
	cancel context.CancelCauseFunc
}

// attempt makes the context of one attempt, which is watched until stop is
// called.
func (r *Retry) attempt(ctx context.Context, further bool) (context.Context, *watchdog) {
	if further {
		ctx = context.WithValue(ctx, furtherTryKey{}, true)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	w := &watchdog{after: r.o.Stall, cancel: cancel}
	w.timer = time.AfterFunc(w.after, func() { cancel(errStalled) })
	return observe(ctx, observer{progress: w.start, waiting: w.stop}), w
}

func (w *watchdog) start() { w.timer.Reset(w.after) }
func (w *watchdog) stop()  { w.timer.Stop() }

func (w *watchdog) end() {
	w.timer.Stop()
	w.cancel(nil)
}

// explain returns the reason for err, from an attempt's context.
func (r *Retry) explain(attempt context.Context, err error) error {
	if err == nil || !errors.Is(context.Cause(attempt), errStalled) {
		return err
	}
	return &RequestError{Retryable: true, Err: syncline.WrapError(syncline.CodeUnavailable, errStalled,
		"the storage sent nothing for %s", r.o.Stall)}
}

// maxIncomplete bounds how often an incomplete listing starts again, because a
// storage that lists wrongly does so each time.
const maxIncomplete = 3

// maxStranger bounds the tries while only other programs answer. The address
// may be wrong.
const maxStranger = 5

// tries counts the attempts of one operation since its last progress.
type tries struct {
	retry      *Retry
	kind, name string
	since      time.Time
	n          int
	short      int // unexplained early ends
	incomplete int // incomplete listings
	stranger   int // answers of other programs, before the storage's first
}

func (r *Retry) tries(verb, name string) tries {
	return tries{retry: r, kind: kindOf(verb, name), name: name, since: time.Now()}
}

// reset is called after progress.
func (t *tries) reset() { t.since, t.n, t.short = time.Now(), 0, 0 }

// wait waits before the next attempt, or returns why there is none.
func (t *tries) wait(ctx context.Context, err error, offset int64) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if !t.worthwhile(err) {
		return err
	}
	t.n++
	o := &t.retry.o
	delay := t.delay(err)
	elapsed := time.Since(t.since)
	// The answers of a wrong address are reported once, as the final error.
	wrongAddress := errors.Is(err, ErrStranger) && !t.retry.spoke.Load()
	if elapsed+delay > o.MaxElapsed || o.MaxAttempts > 0 && t.n >= o.MaxAttempts {
		if wrongAddress {
			return err
		}
		return syncline.WrapError(syncline.CodeUnavailable, err,
			"the storage failed for %s in %d tries; the last answer was: %s",
			elapsed.Round(time.Second), t.n, syncline.MessageOf(err))
	}
	if o.OnEvent != nil && !wrongAddress {
		o.OnEvent(Event{
			Kind: t.kind, Name: t.name, Attempt: t.n, Delay: delay,
			Stalled: errors.Is(err, errStalled), Offset: offset, Err: err,
		})
	}
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// worthwhile reports whether another attempt can help.
func (t *tries) worthwhile(err error) bool {
	switch {
	case !IsRetryable(err):
	case errors.Is(err, ErrIncomplete):
		t.incomplete++
		return t.incomplete < maxIncomplete
	case errors.Is(err, ErrStranger) && !t.retry.spoke.Load():
		t.stranger++
		return t.stranger < maxStranger
	default:
		return true
	}
	// If the storage does not say how many bytes it sends, a file that ends too
	// early looks like a body that was cut. One more try tells them apart.
	if errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, ErrTooShort) {
		t.short++
		return t.short == 1
	}
	return false
}

// delay draws the wait before the next attempt. It is random up to a bound that
// doubles, so that clients that failed together do not come back together.
func (t *tries) delay(err error) time.Duration {
	bound := t.retry.o.MaxDelay
	if shift := t.n - 1; shift < 30 {
		bound = min(bound, t.retry.o.MinDelay<<shift)
	}
	delay := rand.N(bound + 1)
	var request *RequestError
	if errors.As(err, &request) {
		delay = max(delay, request.RetryAfter)
	}
	return delay
}
