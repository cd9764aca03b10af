package catalog

import (
	"slices"
	"sort"
)

// places finds the entries of a name. Names are numbered as they come: when an
// entry brings a new name, that has a higher number than all before it. So the zone
// of this entry follows from how high the names were by then. All other entries
// are listed.
type places struct {
	before []uint32 // per zone of entries, and behind the last: one more than the highest name before it
	others []uint64 // name<<32 | entry, ascending
}

// placeShift makes zones of 2,048 entries, which are looked through.
const placeShift = 11

// fewNames is how many names are looked up at most: it takes some
// microseconds each, and to go through all entries some milliseconds.
const fewNames = 256

// loadPlaces returns what finds the entries of a name, or nil: before it is known
// whether there are holders, which are worth more, while it is made, and where
// there is no room to keep it.
func (c *searchColumns) loadPlaces(e *scanEntries) *places {
	c.mu.Lock()
	p, wait := c.places, c.noPlaces || c.entries != e || c.holders == nil && !c.refused
	c.noPlaces = c.noPlaces || p == nil && !wait // nobody else makes it
	c.mu.Unlock()
	if p != nil || wait {
		return p
	}
	p = newPlaces(e)
	if size := int64(4*cap(p.before) + 8*cap(p.others)); !c.cache.fits(size) || !c.cache.admit(c, size) {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.places = p
	return p
}

func newPlaces(e *scanEntries) *places {
	others, top := 0, uint32(0)
	for _, name := range e.names {
		if name >= top {
			top = name + 1
		} else {
			others++
		}
	}
	p := &places{others: make([]uint64, 0, others)}
	top = 0
	for no, name := range e.names {
		if no%(1<<placeShift) == 0 {
			p.before = append(p.before, top)
		}
		if name >= top {
			top = name + 1
		} else {
			p.others = append(p.others, uint64(name)<<32|uint64(no))
		}
	}
	p.before = append(p.before, top)
	slices.Sort(p.others)
	return p
}

// mark adds the entries with a name to a set.
func (p *places) mark(e *scanEntries, name uint32, found bitset) {
	if behind := sort.Search(len(p.before), func(i int) bool { return p.before[i] > name }); 0 < behind && behind < len(p.before) {
		first := (behind - 1) << placeShift
		for i, n := range e.names[first:min(first+1<<placeShift, len(e.names))] {
			if n == name {
				found.set(uint32(first + i))
			}
		}
	}
	at, _ := slices.BinarySearch(p.others, uint64(name)<<32)
	for ; at < len(p.others) && uint32(p.others[at]>>32) == name; at++ {
		found.set(uint32(p.others[at]))
	}
}
