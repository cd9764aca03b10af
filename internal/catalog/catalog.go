package catalog

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"sync"
	"sync/atomic"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/weighted"
)

// formatVersion is raised when the layout changes. A catalog of another version
// is ErrOutdated; the next session builds it anew.
const formatVersion = 2

// meta is what the head of a catalog says.
type meta struct {
	Format     int    `json:"format"`
	Generation uint64 `json:"generation"` // changes when numbers change their meaning
	Seed       uint64 `json:"seed"`       // of the keyed hashes
	Names      uint32 `json:"names"`      // how many there are
	Entries    uint32 `json:"entries"`
	Trees      uint32 `json:"trees"` // hashes known, decoded or not
	Repository string `json:"repository,omitempty"`
	Owner      string `json:"owner,omitempty"`  // the attached repository, where there are several
	Changes    uint64 `json:"changes"`          // changes with all that a reader can be shown
	Writes     uint64 `json:"writes,omitempty"` // grows with every update
	Lost       uint32 `json:"lost,omitempty"`   // trees with stateLost
	// Synchronized says that a session has reached its end. An empty catalog
	// without it says nothing about the repository.
	Synchronized bool `json:"synchronized,omitempty"`
	// Seal identifies the repository's configuration and keys at the end of the last
	// session that reached its end.
	Seal string `json:"seal,omitempty"`
}

// sameContent reports whether m and n show the same trees and snapshots. Their
// heads can differ all the same, after a write of index files, of hidden snapshots,
// or of which trees are complete.
func (m meta) sameContent(n meta) bool {
	m.Writes, n.Writes = 0, 0
	m.Seal, n.Seal = "", ""
	return m == n
}

// Catalog is one repository's catalog. It is safe for concurrent use.
type Catalog struct {
	box Container
	id  uint64 // the process has opened no other catalog with it

	brief    atomic.Bool // set by Brief
	building sync.Mutex  // held while a Builder is open, and by Publish and Clean
	chain    chain

	ahead struct {
		sync.Mutex
		load  *preload // by Preload, for the next Build; may be nil
		built *built   // by the last Builder, for the next Publish; may be nil
	}

	// The results of the last reads.
	snapshots atomic.Pointer[snapshotList]
	lost      atomic.Pointer[lostList]
	head      atomic.Pointer[decodedHead]
}

// Brief says that the process ends soon after a session. Builders then leave no
// directories and names in the caches for pages that nobody will ask for, up to 96 MiB.
func (c *Catalog) Brief() { c.brief.Store(true) }

// newBlockCache returns a cache that holds at most so many bytes of decoded
// blocks.
func newBlockCache[B interface{ size() int64 }](bytes int64) *weighted.Cache[blockKey, B] {
	return weighted.New[blockKey](bytes, B.size)
}

// blockKey names a block in the caches. The catalog's own id is part of it,
// because a file that was copied has the generation of the original.
type blockKey struct {
	catalog    uint64 // Catalog.id
	generation uint64
	no         uint64
}

// opened counts the catalogs that were opened.
var opened atomic.Uint64

// The caches of decoded blocks. All catalogs of the process share them.
var (
	entryBlocks = newBlockCache[*entryBlock](32 << 20) // about 600,000 ordinary entries
	nameBlocks  = newBlockCache[*nameBlock](64 << 20)  // about 3 million names
	scans       = newBlockCache[*scanBlock](32 << 20)  // name numbers of about 8 million entries
	treeBlocks  = newBlockCache[*treeBlock](32 << 20)  // about 300,000 folders with ten runs each
	// About 2.5 million directories: the folders of one path lie in many blocks.
	folders = newBlockCache[*folderBlock](64 << 20)
)

// Open opens the catalog in box and sets it up when box is empty. Close closes
// box. A catalog of another format is ErrOutdated.
func Open(ctx context.Context, box Container) (*Catalog, error) {
	c, err := OpenExisting(ctx, box)
	if errors.Is(err, ErrMissing) {
		err = box.Update(ctx, "", initialize)
		if errors.Is(err, ErrConflict) { // another process has set it up
			return OpenExisting(ctx, box)
		}
		c = newCatalog(box)
	}
	if err != nil {
		return nil, err
	}
	return c, nil
}

// OpenExisting is Open for a box that holds a catalog. An empty box is
// ErrMissing.
func OpenExisting(ctx context.Context, box Container) (*Catalog, error) {
	c := newCatalog(box)
	_, err := c.readMeta(ctx)
	if errors.Is(err, errEmpty) {
		return nil, Missing(err)
	}
	if err != nil {
		return nil, err
	}
	return c, nil
}

func initialize(w Writer) error {
	for kind := kindMeta + 1; kind < kindCount; kind++ {
		err := w.Scan(kind, 0, func(uint64, []byte) error { return errEmpty })
		if err != nil {
			return err
		}
	}
	var b [24]byte
	if _, err := rand.Read(b[:]); err != nil {
		return err
	}
	head, err := meta{
		Format:     formatVersion,
		Generation: binary.LittleEndian.Uint64(b[:8]) >> 1,
		Seed:       binary.LittleEndian.Uint64(b[8:16]),
		// Not from 0: a catalog that is built anew must not look unchanged.
		Changes: binary.LittleEndian.Uint64(b[16:])>>2 + 1,
	}.head()
	if err != nil {
		return err
	}
	return w.SetHead(head)
}

// Bind ties the catalog to the repository with that id (restic's own, from its
// configuration). A catalog of another repository is CodeConflict. A session
// calls Bind before it writes. From then until Unload, every write fails with
// ErrConflict when somebody else has written to the catalog.
func (c *Catalog) Bind(ctx context.Context, repository syncline.Hash) error {
	m, err := c.begin(ctx)
	if err != nil || m.Repository == repository.String() {
		return err
	}
	return c.update(ctx, func(_ Writer, m *meta) error {
		if m.Repository != "" {
			return Another(repository, m.Repository)
		}
		m.Repository = repository.String()
		m.Changes++
		return nil
	})
}

// Own ties the catalog to an attached repository, when bind is set and the
// catalog has no owner. A catalog with another owner is damaged: its file lies
// in the wrong place.
func (c *Catalog) Own(ctx context.Context, owner syncline.ID, bind bool) error {
	m, err := c.readMeta(ctx)
	switch {
	case err != nil:
		return err
	case m.Owner != "" && m.Owner != string(owner):
		return damaged("the catalog is that of another repository, %s", m.Owner)
	case m.Owner != "" || !bind:
		return nil
	}
	return c.update(ctx, func(_ Writer, m *meta) error {
		if m.Owner != "" {
			return errUnchanged
		}
		m.Owner = string(owner)
		m.Changes++
		return nil
	})
}

// SetSynchronized records that a session has reached its end, and the seal of the
// repository. A seal that cannot be kept for want of room or rights is left out.
func (c *Catalog) SetSynchronized(ctx context.Context, seal syncline.Hash) error {
	m, err := c.readMeta(ctx)
	if err != nil || m.Synchronized && m.Seal == seal.String() {
		return err
	}
	err = c.update(ctx, func(_ Writer, m *meta) error {
		if !m.Synchronized {
			m.Changes++
		}
		m.Synchronized, m.Seal = true, seal.String()
		return nil
	})
	if m.Synchronized && (errors.Is(err, ErrReadOnly) || errors.Is(err, ErrNoRoom)) {
		return nil
	}
	return err
}

// ErrAnother matches the error for a place that holds another repository than
// the one of the catalog.
var ErrAnother = errors.New("another repository")

// Another returns an error that matches ErrAnother. there is the repository at
// the place, and known is the repository of the catalog.
func Another(there syncline.Hash, known string) error {
	return syncline.WrapError(syncline.CodeConflict, ErrAnother,
		"another repository lies there: it is %s, and the catalog is of %.8s, and is kept; bring that one back, or remove the repository from Syncline and add it again to take the other", there.Short(), known)
}

// Size returns about how many bytes the catalog takes on disk.
func (c *Catalog) Size(ctx context.Context) (int64, error) { return c.box.Size(ctx) }

// Close waits for the views that run and closes the container.
func (c *Catalog) Close() error {
	c.Unload()
	defer searches.drop(c)
	return c.box.Close()
}

// get returns a checked payload, nil where there is no value.
func get(r Reader, kind Kind, no uint64) ([]byte, error) {
	value, err := r.Get(kind, no)
	if err != nil || value == nil {
		return nil, err
	}
	return unframe(kind, no, value)
}

// need is get for a value that must be there.
func need(r Reader, kind Kind, no uint64) ([]byte, error) {
	payload, err := get(r, kind, no)
	if err == nil && payload == nil {
		err = damaged("value %d of kind %d is missing", no, kind)
	}
	return payload, err
}

// manyValues is the number of values that manyReader asks for at a time.
const manyValues = 16

// manyReader reads values that must be there, in few requests to the container.
type manyReader struct {
	r      Reader
	kind   Kind
	nos    []uint64
	first  int      // position in nos of the first of values
	values [][]byte // of the last request
}

// at returns the payload of the value at position i of nos. Each call asks for a
// higher position than the one before.
func (m *manyReader) at(i int) (payload []byte, err error) {
	if i >= m.first+len(m.values) {
		m.first = i
		m.values, err = m.r.GetMany(m.kind, m.nos[i:min(i+manyValues, len(m.nos))]...)
		if err != nil {
			return nil, err
		}
	}
	value := m.values[i-m.first]
	if value == nil {
		return nil, damaged("value %d of kind %d is missing", m.nos[i], m.kind)
	}
	return unframe(m.kind, m.nos[i], value)
}

func put(w Writer, kind Kind, no uint64, payload []byte) error {
	return w.Put(kind, no, frame(kind, no, payload))
}

// putBlock is put for a block, which is final when it is full.
func putBlock(w Writer, v value) error {
	if v.full {
		return w.PutFinal(v.kind, v.no, frame(v.kind, v.no, v.payload))
	}
	return put(w, v.kind, v.no, v.payload)
}

// scan calls fn with checked payloads.
func scan(r Reader, kind Kind, first uint64, fn func(no uint64, payload []byte) error) error {
	return r.Scan(kind, first, func(no uint64, value []byte) error {
		payload, err := unframe(kind, no, value)
		if err != nil {
			return err
		}
		return fn(no, payload)
	})
}
