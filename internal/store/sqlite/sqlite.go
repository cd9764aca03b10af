// Package sqlite keeps the server's own state in one SQLite file: it implements
// store.Store by the statements of package relational. It knows nothing of catalogs, HTTP and passwords, nor of the meaning of
// the sealed bytes that it keeps. It does not lock the data directory.
//
// Writes go through one goroutine with one connection. It takes all the calls that
// wait into one transaction, each behind a savepoint of its own. So forty sessions that
// report progress at once cost one flush to disk, and every call is durable when it
// returns. Reads have connections of their own. With the write-ahead log they neither
// wait for writers nor hold them up.
//
// goose brings the schema up to date by the files in migrations, each in an
// immediate transaction of its own. SQLite's user_version holds the version.
package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	_ "modernc.org/sqlite" // registers the driver

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/store"
	"syncline.dev/syncline/internal/store/relational"
)

const (
	// readers is how many queries run at once. More than the cores gains
	// nothing, and each connection has a page cache of about 2 MB.
	readers = 4

	// A process that waits this long for another one's write gives up.
	busyTimeout = "5000" // ms

	// A write-ahead log that grew past this is cut back at the next checkpoint.
	logSizeLimit = "67108864" // bytes
)

// Store is the server's state in one SQLite file. It is safe for concurrent
// use, and other processes may open the same file.
type Store struct {
	*relational.Store
	store.Hub // carries wake-ups within the process

	path  string
	write *sql.DB // one connection, used by the writer goroutine only
	read  *sql.DB
	hold  *sql.Conn // keeps other processes from setting the database to rest

	ops     chan *writeOp
	closing chan struct{}
	stopped chan struct{} // closed when the writer goroutine has ended
	closed  sync.Once

	spare    Spare     // nil for none
	spent    bool      // spare was given up; only the writer goroutine uses it
	lastLook time.Time // when the writer goroutine last looked for room to take spare again

	writes                 atomic.Uint64 // transactions that ended
	version, latestVersion int64         // of the schema, where it is open for reading only

	closeErr error
}

var _ store.Store = (*Store)(nil)

// Open opens the database at path, or makes it, readable by the owner only,
// and brings its schema up to date. The folder must exist. The caller closes
// the store. Errors are CodeUnavailable with a message that says what to do.
func Open(ctx context.Context, path string) (*Store, error) { return OpenWith(ctx, path, nil) }

// Spare is room on the disk that is kept for the database.
type Spare interface {
	// Release gives the room up, and reports whether there was any.
	Release() bool
	// Restore takes the room again when the disk has enough free besides, and reports
	// whether the room is taken.
	Restore() bool
}

// OpenWith is Open with room that is given up when the disk is full. Logs then take no
// items as long as the room is missing, so that what is left lasts for the ends of
// sessions and for signing in.
func OpenWith(ctx context.Context, path string, spare Spare) (*Store, error) {
	s, err := openStore(ctx, path, spare)
	if err != nil && spare != nil && errors.Is(err, errRoom) && spare.Release() {
		s, err = openStore(ctx, path, spare)
	}
	if err != nil {
		return nil, err
	}
	if spare != nil {
		s.spent = !spare.Restore()
	}
	go s.runWriter()
	return s, nil
}

func openStore(ctx context.Context, path string, spare Spare) (*Store, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, syncline.WrapError(syncline.CodeUnavailable, err, msgCannotOpen)
	}
	if err := prepareFile(path); err != nil {
		return nil, err
	}
	if _, err := noteMissingLog(path); err != nil {
		return nil, syncline.WrapError(syncline.CodeUnavailable, err, msgCannotOpen)
	}
	s := &Store{
		path:    path,
		ops:     make(chan *writeOp),
		closing: make(chan struct{}),
		stopped: make(chan struct{}),
		spare:   spare,
	}
	s.Store = relational.New(engine{s}, relational.Options{Dialect: dialect, Writes: s.writes.Load})
	if s.write, err = openPool(path, 1, nil); err != nil {
		return nil, err
	}
	files, err := migrationFiles()
	if err == nil {
		err = initialize(ctx, s.write, files)
	}
	if err == nil {
		s.read, err = openPool(path, readers+1, forReading)
	}
	if err == nil {
		s.hold, err = holdLog(ctx, s.read)
	}
	if err != nil {
		return nil, errors.Join(err, s.closePools())
	}
	return s, nil
}

// holdLog takes a connection that has the write-ahead log open until it is closed.
func holdLog(ctx context.Context, db *sql.DB) (*sql.Conn, error) {
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, translate(err, "open the database")
	}
	var version int64
	if err := conn.QueryRowContext(ctx, `PRAGMA user_version`).Scan(&version); err != nil {
		return nil, errors.Join(translate(err, "open the database"), conn.Close())
	}
	return conn, nil
}

// prepareFile makes the file before SQLite would, with the permissions that
// SQLite then gives to the files beside it.
func prepareFile(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return syncline.WrapError(syncline.CodeUnavailable, err, msgCannotOpen)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return syncline.WrapError(syncline.CodeUnavailable, err, msgCannotOpen)
	}
	if info.Mode().Perm()&0o077 == 0 {
		return nil
	}
	if err := f.Chmod(0o600); err != nil {
		return syncline.WrapError(syncline.CodeUnavailable, err, msgCannotOpen)
	}
	return nil
}

// forReading makes a pool refuse to write.
func forReading(q url.Values) {
	q.Del("_txlock")
	q.Set("_query_only", "1")
}

// openPool opens size connections at most. change changes their parameters; nil
// changes none.
func openPool(path string, size int, change func(url.Values)) (*sql.DB, error) {
	q := url.Values{
		"mode":          {"rw"},
		"_busy_timeout": {busyTimeout},
		"_foreign_keys": {"1"},
		"_synchronous":  {"FULL"},
		"_dqs":          {"0"},
		"_defensive":    {"1"},
		"_error_rc":     {"1"},
		"_txlock":       {"immediate"}, // migrations; the writer goroutine says so itself
		"_pragma":       {"journal_size_limit(" + logSizeLimit + ")"},
	}
	if change != nil {
		change(q)
	}
	// The escaped form, because a path may hold ? and #.
	dsn := "file://" + (&url.URL{Path: filepath.ToSlash(path)}).EscapedPath() + "?" + q.Encode()
	db, err := sql.Open("sqlite", dsn)
	if err != nil {
		return nil, translate(err, "open the database")
	}
	db.SetMaxOpenConns(size)
	db.SetMaxIdleConns(size)
	return db, nil
}

// Close waits for the writes under way and closes the database. Calls that
// come later fail with CodeUnavailable.
func (s *Store) Close() error {
	s.closed.Do(func() {
		close(s.closing)
		<-s.stopped
		s.closeErr = s.closePools()
	})
	return s.closeErr
}

// closePools closes the connections, and sets the database to rest. The writer's
// connection closes last, because it moves the write-ahead log into the database, and
// a reader cannot do that.
func (s *Store) closePools() error {
	if s.write == nil {
		return closeReader(s.read)
	}
	var errs []error
	if s.hold != nil {
		errs = append(errs, s.hold.Close())
	}
	if s.read != nil {
		errs = append(errs, s.read.Close())
	}
	rest(s.write)
	err := errors.Join(append(errs, s.write.Close())...)
	keepLog(s.path)
	if err != nil {
		return translate(err, "close the database")
	}
	return nil
}

func newID() syncline.ID { return syncline.ID(uuid.NewString()) }
