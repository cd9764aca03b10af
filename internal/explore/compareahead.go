package explore

import (
	"slices"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/catalog"
)

// A comparison goes down one folder after the other, and its entries lie anywhere in the
// catalog: a block of entries would be decoded for one of them, again and again. So it
// reads ahead, many folders at a time. A round begins with the folder that is needed now
// and goes on with all below it, and with the folders next to it and around it, until
// they have so many entries. It finds the folders by the numbers of names and trees, and
// reads the entries of all of them at the end. The folders of a round are about those of
// one part of the tree, whose entries lie in few blocks.

const (
	// firstRound is how many entries the first round reads, and twice the length of a
	// page where there are pages. Each further one reads twice as many.
	firstRound = 1 << 9
	// lastRound bounds the rounds, and twice of it what was read ahead, some 400 bytes
	// an entry.
	lastRound = 1 << 15
	// smallFolder bounds the entries that are held of one folder beside their names.
	smallFolder = 1 << 14
)

// folderPair is two folders that are compared; each may be absent.
type folderPair struct {
	before, after       catalog.TreeRef
	hasBefore, hasAfter bool
}

// readAhead has the folders that were read and are still to be walked.
type readAhead struct {
	ready  map[folderPair][]pair
	listed map[folderPair]bool // that the round has come to
	held   int                 // entries in ready
	round  int                 // entries of the next round
	last   int                 // entries of the longest round
	small  int                 // entries of a folder that is held beside its names
}

func newReadAhead() readAhead {
	return readAhead{
		ready: make(map[folderPair][]pair), listed: make(map[folderPair]bool),
		round: firstRound, last: lastRound, small: smallFolder,
	}
}

// level is a folder that the walk is in.
type level struct {
	pairs []pair
	next  int // the pair behind the one where the walk is
	ahead int // the first pair that the round has not come to
}

// take returns what two folders do not have in common. It reads nothing ahead where
// the walk is on its way to the place that it goes on behind: that is mostly far down.
func (c *comparer) take(f folderPair, resuming bool) ([]pair, error) {
	pairs, ok := c.ahead.ready[f]
	if !ok {
		read := c.readRound
		if resuming {
			read = c.readOne
		}
		if c.pause != nil && c.pauses > 0 {
			c.pauses--
			c.pause(c.ctx)
		}
		if err := read(f); err != nil {
			return nil, err
		}
		pairs = c.ahead.ready[f]
	}
	delete(c.ahead.ready, f)
	n := int64(entriesIn(pairs))
	c.ahead.held -= int(n)
	if c.left -= n; c.left < 0 {
		return nil, tooMuch("there is more to compare than the limit allows")
	}
	if c.room -= int64(len(pairs)); c.room < 0 {
		return nil, tooMuch("there is too much to compare at once")
	}
	return pairs, c.ctx.Err()
}

func entriesIn(pairs []pair) (n int) {
	for i := range pairs {
		if pairs[i].before != nil {
			n++
		}
		if pairs[i].after != nil {
			n++
		}
	}
	return n
}

// readRound reads a folder and the folders that come after it.
func (c *comparer) readRound(f folderPair) error {
	budget := min(c.ahead.round, 2*c.ahead.last-c.ahead.held)
	c.ahead.round = min(2*c.ahead.round, c.ahead.last)
	var r round
	if done, err := c.begin(f, &r); done || err != nil {
		return err
	}
	alone := r
	c.gather(&r, budget-r.count)
	err := c.readOwn(&r)
	if err != nil && len(r.list) > 1 && c.ctx.Err() == nil {
		// A failure to read the others is no error until one is needed.
		c.ahead.round = 1
		err = c.readOwn(&alone)
	}
	return err
}

// readOne is readRound for one folder.
func (c *comparer) readOne(f folderPair) error {
	var r round
	if done, err := c.begin(f, &r); done || err != nil {
		return err
	}
	return c.readOwn(&r)
}

// round is folders whose entries are read together.
type round struct {
	list  []folderPair
	own   []catalog.Own
	count int // entries in own
}

func (r *round) add(f folderPair, own catalog.Own) {
	r.list, r.own, r.count = append(r.list, f), append(r.own, own), r.count+entriesOf(&own)
}

func entriesOf(own *catalog.Own) int { return own.Before.Len() + own.After.Len() }

// begin puts the folder that is needed into a round. It only reads the names of a large
// one, and then done is true.
func (c *comparer) begin(f folderPair, r *round) (done bool, err error) {
	own, err := c.v.Own(c.ctx, treesOf([]folderPair{f}), 0, c.common)
	if err != nil {
		return false, err
	}
	n := entriesOf(&own[0])
	switch {
	case int64(n) > c.left || int64(max(own[0].Before.Len(), own[0].After.Len())) > c.room:
		return false, tooMuch("there is more to compare than the limit allows")
	case n > c.ahead.small:
		c.ahead.ready[f], err = c.readNames(own[0])
		c.ahead.held += n
		return true, err
	}
	r.add(f, own[0])
	return false, nil
}

// gather adds the folders below those of the round, one subtree after the other, and then
// those that the walk comes to later, while the budget of entries lasts. It needs no
// entries for that, so those of all folders are read together, and each block of them
// once. The walk reports a failure when it needs the folder.
func (c *comparer) gather(r *round, budget int) {
	clear(c.ahead.listed)
	for i := range c.levels {
		c.levels[i].ahead = 0
	}
	var next []folderPair // the last one comes first
	for fresh := r.own; budget > 0; {
		below, err := c.v.Below(c.ctx, fresh, c.into)
		if err != nil {
			return
		}
		if next = c.push(next, below); len(next) == 0 {
			next = c.beside()
		}
		if len(next) == 0 {
			return
		}
		n := min(len(next), fewFolders, budget)
		batch := slices.Clone(next[len(next)-n:])
		slices.Reverse(batch)
		next = next[:len(next)-n]
		own, err := c.v.Own(c.ctx, treesOf(batch), budget, c.common)
		if err != nil {
			return
		}
		first := len(r.own)
		for i := range own {
			n := entriesOf(&own[i])
			if n > c.ahead.small || n > budget {
				return
			}
			r.add(batch[i], own[i])
			budget -= n
		}
		if len(own) < len(batch) {
			return
		}
		fresh = r.own[first:]
	}
}

// push adds folders that no round has read, in front of the others.
func (c *comparer) push(next []folderPair, below [][]catalog.TwoTrees) []folderPair {
	first := len(next)
	for _, list := range below {
		for _, t := range list {
			next = c.notRead(next, folderPair{t.Before, t.After, t.HasBefore, t.HasAfter})
		}
	}
	slices.Reverse(next[first:])
	return next
}

func treesOf(list []folderPair) []catalog.TwoTrees {
	trees := make([]catalog.TwoTrees, len(list))
	for i, f := range list {
		trees[i] = catalog.TwoTrees{Before: f.before, After: f.after, HasBefore: f.hasBefore, HasAfter: f.hasAfter}
	}
	return trees
}

// notRead appends a folder, or where it was read, the folders below it, unless the round
// has come to it.
func (c *comparer) notRead(to []folderPair, f folderPair) []folderPair {
	if c.ahead.listed[f] {
		return to
	}
	c.ahead.listed[f] = true
	if inner, ready := c.ahead.ready[f]; ready {
		return c.notReady(to, inner)
	}
	return append(to, f)
}

// notReady appends the folders below pairs that were not read, and that the round has
// not come to.
func (c *comparer) notReady(to []folderPair, pairs []pair) []folderPair {
	for i := range pairs {
		if f, ok := c.below(&pairs[i]); ok {
			to = c.notRead(to, f)
		}
	}
	return to
}

// fewFolders is how many folders are worth reading at once.
const fewFolders = 1 << 8

// beside returns folders that the walk comes to after those that it is in, the first one
// last.
func (c *comparer) beside() (next []folderPair) {
	for i := len(c.levels) - 1; i >= 0 && len(next) < fewFolders; i-- {
		l := &c.levels[i]
		l.ahead = max(l.ahead, l.next)
		for l.ahead < len(l.pairs) && len(next) < fewFolders && !l.pairs[l.ahead].unread() {
			next = c.notReady(next, l.pairs[l.ahead:l.ahead+1])
			l.ahead++
		}
	}
	slices.Reverse(next)
	return next
}

// readOwn reads the entries that folders do not have in common.
func (c *comparer) readOwn(r *round) error {
	refs := make([]catalog.EntryRef, 0, r.count)
	entries := make([]named, 0, r.count)
	own := r.own
	for i := range own {
		for _, side := range []catalog.OwnEntries{own[i].Before, own[i].After} {
			for at, ref := range side.All {
				refs, entries = append(refs, ref), append(entries, named{ref: ref, at: at})
			}
		}
	}
	held, err := c.read(refs)
	if err != nil {
		return err
	}
	for i := range entries {
		entries[i].held, entries[i].name = held[i], nameOf(&held[i])
	}
	var doubtful []*named
	for i, f := range r.list {
		before, after := own[i].Before.Len(), own[i].After.Len()
		if _, ready := c.ahead.ready[f]; !ready { // it can be there twice
			c.ahead.ready[f] = pairUp(entries[:before:before], entries[before:before+after:before+after])
			doubtful = appendDoubtful(doubtful, c.ahead.ready[f])
			c.ahead.held += before + after
		}
		entries = entries[before+after:]
	}
	return c.readAll(doubtful)
}

// read reads entries with as many fields as the comparison needs.
func (c *comparer) read(refs []catalog.EntryRef) ([]catalog.Held, error) {
	if c.few {
		return c.v.ReadFew(c.ctx, refs)
	}
	return c.v.ReadEntries(c.ctx, refs, c.detail)
}

func nameOf(h *catalog.Held) string {
	if h.Few != nil {
		return h.Few.Name
	}
	return h.Entry.Name
}

// appendDoubtful appends the files of pairs that differ in their contents, and maybe in
// nothing else.
func appendDoubtful(to []*named, pairs []pair) []*named {
	for i := range pairs {
		before, after := pairs[i].before, pairs[i].after
		if before == nil || after == nil {
			continue
		}
		if a, b := before.held.Few, after.held.Few; a != nil && b != nil && a.Type == syncline.TypeFile && b.Type == syncline.TypeFile &&
			a.Size == b.Size && a.Seconds == b.Seconds && !slices.Equal(a.Content, b.Content) {
			to = append(to, before, after)
		}
	}
	return to
}

// readAll reads all fields of entries.
func (c *comparer) readAll(list []*named) error {
	if len(list) == 0 {
		return nil
	}
	held, err := c.v.ReadEntries(c.ctx, refsTo(list), c.detail)
	for i := range held {
		list[i].held = held[i]
	}
	return err
}

func refsTo(list []*named) []catalog.EntryRef {
	refs := make([]catalog.EntryRef, len(list))
	for i, n := range list {
		refs[i] = n.ref
	}
	return refs
}

// readNames is readOwn for a folder that is too large to hold more than names.
func (c *comparer) readNames(own catalog.Own) ([]pair, error) {
	var sides [2][]named
	for i, entries := range []catalog.OwnEntries{own.Before, own.After} {
		list := make([]named, 0, entries.Len())
		for at, ref := range entries.All {
			list = append(list, named{ref: ref, at: at})
		}
		for rest := list; len(rest) > 0; {
			part := rest[:min(len(rest), c.ahead.small)]
			rest = rest[len(part):]
			held, err := c.v.ReadEntries(c.ctx, refsOf(part), 0)
			if err != nil {
				return nil, err
			}
			for j := range part {
				part[j].name = held[j].Entry.Name
			}
		}
		sides[i] = list
	}
	return pairUp(sides[0], sides[1]), nil
}

func refsOf(list []named) []catalog.EntryRef {
	refs := make([]catalog.EntryRef, len(list))
	for i := range list {
		refs[i] = list[i].ref
	}
	return refs
}

// unread reports whether no more than the name of a pair was read.
func (p *pair) unread() bool {
	none := func(n *named) bool { return n != nil && n.held.Entry == nil && n.held.Few == nil }
	return none(p.before) || none(p.after)
}

// fill reads the next entries of a large folder, unless the first one was read.
func (c *comparer) fill(pairs []pair) error {
	if !pairs[0].unread() {
		return nil
	}
	var list []*named
	for i := range pairs[:min(len(pairs), c.ahead.small)] {
		for _, n := range []*named{pairs[i].before, pairs[i].after} {
			if n != nil {
				list = append(list, n)
			}
		}
	}
	held, err := c.read(refsTo(list))
	if err != nil {
		return err
	}
	for i := range held {
		list[i].held = held[i]
	}
	return c.readAll(appendDoubtful(nil, pairs[:min(len(pairs), c.ahead.small)]))
}
