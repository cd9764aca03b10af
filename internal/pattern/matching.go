package pattern

import (
	"math"
	"slices"
	"strings"
)

// Matching says how far a pattern has matched the path of one folder. It is
// immutable: each further name of the path gives another Matching.
type Matching struct {
	depth int32 // parts of the path, including the root
	// The whole pattern has matched, at this folder or above, for paths of at
	// least from parts. 0 stands for no match.
	from    int32
	threads []thread // sorted by next
}

// thread is one way in which the pattern may continue to match. start also
// gives the number of parts that the "**" took. If two threads stand at the same
// part, the deeper start replaces the other one, unless it needs a longer path.
// So a rooted pattern has at most one thread for each part, and any other
// pattern has as many as it has "**".
type thread struct {
	next  int32 // the next part
	start int32 // parts of the path before the match; any number if it makes no difference
	least int32 // least number of parts of the whole path
}

const anywhere = math.MaxInt32

// State says what a Matching means for a path.
type State uint8

// The states, from no match to a match.
const (
	// Never means that neither the path nor a path below it matches.
	Never State = iota
	// Open means that a path below may match.
	Open
	// Soon means that the pattern has matched, but only for longer paths.
	Soon
	// Matched means that the path matches, and all paths below it.
	Matched
)

// State returns the Matching's state for the path.
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

// Passed reports whether some thread is behind a part.
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

// step sets next to the Matching of m's path with one more name. It reuses the
// memory of next. name is in lower case if the pattern ignores letter case.
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

// take moves a thread over a name. matches says whether the thread's part
// matches the name; it has no meaning at a "**".
func (m *Matching) take(p *Pattern, t thread, matches bool) {
	switch {
	case p.parts[t.next].kind == partAny:
		m.add(p, t, false)
	case matches:
		t.next++
		m.add(p, t, true)
	}
}

// add adds a thread. If the thread stands at a "**", add also adds the thread
// that leaves it. comes says that the thread comes from another part, and not
// from the "**" itself.
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

// keep adds a thread, unless another thread replaces it, and drops the threads
// that it replaces. It reports whether it added the thread.
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
