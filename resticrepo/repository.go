package resticrepo

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"sync"

	"github.com/klauspost/compress/zstd"
)

// Repository is an opened repository. It is safe for concurrent use and needs
// no closing.
type Repository struct {
	st     Storage
	key    *cryptoKey
	keyID  ID
	config Config
	seal   seal

	decoders sync.Pool // of *Decoder, for LoadBlob
}

// Config is the repository's configuration.
type Config struct {
	Version           int    // format version: 1 or 2
	ID                ID     // random, the same at every place of the repository
	ChunkerPolynomial uint64 // of the chunker that cuts files into blobs
}

// Open opens the repository with a password. It tries every key file, so a
// damaged one hides no good one. The errors, matched with errors.Is:
//
//   - ErrNoRepository: there is neither a configuration nor a key
//   - ErrWrongPassword: at least one key could be tried, and none opened
//   - ErrDamaged: the configuration is missing beside keys, or unreadable, or
//     no key file is usable
//   - ErrUnsupportedVersion: a format version other than 1 and 2
//
// Open reads a damaged file again before it calls it damaged.
//
// Deriving a key takes restic's half second. A hostile key file can take some
// seconds and 1 GiB. Open looks at ctx between two keys.
func Open(ctx context.Context, st Storage, password string) (*Repository, error) {
	return OpenWithHint(ctx, st, password, "")
}

// OpenWithHint is Open with a hint: it first tries the key whose id begins with
// these hexadecimal digits. A hint that names no key, or several, has no
// effect.
func OpenWithHint(ctx context.Context, st Storage, password, hint string) (*Repository, error) {
	return again(ctx, func() (*Repository, [sha256.Size]byte, error) {
		r, err := openOnce(ctx, st, password, hint)
		if err != nil {
			return nil, sha256.Sum256([]byte(err.Error())), err
		}
		return r, [sha256.Size]byte{}, nil
	})
}

func openOnce(ctx context.Context, st Storage, password, hint string) (*Repository, error) {
	s, err := readSealed(ctx, st)
	if err != nil {
		return nil, err
	}
	return s.open(ctx, st, password, hint)
}

func newRepository(st Storage, key *cryptoKey, keyID ID, config Config, s seal) *Repository {
	r := &Repository{st: st, key: key, keyID: keyID, config: config, seal: s}
	r.decoders.New = func() any { return r.NewDecoder() }
	return r
}

// ErrAnotherRepository is Reopen's error for a place where another repository
// lies.
var ErrAnotherRepository = errors.New("another repository lies there")

// Reopen opens the repository again with the key derived before, through a
// Storage that may be another one. It reads the configuration. A configuration
// that the key does not open is ErrAnotherRepository, but may also be damaged.
// A missing one is ErrNotFound. Open tells these cases apart. Any other error
// comes from the Storage.
func (r *Repository) Reopen(ctx context.Context, st Storage) (*Repository, error) {
	var sum [sha256.Size]byte
	config, err := again(ctx, func() (Config, [sha256.Size]byte, error) {
		sealed, err := readFile(ctx, st, "config", 0, MaxConfigSize)
		if err != nil {
			return Config{}, [sha256.Size]byte{}, err
		}
		sum = sha256.Sum256(sealed)
		config, err := parseConfig(r.key, sealed)
		return config, sum, err
	})
	switch {
	case errors.Is(err, ErrDamaged), err == nil && config.ID != r.config.ID:
		return nil, errors.Join(ErrAnotherRepository, err)
	case err != nil:
		return nil, err
	}
	return newRepository(st, r.key, r.keyID, config, seal{sum, r.seal.keys}), nil
}

// HasKeys lists the key files, and reports whether they are those at the time of Open. A
// missing folder is one without keys.
func (r *Repository) HasKeys(ctx context.Context, st Storage) (bool, error) {
	keys, err := listFiles(ctx, st, "keys")
	if err := present(err); err != nil {
		return false, err
	}
	return keysSum(keys) == r.seal.keys, nil
}

// Config returns the repository's configuration.
func (r *Repository) Config() Config { return r.config }

// KeyID returns the name of the key file that the password opened.
func (r *Repository) KeyID() ID { return r.keyID }

func parseConfig(key *cryptoKey, sealed []byte) (Config, error) {
	damaged := func(reason string, err error) (Config, error) {
		return Config{}, &DamageError{Object: "config", Reason: reason, Err: err}
	}
	plain, err := key.open(sealed)
	if err != nil {
		return damaged("it cannot be decrypted", err)
	}
	plain, err = decodeUnpacked(plain, MaxConfigSize)
	if err != nil {
		return damaged("it cannot be decompressed", err)
	}
	var c struct {
		Version           int    `json:"version"`
		ID                ID     `json:"id"`
		ChunkerPolynomial string `json:"chunker_polynomial"`
	}
	// The version comes first, because the other fields of a later version are
	// unknown.
	var v struct {
		Version int `json:"version"`
	}
	if err := json.Unmarshal(plain, &v); err != nil {
		return damaged("it is not valid JSON", err)
	}
	if v.Version < 1 || v.Version > 2 {
		return Config{}, fmt.Errorf("%w: version %d (1 and 2 are)", ErrUnsupportedVersion, v.Version)
	}
	if err := json.Unmarshal(plain, &c); err != nil {
		return damaged("it is not valid JSON", err)
	}
	if c.ID.IsZero() {
		return damaged("it has no id", nil)
	}
	pol, err := strconv.ParseUint(c.ChunkerPolynomial, 16, 64)
	if err != nil {
		return damaged("its chunker polynomial is no hexadecimal number", nil)
	}
	return Config{Version: c.Version, ID: c.ID, ChunkerPolynomial: pol}, nil
}

// loadUnpacked reads, compares, authenticates, decrypts and decompresses a file
// that is named by its hash.
func (r *Repository) loadUnpacked(ctx context.Context, name string, f File, limit int64) ([]byte, error) {
	sealed, err := readNamed(ctx, r.st, name, f, limit)
	if err != nil {
		return nil, err
	}
	plain, err := r.key.open(sealed)
	if err != nil {
		// The content matches its name, so it is what its writer wrote.
		return nil, &DamageError{Object: name, Reason: "it cannot be decrypted: it seems to belong to another repository", Err: err}
	}
	plain, err = decodeUnpacked(plain, limit)
	if err != nil {
		return nil, &DamageError{Object: name, Reason: "it cannot be decompressed", Err: err}
	}
	return plain, nil
}

// unpackedZstd marks a compressed document. Plain ones start with the '{' or
// '[' of their JSON.
const unpackedZstd = 2

// decodeUnpacked decompresses a compressed document and returns a plain one as
// it is. It fails when the result would be longer than limit.
func decodeUnpacked(plain []byte, limit int64) ([]byte, error) {
	if len(plain) == 0 {
		return nil, errors.New("it is empty")
	}
	switch plain[0] {
	case '{', '[':
		return plain, nil
	case unpackedZstd:
	default:
		return nil, fmt.Errorf("the encoding %d is not known", plain[0])
	}
	dec, err := smallDecoder()
	if limit > MaxSnapshotSize {
		dec, err = largeDecoder()
	}
	if err != nil {
		return nil, err
	}
	out, err := dec.DecodeAll(plain[1:], nil)
	if err != nil {
		return nil, err
	}
	if int64(len(out)) > limit {
		return nil, fmt.Errorf("it decodes to more than %d bytes", limit)
	}
	return out, nil
}

// The decoders of whole files differ in their largest output. They start no
// goroutines and are safe for concurrent use.
var (
	smallDecoder = sync.OnceValues(func() (*zstd.Decoder, error) { return newFileDecoder(MaxSnapshotSize) })
	largeDecoder = sync.OnceValues(func() (*zstd.Decoder, error) { return newFileDecoder(MaxIndexSize) })
)

func newFileDecoder(limit uint64) (*zstd.Decoder, error) {
	return zstd.NewReader(nil, zstd.WithDecoderConcurrency(0), zstd.WithDecoderMaxMemory(limit),
		zstd.WithDecoderMaxWindow(limit), zstd.WithDecoderLowmem(true))
}
