package resticrepo

import (
	"context"
	"crypto/sha256"
	"fmt"

	"github.com/klauspost/compress/zstd"
)

const (
	// zstdSlack is the room that the zstd decoder wants behind its output, to
	// copy in whole words.
	zstdSlack = 16
	// maxZstdRatio is the most that zstd can expand its input: a block of four
	// bytes repeats one byte 128 Ki times.
	maxZstdRatio = (128 << 10) / 4
	// keepBuffer is the largest buffer that a Decoder keeps for a much smaller
	// blob.
	keepBuffer = 32 << 20
)

// Decoder turns stored blobs into decoded ones. It owns its buffers and serves
// one goroutine at a time.
type Decoder struct {
	key     *cryptoKey
	scratch macScratch
	zstd    *zstd.Decoder
	zstdErr error
	buf     []byte
}

// NewDecoder returns a decoder of the repository's blobs. It needs no closing.
func (r *Repository) NewDecoder() *Decoder { return newDecoder(r.key) }

func newDecoder(key *cryptoKey) *Decoder {
	d := &Decoder{key: key}
	// The decoder runs one block at a time and never writes beyond the capacity
	// of its output. So a blob cannot grow past the size in its index entry.
	// The frame's own checksum adds nothing to the SHA-256 that follows.
	d.zstd, d.zstdErr = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecodeAllCapLimit(true), zstd.IgnoreChecksum(true),
		zstd.WithDecoderMaxMemory(MaxBlobSize+zstdSlack), zstd.WithDecoderMaxWindow(MaxBlobSize))
	return d
}

// Blob authenticates, decrypts and decompresses a blob of pack, and compares
// the result with the blob's id. stored is the blob as it lies in the pack,
// b.Length bytes. Blob decrypts it in place, so stored is useless afterwards.
// The result is valid until the next call, and as long as nothing writes to
// stored. The error is a *DamageError that names the blob and its pack.
//
// The result takes at most b.UncompressedLength bytes (and a few), and never
// more than MaxBlobSize.
func (d *Decoder) Blob(b Blob, pack ID, stored []byte) ([]byte, error) {
	plain, reason, err := d.decode(b, stored)
	if reason != "" {
		return nil, &DamageError{
			Object: fmt.Sprintf("%s blob %s in %s", b.Type, b.ID, PackName(pack)),
			Reason: reason, Err: err,
		}
	}
	return plain, nil
}

// decode is Blob with a reason in place of the *DamageError.
func (d *Decoder) decode(b Blob, stored []byte) (plain []byte, reason string, err error) {
	if len(stored) != int(b.Length) {
		return nil, fmt.Sprintf("%d bytes were read where the index says %d", len(stored), b.Length), nil
	}
	if b.Length > MaxBlobSize || b.UncompressedLength > MaxBlobSize {
		return nil, fmt.Sprintf("it is longer than %d bytes", MaxBlobSize), nil
	}
	plain, err = d.key.openWith(&d.scratch, stored)
	if err != nil {
		return nil, "it cannot be decrypted", err
	}
	if b.UncompressedLength != 0 {
		plain, err = d.decompress(plain, int(b.UncompressedLength))
		if err != nil {
			return nil, "it cannot be decompressed", err
		}
	}
	if sum := sha256.Sum256(plain); sum != b.ID {
		return nil, "its content does not match its id", nil
	}
	return plain, "", nil
}

// decompress decodes exactly size bytes into the decoder's own buffer.
func (d *Decoder) decompress(src []byte, size int) ([]byte, error) {
	if d.zstdErr != nil {
		return nil, d.zstdErr
	}
	if size/maxZstdRatio > len(src) {
		return nil, fmt.Errorf("%d bytes cannot decode to %d", len(src), size)
	}
	need := size + zstdSlack
	if cap(d.buf) < need || cap(d.buf) > keepBuffer && cap(d.buf)/4 > need {
		// A quarter more spares a run of growing trees an allocation for each.
		d.buf = make([]byte, need+min(need/4, keepBuffer/4))
	}
	out, err := d.zstd.DecodeAll(src, d.buf[:0:need])
	if err != nil {
		return nil, err
	}
	if len(out) != size {
		return nil, fmt.Errorf("it decodes to %d bytes where the index says %d", len(out), size)
	}
	return out, nil
}

// LoadBlob reads and decodes one blob. The caller owns the result. The error of
// a missing pack matches ErrNotFound. The error of a pack that ends before the
// blob does matches io.ErrUnexpectedEOF. LoadBlob reads wrong bytes again
// before it calls them damage.
func (r *Repository) LoadBlob(ctx context.Context, pack ID, b Blob) ([]byte, error) {
	if err := b.check(); err != nil {
		return nil, &DamageError{Object: PackName(pack), Reason: "the place of a blob is not valid", Err: err}
	}
	d := r.decoders.Get().(*Decoder)
	defer r.decoders.Put(d)
	return again(ctx, func() ([]byte, [sha256.Size]byte, error) {
		stored, err := readRange(ctx, r.st, PackName(pack), int64(b.Offset), int64(b.Length))
		if err != nil {
			return nil, [sha256.Size]byte{}, err
		}
		plain, err := d.Blob(b, pack, stored)
		if err != nil {
			return nil, sha256.Sum256(stored), err
		}
		if b.UncompressedLength != 0 {
			plain = append(make([]byte, 0, len(plain)), plain...)
		}
		return plain, [sha256.Size]byte{}, nil
	})
}
