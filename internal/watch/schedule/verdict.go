package schedule

import (
	"context"
	"time"

	"syncline.dev/syncline"
)

// verdict is how a session ended.
type verdict struct {
	repository syncline.ID
	err        error
}

// SessionEnded tells how a session has ended: with an error, or with nil. A session that
// was stopped is not told. It returns at once.
func (s *Service) SessionEnded(repository syncline.ID, err error) {
	s.mu.Lock()
	s.verdicts = append(s.verdicts, verdict{repository, err})
	s.mu.Unlock()
	s.wakeUp()
}

// settle takes the verdicts that are there, and returns how many they were.
func (s *Service) settle(ctx context.Context, now time.Time) int {
	s.mu.Lock()
	list := s.verdicts
	s.verdicts = nil
	s.mu.Unlock()
	for _, v := range list {
		s.mu.Lock()
		t := s.turns[v.repository]
		if t != nil {
			t.judge(v.err, now)
		}
		s.mu.Unlock()
		if t != nil {
			s.report(ctx, t)
		}
	}
	return len(list)
}

// judge keeps the verdict of a session. A session that succeeds has looked at the
// repository, as a check does.
func (t *turn) judge(err error, now time.Time) {
	c := &t.check
	t.dirty, t.urgent = true, true
	if err == nil {
		c.At, c.Result, c.Error, c.Code = now, syncline.CheckSuccess, "", ""
		c.Failures, c.FailingSince, c.Session = 0, time.Time{}, syncline.SessionVerdict{}
	} else {
		v := &c.Session
		v.Error, v.Code, v.At, v.Listing = syncline.MessageOf(err), syncline.CodeOf(err), now, c.Listing
		if v.Failures++; v.Failures == 1 {
			v.Since = now
		}
		// A check finds out whether the storage is to blame.
		t.again = t.again || unreached(v.Code)
	}
	if t.again && !t.checking && !t.plan.off() {
		t.due = now
	}
}

// unreached reports whether a failure can be one of the storage.
func unreached(code syncline.Code) bool {
	return code == syncline.CodeUnavailable || code == syncline.CodeNoRepository
}

// The times after which a condition weighs more.
const (
	criticalUnreached = time.Hour
	criticalSessions  = 24 * time.Hour
)

// conditions returns the conditions of a repository, by kind. A kind that is not there
// cannot be judged at present. unchecked is a repository that is not checked by itself.
func conditions(r syncline.Repository, c syncline.Check, unchecked bool) map[syncline.AlarmKind][]syncline.Condition {
	found := make(map[syncline.AlarmKind][]syncline.Condition)
	one := func(kind syncline.AlarmKind, severity syncline.Severity, message string) {
		found[kind] = []syncline.Condition{{
			Kind: kind, Severity: severity, RepositoryID: r.ID, Message: message, Link: "/repositories/" + string(r.ID),
		}}
	}
	failed := c.Failures > 0
	switch {
	case failed && c.Code != syncline.CodeDamaged:
		one(syncline.AlarmRepositoryUnreachable, since(c.FailingSince, c.At, criticalUnreached), "The repository cannot be reached: "+c.Error)
		return found // the rest is not known
	case failed || !c.At.IsZero():
		found[syncline.AlarmRepositoryUnreachable] = nil
	}
	v := c.Session
	switch {
	case failed:
		one(syncline.AlarmRepositoryDamaged, syncline.SeverityCritical, c.Error)
		return found
	case v.Failures > 0 && v.Code == syncline.CodeDamaged:
		one(syncline.AlarmRepositoryDamaged, syncline.SeverityCritical, v.Error)
		found[syncline.AlarmSynchronizationFailed] = nil
	case v.Failures > 0 && unreached(v.Code) && !c.At.After(v.At) && !unchecked:
		// The check that follows finds out which it is.
	case v.Failures > 0:
		one(syncline.AlarmSynchronizationFailed, since(v.Since, c.At, criticalSessions), "The synchronization fails: "+v.Error)
		found[syncline.AlarmRepositoryDamaged] = nil
	case !c.At.IsZero():
		found[syncline.AlarmRepositoryDamaged], found[syncline.AlarmSynchronizationFailed] = nil, nil
	}
	return found
}

// since is the severity of a condition that has begun at a time.
func since(begun, now time.Time, critical time.Duration) syncline.Severity {
	if now.Sub(begun) >= critical {
		return syncline.SeverityCritical
	}
	return syncline.SeverityWarning
}

// report tells the conditions of a repository.
func (s *Service) report(ctx context.Context, t *turn) {
	t.telling.Lock()
	defer t.telling.Unlock()
	s.mu.Lock()
	r, c, unchecked := t.repository, t.check, t.plan.off()
	s.mu.Unlock()
	found := conditions(r, c, unchecked)
	for _, kind := range []syncline.AlarmKind{syncline.AlarmRepositoryUnreachable, syncline.AlarmRepositoryDamaged, syncline.AlarmSynchronizationFailed} {
		if now, known := found[kind]; known {
			s.tell(ctx, t, kind, now)
		}
	}
}

// tell tells the conditions of a kind if they are others than were told last. The caller
// holds telling.
func (s *Service) tell(ctx context.Context, t *turn, kind syncline.AlarmKind, now []syncline.Condition) {
	told := "none"
	for _, c := range now {
		told += "\x00" + c.Subject + "\x00" + string(c.Severity) + "\x00" + c.Message
	}
	s.mu.Lock()
	id, same := t.repository.ID, t.reported[kind] == told
	s.mu.Unlock()
	if same {
		return
	}
	if err := s.Reporter.Report(ctx, kind, id, now); err != nil {
		s.logged("report the conditions of a repository", id, err)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if t.reported == nil {
		t.reported = make(map[syncline.AlarmKind]string)
	}
	t.reported[kind] = told
}
