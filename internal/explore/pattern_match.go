package explore

import (
	"slices"
	"strings"
)

// matching is how far a pattern has matched the path of one folder. It is not
// changed: each name behind the path gives a new one.
type matching struct {
	depth   int // parts of the path, the root is the first
	threads []thread
	// The whole pattern has matched, at this folder or above, for paths of
	// that many parts or more; 0 when it has not.
	from int
}

// thread is one way in which the pattern may go on matching.
type thread struct {
	next  int // the part that comes next
	taken int // parts that "**" took so far
	least int // parts that the whole path must have
}

// state says what a matching means for a path.
type state uint8

const (
	// never: neither the path nor anything below it matches.
	never state = iota
	// open: something below may match.
	open
	// soon: the pattern has matched, but longer paths only.
	soon
	// matched: the path matches, and all below it.
	matched
)

func (m *matching) state(p *pattern) state {
	switch {
	case p.all || m.from > 0 && m.from <= m.depth:
		return matched
	case m.from > 0:
		return soon
	case p.rooted && len(m.threads) == 0:
		return never
	}
	return open
}

// passed reports whether some way of matching has a part behind it.
func (m *matching) passed(part int) bool {
	return m.from > 0 || slices.ContainsFunc(m.threads, func(t thread) bool { return t.next > part })
}

// root returns the matching of the root folder.
func (p *pattern) root() matching {
	m := matching{depth: 1}
	if p.rooted && !p.all {
		m.add(p, thread{least: 1})
	}
	return m
}

// step returns the matching of a path with one more name.
func (p *pattern) step(m *matching, name string) matching {
	next := matching{depth: m.depth + 1, from: m.from}
	if p.all || m.from > 0 && m.from <= next.depth {
		return next
	}
	if p.fold {
		name = strings.ToLower(name)
	}
	for _, t := range m.threads {
		next.take(p, t, name)
	}
	if !p.rooted {
		for _, t := range p.begin {
			next.take(p, t, name)
		}
	}
	return next
}

// take moves a thread over a name.
func (m *matching) take(p *pattern, t thread, name string) {
	part := &p.parts[t.next]
	switch {
	case part.kind == partAny:
		if p.counts {
			t.taken++
		}
		m.add(p, t)
	case part.match(name):
		t.next++
		m.add(p, t)
	}
}

// add adds a thread, and those that leave a "**" it stands at.
func (m *matching) add(p *pattern, t thread) {
	for {
		if t.next == len(p.parts) {
			if from := max(t.least, 1); m.from == 0 || from < m.from {
				m.from = from
			}
			return
		}
		if !m.addOne(p, t) || p.parts[t.next].kind != partAny {
			return
		}
		if p.counts {
			t.least = max(t.least, p.fixed+t.taken+p.parts[t.next].after)
		}
		t.next++
	}
}

// addOne adds a thread unless there is one that can do all that it can: at the
// same part, with no more parts taken and no longer path needed.
func (m *matching) addOne(p *pattern, t thread) bool {
	kept := m.threads[:0]
	for i, o := range m.threads {
		if o.next == t.next && o.taken <= t.taken && o.least <= t.least {
			return false
		}
		if o.next != t.next || o.taken < t.taken || o.least < t.least {
			kept = append(kept, m.threads[i])
		}
	}
	m.threads = append(kept, t)
	return true
}
