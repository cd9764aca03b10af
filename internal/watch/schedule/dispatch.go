package schedule

import (
	"cmp"
	"context"
	"slices"
	"time"

	"syncline.dev/syncline"
)

// dispatch starts the checks that are due and have a place. It returns how many it has
// started, and the time of the next one.
func (s *Service) dispatch(ctx context.Context, now time.Time) (started int, next time.Time, err error) {
	if s.Fleet != nil {
		return s.dispatchShared(ctx, now)
	}
	if err := s.load(ctx); err != nil {
		return 0, time.Time{}, err
	}
	list, err := s.Repositories.Repositories(ctx)
	if err != nil {
		return 0, time.Time{}, err
	}
	s.reconcile(list, now)
	s.watch()
	settled := s.settle(ctx, now)
	due, next := s.take(now)
	for _, t := range due {
		s.wg.Go(func() { s.check(ctx, ctx, t) })
	}
	s.lookAtDisks(ctx, now)
	s.write(ctx, now, false)
	return len(due) + settled, next, nil
}

// load reads the records of the checks, once.
func (s *Service) load(ctx context.Context) error {
	s.mu.Lock()
	loaded := s.loaded
	s.mu.Unlock()
	if loaded {
		return nil
	}
	list, err := s.Records.Checks(ctx)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.turns = make(map[syncline.ID]*turn, len(list))
	for _, c := range list {
		s.turns[c.RepositoryID] = &turn{check: c}
	}
	s.loaded = true
	return nil
}

// reconcile brings the turns in line with the repositories there are and the schedules
// they have.
func (s *Service) reconcile(list []syncline.Repository, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	back := now.Before(s.last)
	if s.begun.IsZero() {
		s.begun = now
	}
	s.last = now
	there := make(map[syncline.ID]bool, len(list))
	for i := range list {
		r := list[i]
		there[r.ID] = true
		t := s.turns[r.ID]
		if t == nil {
			t = &turn{check: syncline.Check{RepositoryID: r.ID}}
			s.turns[r.ID] = t
		}
		old := t.repository
		t.repository = r
		if back || old.ID == "" {
			t.bound(now)
		}
		if old.ID == "" || old.Schedule != r.Schedule {
			s.replan(t, now)
		} else if back && !t.due.IsZero() {
			t.due = earlier(t.due, t.plan.next(now))
		}
		if old.ID != "" && elsewhere(old, r) {
			t.text = planText(&r, &t.plan)
			t.check.Session = syncline.SessionVerdict{}
			if !t.plan.off() {
				t.due = now
			}
		}
	}
	for id := range s.turns {
		if !there[id] {
			delete(s.turns, id)
		}
	}
}

// bound brings times to the present that lie in the future, as they do after the clock
// was set back. The pause after a session that failed would otherwise last until then.
func (t *turn) bound(now time.Time) {
	c := &t.check
	for _, at := range []*time.Time{&c.At, &c.FailingSince, &c.Session.Since, &c.Session.At} {
		if at.After(now) {
			*at, t.dirty = now, true
		}
	}
}

// watch tells which folders are to be watched.
func (s *Service) watch() {
	if s.Watch == nil {
		return
	}
	s.mu.Lock()
	folders := make(map[syncline.ID]string)
	for id, t := range s.turns {
		if t.repository.Path != "" && !t.plan.off() && s.here(t) {
			folders[id] = t.repository.Path
		}
	}
	s.mu.Unlock()
	s.Watch(folders)
}

// elsewhere reports whether a repository lies at another place, or has another password.
func elsewhere(a, b syncline.Repository) bool {
	return a.Path != b.Path || a.ObjectStorageID != b.ObjectStorageID || a.EncryptionKeyID != b.EncryptionKeyID
}

// replan follows a schedule. The caller holds mu.
func (s *Service) replan(t *turn, now time.Time) {
	p, err := newPlan(t.repository, s.Interval)
	if err != nil {
		s.Logger.Error("the schedule of a repository cannot be read, so that it is not checked; set it again",
			"repository", t.repository.ID, "error", err)
		p = plan{id: t.repository.ID}
	}
	t.plan, t.text = p, planText(&t.repository, &p)
	t.due = t.first(now)
}

// take marks the repositories that are due, as far as there are places: those first that
// are due for longest. It returns them, and when the next one is due.
func (s *Service) take(now time.Time) (due []*turn, next time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range s.turns {
		from, ok := s.from(t)
		switch {
		case t.checking || t.due.IsZero() || !ok:
		case t.due.After(now):
			next = earlier(next, t.due)
		case from.After(now):
			next = earlier(next, from)
		default:
			due = append(due, t)
		}
	}
	slices.SortFunc(due, func(a, b *turn) int {
		return cmp.Or(a.due.Compare(b.due), cmp.Compare(a.repository.ID, b.repository.ID))
	})
	// The others take their turn when a check gives its place free.
	due = due[:min(len(due), max(s.AtOnce-s.held, 0))]
	for _, t := range due {
		t.checking, t.wanted, t.again = true, t.again, false
	}
	s.held += len(due)
	return due, next
}
