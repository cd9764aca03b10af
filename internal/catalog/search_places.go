package catalog

import "sort"

// places finds the entries of a name. Names are numbered as they come: when an
// entry brings a new name, that has a higher number than all before it. So the zone
// of this entry follows from how high the names were by then. All other entries
// are listed.
type places struct {
	before []uint32 // per zone of entries, and behind the last: one more than the highest name before it
	first  []uint32 // of name n: others[first[n]:first[n+1]]
	others []uint32 // entries, ascending for a name
}

// placeShift makes zones of 2,048 entries, which are looked through.
const placeShift = 11

// fewNames is how many names are looked up at most: it takes some
// microseconds each, and to go through all entries some milliseconds.
const fewNames = 256

// newPlaces makes them of entries with so many names.
func newPlaces(e *scanEntries, names int) *places {
	p := &places{first: make([]uint32, names+2)}
	top := uint32(0)
	for no, name := range e.names {
		if no%(1<<placeShift) == 0 {
			p.before = append(p.before, top)
		}
		if name >= top {
			top = name + 1
		} else {
			p.first[name+2]++
		}
	}
	p.before = append(p.before, top)
	for i := 2; i < len(p.first); i++ {
		p.first[i] += p.first[i-1]
	}
	p.others = make([]uint32, p.first[len(p.first)-1])
	top = 0
	for no, name := range e.names {
		if name >= top {
			top = name + 1
			continue
		}
		p.others[p.first[name+1]] = uint32(no)
		p.first[name+1]++
	}
	return p
}

// keepPlaces keeps p, unless something would have to be forgotten for it.
func (c *searchColumns) keepPlaces(p *places) {
	size := int64(4 * (cap(p.before) + cap(p.first) + cap(p.others)))
	if c.cache.fits(size) && c.cache.admit(c, size) {
		c.places.Store(p)
	}
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
	for _, no := range p.others[p.first[name]:p.first[name+1]] {
		found.set(no)
	}
}
