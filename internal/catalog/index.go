package catalog

import (
	"context"
	"encoding/json"
	"slices"

	"syncline.dev/syncline"
)

// Pack is a pack file and the blobs in it, in the order of their offsets.
type Pack struct {
	ID    syncline.Hash
	Blobs []Blob
}

// Blob is where a blob lies in its pack. Sizes are bytes.
type Blob struct {
	ID     syncline.Hash // a data blob's has only its first 8 bytes
	Tree   bool
	Offset uint32
	Length uint32 // as it lies there, encrypted
	Plain  uint32 // decompressed; 0 when it is not compressed
}

// Index is an index file that was read.
type Index struct {
	ID syncline.Hash
	// Done says that the catalog had every tree of it at some time.
	Done bool
	no   uint64
}

type storedIndex struct {
	ID   syncline.Hash `json:"id"`
	Done bool          `json:"done"`
}

// Indexes returns the index files that were read and are still listed.
func (v *View) Indexes() ([]Index, error) { return indexes(v.r) }

func indexes(r Reader) (out []Index, err error) {
	err = scan(r, kindIndex, 0, func(no uint64, payload []byte) error {
		var s storedIndex
		if err := json.Unmarshal(payload, &s); err != nil {
			return damaged("index mark %d does not decode: %v", no, err)
		}
		out = append(out, Index{ID: s.ID, Done: s.Done, no: no})
		return nil
	})
	return out, err
}

// AddIndex stores the packs that an index file lists. It may run while a Builder
// is open. It does nothing for an index that the catalog has.
func (c *Catalog) AddIndex(ctx context.Context, id syncline.Hash, packs []Pack) error {
	payload := encodePacks(packs)
	return c.update(ctx, func(w Writer, _ *meta) error {
		list, err := indexes(w)
		if err != nil {
			return err
		}
		next := uint64(0)
		for _, x := range list {
			if x.ID == id {
				return errUnchanged
			}
			next = x.no + 1
		}
		if err := put(w, kindLocation, next, payload); err != nil {
			return err
		}
		return putIndex(w, next, storedIndex{ID: id})
	})
}

func putIndex(w Writer, no uint64, s storedIndex) error {
	payload, err := json.Marshal(s)
	if err != nil {
		return err
	}
	return put(w, kindIndex, no, payload)
}

// FinishIndexes marks every index file as done if done is set, and forgets the
// index files in gone.
func (c *Catalog) FinishIndexes(ctx context.Context, done bool, gone []syncline.Hash) error {
	drop := make(map[syncline.Hash]bool, len(gone))
	for _, h := range gone {
		drop[h] = true
	}
	var changes bool
	err := c.box.View(ctx, func(r Reader) error {
		list, err := indexes(r)
		changes = slices.ContainsFunc(list, func(x Index) bool { return drop[x.ID] || done && !x.Done })
		return err
	})
	if err != nil || !changes {
		return err
	}
	return c.update(ctx, func(w Writer, _ *meta) error {
		list, err := indexes(w)
		if err != nil {
			return err
		}
		for _, x := range list {
			switch {
			case drop[x.ID]:
				if err := w.Delete(kindIndex, x.no, x.no); err != nil {
					return err
				}
				err = w.Delete(kindLocation, x.no, x.no)
			case done && !x.Done:
				err = putIndex(w, x.no, storedIndex{ID: x.ID, Done: true})
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// Packs returns the packs of an index. The ids of data blobs have only their
// first 8 bytes.
func (v *View) Packs(x Index) ([]Pack, error) {
	payload, err := need(v.r, kindLocation, x.no)
	if err != nil {
		return nil, err
	}
	return decodePacks(payload)
}

// PackedBlob is a blob and the pack that an index lists it in.
type PackedBlob struct {
	Blob
	Pack syncline.Hash
}

// IndexedBlobs returns the blobs of each index that the filter lets pass. It reads the
// indexes on all cores.
func (v *View) IndexedBlobs(ctx context.Context, indexes []Index, filter *HashFilter) ([][]PackedBlob, error) {
	blocks := &manyReader{r: v.r, kind: kindLocation}
	for _, x := range indexes {
		blocks.nos = append(blocks.nos, x.no)
	}
	out := make([][]PackedBlob, len(indexes))
	err := eachPayload(ctx, len(indexes), blocks.at, func(i int, payload []byte) error {
		return eachBlob(payload, filter, func(b *PackedBlob) { out[i] = append(out[i], *b) })
	})
	return out, err
}

func eachBlob(payload []byte, filter *HashFilter, fn func(*PackedBlob)) error {
	buf := borrowBlock()
	defer giveBackBlock(buf)
	c, err := unpackColumnsInto(buf, payload, locColumns)
	if err != nil {
		return err
	}
	s := blobSteps{c[locCount].steps(), c[locFlags].steps(), c[locOffset].steps(), c[locLength].steps(), c[locPlain].steps()}
	ids := c[locID].b
	for packs := c[locPack].b; len(packs) >= 32; packs = packs[32:] {
		b := PackedBlob{Pack: syncline.Hash(packs[:32])}
		end := uint32(0)
		for n := s.counts.uint(); n > 0 && s.flags.at < len(s.flags.b); n-- {
			size := 8
			if end, b.Tree = s.next(&b.Blob, end); b.Tree {
				size = 32
			}
			if len(ids) < size {
				return damaged("an index has fewer ids than blobs")
			}
			id := ids[:size]
			if ids = ids[size:]; filter.may(id) {
				b.ID = syncline.Hash{}
				copy(b.ID[:], id)
				fn(&b)
			}
		}
	}
	if s.undone() || len(ids) != 0 {
		return damaged("an index does not decode")
	}
	return nil
}

// blobSteps goes through the numbers of an index.
type blobSteps struct{ counts, flags, offsets, lengths, plain steps }

// next reads a blob but for its id. It returns where the blob ends, and whether it is a
// tree.
func (s *blobSteps) next(b *Blob, end uint32) (uint32, bool) {
	f := s.flags.uint()
	b.Offset, b.Plain = end, 0
	if f&4 != 0 {
		b.Offset = uint32(s.offsets.uint())
	}
	if f&2 != 0 {
		b.Plain = uint32(s.plain.uint())
	}
	b.Length = uint32(s.lengths.uint())
	return b.Offset + b.Length, f&1 != 0
}

// undone reports whether a column does not decode, or not to its end.
func (s *blobSteps) undone() bool {
	for _, c := range []*steps{&s.counts, &s.flags, &s.offsets, &s.lengths, &s.plain} {
		if c.bad || c.at != len(c.b) {
			return true
		}
	}
	return false
}

// The columns of a location value.
const (
	locPack   = iota // 32 bytes each
	locCount         // blobs of the pack
	locFlags         // 1 tree, 2 compressed, 4 a gap before it
	locOffset        // of blobs with flag 4
	locLength        //
	locPlain         // of blobs with flag 2
	locID            // 32 bytes of a tree's, 8 of a data blob's id
	locColumns
)

func encodePacks(packs []Pack) []byte {
	c := make(columns, locColumns)
	for i := range packs {
		p := &packs[i]
		c[locPack] = append(c[locPack], p.ID[:]...)
		c.uint(locCount, uint64(len(p.Blobs)))
		end := uint32(0)
		for j := range p.Blobs {
			b := &p.Blobs[j]
			encodeBlob(c, b, end)
			end = b.Offset + b.Length
		}
	}
	payload, _ := c.pack(nil, nil)
	return payload
}

func encodeBlob(c columns, b *Blob, end uint32) {
	var flags uint64
	id := b.ID[:8]
	if b.Tree {
		flags, id = 1, b.ID[:]
	}
	if b.Plain != 0 {
		flags |= 2
		c.uint(locPlain, uint64(b.Plain))
	}
	if b.Offset != end {
		flags |= 4
		c.uint(locOffset, uint64(b.Offset))
	}
	c.uint(locFlags, flags)
	c.uint(locLength, uint64(b.Length))
	c[locID] = append(c[locID], id...)
}

func decodePacks(payload []byte) (packs []Pack, err error) {
	c, err := unpackColumns(payload, locColumns)
	if err != nil {
		return nil, err
	}
	for len(c[locPack].b) >= 32 {
		p := Pack{ID: syncline.Hash(c[locPack].b[:32])}
		c[locPack].b = c[locPack].b[32:]
		n := c[locCount].length()
		if n > len(c[locFlags].b) {
			return nil, damaged("a pack claims %d blobs", n)
		}
		p.Blobs = make([]Blob, n)
		end := uint32(0)
		for j := range p.Blobs {
			end = decodeBlob(c, &p.Blobs[j], end)
		}
		packs = append(packs, p)
	}
	if err := done(c); err != nil {
		return nil, err
	}
	return packs, nil
}

func decodeBlob(c []cursor, b *Blob, end uint32) uint32 {
	flags := c[locFlags].uint()
	b.Tree = flags&1 != 0
	size := 8
	if b.Tree {
		size = 32
	}
	if flags&2 != 0 {
		b.Plain = uint32(c[locPlain].uint())
	}
	b.Offset = end
	if flags&4 != 0 {
		b.Offset = uint32(c[locOffset].uint())
	}
	b.Length = uint32(c[locLength].uint())
	if len(c[locID].b) < size {
		c[locID].bad = true
		return 0
	}
	copy(b.ID[:], c[locID].b[:size])
	c[locID].b = c[locID].b[size:]
	return b.Offset + b.Length
}
