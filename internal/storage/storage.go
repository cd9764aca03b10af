// Package storage is the contract of the places a repository can lie in: list
// and ranged reads, nothing else. Its sub-packages implement it (local, s3,
// azure, gcs); decorators in this package add retries, limits, counts and, for
// tests, faults. It knows nothing of the repository format and never writes.
package storage

import (
	"context"
	"io"
)

// Storage reads one repository's files. Names are relative to the
// repository's root, with slashes: "config", "keys/ab12…", "data/ab/ab12…".
//
// Implementations are safe for concurrent use. Errors that a caller must tell
// apart match, with errors.Is: fs.ErrNotExist (no such file, bucket or
// folder), fs.ErrPermission (refused by the storage). A context that ends
// stops any call and any read of an opened file.
type Storage interface {
	// List calls fn once for every file below dir, at any depth, with its full
	// name and its size in bytes, in no particular order, one call at a time.
	// A missing dir is fs.ErrNotExist where the storage has folders, and an
	// empty listing where it has not. A listing is complete or an error; fn's
	// error ends it and is returned as it is.
	List(ctx context.Context, dir string, fn func(name string, size int64) error) error

	// Open reads length bytes from offset, or from offset to the end where
	// length is negative. The reader fails with io.ErrUnexpectedEOF when the
	// file ends before length bytes.
	Open(ctx context.Context, name string, offset, length int64) (io.ReadCloser, error)
}
