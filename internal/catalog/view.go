package catalog

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"slices"

	"syncline.dev/syncline"
)

// View is one consistent state of a catalog, for one goroutine.
type View struct {
	c *Catalog
	r Reader
	m meta

	last [kindCount]lastValue // the last value of each kind that need has read
}

type lastValue struct {
	no      uint64
	payload []byte
}

// need reads a value, which must be there. It keeps the last value of each kind.
func (v *View) need(kind Kind, no uint64) ([]byte, error) {
	last := &v.last[kind]
	if last.payload != nil && last.no == no {
		return last.payload, nil
	}
	payload, err := need(v.r, kind, no)
	if err == nil {
		*last = lastValue{no, payload}
	}
	return payload, err
}

// View runs fn on one state of the catalog.
func (c *Catalog) View(ctx context.Context, fn func(*View) error) error {
	return c.box.View(ctx, func(r Reader) error {
		m, err := c.meta(r)
		if err != nil {
			return err
		}
		return fn(&View{c: c, r: r, m: m})
	})
}

// Changes returns a number that changes with everything that the catalog can
// show.
func (v *View) Changes() uint64 { return v.m.Changes }

// Mark returns the name and the state of the catalog. synchronized says that a
// session has reached its end.
func (v *View) Mark() (mark syncline.CatalogMark, synchronized bool) {
	var seed [8]byte
	binary.LittleEndian.PutUint64(seed[:], v.m.Seed)
	sum := sha256.Sum256(seed[:]) // the seed itself is a secret
	return syncline.CatalogMark{Catalog: hex.EncodeToString(sum[:8]), Changes: v.m.Changes}, v.m.Synchronized
}

// Seal returns the seal that SetSynchronized recorded last, zero for none.
func (v *View) Seal() syncline.Hash {
	seal, err := syncline.ParseHash(v.m.Seal)
	if err != nil {
		return syncline.Hash{}
	}
	return seal
}

// CheckRepository fails with CodeConflict when the catalog is of another
// repository than the one with that id.
func (v *View) CheckRepository(id syncline.Hash) error {
	if v.m.Repository != "" && v.m.Repository != id.String() {
		return Another(id, v.m.Repository)
	}
	return nil
}

// Totals returns the numbers of distinct names, entries and trees in the
// catalog.
func (v *View) Totals() (names, entries, trees int) {
	return int(v.m.Names), int(v.m.Entries), int(v.m.Trees)
}

// TreeRef names a tree within one View.
type TreeRef struct{ no uint32 }

// Snapshot is a visible snapshot and its root directory.
type Snapshot struct {
	syncline.Snapshot
	Root TreeRef
	// Missing is the number of different folders below the root that the
	// repository has lost. The snapshot is shown without them.
	Missing int
	// Lost says that the root itself is lost, so the snapshot has no folders to
	// show.
	Lost bool
}

// snapshotList is the result of Snapshots for one state.
type snapshotList struct {
	changes uint64
	list    []Snapshot
}

// Snapshots returns the visible snapshots, oldest first, and by id within one
// moment. The caller owns the slice but not what its items refer to.
func (v *View) Snapshots() ([]Snapshot, error) {
	list, err := v.snapshots()
	return slices.Clone(list), err
}

// EachSnapshot calls fn with the visible snapshots in the order of Snapshots. fn does not
// change them, and its error ends the calls. A list of a thousand takes 300 KB, so a
// request that needs few of them has no copy of it.
func (v *View) EachSnapshot(fn func(s *Snapshot) error) error {
	list, err := v.snapshots()
	for i := 0; err == nil && i < len(list); i++ {
		err = fn(&list[i])
	}
	return err
}

// snapshots returns the list that the catalog keeps for its state.
func (v *View) snapshots() ([]Snapshot, error) {
	if kept := v.c.snapshots.Load(); kept != nil && kept.changes == v.m.Changes {
		return kept.list, nil
	}
	list, err := v.readSnapshots()
	if err != nil {
		return nil, err
	}
	v.c.snapshots.Store(&snapshotList{v.m.Changes, list})
	return list, nil
}

func (v *View) readSnapshots() ([]Snapshot, error) {
	var out []Snapshot
	lost, err := v.lost()
	if err != nil {
		return nil, err
	}
	err = scan(v.r, kindSnapshot, 0, func(no uint64, payload []byte) error {
		var s storedSnapshot
		if err := json.Unmarshal(payload, &s); err != nil {
			return damaged("snapshot %d does not decode: %v", no, err)
		}
		if s.Root >= v.m.Trees {
			return damaged("snapshot %s names tree %d of %d", s.ID.Short(), s.Root, v.m.Trees)
		}
		_, rootLost := slices.BinarySearch(lost, s.Root)
		out = append(out, Snapshot{s.snapshot(), TreeRef{s.Root}, int(s.Missing), rootLost})
		return nil
	})
	slices.SortFunc(out, func(a, b Snapshot) int { return a.Compare(&b.Snapshot) })
	return out, err
}

// Detail says which parts of an entry a reader needs.
type Detail uint8

// The parts of an entry that take extra reads.
const (
	WithContent Detail = 1 << iota // fill Entry.Content
	WithSubtree                    // fill Entry.Subtree; the TreeRef is always there
)

// ReadDir calls fn with every entry of a tree, in the tree's order. fn may keep
// the entry. sub is the entry's own tree where ok is true. ok is false for an
// entry without a tree, and for a directory that the repository has lost. A tree
// that is itself lost is ErrLost.
func (v *View) ReadDir(tree TreeRef, detail Detail, fn func(e *syncline.Entry, sub TreeRef, ok bool) error) error {
	return v.ReadDirFrom(tree, 0, detail, fn)
}

// ReadDirFrom is ReadDir without the first entries of the tree.
func (v *View) ReadDirFrom(tree TreeRef, first int, detail Detail, fn func(e *syncline.Entry, sub TreeRef, ok bool) error) error {
	runs, err := v.runs(tree.no)
	if err != nil {
		return err
	}
	for _, r := range runs {
		skip := min(first, int(r.count))
		first -= skip
		for i := uint32(skip); i < r.count; i++ {
			no := r.start + i
			e, sub, err := v.entry(no, detail)
			if err != nil {
				return err
			}
			if err := fn(e, TreeRef{sub - 1}, sub != 0); err != nil {
				return err
			}
		}
	}
	return nil
}

// entry reads one entry. sub is the number of its tree plus one; it is 0 for an
// entry without a tree and for one whose tree is lost.
func (v *View) entry(no uint32, detail Detail) (e *syncline.Entry, sub uint32, err error) {
	block := uint64(no / entriesPerBlock)
	b, err := v.entries(block, int(no%entriesPerBlock))
	if err != nil {
		return nil, 0, err
	}
	i := int(no % entriesPerBlock)
	e, sub = new(syncline.Entry), in(b.subtree, i)
	b.fill(i, e)
	if e.Name, err = v.name(in(b.name, i)); err != nil {
		return nil, 0, err
	}
	if sub > v.m.Trees {
		return nil, 0, damaged("an entry names tree %d of %d", sub-1, v.m.Trees)
	}
	if sub != 0 && v.m.Lost > 0 {
		if e.Lost, err = v.isLost(sub - 1); err != nil {
			return nil, 0, err
		}
	}
	if detail&WithContent != 0 && b.first[i+1] > b.first[i] {
		payload, err := v.need(kindContent, block)
		if err != nil {
			return nil, 0, err
		}
		if e.Content, err = b.decodeContents(payload, i); err != nil {
			return nil, 0, err
		}
	}
	if detail&WithSubtree != 0 && sub != 0 {
		if e.Subtree, err = v.hash(sub - 1); err != nil {
			return nil, 0, err
		}
	}
	if e.Lost {
		sub = 0
	}
	return e, sub, nil
}

// entries returns a block that has row i. A cached block may have fewer rows
// than the catalog has by then.
func (v *View) entries(no uint64, i int) (*entryBlock, error) {
	key := blockKey{v.c.id, v.m.Generation, no}
	if b, ok := entryBlocks.Get(key); ok && i < b.count {
		return b, nil
	}
	payload, err := need(v.r, kindEntry, no)
	if err != nil {
		return nil, err
	}
	b, err := decodeEntries(payload)
	if err != nil {
		return nil, err
	}
	if i >= b.count {
		return nil, damaged("entry %d is missing", no*entriesPerBlock+uint64(i))
	}
	entryBlocks.Put(key, b)
	return b, nil
}

func (v *View) name(no uint32) (string, error) {
	i := int(no % namesPerBlock)
	b, err := v.names(uint64(no/namesPerBlock), i)
	if err != nil {
		return "", err
	}
	return string(b.at(i)), nil
}

// names returns a block that has name i.
func (v *View) names(no uint64, i int) (*nameBlock, error) {
	key := blockKey{v.c.id, v.m.Generation, no}
	if b, ok := nameBlocks.Get(key); ok && i < len(b.ends) {
		return b, nil
	}
	payload, err := need(v.r, kindName, no)
	if err != nil {
		return nil, err
	}
	b, err := decodeNames(payload)
	if err != nil {
		return nil, err
	}
	if i >= len(b.ends) {
		return nil, damaged("name %d is missing", no*namesPerBlock+uint64(i))
	}
	nameBlocks.Put(key, b)
	return b, nil
}

// runs returns a tree's runs. A lost tree is ErrLost.
func (v *View) runs(tree uint32) ([]run, error) {
	if v.m.Lost > 0 {
		if err := v.Readable(TreeRef{tree}); err != nil {
			return nil, err
		}
	}
	key := blockKey{v.c.id, v.m.Generation, uint64(tree / treesPerBlock)}
	i := tree % treesPerBlock
	b, ok := treeBlocks.Get(key)
	if !ok || b.lists[i] == nil {
		payload, err := need(v.r, kindTree, key.no)
		if err != nil {
			return nil, err
		}
		if b, err = decodeTrees(payload); err != nil {
			return nil, err
		}
		if b.lists[i] == nil {
			return nil, damaged("tree %d is missing", tree)
		}
		treeBlocks.Put(key, b)
	}
	return b.lists[i], nil
}

func (v *View) hash(tree uint32) (syncline.Hash, error) {
	payload, err := v.need(kindHash, uint64(tree/hashesPerBlock))
	if err != nil {
		return syncline.Hash{}, err
	}
	i := int(tree % hashesPerBlock)
	if len(payload) < 32*(i+1) {
		return syncline.Hash{}, damaged("the hash of tree %d is missing", tree)
	}
	return syncline.Hash(payload[32*i : 32*i+32]), nil
}
