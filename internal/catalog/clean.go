package catalog

import (
	"context"
	"encoding/json"

	"syncline.dev/syncline"
)

// Clean writes the catalog anew, without the trees that no visible snapshot
// reaches and without the entries and names that only those trees hold. It does
// so when such entries are at least the share minShare (0 to 1) of all entries,
// and returns how many entries it has removed.
//
// The catalog remembers a removed tree as dropped when the repository still
// lists it (inIndex), so a session does not fetch it again without need. Views
// see the catalog before or after the whole rewrite. The caller must have no
// open Builder.
func (c *Catalog) Clean(ctx context.Context, minShare float64, inIndex func(syncline.Hash) bool) (removed int, err error) {
	c.building.Lock()
	defer c.building.Unlock()
	err = c.update(ctx, func(w Writer, m *meta) error {
		k, err := newKeep(ctx, w, *m)
		if err != nil {
			return err
		}
		garbage := int(m.Entries) - k.entries
		if garbage == 0 || float64(garbage) < minShare*float64(m.Entries) {
			return errUnchanged
		}
		removed = garbage
		*m, err = k.rewrite(ctx, w, inIndex)
		return err
	})
	if err != nil {
		return 0, err
	}
	return removed, nil
}

// none stands for an item that does not stay.
const none = ^uint32(0)

// keep knows the items that stay, and for every old number the new one or none.
type keep struct {
	old     Reader // of the generation before
	m       meta
	g       *graph
	hashes  []syncline.Hash
	states  []state
	reached []bool
	entry   []uint32
	entries int // that stay
	roots   []storedSnapshot
	rootNos []uint64
}

func newKeep(ctx context.Context, r Reader, m meta) (*keep, error) {
	k := &keep{m: m}
	var err error
	if k.hashes, err = loadHashes(r, m); err != nil {
		return nil, err
	}
	if k.states, err = loadStates(r, m); err != nil {
		return nil, err
	}
	edges, err := loadEdges(ctx, r, m)
	if err != nil {
		return nil, err
	}
	k.g = newGraph(r, edges)
	err = scan(r, kindSnapshot, 0, func(no uint64, payload []byte) error {
		var s storedSnapshot
		if err := json.Unmarshal(payload, &s); err != nil || s.Root >= m.Trees {
			return damaged("snapshot %d does not decode", no)
		}
		k.roots, k.rootNos = append(k.roots, s), append(k.rootNos, no)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return k, k.mark()
}

// mark finds the trees that snapshots reach, and the entries in them.
func (k *keep) mark() error {
	k.reached = make([]bool, k.m.Trees)
	k.entry = make([]uint32, k.m.Entries)
	for i := range k.entry {
		k.entry[i] = none
	}
	var stack []uint32
	for i := range k.roots {
		stack = append(stack, k.roots[i].Root)
	}
	var err error
	for len(stack) > 0 {
		tree := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if k.reached[tree] {
			continue
		}
		k.reached[tree] = true
		runs, err := k.g.runs(tree)
		if err != nil {
			return err
		}
		if runs == nil && k.states[tree]&stateDecoded == 0 {
			continue // lost in the repository; it keeps a number
		}
		if runs == nil {
			return damaged("tree %d is missing", tree)
		}
		for _, r := range runs {
			if uint64(r.start)+uint64(r.count) > uint64(k.m.Entries) {
				return damaged("tree %d names entries that are not there", tree)
			}
			for i := r.start; i < r.start+r.count; i++ {
				k.entry[i] = 0
			}
		}
		if stack, err = k.g.children(k.m.Trees, tree, stack); err != nil {
			return err
		}
	}
	for i := range k.entry {
		if k.entry[i] != none {
			k.entry[i] = uint32(k.entries)
			k.entries++
		}
	}
	return err
}

// rewrite writes a new generation and returns what its head says.
func (k *keep) rewrite(ctx context.Context, w Writer, inIndex func(syncline.Hash) bool) (m meta, err error) {
	if k.old, err = w.Renew(kindIndex, kindLocation, kindHidden); err != nil {
		return m, err
	}
	k.g.r = k.old
	trees := k.renumberTrees(inIndex)
	names, err := k.renumberNames()
	if err != nil {
		return m, err
	}
	out := &writer{}
	steps := []func() error{
		func() error { return k.rewriteNames(w, out, names) },
		func() error { return k.rewriteEntries(ctx, w, out, names, trees) },
		func() error { return k.rewriteTrees(w, trees) },
		func() error { return k.rewriteSnapshots(w, trees) },
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return m, err
		}
	}
	m = k.m
	m.Names, m.Entries, m.Trees = out.meta.Names, out.meta.Entries, uint32(len(k.hashes))
	m.Generation++
	m.Changes++
	m.Lost = 0
	for _, s := range k.states {
		if s&stateLost != 0 {
			m.Lost++
		}
	}
	return m, nil
}

// renumberTrees drops the hashes that nobody needs and returns the new numbers.
// It leaves the remaining hashes and their states in k.
func (k *keep) renumberTrees(inIndex func(syncline.Hash) bool) []uint32 {
	nos := make([]uint32, len(k.hashes))
	var hashes []syncline.Hash
	var states []state
	for i := range k.hashes {
		nos[i] = none
		s := k.states[i]
		switch {
		case k.reached[i]:
		case !inIndex(k.hashes[i]):
			continue
		case s&(stateDecoded|stateDropped) != 0:
			s = stateDropped
		default:
			s &^= stateLost // nothing visible needs it
		}
		nos[i] = uint32(len(hashes))
		hashes, states = append(hashes, k.hashes[i]), append(states, s)
	}
	k.hashes, k.states = hashes, states
	return nos
}

func (k *keep) renumberNames() ([]uint32, error) {
	nos := make([]uint32, k.m.Names)
	for i := range nos {
		nos[i] = none
	}
	err := scan(k.old, kindScan, 0, func(block uint64, payload []byte) error {
		s, err := decodeScan(payload)
		if err != nil {
			return err
		}
		for i, name := range s.names {
			no := int(block)*scanPerBlock + i
			if no >= len(k.entry) || name >= k.m.Names {
				return damaged("scan block %d does not fit", block)
			}
			if k.entry[no] != none {
				nos[name] = 0
			}
		}
		return nil
	})
	next := uint32(0)
	for i := range nos {
		if nos[i] != none {
			nos[i] = next
			next++
		}
	}
	return nos, err
}

// save stores the blocks that the writer has made.
func (k *keep) save(w Writer, out *writer) error {
	for _, v := range out.pending {
		if err := putBlock(w, v); err != nil {
			return err
		}
	}
	out.pending = out.pending[:0]
	return nil
}

func (k *keep) rewriteNames(w Writer, out *writer, names []uint32) error {
	for block := uint64(0); block*namesPerBlock < uint64(k.m.Names); block++ {
		payload, err := need(k.old, kindName, block)
		if err != nil {
			return err
		}
		b, err := decodeNames(payload)
		if err != nil {
			return err
		}
		for i := range b.ends {
			if names[int(block)*namesPerBlock+i] != none {
				out.takeName(string(b.at(i)))
			}
		}
		if err := k.save(w, out); err != nil {
			return err
		}
	}
	out.flushNames()
	return k.save(w, out)
}

func (k *keep) rewriteEntries(ctx context.Context, w Writer, out *writer, names, trees []uint32) error {
	keys := &keyReader{r: k.old}
	for block := uint64(0); block*entriesPerBlock < uint64(k.m.Entries); block++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		payload, err := need(k.old, kindEntry, block)
		if err != nil {
			return err
		}
		b, err := decodeEntries(payload)
		if err != nil {
			return err
		}
		contents, err := need(k.old, kindContent, block)
		if err != nil {
			return err
		}
		for i := range b.count {
			no := uint32(block)*entriesPerBlock + uint32(i)
			key, err := keys.at(no)
			if err != nil {
				return err
			}
			if k.entry[no] == none {
				continue
			}
			r := b.row(i)
			if r.name >= uint32(len(names)) || r.subtree > uint32(len(trees)) {
				return damaged("entry %d does not fit", no)
			}
			if r.entry.Content, err = b.decodeContents(contents, i); err != nil {
				return err
			}
			r.name = names[r.name]
			if r.subtree != 0 {
				r.subtree = trees[r.subtree-1] + 1
			}
			out.takeRow(&r, key)
		}
		if err := k.save(w, out); err != nil {
			return err
		}
	}
	out.flushRows()
	out.flushKeys()
	out.flushScan()
	return k.save(w, out)
}

// keyReader gives the keys in the order of their numbers.
type keyReader struct {
	r     Reader
	block uint64
	keys  []uint64
}

func (r *keyReader) at(no uint32) (uint64, error) {
	block := uint64(no / keysPerBlock)
	if r.keys == nil || block != r.block {
		payload, err := need(r.r, kindKey, block)
		if err != nil {
			return 0, err
		}
		r.keys = r.keys[:0]
		if err := decodeKeys(payload, func(key uint64) { r.keys = append(r.keys, key) }); err != nil {
			return 0, err
		}
		r.block = block
	}
	if i := int(no % keysPerBlock); i < len(r.keys) {
		return r.keys[i], nil
	}
	return 0, damaged("the key of entry %d is missing", no)
}

// rewriteTrees writes the runs with their new numbers. mark has read all of
// them.
func (k *keep) rewriteTrees(w Writer, trees []uint32) error {
	var t treeBlock
	var buf []byte
	current := uint64(0)
	flush := func() (err error) {
		var payload []byte
		payload, buf = t.encode(buf)
		t = treeBlock{}
		return put(w, kindTree, current, payload)
	}
	for old, no := range trees {
		if no == none || !k.reached[old] {
			continue
		}
		runs, err := k.g.runs(uint32(old))
		if err != nil {
			return err
		}
		if runs == nil {
			continue // lost
		}
		if block := uint64(no / treesPerBlock); block != current {
			if err := flush(); err != nil {
				return err
			}
			current = block
		}
		list := []run{}
		for _, r := range runs {
			for i := r.start; i < r.start+r.count; i++ {
				list = appendRuns(list, []uint32{k.entry[i]})
			}
		}
		t.lists[no%treesPerBlock] = list
	}
	return flush()
}

// rewriteSnapshots writes the snapshots, the hashes and the states.
func (k *keep) rewriteSnapshots(w Writer, trees []uint32) error {
	for i := range k.roots {
		k.roots[i].Root = trees[k.roots[i].Root]
		payload, err := json.Marshal(k.roots[i])
		if err != nil {
			return err
		}
		if err := put(w, kindSnapshot, k.rootNos[i], payload); err != nil {
			return err
		}
	}
	for first := 0; first < len(k.hashes); first += hashesPerBlock {
		part := k.hashes[first:min(len(k.hashes), first+hashesPerBlock)]
		if err := put(w, kindHash, uint64(first/hashesPerBlock), encodeHashes(part)); err != nil {
			return err
		}
	}
	for first := 0; first < len(k.states); first += statesPerBlock {
		part := k.states[first:min(len(k.states), first+statesPerBlock)]
		if err := put(w, kindState, uint64(first/statesPerBlock), encodeStates(part)); err != nil {
			return err
		}
	}
	return nil
}
