package pattern

import (
	"math"
	"slices"
	"strings"
)

// Matching is how far a pattern has matched the path of one folder. It is not
// changed: each name behind the path gives a new one.
type Matching struct {
	depth int32 // parts of the path; the root is one
	// The whole pattern has matched, at this folder or above, for paths of
	// that many parts or more; 0 when it has not.
	from    int32
	threads []thread // in order of the part that comes next
}

// thread is one way in which the pattern may go on matching. How many parts of
// the path its "**" took follows from where it began. Of two threads at the
// same part, the one that began deeper and needs no longer path does all that
// the other does, so that the other is dropped: a rooted pattern has at most
// one thread for each of its parts, and another one as many as there are "**".
type thread struct {
	next  int32 // the part that comes next
	start int32 // parts of the path in front of the match; anywhere when it makes no difference
	least int32 // parts that the whole path must have
}

const anywhere = math.MaxInt32

// State says what a matching means for a path.
type State uint8

// The states, in the order of how much they promise.
const (
	// Never: neither the path nor anything below it matches.
	Never State = iota
	// Open: something below may match.
	Open
	// Soon: the pattern has matched, but longer paths only.
	Soon
	// Matched: the path matches, and all below it.
	Matched
)

// State says what it means for the path.
func (m *Matching) State(p *Pattern) State {
	switch {
	case p.all || m.from > 0 && m.from <= m.depth:
		return Matched
	case m.from > 0:
		return Soon
	case p.rooted && len(m.threads) == 0:
		return Never
	}
	return Open
}

// Passed reports whether some way of matching has a part behind it.
func (m *Matching) Passed(part int) bool {
	n := len(m.threads)
	return m.from > 0 || n > 0 && int(m.threads[n-1].next) > part
}

// Root returns the matching of the root folder.
func (p *Pattern) Root() Matching {
	m := Matching{depth: 1}
	if p.rooted && !p.all {
		m.add(p, thread{least: 1}, true)
	}
	return m
}

// Step returns the matching of a path with one more name.
func (p *Pattern) Step(m *Matching, name string) Matching {
	var next Matching
	if p.fold {
		name = strings.ToLower(name)
	}
	p.step(&next, m, name)
	return next
}

// step sets next, whose memory it uses again, to the matching of m's path with
// one more name, which is in lower case where the pattern has no regard to it.
func (p *Pattern) step(next, m *Matching, name string) {
	next.depth, next.from, next.threads = m.depth+1, m.from, next.threads[:0]
	if p.all || m.from > 0 && m.from <= next.depth {
		return
	}
	if !p.rooted && m.depth >= p.free {
		next.each(p, p.begin, name)
	} else if !p.rooted {
		before := Matching{depth: m.depth}
		before.add(p, thread{start: m.depth}, true)
		if next.from == 0 || before.from > 0 && before.from < next.from {
			next.from = before.from
		}
		next.each(p, before.threads, name)
	}
	next.each(p, m.threads, name)
}

// each moves threads over a name.
func (m *Matching) each(p *Pattern, threads []thread, name string) {
	matches, of := false, int32(-1)
	for _, t := range threads {
		if x := &p.parts[t.next]; t.next != of && x.kind != partAny {
			matches, of = x.Match(name), t.next
		}
		m.take(p, t, matches)
	}
}

// take moves a thread over a name. When it stands at no "**", matches says
// whether its part matches the name.
func (m *Matching) take(p *Pattern, t thread, matches bool) {
	switch {
	case p.parts[t.next].kind == partAny:
		m.add(p, t, false)
	case matches:
		t.next++
		m.add(p, t, true)
	}
}

// add adds a thread, and the one that leaves a "**" it stands at. It comes from
// another part, or else the "**" took a name.
func (m *Matching) add(p *Pattern, t thread, comes bool) {
	for int(t.next) < len(p.parts) {
		x := &p.parts[t.next]
		if x.kind != partAny {
			m.keep(t)
			return
		}
		leaves := thread{t.next + 1, t.start, t.least}
		if t.start != anywhere {
			taken := m.depth - t.start - x.before
			leaves.least = max(t.least, p.fixed+taken+x.last)
			if comes {
				t.least = max(t.least, p.fixed+taken+x.first)
				leaves.least = max(leaves.least, t.least)
			}
		}
		if !m.keep(t) {
			return
		}
		t, comes = leaves, true
	}
	if from := max(t.least, 1); m.from == 0 || from < m.from {
		m.from = from
	}
}

// keep adds a thread unless there is one that can do all that it can, and drops
// those that can do no more than it. It reports whether the thread was added.
func (m *Matching) keep(t thread) bool {
	end := len(m.threads)
	for end > 0 && m.threads[end-1].next > t.next {
		end--
	}
	first := end
	for ; first > 0 && m.threads[first-1].next == t.next; first-- {
		if o := m.threads[first-1]; o.start >= t.start && o.least <= t.least {
			return false
		}
	}
	kept := first
	for _, o := range m.threads[first:end] {
		if o.start > t.start || o.least < t.least {
			m.threads[kept] = o
			kept++
		}
	}
	m.threads = slices.Replace(m.threads, kept, end, t)
	return true
}

// Match reports whether the pattern matches an absolute path.
func (p *Pattern) Match(path string) bool {
	m, next := p.Root(), Matching{}
	for name := range strings.SplitSeq(strings.TrimPrefix(path, "/"), "/") {
		if p.fold {
			name = strings.ToLower(name)
		}
		p.step(&next, &m, name)
		m, next = next, m
	}
	return m.State(p) == Matched
}
