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
	create  bool         // the file and its table, if they are missing
	room    func() error // fails while the disk has no room; nil for no bound
	readers *sql.DB
	writer  *sql.DB // one connection: updates wait for one another here

	mu       sync.Mutex
	closed   bool
	prepared *statements    // of views; nil before the first view
	running  sync.WaitGroup // views and updates
}

// schema keeps every value in one table. The id holds the kind and the number, so a scan
// reads a range of the table. The settings stay with the file. They take effect on a new
// file only, and only in this order.
const schema = `
	PRAGMA page_size = 8192;
	PRAGMA auto_vacuum = INCREMENTAL;
	PRAGMA journal_mode = WAL;` + "\n"

const createTable = `CREATE TABLE IF NOT EXISTS %s (id INTEGER PRIMARY KEY, data BLOB NOT NULL)`

// Open opens or creates the file at path, mode 0600. The files path-wal and
// path-shm belong to it while it is open.
func Open(ctx context.Context, path string) (*Container, error) {
	return open(ctx, &Container{path: path, create: true})
}

// openExisting is Open for a file that exists. A file that is missing or empty,
// or has no table, is catalog.ErrMissing.
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
	// A commit does not sync the disk. A power cut may cost the last commits, but not the
	// consistency of the file, and the next session fetches the rest again.
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

// OpenExisting opens the catalog in the file at path. A file without a catalog
// is catalog.ErrMissing.
func OpenExisting(ctx context.Context, path string) (*catalog.Catalog, error) {
	box, err := openExisting(ctx, path)
	if err != nil {
		return nil, err
	}
	return asCatalog(ctx, box)
}

// setUp gives a new file its table. It does not write to others: most catalogs
// are only read, and a connection that writes takes time to open.
func (c *Container) setUp(ctx context.Context) error {
	var tables int
	err := c.readers.QueryRowContext(ctx, `SELECT count(*) FROM sqlite_schema WHERE name = 'value'`).Scan(&tables)
	if err != nil || tables > 0 {
		return err
	}
	if !c.create {
		return catalog.Missing(errors.New("the file has no table"))
	}
	_, err = c.writer.ExecContext(ctx, schema+fmt.Sprintf(createTable, valueTable))
	return err
}

// OpenReadOnly is OpenExisting for a folder that allows only reading, or a disk
// that is full. Writes fail with catalog.ErrReadOnly.
func OpenReadOnly(ctx context.Context, path string) (*catalog.Catalog, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) || err == nil && info.Size() == 0 {
		return nil, catalog.Missing(err)
	}
	options := []string{"mode=ro", "_pragma=query_only(1)"}
	// A file without a log that holds something is complete by itself.
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
	// Each page is read or written once. A larger cache (the default is 2 MB) only costs
	// the first use of its memory: a reader's first values take two to four times as long.
	//
	// The file is not mapped into memory. A page of a mapped file that was cut, or that the
	// disk cannot read, ends the program; a read of it is an error.
	options = append(options, "_pragma=cache_size(-64)", "_pragma=busy_timeout(10000)")
	name := (&url.URL{Scheme: "file", OmitHost: true, Path: filepath.ToSlash(path)}).String()
	db, err := sql.Open("sqlite", name+"?"+strings.Join(options, "&"))
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections) // opening one takes longer than most views
	db.SetConnMaxIdleTime(time.Minute)
	return db, nil
}

// Close waits for what runs and closes the file. Without the wait, the end of a
// transaction could delete the write-ahead log of another file that has taken
// the path.
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
	// This comes before the transaction, because it may need a connection too.
	p, err := c.prepare(ctx)
	if err != nil {
		return err
	}
	return c.run(ctx, c.readers, &sql.TxOptions{ReadOnly: true}, func(t *tx) error {
		t.get, t.scan = t.tx.StmtContext(ctx, p.get), t.tx.StmtContext(ctx, p.scan)
		if err := t.readHead(); err != nil {
			return err
		}
		return fn(t)
	})
}

// The reading statements. They get the name of the table: value, or renewed in
// an update that has begun a new generation.
const (
	getValue   = `SELECT data FROM %s WHERE id = ?`
	scanValues = `SELECT id, data FROM %s WHERE id BETWEEN ? AND ? ORDER BY id`
)

const (
	valueTable   = "value"
	renewedTable = "renewed"
)

// statements are those of views. Views are many and short, so each connection
// parses them once.
type statements struct{ get, scan *sql.Stmt }

func (c *Container) prepare(ctx context.Context) (*statements, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.prepared != nil {
		return c.prepared, nil
	}
	get, err := c.readers.PrepareContext(ctx, fmt.Sprintf(getValue, valueTable))
	if err != nil {
		return nil, translate(err)
	}
	defer func() {
		if c.prepared == nil {
			get.Close()
		}
	}()
	scan, err := c.readers.PrepareContext(ctx, fmt.Sprintf(scanValues, valueTable))
	if err != nil {
		return nil, translate(err)
	}
	c.prepared = &statements{get, scan}
	return c.prepared, nil
}

// Update runs fn in one write transaction. The transaction begins with the lock
// for writing, so the compared head cannot change before the commit. Update looks
// at no claim, because the process that has the folder runs each work once.
func (c *Container) Update(ctx context.Context, expected catalog.Head, fn func(catalog.Writer) error) error {
	if err := c.checkRoom(); err != nil {
		return err
	}
	return c.run(ctx, c.writer, nil, func(t *tx) error {
		t.room = c.checkRoom
		if err := t.readHead(); err != nil {
			return err
		}
		if t.head != expected {
			return catalog.Conflict()
		}
		if err := fn(t); err != nil {
			return err
		}
		return t.dropOld()
	})
}

func (c *Container) checkRoom() error {
	if c.room == nil {
		return nil
	}
	return c.room()
}

// trim gives back the room of the write-ahead log, unless a view needs it.
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
	// The rollback's error adds nothing to the cause. The deferred call also ends the
	// transaction of an fn that panics, which would keep its connection otherwise.
	defer func() { _ = sqlTx.Rollback() }()
	if err := fn(&tx{ctx: ctx, tx: sqlTx, table: valueTable}); err != nil {
		return err
	}
	err = sqlTx.Commit()
	if errors.Is(err, sql.ErrTxDone) && ctx.Err() != nil {
		err = ctx.Err() // the end of the context has rolled it back
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
	table          string
	head           catalog.Head
	get, scan, put *sql.Stmt // scan of views only

	room  func() error // of updates
	wrote int          // bytes since the last call of room
}

// roomEvery is the number of bytes after which an update looks at the room again.
const roomEvery = 1 << 20

const numberBits = 40

func id(kind catalog.Kind, no uint64) int64 { return int64(kind)<<numberBits | int64(no) }

// headKind is the kind whose one value is the head.
const headKind catalog.Kind = 0

func (t *tx) readHead() error {
	head, err := t.Get(headKind, 0)
	t.head = catalog.Head(head)
	return err
}

func (t *tx) Head() catalog.Head { return t.head }

func (t *tx) SetHead(head catalog.Head) error {
	t.head = head
	return t.Put(headKind, 0, []byte(head))
}

func (t *tx) GetMany(kind catalog.Kind, nos ...uint64) (values [][]byte, err error) {
	values = make([][]byte, len(nos))
	for i := 0; i < len(nos); {
		n := 1
		for i+n < len(nos) && nos[i+n] == nos[i]+uint64(n) {
			n++
		}
		if n > 1 {
			err = t.getRange(kind, nos[i], values[i:i+n])
		} else {
			values[i], err = t.Get(kind, nos[i])
		}
		if err != nil {
			return nil, err
		}
		i += n
	}
	return values, nil
}

// getRange reads the values with numbers from first on. One statement takes less time
// than one for each value.
func (t *tx) getRange(kind catalog.Kind, first uint64, values [][]byte) (err error) {
	rows, err := t.between(id(kind, first), id(kind, first+uint64(len(values))-1))
	if err != nil {
		return t.translate(err)
	}
	defer func() {
		if closeErr := rows.Close(); err == nil {
			err = t.translate(closeErr)
		}
	}()
	for rows.Next() {
		var key int64
		var data owned
		if err := rows.Scan(&key, &data); err != nil {
			return t.translate(err)
		}
		if data == nil {
			data = owned{} // as in Get
		}
		values[uint64(key)&catalog.MaxNumber-first] = data
	}
	return t.translate(rows.Err())
}

// between asks for the values with ids from one to another.
func (t *tx) between(from, to int64) (*sql.Rows, error) {
	if t.scan != nil {
		return t.scan.QueryContext(t.ctx, from, to)
	}
	return t.tx.QueryContext(t.ctx, fmt.Sprintf(scanValues, t.table), from, to)
}

func (t *tx) Get(kind catalog.Kind, no uint64) ([]byte, error) {
	if t.get == nil {
		var err error
		if t.get, err = t.tx.PrepareContext(t.ctx, fmt.Sprintf(getValue, t.table)); err != nil {
			return nil, t.translate(err)
		}
	}
	var data owned
	err := t.get.QueryRowContext(t.ctx, id(kind, no)).Scan(&data)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err == nil && data == nil {
		data = owned{} // the driver's empty blob; nil would mean no value
	}
	return data, t.translate(err)
}

// owned takes a value from the driver without a copy. The driver makes each value in
// memory of its own and, as database/sql/driver demands, leaves it alone when rows are
// closed.
type owned []byte

func (o *owned) Scan(src any) error {
	switch v := src.(type) {
	case []byte:
		*o = v
	case string:
		*o = owned(v)
	case nil:
		*o = nil
	default: // a damaged file, which the value's checksum notices
		*o = fmt.Append(nil, v)
	}
	return nil
}

func (t *tx) Scan(kind catalog.Kind, first uint64, fn func(uint64, []byte) error) (err error) {
	rows, err := t.between(id(kind, first), id(kind, catalog.MaxNumber))
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
		if t.put, err = t.tx.PrepareContext(t.ctx, fmt.Sprintf(`INSERT OR REPLACE INTO %s (id, data) VALUES (?, ?)`, t.table)); err != nil {
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

// PutFinal is Put, because nothing is nearer to the readers than the file.
func (t *tx) PutFinal(kind catalog.Kind, no uint64, value []byte) error {
	return t.Put(kind, no, value)
}

func (t *tx) Delete(kind catalog.Kind, first, last uint64) error {
	_, err := t.tx.ExecContext(t.ctx, fmt.Sprintf(`DELETE FROM %s WHERE id BETWEEN ? AND ?`, t.table), id(kind, first), id(kind, last))
	return t.translate(err)
}

// translate is the function translate for a transaction whose context may have
// ended. database/sql then says only that the transaction is over.
func (t *tx) translate(err error) error {
	if err != nil && t.ctx.Err() != nil && !errors.As(err, new(*sqlite.Error)) {
		err = errors.Join(t.ctx.Err(), err)
	}
	return translate(err)
}

func noHandles(err error) error {
	return syncline.WrapError(syncline.CodeUnavailable, err, "the catalog cannot be opened; %s", oserr.Advice(syscall.EMFILE, ""))
}

// translate gives codes to the driver's errors.
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
	switch e.Code() { // extended codes that say more than their family
	case lib.SQLITE_IOERR_SHORT_READ:
		return catalog.Damaged(err) // the file ends too early
	case lib.SQLITE_READONLY:
		return catalog.Damaged(err) // Open has found it writable, so its header is wrong
	}
	switch e.Code() & 0xff {
	case lib.SQLITE_ERROR: // the statements are right, so the schema is a foreign one
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
