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

// Storage reads one repository's files. Names are relative to the
// repository's root, with slashes: "config", "keys/ab12…", "data/ab/ab12…".
//
// Implementations are safe for concurrent use. A missing file or folder
// matches fs.ErrNotExist. A context that ends stops any call and any read of
// an opened file.
type Storage interface {
	// List calls fn for every file below dir, at any depth, with its full name
	// and its size in bytes, in no particular order, one call at a time. It is
	// complete or fails; fn's error ends it and is returned as it is.
	List(ctx context.Context, dir string, fn func(name string, size int64) error) error

	// Open reads length bytes from offset, or from offset to the end where
	// length is negative. The reader fails with io.ErrUnexpectedEOF when the
	// file ends before length bytes.
	Open(ctx context.Context, name string, offset, length int64) (io.ReadCloser, error)
}

// File is a file of the repository that is named by its hash.
type File struct {
	ID   ID
	Size int64 // bytes, as the storage listed it
}

// Bounds of whole files, in bytes, as stored and again as decoded.
const (
	MaxConfigSize   = 1 << 20
	MaxKeySize      = 1 << 20
	MaxLockSize     = 1 << 20
	MaxSnapshotSize = 64 << 20
	MaxIndexSize    = 256 << 20
)

// firstRead bounds the memory taken on the word of a listing or an index
// alone, before any byte of the file has been seen.
const firstRead = 4 << 20

// listFiles lists the files of dir that are named by a hash, sorted by it.
// Other names are ignored (temporary files of storages and of restic itself),
// and a name that a storage lists twice counts once.
//
// A name that is as long as a hash and is none may have been changed on the
// way, so it is listed once more.
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

// listOnce lists the files of dir that are named by a hash. odd says that there
// was a name of that length that is none.
func listOnce(ctx context.Context, st Storage, dir string) (files []File, odd bool, err error) {
	err = st.List(ctx, dir, func(name string, size int64) error {
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

// readFile reads a whole file of at most limit bytes, and of about size where
// that is known. A missing file matches ErrNotFound, a longer one ErrDamaged.
func readFile(ctx context.Context, st Storage, name string, size, limit int64) ([]byte, error) {
	rc, err := st.Open(ctx, name, 0, -1)
	if err != nil {
		return nil, openError(name, err)
	}
	// Room for more than the size, so that the end shows without growing.
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

// maxReads bounds how often bytes are read that are not what they must be.
const maxReads = 5

// again reads until what comes is right. Bytes that are wrong may have been
// changed on the way, so they are read once more before they are called damage;
// and while every answer is another one, up to maxReads times. read returns the
// hash of the bytes it saw beside an error that matches ErrDamaged; any other
// error is final.
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

// readNamed reads a whole file that is named by its hash, and compares it.
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

// readRange reads length bytes at offset. A file that ends before them is
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

// readAtMost reads r to its end or to limit bytes, whichever comes first. It
// starts with a buffer of first bytes and lets it grow with what arrives.
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
