package postgres

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/catalog"
)

// exchange sends statements in one request and calls row with each row of the
// answers. which is the position of the row's statement. The row is valid during
// the call. An error of row is rowErr, and ends the calls.
func (l *link) exchange(ctx context.Context, conn *pgxpool.Conn, statements []statement, row func(which int, values [][]byte) error) (rowErr, err error) {
	pg := conn.Conn().PgConn()
	known := l.known(pg)
	var batch pgconn.Batch
	for _, s := range statements {
		s.add(&batch, known.find(s))
	}
	if l.took != nil {
		begin := time.Now()
		defer func() { l.took(time.Since(begin)) }()
	}
	results := pg.ExecBatch(ctx, &batch)
	for which := 0; rowErr == nil && results.NextResult(); which++ {
		rows := results.ResultReader()
		for rowErr == nil && rows.NextRow() {
			if row != nil {
				rowErr = row(which, rows.Values())
			}
		}
	}
	err = results.Close() // which reads what is left
	l.judge(pg, err)
	return rowErr, err
}

// link is the way to the database.
type link struct {
	pool *pgxpool.Pool
	idle time.Duration  // see session
	left sync.WaitGroup // the ends of transactions that nobody waits for
	late *late          // nil where each view is ended at once
	*learned
}

// learned is what a node has learned of its database.
type learned struct {
	unprepared atomic.Bool // see known

	took     func(time.Duration) // may be nil
	near     Near                // may be nil
	met      sync.Mutex
	identity string       // see meet; "" while it is not known
	history  atomic.Int64 // counts the identities
}

// begin takes a connection and sends statements on it. A connection that was
// lost while it was idle is given up, and another one taken: its loss costs time
// and nothing else. The caller has the connection when the error is nil.
func (l *link) begin(ctx context.Context, statements []statement, row func(which int, values [][]byte) error) (*pgxpool.Conn, error) {
	for try := int32(0); ; try++ {
		send, conn := statements, l.late.take(statements)
		if conn != nil {
			send = append([]statement{{sql: nextView}}, statements[1:]...)
		}
		var rowErr, err error
		if conn == nil {
			if conn, err = l.pool.Acquire(ctx); err != nil {
				return nil, translate(ctx, err)
			}
			err = l.meet(ctx, conn)
		}
		if err == nil {
			rowErr, err = l.exchange(ctx, conn, send, row)
		}
		if err == nil && rowErr == nil {
			return conn, nil
		}
		lost := isLost(ctx, conn, err)
		l.rollback(conn)
		// Every connection of the pool may have been lost.
		if !lost || try > l.pool.Config().MaxConns {
			return nil, translate(ctx, cmp.Or(rowErr, err))
		}
	}
}

// ask sends statements that need no transaction around them, or are one
// themselves. It may send them again when the connection is lost, so each of them
// may run twice.
func (l *link) ask(ctx context.Context, row func(which int, values [][]byte) error, statements ...statement) error {
	conn, err := l.begin(ctx, statements, row)
	if err == nil {
		l.rollback(conn)
	}
	return err
}

// isLost reports whether a connection failed, as opposed to a statement. A
// connection that was closed because ctx ended is not lost.
func isLost(ctx context.Context, conn *pgxpool.Conn, err error) bool {
	return err != nil && ctx.Err() == nil && conn.Conn().PgConn().IsClosed()
}

// finishTime bounds the end of a transaction, which nobody waits for.
const finishTime = 10 * time.Second

// finish has the next view end the transaction of a view, if it comes soon.
func (l *link) finish(conn *pgxpool.Conn) {
	if l.known(conn.Conn().PgConn()).wanted() || !l.late.keep(conn) {
		l.rollback(conn)
	}
}

// rollback ends the transaction of a connection, if there is one, and gives the
// connection back. Nobody waits for it but close.
func (l *link) rollback(conn *pgxpool.Conn) {
	pg := conn.Conn().PgConn()
	known := l.known(pg)
	if pg.IsClosed() || pg.TxStatus() == 'I' && !known.wanted() {
		conn.Release()
		return
	}
	l.left.Go(func() {
		defer conn.Release()
		ctx, cancel := context.WithTimeout(context.Background(), finishTime)
		defer cancel()
		// A connection that fails here is closed, which ends the transaction, too.
		if pg.TxStatus() != 'I' {
			_ = pg.Exec(ctx, "ROLLBACK").Close()
		}
		l.prepare(ctx, pg)
	})
}

// The conditions of PostgreSQL that get an answer of their own.
const (
	stateDiskFull      = "53100"
	stateUndefined     = "42P01" // the tables are not there
	stateNoSchema      = "3F000"
	stateDataCorrupted = "XX001"
	stateIndexCorrupt  = "XX002"
	stateIdle          = "25P03" // the transaction was idle for too long
)

// translate gives codes to the driver's errors. The result names no host and no
// user.
func translate(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if own := (*syncline.Error)(nil); errors.As(err, &own) {
		return err
	}
	if ctx.Err() != nil {
		return syncline.WrapError(syncline.CodeCanceled, ctx.Err(), "the operation was canceled")
	}
	var pg *pgconn.PgError
	if !errors.As(err, &pg) {
		return syncline.WrapError(syncline.CodeUnavailable, cause(err), "the database of the catalogs cannot be reached now; try again")
	}
	answer := &answered{code: pg.Code}
	switch pg.Code {
	case stateDiskFull:
		return syncline.WrapError(syncline.CodeUnavailable, errors.Join(catalog.ErrNoRoom, answer), "the disk of the database is full; make room and synchronize again")
	case stateDataCorrupted, stateIndexCorrupt:
		return catalog.Damaged(answer)
	case stateUndefined, stateNoSchema:
		return syncline.WrapError(syncline.CodeUnavailable, answer, "the database has no tables for catalogs; start a server on it once, which makes them")
	case stateIdle:
		return syncline.WrapError(syncline.CodeUnavailable, answer, "the database ended a transaction in which this node was silent for too long; try again")
	}
	switch pg.Code[:2] {
	case "28", "42": // the message may name the user
	default:
		answer.text = pg.Message
	}
	return syncline.WrapError(syncline.CodeUnavailable, answer, "the database of the catalogs cannot be used now; try again")
}

// answered is an error that the database itself has answered.
type answered struct{ code, text string }

// Error implements error.
func (a *answered) Error() string {
	return strings.TrimSuffix(fmt.Sprintf("PostgreSQL says %s: %s", a.code, a.text), ": ")
}

// cause returns what an error of the connection says without an address.
func cause(err error) error {
	var errno syscall.Errno
	switch {
	case errors.As(err, &errno):
		return errno
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return io.ErrUnexpectedEOF
	case errors.Is(err, context.DeadlineExceeded):
		return context.DeadlineExceeded
	}
	return errors.New("the connection failed")
}
