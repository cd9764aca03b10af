package catalog

// holders says which trees hold an entry, about: for each zone of entries the
// trees that hold some of it. Entries of a zone mostly are in one folder, so it
// takes less than a list for each entry, by far.
type holders struct {
	first []uint32 // of zone z: trees[first[z]:first[z+1]]
	trees []uint32 // ascending within a zone
}

// zoneShift makes zones of 64 entries.
const zoneShift = 6

// newHolders makes them, unless there are more than most: a small repository can
// have trees that each list all there is.
func newHolders(t *scanTrees, entries int, most int64) *holders {
	zones := entries>>zoneShift + 1
	h := &holders{first: make([]uint32, zones+2)}
	n := int64(0)
	t.eachZone(zones, func(zone, _ uint32) bool {
		h.first[zone+2]++
		n++
		return n <= most
	})
	if n > most {
		return nil
	}
	for i := 2; i < len(h.first); i++ {
		h.first[i] += h.first[i-1]
	}
	h.trees = make([]uint32, n)
	t.eachZone(zones, func(zone, tree uint32) bool {
		h.trees[h.first[zone+1]] = tree
		h.first[zone+1]++
		return true
	})
	return h
}

// keepHolders keeps h, nil or not, unless there is no room.
func (c *searchColumns) keepHolders(h *holders) {
	if h != nil && c.cache.admit(c, int64(4*(cap(h.first)+cap(h.trees)))) {
		c.holders = h
	}
}

// eachZone calls fn with every tree and the zones it has entries of, until fn
// returns false.
func (t *scanTrees) eachZone(zones int, fn func(zone, tree uint32) bool) {
	last := make([]uint32, zones) // per zone: the last tree that it was called with, and one
	for tree := range uint32(t.count) {
		for _, r := range t.runs(tree) {
			for zone := r.start >> zoneShift; zone <= (r.start+r.count-1)>>zoneShift; zone++ {
				if last[zone] == tree+1 {
					continue
				}
				last[zone] = tree + 1
				if !fn(zone, tree) {
					return
				}
			}
		}
	}
}

// of returns the trees that hold entries of a zone.
func (h *holders) of(zone uint32) []uint32 { return h.trees[h.first[zone]:h.first[zone+1]] }
