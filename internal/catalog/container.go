package catalog

import "context"

// Kind is one family of values in a container.
type Kind uint8

// The kinds of values. Their numbers are part of the format on disk. Kind 0
// has no values: a SQLite file keeps the head in its place.
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

// Head tells one state of a container from every other state that it had or
// will have. Its bytes are the catalog's own; a container compares and stores
// them, and reads nothing in them. An empty container has the head "".
type Head string

// Container keeps the values of one catalog, each under a kind and a number,
// and the catalog's head. SQLite implements it, and PostgreSQL for several nodes.
// Package catalogtest has the suite that every implementation passes.
//
// A transaction may take one of a few connections. So nobody begins a view or
// an update while the same goroutine is inside one, and nobody reads or writes
// inside the callback of a Scan.
//
// Errors are *syncline.Error. CodeDamaged says that the container's own
// structure is broken, CodeConflict that another writer came first,
// CodeUnavailable that the container cannot be used at this time (full disk,
// missing rights, lost connection).
type Container interface {
	// View runs fn, once, on one consistent state, whatever is written
	// meanwhile. Many views may run at once, beside one update.
	//
	// A container may lose its connection during a view. It then connects again
	// and compares the heads. Where they are equal the state is the same, and
	// the view goes on with the read that failed; fn does not notice. Where they
	// differ, or several connections in a row are lost without an answer, the
	// read fails with CodeUnavailable.
	View(ctx context.Context, fn func(Reader) error) error

	// Update runs fn, at most once, in one transaction that continues the
	// state with the head expected. Where the container has another head, fn
	// does not run, and the error matches ErrConflict.
	//
	// An fn that writes sets a new head. All of its writes are there when
	// Update returns nil, and none of them otherwise. A crash of the process
	// loses no finished update. One update runs at a time; others wait. Where a
	// connection is lost during the commit, the container reads the head again:
	// the head that fn set says that all is there.
	//
	// ctx may carry a Claim. A container that several nodes share compares it in
	// the same transaction, and keeps the work from being taken until the
	// transaction ends. A claim whose work has another epoch, or has ended, or
	// whose hold is over, is ClaimLost: fn does not run, and nothing is written. A container of one
	// process compares heads and nothing more: that process runs each work once.
	Update(ctx context.Context, expected Head, fn func(Writer) error) error

	// Size returns about how many bytes the container takes where it lies. It
	// is an estimate: a database that holds many catalogs knows no more.
	Size(ctx context.Context) (int64, error)

	// Close waits for views and updates that run, and refuses new ones.
	Close() error
}

// Reader reads values. The slices it returns belong to the caller.
type Reader interface {
	// Head returns the head of the state that is read. The container has it
	// from its first answer; it costs no further request.
	Head() Head
	// Get returns one value, nil where there is none.
	Get(kind Kind, no uint64) ([]byte, error)
	// GetMany returns several values in the order of nos, and nil for each
	// value that does not exist. It is one request to the container.
	GetMany(kind Kind, nos ...uint64) ([][]byte, error)
	// Scan calls fn with every value of the kind from number first on, in
	// order of the numbers. The slice is valid during the call only. fn must
	// not use the Reader: a container may have one answer under way at a time.
	Scan(kind Kind, first uint64, fn func(no uint64, value []byte) error) error
}

// Writer writes values and reads its own writes.
type Writer interface {
	Reader
	// SetHead sets the head that the update leaves. Head returns it from then
	// on.
	SetHead(Head) error
	// Put sets one value.
	Put(kind Kind, no uint64, value []byte) error
	// PutFinal is Put for a value that does not change, and is not deleted, as
	// long as its generation lasts. A container may keep such values nearer to
	// its readers. A container that gains nothing by that treats them like all
	// others.
	PutFinal(kind Kind, no uint64, value []byte) error
	// Delete removes the values of the kind with numbers first to last, both
	// included. Missing ones are no error.
	Delete(kind Kind, first, last uint64) error
	// Renew begins a new generation of values, in which the numbers mean
	// something else. The new generation holds the values of the kinds in keep
	// and nothing more. From then on the Writer reads and writes the new
	// generation, and the Reader that Renew returns reads the old one until the
	// update ends, which drops the old values all at once. An update calls
	// Renew at most once, and before it writes anything else.
	Renew(keep ...Kind) (old Reader, err error)
}
