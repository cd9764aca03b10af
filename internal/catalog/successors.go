package catalog

import (
	"sync"
	"sync/atomic"
)

// successors guesses which entry follows another one in a folder. A new version
// of a folder has nearly all entries of the version before, in the same order.
// Without a record, the guess is the entry with the next number, because the
// entries of a new folder are numbered in a row.
//
// Goroutines may ask while another one records. The caller tries the guess
// before it looks up the table, whose places are random and far apart.
type successors struct {
	mu    sync.Mutex // held to note
	parts atomic.Pointer[[]atomic.Pointer[successorPart]]
}

// successorPart holds, for listPart entries, the number of the one that follows and
// one; 0 where it is the next number.
type successorPart [listPart]atomic.Uint32

// of returns the number of the entry that may follow.
func (s *successors) of(no uint32) uint32 {
	if parts := s.parts.Load(); parts != nil && int(no/listPart) < len(*parts) {
		if part := (*parts)[no/listPart].Load(); part != nil {
			if v := part[no%listPart].Load(); v != 0 {
				return v - 1
			}
		}
	}
	return no + 1
}

// note has the entries of a folder follow one another at the given places, in front
// of them and behind.
func (s *successors) note(nos []uint32, places []int) {
	noting := false
	for _, place := range places {
		for i := max(1, place); i <= place+1 && i < len(nos); i++ {
			before, no := nos[i-1], nos[i]
			if before >= maxEntries || no >= maxEntries || s.of(before) == no {
				continue
			}
			if !noting {
				noting = true
				s.mu.Lock()
				defer s.mu.Unlock()
			}
			s.part(before)[before%listPart].Store(no + 1)
		}
	}
}

// part returns the part for an entry. The caller holds mu.
func (s *successors) part(no uint32) *successorPart {
	at := int(no / listPart)
	parts := s.parts.Load()
	if parts == nil || at >= len(*parts) {
		more := make([]atomic.Pointer[successorPart], 2*at+8)
		if parts != nil {
			for i := range *parts {
				more[i].Store((*parts)[i].Load())
			}
		}
		parts = &more
		s.parts.Store(parts)
	}
	part := (*parts)[at].Load()
	if part == nil {
		part = new(successorPart)
		(*parts)[at].Store(part)
	}
	return part
}
