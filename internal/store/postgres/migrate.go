package postgres

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/pgpool"
)

// Two numbers mark a database: "version" is the version of its schema, and "readable_by"
// is the oldest version that a program must know to work with it. Each migration says in
// its first line what the second number becomes. One that only adds tables, and columns
// with a default, leaves it; so nodes of the version before go on beside the new ones. One
// that takes something away or changes its meaning sets it to its own version: then all
// nodes of the older version must stop first.

//go:embed migrations/*.sql
var embedded embed.FS

// migration leads to its version from the one before.
type migration struct {
	version, readableBy int64
	statements          string
}

// migrations are all that a program knows, from version 1 on without a gap.
type migrations []migration

func (m migrations) latest() int64 { return int64(len(m)) }

var (
	fileName  = regexp.MustCompile(`^(\d+)_\w+\.sql$`)
	firstLine = regexp.MustCompile(`^-- readable by: (\d+)\n`)
)

func programMigrations() (migrations, error) {
	files, err := fs.Sub(embedded, "migrations")
	if err != nil {
		return nil, syncline.WrapError(syncline.CodeInternal, err, "the program's migrations cannot be read")
	}
	return readMigrations(files)
}

func readMigrations(files fs.FS) (all migrations, err error) {
	names, err := fs.Glob(files, "*.sql") // in order
	for _, name := range names {
		var text []byte
		if err == nil {
			text, err = fs.ReadFile(files, name)
		}
		number, head := fileName.FindStringSubmatch(name), firstLine.FindSubmatch(text)
		if err == nil && (number == nil || head == nil) {
			err = fmt.Errorf("the migration %s has no version or no first line", name)
		}
		if err != nil {
			break
		}
		m := migration{statements: string(text)}
		m.version, _ = strconv.ParseInt(number[1], 10, 64) // digits
		m.readableBy, _ = strconv.ParseInt(string(head[1]), 10, 64)
		if all = append(all, m); m.version != int64(len(all)) || m.readableBy < 1 || m.readableBy > m.version {
			err = fmt.Errorf("the migration %s has a wrong number", name)
		}
	}
	if err != nil {
		return nil, syncline.WrapError(syncline.CodeInternal, err, "the program's migrations cannot be read")
	}
	return all, nil
}

// mark is what a database says about its schema.
type mark struct {
	version, readableBy int64 // 0 where the schema is missing or has no mark
	others              int64 // tables without a mark
	encoding            string
	server              int64 // PostgreSQL's version
}

// asker is a pool or a transaction.
type asker interface {
	Query(ctx context.Context, query string, args ...any) (pgx.Rows, error)
}

func readMark(ctx context.Context, pool *pgpool.Pool) (mark, error) {
	m, err := readMarkOf(ctx, pool)
	return m, pool.Translate(err, "read the schema's version")
}

func readMarkOf(ctx context.Context, q asker) (m mark, err error) {
	var marked bool
	row := func(dest ...any) func(pgx.Rows, error) error {
		return func(rows pgx.Rows, err error) error {
			if err != nil {
				return err
			}
			return scanOne(rows, dest...)
		}
	}
	err = row(&m.encoding, &m.server, &marked, &m.others)(q.Query(ctx, `SELECT current_setting('server_encoding'),
		current_setting('server_version_num')::bigint, to_regclass('syncline.schema_mark') IS NOT NULL,
		(SELECT count(*) FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'syncline')`))
	if err != nil || !marked {
		return m, err
	}
	m.others = 0
	err = row(&m.version, &m.readableBy)(q.Query(ctx, `SELECT version, readable_by FROM syncline.schema_mark WHERE program = 'syncline.dev'`))
	return m, err
}

func scanOne(rows pgx.Rows, dest ...any) error {
	defer rows.Close()
	if !rows.Next() {
		return errors.Join(rows.Err(), pgx.ErrNoRows)
	}
	if err := rows.Scan(dest...); err != nil {
		return err
	}
	rows.Close()
	return rows.Err()
}

const (
	oldestServer = 15
	// migrateTime bounds the migrations with the wait for another node's.
	migrateTime = 30 * time.Minute
)

// migrateLock lets one node at a time change the schema.
var migrateLock = pgpool.Lock{Part: pgpool.PartStore, Number: 0}

// migrate makes sure that the schema is ours, and brings it up to date in one
// transaction. Others wait for its end and find nothing left to do.
func migrate(ctx context.Context, pool *pgpool.Pool, files migrations) error {
	m, err := readMark(ctx, pool)
	if err == nil {
		err = m.suits()
	}
	if err == nil {
		err = m.usable(files.latest())
	}
	if err != nil || m.version >= files.latest() {
		return err
	}
	begin := pgpool.Begin{Doing: fmt.Sprintf("bring the schema up to date from version %d", m.version), Locks: []pgpool.Lock{migrateLock}, Repeatable: true, Limit: migrateTime}
	return pool.Update(ctx, begin, func(ctx context.Context, tx *pgpool.Tx) error {
		m, err := readMarkOf(ctx, tx)
		if err == nil {
			err = m.usable(files.latest())
		}
		if err != nil || m.version >= files.latest() {
			return err
		}
		return advance(ctx, tx, m, files)
	})
}

// suits fails for a server that cannot hold the state.
func (m mark) suits() error {
	switch {
	case m.server < oldestServer*10000:
		return syncline.WrapError(syncline.CodeUnavailable, pgpool.ErrLasting, "the database is PostgreSQL %d; Syncline needs %d or a later one", m.server/10000, oldestServer)
	case m.encoding != "UTF8":
		return syncline.WrapError(syncline.CodeUnavailable, pgpool.ErrLasting, "the database has the encoding %s; make one with the encoding UTF8", m.encoding)
	}
	return nil
}

// advance runs the migrations that are missing.
func advance(ctx context.Context, tx *pgpool.Tx, m mark, files migrations) error {
	run := func(statement string, args ...any) error {
		_, err := tx.Exec(ctx, statement, args...)
		return err
	}
	// The migrations name no schema. The setting ends with the transaction.
	statements := []string{}
	if m.version == 0 {
		// Where the schema is there, its owner needs no right to make one.
		statements = append(statements, `DO $$ BEGIN IF to_regnamespace('syncline') IS NULL THEN CREATE SCHEMA syncline; END IF; END $$`)
	}
	statements = append(statements, `SET LOCAL search_path = syncline`, `SET LOCAL idle_in_transaction_session_timeout = 0`)
	if m.version == 0 {
		statements = append(statements, `CREATE TABLE schema_mark (one BOOLEAN PRIMARY KEY CHECK (one), program TEXT NOT NULL,
			version BIGINT NOT NULL, readable_by BIGINT NOT NULL)`, `INSERT INTO schema_mark VALUES (TRUE, 'syncline.dev', 0, 0)`)
	}
	for _, s := range statements {
		if err := run(s); err != nil {
			return err
		}
	}
	for _, next := range files[m.version:] {
		if err := tx.Script(ctx, next.statements); err != nil {
			return err
		}
		if next.version == 1 {
			if err := run(`INSERT INTO instance (one, installation_id) VALUES (1, $1)`, uuid.NewString()); err != nil {
				return err
			}
		}
		m.readableBy = max(m.readableBy, next.readableBy)
	}
	return run(`UPDATE schema_mark SET version = $1, readable_by = $2`, int64(len(files)), m.readableBy)
}
