package pgpool

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

const (
	// idleTime is how long the server lets a transaction wait for this node's next
	// statement, with all that it has locked.
	idleTime = "10s"
	// commitTime bounds the wait for a COMMIT, which a context does not cut short.
	commitTime = 15 * time.Second
)

// Lock names an advisory lock of the database that a transaction holds to its end. The
// first number is for a part of the program, so that no two use the same ones.
type Lock struct{ Part, Number int32 }

// The store's parts of the locks: one by number, one by the hash of a name.
const (
	PartStore = 0x53796e63
	PartNames = PartStore + 1
)

// Begin says how a transaction begins.
type Begin struct {
	Doing string // the step, for the log
	// View makes it read one moment, and write nothing.
	View bool
	// Locks are taken in their order, before the first statement.
	Locks []Lock
	// Repeatable says that the function may run again after a run whose outcome is not
	// known.
	Repeatable bool
	// Limit bounds the transaction; zero for the time that any call has.
	Limit time.Duration
}

// Tx is a transaction. Its begin goes out together with its first statement, which
// saves a trip to the server. After an error it takes no more statements.
type Tx struct {
	conn  *pgx.Conn
	begin []string // nil once it has gone out
	mark  txMark   // that the last statement of begin has told
}

// Update runs fn in a transaction, and returns when the transaction is durable or undone.
// fn runs a second time where others were in the way of the first one, or where its
// connection broke before the COMMIT. Where it broke during the COMMIT, the server is
// asked what became of it.
func (p *Pool) Update(ctx context.Context, b Begin, fn func(context.Context, *Tx) error) error {
	if b.Limit == 0 {
		b.Limit = limit
	}
	call := CallUpdate
	if b.View {
		call = CallView
	}
	defer p.since(call, time.Now())
	ctx, cancel := context.WithTimeout(ctx, b.Limit)
	defer cancel()
	err := p.once(ctx, b, fn)
	if isPassing(err) && ctx.Err() == nil && (!errors.Is(err, errOpen) || b.Repeatable) {
		giveWay(ctx, err)
		err = p.once(ctx, b, fn)
	}
	return p.Translate(err, b.Doing)
}

// deadlockPause lets the other transaction of a deadlock take what the one that was ended
// has left. Otherwise the second run may take it back, and both stand again.
const deadlockPause = 100 * time.Millisecond

func giveWay(ctx context.Context, err error) {
	if state(err) != "40P01" {
		return
	}
	later := time.NewTimer(deadlockPause)
	defer later.Stop()
	select {
	case <-later.C:
	case <-ctx.Done():
	}
}

// once runs fn in one transaction. An error that matches errOpen leaves it open whether
// the transaction is durable.
func (p *Pool) once(ctx context.Context, b Begin, fn func(context.Context, *Tx) error) (err error) {
	conn, err := p.acquire(ctx)
	if err != nil {
		return err
	}
	tx := &Tx{conn: conn.Conn(), begin: b.statements()}
	err = fn(ctx, tx)
	switch {
	case err != nil || b.View:
		tx.undo(ctx)
	case tx.begin == nil: // otherwise it did nothing
		err = tx.commit(ctx)
	}
	p.release(conn, err)
	if errors.Is(err, errOpen) {
		err = p.outcome(ctx, tx.mark, err)
	}
	return err
}

func (b *Begin) statements() []string {
	if b.View {
		return []string{`BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY`}
	}
	prepare := `SELECT pg_current_xact_id()::text, ` + timeline + `, ` + recovery + `, set_config('idle_in_transaction_session_timeout', '` + idleTime + `', TRUE)`
	for _, l := range b.Locks {
		prepare += fmt.Sprintf(`, pg_advisory_xact_lock(%d, %d)`, l.Part, l.Number)
	}
	return []string{`BEGIN ISOLATION LEVEL READ COMMITTED`, prepare}
}

// open queues the begin, unless it has gone out, and returns how many statements it has.
func (t *Tx) open(batch *pgx.Batch) int {
	n := len(t.begin)
	for i, s := range t.begin {
		queued := batch.Queue(s)
		if i == 1 {
			queued.Query(func(rows pgx.Rows) error {
				for rows.Next() {
					if err := t.mark.scan(rows); err != nil {
						return err
					}
				}
				return rows.Err()
			})
		}
	}
	t.begin = nil
	return n
}

// undo ends a transaction without an effect. The error of a rollback says nothing: then
// the connection is closed, and the transaction with it.
func (t *Tx) undo(ctx context.Context) {
	if t.begin != nil || t.conn.IsClosed() {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), commitTime)
	defer cancel()
	if _, err := t.conn.Exec(ctx, `ROLLBACK`); err != nil {
		_ = t.conn.Close(closedAlready) // with the transaction
	}
}

func (t *Tx) commit(ctx context.Context) error {
	// The caller has to know the outcome, even if its context ends.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), commitTime)
	defer cancel()
	tag, err := t.conn.Exec(ctx, `COMMIT`)
	switch {
	case err != nil && state(err) != "" && !IsLost(err):
		return err // the server has undone it
	case err != nil:
		_ = t.conn.Close(closedAlready)
		return errors.Join(errOpen, err)
	case tag.String() != "COMMIT":
		return errors.New("the server has undone the transaction: " + tag.String())
	}
	return nil
}

// first sends the begin with the first statement.
func (t *Tx) first(ctx context.Context, statement string, args []any) (pgx.BatchResults, error) {
	var batch pgx.Batch
	n := t.open(&batch)
	batch.Queue(statement, args...)
	results := t.conn.SendBatch(ctx, &batch)
	for _, begin := range batch.QueuedQueries[:n] {
		var err error
		if begin.Fn != nil {
			err = begin.Fn(results)
		} else {
			_, err = results.Exec()
		}
		if err != nil {
			_ = results.Close() // the error is the same
			return nil, err
		}
	}
	return results, nil
}

// Query runs a query. The caller closes the rows before the next statement.
func (t *Tx) Query(ctx context.Context, query string, args ...any) (pgx.Rows, error) {
	if t.begin == nil {
		return t.conn.Query(ctx, query, args...)
	}
	results, err := t.first(ctx, query, args)
	if err != nil {
		return nil, err
	}
	rows, err := results.Query()
	if err != nil {
		return nil, errors.Join(err, results.Close())
	}
	return &firstRows{Rows: rows, end: results.Close}, nil
}

// Exec runs a statement and returns how many rows have changed.
func (t *Tx) Exec(ctx context.Context, statement string, args ...any) (int64, error) {
	if t.begin == nil {
		tag, err := t.conn.Exec(ctx, statement, args...)
		return tag.RowsAffected(), err
	}
	results, err := t.first(ctx, statement, args)
	if err != nil {
		return 0, err
	}
	tag, err := results.Exec()
	if closeErr := results.Close(); err == nil {
		err = closeErr
	}
	return tag.RowsAffected(), err
}

// Script runs statements that are separated by semicolons and have no arguments. It is
// not the first of a transaction.
func (t *Tx) Script(ctx context.Context, statements string) error {
	return t.conn.PgConn().Exec(ctx, statements).Close()
}

// batchSize bounds the statements that go out together.
const batchSize = 500

// ExecEach runs a statement with n lists of arguments in turn, many in one trip.
func (t *Tx) ExecEach(ctx context.Context, statement string, n int, args func(i int) []any) error {
	for from := 0; from < n; from += batchSize {
		var batch pgx.Batch
		t.open(&batch)
		for i := from; i < min(n, from+batchSize); i++ {
			batch.Queue(statement, args(i)...)
		}
		if err := t.conn.SendBatch(ctx, &batch).Close(); err != nil {
			return err
		}
	}
	return nil
}

// firstRows ends its batch with the rows.
type firstRows struct {
	pgx.Rows
	end func() error
	err error
}

// Next closes the rows after the last one, as pgx does.
func (r *firstRows) Next() bool {
	if r.Rows.Next() {
		return true
	}
	r.Close()
	return false
}

// Close closes the rows and their batch.
func (r *firstRows) Close() {
	r.Rows.Close()
	if r.end != nil {
		r.err = r.end()
		r.end = nil
	}
}

// Err returns the error of the rows, or else of their batch.
func (r *firstRows) Err() error {
	if err := r.Rows.Err(); err != nil {
		return err
	}
	return r.err
}

// Query runs one query without a transaction, a second time where the connection broke
// before the first row. The caller closes the rows.
func (p *Pool) Query(ctx context.Context, query string, args ...any) (pgx.Rows, error) {
	defer p.since(CallQuery, time.Now())
	ctx, cancel := context.WithTimeout(ctx, limit)
	rows, err := p.query(ctx, query, args)
	if IsLost(err) && ctx.Err() == nil {
		rows, err = p.query(ctx, query, args)
	}
	if err != nil {
		cancel()
		return nil, err
	}
	rows.cancel = cancel
	return rows, nil
}

func (p *Pool) query(ctx context.Context, query string, args []any) (*pooledRows, error) {
	conn, err := p.acquire(ctx)
	if err != nil {
		return nil, err
	}
	rows, err := conn.Query(ctx, query, args...)
	if err != nil {
		p.release(conn, err)
		return nil, err
	}
	r := &pooledRows{Rows: rows, pool: p, conn: conn, ahead: rows.Next()}
	if err := rows.Err(); err != nil && !r.ahead {
		p.release(conn, err)
		return nil, err
	}
	return r, nil
}

// pooledRows gives its connection back when it is closed. It is one row ahead.
type pooledRows struct {
	pgx.Rows
	pool   *Pool
	conn   *pgxpool.Conn // nil once it is back
	cancel context.CancelFunc
	ahead  bool
	begun  bool
}

// Next implements pgx.Rows.
func (r *pooledRows) Next() bool {
	more := r.ahead
	if r.begun {
		more = r.Rows.Next()
	}
	r.begun = true
	if !more {
		r.Close()
	}
	return more
}

// Close closes the rows, and gives the connection back.
func (r *pooledRows) Close() {
	r.Rows.Close()
	if r.conn != nil {
		r.pool.release(r.conn, r.Err())
		r.conn = nil
		r.cancel()
	}
}

// Alone runs statements outside of a transaction.
type Alone struct{ pool *Pool }

// Query runs a query, or a statement that writes and returns rows.
func (a Alone) Query(ctx context.Context, query string, args ...any) (pgx.Rows, error) {
	rows, err := a.pool.query(ctx, query, args)
	if err != nil {
		return nil, sent(err)
	}
	rows.cancel = func() {}
	return rows, nil
}

// sent marks the error of a statement that may have been run all the same.
func sent(err error) error {
	if err != nil && !pgconn.SafeToRetry(err) && (IsLost(err) || errors.Is(err, context.DeadlineExceeded)) {
		return errors.Join(errOpen, err)
	}
	return err
}

// Exec runs one statement, in one trip.
func (a Alone) Exec(ctx context.Context, statement string, args ...any) (int64, error) {
	conn, err := a.pool.acquire(ctx)
	if err != nil {
		return 0, err
	}
	tag, err := conn.Exec(ctx, statement, args...)
	a.pool.release(conn, err)
	return tag.RowsAffected(), sent(err)
}

// Single runs fn without a transaction: one statement of it writes. It runs a second time
// as in Update. A context that is canceled leaves it some seconds, so that the caller
// mostly knows the outcome. The deadline of a context ends it.
func (p *Pool) Single(ctx context.Context, b Begin, fn func(context.Context, Alone) error) error {
	if err := ctx.Err(); err != nil {
		return p.Translate(err, b.Doing)
	}
	defer p.since(CallSingle, time.Now())
	ctx, cancel := unhurried(ctx, limit)
	defer cancel()
	err := fn(ctx, Alone{p})
	if isPassing(err) && ctx.Err() == nil && (!errors.Is(err, errOpen) || b.Repeatable) {
		err = fn(ctx, Alone{p})
	}
	return p.Translate(err, b.Doing)
}
