// Package sqlite keeps a catalog's values in one SQLite file: a table of
// numbered blobs. It knows nothing of what is in them.
package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"modernc.org/sqlite" // the driver, and its error type
	lib "modernc.org/sqlite/lib"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/catalog"
	"syncline.dev/syncline/internal/oserr"
)

// Container is a catalog.Container in one file.
type Container struct {
	path    string
	create  bool         // the file and its table, where they are not there
	room    func() error // fails while there is no room to write; nil for no bound
	readers *sql.DB
	writer  *sql.DB // one connection: updates wait for one another here

	mu       sync.Mutex
	closed   bool
	prepared *statements    // of views; nil until there was one
	running  sync.WaitGroup // views and updates
}

// schema keeps every value in one table. The id is the kind and the number, so
// a scan is a range of the table itself. The settings stay with the file; they
// take effect on a new one, in this order only.
const schema = `
	PRAGMA page_size = 8192;
	PRAGMA auto_vacuum = INCREMENTAL;
	PRAGMA journal_mode = WAL;
	CREATE TABLE IF NOT EXISTS value (id INTEGER PRIMARY KEY, data BLOB NOT NULL)`

// Open opens or creates the file at path, mode 0600. The files path-wal and
// path-shm belong to it while it is open.
func Open(ctx context.Context, path string) (*Container, error) {
	return open(ctx, &Container{path: path, create: true})
}

// openExisting is Open for a file that is there. One that is missing, has
// nothing in it or no table is catalog.ErrMissing.
func openExisting(ctx context.Context, path string) (*Container, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) || err == nil && info.Size() == 0 {
		return nil, catalog.Missing(err)
	}
	return open(ctx, &Container{path: path})
}

func open(ctx context.Context, c *Container) (*Container, error) {
	flags := os.O_RDWR
	if c.create {
		flags |= os.O_CREATE
	}
	f, err := os.OpenFile(c.path, flags, 0o600)
	if err != nil {
		if !oserr.NoHandles(err) {
			err = fmt.Errorf("%w: %w", catalog.ErrUnopened, err)
		}
		return nil, syncline.WrapError(syncline.CodeUnavailable, err, "the catalog's file cannot be written; %s", oserr.Advice(err, "check the rights of the data directory"))
	}
	if err := f.Close(); err != nil {
		return nil, translate(err)
	}
	// Not one sync per commit: a power cut may cost the last commits, never
	// consistency, and the next session fetches them again.
	c.writer, err = connect(c.path, 1, "_txlock=immediate", "_pragma=synchronous(NORMAL)")
	if err == nil {
		c.readers, err = connect(c.path, 8, "mode=rw", "_pragma=query_only(1)")
	}
	if err == nil {
		err = c.setUp(ctx)
	}
	if err != nil {
		return nil, errors.Join(translate(err), c.Close())
	}
	return c, nil
}

// OpenCatalog opens or creates the catalog in the file at path, as Open does.
func OpenCatalog(ctx context.Context, path string) (*catalog.Catalog, error) {
	box, err := Open(ctx, path)
	if err != nil {
		return nil, err
	}
	return asCatalog(ctx, box)
}

func asCatalog(ctx context.Context, box *Container) (*catalog.Catalog, error) {
	open := catalog.OpenExisting
	if box.create {
		open = catalog.Open
	}
	cat, err := open(ctx, box)
	if err != nil {
		return nil, errors.Join(err, box.Close())
	}
	return cat, nil
}

// OpenExisting opens the catalog in the file at path. Where there is none, or
// one that was not set up, it is catalog.ErrMissing.
func OpenExisting(ctx context.Context, path string) (*catalog.Catalog, error) {
	box, err := openExisting(ctx, path)
	if err != nil {
		return nil, err
	}
	return asCatalog(ctx, box)
}

// setUp gives a new file its table. Others are not written: most catalogs that
// are opened are only read, and a connection that writes costs time.
func (c *Container) setUp(ctx context.Context) error {
	var tables int
	err := c.readers.QueryRowContext(ctx, `SELECT count(*) FROM sqlite_schema WHERE name = 'value'`).Scan(&tables)
	if err != nil || tables > 0 {
		return err
	}
	if !c.create {
		return catalog.Missing(errors.New("the file has no table"))
	}
	_, err = c.writer.ExecContext(ctx, schema)
	return err
}

// OpenReadOnly is OpenExisting for a folder that cannot be written to, or a disk that
// is full. Writes fail with catalog.ErrReadOnly.
func OpenReadOnly(ctx context.Context, path string) (*catalog.Catalog, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) || err == nil && info.Size() == 0 {
		return nil, catalog.Missing(err)
	}
	options := []string{"mode=ro", "_pragma=query_only(1)"}
	// Beside a log that holds something, the file alone is not the whole of it.
	if log, err := os.Stat(path + "-wal"); errors.Is(err, fs.ErrNotExist) || err == nil && log.Size() == 0 {
		options = append(options, "immutable=1")
	}
	c := &Container{path: path, room: func() error {
		return syncline.WrapError(syncline.CodeUnavailable, catalog.ErrReadOnly, "the catalog cannot be written to")
	}}
	if c.readers, err = connect(path, 8, options...); err == nil {
		err = c.setUp(ctx)
	}
	if err != nil {
		return nil, errors.Join(translate(err), c.Close())
	}
	return asCatalog(ctx, c)
}

func connect(path string, connections int, options ...string) (*sql.DB, error) {
	// A value's pages are read or written once, so a larger cache (the default is 2 MB)
	// only means more memory that is touched for the first time: a reader's first values
	// take two to four times as long, and the commit of 3 MB three times.
	options = append(options, "_pragma=cache_size(-64)", "_pragma=busy_timeout(10000)", "_pragma=mmap_size(67108864)")
	name := (&url.URL{Scheme: "file", OmitHost: true, Path: filepath.ToSlash(path)}).String()
	db, err := sql.Open("sqlite", name+"?"+strings.Join(options, "&"))
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections) // to open one takes longer than most views
	db.SetConnMaxIdleTime(time.Minute)
	return db, nil
}

// Close closes the file; what runs is waited for. Were it not, its end could
// delete the write-ahead log of another file that has taken the path by then.
func (c *Container) Close() error {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.running.Wait()
	var errs []error
	for _, db := range []*sql.DB{c.readers, c.writer} {
		if db != nil {
			errs = append(errs, translate(db.Close()))
		}
	}
	return errors.Join(errs...)
}

// Size counts the file and its write-ahead log.
func (c *Container) Size(context.Context) (int64, error) {
	var sum int64
	for _, suffix := range []string{"", "-wal"} {
		info, err := os.Stat(c.path + suffix)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return 0, translate(err)
		}
		sum += info.Size()
	}
	return sum, nil
}

var errClosed = syncline.Errorf(syncline.CodeUnavailable, "the catalog is closed; try again")

// View runs fn in one read transaction.
func (c *Container) View(ctx context.Context, fn func(catalog.Reader) error) error {
	if !c.enter() {
		return errClosed
	}
	defer c.running.Done()
	// Before the transaction: it may take a connection that views wait for.
	p, err := c.prepare(ctx)
	if err != nil {
		return err
	}
	return c.run(ctx, c.readers, &sql.TxOptions{ReadOnly: true}, func(t *tx) error {
		t.get, t.scan = t.tx.StmtContext(ctx, p.get), t.tx.StmtContext(ctx, p.scan)
		return fn(t)
	})
}

const (
	getValue   = `SELECT data FROM value WHERE id = ?`
	scanValues = `SELECT id, data FROM value WHERE id BETWEEN ? AND ? ORDER BY id`
)

// statements are those of views, which are many and short: parsed once on each
// connection.
type statements struct{ get, scan *sql.Stmt }

func (c *Container) prepare(ctx context.Context) (*statements, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.prepared != nil {
		return c.prepared, nil
	}
	get, err := c.readers.PrepareContext(ctx, getValue)
	if err != nil {
		return nil, translate(err)
	}
	defer func() {
		if c.prepared == nil {
			get.Close()
		}
	}()
	scan, err := c.readers.PrepareContext(ctx, scanValues)
	if err != nil {
		return nil, translate(err)
	}
	c.prepared = &statements{get, scan}
	return c.prepared, nil
}

// Update runs fn in one write transaction.
func (c *Container) Update(ctx context.Context, fn func(catalog.Writer) error) error {
	if err := c.checkRoom(); err != nil {
		return err
	}
	return c.run(ctx, c.writer, nil, func(t *tx) error {
		t.room = c.checkRoom
		return fn(t)
	})
}

func (c *Container) checkRoom() error {
	if c.room == nil {
		return nil
	}
	return c.room()
}

// trim gives back the room that the write-ahead log takes. Views that run keep it.
func (c *Container) trim(ctx context.Context) error {
	_, err := c.writer.ExecContext(ctx, `PRAGMA wal_checkpoint(TRUNCATE)`)
	return translate(err)
}

func (c *Container) run(ctx context.Context, db *sql.DB, opts *sql.TxOptions, fn func(*tx) error) error {
	if !c.enter() {
		return errClosed
	}
	defer c.running.Done()
	sqlTx, err := db.BeginTx(ctx, opts)
	if err != nil {
		return translate(err)
	}
	// The cause is what the caller needs; the rollback's error adds nothing.
	// Deferred, it also ends the transaction of an fn that panics, which would
	// otherwise hold its connection for good.
	defer func() { _ = sqlTx.Rollback() }()
	if err := fn(&tx{ctx: ctx, tx: sqlTx}); err != nil {
		return err
	}
	err = sqlTx.Commit()
	if errors.Is(err, sql.ErrTxDone) && ctx.Err() != nil {
		err = ctx.Err() // rolled back already, for this reason
	}
	return translate(err)
}

// enter counts a transaction in, unless the container is closed.
func (c *Container) enter() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.closed {
		c.running.Add(1)
	}
	return !c.closed
}

type tx struct {
	ctx            context.Context
	tx             *sql.Tx
	get, scan, put *sql.Stmt // scan of views only, and nil during a scan

	room  func() error // of updates
	wrote int          // bytes since room was asked
}

// roomEvery is after how many bytes of one update the room is looked at again.
const roomEvery = 1 << 20

const numberBits = 40

func id(kind catalog.Kind, no uint64) int64 { return int64(kind)<<numberBits | int64(no) }

func (t *tx) Get(kind catalog.Kind, no uint64) ([]byte, error) {
	if t.get == nil {
		var err error
		if t.get, err = t.tx.PrepareContext(t.ctx, getValue); err != nil {
			return nil, t.translate(err)
		}
	}
	var data owned
	err := t.get.QueryRowContext(t.ctx, id(kind, no)).Scan(&data)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err == nil && data == nil {
		data = owned{} // the driver's empty blob; nil says there is none
	}
	return data, t.translate(err)
}

// owned takes a value as it comes from the driver, which makes each one in memory
// of its own and, as database/sql/driver demands, does not touch it when rows are
// closed. Scanned into a []byte it would be copied once more.
type owned []byte

func (o *owned) Scan(src any) error {
	switch v := src.(type) {
	case []byte:
		*o = v
	case string:
		*o = owned(v)
	case nil:
		*o = nil
	default: // a damaged file; the value's checksum tells
		*o = fmt.Append(nil, v)
	}
	return nil
}

func (t *tx) Scan(kind catalog.Kind, first uint64, fn func(uint64, []byte) error) (err error) {
	from, to := id(kind, first), id(kind, catalog.MaxNumber)
	var rows *sql.Rows
	// The prepared statement runs once at a time: a scan within another one
	// takes a statement of its own.
	if scan := t.scan; scan != nil {
		t.scan = nil
		defer func() { t.scan = scan }()
		rows, err = scan.QueryContext(t.ctx, from, to)
	} else {
		rows, err = t.tx.QueryContext(t.ctx, scanValues, from, to)
	}
	if err != nil {
		return t.translate(err)
	}
	defer func() {
		if closeErr := rows.Close(); err == nil {
			err = t.translate(closeErr)
		}
	}()
	var key int64
	var data sql.RawBytes
	for rows.Next() {
		if err := rows.Scan(&key, &data); err != nil {
			return t.translate(err)
		}
		if err := fn(uint64(key)&catalog.MaxNumber, data); err != nil {
			return err
		}
	}
	return t.translate(rows.Err())
}

func (t *tx) Put(kind catalog.Kind, no uint64, value []byte) error {
	if t.put == nil {
		var err error
		if t.put, err = t.tx.PrepareContext(t.ctx, `INSERT OR REPLACE INTO value (id, data) VALUES (?, ?)`); err != nil {
			return t.translate(err)
		}
	}
	if value == nil {
		value = []byte{}
	}
	if t.wrote += len(value); t.wrote >= roomEvery && t.room != nil {
		t.wrote = 0
		if err := t.room(); err != nil {
			return err
		}
	}
	_, err := t.put.ExecContext(t.ctx, id(kind, no), value)
	return t.translate(err)
}

func (t *tx) Delete(kind catalog.Kind, first, last uint64) error {
	_, err := t.tx.ExecContext(t.ctx, `DELETE FROM value WHERE id BETWEEN ? AND ?`, id(kind, first), id(kind, last))
	return t.translate(err)
}

// translate is translate, for a transaction that its context may have ended:
// database/sql then answers as if it had been used after its end.
func (t *tx) translate(err error) error {
	if err != nil && t.ctx.Err() != nil && !errors.As(err, new(*sqlite.Error)) {
		err = errors.Join(t.ctx.Err(), err)
	}
	return translate(err)
}

func noHandles(err error) error {
	return syncline.WrapError(syncline.CodeUnavailable, err, "the catalog cannot be opened; %s", oserr.Advice(syscall.EMFILE, ""))
}

// translate gives the driver's errors their codes.
func translate(err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return syncline.WrapError(syncline.CodeCanceled, err, "the operation was canceled")
	}
	var e *sqlite.Error
	if own := (*syncline.Error)(nil); errors.As(err, &own) {
		return err
	}
	if !errors.As(err, &e) {
		if oserr.NoHandles(err) {
			return noHandles(err)
		}
		return syncline.WrapError(syncline.CodeUnavailable, err, "the catalog cannot be used now")
	}
	switch e.Code() { // extended codes that tell more than their family
	case lib.SQLITE_IOERR_SHORT_READ:
		return catalog.Damaged(err) // the file ends too early
	case lib.SQLITE_READONLY:
		return catalog.Damaged(err) // Open could write it: its header is wrong
	}
	switch e.Code() & 0xff {
	case lib.SQLITE_ERROR: // our statements are right, so the schema is not ours
		return catalog.Damaged(err)
	case lib.SQLITE_CORRUPT, lib.SQLITE_NOTADB, lib.SQLITE_FORMAT:
		return catalog.Damaged(err)
	case lib.SQLITE_FULL:
		return syncline.WrapError(syncline.CodeUnavailable, errors.Join(catalog.ErrNoRoom, err), "the disk that holds the catalog is full; make room and synchronize again")
	case lib.SQLITE_CANTOPEN:
		if oserr.NoHandlesNow() {
			return noHandles(err)
		}
		return syncline.WrapError(syncline.CodeUnavailable, err, "the catalog cannot be opened; check that the data directory is there, and its rights")
	case lib.SQLITE_READONLY, lib.SQLITE_PERM:
		return syncline.WrapError(syncline.CodeUnavailable, err, "the catalog cannot be written; check the rights of the data directory")
	case lib.SQLITE_BUSY, lib.SQLITE_LOCKED:
		return syncline.WrapError(syncline.CodeUnavailable, err, "the catalog is in use by another process; try again when that has ended")
	case lib.SQLITE_INTERRUPT:
		return syncline.WrapError(syncline.CodeCanceled, err, "the operation was canceled")
	}
	return syncline.WrapError(syncline.CodeUnavailable, err, "the catalog cannot be used now")
}
