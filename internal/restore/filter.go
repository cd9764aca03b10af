package restore

import (
	"context"
	"os"
	"strings"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/pattern"
)

// Filter says which paths of a snapshot are restored, and which folders may
// have such paths below them. The zero Filter selects all.
type Filter struct {
	include, exclude []*pattern.List
	within           *pathNode // nil for everywhere
}

// NewFilter makes a filter of restic's patterns (see package pattern). Folded
// patterns ignore letter case. Including and excluding at once is CodeInvalid,
// and so is a pattern that cannot be used.
func NewFilter(include, foldedInclude, exclude, foldedExclude []string) (*Filter, error) {
	f := &Filter{}
	for _, p := range []struct {
		to   *[]*pattern.List
		from []string
		fold bool
	}{
		{&f.include, include, false},
		{&f.include, foldedInclude, true},
		{&f.exclude, exclude, false},
		{&f.exclude, foldedExclude, true},
	} {
		if len(p.from) == 0 {
			continue
		}
		list, err := pattern.ParseList(p.from, p.fold)
		if err != nil {
			return nil, err
		}
		*p.to = append(*p.to, list)
	}
	if len(f.include) > 0 && len(f.exclude) > 0 {
		return nil, syncline.Errorf(syncline.CodeInvalid, "exclude and include patterns are mutually exclusive")
	}
	return f, nil
}

// Within returns a filter that selects f's paths at and below some absolute
// paths. Without paths it returns f's selection.
func (f *Filter) Within(paths ...string) *Filter {
	out := Filter{}
	if f != nil {
		out = *f
	}
	if len(paths) == 0 {
		return &out
	}
	out.within = &pathNode{}
	for _, p := range paths {
		at := out.within
		for _, name := range elements(p) {
			if at.below[name] == nil {
				if at.below == nil {
					at.below = make(map[string]*pathNode)
				}
				at.below[name] = &pathNode{}
			}
			at = at.below[name]
		}
		at.whole = true
	}
	return &out
}

// pathNode is one element of the selected paths.
type pathNode struct {
	whole bool // everything below is selected
	below map[string]*pathNode
}

func (n *pathNode) match(path string) (selected, below bool) {
	for _, name := range elements(path) {
		if n.whole {
			return true, true
		}
		if n = n.below[name]; n == nil {
			return false, false
		}
	}
	return n.whole, true
}

func elements(path string) []string {
	return strings.FieldsFunc(path, func(r rune) bool { return r == '/' })
}

// all reports whether everything below a path is selected, so that no pattern
// needs to be matched.
func (f *Filter) all(path string) bool {
	if f == nil {
		return true
	}
	if len(f.include)+len(f.exclude) > 0 {
		return false
	}
	if f.within == nil {
		return true
	}
	whole, _ := f.within.match(path)
	return whole
}

// Selector applies a filter to one path after the other. On a walk down a tree
// it matches each name with the patterns once. It is for one goroutine.
type Selector struct {
	within           *pathNode
	include, exclude []*pattern.Cursor
}

// Selector returns a selector for one walk.
func (f *Filter) Selector() *Selector {
	s := &Selector{}
	if f == nil {
		return s
	}
	s.within = f.within
	for _, list := range f.include {
		s.include = append(s.include, list.Cursor())
	}
	for _, list := range f.exclude {
		s.exclude = append(s.exclude, list.Cursor())
	}
	return s
}

// Select reports whether the item at an absolute path is selected, and whether
// an item below it may be. It fails when the context ends.
func (s *Selector) Select(ctx context.Context, name string) (selected, below bool, err error) {
	selected, below, err = s.matchPatterns(ctx, name)
	if s.within != nil {
		inside, deeper := s.within.match(name)
		selected, below = selected && inside, below && deeper
	}
	return selected, below, err
}

func (s *Selector) matchPatterns(ctx context.Context, name string) (selected, below bool, err error) {
	for _, c := range s.exclude {
		if out, _, err := c.Select(ctx, name); out || err != nil {
			return false, false, err
		}
	}
	if len(s.include) == 0 {
		return true, true, nil
	}
	for _, c := range s.include {
		in, deeper, err := c.Select(ctx, name)
		if err != nil {
			return false, false, err
		}
		selected, below = selected || in, below || deeper
	}
	return selected, below, nil
}

// NewNameFilter chooses names of extended attributes by patterns, as NewFilter
// chooses paths. Without patterns it returns nil.
func NewNameFilter(include, exclude []string) (func(name string) bool, error) {
	f, err := NewFilter(include, nil, exclude, nil)
	switch {
	case err != nil:
		return nil, err
	case len(f.include) > 0:
		return f.include[0].Chooses, nil
	case len(f.exclude) > 0:
		return func(name string) bool { return !f.exclude[0].Chooses(name) }, nil
	}
	return nil, nil
}

// ReadPatterns reads one pattern per line. It skips empty lines and lines that
// begin with "#". getenv gives the values of variables ($NAME); "$$" is a
// dollar sign.
func ReadPatterns(text string, getenv func(string) string) (list []string) {
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		list = append(list, os.Expand(line, func(name string) string {
			if name == "$" {
				return "$"
			}
			return getenv(name)
		}))
	}
	return list
}
