package catalog

import (
	"context"
	"sync"

	"github.com/zeebo/xxh3"

	"syncline.dev/syncline"
)

// Builder adds trees to a catalog. Many Adders feed it, from a goroutine each;
// one goroutine of its own writes.
//
// An Adder looks up which of a tree's entries are known, decodes the others, looks
// up their names and subtrees, all without a lock, and then, under mu, numbers what
// is new and draws a ticket. The writer takes
// results in the order of their tickets. So numbers reach it without gaps, and
// whatever it commits refers only to what it commits with it or before. That
// is all a crash needs: what was committed is whole, and what was not is
// decoded again.
//
// mu guards everything down to tickets, but for looking up in the tables. The
// writer's own state needs no lock.
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
	names  []string // new ones, in the order of their numbers
	rows   []row    // likewise
	keys   []uint64 // likewise
}

type flush struct {
	ctx   context.Context
	reply chan error
}

// Span is the range of one entry's bytes in a tree's.
type Span struct{ Start, End int }

// Build loads what is known and starts the writer. One Builder is open at a
// time; Build waits for the one before to be closed.
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

// Close ends the writer. What was not flushed is dropped. What the next Publish
// needs is kept for it, until Unload.
func (b *Builder) Close() {
	close(b.results)
	<-b.ended
	b.c.keepBuilt(b)
	b.c.building.Unlock()
}

// Flush commits what was added; no Add may be under way. It returns the first
// error that the writer met, which is final: a Builder that failed adds nothing
// more.
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

// Dropped reports whether the tree was decoded once and cleaned away since.
func (b *Builder) Dropped(tree syncline.Hash) bool {
	b.mu.RLock()
	defer b.mu.RUnlock()
	no, ok := b.trees.get(&tree)
	return ok && b.states[no]&(stateDropped|stateDecoded) == stateDropped
}

// Reserve numbers a tree that is about to be added. Trees added in about the
// order of their numbers make compact blocks. It returns the tree's number,
// also that of one which has it already.
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
	seen     uint32 // what was fetched ahead

	unexpected []int // where an entry was not the expected one
}

// name is that of a missing entry.
type name struct {
	key uint64
	no  uint32 // unknown where it has none yet
}

// Numbers that are no entry's.
const (
	unknown uint32 = 1<<32 - 1
	skipped uint32 = 1<<32 - 2
	// maxEntries leaves them free.
	maxEntries uint32 = 1<<32 - 16
)

// NewAdder returns an Adder for one goroutine.
func (b *Builder) NewAdder() *Adder { return &Adder{b: b} }

// ParseFunc decodes one entry from its bytes into e, which is zero. It must
// copy what it keeps. keep false leaves the entry out.
type ParseFunc func(raw []byte, e *syncline.Entry) (keep bool, err error)

// Add adds one tree, whose bytes are raw and whose entries lie at spans. parse
// is called for those entries only whose bytes were never seen. When it fails,
// nothing is added and its error is returned. Nor is anything added where the tree
// is there.
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

// lookUp finds the numbers of the entries that are known.
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
			// Where nothing is expected, as in a folder that is new, or where expectations
			// fail one after the other, the next ones will have to be looked up, too.
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

// guess says which entry is expected next in a folder.
type guess struct {
	next   uint32 // the number behind that of the entry before
	passed uint32 // one that may still come: it was expected, or is behind what was
	known  uint32 // how many there are
}

// find returns the number of an entry that is not the expected one, unknown where
// it has none. In a new version of a folder an entry may have been changed, and then
// the one behind the expected one comes next, or it may be new, and the expected one
// comes later, or the expected one is gone.
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
				g.passed = g.next // should this one be new
			}
			g.next = behind // should it have been changed
			return unknown
		}
		g.passed = behind // should it be a change that is known
	}
	g.next = no + 1
	return no
}

// parse decodes the missing entries into res.rows, and looks up their names and
// subtrees. Until they are admitted, the entry keeps both.
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

// lookUpNames finds the numbers of the missing entries' names, where they are known.
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

// admit numbers what is new in res and gives it its ticket, unless another
// Adder has brought the tree since.
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
