// Package postgres keeps the state of a fleet in PostgreSQL: it implements store.Store by
// the statements of package relational. Any number of nodes have it open at once. It knows
// nothing of catalogs, HTTP and passwords, nor of the meaning of the sealed bytes that it
// keeps.
//
// All tables are in the schema "syncline", and every statement names it, because a
// connection keeps no settings (see package pgpool).
package postgres

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/pgpool"
	"syncline.dev/syncline/internal/store"
	"syncline.dev/syncline/internal/store/relational"
)

// Schema is the schema that has all tables.
const Schema = "syncline"

// Store is the state of a fleet. It is safe for concurrent use.
type Store struct {
	*relational.Store
	*wakes

	pool *pgpool.Pool
}

var _ store.Store = (*Store)(nil)

// nowNanos is the time on the clock of the database, in nanoseconds since 1970.
const nowNanos = "(extract(epoch FROM clock_timestamp()) * 1000000000)::bigint"

// listHistory is another one after a standby has taken over, the server has crashed, a dump
// was restored, or rows of a list were removed.
const listHistory = `coalesce(` + pgpool.Numbering + ` || ' ' || 'syncline.list_removals'::regclass::oid || ' ' ||
	(SELECT removed_by FROM syncline.list_removals WHERE list = '%s'), '')`

// dialect has a clock that goes on within a transaction.
var dialect = relational.Dialect{
	Latest:     "CROSS JOIN LATERAL (SELECT * FROM work WHERE repository_seq = r.seq AND kind = ? ORDER BY seq DESC LIMIT 1) AS w",
	Now:        nowNanos,
	Share:      " FOR SHARE",
	KeepRow:    " FOR KEY SHARE",
	LockRow:    " FOR NO KEY UPDATE",
	SkipLocked: " FOR UPDATE SKIP LOCKED",
	Columns:    "SELECT column_name::text, data_type::text FROM information_schema.columns WHERE table_schema = 'syncline' AND table_name = ? AND column_name <> 'written_by'",
	Renumber:   []string{"SELECT setval(pg_get_serial_sequence('syncline.%[1]s', 'seq'), greatest((SELECT max(seq) FROM %[1]s), ?1, 1), greatest((SELECT max(seq) FROM %[1]s), ?1) > 0)"},
	LastNumber: "SELECT coalesce(pg_sequence_last_value(pg_get_serial_sequence('syncline.%[1]s', 'seq')::regclass), 0)",
	Original:   pgpool.Original,
	Edge:       "pg_snapshot_xmin(pg_current_snapshot())::text::bigint",
	// Rows of a later transaction than the snapshot's last one came with a restored dump.
	After:   "%[1]s.written_by >= ?1 AND %[1]s.written_by < pg_snapshot_xmax(pg_current_snapshot())::text::bigint",
	History: "CASE WHEN pg_is_in_recovery() THEN '' ELSE " + listHistory + " END",
	Exclude: fmt.Sprintf("SELECT pg_advisory_xact_lock(%d, hashtext(?))", pgpool.PartNames),
}

// Open opens the database at a URL, and brings its schema up to date. The caller closes
// the store. Errors say what to do, and have no part of the URL.
func Open(ctx context.Context, url string) (*Store, error) {
	return OpenWith(ctx, url, Options{})
}

// Options change how a database is opened.
type Options struct {
	// ListenURL is for the connection that waits for wake-ups, "" for the database's own
	// URL. It keeps a state, so a pooler in transaction mode cannot serve it.
	ListenURL string
	// Listening, where it is there, is told when the connection for wake-ups begins to
	// work (nil), and why it does not.
	Listening func(error)
	// Connections bound this node's; a zero Default is for what suits most.
	Connections pgpool.Limits
}

// OpenWith is Open with options.
func OpenWith(ctx context.Context, url string, o Options) (*Store, error) {
	o.Connections.Default = cmp.Or(o.Connections.Default, pgpool.Size)
	pool, err := pgpool.OpenWith(url, o.Connections)
	if err != nil {
		return nil, err
	}
	files, err := programMigrations()
	if err == nil {
		err = migrate(ctx, pool, files)
	}
	if err != nil {
		pool.Close()
		return nil, err
	}
	wakes, err := newWakes(pool, cmp.Or(o.ListenURL, url), o.Listening)
	if err != nil {
		pool.Close()
		return nil, err
	}
	return &Store{Store: relational.New(&engine{pool: pool}, relational.Options{Dialect: dialect}), wakes: wakes, pool: pool}, nil
}

// Pool returns the connections of this node. They end with the store.
func (s *Store) Pool() *pgpool.Pool { return s.pool }

// Close waits for the calls under way and closes the connections. Later calls fail with
// CodeUnavailable.
func (s *Store) Close() error {
	s.close()
	s.pool.Close()
	return nil
}

// ErrNewer matches the error for a schema that this program cannot work with.
var ErrNewer = errors.New("a newer schema")

// CheckSchema fails with ErrNewer when a newer Syncline has changed the schema in a way
// that this program cannot work with.
func (s *Store) CheckSchema(ctx context.Context) error {
	files, err := programMigrations()
	if err != nil {
		return err
	}
	mark, err := readMark(ctx, s.pool)
	if err != nil {
		return err
	}
	return mark.usable(files.latest())
}

// usable fails for the schema of another program, and for one that is too new.
func (m mark) usable(latest int64) error {
	switch {
	case m.version == 0 && m.others > 0:
		return syncline.WrapError(syncline.CodeUnavailable, pgpool.ErrLasting,
			`the schema "syncline" of the database is another program's; choose another database`)
	case m.readableBy > latest:
		return syncline.WrapError(syncline.CodeUnavailable, fmt.Errorf("%w, and %w: version %d, readable by %d, this program knows %d", ErrNewer, pgpool.ErrLasting, m.version, m.readableBy, latest),
			"the fleet's database was written by a newer Syncline; install that version or a later one")
	}
	return nil
}
