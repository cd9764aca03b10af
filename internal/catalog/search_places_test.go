package catalog

import (
	"slices"
	"testing"
)

// TestPlaces finds the entries of every name, in whatever order the names came.
func TestPlaces(t *testing.T) {
	r := newRand(8)
	for range 300 {
		n := r.IntN(4 << placeShift)
		if r.IntN(2) == 0 { // where zones end
			n = max(0, r.IntN(4)<<placeShift+r.IntN(3)-1)
		}
		e := &scanEntries{names: make([]uint32, n)}
		span, news, top := 1+r.IntN(2*len(e.names)+2), r.IntN(101), 0
		for i := range e.names {
			if r.IntN(100) < news && top < span { // as a Builder numbers them, or with gaps
				e.names[i] = uint32(top)
				top = min(top+1+r.IntN(2), span)
			} else {
				e.names[i] = uint32(r.IntN(span))
			}
		}
		p := newPlaces(e, span+1)
		for range 40 {
			name := uint32(r.IntN(span + 1))
			found := newBitset(len(e.names))
			p.mark(e, name, found)
			var got, want []uint32
			found.each(func(no uint32) { got = append(got, no) })
			for no, n := range e.names {
				if n == name {
					want = append(want, uint32(no))
				}
			}
			if !slices.Equal(got, want) {
				t.Fatalf("name %d of %d entries is found at %v, want %v", name, len(e.names), got, want)
			}
		}
	}
}

// TestPlacesHaveRoom gives them up where they would take too much.
func TestPlacesHaveRoom(t *testing.T) {
	for _, x := range []struct {
		room int64
		kept bool
	}{{1 << 20, true}, {64, false}} {
		e := &scanEntries{names: make([]uint32, 100)}
		cols := &searchColumns{cache: &searchCache{max: x.room}, entries: e}
		cols.cache.items = []searchCacheItem{{cols: cols}}
		cols.keepPlaces(newPlaces(e, 1))
		if got := cols.places.Load() != nil; got != x.kept {
			t.Errorf("room of %d bytes: kept %v", x.room, got)
		}
		if cols.cache.used > x.room {
			t.Errorf("they take more than %d bytes", x.room)
		}
	}
}

// TestPlacesPushNothingOut: what other catalogs keep is worth more.
func TestPlacesPushNothingOut(t *testing.T) {
	e := &scanEntries{names: make([]uint32, 100)}
	cols, others := &searchColumns{entries: e}, new(searchColumns)
	cols.cache = &searchCache{max: 1000, used: 900, items: []searchCacheItem{{others, 900}, {cols: cols}}}
	if cols.keepPlaces(newPlaces(e, 1)); cols.places.Load() != nil || len(cols.cache.items) != 2 {
		t.Error("another catalog's columns are forgotten for places")
	}
}
