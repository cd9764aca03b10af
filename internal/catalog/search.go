package catalog

import (
	"context"
	"slices"

	"syncline.dev/syncline"
)

// NameTerm chooses names. A search finds an entry if its name matches one of
// the terms.
type NameTerm struct {
	// Literal is part of every name that can match; "" means that no such part is
	// known. A long one makes the search fast.
	Literal string
	// Fold says that Literal is ASCII in lower case, and that the name may have it
	// in any letter case.
	Fold bool
	// Whole says that Literal is the whole name. Fold and Match are then unused.
	Whole bool
	// NonASCII says that only names with a byte above 127 can match. It is used
	// where Literal is "".
	NonASCII bool
	// Match decides about a name that has Literal. Several goroutines call it at
	// once. If it is nil, all such names match.
	Match func(name string) bool
}

// Search is the result of a search for names, without paths: the entries with
// such a name, and the trees that lead to them. It belongs to its View.
type Search struct {
	v       *View
	names   []*nameBlock // nil for blocks that are not in memory
	entries *scanEntries
	trees   *scanTrees
	found   bitset // per entry: its name matches
	leads   leads
	count   int
	rows    map[uint32]*row // that Load has read
	item    SearchItem      // the one that Dir passes to its callback
}

// Search finds the entries whose name matches one of the terms. It reads three
// columns of the catalog from end to end, on all cores, unless an earlier search
// has left them in memory. Its cost depends neither on the number of snapshots
// nor on the number of an entry's paths. With more set, it also builds the
// indexes in memory that make later searches faster.
func (v *View) Search(ctx context.Context, terms []NameTerm, more bool) (*Search, error) {
	cols := searches.columns(v)
	s := &Search{v: v}
	names, err := s.matchNames(ctx, cols, terms, more)
	if err != nil {
		return nil, searchFailed(ctx, err)
	}
	if names == nil {
		return s, nil
	}
	defer names.giveBack()
	if err := s.findEntries(ctx, cols, names); err != nil {
		return nil, searchFailed(ctx, err)
	}
	if s.count == 0 {
		return s, nil
	}
	var holders *holders
	if s.trees, holders, err = cols.loadTrees(ctx, v, s.entries, more); err != nil {
		return nil, searchFailed(ctx, err)
	}
	s.leads = newLeads(s.entries, s.trees, s.found, holders)
	return s, nil
}

// Close gives the memory to the next search. The Search must not be used
// afterwards.
func (s *Search) Close() {
	s.found.giveBack()
	s.leads.known.giveBack()
	s.leads.yes.giveBack()
	s.leads.way.giveBack()
	*s = Search{}
}

func searchFailed(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return syncline.WrapError(syncline.CodeCanceled, ctx.Err(), "the search was canceled")
	}
	return err
}

// Count returns the number of distinct entries that were found, including those
// that only removed snapshots hold.
func (s *Search) Count() int { return s.count }

// Leads reports whether a found entry lies in a tree or below it.
func (s *Search) Leads(tree TreeRef) bool { return s.count > 0 && s.leads.to(tree.no) }

// EntryRef names an entry within one View. Two paths with the same EntryRef
// have the same name, the same metadata and the same content.
type EntryRef struct{ no uint32 }

// SearchItem is one entry of a tree, with the fields that a search knows.
type SearchItem struct {
	Entry EntryRef
	Name  string
	Tree  TreeRef // of a directory
	IsDir bool    // it has a tree
	Found bool    // its own name matches
	Leads bool    // a found entry lies below it
}

// Ahead names the trees that the next calls of Dir are for, which makes them
// faster. Count must not be 0.
func (s *Search) Ahead(trees []TreeRef) {
	for part := range slices.Chunk(trees, together) {
		var numbers [together]uint32
		for i, tree := range part {
			numbers[i] = tree.no
		}
		s.trees.touch(numbers[:len(part)])
	}
}

// Dir calls fn with entries of a tree, in the tree's order: with all of them, or
// with those that were found or lead to one. fn may use the item until it
// returns, and must not call Dir. Count must not be 0.
func (s *Search) Dir(tree TreeRef, all bool, fn func(*SearchItem) error) error {
	runs := s.trees.runs(tree.no)
	item := &s.item
	for _, r := range runs {
		end := r.start + r.count
		for no := r.start; no < end; no++ {
			if !all {
				if no = s.leads.next(no, end); no == end {
					break
				}
			}
			if err := s.read(no, item); err != nil {
				return err
			}
			if err := fn(item); err != nil {
				return err
			}
		}
	}
	return nil
}

// read fills item with an entry.
func (s *Search) read(no uint32, item *SearchItem) (err error) {
	*item = SearchItem{Entry: EntryRef{no}, Found: s.found.has(no)}
	if s.entries.dirs.has(no) {
		item.IsDir = true
		item.Tree = TreeRef{s.entries.trees[s.entries.dirs.rank(no)]}
		item.Leads = s.leads.to(item.Tree.no)
	}
	name := s.entries.names[no]
	if block := int(name / namesPerBlock); block < len(s.names) && s.names[block] != nil {
		item.Name = string(s.names[block].at(int(name % namesPerBlock)))
		return nil
	}
	item.Name, err = s.v.name(name)
	return err
}

// findEntries marks the entries with one of the names.
func (s *Search) findEntries(ctx context.Context, cols *searchColumns, names bitset) (err error) {
	if s.entries, err = cols.loadEntries(ctx, s.v); err != nil {
		return err
	}
	found := borrowBitset(len(s.entries.names))
	defer func() { s.found, s.count = found, found.count() }()
	if names.count() <= fewNames {
		if places := cols.places.Load(); places != nil {
			names.each(func(name uint32) { places.mark(s.entries, name, found) })
			return ctx.Err()
		}
	}
	groups := names.groups(nameGroup) // small enough for the processor's cache
	return parallel(ctx, (len(s.entries.names)+scanPerBlock-1)/scanPerBlock, func(i int) error {
		first := i * scanPerBlock
		part := s.entries.names[first:min(first+scanPerBlock, len(s.entries.names))]
		for j, name := range part {
			if groups.has(name>>nameGroup) && names.has(name) {
				found.set(uint32(first + j))
			}
		}
		return nil
	})
}

// nameGroup makes groups of 512 names.
const nameGroup = 9
