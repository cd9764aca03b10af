package catalog

// SetSearchMemory empties what is kept for searches and bounds it anew, until
// the function it returns is called.
func SetSearchMemory(bytes int64) (restore func()) {
	before := searches
	searches = &searchCache{max: bytes}
	return func() { searches = before }
}

// SearchMemoryUsed returns the bytes that are kept for searches.
func SearchMemoryUsed() int64 {
	searches.mu.Lock()
	defer searches.mu.Unlock()
	return searches.used
}

// SearchKinds are the kinds that a search reads.
var SearchKinds = map[string]Kind{"names": kindName, "scan": kindScan, "trees": kindTree, "entries": kindEntry, "states": kindState}

// IndexesKept returns how many holders and places are kept.
func IndexesKept() (kept int) {
	searches.mu.Lock()
	defer searches.mu.Unlock()
	for _, x := range searches.items {
		if x.cols.holders != nil {
			kept++
		}
		if x.cols.places.Load() != nil {
			kept++
		}
	}
	return kept
}

// KeptNames returns how many blocks of names a search holds, of how many, and how many
// of them have fingerprints.
func (s *Search) KeptNames() (kept, all, prints int) {
	for _, b := range s.names {
		if b != nil {
			kept++
			if b.prints.Load() != nil {
				prints++
			}
		}
	}
	return kept, len(s.names), prints
}
