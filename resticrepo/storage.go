package resticrepo

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Storage reads one repository's files. Names are relative to the repository's
// root, with slashes: "config", "keys/ab12…", "data/ab/ab12…".
//
// Implementations are safe for concurrent use. The error of a missing file or
// folder matches fs.ErrNotExist. The end of a context stops any call and any
// read of an opened file.
type Storage interface {
	// List calls fn for every file below dir, at any depth, with its full name
	// and its size in bytes. The order is arbitrary, and calls do not overlap.
	// List is complete or fails. An error of fn ends it and is returned as it
	// is.
	List(ctx context.Context, dir string, fn func(name string, size int64) error) error

	// Open reads length bytes from offset. A negative length reads to the end.
	// The reader fails with io.ErrUnexpectedEOF when the file ends too early.
	Open(ctx context.Context, name string, offset, length int64) (io.ReadCloser, error)
}

// File is a file of the repository that is named by its hash.
type File struct {
	ID   ID
	Size int64 // bytes, as the storage listed it
}

// Bounds of whole files, in bytes, both as stored and as decoded.
const (
	MaxConfigSize   = 1 << 20
	MaxKeySize      = 1 << 20
	MaxLockSize     = 1 << 20
	MaxSnapshotSize = 64 << 20
	MaxIndexSize    = 256 << 20
)

// firstRead bounds the memory that is taken for a size in a listing or an
// index, before any byte of the file arrives.
const firstRead = 4 << 20

// Bounds of a listing, in files. A storage can list without an end, and the names are held.
const (
	maxListedKeys = 64 << 10
	maxListed     = 4 << 20
)

// listFiles lists the files of dir that are named by a hash, sorted by it. It
// ignores other names, such as temporary files of storages and of restic. A
// name that a storage lists twice counts once.
//
// A name of the length of a hash that is no hash may have changed on the way.
// So listFiles then lists once more.
func listFiles(ctx context.Context, st Storage, dir string) ([]File, error) {
	files, odd, err := listOnce(ctx, st, dir)
	if err == nil && odd {
		files, _, err = listOnce(ctx, st, dir)
	}
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", dir, err)
	}
	slices.SortFunc(files, func(a, b File) int { return slices.Compare(a.ID[:], b.ID[:]) })
	return slices.CompactFunc(files, func(a, b File) bool { return a.ID == b.ID }), nil
}

// listOnce lists the files of dir that are named by a hash. odd reports a name
// of the length of a hash that is no hash.
func listOnce(ctx context.Context, st Storage, dir string) (files []File, odd bool, err error) {
	left := maxListed
	if dir == "keys" {
		left = maxListedKeys
	}
	err = st.List(ctx, dir, func(name string, size int64) error {
		if left--; left < 0 {
			return &DamageError{Object: dir, Reason: "it has more files than a repository can have"}
		}
		base, ok := strings.CutPrefix(name, dir+"/")
		if !ok || len(base) != 2*len(ID{}) {
			return nil
		}
		id, err := ParseID(base)
		if err != nil || id.String() != base {
			odd = true
			return nil //nolint:nilerr // a name that is no hash is another program's file
		}
		files = append(files, File{ID: id, Size: size})
		return nil
	})
	return files, odd, err
}

// readFile reads a whole file of at most limit bytes. size is its expected
// size, or 0. The error of a missing file matches ErrNotFound, and that of a
// longer one ErrDamaged.
func readFile(ctx context.Context, st Storage, name string, size, limit int64) ([]byte, error) {
	rc, err := st.Open(ctx, name, 0, -1)
	if err != nil {
		return nil, openError(name, err)
	}
	// The buffer is larger than the size, so that reading finds the end without
	// growing it.
	buf, err := readAtMost(rc, limit+1, min(max(size, 0)+512, firstRead))
	if cerr := rc.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	if int64(len(buf)) > limit {
		return nil, &DamageError{Object: name, Reason: fmt.Sprintf("it is longer than %d bytes", limit)}
	}
	return buf, nil
}

// maxReads bounds how often wrong bytes are read.
const maxReads = 5

// again reads until the bytes are right. Wrong bytes may have changed on the
// way, so they are read once more before they are called damage. While every
// answer differs, again reads up to maxReads times. read returns the hash of
// its bytes beside an error that matches ErrDamaged. Any other error is final.
func again[T any](ctx context.Context, read func() (T, [sha256.Size]byte, error)) (T, error) {
	var last [sha256.Size]byte
	for n := 1; ; n++ {
		v, sum, err := read()
		if err == nil || !errors.Is(err, ErrDamaged) || n == maxReads || n > 1 && sum == last || ctx.Err() != nil {
			return v, err
		}
		last = sum
	}
}

// readNamed reads a whole file that is named by its hash and compares the two.
func readNamed(ctx context.Context, st Storage, name string, f File, limit int64) ([]byte, error) {
	return again(ctx, func() ([]byte, [sha256.Size]byte, error) {
		buf, err := readFile(ctx, st, name, f.Size, limit)
		if err != nil {
			return nil, [sha256.Size]byte{}, err
		}
		sum := sha256.Sum256(buf)
		switch {
		case len(buf) == 0:
			err = &DamageError{Object: name, Reason: "it is empty"}
		case sum != f.ID:
			err = &DamageError{Object: name, Reason: "its content does not match its name"}
		}
		return buf, sum, err
	})
}

// readRange reads length bytes at offset. A file that ends too early gives
// io.ErrUnexpectedEOF.
func readRange(ctx context.Context, st Storage, name string, offset, length int64) ([]byte, error) {
	rc, err := st.Open(ctx, name, offset, length)
	if err != nil {
		return nil, openError(name, err)
	}
	buf, err := readAtMost(rc, length, min(length, firstRead))
	if cerr := rc.Close(); err == nil {
		err = cerr
	}
	if err == nil && int64(len(buf)) < length {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return nil, fmt.Errorf("read %d bytes at %d of %s: %w", length, offset, name, err)
	}
	return buf, nil
}

// readAtMost reads r to its end or to limit bytes. Its buffer starts with first
// bytes and grows with the bytes that arrive.
func readAtMost(r io.Reader, limit, first int64) ([]byte, error) {
	buf := make([]byte, 0, first)
	for int64(len(buf)) < limit {
		if len(buf) == cap(buf) {
			grown := make([]byte, len(buf), min(2*int64(cap(buf)), limit))
			copy(grown, buf)
			buf = grown
		}
		n, err := r.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
	}
	return buf, nil
}

func openError(name string, err error) error {
	if isNotExist(err) {
		return &notFoundError{name: name, err: err}
	}
	return fmt.Errorf("open %s: %w", name, err)
}
