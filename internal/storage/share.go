package storage

import (
	"context"
	"errors"
	"slices"

	"syncline.dev/syncline"
)

// share is the part of an account's limits that a node has.
type share struct {
	files  int
	need   func() // is called where more files are wanted than may be open
	wanted int    // the most at once since the last look
	parts  []*part
}

// part is an open file within a share.
type part struct {
	cancel context.CancelCauseFunc
	ctx    context.Context
	reader *limitedReader
}

// errCut is the cause of a read that ended with the node's share.
var errCut = errors.New("the node's share of the account's connections has ended")

// Share bounds the limiter to a part of the account's limits, which is nothing at first.
// need is called when more files are wanted than the part allows; it returns at once.
// Share is called before the first file is opened.
func (l *Limiter) Share(need func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.share = &share{need: need}
}

// SetShare changes the part: the number of files of the account's whole, 0 for
// DefaultConcurrent, and the bytes a second, 0 for no bound. Files that are open beyond a
// lower number stay open, and count.
func (l *Limiter) SetShare(whole, files, bytesPerSecond int) {
	if whole <= 0 {
		whole = DefaultConcurrent
	}
	l.setSpeed(bytesPerSecond)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.max = float64(whole)
	l.limit = min(l.limit, l.max)
	l.share.files = files
	l.admit()
}

// Demand returns how many files are open, and how many were open or waited for at once
// at most since the last call.
func (l *Limiter) Demand() (open, wanted int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	wanted = max(l.share.wanted, l.open+len(l.waiting))
	l.share.wanted = l.open + len(l.waiting)
	return l.open, wanted
}

// Cut ends the newest reads until no more files are open than are to be kept. The
// readers get an error that is worth another try.
func (l *Limiter) Cut(keep int) {
	l.mu.Lock()
	over := max(0, len(l.share.parts)-keep)
	cut := slices.Clone(l.share.parts[len(l.share.parts)-over:])
	l.mu.Unlock()
	for _, p := range cut {
		p.cancel(errCut)
		p.reader.done(errCut)
	}
}

// wants records how many files are open or waited for. l.mu is held.
func (s *share) wants(n int) {
	if s == nil {
		return
	}
	s.wanted = max(s.wanted, n)
	if n > s.files {
		s.need()
	}
}

// enter records an open file, which has a slot, and returns the context of its request.
func (l *Limiter) enter(r *limitedReader) (context.Context, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.share == nil {
		return r.ctx, nil
	}
	r.part = &part{reader: r}
	r.part.ctx, r.part.cancel = context.WithCancelCause(r.ctx)
	l.share.parts = append(l.share.parts, r.part)
	if l.open > l.share.files { // the share ended since the slot was given
		return nil, r.explainCut()
	}
	return r.part.ctx, nil
}

// leave gives the slot of a file back after a read that ended with err.
func (l *Limiter) leave(r *limitedReader, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.adapt(r.epoch, err)
	l.open--
	if r.part != nil {
		r.part.cancel(nil)
		l.share.parts = slices.DeleteFunc(l.share.parts, func(p *part) bool { return p == r.part })
	}
	l.admit()
}

func (p *part) isCut() bool { return p != nil && errors.Is(context.Cause(p.ctx), errCut) }

// explain returns the reason for err.
func (r *limitedReader) explain(err error) error {
	if r.part.isCut() {
		return r.explainCut()
	}
	return err
}

func (r *limitedReader) explainCut() error {
	return &RequestError{Retryable: true, Err: syncline.WrapError(syncline.CodeUnavailable, errCut,
		"other nodes use the account's connections, or the database that divides them cannot be reached")}
}
