// Package storage is the contract of storages of repositories: list and ranged
// reads, nothing else. The sub-packages local, s3, azure, gcs, rest, sftp, rclone, b2
// and swift implement it.
// Decorators in this package add retries, limits, counts and, for tests,
// faults. The package knows nothing of the repository format and never writes.
package storage

import (
	"context"
	"io"
)

// Storage reads one repository's files. Names are relative to the repository's
// root, with slashes: "config", "keys/ab12…", "data/ab/ab12…".
//
// Implementations are safe for concurrent use. Errors match, with errors.Is:
// fs.ErrNotExist (no such file, bucket or folder), fs.ErrPermission (refused by
// the storage). The end of a context stops any call and any read of an opened
// file.
type Storage interface {
	// List calls fn once for every file below dir, at any depth, with its full
	// name and its size in bytes. The order is arbitrary, and calls do not
	// overlap. A missing dir is fs.ErrNotExist in a storage with folders, and
	// an empty listing in others. A listing is complete or fails. An error of
	// fn ends it and is returned as it is.
	//
	// The program lists "snapshots", "index", "keys" and "locks", never "data"
	// nor the root "". A storage whose protocol lists only these refuses others
	// with CodeUnsupported.
	List(ctx context.Context, dir string, fn func(name string, size int64) error) error

	// Open reads length bytes from offset. A negative length reads to the end.
	// The reader fails with io.ErrUnexpectedEOF when the file ends too early.
	Open(ctx context.Context, name string, offset, length int64) (io.ReadCloser, error)
}
