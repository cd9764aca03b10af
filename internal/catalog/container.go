package catalog

import "context"

// Kind is one family of values in a container.
type Kind uint8

// The kinds of values. Their numbers are part of the format on disk.
const (
	kindMeta Kind = iota
	kindSnapshot
	kindName
	kindEntry
	kindContent
	kindScan
	kindKey
	kindTree
	kindHash
	kindState
	kindIndex
	kindLocation
	kindHidden
	kindCount
)

// MaxNumber is the highest number a value can have.
const MaxNumber = 1<<40 - 1

// Container keeps the values of one catalog, each under a kind and a number.
// It is the contract that SQLite implements, and any other database that is
// to hold catalogs; package catalogtest has the suite for it.
//
// Errors are *syncline.Error: CodeDamaged when the container's own structure
// is broken, CodeUnavailable when it cannot be used now (full disk, missing
// rights).
type Container interface {
	// View runs fn on one consistent state, whatever is written meanwhile.
	// Many views may run at once, beside one update.
	View(ctx context.Context, fn func(Reader) error) error
	// Update runs fn, once, in one transaction: all of it is there when Update
	// returns nil, and nothing of it otherwise. A crash of the process loses
	// no finished update. One update runs at a time; others wait.
	Update(ctx context.Context, fn func(Writer) error) error
	// Size returns the bytes that the container takes on disk.
	Size(ctx context.Context) (int64, error)
	Close() error
}

// Reader reads values. The slices it gives belong to the caller.
type Reader interface {
	// Get returns one value, nil where there is none.
	Get(kind Kind, no uint64) ([]byte, error)
	// Scan calls fn with every value of the kind from number first on, in
	// order of the numbers. The slice is valid during the call only.
	Scan(kind Kind, first uint64, fn func(no uint64, value []byte) error) error
}

// Writer writes values and reads its own writes.
type Writer interface {
	Reader
	// Put sets one value.
	Put(kind Kind, no uint64, value []byte) error
	// Delete removes the values of the kind with numbers first to last, both
	// included. Missing ones are no error.
	Delete(kind Kind, first, last uint64) error
}
