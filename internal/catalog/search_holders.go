package catalog

// holders says which trees hold an entry: for each zone of entries the trees
// that hold some of it, and the first and last of those entries. The entries of
// a zone are mostly in one folder, so this takes far less memory than a list for
// each entry.
type holders struct {
	first []uint32 // of zone z: list[first[z]:first[z+1]]
	list  []holder // by tree, ascending within a zone
}

// holder is a tree that holds entries of a zone, from first to last, by their
// position in the zone.
type holder struct {
	tree        uint32
	first, last uint8
	gaps        bool // some between them are not in the tree
}

// zoneShift makes zones of 64 entries, which are a word of a set.
const zoneShift = 6

// holds reports whether the tree may hold one of a zone's entries, given as a
// set. It is certain where the holder has no gaps.
func (h *holder) holds(entries uint64) bool {
	return entries>>h.first<<h.first<<(63-h.last) != 0
}

// newHolders returns the holders of all entries, or nil when there are more than
// most. In a small repository each of many trees can list all entries.
func newHolders(t *scanTrees, entries int, most int64) *holders {
	zones := entries>>zoneShift + 1
	h := &holders{first: make([]uint32, zones+2)}
	n := int64(0)
	t.eachZone(zones, func(zone uint32, _ holder, another bool) bool {
		if another {
			h.first[zone+2]++
			n++
		}
		return n <= most
	})
	if n > most {
		return nil
	}
	for i := 2; i < len(h.first); i++ {
		h.first[i] += h.first[i-1]
	}
	h.list = make([]holder, n)
	t.eachZone(zones, func(zone uint32, part holder, another bool) bool {
		if another {
			h.list[h.first[zone+1]] = part
			h.first[zone+1]++
			return true
		}
		h.list[h.first[zone+1]-1].add(part)
		return true
	})
	return h
}

// add adds further entries of the zone that the tree holds.
func (h *holder) add(part holder) {
	h.gaps = h.gaps || h.last+1 != part.first && part.last+1 != h.first
	h.first, h.last = min(h.first, part.first), max(h.last, part.last)
}

// keepHolders keeps h if the cache has room. h may be nil.
func (c *searchColumns) keepHolders(h *holders) {
	if h != nil && c.cache.admit(c, int64(4*cap(h.first)+8*cap(h.list))) {
		c.holders = h
	}
}

// eachZone calls fn with every run of every tree, cut at the ends of zones,
// until fn returns false. another is true for a tree's first part in a zone.
func (t *scanTrees) eachZone(zones int, fn func(zone uint32, part holder, another bool) bool) {
	const inZone = 1<<zoneShift - 1
	last := make([]uint32, zones) // per zone: the last tree that fn was called with, plus one
	for tree := range uint32(t.count) {
		for _, r := range t.runs(tree) {
			end := r.start + r.count - 1
			for zone := r.start >> zoneShift; zone <= end>>zoneShift; zone++ {
				part := holder{tree: tree, last: inZone}
				if zone == r.start>>zoneShift {
					part.first = uint8(r.start & inZone)
				}
				if zone == end>>zoneShift {
					part.last = uint8(end & inZone)
				}
				another := last[zone] != tree+1
				last[zone] = tree + 1
				if !fn(zone, part, another) {
					return
				}
			}
		}
	}
}

// of returns the trees that hold entries of a zone.
func (h *holders) of(zone uint32) []holder { return h.list[h.first[zone]:h.first[zone+1]] }
