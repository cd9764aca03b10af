package explore

import (
	"path"
	"slices"
	"strings"
	"unicode/utf8"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/catalog"
)

// pattern is one of restic's file name patterns, as its find takes them:
//
//   - parts separated by slashes, each as in path.Match; a part "**" stands for
//     any number of parts, also none;
//   - a pattern that begins with a slash matches from the root, any other one
//     from any folder;
//   - a pattern that matches a folder also matches all that is below it;
//   - the empty pattern matches everything, and so does "/"; a "!" in front
//     means nothing.
//
// With two "**" or more there is a rule that nobody would guess: the n-th "**"
// may not take so many parts that a later one would be left with less than one
// part of the whole path, which counts the root and what lies below the match.
// So /a/**/b/**/c matches /a/b/x/c and not /a/x/b/c, but then /a/x/b/c/d. The
// matcher keeps to it, since the results are to be the same.
type pattern struct {
	text   string
	rooted bool
	fold   bool // names are put in lower case before they are compared
	all    bool // matches everything
	parts  []patternPart
	fixed  int      // parts that are no "**", the root of a rooted pattern included
	wild   int      // parts that are
	counts bool     // the rule above can make a difference
	begin  []thread // of a pattern that is not rooted: in every folder
}

type patternPart struct {
	text  string
	kind  partKind
	after int // of a "**": how many there are behind it
}

type partKind uint8

const (
	partName partKind = iota // compared as it is
	partGlob
	partAny // "**"
)

// parsePattern reads a pattern. One that path.Match cannot use is CodeInvalid.
func parsePattern(text string, fold bool) (*pattern, error) {
	p := &pattern{text: text, fold: fold}
	if text == "" {
		p.all = true
		return p, nil
	}
	if fold {
		text = strings.ToLower(text)
	}
	list := strings.Split(path.Clean(strings.TrimPrefix(text, "!")), "/")
	if list[0] == "" {
		p.rooted, p.fixed, list = true, 1, list[1:]
	}
	for _, s := range list {
		part := patternPart{text: s}
		switch {
		case s == "**" || s == "":
			part.kind = partAny
			p.wild++
		case strings.ContainsAny(s, `\[]*?`):
			part.kind = partGlob
			p.fixed++
			if _, err := path.Match(s, ""); err != nil {
				return nil, syncline.WrapError(syncline.CodeInvalid, err,
					"the pattern %q is not valid: a bracket is not closed, or a range or a backslash has nothing behind it", clip(p.text))
			}
		default:
			p.fixed++
		}
		p.parts = append(p.parts, part)
	}
	after := p.wild
	for i := range p.parts {
		if p.parts[i].kind == partAny {
			after--
			p.parts[i].after = after
		}
	}
	p.all = p.fixed == 0 && p.wild <= 3 // more of them need deeper paths
	p.counts = p.rooted && p.wild > 1 || p.wild > 2
	if !p.all && !p.rooted {
		var m matching
		m.add(p, thread{})
		p.begin = m.threads
	}
	return p, nil
}

// last returns the last part that names something, nil for none.
func (p *pattern) last() *patternPart {
	for i := range slices.Backward(p.parts) {
		if p.parts[i].kind != partAny {
			return &p.parts[i]
		}
	}
	return nil
}

// match reports whether a part that is no "**" matches a name.
func (p *patternPart) match(name string) bool {
	if p.kind == partName {
		return p.text == name
	}
	ok, err := path.Match(p.text, name)
	return ok && err == nil
}

// term returns the names of the entries at which a path can begin to match:
// each path that matches has such an entry on it.
func (p *pattern) term() catalog.NameTerm {
	last := p.last()
	if p.all || last == nil {
		return catalog.NameTerm{}
	}
	return p.termOf(last)
}

// termOf returns the names that a part matches.
func (p *pattern) termOf(part *patternPart) catalog.NameTerm {
	if !p.fold && part.kind == partName {
		return catalog.NameTerm{Literal: part.text, Whole: true}
	}
	if !p.fold {
		return catalog.NameTerm{Literal: part.literal(), Match: part.match}
	}
	t := foldedTerm(part.literal())
	t.Match = func(name string) bool { return part.match(strings.ToLower(name)) }
	return t
}

// rarest returns the index of a part beside the last one that few names match:
// one without wildcards if there is any, and of several the longest. It is -1
// where there is none.
func (p *pattern) rarest() int {
	best, length := -1, 0
	last := p.last()
	for i := range p.parts {
		part := &p.parts[i]
		if part == last || part.kind == partAny {
			continue
		}
		n := len(part.literal())
		if part.kind == partName {
			n += 1 << 20
		}
		if n > length {
			best, length = i, n
		}
	}
	return best
}

// literal returns the longest text that is in every name that matches.
func (p *patternPart) literal() string {
	if p.kind == partName {
		return p.text
	}
	var best string
	var now []byte
	keep := func() {
		if len(now) > len(best) {
			best = string(now)
		}
		now = now[:0]
	}
	for i := 0; i < len(p.text); i++ {
		switch c := p.text[i]; c {
		case '*', '?':
			keep()
		case '[':
			keep()
			i += classLength(p.text[i:]) - 1
		case '\\':
			i++
			now = append(now, p.text[i])
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

// foldedTerm is the term for names that have the text when both are in lower
// case. Only its longest run of ASCII is of use for that.
func foldedTerm(text string) catalog.NameTerm {
	var best string
	start := -1
	for i := 0; i <= len(text); i++ {
		if i < len(text) && text[i] < utf8.RuneSelf {
			if start < 0 {
				start = i
			}
			continue
		}
		if start >= 0 && i-start > len(best) {
			best = text[start:i]
		}
		start = -1
	}
	return catalog.NameTerm{Literal: best, Fold: true, NonASCII: best == "" && text != ""}
}
