package catalog

import "sort"

// places finds the entries with a name. Names get their numbers in the order of
// the entries, so an entry with a new name has a higher name number than all
// entries before it. The zone of such an entry follows from the highest name
// number before each zone. All other entries are listed by name.
type places struct {
	before []uint32 // for each zone and for the end: the highest name number before it, plus one
	first  []uint32 // name n has others[first[n]:first[n+1]]
	others []uint32 // entries, ascending for each name
}

// placeShift makes zones of 2,048 entries. A search looks through a whole zone.
const placeShift = 11

// fewNames is the largest number of names for which places are used. Each takes some
// microseconds, and a pass over all entries takes some milliseconds.
const fewNames = 256

// newPlaces returns the places of entries with so many names.
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

// keepPlaces keeps p if the cache can do so without forgetting anything.
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
