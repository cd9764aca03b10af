package catalog

import (
	"bytes"
	"context"
	"slices"
	"sort"
	"sync/atomic"
)

// matchNames returns the numbers of the names that match, nil for none.
func (s *Search) matchNames(ctx context.Context, cols *searchColumns, terms []NameTerm) (bitset, error) {
	hits := newBitset(int(s.v.m.Names) + namesPerBlock)
	var any atomic.Bool
	match := func(no int, b *nameBlock) {
		m := nameMatcher{block: b, hits: hits[no*namesPerBlock/64:]}
		for i := range terms {
			m.term(&terms[i])
		}
		if m.found {
			any.Store(true)
		}
	}
	var err error
	s.names, err = cols.loadNames(ctx, s.v, match)
	if err != nil || !any.Load() {
		return nil, err
	}
	return hits, nil
}

// nameMatcher matches the names of one block.
type nameMatcher struct {
	block *nameBlock
	lower []byte // the text with ASCII letters in lower case, when it was needed
	hits  bitset
	found bool
}

func (m *nameMatcher) hit(i int) {
	m.hits.set(uint32(i))
	m.found = true
}

func (m *nameMatcher) term(t *NameTerm) {
	switch {
	case t.Literal == "":
		m.everyName(t)
	case t.Fold:
		if m.lower == nil {
			m.lower = lowerASCII(m.block.text)
		}
		m.literal(m.lower, []byte(t.Literal), t.Match)
		for _, sequence := range foldsToASCII {
			m.literal(m.block.text, sequence, t.Match)
		}
	default:
		m.literal(m.block.text, []byte(t.Literal), t.Match)
	}
}

// foldsToASCII are the characters above 127 that become ASCII ones when they
// are folded or normalized. A name with one of them may match a literal that
// is not in its bytes.
var foldsToASCII = [][]byte{
	[]byte("\u0130"), // I with a dot: i
	[]byte("\u212a"), // Kelvin sign: k
	[]byte("\u037e"), // Greek question mark: semicolon
	[]byte("\u1fef"), // Greek varia: grave accent
}

// literal asks match about the names that have the literal. It looks through
// the whole text, which is much faster than one name after the other.
func (m *nameMatcher) literal(text, literal []byte, match func(string) bool) {
	ends := m.block.ends
	i, pos := 0, 0
	for {
		p := bytes.Index(text[pos:], literal)
		if p < 0 {
			return
		}
		pos += p
		i += after(ends[i:], uint32(pos))
		end := int(ends[i])
		if pos+len(literal) > end { // part of it is the next name's
			pos++
			continue
		}
		if match == nil || match(string(m.block.at(i))) {
			m.hit(i)
		}
		pos = end
	}
}

// after returns the position of the first end behind pos. It is mostly near.
func after(ends []uint32, pos uint32) int {
	for i := range min(8, len(ends)) {
		if ends[i] > pos {
			return i
		}
	}
	return sort.Search(len(ends), func(i int) bool { return ends[i] > pos })
}

func (m *nameMatcher) everyName(t *NameTerm) {
	if t.NonASCII && !hasNonASCII(m.block.text) {
		return
	}
	text, start := string(m.block.text), uint32(0)
	for i, end := range m.block.ends {
		name := text[start:end]
		start = end
		if t.NonASCII && !hasNonASCII(name) {
			continue
		}
		if t.Match == nil || t.Match(name) {
			m.hit(i)
		}
	}
}

func hasNonASCII[T string | []byte](s T) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return true
		}
	}
	return false
}

func lowerASCII(text []byte) []byte {
	lower := slices.Clone(text)
	for i, c := range lower {
		if c-'A' < 26 {
			lower[i] = c + 'a' - 'A'
		}
	}
	return lower
}
