package catalog

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/zeebo/xxh3"

	"syncline.dev/syncline"
)

// The writer commits when so many bytes wait, or after this time. A stop or a crash costs
// no more than that.
const (
	commitBytes    = 8 << 20
	commitInterval = time.Second
)

// writer is the Builder's goroutine that cuts results into blocks. No other goroutine
// uses its fields while it runs. A second goroutine commits a batch of blocks while the
// writer makes the next one, so nobody waits for the disk.
type writer struct {
	c    *Catalog // nil in Clean
	meta meta

	// The last, unfinished block of each kind.
	names []string
	rows  []row
	keys  []uint64
	scan  scanBlock
	// The keys of the names of scan.dirs; 0 is an unknown key.
	dirKeys []uint64

	caches uint64 // the Catalog.id under which committed blocks enter the caches; 0 for none
	left   left

	edges       []dirEdge // the directory entries, by entry number
	states      []state   // of each tree, up to the last result
	savedHashes int       // the number of committed hashes
	oldTrees    uint32    // the number of hashes when the Builder was loaded
	openTrees   map[uint64]*treeBlock
	dirtyTrees  map[uint64]bool
	dirtyStates map[uint64]bool

	waiting map[uint64]*result // early results, by ticket
	next    uint64             // the next ticket

	pending      []value
	pendingBytes int
	feed         chan<- value // takes the last blocks of a commit that has begun; nil otherwise
	dirty        bool
	saving       chan error // brings the outcome of the running commit; nil without one
	err          error

	enc entryEncoder
	buf []byte

	addedEntries, addedTrees atomic.Int64
}

// value is a block that waits for its commit.
type value struct {
	kind    Kind
	no      uint64
	payload []byte
	full    bool // it holds all of its items and will not change
}

// loadTails reads the last entry and scan blocks.
func (w *writer) loadTails(_ context.Context, r Reader, m meta) error {
	w.openTrees = make(map[uint64]*treeBlock)
	w.dirtyTrees = make(map[uint64]bool)
	w.dirtyStates = make(map[uint64]bool)
	w.waiting = make(map[uint64]*result)
	w.oldTrees = m.Trees
	if n := int(m.Entries % entriesPerBlock); n != 0 {
		if err := w.loadRows(r, uint64(m.Entries/entriesPerBlock), n); err != nil {
			return err
		}
	}
	if n := int(m.Entries % scanPerBlock); n != 0 {
		payload, err := need(r, kindScan, uint64(m.Entries/scanPerBlock))
		if err != nil {
			return err
		}
		s, err := decodeScan(payload)
		if err != nil {
			return err
		}
		if len(s.names) != n {
			return damaged("the last scan block has %d entries instead of %d", len(s.names), n)
		}
		w.scan, w.dirKeys = *s, make([]uint64, len(s.dirs))
	}
	return nil
}

func (w *writer) loadEdges(ctx context.Context, r Reader, m meta) (err error) {
	w.edges, err = loadEdges(ctx, r, m)
	return err
}

func (w *writer) loadRows(r Reader, block uint64, n int) error {
	payload, err := need(r, kindEntry, block)
	if err != nil {
		return err
	}
	b, err := decodeEntries(payload)
	if err != nil {
		return err
	}
	if b.count != n {
		return damaged("the last entry block has %d entries instead of %d", b.count, n)
	}
	contents, err := need(r, kindContent, block)
	if err != nil {
		return err
	}
	for i := range n {
		r := b.row(i)
		if r.entry.Content, err = b.decodeContents(contents, i); err != nil {
			return err
		}
		w.rows = append(w.rows, r)
	}
	return nil
}

// run takes results until the channel is closed. After an error it takes and
// drops them, so that no Adder hangs.
func (w *writer) run(b *Builder) {
	tick := time.NewTicker(commitInterval)
	defer tick.Stop()
	defer w.wait()
	for {
		select {
		case res, ok := <-b.results:
			if !ok {
				return
			}
			w.accept(b, res)
		case err := <-w.saving:
			w.saved(err)
		case <-tick.C:
			if w.err == nil && w.dirty && w.saving == nil {
				w.commit(context.Background(), b)
			}
		case f := <-b.flushes:
			w.drain(b)
			w.wait()
			if w.err == nil {
				w.commit(f.ctx, b)
				w.wait()
			}
			f.reply <- w.err
		}
	}
}

// drain takes the results that are in the channel at this moment.
func (w *writer) drain(b *Builder) {
	for {
		select {
		case res, ok := <-b.results:
			if !ok {
				return
			}
			w.accept(b, res)
		default:
			return
		}
	}
}

// accept takes res when its turn has come, and then the early results behind it.
func (w *writer) accept(b *Builder, res *result) {
	w.waiting[res.ticket] = res
	for {
		res, ok := w.waiting[w.next]
		if !ok {
			return
		}
		delete(w.waiting, w.next)
		w.next++
		if w.err == nil {
			w.err = w.take(b, res)
		}
		clear(res.rows) // their contents can go
		b.free.Put(res)
	}
}

func (w *writer) take(b *Builder, res *result) error {
	for _, name := range res.names {
		w.takeName(name)
	}
	for i := range res.rows {
		w.takeRow(&res.rows[i], res.keys[i])
	}
	if err := w.takeTree(res); err != nil {
		return err
	}
	w.addedEntries.Add(int64(len(res.rows)))
	w.addedTrees.Add(1)
	w.dirty = true
	if w.pendingBytes >= commitBytes {
		w.wait()
		if w.err == nil {
			w.commit(context.Background(), b)
		}
	}
	return w.err
}

func (w *writer) takeName(name string) {
	w.names = append(w.names, name)
	w.meta.Names++
	if len(w.names) == namesPerBlock {
		w.flushNames()
	}
}

func (w *writer) takeRow(r *row, key uint64) {
	if r.subtree != 0 {
		w.takeDir(r)
	}
	r.entry.Name, r.entry.Subtree = "", syncline.Hash{}
	w.rows = append(w.rows, *r)
	w.keys = append(w.keys, key)
	w.scan.names = append(w.scan.names, r.name)
	w.meta.Entries++
	if len(w.rows) == entriesPerBlock {
		w.flushRows()
	}
	if len(w.keys) == keysPerBlock {
		w.flushKeys()
	}
	if len(w.scan.names) == scanPerBlock {
		w.flushScan()
	}
}

func (w *writer) takeDir(r *row) {
	key := uint64(0)
	if r.entry.Name != "" {
		key = xxh3.HashStringSeed(r.entry.Name, w.meta.Seed)
	}
	w.edges = append(w.edges, dirEdge{w.meta.Entries, r.subtree - 1})
	w.scan.dirs = append(w.scan.dirs, dirEdge{uint32(len(w.scan.names)), r.subtree - 1})
	w.dirKeys = append(w.dirKeys, key)
}

func (w *writer) takeTree(res *result) error {
	block := uint64(res.tree / treesPerBlock)
	t, ok := w.openTrees[block]
	if !ok {
		var err error
		if t, err = w.openTree(block); err != nil {
			return err
		}
		w.openTrees[block] = t
	}
	t.lists[res.tree%treesPerBlock] = append(make([]run, 0, len(res.runs)), res.runs...)
	w.dirtyTrees[block] = true
	if n := int(res.tree) + 1; n > len(w.states) {
		w.states = append(w.states, make([]state, n-len(w.states))...)
	}
	w.states[res.tree] = w.states[res.tree]&^stateDropped | stateDecoded
	w.dirtyStates[uint64(res.tree/statesPerBlock)] = true
	return nil
}

// openTree reads a block of trees that an earlier session may have begun.
func (w *writer) openTree(block uint64) (t *treeBlock, err error) {
	if block*treesPerBlock >= uint64(w.oldTrees) {
		return new(treeBlock), nil
	}
	err = w.c.box.View(context.Background(), func(r Reader) error {
		m, err := w.c.meta(r)
		if err != nil {
			return err
		}
		if m.Generation != w.meta.Generation {
			return Conflict() // the block holds other trees
		}
		payload, err := get(r, kindTree, block)
		if err != nil {
			return err
		}
		if t = new(treeBlock); payload != nil {
			t, err = decodeTrees(payload)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	for i := range t.lists {
		no := int(block)*treesPerBlock + i
		if t.lists[i] == nil && no < len(w.states) && w.states[no]&stateDecoded != 0 {
			return nil, damaged("tree %d is missing", no)
		}
	}
	return t, nil
}

func (w *writer) add(kind Kind, no uint64, payload []byte, full bool) {
	v := value{kind, no, payload, full}
	if w.feed != nil {
		w.feed <- v
		return
	}
	w.pending = append(w.pending, v)
	w.pendingBytes += len(payload)
}

func (w *writer) flushNames() {
	if len(w.names) == 0 {
		return
	}
	var payload []byte
	payload, w.buf = encodeNames(w.names, w.buf)
	no := uint64((w.meta.Names - 1) / namesPerBlock)
	w.add(kindName, no, payload, len(w.names) == namesPerBlock)
	if w.caches != 0 && !w.left.fullOfNames() {
		w.left.addNames(no, w.names)
	}
	if len(w.names) == namesPerBlock {
		w.names = w.names[:0]
	}
}

func (w *writer) flushRows() {
	if len(w.rows) == 0 {
		return
	}
	entries, contents := w.enc.encode(w.rows)
	no := uint64((w.meta.Entries - 1) / entriesPerBlock)
	full := len(w.rows) == entriesPerBlock
	w.add(kindEntry, no, entries, full)
	w.add(kindContent, no, contents, full)
	if len(w.rows) == entriesPerBlock {
		clear(w.rows)
		w.rows = w.rows[:0]
	}
}

func (w *writer) flushKeys() {
	if len(w.keys) == 0 {
		return
	}
	w.add(kindKey, uint64((w.meta.Entries-1)/keysPerBlock), encodeKeys(w.keys), len(w.keys) == keysPerBlock)
	if len(w.keys) == keysPerBlock {
		w.keys = w.keys[:0]
	}
}

func (w *writer) flushScan() {
	if len(w.scan.names) == 0 {
		return
	}
	var payload []byte
	payload, w.buf = w.scan.encode(w.buf)
	no := uint64((w.meta.Entries - 1) / scanPerBlock)
	w.add(kindScan, no, payload, len(w.scan.names) == scanPerBlock)
	if w.caches != 0 && !w.left.fullOfFolders() {
		w.left.addFolders(no, newFolderBlock(w.scan.names, w.scan.dirs, w.dirKeys))
	}
	if len(w.scan.names) == scanPerBlock {
		w.scan.names, w.scan.dirs, w.dirKeys = w.scan.names[:0], w.scan.dirs[:0], w.dirKeys[:0]
	}
}

// flushTrees writes the blocks of trees that have changed. It forgets full
// blocks and keeps the others open for more trees.
func (w *writer) flushTrees() {
	for block := range w.dirtyTrees {
		t := w.openTrees[block]
		var payload []byte
		payload, w.buf = t.encode(w.buf)
		full := true
		for i := range t.lists {
			full = full && t.lists[i] != nil
		}
		w.add(kindTree, block, payload, full)
		if full {
			delete(w.openTrees, block)
		}
	}
	clear(w.dirtyTrees)
}

// flushHashes writes the hashes that got a number since the last commit. Some
// may belong to trees that come later, which does no harm.
func (w *writer) flushHashes(b *Builder) {
	hashes := &b.trees.hashes
	n := hashes.len()
	if n > len(w.states) {
		w.states = append(w.states, make([]state, n-len(w.states))...)
	}
	if w.savedHashes < n {
		for first := w.savedHashes / hashesPerBlock * hashesPerBlock; first < n; first += hashesPerBlock {
			part := hashes.part(first, min(n, first+hashesPerBlock))
			w.add(kindHash, uint64(first/hashesPerBlock), encodeHashes(part), len(part) == hashesPerBlock)
		}
		for block := w.savedHashes / statesPerBlock; block*statesPerBlock < n; block++ {
			w.dirtyStates[uint64(block)] = true
		}
	}
	w.savedHashes, w.meta.Trees = n, uint32(n)
	for block := range w.dirtyStates {
		first := int(block) * statesPerBlock
		w.add(kindState, block, encodeStates(w.states[first:min(len(w.states), first+statesPerBlock)]), false)
	}
	clear(w.dirtyStates)
}

// commit begins to store all blocks. No other commit may be running. A short
// session has only unfinished blocks and waits for their commit. So commit
// starts the transaction first, and makes the unfinished blocks while the full
// ones are stored. The channel has room for all of them, so the writer does not
// wait for the disk.
func (w *writer) commit(ctx context.Context, b *Builder) {
	trees := b.trees.hashes.len()
	room := 16 + len(w.dirtyTrees) + len(w.dirtyStates) + (trees-w.savedHashes)/hashesPerBlock + trees/statesPerBlock
	values, feed, done := w.pending, make(chan value, room), make(chan error, 1)
	w.pending, w.pendingBytes, w.dirty = nil, 0, false
	w.saving, w.feed = done, feed
	// The commit reads them once feed is closed.
	var counts meta
	var made left
	caches := w.caches
	go func() {
		err := w.c.update(ctx, func(tx Writer, m *meta) error {
			for _, v := range values {
				if err := putBlock(tx, v); err != nil {
					return err
				}
			}
			for v := range feed {
				if err := putBlock(tx, v); err != nil {
					return err
				}
			}
			m.Names, m.Entries, m.Trees = counts.Names, counts.Entries, counts.Trees
			m.Changes++
			return nil
		})
		for range feed { // after an error, the rest
		}
		if err == nil { // the numbers of a failed commit are given out again
			made.put(caches, counts.Generation)
		}
		done <- err
	}()
	w.flushNames()
	w.flushRows()
	w.flushKeys()
	w.flushScan()
	w.flushTrees()
	w.flushHashes(b)
	counts, made = w.meta, w.left
	w.left.folders, w.left.names = nil, nil
	w.meta.Changes++
	w.feed = nil
	close(feed)
}

// wait waits for the running commit, if there is one.
func (w *writer) wait() {
	if w.saving != nil {
		w.saved(<-w.saving)
	}
}

// saved notes how a commit ended. An error is final.
func (w *writer) saved(err error) {
	w.saving = nil
	if w.err == nil {
		w.err = err
	}
}
