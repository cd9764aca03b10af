package catalog

import (
	"context"
	"sync"

	"github.com/zeebo/xxh3"

	"syncline.dev/syncline"
)

// Builder adds trees to a catalog. Several Adders feed it, each from its own
// goroutine; the writer, a goroutine of the Builder, makes the blocks.
//
// An Adder looks up the entries of a tree, decodes the unknown ones, and looks
// up their names and subtrees. It holds no lock for that. Under mu it then gives
// numbers to the new items and draws a ticket. The writer takes results in the
// order of their tickets, so numbers reach it without gaps, and every commit
// refers only to items of its own or of an earlier commit. A crash therefore
// needs no repair: committed trees are whole, and the next session decodes the
// others again.
//
// mu guards the fields from seed to tickets. Lookups in the tables need no lock.
// Only the writer's goroutine uses the writer's fields.
type Builder struct {
	c *Catalog

	mu      sync.RWMutex
	seed    uint64
	names   keyTable
	entries keyTable
	trees   *hashTable
	states  []state // per tree, as of the tickets drawn
	nNames  uint32
	nEntry  uint32
	tickets uint64

	results chan *result
	flushes chan flush
	free    sync.Pool
	ended   chan struct{}
	w       *writer
}

// result is one decoded tree on its way to the writer.
type result struct {
	ticket uint64
	tree   uint32
	runs   []run
	// The new ones, in the order of their numbers.
	names []string
	rows  []row
	keys  []uint64
}

type flush struct {
	ctx   context.Context
	reply chan error
}

// Span is the range of one entry's bytes in a tree's.
type Span struct{ Start, End int }

// Build loads the tables and starts the writer. One Builder is open at a time;
// Build waits until the one before is closed.
func (c *Catalog) Build(ctx context.Context) (*Builder, error) {
	c.building.Lock()
	b, err := c.loadBuilder(ctx)
	if err != nil {
		c.building.Unlock()
		return nil, err
	}
	go func() {
		defer close(b.ended)
		b.w.run(b)
	}()
	return b, nil
}

// Close ends the writer and drops what was not flushed. It keeps what the next
// Publish needs, until Unload.
func (b *Builder) Close() {
	close(b.results)
	<-b.ended
	b.c.keepBuilt(b)
	b.c.building.Unlock()
}

// Flush commits all added trees; no Add may run meanwhile. It returns the first
// error that the writer met. That error is final: the Builder adds nothing more.
func (b *Builder) Flush(ctx context.Context) error {
	f := flush{ctx: ctx, reply: make(chan error, 1)}
	select {
	case b.flushes <- f:
	case <-ctx.Done():
		return ctx.Err()
	}
	return <-f.reply
}

// Has reports whether the tree is decoded.
func (b *Builder) Has(tree syncline.Hash) bool {
	b.mu.RLock()
	defer b.mu.RUnlock()
	no, ok := b.trees.get(&tree)
	return ok && b.states[no]&stateDecoded != 0
}

// Dropped reports whether Clean has removed the tree's runs.
func (b *Builder) Dropped(tree syncline.Hash) bool {
	b.mu.RLock()
	defer b.mu.RUnlock()
	no, ok := b.trees.get(&tree)
	return ok && b.states[no]&(stateDropped|stateDecoded) == stateDropped
}

// Reserve gives a number to a tree that will be added, and returns it. A tree
// that has a number keeps it. Trees that are added in about the order of their
// numbers make compact blocks.
func (b *Builder) Reserve(tree *syncline.Hash) uint32 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.number(tree)
}

// number returns a tree's number. The caller holds mu.
func (b *Builder) number(h *syncline.Hash) uint32 {
	no, added := b.trees.add(h)
	if added {
		b.states = append(b.states, 0)
	}
	return no
}

// Counts returns how many distinct entries and decoded trees were added since
// Build.
func (b *Builder) Counts() (entries, trees int64) {
	return b.w.addedEntries.Load(), b.w.addedTrees.Load()
}

// Adder adds trees from one goroutine. It keeps its buffers between calls.
type Adder struct {
	b       *Builder
	keys    []uint64
	nos     []uint32
	missing []int
	named   []name

	nameKeys []uint64
	seen     uint32 // set by fetch, so that the compiler keeps its reads

	unexpected []int // positions of entries other than the expected ones
}

// name is the name of an unknown entry.
type name struct {
	key uint64
	no  uint32 // unknown for a new name
}

// Numbers that no entry has.
const (
	unknown uint32 = 1<<32 - 1
	skipped uint32 = 1<<32 - 2
	// maxEntries bounds the entries of a catalog.
	maxEntries uint32 = 1<<32 - 16
)

// NewAdder returns an Adder for one goroutine.
func (b *Builder) NewAdder() *Adder { return &Adder{b: b} }

// ParseFunc decodes one entry from its bytes into e, which is zero. It must copy
// what it keeps of raw. With keep false the entry is left out.
type ParseFunc func(raw []byte, e *syncline.Entry) (keep bool, err error)

// Add adds one tree. raw holds its bytes, and spans says where its entries lie
// in them. Add calls parse only for entries with unknown bytes. It adds nothing
// when parse fails, and returns that error. It does nothing when the catalog has
// the tree.
func (a *Adder) Add(tree syncline.Hash, raw []byte, spans []Span, parse ParseFunc) error {
	a.lookUp(raw, spans)
	res := a.b.free.Get().(*result)
	res.rows, res.keys, res.names, res.runs = res.rows[:0], res.keys[:0], res.names[:0], res.runs[:0]
	if err := a.parse(raw, spans, parse, res); err != nil {
		clear(res.rows)
		a.b.free.Put(res)
		return err
	}
	fresh, err := a.b.admit(a, &tree, res)
	if !fresh || err != nil {
		clear(res.rows)
		a.b.free.Put(res)
		return err
	}
	res.runs = appendRuns(res.runs, a.nos)
	a.b.results <- res
	return nil
}

// lookUp finds the numbers of the known entries.
func (a *Adder) lookUp(raw []byte, spans []Span) {
	a.keys, a.nos, a.missing = a.keys[:0], a.nos[:0], a.missing[:0]
	for _, s := range spans {
		a.keys = append(a.keys, xxh3.HashSeed(raw[s.Start:s.End], a.b.seed))
	}
	a.unexpected = a.unexpected[:0]
	g := guess{next: unknown, passed: unknown, known: a.b.entries.known()}
	fetched := 0
	for i, key := range a.keys {
		no := g.next
		if a.b.entries.is(key, no, g.known) {
			g.next = no + 1
		} else {
			// In a new folder no entry is expected, and in a much changed one the guesses
			// fail one after the other. The table is then needed for the next entries too.
			if last := len(a.unexpected) - 1; i >= fetched && (no == unknown || last >= 0 && a.unexpected[last] == i-1) {
				fetched = min(i+fetchAhead, len(a.keys))
				a.seen |= a.b.entries.fetch(a.keys[i:fetched])
			}
			a.unexpected = append(a.unexpected, i)
			if no = a.b.find(key, &g); no == unknown {
				a.missing = append(a.missing, i)
			}
		}
		a.nos = append(a.nos, no)
	}
}

// guess says which entry is likely to come next in a folder.
type guess struct {
	next   uint32 // the number behind that of the previous entry
	passed uint32 // an entry that was expected or follows one, and may still come
	known  uint32 // the number of known entries
}

// find returns the number of an entry other than the expected one, or unknown.
// In a new version of a folder there are three cases. The expected entry has
// changed, and the one behind it comes next. A new entry stands before it. Or
// the expected entry is gone.
func (b *Builder) find(key uint64, g *guess) uint32 {
	behind := unknown
	if g.next < g.known {
		behind = g.next + 1
	}
	var no uint32
	switch {
	case b.entries.is(key, g.passed, g.known):
		no, g.passed = g.passed, unknown
	case b.entries.is(key, behind, g.known):
		no, g.passed = behind, unknown
	default:
		var ok bool
		if no, ok = b.entries.get(key); !ok {
			if g.passed == unknown {
				g.passed = g.next // this entry may be new
			}
			g.next = behind // or the expected one may have changed into it
			return unknown
		}
		g.passed = behind // it may be a change that an earlier folder had too
	}
	g.next = no + 1
	return no
}

// parse decodes the unknown entries into res.rows and looks up their names and
// subtrees. An entry keeps its name and its subtree's hash until admit.
func (a *Adder) parse(raw []byte, spans []Span, parse ParseFunc, res *result) error {
	kept := a.missing[:0]
	a.nameKeys = a.nameKeys[:0]
	for _, i := range a.missing {
		res.rows = append(res.rows, row{})
		r := &res.rows[len(res.rows)-1]
		keep, err := parse(raw[spans[i].Start:spans[i].End], &r.entry)
		if err != nil {
			return err
		}
		if !keep {
			res.rows = res.rows[:len(res.rows)-1]
			a.nos[i] = skipped
			continue
		}
		kept = append(kept, i)
		a.nameKeys = append(a.nameKeys, xxh3.HashStringSeed(r.entry.Name, a.b.seed))
		if r.hasSubtree() {
			if no, ok := a.b.trees.get(&r.entry.Subtree); ok {
				r.subtree = no + 1
			}
		}
	}
	a.missing = kept
	a.lookUpNames()
	return nil
}

// lookUpNames finds the numbers of the unknown entries' names.
func (a *Adder) lookUpNames() {
	a.named = a.named[:0]
	for i, key := range a.nameKeys {
		if i%fetchAhead == 0 {
			a.seen |= a.b.names.fetch(a.nameKeys[i:min(i+fetchAhead, len(a.nameKeys))])
		}
		no, ok := a.b.names.get(key)
		if !ok {
			no = unknown
		}
		a.named = append(a.named, name{key, no})
	}
}

// admit gives numbers to the new items of res, and a ticket to res. fresh is
// false when another Adder has added the tree meanwhile.
func (b *Builder) admit(a *Adder, tree *syncline.Hash, res *result) (fresh bool, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if uint64(b.nEntry)+uint64(len(res.rows)) > uint64(maxEntries) {
		return false, syncline.Errorf(syncline.CodeTooLarge, "the repository has more than %d distinct entries, which is the most a catalog holds", maxEntries)
	}
	res.tree = b.number(tree)
	if b.states[res.tree]&stateDecoded != 0 {
		return false, nil
	}
	n := 0
	for j, i := range a.missing {
		if no, ok := b.entries.get(a.keys[i]); ok {
			a.nos[i] = no // by another Adder since, or twice in this tree
			continue
		}
		r := &res.rows[j]
		r.name = b.name(a.named[j], r.entry.Name, res)
		if r.subtree == 0 && r.hasSubtree() {
			r.subtree = b.number(&r.entry.Subtree) + 1
		}
		b.entries.put(a.keys[i])
		a.nos[i] = b.nEntry
		b.nEntry++
		if n < j {
			res.rows[n] = *r
		}
		res.keys = append(res.keys, a.keys[i])
		n++
	}
	clear(res.rows[n:])
	res.rows = res.rows[:n]
	b.states[res.tree] |= stateDecoded
	res.ticket = b.tickets
	b.tickets++
	return true, nil
}

// name returns the number of a name. The caller holds mu.
func (b *Builder) name(n name, text string, res *result) uint32 {
	if n.no != unknown {
		return n.no
	}
	if no, ok := b.names.get(n.key); ok {
		return no // by another Adder since, or twice in this tree
	}
	no := b.nNames
	b.names.put(n.key)
	b.nNames++
	res.names = append(res.names, text)
	return no
}

func appendRuns(runs []run, nos []uint32) []run {
	for _, no := range nos {
		if no == skipped {
			continue
		}
		if n := len(runs); n > 0 && runs[n-1].start+runs[n-1].count == no {
			runs[n-1].count++
			continue
		}
		runs = append(runs, run{no, 1})
	}
	return runs
}
