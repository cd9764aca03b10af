package schedule

import (
	"context"
	"fmt"
	"hash/fnv"
	"slices"
	"time"

	"syncline.dev/syncline"
)

// Fleet shares the checks among nodes. Each repository has an order of the nodes: the
// first one checks it, and the others step in when it is late. A duty makes sure that one
// node at a time checks it, and the records tell each node what the others did.
type Fleet interface {
	// Node returns the id of this node.
	Node() syncline.ID
	// Nodes returns the nodes that live, and those of them that take work.
	Nodes(ctx context.Context) (living, able []syncline.ID, err error)
	// Take takes the duty to check a repository. It returns the context for all that the
	// check does, and what lets the duty go; both are nil where another node has it.
	Take(ctx context.Context, repository syncline.ID) (held context.Context, drop func(), err error)
	// Taken returns the repositories that other nodes check now.
	Taken(ctx context.Context) (map[syncline.ID]bool, error)
}

const (
	// refreshEvery is the time between two looks at what the other nodes did.
	refreshEvery = 5 * time.Second
	// stepIn is how long a check is late when the second node takes it, and stepMore is
	// how much later each further one does.
	stepIn, stepMore = 30 * time.Second, 5 * time.Second
	// overdue is how late a check is that a round waits for in vain.
	overdue = 5 * time.Minute
)

// shared is what a node knows of the others.
type shared struct {
	at           time.Time // of the last look, zero for none
	stale        bool      // something has changed, so that it looks at once
	living, able []syncline.ID
	taken        map[syncline.ID]bool
	asks         map[syncline.ID]bool // checks that others are to make; true for anew
}

// part is a turn as one of several nodes has it.
type part struct {
	rank      int       // in the order of the nodes; negative for a node that does not check it
	dueSince  time.Time // when this node first saw that the check is due
	noticed   time.Time // when this node first saw that the repository lies elsewhere
	notBefore time.Time // this node tries again
	drop      func()    // lets the duty go, nil for none
	put       syncline.Check
}

// rank returns the place of this node among those that check a repository: the one that
// the repository belongs to, or all. Where that one is dead, the others find out, which
// is a failure of the repository.
func (s *Service) rank(id syncline.ID, r syncline.Repository) int {
	if owner := r.NodeID; owner != "" && slices.Contains(s.shared.living, owner) {
		if owner == s.Fleet.Node() && slices.Contains(s.shared.able, owner) {
			return 0
		}
		return -1
	}
	self, rank := s.Fleet.Node(), 0
	if !slices.Contains(s.shared.able, self) {
		return -1
	}
	mine := weight(self, id)
	for _, n := range s.shared.able {
		if w := weight(n, id); w > mine || w == mine && n < self {
			rank++
		}
	}
	return rank
}

// weight is the weight of a node for a repository. The heaviest node comes first, and
// each node comes first for as many repositories as the others.
func weight(node, repository syncline.ID) uint64 {
	h := fnv.New64a()
	h.Write([]byte(node))
	h.Write([]byte{0})
	h.Write([]byte(repository))
	return mixed(h.Sum64())
}

// serves reports whether this node checks a repository at all. The caller holds mu.
func (s *Service) serves(t *turn) bool { return s.Fleet == nil || t.rank >= 0 }

// here reports whether the folder of a local repository is one of this node's.
func (s *Service) here(t *turn) bool {
	owner := t.repository.NodeID
	return s.Fleet == nil || owner == "" || owner == s.Fleet.Node()
}

// follow plans a turn by its record, which all nodes have. The caller holds mu.
func (s *Service) follow(t *turn, now time.Time) {
	if t.checking && !t.hung {
		return
	}
	t.due = t.planned(now)
	switch {
	case t.due.IsZero() || t.due.After(now):
		t.dueSince = time.Time{}
	case t.dueSince.IsZero():
		t.dueSince = now
	}
}

// planned returns when a repository is to be checked as its record has it: all nodes
// find the same time. A schedule that has changed is followed at once, and a repository
// that lies elsewhere is checked at once.
func (t *turn) planned(now time.Time) time.Time {
	c := &t.check
	if c.Plan == t.text {
		t.noticed = time.Time{}
	}
	switch {
	case t.plan.off():
		return time.Time{}
	case t.again:
		return now
	case !c.AskedAt.IsZero():
		return earlier(c.AskedAt, now)
	case c.At.IsZero() && c.Due.IsZero():
		return earlier(t.repository.CreatedAt, now)
	case c.Plan == t.text:
		return earlier(c.Due, t.plan.next(now)) // which it is after, where a clock was set back
	case placeIn(c.Plan) != placeIn(t.text):
		t.noticed = earlier(t.noticed, now)
		return t.noticed
	}
	due := t.plan.next(c.At)
	if c.Failures > 0 {
		due = earlier(due, t.plan.retry(c.At, c.Failures))
	}
	return due
}

// planText names the place and the schedule by which a check is planned.
func planText(r *syncline.Repository, p *plan) string {
	place := p.hash(fmt.Sprintf("%q %q %q %q", r.Path, r.NodeID, r.ObjectStorageID, r.EncryptionKeyID))
	schedule := p.hash(fmt.Sprintf("%q %q %s", r.Schedule.Cron, r.Schedule.TimeZone, p.interval))
	return fmt.Sprintf("%016x %016x", place, schedule)
}

// placeIn is the part of a plan's text that names the place.
func placeIn(text string) string { return text[:min(len(text), 16)] }

// from returns from when on this node takes a turn that is due; ok is false for never.
// The caller holds mu.
func (s *Service) from(t *turn) (from time.Time, ok bool) {
	switch {
	case s.Fleet == nil:
		return t.due, true
	case t.rank < 0:
		return time.Time{}, false
	case t.rank > 0 && !t.again:
		from = t.dueSince.Add(stepIn + time.Duration(t.rank-1)*stepMore)
	default:
		from = t.due
	}
	if t.notBefore.After(from) {
		from = t.notBefore
	}
	if s.shared.taken[t.repository.ID] {
		from = s.shared.at.Add(refreshEvery)
	}
	return from, true
}

// LastGood returns the time of the last check of any repository, zero while a repository
// that somebody checks waits for its check for too long. A check that fails is an alarm,
// and no reason to be silent.
func (s *Service) LastGood(_ context.Context, now time.Time) (last time.Time, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range s.turns {
		if s.waits(t, now) {
			return time.Time{}, nil
		}
		if t.check.At.After(last) {
			last = t.check.At
		}
	}
	return last, nil
}

// waits reports whether a check is overdue. One is not that nobody makes, because the
// node of the repository is in maintenance mode. The caller holds mu.
func (s *Service) waits(t *turn, now time.Time) bool {
	if t.due.IsZero() || now.Sub(t.due) <= overdue {
		return false
	}
	owner := t.repository.NodeID
	return owner == "" || !slices.Contains(s.shared.living, owner) || slices.Contains(s.shared.able, owner)
}

// ownerGone fails where the node of a repository is not there.
func (s *Service) ownerGone(r syncline.Repository) error {
	if s.Fleet == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	owner := r.NodeID
	if owner == "" || owner == s.Fleet.Node() || slices.Contains(s.shared.living, owner) {
		return nil
	}
	return syncline.Errorf(syncline.CodeUnavailable,
		"the node %s, to which the repository belongs, is offline; start it, or let another node serve the repository", owner)
}
