package pattern

import (
	"context"
	"strings"

	"syncline.dev/syncline"
)

// List is several patterns that choose paths together, like restic's --include
// and --exclude. A matching pattern chooses a path. A matching pattern with "!"
// in front takes back the choice of the patterns before it. Empty patterns
// choose nothing. The nil List has no patterns.
type List struct {
	patterns []*Pattern
	fold     bool
	negated  bool // there are patterns with "!"
}

// ParseList reads patterns. It fails as Parse does, and with CodeInvalid for
// more than MaxPatterns.
func ParseList(texts []string, fold bool) (*List, error) {
	if len(texts) > MaxPatterns {
		return nil, syncline.Errorf(syncline.CodeInvalid, "there are %d patterns; at most %d can be matched", len(texts), MaxPatterns)
	}
	l := &List{fold: fold}
	for _, text := range texts {
		if text == "" {
			continue
		}
		p, err := Parse(text, fold)
		if err != nil {
			return nil, err
		}
		l.patterns = append(l.patterns, p)
		l.negated = l.negated || p.negated
	}
	return l, nil
}

// Cursor matches a list with one path after the other. It remembers the way to
// the last path, so a walk down a tree looks at each name once. It is for one
// goroutine.
type Cursor struct {
	list  *List
	steps int
	path  string  // the last path
	level []level // of each name in path, after that of the root
	free  []level // memory for reuse
}

// level is the state of the matching at one name of the path.
type level struct {
	end      int // end of the name in the path
	states   []Matching
	selected bool
	below    bool
	settled  bool // everything below has the same state
}

// Cursor returns a cursor at the root.
func (l *List) Cursor() *Cursor {
	c := &Cursor{list: l}
	if l != nil {
		root := level{states: make([]Matching, len(l.patterns))}
		for i, p := range l.patterns {
			root.states[i] = p.Root()
		}
		c.level = append(c.level, root)
	}
	return c
}

// Select reports whether the list chooses the path, and whether it may choose a
// path below it. As in restic, a pattern without a root always may. The path is
// absolute, has no slash at its end and is not the root. Select fails when the
// context ends.
func (c *Cursor) Select(ctx context.Context, path string) (selected, below bool, err error) {
	if c.list == nil || len(c.list.patterns) == 0 {
		return false, false, nil
	}
	c.back(path)
	for at := c.level[len(c.level)-1].end; at < len(path); {
		name := path[at+1:]
		if i := strings.IndexByte(name, '/'); i >= 0 {
			name = name[:i]
		}
		at += 1 + len(name)
		if err := c.enter(ctx, name, at); err != nil {
			c.path = ""
			c.back("")
			return false, false, err
		}
	}
	c.path = path
	last := &c.level[len(c.level)-1]
	return last.selected, last.below, nil
}

// back drops the levels that are not on the way to the path.
func (c *Cursor) back(path string) {
	same := 0
	for same < len(path) && same < len(c.path) && path[same] == c.path[same] {
		same++
	}
	n := len(c.level)
	for n > 1 {
		if end := c.level[n-1].end; end <= same && (end == len(path) || path[end] == '/') {
			break
		}
		n--
		if c.level[n].states != nil {
			c.free = append(c.free, c.level[n])
		}
	}
	c.level = c.level[:n]
}

// enter adds the level of a name, which ends at end in the path.
func (c *Cursor) enter(ctx context.Context, name string, end int) error {
	if c.list.fold {
		name = strings.ToLower(name)
	}
	in := &c.level[len(c.level)-1]
	if in.settled {
		c.level = append(c.level, level{end: end, selected: in.selected, below: in.below, settled: true})
		return nil
	}
	var next level
	if n := len(c.free); n > 0 {
		next, c.free = c.free[n-1], c.free[:n-1]
	}
	if next.states == nil {
		next.states = make([]Matching, len(c.list.patterns))
	}
	next = level{end: end, states: next.states} // reuses the memory
	for i, p := range c.list.patterns {
		if c.steps++; c.steps%1024 == 0 && ctx.Err() != nil {
			return syncline.WrapError(syncline.CodeCanceled, ctx.Err(), "the comparison with patterns was canceled")
		}
		p.step(&next.states[i], &in.states[i], name)
		st := next.states[i].State(p)
		if p.negated {
			next.selected, next.below = next.selected && st != Matched, next.below && st != Matched
			continue
		}
		next.selected, next.below = next.selected || st == Matched, next.below || st != Never
		if next.selected && !c.list.negated {
			next.settled = true // a pattern that matches a path matches all below
			break
		}
	}
	c.level = append(c.level, next)
	return nil
}

// Chooses reports whether the list chooses a single name, such as that of an
// extended attribute.
func (l *List) Chooses(name string) bool {
	chosen := false
	if l == nil {
		return false
	}
	if l.fold {
		name = strings.ToLower(name)
	}
	for _, p := range l.patterns {
		if matches := p.matchesRelative(name); p.negated {
			chosen = chosen && !matches
		} else {
			chosen = chosen || matches
		}
	}
	return chosen
}

// matchesRelative reports whether the pattern matches a path without a root.
func (p *Pattern) matchesRelative(name string) bool {
	if p.rooted {
		return false
	}
	parts := strings.Split(name, "/")
	if p.all {
		return int(p.wild) <= len(parts)+1
	}
	var m, next Matching
	for _, part := range parts {
		p.step(&next, &m, part)
		m, next = next, m
	}
	return m.State(p) == Matched
}
