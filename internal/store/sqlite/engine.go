package sqlite

import (
	"context"
	"database/sql"
	"errors"

	"syncline.dev/syncline/internal/store/relational"
)

// engine is the database as the shared statements use it.
type engine struct{ s *Store }

var _ relational.Engine = engine{}

// CROSS JOIN keeps SQLite from choosing the order of a join: it would look at all the
// work that there is. Nothing changes beside a transaction that writes, so nothing is
// locked.
var dialect = relational.Dialect{
	Latest:  "CROSS JOIN work w ON w.seq = (SELECT max(seq) FROM work WHERE repository_seq = r.seq AND kind = ?)",
	Now:     "(CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000000)",
	Columns: "SELECT name, type FROM pragma_table_info(?)",
	// Only a table that gives no number twice has a row in sqlite_sequence.
	LastNumber: "SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = '%[1]s'), (SELECT max(seq) FROM %[1]s), 0)",
	Renumber: []string{
		`INSERT INTO sqlite_sequence (name, seq) SELECT name, ?1 FROM sqlite_schema WHERE type = 'table' AND name = '%[1]s' AND sql LIKE '%%AUTOINCREMENT%%'
			AND NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = '%[1]s')`,
		`UPDATE sqlite_sequence SET seq = max(seq, ?1) WHERE name = '%[1]s'`,
	},
}

// Update implements relational.Engine.
func (e engine) Update(ctx context.Context, w relational.Write, fn func(context.Context, relational.Tx) error) error {
	return e.s.update(ctx, w.Doing, func(ctx context.Context, conn *sql.Conn) error {
		if w.Log && e.s.spent {
			return errSpent
		}
		return fn(ctx, transaction{querier{conn}, conn})
	})
}

// Reader implements relational.Engine.
func (e engine) Reader() (relational.Querier, error) {
	db, err := e.s.reader()
	if err != nil {
		return nil, err
	}
	return querier{db}, nil
}

// View implements relational.Engine.
func (e engine) View(ctx context.Context, doing string, fn func(context.Context, relational.Querier) error) error {
	db, err := e.s.reader()
	if err != nil {
		return err
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return e.Translate(err, doing)
	}
	defer tx.Rollback() // it only read
	return e.Translate(fn(ctx, querier{tx}), doing)
}

// Translate implements relational.Engine. It returns errClosed when Close ran before
// the read ended.
func (e engine) Translate(err error, doing string) error {
	select {
	case <-e.s.closing:
		if err != nil {
			return errClosed
		}
	default:
	}
	return translate(err, doing)
}

// reader returns the pool for reads, or errClosed.
func (s *Store) reader() (*sql.DB, error) {
	select {
	case <-s.closing:
		return nil, errClosed
	default:
		return s.read, nil
	}
}

// querier reads by a connection, a transaction or a pool.
type querier struct {
	q interface {
		QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
		QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
	}
}

// Query implements relational.Querier.
func (q querier) Query(ctx context.Context, query string, args ...any) (relational.Rows, error) {
	rows, err := q.q.QueryContext(ctx, query, args...) //nolint:rowserrcheck // the caller checks it
	if err != nil {
		return nil, err
	}
	return rows, nil
}

// QueryRow implements relational.Querier.
func (q querier) QueryRow(ctx context.Context, query string, args ...any) relational.Row {
	return q.q.QueryRowContext(ctx, query, args...)
}

// transaction is the part of the writer's transaction that belongs to one call.
type transaction struct {
	querier
	conn *sql.Conn
}

// Exec implements relational.Tx.
func (t transaction) Exec(ctx context.Context, statement string, args ...any) (int64, error) {
	result, err := t.conn.ExecContext(ctx, statement, args...)
	switch {
	case err == nil:
		return result.RowsAffected()
	case isTaken(err):
		err = errors.Join(relational.ErrTaken, err)
	case isDangling(err):
		err = errors.Join(relational.ErrDangling, err)
	}
	return 0, err
}

// ExecEach implements relational.Tx.
func (t transaction) ExecEach(ctx context.Context, statement string, n int, args func(i int) []any) error {
	for i := range n {
		if _, err := t.Exec(ctx, statement, args(i)...); err != nil {
			return err
		}
	}
	return nil
}
