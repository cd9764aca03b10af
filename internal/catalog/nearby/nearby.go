// Package nearby keeps copies of final values of catalogs in a file of the node, so
// that the node asks a database across the network only for what is new. A copy is
// never needed: where the file is damaged or its disk is full, the database answers.
// It knows nothing of databases and of what is in the values.
package nearby

import (
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"sync"

	"modernc.org/sqlite" // the driver, and its error type
	lib "modernc.org/sqlite/lib"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/oserr"
)

// Store is the file. It is safe for concurrent use.
type Store struct {
	path   string
	max    int64
	logger *slog.Logger

	mu      sync.Mutex
	db      *sql.DB // nil when the file cannot be used
	get     *sql.Stmt
	held    int64 // bytes of values
	queue   []block
	queued  int64 // bytes of queue
	closed  bool
	writing sync.Mutex    // held by write and by Bind
	waiting chan struct{} // has a token when queue has values
	done    chan struct{}
}

type block struct {
	generation, id int64
	value          []byte
}

// queueBytes bounds the values that wait to be written. More are dropped, and kept
// when they are read again.
const queueBytes = 8 << 20

// schema makes the tables. The seq is the order in which values came, which is the
// order in which they go.
const schema = `
	PRAGMA page_size = 8192;
	PRAGMA journal_mode = WAL;
	CREATE TABLE IF NOT EXISTS origin (one INTEGER PRIMARY KEY CHECK (one = 1), identity TEXT NOT NULL);
	CREATE TABLE IF NOT EXISTS value (seq INTEGER PRIMARY KEY, generation INTEGER NOT NULL, id INTEGER NOT NULL,
		sum INTEGER NOT NULL, data BLOB NOT NULL, UNIQUE (generation, id))`

// Open opens the file at path, or makes it. It keeps at most max bytes of values. A
// file that cannot be used is made anew.
func Open(ctx context.Context, path string, max int64, logger *slog.Logger) (*Store, error) {
	s := &Store{path: path, max: max, logger: logger, waiting: make(chan struct{}, 1), done: make(chan struct{})}
	err := s.open(ctx)
	if err != nil {
		s.discard(err)
		err = s.open(ctx)
	}
	if err != nil {
		return nil, syncline.WrapError(syncline.CodeUnavailable, err, "the node's copies of catalogs cannot be opened; %s", oserr.Advice(err, "check the rights of the data directory"))
	}
	go s.run()
	return s, nil
}

func (s *Store) open(ctx context.Context) error {
	f, err := os.OpenFile(s.path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	name := (&url.URL{Scheme: "file", OmitHost: true, Path: filepath.ToSlash(s.path)}).String()
	// The node reads again the values that a crash loses.
	s.db, err = sql.Open("sqlite", name+"?_pragma=synchronous(OFF)&_pragma=busy_timeout(1000)&_pragma=cache_size(-64)")
	if err == nil {
		_, err = s.db.ExecContext(ctx, schema)
	}
	if err == nil {
		err = s.db.QueryRowContext(ctx, `SELECT coalesce(sum(length(data)), 0) FROM value`).Scan(&s.held)
	}
	if err == nil {
		s.get, err = s.db.PrepareContext(ctx, `SELECT sum, data FROM value WHERE generation = ? AND id = ?`)
	}
	return err
}

// discard closes and removes the file. The caller holds mu, or is alone.
func (s *Store) discard(why error) {
	s.logger.Warn("the node's copies of catalogs cannot be used and are made anew", "error", why)
	if s.get != nil {
		s.get.Close()
	}
	if s.db != nil {
		_ = s.db.Close() // it is removed
	}
	s.db, s.get, s.held = nil, nil, 0
	for _, suffix := range []string{"", "-wal", "-shm"} {
		if err := os.Remove(s.path + suffix); err != nil && !errors.Is(err, os.ErrNotExist) {
			s.logger.Warn("the node's copies of catalogs cannot be removed", "error", err)
		}
	}
}

// failed makes the file anew after an error. Without a file, nothing is kept.
func (s *Store) failed(why error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.db == nil || s.closed {
		return
	}
	s.discard(why)
	if err := s.open(context.Background()); err != nil {
		s.logger.Warn("the node keeps no copies of catalogs", "error", err)
		s.db = nil
	}
}

// statement returns the statement that reads a value, nil without a file.
func (s *Store) statement() *sql.Stmt {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.get
}

// Bind says which database the values are of. The values of another one go, also those
// that are being written.
func (s *Store) Bind(identity string) {
	s.writing.Lock()
	defer s.writing.Unlock()
	s.mu.Lock()
	db := s.db
	s.queue, s.queued = nil, 0
	s.mu.Unlock()
	if db == nil {
		return
	}
	var known string
	ctx := context.Background()
	err := db.QueryRowContext(ctx, `SELECT identity FROM origin`).Scan(&known)
	if err == nil && known == identity {
		return
	}
	if err == nil || errors.Is(err, sql.ErrNoRows) {
		_, err = db.ExecContext(ctx, `DELETE FROM value; DELETE FROM origin`)
	}
	if err == nil {
		_, err = db.ExecContext(ctx, `INSERT INTO origin VALUES (1, ?)`, identity)
	}
	if err != nil {
		s.failed(err) // with its values
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held = 0
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// sum is over a value and its place. A copy that fails it is not used, so that the
// damage of a copy does not count as damage of the catalog.
func sum(generation, id int64, value []byte) int64 {
	var key [16]byte
	binary.LittleEndian.PutUint64(key[:], uint64(generation))
	binary.LittleEndian.PutUint64(key[8:], uint64(id))
	return int64(crc32.Update(crc32.Checksum(value, castagnoli), castagnoli, key[:]))
}

// one returns a value, nil where there is none.
func (s *Store) one(get *sql.Stmt, generation, id int64) []byte {
	var stored int64
	var value []byte
	err := get.QueryRowContext(context.Background(), generation, id).Scan(&stored, &value)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err == nil && stored != sum(generation, id, value) {
		err = errors.New("a value fails its checksum")
	}
	if err != nil {
		if s.statement() == get { // otherwise somebody has made the file anew
			s.failed(err)
		}
		return nil
	}
	if value == nil {
		value = []byte{}
	}
	return value
}

// Get returns the values of a generation with those ids, nil for each that is not
// here. The caller owns them.
func (s *Store) Get(generation int64, ids []int64) [][]byte {
	values := make([][]byte, len(ids))
	get := s.statement()
	for i := 0; get != nil && i < len(ids); i++ {
		values[i] = s.one(get, generation, ids[i])
	}
	return values
}

// Run calls fn with the values whose ids follow one another from first to last, and
// returns the first id that is not here.
func (s *Store) Run(generation, first, last int64, fn func(id int64, value []byte) error) (next int64, err error) {
	get := s.statement()
	for next = first; get != nil && next <= last; next++ {
		value := s.one(get, generation, next)
		if value == nil {
			break
		}
		if err := fn(next, value); err != nil {
			return next, err
		}
	}
	return next, nil
}

// Put keeps a value, soon. The value is not changed from then on.
func (s *Store) Put(generation, id int64, value []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.db == nil || s.closed || int64(len(value)) > s.max/4 || s.queued+int64(len(value)) > queueBytes {
		return
	}
	s.queue = append(s.queue, block{generation, id, value})
	s.queued += int64(len(value))
	select {
	case s.waiting <- struct{}{}:
	default:
	}
}

// run writes what waits until Close.
func (s *Store) run() {
	defer close(s.done)
	for range s.waiting {
		_ = s.flush() // it has logged its error
	}
}

// flush writes what waits, and makes room. On a full disk, what waits is not kept.
func (s *Store) flush() error {
	err := s.write()
	if err == nil {
		return nil
	}
	s.logger.Warn("the node cannot keep copies of catalogs", "error", err)
	var e *sqlite.Error
	if errors.As(err, &e) && (e.Code()&0xff == lib.SQLITE_CORRUPT || e.Code()&0xff == lib.SQLITE_NOTADB) {
		s.failed(err)
	}
	return err
}

func (s *Store) write() error {
	s.writing.Lock()
	defer s.writing.Unlock()
	s.mu.Lock()
	list, db := s.queue, s.db
	s.queue, s.queued = nil, 0
	s.mu.Unlock()
	if db == nil || len(list) == 0 {
		return nil
	}
	ctx := context.Background()
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() // after a commit it does nothing
	var grown int64
	for _, b := range list {
		result, err := tx.ExecContext(ctx, `INSERT INTO value (generation, id, sum, data) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING`,
			b.generation, b.id, sum(b.generation, b.id, b.value), b.value)
		if err != nil {
			return err
		}
		if n, err := result.RowsAffected(); err == nil {
			grown += n * int64(len(b.value))
		}
	}
	s.mu.Lock()
	over := s.held + grown - s.max
	s.mu.Unlock()
	for over > 0 {
		gone, err := dropOldest(ctx, tx)
		if err != nil {
			return err
		}
		over, grown = over-gone, grown-gone
	}
	if err := tx.Commit(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.db == db {
		s.held += grown
	}
	return nil
}

// dropOldest deletes the value that came first, and returns its length.
func dropOldest(ctx context.Context, tx *sql.Tx) (n int64, err error) {
	err = tx.QueryRowContext(ctx, `DELETE FROM value WHERE seq = (SELECT min(seq) FROM value) RETURNING length(data)`).Scan(&n)
	return n, err
}

// Close writes what waits and closes the file.
func (s *Store) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	close(s.waiting)
	s.mu.Unlock()
	<-s.done
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.db == nil {
		return nil
	}
	s.get.Close()
	return s.db.Close()
}
