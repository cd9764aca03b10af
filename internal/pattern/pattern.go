// Package pattern matches paths with restic's patterns. find, restore and the
// server's jobs use it, and the program has no other matcher. It knows nothing
// of catalogs and repositories.
//
// A pattern is matched name by name on the way down a tree. The time for one
// name depends on the number of the pattern's parts alone, not on the path.
package pattern

import (
	"path"
	"slices"
	"strings"

	"syncline.dev/syncline"
)

// Bounds of patterns. They bound the time for one path, since patterns and
// names come from strangers.
const (
	MaxLength   = 4096   // bytes of one pattern
	MaxPatterns = 10_000 // in one list
)

// Pattern is one of restic's patterns. It is immutable. The rules:
//
//   - A pattern has parts separated by slashes, each as in path.Match. The part
//     "**" stands for any number of parts, also none.
//   - A pattern that begins with a slash matches from the root, any other one
//     from any folder.
//   - A pattern that matches a folder also matches everything below it.
//   - The empty pattern matches everything, and so does "/".
//
// A "!" in front has a meaning in a List only.
//
// A pattern with two or more "**" has a further rule of restic, which is
// surprising. Take the parts of the whole path, which include the root and the
// parts below the match. The n-th "**" must leave at least one of these parts
// to each later "**". So /a/**/b/**/c matches /a/b/x/c and not /a/x/b/c, but it
// matches /a/x/b/c/d. The matcher keeps the rule, because its results must
// equal restic's.
type Pattern struct {
	text    string
	rooted  bool
	fold    bool // names are compared in lower case
	negated bool
	all     bool // matches everything
	parts   []Part
	fixed   int32    // parts other than "**", including the root of a rooted pattern
	wild    int32    // number of "**" in the text
	free    int32    // a match that begins at this depth or below keeps the rule above
	begin   []thread // threads of such a match at its beginning
}

// Part is the text between two slashes of a pattern. Several "**" in a row are
// one part.
type Part struct {
	text   string
	kind   partKind
	before int32 // parts before it other than "**", including the root
	// For a "**": the number of "**" after the first of its row, and after the
	// last.
	first, last int32
}

type partKind uint8

const (
	partName partKind = iota // compared as a text
	partGlob
	partAny // "**"
)

// Parse reads a pattern. With fold, it matches names without regard to letter
// case. A pattern that is too long, or that path.Match cannot use, is
// CodeInvalid.
func Parse(text string, fold bool) (*Pattern, error) {
	if len(text) > MaxLength {
		return nil, syncline.Errorf(syncline.CodeInvalid, "the pattern %q has %d bytes; at most %d can be matched", clip(text), len(text), MaxLength)
	}
	p := &Pattern{text: text, fold: fold}
	if text == "" {
		p.all = true
		return p, nil
	}
	if fold {
		text = strings.ToLower(text)
	}
	text, p.negated = strings.CutPrefix(text, "!")
	list := strings.Split(path.Clean(text), "/")
	if list[0] == "" {
		p.rooted, p.fixed, list = true, 1, list[1:]
	}
	for _, s := range list {
		if err := p.addPart(s); err != nil {
			return nil, err
		}
	}
	after := p.wild
	for i := range p.parts {
		if x := &p.parts[i]; x.kind == partAny {
			row := x.first
			x.first, x.last = after-1, after-row
			after -= row
		}
	}
	p.all = p.fixed == 0 && p.wild <= 3 // more "**" need deeper paths
	p.free = max(0, p.wild-1)
	if !p.rooted {
		var m Matching
		m.add(p, thread{start: anywhere}, true)
		p.begin = m.threads
	}
	return p, nil
}

// addPart adds a part. first counts the "**" of a row.
func (p *Pattern) addPart(text string) error {
	x := Part{text: text, before: p.fixed}
	switch {
	case text == "**" || text == "":
		p.wild++
		if n := len(p.parts); n > 0 && p.parts[n-1].kind == partAny {
			p.parts[n-1].first++
			return nil
		}
		x.kind, x.first = partAny, 1
	case strings.ContainsAny(text, `\[]*?`):
		x.kind = partGlob
		p.fixed++
		if _, err := path.Match(text, ""); err != nil {
			return syncline.WrapError(syncline.CodeInvalid, err,
				"the pattern %q is not valid: a bracket is not closed, or a range or a backslash has nothing behind it", clip(p.text))
		}
	default:
		p.fixed++
	}
	p.parts = append(p.parts, x)
	return nil
}

// clip shortens a typed text for a message.
func clip(text string) string {
	const most = 100
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "…"
}

// String returns the pattern as it was given.
func (p *Pattern) String() string { return p.text }

// All reports whether it matches every path.
func (p *Pattern) All() bool { return p.all }

// Fold reports whether names are compared without regard to letter case.
func (p *Pattern) Fold() bool { return p.fold }

// SingleName reports whether a path matches exactly if the first part matches
// one of its names.
func (p *Pattern) SingleName() bool {
	return !p.all && !p.rooted && len(p.parts) == 1 && p.parts[0].kind != partAny
}

// Parts returns the parts, without the root. They are read-only.
func (p *Pattern) Parts() []Part { return p.parts }

// Any reports whether the part is a "**".
func (x *Part) Any() bool { return x.kind == partAny }

// Plain reports whether the part matches one name only.
func (x *Part) Plain() bool { return x.kind == partName }

// Match reports whether a part other than "**" matches a name. The name is in
// lower case if the pattern ignores letter case.
func (x *Part) Match(name string) bool {
	if x.kind == partName {
		return x.text == name
	}
	ok, err := path.Match(x.text, name)
	return ok && err == nil
}

// Literal returns the longest text that is in every name that the part matches.
func (x *Part) Literal() string {
	if x.kind == partName {
		return x.text
	}
	var best string
	var now []byte
	keep := func() {
		if len(now) > len(best) {
			best = string(now)
		}
		now = now[:0]
	}
	for i := 0; i < len(x.text); i++ {
		switch c := x.text[i]; c {
		case '*', '?':
			keep()
		case '[':
			keep()
			i += classLength(x.text[i:]) - 1
		case '\\':
			i++
			now = append(now, x.text[i])
		default:
			now = append(now, c)
		}
	}
	keep()
	return best
}

// classLength returns the length of the class at the start of a valid pattern.
func classLength(s string) int {
	i := 1
	if i < len(s) && s[i] == '^' {
		i++
	}
	for first := true; i < len(s); first = false {
		switch {
		case s[i] == ']' && !first:
			return i + 1
		case s[i] == '\\':
			i++
		}
		i++
	}
	return len(s)
}

// Last returns the last part other than "**", or nil.
func (p *Pattern) Last() *Part {
	for i := range slices.Backward(p.parts) {
		if p.parts[i].kind != partAny {
			return &p.parts[i]
		}
	}
	return nil
}
