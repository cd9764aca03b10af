package catalog

import (
	"bytes"
	"context"
	"encoding/binary"
	"sort"
	"sync"
	"sync/atomic"

	"github.com/zeebo/xxh3"
)

// matchNames returns the numbers of the matching names, or nil. Without more it makes
// no fingerprints.
func (s *Search) matchNames(ctx context.Context, cols *searchColumns, terms []NameTerm, more bool) (bitset, error) {
	hits := borrowBitset(int(s.v.m.Names) + namesPerBlock)
	var any atomic.Bool
	match := func(no int, b *nameBlock) bool {
		m := matchers.Get().(*nameMatcher)
		defer matchers.Put(m)
		m.begin(b, hits[no*namesPerBlock/64:])
		m.prints = more
		for i := range terms {
			m.term(&terms[i])
		}
		if m.found {
			any.Store(true)
		}
		return m.found
	}
	var err error
	s.names, err = cols.loadNames(ctx, s.v, more, match)
	if err != nil || !any.Load() {
		hits.giveBack()
		return nil, err
	}
	return hits, nil
}

// nameMatcher matches the names of one block at a time.
type nameMatcher struct {
	block   *nameBlock
	prints  bool // make fingerprints
	lowered bool
	// Set when the block's text is in lower case.
	lower    []byte // the text with ASCII letters in lower case
	nonASCII bool   // the text has characters outside of ASCII
	hits     bitset
	found    bool
}

// matchers keeps matchers with their buffers, for reuse.
var matchers = sync.Pool{New: func() any { return new(nameMatcher) }}

func (m *nameMatcher) begin(b *nameBlock, hits bitset) {
	*m = nameMatcher{block: b, lower: m.lower[:0], hits: hits}
}

func (m *nameMatcher) hit(i int) {
	m.hits.set(uint32(i))
	m.found = true
}

func (m *nameMatcher) term(t *NameTerm) {
	switch {
	case t.Whole && t.Literal != "" && !m.prints && m.block.prints.Load() == nil:
		m.literal(m.block.text, []byte(t.Literal), func(name string) bool { return name == t.Literal })
	case t.Whole:
		m.whole(t)
	case t.Literal == "":
		m.everyName(t)
	case t.Fold:
		if !m.lowered {
			m.lower, m.nonASCII = appendLower(m.lower, m.block.text)
			m.lowered = true
		}
		m.literal(m.lower, []byte(t.Literal), t.Match)
		if !m.nonASCII {
			return
		}
		for _, sequence := range foldsToASCII {
			m.literal(m.block.text, sequence, t.Match)
		}
	default:
		m.literal(m.block.text, []byte(t.Literal), t.Match)
	}
}

// foldsToASCII holds the characters above 127 that folding or normalizing turns into
// ASCII. A name with one of them may match a literal that its bytes do not have.
var foldsToASCII = [][]byte{
	[]byte("\u0130"), // I with a dot: i
	[]byte("\u212a"), // Kelvin sign: k
	[]byte("\u037e"), // Greek question mark: semicolon
	[]byte("\u1fef"), // Greek varia: grave accent
}

// literal calls match with the names that have the literal. It searches the text
// of the whole block at once, which is much faster than name by name.
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
		if pos+len(literal) > end { // the literal goes on into the next name
			pos++
			continue
		}
		if match == nil || match(string(m.block.at(i))) {
			m.hit(i)
		}
		pos = end
	}
}

// after returns the position of the first end behind pos. It mostly lies near.
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

// whole finds a whole name. Two bytes that are made of each name tell nearly all
// other names apart.
func (m *nameMatcher) whole(t *NameTerm) {
	name := []byte(t.Literal)
	one, two := fingerprint(name)
	ones, twos := m.block.fingerprints()
	for i := 0; ; i++ {
		next := bytes.IndexByte(ones[i:], one)
		if next < 0 {
			return
		}
		if i += next; twos[i] == two && bytes.Equal(m.block.at(i), name) {
			m.hit(i)
			return // the names are distinct
		}
	}
}

func fingerprint(name []byte) (one, two byte) {
	h := xxh3.Hash(name)
	return byte(h), byte(h >> 8)
}

// fingerprints returns two bytes for each name. Several goroutines may call it
// at once.
func (b *nameBlock) fingerprints() (ones, twos []byte) {
	n := len(b.ends)
	p := b.prints.Load()
	if p == nil {
		prints := make([]byte, 2*n)
		for i := range n {
			prints[i], prints[n+i] = fingerprint(b.at(i))
		}
		p = &prints
		b.prints.Store(p)
	}
	return (*p)[:n], (*p)[n:]
}

// appendLower appends a text with its ASCII letters in lower case, and reports
// whether it has other characters than ASCII.
func appendLower(to, text []byte) (lower []byte, nonASCII bool) {
	const ones, tops = 0x0101010101010101, 0x8080808080808080
	var seen uint64
	for ; len(text) >= 8; text = text[8:] {
		w := binary.LittleEndian.Uint64(text)
		seen |= w
		low := w &^ tops
		// The top bit of each byte from 'A' on, and of each byte above 'Z'.
		capital := (low + (0x80-'A')*ones) &^ (low + (0x7f-'Z')*ones) &^ w & tops
		to = binary.LittleEndian.AppendUint64(to, w|capital>>2)
	}
	for _, c := range text {
		seen |= uint64(c)
		if c-'A' < 26 {
			c += 'a' - 'A'
		}
		to = append(to, c)
	}
	return to, seen&tops != 0
}
