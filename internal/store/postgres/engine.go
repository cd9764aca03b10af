package postgres

import (
	"context"
	"errors"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"syncline.dev/syncline/internal/pgpool"
	"syncline.dev/syncline/internal/store/relational"
)

// engine is the database as the shared statements use it.
type engine struct{ pool *pgpool.Pool }

var _ relational.Engine = (*engine)(nil)

// Update implements relational.Engine.
func (e *engine) Update(ctx context.Context, w relational.Write, fn func(context.Context, relational.Tx) error) error {
	b := pgpool.Begin{Doing: w.Doing, Repeatable: w.Repeatable, Limit: w.Limit}
	if w.Single {
		return e.pool.Single(ctx, b, func(ctx context.Context, a pgpool.Alone) error { return fn(ctx, transaction{querier{a}, a}) })
	}
	if w.Area != relational.NoArea {
		b.Locks = []pgpool.Lock{{Part: pgpool.PartStore, Number: int32(w.Area)}} //nolint:gosec // a handful
	}
	return e.pool.Update(ctx, b, func(ctx context.Context, tx *pgpool.Tx) error { return fn(ctx, transaction{querier{tx}, tx}) })
}

// Reader implements relational.Engine.
func (e *engine) Reader() (relational.Querier, error) {
	if err := e.pool.Closed(); err != nil {
		return nil, err
	}
	return querier{e.pool}, nil
}

// View implements relational.Engine.
func (e *engine) View(ctx context.Context, doing string, fn func(context.Context, relational.Querier) error) error {
	return e.pool.Update(ctx, pgpool.Begin{Doing: doing, View: true, Repeatable: true},
		func(ctx context.Context, tx *pgpool.Tx) error { return fn(ctx, querier{tx}) })
}

// ViewWithin is View with another bound of its time.
func (e *engine) ViewWithin(ctx context.Context, limit time.Duration, doing string, fn func(context.Context, relational.Querier) error) error {
	return e.pool.Update(ctx, pgpool.Begin{Doing: doing, View: true, Repeatable: true, Limit: limit},
		func(ctx context.Context, tx *pgpool.Tx) error { return fn(ctx, querier{tx}) })
}

// Translate implements relational.Engine.
func (e *engine) Translate(err error, doing string) error { return e.pool.Translate(err, doing) }

// querier reads by a pool or a transaction.
type querier struct {
	q interface {
		Query(ctx context.Context, query string, args ...any) (pgx.Rows, error)
	}
}

// Query implements relational.Querier.
func (q querier) Query(ctx context.Context, query string, args ...any) (relational.Rows, error) {
	r, err := q.q.Query(ctx, bound(query), plain(args)...)
	if err != nil {
		return nil, err
	}
	return rows{r}, nil
}

// QueryRow implements relational.Querier.
func (q querier) QueryRow(ctx context.Context, query string, args ...any) relational.Row {
	r, err := q.Query(ctx, query, args...)
	return row{r, err}
}

// rows is a result whose texts come back as they were given.
type rows struct{ pgx.Rows }

// Close implements relational.Rows.
func (r rows) Close() error {
	r.Rows.Close()
	return nil
}

// Scan implements relational.Row.
func (r rows) Scan(dest ...any) error {
	if err := r.Rows.Scan(dest...); err != nil {
		return err
	}
	for _, d := range dest {
		if text, ok := d.(*string); ok {
			*text = pgpool.Original(*text)
		} else if v := reflect.ValueOf(d); v.Kind() == reflect.Pointer && v.Elem().Kind() == reflect.String {
			v.Elem().SetString(pgpool.Original(v.Elem().String()))
		}
	}
	return nil
}

// row is the first row of a result.
type row struct {
	rows relational.Rows
	err  error
}

// Scan implements relational.Row.
func (r row) Scan(dest ...any) error {
	if r.err != nil {
		return r.err
	}
	defer r.rows.Close()
	if !r.rows.Next() {
		if err := r.rows.Err(); err != nil {
			return err
		}
		return pgx.ErrNoRows
	}
	if err := r.rows.Scan(dest...); err != nil {
		return err
	}
	if err := r.rows.Close(); err != nil {
		return err
	}
	return r.rows.Err()
}

// transaction is a transaction, or what writes without one.
type transaction struct {
	querier
	tx interface {
		Exec(ctx context.Context, statement string, args ...any) (int64, error)
	}
}

// Exec implements relational.Tx.
func (t transaction) Exec(ctx context.Context, statement string, args ...any) (int64, error) {
	n, err := t.tx.Exec(ctx, bound(statement), plain(args)...)
	return n, constraint(err)
}

// ExecEach implements relational.Tx.
func (t transaction) ExecEach(ctx context.Context, statement string, n int, args func(i int) []any) error {
	many, ok := t.tx.(*pgpool.Tx)
	if !ok {
		return errors.New("many statements need a transaction")
	}
	return constraint(many.ExecEach(ctx, bound(statement), n, func(i int) []any { return plain(args(i)) }))
}

// constraint marks the errors that relational knows.
func constraint(err error) error {
	var e *pgconn.PgError
	if !errors.As(err, &e) {
		return err
	}
	switch e.Code {
	case "23505":
		return errors.Join(relational.ErrTaken, err)
	case "23503":
		return errors.Join(relational.ErrDangling, err)
	}
	return err
}

// plain returns arguments of the driver's own types, with texts in the form that the
// database takes.
func plain(args []any) []any {
	all := make([]any, len(args))
	for i, a := range args {
		switch v := reflect.ValueOf(a); v.Kind() {
		case reflect.String:
			all[i] = pgpool.Text(v.String())
		case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
			all[i] = v.Int()
		default:
			all[i] = a
		}
	}
	return all
}

// statements has what bound has made of statements. Their number is bounded by the
// program's text, but for lists of arguments; past the bound they are made anew each time.
var (
	statements sync.Map
	kept       int
	keptLock   sync.Mutex
)

const mostKept = 2000

// bound writes a statement as PostgreSQL takes it: $1 for ?1, $1, $2 and so on for ?, and
// the schema before the tables.
func bound(statement string) string {
	if known, ok := statements.Load(statement); ok {
		return known.(string)
	}
	made := withSchema(numbered(statement))
	keptLock.Lock()
	defer keptLock.Unlock()
	if kept < mostKept {
		kept++
		statements.Store(statement, made)
	}
	return made
}

// numbered numbers the arguments. No text in a statement has a question mark.
func numbered(statement string) string {
	var b strings.Builder
	next := 0
	for i := 0; i < len(statement); i++ {
		c := statement[i]
		if c != '?' {
			b.WriteByte(c)
			continue
		}
		b.WriteByte('$')
		if i+1 < len(statement) && statement[i+1] >= '1' && statement[i+1] <= '9' {
			continue // the number follows
		}
		next++
		b.WriteString(strconv.Itoa(next))
	}
	return b.String()
}

var tableName = regexp.MustCompile(`\b(FROM|JOIN|INTO|UPDATE)\s+(` + strings.Join(relational.TableNames(), "|") + `)\b`)

func withSchema(statement string) string {
	return tableName.ReplaceAllString(statement, "$1 "+Schema+".$2")
}
