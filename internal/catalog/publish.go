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

// Incomplete is a snapshot that lacks trees.
type Incomplete struct {
	Snapshot syncline.Hash
	// Missing holds the trees of the snapshot that the catalog lacks, without
	// those of an Incomplete before it.
	Missing []syncline.Hash
	// Folders is the number of different trees that are missing below the root.
	Folders int
	// Root says that the root is missing.
	Root bool
}

// Publish makes the snapshots of add visible and removes those of remove, in one
// transaction. It leaves out snapshots that lack a tree and returns them. It
// does nothing for a snapshot that is visible. It looks again at visible
// snapshots that lack lost trees: it completes those whose trees are back, and
// returns the others. The caller must have no open Builder.
func (c *Catalog) Publish(ctx context.Context, add []syncline.Snapshot, remove []syncline.Hash) ([]Incomplete, error) {
	return c.publish(ctx, add, remove, false)
}

// PublishLost is Publish for snapshots whose missing trees are known to be lost
// in the repository: it shows them without those trees. It returns all visible
// snapshots that lack something.
func (c *Catalog) PublishLost(ctx context.Context, add []syncline.Snapshot) ([]Incomplete, error) {
	return c.publish(ctx, add, nil, true)
}

func (c *Catalog) publish(ctx context.Context, add []syncline.Snapshot, remove []syncline.Hash, settle bool) (gaps []Incomplete, err error) {
	var now meta
	if len(add) == 0 && !settle {
		now, err = c.readMeta(ctx)
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
	err = c.update(ctx, func(w Writer, m *meta) error {
		if p != nil && !p.m.sameContent(*m) {
			return Conflict()
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
			changed = changed || p.changed || p.m.Trees != m.Trees || p.m.Lost != m.Lost
			m.Trees, m.Lost = p.m.Trees, p.m.Lost
		}
		if err != nil {
			return err
		}
		if !changed {
			return p.unchanged()
		}
		m.Changes++
		for i := range gaps { // all other snapshots are visible
			if !settle {
				delete(old.have, gaps[i].Snapshot)
			}
		}
		return unhide(w, old.have, remove)
	})
	return gaps, err
}

// oldSnapshots describes the snapshots before a publication.
type oldSnapshots struct {
	removed int
	next    uint64                 // the next free number
	have    map[syncline.Hash]bool // snapshots that stay
	partial []partialSnapshot      // snapshots that stay and lack trees
}

type partialSnapshot struct {
	no uint64
	storedSnapshot
}

// removeSnapshots removes snapshots and returns those that stay.
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

// publisher finds out which snapshots are complete.
type publisher struct {
	m      meta
	roots  map[syncline.Hash]uint32 // of the trees that are numbered
	states []state
	g      *graph
	whole  bool // nothing is missing below any tree that is there
	settle bool // all missing trees are lost

	// These belong to one publication.
	w       Writer
	told    map[uint32]bool        // missing trees that gaps names
	unheard map[syncline.Hash]bool // the same for trees without a number
	gaps    []Incomplete
	changed bool // readers see another state
	wrote   bool // some states were written
}

// unchanged is the outcome of a publication without changes. Changes stays as it
// is, so readers keep what they know of this state. The head tells of the states
// that were written.
func (p *publisher) unchanged() error {
	if p != nil && p.wrote {
		return nil
	}
	return errUnchanged
}

// newPublisher takes the knowledge of the last Builder when the catalog is as
// that Builder left it. Otherwise it reads the catalog, several parts side by
// side, because a short session waits for them.
func (c *Catalog) newPublisher(ctx context.Context, add []syncline.Snapshot) (*publisher, error) {
	p := new(publisher)
	var err error
	if p.m, err = c.readMeta(ctx); err != nil {
		return nil, err
	}
	if b := c.takeBuilt(); b != nil && b.m.sameContent(p.m) {
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

// publish looks again at the snapshots that lacked trees, and adds those of add
// that are complete. With settle it adds the others as well. It leaves the new
// head and states in p.m and p.states.
func (p *publisher) publish(w Writer, add []syncline.Snapshot, old *oldSnapshots) (gaps []Incomplete, err error) {
	before := p.states
	p.states = slices.Clone(before)
	if p.whole { // as most sessions leave it; a walk would take 1 µs a tree
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
	p.wrote, err = saveStates(w, before, p.states)
	return p.gaps, err
}

// again looks once more at a visible snapshot that lacks trees.
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

// missing returns how many trees a snapshot lacks, and adds them to gaps.
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

// numbersOf returns the numbers of the snapshots' root trees that have one.
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

// saveStates writes the blocks of states that differ from before, and reports
// whether there are any.
func saveStates(w Writer, before, states []state) (wrote bool, err error) {
	for first := 0; first < len(states); first += statesPerBlock {
		last := min(len(states), first+statesPerBlock)
		if last <= len(before) && slices.Equal(before[first:last], states[first:last]) {
			continue
		}
		wrote = true
		if err := put(w, kindState, uint64(first/statesPerBlock), encodeStates(states[first:last])); err != nil {
			return wrote, err
		}
	}
	return wrote, nil
}
