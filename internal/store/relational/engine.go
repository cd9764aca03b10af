// Package relational implements store.Store by SQL statements that SQLite and
// PostgreSQL both take. Each database is an Engine, which has the connections, the
// transactions and the errors of its own; where the statements have to differ, they
// take a fragment from the engine's Dialect. The package knows nothing of catalogs,
// HTTP and passwords, nor of the meaning of the sealed bytes that it keeps.
package relational

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/store"
)

// Statements have ? for their arguments in order, or ?1, ?2 and so on, and never both.
// Arguments are texts, integers, truth values, bytes, or nil for NULL; every text is
// taken, also one that is no UTF-8.

// Row is a row of a result. A missing row is sql.ErrNoRows.
type Row interface{ Scan(dest ...any) error }

// Rows is a result. The caller closes it.
type Rows interface {
	Row
	Next() bool
	Err() error
	Close() error
}

// Querier reads.
type Querier interface {
	Query(ctx context.Context, query string, args ...any) (Rows, error)
	QueryRow(ctx context.Context, query string, args ...any) Row
}

// Tx is a transaction. After an error of Exec or ExecEach it takes no more statements,
// and its function returns.
type Tx interface {
	Querier
	// Exec returns how many rows have changed. The error matches ErrTaken or ErrDangling
	// where one of them is the reason.
	Exec(ctx context.Context, statement string, args ...any) (int64, error)
	// ExecEach runs one statement with n lists of arguments in turn.
	ExecEach(ctx context.Context, statement string, n int, args func(i int) []any) error
}

var (
	// ErrTaken says that a unique value exists already.
	ErrTaken = errors.New("the value exists already")
	// ErrDangling says that a row would refer to a row that does not exist.
	ErrDangling = errors.New("no row to refer to")
)

// Area is a part of the state whose writers take turns, each from the begin of its
// transaction on. Where a database has one writer, an area says nothing.
type Area int

// The areas. Writers without one run beside others, and lock the rows that they read
// before they write.
const (
	NoArea Area = iota
	AreaConfiguration
	AreaUsers // and their tokens
	AreaAlarms
)

// Write describes a transaction that writes.
type Write struct {
	Doing string // the step, for the log
	Area  Area
	// Single says that one statement of the function writes, and that what the others
	// read may be of a later moment. Such a function needs no transaction.
	Single bool
	// Repeatable says that the function may run again after a run whose outcome is not
	// known.
	Repeatable bool
	// Log says that it appends to logs, which a database that lacks room may refuse.
	Log bool
	// Limit bounds the transaction where any is bounded; zero for the usual time.
	Limit time.Duration
}

// Engine is a database.
type Engine interface {
	// Update runs fn in a transaction, and returns when the transaction is durable or
	// undone. fn may run more than once, and blocks on nothing but the database. Its
	// error undoes what it wrote.
	Update(ctx context.Context, w Write, fn func(context.Context, Tx) error) error
	// Reader returns what reads the last commit, or an error once the engine is closed.
	Reader() (Querier, error)
	// View runs fn with what reads one moment.
	View(ctx context.Context, doing string, fn func(context.Context, Querier) error) error
	// Translate turns the error of a read into a *syncline.Error; doing names the step.
	Translate(err error, doing string) error
}

// Dialect is where the databases' statements differ.
type Dialect struct {
	// Latest joins each repository r with its latest work w of a kind, which is its
	// argument. The database takes one step into an index for each.
	Latest string
	// Now is the time on the database's clock, in nanoseconds since 1970.
	Now string
	// Share ends a SELECT whose rows stay as they are until the transaction ends.
	Share string
	// KeepRow and LockRow end a query and lock its rows until the transaction ends; they
	// are "" where a transaction that writes has the database for itself. KeepRow lets
	// others change the row, but not delete it. LockRow lets others refer to it only.
	KeepRow, LockRow string
	// SkipLocked locks the rows that nobody else has locked in any way, and passes by the
	// others. It lets nobody refer to them, either.
	SkipLocked string
	// Columns is a query for the names and the types of a table's columns; its argument
	// is the table.
	Columns string
	// LastNumber is a query for the number that the last new row of a table got, also where
	// that row is gone, with %s for the table; 0 for a table whose numbers the program gives.
	LastNumber string
	// Renumber are statements after which the numbers of new rows go on behind those that
	// are there, and behind the number that is their argument, with %s for the table.
	Renumber []string
	// Original returns a text as it was given from one that is read into an any; nil where
	// they are the same.
	Original func(string) string
	// Exclude is a statement that keeps other transactions with the same text as its
	// argument waiting until the transaction ends; "" as before.
	Exclude string
	// Edge is the number of the first transaction that may not have ended. History is a
	// text for the table %s, which is another one when a list of its rows cannot be carried
	// on: after a standby has taken over, or rows were removed; "" where nobody knows. After
	// says of a row of %s that such a transaction has written it, or a later one; ?1 is the
	// edge. They are for a database that others write, too.
	Edge, History, After string
}

// Options are what an engine brings besides itself.
type Options struct {
	Dialect Dialect
	// Writes counts the transactions that ended, each before its caller hears of it. nil
	// is for a database that others write, too.
	Writes func() uint64
}

// Store is the server's state in a database. It has all of store.Store but Close, and is
// safe for concurrent use.
type Store struct {
	engine  Engine
	dialect Dialect
	writes  func() uint64

	selectLatest, putCheck string
	latest                 sync.Map // of *kept[store.Work] by kind
	repositories           kept[syncline.Repository]
	changedRepositories    changing[syncline.Repository]
	changedChecks          changing[syncline.Check]
}

// New returns the state in the database behind an engine.
func New(e Engine, o Options) *Store {
	return &Store{
		engine: e, dialect: o.Dialect, writes: o.Writes,
		selectLatest: fmt.Sprintf(latestWork, o.Dialect.Latest), putCheck: fmt.Sprintf(putCheck, o.Dialect.KeepRow),
		changedRepositories: changing[syncline.Repository]{table: "repositories", alias: "repositories", number: "seq", fields: repositoryFields, scan: scanRepository},
		changedChecks:       changing[syncline.Check]{table: "checks c JOIN repositories r ON r.seq = c.repository_seq", alias: "c", number: "repository_seq", fields: checkFields, scan: scanCheck},
	}
}

// update runs fn in a transaction. Where the context has a duty or a hold, the transaction
// fails when another node has the duty, or the hold is over.
func (s *Store) update(ctx context.Context, w Write, fn func(context.Context, Tx) error) error {
	d, hasDuty := store.DutyOf(ctx)
	h, hasHold := store.HoldOf(ctx)
	if !hasDuty && !hasHold {
		return s.engine.Update(ctx, w, fn)
	}
	w.Single = false
	return s.engine.Update(ctx, w, func(ctx context.Context, tx Tx) error {
		if hasDuty {
			if err := s.hasDuty(ctx, tx, d); err != nil {
				return err
			}
		}
		if hasHold {
			if err := s.hasHold(ctx, tx, h); err != nil {
				return err
			}
		}
		return fn(ctx, tx)
	})
}

// exclude keeps other transactions with the same name waiting.
func (s *Store) exclude(ctx context.Context, tx Tx, name string) error {
	if s.dialect.Exclude == "" {
		return nil
	}
	_, err := tx.Exec(ctx, s.dialect.Exclude, name)
	return err
}

// translate is for the errors of reads.
func (s *Store) translate(err error, doing string) error { return s.engine.Translate(err, doing) }
