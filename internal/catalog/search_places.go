package catalog

import (
	"slices"
	"sort"
)

// places finds the entries of a name. Names are numbered as they come, so most
// entries that are the first with their name have a higher one than all
// before: such an entry's zone follows from how high the names were by then. The
// others are listed.
type places struct {
	before []uint32 // per zone of entries, and behind the last: one more than the highest name before it
	others []uint64 // name<<32 | entry, ascending
}

// placeShift makes zones of 2,048 entries, which are looked through.
const placeShift = 11

// fewNames is how many names are looked up at most: it takes some
// microseconds each, and to go through all entries some milliseconds.
const fewNames = 256

// loadPlaces returns what finds the entries of a name, from the second search
// that could use it on, and where there is room to keep it. Otherwise it is nil.
func (c *searchColumns) loadPlaces(e *scanEntries) *places {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.places != nil || c.noPlaces || c.entries != e || !c.named {
		c.named = true
		return c.places
	}
	zones := len(e.names)>>placeShift + 1
	others, top := 0, uint32(0)
	for _, name := range e.names {
		if name >= top {
			top = name + 1
		} else {
			others++
		}
	}
	if c.noPlaces = !c.cache.admit(c, 4*int64(zones+1)+8*int64(others)); c.noPlaces {
		return nil
	}
	p := &places{before: make([]uint32, zones+1), others: make([]uint64, 0, others)}
	top = 0
	for no, name := range e.names {
		if no%(1<<placeShift) == 0 {
			p.before[no>>placeShift] = top
		}
		if name >= top {
			top = name + 1
		} else {
			p.others = append(p.others, uint64(name)<<32|uint64(no))
		}
	}
	for zone := (len(e.names) + 1<<placeShift - 1) >> placeShift; zone <= zones; zone++ {
		p.before[zone] = top
	}
	slices.Sort(p.others)
	c.places = p
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
