package series

import (
	"time"

	"syncline.dev/syncline"
)

// Reason says why a state is Unknown.
type Reason string

// The reasons.
const (
	NoRhythm    Reason = "NoRhythm"    // fewer than four gaps are known, and no rule applies
	NotLookedAt Reason = "NotLookedAt" // the repository cannot be looked at, or was not since the time by which a backup was due
)

const (
	// failingFor is how long a repository fails before a passed limit is told of.
	failingFor = time.Hour
	// unlookedFor is the same for a repository that fails not, but is not looked at.
	unlookedFor = 26 * time.Hour
)

// verdict is how a series is.
type verdict struct {
	state  syncline.MachineState
	reason Reason
	rule   *syncline.AlarmRule // nil for none
	due    time.Time           // by which the next backup has to be seen; zero where nobody can tell
	// unseen says that the time has passed and nobody has looked for so long that a
	// person has to hear of it.
	unseen bool
}

// judge says how a series is at a time. A series is late when a look after the time at
// which a backup was due has found none. Without such a look nobody knows.
func judge(s *syncline.Series, rules []syncline.AlarmRule, look *syncline.Look, inSync bool, now time.Time) verdict {
	v := verdict{rule: ruleFor(rules, s)}
	v.due = due(s, v.rule)
	failing := !look.FailedAt.IsZero()
	looked := look.LookedAt
	if looked.After(now) { // the clock was set back: no look has been in the future
		looked = now
	}
	switch {
	case !s.RetiredAt.IsZero():
		v.state = syncline.MachineRetired
	case v.due.IsZero():
		v.state, v.reason = syncline.MachineUnknown, NoRhythm
	case looked.After(v.due):
		v.state = syncline.MachineLate
	case isPast(v.due, now):
		v.state, v.reason = syncline.MachineUnknown, NotLookedAt
		v.unseen = failing && now.Sub(look.FailedAt) > failingFor || now.Sub(looked) > unlookedFor
	case failing || !inSync || looked.IsZero():
		v.state, v.reason = syncline.MachineUnknown, NotLookedAt
	default:
		v.state = syncline.MachineInTime
	}
	return v
}

// due returns the time by which the next backup of a series has to be seen: that of the
// rule, or else of the rhythm. It is zero where neither is there.
func due(s *syncline.Series, rule *syncline.AlarmRule) time.Time {
	last := s.LastSeen
	if last.IsZero() { // every snapshot claims the future
		last = s.AddedAt
	}
	switch {
	case rule != nil:
		return last.Add(rule.MaxAge)
	case s.Rhythm > 0:
		return last.Add(limitOf(s.Rhythm))
	}
	return time.Time{}
}

// isPast reports whether a time is known and has passed.
func isPast(t, now time.Time) bool { return !t.IsZero() && now.After(t) }
