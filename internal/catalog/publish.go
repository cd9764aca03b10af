package catalog

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"syncline.dev/syncline"
)

// storedSnapshot is the value of kindSnapshot.
type storedSnapshot struct {
	ID             syncline.Hash   `json:"id"`
	Tree           syncline.Hash   `json:"tree"`
	Root           uint32          `json:"root"` // the tree's number
	Time           time.Time       `json:"time"`
	Parent         *syncline.Hash  `json:"parent,omitempty"`
	Original       *syncline.Hash  `json:"original,omitempty"`
	Paths          []string        `json:"paths,omitempty"`
	Hostname       string          `json:"hostname,omitempty"`
	Username       string          `json:"username,omitempty"`
	UID            uint32          `json:"uid,omitempty"`
	GID            uint32          `json:"gid,omitempty"`
	Excludes       []string        `json:"excludes,omitempty"`
	Tags           []string        `json:"tags,omitempty"`
	ProgramVersion string          `json:"program,omitempty"`
	Summary        json.RawMessage `json:"summary,omitempty"`
	Missing        uint32          `json:"missing,omitempty"` // lost trees below the root
}

func storeSnapshot(s *syncline.Snapshot, root uint32) storedSnapshot {
	return storedSnapshot{
		ID: s.ID, Tree: s.Tree, Root: root, Time: s.Time,
		Parent: optional(s.Parent), Original: optional(s.Original),
		Paths: s.Paths, Hostname: s.Hostname, Username: s.Username, UID: s.UID, GID: s.GID,
		Excludes: s.Excludes, Tags: s.Tags, ProgramVersion: s.ProgramVersion, Summary: s.Summary,
	}
}

func optional(h syncline.Hash) *syncline.Hash {
	if h.IsZero() {
		return nil
	}
	return &h
}

func (s *storedSnapshot) snapshot() syncline.Snapshot {
	out := syncline.Snapshot{
		ID: s.ID, Tree: s.Tree, Time: s.Time, Paths: s.Paths,
		Hostname: s.Hostname, Username: s.Username, UID: s.UID, GID: s.GID,
		Excludes: s.Excludes, Tags: s.Tags, ProgramVersion: s.ProgramVersion, Summary: s.Summary,
	}
	if s.Parent != nil {
		out.Parent = *s.Parent
	}
	if s.Original != nil {
		out.Original = *s.Original
	}
	return out
}

// Incomplete is a snapshot of which trees are missing.
type Incomplete struct {
	Snapshot syncline.Hash
	// Missing holds the trees that are not in the catalog, of this snapshot
	// and not of one named before it.
	Missing []syncline.Hash
	// Folders is how many different trees are missing below the snapshot.
	Folders int
	// Root says that the root is one of them.
	Root bool
}

// Publish makes snapshots visible and removes others, in one transaction. A
// snapshot that lacks a tree stays out and is returned; the others are
// published all the same. Publishing one that is visible already does nothing.
// A visible snapshot of which trees were lost is completed where they are there
// again, and is returned where they are not.
// No Builder may be open in the caller's hands.
func (c *Catalog) Publish(ctx context.Context, add []syncline.Snapshot, remove []syncline.Hash) ([]Incomplete, error) {
	return c.publish(ctx, add, remove, false)
}

// PublishLost makes snapshots visible of which trees are missing, when it is known
// that the repository has lost these: they are shown without them. It returns all
// visible snapshots that lack something. No Builder may be open in the caller's
// hands.
func (c *Catalog) PublishLost(ctx context.Context, add []syncline.Snapshot) ([]Incomplete, error) {
	return c.publish(ctx, add, nil, true)
}

func (c *Catalog) publish(ctx context.Context, add []syncline.Snapshot, remove []syncline.Hash, settle bool) (gaps []Incomplete, err error) {
	var now meta
	if len(add) == 0 && !settle {
		err := c.box.View(ctx, func(r Reader) (err error) {
			now, err = readMeta(r)
			return err
		})
		if err != nil || len(remove) == 0 && now.Lost == 0 {
			return nil, err
		}
	}
	c.building.Lock()
	defer c.building.Unlock()
	var p *publisher
	if len(add) > 0 || settle || now.Lost > 0 {
		if p, err = c.newPublisher(ctx, add); err != nil {
			return nil, err
		}
		p.settle = settle
	}
	err = c.box.Update(ctx, func(w Writer) error {
		gaps = nil
		m, err := readMeta(w)
		if err != nil {
			return err
		}
		if p != nil && p.m != m {
			return errChanged
		}
		old, err := removeSnapshots(w, remove)
		if err != nil {
			return err
		}
		fresh := slices.DeleteFunc(slices.Clone(add), func(s syncline.Snapshot) bool {
			known := old.have[s.ID]
			old.have[s.ID] = true
			return known
		})
		changed := old.removed > 0 || len(fresh) > 0
		if p != nil && (len(fresh) > 0 || settle || m.Lost > 0) {
			gaps, err = p.publish(w, fresh, old)
			changed = changed || p.changed || m != p.m
			m = p.m
		}
		if err != nil || !changed {
			return err // what is kept of the catalog's state stays good
		}
		for i := range gaps { // the others are visible now
			if !settle {
				delete(old.have, gaps[i].Snapshot)
			}
		}
		if err := unhide(w, old.have, remove); err != nil {
			return err
		}
		return writeMeta(w, m)
	})
	return gaps, err
}

// oldSnapshots is what was published before.
type oldSnapshots struct {
	removed int
	next    uint64                 // the next free number
	have    map[syncline.Hash]bool // those that stay
	partial []partialSnapshot      // those of them that lack trees
}

type partialSnapshot struct {
	no uint64
	storedSnapshot
}

// removeSnapshots returns what was there and stays.
func removeSnapshots(w Writer, remove []syncline.Hash) (*oldSnapshots, error) {
	gone := make(map[syncline.Hash]bool, len(remove))
	for _, h := range remove {
		gone[h] = true
	}
	old := &oldSnapshots{have: make(map[syncline.Hash]bool)}
	var nos []uint64
	err := scan(w, kindSnapshot, 0, func(no uint64, payload []byte) error {
		var s storedSnapshot
		if err := json.Unmarshal(payload, &s); err != nil {
			return damaged("snapshot %d does not decode: %v", no, err)
		}
		old.next = no + 1
		if gone[s.ID] {
			nos = append(nos, no)
			return nil
		}
		old.have[s.ID] = true
		if s.Missing > 0 {
			old.partial = append(old.partial, partialSnapshot{no, s})
		}
		return nil
	})
	old.removed = len(nos)
	for _, no := range nos {
		if err == nil {
			err = w.Delete(kindSnapshot, no, no)
		}
	}
	return old, err
}

// publisher holds what is needed to see which snapshots are complete.
type publisher struct {
	m      meta
	roots  map[syncline.Hash]uint32 // of the trees that are numbered
	states []state
	g      *graph
	whole  bool // nothing is missing below any tree that is there
	settle bool // what is missing is lost

	// Of one publication.
	w       Writer
	told    map[uint32]bool        // trees that were named as missing
	unheard map[syncline.Hash]bool // likewise, those without a number
	gaps    []Incomplete
	changed bool
}

// newPublisher takes it from the Builder that was closed last, where the catalog
// has not changed since, or else reads it, the parts beside one another: a session
// with one more snapshot waits for them.
func (c *Catalog) newPublisher(ctx context.Context, add []syncline.Snapshot) (*publisher, error) {
	p := new(publisher)
	err := c.box.View(ctx, func(r Reader) (err error) {
		p.m, err = readMeta(r)
		return err
	})
	if err != nil {
		return nil, err
	}
	if b := c.takeBuilt(); b != nil && b.m == p.m {
		p.roots = make(map[syncline.Hash]uint32, len(add))
		for i := range add {
			if no, ok := b.trees.get(&add[i].Tree); ok {
				p.roots[add[i].Tree] = no
			}
		}
		p.states, p.g = b.states, newGraph(nil, b.edges)
		p.whole = p.g.whole(p.states)
		return p, nil
	}
	return p, c.beside(ctx, p.m, nil,
		func(_ context.Context, r Reader, m meta) (err error) {
			p.roots, err = numbersOf(r, m, add)
			return err
		},
		func(_ context.Context, r Reader, m meta) (err error) {
			p.states, err = loadStates(r, m)
			return err
		},
		func(ctx context.Context, r Reader, m meta) error {
			edges, err := loadEdges(ctx, r, m)
			p.g = newGraph(r, edges)
			return err
		},
	)
}

// publish looks at the snapshots that lacked trees and adds new ones: those that
// are complete, and where what is missing is lost the others, too. p.m and
// p.states are what the catalog has afterwards.
func (p *publisher) publish(w Writer, add []syncline.Snapshot, old *oldSnapshots) ([]Incomplete, error) {
	before := p.states
	p.states = slices.Clone(before)
	if p.whole { // as most sessions leave it: a walk takes 1 µs a tree
		for i, s := range p.states {
			if s&stateDecoded != 0 {
				p.states[i] |= stateComplete
			}
		}
	}
	p.w, p.g.r = w, w
	p.told, p.unheard = make(map[uint32]bool), make(map[syncline.Hash]bool)
	for i := range old.partial {
		if err := p.again(&old.partial[i]); err != nil {
			return nil, err
		}
	}
	for i := range add {
		done, err := p.add(&add[i], old.next)
		if err != nil {
			return nil, err
		}
		if done {
			old.next++
		}
	}
	if p.settle || p.m.Lost > 0 {
		p.m.Lost = settled(p.states, p.settle, p.told)
		p.changed = p.changed || !sameLost(before, p.states)
	}
	return p.gaps, saveStates(w, before, p.states)
}

// again looks at a snapshot that lacked trees.
func (p *publisher) again(s *partialSnapshot) error {
	missing, err := p.missing(s.ID, s.Root)
	if err != nil || uint32(missing) == s.Missing || missing > 0 && !p.settle {
		return err
	}
	s.Missing, p.changed = uint32(missing), true
	return p.put(s.no, &s.storedSnapshot)
}

// add adds a snapshot, unless it lacks trees that are not known to be lost.
func (p *publisher) add(s *syncline.Snapshot, no uint64) (done bool, err error) {
	root, ok := p.roots[s.Tree]
	if !ok && !p.settle {
		gap := Incomplete{Snapshot: s.ID, Folders: 1, Root: true}
		if !p.unheard[s.Tree] {
			p.unheard[s.Tree] = true
			gap.Missing = []syncline.Hash{s.Tree}
		}
		p.gaps = append(p.gaps, gap)
		return false, nil
	}
	if !ok {
		if root, err = newTree(p.w, &p.m, s.Tree); err != nil {
			return false, err
		}
		p.roots[s.Tree], p.states = root, append(p.states, 0)
	}
	missing, err := p.missing(s.ID, root)
	if err != nil || missing > 0 && !p.settle {
		return false, err
	}
	stored := storeSnapshot(s, root)
	stored.Missing = uint32(missing)
	return true, p.put(no, &stored)
}

// missing returns how many trees a snapshot lacks, and notes which.
func (p *publisher) missing(id syncline.Hash, root uint32) (int, error) {
	missing, err := p.g.complete(root, p.states)
	if err != nil || p.states[root]&stateComplete != 0 {
		return 0, err
	}
	gap := Incomplete{Snapshot: id, Folders: len(missing), Root: p.states[root]&stateDecoded == 0}
	hashes := View{r: p.w, m: p.m}
	for _, no := range missing {
		if p.told[no] {
			continue
		}
		p.told[no] = true
		h, err := hashes.hash(no)
		if err != nil {
			return 0, err
		}
		gap.Missing = append(gap.Missing, h)
	}
	p.gaps = append(p.gaps, gap)
	return len(missing), nil
}

func (p *publisher) put(no uint64, s *storedSnapshot) error {
	payload, err := json.Marshal(s)
	if err != nil {
		return err
	}
	return put(p.w, kindSnapshot, no, payload)
}

// numbersOf returns the numbers of the snapshots' trees, as far as they have
// one.
func numbersOf(r Reader, m meta, snapshots []syncline.Snapshot) (map[syncline.Hash]uint32, error) {
	wanted := make(map[syncline.Hash]bool, len(snapshots))
	for i := range snapshots {
		wanted[snapshots[i].Tree] = true
	}
	nos := make(map[syncline.Hash]uint32, len(wanted))
	no := uint32(0)
	err := scan(r, kindHash, 0, func(block uint64, payload []byte) error {
		if block != uint64(no/hashesPerBlock) || no%hashesPerBlock != 0 || len(payload)%32 != 0 {
			return damaged("hash block %d is missing", no/hashesPerBlock)
		}
		for ; len(payload) > 0; payload = payload[32:] {
			if h := syncline.Hash(payload[:32]); wanted[h] {
				nos[h] = no
			}
			no++
		}
		return nil
	})
	if err == nil && no != m.Trees {
		err = damaged("there are %d tree hashes instead of %d", no, m.Trees)
	}
	return nos, err
}

// saveStates writes the blocks that differ.
func saveStates(w Writer, before, states []state) error {
	for first := 0; first < len(states); first += statesPerBlock {
		last := min(len(states), first+statesPerBlock)
		if last <= len(before) && slices.Equal(before[first:last], states[first:last]) {
			continue
		}
		if err := put(w, kindState, uint64(first/statesPerBlock), encodeStates(states[first:last])); err != nil {
			return err
		}
	}
	return nil
}
