// Package pattern matches paths with restic's patterns. It is the one matcher
// of the program: find, restore, and the jobs of the server use it. It knows
// nothing of catalogs and repositories.
//
// A pattern is matched name by name on the way down a tree. The time for one
// name grows with the parts of the pattern only, whatever the path is.
package pattern

import (
	"path"
	"slices"
	"strings"

	"syncline.dev/syncline"
)

// The bounds of what is taken. They keep the time that one path can take small,
// since patterns and names come from strangers.
const (
	MaxLength   = 4096   // bytes of one pattern
	MaxPatterns = 10_000 // in one list
)

// Pattern is one of restic's patterns. It is not changed once it is made:
//
//   - parts separated by slashes, each as in path.Match; a part "**" stands for
//     any number of parts, also none;
//   - a pattern that begins with a slash matches from the root, any other one
//     from any folder;
//   - a pattern that matches a folder also matches all that is below it;
//   - the empty pattern matches everything, and so does "/". A "!" in front
//     means something in a List only.
//
// With two "**" or more there is a rule that nobody would guess: the n-th "**"
// may not take so many parts that a later one would be left with less than one
// part of the whole path, which counts the root and what lies below the match.
// So /a/**/b/**/c matches /a/b/x/c and not /a/x/b/c, but then /a/x/b/c/d. The
// matcher keeps to it, since the results are to be the same.
type Pattern struct {
	text    string
	rooted  bool
	fold    bool // names are put in lower case before they are compared
	negated bool
	all     bool // matches everything
	parts   []Part
	fixed   int32    // parts that are no "**", the root of a rooted pattern included
	wild    int32    // how many "**" the text has
	free    int32    // a match that begins so deep, or deeper, keeps to the rule above
	begin   []thread // of a match that does, where it begins
}

// Part is what a pattern has between two slashes. Several "**" in a row are
// one part.
type Part struct {
	text   string
	kind   partKind
	before int32 // parts in front that are no "**", the root included
	// Of a "**": how many there are behind the first of the row, and behind the last.
	first, last int32
}

type partKind uint8

const (
	partName partKind = iota // compared as it is
	partGlob
	partAny // "**"
)

// Parse reads a pattern, for names without regard to letter case where fold is
// set. One that is too long, or that path.Match cannot use, is CodeInvalid.
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
	p.all = p.fixed == 0 && p.wild <= 3 // more of them need deeper paths
	p.free = max(0, p.wild-1)
	if !p.rooted {
		var m Matching
		m.add(p, thread{start: anywhere}, true)
		p.begin = m.threads
	}
	return p, nil
}

// addPart adds a part. A "**" counts in first how many of them are in a row.
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

// clip shortens a text that somebody typed, for a message.
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

// SingleName reports whether a path matches just when one name on it is
// matched by the first part.
func (p *Pattern) SingleName() bool {
	return !p.all && !p.rooted && len(p.parts) == 1 && p.parts[0].kind != partAny
}

// Parts returns the parts, without the root. They are not to be changed.
func (p *Pattern) Parts() []Part { return p.parts }

// Any reports whether the part is a "**".
func (x *Part) Any() bool { return x.kind == partAny }

// Plain reports whether the part matches one name only.
func (x *Part) Plain() bool { return x.kind == partName }

// Match reports whether a part that is no "**" matches a name. With a pattern
// that has no regard to letter case the name is in lower case.
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

// Last returns the last part that names something, nil for none.
func (p *Pattern) Last() *Part {
	for i := range slices.Backward(p.parts) {
		if p.parts[i].kind != partAny {
			return &p.parts[i]
		}
	}
	return nil
}
