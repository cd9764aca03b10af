// Package resticwriter writes restic repositories, valid or wrong on purpose,
// for benchmarks and tests. It shares no code with the reader of repositories,
// so neither hides the other's faults. It must not know the catalog or
// sessions, and no released program uses it.
package resticwriter

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/klauspost/compress/zstd"
)

// Sizes at which files end, near those of restic.
const (
	packSize   = 16 << 20 // bytes
	packBlobs  = 100_000  // keeps a pack's header far below restic's bound
	indexBlobs = 50_000
)

// polynomial is an irreducible one. Nothing here is cut with it.
const polynomial = "3da3358b4dc173"

// ID is the SHA-256 that names an object.
type ID [sha256.Size]byte

// MarshalText gives hexadecimal digits.
func (i ID) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, i[:]), nil }

// String gives hexadecimal digits.
func (i ID) String() string { return hex.EncodeToString(i[:]) }

// Repo writes a new repository's files. It is safe for concurrent use.
type Repo struct {
	dir    string
	master *key
	enc    *zstd.Encoder

	mu      sync.Mutex
	pending []IndexPack // packs that no index has yet
	blobs   int         // in pending
}

// IndexPack is a pack in an index.
type IndexPack struct {
	ID    ID          `json:"id"`
	Blobs []IndexBlob `json:"blobs"`
}

// IndexBlob is a blob of a pack in an index. Sizes are bytes.
type IndexBlob struct {
	ID           ID     `json:"id"`
	Type         string `json:"type"`
	Offset       int    `json:"offset"`
	Length       int    `json:"length"`
	Uncompressed int    `json:"uncompressed_length,omitempty"`
}

// Form is what new repositories differ in.
type Form struct {
	Version int // of the format, 1 or 2; the methods of Repo write files of version 2
	Work    int // to derive the key: scrypt's N
}

// QuickWork is for tests, which open a repository again and again. ResticWork is the least
// that restic puts into a key.
const (
	QuickWork  = 2
	ResticWork = 32768
)

// Create makes an empty repository of version 2 in dir, which must be missing
// or empty. Its key is derived at once.
func Create(dir, password string) (*Repo, error) {
	return CreateAs(dir, password, Form{Version: 2, Work: QuickWork})
}

// CreateAs is Create with another form.
func CreateAs(dir, password string, form Form) (*Repo, error) {
	if entries, err := os.ReadDir(dir); err == nil && len(entries) > 0 {
		return nil, errors.New(dir + " is not empty; give an empty folder or a new name")
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	for _, sub := range []string{"index", "keys", "locks", "snapshots"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o700); err != nil {
			return nil, err
		}
	}
	for i := range 256 {
		if err := os.MkdirAll(filepath.Join(dir, "data", fmt.Sprintf("%02x", i)), 0o700); err != nil {
			return nil, err
		}
	}
	var secret [64]byte
	rand.Read(secret[:])
	master, err := newKey(secret)
	if err != nil {
		return nil, err
	}
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderCRC(false))
	if err != nil {
		return nil, err
	}
	r := &Repo{dir: dir, master: master, enc: enc}
	doc, err := master.document()
	if err != nil {
		return nil, err
	}
	if doc, err = KeyFile(password, doc, form.Work); err != nil {
		return nil, err
	}
	if _, err := r.Store("keys", doc); err != nil {
		return nil, err
	}
	var own ID
	rand.Read(own[:])
	doc, err = json.Marshal(map[string]any{"version": form.Version, "id": own, "chunker_polynomial": polynomial})
	if err != nil {
		return nil, err
	}
	return r, os.WriteFile(filepath.Join(dir, "config"), master.seal(nil, doc), 0o400)
}

// Store writes a file that is named by its hash.
func (r *Repo) Store(dir string, b []byte) (ID, error) {
	sum := ID(sha256.Sum256(b))
	return sum, os.WriteFile(filepath.Join(r.dir, dir, sum.String()), b, 0o400)
}

// StoreJSON writes an index or a snapshot: the byte 2, then compressed JSON.
func (r *Repo) StoreJSON(dir string, v any) (ID, error) {
	doc, err := json.Marshal(v)
	if err != nil {
		return ID{}, err
	}
	return r.Store(dir, r.master.seal(nil, r.enc.EncodeAll(doc, []byte{2})))
}

// AddPack adds a written pack to the next index, and writes the index when it
// is full.
func (r *Repo) AddPack(p IndexPack) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.pending = append(r.pending, p)
	r.blobs += len(p.Blobs)
	if r.blobs < indexBlobs {
		return nil
	}
	return r.writeIndex()
}

// Flush writes an index of the packs that no index has yet.
func (r *Repo) Flush() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.writeIndex()
}

func (r *Repo) writeIndex() error {
	if len(r.pending) == 0 {
		return nil
	}
	_, err := r.StoreJSON("index", struct {
		Packs []IndexPack `json:"packs"`
	}{r.pending})
	r.pending, r.blobs = nil, 0
	return err
}

// Packer fills packs with blobs of one type. It is for one goroutine.
type Packer struct {
	repo     *Repo
	blobType string // "data" or "tree"
	compress bool

	buf     bytes.Buffer
	blobs   []IndexBlob
	scratch []byte
}

// NewPacker returns a packer of "data" or "tree" blobs.
func NewPacker(r *Repo, blobType string, compress bool) *Packer {
	return &Packer{repo: r, blobType: blobType, compress: compress}
}

// Seal encrypts and authenticates bytes with the repository's key.
func (r *Repo) Seal(plain []byte) []byte { return r.master.seal(nil, plain) }

// Add stores a blob under the given name without checking it.
func (p *Packer) Add(blob ID, plain []byte) error {
	b := IndexBlob{ID: blob, Type: p.blobType, Offset: p.buf.Len()}
	stored := plain
	if p.compress {
		b.Uncompressed = len(plain)
		p.scratch = p.repo.enc.EncodeAll(plain, p.scratch[:0])
		stored = p.scratch
	}
	return p.append(b, stored)
}

// AddStored stores the given bytes of a blob, compressed or not, with the given
// length in the pack's header.
func (p *Packer) AddStored(blob ID, stored []byte, uncompressed int) error {
	return p.append(IndexBlob{ID: blob, Type: p.blobType, Offset: p.buf.Len(), Uncompressed: uncompressed}, stored)
}

func (p *Packer) append(b IndexBlob, stored []byte) error {
	p.buf.Grow(len(stored) + overhead)
	p.buf.Write(p.repo.master.seal(p.buf.AvailableBuffer(), stored))
	b.Length = p.buf.Len() - b.Offset
	p.blobs = append(p.blobs, b)
	if p.buf.Len() < packSize && len(p.blobs) < packBlobs {
		return nil
	}
	return p.Flush()
}

// Flush ends the present pack, if there is one.
func (p *Packer) Flush() error {
	if len(p.blobs) == 0 {
		return nil
	}
	header := p.repo.master.seal(nil, p.header())
	p.buf.Write(header)
	p.buf.Write(binary.LittleEndian.AppendUint32(nil, uint32(len(header))))
	sum := sha256.Sum256(p.buf.Bytes())
	pack, err := p.repo.Store(filepath.Join("data", hex.EncodeToString(sum[:1])), p.buf.Bytes())
	if err != nil {
		return err
	}
	err = p.repo.AddPack(IndexPack{ID: pack, Blobs: p.blobs})
	p.buf.Reset()
	p.blobs = nil
	return err
}

// header lists the pack's blobs: type, lengths, hash.
func (p *Packer) header() []byte {
	var h []byte
	for _, b := range p.blobs {
		kind := byte(0)
		if b.Type == "tree" {
			kind = 1
		}
		if b.Uncompressed > 0 {
			kind |= 2
		}
		h = binary.LittleEndian.AppendUint32(append(h, kind), uint32(b.Length))
		if b.Uncompressed > 0 {
			h = binary.LittleEndian.AppendUint32(h, uint32(b.Uncompressed))
		}
		h = append(h, b.ID[:]...)
	}
	return h
}
