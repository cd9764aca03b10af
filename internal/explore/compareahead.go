package explore

import (
	"syncline.dev/syncline/internal/catalog"
)

// A comparison goes down one folder after the other, and what it reads of them lies
// anywhere in the catalog: a block of entries would be decoded for one of them, again
// and again. So it reads ahead, many folders at a time. A round begins with the folder
// that is needed now and goes on with all below it, level by level, and with what is
// next to it and to the folders around it, until it has read so many entries.

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
	ahead int // the first pair that no round has begun with
}

// take returns what two folders do not have in common. It reads nothing ahead where
// the walk is on its way to the place that it goes on behind: that is mostly far down.
func (c *comparer) take(f folderPair, resuming bool) ([]pair, error) {
	pairs, ok := c.ahead.ready[f]
	if !ok {
		var err error
		if resuming {
			_, err = c.readFolders([]folderPair{f}, 1, true)
		} else {
			err = c.readRound(f)
		}
		if err != nil {
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

// readRound reads a folder and the folders that come after it. A failure to
// read those is no error until one is needed.
func (c *comparer) readRound(f folderPair) error {
	budget := min(c.ahead.round, 2*c.ahead.last-c.ahead.held)
	c.ahead.round = min(2*c.ahead.round, c.ahead.last)
	clear(c.ahead.listed)
	read, err := c.readFolders([]folderPair{f}, budget, true)
	for err == nil {
		n := 0
		for _, f := range read {
			n += entriesIn(c.ahead.ready[f])
		}
		if budget -= n; budget <= 0 {
			return nil
		}
		var next []folderPair
		for _, f := range read {
			next = c.notReady(next, c.ahead.ready[f])
		}
		if len(next) < fewFolders {
			next = c.beside(next)
		}
		if len(next) == 0 {
			return nil
		}
		if read, err = c.readFolders(next, budget, false); err != nil || len(read) == 0 {
			return nil //nolint:nilerr // the walk may end before it needs them
		}
	}
	return err
}

// notReady appends the folders below pairs that were not read, and that the round has
// not come to.
func (c *comparer) notReady(to []folderPair, pairs []pair) []folderPair {
	for i := range pairs {
		f, ok := c.below(&pairs[i])
		if !ok || c.ahead.listed[f] {
			continue
		}
		c.ahead.listed[f] = true
		if inner, ready := c.ahead.ready[f]; ready {
			to = c.notReady(to, inner)
		} else {
			to = append(to, f)
		}
	}
	return to
}

// fewFolders is how many folders are worth reading at once.
const fewFolders = 1 << 8

// beside appends folders that the walk comes to after those that it is in.
func (c *comparer) beside(next []folderPair) []folderPair {
	for i := len(c.levels) - 1; i >= 0 && len(next) < fewFolders; i-- {
		l := &c.levels[i]
		l.ahead = max(l.ahead, l.next)
		for l.ahead < len(l.pairs) && len(next) < fewFolders && !l.pairs[l.ahead].unread() {
			next = c.notReady(next, l.pairs[l.ahead:l.ahead+1])
			l.ahead++
		}
	}
	return next
}

// readFolders reads as many of the folders as the budget of entries allows, but the
// first one of a round in any case, and returns those.
func (c *comparer) readFolders(list []folderPair, budget int, needed bool) (read []folderPair, err error) {
	list = list[:min(len(list), max(1, budget))]
	trees := make([]catalog.TwoTrees, len(list))
	for i, f := range list {
		trees[i] = catalog.TwoTrees{Before: f.before, After: f.after, HasBefore: f.hasBefore, HasAfter: f.hasAfter}
	}
	own, err := c.v.Own(c.ctx, trees, budget, c.common)
	if err != nil {
		return nil, err
	}
	entries := 0
	for i := range own {
		n := own[i].Before.Len() + own[i].After.Len()
		switch {
		case needed && (int64(n) > c.left || int64(max(own[i].Before.Len(), own[i].After.Len())) > c.room):
			return nil, tooMuch("there is more to compare than the limit allows")
		case needed && n > c.ahead.small:
			c.ahead.ready[list[0]], err = c.readNames(own[0])
			c.ahead.held += n
			return list, err
		case !needed && (n > c.ahead.small || entries+n > budget):
			own = own[:i]
		}
		if i >= len(own) {
			break
		}
		entries += n
	}
	list = list[:len(own)]
	if err := c.readOwn(list, own, entries); err != nil {
		return nil, err
	}
	return list, nil
}

// readOwn reads the entries that folders do not have in common.
func (c *comparer) readOwn(list []folderPair, own []catalog.Own, count int) error {
	refs := make([]catalog.EntryRef, 0, count)
	entries := make([]named, 0, count)
	for i := range own {
		for _, side := range []catalog.OwnEntries{own[i].Before, own[i].After} {
			for at, ref := range side.All {
				refs, entries = append(refs, ref), append(entries, named{ref: ref, at: at})
			}
		}
	}
	held, err := c.v.ReadEntries(c.ctx, refs, c.detail)
	if err != nil {
		return err
	}
	for i := range entries {
		entries[i].held, entries[i].name = held[i], held[i].Entry.Name
	}
	for i, f := range list {
		before, after := own[i].Before.Len(), own[i].After.Len()
		if _, ready := c.ahead.ready[f]; !ready { // it can be there twice
			c.ahead.ready[f] = pairUp(entries[:before:before], entries[before:before+after:before+after])
			c.ahead.held += before + after
		}
		entries = entries[before+after:]
	}
	return nil
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
	return p.before != nil && p.before.held.Entry == nil || p.after != nil && p.after.held.Entry == nil
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
	refs := make([]catalog.EntryRef, len(list))
	for i, n := range list {
		refs[i] = n.ref
	}
	held, err := c.v.ReadEntries(c.ctx, refs, c.detail)
	for i := range held {
		list[i].held = held[i]
	}
	return err
}
