package explore

import (
	"strings"
	"unicode/utf8"

	"syncline.dev/syncline/internal/catalog"
	"syncline.dev/syncline/internal/pattern"
)

// termOfPattern returns names such that every matching path has an entry with
// one of them.
func termOfPattern(p *pattern.Pattern) catalog.NameTerm {
	last := p.Last()
	if p.All() || last == nil {
		return catalog.NameTerm{}
	}
	return termOfPart(p, last)
}

// termOfPart returns the names that a part matches.
func termOfPart(p *pattern.Pattern, part *pattern.Part) catalog.NameTerm {
	if !p.Fold() && part.Plain() {
		return catalog.NameTerm{Literal: part.Literal(), Whole: true}
	}
	if !p.Fold() {
		return catalog.NameTerm{Literal: part.Literal(), Match: part.Match}
	}
	t := foldedTerm(part.Literal())
	t.Match = func(name string) bool { return part.Match(strings.ToLower(name)) }
	return t
}

// rarestPart returns the index of a part, not the last one, that few names
// match. It is the longest part without wildcards, or else the longest part, or
// -1 for none.
func rarestPart(p *pattern.Pattern) int {
	best, length := -1, 0
	last, parts := p.Last(), p.Parts()
	for i := range parts {
		part := &parts[i]
		if part == last || part.Any() {
			continue
		}
		n := len(part.Literal())
		if part.Plain() {
			n += 1 << 20
		}
		if n > length {
			best, length = i, n
		}
	}
	return best
}

// foldedTerm chooses names that contain the text when both are in lower case.
// It uses only the longest run of ASCII.
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
