package schedule

import (
	"context"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/diskspace"
)

// outcome is how a check ended.
type outcome struct {
	busy       bool  // a session runs, which looks by itself
	own        error // of the server's own, which says nothing about the repository
	repository syncline.Repository
	found      Found
	err        error
	disk       diskspace.Space // of a local repository; zero where it is not known
}

// check checks a repository whose turn it is. held is the context for what the check does,
// and ctx that of the service.
func (s *Service) check(ctx, held context.Context, t *turn) {
	s.mu.Lock()
	r := t.repository
	s.mu.Unlock()
	looking, cancel := context.WithCancel(held)
	defer cancel()
	ended := make(chan outcome, 1)
	go func() { ended <- s.look(looking, t, r) }()
	slow, late := s.after(slowAfter), s.after(lateAfter)
	for place := true; ; {
		select {
		case o := <-ended:
			s.record(ctx, held, t, o)
			s.letGo(t)
			s.leave(t, place)
			return
		case <-slow:
			if place {
				s.give()
			}
			place, slow = false, nil
		case <-late:
			if place {
				s.give()
			}
			cancel()
			s.record(ctx, held, t, outcome{repository: r, err: syncline.Errorf(syncline.CodeUnavailable,
				"the storage did not answer within %s; check that it is there and can be reached", lateAfter)})
			s.letGo(t)
			s.mu.Lock()
			t.hung = true
			s.mu.Unlock()
			// Storage that ignores the end of a context keeps the repository from being
			// checked again, so that calls do not pile up.
			select {
			case <-ended:
			case <-ctx.Done():
			}
			s.leave(t, false)
			return
		}
	}
}

func (s *Service) look(ctx context.Context, t *turn, r syncline.Repository) (o outcome) {
	o.repository = r
	done, err := s.Sessions.Busy(ctx, r.ID)
	if o.own = err; err != nil {
		return o
	}
	beside := s.beside(t, done)
	if o.busy = done != "" && !beside; o.busy {
		return o
	}
	// A session may have ended since the turn began.
	// One is read and not the list: all checks of a fleet would read it as often.
	now, err := s.Repositories.Repository(ctx, r.ID)
	if o.busy = syncline.CodeOf(err) == syncline.CodeNotFound; o.busy { // it is being removed
		return o
	}
	if o.own = err; err != nil {
		return o
	}
	o.repository = now
	if o.err = s.ownerGone(now); o.err != nil {
		return o
	}
	if o.found, o.err = s.Checker.Check(ctx, now); o.err == nil {
		o.disk = s.diskOf(now)
	}
	if beside {
		s.judgeBeside(t, &o)
	}
	return o
}

// beside reports whether a check looks although a session runs: one that shows nothing
// new for long may hang with its storage, and would hide that. Where checks fail, they go
// on until one succeeds.
func (s *Service) beside(t *turn, done string) bool {
	now := s.now()
	s.mu.Lock()
	defer s.mu.Unlock()
	if done != t.done || now.Before(t.doneAt) {
		t.done, t.doneAt = done, now
	}
	return done != "" && (t.check.Failures > 0 || now.Sub(t.doneAt) >= stalledAfter)
}

// judgeBeside leaves of a look beside a session what says that the storage can be
// reached, or that it cannot. The session finds out the rest.
func (s *Service) judgeBeside(t *turn, o *outcome) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t.doneAt = s.now() // which bounds the looks beside a session that hangs by itself
	o.found.New = false
	o.busy = o.err == nil && t.check.Failures == 0 || o.err != nil && !unreached(syncline.CodeOf(o.err))
}

// give gives the place of a check to another one.
func (s *Service) give() {
	s.mu.Lock()
	s.held--
	s.mu.Unlock()
	s.wakeUp()
}

// leave ends a check.
func (s *Service) leave(t *turn, held bool) {
	s.mu.Lock()
	t.checking, t.hung = false, false
	if held {
		s.held--
	}
	// Somebody may have come to wait after the check was recorded.
	if now := s.now(); t.again && !t.plan.off() && t.due.After(now.Add(busyPause)) {
		t.due = now
	}
	s.mu.Unlock()
	s.wakeUp()
}

// busyPause is the time after which a check is tried again that somebody waits for,
// while a session runs.
const busyPause = 5 * time.Second

// record keeps the outcome of a check, tells everyone, and starts a session where there
// is something new. The session outlasts the check, so it has the context of the service.
func (s *Service) record(service, ctx context.Context, t *turn, o outcome) {
	if ctx.Err() != nil { // a shutdown, or another node, says nothing about the repository
		return
	}
	now, r := s.now(), o.repository
	// The mark comes first: who reads the check and then the repository sees no check that
	// has found something beside a repository that counts as in sync, until a session has
	// succeeded.
	if o.behind() && !r.OutOfSync {
		s.logged("mark a repository as out of sync", r.ID, s.Repositories.SetOutOfSync(ctx, r.ID, true))
	}
	if o.own != nil {
		s.logged("look whether a repository is to be checked", r.ID, o.own)
	}
	s.mu.Lock()
	if o.busy || o.own != nil {
		if planned := t.postpone(o, now); s.Fleet != nil {
			t.check.Due, t.check.Plan = planned, t.text
		}
		s.mu.Unlock()
		s.put(ctx, t, false)
		return
	}
	c, begin := t.keep(o, now)
	s.mu.Unlock()
	s.report(ctx, t)
	if low, known := s.lowDisk(t, o.disk, now); known {
		t.telling.Lock()
		s.tell(ctx, t, syncline.AlarmStorageLow, low)
		t.telling.Unlock()
	}
	if s.Checked != nil {
		s.Checked(ctx, r, c)
	}
	if begin {
		s.logged("start a session", r.ID, s.Sessions.Begin(service, r.ID))
	}
	// The record comes last: where this node dies before, another one checks again.
	s.put(ctx, t, true)
}

// postpone plans the next try after a turn without a check. It returns the next turn,
// which comes later where somebody waits for the check.
func (t *turn) postpone(o outcome, now time.Time) (planned time.Time) {
	planned = t.plan.next(now)
	if o.own != nil {
		planned = t.plan.retry(now, 1)
	}
	t.due = planned
	if t.wanted || t.again || !t.check.AskedAt.IsZero() {
		t.due, t.again = now.Add(busyPause), true
		t.notBefore = t.due
	}
	return planned
}

// keep keeps the outcome of a check, and reports whether a session may begin.
func (t *turn) keep(o outcome, now time.Time) (kept syncline.Check, begin bool) {
	before, c := t.check, &t.check
	c.At, c.Error, c.Code = now, "", ""
	if inOutage(&before, o.err != nil) {
		c.Session = syncline.SessionVerdict{}
	}
	if o.err != nil {
		c.Result, c.Error, c.Code = syncline.CheckFailed, syncline.MessageOf(o.err), syncline.CodeOf(o.err)
		if c.Failures++; c.Failures == 1 {
			c.FailingSince = now
		}
		t.due = t.plan.retry(now, c.Failures)
	} else {
		c.Result, c.Failures, c.FailingSince, c.Listing = syncline.CheckSuccess, 0, time.Time{}, o.found.Listing
		if o.found.New || o.repository.OutOfSync {
			c.Result = syncline.CheckChanged
			begin = mayBegin(*c, now)
		} else {
			c.LookedAt = now
		}
		t.due = t.plan.next(now)
	}
	c.Due, c.Plan = t.due, t.text
	if t.again {
		t.due = now
	}
	t.dirty = true
	t.urgent = t.urgent || before.Result != c.Result || before.Error != c.Error || before.Listing != c.Listing
	return *c, begin
}

// inOutage reports whether the last session failed because the storage was away: it could
// not reach the storage while checks could not either, or the check after it fails. The
// next session then begins as soon as the storage is back, and nobody hears of that
// failure as one of its own. before is the check before the present one.
func inOutage(before *syncline.Check, failed bool) bool {
	v := &before.Session
	switch {
	case v.Failures == 0 || !unreached(v.Code):
		return false
	case before.Failures > 0:
		return !v.At.Before(before.FailingSince)
	}
	return failed && !before.At.After(v.At)
}

// mayBegin reports whether a session may begin for something new. After one that failed
// the next one waits, unless there is something else by then.
func mayBegin(c syncline.Check, now time.Time) bool {
	last := c.Session
	return last.Failures == 0 || last.Listing != c.Listing ||
		!now.Before(last.At.Add(growing(firstSessionPause, maxSessionPause, last.Failures)))
}

// behind reports whether a check has shown that the catalog is not what lies there.
func (o *outcome) behind() bool {
	code := syncline.CodeOf(o.err)
	return !o.busy && (o.found.New || code == syncline.CodeNoRepository || code == syncline.CodeDamaged)
}

// logged logs a failure to do something for a repository that is still there.
func (s *Service) logged(doing string, repository syncline.ID, err error) {
	switch syncline.CodeOf(err) {
	case "", syncline.CodeNotFound, syncline.CodeConflict, syncline.CodeCanceled:
	default:
		s.Logger.Error("cannot "+doing, "repository", repository, "error", err)
	}
}
