package catalog

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"syncline.dev/syncline"
)

// formatVersion is raised when the layout changes: a catalog of another
// version is ErrOutdated and is built anew.
const formatVersion = 2

// meta is the one value of kindMeta.
type meta struct {
	Format     int    `json:"format"`
	Generation uint64 `json:"generation"` // changes when numbers change their meaning
	Seed       uint64 `json:"seed"`       // of the keyed hashes
	Names      uint32 `json:"names"`      // how many there are
	Entries    uint32 `json:"entries"`
	Trees      uint32 `json:"trees"` // hashes known, decoded or not
	Repository string `json:"repository,omitempty"`
	Owner      string `json:"owner,omitempty"` // the attached repository, where there are several
	Changes    uint64 `json:"changes"`
	Lost       uint32 `json:"lost,omitempty"` // trees with stateLost
	// Synchronized says that a session has come to its end: an empty catalog
	// without it says nothing about the repository.
	Synchronized bool `json:"synchronized,omitempty"`
}

// Catalog is one repository's catalog. It is safe for concurrent use.
type Catalog struct {
	box Container
	id  uint64 // of those that the process has opened

	building sync.Mutex // held while a Builder is open, and by Publish

	ahead struct {
		sync.Mutex
		load  *preload // nil without one
		built *built   // nil without one
	}

	snapshots atomic.Pointer[snapshotList] // as read last
	lost      atomic.Pointer[lostList]     // likewise
}

// blockKey names a block in the caches.
type blockKey struct {
	catalog    uint64 // Catalog.id
	generation uint64
	no         uint64
}

// opened counts the catalogs that were opened.
var opened atomic.Uint64

// What is kept decoded, of all catalogs of the process together.
var (
	entryBlocks = newBlockCache[*entryBlock](32 << 20) // some six hundred thousand ordinary entries
	nameBlocks  = newBlockCache[*nameBlock](64 << 20)  // some three million names
	scans       = newBlockCache[*scanBlock](32 << 20)  // the names' numbers of some eight million entries
	treeBlocks  = newBlockCache[*treeBlock](32 << 20)  // some three hundred thousand folders with ten runs
	// Two and a half million directories, since those on the way to one lie anywhere.
	folders = newBlockCache[*folderBlock](64 << 20)
)

// Open uses box as a catalog and sets it up when it is empty. It takes the box
// over: Close closes it. A catalog of another format is ErrOutdated.
func Open(ctx context.Context, box Container) (*Catalog, error) {
	c, err := OpenExisting(ctx, box)
	if errors.Is(err, ErrMissing) {
		err = box.Update(ctx, initialize)
		c = &Catalog{box: box, id: opened.Add(1)}
	}
	if err != nil {
		return nil, err
	}
	return c, nil
}

// OpenExisting is Open for a box that has been set up; another one is
// ErrMissing.
func OpenExisting(ctx context.Context, box Container) (*Catalog, error) {
	err := box.View(ctx, func(r Reader) error {
		_, err := readMeta(r)
		return err
	})
	if errors.Is(err, errEmpty) {
		return nil, Missing(err)
	}
	if err != nil {
		return nil, err
	}
	return &Catalog{box: box, id: opened.Add(1)}, nil
}

var errEmpty = damaged("the catalog has no head")

func readMeta(r Reader) (meta, error) {
	var m meta
	payload, err := get(r, kindMeta, 0)
	if err != nil {
		return m, err
	}
	if payload == nil {
		return m, errEmpty
	}
	if err := json.Unmarshal(payload, &m); err != nil {
		return m, damaged("the catalog's head does not decode: %v", err)
	}
	if m.Format != formatVersion {
		return m, syncline.WrapError(syncline.CodeConflict,
			fmt.Errorf("%w: it has format %d, this program reads %d", ErrOutdated, m.Format, formatVersion),
			"the catalog is of another version of Syncline; the next synchronization builds it anew")
	}
	return m, nil
}

func initialize(w Writer) error {
	if _, err := readMeta(w); !errors.Is(err, errEmpty) {
		return err
	}
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
	return writeMeta(w, meta{
		Format:     formatVersion,
		Generation: binary.LittleEndian.Uint64(b[:8]) >> 1,
		Seed:       binary.LittleEndian.Uint64(b[8:16]),
		// Not from 0: a catalog that is built anew must not look unchanged.
		Changes: binary.LittleEndian.Uint64(b[16:]) >> 2,
	})
}

func writeMeta(w Writer, m meta) error {
	m.Changes++
	payload, err := json.Marshal(m)
	if err != nil {
		return err
	}
	return put(w, kindMeta, 0, payload)
}

// Bind ties the catalog to the repository with that id (restic's own, from its
// configuration). A catalog that is tied to another one is CodeConflict.
func (c *Catalog) Bind(ctx context.Context, repository syncline.Hash) error {
	var m meta
	err := c.box.View(ctx, func(r Reader) (err error) {
		m, err = readMeta(r)
		return err
	})
	if err != nil || m.Repository == repository.String() {
		return err
	}
	return c.box.Update(ctx, func(w Writer) error {
		m, err := readMeta(w)
		if err != nil {
			return err
		}
		switch m.Repository {
		case repository.String():
			return nil
		case "":
			m.Repository = repository.String()
			return writeMeta(w, m)
		}
		return Another(repository, m.Repository)
	})
}

// Own ties the catalog to the attached repository with that id, when bind is set and
// it is tied to none. One that is tied to another is damaged: its file was put
// where that of owner belongs.
func (c *Catalog) Own(ctx context.Context, owner syncline.ID, bind bool) error {
	var m meta
	err := c.box.View(ctx, func(r Reader) (err error) {
		m, err = readMeta(r)
		return err
	})
	switch {
	case err != nil:
		return err
	case m.Owner != "" && m.Owner != string(owner):
		return damaged("the catalog is that of another repository, %s", m.Owner)
	case m.Owner != "" || !bind:
		return nil
	}
	return c.box.Update(ctx, func(w Writer) error {
		m, err := readMeta(w)
		if err != nil {
			return err
		}
		m.Owner = string(owner)
		return writeMeta(w, m)
	})
}

// SetSynchronized records that a session has come to its end.
func (c *Catalog) SetSynchronized(ctx context.Context) error {
	var done bool
	err := c.View(ctx, func(v *View) error {
		done = v.m.Synchronized
		return nil
	})
	if err != nil || done {
		return err
	}
	return c.box.Update(ctx, func(w Writer) error {
		m, err := readMeta(w)
		if err != nil {
			return err
		}
		m.Synchronized = true
		return writeMeta(w, m)
	})
}

// ErrAnother matches the error for a place where another repository lies than
// the one that the catalog is of.
var ErrAnother = errors.New("another repository")

// Another is the error for a place where another repository lies than the one
// that the catalog is of.
func Another(there syncline.Hash, known string) error {
	return syncline.WrapError(syncline.CodeConflict, ErrAnother,
		"another repository lies there: it is %s, and the catalog is of %.8s, and is kept; bring that one back, or remove the repository from Syncline and add it again to take the other", there.Short(), known)
}

// Size returns the bytes that the catalog takes on disk.
func (c *Catalog) Size(ctx context.Context) (int64, error) { return c.box.Size(ctx) }

// Close closes the container. Views that run are waited for.
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

func put(w Writer, kind Kind, no uint64, payload []byte) error {
	return w.Put(kind, no, frame(kind, no, payload))
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
