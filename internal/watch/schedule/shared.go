package schedule

import (
	"cmp"
	"context"
	"time"

	"syncline.dev/syncline"
)

// dispatchShared is dispatch on one of several nodes.
func (s *Service) dispatchShared(ctx context.Context, now time.Time) (started int, next time.Time, err error) {
	if err := cmp.Or(s.ask(ctx, now), s.refresh(ctx, now)); err != nil {
		return 0, now.Add(refreshEvery), err
	}
	s.watch()
	settled := s.settleShared(ctx, now)
	due, next := s.take(now)
	for _, t := range due {
		s.wg.Go(func() { s.checkShared(ctx, t) })
	}
	s.lookAtDisks(ctx, now)
	return len(due) + settled, earlier(next, now.Add(refreshEvery)), nil
}

// ask writes down which checks other nodes are to make.
func (s *Service) ask(ctx context.Context, now time.Time) error {
	s.mu.Lock()
	asks := s.shared.asks
	s.shared.asks = nil
	s.mu.Unlock()
	var failure error
	for id, anew := range asks {
		err := s.Records.AskCheck(ctx, id, now, anew)
		if err != nil && syncline.CodeOf(err) != syncline.CodeNotFound {
			s.askFor(id, anew)
			failure = err
		}
	}
	return failure
}

// askFor has other nodes make a check.
func (s *Service) askFor(repository syncline.ID, anew bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.shared.asks == nil {
		s.shared.asks = make(map[syncline.ID]bool)
	}
	s.shared.asks[repository] = s.shared.asks[repository] || anew
	s.shared.stale = true
}

// refresh reads from time to time what the others did.
func (s *Service) refresh(ctx context.Context, now time.Time) error {
	s.mu.Lock()
	age := now.Sub(s.shared.at)
	fresh := !s.shared.stale && !s.shared.at.IsZero() && age >= 0 && age < refreshEvery
	s.shared.stale = false
	if s.turns == nil {
		s.turns = make(map[syncline.ID]*turn)
	}
	s.mu.Unlock()
	if !fresh {
		if err := s.read(ctx, now); err != nil {
			s.mu.Lock()
			s.shared.stale = true
			s.mu.Unlock()
			return err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range s.turns {
		s.follow(t, now)
	}
	return nil
}

// read reads the repositories, the nodes and the records.
func (s *Service) read(ctx context.Context, now time.Time) error {
	list, err := s.Repositories.Repositories(ctx)
	if err != nil {
		return err
	}
	living, able, err := s.Fleet.Nodes(ctx)
	if err != nil {
		return err
	}
	taken, err := s.Fleet.Taken(ctx)
	if err != nil {
		return err
	}
	// The records are read last: a check that has ended since is in them.
	records, err := s.Records.Checks(ctx)
	if err != nil {
		return err
	}
	s.reconcile(list, now)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.shared.at, s.shared.living, s.shared.able, s.shared.taken = now, living, able, taken
	known := make(map[syncline.ID]syncline.Check, len(records))
	for _, c := range records {
		known[c.RepositoryID] = c
	}
	for id, t := range s.turns {
		t.rank = s.rank(id, t.repository)
		if !t.checking || t.hung {
			t.check = known[id]
			t.check.RepositoryID = id
		}
	}
	return nil
}

// checkShared checks a repository if this node gets the duty, and nobody has just checked
// it.
func (s *Service) checkShared(ctx context.Context, t *turn) {
	s.mu.Lock()
	id := t.repository.ID
	s.mu.Unlock()
	held, drop, err := s.Fleet.Take(ctx, id)
	if held == nil || err != nil {
		s.logged("take the duty to check a repository", id, err)
		s.pass(t)
		return
	}
	now := s.now()
	c, err := s.current(held, id)
	if err != nil {
		drop()
		s.logged("read the check of a repository", id, err)
		s.pass(t)
		return
	}
	s.mu.Lock()
	t.drop = drop
	t.adopt(c, now)
	again := t.again
	t.again = t.wanted
	due := t.planned(now)
	t.again = again
	s.mu.Unlock()
	if due.IsZero() || due.After(now) {
		s.letGo(t)
		s.pass(t)
		return
	}
	s.check(ctx, held, t)
}

// current reads the record of a repository. A session that has succeeded on a node which
// died before it was judged is judged here.
func (s *Service) current(held context.Context, repository syncline.ID) (syncline.Check, error) {
	c, err := s.Records.CheckOf(held, repository)
	if err != nil || c.Session.Failures == 0 {
		return c, err
	}
	at, err := s.Sessions.Succeeded(held, repository)
	if at.After(c.Session.At) {
		c.Session = syncline.SessionVerdict{}
	}
	return c, err
}

// adopt takes over the record of a repository. Nobody knows what was told of it last
// after another node had a part in it. The caller holds mu.
func (t *turn) adopt(c syncline.Check, now time.Time) {
	if !t.put.At.Equal(c.At) || t.put.Failures != c.Failures || !t.put.Session.At.Equal(c.Session.At) || t.put.Session.Failures != c.Session.Failures {
		clear(t.reported)
	}
	t.check = c
	if c.Anew || c.Plan != "" && placeIn(c.Plan) != placeIn(t.text) {
		t.check.Session = syncline.SessionVerdict{}
	}
	t.bound(now)
}

// pass gives a turn back that another node has.
func (s *Service) pass(t *turn) {
	now := s.now()
	s.mu.Lock()
	t.checking, t.again = false, t.again || t.wanted
	t.notBefore = now.Add(refreshEvery)
	s.held--
	s.follow(t, now)
	s.mu.Unlock()
	s.wakeUp()
}

// letGo lets the duty of a turn go, if there is one.
func (s *Service) letGo(t *turn) {
	s.mu.Lock()
	drop := t.drop
	t.drop = nil
	s.mu.Unlock()
	if drop != nil {
		drop()
	}
}

// put records a turn on the database that all nodes share. answered says that the check
// was made that somebody asked for.
func (s *Service) put(held context.Context, t *turn, answered bool) {
	if s.Fleet == nil {
		return
	}
	s.mu.Lock()
	c := t.check
	if !answered {
		c.AskedAt = time.Time{}
	}
	s.mu.Unlock()
	err := s.Records.PutChecks(held, c)
	switch {
	case syncline.CodeOf(err) == syncline.CodeConflict:
		s.Logger.Info("another node has taken over the check of a repository, and nothing of this one is recorded", "repository", c.RepositoryID, "error", err)
	case err != nil:
		s.logged("record the check of a repository", c.RepositoryID, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		t.put, t.notBefore = syncline.Check{}, s.now().Add(refreshEvery)
		return
	}
	t.put = c
	if answered {
		t.check.AskedAt, t.check.Anew = time.Time{}, false
	}
}

// settleShared takes the verdicts of sessions that ended on this node. One whose
// repository is being checked waits.
func (s *Service) settleShared(ctx context.Context, now time.Time) (settled int) {
	s.mu.Lock()
	list := s.verdicts
	s.verdicts = nil
	s.mu.Unlock()
	for _, v := range list {
		s.mu.Lock()
		t := s.turns[v.repository]
		busy := t != nil && t.checking && !t.hung
		s.mu.Unlock()
		switch {
		case t == nil:
		case busy || !s.settleOne(ctx, t, v, now):
			s.mu.Lock()
			s.verdicts = append(s.verdicts, v)
			s.mu.Unlock()
		default:
			settled++
		}
	}
	return settled
}

// settleOne reports false where another node checks the repository, or nobody knows.
func (s *Service) settleOne(ctx context.Context, t *turn, v verdict, now time.Time) bool {
	held, drop, err := s.Fleet.Take(ctx, v.repository)
	if held == nil || err != nil {
		s.logged("take the duty to judge a session", v.repository, err)
		return false
	}
	defer drop()
	c, err := s.current(held, v.repository)
	if err != nil {
		s.logged("read the check of a repository", v.repository, err)
		return false
	}
	s.mu.Lock()
	t.adopt(c, now)
	t.judge(v.err, now)
	if c := &t.check; v.err == nil && c.Plan != t.text {
		c.Due, c.Plan = t.plan.next(now), t.text
	}
	s.mu.Unlock()
	s.report(held, t)
	s.put(held, t, false)
	return true
}
