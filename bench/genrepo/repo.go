package main

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

// Sizes at which files are ended, near those of restic.
const (
	packSize   = 16 << 20 // bytes
	packBlobs  = 100_000  // keeps a pack's header far below restic's bound
	indexBlobs = 50_000
)

// polynomial is an irreducible one; nothing here is cut by it.
const polynomial = "3da3358b4dc173"

type id [sha256.Size]byte

func (i id) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, i[:]), nil }

func (i id) String() string { return hex.EncodeToString(i[:]) }

// repo writes a new repository's files. It is safe for concurrent use.
type repo struct {
	dir    string
	master *key
	enc    *zstd.Encoder

	mu      sync.Mutex
	pending []indexPack // written packs that no index names yet
	blobs   int         // in pending
}

type indexPack struct {
	ID    id          `json:"id"`
	Blobs []indexBlob `json:"blobs"`
}

type indexBlob struct {
	ID           id     `json:"id"`
	Type         string `json:"type"`
	Offset       int    `json:"offset"`
	Length       int    `json:"length"`
	Uncompressed int    `json:"uncompressed_length,omitempty"`
}

// createRepo makes an empty repository of version 2 in dir, which must not
// exist or be empty.
func createRepo(dir, password string) (*repo, error) {
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
	r := &repo{dir: dir, master: master, enc: enc}
	doc, err := keyFile(password, master)
	if err != nil {
		return nil, err
	}
	if _, err := r.store("keys", doc); err != nil {
		return nil, err
	}
	var own id
	rand.Read(own[:])
	doc, err = json.Marshal(map[string]any{"version": 2, "id": own, "chunker_polynomial": polynomial})
	if err != nil {
		return nil, err
	}
	return r, os.WriteFile(filepath.Join(dir, "config"), master.seal(nil, doc), 0o400)
}

// store writes a file that is named by its hash.
func (r *repo) store(dir string, b []byte) (id, error) {
	sum := id(sha256.Sum256(b))
	return sum, os.WriteFile(filepath.Join(r.dir, dir, sum.String()), b, 0o400)
}

// storeJSON writes an index or a snapshot: the byte 2, then compressed JSON.
func (r *repo) storeJSON(dir string, v any) (id, error) {
	doc, err := json.Marshal(v)
	if err != nil {
		return id{}, err
	}
	return r.store(dir, r.master.seal(nil, r.enc.EncodeAll(doc, []byte{2})))
}

// addPack takes note of a written pack, and writes an index when there are
// enough of them.
func (r *repo) addPack(p indexPack) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.pending = append(r.pending, p)
	r.blobs += len(p.Blobs)
	if r.blobs < indexBlobs {
		return nil
	}
	return r.writeIndex()
}

// flush writes an index of what no index names yet.
func (r *repo) flush() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.writeIndex()
}

func (r *repo) writeIndex() error {
	if len(r.pending) == 0 {
		return nil
	}
	_, err := r.storeJSON("index", struct {
		Packs []indexPack `json:"packs"`
	}{r.pending})
	r.pending, r.blobs = nil, 0
	return err
}

// packer fills packs with blobs of one type. It is for one goroutine.
type packer struct {
	repo     *repo
	blobType string // "data" or "tree"
	compress bool

	buf     bytes.Buffer
	blobs   []indexBlob
	scratch []byte
}

// add stores a blob.
func (p *packer) add(blob id, plain []byte) error {
	b := indexBlob{ID: blob, Type: p.blobType, Offset: p.buf.Len()}
	stored := plain
	if p.compress {
		b.Uncompressed = len(plain)
		p.scratch = p.repo.enc.EncodeAll(plain, p.scratch[:0])
		stored = p.scratch
	}
	p.buf.Grow(len(stored) + overhead)
	p.buf.Write(p.repo.master.seal(p.buf.AvailableBuffer(), stored))
	b.Length = p.buf.Len() - b.Offset
	p.blobs = append(p.blobs, b)
	if p.buf.Len() < packSize && len(p.blobs) < packBlobs {
		return nil
	}
	return p.flush()
}

// flush ends the present pack, if there is one.
func (p *packer) flush() error {
	if len(p.blobs) == 0 {
		return nil
	}
	header := p.repo.master.seal(nil, p.header())
	p.buf.Write(header)
	p.buf.Write(binary.LittleEndian.AppendUint32(nil, uint32(len(header))))
	sum := sha256.Sum256(p.buf.Bytes())
	pack, err := p.repo.store(filepath.Join("data", hex.EncodeToString(sum[:1])), p.buf.Bytes())
	if err != nil {
		return err
	}
	err = p.repo.addPack(indexPack{ID: pack, Blobs: p.blobs})
	p.buf.Reset()
	p.blobs = nil
	return err
}

// header lists the pack's blobs: type, lengths, hash.
func (p *packer) header() []byte {
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
