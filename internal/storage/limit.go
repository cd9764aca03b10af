package storage

import (
	"context"
	"errors"
	"io"
	"sync"

	"golang.org/x/time/rate"
)

// DefaultConcurrent is how many files are open at once where nothing else is said.
const DefaultConcurrent = 32

// LimitOptions are the limits of a Limiter. The zero value has the defaults.
type LimitOptions struct {
	MaxConcurrent  int // files open at once; DefaultConcurrent for 0
	BytesPerSecond int // of all files together; 0 for no bound
}

// startConcurrent is the first value of the adaptive limit.
const startConcurrent = 8

// Limiter bounds the number of files that are open at once, over all storages
// it wraps. There is one for each account. It finds out how many the storage
// bears: the bound grows by one for each round of successful reads, and is
// halved when the storage throttles. Listings do not count, because their files
// are often opened while they run.
//
// Share bounds it further, for a node that has a part of the account's limits only.
type Limiter struct {
	bandwidth *rate.Limiter // rate.Inf for no bound

	mu      sync.Mutex
	max     float64
	limit   float64
	open    int
	epoch   int // of the last halving
	waiting []chan struct{}
	share   *share // nil for the whole
}

// NewLimiter makes a Limiter.
func NewLimiter(o LimitOptions) *Limiter {
	l := &Limiter{limit: startConcurrent, bandwidth: rate.NewLimiter(rate.Inf, minBurst)}
	l.Set(o)
	return l
}

// minBurst and maxBurst bound the bytes of one read within a bandwidth.
const (
	minBurst = 16 << 10
	maxBurst = 1 << 20
)

// Set changes the limits, also of open files. Files that are open beyond a
// lower bound stay open, and count.
func (l *Limiter) Set(o LimitOptions) {
	if o.MaxConcurrent <= 0 {
		o.MaxConcurrent = DefaultConcurrent
	}
	l.setSpeed(o.BytesPerSecond)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.max = float64(o.MaxConcurrent)
	l.limit = min(l.limit, l.max)
	l.admit()
}

// setSpeed bounds the bytes a second; 0 is for no bound.
func (l *Limiter) setSpeed(bytes int) {
	speed := rate.Inf
	if bytes > 0 {
		speed = rate.Limit(bytes)
		l.bandwidth.SetBurst(min(max(bytes/4, minBurst), maxBurst))
	}
	if l.bandwidth.Limit() != speed {
		l.bandwidth.SetLimit(speed)
	}
}

// Wrap returns s within the limits. Its place is below retries, so that a
// waiting retry occupies no slot.
func (l *Limiter) Wrap(s Storage) Storage { return &limited{s, l} }

// Concurrent returns how many files may be open at once now.
func (l *Limiter) Concurrent() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.bound()
}

// bound is how many files may be open at once. l.mu is held.
func (l *Limiter) bound() int {
	if l.share != nil {
		return min(int(l.limit), l.share.files)
	}
	return int(l.limit)
}

// acquire waits for a slot and returns the epoch of the slot.
func (l *Limiter) acquire(ctx context.Context) (int, error) {
	l.mu.Lock()
	if l.open < l.bound() && len(l.waiting) == 0 {
		l.open++
		l.share.wants(l.open)
		defer l.mu.Unlock()
		return l.epoch, nil
	}
	turn := make(chan struct{})
	l.waiting = append(l.waiting, turn)
	l.share.wants(l.open + len(l.waiting))
	l.mu.Unlock()
	NoteWaiting(ctx)
	defer NoteProgress(ctx)
	select {
	case <-turn:
		l.mu.Lock()
		defer l.mu.Unlock()
		return l.epoch, nil
	case <-ctx.Done():
		l.abandon(turn)
		return 0, ctx.Err()
	}
}

// abandon leaves the queue, or gives back a slot that came too late.
func (l *Limiter) abandon(turn chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i, w := range l.waiting {
		if w == turn {
			l.waiting = append(l.waiting[:i], l.waiting[i+1:]...)
			return
		}
	}
	l.open--
	l.admit()
}

// admit gives free slots to waiting callers. l.mu is held.
func (l *Limiter) admit() {
	for l.open < l.bound() && len(l.waiting) > 0 {
		l.open++
		close(l.waiting[0])
		l.waiting = l.waiting[1:]
	}
}

// adapt changes the limit. l.mu is held. Several answers to one overload halve
// it once, because calls from before the last halving do not count.
func (l *Limiter) adapt(epoch int, err error) {
	var request *RequestError
	switch {
	case err == nil:
		if l.open >= int(l.limit) { // the limit held reads back
			l.limit = min(l.max, l.limit+1/l.limit)
		}
	case errors.As(err, &request) && request.Throttled && epoch == l.epoch:
		l.limit = max(1, l.limit/2)
		l.epoch++
	}
}

// limited is a storage within a Limiter's limits.
type limited struct {
	storage Storage
	limiter *Limiter
}

func (s *limited) List(ctx context.Context, dir string, fn func(string, int64) error) error {
	s.limiter.mu.Lock()
	epoch := s.limiter.epoch
	s.limiter.mu.Unlock()
	err := s.storage.List(ctx, dir, fn)
	if err != nil {
		s.limiter.mu.Lock()
		s.limiter.adapt(epoch, err)
		s.limiter.mu.Unlock()
	}
	return err
}

func (s *limited) Open(ctx context.Context, name string, offset, length int64) (io.ReadCloser, error) {
	epoch, err := s.limiter.acquire(ctx)
	if err != nil {
		return nil, err
	}
	r := &limitedReader{ctx: ctx, limiter: s.limiter, epoch: epoch}
	if ctx, err = s.limiter.enter(r); err != nil {
		r.done(err)
		return nil, err
	}
	if r.ReadCloser, err = s.storage.Open(ctx, name, offset, length); err != nil {
		err = r.explain(err)
		r.done(err)
		return nil, err
	}
	return r, nil
}

type limitedReader struct {
	io.ReadCloser
	ctx     context.Context
	limiter *Limiter
	epoch   int
	once    sync.Once
	part    *part // of the node's share, nil without one
}

func (r *limitedReader) Read(p []byte) (int, error) {
	n, err := r.read(p)
	if err != nil {
		err = r.explain(err)
		r.done(err)
	}
	return n, err
}

func (r *limitedReader) read(p []byte) (int, error) {
	if r.part.isCut() {
		return 0, errCut
	}
	bandwidth := r.limiter.bandwidth
	bounded := bandwidth.Limit() != rate.Inf
	if bounded {
		p = p[:min(len(p), minBurst)]
	}
	n, err := r.ReadCloser.Read(p)
	if bounded && n > 0 {
		NoteWaiting(r.ctx)
		if waitErr := bandwidth.WaitN(r.ctx, n); waitErr != nil && err == nil {
			err = waitErr
		}
		NoteProgress(r.ctx)
	}
	return n, err
}

func (r *limitedReader) Close() error {
	err := r.ReadCloser.Close()
	r.done(nil)
	return err
}

// done gives the slot back, once.
func (r *limitedReader) done(err error) {
	if errors.Is(err, io.EOF) {
		err = nil
	}
	r.once.Do(func() { r.limiter.leave(r, err) })
}
