package catalog

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"

	"github.com/klauspost/compress/zstd"

	"syncline.dev/syncline"
)

// A framed value is its payload with the CRC-32C of payload, kind and number. The
// checksum thus notices a value in the wrong place as well as a broken one.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func frameSum(kind Kind, no uint64, payload []byte) uint32 {
	var key [9]byte
	key[0] = byte(kind)
	binary.LittleEndian.PutUint64(key[1:], no)
	return crc32.Update(crc32.Checksum(payload, castagnoli), castagnoli, key[:])
}

// frame appends the sum to payload.
func frame(kind Kind, no uint64, payload []byte) []byte {
	return binary.LittleEndian.AppendUint32(payload, frameSum(kind, no, payload))
}

// unframe checks the sum and returns the payload, which aliases value.
func unframe(kind Kind, no uint64, value []byte) ([]byte, error) {
	n := len(value) - 4
	if n < 0 || binary.LittleEndian.Uint32(value[n:]) != frameSum(kind, no, value[:n]) {
		return nil, damaged("value %d of kind %d fails its checksum", no, kind)
	}
	return value[:n:n], nil
}

// ErrDamaged matches every error that means damage in the catalog itself, as opposed
// to damage in the repository. The owner of the catalog throws it away.
var ErrDamaged = errors.New("catalog is damaged")

// ErrOutdated matches the error for a catalog of another format. It is whole, but only
// another version of the program reads it.
var ErrOutdated = errors.New("catalog is of another format")

// ErrMissing matches every error that means that there is no catalog: nobody has built
// it, or it is gone.
var ErrMissing = errors.New("there is no catalog")

// Missing makes an error that matches ErrMissing.
func Missing(cause error) error {
	return syncline.WrapError(syncline.CodeConflict, fmt.Errorf("%w: %v", ErrMissing, cause), //nolint:errorlint // the cause may be ErrDamaged, which this is not
		"there is no catalog of this repository: it has not been synchronized yet, or its catalog is gone; synchronize it and ask again")
}

// ErrUnopened matches the error for a catalog's file that exists but cannot be opened.
var ErrUnopened = errors.New("the catalog's file cannot be opened")

// ErrNoRoom matches every error that means that the disk has no room for the catalog.
var ErrNoRoom = errors.New("no room on the disk")

// ErrReadOnly matches the error for a write to a catalog in a folder that allows only
// reading.
var ErrReadOnly = errors.New("the catalog is read-only")

// ErrConflict matches the error for a write that does not continue the newest state of
// the catalog: another writer came first.
var ErrConflict = errors.New("another writer has changed the catalog")

// Conflict makes an error that matches ErrConflict; containers use it too.
func Conflict() error {
	return syncline.WrapError(syncline.CodeConflict, ErrConflict,
		"the catalog was changed by somebody else meanwhile; nothing was written over it; synchronize again")
}

// Unusable reports whether an error means that a catalog cannot answer until somebody
// builds it anew.
func Unusable(err error) bool {
	return errors.Is(err, ErrDamaged) || errors.Is(err, ErrOutdated) || errors.Is(err, ErrMissing)
}

// Damaged makes an error that matches ErrDamaged; containers use it too.
func Damaged(cause error) error {
	return syncline.WrapError(syncline.CodeDamaged, fmt.Errorf("%w: %w", ErrDamaged, cause),
		"the catalog is damaged; the next synchronization builds it anew")
}

func damaged(format string, args ...any) error { return Damaged(fmt.Errorf(format, args...)) }

// maxBlock bounds the decompressed size of a block: 512 entries with all their
// extended attributes, or 4,096 names. A larger one is damage.
const maxBlock = 1 << 30

var (
	// A block of up to 128 kB needs no window, and few blocks are larger. A window of
	// several megabytes costs a short session more time than it saves.
	sharedEncoder, _ = zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest),
		zstd.WithEncoderConcurrency(2), zstd.WithEncoderCRC(false),
		zstd.WithWindowSize(512<<10), zstd.WithLowerEncoderMem(true))
	sharedDecoder, _ = zstd.NewReader(nil, zstd.WithDecoderConcurrency(0),
		zstd.WithDecoderMaxMemory(maxBlock))
)

// compress appends a zstd frame of src to dst.
func compress(dst, src []byte) []byte { return sharedEncoder.EncodeAll(src, dst) }

// decompress returns what compress was given.
func decompress(dst, src []byte) ([]byte, error) {
	out, err := sharedDecoder.DecodeAll(src, dst)
	if err != nil {
		return nil, damaged("a block does not decompress: %v", err)
	}
	return out, nil
}
