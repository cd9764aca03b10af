package catalog

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/zeebo/xxh3"

	"syncline.dev/syncline"
)

// A commit happens when this much waits for it, or after this time: the most
// that a stop or a crash costs.
const (
	commitBytes    = 8 << 20
	commitInterval = time.Second
)

// writer is the Builder's goroutine: it cuts what arrives into blocks. Only it
// touches its fields while it runs. A second goroutine commits one batch of
// blocks while the next one is made, so that nobody waits for the disk.
type writer struct {
	box  Container
	meta meta

	// The last, unfinished block of each kind.
	names []string
	rows  []row
	keys  []uint64
	scan  scanBlock
	// The keys of the names of scan.dirs, 0 where it is not known.
	dirKeys []uint64

	caches uint64 // whose blocks what is committed becomes in the caches, a Catalog.id; 0 for nobody's
	left   left

	edges       []dirEdge // the directory entries, by entry number
	states      []state   // per tree, as of the results taken
	savedHashes int       // hashes committed
	openTrees   map[uint64]*treeBlock
	dirtyTrees  map[uint64]bool
	dirtyStates map[uint64]bool

	waiting map[uint64]*result // by ticket, those that came early
	next    uint64             // the ticket to take next

	pending      []value
	pendingBytes int
	feed         chan<- value // to the commit that begins, while its last blocks are made; nil otherwise
	dirty        bool
	saving       chan error // brings the outcome of the commit under way; nil without one
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
}

// loadTails reads the last entry and scan blocks.
func (w *writer) loadTails(_ context.Context, r Reader, m meta) error {
	w.openTrees = make(map[uint64]*treeBlock)
	w.dirtyTrees = make(map[uint64]bool)
	w.dirtyStates = make(map[uint64]bool)
	w.waiting = make(map[uint64]*result)
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

// run takes results until the channel is closed. After an error it goes on
// taking and dropping them, so that no Adder is left hanging.
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

// drain takes what lies in the channel already.
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

// accept takes res when its turn has come, and those after it that wait.
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
		clear(res.rows) // let go of what the rows hold
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

// openTree reads a block of trees that an earlier commit or session began.
func (w *writer) openTree(block uint64) (t *treeBlock, err error) {
	err = w.box.View(context.Background(), func(r Reader) error {
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

func (w *writer) add(kind Kind, no uint64, payload []byte) {
	v := value{kind, no, payload}
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
	w.add(kindName, no, payload)
	if w.caches != 0 {
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
	w.add(kindEntry, no, entries)
	w.add(kindContent, no, contents)
	if len(w.rows) == entriesPerBlock {
		clear(w.rows)
		w.rows = w.rows[:0]
	}
}

func (w *writer) flushKeys() {
	if len(w.keys) == 0 {
		return
	}
	w.add(kindKey, uint64((w.meta.Entries-1)/keysPerBlock), encodeKeys(w.keys))
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
	w.add(kindScan, no, payload)
	if w.caches != 0 {
		w.left.addFolders(no, newFolderBlock(w.scan.names, w.scan.dirs, w.dirKeys))
	}
	if len(w.scan.names) == scanPerBlock {
		w.scan.names, w.scan.dirs, w.dirKeys = w.scan.names[:0], w.scan.dirs[:0], w.dirKeys[:0]
	}
}

// flushTrees writes the blocks that changed. Full ones are let go; the others
// stay open for the trees that are still to come.
func (w *writer) flushTrees() {
	for block := range w.dirtyTrees {
		t := w.openTrees[block]
		var payload []byte
		payload, w.buf = t.encode(w.buf)
		w.add(kindTree, block, payload)
		full := true
		for i := range t.lists {
			full = full && t.lists[i] != nil
		}
		if full {
			delete(w.openTrees, block)
		}
	}
	clear(w.dirtyTrees)
}

// flushHashes writes the hashes that were numbered since the last commit. They
// may be ahead of the results taken; that is harmless.
func (w *writer) flushHashes(b *Builder) {
	hashes := &b.trees.hashes
	n := hashes.len()
	if n > len(w.states) {
		w.states = append(w.states, make([]state, n-len(w.states))...)
	}
	if w.savedHashes < n {
		for first := w.savedHashes / hashesPerBlock * hashesPerBlock; first < n; first += hashesPerBlock {
			part := hashes.part(first, min(n, first+hashesPerBlock))
			w.add(kindHash, uint64(first/hashesPerBlock), encodeHashes(part))
		}
		for block := w.savedHashes / statesPerBlock; block*statesPerBlock < n; block++ {
			w.dirtyStates[uint64(block)] = true
		}
	}
	w.savedHashes, w.meta.Trees = n, uint32(n)
	for block := range w.dirtyStates {
		first := int(block) * statesPerBlock
		w.add(kindState, block, encodeStates(w.states[first:min(len(w.states), first+statesPerBlock)]))
	}
	clear(w.dirtyStates)
}

// commit begins to write everything that was taken. No other commit may be
// under way. The unfinished blocks are made while those before them are written: a
// session with one more snapshot has no others, and waits until they are committed.
// There is room for all of them, so that whoever makes them need not wait for the
// disk.
func (w *writer) commit(ctx context.Context, b *Builder) {
	trees := b.trees.hashes.len()
	room := 16 + len(w.dirtyTrees) + len(w.dirtyStates) + (trees-w.savedHashes)/hashesPerBlock + trees/statesPerBlock
	values, feed, done := w.pending, make(chan value, room), make(chan error, 1)
	w.pending, w.pendingBytes, w.dirty = nil, 0, false
	w.saving, w.feed = done, feed
	var m meta    // until feed is closed
	var made left // likewise
	caches := w.caches
	go func() {
		err := w.box.Update(ctx, func(tx Writer) error {
			for _, v := range values {
				if err := put(tx, v.kind, v.no, v.payload); err != nil {
					return err
				}
			}
			for v := range feed {
				if err := put(tx, v.kind, v.no, v.payload); err != nil {
					return err
				}
			}
			return writeMeta(tx, m)
		})
		for range feed { // nobody else takes the rest after an error
		}
		if err == nil { // what is not committed may become something else
			made.put(caches, m.Generation)
		}
		done <- err
	}()
	w.flushNames()
	w.flushRows()
	w.flushKeys()
	w.flushScan()
	w.flushTrees()
	w.flushHashes(b)
	m, made = w.meta, w.left
	w.left.folders, w.left.names = nil, nil
	w.meta.Changes++
	w.feed = nil
	close(feed)
}

// wait waits for the commit under way, if there is one.
func (w *writer) wait() {
	if w.saving != nil {
		w.saved(<-w.saving)
	}
}

// saved takes note of how a commit ended. An error is final.
func (w *writer) saved(err error) {
	w.saving = nil
	if w.err == nil {
		w.err = err
	}
}
