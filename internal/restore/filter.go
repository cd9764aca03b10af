package restore

import (
	"os"
	"path"
	"strings"

	"syncline.dev/syncline"
)

// Filter says of a path in the snapshot whether it is to be restored, and of a
// folder whether something below it may be. The zero Filter selects all.
type Filter struct {
	include, exclude         patterns
	foldedInclude, foldedOut patterns
	within                   *pathNode // nil for everywhere
}

// NewFilter makes a filter of restic's patterns: elements as in path.Match,
// "**" for any number of elements, with a slash in front to begin at the root.
// A pattern matches what it names and all below it. With "!" in front it takes
// back what a pattern before it matched. The folded ones are compared without
// regard to letter case. Including and excluding at once is CodeInvalid, and so
// is a malformed pattern.
func NewFilter(include, foldedInclude, exclude, foldedExclude []string) (*Filter, error) {
	if len(include)+len(foldedInclude) > 0 && len(exclude)+len(foldedExclude) > 0 {
		return nil, syncline.Errorf(syncline.CodeInvalid, "exclude and include patterns are mutually exclusive")
	}
	f := &Filter{}
	for _, p := range []struct {
		to   *patterns
		from []string
		fold bool
	}{
		{&f.include, include, false},
		{&f.foldedInclude, foldedInclude, true},
		{&f.exclude, exclude, false},
		{&f.foldedOut, foldedExclude, true},
	} {
		var err error
		if *p.to, err = parsePatterns(p.from, p.fold); err != nil {
			return nil, err
		}
	}
	return f, nil
}

// Within returns a filter that selects what f does of some absolute paths and
// all below them. No paths are all there are.
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

// pathNode is one element of the paths that are selected.
type pathNode struct {
	whole bool // with all below it
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

// all reports whether everything below a path is selected without any pattern
// being asked.
func (f *Filter) all(path string) bool {
	if f == nil {
		return true
	}
	if len(f.include)+len(f.exclude)+len(f.foldedInclude)+len(f.foldedOut) > 0 {
		return false
	}
	if f.within == nil {
		return true
	}
	whole, _ := f.within.match(path)
	return whole
}

// Select reports whether the item at an absolute path is selected, and whether
// something below it may be.
func (f *Filter) Select(name string) (selected, below bool) {
	if f == nil {
		return true, true
	}
	selected, below = f.matchPatterns(name)
	if f.within != nil {
		inside, deeper := f.within.match(name)
		selected, below = selected && inside, below && deeper
	}
	return selected, below
}

func (f *Filter) matchPatterns(name string) (selected, below bool) {
	switch {
	case len(f.include)+len(f.foldedInclude) > 0:
		selected, below = f.include.match(name)
		foldedSelected, foldedBelow := f.foldedInclude.match(strings.ToLower(name))
		return selected || foldedSelected, below || foldedBelow
	case len(f.exclude)+len(f.foldedOut) > 0:
		out, _ := f.exclude.match(name)
		foldedOut, _ := f.foldedOut.match(strings.ToLower(name))
		return !out && !foldedOut, !out && !foldedOut
	}
	return true, true
}

// NewNameFilter chooses names of extended attributes by patterns, as NewFilter
// chooses paths. It returns nil when there are none.
func NewNameFilter(include, exclude []string) (func(name string) bool, error) {
	f, err := NewFilter(include, nil, exclude, nil)
	if err != nil || len(f.include)+len(f.exclude) == 0 {
		return nil, err
	}
	return func(name string) bool {
		chosen, _ := f.Select(name)
		return chosen
	}, nil
}

// ReadPatterns reads a pattern a line, without what is empty or begins with
// "#". Variables in them ($NAME, and "$$" for a dollar sign) are those of
// getenv.
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

type patterns []pattern

type pattern struct {
	negated, rooted bool
	parts           []string
}

func parsePatterns(texts []string, fold bool) (patterns, error) {
	var out patterns
	for _, text := range texts {
		var p pattern
		rest := text
		if rest, p.negated = strings.CutPrefix(rest, "!"); rest == "" {
			continue
		}
		if fold {
			rest = strings.ToLower(rest)
		}
		rest = path.Clean(rest)
		rest, p.rooted = strings.CutPrefix(rest, "/")
		if rest != "" {
			p.parts = strings.Split(rest, "/")
		}
		for _, part := range p.parts {
			if _, err := path.Match(part, ""); err != nil {
				return nil, syncline.WrapError(syncline.CodeInvalid, err, "the pattern %q is malformed", text)
			}
		}
		out = append(out, p)
	}
	return out, nil
}

// match reports whether the patterns match the path, and whether they may
// match one below it.
func (ps patterns) match(name string) (matched, below bool) {
	parts := strings.Split(strings.Trim(name, "/"), "/")
	for i := range ps {
		p := &ps[i]
		switch m := p.matches(parts); {
		case p.negated:
			matched, below = matched && !m, below && !m
		default:
			matched, below = matched || m, below || m || !p.rooted || leads(p.parts, parts)
		}
	}
	return matched, below
}

func (p *pattern) matches(elements []string) bool {
	if p.rooted {
		return matchAt(p.parts, elements)
	}
	for i := range elements {
		if matchAt(p.parts, elements[i:]) {
			return true
		}
	}
	return false
}

// matchAt reports whether the elements begin with what parts describe.
func matchAt(parts, elements []string) bool {
	for i, part := range parts {
		if part == "**" {
			for k := i; k <= len(elements); k++ {
				if matchAt(parts[i+1:], elements[k:]) {
					return true
				}
			}
			return false
		}
		if i == len(elements) || !matchElement(part, elements[i]) {
			return false
		}
	}
	return true
}

// leads reports whether something below the elements may begin with what parts
// describe.
func leads(parts, elements []string) bool {
	for i, element := range elements {
		if i == len(parts) || parts[i] == "**" {
			return true
		}
		if !matchElement(parts[i], element) {
			return false
		}
	}
	return true
}

func matchElement(part, element string) bool {
	ok, err := path.Match(part, element)
	return ok && err == nil
}
