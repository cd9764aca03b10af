package storage

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"syncline.dev/syncline"
)

// RetryOptions says how long Retry goes on. The zero value means the defaults.
type RetryOptions struct {
	MaxElapsed  time.Duration // without any progress; default 15 minutes
	MaxAttempts int           // without any progress; default no bound but MaxElapsed
	MinDelay    time.Duration // bound of the first random wait; default 500 ms
	MaxDelay    time.Duration // bound of every later one; default 30 s
	Stall       time.Duration // no byte for so long breaks a request off; default 30 s
	// OnEvent is told of every try that failed and is made again. It must be
	// safe for concurrent use and must not block.
	OnEvent func(Event)
}

// Event is one try that failed and will be made again.
type Event struct {
	Kind    string // what was asked, as Counter names it: "get data"
	Name    string // of the file or folder
	Attempt int    // tries so far without progress, from 1
	Delay   time.Duration
	Stalled bool // nothing came for RetryOptions.Stall
	Offset  int64
	Err     error // a *syncline.Error is in its chain
}

// Retry makes failed requests again: with random, exponentially growing waits,
// for errors that are marked retryable, until a budget is spent. A read that
// breaks off goes on from where it broke, a listing starts anew and gives each
// file once, and a request on which nothing comes is broken off.
type Retry struct {
	storage Storage
	o       RetryOptions
	spoke   atomic.Bool // the storage has answered as one does
}

var _ Storage = (*Retry)(nil)

// NewRetry retries what s is asked.
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

// isFurtherTry reports whether Retry makes this call not for the first time.
func isFurtherTry(ctx context.Context) bool {
	return ctx.Value(furtherTryKey{}) != nil
}

var errStalled = errors.New("stalled")

// watchdog ends an attempt's context when nothing comes for too long. Between
// stop and start it sleeps: the caller's own time is not the storage's.
type watchdog struct {
	after  time.Duration
	timer  *time.Timer
	cancel context.CancelCauseFunc
}

// attempt makes the context of one attempt, watched until stop is called.
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

// explain tells what err, from an attempt's context, was.
func (r *Retry) explain(attempt context.Context, err error) error {
	if err == nil || !errors.Is(context.Cause(attempt), errStalled) {
		return err
	}
	return &RequestError{Retryable: true, Err: syncline.WrapError(syncline.CodeUnavailable, errStalled,
		"the storage sent nothing for %s", r.o.Stall)}
}

// maxIncomplete bounds how often an incomplete listing is begun again: a
// storage that lists wrongly does so for good.
const maxIncomplete = 3

// maxStranger bounds how often answers that are not a storage's are taken for
// a passing fault before it has answered itself: the address may be wrong.
const maxStranger = 5

// tries counts the attempts of one operation since it last got on.
type tries struct {
	retry      *Retry
	kind, name string
	since      time.Time
	n          int
	short      int // unexplained early ends
	incomplete int // incomplete listings
	stranger   int // answers of somebody else, before the storage's first
}

func (r *Retry) tries(verb, name string) tries {
	return tries{retry: r, kind: kindOf(verb, name), name: name, since: time.Now()}
}

// reset is called when the operation got on.
func (t *tries) reset() { t.since, t.n, t.short = time.Now(), 0, 0 }

// wait waits before the next attempt, or says why there is none.
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
	// The answers of a wrong address are told as they are, once, in the end.
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
	// A file that ends early and a body that was cut look the same where the
	// storage does not say how much it meant to send. One more look tells.
	if errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, ErrTooShort) {
		t.short++
		return t.short == 1
	}
	return false
}

// delay draws the wait before the next attempt: anything up to a bound that
// doubles, so that clients which failed together do not come back together.
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
