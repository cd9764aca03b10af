package resticrepo

import (
	"context"
	"errors"
	"fmt"
	"math"
)

// Index is one index file. It says which blob lies where.
type Index struct {
	Supersedes []ID // indexes that this one replaces
	Packs      []Pack
}

// Indexes lists the index files, sorted by id. It ignores names that are no
// hash.
func (r *Repository) Indexes(ctx context.Context) ([]File, error) {
	return r.list(ctx, "index")
}

// LoadIndex reads one index file, in the present format or in the one from
// before restic 0.2. It checks that the place of every blob is possible; only a
// read shows whether the pack reaches that far. The error of a missing file
// matches ErrNotFound, and the error of a wrong one is a *DamageError.
func (r *Repository) LoadIndex(ctx context.Context, f File) (*Index, error) {
	name := "index/" + f.ID.String()
	plain, err := r.loadUnpacked(ctx, name, f, MaxIndexSize)
	if err != nil {
		return nil, err
	}
	idx, err := parseIndex(plain)
	if err != nil {
		return nil, &DamageError{Object: name, Reason: "it is not a valid index", Err: err}
	}
	return idx, nil
}

// parseIndex reads an index document: an object, or in the old format an array
// of packs. Keys may come in any order, and their letter case counts. Unknown
// keys are ignored. A repeated key has its last value, but the others must be
// valid.
func parseIndex(raw []byte) (*Index, error) {
	p := indexParser{scanner: scanner{buf: raw}}
	// One blob takes 130 to 150 bytes of JSON. All blobs share one array, and
	// each pack gets its part of it at the end.
	p.blobs = make([]Blob, 0, len(raw)/128+1)
	p.space()
	var err error
	if p.pos < len(raw) && raw[p.pos] == '[' {
		err = p.packList()
	} else {
		err = p.object(p.topField)
	}
	if err == nil {
		err = p.end()
	}
	if err != nil {
		return nil, err
	}
	idx := &Index{Supersedes: p.supersedes, Packs: make([]Pack, len(p.packs))}
	for i, pack := range p.packs {
		idx.Packs[i] = Pack{ID: pack.id, Blobs: p.blobs[pack.start:pack.end:pack.end]}
	}
	return idx, nil
}

type indexParser struct {
	scanner
	supersedes []ID
	packs      []packRange
	blobs      []Blob
}

type packRange struct {
	id         ID
	start, end int // positions in blobs
}

func (p *indexParser) topField(key []byte) error {
	switch string(key) {
	case "supersedes":
		p.supersedes = nil
		if p.literal("null") {
			return nil
		}
		return p.array(func() error {
			id, err := p.id()
			p.supersedes = append(p.supersedes, id)
			return err
		})
	case "packs":
		p.packs, p.blobs = p.packs[:0], p.blobs[:0]
		if p.literal("null") {
			return nil
		}
		return p.packList()
	}
	return p.skip(maxDepth)
}

func (p *indexParser) packList() error { return p.array(p.pack) }

func (p *indexParser) pack() error {
	start := len(p.blobs)
	pack := packRange{start: start}
	err := p.object(func(key []byte) error {
		switch string(key) {
		case "id":
			var err error
			pack.id, err = p.id()
			return err
		case "blobs":
			p.blobs = p.blobs[:start]
			if p.literal("null") {
				return nil
			}
			return p.array(p.blob)
		}
		return p.skip(maxDepth)
	})
	if err != nil {
		return err
	}
	if pack.id.IsZero() {
		return errors.New("a pack has no id")
	}
	pack.end = len(p.blobs)
	p.packs = append(p.packs, pack)
	return nil
}

func (p *indexParser) blob() error {
	b, ok := p.canonicalBlob()
	if !ok {
		var err error
		if b, err = p.anyBlob(); err != nil {
			return err
		}
	}
	if b.ID.IsZero() {
		return errors.New("a blob has no id")
	}
	if err := b.check(); err != nil {
		return err
	}
	p.blobs = append(p.blobs, b)
	return nil
}

// canonicalBlob reads a blob in the form that restic writes. With a blob in
// another form, ok is false and pos stays.
func (p *indexParser) canonicalBlob() (b Blob, ok bool) {
	start := p.pos
	defer func() {
		if !ok {
			p.pos = start
		}
	}()
	if !p.literal(`{"id":"`) || len(p.buf)-p.pos < 64 || !decodeHex(b.ID[:], p.buf[p.pos:p.pos+64]) {
		return b, false
	}
	p.pos += 64
	switch {
	case p.literal(`","type":"data","offset":`):
		b.Type = Data
	case p.literal(`","type":"tree","offset":`):
		b.Type = Tree
	default:
		return b, false
	}
	offset, ok1 := p.uint(math.MaxUint32)
	ok1 = ok1 && p.literal(`,"length":`)
	length, ok2 := p.uint(math.MaxUint32)
	if !ok1 || !ok2 {
		return b, false
	}
	b.Offset, b.Length = uint32(offset), uint32(length)
	if p.literal(`,"uncompressed_length":`) {
		n, ok := p.uint(math.MaxUint32)
		if !ok {
			return b, false
		}
		b.UncompressedLength = uint32(n)
	}
	return b, p.literal("}")
}

// anyBlob reads a blob in any form.
func (p *indexParser) anyBlob() (Blob, error) {
	var b Blob
	hasType := false
	err := p.object(func(key []byte) (err error) {
		switch string(key) {
		case "id":
			b.ID, err = p.id()
		case "type":
			hasType = true
			b.Type, err = p.blobType()
		case "offset":
			b.Offset, err = p.uint32()
		case "length":
			b.Length, err = p.uint32()
		case "uncompressed_length":
			b.UncompressedLength, err = p.uint32()
		default:
			err = p.skip(maxDepth)
		}
		return err
	})
	if err == nil && !hasType {
		err = fmt.Errorf("blob %s has no type", b.ID)
	}
	return b, err
}

func (p *indexParser) id() (ID, error) {
	s, ok := p.str()
	if !ok {
		return ID{}, p.syntaxError("an id")
	}
	return ParseID(s)
}

func (p *indexParser) uint32() (uint32, error) {
	v, ok := p.uint(math.MaxUint32)
	if !ok {
		return 0, p.syntaxError("a whole number below 4 Gi")
	}
	return uint32(v), nil
}

func (p *indexParser) blobType() (BlobType, error) {
	s, ok := p.str()
	if !ok {
		return 0, p.syntaxError("a blob type")
	}
	switch s {
	case "data":
		return Data, nil
	case "tree":
		return Tree, nil
	}
	return 0, fmt.Errorf("the blob type %q is not known", clip(s))
}
