package resticrepo

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
)

// BlobType says what a blob holds.
type BlobType uint8

// The types of blobs.
const (
	Data BlobType = iota // a piece of a file
	Tree                 // a directory, as JSON
)

// String returns "data" or "tree".
func (t BlobType) String() string {
	switch t {
	case Data:
		return "data"
	case Tree:
		return "tree"
	}
	return fmt.Sprintf("type %d", uint8(t))
}

// MaxBlobSize bounds a blob, in bytes, both as stored and as decoded. restic
// cuts files into blobs of at most 8 MiB. A tree grows with its directory, by
// about 400 bytes an entry.
const MaxBlobSize = 512 << 20

// Blob says where a blob lies in its pack.
type Blob struct {
	ID     ID // SHA-256 of the decoded blob
	Type   BlobType
	Offset uint32 // in the pack, in bytes
	Length uint32 // as stored, with the overhead of the encryption
	// UncompressedLength is the length of the decoded blob if it is stored
	// compressed, and 0 otherwise.
	UncompressedLength uint32
}

// DecodedLength returns the length of the decoded blob in bytes.
func (b Blob) DecodedLength() uint32 {
	if b.UncompressedLength != 0 {
		return b.UncompressedLength
	}
	return b.Length - min(b.Length, overhead)
}

// check returns an error for a place that is impossible.
func (b Blob) check() error {
	switch {
	case b.Length < overhead:
		return fmt.Errorf("blob %s has the impossible length %d", b.ID, b.Length)
	case b.Length > MaxBlobSize || b.UncompressedLength > MaxBlobSize:
		return fmt.Errorf("blob %s is longer than %d bytes", b.ID, MaxBlobSize)
	case b.Offset+b.Length < b.Offset:
		return fmt.Errorf("blob %s lies beyond 4 GiB", b.ID)
	}
	return nil
}

// Pack is a pack and the blobs in it.
type Pack struct {
	ID    ID
	Blobs []Blob
}

// PackName returns the name of a pack's file: "data/ab/ab12…".
func PackName(id ID) string {
	var b [72]byte
	copy(b[:], "data/")
	hex.Encode(b[5:7], id[:1])
	b[7] = '/'
	hex.Encode(b[8:], id[:])
	return string(b[:])
}

// Pack headers.
const (
	packLengthSize = 4
	packEntrySize  = 1 + 4 + 32
	// packFirstRead is enough for the header of most packs of data blobs.
	packFirstRead = 4096
	// maxPackHeader bounds the encrypted header, in bytes. restic has the same
	// bound.
	maxPackHeader = 16 << 20
)

// ReadPackHeader reads the list of blobs at the end of a pack of size bytes, in
// the order of their places. It serves repositories without an index, and
// checks of an index.
func (r *Repository) ReadPackHeader(ctx context.Context, id ID, size int64) ([]Blob, error) {
	if size < packLengthSize+overhead+packEntrySize {
		return nil, &DamageError{Object: PackName(id), Reason: fmt.Sprintf("its %d bytes are too few for a pack", size)}
	}
	return again(ctx, func() ([]Blob, [sha256.Size]byte, error) {
		buf, length, err := r.readPackEnd(ctx, PackName(id), size)
		if err != nil {
			return nil, sha256.Sum256(buf), err
		}
		blobs, reason, err := r.openPackHeader(buf, size-packLengthSize-length)
		if reason != "" {
			return nil, sha256.Sum256(buf), &DamageError{Object: PackName(id), Reason: reason, Err: err}
		}
		return blobs, [sha256.Size]byte{}, nil
	})
}

// readPackEnd reads a pack's sealed header and its length.
func (r *Repository) readPackEnd(ctx context.Context, name string, size int64) (header []byte, length int64, err error) {
	n := min(size, packFirstRead)
	buf, err := readRange(ctx, r.st, name, size-n, n)
	if err != nil {
		return nil, 0, err
	}
	length = int64(binary.LittleEndian.Uint32(buf[n-packLengthSize:]))
	switch {
	case length < overhead+packEntrySize || length > maxPackHeader || length > size-packLengthSize:
		return buf, length, &DamageError{Object: name, Reason: fmt.Sprintf("its header has the impossible length %d", length)}
	case length+packLengthSize > n:
		buf, err = readRange(ctx, r.st, name, size-packLengthSize-length, length)
		return buf, length, err
	}
	return buf[n-packLengthSize-length : n-packLengthSize], length, nil
}

// openPackHeader decrypts and reads a header. The blobs must fill size bytes.
// It fails with a reason.
func (r *Repository) openPackHeader(sealed []byte, size int64) (blobs []Blob, reason string, err error) {
	plain, err := r.key.open(sealed)
	if err != nil {
		return nil, "its header cannot be decrypted", err
	}
	if blobs, err = parsePackHeader(plain, size); err != nil {
		return nil, "its header is not valid", err
	}
	return blobs, "", nil
}

// parsePackHeader reads the entries of a header. The blobs must fill size
// bytes.
func parsePackHeader(plain []byte, size int64) ([]Blob, error) {
	blobs := make([]Blob, 0, len(plain)/packEntrySize)
	var offset int64
	for len(plain) > 0 {
		kind, n := plain[0], packEntrySize
		if kind > 3 {
			return nil, fmt.Errorf("the blob type %d is not known", kind)
		}
		compressed := kind >= 2
		if compressed {
			n += 4
		}
		if len(plain) < n {
			return nil, fmt.Errorf("its last entry is cut off")
		}
		b := Blob{Type: BlobType(kind & 1), Length: binary.LittleEndian.Uint32(plain[1:]), Offset: uint32(offset)}
		if compressed {
			b.UncompressedLength = binary.LittleEndian.Uint32(plain[5:])
		}
		copy(b.ID[:], plain[n-32:n])
		if err := b.check(); err != nil {
			return nil, err
		}
		offset += int64(b.Length)
		if offset > size {
			return nil, fmt.Errorf("blob %s lies beyond the end of the pack", b.ID)
		}
		blobs = append(blobs, b)
		plain = plain[n:]
	}
	if offset != size {
		return nil, fmt.Errorf("its blobs fill %d of %d bytes", offset, size)
	}
	return blobs, nil
}
