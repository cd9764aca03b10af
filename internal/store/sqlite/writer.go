package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"time"

	"syncline.dev/syncline"
)

// batchLimit bounds how many calls share one transaction, and so how long the
// first of them waits.
const batchLimit = 128

// writeOp is one call that waits for the writer goroutine. fn runs inside a
// transaction, perhaps more than once; its error undoes what fn wrote and nothing else.
// fn must not block on anything but the database.
type writeOp struct {
	fn   func(context.Context, *sql.Conn) error
	done chan error // takes one value
}

// update runs fn in a transaction and returns when the transaction is durable or
// undone. A call that the writer has taken up is carried through, even if ctx ends
// meanwhile, so that the caller always knows what became of it.
func (s *Store) update(ctx context.Context, doing string, fn func(context.Context, *sql.Conn) error) error {
	if err := ctx.Err(); err != nil {
		return translate(err, doing)
	}
	if s.write == nil {
		return errReadOnly
	}
	op := &writeOp{fn: fn, done: make(chan error, 1)}
	select {
	case s.ops <- op:
		return translate(<-op.done, doing)
	case <-ctx.Done():
		return translate(ctx.Err(), doing)
	case <-s.closing:
		return errClosed
	}
}

// runWriter serves update until Close.
func (s *Store) runWriter() {
	defer close(s.stopped)
	for {
		select {
		case <-s.closing:
			return
		case op := <-s.ops:
			s.runBatch(s.collect(op))
		}
	}
}

// collect returns first and all the calls that wait by now.
func (s *Store) collect(first *writeOp) []*writeOp {
	batch := []*writeOp{first}
	for len(batch) < batchLimit {
		select {
		case op := <-s.ops:
			batch = append(batch, op)
		default:
			return batch
		}
	}
	return batch
}

// runBatch runs the batch in one transaction and answers every call of it.
func (s *Store) runBatch(batch []*writeOp) {
	// The background context, because the calls of a batch share its fate and
	// one that is canceled must not undo the others.
	ctx := context.Background()
	s.lookForRoom()
	results, err := s.runOnce(ctx, batch)
	if isFull(err) && s.spare != nil && s.spare.Release() {
		s.spent = true
		results, err = s.runOnce(ctx, batch)
	}
	s.writes.Add(1) // before anyone hears of it
	answer(batch, results, err)
}

func (s *Store) runOnce(ctx context.Context, batch []*writeOp) ([]error, error) {
	conn, err := s.write.Conn(ctx)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	results, err := runInTransaction(ctx, conn, batch)
	if err != nil {
		discard(conn)
	}
	return results, err
}

// lookEvery is how often room is looked for after the spare was given up.
const lookEvery = 10 * time.Second

// lookForRoom takes the spare again, when there is room.
func (s *Store) lookForRoom() {
	if !s.spent || time.Since(s.lastLook) < lookEvery {
		return
	}
	s.lastLook = time.Now()
	s.spent = !s.spare.Restore()
}

// errSpent refuses items of logs while the disk is full.
var errSpent = syncline.WrapError(syncline.CodeUnavailable, errRoom, msgFull)

// runInTransaction returns the result of each call, and an error when the
// transaction as a whole came to nothing.
func runInTransaction(ctx context.Context, conn *sql.Conn, batch []*writeOp) ([]error, error) {
	if _, err := conn.ExecContext(ctx, `BEGIN IMMEDIATE`); err != nil {
		return nil, err
	}
	results := make([]error, len(batch))
	for i, op := range batch {
		if _, err := conn.ExecContext(ctx, `SAVEPOINT call`); err != nil {
			return results, err
		}
		end := `RELEASE call`
		if results[i] = op.fn(ctx, conn); isFull(results[i]) {
			return results, results[i] // ends the whole batch, which is tried again when there is room
		}
		if results[i] != nil {
			end = `ROLLBACK TO call; RELEASE call`
		}
		// This also fails when SQLite itself has given up the transaction, as it does
		// on a full disk. No later call of the batch may then count as written.
		if _, err := conn.ExecContext(ctx, end); err != nil {
			return results, errors.Join(results[i], err)
		}
	}
	_, err := conn.ExecContext(ctx, `COMMIT`)
	return results, err
}

// answer gives each call its own error, or else that of the transaction.
func answer(batch []*writeOp, results []error, err error) {
	for i, op := range batch {
		switch {
		case results != nil && results[i] != nil:
			op.done <- results[i]
		default:
			op.done <- err
		}
	}
}

// discard closes the connection behind conn, and with it a transaction that failed, so
// that no rest of the transaction can reach the next one.
func discard(conn *sql.Conn) {
	// Raw returns the function's own error, which is the sign to close.
	_ = conn.Raw(func(any) error { return driver.ErrBadConn })
}
