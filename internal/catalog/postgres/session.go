package postgres

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/catalog"
)

// session is one transaction.
//
// A view is REPEATABLE READ. It takes no lock. When its connection is lost it
// begins again, and goes on if the head is the same. maxLosses connections that are lost
// one after the other, without an answer between them, end it.
//
// An update is READ COMMITTED, because another level's state would be the one
// from before the wait for the lock. It locks the catalog's row with its first
// request, which brings the head. Then it locks the row of the work that it
// claims, so that nobody takes the work before the end. The order of the locks
// is: the catalog, the work.
//
// A database ends a transaction whose client is silent for Container.idle. A
// session that has nothing to ask sends an empty request in time (beat), so only
// a process that stands still, or has lost its way to the database, is silent.
type session struct {
	c          *Container
	ctx        context.Context
	update     bool
	generation int64
	head       catalog.Head

	ahead sync.Map // values by id that no reader has asked for yet

	mu     sync.Mutex // of the connection
	conn   *pgxpool.Conn
	losses int // since the last answer
	ended  bool
	err    error // the first failure of an update, after which it cannot commit
	used   time.Time
	timer  *time.Timer
}

const maxLosses = 5

func newSession(ctx context.Context, c *Container, update bool) *session {
	s := &session{c: c, ctx: ctx, update: update}
	s.timer = time.AfterFunc(time.Hour, s.beat)
	s.timer.Stop() // begin starts it
	return s
}

var errGone = errors.New("the catalog's row is not there")

// catalogColumns tells the answer with the catalog's row from others.
const catalogColumns = 4

const (
	beginView   = `BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY`
	beginUpdate = `BEGIN ISOLATION LEVEL READ COMMITTED`
	// A plan that was made for an empty table reads all of it.
	selectCatalog = `SELECT generation, head, set_config('idle_in_transaction_session_timeout', $2, true),
		set_config('enable_seqscan', 'off', true) FROM syncline.catalogs WHERE no = $1`
	lockCatalog = selectCatalog + ` FOR NO KEY UPDATE`
	getValue    = `SELECT id, final, data FROM syncline.catalog_values WHERE generation = $1 AND id = $2`
	getValues   = `SELECT id, final, data FROM syncline.catalog_values WHERE generation = $1 AND id = ANY ($2)`
)

func (s *session) beginView() error {
	return s.begin([]statement{
		{sql: beginView},
		{selectCatalog, []param{int8Param(s.c.no), s.idle()}},
	}, nil)
}

func (s *session) idle() param { return milliseconds(max(1, s.c.idle.Milliseconds())) }

// beginUpdate also bounds how long the database waits for a client that does not
// take its answers.
func (s *session) beginUpdate(expected catalog.Head) error {
	statements := []statement{
		{sql: beginUpdate},
		{`SELECT set_config('tcp_user_timeout', $1, true)`, []param{s.idle()}},
		{lockCatalog, []param{int8Param(s.c.no), s.idle()}},
	}
	claim, claims := catalog.ClaimOf(s.ctx)
	if claims {
		statements = append(statements, holding(claim)...)
	}
	holds := false
	err := s.begin(statements, func(which int) { holds = holds || which == len(statements)-1 })
	if err != nil {
		return err
	}
	switch {
	case claims && !holds:
		err = catalog.ClaimLost()
	case s.head != expected:
		err = catalog.Conflict()
	}
	if err != nil {
		s.end()
	}
	return err
}

// begin begins the transaction and reads the catalog's row. It calls row with the
// position of the statement of each other row.
func (s *session) begin(statements []statement, row func(which int)) error {
	found := false
	conn, err := s.c.begin(s.ctx, statements, func(which int, values [][]byte) error {
		if len(values) == catalogColumns {
			found = true
			s.generation, s.head = readInt8(values[0]), catalog.Head(values[1])
		} else if row != nil {
			row(which)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if !found {
		err = gone()
	} else {
		err = s.c.changed()
	}
	if err != nil {
		s.c.rollback(conn)
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conn, s.used = conn, time.Now()
	s.timer.Reset(s.c.idle / 3)
	return nil
}

// beat tells the database that the session lives, if nothing else has done so
// for a while.
func (s *session) beat() {
	if s.mu.TryLock() { // otherwise it is talking to the database
		defer s.mu.Unlock()
		if s.ended || s.conn == nil || s.conn.Conn().PgConn().IsClosed() {
			return
		}
		if time.Since(s.used) >= s.c.idle/4 {
			ctx, cancel := context.WithTimeout(s.ctx, s.c.idle)
			defer cancel()
			// The next request notices a connection that was lost.
			_ = s.conn.Conn().PgConn().Exec(ctx, "").Close()
			s.used = time.Now()
		}
	}
	s.timer.Reset(s.c.idle / 3)
}

// ask sends statements in one request and calls row with each row of the answers.
// After a loss of the connection a view sends them again.
func (s *session) ask(row func(which int, values [][]byte) error, statements ...statement) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		if err := s.usable(); err != nil {
			return err
		}
		rowErr, err := s.c.exchange(s.ctx, s.conn, statements, row)
		s.used = time.Now()
		if rowErr != nil || err == nil {
			s.losses = 0
			return rowErr
		}
		lost := isLost(s.ctx, s.conn, err)
		err = translate(s.ctx, err)
		if s.update {
			s.err = err
			return err
		}
		if !lost {
			return err
		}
		if err := s.resume(); err != nil {
			return err
		}
	}
}

// usable fails when the session has no use for its connection any more.
func (s *session) usable() error {
	switch {
	case s.ctx.Err() != nil:
		return translate(s.ctx, s.ctx.Err())
	case s.ended:
		return errClosed
	case s.err != nil:
		return s.err
	case s.conn == nil:
		return lostConnection()
	}
	return nil
}

func lostConnection() error {
	return syncline.Errorf(syncline.CodeUnavailable, "the connection to the database was lost while the catalog was read; try again")
}

// resume begins a view again on another connection. The caller holds mu.
func (s *session) resume() error {
	s.conn.Release()
	s.conn = nil
	if s.losses++; s.losses > maxLosses {
		return lostConnection()
	}
	generation, head := s.generation, s.head
	s.mu.Unlock()
	err := s.beginView()
	s.mu.Lock()
	if err != nil {
		return err
	}
	if s.generation != generation || s.head != head {
		s.c.rollback(s.conn)
		s.conn = nil
		return syncline.Errorf(syncline.CodeUnavailable, "the connection to the database was lost, and the catalog has changed meanwhile; try again")
	}
	return nil
}

// end ends the transaction, unless it has ended, and gives the connection back.
func (s *session) end() {
	s.timer.Stop()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = true
	switch {
	case s.conn == nil:
	case s.update:
		s.c.rollback(s.conn)
	default:
		s.c.finish(s.conn)
	}
	s.conn = nil
}
