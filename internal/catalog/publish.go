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

// Incomplete is a snapshot that cannot be shown, and why.
type Incomplete struct {
	Snapshot syncline.Hash
	// Missing holds the trees that are not in the catalog, of this snapshot
	// and not of one named before it.
	Missing []syncline.Hash
}

// Publish makes snapshots visible and removes others, in one transaction. A
// snapshot that lacks a tree stays out and is returned; the others are
// published all the same. Publishing one that is visible already does nothing.
// No Builder may be open in the caller's hands.
func (c *Catalog) Publish(ctx context.Context, add []syncline.Snapshot, remove []syncline.Hash) (gaps []Incomplete, err error) {
	if len(add) == 0 && len(remove) == 0 {
		return nil, nil
	}
	c.building.Lock()
	defer c.building.Unlock()
	var p *publisher
	if len(add) > 0 {
		if p, err = c.newPublisher(ctx, add); err != nil {
			return nil, err
		}
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
		removed, next, have, err := removeSnapshots(w, remove)
		if err != nil {
			return err
		}
		fresh := slices.DeleteFunc(slices.Clone(add), func(s syncline.Snapshot) bool {
			known := have[s.ID]
			have[s.ID] = true
			return known
		})
		if len(fresh) > 0 {
			if gaps, err = p.add(w, fresh, next); err != nil {
				return err
			}
		}
		if removed == 0 && len(fresh) == 0 {
			return nil // what is kept of the catalog's state stays good
		}
		return writeMeta(w, m)
	})
	return gaps, err
}

// removeSnapshots returns how many there were, the next free number and the
// snapshots that stay.
func removeSnapshots(w Writer, remove []syncline.Hash) (removed int, next uint64, have map[syncline.Hash]bool, err error) {
	gone := make(map[syncline.Hash]bool, len(remove))
	for _, h := range remove {
		gone[h] = true
	}
	have = make(map[syncline.Hash]bool)
	var nos []uint64
	err = scan(w, kindSnapshot, 0, func(no uint64, payload []byte) error {
		var s storedSnapshot
		if err := json.Unmarshal(payload, &s); err != nil {
			return damaged("snapshot %d does not decode: %v", no, err)
		}
		next = no + 1
		if gone[s.ID] {
			nos = append(nos, no)
		} else {
			have[s.ID] = true
		}
		return nil
	})
	for _, no := range nos {
		if err == nil {
			err = w.Delete(kindSnapshot, no, no)
		}
	}
	return len(nos), next, have, err
}

// publisher holds what is needed to see which snapshots are complete.
type publisher struct {
	m      meta
	roots  map[syncline.Hash]uint32 // of the trees that are numbered
	states []state
	g      *graph
	whole  bool // nothing is missing below any tree that is there
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

// add adds the snapshots that are complete.
func (p *publisher) add(w Writer, add []syncline.Snapshot, next uint64) ([]Incomplete, error) {
	states := slices.Clone(p.states)
	if p.whole { // as most sessions leave it: a walk takes 1 µs a tree
		for i, s := range states {
			if s&stateDecoded != 0 {
				states[i] |= stateComplete
			}
		}
	}
	p.g.r = w
	hashes := View{r: w, m: p.m}
	var gaps []Incomplete
	told, unheard := make(map[uint32]bool), make(map[syncline.Hash]bool)
	for i := range add {
		root, ok := p.roots[add[i].Tree]
		if !ok {
			gap := Incomplete{Snapshot: add[i].ID}
			if !unheard[add[i].Tree] {
				unheard[add[i].Tree] = true
				gap.Missing = []syncline.Hash{add[i].Tree}
			}
			gaps = append(gaps, gap)
			continue
		}
		missing, err := p.g.complete(root, states)
		if err != nil {
			return nil, err
		}
		if states[root]&stateComplete == 0 {
			gap := Incomplete{Snapshot: add[i].ID}
			for _, no := range missing {
				if told[no] {
					continue
				}
				told[no] = true
				h, err := hashes.hash(no)
				if err != nil {
					return nil, err
				}
				gap.Missing = append(gap.Missing, h)
			}
			gaps = append(gaps, gap)
			continue
		}
		payload, err := json.Marshal(storeSnapshot(&add[i], root))
		if err != nil {
			return nil, err
		}
		if err := put(w, kindSnapshot, next, payload); err != nil {
			return nil, err
		}
		next++
	}
	return gaps, saveStates(w, p.states, states)
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
		if slices.Equal(before[first:last], states[first:last]) {
			continue
		}
		if err := put(w, kindState, uint64(first/statesPerBlock), encodeStates(states[first:last])); err != nil {
			return err
		}
	}
	return nil
}
